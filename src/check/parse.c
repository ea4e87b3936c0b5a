/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/internal.h"
#include "util/parse.h"

bool check_release_is(const char *release, unsigned int major, unsigned int minor)
{
	unsigned int have_major = 0, have_minor = 0;

	return sscanf(release, "%u.%u", &have_major, &have_minor) == 2 &&
	       (have_major > major || (have_major == major && have_minor >= minor));
}

bool check_list_has(const char *list, char separator, const char *word)
{
	const size_t len = strlen(word);

	for (; list; list = strchr(list, separator)) {
		list += *list == separator;
		if (strncmp(list, word, len) == 0 && (list[len] == separator || !list[len]))
			return true;
	}
	return false;
}

bool check_has_flag(const char *cpuinfo, const char *flag)
{
	const size_t len = strlen(flag);
	const char *at = strncmp(cpuinfo, "flags", 5) == 0 ? cpuinfo : strstr(cpuinfo, "\nflags");
	const char *end = at ? strchr(at + 1, '\n') : NULL;

	for (at = at ? strchr(at, ':') : NULL; at && *at && (!end || at < end); at += strcspn(at, " \n")) {
		at++;
		if (strncmp(at, flag, len) == 0 && (at[len] == ' ' || at[len] == '\n' || !at[len]))
			return true;
	}
	return false;
}

static bool is_user(const char *field, uid_t uid, const char *name)
{
	uint64_t number;

	if (name && strcmp(field, name) == 0)
		return true;
	return parse_u64(field, UINT32_MAX, &number) == 0 && number == uid;
}

uint64_t check_sub_ids(const char *subuid, uid_t uid, const char *name)
{
	char *text = strdup(subuid), *rest = text, *line;
	uint64_t sum = 0, count;

	while ((line = strsep(&rest, "\n"))) {
		const char *user = strsep(&line, ":");

		strsep(&line, ":");
		if (line && is_user(user, uid, name) && parse_u64(line, UINT32_MAX, &count) == 0)
			sum += count;
	}
	free(text);
	return sum;
}

static bool is_kruns(const char *path, size_t len)
{
	const char *name = path;

	for (size_t i = 0; i < len; i++)
		if (path[i] == '/')
			name = path + i + 1;
	return path[0] == '/' && (size_t)(path + len - name) >= 4 && strncmp(name, "krun", 4) == 0;
}

int check_paths_in(const char *text, struct strv *ret)
{
	while (*text) {
		const size_t len = strcspn(text, "\"#\n");
		size_t quoted;

		text += len;
		if (*text == '#')
			text += strcspn(text, "\n");
		if (*text != '"') {
			text += *text != '\0';
			continue;
		}
		text++;
		for (quoted = 0; text[quoted] && text[quoted] != '"' && text[quoted] != '\n'; quoted++)
			if (text[quoted] == '\\' && text[quoted + 1])
				quoted++;
		if (is_kruns(text, quoted) && strv_add_format(ret, "%.*s", (int)quoted, text) < 0)
			return -ENOMEM;
		text += quoted + (text[quoted] == '"');
	}
	return 0;
}

const char *check_version_of(char *words)
{
	char *name = strstr(words, "Kontain Monitor version");

	if (!name)
		name = words;
	name[strcspn(name, "\n")] = '\0';
	return *name ? name : "(no version)";
}

const char *check_last_line(char *words)
{
	size_t len = strlen(words);
	char *last;

	while (len > 0 && words[len - 1] == '\n')
		words[--len] = '\0';
	last = strrchr(words, '\n');
	last = last ? last + 1 : words;
	return *last ? last : "(none)";
}

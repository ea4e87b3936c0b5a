/* SPDX-License-Identifier: Apache-2.0 */
#include "util/log_name.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "util/array.h"
#include "util/clock.h"
#include "util/error.h"

static void put_id(const char *id, char *out, size_t size)
{
	size_t len = 0;

	for (; id[len] && len < size - 1; len++)
		out[len] = isalnum((unsigned char)id[len]) || (id[len] == '.' && len > 0) ||
					   strchr("+-_", id[len]) ?
				   id[len] :
				   '_';
	out[len] = '\0';
}

/* Writes what stands for the placeholder of @len bytes between two '%'. False: there is no such one. */
static bool put_value(const char *placeholder, size_t len, const struct log_name *name, char *out,
		      size_t size)
{
	static const char *const words[] = { "ID", "COMMAND", "PID", "TIME" };
	size_t i = 0;

	while (i < ARRAY_LEN(words) && (strlen(words[i]) != len || strncmp(words[i], placeholder, len) != 0))
		i++;
	switch (i) {
	case 0:
		put_id(name->id && name->id[0] ? name->id : "-", out, size);
		return true;
	case 1:
		snprintf(out, size, "%s", name->command);
		return true;
	case 2:
		snprintf(out, size, "%d", name->pid);
		return true;
	case 3:
		clock_name(&name->time, out, size);
		return true;
	default:
		return false;
	}
}

int log_name_expand(const char *pattern, const struct log_name *name, char *out, size_t size,
		    struct error *err)
{
	size_t used = 0;

	for (const char *at = pattern; *at;) {
		char value[NAME_MAX + 1];
		const size_t len = *at == '%' ? strspn(at + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") : 0;

		if (len > 0 && at[1 + len] == '%') {
			if (!put_value(at + 1, len, name, value, sizeof(value)))
				return error_set(
					err, -EINVAL,
					"'%s': %.*s is none of %%ID%%, %%COMMAND%%, %%PID%%, %%TIME%%",
					pattern, (int)len + 2, at);
			at += len + 2;
		} else {
			value[0] = *at++;
			value[1] = '\0';
		}
		if (used + strlen(value) >= size)
			return error_sys(err, -ENAMETOOLONG, "'%s'", pattern);
		used += (size_t)snprintf(out + used, size - used, "%s", value);
	}
	out[used] = '\0';
	return 0;
}

static bool is_directory(const char *name)
{
	const char *path = strncmp(name, "file:", 5) == 0 ? name + 5 : name;
	const size_t len = strlen(path);
	struct stat st;

	if (strncmp(path, "syslog:", 7) == 0 || strncmp(path, "journald:", 9) == 0)
		return false;
	return (len > 0 && path[len - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

int log_name_file(const char *pattern, const char *ending, const struct log_name *name, char *out,
		  size_t size, struct error *err)
{
	char whole[PATH_MAX];
	int r = log_name_expand(pattern, name, out, size, err);

	if (r < 0 || !is_directory(out))
		return r;
	if (snprintf(whole, sizeof(whole), "%s/krun.%%TIME%%.%%COMMAND%%.%%ID%%.%%PID%%%s", pattern,
		     ending) >= (int)sizeof(whole))
		return error_sys(err, -ENAMETOOLONG, "'%s'", pattern);
	return log_name_expand(whole, name, out, size, err);
}

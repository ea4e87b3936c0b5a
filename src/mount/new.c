/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Makes a new file system with fsopen(2) (Linux 5.2), which returns the mount's fd: no path has to be
 * looked up, which could lead elsewhere by then.
 */

#include <ctype.h>
#include <errno.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "mount/internal.h"
#include "syscall/mount.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/printable.h"

/*
 * A comma in quotes belongs to the value, as in SELinux labels, and so does in memory (@lists) one before a
 * digit: "mpol=bind:0,2", tmpfs(5).
 */
static char *end_of_word(char *word, bool lists)
{
	bool quoted = false;

	for (; *word; word++) {
		quoted ^= *word == '"';
		if (*word == ',' && !quoted && !(lists && isdigit((unsigned char)word[1])))
			return word;
	}
	return NULL;
}

/* fsconfig(2) takes the value without the quotes that mount(2) passes on to SELinux. */
static char *without_quotes(char *value)
{
	const size_t len = strlen(value);

	if (len < 2 || value[0] != '"' || value[len - 1] != '"')
		return value;
	value[len - 1] = '\0';
	return value + 1;
}

static int set_option(int context_fd, char *word)
{
	char *value = strchr(word, '=');

	if (!*word)
		return 0;
	if (!value)
		return sys_fsconfig(context_fd, FSCONFIG_SET_FLAG, word, NULL, 0);
	*value++ = '\0';
	return sys_fsconfig(context_fd, FSCONFIG_SET_STRING, word, without_quotes(value), 0);
}

static int set_data(int context_fd, const char *data, bool lists)
{
	auto_free char *copy = strdup(data);
	char *word = copy;
	int r = 0;

	if (!copy)
		return -ENOMEM;
	while (r == 0 && word) {
		char *end = end_of_word(word, lists);

		if (end)
			*end++ = '\0';
		r = set_option(context_fd, word);
		word = end;
	}
	return r;
}

/* The mount(2) flags that belong to the file system rather than the mount. */
static int set_flags(int context_fd, unsigned long flags)
{
	static const struct {
		unsigned long flag;
		const char *word;
	} words[] = {
		{ MS_RDONLY, "ro" },	 { MS_SYNCHRONOUS, "sync" },  { MS_DIRSYNC, "dirsync" },
		{ MS_MANDLOCK, "mand" }, { MS_LAZYTIME, "lazytime" },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(words); i++)
		if (flags & words[i].flag)
			r = sys_fsconfig(context_fd, FSCONFIG_SET_FLAG, words[i].word, NULL, 0);
	return r;
}

/* Sets everything that the file system checks itself. */
static int configure(int context_fd, const struct mount_new_options *options)
{
	int r = sys_fsconfig(context_fd, FSCONFIG_SET_STRING, "source", options->source, 0);

	if (r == 0)
		r = set_data(context_fd, options->data, mount_is_in_memory(options->type));
	if (r == 0 && options->label)
		r = sys_fsconfig(context_fd, FSCONFIG_SET_STRING, options->label_option, options->label, 0);
	if (r == 0)
		r = set_flags(context_fd, options->flags);
	return r;
}

/* ---- what the kernel says ------------------------------------------------------------------------------ */

/* The kernel keeps eight messages of a context (fs/fs_context.c), and read(2) returns one at a time. */
enum { MESSAGES_MAX = 8 };

static void add_message(struct mount_said *said, const char *text, size_t len)
{
	const size_t used = strlen(said->text);
	const char *between = used > 0 ? "; " : "";
	char *out = said->text + used;

	while (len > 0 && text[len - 1] == '\n')
		len--;
	if (len == 0 || used + strlen(between) + 1 >= sizeof(said->text))
		return;
	out = stpcpy(out, between);
	/* It repeats names of config.json. */
	printable_copy(out, sizeof(said->text) - (size_t)(out - said->text), text, len, "");
}

/* Messages are "e TEXT", "w TEXT" and "i TEXT" for errors, warnings and information. */
static void read_messages(int context_fd, struct mount_said *said)
{
	said->text[0] = '\0';
	for (int i = 0; i < MESSAGES_MAX; i++) {
		/* A message with a longer name in it is lost (EMSGSIZE). */
		char message[1024];
		const ssize_t n = read(context_fd, message, sizeof(message));

		if (n < 0 && errno != EMSGSIZE)
			return;
		if (n > 2 && message[0] == 'e' && message[1] == ' ')
			add_message(said, message + 2, (size_t)n - 2);
	}
}

int mount_said_append(const struct mount_said *said, struct error *err)
{
	return said->text[0] ? error_append(err, "the kernel says: %s", said->text) : err->code;
}

void mount_explain(const struct mount_new_options *options)
{
	auto_close int context_fd = -1;

	options->said->text[0] = '\0';
	/* Their words may be cut differently here than by the file system, as directories of overlay. */
	if (strchr(options->data, '\\') || strchr(options->data, '"'))
		return;
	context_fd = sys_fsopen(options->type, FSOPEN_CLOEXEC);
	if (context_fd >= 0 && configure(context_fd, options) < 0)
		read_messages(context_fd, options->said);
}

int mount_new(const struct mount_new_options *options)
{
	auto_close int context_fd = sys_fsopen(options->type, FSOPEN_CLOEXEC);
	int r = context_fd < 0 ? context_fd : configure(context_fd, options);

	if (r == 0)
		r = sys_fsconfig(context_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (options->said)
		options->said->text[0] = '\0';
	if (r < 0 && options->said && context_fd >= 0)
		read_messages(context_fd, options->said);
	return r < 0 ? r : sys_fsmount(context_fd, FSMOUNT_CLOEXEC, (unsigned int)options->attributes);
}

/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Makes a tmpfs with fsopen(2) (Linux 5.2), which returns the mount's fd: no path has to be looked up,
 * which could lead elsewhere by then.
 */

#include <ctype.h>
#include <errno.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "mount/internal.h"
#include "syscall/mount.h"
#include "util/array.h"
#include "util/cleanup.h"

/*
 * A comma before a digit belongs to the value ("mpol=bind:0,2", tmpfs(5)), and so does one in quotes, as
 * in SELinux labels.
 */
static char *end_of_word(char *word)
{
	bool quoted = false;

	for (; *word; word++) {
		quoted ^= *word == '"';
		if (*word == ',' && !quoted && !isdigit((unsigned char)word[1]))
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

static int set_data(int context_fd, const char *data)
{
	auto_free char *copy = strdup(data);
	char *word = copy;
	int r = 0;

	if (!copy)
		return -ENOMEM;
	while (r == 0 && word) {
		char *end = end_of_word(word);

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
		{ MS_SYNCHRONOUS, "sync" },
		{ MS_DIRSYNC, "dirsync" },
		{ MS_MANDLOCK, "mand" },
		{ MS_LAZYTIME, "lazytime" },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(words); i++)
		if (flags & words[i].flag)
			r = sys_fsconfig(context_fd, FSCONFIG_SET_FLAG, words[i].word, NULL, 0);
	return r;
}

int mount_tmpfs(const struct mount_tmpfs_options *options)
{
	auto_close int context_fd = sys_fsopen(options->type ? options->type : "tmpfs", FSOPEN_CLOEXEC);
	int r = context_fd < 0 ? context_fd :
				 sys_fsconfig(context_fd, FSCONFIG_SET_STRING, "source", options->source, 0);

	if (r == 0)
		r = set_data(context_fd, options->data);
	if (r == 0 && options->label)
		r = sys_fsconfig(context_fd, FSCONFIG_SET_STRING, options->label_option, options->label, 0);
	if (r == 0)
		r = set_flags(context_fd, options->flags);
	if (r == 0)
		r = sys_fsconfig(context_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	return r < 0 ? r : sys_fsmount(context_fd, FSMOUNT_CLOEXEC, (unsigned int)options->attributes);
}

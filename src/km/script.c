/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads "#!" lines as the kernel does (execve(2), "Interpreter scripts"). km cannot do that itself: it
 * accepts no blank after "#!".
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "km/km.h"
#include "util/cleanup.h"
#include "util/error.h"

enum {
	LINE_SIZE = 256, /* BINPRM_BUF_SIZE */
	LEVELS = 5,	 /* nested interpreters, exec_binprm() in fs/exec.c */
};

/* Splits "#! /bin/sh  -e x " into "/bin/sh" and "-e x". False: @line is not of a script. */
static bool split_line(char *line, char **ret_interpreter, char **ret_argument)
{
	char *end;

	if (strncmp(line, "#!", 2) != 0)
		return false;
	line += 2;
	line[strcspn(line, "\n")] = '\0';
	end = line + strlen(line);
	while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	line += strspn(line, " \t");
	*ret_interpreter = line;
	line += strcspn(line, " \t");
	*ret_argument = NULL;
	if (*line) {
		*line++ = '\0';
		*ret_argument = line + strspn(line, " \t");
	}
	return true;
}

/* argv becomes INTERPRETER [ARGUMENT] PATH argv[1]... */
static int put_in_front(struct strv *argv, const char *interpreter, const char *argument, const char *path)
{
	struct strv longer = { 0 };
	int r = strv_add(&longer, interpreter);

	if (r == 0 && argument)
		r = strv_add(&longer, argument);
	if (r == 0)
		r = strv_add(&longer, path);
	for (size_t i = 1; r == 0 && i < argv->len; i++)
		r = strv_add(&longer, argv->items[i]);
	strv_done(argv);
	if (r < 0)
		strv_done(&longer);
	else
		*argv = longer;
	return r;
}

/* 1: one interpreter was put in front; 0: the file is not a script. */
static int resolve_level(int fd, char **path, struct strv *argv, int *ret_fd, struct error *err)
{
	char line[LINE_SIZE + 1], *interpreter, *argument, *copy;
	ssize_t n = pread(fd, line, LINE_SIZE, 0);

	if (n < 0)
		return error_exec(err, -errno, "exec: \"%s\"", *path);
	line[n] = '\0';
	if (!split_line(line, &interpreter, &argument))
		return 0;
	if (!*interpreter)
		return error_set(err, -ENOEXEC, "exec: \"%s\": exec format error (no interpreter after #!)",
				 *path);
	*ret_fd = open(interpreter, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (*ret_fd < 0)
		return error_exec(err, -errno, "exec: \"%s\": interpreter %s", *path, interpreter);
	copy = strdup(interpreter);
	if (!copy || put_in_front(argv, interpreter, argument, *path) < 0) {
		free(copy);
		return error_oom(err);
	}
	free(*path);
	*path = copy;
	return 1;
}

int km_resolve_script(int fd, const char *path, char *const *argv, char **ret_path, struct strv *ret_argv,
		      struct error *err)
{
	auto_free char *now = strdup(path);
	auto_close int opened_fd = -1;
	struct strv list = { 0 };
	int r = now ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && argv[i]; i++)
		r = strv_add(&list, argv[i]);
	if (r < 0) {
		strv_done(&list);
		return error_oom(err);
	}
	for (int level = 0; level <= LEVELS; level++) {
		int next_fd = -1;

		r = resolve_level(fd, &now, &list, &next_fd, err);
		cleanup_close(&opened_fd);
		opened_fd = fd = next_fd;
		if (r <= 0)
			break;
	}
	if (r > 0)
		r = error_exec(err, -ELOOP, "exec: \"%s\"", path);
	if (r < 0) {
		strv_done(&list);
		return r;
	}
	*ret_path = take_pointer(now);
	*ret_argv = list;
	return 0;
}

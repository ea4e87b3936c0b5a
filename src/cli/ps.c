/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/command.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/pids.h"
#include "util/strv.h"

struct ps_options {
	const char *format;
	bool any_root;
};

/* NAMED_MAX: more pids procps 4 does not take. */
enum { PS_OUTPUT_MAX = 64 * 1024 * 1024, NAMED_MAX = 255 };

static const struct option_row ps_rows[] = {
	{ "format", 'f', OPTION_TEXT, offsetof(struct ps_options, format), "table|json",
	  "form of the output (default: table)" },
	ANY_ROOT_ROW(struct ps_options),
	{ 0 },
};

/* @pids are sorted. */
static bool has_pid(const pid_t *pids, size_t len, const char *text)
{
	char *end;
	const pid_t pid = (pid_t)strtol(text, &end, 10);

	return end != text && pids_have(pids, len, pid);
}

/* Returns the index of the column PID in the header of ps(1), or -1. */
static int pid_column(const char *header)
{
	const char *end = header + strcspn(header, "\n");

	for (int column = 0;; column++) {
		header += strspn(header, " ");
		if (header >= end)
			return -1;
		size_t len = strcspn(header, " \n");

		if (len == 3 && strncmp(header, "PID", 3) == 0)
			return column;
		header += len;
	}
}

static const char *column_text(const char *line, int column)
{
	line += strspn(line, " ");
	while (column-- > 0) {
		line += strcspn(line, " ");
		line += strspn(line, " ");
	}
	return line;
}

/* Prints the header and the lines of @pids. */
static int filter(const char *output, const pid_t *pids, size_t len, struct error *err)
{
	int column = pid_column(output);
	auto_free char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	bool header = true;

	if (column < 0) {
		if (out)
			fclose(out);
		return error_set(err, -EINVAL, "ps: its output has no column PID: add it to the options");
	}
	for (const char *line = output; out && *line; header = false) {
		int width = (int)strcspn(line, "\n");

		if (header || has_pid(pids, len, column_text(line, column)))
			fprintf(out, "%.*s\n", width, line);
		line += width;
		line += *line == '\n';
	}
	return command_print_stream(out, &text, false, err);
}

/*
 * Runs the host's ps(1). @quiet: without what it says on stderr. Returns its status, below 128, or a negative
 * errno. The caller frees its output.
 */
static int run_host_ps(char *const *argv, bool quiet, char **ret, struct error *err)
{
	static char path[] = "PATH=/usr/bin:/bin";
	static char *const env[] = { path, NULL };
	posix_spawn_file_actions_t actions;
	int ends[2], status = 0, r;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(err, -errno, "run ps");
	posix_spawn_file_actions_init(&actions);
	r = -posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	if (r == 0 && quiet)
		r = -posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (r == 0)
		r = -posix_spawnp(&pid, "ps", &actions, NULL, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (r < 0) {
		close(ends[0]);
		return error_sys(err, r, "run ps (package procps), which the table form needs");
	}
	r = io_read_all(ends[0], PS_OUTPUT_MAX, ret, NULL);
	close(ends[0]);
	sys_wait(pid, &status, 0);
	if (r < 0)
		return error_sys(err, r, "read the output of ps");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

/*
 * Runs ps for the container's processes alone: for all of the host's it takes longer, the more there are.
 * Returns 1 if this ps(1) cannot do that, as busybox's, or the processes have ended meanwhile.
 */
static int run_ps_for(const pid_t *pids, size_t len, char **ret, struct error *err)
{
	static char name[] = "ps", full[] = "-f", these[] = "-q";
	auto_free char *list = NULL;
	char *argv[] = { name, full, these, NULL, NULL };
	size_t size;
	FILE *out = len > 0 && len <= NAMED_MAX ? open_memstream(&list, &size) : NULL;
	int r;

	for (size_t i = 0; out && i < len; i++)
		fprintf(out, "%s%d", i ? "," : "", pids[i]);
	if (!out || io_close_text(out, &list) < 0)
		return 1;
	argv[3] = list;
	r = run_host_ps(argv, true, ret, err);
	if (r > 0)
		free(take_pointer(*ret));
	return r > 0 ? 1 : r;
}

/* @options: the user's; none: for a full listing. The caller frees the output. */
static int run_ps_with(char *const *options, const pid_t *pids, size_t len, char **ret, struct error *err)
{
	static char every[] = "-ef";
	static char *const defaults[] = { every, NULL };
	struct strv argv = { 0 };
	int r = *options ? 1 : run_ps_for(pids, len, ret, err);

	if (r <= 0)
		return r;
	r = strv_add(&argv, "ps");
	for (char *const *word = *options ? options : defaults; r == 0 && *word; word++)
		r = strv_add(&argv, *word);
	r = r < 0 ? error_sys(err, r, "run ps") : run_host_ps(argv.items, false, ret, err);
	strv_done(&argv);
	return r < 0 ? r : 0;
}

static int ps_json(const pid_t *pids, size_t len, struct error *err)
{
	auto_free char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out) {
		fputs("[", out);
		for (size_t i = 0; i < len; i++)
			fprintf(out, "%s%d", i ? "," : "", pids[i]);
		fputs("]\n", out);
	}
	return command_print_stream(out, &text, true, err);
}

static int run_ps(struct cli *cli, void *arguments, struct error *err)
{
	const struct ps_options *options = arguments;
	auto_free char *output = NULL;
	auto_free pid_t *pids = NULL;
	struct found found;
	size_t len;
	bool json;
	int r = command_wants_json(options->format, &json, err);

	if (r == 0)
		r = target_find(cli, options->any_root, cli->args[0], &found, err);
	if (r < 0)
		return r;
	r = container_pids(&found.runtime, found.id, &pids, &len, err);
	found_done(&found);
	if (r < 0)
		return r;
	if (json)
		return ps_json(pids, len, err);
	r = run_ps_with(cli->args + 1, pids, len, &output, err);
	return r < 0 ? r : filter(output, pids, len, err);
}

const struct command command_ps = {
	.name = "ps",
	.arguments = "ID [PS-OPTION...]",
	.id_argument = 1,
	.summary = "print the processes of a container",
	.options = ps_rows,
	.options_size = sizeof(struct ps_options),
	.args_min = 1,
	.args_max = SIZE_MAX,
	.takes_program = true,
	.run = run_ps,
};

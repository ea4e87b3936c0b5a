/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/strv.h"

struct ps_options {
	const char *format;
};

enum { PS_OUTPUT_MAX = 64 * 1024 * 1024 };

static const struct option_row ps_rows[] = {
	{ "format", 'f', OPTION_TEXT, offsetof(struct ps_options, format), "table|json",
	  "form of the output (default: table)" },
	{ 0 },
};

static bool has_pid(const pid_t *pids, size_t len, const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	for (size_t i = 0; i < len; i++)
		if (end != text && pids[i] == (pid_t)value)
			return true;
	return false;
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

/* Runs the host's ps(1) with the user's options. The caller frees its output. */
static int run_host_ps(char *const *options, char **ret, struct error *err)
{
	static char every[] = "-ef", path[] = "PATH=/usr/bin:/bin";
	static char *const defaults[] = { every, NULL }, *const env[] = { path, NULL };
	struct strv argv = { 0 };
	posix_spawn_file_actions_t actions;
	int ends[2] = { -1, -1 }, r;
	pid_t pid;

	r = strv_add(&argv, "ps");
	for (char *const *word = *options ? options : defaults; r == 0 && *word; word++)
		r = strv_add(&argv, *word);
	if (r == 0 && pipe2(ends, O_CLOEXEC) < 0)
		r = -errno;
	if (r < 0) {
		strv_done(&argv);
		return error_sys(err, r, "run ps");
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	r = -posix_spawnp(&pid, "ps", &actions, NULL, argv.items, env);
	posix_spawn_file_actions_destroy(&actions);
	strv_done(&argv);
	close(ends[1]);
	if (r < 0) {
		close(ends[0]);
		return error_sys(err, r, "run ps (package procps), which the table form needs");
	}
	r = io_read_all(ends[0], PS_OUTPUT_MAX, ret, NULL);
	close(ends[0]);
	sys_wait(pid, NULL, 0);
	if (r < 0)
		return error_sys(err, r, "read the output of ps");
	return 0;
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
	size_t len;
	bool json;
	int r = command_wants_json(options->format, &json, err);

	if (r == 0)
		r = container_pids(&cli->runtime, cli->args[0], &pids, &len, err);
	if (r < 0)
		return r;
	if (json)
		return ps_json(pids, len, err);
	r = run_host_ps(cli->args + 1, &output, err);
	return r < 0 ? r : filter(output, pids, len, err);
}

const struct command command_ps = {
	.name = "ps",
	.arguments = "ID [PS-OPTION...]",
	.summary = "print the processes of a container",
	.options = ps_rows,
	.options_size = sizeof(struct ps_options),
	.args_min = 1,
	.args_max = SIZE_MAX,
	.run = run_ps,
};

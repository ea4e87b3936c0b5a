/* SPDX-License-Identifier: Apache-2.0 */

/* state, list, ps */

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
#include "util/parse.h"
#include "util/printable.h"
#include "util/strv.h"

int command_print(const char *text, struct error *err)
{
	auto_free char *shown = printable_json(text);
	int r = shown ? io_write_all(STDOUT_FILENO, shown, strlen(shown)) : -ENOMEM;

	return r < 0 ? error_sys(err, r, "write to stdout") : 0;
}

int command_print_table(const char *text, struct error *err)
{
	auto_free char *shown = printable_text(text, "\n\t");

	return shown ? command_print(shown, err) : error_oom(err);
}

/* Grows a text in memory; the stream's own error flag is looked at once, at the end. */
static int print_stream(FILE *stream, char **text, bool json, struct error *err)
{
	if (!stream)
		return error_oom(err);
	if (fclose(stream) != 0)
		return error_oom(err);
	return json ? command_print(*text, err) : command_print_table(*text, err);
}

/* ---- state ---------------------------------------------------------------------------------------------- */

static int run_state(struct cli *cli, void *options, struct error *err)
{
	auto_free char *text = NULL;
	int r = container_state_text(&cli->host, cli->args[0], &text, err);

	(void)options;
	return r < 0 ? r : command_print(text, err);
}

const struct command command_state = {
	.name = "state",
	.arguments = "ID",
	.summary = "print what a container is doing, as JSON",
	.args_min = 1,
	.args_max = 1,
	.run = run_state,
};

/* ---- list ----------------------------------------------------------------------------------------------- */

struct format_options {
	const char *format;
	bool quiet;
};

static const struct option_row list_rows[] = {
	{ "format", 'f', OPTION_TEXT, offsetof(struct format_options, format), "table|json",
	  "form of the output (default: table)" },
	{ "quiet", 'q', OPTION_FLAG, offsetof(struct format_options, quiet), NULL, "ids only" },
	{ 0 },
};

int command_wants_json(const char *format, bool *ret, struct error *err)
{
	*ret = format && strcmp(format, "json") == 0;
	if (format && !*ret && strcmp(format, "table") != 0)
		return error_set(err, -EINVAL, "--format: '%s' is neither table nor json", format);
	return 0;
}

/* A directory may have any name, and a row is one line. */
static void list_row(FILE *out, int id_width, int bundle_width, const struct container_info *info)
{
	auto_free char *bundle = printable_text(info->bundle, "");

	fprintf(out, "%-*s %-8d %-8s %-*s %-30s %s\n", id_width, info->id, info->pid, info->status,
		bundle_width, bundle ? bundle : "", info->created, info->owner);
}

static int shown_width(const char *text)
{
	auto_free char *shown = printable_text(text, "");

	return shown ? (int)strlen(shown) : 0;
}

static void list_table(FILE *out, const struct container_info *list, size_t len)
{
	int id_width = 4, bundle_width = 6;

	for (size_t i = 0; i < len; i++) {
		int id = (int)strlen(list[i].id), bundle = shown_width(list[i].bundle);

		id_width = id > id_width ? id : id_width;
		bundle_width = bundle > bundle_width ? bundle : bundle_width;
	}
	fprintf(out, "%-*s %-8s %-8s %-*s %-30s %s\n", id_width, "ID", "PID", "STATUS", bundle_width,
		"BUNDLE", "CREATED", "OWNER");
	for (size_t i = 0; i < len; i++)
		list_row(out, id_width, bundle_width, &list[i]);
}

static void list_json(FILE *out, const struct container_info *list, size_t len)
{
	fputs("[", out);
	for (size_t i = 0; i < len; i++)
		fprintf(out, "%s%.*s", i ? "," : "", (int)strcspn(list[i].state_text, "\n"),
			list[i].state_text);
	fputs("]\n", out);
}

static int run_list(struct cli *cli, void *arguments, struct error *err)
{
	const struct format_options *options = arguments;
	auto_free char *text = NULL;
	struct container_info *list;
	size_t len, size;
	bool json;
	FILE *out;
	int r = command_wants_json(options->format, &json, err);

	if (r == 0)
		r = container_list(&cli->host, &list, &len, err);
	if (r < 0)
		return r;
	out = open_memstream(&text, &size);
	if (out && json)
		list_json(out, list, len);
	else if (out && !options->quiet)
		list_table(out, list, len);
	else if (out)
		for (size_t i = 0; i < len; i++)
			fprintf(out, "%s\n", list[i].id);
	r = print_stream(out, &text, json, err);
	container_list_free(list, len);
	return r;
}

const struct command command_list = {
	.name = "list",
	.summary = "print all containers",
	.options = list_rows,
	.options_size = sizeof(struct format_options),
	.run = run_list,
};

/* ---- ps ------------------------------------------------------------------------------------------------- */

enum { PS_OUTPUT_MAX = 64 * 1024 * 1024 };

static const struct option_row ps_rows[] = {
	{ "format", 'f', OPTION_TEXT, offsetof(struct format_options, format), "table|json",
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

/* Number of the column called PID in the header of ps, or -1. */
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

/* The header and the lines of @pids. */
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
		return error_set(err, -EINVAL,
				 "ps: no column PID in its output, which the options must ask for");
	}
	for (const char *line = output; out && *line; header = false) {
		int width = (int)strcspn(line, "\n");

		if (header || has_pid(pids, len, column_text(line, column)))
			fprintf(out, "%.*s\n", width, line);
		line += width;
		line += *line == '\n';
	}
	return print_stream(out, &text, false, err);
}

/* The host's ps(1) with the user's options; its output is freed by the caller. */
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
	return print_stream(out, &text, true, err);
}

static int run_ps(struct cli *cli, void *arguments, struct error *err)
{
	const struct format_options *options = arguments;
	auto_free char *output = NULL;
	auto_free pid_t *pids = NULL;
	size_t len;
	bool json;
	int r = command_wants_json(options->format, &json, err);

	if (r == 0)
		r = container_pids(&cli->host, cli->args[0], &pids, &len, err);
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
	.options_size = sizeof(struct format_options),
	.args_min = 1,
	.args_max = SIZE_MAX,
	.run = run_ps,
};

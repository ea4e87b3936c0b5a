/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/printable.h"

struct list_options {
	const char *format;
	bool quiet;
};

static const struct option_row list_rows[] = {
	{ "format", 'f', OPTION_TEXT, offsetof(struct list_options, format), "table|json",
	  "form of the output (default: table)" },
	{ "quiet", 'q', OPTION_FLAG, offsetof(struct list_options, quiet), NULL, "ids only" },
	{ 0 },
};

/* A bundle's path may have newlines, which are escaped, because a row is one line. */
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
	const struct list_options *options = arguments;
	auto_free char *text = NULL;
	struct container_info *list;
	size_t len, size;
	bool json;
	FILE *out;
	int r = command_wants_json(options->format, &json, err);

	if (r == 0)
		r = container_list(&cli->runtime, &list, &len, err);
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
	r = command_print_stream(out, &text, json, err);
	container_list_free(list, len);
	return r;
}

const struct command command_list = {
	.name = "list",
	.summary = "print all containers",
	.options = list_rows,
	.options_size = sizeof(struct list_options),
	.run = run_list,
};

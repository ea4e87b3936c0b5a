/* SPDX-License-Identifier: Apache-2.0 */

/* `check` prints what this machine has and lacks, and ends with 1 when no container works. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/check.h"
#include "cli/command.h"
#include "cli/version.h"
#include "json/make.h"
#include "util/cleanup.h"
#include "util/error.h"

struct check_options {
	const char *format;
};

static const struct option_row check_rows[] = {
	{ "format", 'f', OPTION_TEXT, offsetof(struct check_options, format), "table|json",
	  "form of the output (default: table)" },
	{ 0 },
};

static const char *end_of(const struct check_report *report, enum program_name name)
{
	if (!check_works(report))
		return name == NAME_PLAIN ? "krun cannot run containers here: see what is missing." :
					    "krun cannot run containers under km here: see what is missing. "
					    "krun-plain needs no km.";
	return name == NAME_PLAIN ? "krun can run containers here." :
				    "krun can run containers under km here.";
}

static void print_item(FILE *stream, const struct check_item *item)
{
	fprintf(stream, "%-8s %-17s %s\n", check_status_word(item->status), item->name, item->text);
	if (item->cure)
		fprintf(stream, "%26s -> %s\n", "", item->cure);
}

static int print_report(const struct check_report *report, enum program_name name, struct error *err)
{
	auto_free char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	for (size_t i = 0; stream && i < report->len; i++)
		print_item(stream, &report->items[i]);
	if (stream)
		fprintf(stream, "\n%s\n", end_of(report, name));
	return command_print_stream(stream, &text, false, err);
}

static char *json_of(const struct check_report *report, enum program_name name)
{
	struct json_maker maker = { 0 };
	auto_json root = json_make_object(&maker);
	struct json_object *array;

	json_put_bool(&maker, root, "works", check_works(report));
	json_put_text(&maker, root, "mode", name == NAME_PLAIN ? "plain" : "km");
	json_put_text(&maker, root, "version", KRUN_VERSION);
	array = json_put_array(&maker, root, "items");
	for (size_t i = 0; i < report->len; i++) {
		const struct check_item *item = &report->items[i];
		struct json_object *object = json_append_object(&maker, array);

		json_put_text(&maker, object, "name", item->name);
		json_put_text(&maker, object, "status", check_status_word(item->status));
		json_put_text(&maker, object, "text", item->text);
		if (item->cure)
			json_put_text(&maker, object, "cure", item->cure);
	}
	return json_make_text(&maker, root, JSON_PRETTY);
}

static int run(struct cli *cli, void *options, struct error *err)
{
	const struct check_options *given = options;
	struct check_report report;
	bool json;
	int r = command_wants_json(given->format, &json, err);

	if (r == 0)
		r = check_machine(&cli->runtime, &report, err);
	if (r < 0)
		return r;
	cli->status = check_works(&report) ? EXIT_SUCCESS : EXIT_FAILURE;
	if (json) {
		auto_free char *text = json_of(&report, cli->runtime.name);

		r = text ? command_print(text, err) : error_oom(err);
	} else {
		r = print_report(&report, cli->runtime.name, err);
	}
	check_report_done(&report);
	return r;
}

const struct command command_check = {
	.name = "check",
	.summary = "say whether this machine can run containers, and what to do if not",
	.options = check_rows,
	.options_size = sizeof(struct check_options),
	.run = run,
};

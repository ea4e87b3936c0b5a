/* SPDX-License-Identifier: Apache-2.0 */

/*
 * `validate` reports all mistakes of a configuration, a bundle's or the host's, without making a container.
 */

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "container/validate.h"
#include "json/findings.h"
#include "json/make.h"
#include "km/km.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/excerpt.h"
#include "util/io.h"
#include "util/printable.h"

struct validate_options {
	const char *bundle;
	const char *format;
	bool host_config;
	bool strict;
};

static const struct option_row validate_rows[] = {
	{ "bundle", 'b', OPTION_TEXT, offsetof(struct validate_options, bundle), "DIR",
	  "directory of the bundle (default: that of FILE, or .)" },
	{ "format", 'f', OPTION_TEXT, offsetof(struct validate_options, format), "text|json",
	  "form of the output (default: text)" },
	{ "host-config", 0, OPTION_FLAG, offsetof(struct validate_options, host_config), NULL,
	  "FILE has the settings of the host (default: /etc/krun/krun.json)" },
	{ "strict", 0, OPTION_FLAG, offsetof(struct validate_options, strict), NULL,
	  "words without effect, as unknown keys and misspelt options, are errors" },
	{ 0 },
};

/* Line 0: none is known. */
static struct excerpt_place place_of(const struct json_findings *findings, const struct json_finding *finding)
{
	if (!findings->text || finding->len == 0)
		return (struct excerpt_place){ 0 };
	return excerpt_place_of(findings->text, findings->size, finding->offset);
}

/* Prints text of the file, in which control characters are escaped. Returns false when memory is short. */
static bool print_text(FILE *stream, const char *text, const char *behind)
{
	auto_free char *printable = printable_text(text, "");

	return printable && fprintf(stream, "%s%s", printable, behind) >= 0;
}

/* Prints the line of the file, with a mark below the place. */
static bool print_excerpt(FILE *stream, const struct json_findings *findings,
			  const struct json_finding *finding)
{
	auto_free char *excerpt = excerpt_make(findings->text, findings->size, finding->offset, finding->len);

	return excerpt && fputs(excerpt, stream) >= 0;
}

/* Prints "FILE:LINE:COLUMN: SEVERITY: POINTER: REASON", as compilers do. */
static bool print_finding(FILE *stream, const struct json_findings *findings,
			  const struct json_finding *finding)
{
	const struct excerpt_place place = place_of(findings, finding);

	if (!print_text(stream, findings->name, ""))
		return false;
	if (place.line > 0)
		fprintf(stream, ":%zu:%zu", place.line, place.column);
	fprintf(stream, ": %s: ", json_severity_word(finding->severity));
	if (finding->pointer[0] && !print_text(stream, finding->pointer, ": "))
		return false;
	return print_text(stream, finding->reason, "\n") &&
	       (place.line == 0 || print_excerpt(stream, findings, finding));
}

static char *text_of(const struct json_findings *findings)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	bool whole = stream;

	if (!stream)
		return NULL;
	for (size_t i = 0; whole && i < findings->len; i++)
		whole = print_finding(stream, findings, &findings->items[i]);
	io_close_text(stream, &text);
	if (whole)
		return text;
	free(text);
	return NULL;
}

static char *json_of(const struct json_findings *findings)
{
	struct json_maker maker = { 0 };
	auto_json array = json_make_array(&maker);

	for (size_t i = 0; i < findings->len; i++) {
		const struct json_finding *finding = &findings->items[i];
		const struct excerpt_place place = place_of(findings, finding);
		struct json_object *object = json_append_object(&maker, array);

		json_put_text(&maker, object, "pointer", finding->pointer);
		json_put_text(&maker, object, "severity", json_severity_word(finding->severity));
		json_put_text(&maker, object, "reason", finding->reason);
		json_put_text(&maker, object, "file", findings->name);
		if (place.line > 0) {
			json_put_i64(&maker, object, "line", (int64_t)place.line);
			json_put_i64(&maker, object, "column", (int64_t)place.column);
		}
	}
	return json_make_text(&maker, array, JSON_PRETTY);
}

static int print(const struct json_findings *findings, bool json, struct error *err)
{
	auto_free char *text = json ? json_of(findings) : text_of(findings);

	if (!text)
		return error_oom(err);
	return json ? command_print(text, err) : command_print_table(text, err);
}

static int run_validate(struct cli *cli, void *arguments, struct error *err)
{
	const struct validate_options *options = arguments;
	const char *file = cli->args_len > 0 ? cli->args[0] : NULL, *bundle = options->bundle;
	const bool json = options->format && strcmp(options->format, "json") == 0;
	struct json_findings findings = { 0 };
	auto_free char *copy = NULL;
	int r;

	if (options->host_config && bundle)
		return error_set(err, -EINVAL, "--bundle and --host-config cannot be combined");
	if (!bundle && file) {
		copy = strdup(file);
		if (!copy)
			return error_oom(err);
		bundle = dirname(copy);
	}
	r = options->host_config ?
		    km_settings_check(file ? file : cli->runtime.config_file, &findings, err) :
		    container_validate(bundle ? bundle : ".", file, &cli->runtime, &findings, err);
	if (r == 0) {
		json_findings_locate(&findings);
		if (options->strict)
			json_findings_be_strict(&findings);
		if (json_findings_have_error(&findings))
			cli->status = EXIT_FAILURE;
		r = print(&findings, json, err);
	}
	json_findings_done(&findings);
	return r;
}

const struct command command_validate = {
	.name = "validate",
	.arguments = "[FILE]",
	.summary = "say everything that is wrong with a config.json, or with krun.json",
	.options = validate_rows,
	.options_size = sizeof(struct validate_options),
	.args_max = 1,
	.run = run_validate,
};

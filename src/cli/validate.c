/* SPDX-License-Identifier: Apache-2.0 */

/*
 * `validate` reports all mistakes of a configuration, a bundle's or the host's, without making a container.
 */

#include <errno.h>
#include <json-c/json.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "container/validate.h"
#include "json/findings.h"
#include "km/km.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/printable.h"

struct validate_options {
	const char *bundle;
	const char *format;
	bool host_config;
};

static const struct option_row validate_rows[] = {
	{ "bundle", 'b', OPTION_TEXT, offsetof(struct validate_options, bundle), "DIR",
	  "directory of the bundle (default: that of FILE, or .)" },
	{ "format", 'f', OPTION_TEXT, offsetof(struct validate_options, format), "text|json",
	  "form of the output (default: text)" },
	{ "host-config", 0, OPTION_FLAG, offsetof(struct validate_options, host_config), NULL,
	  "FILE has the settings of the host (default: /etc/krun/krun.json)" },
	{ 0 },
};

/* Prints one line: control characters in keys and values are escaped. */
static void print_finding(FILE *stream, const struct json_finding *finding)
{
	auto_free char *pointer = printable_text(finding->pointer[0] ? finding->pointer : "/", "");
	auto_free char *reason = printable_text(finding->reason, "");

	fprintf(stream, "%s: %s: %s\n", pointer ? pointer : "", json_severity_word(finding->severity),
		reason ? reason : "");
}

static char *text_of(const struct json_findings *findings)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return NULL;
	for (size_t i = 0; i < findings->len; i++)
		print_finding(stream, &findings->items[i]);
	if (fclose(stream) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static char *json_of(const struct json_findings *findings)
{
	struct json_object *array = json_object_new_array();
	char *text = NULL;

	for (size_t i = 0; i < findings->len; i++) {
		const struct json_finding *finding = &findings->items[i];
		struct json_object *object = json_object_new_object();

		json_object_object_add(object, "pointer", json_object_new_string(finding->pointer));
		json_object_object_add(object, "severity",
				       json_object_new_string(json_severity_word(finding->severity)));
		json_object_object_add(object, "reason", json_object_new_string(finding->reason));
		json_object_array_add(array, object);
	}
	if (asprintf(&text, "%s\n",
		     json_object_to_json_string_ext(array, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
								   JSON_C_TO_STRING_NOSLASHESCAPE)) < 0)
		text = NULL;
	json_object_put(array);
	return text;
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

	if (options->format && !json && strcmp(options->format, "text") != 0)
		return error_set(err, -EINVAL, "--format '%s': neither text nor json", options->format);
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
	if (r == 0)
		r = print(&findings, json, err);
	for (size_t i = 0; i < findings.len; i++)
		if (findings.items[i].severity <= JSON_UNSUPPORTED)
			cli->status = EXIT_FAILURE;
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

/* SPDX-License-Identifier: Apache-2.0 */

/* exceptions add|list|check */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "km/exceptions.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/printable.h"

struct exceptions_options {
	bool replace, any_root;
};

static const struct option_row exceptions_rows[] = {
	{ "replace", 'r', OPTION_FLAG, offsetof(struct exceptions_options, replace), NULL,
	  "add: change the entry that has the same expression" },
	ANY_ROOT_ROW(struct exceptions_options),
	{ 0 },
};

/* Escapes control characters: the text is the container's and must not control the terminal. */
static void print_safely(FILE *out, const char *text)
{
	auto_free char *shown = printable_text(text, "");

	fputs(shown ? shown : "", out);
}

static void print_entry(FILE *out, const struct km_exception_entry *entry)
{
	fprintf(out, "%zu\t", entry->line);
	if (!entry->regex) {
		fprintf(out, "(%s)\n", entry->malformed);
		return;
	}
	print_safely(out, entry->regex);
	fputc('\t', out);
	print_safely(out, entry->path);
	fprintf(out, "\t%s", entry->sha256);
	if (entry->malformed)
		fprintf(out, "\t(%s)", entry->malformed);
	fputc('\n', out);
}

static int print_list(const struct km_exceptions *list, const enum km_exception_verdict *verdicts,
		      struct error *err)
{
	auto_free char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; out && i < list->len; i++) {
		if (verdicts)
			fprintf(out, "%s\t", km_exception_verdict_word(verdicts[i]));
		print_entry(out, &list->entries[i]);
	}
	return command_print_stream(out, &text, false, err);
}

static int run_list(const struct found *found, bool check, struct error *err)
{
	auto_free enum km_exception_verdict *verdicts = NULL;
	struct km_exceptions list;
	size_t bad = 0;
	int r = container_exceptions_list(&found->runtime, found->id, &list, check ? &verdicts : NULL, err);

	if (r < 0)
		return r;
	r = print_list(&list, verdicts, err);
	for (size_t i = 0; check && i < list.len; i++)
		bad += verdicts[i] != KM_EXCEPTION_OK;
	if (r == 0 && bad > 0)
		r = error_set(err, -EINVAL, "%zu of %zu entries of '%s' are not ok", bad, list.len,
			      list.file);
	km_exceptions_done(&list);
	return r;
}

static int run_exceptions(struct cli *cli, void *arguments, struct error *err)
{
	const struct exceptions_options *options = arguments;
	const char *verb = cli->args[0];
	struct found found;
	int r;
	const bool add = strcmp(verb, "add") == 0, check = strcmp(verb, "check") == 0;

	if (options->replace && !add)
		return error_set(err, -EINVAL, "--replace can be used with add only");
	if (cli->args_len != (add ? 4 : 2))
		return error_set(err, -EINVAL, "exceptions %s: %s are needed", verb,
				 add ? "ID|ROOTFS, REGEX and PROGRAM" : "ID|ROOTFS and nothing else");
	r = add ? target_find_to_change(cli, options->any_root, cli->args[1], &found, err) :
		  target_find(cli, options->any_root, cli->args[1], &found, err);
	if (r < 0)
		return r;
	r = add ? container_exceptions_add(&found.runtime, found.id, cli->args[2], cli->args[3],
					   options->replace, err) :
		  run_list(&found, check, err);
	found_done(&found);
	return r;
}

const struct command command_exceptions = {
	.name = "exceptions",
	.arguments = "add|list|check ID|ROOTFS [REGEX PROGRAM]",
	.summary = "programs that exec may run without km",
	.options = exceptions_rows,
	.options_size = sizeof(struct exceptions_options),
	.id_argument = 2,
	.args_min = 2,
	.args_max = 4,
	.run = run_exceptions,
};

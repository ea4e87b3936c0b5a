/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "json/make.h"
#include "json/parse.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/passwd.h"
#include "util/printable.h"
#include "util/screen.h"

struct list_options {
	const char *format;
	bool quiet, any_root;
};

static const struct option_row list_rows[] = {
	{ "format", 'f', OPTION_TEXT, offsetof(struct list_options, format), "table|json",
	  "form of the output (default: table)" },
	{ "quiet", 'q', OPTION_FLAG, offsetof(struct list_options, quiet), NULL, "ids only" },
	{ "any-root", 0, OPTION_FLAG, offsetof(struct list_options, any_root), NULL,
	  "those in the state roots of engines and users, too, with the root of each" },
	{ 0 },
};

/*
 * Returns the name of a user by the text of passwd(5) (NULL: there is none), or the number. The caller frees
 * it; NULL: out of memory.
 */
static char *owner_name(const char *passwd, uid_t uid)
{
	auto_free char *name = passwd ? passwd_user_name(passwd, uid) : NULL;
	char *number;

	if (name)
		return printable_text(name, "");
	return asprintf(&number, "%u", uid) < 0 ? NULL : number;
}

struct widths {
	int id, bundle, owner;
	bool root; /* there is a column ROOT */
};

/* A bundle's path, and all that another user's state says, may have newlines: a row is one line. */
static void list_row(FILE *out, const struct widths *widths, const char *passwd,
		     const struct container_info *info)
{
	auto_free char *bundle = printable_text(info->bundle, ""), *owner = owner_name(passwd, info->owner);
	auto_free char *root = printable_text(info->root, ""), *created = printable_text(info->created, "");

	fprintf(out, "%-*s %-8d %-8s %-*s %-30s ", widths->id, info->id, info->pid, info->status,
		widths->bundle, bundle ? bundle : "", created ? created : "");
	if (widths->root)
		fprintf(out, "%-*s %s\n", widths->owner, owner ? owner : "", root ? root : "");
	else
		fprintf(out, "%s\n", owner ? owner : "");
}

static int shown_width(const char *text)
{
	auto_free char *shown = printable_text(text, "");

	return shown ? (int)strlen(shown) : 0;
}

static void widen(int *width, int wanted)
{
	*width = wanted > *width ? wanted : *width;
}

static enum colour status_colour(const char *word, size_t len)
{
	return len == 7 && strncmp(word, "running", len) == 0 ? COLOUR_GREEN :
	       len == 7 && strncmp(word, "unknown", len) == 0 ? COLOUR_RED :
	       len == 7 && strncmp(word, "stopped", len) == 0 ? COLOUR_FAINT :
								COLOUR_YELLOW;
}

/*
 * Returns a printable table with colours for the words below STATUS; the caller frees it. NULL: out of
 * memory. They come last, because what makes names printable would show them.
 */
static char *coloured(const char *table)
{
	const char *header = strstr(table, "STATUS");
	const size_t column = header ? (size_t)(header - table) : 0;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (bool first = true; out && *table; first = false) {
		const size_t len = strcspn(table, "\n");
		const char *word = table + (first || column > len ? len : column), *end = table + len;
		const size_t word_len = strcspn(word, " \n");

		fprintf(out, "%.*s", (int)(word - table), table);
		if (word_len > 0)
			fprintf(out, "%s%.*s%s", screen_colour(STDOUT_FILENO, status_colour(word, word_len)),
				(int)word_len, word, screen_plain(STDOUT_FILENO));
		fprintf(out, "%.*s\n", (int)(end - word - (ptrdiff_t)word_len), word + word_len);
		table = end + (*end == '\n');
	}
	return io_close_text(out, &text) < 0 ? NULL : text;
}

static int print_coloured(FILE *out, char **text, struct error *err)
{
	auto_free char *shown = NULL, *painted = NULL;

	if (io_close_text(out, text) < 0)
		return error_oom(err);
	shown = printable_text(*text, "\n");
	painted = shown ? coloured(shown) : NULL;
	return painted ? command_print(painted, err) : error_oom(err);
}

static void list_table(FILE *out, const struct container_info *list, size_t len, bool with_root)
{
	struct widths widths = { 4, 6, 5, with_root };
	auto_free char *passwd = NULL;

	if (io_read_file(AT_FDCWD, "/etc/passwd", PASSWD_SIZE_MAX, &passwd, NULL) < 0)
		passwd = NULL;
	for (size_t i = 0; i < len; i++) {
		auto_free char *owner = owner_name(passwd, list[i].owner);

		widen(&widths.id, (int)strlen(list[i].id));
		widen(&widths.bundle, shown_width(list[i].bundle));
		widen(&widths.owner, owner ? (int)strlen(owner) : 0);
	}
	fprintf(out, "%-*s %-8s %-8s %-*s %-30s ", widths.id, "ID", "PID", "STATUS", widths.bundle, "BUNDLE",
		"CREATED");
	if (with_root)
		fprintf(out, "%-*s ROOT\n", widths.owner, "OWNER");
	else
		fputs("OWNER\n", out);
	for (size_t i = 0; i < len; i++)
		list_row(out, &widths, passwd, &list[i]);
}

/* Returns the state with the root; the caller frees it. NULL: out of memory. */
static char *text_with_root(const struct container_info *info)
{
	struct json_maker maker = { 0 };
	auto_json object = NULL;
	struct error ignored;

	if (json_document_parse(info->state_text, strlen(info->state_text), &object, &ignored) < 0)
		return NULL;
	json_put_text(&maker, object, "root", info->root);
	return json_make_text(&maker, object, JSON_COMPACT);
}

static int list_json(FILE *out, const struct container_info *list, size_t len, bool with_root)
{
	fputs("[", out);
	for (size_t i = 0; i < len; i++) {
		auto_free char *made = with_root ? text_with_root(&list[i]) : NULL;
		const char *text = with_root ? made : list[i].state_text;

		if (!text)
			return -ENOMEM;
		fprintf(out, "%s%.*s", i ? "," : "", (int)strcspn(text, "\n"), text);
	}
	fputs("]\n", out);
	return 0;
}

/* An id needs no escapes in JSON (state_dir.h). */
static void list_ids(FILE *out, const struct container_info *list, size_t len, bool json)
{
	fputs(json ? "[" : "", out);
	for (size_t i = 0; i < len; i++)
		fprintf(out, json ? "%s\"%s\"" : "%s%s\n", json && i ? "," : "", list[i].id);
	fputs(json ? "]\n" : "", out);
}

static int print(const struct list_options *options, const struct container_info *list, size_t len, bool json,
		 struct error *err)
{
	auto_free char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int r = 0;

	if (out && options->quiet)
		list_ids(out, list, len, json);
	else if (out && json)
		r = list_json(out, list, len, options->any_root);
	else if (out)
		list_table(out, list, len, options->any_root);
	if (r < 0) {
		fclose(out);
		return error_oom(err);
	}
	if (json || options->quiet || *screen_plain(STDOUT_FILENO) == '\0')
		return command_print_stream(out, &text, json, err);
	return print_coloured(out, &text, err);
}

static enum container_detail detail_of(const struct list_options *options, bool json)
{
	return options->quiet ? CONTAINER_ID : json ? CONTAINER_STATE : CONTAINER_ROW;
}

static int run_list(struct cli *cli, void *arguments, struct error *err)
{
	const struct list_options *options = arguments;
	struct container_info *list;
	size_t len;
	bool json;
	int r = command_wants_json(options->format, &json, err);

	if (r == 0)
		r = options->any_root ?
			    container_list_any(&cli->runtime, detail_of(options, json), &list, &len, err) :
			    container_list(&cli->runtime, detail_of(options, json), &list, &len, err);
	if (r < 0)
		return r;
	r = print(options, list, len, json, err);
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

/* SPDX-License-Identifier: Apache-2.0 */

/* Finding and changing entries of a TOML text. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "install/text.h"
#include "install/toml.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

static size_t path_len(const char *const *path)
{
	size_t len = 0;

	while (path[len])
		len++;
	return len;
}

/* Returns whether the first @len names are the same. */
static bool begins_with(const struct strv *path, const char *const *names, size_t len)
{
	if (path->len < len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (strcmp(path->items[i], names[i]) != 0)
			return false;
	return true;
}

static const struct toml_entry *find(const struct toml *toml, const char *const *path, size_t len, bool table)
{
	for (size_t i = 0; i < toml->len; i++) {
		const struct toml_entry *entry = &toml->entries[i];

		if (entry->is_table == table && entry->path.len == len &&
		    begins_with(&entry->path, path, len))
			return entry;
	}
	return NULL;
}

const struct toml_entry *toml_find(const struct toml *toml, const char *const *path, bool table,
				   const struct toml_entry **ret_inside)
{
	const size_t len = path_len(path);

	if (ret_inside) {
		*ret_inside = NULL;
		for (size_t part = 1; part < len && !*ret_inside; part++)
			*ret_inside = find(toml, path, part, false);
	}
	return find(toml, path, len, table);
}

/* ---- new text -------------------------------------------------------------------------------- */

char *toml_quote(const char *text)
{
	char *quoted = NULL;
	size_t size;
	FILE *out = open_memstream(&quoted, &size);

	if (out)
		fputc('"', out);
	for (; out && *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			fprintf(out, "\\u%04x", *text);
		else
			fprintf(out, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
	}
	if (out)
		fputc('"', out);
	return io_close_text(out, &quoted) < 0 ? NULL : quoted;
}

static void put_name(FILE *out, const char *name)
{
	auto_free char *quoted = NULL;

	if (*name &&
	    !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")]) {
		fputs(name, out);
		return;
	}
	quoted = toml_quote(name);
	fputs(quoted ? quoted : "", out);
}

/* Writes `[a.b]`. */
static void put_header(FILE *out, const char *const *path, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		fputc(i == 0 ? '[' : '.', out);
		put_name(out, path[i]);
	}
	fputc(']', out);
}

static bool ends_line(const char *text, size_t at)
{
	return at == 0 || text[at - 1] == '\n';
}

/* Adds @key behind @last, an entry of the table, or at the beginning of the text if it is NULL. */
static int add_line(char **text, const struct toml_entry *last, const char *key, const char *value,
		    struct error *err)
{
	/* A key that follows a header stands below the header's name. */
	const size_t at = last ? last->end : 0, indent = last ? text_indent(*text, last->at) : 0;
	const char *eol = text_line_end(*text);
	auto_free char *line = NULL;
	size_t size;
	FILE *out = open_memstream(&line, &size);

	if (!out)
		return error_oom(err);
	if (!ends_line(*text, at))
		fputs(eol, out);
	if (last)
		fwrite(*text + text_line_start(*text, last->at), 1, indent, out);
	put_name(out, key);
	fprintf(out, " = %s%s", value, ends_line(*text, at) ? eol : "");
	if (io_close_text(out, &line) < 0 || text_splice(text, at, at, line, strlen(line)) < 0)
		return error_oom(err);
	return 0;
}

/* Adds a header and its first key at the end. */
static int add_table(char **text, const char *const *path, size_t len, const char *value, struct error *err)
{
	const size_t at = strlen(*text);
	const char *eol = text_line_end(*text);
	auto_free char *lines = NULL;
	size_t size;
	FILE *out = open_memstream(&lines, &size);

	if (!out)
		return error_oom(err);
	if (at > 0)
		fprintf(out, "%s%s", ends_line(*text, at) ? "" : eol, eol);
	put_header(out, path, len - 1);
	fputs(eol, out);
	put_name(out, path[len - 1]);
	fprintf(out, " = %s%s", value, ends_line(*text, at) ? eol : "");
	if (io_close_text(out, &lines) < 0 || text_splice(text, at, at, lines, strlen(lines)) < 0)
		return error_oom(err);
	return 0;
}

/* Returns the last key of the table, or its header, or NULL. */
static const struct toml_entry *last_of(const struct toml *toml, const char *const *path, size_t len)
{
	const struct toml_entry *last = find(toml, path, len, true);
	size_t i = last ? (size_t)(last - toml->entries) + 1 : 0;

	for (; i < toml->len && !toml->entries[i].is_table; i++)
		last = &toml->entries[i];
	return last;
}

/* Returns what makes the key a table, or NULL: its header, a key or header below it, or its value. */
static const struct toml_entry *find_table(const char *text, const struct toml *toml, const char *const *path,
					   size_t len)
{
	for (size_t i = 0; i < toml->len; i++) {
		const struct toml_entry *entry = &toml->entries[i];

		if ((entry->is_table || entry->path.len > len || text[entry->value] == '{') &&
		    begins_with(&entry->path, path, len))
			return entry;
	}
	return NULL;
}

/* Finds what makes it impossible to add a key to the table. */
static const struct toml_entry *find_obstacle(const struct toml *toml, const char *const *path, size_t len)
{
	for (size_t i = 0; i < toml->len; i++) {
		const struct toml_entry *entry = &toml->entries[i];
		const size_t own = entry->path.len;

		/* An inline table, or another value; or an array of tables, of which there may be many. */
		if (own < len && (!entry->is_table || entry->is_array) &&
		    begins_with(&entry->path, path, own))
			return entry;
	}
	/* `a.b.c = 1` in [a] makes the table [a.b] without a header, and it cannot get one. */
	for (size_t i = 0; i < toml->len && len > 1 && !find(toml, path, len - 1, true); i++) {
		const struct toml_entry *entry = &toml->entries[i], *header = NULL;

		for (size_t j = 0; j < i; j++)
			header = toml->entries[j].is_table ? &toml->entries[j] : header;
		if (!entry->is_table && entry->path.len >= len && begins_with(&entry->path, path, len - 1) &&
		    (!header || header->path.len < len - 1))
			return entry;
	}
	return NULL;
}

static int set(const char *file, char **text, const struct toml *toml, const char *const *path,
	       const char *value, struct error *err)
{
	const size_t len = path_len(path);
	const struct toml_entry *key = find(toml, path, len, false), *last = NULL;
	const struct toml_entry *obstacle = find_obstacle(toml, path, len);
	const struct toml_entry *table = find_table(*text, toml, path, len);

	if (table)
		return text_error(err, -EINVAL, file, *text, table->at,
				  "this makes '%s' a table, and krun would set it to %s", path[len - 1],
				  value);
	if (key)
		return text_splice(text, key->value, key->value_end, value, strlen(value)) < 0 ?
			       error_oom(err) :
			       0;
	if (obstacle)
		return text_error(err, -EINVAL, file, *text, obstacle->at,
				  "krun cannot add to a table in this form; write it with a [header]");
	last = last_of(toml, path, len - 1);
	if (len > 1 && !last)
		return add_table(text, path, len, value, err);
	if (len > 1 && !find(toml, path, len - 1, true))
		return add_table(text, path, len, value, err);
	return add_line(text, last, path[len - 1], value, err);
}

int toml_set(const char *file, char **text, const char *const *path, const char *value, struct error *err)
{
	struct toml toml;
	int r = toml_parse(file, *text, &toml, err);

	if (r < 0)
		return r;
	r = set(file, text, &toml, path, value, err);
	toml_done(&toml);
	return r;
}

/* ---- removing -------------------------------------------------------------------------------- */

/* Extends [*begin, *end) by an empty line in front that toml_set() may have made. */
static void take_empty_line(const char *text, size_t *begin, size_t end)
{
	const size_t before = *begin > 0 ? text_line_start(text, *begin - 1) : *begin;
	const char *next = text + end + strspn(text + end, " \t");

	/* Where more follows, without an empty line, the line separates that. */
	if (before < *begin && text[before + strspn(text + before, " \t\r")] == '\n' &&
	    (!*next || *next == '\n' || *next == '\r' || *next == '['))
		*begin = before;
}

/* Removes the line end in front when the text did not end with one. */
static int cut(char **text, size_t begin, size_t end, bool table, struct error *err)
{
	const bool at_end = !(*text)[end], open = at_end && end > 0 && (*text)[end - 1] != '\n';

	if (table)
		take_empty_line(*text, &begin, end);
	if (open && begin > 0)
		begin -= begin > 1 && (*text)[begin - 2] == '\r' ? 2 : 1;
	return text_splice(text, begin, end, "", 0) < 0 ? error_oom(err) : 0;
}

/* Removes the last of what toml_remove() removes. Returns 1, 0 if there is nothing, or a negative errno. */
static int remove_last(const char *file, char **text, const char *const *path, bool table, struct error *err)
{
	const size_t len = path_len(path);
	struct toml toml;
	int r = toml_parse(file, *text, &toml, err);

	for (size_t i = r < 0 ? 0 : toml.len; r == 0 && i-- > 0;) {
		const struct toml_entry *entry = &toml.entries[i], *last = entry;

		if (entry->is_table != table || !begins_with(&entry->path, path, len) ||
		    (!table && entry->path.len != len))
			continue;
		while (table && last + 1 < toml.entries + toml.len && !last[1].is_table)
			last++;
		r = cut(text, entry->begin, last->end, table, err);
		r = r < 0 ? r : 1;
	}
	toml_done(&toml);
	return r;
}

int toml_remove(const char *file, char **text, const char *const *path, bool table, struct error *err)
{
	int r;

	do
		r = remove_last(file, text, path, table, err);
	while (r > 0);
	return r;
}

int toml_remove_empty(const char *file, char **text, const char *const *path, struct error *err)
{
	const struct toml_entry *header;
	struct toml toml;
	int r = toml_parse(file, *text, &toml, err);

	if (r < 0)
		return r;
	header = find(&toml, path, path_len(path), true);
	if (header && (header + 1 == toml.entries + toml.len || header[1].is_table))
		r = cut(text, header->begin, header->end, true, err);
	toml_done(&toml);
	return r;
}

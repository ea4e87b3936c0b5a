/* SPDX-License-Identifier: Apache-2.0 */

/* Reading TOML 1.0 into entries. */

#include "install/toml.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "install/text.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/utf8.h"

enum { NESTING_MAX = 100 };

struct reader {
	const char *file, *text;
	size_t at;
	unsigned int depth;
	struct toml *toml;
	struct strv table; /* of the last header */
	bool in_array;	   /* below a `[[header]]`, whose keys may come again */
	struct error *err;
};

static int refuse(const struct reader *reader, const char *why)
{
	const bool end = !reader->text[reader->at];

	return text_error(reader->err, -EINVAL, reader->file, reader->text, reader->at, "%s",
			  end ? "unexpected end of the file" : why);
}

static char peek(const struct reader *reader)
{
	return reader->text[reader->at];
}

static bool take(struct reader *reader, const char *word)
{
	const size_t len = strlen(word);

	if (strncmp(reader->text + reader->at, word, len) != 0)
		return false;
	reader->at += len;
	return true;
}

static void skip_blanks(struct reader *reader)
{
	reader->at += strspn(reader->text + reader->at, " \t");
}

static int skip_comment(struct reader *reader)
{
	if (peek(reader) != '#')
		return 0;
	for (; peek(reader) && peek(reader) != '\n'; reader->at++)
		if ((unsigned char)peek(reader) < ' ' && peek(reader) != '\t' &&
		    strncmp(reader->text + reader->at, "\r\n", 2) != 0)
			return refuse(reader, "control character in a comment");
	return 0;
}

/* White space, ends of lines and comments. */
static int skip_lines(struct reader *reader)
{
	int r = 0;

	while (r == 0 && peek(reader) && strchr(" \t\n#", peek(reader))) {
		if (peek(reader) == '#')
			r = skip_comment(reader);
		else
			reader->at++;
		if (strncmp(reader->text + reader->at, "\r\n", 2) == 0)
			reader->at++;
	}
	if (r == 0 && strncmp(reader->text + reader->at, "\r\n", 2) == 0) {
		reader->at++;
		return skip_lines(reader);
	}
	return r;
}

/* ---- strings --------------------------------------------------------------------------------- */

static size_t encode(char *out, unsigned int code)
{
	static const unsigned char marks[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	const size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	for (size_t i = len; i-- > 1; code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3f));
	out[0] = (char)((len == 1 ? 0 : marks[len]) | code);
	return len;
}

/* Reads the escape sequence behind a backslash to @out. */
static int read_escape(struct reader *reader, bool lines, FILE *out)
{
	static const char letters[] = "btnfre\"\\", meanings[] = "\b\t\n\f\r\033\"\\";
	const char *letter = peek(reader) ? strchr(letters, peek(reader)) : NULL;
	const int digits = peek(reader) == 'u' ? 4 : peek(reader) == 'U' ? 8 : 0;
	unsigned int code = 0;
	char encoded[4];

	if (letter) {
		fputc(meanings[letter - letters], out);
		reader->at++;
		return 0;
	}
	if (lines && peek(reader) && strchr(" \t\r\n", peek(reader))) {
		reader->at += strspn(reader->text + reader->at, " \t\r\n");
		return 0;
	}
	if (digits == 0)
		return refuse(reader, "unknown escape sequence in a string");
	reader->at++;
	for (int i = 0; i < digits; i++, reader->at++) {
		const unsigned char c = (unsigned char)peek(reader);

		if (!isxdigit(c))
			return refuse(reader, "not a hexadecimal digit");
		code = code << 4 | (unsigned int)(isdigit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return refuse(reader, "not a character of Unicode");
	fwrite(encoded, 1, encode(encoded, code), out);
	return 0;
}

/* True, and reads it: the closing quotes come next. Up to two more quotes in front belong to the string. */
static bool take_close(struct reader *reader, char quote, bool lines, FILE *out)
{
	const char quotes[] = { quote, quote, quote, '\0' };

	if (!lines)
		return take(reader, (const char[]){ quote, '\0' });
	if (strncmp(reader->text + reader->at, quotes, 3) != 0)
		return false;
	while (reader->text[reader->at + 3] == quote) {
		fputc(quote, out);
		reader->at++;
	}
	reader->at += 3;
	return true;
}

/* Reads a string of one of the four forms; its text goes to @out. */
static int read_string(struct reader *reader, bool may_have_lines, FILE *out)
{
	const char quote = peek(reader), quotes[] = { quote, quote, quote, '\0' };
	const bool lines = may_have_lines && take(reader, quotes);

	if (!lines)
		reader->at++;
	else if (!take(reader, "\r\n"))
		take(reader, "\n");
	while (!take_close(reader, quote, lines, out)) {
		const unsigned char c = (unsigned char)peek(reader);
		int r = 0;

		if (c == '\\' && quote == '"') {
			reader->at++;
			r = read_escape(reader, lines, out);
		} else if (c == '\0' || (c < ' ' && c != '\t' && !(lines && (c == '\n' || c == '\r')))) {
			r = refuse(reader, "the string does not end in its line");
		} else {
			fputc(c, out);
			reader->at++;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static int read_name(struct reader *reader, struct strv *path)
{
	auto_free char *name = NULL;
	const size_t start = reader->at;
	size_t size;
	FILE *out;
	int r = 0;

	if (peek(reader) != '"' && peek(reader) != '\'') {
		while (isalnum((unsigned char)peek(reader)) || peek(reader) == '_' || peek(reader) == '-')
			reader->at++;
		if (reader->at == start)
			return refuse(reader, "expected a key");
		name = strndup(reader->text + start, reader->at - start);
		return strv_add(path, name) < 0 ? error_oom(reader->err) : 0;
	}
	out = open_memstream(&name, &size);
	if (!out)
		return error_oom(reader->err);
	r = read_string(reader, false, out);
	if (io_close_text(out, &name) < 0 || (r == 0 && strv_add(path, name) < 0))
		return error_oom(reader->err);
	return r;
}

static int read_path(struct reader *reader, struct strv *path)
{
	int r;

	do {
		skip_blanks(reader);
		r = read_name(reader, path);
		skip_blanks(reader);
	} while (r == 0 && take(reader, "."));
	return r;
}

/* ---- values ---------------------------------------------------------------------------------- */

static int skip_value(struct reader *reader);

static int skip_array(struct reader *reader)
{
	int r = skip_lines(reader);

	while (r == 0 && !take(reader, "]")) {
		r = skip_value(reader);
		if (r == 0)
			r = skip_lines(reader);
		if (r == 0 && peek(reader) != ']' && !take(reader, ","))
			r = refuse(reader, "expected ',' or ']'");
		if (r == 0)
			r = skip_lines(reader);
	}
	return r;
}

static int skip_inline_table(struct reader *reader)
{
	int r = 0;

	skip_blanks(reader);
	if (take(reader, "}"))
		return 0;
	do {
		struct strv path = { 0 };

		r = read_path(reader, &path);
		strv_done(&path);
		if (r == 0 && !take(reader, "="))
			r = refuse(reader, "expected '=' after a key");
		skip_blanks(reader);
		if (r == 0)
			r = skip_value(reader);
		skip_blanks(reader);
	} while (r == 0 && take(reader, ","));
	if (r == 0 && !take(reader, "}"))
		r = refuse(reader, "expected ',' or '}'");
	return r;
}

static int skip_string(struct reader *reader)
{
	auto_free char *ignored = NULL;
	size_t size;
	FILE *out = open_memstream(&ignored, &size);
	int r = out ? read_string(reader, true, out) : error_oom(reader->err);

	if (out)
		fclose(out);
	return r;
}

/* Numbers, dates and words: whether their characters make sense is for the engine to say. */
static int skip_word(struct reader *reader)
{
	const size_t start = reader->at;

	while (isalnum((unsigned char)peek(reader)) || (peek(reader) && strchr("+-_.:", peek(reader))))
		reader->at++;
	/* A date and a time may have a blank between them. */
	if (reader->at == start + 10 && reader->text[start + 4] == '-' && peek(reader) == ' ' &&
	    isdigit((unsigned char)reader->text[reader->at + 1])) {
		reader->at++;
		return skip_word(reader);
	}
	return reader->at > start ? 0 : refuse(reader, "expected a value");
}

static int skip_value(struct reader *reader)
{
	int r;

	if (reader->depth > NESTING_MAX)
		return refuse(reader, "nested too deeply");
	reader->depth++;
	if (take(reader, "["))
		r = skip_array(reader);
	else if (take(reader, "{"))
		r = skip_inline_table(reader);
	else
		r = peek(reader) == '"' || peek(reader) == '\'' ? skip_string(reader) : skip_word(reader);
	reader->depth--;
	return r;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static bool is_same_path(const struct strv *a, const struct strv *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

/* Moves @entry to the list. */
static int add(struct reader *reader, struct toml_entry *entry)
{
	struct toml *toml = reader->toml;
	struct toml_entry *more;

	for (size_t i = 0; i < toml->len && !reader->in_array; i++) {
		if (is_same_path(&toml->entries[i].path, &entry->path)) {
			reader->at = entry->at;
			return refuse(reader, "this was said before");
		}
	}
	more = reallocarray(toml->entries, toml->len + 1, sizeof(*more));
	if (!more)
		return error_oom(reader->err);
	toml->entries = more;
	more[toml->len++] = *entry;
	*entry = (struct toml_entry){ 0 };
	return 0;
}

static int copy_path(const struct strv *from, struct strv *to)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < from->len; i++)
		r = strv_add(to, from->items[i]);
	return r;
}

static int read_header(struct reader *reader, struct toml_entry *entry)
{
	int r;

	entry->is_table = true;
	entry->is_array = take(reader, "[");
	r = read_path(reader, &entry->path);
	if (r == 0 && !take(reader, entry->is_array ? "]]" : "]"))
		return refuse(reader, "expected ']'");
	if (r < 0)
		return r;
	reader->in_array = reader->in_array || entry->is_array;
	strv_done(&reader->table);
	return copy_path(&entry->path, &reader->table) < 0 ? error_oom(reader->err) : 0;
}

static int read_key(struct reader *reader, struct toml_entry *entry)
{
	int r = copy_path(&reader->table, &entry->path) < 0 ? error_oom(reader->err) :
							      read_path(reader, &entry->path);

	if (r == 0 && !take(reader, "="))
		r = refuse(reader, "expected '=' after a key");
	skip_blanks(reader);
	entry->value = reader->at;
	if (r == 0)
		r = skip_value(reader);
	entry->value_end = reader->at;
	return r;
}

static int read_line(struct reader *reader, struct toml_entry *entry)
{
	int r;

	entry->at = reader->at;
	entry->begin = text_line_start(reader->text, reader->at);
	r = take(reader, "[") ? read_header(reader, entry) : read_key(reader, entry);
	if (r < 0)
		return r;
	skip_blanks(reader);
	r = skip_comment(reader);
	if (r == 0 && peek(reader) && !take(reader, "\n") && !take(reader, "\r\n"))
		r = refuse(reader, "unexpected text behind the value");
	entry->end = reader->at;
	return r < 0 ? r : add(reader, entry);
}

static int check_characters(const char *file, const char *text, struct error *err)
{
	for (size_t at = 0, len; text[at]; at += len) {
		len = (unsigned char)text[at] < 0x80 ? 1 : utf8_length(text + at);
		if (len == 0)
			return text_error(err, -EINVAL, file, text, at, "not UTF-8");
	}
	return 0;
}

int toml_parse(const char *file, const char *text, struct toml *ret, struct error *err)
{
	struct reader reader = { .file = file, .text = text, .toml = ret, .err = err };
	int r = check_characters(file, text, err);

	*ret = (struct toml){ 0 };
	/* Not every engine takes it, and a key in front of it would break the file. */
	if (r == 0 && strncmp(text, "\xef\xbb\xbf", 3) == 0)
		r = refuse(&reader, "a byte order mark");
	while (r == 0) {
		struct toml_entry entry = { 0 };

		r = skip_lines(&reader);
		if (r < 0 || !peek(&reader))
			break;
		r = read_line(&reader, &entry);
		strv_done(&entry.path);
	}
	strv_done(&reader.table);
	if (r < 0)
		toml_done(ret);
	return r;
}

void toml_done(struct toml *toml)
{
	for (size_t i = 0; i < toml->len; i++)
		strv_done(&toml->entries[i].path);
	free(toml->entries);
	*toml = (struct toml){ 0 };
}

/* ---- values that somebody asks for ----------------------------------------------------------- */

static int add_string(struct reader *reader, struct strv *ret)
{
	auto_free char *string = NULL;
	size_t size;
	FILE *out = open_memstream(&string, &size);
	int r = out ? read_string(reader, true, out) : -ENOMEM;

	if (out && io_close_text(out, &string) < 0)
		return -ENOMEM;
	return r < 0 ? r : strv_add(ret, string);
}

int toml_strings(const char *text, const struct toml_entry *entry, struct strv *ret)
{
	struct error ignored;
	struct reader reader = { .file = "", .text = text, .at = entry->value, .err = &ignored };
	int r = 0;

	while (r == 0 && reader.at < entry->value_end) {
		if (peek(&reader) == '"' || peek(&reader) == '\'')
			r = add_string(&reader, ret);
		else if (peek(&reader) == '#')
			r = skip_comment(&reader);
		else
			reader.at++;
	}
	return r;
}

char *toml_string(const char *text, const struct toml_entry *entry)
{
	struct strv strings = { 0 };
	char *string = NULL;

	if (!strchr("\"'", text[entry->value]))
		return NULL;
	if (toml_strings(text, entry, &strings) == 0 && strings.len == 1)
		string = strdup(strings.items[0]);
	strv_done(&strings);
	return string;
}

bool toml_is_word(const char *text, const struct toml_entry *entry, const char *word)
{
	const size_t len = entry->value_end - entry->value;

	return strlen(word) == len && memcmp(text + entry->value, word, len) == 0;
}

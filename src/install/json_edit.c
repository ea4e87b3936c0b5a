/* SPDX-License-Identifier: Apache-2.0 */
#include "install/json_edit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "install/text.h"
#include "json/make.h"
#include "json/parse.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

/* ---- finding a member ------------------------------------------------------------------------ */

/* All offsets are those of a document that json_document_parse() has accepted. */
struct member {
	size_t open;		/* of the object: its '{' */
	size_t before;		/* the end of the member in front, or behind '{' */
	size_t key, value, end; /* .end: behind the value */
	size_t next;		/* the key of the next member; 0: this is the last one */
};

struct object {
	size_t open, close;
	size_t first, last; /* keys; 0: the object is empty */
	size_t last_end;
};

static size_t skip_space(const char *text, size_t at)
{
	return at + strspn(text + at, " \t\r\n");
}

static size_t skip_string(const char *text, size_t at)
{
	for (at++; text[at] != '"'; at++)
		at += text[at] == '\\';
	return at + 1;
}

static size_t skip_value(const char *text, size_t at)
{
	size_t depth = 0;

	if (text[at] != '{' && text[at] != '[')
		return text[at] == '"' ? skip_string(text, at) : at + strcspn(text + at, " \t\r\n,]}");
	do {
		if (text[at] == '"') {
			at = skip_string(text, at);
			continue;
		}
		depth += text[at] == '{' || text[at] == '[';
		depth -= text[at] == '}' || text[at] == ']';
		at++;
	} while (depth > 0);
	return at;
}

/* Returns the string at @at, which the caller frees. NULL: no memory. */
static char *decode(const char *text, size_t at)
{
	auto_json string = NULL;
	struct error ignored;

	if (json_document_parse(text + at, skip_string(text, at) - at, &string, &ignored) < 0)
		return NULL;
	return strdup(json_object_get_string(string));
}

/* Looks for @key in the object at @open; *object is filled in any case. */
static int find_member(const char *file, const char *text, size_t open, const char *key,
		       struct object *object, struct member *ret, struct error *err)
{
	size_t before = open + 1, at = skip_space(text, open + 1);
	bool found = false;

	*object = (struct object){ .open = open };
	while (text[at] != '}') {
		const size_t value = skip_space(text, skip_space(text, skip_string(text, at)) + 1);
		const size_t end = skip_value(text, value), behind = skip_space(text, end);
		const size_t next = text[behind] == ',' ? skip_space(text, behind + 1) : 0;
		auto_free char *name = decode(text, at);

		if (!name)
			return error_oom(err);
		if (strcmp(name, key) == 0) {
			if (found)
				return text_error(err, -EINVAL, file, text, at,
						  "the key \"%s\" appears a second time", key);
			found = true;
			*ret = (struct member){ open, before, at, value, end, next };
		}
		object->first = object->first ? object->first : at;
		object->last = at;
		object->last_end = before = end;
		at = next ? next : behind;
	}
	object->close = at;
	return found;
}

/*
 * Follows @keys as far as there are members. Returns 1: found; 0: *ret_missing is the first key that is not
 * there, and *object where it belongs; or -EINVAL.
 */
static int follow(const char *file, const char *text, const char *const *keys, struct object *object,
		  struct member *member, const char *const **ret_missing, struct error *err)
{
	size_t open = skip_space(text, 0);
	int r = 0;

	for (; *keys; keys++) {
		r = find_member(file, text, open, *keys, object, member, err);
		if (r < 0)
			return r;
		*ret_missing = keys;
		if (r == 0)
			return 0;
		if (keys[1] && text[member->value] != '{')
			return text_error(err, -EINVAL, file, text, member->value,
					  "the value of \"%s\" is not an object", *keys);
		open = member->value;
	}
	return r;
}

/* ---- new text -------------------------------------------------------------------------------- */

/* Where the first member of an object stands on a line of its own, new ones do, too. */
static bool is_on_lines(const char *text, size_t open)
{
	const size_t root = skip_space(text, 0), first = skip_space(text, open + 1);

	if (text[first] == '}')
		return open == root || is_on_lines(text, root);
	return memchr(text + open, '\n', first - open);
}

/* Writes what one more level is indented by: as the first member of the document. */
static void put_unit(FILE *out, const char *text)
{
	const size_t open = skip_space(text, 0), first = skip_space(text, open + 1);
	const size_t base = text_indent(text, open), indent = text_indent(text, first);

	if (text[first] == '}' || indent <= base)
		fputs("  ", out);
	else
		fwrite(text + text_line_start(text, first) + base, 1, indent - base, out);
}

/* Writes @value with @indent in front of its second and further lines, or in one line. */
static void put_value(FILE *out, const char *text, const char *value, bool lines, const char *indent)
{
	for (; *value; value++) {
		if (*value == '\n' && lines)
			fprintf(out, "%s%s", text_line_end(text), indent);
		else if (*value == '\t' && lines)
			put_unit(out, text);
		else if (*value == '\n')
			fputc(' ', out);
		else if (*value != '\t')
			fputc(*value, out);
	}
}

/* Returns `"KEY": VALUE`, in objects for all further keys; the caller frees it. NULL: no memory. */
static char *make_member(const char *const *keys, const char *value)
{
	auto_free char *inner = keys[1] ? make_member(keys + 1, value) : NULL;
	auto_free char *quoted = json_edit_quote(keys[0]);
	char *made = NULL;
	size_t size;
	FILE *out = open_memstream(&made, &size);

	if (out && quoted)
		fprintf(out, "%s: %s", quoted, keys[1] ? "{\n\t" : value);
	for (const char *c = inner; out && c && *c; c++)
		fputs(*c == '\n' ? "\n\t" : (char[]){ *c, '\0' }, out);
	if (out && keys[1])
		fputs("\n}", out);
	if (io_close_text(out, &made) < 0)
		return NULL;
	if (!quoted || (keys[1] && !inner))
		cleanup_free(&made);
	return made;
}

/* Returns the white space in front of the line with @at, and one level more with @deeper. NULL: no memory. */
static char *indent_of(const char *text, size_t at, bool deeper)
{
	char *made = NULL;
	size_t size;
	FILE *out = open_memstream(&made, &size);

	if (out)
		fwrite(text + text_line_start(text, at), 1, text_indent(text, at), out);
	if (out && deeper)
		put_unit(out, text);
	return io_close_text(out, &made) < 0 ? NULL : made;
}

static int insert(char **text, const struct object *object, const char *member, struct error *err)
{
	const bool lines = is_on_lines(*text, object->open);
	auto_free char *outer = indent_of(*text, object->open, false);
	auto_free char *indent = indent_of(*text, object->last ? object->last : object->open, !object->last);
	auto_free char *with = NULL;
	size_t size;
	FILE *out = outer && indent ? open_memstream(&with, &size) : NULL;

	if (!out)
		return error_oom(err);
	if (object->last)
		fputc(',', out);
	if (lines)
		fprintf(out, "%s%s", text_line_end(*text), indent);
	else
		fputc(' ', out);
	put_value(out, *text, member, lines, indent);
	if (!object->last && lines)
		fprintf(out, "%s%s", text_line_end(*text), outer);
	else if (!object->last)
		fputc(' ', out);
	if (io_close_text(out, &with) < 0)
		return error_oom(err);
	return text_splice(text, object->last ? object->last_end : object->open + 1,
			   object->last ? object->last_end : object->close, with, strlen(with)) < 0 ?
		       error_oom(err) :
		       0;
}

static int replace(char **text, const struct member *member, const char *value, struct error *err)
{
	auto_free char *indent = indent_of(*text, member->key, false);
	auto_free char *with = NULL;
	size_t size;
	FILE *out = indent ? open_memstream(&with, &size) : NULL;

	if (out)
		put_value(out, *text, value, is_on_lines(*text, member->open), indent);
	if (io_close_text(out, &with) < 0 ||
	    text_splice(text, member->value, member->end, with, strlen(with)) < 0)
		return error_oom(err);
	return 0;
}

/* ---- the interface --------------------------------------------------------------------------- */

int json_edit_check(const char *file, const char *text, struct error *err)
{
	const size_t start = skip_space(text, 0);
	auto_json tree = NULL;
	int r;

	if (!text[start])
		return 0;
	r = json_document_parse(text, strlen(text), &tree, err);
	if (r < 0)
		return err->line ? error_document(err, file) : error_prefix(err, "%s", file);
	return text[start] == '{' ? 0 : text_error(err, -EINVAL, file, text, start, "expected an object");
}

/* As follow(), of a text that may have no object at all. */
static int find(const char *file, const char *text, const char *const *keys, struct member *ret,
		struct error *err)
{
	const char *const *missing;
	struct object object;

	return text[skip_space(text, 0)] ? follow(file, text, keys, &object, ret, &missing, err) : 0;
}

int json_edit_find(const char *file, const char *text, const char *const *keys, size_t *ret_at,
		   struct error *err)
{
	struct member member;
	int r = find(file, text, keys, &member, err);

	if (r > 0 && ret_at)
		*ret_at = member.key;
	return r;
}

int json_edit_string(const char *file, const char *text, const char *const *keys, char **ret,
		     struct error *err)
{
	struct member member;
	int r = find(file, text, keys, &member, err);

	*ret = NULL;
	if (r <= 0 || text[member.value] != '"')
		return r;
	*ret = decode(text, member.value);
	return *ret ? r : error_oom(err);
}

int json_edit_strings(const char *file, const char *text, const char *const *keys, struct strv *ret,
		      bool *ret_all, struct error *err)
{
	struct member member;
	int r = find(file, text, keys, &member, err);
	size_t at;

	*ret_all = r > 0 && text[member.value] == '[';
	if (!*ret_all)
		return r;
	for (at = skip_space(text, member.value + 1); text[at] != ']'; at = skip_space(text, at)) {
		auto_free char *string = text[at] == '"' ? decode(text, at) : NULL;

		*ret_all = *ret_all && text[at] == '"';
		if (text[at] == '"' && strv_add(ret, string) < 0)
			return error_oom(err);
		at = skip_space(text, skip_value(text, at));
		at += text[at] == ',';
	}
	return r;
}

bool json_edit_is(const char *text, const char *const *keys, const char *word)
{
	struct member member;
	struct error ignored;
	size_t len;

	if (find("", text, keys, &member, &ignored) <= 0)
		return false;
	if (strcmp(word, "{}") == 0)
		return text[member.value] == '{' && text[skip_space(text, member.value + 1)] == '}';
	len = member.end - member.value;
	return strlen(word) == len && memcmp(text + member.value, word, len) == 0;
}

int json_edit_set(const char *file, char **text, const char *const *keys, const char *value,
		  struct error *err)
{
	const char *const *missing = keys;
	auto_free char *made = NULL;
	struct object object;
	struct member member;
	int r;

	if (!(*text)[skip_space(*text, 0)]) {
		auto_free char *start = strdup("{}\n");

		if (!start)
			return error_oom(err);
		free(*text);
		*text = take_pointer(start);
	}
	r = follow(file, *text, keys, &object, &member, &missing, err);
	if (r < 0)
		return r;
	if (r > 0)
		return replace(text, &member, value, err);
	made = make_member(missing, value);
	return made ? insert(text, &object, made, err) : error_oom(err);
}

int json_edit_remove(const char *file, char **text, const char *const *keys, struct error *err)
{
	struct member member;
	int r = find(file, *text, keys, &member, err);

	if (r <= 0)
		return r;
	if (member.next)
		r = text_splice(text, member.key, member.next, "", 0);
	else if (member.before != member.open + 1)
		r = text_splice(text, member.before, member.end, "", 0);
	else
		r = text_splice(text, member.open + 1, skip_space(*text, member.end), "", 0);
	return r < 0 ? error_oom(err) : 0;
}

char *json_edit_quote(const char *text)
{
	struct json_maker maker = { 0 };
	auto_json string = json_make_text_value(&maker, text);

	return json_make_text(&maker, string, JSON_COMPACT);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "json/parse.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json/fields.h"
#include "json/findings.h"
#include "json/lexer.h"
#include "json/make.h"
#include "json/pointer.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/excerpt.h"

/* The limit of Go's encoding/json, with which engines write their files. */
enum { NESTING_MAX = 10000 };

/* The place of a value: a key, or an index when the key is NULL, below the one of @up. */
struct place {
	const struct place *up;
	const char *key;
	size_t index;
};

struct parser {
	struct json_lexer lexer;
	const char *begin;
	/*
	 * The texts that are being read: keys of the objects around this place, and one more. None is
	 * longer than in the document, so the document's size is enough for all of them.
	 */
	char *texts;
	size_t used;
	size_t depth;
	const struct place *place;
	/* A key that is there twice: with .findings it is added to them; else it ends the reading. */
	struct json_findings *findings;
	const char *twice;
};

static const char twice[] = "the key '%s' is there twice in one object";

static int parse_value(struct parser *parser, struct json_object **ret);

static int parse_string(struct parser *parser, struct json_object **ret)
{
	size_t len;
	int r = json_lexer_text(&parser->lexer, false, parser->texts + parser->used, &len);

	if (r < 0)
		return r;
	*ret = json_object_new_string_len(parser->texts + parser->used, (int)len);
	return *ret ? 0 : -ENOMEM;
}

/* ---- numbers and words ----------------------------------------------------------------------- */

static int parse_number(struct parser *parser, struct json_object **ret)
{
	const char *begin = parser->lexer.at;
	char *text = parser->texts + parser->used;
	unsigned long long positive = 0;
	long long number = 0;
	bool integer;
	int r = json_lexer_number(&parser->lexer, &integer);

	if (r < 0)
		return r;
	*(char *)mempcpy(text, begin, (size_t)(parser->lexer.at - begin)) = '\0';
	errno = 0;
	if (integer && *text == '-')
		number = strtoll(text, NULL, 10);
	else if (integer)
		positive = strtoull(text, NULL, 10);
	if (!integer || errno == ERANGE)
		*ret = json_object_new_double_s(strtod(text, NULL), text);
	else if (positive > INT64_MAX)
		*ret = json_object_new_uint64(positive);
	else
		*ret = json_object_new_int64(*text == '-' ? number : (long long)positive);
	return *ret ? 0 : -ENOMEM;
}

static int parse_word(struct parser *parser, struct json_object **ret)
{
	const bool yes = json_lexer_word(&parser->lexer, "true");

	if (!yes && json_lexer_word(&parser->lexer, "null"))
		return 0;
	if (!yes && !json_lexer_word(&parser->lexer, "false"))
		return json_lexer_refuse(&parser->lexer, "unexpected character");
	*ret = json_object_new_boolean(yes);
	return *ret ? 0 : -ENOMEM;
}

/* ---- objects and arrays ---------------------------------------------------------------------- */

/* Returns the length of the pointer of @place. */
static size_t put_pointer(const struct place *place, char *out, size_t size)
{
	size_t len;

	out[0] = '\0';
	if (!place)
		return 0;
	len = put_pointer(place->up, out, size);
	return len + json_pointer_add(out + len, size - len, place->key, place->index);
}

/* @at: of the second key, behind its first quote. */
static int refuse_twice(struct parser *parser, const char *at, const char *key)
{
	char pointer[JSON_POINTER_MAX] = "";

	if (!parser->findings) {
		parser->lexer.at = at - 1;
		parser->twice = key;
		return -EINVAL;
	}
	/* Nothing that krun reads is nested so deeply. */
	if (parser->depth <= JSON_DEPTH_MAX)
		put_pointer(&(struct place){ .up = parser->place, .key = key }, pointer, sizeof(pointer));
	json_findings_add_at(parser->findings, JSON_ERROR, pointer, (size_t)(at - 1 - parser->begin), twice,
			     key);
	return 0;
}

static int parse_key(struct parser *parser, struct json_object *object, size_t *ret_len)
{
	char *key = parser->texts + parser->used;
	const char *at;
	int r;

	if (!json_lexer_take(&parser->lexer, '"'))
		return json_lexer_refuse(&parser->lexer, "expected a key");
	at = parser->lexer.at;
	r = json_lexer_text(&parser->lexer, true, key, ret_len);
	if (r == 0 && json_object_object_get_ex(object, key, NULL))
		r = refuse_twice(parser, at, key);
	if (r == 0 && !json_lexer_take(&parser->lexer, ':'))
		r = json_lexer_refuse(&parser->lexer, "expected ':' after a key");
	return r;
}

/* Parses the value at @place. */
static int parse_below(struct parser *parser, struct place place, struct json_object **ret)
{
	int r;

	place.up = parser->place;
	parser->place = &place;
	r = parse_value(parser, ret);
	parser->place = place.up;
	return r;
}

static int parse_member(struct parser *parser, struct json_object *object)
{
	const size_t used = parser->used;
	const char *key = parser->texts + used;
	auto_json value = NULL;
	size_t len = 0;
	int r = parse_key(parser, object, &len);

	if (r < 0)
		return r;
	parser->used += len + 1;
	r = parse_below(parser, (struct place){ .key = key }, &value);
	parser->used = used;
	if (r < 0)
		return r;
	if (json_object_object_add(object, key, value) < 0)
		return -ENOMEM;
	value = NULL;
	return 0;
}

static int parse_element(struct parser *parser, struct json_object *array)
{
	const struct place place = { .index = json_object_array_length(array) };
	auto_json value = NULL;
	int r = parse_below(parser, place, &value);

	if (r < 0)
		return r;
	if (json_object_array_add(array, value) < 0)
		return -ENOMEM;
	value = NULL;
	return 0;
}

/* @close: of an object or an array, whose opening bracket was read. */
static int parse_container(struct parser *parser, char close, struct json_object **ret)
{
	auto_json container = close == '}' ? json_object_new_object() : json_object_new_array();
	int r = container ? 0 : -ENOMEM;

	if (r == 0 && ++parser->depth > NESTING_MAX)
		r = json_lexer_refuse(&parser->lexer, "nested too deeply");
	if (r == 0 && !json_lexer_take(&parser->lexer, close)) {
		do {
			r = close == '}' ? parse_member(parser, container) : parse_element(parser, container);
		} while (r == 0 && json_lexer_take(&parser->lexer, ','));
		if (r == 0 && !json_lexer_take(&parser->lexer, close))
			r = json_lexer_refuse(&parser->lexer, "unexpected character");
	}
	if (r < 0)
		return r;
	parser->depth--;
	/* An array of json-c begins with room for 32 elements. This only gives room back: it may fail. */
	if (close == ']')
		json_object_array_shrink(container, 0);
	*ret = take_pointer(container);
	return 0;
}

/* *ret stays NULL for null. */
static int parse_value(struct parser *parser, struct json_object **ret)
{
	if (json_lexer_take(&parser->lexer, '{'))
		return parse_container(parser, '}', ret);
	if (json_lexer_take(&parser->lexer, '['))
		return parse_container(parser, ']', ret);
	if (json_lexer_take(&parser->lexer, '"'))
		return parse_string(parser, ret);
	if (json_lexer_peek(&parser->lexer) && strchr("-0123456789", json_lexer_peek(&parser->lexer)))
		return parse_number(parser, ret);
	return parse_word(parser, ret);
}

/* ---- the document ---------------------------------------------------------------------------- */

static const char byte_order_mark[] = "\xef\xbb\xbf";

/* Finds what no JSON text has. Returns NULL, or says what it is and where. */
static const char *find_foreign(const char *text, size_t size, size_t *ret_offset)
{
	const size_t mark = sizeof(byte_order_mark) - 1;
	const char *nul = memchr(text, '\0', size);

	*ret_offset = nul ? (size_t)(nul - text) : 0;
	if (nul)
		return "not JSON: contains a NUL byte";
	if (size >= mark && memcmp(text, byte_order_mark, mark) == 0)
		return "begins with a byte order mark, which JSON does not have: save it without one";
	return NULL;
}

/* Tells the place of an error. */
static int refuse_at(const char *text, size_t size, size_t offset, struct error *err)
{
	const struct excerpt_place place = excerpt_place_of(text, size, offset);

	err->line = place.line;
	err->column = place.column;
	return err->code;
}

static int parse_document(struct parser *parser, struct json_object **ret, struct error *err)
{
	int r = parse_value(parser, ret);

	json_lexer_space(&parser->lexer);
	if (r == 0 && parser->lexer.at < parser->lexer.end)
		r = json_lexer_refuse(&parser->lexer, "text after the end");
	if (r == -ENOMEM)
		return error_oom(err);
	if (r < 0 && parser->twice)
		return error_set(err, r, twice, parser->twice);
	return r < 0 ? error_set(err, r, "not JSON: %s", parser->lexer.problem) : 0;
}

/* *ret_offset: the place of an -EINVAL. */
static int parse(const char *text, size_t size, struct json_findings *findings, struct json_object **ret,
		 size_t *ret_offset, struct error *err)
{
	struct parser parser = { .lexer = { .at = text, .end = text + size },
				 .begin = text,
				 .findings = findings };
	const char *foreign = find_foreign(text, size, ret_offset);
	auto_free char *texts = NULL;
	auto_json tree = NULL;
	int r;

	if (size > INT32_MAX / 2)
		return error_set(err, -EFBIG, "too long");
	if (foreign)
		return error_set(err, -EINVAL, "%s", foreign);
	texts = malloc(size + 1);
	if (!texts)
		return error_oom(err);
	parser.texts = texts;
	r = parse_document(&parser, &tree, err);
	*ret_offset = (size_t)(parser.lexer.at - text);
	if (r < 0)
		return r;
	*ret = take_pointer(tree);
	return 0;
}

int json_document_parse(const char *text, size_t size, struct json_object **ret, struct error *err)
{
	size_t offset;
	int r;

	*ret = NULL;
	r = parse(text, size, NULL, ret, &offset, err);
	return r == -EINVAL ? refuse_at(text, size, offset, err) : r;
}

int json_document_check(const char *text, size_t size, struct json_findings *findings,
			struct json_object **ret, struct error *err)
{
	size_t offset;
	int r;

	*ret = NULL;
	r = parse(text, size, findings, ret, &offset, err);
	if (r == -EINVAL)
		json_findings_add_at(findings, JSON_ERROR, "", offset, "%s", err->text);
	else if (r < 0)
		json_findings_add_error(findings, JSON_ERROR, err);
	return r < 0 ? r : findings->out_of_memory ? error_oom(err) : 0;
}

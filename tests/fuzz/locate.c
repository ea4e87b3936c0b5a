/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/findings.h"
#include "json/locate.h"
#include "json/make.h"
#include "json/parse.h"
#include "json/pointer.h"
#include "util/error.h"
#include "util/excerpt.h"
#include "util/printable.h"

/* The walk below one document: deeper places are not looked for. */
enum { DEPTH_MAX = 24 };

struct document {
	const char *text;
	size_t size;
	char pointer[JSON_POINTER_MAX];
};

static void check_inside(const struct json_location *place, size_t size)
{
	fuzz_require(place->value < size && place->value_len > 0 && place->value + place->value_len <= size);
	fuzz_require(place->key + place->key_len <= size);
}

/* Two printable lines, the second one with nothing but the mark. */
static void check_excerpt(const char *text, size_t size, size_t offset, size_t len)
{
	const struct excerpt_place place = excerpt_place_of(text, size, offset);
	char *excerpt = excerpt_make(text, size, offset, len), *end, *second;

	fuzz_require(place.line > 0 && place.column > 0 && place.line <= size + 1 &&
		     place.column <= size + 1);
	fuzz_require(excerpt && strtoul(excerpt, &end, 10) == place.line && strncmp(end, " | ", 3) == 0);
	second = strchr(excerpt, '\n') + 1;
	fuzz_require(strlen(second) < 256 && second - excerpt < 2048);
	fuzz_require(second[strspn(second, " |^~")] == '\n' && strchr(second, '^'));
	for (size_t at = 0, bytes; excerpt[at]; at += bytes) {
		bytes = excerpt[at] == '\n' ? 1 : printable_length(excerpt + at, strlen(excerpt + at));
		fuzz_require(bytes > 0);
	}
	free(excerpt);
}

/* What stands at the place of a value is this value. */
static void check_value(struct document *document, struct json_object *value, size_t len, size_t depth)
{
	struct json_location place;

	fuzz_require(json_locate(document->text, document->size, document->pointer, &place));
	fuzz_require(place.exact);
	check_inside(&place, document->size);
	if (json_object_is_type(value, json_type_object) || json_object_is_type(value, json_type_array)) {
		fuzz_require(place.value_len == 1);
	} else {
		struct json_object *again;
		struct error err;

		fuzz_require(json_document_parse(document->text + place.value, place.value_len, &again,
						 &err) == 0);
		fuzz_require(json_object_equal(again, value));
		json_object_put(again);
	}
	if (depth == DEPTH_MAX || len > JSON_POINTER_MAX / 2)
		return;
	if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, key, member)
		{
			if (strlen(key) > JSON_POINTER_MAX / 8)
				continue;
			check_value(document, member,
				    len + json_pointer_add(document->pointer + len, JSON_POINTER_MAX - len,
							   key, 0),
				    depth + 1);
			document->pointer[len] = '\0';
		}
	}
	for (size_t i = 0; json_object_is_type(value, json_type_array) && i < json_object_array_length(value);
	     i++) {
		check_value(document, json_object_array_get_idx(value, i),
			    len + json_pointer_add(document->pointer + len, JSON_POINTER_MAX - len, NULL, i),
			    depth + 1);
		document->pointer[len] = '\0';
	}
}

/* The first line is a pointer, the rest a text: JSON, or anything. */
void fuzz_one(const uint8_t *data, size_t size)
{
	char *pointer = fuzz_text(data, size), *end = strchr(pointer, '\n');
	struct json_findings findings = { 0 };
	struct document document = { "", 0, "" };
	struct json_location place;
	struct json_object *tree;
	struct error err;

	if (end) {
		*end = '\0';
		document.text = end + 1;
		document.size = size - (size_t)(end + 1 - pointer);
	}
	if (json_locate(document.text, document.size, pointer, &place)) {
		check_inside(&place, document.size);
		check_excerpt(document.text, document.size, place.value, place.value_len);
	}
	check_excerpt(document.text, document.size, strlen(pointer), 1);
	if (json_document_check(document.text, document.size, &findings, &tree, &err) == 0)
		check_value(&document, tree, 0, 0);
	else
		fuzz_require(json_findings_have_error(&findings));
	json_findings_of(&findings, "a", NULL, 0);
	for (size_t i = 0; i < findings.len; i++)
		check_excerpt(document.text, document.size, findings.items[i].offset, findings.items[i].len);
	json_findings_done(&findings);
	json_object_put(tree);
	free(pointer);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "json/locate.h"

#include <string.h>

#include "json/lexer.h"
#include "json/pointer.h"

/* A part of a pointer that was "\\uXXXX" throughout; a longer key cannot be one. */
enum { KEY_MAX = 6 * JSON_POINTER_MAX };

/* Skips a string behind its first quote, and the last one. */
static void skip_string(struct json_lexer *lexer)
{
	for (; lexer->at < lexer->end && *lexer->at != '"'; lexer->at++)
		if (*lexer->at == '\\' && lexer->at + 1 < lexer->end)
			lexer->at++;
	if (lexer->at < lexer->end)
		lexer->at++;
}

static void skip_word(struct json_lexer *lexer)
{
	const char *begin = lexer->at;

	while (lexer->at < lexer->end && !strchr(" \t\r\n,:]}[{\"", *lexer->at))
		lexer->at++;
	if (lexer->at == begin && lexer->at < lexer->end)
		lexer->at++;
}

/* Without recursion, so that no text can be nested too deeply. */
static void skip_value(struct json_lexer *lexer)
{
	size_t depth = 0;

	do {
		json_lexer_space(lexer);
		if (json_lexer_take(lexer, '"'))
			skip_string(lexer);
		else if (json_lexer_take(lexer, '{') || json_lexer_take(lexer, '['))
			depth++;
		else if (json_lexer_take(lexer, '}') || json_lexer_take(lexer, ']'))
			depth -= depth > 0;
		else
			skip_word(lexer);
	} while (depth > 0 && lexer->at < lexer->end);
}

/* Reads a key behind its first quote, and the colon. Returns whether it is @part. */
static bool take_key(struct json_lexer *lexer, const char *part)
{
	struct json_lexer key = *lexer;
	char text[KEY_MAX];
	size_t len;

	skip_string(lexer);
	if ((size_t)(lexer->at - key.at) >= sizeof(text))
		return false;
	key.end = lexer->at;
	return json_lexer_text(&key, true, text, &len) == 0 && strcmp(text, part) == 0;
}

/* Stands behind '{'. Finds the value of the last member with this key, and goes there. */
static bool enter_member(struct json_lexer *lexer, const char *part, const char *begin,
			 struct json_location *ret)
{
	struct json_lexer found = { 0 };

	do {
		const char *key;
		size_t len;
		bool meant;

		if (!json_lexer_take(lexer, '"'))
			break;
		key = lexer->at - 1;
		meant = take_key(lexer, part);
		len = (size_t)(lexer->at - key);
		if (!json_lexer_take(lexer, ':'))
			break;
		json_lexer_space(lexer);
		if (meant && lexer->at < lexer->end) {
			found = *lexer;
			ret->key = (size_t)(key - begin);
			ret->key_len = len;
		}
		skip_value(lexer);
	} while (json_lexer_take(lexer, ','));
	if (found.at)
		*lexer = found;
	return found.at;
}

/* Stands behind '['. */
static bool enter_element(struct json_lexer *lexer, const char *part)
{
	size_t index;

	if (!json_pointer_index(part, &index))
		return false;
	for (; index > 0; index--) {
		skip_value(lexer);
		if (!json_lexer_take(lexer, ','))
			return false;
	}
	json_lexer_space(lexer);
	return lexer->at < lexer->end && *lexer->at != ']';
}

static size_t length_at(struct json_lexer lexer)
{
	const char *begin = lexer.at;

	if (json_lexer_take(&lexer, '{') || json_lexer_take(&lexer, '['))
		return 1;
	skip_value(&lexer);
	return (size_t)(lexer.at - begin);
}

bool json_locate(const char *text, size_t size, const char *pointer, struct json_location *ret)
{
	struct json_lexer lexer = { .at = text, .end = text + size };

	json_lexer_space(&lexer);
	*ret = (struct json_location){ .value = (size_t)(lexer.at - text), .exact = true };
	if (lexer.at == lexer.end)
		return false;
	ret->value_len = length_at(lexer);
	while (*pointer == '/') {
		char part[JSON_POINTER_MAX];
		struct json_location inner = { .exact = true };

		json_pointer_take(&pointer, part);
		if (json_lexer_take(&lexer, '{'))
			ret->exact = enter_member(&lexer, part, text, &inner);
		else
			ret->exact = json_lexer_take(&lexer, '[') && enter_element(&lexer, part);
		if (!ret->exact)
			break;
		inner.value = (size_t)(lexer.at - text);
		inner.value_len = length_at(lexer);
		*ret = inner;
	}
	return true;
}

bool json_locate_value(const char *text, size_t size, const char *pointer, const char **ret_value,
		       size_t *ret_len)
{
	struct json_location location;
	struct json_lexer lexer;

	if (!json_locate(text, size, pointer, &location) || !location.exact)
		return false;
	*ret_value = text + location.value;
	lexer = (struct json_lexer){ .at = *ret_value, .end = text + size };
	skip_value(&lexer);
	*ret_len = (size_t)(lexer.at - *ret_value);
	return true;
}

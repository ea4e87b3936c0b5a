/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/systemd_variant.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"
#include "util/cleanup.h"

enum { SIGNATURE_MAX = 64, DEPTH_MAX = 8 };

/* Names of types, their signatures, and the range of integers. */
static const struct type {
	const char *name, *signature;
	int64_t min;
	uint64_t max;
} types[] = {
	{ "string", "s", 0, 0 },
	{ "objectpath", "o", 0, 0 },
	{ "signature", "g", 0, 0 },
	{ "boolean", "b", 0, 0 },
	{ "double", "d", 0, 0 },
	{ "byte", "y", 0, UINT8_MAX },
	{ "int16", "n", INT16_MIN, INT16_MAX },
	{ "uint16", "q", 0, UINT16_MAX },
	{ "int32", "i", INT32_MIN, INT32_MAX },
	{ "uint32", "u", 0, UINT32_MAX },
	{ "int64", "x", INT64_MIN, INT64_MAX },
	{ "uint64", "t", 0, UINT64_MAX },
};

/* The position of the parser. Functions get the wanted type as a signature, "" if the text decides. */
struct cursor {
	const char *at;
	struct strv *words;
	int depth;
};

static int parse_value(struct cursor *cursor, const char *wanted, char *ret_signature);

static void skip_blanks(struct cursor *cursor)
{
	while (isspace((unsigned char)*cursor->at))
		cursor->at++;
}

static bool take(struct cursor *cursor, char c)
{
	skip_blanks(cursor);
	if (*cursor->at != c)
		return false;
	cursor->at++;
	return true;
}

static bool take_word(struct cursor *cursor, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(cursor->at, word, len) != 0 || isalnum((unsigned char)cursor->at[len]))
		return false;
	cursor->at += len;
	return true;
}

static int parse_string(struct cursor *cursor)
{
	const char quote = *cursor->at++;
	auto_free char *text = malloc(strlen(cursor->at) + 1);
	char *out = text;

	if (!text)
		return -ENOMEM;
	while (*cursor->at && *cursor->at != quote) {
		if (*cursor->at == '\\') {
			static const char from[] = "nrt\\'\"", to[] = "\n\r\t\\'\"";
			const char *escape = cursor->at[1] ? strchr(from, cursor->at[1]) : NULL;

			if (!escape)
				return -EINVAL;
			*out++ = to[escape - from];
			cursor->at += 2;
			continue;
		}
		*out++ = *cursor->at++;
	}
	if (*cursor->at != quote)
		return -EINVAL;
	cursor->at++;
	*out = '\0';
	return strv_add(cursor->words, text);
}

/* Returns NULL for a type that is not an integer. */
static const struct type *integer_type(char letter)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].signature[0] == letter && types[i].max > 0)
			return &types[i];
	return NULL;
}

static int add_integer(struct cursor *cursor, const struct type *type, const char *text)
{
	char *end;

	errno = 0;
	if (*text == '-') {
		int64_t value = strtoll(text, &end, 0);

		if (errno || *end || value < type->min)
			return -EINVAL;
		return strv_add_format(cursor->words, "%" PRId64, value);
	}
	uint64_t value = strtoull(text, &end, 0);

	if (errno || *end || value > type->max)
		return -EINVAL;
	return strv_add_format(cursor->words, "%" PRIu64, value);
}

static int parse_number(struct cursor *cursor, char wanted, char *ret_letter)
{
	size_t len = strspn(cursor->at, "+-.0123456789abcdefxABCDEFX");
	const bool hexadecimal = memmem(cursor->at, len, "0x", 2);
	char text[64], *end;

	if (len == 0 || len >= sizeof(text))
		return -EINVAL;
	memcpy(text, cursor->at, len);
	text[len] = '\0';
	cursor->at += len;
	if (!wanted)
		wanted = !hexadecimal && strpbrk(text, ".eE") ? 'd' : 'i';
	*ret_letter = wanted;
	if (wanted != 'd')
		return integer_type(wanted) ? add_integer(cursor, integer_type(wanted), text) : -EINVAL;
	errno = 0;
	strtod(text, &end);
	return errno || *end ? -EINVAL : strv_add(cursor->words, text);
}

/* Replaces a word that could not be known before those behind it. */
static int set_word(struct strv *words, size_t slot, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(words->items[slot]);
	words->items[slot] = copy;
	return 0;
}

/* Parses [a, b, c]; the first element decides the type of all. */
static int parse_array(struct cursor *cursor, const char *wanted, char *ret_signature)
{
	char element[SIGNATURE_MAX] = "", text[24];
	size_t count = 0, slot = cursor->words->len;
	int r = strv_add(cursor->words, "0");

	if (*wanted == 'a')
		snprintf(element, sizeof(element), "%s", wanted + 1);
	while (r == 0 && !take(cursor, ']')) {
		char found[SIGNATURE_MAX];

		if (count > 0 && !take(cursor, ','))
			return -EINVAL;
		r = parse_value(cursor, element, found);
		if (r == 0 && *element && strcmp(element, found) != 0)
			return -EINVAL;
		if (r == 0)
			strcpy(element, found);
		count++;
	}
	if (r < 0 || !*element)
		return r < 0 ? r : -EINVAL;
	snprintf(text, sizeof(text), "%zu", count);
	if (set_word(cursor->words, slot, text) < 0)
		return -ENOMEM;
	return snprintf(ret_signature, SIGNATURE_MAX, "a%s", element) < SIGNATURE_MAX ? 0 : -EINVAL;
}

/* Parses (a, b). The caller compares the signature with the wanted one. */
static int parse_tuple(struct cursor *cursor, char *ret_signature)
{
	size_t len = 1;
	int r = 0;

	strcpy(ret_signature, "(");
	while (r == 0 && !take(cursor, ')')) {
		char found[SIGNATURE_MAX];

		if (len > 1 && !take(cursor, ','))
			return -EINVAL;
		if (take(cursor, ')'))
			break;
		r = parse_value(cursor, "", found);
		if (r == 0 && len + strlen(found) + 2 > SIGNATURE_MAX)
			return -EINVAL;
		if (r == 0)
			len = (size_t)(stpcpy(ret_signature + len, found) - ret_signature);
	}
	if (r < 0 || len == 1)
		return r < 0 ? r : -EINVAL;
	strcpy(ret_signature + len, ")");
	return 0;
}

/* Returns the signature of a type in front of the value ("uint64 5"), or @wanted. */
static const char *take_type(struct cursor *cursor, const char *wanted)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (take_word(cursor, types[i].name))
			return types[i].signature;
	return wanted;
}

static int parse_plain(struct cursor *cursor, const char *wanted, char *ret_signature)
{
	char letter = *wanted;
	bool truth;
	int r;

	if (*cursor->at == '[') {
		cursor->at++;
		return parse_array(cursor, wanted, ret_signature);
	}
	if (*cursor->at == '(') {
		cursor->at++;
		return parse_tuple(cursor, ret_signature);
	}
	truth = take_word(cursor, "true");
	if (truth || take_word(cursor, "false")) {
		letter = 'b';
		r = strv_add(cursor->words, truth ? "true" : "false");
	} else if (*cursor->at == '\'' || *cursor->at == '"') {
		letter = letter == 'o' || letter == 'g' ? letter : 's';
		r = parse_string(cursor);
	} else {
		r = parse_number(cursor, letter, &letter);
	}
	ret_signature[0] = letter;
	ret_signature[1] = '\0';
	return r;
}

static int parse_value(struct cursor *cursor, const char *wanted, char *ret_signature)
{
	char written[SIGNATURE_MAX];
	int r;

	if (++cursor->depth > DEPTH_MAX)
		return -EINVAL;
	skip_blanks(cursor);
	if (*cursor->at == '@') {
		size_t len = strcspn(++cursor->at, " \t");

		if (len == 0 || len >= sizeof(written))
			return -EINVAL;
		memcpy(written, cursor->at, len);
		written[len] = '\0';
		cursor->at += len;
		wanted = written;
	} else {
		wanted = take_type(cursor, wanted);
	}
	skip_blanks(cursor);
	r = parse_plain(cursor, wanted, ret_signature);
	if (r == 0 && *wanted && strcmp(wanted, ret_signature) != 0)
		r = -EINVAL;
	cursor->depth--;
	return r;
}

int systemd_variant_parse(const char *text, struct strv *words)
{
	struct cursor cursor = { .at = text, .words = words };
	const size_t slot = words->len;
	char signature[SIGNATURE_MAX];
	int r = strv_add(words, "");

	if (r == 0)
		r = parse_value(&cursor, "", signature);
	skip_blanks(&cursor);
	if (r == 0 && *cursor.at)
		r = -EINVAL;
	if (r < 0)
		return r;
	return set_word(words, slot, signature);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "json/lexer.h"

#include <errno.h>
#include <string.h>

#include "util/utf8.h"

enum { REPLACEMENT = 0xfffd };

int json_lexer_refuse(struct json_lexer *lexer, const char *problem)
{
	lexer->problem = lexer->at == lexer->end ? "unexpected end of data" : problem;
	return -EINVAL;
}

/* Returns the next character, or NUL, which no document contains, at the end. */
char json_lexer_peek(const struct json_lexer *lexer)
{
	return lexer->at < lexer->end ? *lexer->at : '\0';
}

void json_lexer_space(struct json_lexer *lexer)
{
	while (lexer->at < lexer->end &&
	       (*lexer->at == ' ' || *lexer->at == '\t' || *lexer->at == '\r' || *lexer->at == '\n'))
		lexer->at++;
}

/* True: @wanted comes next, behind white space, and has been read. */
bool json_lexer_take(struct json_lexer *lexer, char wanted)
{
	json_lexer_space(lexer);
	if (json_lexer_peek(lexer) != wanted)
		return false;
	lexer->at++;
	return true;
}

/* ---- strings --------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int parse_hex(struct json_lexer *lexer, unsigned int *ret)
{
	*ret = 0;
	for (int i = 0; i < 4; i++, lexer->at++) {
		const char c = json_lexer_peek(lexer), lower = (char)(c | 0x20);

		if (!is_digit(c) && (lower < 'a' || lower > 'f'))
			return json_lexer_refuse(lexer, "\\u needs four hexadecimal digits");
		*ret = *ret << 4 | (unsigned int)(is_digit(c) ? c - '0' : lower - 'a' + 10);
	}
	return 0;
}

/* Reads the digits of "\uXXXX", and the second half of a surrogate pair. */
static int parse_unicode(struct json_lexer *lexer, unsigned int *ret)
{
	const char *second;
	unsigned int low;
	int r = parse_hex(lexer, ret);

	if (r < 0 || *ret < 0xd800 || *ret > 0xdfff)
		return r;
	second = lexer->at;
	if (*ret < 0xdc00 && lexer->end - second >= 2 && second[0] == '\\' && second[1] == 'u') {
		lexer->at += 2;
		r = parse_hex(lexer, &low);
		if (r < 0)
			return r;
		if (low >= 0xdc00 && low <= 0xdfff) {
			*ret = 0x10000 + ((*ret & 0x3ff) << 10 | (low & 0x3ff));
			return 0;
		}
		lexer->at = second;
	}
	*ret = REPLACEMENT;
	return 0;
}

/* Returns the end of what was written. */
static char *encode(char *out, unsigned int code)
{
	if (code < 0x80) {
		*out++ = (char)code;
		return out;
	}
	if (code < 0x800) {
		*out++ = (char)(0xc0 | code >> 6);
	} else if (code < 0x10000) {
		*out++ = (char)(0xe0 | code >> 12);
		*out++ = (char)(0x80 | (code >> 6 & 0x3f));
	} else {
		*out++ = (char)(0xf0 | code >> 18);
		*out++ = (char)(0x80 | (code >> 12 & 0x3f));
		*out++ = (char)(0x80 | (code >> 6 & 0x3f));
	}
	*out++ = (char)(0x80 | (code & 0x3f));
	return out;
}

static int parse_escape(struct json_lexer *lexer, bool key, char **out)
{
	static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	const char *letter;
	unsigned int code;
	int r;

	lexer->at++;
	letter = json_lexer_peek(lexer) ? strchr(letters, *lexer->at) : NULL;
	if (letter) {
		*(*out)++ = meanings[letter - letters];
		lexer->at++;
		return 0;
	}
	if (json_lexer_peek(lexer) != 'u')
		return json_lexer_refuse(lexer, "unknown escape sequence in a string");
	lexer->at++;
	r = parse_unicode(lexer, &code);
	if (r < 0)
		return r;
	/* A key ends with NUL: cut there, it could be that of a property. */
	*out = encode(*out, key && code == 0 ? REPLACEMENT : code);
	return 0;
}

/* Copies the characters up to the next quote or backslash. */
static int parse_characters(struct json_lexer *lexer, char **out)
{
	while (lexer->at < lexer->end && *lexer->at != '"' && *lexer->at != '\\') {
		const size_t left = (size_t)(lexer->end - lexer->at);
		char next[5] = "";
		size_t len;

		if ((unsigned char)*lexer->at < ' ')
			return json_lexer_refuse(lexer, "control character in a string");
		if ((unsigned char)*lexer->at < 0x80) {
			*(*out)++ = *lexer->at++;
			continue;
		}
		memcpy(next, lexer->at, left < 4 ? left : 4);
		len = utf8_length(next);
		if (len == 0)
			return json_lexer_refuse(lexer, "not UTF-8");
		*out = mempcpy(*out, lexer->at, len);
		lexer->at += len;
	}
	return 0;
}

int json_lexer_text(struct json_lexer *lexer, bool key, char *text, size_t *ret_len)
{
	char *out = text;
	int r = 0;

	while (r == 0 && json_lexer_peek(lexer) != '"') {
		r = lexer->at == lexer->end ? json_lexer_refuse(lexer, NULL) :
		    *lexer->at == '\\'	    ? parse_escape(lexer, key, &out) :
					      parse_characters(lexer, &out);
	}
	if (r < 0)
		return r;
	lexer->at++;
	*out = '\0';
	*ret_len = (size_t)(out - text);
	return 0;
}

/* ---- numbers and words ----------------------------------------------------------------------- */

static int skip_digits(struct json_lexer *lexer)
{
	if (!is_digit(json_lexer_peek(lexer)))
		return json_lexer_refuse(lexer, "not a number");
	while (is_digit(json_lexer_peek(lexer)))
		lexer->at++;
	return 0;
}

/* Skips a number as RFC 8259, section 6 has it. */
int json_lexer_number(struct json_lexer *lexer, bool *ret_integer)
{
	int r = 0;

	*ret_integer = true;
	if (json_lexer_peek(lexer) == '-')
		lexer->at++;
	if (json_lexer_peek(lexer) == '0')
		lexer->at++;
	else
		r = skip_digits(lexer);
	if (r == 0 && json_lexer_peek(lexer) == '.') {
		*ret_integer = false;
		lexer->at++;
		r = skip_digits(lexer);
	}
	if (r == 0 && (json_lexer_peek(lexer) | 0x20) == 'e') {
		*ret_integer = false;
		lexer->at++;
		if (json_lexer_peek(lexer) == '+' || json_lexer_peek(lexer) == '-')
			lexer->at++;
		r = skip_digits(lexer);
	}
	return r;
}

bool json_lexer_word(struct json_lexer *lexer, const char *word)
{
	const size_t len = strlen(word);

	if ((size_t)(lexer->end - lexer->at) < len || memcmp(lexer->at, word, len) != 0)
		return false;
	lexer->at += len;
	return true;
}

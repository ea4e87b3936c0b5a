/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The words of JSON (RFC 8259), for json/parse.c, which makes a tree of them, and json/locate.c, which looks
 * for a place in the text. Pure. No function reads beyond .end.
 */

#include <stdbool.h>
#include <stddef.h>

struct json_lexer {
	const char *at, *end;
	const char *problem; /* what is wrong at .at, after -EINVAL */
};

/* Records @problem, or that the text ends here. Returns -EINVAL. */
int json_lexer_refuse(struct json_lexer *lexer, const char *problem);
/* Returns the next character, or NUL, which no document contains, at the end. */
char json_lexer_peek(const struct json_lexer *lexer);
void json_lexer_space(struct json_lexer *lexer);
/* True: @wanted comes next, behind white space, and has been read. */
bool json_lexer_take(struct json_lexer *lexer, char wanted);
/* The same for a word, of which white space in front is no part. */
bool json_lexer_word(struct json_lexer *lexer, const char *word);
/*
 * Reads a string behind its first quote to @text, whose size is that of what is left of the document, and
 * ends it with NUL. It may contain NUL, but not as a @key: U+FFFD stands there then, and for half of a
 * surrogate pair. -EINVAL.
 */
int json_lexer_text(struct json_lexer *lexer, bool key, char *text, size_t *ret_len);
/* Reads a number as RFC 8259, section 6 has it; *ret_integer: without a fraction and an exponent. -EINVAL. */
int json_lexer_number(struct json_lexer *lexer, bool *ret_integer);

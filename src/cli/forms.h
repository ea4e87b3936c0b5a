/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The forms of values, as the help shows them: help, parser and completion read the same text. The form of an
 * option's value is a name ("DIR"), or words with '|' between them ("table|json"), of which the value has to
 * be one. A command's arguments are such forms with a space between them: "add|remove ID [FILE...]". Pure.
 */

#include <stdbool.h>
#include <stddef.h>

struct error;

/* A form; @text is not terminated. */
struct form {
	const char *text;
	size_t len;
	bool optional, repeated; /* of an argument: "[FILE]", "ID..." */
};

/* *arguments: what is left of a command's arguments; NULL: none. False: there are no more. */
bool form_next_argument(const char **arguments, struct form *ret);

/* The form of argument @index, from 0; the last one when that is repeated. False: there is none. */
bool form_of_argument(const char *arguments, size_t index, struct form *ret);

/*
 * Takes the next of the parts that have '|' between them off @form. False: there is none. *ret_word: whether
 * the part is a word to be typed as it is, in lower case, and not the name of something.
 */
bool form_next_part(struct form *form, struct form *ret, bool *ret_word);

/* -EINVAL: @form is a choice of words, and @value is none of them. The error ends with what was meant. */
int form_check(const struct form *form, const char *value, struct error *err);

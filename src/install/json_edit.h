/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Changes single members of a JSON document and leaves every other byte as it is: order, indentation, tabs,
 * ends of lines and a missing newline at the end. New text has the indentation of what stands around it.
 * Pure. Errors begin with "FILE:LINE:COLUMN: ".
 */

#include <stdbool.h>
#include <stddef.h>

#include "util/strv.h"

struct error;

/*
 * Checks @text of @file, whose root has to be an object; white space only (also "") is an empty object. All
 * functions below need a text that was checked. -EINVAL: not JSON, or another root.
 */
int json_edit_check(const char *file, const char *text, struct error *err);

/*
 * Finds the value of the member that @keys (NULL-terminated) lead to. Returns 1, 0 if there is none, or
 * -EINVAL: on the way a key appears twice, of which programs choose one or the other, or a value is not an
 * object. *ret_at (may be NULL) is the offset of its key.
 */
int json_edit_find(const char *file, const char *text, const char *const *keys, size_t *ret_at,
		   struct error *err);

/* The same, and *ret is the member's value if that is a string, else NULL. The caller frees it. */
int json_edit_string(const char *file, const char *text, const char *const *keys, char **ret,
		     struct error *err);
/* The same for an array, whose strings are added to @ret. *ret_all: it has nothing else. */
int json_edit_strings(const char *file, const char *text, const char *const *keys, struct strv *ret,
		      bool *ret_all, struct error *err);
/* Returns whether there is such a member with the value @word: true, false, or {} (an empty object). */
bool json_edit_is(const char *text, const char *const *keys, const char *word);

/*
 * Sets that member to @value, JSON with '\n' between its lines and one '\t' for each level of indentation.
 * Makes the objects that are missing on the way. *text is replaced by fresh memory.
 */
int json_edit_set(const char *file, char **text, const char *const *keys, const char *value,
		  struct error *err);

/* Removes that member and its comma: the inverse of json_edit_set(). Without the member it does nothing. */
int json_edit_remove(const char *file, char **text, const char *const *keys, struct error *err);

/* Returns @text as a JSON string with quotes, which the caller frees; NULL: no memory. */
char *json_edit_quote(const char *text);

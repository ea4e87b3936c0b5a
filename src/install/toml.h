/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reads and changes TOML as text: whole keys and tables, and leaves every other byte as it is. It knows all
 * of TOML's syntax, but looks into values only where a function says so. Pure. Errors begin with
 * "FILE:LINE:COLUMN: ".
 */

#include <stdbool.h>
#include <stddef.h>

#include "util/strv.h"

struct error;

/* A header, `[a.b]`, or a key with its value. Offsets are bytes of the text. */
struct toml_entry {
	struct strv path;	 /* of the table, or of the table and the key */
	bool is_table, is_array; /* `[a.b]`; `[[a.b]]` */
	size_t at;		 /* of the name */
	size_t begin, end;	 /* its whole lines */
	size_t value, value_end; /* of a key */
};

/* Zero-initialised; released with toml_done(). */
struct toml {
	struct toml_entry *entries; /* in their order */
	size_t len;
};

/* -EINVAL: not TOML, or something is said twice. */
int toml_parse(const char *file, const char *text, struct toml *ret, struct error *err);
void toml_done(struct toml *toml);

/* Returns a key's value if it is a string, which the caller frees. NULL: it is not, or no memory. */
char *toml_string(const char *text, const struct toml_entry *entry);
/* Adds the strings of a key's value to @ret: itself, or those of an array. 0 or -ENOMEM. */
int toml_strings(const char *text, const struct toml_entry *entry, struct strv *ret);
/* True: the key's value is this word, for example "true". */
bool toml_is_word(const char *text, const struct toml_entry *entry, const char *word);

/* ---- toml_edit.c --------------------------------------------------------------------------------------- */

/*
 * Returns the key (or with @table the header) that @path, NULL-terminated, leads to, or NULL. *ret_inside
 * (may be NULL) is set to a key whose value has it inside, as an inline table, or NULL.
 */
const struct toml_entry *toml_find(const struct toml *toml, const char *const *path, bool table,
				   const struct toml_entry **ret_inside);

/*
 * Sets key @path to @value, which is TOML. A key that is there gets another value; a new one stands behind
 * the last of its table, or at the end of the text with a new header. *text is replaced by fresh memory.
 * -EINVAL: *text is not TOML, @path is a table there, or its table is written in a form to which nothing
 * can be added.
 */
int toml_set(const char *file, char **text, const char *const *path, const char *value, struct error *err);

/*
 * Removes key or, with @table, the table @path and those below it, up to the last key of each. What is not
 * there is no error.
 */
int toml_remove(const char *file, char **text, const char *const *path, bool table, struct error *err);

/* Removes the header of a table that has no keys of its own; tables below it need none, and stay. */
int toml_remove_empty(const char *file, char **text, const char *const *path, struct error *err);

/* Returns @text as a TOML string with quotes, which the caller frees; NULL: no memory. */
char *toml_quote(const char *text);

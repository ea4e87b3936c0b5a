/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What was cut out of a document because it cannot be read, so that the rest can. Elements of an array that
 * come behind a cut have other indices in the tree than in the text: findings about the tree are translated
 * before anybody sees them.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

struct json_findings;

/* A document with more mistakes than this is read no further. */
enum { JSON_CUTS_MAX = 64 };

/* Zero-initialised; released with json_cuts_done(). */
struct json_cuts {
	struct json_cut {
		char *parent; /* pointer of the text, like all here */
		char *part;   /* its last part, as in the pointer */
		bool element;
		size_t index; /* of an element */
	} items[JSON_CUTS_MAX];
	size_t len;
	size_t known; /* as many were there when the tree was read */
};

/*
 * Removes the value at @pointer, which is one of the text, from the tree; when it is not there, the nearest
 * one above, but never the root. So an error about what was cut before the last reading removes what is
 * around it. Returns 1; 0: there was nothing to remove, or there have been too many; -ENOMEM.
 */
int json_cuts_remove(struct json_cuts *cuts, struct json_object *root, const char *pointer);
/* Pure: translates a pointer of the tree to one of the text, which the caller frees. NULL: out of memory. */
char *json_cuts_translate(const struct json_cuts *cuts, const char *pointer);
/* Pure: whether something was cut out at, below or above @pointer, which is one of the text. */
bool json_cuts_touch(const struct json_cuts *cuts, const char *pointer);
/*
 * Moves what was found in the tree to @findings, about the text: without what is there already, and without
 * consequences of a cut at their place, below or above. These stay in @found, as findings about the text,
 * too. 0 or -ENOMEM.
 */
int json_cuts_tell(const struct json_cuts *cuts, struct json_findings *found, struct json_findings *findings);
void json_cuts_done(struct json_cuts *cuts);

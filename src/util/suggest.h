/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The word that somebody perhaps meant, for an error about one that is unknown. Pure. */

#include <stddef.h>

struct suggestion {
	const char *word; /* what was written; @len bytes of it */
	size_t len;
	const char *best; /* the nearest candidate so far, or NULL: none is near */
	size_t distance;  /* of @best */
};

struct suggestion suggest_for(const char *word, size_t len);
/*
 * Considers a candidate, which has to live as long as the suggestion. Case does not count, and '-' is as '_'.
 * Near is one mistake for every three letters: a letter too much, too few, another one, or two exchanged.
 */
void suggest_consider(struct suggestion *suggestion, const char *candidate);

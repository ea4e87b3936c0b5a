/* SPDX-License-Identifier: Apache-2.0 */
#include "util/suggest.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

enum { LENGTH_MAX = 40 };

static int folded(char letter)
{
	return letter == '_' ? '-' : tolower((unsigned char)letter);
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The optimal string alignment distance, for words of up to LENGTH_MAX letters. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][LENGTH_MAX + 1];

	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		const size_t *before = rows[(i + 1) % 3], *above = rows[(i + 2) % 3];
		size_t *row = rows[i % 3];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			const int x = folded(a[i - 1]), y = folded(b[j - 1]);

			row[j] = smaller(above[j] + 1, smaller(row[j - 1] + 1, above[j - 1] + (x != y)));
			if (i > 1 && j > 1 && x == folded(b[j - 2]) && y == folded(a[i - 2]))
				row[j] = smaller(row[j], before[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

struct suggestion suggest_for(const char *word, size_t len)
{
	return (struct suggestion){ .word = word, .len = len, .distance = SIZE_MAX };
}

void suggest_consider(struct suggestion *suggestion, const char *candidate)
{
	const size_t len = strlen(candidate);
	size_t mistakes;

	if (suggestion->len == 0 || suggestion->len > LENGTH_MAX || len > LENGTH_MAX)
		return;
	mistakes = distance(suggestion->word, suggestion->len, candidate, len);
	if (mistakes > (suggestion->len + 2) / 3 || mistakes >= len || mistakes >= suggestion->distance)
		return;
	suggestion->best = candidate;
	suggestion->distance = mistakes;
}

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Finds paths among very many, by their texts, without a look at each of them. */

#include <stdbool.h>
#include <stddef.h>

struct path_row {
	const char *path; /* borrowed; normalised (util/path.h) */
	size_t len;
	size_t index; /* what the path stands for in the user's own list */
};

/* The user fills .rows, which are his, and sorts them once. */
struct path_table {
	struct path_row *rows;
	size_t len;
};

void path_table_sort(struct path_table *table);
/* Finds the row with the highest index among those whose path is the first @len bytes of @path. */
bool path_table_find(const struct path_table *table, const char *path, size_t len, size_t *ret_index);

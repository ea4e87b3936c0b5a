/* SPDX-License-Identifier: Apache-2.0 */
#include "util/path_table.h"

#include <stdlib.h>
#include <string.h>

static int compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	const int r = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return r ? r : (a_len > b_len) - (a_len < b_len);
}

static int compare_rows(const void *a, const void *b)
{
	const struct path_row *x = a, *y = b;
	const int r = compare(x->path, x->len, y->path, y->len);

	return r ? r : (x->index > y->index) - (x->index < y->index);
}

void path_table_sort(struct path_table *table)
{
	if (table->len > 1)
		qsort(table->rows, table->len, sizeof(*table->rows), compare_rows);
}

bool path_table_find(const struct path_table *table, const char *path, size_t len, size_t *ret_index)
{
	size_t low = 0, high = table->len;

	/* Rows before low are not behind the path; the last of them is the one if any is. */
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct path_row *row = &table->rows[middle];

		if (compare(row->path, row->len, path, len) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || compare(table->rows[low - 1].path, table->rows[low - 1].len, path, len) != 0)
		return false;
	*ret_index = table->rows[low - 1].index;
	return true;
}

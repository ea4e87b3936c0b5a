/* SPDX-License-Identifier: Apache-2.0 */
#include "util/pids.h"

#include <errno.h>
#include <stdlib.h>

int pids_add(struct pids *pids, pid_t pid)
{
	if (pids->len == pids->capacity) {
		size_t capacity = pids->capacity ? 2 * pids->capacity : 32;
		pid_t *more = realloc(pids->items, capacity * sizeof(*more));

		if (!more)
			return -ENOMEM;
		pids->items = more;
		pids->capacity = capacity;
	}
	pids->items[pids->len++] = pid;
	return 0;
}

static int compare(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

int pids_finish(struct pids *pids)
{
	if (!pids->items)
		pids->items = calloc(1, sizeof(*pids->items));
	if (!pids->items)
		return -ENOMEM;
	qsort(pids->items, pids->len, sizeof(*pids->items), compare);
	return 0;
}

bool pids_have(const pid_t *sorted, size_t len, pid_t pid)
{
	return bsearch(&pid, sorted, len, sizeof(*sorted), compare);
}

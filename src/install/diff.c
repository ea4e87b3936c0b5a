/* SPDX-License-Identifier: Apache-2.0 */

/* The unified diff of a plan. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "install/install.h"
#include "util/cleanup.h"
#include "util/io.h"

enum { CONTEXT = 3 };

struct lines {
	const char **items; /* each ends behind its newline, or at the end of the text */
	size_t *lens;
	size_t len;
};

static bool split(const char *text, struct lines *ret)
{
	size_t count = 0;

	for (const char *c = text; *c; c++)
		count += *c == '\n' || !c[1];
	*ret = (struct lines){ calloc(count + 1, sizeof(char *)), calloc(count + 1, sizeof(size_t)), count };
	for (size_t i = 0; ret->items && ret->lens && i < count; i++) {
		ret->items[i] = text;
		ret->lens[i] = strcspn(text, "\n");
		ret->lens[i] += text[ret->lens[i]] == '\n';
		text += ret->lens[i];
	}
	return ret->items && ret->lens;
}

static void lines_done(struct lines *lines)
{
	free(lines->items);
	free(lines->lens);
}

static bool is_same(const struct lines *a, size_t i, const struct lines *b, size_t j)
{
	return a->lens[i] == b->lens[j] && memcmp(a->items[i], b->items[j], a->lens[i]) == 0;
}

static void put_line(FILE *out, char mark, const struct lines *lines, size_t i)
{
	const size_t len = lines->lens[i];
	const bool open = lines->items[i][len - 1] != '\n';

	fprintf(out, "%c%.*s%s", mark, (int)len, lines->items[i],
		open ? "\n\\ No newline at end of file\n" : "");
}

/* krun's edits are few and near to each other: one hunk, from the first line that differs to the last. */
static void put_hunk(FILE *out, const struct lines *a, const struct lines *b)
{
	size_t head = 0, tail = 0, from, a_end, b_end;

	while (head < a->len && head < b->len && is_same(a, head, b, head))
		head++;
	while (tail < a->len - head && tail < b->len - head &&
	       is_same(a, a->len - tail - 1, b, b->len - tail - 1))
		tail++;
	from = head > CONTEXT ? head - CONTEXT : 0;
	a_end = a->len - (tail > CONTEXT ? tail - CONTEXT : 0);
	b_end = b->len - (tail > CONTEXT ? tail - CONTEXT : 0);
	fprintf(out, "@@ -%zu,%zu +%zu,%zu @@\n", from + (a_end > from), a_end - from, from + (b_end > from),
		b_end - from);
	for (size_t i = from; i < head; i++)
		put_line(out, ' ', a, i);
	/* Between these lines, runs that are the same are found one line at a time. */
	for (size_t i = head, j = head; i < a->len - tail || j < b->len - tail;) {
		size_t next = j;

		while (i < a->len - tail && next < b->len - tail && !is_same(a, i, b, next))
			next++;
		if (i < a->len - tail && next == b->len - tail) {
			put_line(out, '-', a, i++);
			continue;
		}
		for (; j < next; j++)
			put_line(out, '+', b, j);
		if (i < a->len - tail) {
			put_line(out, ' ', a, i++);
			j++;
			continue;
		}
		for (; j < b->len - tail; j++)
			put_line(out, '+', b, j);
	}
	for (size_t i = a->len - tail; i < a_end; i++)
		put_line(out, ' ', a, i);
}

static bool put_change(FILE *out, const struct install_change *change)
{
	struct lines a, b;
	bool whole = split(change->before ? change->before : "", &a);

	whole = split(change->after ? change->after : "", &b) && whole;
	if (whole) {
		fprintf(out, "--- %s\n+++ %s\n", change->before ? change->path : "/dev/null",
			change->after ? change->path : "/dev/null");
		put_hunk(out, &a, &b);
	}
	lines_done(&a);
	lines_done(&b);
	return whole;
}

char *install_diff(const struct install_plan *plan)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	bool whole = out;

	for (size_t i = 0; whole && i < plan->len; i++)
		whole = put_change(out, &plan->changes[i]);
	if (io_close_text(out, &text) == 0 && !whole)
		cleanup_free(&text);
	return text;
}

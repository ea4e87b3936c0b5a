/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Memory that is released all at once: everything parsed from one document lives exactly as long as the
 * document. Memory from arena_alloc() is zeroed and aligned for any type.
 */

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
};

/* Returns NULL when out of memory or when @count * @size overflows. @count may be 0. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);
/* Both return NULL when out of memory. */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_format(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Releases everything; the arena can be used again. */
void arena_done(struct arena *arena);

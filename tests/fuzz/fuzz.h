/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A target of the fuzzers is a file with fuzz_one(), for one reader of bytes that others have written. It is
 * linked twice: with libFuzzer (-Dfuzz=true), which looks for inputs, and with corpus.c, by which the unit
 * ring runs the inputs of corpus/NAME. A target looks for more than a crash: where a header makes a promise
 * about the result, the target requires it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

/* The target: reads one input and releases everything. What it keeps open must not depend on the input. */
void fuzz_one(const uint8_t *data, size_t size);

/* Ends the process, as a fault of the sanitizers does, when a promise is broken. */
#define fuzz_require(promise)                                    \
	do {                                                     \
		if (!(promise))                                  \
			fuzz_fail(__FILE__, __LINE__, #promise); \
	} while (0)
_Noreturn void fuzz_fail(const char *file, int line, const char *promise);

/*
 * Requires of the result @r of a function that 0 is success, and that a failure is one clear error: @err has
 * that number, a text that ends in its buffer, and a JSON pointer that is a part of it.
 */
void fuzz_require_error(int r, const struct error *err);
/* Requires that @text is one JSON document. */
void fuzz_require_json(const char *text);

/* A copy of the input with a NUL behind it, which the caller frees. */
char *fuzz_text(const uint8_t *data, size_t size);
/*
 * Cuts @text into at most @max parts, at lines that have "--" alone. Returns their number, at least 1; the
 * parts behind it are "".
 */
size_t fuzz_split(char *text, char **parts, size_t max);

/* A file in memory with these bytes, at offset 0. The caller closes it. */
int fuzz_memory(const uint8_t *data, size_t size);

/*
 * An empty directory of the target's own, which is removed at exit; the fd belongs to fuzz.c. Its path is for
 * functions that take one.
 */
int fuzz_directory(void);
const char *fuzz_directory_path(void);
/* Writes these bytes to the file @name in it, in place of what was there. */
void fuzz_file(const char *name, const void *data, size_t size);
/*
 * Fills that directory from an input, and empties it again. "== NAME" begins the file NAME, with the lines up
 * to the next such line; "== NAME -> TARGET" makes a symbolic link. A name has at most two directories in
 * front, which are made. A line that names nothing of that kind is content.
 */
void fuzz_tree_make(const uint8_t *data, size_t size);
void fuzz_tree_remove(void);

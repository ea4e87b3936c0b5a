/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How krun reports errors: a function that can fail returns 0 or a negative errno and fills a struct error
 * with a text for people: lower case, what was tried, names in single quotes, no full stop. Callers may add a
 * prefix and never drop the text. The buffer has a fixed size, so that an error can be made in a freshly
 * cloned child and when memory is short, and fits in one message of the sync socket (init/sync.h).
 *
 * A text that does not fit keeps its reason, which is then moved to the front, and loses the middle of its
 * longest names ("...").
 *
 * Engines classify a failed `create` or `exec` by searching its text for a few phrases of the C library: "no
 * such file or directory" and "not a directory" become exit status 127, "permission denied", "operation not
 * permitted" and "is a directory" become 126, as if the *command* were missing or not executable. This file
 * alone decides which errors have these phrases: error_exec() has them, and is for what the caller asked to
 * run and where (the program, its interpreter, its working directory); error_sys() words these errno values
 * differently, and is for everything else, for example the source of a mount.
 */

#include <stdbool.h>
#include <stddef.h>

enum { ERROR_TEXT_MAX = 2048, ERROR_POINTER_MAX = 512 };

/*
 * An error in a document begins with the JSON pointer of the place (RFC 6901), "/linux/sysctl: ...". The
 * function that finds the error knows the place (error_at(), error_place()), but seldom the file; the
 * function that read the document adds its name, once (error_document()).
 */
struct error {
	int code; /* negative errno; 0: no error */
	char text[ERROR_TEXT_MAX];
	int pointer_len; /* bytes of the JSON pointer at the beginning of .text; 0: none there */
	/* The place in a text that could not be parsed, from 1; error_document() tells it. 0: none. */
	size_t line, column;
};

/*
 * Returns @code, a negative errno: callers can write `return error_set(...)`. Leaves errno unchanged. It is
 * cold, as others here, so that the code for errors stands apart from the code that usually runs.
 */
int error_set(struct error *err, int code, const char *format, ...)
	__attribute__((cold, format(printf, 3, 4)));

/* As error_set(), with ": " and the lower-case reason of @code appended. */
int error_sys(struct error *err, int code, const char *format, ...)
	__attribute__((cold, format(printf, 3, 4)));

/*
 * As error_sys(), but with the C library's words: only for the program that was asked for and its working
 * directory.
 */
int error_exec(struct error *err, int code, const char *format, ...)
	__attribute__((cold, format(printf, 3, 4)));

/* As error_set(), about the place @pointer in a document. It is cut off at ERROR_POINTER_MAX. */
int error_at(struct error *err, int code, const char *pointer, const char *format, ...)
	__attribute__((cold, format(printf, 4, 5)));
/* As error_sys(), about the place @pointer. */
int error_sys_at(struct error *err, int code, const char *pointer, const char *format, ...)
	__attribute__((cold, format(printf, 4, 5)));
/* Turns the error into one about the place @pointer, unless it already has a place. Returns err->code. */
int error_place(struct error *err, const char *pointer) __attribute__((cold));
/* Pure: @pointer as seen from @base, "/" for that itself; NULL: it is not at or below @base. */
const char *error_pointer_below(const char *pointer, const char *base);
/* Makes the error's pointer relative to @base. False, and unchanged: it is not at or below @base. */
bool error_rebase(struct error *err, const char *base);
/*
 * Adds "NAME: " in front of an error that begins with a pointer, or "NAME:LINE:COLUMN: " of one that has a
 * line, and leaves others alone. Returns err->code.
 */
int error_document(struct error *err, const char *name) __attribute__((cold));
/* Formats a pointer with keys or indices for the functions above. Valid until the thread's next call. */
const char *error_pointer(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Returns the text of @err without its pointer. */
const char *error_reason_text(const struct error *err);

/* Inserts "PREFIX: " in front of the text, but after the pointer. Returns err->code. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((cold, format(printf, 2, 3)));

/* Puts "; text" behind what is there, as far as there is room. Returns err->code. */
int error_append(struct error *err, const char *format, ...) __attribute__((cold, format(printf, 2, 3)));

/* True for a lack of memory, fds or locks, or an interruption, which say nothing about the object itself. */
bool error_is_shortage(int code);

/* Sets -ENOMEM, "out of memory". */
int error_oom(struct error *err) __attribute__((cold));

/*
 * Records that a system call (a literal, "openat2") has just failed with ENOSYS: from then on the reason for
 * -ENOSYS names it, and the kernel that krun needs. Of this thread.
 */
void error_missing_call(const char *name);
/* Returns the reason for a negative errno, as in error_sys(). Valid until the thread's next call. */
const char *error_reason(int code);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The one shape of errors: every function that can fail returns 0 or a negative errno and fills a
 * struct error with a text for people: lower case, what was tried, names in single quotes, no full
 * stop. Layers above may put a prefix in front; none may swallow it. The buffer is fixed, so that an
 * error can be made in a freshly cloned child and when memory is short, and can travel in one message
 * over the sync socket (init/sync.h).
 *
 * A text that is too long for it keeps its reason, which then stands first, and loses the middle of its longest names ("...").
 *
 * Engines classify a failed `create` or `exec` by searching its text for a few phrases of the C library: "no such file or directory"
 * and "not a directory" become 127, "permission denied", "operation not permitted" and "is a directory" 126, as if the *command* were
 * missing or not executable. This is the one place that decides who says them: error_exec() is for what the caller asked to run and
 * where (the program, its interpreter, its working directory) and has the C library's words, with whatever krun has to add after
 * them; error_sys() is for everything else, a mount's source say, and words these errno values differently.
 */

#include <stdbool.h>

enum { ERROR_TEXT_MAX = 2048, ERROR_POINTER_MAX = 512 };

/*
 * An error in a document begins with the JSON pointer of the place (RFC 6901), "/linux/sysctl: ...". Who finds it says the place
 * (error_at(), error_place()), and seldom knows the file; who read the document names it, once (error_document()).
 */
struct error {
	int code;	 /* negative errno, 0 while there is no error */
	int pointer_len; /* of the pointer that the text begins with and no document's name precedes; 0: none */
	char text[ERROR_TEXT_MAX];
};

/* @code: negative errno; returned again, so that callers can write `return error_set(...)`. */
int error_set(struct error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As error_set(), with ": " and the lower-case reason of @code appended. */
int error_sys(struct error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As error_sys(), but with the C library's words: of the program that was asked for, and of its working directory, only. */
int error_exec(struct error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As error_set(), about the place @pointer in a document; cut off at ERROR_POINTER_MAX. */
int error_at(struct error *err, int code, const char *pointer, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* As error_sys(), about a place. */
int error_sys_at(struct error *err, int code, const char *pointer, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Makes what is there an error about @pointer, unless it is about a place already. Returns err->code. */
int error_place(struct error *err, const char *pointer);
/* Makes the place one in the part of its document that is at @base, and returns true; false: it is elsewhere, and stays. */
bool error_rebase(struct error *err, const char *base);
/* Names the document of the place that the error is about, if it is about one and nobody has done so. Returns err->code. */
int error_document(struct error *err, const char *name);
/* A pointer with keys or indices in it, for the functions above. Static storage until the next call. */
const char *error_pointer(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What @err says behind the pointer, which is its first .pointer_len bytes. */
const char *error_reason_text(const struct error *err);

/* Puts "text: " in front of what is there, but behind the pointer. Returns err->code. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whether a negative errno says that memory, descriptors or locks ran out for now: of what was asked for it says nothing at all. */
bool error_is_shortage(int code);

/* -ENOMEM with the one text for it. */
int error_oom(struct error *err);

/* Lower-case reason for a negative errno, worded as error_sys() does. Static storage per errno. */
const char *error_reason(int code);

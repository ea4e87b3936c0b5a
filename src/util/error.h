/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The one shape of errors: every function that can fail returns 0 or a negative errno and fills a
 * struct error with a text for people: lower case, what was tried, names in single quotes, no full
 * stop. Layers above may put a prefix in front; none may swallow it. The buffer is fixed, so that an
 * error can be made in a freshly cloned child and when memory is short, and can travel in one message
 * over the sync socket (init/sync.h).
 *
 * Engines classify a failed `create` or `exec` by searching its text for a few phrases ("no such file
 * or directory", "permission denied", "operation not permitted"): they then report 127 or 126 as if the
 * *command* were missing or not executable. error_sys() therefore words those three errno values
 * differently; error_exec() is for the look-up of the command itself and keeps the classic texts.
 */

enum { ERROR_TEXT_MAX = 2048 };

struct error {
	int code; /* negative errno, 0 while there is no error */
	char text[ERROR_TEXT_MAX];
};

/* @code: negative errno; returned again, so that callers can write `return error_set(...)`. */
int error_set(struct error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As error_set(), with ": " and the lower-case reason of @code appended. */
int error_sys(struct error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As error_sys(), but with the reason texts that engines look for when a command cannot be executed. */
int error_exec(struct error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "text: " in front of what is there. Returns err->code. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* -ENOMEM with the one text for it. */
int error_oom(struct error *err);

/* Lower-case reason for a negative errno, worded as error_sys() does. Static storage per errno. */
const char *error_reason(int code);

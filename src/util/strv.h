/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* NULL-terminated arrays of strings, as execve(2) takes them, and a growing one. Errors: -ENOMEM. */

#include <stdbool.h>
#include <stddef.h>

/* A growing list that owns its strings. Zero-initialised, it is empty. .items is NULL-terminated, or NULL. */
struct strv {
	char **items;
	size_t len;
};

/* Appends a copy of @text. NULL is -ENOMEM, so that the result of a failed strdup(3) can be passed. */
int strv_add(struct strv *strv, const char *text);
int strv_add_format(struct strv *strv, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strv_done(struct strv *strv);

/* For any NULL-terminated array; NULL is an empty one. */
size_t strv_len(char *const *items);
bool strv_contains(char *const *items, const char *text);

/* Replaces the first variable of that name, which getenv(3) finds, or appends @variable ("NAME=VALUE"). */
int strv_env_put(struct strv *env, const char *variable);
/* Keeps only the last variable of each name, in place. The other strings are not freed. */
int strv_env_unique(char **env);
/* Returns the value of the last variable @name in an environment of NAME=VALUE strings, or NULL. */
const char *strv_env_get(char *const *env, const char *name);

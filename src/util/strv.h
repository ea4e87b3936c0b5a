/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* NULL-terminated arrays of strings, as execve(2) takes them, and a growing one. */

#include <stdbool.h>
#include <stddef.h>

/* An owned, growing list; zero-initialised is empty. items is always NULL-terminated or NULL. */
struct strv {
	char **items;
	size_t len;
};

/* Appends a copy of @text (NULL-safe: -ENOMEM when @text is NULL, so that a failed strdup can be passed). */
int strv_add(struct strv *strv, const char *text);
int strv_add_format(struct strv *strv, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strv_done(struct strv *strv);

/* For any NULL-terminated array; NULL counts as empty. */
size_t strv_len(char *const *items);
bool strv_contains(char *const *items, const char *text);

/* NAME=VALUE replaces the first one of that name, which is what programs take, or is added. -ENOMEM. */
int strv_env_put(struct strv *env, const char *variable);
/* Leaves of each name the last one, which wins; the strings of the others are the caller's still. -ENOMEM. */
int strv_env_unique(char **env);
/* The value of NAME in an environment of NAME=VALUE strings; the last one wins. NULL if absent. */
const char *strv_env_get(char *const *env, const char *name);

/* SPDX-License-Identifier: Apache-2.0 */
#include "util/strv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

int strv_add(struct strv *strv, const char *text)
{
	char *copy = text ? strdup(text) : NULL;
	char **items;

	if (!copy)
		return -ENOMEM;
	items = realloc(strv->items, (strv->len + 2) * sizeof(*items));
	if (!items) {
		free(copy);
		return -ENOMEM;
	}
	items[strv->len++] = copy;
	items[strv->len] = NULL;
	strv->items = items;
	return 0;
}

int strv_add_format(struct strv *strv, const char *format, ...)
{
	auto_free char *text = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return strv_add(strv, text);
}

void strv_done(struct strv *strv)
{
	for (size_t i = 0; i < strv->len; i++)
		free(strv->items[i]);
	free(strv->items);
	*strv = (struct strv){ 0 };
}

size_t strv_len(char *const *items)
{
	size_t len = 0;

	while (items && items[len])
		len++;
	return len;
}

bool strv_contains(char *const *items, const char *text)
{
	for (size_t i = 0; items && items[i]; i++)
		if (strcmp(items[i], text) == 0)
			return true;
	return false;
}

int strv_env_put(struct strv *env, const char *variable)
{
	const size_t len = strcspn(variable, "=") + 1;

	for (size_t i = 0; i < env->len; i++) {
		if (strncmp(env->items[i], variable, len) == 0) {
			char *copy = strdup(variable);

			if (!copy)
				return -ENOMEM;
			free(env->items[i]);
			env->items[i] = copy;
			return 0;
		}
	}
	return strv_add(env, variable);
}

/* Sorts by name, and variables of the same name by their position. */
static int compare_slots(const void *a, const void *b)
{
	char *const *const *first = a, *const *const *second = b;
	const size_t first_len = strcspn(**first, "="), second_len = strcspn(**second, "=");
	int r = memcmp(**first, **second, first_len < second_len ? first_len : second_len);

	if (r == 0 && first_len != second_len)
		r = first_len < second_len ? -1 : 1;
	return r ? r : *first < *second ? -1 : 1;
}

int strv_env_unique(char **env)
{
	const size_t len = strv_len(env);
	auto_free char ***slots = calloc(len + 1, sizeof(*slots));
	size_t kept = 0;

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++)
		slots[i] = &env[i];
	qsort(slots, len, sizeof(*slots), compare_slots);
	for (size_t i = 0; i + 1 < len; i++) {
		const size_t name = strcspn(*slots[i], "=");

		if (strcspn(*slots[i + 1], "=") == name && strncmp(*slots[i], *slots[i + 1], name) == 0)
			*slots[i] = NULL;
	}
	for (size_t i = 0; i < len; i++)
		if (env[i])
			env[kept++] = env[i];
	if (len > 0)
		env[kept] = NULL;
	return 0;
}

const char *strv_env_get(char *const *env, const char *name)
{
	size_t len = strlen(name);
	const char *value = NULL;

	for (size_t i = 0; env && env[i]; i++)
		if (strncmp(env[i], name, len) == 0 && env[i][len] == '=')
			value = env[i] + len + 1;
	return value;
}

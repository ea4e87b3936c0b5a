/* SPDX-License-Identifier: Apache-2.0 */
#include "util/path.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static bool is_word(const char *name, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(name, word, len) == 0;
}

/* @lexical: ".." removes the component in front of it. */
static void clean(char *path, bool lexical)
{
	const bool absolute = path[0] == '/';
	char *const first = path + absolute;
	const char *from = path;
	char *to = first;

	for (size_t len; *(from += strspn(from, "/")); from += len) {
		char *last = to;

		len = strcspn(from, "/");
		if (is_word(from, len, "."))
			continue;
		if (absolute && to == first && is_word(from, len, ".."))
			continue;
		while (last > first && last[-1] != '/')
			last--;
		if (lexical && to > first && is_word(from, len, "..")) {
			to = last > first ? last - 1 : first;
			continue;
		}
		if (to > first)
			*to++ = '/';
		/* The copy never overtakes the text that is still to be read. */
		memmove(to, from, len);
		to += len;
	}
	if (to == path)
		*to++ = '.';
	*to = '\0';
}

void path_normalize(char *path)
{
	/* An empty path stays empty: there is no room for a dot. */
	if (*path)
		clean(path, false);
}

void path_normalize_parents(char *path)
{
	if (*path)
		clean(path, true);
}

bool path_has_parent(const char *path)
{
	for (const char *at = path; *(at += strspn(at, "/")); at += strcspn(at, "/"))
		if (is_word(at, strcspn(at, "/"), ".."))
			return true;
	return false;
}

bool path_list_next(const char **list, const char *name, char *path, size_t size)
{
	while (*list) {
		const char *directory = *list;
		const size_t len = strcspn(directory, ":");

		*list = directory[len] ? directory + len + 1 : NULL;
		if (snprintf(path, size, "%.*s/%s", len ? (int)len : 1, len ? directory : ".", name) <
		    (int)size)
			return true;
	}
	return false;
}

bool path_is_same_place(const char *a, const char *b)
{
	char first[PATH_MAX], second[PATH_MAX];

	if (strlen(a) >= sizeof(first) || strlen(b) >= sizeof(second))
		return strcmp(a, b) == 0;
	strcpy(first, a);
	strcpy(second, b);
	clean(first, true);
	clean(second, true);
	return strcmp(first, second) == 0;
}

bool path_below(const char *path, const char *directory, char *rest, size_t size)
{
	char first[PATH_MAX], second[PATH_MAX];
	size_t len;

	if (strlen(path) >= sizeof(first) || strlen(directory) >= sizeof(second) || path_has_parent(path) ||
	    path_has_parent(directory))
		return false;
	strcpy(first, path);
	strcpy(second, directory);
	clean(first, false);
	clean(second, false);
	len = strlen(second);
	if (len <= 1 || strncmp(first, second, len) != 0 || first[len] != '/' ||
	    strlen(first + len + 1) >= size)
		return false;
	strcpy(rest, first + len + 1);
	return true;
}

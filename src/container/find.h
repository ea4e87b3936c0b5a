/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Finding a container in the roots of engines and users (state/roots.h), for a person who knows the beginning
 * of its id or its name (state/names.h). On the host, in the process of the command. Nothing is changed.
 */

#include <stdbool.h>

#include "state/roots.h"
#include "state/runtime_options.h"

struct error;

struct found {
	struct runtime_options runtime; /* for the functions of container.h */
	char *id;
	bool is_foreign; /* another user could have written its state: it is shown, not acted on */
	struct roots roots;
};

/*
 * Finds the only container that @word fits best. -ENOENT: none, "does not exist". -EEXIST: several, which the
 * text lists. A warning says what could not be searched. After success the caller calls found_done().
 */
int container_find(const struct runtime_options *runtime, const char *word, struct found *ret,
		   struct error *err);
void found_done(struct found *found);

/*
 * Returns the other root that has a container with this id, or NULL; the caller frees it. For an error about
 * @id: NULL as well if it is in the root of @runtime, or nothing can be told. *ret_foreign, set with a root:
 * as in struct found.
 */
char *container_root_with(const struct runtime_options *runtime, const char *id, bool *ret_foreign);

/* Warns of what is in @roots->unread, in one line. */
void roots_warn(const struct roots *roots);

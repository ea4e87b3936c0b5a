/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a person calls a container whose id is 64 digits: the beginning of the id, or the name that its engine
 * wrote into the annotations. docker and podman write none. Pure.
 */

#include <stdbool.h>

#include "util/strv.h"

struct container_name {
	char *shown;	   /* "POD/CONTAINER", "POD" of a pause container, or the name; NULL: none is known */
	struct strv words; /* each of them finds the container */
};

/*
 * Reads the name from @annotations, a JSON object as in struct state; what cannot be read has none. -ENOMEM.
 * The caller ends @ret with container_name_done(), after an error, too.
 */
int container_name_read(const char *annotations, struct container_name *ret);
void container_name_done(struct container_name *name);

/* How well a word fits a container; a better fit of one container hides all others. */
enum container_fit { FIT_NONE, FIT_PREFIX, FIT_NAME, FIT_ID };

enum container_fit container_fit(const char *word, const char *id, const struct container_name *name);

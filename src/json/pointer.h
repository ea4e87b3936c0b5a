/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* JSON pointers, the names of places in a document (RFC 6901): "/linux/namespaces/2/type". Pure. */

#include <stdbool.h>
#include <stddef.h>

/* Longer ones are cut off, and name a place above or beside, or none. */
enum { JSON_POINTER_MAX = 512 };

/*
 * Writes "/KEY", or with @key NULL "/INDEX", to @out, which has @size bytes. Returns its length; what does
 * not fit is left out.
 */
size_t json_pointer_add(char *out, size_t size, const char *key, size_t index);
/*
 * Takes the first part from *pointer, which begins with '/', and returns its length; *pointer is what follows
 * then. @part has JSON_POINTER_MAX bytes; a part that is longer is cut off.
 */
size_t json_pointer_take(const char **pointer, char *part);
/* Whether a part is an index, without sign and leading zeros. */
bool json_pointer_index(const char *part, size_t *ret);

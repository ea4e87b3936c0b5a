/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From a JSON pointer to the place in the text. The tree of json-c does not know where a value came from, so
 * the text is walked again, only when there is something to say about it.
 */

#include <stdbool.h>
#include <stddef.h>

/* Bytes from the beginning of the text. An object or an array is meant by its first bracket. */
struct json_location {
	size_t key, key_len; /* with its quotes; length 0: the value has no key */
	size_t value, value_len;
	bool exact; /* false: the pointer leads nowhere, and this is the nearest value above */
};

/*
 * Pure. Of a key that is there twice the last one is meant. False: @text has no value at all. For any
 * bytes: in what is not JSON a place is found, or none.
 */
bool json_locate(const char *text, size_t size, const char *pointer, struct json_location *ret);
/* The same for an exact place, with all of the value in *ret_value and *ret_len. */
bool json_locate_value(const char *text, size_t size, const char *pointer, const char **ret_value,
		       size_t *ret_len);

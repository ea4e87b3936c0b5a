/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From a text to a tree of json-c. The parser of json-c is not used: versions before 0.17 leave out members
 * and parts of strings when an allocation fails, and all take more than JSON.
 */

#include <json-c/json.h>
#include <stddef.h>

struct error;
struct json_findings;

/*
 * Parses a whole document strictly (RFC 8259): valid UTF-8, nothing after it, and no key twice in an object,
 * because readers disagree about which of the two counts. @text needs no NUL at its end. Some values that are
 * valid JSON are kept for json_check_type() to reject where they are used: an integer beyond 64 bits becomes
 * a double, which keeps its digits, and a string may contain NUL. NUL in a key, and half of a surrogate pair,
 * become U+FFFD. *ret is released with json_object_put(); it is NULL for null, and after an error. -EINVAL:
 * not JSON, and @err has the place; -EFBIG: 1 GiB or more; -ENOMEM.
 */
int json_document_parse(const char *text, size_t size, struct json_object **ret, struct error *err);
/*
 * The same with everything that is wrong in @findings, too. A key that is there twice is an error among them,
 * and the last one is in *ret.
 */
int json_document_check(const char *text, size_t size, struct json_findings *findings,
			struct json_object **ret, struct error *err);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pure: a value in GVariant's text format (docs.gtk.org/glib/gvariant-text-format.html), as annotations write it, to the
 * words of busctl(1): a signature, then the value, an array with its length in front. Understood: true and false, strings in
 * single or double quotes with backslash escapes, numbers (int32, or double with a dot or an exponent), a type in front of a
 * value by name ("uint64 5") or signature ("@as []"), [arrays] and (tuples).
 */

#include "util/strv.h"

/* Appends to @words. 0, -EINVAL or -ENOMEM; on failure @words may have part of it. */
int systemd_variant_parse(const char *text, struct strv *words);

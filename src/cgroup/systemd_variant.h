/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pure: converts a value in GVariant's text format (docs.gtk.org/glib/gvariant-text-format.html) to words of
 * busctl(1): a signature, then the value, an array with its length first. Supported are true and false,
 * strings in single or double quotes with backslash escapes, numbers (int32, or double with a dot or an
 * exponent), a type in front of a value by name ("uint64 5") or by signature ("@as []"), [arrays] and
 * (tuples).
 */

#include "util/strv.h"

/* Appends to @words. 0, -EINVAL or -ENOMEM; after a failure @words may have a part of it. */
int systemd_variant_parse(const char *text, struct strv *words);

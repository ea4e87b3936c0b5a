/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A checksum at the end of the state files. One wrong byte can turn the path of a cgroup into that of another
 * container, which `delete` would end. It is against bad disks and memory, not against people: whoever may
 * write to the state root may do what its owner may. That is not what root may, who may name another user's
 * root: so paths are not trusted where they are used.
 */

#include <stddef.h>

struct error;

/*
 * Adds "check" as the last key of @text, a JSON object in one line with at least one key. NULL stands for a
 * text for which there was no memory. The caller frees the result; NULL: out of memory.
 */
char *seal_make(const char *text);

/*
 * Returns -EBADMSG if @text ends as seal_make() ends it and its checksum is wrong; otherwise 0. A text
 * without a checksum, of an older krun or written by hand, is not checked.
 */
int seal_check(const char *text, size_t size, struct error *err);

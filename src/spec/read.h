/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Inside spec/: the readers that the files of this folder offer each other. All are json_read functions. */

#include "json/fields.h"
#include "spec/spec.h"

/* An opt_i64 / opt_u64, with an optional struct json_range in @arg. */
int spec_read_opt_i64(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
int spec_read_opt_u64(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* A string that starts with '/'. */
int spec_read_absolute(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* An object of strings: struct spec_pair *, followed at once by its size_t length. */
int spec_read_pairs(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* A property that krun does not carry out yet: an error unless it is empty ({} [] "" 0 false). */
int spec_read_unsupported(struct json_reader *reader, struct json_object *value, void *target,
			  const void *arg);

/* struct spec_process * */
int spec_read_process(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* struct spec_mount * and its length */
int spec_read_mounts(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* struct spec_hooks[HOOK_KIND_COUNT] */
int spec_read_hooks(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* struct spec (the part that config-linux.md describes) */
int spec_read_linux(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* struct spec_resources */
int spec_read_resources(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* struct spec_seccomp * */
int spec_read_seccomp(struct json_reader *reader, struct json_object *value, void *target, const void *arg);

/* Pure: splits mount options into numbers and data; see struct spec_mount_options. @reader names the place. */
int spec_mount_options_make(struct json_reader *reader, char *const *words, struct spec_mount_options *ret);

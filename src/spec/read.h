/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Inside spec/: the readers that the files of this folder offer each other. All are json_read functions. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/fields.h"

struct spec_id_mapping;
struct spec_id_maps;
struct spec_mount;
struct spec_mount_options;

/* An opt_i64 / opt_u64, with an optional struct json_range in @arg. */
int spec_read_opt_i64(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
int spec_read_opt_u64(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* A string that starts with '/'. */
int spec_read_absolute(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* The same for a path in the container, normalised (util/path.h). */
int spec_read_path(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* An array of such paths; what is relative is read as below "/". Target: char **, NULL-terminated. */
int spec_read_paths(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* A normalised copy with "/" in front when @path is relative; "" is an error. */
int spec_path_make(struct json_reader *reader, const char *path, const char **ret);
/* An object of strings: struct spec_pair *, followed at once by its size_t length. */
int spec_read_pairs(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* The same as json_read_strings(), for NAME=VALUE strings: of each name the last one. */
int spec_read_environment(struct json_reader *reader, struct json_object *value, void *target,
			  const void *arg);
/* A property of another platform: ignored with a warning, unless there is nothing in it. */
int spec_read_foreign(struct json_reader *reader, struct json_object *value, void *target, const void *arg);

/* A list of numbers as "0-3,7" below *(unsigned int *)@arg. */
int spec_read_bit_list(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* What a word means; a table of them ends with a NULL word. */
struct spec_flag_word {
	const char *word;
	uint64_t value;
};
/* Words of an array to a set of flags, by the table struct spec_flag_word[] in @arg. *target: uint64_t */
int spec_read_flags(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* One word to its value, the same way. */
int spec_read_word(struct json_reader *reader, struct json_object *value, void *target, const void *arg);

/* struct spec_scheduler *, value for ioprio_set(2), struct spec_affinity */
int spec_read_scheduler(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
int spec_read_io_priority(struct json_reader *reader, struct json_object *value, void *target,
			  const void *arg);
int spec_read_affinity(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* struct spec_memory_policy * */
int spec_read_memory_policy(struct json_reader *reader, struct json_object *value, void *target,
			    const void *arg);

/* struct spec_process * */
int spec_read_process(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* struct spec_id_mapping *, followed at once by its size_t length */
int spec_read_mappings(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* struct spec_mount *, followed at once by its size_t length */
int spec_read_mounts(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* struct spec_hooks[HOOK_KIND_COUNT] */
int spec_read_hooks(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* struct spec (the part that config-linux.md describes) */
int spec_read_linux(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* struct spec_resources */
int spec_read_resources(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* struct spec_rdt * */
int spec_read_rdt(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* struct spec_vm *; stays NULL when there is nothing in it */
int spec_read_vm(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* struct spec_seccomp * */
int spec_read_seccomp(struct json_reader *reader, struct json_object *value, void *target, const void *arg);

int spec_check_mappings(struct json_reader *reader, const struct spec_id_mapping *items, size_t len);
/* mount_idmap.c: @text is behind "idmap=". */
int spec_mount_idmap_read(struct json_reader *reader, const char *text, struct spec_id_maps *ret);
/* Pure: ids of the container's user namespace become the host's; false: it does not have them. */
bool spec_mount_idmap_resolve(struct spec_id_maps *maps, const struct spec_id_maps *container);

/* Pure: whether an option means something on a mount that is a bind, a remount, or else a new file system. */
bool spec_mount_option_is_used(const char *word, const struct spec_mount *mount);
/* Pure: splits mount options into numbers and data; see struct spec_mount_options. @reader names the place. */
int spec_mount_options_make(struct json_reader *reader, char *const *words, struct spec_mount_options *ret);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Inside spec/: readers that its files share. Those with a json_object are of type json_read. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/fields.h"

struct spec_id_mapping;
struct spec_id_maps;
struct spec_mount;
struct spec_mount_options;

/* The value of a word. A table ends with a NULL word. */
struct spec_flag_word {
	const char *word;
	uint64_t value;
};

/* ---- readers.c ----------------------------------------------------------------------------------------- */

/* Target: struct opt_i64 or opt_u64. @arg: struct json_range, or NULL. */
int spec_read_opt_i64(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
int spec_read_opt_u64(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* A string that starts with '/'. Target: const char *. */
int spec_read_absolute(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* The same for a path in the container, which is normalised (util/path.h). */
int spec_read_path(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* An array of such paths; a relative one is read as below "/". Target: char **, NULL-terminated. */
int spec_read_paths(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* Makes a normalised copy in the arena, with "/" in front when @path is relative; "" is an error. */
int spec_path_make(struct json_reader *reader, const char *path, const char **ret);
/* An object of strings. Target: struct spec_pair *, immediately followed by its size_t length. */
int spec_read_pairs(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* As json_read_strings(), for NAME=VALUE strings: only the last one of each name is kept. */
int spec_read_environment(struct json_reader *reader, struct json_object *value, void *target,
			  const void *arg);
/* A property of another platform: it is ignored, with a warning unless it is empty. */
int spec_read_foreign(struct json_reader *reader, struct json_object *value, void *target, const void *arg);

/* Checks a list such as "0-3,7" of numbers below *(unsigned int *)@arg. Target: const char *. */
int spec_read_bit_list(struct json_reader *reader, struct json_object *value, void *target, const void *arg);

/* An array of words. Target: uint64_t, |= their values. @arg: struct spec_flag_word[]. */
int spec_read_flags(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* One word. Target: uint64_t, its value. @arg: struct spec_flag_word[]. */
int spec_read_word(struct json_reader *reader, struct json_object *value, void *target, const void *arg);

/* ---- load.c -------------------------------------------------------------------------------------------- */

struct spec;

/*
 * Reads the tree of a config.json, which is taken over, also on failure. @findings: as in struct json_reader.
 * Errors do not have the name of the document.
 */
int spec_read_config(struct json_object *root, const char *name, struct json_findings *findings,
		     struct spec **ret, struct error *err);

/* ---- scheduling.c -------------------------------------------------------------------------------------- */

/* Targets: struct spec_scheduler *; struct opt_i64, a value for ioprio_set(2); struct spec_affinity. */
int spec_read_scheduler(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
int spec_read_io_priority(struct json_reader *reader, struct json_object *value, void *target,
			  const void *arg);
int spec_read_affinity(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* Target: struct spec_memory_policy *. */
int spec_read_memory_policy(struct json_reader *reader, struct json_object *value, void *target,
			    const void *arg);

/* ---- process.c ----------------------------------------------------------------------------------------- */

/* Target: struct spec_process *. */
int spec_read_process(struct json_reader *reader, struct json_object *value, void *target, const void *arg);

/* ---- linux.c ------------------------------------------------------------------------------------------- */

/* Target: struct spec_id_mapping *, immediately followed by its size_t length. */
int spec_read_mappings(struct json_reader *reader, struct json_object *value, void *target, const void *arg);

/* Target: struct spec; the part of config-linux.md. */
int spec_read_linux(struct json_reader *reader, struct json_object *value, void *target, const void *arg);

/* Target: struct spec_rdt *; unchanged for {}. */
int spec_read_rdt(struct json_reader *reader, struct json_object *value, void *target, const void *arg);

/* Pure: fails when mappings overlap or reach beyond the largest id, as the kernel would (EINVAL). */
int spec_check_mappings(struct json_reader *reader, const struct spec_id_mapping *items, size_t len);

/* ---- mounts.c ------------------------------------------------------------------------------------------ */

/* Target: struct spec_mount *, immediately followed by its size_t length. */
int spec_read_mounts(struct json_reader *reader, struct json_object *value, void *target, const void *arg);

/* ---- hooks.c ------------------------------------------------------------------------------------------- */

/* Target: struct spec_hooks[HOOK_KIND_COUNT]. */
int spec_read_hooks(struct json_reader *reader, struct json_object *value, void *target, const void *arg);

/* ---- resources.c --------------------------------------------------------------------------------------- */

/* Target: struct spec_resources. */
int spec_read_resources(struct json_reader *reader, struct json_object *value, void *target, const void *arg);

/* ---- vm.c ---------------------------------------------------------------------------------------------- */

/* Target: struct spec_vm *; unchanged when nothing is set in it. */
int spec_read_vm(struct json_reader *reader, struct json_object *value, void *target, const void *arg);

/* ---- seccomp.c ----------------------------------------------------------------------------------------- */

/* Target: struct spec_seccomp *; unchanged for {}. */
int spec_read_seccomp(struct json_reader *reader, struct json_object *value, void *target, const void *arg);

/* ---- mount_idmap.c ------------------------------------------------------------------------------------- */

/* Parses the value of the mount option "idmap=" into the arena. */
int spec_mount_idmap_read(struct json_reader *reader, const char *text, struct spec_id_maps *ret);
/* Pure: converts the ranges of @maps with .relative to the host's ids; false: one is not mapped. */
bool spec_mount_idmap_resolve(struct spec_id_maps *maps, const struct spec_id_maps *container);

/* ---- mount_options.c ----------------------------------------------------------------------------------- */

/* Pure: returns whether an option has an effect on @mount, a bind mount, a remount or a new file system. */
bool spec_mount_option_is_used(const char *word, const struct spec_mount *mount);
/* The option that was perhaps meant by a word that is none; NULL: it is one, or nothing is near. */
const char *spec_mount_option_near(const char *word);
/*
 * Splits mount options into flags and data, in the arena; see struct spec_mount_options. Errors are about
 * @reader's place.
 */
int spec_mount_options_make(struct json_reader *reader, char *const *words, struct spec_mount_options *ret);

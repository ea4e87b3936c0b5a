/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * uid_map and gid_map of user namespaces, user_namespaces(7). The parent writes them, directly when it is
 * privileged. A caller without privilege may map only its own id; for more it needs newuidmap(1) and
 * newgidmap(1) with a range in /etc/subuid and /etc/subgid.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct spec_id_mapping;
struct spec_id_maps;

/* Pure: returns the text for a map file, one line per mapping; the caller frees it. NULL: out of memory. */
char *idmap_text(const struct spec_id_mapping *mappings, size_t len);

/* Writes both maps of process @pid. @proc_fd: the host's /proc, where @pid is a number. 0 or -errno. */
int idmap_write(int proc_fd, pid_t pid, const struct spec_id_maps *maps, struct error *err);

/* Returns whether process @pid is in this process's user namespace; false when that cannot be told. */
bool idmap_is_ours(int proc_fd, pid_t pid);
/* Converts @uid of process @pid's user namespace to a uid of ours. False: not mapped, or no process. */
bool idmap_user_of(int proc_fd, pid_t pid, uid_t uid, uid_t *ret);
/* Returns the same for uid 0; (uid_t)-1 when it is not mapped. */
uid_t idmap_root_of(int proc_fd, pid_t pid);
/*
 * Reads the maps of user namespace @userns_fd, with ids of ours. Needs CAP_SYS_ADMIN in it (-EPERM). The
 * caller frees both texts, also on failure, and sets them to NULL before.
 */
int idmap_read(int proc_fd, int userns_fd, char **ret_uids, char **ret_gids);
/* Pure: finds the outer id that the text of a map file has for the inner @id; false: it is not mapped. */
bool idmap_find(const char *text, uint32_t id, uint32_t *ret);

/* Makes a user namespace without processes, for an idmapped mount. Returns its fd. Needs privilege. */
int idmap_namespace_make(int proc_fd, const struct spec_id_maps *maps, struct error *err);

/*
 * Pure: converts a container's @id to the host's. False, and *ret is @id: it is not mapped. Without mappings
 * ids are the host's.
 */
bool idmap_to_host(const struct spec_id_mapping *mappings, size_t len, uint32_t id, uint32_t *ret);

/* Pure: true when id 0 is mapped: the child becomes root of its namespace before it mounts. */
bool idmap_has_root(const struct spec_id_mapping *mappings, size_t len);

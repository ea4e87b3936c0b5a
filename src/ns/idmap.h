/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * uid_map and gid_map of a new user namespace, user_namespaces(7). Written by the parent: directly when it is
 * privileged; a caller without privilege may map its own id alone, and needs newuidmap(1)/newgidmap(1)
 * with a range from /etc/subuid, /etc/subgid for more.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct spec_id_mapping;
struct spec_id_maps;

/* Pure: the text for a map file, one line per mapping; caller frees. NULL when memory is short. */
char *idmap_text(const struct spec_id_mapping *mappings, size_t len);

/* @proc_fd: the host's /proc; @pid as seen there. */
int idmap_write(int proc_fd, pid_t pid, const struct spec_id_maps *maps, struct error *err);

/* Whether process @pid is in the user namespace that we are in. */
bool idmap_is_ours(int proc_fd, pid_t pid);
/* Our uid of @uid in the user namespace of process @pid; false: it has none, or the process is gone. */
bool idmap_user_of(int proc_fd, pid_t pid, uid_t uid, uid_t *ret);
/* The same of its root; (uid_t)-1 when there is none. */
uid_t idmap_root_of(int proc_fd, pid_t pid);
/* The maps of user namespace @userns_fd, as a reader in ours sees them; owned by the caller. Takes privilege. */
int idmap_read(int proc_fd, int userns_fd, char **ret_uids, char **ret_gids);
/* Pure: the id outside of @id in the text of a map file. */
bool idmap_find(const char *text, uint32_t id, uint32_t *ret);

/* A user namespace that nobody is in, for its maps alone (idmapped mounts). Returns its fd. Takes privilege. */
int idmap_namespace_make(int proc_fd, const struct spec_id_maps *maps, struct error *err);

/* Pure: the host's id of a container's @id; false when it has none. Without mappings ids are the host's. */
bool idmap_to_host(const struct spec_id_mapping *mappings, size_t len, uint32_t id, uint32_t *ret);

/* True when id 0 is in the map: the child then becomes root of its namespace before it mounts. */
bool idmap_has_root(const struct spec_id_mapping *mappings, size_t len);

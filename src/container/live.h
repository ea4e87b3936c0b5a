/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Things that have to be done inside of a container that runs already, by a process that enters its namespaces for them. */

struct error;
struct state;

/*
 * Runs @act in a child that has entered the container's mount namespace (and those that mounts depend on), as root of its user
 * namespace. The child has this process's descriptors. Waits for it; its failure is the error.
 */
int live_run(const struct state *state, int (*act)(void *data, struct error *err), void *data,
	     struct error *err);

/* Mounts the file behind @fd on @path, which is made as an empty file when it is not there; and takes both away. */
int live_mount_file(const struct state *state, int fd, const char *path, struct error *err);
int live_unmount_file(const struct state *state, const char *path, struct error *err);

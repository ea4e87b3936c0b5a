/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Socket activation, sd_listen_fds(3): the sockets that the service manager passed to this command are passed
 * on to the container's program, as file descriptors from 3 on. Those of --preserve-fds follow.
 */

#include <stdbool.h>

struct error;
struct strv;

/*
 * Returns the number of fds from 3 on that the program gets: the sockets, and @asked more (--preserve-fds).
 * At most INT_MAX.
 */
unsigned int activation_preserved(unsigned int asked);
/*
 * Adds LISTEN_FDS and LISTEN_FDNAMES to @env, unless there are no sockets or @env has LISTEN_FDS already
 * (podman's). *ret_pid: the program's process has to add LISTEN_PID, because it alone knows its pid in the
 * container.
 */
int activation_environment(struct strv *env, bool *ret_pid, struct error *err);

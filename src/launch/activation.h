/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Socket activation, sd_listen_fds(3): what the service manager passed to this command goes on to the program that it starts, as
 * descriptors from 3 on. Those of --preserve-fds come behind, whichever command it is.
 */

#include <stdbool.h>

struct error;
struct strv;

/* How many descriptors from 3 on the program gets: sockets, and @asked for by --preserve-fds. */
unsigned int activation_preserved(unsigned int asked);
/*
 * Adds LISTEN_FDS and LISTEN_FDNAMES to @env, unless it has them (podman's) or there are no sockets. *ret_pid: LISTEN_PID is to be added
 * by the program's process, which alone knows its number.
 */
int activation_environment(struct strv *env, bool *ret_pid, struct error *err);

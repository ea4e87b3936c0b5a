/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The seccomp agent of a container: who answers the system calls for which its profile says SCMP_ACT_NOTIFY. */

#include <sys/types.h>

struct error;
struct seccomp_handover;
struct seccomp_program;
struct spec;
struct state;

/* Before the clone: *ret for a filter that notifies, else NULL. A filter that needs an agent and has none is an error. */
int agent_prepare(const struct spec *spec, const struct seccomp_program *program,
		  struct seccomp_handover **ret, struct error *err);

/*
 * On SYNC_SECCOMP: sends the listener of process @pid to the agent with the container process state (config-linux.md), closes it, and
 * lets the process go on. @handover: of agent_prepare(); NULL is an error, because then no listener may come. @status: of the container.
 */
int agent_deliver(const struct spec *spec, struct seccomp_handover *handover, const struct state *state,
		  const char *status, pid_t pid, int listener_fd, struct error *err);

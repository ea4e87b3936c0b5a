/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The seccomp agent of a container: the process that decides on system calls with SCMP_ACT_NOTIFY,
 * seccomp_unotify(2).
 */

#include <sys/types.h>

struct error;
struct seccomp_handover;
struct seccomp_program;
struct spec;
struct state;

/*
 * Before the clone. Makes *ret if @program notifies, else sets it to NULL; the caller frees it with
 * seccomp_handover_free(). -EINVAL: config.json has no listenerPath.
 */
int agent_prepare(const struct spec *spec, const struct seccomp_program *program,
		  struct seccomp_handover **ret, struct error *err);

/*
 * On SYNC_SECCOMP: sends @listener_fd of process @pid to the agent with the container process state
 * (config-linux.md), and lets the process go on. Closes @listener_fd in any case. @handover: of
 * agent_prepare(); with NULL no listener may come, -EPROTO. @status: of the container.
 */
int agent_deliver(const struct spec *spec, struct seccomp_handover *handover, const struct state *state,
		  const char *status, pid_t pid, int listener_fd, struct error *err);

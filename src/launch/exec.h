/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One more process in a container that runs. Nothing of it, and no failure of it, touches the container's own. On the host, in the
 * process of the command. A struct exec owns what is in it; exec_done() in any case.
 */

#include <stdbool.h>
#include <stdint.h>

#include "cgroup/cgroup.h"
#include "init/init.h"
#include "km/exceptions.h"
#include "launch/exec_plan.h"
#include "security/security.h"
#include "state/state.h"
#include "util/step.h"

struct error;
struct exec_request;
struct spec;

struct exec {
	const struct exec_request *request;
	int dir_fd;
	struct state state;
	struct spec *spec; /* the saved config.json; may be NULL with --process */
	struct exec_process process;
	bool unprivileged; /* an ordinary user of the host, before any namespace is entered */
	int pidfd;	   /* of the container's init */
	int proc_fd;
	int joined_root_fd; /* of a container in somebody else's mount namespace; else -1 */
	int root_fd;	    /* of its first process */
	struct cgroup cgroup;
	int cgroup_fd; /* directory to start in; -1 none; owned when it is a sub-cgroup */
	struct seccomp_program seccomp;
	bool has_seccomp;
	struct seccomp_handover *handover; /* NULL: the filter does not notify */
	struct km_exception exception;
	bool audit_syslog;
	int monitor_log_fd;
	int pid1_fd;
	bool monitor_waits;
	int console_fd;
	uint64_t namespaces;
	bool set_groups;
	bool listens; /* the sockets of socket activation are its */
	struct init_child child;
	int master_fd;
};

STEPS(exec)

/* Finds the container and the program, and opens what the process will need. */
int exec_prepare(struct exec *exec, const struct exec_request *request, struct error *err);
/*
 * Makes the process in the container's cgroup (exec->child), talks with it until it executes the program, and lets a km that waits go
 * on. What fails leaves no process.
 */
int exec_begin(struct exec *exec, struct error *err);
/* Ends the process, and waits for its end. */
void exec_abandon(struct exec *exec);
/* Names the file in an error about a place: the process comes from --process or config.json, everything else from the latter. */
int exec_name_document(const struct exec *exec, struct error *err);
void exec_done(struct exec *exec);

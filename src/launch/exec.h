/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Starts one more process in a running container. The container's other processes are not touched, by a
 * failure neither. On the host, in the process of the command. A struct exec owns its content; the caller
 * ends it with exec_done() in any case.
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
	bool unprivileged;  /* the caller is an ordinary user of the host */
	int pidfd;	    /* of the container's first process */
	int proc_fd;	    /* the host's /proc */
	int joined_root_fd; /* rootfs of a container in a joined mount namespace; else -1 */
	int root_fd;	    /* root of the first process */
	struct cgroup cgroup;
	int cgroup_fd; /* cgroup to start in; -1: none; owned unless it is cgroup.dir_fd */
	struct seccomp_program seccomp;
	bool has_seccomp;
	struct seccomp_handover *handover; /* NULL: the filter does not notify */
	struct km_exception exception;	   /* .fd -1: none, the program runs under km */
	bool audit_syslog;		   /* record the exception in syslog, too */
	int monitor_log_fd;		   /* log of a km of its own; -1: no km */
	int pid1_fd;			   /* program of pid1; -1: none */
	bool monitor_waits;		   /* km waits before the payload until it is released */
	int console_fd;			   /* connected console socket; -1: none */
	uint64_t namespaces;		   /* CLONE_NEW* that the child has to join */
	bool set_groups;		   /* setgroups(2) is allowed */
	bool listens;			   /* it gets the sockets of socket activation */
	struct init_child child;	   /* .pid 0: none */
	int master_fd;			   /* pty master for krun's relay; -1: none */
};

STEPS(exec)

/*
 * Finds the container and the program, and opens what the process needs. This process may have joined the
 * container's pid namespace (and user namespace) afterwards: its next child is born there.
 */
int exec_prepare(struct exec *exec, const struct exec_request *request, struct error *err);
/*
 * Makes the process in the container's cgroup (exec->child), serves it until it executes the program, reports
 * its pid, and releases a km that waits. A failure leaves no process.
 */
int exec_begin(struct exec *exec, struct error *err);
/* Kills the process and waits for its end. */
void exec_abandon(struct exec *exec);
/*
 * Names the document in an error about a JSON pointer: --process if the pointer is in it, else config.json.
 * Returns err->code.
 */
int exec_name_document(const struct exec *exec, struct error *err);
void exec_done(struct exec *exec);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The preflight: compares what km requires with what the container will have, before anything starts. Without
 * it km would end in the container with a signal or a status, and the reason would be in a log. All functions
 * are pure, and return 0 or a negative errno with @err filled.
 *
 * The numbers come from runs of km on Linux 6.1 with KVM; requirements.c and requirements_x86_64.c have them
 * with what happened.
 */

#include <stdbool.h>
#include <stdint.h>

struct error;
struct km_settings;
struct seccomp_data;
struct sock_filter;
struct spec;
struct spec_process;
struct json_findings;

struct km_requirements {
	const struct spec *spec;	    /* NULL for exec */
	const struct spec_process *process; /* the container's first process, or that of an exec */
	const struct km_settings *settings; /* may be NULL for exec */
	const struct sock_filter *filter;   /* compiled seccomp filter; NULL: none */
	unsigned int filter_len;	    /* in instructions */
	unsigned int preserve_fds;	    /* how many descriptors from 3 on */
	bool management;		    /* km will have its management socket */
	uint64_t nofile; /* hard RLIMIT_NOFILE of the caller, for a process that sets none */
};

/*
 * Checks everything. The first thing with which km cannot start is the error: its place in config.json, the
 * cause, and what to do (-EINVAL; -EMFILE for RLIMIT_NOFILE). What may fail later is added to @warnings; if
 * memory was short for that, warnings->out_of_memory is set, which is not an error here.
 */
int km_requirements_check(const struct km_requirements *needs, struct json_findings *warnings,
			  struct error *err);

/* For exec: the same for limits and descriptors of the process alone, not its seccomp filter. */
int km_requirements_check_process(const struct km_requirements *needs, struct json_findings *warnings,
				  struct error *err);

/* ---- requirements_none.c, requirements_x86_64.c -------------------------------------------------------- */

/*
 * These two are in requirements_x86_64.c; for other processors requirements_none.c stands in, where the first
 * is -EOPNOTSUPP, with a text that says so, and the second does nothing.
 */
int km_check_processor(struct error *err);
/* -EINVAL if the seccomp filter refuses a system call that km cannot do without; a warning for others. */
int km_requirements_check_filter(const struct km_requirements *needs, struct json_findings *warnings,
				 struct error *err);

/* ---- bpf.c --------------------------------------------------------------------------------------------- */

/*
 * Runs a seccomp filter on one system call (bpf.c): *ret_action is SECCOMP_RET_* with its data. @len: in
 * instructions. -EINVAL: not a program that the kernel would load; fills no error.
 */
int km_filter_run(const struct sock_filter *filter, unsigned int len, const struct seccomp_data *data,
		  uint32_t *ret_action);
/* The same for every call of this number, whatever its arguments are; -ENODATA: the filter asks for them. */
int km_filter_run_for_any(const struct sock_filter *filter, unsigned int len, int call, uint32_t architecture,
			  uint32_t *ret_action);

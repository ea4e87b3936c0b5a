/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What km cannot do without, compared with what the container will have, before anything starts: inside, km ends with a signal or a
 * status, and its words are in a log that nobody reads. Pure.
 *
 * Source of the numbers: runs of km on Linux 6.1 with KVM; requirements.c and requirements_x86_64.c have them with what happened.
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
	const struct spec_process *process; /* of the container, or one of exec */
	const struct km_settings *settings;
	const struct sock_filter *filter; /* compiled; NULL: none */
	unsigned int filter_len;
	unsigned int preserve_fds; /* how many from 3 */
	bool management;	   /* km will have its management socket */
	uint64_t nofile;	   /* hard limit of the caller, for a container that sets none */
};

/*
 * The first thing with which km cannot start is the error, with its place, the cause, and what to do. What may go wrong
 * later is added to @warnings, which the caller looks at for a lack of memory.
 */
int km_requirements_check(const struct km_requirements *needs, struct json_findings *warnings,
			  struct error *err);

/* The same for what is of the process alone: exec. */
int km_requirements_check_process(const struct km_requirements *needs, struct json_findings *warnings,
				  struct error *err);

/* requirements_x86_64.c, or requirements_none.c on another processor, where the first is -EOPNOTSUPP and says so. */
int km_check_processor(struct error *err);
/* What the filter refuses, as above. */
int km_requirements_check_filter(const struct km_requirements *needs, struct json_findings *warnings,
				 struct error *err);

/* bpf.c: the action (SECCOMP_RET_*) of a filter for one system call. -EINVAL: no program that the kernel would load. */
int km_filter_run(const struct sock_filter *filter, unsigned int len, const struct seccomp_data *data,
		  uint32_t *ret_action);

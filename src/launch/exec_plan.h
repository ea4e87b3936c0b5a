/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The process that `exec` runs: the one of --process, or the container's own with the changes of the options.
 */

#include "spec/spec.h"
#include "util/strv.h"

struct error;
struct exec_request;

struct exec_process {
	struct spec_process process; /* borrows from the spec, the request and the fields below */
	struct spec_capabilities capabilities;
	gid_t *gids;
	char *cwd;
	struct strv env;
};

/*
 * Pure. @base: the process that the options of @request change. Variables for km are not removed from the
 * environment yet. -EINVAL: a bad option. The caller ends *ret with exec_process_done() after success.
 */
int exec_process_make(const struct exec_request *request, const struct spec_process *base,
		      struct exec_process *ret, struct error *err);
void exec_process_done(struct exec_process *process);

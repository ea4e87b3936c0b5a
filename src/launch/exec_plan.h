/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which process `exec` runs: the one from --process, or the container's own with what the options change. */

#include "spec/spec.h"
#include "util/strv.h"

struct error;
struct exec_request;

struct exec_process {
	struct spec_process process; /* borrows from the spec and from the fields below */
	struct spec_capabilities capabilities;
	gid_t *gids;
	char *cwd;
	struct strv env;
};

/* Pure. @base: the process that is started from. What km would read of the environment is still in it. */
int exec_process_make(const struct exec_request *request, const struct spec_process *base,
		      struct exec_process *ret, struct error *err);
void exec_process_done(struct exec_process *process);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The life of containers as the commands see it: one function per operation, each complete (state,
 * locking, legality, roll-back). All run on the host, in the process of the command. Strings in requests are
 * borrowed. An unknown container is -ENOENT with "container 'ID' does not exist".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "km/exceptions.h"
#include "launch/request.h"
#include "state/runtime_options.h"
#include "util/strv.h"

struct checkpoint_options;
struct error;
struct spec;

int container_create(const struct create_request *request, struct error *err);
int container_start(const struct runtime_options *runtime, const char *id, struct error *err);
/* create + start; in the foreground also the relay, the wait and delete. *ret_status: exit status to end with. */
int container_run(const struct create_request *request, int *ret_status, struct error *err);

int container_checkpoint(const struct runtime_options *runtime, const char *id,
			 const struct checkpoint_options *options, struct error *err);
/* As container_run(), from --image-path of @options. */
int container_restore(const struct create_request *request, const struct checkpoint_options *options,
		      int *ret_status, struct error *err);

int container_exec(const struct exec_request *request, int *ret_status, struct error *err);

/*
 * @all: every process of the container (its cgroup); KILL always is for all of them. Of a stopped one, what is left of it in its cgroup;
 * without any process there: "container not running".
 */
int container_kill(const struct runtime_options *runtime, const char *id, int signo, bool all,
		   struct error *err);
/* @force: kills what is left, also below a command that is at work on it; succeeds for an unknown id. */
int container_delete(const struct runtime_options *runtime, const char *id, bool force, struct error *err);
/* Adds the mounts of a bare array to a container that exists, or takes what is on their destinations away. */
int container_mounts(const struct runtime_options *runtime, const char *id, const struct spec *spec, bool add,
		     struct error *err);
int container_pause(const struct runtime_options *runtime, const char *id, struct error *err);
int container_resume(const struct runtime_options *runtime, const char *id, struct error *err);
/*
 * @changes: from spec_parse_resources() or spec_parse_update(); what it does not set stays as it is. All or nothing. What is in
 * force afterwards stands in config.json of the state.
 */
int container_update(const struct runtime_options *runtime, const char *id, const struct spec *changes,
		     struct error *err);

/* The JSON of `krun state`, with a final newline; caller frees. */
int container_state_text(const struct runtime_options *runtime, const char *id, char **ret_text,
			 struct error *err);

enum container_log { CONTAINER_LOG_MONITOR, CONTAINER_LOG_EXCEPTIONS };
/*
 * Writes what krun keeps to @out_fd: km's log (monitor/log.h), or the programs that ran without km (audit.h). @follow: km's log until
 * the container has ended. -ENOENT for a container without km.
 */
int container_logs(const struct runtime_options *runtime, const char *id, enum container_log which,
		   bool follow, int out_fd, struct error *err);

/*
 * @target: an id, or the path (with a '/') of a root file system. The list that holds for it, by the settings of the host.
 * @ret_verdicts: NULL, or what exec would say to each entry (km/exceptions.h). Both are released by the caller.
 */
int container_exceptions_list(const struct runtime_options *runtime, const char *target,
			      struct km_exceptions *ret, enum km_exception_verdict **ret_verdicts,
			      struct error *err);
int container_exceptions_add(const struct runtime_options *runtime, const char *target, const char *regex,
			     const char *path, bool replace, struct error *err);

struct container_info {
	char *id;
	pid_t pid;	    /* 0 when stopped */
	const char *status; /* "creating", "created", "running", "paused", "stopped", "unknown" */
	char *bundle;
	char *rootfs;
	char *created; /* RFC 3339 */
	char *owner;
	char *state_text; /* as container_state_text() */
};
/* All containers, sorted by id. One whose files cannot be read appears with the status "unknown". */
int container_list(const struct runtime_options *runtime, struct container_info **ret, size_t *ret_len,
		   struct error *err);
void container_list_free(struct container_info *list, size_t len);
/* Ids only (for --regex), sorted, NULL-terminated in *ret. */
int container_ids(const struct runtime_options *runtime, struct strv *ret, struct error *err);
/* Host pids of a container, sorted; caller frees. */
int container_pids(const struct runtime_options *runtime, const char *id, pid_t **ret, size_t *ret_len,
		   struct error *err);

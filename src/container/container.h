/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The operations on containers, one function for each command. Each is complete: it opens the state, takes
 * the lock, checks that the operation is legal in the container's status (state/status.h), and undoes what it
 * did after a failure. On the host, in the process of the command. Strings in requests are borrowed. Unknown
 * container: -ENOENT "container 'ID' does not exist".
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

enum container_log { CONTAINER_LOG_MONITOR, CONTAINER_LOG_EXCEPTIONS };

struct container_info {
	char *id;
	pid_t pid;	    /* 0 when stopped */
	const char *status; /* "creating", "created", "running", "paused", "stopped", "unknown" */
	char *bundle;
	char *rootfs;
	char *created; /* RFC 3339 */
	uid_t owner;
	char *state_text; /* as container_state_text(), on one line */
	char *root;	  /* path of its state root */
};

/* ---- create.c ------------------------------------------------------------------------------------------ */

/* Makes a container whose process waits for container_start(). */
int container_create(const struct create_request *request, struct error *err);

/*
 * Creates and starts a container. In the foreground also relays the terminal and signals, waits for its end
 * and deletes it; a warning says why that failed, because by then only the program's status counts.
 * *ret_status: the exit status for the command, 0 with --detach.
 */
int container_run(const struct create_request *request, int *ret_status, struct error *err);

/* As container_run(), from the checkpoint in image_path of @options. */
int container_restore(const struct create_request *request, const struct checkpoint_options *options,
		      int *ret_status, struct error *err);

/* ---- start.c ------------------------------------------------------------------------------------------- */

/* Releases the program and waits until it executes, and with a notify socket until it is ready. */
int container_start(const struct runtime_options *runtime, const char *id, struct error *err);

/* ---- checkpoint.c -------------------------------------------------------------------------------------- */

/* Writes a checkpoint. The container then ends and is removed, except with leave_running or pre_dump. */
int container_checkpoint(const struct runtime_options *runtime, const char *id,
			 const struct checkpoint_options *options, struct error *err);

/* ---- exec.c -------------------------------------------------------------------------------------------- */

/* Runs one more process in a container. *ret_status: its exit status; 0 with detach, once it runs. */
int container_exec(const struct exec_request *request, int *ret_status, struct error *err);

/* ---- kill.c -------------------------------------------------------------------------------------------- */

/*
 * Sends a signal to the container's first process; @all: to every process of the container
 * (state/processes.h). SIGKILL always ends all processes. Of a stopped container, the processes left in its
 * cgroup get the signal. -ESRCH "container not running": no process is left.
 */
int container_kill(const struct runtime_options *runtime, const char *id, int signo, bool all,
		   struct error *err);

/* ---- delete.c ------------------------------------------------------------------------------------------ */

/*
 * Removes a stopped container. @force: in any status; kills its processes, even while another command holds
 * the lock. An unknown id is not an error with @force.
 */
int container_delete(const struct runtime_options *runtime, const char *id, bool force, struct error *err);

/* ---- mounts.c ------------------------------------------------------------------------------------------ */

/* Mounts what @spec lists in an existing container; without @add unmounts what is on those destinations. */
int container_mounts(const struct runtime_options *runtime, const char *id, const struct spec *spec, bool add,
		     struct error *err);

/* ---- pause.c ------------------------------------------------------------------------------------------- */

/* -EOPNOTSUPP: the container has no cgroup of its own. */
int container_pause(const struct runtime_options *runtime, const char *id, struct error *err);
int container_resume(const struct runtime_options *runtime, const char *id, struct error *err);

/* ---- update.c ------------------------------------------------------------------------------------------ */

/*
 * Changes limits. @changes: from spec_parse_resources() or spec_parse_update(); what it does not set stays. A
 * failure undoes all of it. The result is recorded in config.json of the state directory.
 */
int container_update(const struct runtime_options *runtime, const char *id, const struct spec *changes,
		     struct error *err);

/* ---- state.c ------------------------------------------------------------------------------------------- */

/* Returns the JSON of `krun state`, with a final newline; the caller frees it. */
int container_state_text(const struct runtime_options *runtime, const char *id, char **ret_text,
			 struct error *err);

/* ---- logs.c -------------------------------------------------------------------------------------------- */

/*
 * Writes km's log (monitor/log.h) or the records of programs that ran without km (audit.h) to @out_fd.
 * @follow: writes km's log until the container has ended. -ENOENT: CONTAINER_LOG_MONITOR, and there is no log
 * that krun can read.
 */
int container_logs(const struct runtime_options *runtime, const char *id, enum container_log which,
		   bool follow, int out_fd, struct error *err);

/* ---- exceptions.c -------------------------------------------------------------------------------------- */

/*
 * Returns the exceptions that exec would use, by the settings of the host. @target: an id, or the path (with
 * a '/') of a root file system. @ret_verdicts: exec's verdict on each entry (km/exceptions.h); may be NULL.
 * The caller releases both.
 */
int container_exceptions_list(const struct runtime_options *runtime, const char *target,
			      struct km_exceptions *ret, enum km_exception_verdict **ret_verdicts,
			      struct error *err);
/*
 * Adds an exception to the list in the root of @target. @replace: changes the entry with the same @regex
 * instead.
 */
int container_exceptions_add(const struct runtime_options *runtime, const char *target, const char *regex,
			     const char *path, bool replace, struct error *err);

/* ---- list.c -------------------------------------------------------------------------------------------- */

/* What of a struct container_info is wanted; the rest is not looked for. */
enum container_detail {
	CONTAINER_ID,	/* .id and .root */
	CONTAINER_ROW,	/* all but .state_text */
	CONTAINER_STATE /* all */
};

/*
 * Returns all containers, sorted by id; released with container_list_free(). A container whose state is
 * unreadable has the status "unknown".
 */
int container_list(const struct runtime_options *runtime, enum container_detail detail,
		   struct container_info **ret, size_t *ret_len, struct error *err);
/* As container_list(), of all roots (state/roots.h). A warning says what could not be searched. */
int container_list_any(const struct runtime_options *runtime, enum container_detail detail,
		       struct container_info **ret, size_t *ret_len, struct error *err);
void container_list_free(struct container_info *list, size_t len);
/* Adds the ids of all containers to *ret, sorted; *ret stays empty if there are none. */
int container_ids(const struct runtime_options *runtime, struct strv *ret, struct error *err);

/* ---- ps.c ---------------------------------------------------------------------------------------------- */

/*
 * Returns the pids of a container's processes on the host, sorted (state/processes.h); the caller frees them.
 */
int container_pids(const struct runtime_options *runtime, const char *id, pid_t **ret, size_t *ret_len,
		   struct error *err);

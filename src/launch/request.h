/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What `create`, `run`, `restore` and `exec` are asked for. Strings are borrowed. */

#include <stdbool.h>

struct checkpoint_options;
struct runtime_options;
struct spec;

struct create_request {
	const struct runtime_options *runtime;
	const char *id;
	const char *bundle;	    /* NULL: "." */
	const char *config;	    /* NULL: config.json of the bundle */
	const char *pid_file;	    /* NULL: none */
	const char *console_socket; /* NULL: none */
	const char *pidfd_socket;   /* NULL: none; receives a pidfd of the init process */
	unsigned int preserve_fds;  /* how many behind those of LISTEN_FDS, which is added inside */
	bool no_pivot;
	bool no_new_keyring;
	bool no_subreaper;	/* run: accepted, krun never makes itself one for detached containers */
	bool detach;		/* run: return once it runs */
	bool keep;		/* run: keep state and cgroup when it ends */
	const char *image_path; /* of a checkpoint that the program goes on from; NULL: it begins */
	const struct checkpoint_options *restore; /* `restore`: how; NULL otherwise */
};

struct exec_request {
	const struct runtime_options *runtime;
	const char *id;
	const struct spec
		*process;  /* from --process, or NULL: the container's own process with the fields below */
	char *const *args; /* NULL-terminated command, NULL with .process */
	char *const *env;  /* additions, NULL-terminated or NULL */
	const char *cwd;   /* NULL: the container's */
	const char *user;  /* "UID[:GID]" or NULL */
	char *const *caps; /* additional capability names or NULL */
	char *const *additional_gids; /* decimal, or NULL */
	const char *apparmor, *process_label;
	const char *cgroup; /* sub-cgroup below the container's, NULL: its own */
	const char *pid_file, *console_socket, *pidfd_socket;
	unsigned int preserve_fds;
	int no_new_privs; /* -1: as the process says */
	bool tty;
	bool detach;
	bool ignore_paused;
};

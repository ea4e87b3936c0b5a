/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The requests of `create`, `run`, `restore` and `exec`. Strings are borrowed. */

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
	const char *pidfd_socket;   /* NULL: none; receives a pidfd of the first process */
	unsigned int preserve_fds;  /* number of fds after those of LISTEN_FDS */
	bool no_pivot;
	bool no_new_keyring;
	bool no_subreaper;	/* run: accepted and ignored, krun is never a subreaper */
	bool detach;		/* run: return once the program runs */
	bool keep;		/* run: keep state and cgroup when the program ends */
	const char *image_path; /* checkpoint that the program continues from; NULL: it begins */
	const struct checkpoint_options *restore; /* NULL: not `restore` */
};

struct exec_request {
	const struct runtime_options *runtime;
	const char *id;
	const struct spec *process;   /* of --process; NULL: the container's process with the changes below */
	char *const *args;	      /* NULL-terminated command; NULL with .process */
	char *const *env;	      /* additions, NULL-terminated; or NULL */
	const char *cwd;	      /* NULL: the process's */
	const char *user;	      /* "UID[:GID]"; NULL: the process's */
	char *const *caps;	      /* additional capability names; or NULL */
	char *const *additional_gids; /* decimal; or NULL */
	const char *apparmor, *process_label;
	const char *cgroup; /* cgroup below the container's; NULL: the container's */
	const char *pid_file, *console_socket, *pidfd_socket;
	unsigned int preserve_fds;
	int no_new_privs; /* -1: the process's */
	bool tty;
	bool detach;
	bool ignore_paused; /* do not refuse a paused container */
};

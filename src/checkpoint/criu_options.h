/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Computes the options of a CRIU request from the command's options, config.json and facts about the
 * container. Pure.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "checkpoint/options.h"
#include "criu/request.h"
#include "mount/points.h"
#include "spec/spec.h"

struct error;

/* Names that the images have for namespaces that the container joined. */
#define CRIU_NAME_NETWORK "krun-network"
#define CRIU_NAME_PID "krun-pid"

/*
 * -EOPNOTSUPP for the first property of config.json that CRIU cannot restore: an idmapped mount, an agent of
 * seccomp and the like.
 */
int criu_check_spec(const struct spec *spec, struct error *err);

/*
 * Checks the options whose values are words. -EINVAL: unknown; -EOPNOTSUPP: --empty-ns of another kind than
 * network.
 */
int criu_options_check(const struct checkpoint_options *options, struct error *err);

/*
 * Fills *ret with the options for both dump and restore. @default_config: CRIU's configuration file if
 * config.json names none by annotation; NULL: none. *ret borrows from all arguments; the caller ends it with
 * criu_options_done(), after a failure, too.
 */
int criu_options_make(const struct checkpoint_options *options, const struct spec *spec,
		      const char *default_config, struct criu_options *ret, struct error *err);

/* Numbers of file descriptors in CRIU's process; the caller puts the files there. */
enum { CRIU_FD_STDIO = 10, CRIU_FD_NETWORK = 20, CRIU_FD_PID, CRIU_FD_IMAGES, CRIU_FD_WORK };

struct criu_dump_facts {
	pid_t pid;			  /* the container's first process */
	const struct mount_pairs *points; /* mounts from outside */
	ino_t namespaces[NS_KIND_COUNT];
	char *const *stdio; /* 3 names, as checkpoint_criu.stdio */
};

/* Adds the options of a dump. -EINVAL: --parent-path or --page-server is malformed. */
int criu_options_add_dump(const struct criu_dump_facts *facts, const struct checkpoint_options *options,
			  const struct spec *spec, struct criu_options *ret, struct error *err);

struct criu_restore_facts {
	const struct mount_pairs *sources; /* of mounts from outside */
	char *const *stdio;		   /* 3 names of the dump, as checkpoint_criu.stdio */
};

/* Adds the options of a restore. Fails with -ENOMEM only. */
int criu_options_add_restore(const struct criu_restore_facts *facts, const struct spec *spec,
			     struct criu_options *ret, struct error *err);

/*
 * Makes CRIU's name of an open file of a container's process. @link: its link in /proc/PID/fd; @mount: mnt_id
 * of fdinfo; @inode: of stat(2). The caller frees *ret; it is NULL for a terminal, which --shell-job handles.
 */
int criu_name_file(const char *link, unsigned int mount, unsigned long inode, bool is_terminal, char **ret);

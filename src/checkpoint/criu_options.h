/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* From a command's options, config.json and what was looked up to what CRIU is asked. Pure. */

#include <stdbool.h>
#include <sys/types.h>

#include "checkpoint/options.h"
#include "criu/request.h"
#include "mount/points.h"
#include "spec/spec.h"

struct error;

/* Names in the images for namespaces that the container shares with others. */
#define CRIU_NAME_NETWORK "krun-network"
#define CRIU_NAME_PID "krun-pid"

/* What config.json has that no checkpoint can bring back as it was: the first such property is the error. */
int criu_check_spec(const struct spec *spec, struct error *err);

/* Whether the words among the options are known ones. */
int criu_options_check(const struct checkpoint_options *options, struct error *err);

/*
 * What both directions share. @default_config: CRIU's options for krun, when config.json names no file of its own; NULL: none.
 * Borrows from all arguments. *ret: criu_options_done().
 */
int criu_options_make(const struct checkpoint_options *options, const struct spec *spec,
		      const char *default_config, struct criu_options *ret, struct error *err);

/* Descriptors of the CRIU process, which the caller arranges. */
enum { CRIU_FD_STDIO = 10, CRIU_FD_NETWORK = 20, CRIU_FD_PID, CRIU_FD_IMAGES, CRIU_FD_WORK };

struct criu_dump_facts {
	pid_t pid;
	const struct mount_pairs *points;
	ino_t namespaces[NS_KIND_COUNT];
	char *const *stdio; /* 3 names, NULL: nothing from outside */
};

int criu_options_add_dump(const struct criu_dump_facts *facts, const struct checkpoint_options *options,
			  const struct spec *spec, struct criu_options *ret, struct error *err);

struct criu_restore_facts {
	const struct mount_pairs *sources;
	char *const *stdio; /* as the dump found them */
};

int criu_options_add_restore(const struct criu_restore_facts *facts, const struct spec *spec,
			     struct criu_options *ret, struct error *err);

/*
 * How CRIU calls what a descriptor of a container's process stands for: @link is its text in /proc/PID/fd, @mount and @inode from
 * fdinfo and stat. *ret is owned by the caller; NULL: a terminal, for which --shell-job is.
 */
int criu_name_file(const char *link, unsigned int mount, unsigned long inode, bool is_terminal, char **ret);

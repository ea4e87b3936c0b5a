/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The global options, which hold for every command, and the place of the state. Strings are borrowed. */

#include <stdbool.h>

#include "cgroup/cgroup.h"
#include "km/km.h"

struct runtime_options {
	const char *root;	     /* state root; "" or NULL: the default, container_root() */
	enum cgroup_manager manager; /* of new containers; later commands follow the state */
	enum program_name name;	     /* of krun's program, for new containers likewise */
	const char *config_file;     /* host settings; NULL: /etc/krun/krun.json */
	const char *criu;	     /* CRIU's program; NULL: the one in PATH */
	const int *root_fd;	     /* .root as --any-root opened it, borrowed; NULL: by its name */
};

/* ---- state_dir.c --------------------------------------------------------------------------------------- */

/*
 * Returns the state root of a command: that of the options, or else $XDG_RUNTIME_DIR/krun for an ordinary
 * user or in a user namespace, if the variable is an absolute path, or else /run/krun. Borrowed, or static
 * storage.
 */
const char *container_root(const struct runtime_options *runtime);

/* Returns XDG_RUNTIME_DIR of an ordinary user, or in a user namespace; NULL: unset, or not absolute. */
const char *user_runtime_dir(void);

/*
 * True for [A-Za-z0-9_+.-]{1,255} that does not start with "." or "-": the id is the name of a directory
 * (NAME_MAX).
 */
bool container_id_is_valid(const char *id);

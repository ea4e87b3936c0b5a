/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the global options decide for every command, and where the state of containers is. Strings are borrowed. */

#include <stdbool.h>

#include "cgroup/cgroup.h"
#include "km/km.h"

/* What the global options decide. */
struct runtime_options {
	const char *root;	     /* state root; "" or NULL: container_default_root() */
	enum cgroup_manager manager; /* for create and run; later commands follow the state */
	enum program_name name;	     /* likewise */
	const char *config_file;     /* NULL: /etc/krun/krun.json */
	const char *criu;	     /* program; NULL: the one in PATH */
};

/* /run/krun as root, $XDG_RUNTIME_DIR/krun otherwise. Static storage. */
const char *container_default_root(void);

/* [A-Za-z0-9_+.-]{1,255}, not starting with "." or "-": it is the name of a directory. */
bool container_id_is_valid(const char *id);

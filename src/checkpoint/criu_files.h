/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What krun keeps beside CRIU's images, because CRIU does not and a restore needs it: a small text file. A checkpoint without
 * it, of another runtime, is fine: then nothing of it applies.
 */

#include <stdbool.h>

#include "util/strv.h"

struct error;

#define CHECKPOINT_CRIU_FILE "krun.img"

struct checkpoint_criu {
	char *stdio[3];	    /* CRIU's names of what was open there, NULL: nothing that comes from outside */
	struct strv below;  /* "DESTINATION\tREST": mounts below recursive binds, see mount/points.h */
	bool empty_network; /* its network namespace is not in the images: hooks fill a new one */
	bool has_notify;    /* the directory of a notify socket is mounted */
	bool has_cgroups;   /* CRIU knows cgroups of it; not in the file */
};

int checkpoint_criu_write(int dir_fd, const struct checkpoint_criu *image, struct error *err);
int checkpoint_criu_read(int dir_fd, struct checkpoint_criu *ret, struct error *err);
void checkpoint_criu_done(struct checkpoint_criu *image);

/* After a failed dump: images, which would not be a checkpoint. Logs stay. */
void checkpoint_criu_remove(int dir_fd);

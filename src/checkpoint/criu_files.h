/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A small text file that krun writes beside CRIU's images, with facts that a restore needs and CRIU does not
 * keep. A checkpoint without it, by another runtime, is restored without these facts.
 */

#include <stdbool.h>

#include "util/strv.h"

struct error;

#define CHECKPOINT_CRIU_FILE "krun.img"

struct checkpoint_criu {
	char *stdio[3];	    /* CRIU's names of fds 0 to 2; NULL: not a file from outside */
	struct strv below;  /* "DESTINATION\tREST": mounts below recursive bind mounts, mount/points.h */
	bool empty_network; /* the images have no network namespace: hooks set up a new one */
	bool has_notify;    /* the directory of a notify socket is mounted */
	bool has_cgroups;   /* CRIU has an image of its cgroups; not in the file */
};

/* Replaces the file in @dir_fd, the image directory. */
int checkpoint_criu_write(int dir_fd, const struct checkpoint_criu *image, struct error *err);
/*
 * Reads the file in @dir_fd; the caller ends @ret with checkpoint_criu_done(). A missing file is not an
 * error. -EINVAL: another format; -EBADMSG: an unknown line.
 */
int checkpoint_criu_read(int dir_fd, struct checkpoint_criu *ret, struct error *err);
void checkpoint_criu_done(struct checkpoint_criu *image);

/*
 * Removes all images from @dir_fd after a failed dump, because they are not a complete checkpoint. Logs stay.
 */
void checkpoint_criu_remove(int dir_fd);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What `checkpoint` leaves in the directory of --image-path and `restore` finds there. Of a container under km: the snapshot, an
 * ELF core file that km resumes, and an inventory with which krun knows its own images. podman looks for a file of the
 * inventory's name to tell whether a checkpoint is complete, so it is written last; CRIU's inventory, which plain
 * containers have there, starts with CRIU's own magic numbers.
 */

#include <stdint.h>
#include <sys/types.h>

struct error;

#define IMAGE_INVENTORY "inventory.img"
#define IMAGE_SNAPSHOT "km-snapshot"

enum image_kind { IMAGE_KM, IMAGE_CRIU };

struct image {
	int dir_fd;
	enum image_kind kind;
	int snapshot_fd; /* IMAGE_KM: a regular file, complete, opened for reading */
	char *cwd;	 /* of the payload; NULL: an older image */
	int umask;	 /* -1: an older image */
};

/* What the inventory says of a snapshot. */
struct image_facts {
	const char *id, *cwd;
	unsigned int umask;
};

/* Makes the directory (with parents, 0700) that @option names when it is not there. Returns its fd. */
int image_directory_make(const char *path, const char *option, struct error *err);

/*
 * An empty file for km to write, which nobody but @uid (as the host counts) may open; returns its fd. Its name is temporary
 * until image_commit().
 */
int image_snapshot_make(int dir_fd, uid_t uid, gid_t gid, struct error *err);
/* The snapshot is complete: checks it, gives it its name and its owner back, and writes the inventory. */
int image_commit(int dir_fd, int snapshot_fd, const struct image_facts *facts, struct error *err);
/* After a failure: what image_snapshot_make() made. */
void image_snapshot_remove(int dir_fd);

/* Opens an image and checks that it is one, and whole; foreign, cut or missing files are errors. */
int image_open(const char *path, struct image *ret, struct error *err);
/* Lets @uid (as the host counts) read and execute the snapshot, as km's payload. The directory keeps everybody else away. */
int image_snapshot_lend(int snapshot_fd, uid_t uid, gid_t gid, struct error *err);
void image_done(struct image *image);

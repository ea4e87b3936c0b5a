/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What `checkpoint` leaves in the directory of --image-path and `restore` finds there. Of a container under km: the snapshot, an
 * ELF core file that km resumes, and an inventory with which krun knows its own images. podman looks for a file of the
 * inventory's name to tell whether a checkpoint is complete, so it is written last; CRIU's inventory, which plain
 * containers have there, starts with CRIU's own magic numbers.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

#define CHECKPOINT_INVENTORY "inventory.img"
#define CHECKPOINT_SNAPSHOT "km-snapshot"
/* While it is being made: the file that km writes, what is kept of it, and what tells of that. */
#define CHECKPOINT_SHARED CHECKPOINT_SNAPSHOT ".tmp"
#define CHECKPOINT_COPY CHECKPOINT_SNAPSHOT ".new"
#define CHECKPOINT_NEW_INVENTORY CHECKPOINT_INVENTORY ".new"

enum checkpoint_kind { CHECKPOINT_KM, CHECKPOINT_CRIU };

struct checkpoint {
	int dir_fd;
	enum checkpoint_kind kind;
	int snapshot_fd; /* CHECKPOINT_KM: a regular file, complete, opened for reading */
	char *cwd;	 /* of the payload; NULL: an older image */
	int umask;	 /* -1: an older image */
	/* Of checkpoint_lend(): */
	bool is_tree;	 /* .snapshot_fd is a detached mount of it */
	int lent_dir_fd; /* where a copy has its directory, while it has a name; -1: nowhere */
	char lent_name[48];
};

/* Whom a snapshot is for. */
struct checkpoint_user {
	uid_t uid; /* as the host counts */
	gid_t gid;
	bool known;	   /* otherwise nobody can say here who that is: a joined user namespace */
	bool unprivileged; /* this command may not mount */
	int proc_fd;	   /* the host's /proc */
	int state_dir_fd;  /* of the container */
};

/* What the inventory says of a snapshot. */
struct checkpoint_facts {
	const char *id, *cwd;
	unsigned int umask;
};

/* Makes the directory (with parents, 0700) that @option names when it is not there. Returns its fd. */
int checkpoint_directory_make(const char *path, const char *option, struct error *err);

/*
 * An image that is being made (draft.c), with names that are temporary until checkpoint_commit(): what was in the directory stays as
 * good as it was until then.
 */
struct checkpoint_draft {
	int dir_fd;    /* borrowed, and locked */
	int shared_fd; /* for km to write */
	int copy_fd;
};

/* An empty file for km, which nobody but @uid (as the host counts) may open. checkpoint_draft_done() in any case. */
int checkpoint_draft_make(int dir_fd, uid_t uid, gid_t gid, struct checkpoint_draft *ret, struct error *err);
/* Whether a snapshot of @size bytes has room, with the copy of it unless the file system's copies take none. */
int checkpoint_draft_check_room(const struct checkpoint_draft *draft, uint64_t size, struct error *err);
/*
 * km has written: from here on only what no process of the container has ever had open, a copy in .copy_fd. It costs another
 * write of the snapshot, in the kernel, and nothing where files can share blocks (btrfs, xfs). There is no checksum: it would cost a
 * read of all of it here and at each start from it (a second for some hundred MiB), which a start from a template is to save.
 */
int checkpoint_draft_take(struct checkpoint_draft *draft, struct error *err);
/* Whether it is an ELF core file for x86-64 all of whose segments are in the file. */
int checkpoint_check_snapshot(int fd, struct error *err);
/* Checks the copy once more, writes the inventory, and gives both their names. All or nothing. */
int checkpoint_commit(const struct checkpoint_draft *draft, const struct checkpoint_facts *facts,
		      struct error *err);
/* Removes what was not committed. */
void checkpoint_draft_done(struct checkpoint_draft *draft);

/* Opens an image and checks that it is one, and whole; foreign, cut or missing files are errors. */
int checkpoint_open(const char *path, struct checkpoint *ret, struct error *err);
/*
 * Puts what @user may read and execute as km's payload, and who is a stranger may not, in the place of .snapshot_fd (lend.c):
 * the file itself; a mount in which it is his; or a private copy, with shared blocks where there are such. The image is not changed.
 */
int checkpoint_lend(struct checkpoint *image, const struct checkpoint_user *user, struct error *err);
/* The container has its mounts: a copy is there for as long as these are, and needs no name. checkpoint_done() does it, too. */
void checkpoint_lent_done(struct checkpoint *image);
void checkpoint_done(struct checkpoint *image);

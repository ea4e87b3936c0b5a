/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The image: the directory that `checkpoint` writes to and `restore` reads, --image-path. In km mode it has
 * the snapshot, an ELF core file that km resumes, and an inventory in JSON. The inventory is written last,
 * because podman takes a file of this name as the sign of a complete checkpoint. In plain mode CRIU writes an
 * inventory of the same name, which begins with CRIU's magic numbers. On the host, in the process of the
 * command.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

#define CHECKPOINT_INVENTORY "inventory.img"
#define CHECKPOINT_SNAPSHOT "km-snapshot"
/* Temporary files: the one that km writes, the copy of it that is kept, and its inventory. */
#define CHECKPOINT_SHARED CHECKPOINT_SNAPSHOT ".tmp"
#define CHECKPOINT_COPY CHECKPOINT_SNAPSHOT ".new"
#define CHECKPOINT_NEW_INVENTORY CHECKPOINT_INVENTORY ".new"

enum checkpoint_kind { CHECKPOINT_KM, CHECKPOINT_CRIU };

struct checkpoint {
	int dir_fd;
	enum checkpoint_kind kind;
	int snapshot_fd; /* CHECKPOINT_KM: a complete regular file, opened for reading; else -1 */
	char *cwd;	 /* of the payload; owned; NULL: an image of an older krun */
	int umask;	 /* of the payload; -1: an image of an older krun */
	/* Set by checkpoint_lend(): */
	bool is_tree;	 /* .snapshot_fd is a detached mount of the file */
	int lent_dir_fd; /* parent of the directory with the copy, while the copy has a name; else -1 */
	char lent_name[48];
};

/* The user who reads a snapshot: the container's program. */
struct checkpoint_user {
	uid_t uid; /* on the host */
	gid_t gid;
	bool known;	   /* false: the ids are not known on the host (a joined user namespace) */
	bool unprivileged; /* this command may not mount */
	int proc_fd;	   /* the host's /proc */
	int state_dir_fd;  /* of the container */
};

/* Facts about a snapshot, for the inventory. */
struct checkpoint_facts {
	const char *id, *cwd;
	unsigned int umask;
};

/*
 * An image that is being made (draft.c). Its files have temporary names until checkpoint_commit(); an earlier
 * checkpoint in the directory stays valid until then.
 */
struct checkpoint_draft {
	int dir_fd;    /* borrowed; locked with flock(2) */
	int shared_fd; /* the file that km writes; owned */
	int copy_fd;   /* owned */
};

/*
 * Opens the directory @path and returns its fd, which the caller closes. Makes it and its parents with mode
 * 0700 if absent. @option: the option that named it, for error texts.
 */
int checkpoint_directory_make(const char *path, const char *option, struct error *err);

/* -EINVAL: the file is not an ELF core file for x86-64, or not all of its segments are in the file. */
int checkpoint_check_snapshot(int fd, struct error *err);
/*
 * Checks the copy once more, writes the inventory and renames both files to their final names. After a
 * failure the directory has no new checkpoint; the earlier one is lost only if a rename fails.
 */
int checkpoint_commit(const struct checkpoint_draft *draft, const struct checkpoint_facts *facts,
		      struct error *err);

/*
 * Opens an image; the caller ends @ret with checkpoint_done(). An image of km is checked completely (format,
 * size, segments); of an image of CRIU only the magic number, because CRIU checks the rest. -EINVAL: not a
 * checkpoint, another version, or cut off.
 */
int checkpoint_open(const char *path, struct checkpoint *ret, struct error *err);

void checkpoint_done(struct checkpoint *image);

/* ---- draft.c ------------------------------------------------------------------------------------------- */

/*
 * Locks @dir_fd and makes both files, empty. Gives the one for km to @uid and @gid (on the host) with mode
 * 0600; a caller who may not chown(2) makes it writable for everybody instead. -EBUSY: another checkpoint is
 * writing there. The caller ends @ret with checkpoint_draft_done(), after a failure, too.
 */
int checkpoint_draft_make(int dir_fd, uid_t uid, gid_t gid, struct checkpoint_draft *ret, struct error *err);
/*
 * -ENOSPC: there is no space for a snapshot of @size bytes and, unless the file system shares blocks, its
 * copy. Returns 0 if the free space is unknown.
 */
int checkpoint_draft_check_room(const struct checkpoint_draft *draft, uint64_t size, struct error *err);
/*
 * Copies what km has written to .copy_fd, checks the copy and removes km's file. Only the copy can be
 * trusted, because no process of the container ever had it open. The copy costs another write of the
 * snapshot, in the kernel; nothing where files can share blocks (btrfs, xfs). There is no checksum: it would
 * cost a read of the whole file here and at each restore (a second for some hundred MiB).
 */
int checkpoint_draft_take(struct checkpoint_draft *draft, struct error *err);

/* Removes files that were not committed, drops the lock and closes the files, but not .dir_fd. */
void checkpoint_draft_done(struct checkpoint_draft *draft);

/* ---- lend.c -------------------------------------------------------------------------------------------- */

/*
 * Replaces .snapshot_fd by a file that @user may read and execute, as km requires of its payload (lend.c):
 * the file itself if its mode permits; else a detached idmapped mount of it; else a copy in a directory that
 * other users of the host cannot enter. The image itself stays unchanged.
 */
int checkpoint_lend(struct checkpoint *image, const struct checkpoint_user *user, struct error *err);
/*
 * Removes the name of a private copy once the container has mounted it; the mount keeps the file.
 * checkpoint_done() does this, too.
 */
void checkpoint_lent_done(struct checkpoint *image);

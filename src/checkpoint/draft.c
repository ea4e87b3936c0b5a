/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An image that is being made. km writes to a file that is mounted into the container, where a process may
 * keep a file descriptor of it and change it later. Therefore krun keeps a copy.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "checkpoint/directory.h"
#include "checkpoint/copy.h"
#include "util/cleanup.h"
#include "util/error.h"

/* Removes the temporary files of this checkpoint, or of one that was killed. */
static void remove_files(int dir_fd)
{
	unlinkat(dir_fd, CHECKPOINT_SHARED, 0);
	unlinkat(dir_fd, CHECKPOINT_COPY, 0);
	unlinkat(dir_fd, CHECKPOINT_NEW_INVENTORY, 0);
}

static int make_file(int dir_fd, const char *name)
{
	return openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

int checkpoint_draft_make(int dir_fd, uid_t uid, gid_t gid, struct checkpoint_draft *ret, struct error *err)
{
	struct checkpoint_draft draft = { .dir_fd = -1, .shared_fd = -1, .copy_fd = -1 };

	*ret = draft;
	/* On a file system without locks the caller has to prevent two checkpoints at once. */
	if (flock(dir_fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return error_set(err, -EBUSY, "another checkpoint is being written to --image-path");
	remove_files(dir_fd);
	draft.dir_fd = dir_fd;
	draft.shared_fd = make_file(dir_fd, CHECKPOINT_SHARED);
	if (draft.shared_fd >= 0)
		draft.copy_fd = make_file(dir_fd, CHECKPOINT_COPY);
	*ret = draft;
	if (draft.copy_fd < 0)
		return error_sys(err, -errno, "make a file for the snapshot in --image-path");
	/* A caller who may not chown(2) makes the file writable for everybody until it is copied. */
	if (fchown(draft.shared_fd, uid, gid) < 0 && fchmod(draft.shared_fd, 0666) < 0)
		return error_sys(err, -errno, "give the snapshot's file to user %u", uid);
	return 0;
}

int checkpoint_draft_check_room(const struct checkpoint_draft *draft, uint64_t size, struct error *err)
{
	const uint64_t files = checkpoint_copy_is_free(draft->shared_fd, draft->copy_fd) ? 1 : 2;
	struct statvfs fs;

	if (fstatvfs(draft->dir_fd, &fs) < 0 || fs.f_blocks == 0 ||
	    (uint64_t)fs.f_bavail * fs.f_frsize / files >= size)
		return 0;
	return error_set(err, -ENOSPC,
			 "--image-path: %llu MiB are free, and a snapshot of about %llu MiB%s would not fit; "
			 "the payload continues",
			 (unsigned long long)((uint64_t)fs.f_bavail * fs.f_frsize >> 20),
			 (unsigned long long)((size + (1 << 20) - 1) >> 20),
			 files == 2 ? " with its temporary copy" : "");
}

int checkpoint_draft_take(struct checkpoint_draft *draft, struct error *err)
{
	int r = checkpoint_copy(draft->shared_fd, draft->copy_fd, err);

	if (r == 0)
		r = checkpoint_check_snapshot(draft->copy_fd, err);
	if (r < 0)
		return r;
	/* This frees the space for the rest. */
	unlinkat(draft->dir_fd, CHECKPOINT_SHARED, 0);
	cleanup_close(&draft->shared_fd);
	return 0;
}

void checkpoint_draft_done(struct checkpoint_draft *draft)
{
	if (draft->dir_fd >= 0) {
		remove_files(draft->dir_fd);
		flock(draft->dir_fd, LOCK_UN);
	}
	cleanup_close(&draft->shared_fd);
	cleanup_close(&draft->copy_fd);
	draft->dir_fd = -1;
}

/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Makes a snapshot readable for the program's user of one container, whoever owns the file. Containers of
 * different users may use it at once, so the file itself is never changed. It has the memory of a payload, so
 * no other user may read it.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "checkpoint/directory.h"
#include "checkpoint/copy.h"
#include "mount/mount.h"
#include "ns/idmap.h"
#include "spec/spec.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"

static void replace_fd(int *fd, int by)
{
	close(*fd);
	*fd = by;
}

/*
 * Makes an idmapped mount in which the file belongs to the user. This needs no copy and shares the page
 * cache, but some file systems do not support it.
 */
static int lend_mapped(struct checkpoint *image, const struct stat *st, const struct checkpoint_user *user)
{
	struct spec_id_mapping uid = { .container_id = st->st_uid, .host_id = user->uid, .size = 1 };
	struct spec_id_mapping gid = { .container_id = st->st_gid, .host_id = user->gid, .size = 1 };
	const struct spec_id_maps maps = { .uids = &uid, .uids_len = 1, .gids = &gid, .gids_len = 1 };
	struct error err;
	auto_close int userns_fd = idmap_namespace_make(user->proc_fd, &maps, &err);
	int fd = userns_fd < 0 ? userns_fd : mount_file_tree_mapped(image->snapshot_fd, userns_fd);

	if (fd < 0)
		return fd;
	replace_fd(&image->snapshot_fd, fd);
	image->is_tree = true;
	return 0;
}

/*
 * Copies the snapshot into a directory that only krun can enter. The copy has a name until it is mounted,
 * because the kernel does not mount a file without one.
 */
static int make_copy(struct checkpoint *image, int dir_fd, int *ret_fd, struct error *err)
{
	auto_close int write_fd = -1, own_fd = -1;
	char *name = image->lent_name;
	struct timespec now;

	/* A process in another pid namespace may have the same pid: the time makes the name unique. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(name, sizeof(image->lent_name), "." CHECKPOINT_SNAPSHOT ".%d.%ld", getpid(), now.tv_nsec);
	if (mkdirat(dir_fd, name, 0700) < 0)
		return error_sys(err, -errno, "make a directory for a copy of the snapshot");
	image->lent_dir_fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);
	own_fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	write_fd = openat(own_fd, CHECKPOINT_SNAPSHOT, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	*ret_fd = openat(own_fd, CHECKPOINT_SNAPSHOT, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (image->lent_dir_fd < 0 || write_fd < 0 || *ret_fd < 0)
		return error_sys(err, -errno, "make a copy of the snapshot");
	return checkpoint_copy(image->snapshot_fd, write_fd, err);
}

void checkpoint_lent_done(struct checkpoint *image)
{
	auto_close int own_fd = -1;

	if (image->lent_dir_fd < 0)
		return;
	own_fd =
		openat(image->lent_dir_fd, image->lent_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	unlinkat(own_fd, CHECKPOINT_SNAPSHOT, 0);
	unlinkat(image->lent_dir_fd, image->lent_name, AT_REMOVEDIR);
	cleanup_close(&image->lent_dir_fd);
}

/*
 * Puts the copy into the image directory, where it may share blocks; if that fails (it may be read-only),
 * into the state directory, which is usually in memory.
 */
static int lend_copy(struct checkpoint *image, const struct checkpoint_user *user, struct error *err)
{
	auto_close int fd = -1;
	int r = make_copy(image, image->dir_fd, &fd, err);

	if (r < 0 && r != -EINTR) {
		log_debug("%s", err->text);
		checkpoint_lent_done(image);
		cleanup_close(&fd);
		r = make_copy(image, user->state_dir_fd, &fd, err);
	}
	if (r < 0)
		return r;
	if ((!user->known || fchown(fd, user->uid, user->gid) < 0 || fchmod(fd, 0500) < 0) &&
	    fchmod(fd, 0555) < 0)
		return error_sys(err, -errno, "let user %u read a copy of the snapshot", user->uid);
	replace_fd(&image->snapshot_fd, take_fd(&fd));
	return 0;
}

int checkpoint_lend(struct checkpoint *image, const struct checkpoint_user *user, struct error *err)
{
	struct stat st;
	bool owner_may;

	if (fstat(image->snapshot_fd, &st) < 0)
		return error_sys(err, -errno, "look at the snapshot");
	owner_may = (st.st_mode & 0500) == 0500;
	if ((user->known && st.st_uid == user->uid && owner_may) || (st.st_mode & 0005) == 0005)
		return 0;
	if (!user->unprivileged && user->known && owner_may) {
		int r = lend_mapped(image, &st, user);

		if (r == 0)
			return 0;
		log_debug("copy the snapshot, because its ids cannot be mapped: %s", error_reason(r));
	}
	return lend_copy(image, user, err);
}

/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sets attributes and propagation of existing mounts, mount_setattr(2).
 *
 * In the mount namespace of a user namespace, the flags of mounts that came from a more privileged mount
 * namespace are locked (mount_namespaces(7), "Restrictions on mount namespaces"): ro, nosuid, nodev and
 * noexec can be set there but not cleared, and the access time mode cannot be changed. A locked flag stays as
 * it is, with a warning. A restriction that cannot be set is an error.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/statvfs.h>

#include "mount/internal.h"
#include "syscall/mount.h"
#include "util/array.h"
#include "util/error.h"
#include "util/log.h"

static const struct {
	uint64_t attr;
	const char *words;
} lockable[] = {
	{ MOUNT_ATTR_RDONLY, "'rw'" },
	{ MOUNT_ATTR_NOSUID, "'suid'" },
	{ MOUNT_ATTR_NODEV, "'dev'" },
	{ MOUNT_ATTR_NOEXEC, "'exec'" },
	{ MOUNT_ATTR_NOSYMFOLLOW, "'symfollow'" },
	{ MOUNT_ATTR_NODIRATIME, "another mode of access times for directories" },
	{ MOUNT_ATTR__ATIME, "another mode of access times" },
};

static const uint64_t TIMES = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;

static int set_attr(int fd, bool recursive, uint64_t set, uint64_t clear)
{
	return sys_mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), set, clear, 0, -1);
}

/*
 * If one mount of a tree is locked the kernel changes none of them; then at least the top mount is changed.
 */
static int change_one(int fd, bool recursive, uint64_t set, uint64_t clear)
{
	int r = set_attr(fd, recursive, set, clear);

	if (r != -EPERM || !recursive)
		return r;
	r = set_attr(fd, false, set, clear);
	return r < 0 ? r : -EPERM;
}

int mount_set_attributes(int fd, bool recursive, uint64_t set, uint64_t clear, const char *destination)
{
	int r = set_attr(fd, recursive, set, clear);

	if (r != -EPERM)
		return r;
	if (set & ~TIMES)
		r = set_attr(fd, recursive, set & ~TIMES, 0);
	else
		r = 0;
	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(lockable); i++) {
		const uint64_t attr = lockable[i].attr;

		if (!(clear & attr) && !(set & attr & TIMES))
			continue;
		r = change_one(fd, recursive, set & attr & TIMES, clear & attr);
		if (r != -EPERM)
			continue;
		if (destination)
			log_warning("mount '%s': %s cannot be had: the source is mounted otherwise, and "
				    "locked for this "
				    "user namespace",
				    destination, lockable[i].words);
		r = 0;
	}
	return r;
}

/*
 * Sets recursive attributes. The top mount of a tree that becomes read-only later stays as writable as it is.
 */
static int set_below(int tree_fd, const struct mount_entry *entry)
{
	const struct spec_mount_options *options = entry->options;
	const bool later = entry->read_only_later && (options->rec_attr_set & MOUNT_ATTR_RDONLY);
	struct statvfs fs = { 0 };
	int r;

	if (later && fstatvfs(tree_fd, &fs) < 0)
		return -errno;
	r = mount_set_attributes(tree_fd, true, options->rec_attr_set, options->rec_attr_clear,
				 entry->destination);
	/* A mount that is read-only on the host is never made writable in between. */
	if (r == 0 && later && !(fs.f_flag & ST_RDONLY))
		r = set_attr(tree_fd, false, 0, MOUNT_ATTR_RDONLY);
	return r;
}

int mount_propagate_tree(int tree_fd, const struct mount_entry *entry, struct error *err)
{
	const unsigned int recursive = entry->propagation_recursive ? AT_RECURSIVE : 0;
	int r = entry->propagation ? sys_mount_setattr(tree_fd, "", AT_EMPTY_PATH | recursive, 0, 0,
						       entry->propagation, -1) :
				     0;

	return r < 0 ? error_sys(err, r, "set the propagation of mount '%s'", entry->destination) : 0;
}

int mount_configure_tree(int tree_fd, const struct mount_entry *entry, struct error *err)
{
	const struct spec_mount_options *options = entry->options;
	const uint64_t later = entry->read_only_later ? MOUNT_ATTR_RDONLY : 0;
	const uint64_t set = options->attr_set & ~later;
	int r = 0;

	/* Usually nothing recursive is asked for, and this is the only call. */
	if (set || options->attr_clear)
		r = mount_set_attributes(tree_fd, false, set, options->attr_clear, entry->destination);
	if (r == 0 && (options->rec_attr_set || options->rec_attr_clear))
		r = set_below(tree_fd, entry);
	if (r < 0)
		return error_sys(err, r, "set the options of mount '%s'", entry->destination);
	/* The kernel attaches no unbindable tree below a shared mount: it becomes that afterwards. */
	return entry->propagation == MS_UNBINDABLE ? 0 : mount_propagate_tree(tree_fd, entry, err);
}

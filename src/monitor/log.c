/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "syscall/mount.h"
#include "syscall/open.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/log.h"
#include "util/printable.h"

#define LOG_FILE "km.log"

/*
 * The log that km inherits has a number outside of the range 727..1023, which km uses itself: above it, or
 * below it if the limit of descriptors forbids that. km keeps what it opens of it as KM_LOG_FD.
 */
enum { MONITOR_LOG_FD = 1024, MONITOR_LOG_FD_LOW = 726, KM_LOG_FD = 731 };

enum { TAIL_MAX = 600 };

/* ---- making ------------------------------------------------------------------------------------------ */

static int move_up(int fd, struct error *err)
{
	const int high = io_dup_above(fd, MONITOR_LOG_FD, MONITOR_LOG_FD_LOW);

	return high < 0 ? error_sys(err, high, "make room for km's descriptors") : high;
}

static bool may_not(int code)
{
	return code == -EPERM || code == -EACCES || code == -ENOSYS;
}

/* Mounts the small tmpfs in the state directory and returns its root. */
static int mount_small(int dir_fd)
{
	auto_close int context_fd = sys_fsopen("tmpfs", 0), mount_fd = -1;
	char size[24];
	int r = context_fd;

	snprintf(size, sizeof(size), "%d", MONITOR_LOG_MAX);
	if (r >= 0)
		r = sys_fsconfig(context_fd, FSCONFIG_SET_STRING, "source", "krun-monitor", 0);
	if (r >= 0)
		r = sys_fsconfig(context_fd, FSCONFIG_SET_STRING, "size", size, 0);
	/* Each exec that runs has one, and each takes a page at least. */
	if (r >= 0)
		r = sys_fsconfig(context_fd, FSCONFIG_SET_STRING, "nr_inodes", "1024", 0);
	if (r >= 0)
		r = sys_fsconfig(context_fd, FSCONFIG_SET_STRING, "mode", "0700", 0);
	if (r >= 0)
		r = sys_fsconfig(context_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r >= 0)
		r = mount_fd =
			sys_fsmount(context_fd, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (r >= 0 && mkdirat(dir_fd, MONITOR_LOG_DIRECTORY, 0700) < 0)
		r = -errno;
	if (r >= 0)
		r = sys_move_mount(mount_fd, "", dir_fd, MONITOR_LOG_DIRECTORY, MOVE_MOUNT_F_EMPTY_PATH);
	return r < 0 ? r : take_fd(&mount_fd);
}

/* km opens the log again as the payload's user. The directory above it is closed to other users. */
static int make_writable(int fd, struct error *err)
{
	return fchmod(fd, 0666) < 0 ? error_sys(err, -errno, "open km's log to the payload's user") : 0;
}

static int make_without_mount(bool waits, struct error *err)
{
	auto_close int fd =
		waits ? sys_memfd_create(LOG_FILE, MFD_ALLOW_SEALING) : open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return error_sys(err, waits ? fd : -errno, "make a log for km");
	log_debug(waits ? "km's log is in memory, and ends with km: mounts are not permitted" :
			  "km's log is dropped: mounts are not permitted, and this km cannot wait");
	return move_up(fd, err);
}

static int finish(int fd, struct error *err)
{
	int r = make_writable(fd, err);

	return r < 0 ? r : move_up(fd, err);
}

int monitor_log_make(int dir_fd, bool waits, struct error *err)
{
	auto_close int mount_fd = mount_small(dir_fd), fd = -1;

	if (may_not(mount_fd))
		return make_without_mount(waits, err);
	if (mount_fd < 0)
		return error_sys(err, mount_fd, "make a file system for km's log");
	fd = openat(mount_fd, LOG_FILE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? error_sys(err, -errno, "make km's log") : finish(fd, err);
}

/* Opens the root of the tmpfs. -ENOENT: there is none, or not in this mount namespace. */
static int open_mounted(int dir_fd)
{
	auto_close int fd =
		openat(dir_fd, MONITOR_LOG_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat above, st;

	if (fd < 0)
		return -errno;
	if (fstat(dir_fd, &above) < 0 || fstat(fd, &st) < 0 || above.st_dev == st.st_dev)
		return -ENOENT;
	return take_fd(&fd);
}

int monitor_log_make_unnamed(int dir_fd, bool waits, struct error *err)
{
	auto_close int mount_fd = open_mounted(dir_fd), fd = -1;

	if (mount_fd < 0)
		return make_without_mount(waits, err);
	fd = openat(mount_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd < 0 ? error_sys(err, -errno, "make a log for km") : finish(fd, err);
}

int monitor_log_bound(int log_fd, struct error *err)
{
	/* A memfd has no seals yet. Other files have none at all (an error), or F_SEAL_SEAL on a tmpfs. */
	if (fcntl(log_fd, F_GET_SEALS) != 0)
		return 0;
	if (ftruncate(log_fd, MONITOR_LOG_MAX) < 0 ||
	    fcntl(log_fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return error_sys(err, -errno, "bound km's log");
	return 0;
}

/* ---- reading ----------------------------------------------------------------------------------------- */

int monitor_log_open_of(pid_t monitor)
{
	auto_close int path_fd = -1, fd = -1;
	struct stat st;
	char path[48];
	int seals;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", monitor, KM_LOG_FD);
	/* The payload may have put any file there, and opening a device can act. */
	path_fd = open(path, O_PATH | O_CLOEXEC);
	if (path_fd < 0 || fstat(path_fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -ENOENT;
	fd = reopen_fd(path_fd, O_RDONLY | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -ENOENT;
	seals = fcntl(fd, F_GET_SEALS);
	return seals > 0 && (seals & (F_SEAL_GROW | F_SEAL_SEAL)) ? take_fd(&fd) : -ENOENT;
}

int monitor_log_open(int dir_fd)
{
	auto_close int mount_fd = open_mounted(dir_fd);
	/* What another user has put there instead of the log is not waited for. */
	const int fd = mount_fd < 0 ? mount_fd :
				      openat(mount_fd, LOG_FILE,
					     O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -ENOENT : fd;
}

int monitor_log_read(int log_fd, off_t from, char **ret_text, size_t *ret_len)
{
	const size_t max = from < MONITOR_LOG_MAX ? (size_t)(MONITOR_LOG_MAX - from) : 0;
	auto_free char *text = malloc(max + 1);
	size_t size = 0, kept = 0;

	if (!text)
		return -ENOMEM;
	while (size < max) {
		ssize_t n = pread(log_fd, text + size, max - size, from + (off_t)size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
	}
	/* Drops NUL bytes: holes, and the rest of a sealed memfd. */
	for (size_t i = 0; i < size; i++)
		if (text[i])
			text[kept++] = text[i];
	text[kept] = '\0';
	*ret_text = take_pointer(text);
	*ret_len = kept;
	return 0;
}

off_t monitor_log_size(int log_fd)
{
	auto_free char *text = NULL;
	size_t len = 0;

	if (log_fd < 0 || monitor_log_read(log_fd, 0, &text, &len) < 0)
		return 0;
	return (off_t)len;
}

/* ---- reporting --------------------------------------------------------------------------------------- */

static bool is_routine(const char *line, size_t len)
{
	return memmem(line, len, "Waiting for kill -SIGUSR1", 25);
}

void monitor_log_tail(const char *text, size_t len, char *tail, size_t size)
{
	const char *from = text, *end = text + len;
	size_t used = 0;

	/* Begins with the first whole line that fits, or in the last line if that does not fit. */
	if (len > size / 2) {
		const char *newline;

		from = end - size / 2;
		newline = memchr(from, '\n', (size_t)(end - from));
		if (newline && newline + 1 < end)
			from = newline + 1;
	}
	for (const char *next; from < end; from = next + 1) {
		size_t line;

		next = memchr(from, '\n', (size_t)(end - from));
		next = next ? next : end;
		line = (size_t)(next - from);
		if (line == 0 || is_routine(from, line))
			continue;
		if (used > 0 && used + 2 < size) {
			memcpy(tail + used, "; ", 2);
			used += 2;
		}
		for (size_t i = 0, bytes; i < line && used + 4 < size; i += bytes) {
			bytes = printable_length(from + i, line - i);
			if (bytes > 0)
				memcpy(tail + used, from + i, bytes);
			else
				tail[used] = '?';
			bytes += bytes == 0;
			used += bytes;
		}
	}
	tail[used] = '\0';
}

int monitor_log_explain(int log_fd, struct error *err)
{
	auto_free char *text = NULL;
	char tail[TAIL_MAX];
	size_t len;

	if (log_fd < 0 || monitor_log_read(log_fd, 0, &text, &len) < 0)
		return err->code;
	monitor_log_tail(text, len, tail, sizeof(tail));
	return *tail ? error_append(err, "km's last words: %s", tail) : err->code;
}

void monitor_log_to_debug(int log_fd, off_t from)
{
	auto_free char *text = NULL;
	char *rest, *line;
	size_t len;

	if (log_fd < 0 || !log_enabled(LOG_LEVEL_DEBUG) || monitor_log_read(log_fd, from, &text, &len) < 0)
		return;
	for (rest = text; (line = strsep(&rest, "\n"));)
		if (*line)
			log_record(LOG_LEVEL_DEBUG, "km", "%s", line);
}

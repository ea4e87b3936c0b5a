/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/events.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/stats.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/io.h"

static int read_events(int fd, struct cgroup_events *ret)
{
	char text[256];
	const ssize_t n = io_read_again(fd, text, sizeof(text));

	if (n < 0)
		return (int)n;
	ret->populated = strstr(text, "populated 1");
	ret->frozen = strstr(text, "frozen 1");
	return 0;
}

static int open_events(int dir_fd)
{
	int fd = openat(dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int cgroup_events_read(int dir_fd, struct cgroup_events *ret)
{
	auto_close int fd = open_events(dir_fd);

	return fd < 0 ? fd : read_events(fd, ret);
}

static int wait_until(int dir_fd, bool (*reached)(const struct cgroup_events *, bool), bool wanted,
		      int timeout_ms)
{
	auto_close int fd = open_events(dir_fd);
	const int64_t deadline = clock_ms() + timeout_ms;

	if (fd < 0)
		return fd;
	for (;;) {
		struct pollfd item = { .fd = fd, .events = POLLPRI };
		struct cgroup_events events;
		int left = (int)(deadline - clock_ms());
		int r = read_events(fd, &events);

		if (r < 0)
			return r;
		if (reached(&events, wanted))
			return 0;
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&item, 1, left) < 0 && errno != EINTR)
			return -errno;
	}
}

static bool is_populated(const struct cgroup_events *events, bool wanted)
{
	return events->populated == wanted;
}

static bool is_frozen(const struct cgroup_events *events, bool wanted)
{
	return events->frozen == wanted;
}

int cgroup_events_wait_empty(int dir_fd, int timeout_ms)
{
	return wait_until(dir_fd, is_populated, false, timeout_ms);
}

int cgroup_events_wait_frozen(int dir_fd, bool frozen, int timeout_ms)
{
	return wait_until(dir_fd, is_frozen, frozen, timeout_ms);
}

int cgroup_memory_events_open(int dir_fd)
{
	int fd = openat(dir_fd, "memory.events", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int cgroup_memory_events_read(int fd, struct cgroup_memory_events *ret)
{
	char text[512];
	const ssize_t n = io_read_again(fd, text, sizeof(text));

	if (n < 0)
		return (int)n;
	ret->oom = cgroup_parse_key(text, "oom").value;
	ret->oom_kill = cgroup_parse_key(text, "oom_kill").value;
	return 0;
}

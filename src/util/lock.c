/* SPDX-License-Identifier: Apache-2.0 */
#include "util/lock.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "util/clock.h"

enum { FIRST_NAP_NS = 200000, LONGEST_NAP_NS = 10000000 };

int lock_wait(int fd, int timeout_ms)
{
	const int64_t deadline = clock_ms() + timeout_ms;
	struct timespec nap = { .tv_nsec = FIRST_NAP_NS };

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EINTR && errno != EWOULDBLOCK)
			return -errno;
		if (clock_ms() >= deadline)
			return -EWOULDBLOCK;
		nanosleep(&nap, NULL);
		/* A lock that is soon free is taken soon; a long wait costs little. */
		if (nap.tv_nsec < LONGEST_NAP_NS)
			nap.tv_nsec *= 2;
	}
	return 0;
}

/* A line is "3: FLOCK  ADVISORY  WRITE 1234 00:19:4711 0 EOF", proc_locks(5). */
pid_t lock_holder(int fd)
{
	FILE *file = fopen("/proc/locks", "re");
	unsigned int major, minor;
	unsigned long long inode;
	pid_t found = 0, pid;
	char line[256];
	struct stat st;

	while (file && found == 0 && fstat(fd, &st) == 0 && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%llu", &pid, &major, &minor, &inode) == 4 &&
		    makedev(major, minor) == st.st_dev && inode == st.st_ino && pid > 0)
			found = pid;
	if (file)
		fclose(file);
	return found;
}

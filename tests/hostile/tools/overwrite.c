/* SPDX-License-Identifier: Apache-2.0 */

/*
 * overwrite SECONDS SIZE: keeps a descriptor of the program of every process that comes into sight and is
 * krun (a program of SIZE bytes), and adds a byte to that file as soon as nothing runs it any more. Lines:
 * READY, HELD, OVERWRITTEN, DONE.
 */

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PIDS = 1 << 22 };

static bool known[PIDS];

static bool add_byte(int held)
{
	char path[32];
	int fd;
	bool done;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", held);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return false;
	done = write(fd, "\n", 1) == 1;
	close(fd);
	return done;
}

/*
 * A new descriptor of the program if it is krun, else -1. @ret_done: nothing more is to be seen of this
 * process.
 */
static int hold(const char *pid, off_t size, bool *ret_done)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	fd = open(path, O_PATH | O_CLOEXEC);
	*ret_done = false;
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && st.st_size == size) {
		*ret_done = true;
		return fd;
	}
	close(fd);
	return -1;
}

int main(int argc, char **argv)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int held = -1;
	time_t end;

	if (argc != 3 || !proc)
		return 2;
	end = time(NULL) + atoi(argv[1]);
	while ((entry = readdir(proc)))
		known[atoi(entry->d_name) % PIDS] = true;
	puts("READY");
	fflush(stdout);
	while (time(NULL) <= end) {
		if (held >= 0 && add_byte(held)) {
			puts("OVERWRITTEN");
			return 42;
		}
		rewinddir(proc);
		while ((entry = readdir(proc))) {
			const int pid = atoi(entry->d_name);
			int fd;

			if (pid <= 0 || known[pid % PIDS])
				continue;
			fd = hold(entry->d_name, atol(argv[2]), &known[pid % PIDS]);
			if (fd < 0)
				continue;
			if (held >= 0)
				close(held);
			else
				puts("HELD");
			fflush(stdout);
			held = fd;
		}
	}
	puts("DONE");
	return 0;
}

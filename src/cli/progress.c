/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "syscall/process.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/screen.h"

enum { DELAY_MS = 500, INTERVAL_MS = 100 };
enum { LINE_MAX_SIZE = 160, COLUMNS_DEFAULT = 80 };

/* Memory of both processes. */
struct progress_shared {
	_Atomic size_t done;
	_Atomic bool drawn; /* there is a line to be erased */
};

/* Returns the bytes of the files in the directory; 0: it is not there (yet). */
static unsigned long long size_of(const char *directory)
{
	DIR *dir = opendir(directory);
	unsigned long long size = 0;
	struct dirent *entry;
	struct stat st;

	while (dir && (entry = readdir(dir)))
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			size += (unsigned long long)st.st_size;
	if (dir)
		closedir(dir);
	return size;
}

/* @before: what was in the directory already. */
static void describe(const struct progress *progress, int64_t ms, unsigned long long before, char *text,
		     size_t size)
{
	int used = snprintf(text, size, "%s: %lld s", progress->what, (long long)ms / 1000);

	if (used < 0 || (size_t)used >= size)
		return;
	if (progress->total > 0) {
		snprintf(text + used, size - (size_t)used, ", %zu of %zu", progress->shared->done,
			 progress->total);
	} else if (progress->directory) {
		const unsigned long long now = size_of(progress->directory);

		snprintf(text + used, size - (size_t)used, ", %.1f MiB written",
			 now > before ? (double)(now - before) / (1 << 20) : 0);
	}
}

/* A job in the background does not write over what its shell shows. An error: it is not our terminal. */
static bool is_in_front(void)
{
	const pid_t group = tcgetpgrp(STDERR_FILENO);

	return group < 0 || group == getpgrp();
}

/*
 * Leaves the cursor at the beginning of the line, so that a record of the log stands in its place. The line
 * has to be one: a longer one could not be erased.
 */
static void draw(const char *text)
{
	struct winsize size = { 0 };
	char line[LINE_MAX_SIZE + 16];
	int columns = COLUMNS_DEFAULT;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		columns = size.ws_col;
	snprintf(line, sizeof(line), "\r\033[K%.*s\r", columns - 1, text);
	io_write_all(STDERR_FILENO, line, strlen(line));
}

__attribute__((noreturn)) static void draw_until_killed(const struct progress *progress, pid_t parent,
							unsigned long long before)
{
	const int64_t start = clock_ms();

	sys_die_with_parent(parent);
	sys_reset_signals();
	/* No lock of the command's, and no end of a pipe, is to be held here. */
	sys_close_range(STDERR_FILENO + 1, ~0U, 0);
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	usleep(DELAY_MS * 1000);
	for (;;) {
		char text[LINE_MAX_SIZE];

		if (is_in_front()) {
			describe(progress, clock_ms() - start, before, text, sizeof(text));
			progress->shared->drawn = true;
			draw(text);
		}
		usleep(INTERVAL_MS * 1000);
	}
}

void progress_begin(struct progress *progress, const struct cli *cli)
{
	const pid_t parent = getpid();
	unsigned long long before;
	void *memory;

	progress->pid = 0;
	if (!cli->shows_progress || !screen_can_draw(STDERR_FILENO))
		return;
	memory = mmap(NULL, sizeof(*progress->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (memory == MAP_FAILED)
		return;
	progress->shared = memory;
	before = progress->directory ? size_of(progress->directory) : 0;
	progress->pid = sys_clone3(0, SIGCHLD, -1);
	if (progress->pid == 0)
		draw_until_killed(progress, parent, before);
	if (progress->pid < 0) {
		munmap(memory, sizeof(*progress->shared));
		progress->pid = 0;
	}
}

void progress_count(struct progress *progress, size_t done)
{
	if (progress->pid > 0)
		progress->shared->done = done;
}

void progress_end(struct progress *progress)
{
	if (progress->pid <= 0)
		return;
	sys_kill_and_wait(progress->pid);
	if (progress->shared->drawn)
		io_write_all(STDERR_FILENO, "\r\033[K", 4);
	munmap(progress->shared, sizeof(*progress->shared));
	progress->pid = 0;
}

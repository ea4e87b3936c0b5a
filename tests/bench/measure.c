/* SPDX-License-Identifier: Apache-2.0 */

/*
 * measure SCRIPT: runs the steps of a file in turn, one a line, its words separated by tabs:
 *
 *     time LABEL PROGRAM [ARGUMENT...]        a sample of this command
 *     parallel LABEL N PROGRAM [ARGUMENT...]  one sample of N processes at once; "{}" in an argument is their
 *                                             number, from 0
 *     do PROGRAM [ARGUMENT...]                without a sample
 *     gone FILE                               waits until the process whose number is in FILE has ended
 *     settle MILLISECONDS                     lets the kernel finish what it does in the background
 *     cold FILE...                            drops these files from the page cache
 *     set NAME [VALUE]                        sets or removes a variable of the environment of what follows
 *
 * and prints for each sample a line of
 *
 *     LABEL NANOSECONDS PEAK_RSS_KIB MINOR_FAULTS MAJOR_FAULTS PROCESSOR_US
 *
 * separated by tabs. The time is that from the moment before fork(2) to the return of wait4(2), the rest is
 * of the command and those of its descendants for which it has waited. A command has /dev/null as its stdin
 * and stdout; its stderr is kept, and shown when its status is not 0, which ends everything with status 1.
 *
 * Nobody else runs between two steps: samples are written while measure settles. It is a small static
 * program, because the peak that wait4 reports includes the memory of the process that called execve(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	WORDS_MAX = 256,
	ARGUMENT_MAX = 512,
	PROCESSES_MAX = 1024,
	GONE_MS = 30000,
};

static int null_fd, errors_fd;
static unsigned long line_number;

static _Noreturn __attribute__((format(printf, 1, 2))) void fail(const char *format, ...)
{
	char text[4096];
	ssize_t len = pread(errors_fd, text, sizeof(text), 0);
	va_list arguments;

	fflush(stdout);
	fprintf(stderr, "line %lu: ", line_number);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, ": %.*s\n", len > 0 ? (int)len : 0, text);
	exit(1);
}

static long long nanoseconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static long long microseconds(const struct rusage *usage)
{
	return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000LL + usage->ru_utime.tv_usec +
	       usage->ru_stime.tv_usec;
}

static pid_t begin(char *const *argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		dup2(null_fd, 0);
		dup2(null_fd, 1);
		dup2(errors_fd, 2);
		execv(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	if (pid < 0)
		fail("fork: %m");
	return pid;
}

/* Adds what the process has used to @sum. */
static void end(pid_t pid, const char *name, struct rusage *sum)
{
	struct rusage usage;
	int status;

	if (wait4(pid, &status, 0, &usage) < 0)
		fail("wait4: %m");
	if (status != 0)
		fail("%s: status %d", name, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	if (usage.ru_maxrss > sum->ru_maxrss)
		sum->ru_maxrss = usage.ru_maxrss;
	sum->ru_minflt += usage.ru_minflt;
	sum->ru_majflt += usage.ru_majflt;
	sum->ru_utime.tv_usec += microseconds(&usage);
}

static void report(const char *label, long long time, const struct rusage *usage)
{
	printf("%s\t%lld\t%ld\t%ld\t%ld\t%lld\n", label, time, usage->ru_maxrss, usage->ru_minflt,
	       usage->ru_majflt, microseconds(usage));
}

/* Without a @label there is no sample. */
static void run_one(const char *label, char *const *argv)
{
	struct rusage usage = { 0 };
	long long start = nanoseconds();

	end(begin(argv), argv[0], &usage);
	if (label)
		report(label, nanoseconds() - start, &usage);
}

static void number_arguments(char *const *argv, int number, char texts[][ARGUMENT_MAX], char **ret)
{
	int i;

	for (i = 0; argv[i]; i++) {
		const char *mark = strstr(argv[i], "{}");

		if (!mark)
			snprintf(texts[i], ARGUMENT_MAX, "%s", argv[i]);
		else
			snprintf(texts[i], ARGUMENT_MAX, "%.*s%d%s", (int)(mark - argv[i]), argv[i], number,
				 mark + 2);
		ret[i] = texts[i];
	}
	ret[i] = NULL;
}

static void run_many(const char *label, int count, char *const *argv)
{
	static char texts[WORDS_MAX][ARGUMENT_MAX];
	static pid_t pids[PROCESSES_MAX];
	char *numbered[WORDS_MAX + 1];
	struct rusage usage = { 0 };
	long long start = nanoseconds();

	if (count > PROCESSES_MAX)
		fail("at most %d processes", PROCESSES_MAX);
	for (int i = 0; i < count; i++) {
		number_arguments(argv, i, texts, numbered);
		pids[i] = begin(numbered);
	}
	for (int i = 0; i < count; i++)
		end(pids[i], argv[0], &usage);
	report(label, nanoseconds() - start, &usage);
}

/* A process whose parent has not waited for it yet has ended, too. */
static void wait_for_end(const char *path)
{
	struct pollfd ended = { .events = POLLIN };
	FILE *file = fopen(path, "re");
	int pid;

	if (!file || fscanf(file, "%d", &pid) != 1)
		fail("%s has no number of a process", path);
	fclose(file);
	ended.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (ended.fd < 0 && errno == ESRCH)
		return;
	if (ended.fd < 0)
		fail("pidfd_open: %m");
	if (poll(&ended, 1, GONE_MS) != 1)
		fail("process %d of %s did not end", pid, path);
	close(ended.fd);
}

static void settle(const char *milliseconds)
{
	fflush(stdout);
	usleep((useconds_t)atol(milliseconds) * 1000);
}

/* Pages that a process has mapped stay; those that were written are written to the disk first. */
static void make_cold(char *const *paths)
{
	for (; *paths; paths++) {
		int fd = open(*paths, O_RDONLY | O_CLOEXEC);

		if (fd < 0 || fdatasync(fd) < 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
			fail("%s: %m", *paths);
		close(fd);
	}
}

static void run_step(char **words, int count)
{
	const char *step = words[0];

	if (ftruncate(errors_fd, 0) < 0)
		fail("stderr: %m");
	if (strcmp(step, "time") == 0 && count > 2)
		run_one(words[1], words + 2);
	else if (strcmp(step, "do") == 0 && count > 1)
		run_one(NULL, words + 1);
	else if (strcmp(step, "parallel") == 0 && count > 3)
		run_many(words[1], atoi(words[2]), words + 3);
	else if (strcmp(step, "gone") == 0 && count == 2)
		wait_for_end(words[1]);
	else if (strcmp(step, "settle") == 0 && count == 2)
		settle(words[1]);
	else if (strcmp(step, "set") == 0 && count == 3)
		setenv(words[1], words[2], 1);
	else if (strcmp(step, "set") == 0 && count == 2)
		unsetenv(words[1]);
	else if (strcmp(step, "cold") == 0)
		make_cold(words + 1);
	else
		fail("no step '%s' with %d words", step, count);
}

int main(int argc, char **argv)
{
	FILE *script = argc == 2 ? fopen(argv[1], "re") : NULL;
	char *line = NULL, *words[WORDS_MAX + 1];
	size_t size = 0;

	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	errors_fd = (int)syscall(SYS_memfd_create, "stderr", MFD_CLOEXEC);
	if (!script || null_fd < 0 || errors_fd < 0 || fcntl(errors_fd, F_SETFL, O_APPEND) < 0) {
		fprintf(stderr, "usage: measure SCRIPT\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	while (getline(&line, &size, script) > 0) {
		int count = 0;

		line_number++;
		for (char *word = strtok(line, "\t\n"); word && count < WORDS_MAX;
		     word = strtok(NULL, "\t\n"))
			words[count++] = word;
		words[count] = NULL;
		if (count > 0)
			run_step(words, count);
	}
	free(line);
	return fclose(script) != 0 || fflush(stdout) != 0;
}

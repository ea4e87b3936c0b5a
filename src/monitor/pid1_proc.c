/* SPDX-License-Identifier: Apache-2.0 */

/* System calls and /proc for pid1, which has no libc. */

#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/time.h>

#include "monitor/pid1.h"

/* A number of more digits than any pid or time has: the digits behind it are not read. */
static const int64_t NUMBER_MAX = 100000000000000000;

enum { ENTRIES_MAX = 2048, TEXT_MAX = 8192, PATH_LENGTH = 64 };

long pid1_call(long number, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
}

int64_t pid1_now(void)
{
	int64_t now[2] = { 0, 0 };

	pid1_call(__NR_clock_gettime, CLOCK_MONOTONIC, (long)now, 0, 0);
	return now[0] * 1000000 + now[1] / 1000;
}

int64_t pid1_number(const char *text)
{
	int64_t number = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		number = number > NUMBER_MAX ? number : number * 10 + (*text - '0');
	return number;
}

char *pid1_put_text(char *out, const char *text)
{
	while (*text)
		*out++ = *text++;
	*out = '\0';
	return out;
}

char *pid1_put_number(char *out, int number)
{
	char digits[12];
	int n = 0;

	do
		digits[n++] = (char)('0' + number % 10);
	while ((number /= 10));
	while (n > 0)
		*out++ = digits[--n];
	*out = '\0';
	return out;
}

const char *pid1_read(const char *path)
{
	static char text[TEXT_MAX];
	int fd = (int)pid1_call(__NR_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0);
	long n = fd < 0 ? 0 : pid1_call(__NR_read, fd, (long)text, sizeof(text) - 1, 0);

	if (fd >= 0)
		pid1_call(__NR_close, fd, 0, 0, 0);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

const char *pid1_read_of(int pid, const char *name)
{
	char path[PATH_LENGTH];

	pid1_put_text(pid1_put_number(pid1_put_text(path, "/proc/"), pid), name);
	return pid1_read(path);
}

const char *pid1_find(const char *text, const char *key)
{
	for (; *text; text++) {
		long i = 0;

		while (key[i] && text[i] == key[i])
			i++;
		if (!key[i])
			return text + i;
	}
	return 0;
}

uint64_t pid1_set(const char *text, const char *key)
{
	const char *digits = pid1_find(text, key);
	uint64_t set = 0;

	for (; digits && ((*digits >= '0' && *digits <= '9') || (*digits >= 'a' && *digits <= 'f')); digits++)
		set = set << 4 | (uint64_t)(*digits >= 'a' ? *digits - 'a' + 10 : *digits - '0');
	return set;
}

bool pid1_has_signal(const char *text, const char *key, int signo)
{
	return pid1_set(text, key) >> (signo - 1) & 1;
}

struct directory_entry {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

static struct {
	int fd;
	long at, len;
	char entries[ENTRIES_MAX];
} directory;

bool pid1_directory_open(const char *path)
{
	directory.at = directory.len = 0;
	directory.fd =
		(int)pid1_call(__NR_openat, AT_FDCWD, (long)path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	return directory.fd >= 0;
}

int pid1_directory_next(void)
{
	for (;;) {
		const struct directory_entry *entry = (const void *)(directory.entries + directory.at);

		if (directory.at >= directory.len) {
			directory.at = 0;
			directory.len = pid1_call(__NR_getdents64, directory.fd, (long)directory.entries,
						  ENTRIES_MAX, 0);
			if (directory.len > 0)
				continue;
			pid1_call(__NR_close, directory.fd, 0, 0, 0);
			return -1;
		}
		directory.at += entry->reclen;
		if (entry->name[0] >= '1' && entry->name[0] <= '9')
			return (int)pid1_number(entry->name);
	}
}

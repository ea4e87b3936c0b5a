/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A payload for km, by which `check` tries whether it runs programs here: a static program without libc, as
 * km takes any. It says hello and ends.
 */

#include <asm/unistd.h>

static const char words[] = "hello from krun check\n";

static long call(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

void _start(void);
void _start(void)
{
	call(__NR_exit_group, call(__NR_write, 1, (long)words, sizeof(words) - 1) < 0, 0, 0);
}

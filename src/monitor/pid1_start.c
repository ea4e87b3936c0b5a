/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What libc does in other programs, for pid1, which has none: the entry point, and the functions that the
 * compiler calls on its own. The unit test of pid1 has them from libc.
 */

#include "monitor/pid1.h"

void *memset(void *to, int byte, unsigned long len);
void *memcpy(void *restrict to, const void *restrict from, unsigned long len);

void *memset(void *to, int byte, unsigned long len)
{
	for (volatile char *at = to; len > 0; len--)
		*at++ = (char)byte;
	return to;
}

void *memcpy(void *restrict to, const void *restrict from, unsigned long len)
{
	const char *source = from;

	for (volatile char *at = to; len > 0; len--)
		*at++ = *source++;
	return to;
}

/* At the entry point the stack has argc, the arguments and the environment. */
__asm__(".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call pid1\n");

/* SPDX-License-Identifier: Apache-2.0 */

/*
 * hello: the least that a static program of libc does, the limit for commands that only read and print:
 * state, list, --version.
 */
#include <stdio.h>

int main(void)
{
	return puts("hello") < 0;
}

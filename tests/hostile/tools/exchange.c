/* SPDX-License-Identifier: Apache-2.0 */

/*
 * exchange A B N: the entries A0 and B0, A1 and B1 ... of two directories take each other's place, again and
 * again.
 */

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const int n = argc > 3 ? atoi(argv[3]) : 0;

	for (;;)
		for (int i = 0; i < n; i++) {
			char a[64], b[64];

			snprintf(a, sizeof(a), "%s%d", argv[1], i);
			snprintf(b, sizeof(b), "%s%d", argv[2], i);
			/* An odd number: each time round the other one is there. */
			for (int k = 0; k < 301; k++)
				/* musl before 1.2.5 has no function for it. */
				syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
		}
}

/* SPDX-License-Identifier: Apache-2.0 */

/*
 * swap COUNTER A B: A and B take each other's place until this process is killed, or its parent ends. How
 * often they did stands as a number of 64 bits at the start of the file COUNTER, which is mapped, so that
 * another process can see at any time that it goes on.
 *
 * Mostly the next exchange follows at once. Now and then one of the two stays for longer, up to about as long
 * as a whole command of krun takes, because a command that never sees the same file twice comes to nothing
 * early.
 */

#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint32_t random_number(void)
{
	/* xorshift: the time between two exchanges need not be secret, only irregular. */
	static uint32_t state = 2463534242;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static void stay(void)
{
	const uint32_t r = random_number();
	struct timespec time = { .tv_nsec = (long)(r >> 8) % 10000000 };

	/* In 1 of 4096 cases up to 10 ms, in 1 of 64 up to 100 us, otherwise not at all. */
	if (r % 4096 == 0) {
		nanosleep(&time, NULL);
	} else if (r % 64 == 0) {
		time.tv_nsec %= 100000;
		nanosleep(&time, NULL);
	}
}

int main(int argc, char **argv)
{
	const int fd = argc == 4 ? open(argv[1], O_RDWR | O_CLOEXEC) : -1;
	_Atomic uint64_t *count;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd < 0) {
		fprintf(stderr, "usage: swap COUNTER A B\n");
		return 1;
	}
	count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (count == MAP_FAILED) {
		perror(argv[1]);
		return 1;
	}
	/* A failure is not counted: the test fails when there are too few exchanges. */
	for (;; stay())
		if (syscall(SYS_renameat2, AT_FDCWD, argv[2], AT_FDCWD, argv[3], RENAME_EXCHANGE) == 0)
			atomic_fetch_add(count, 1);
}

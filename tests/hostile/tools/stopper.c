/* SPDX-License-Identifier: Apache-2.0 */

/*
 * stopper: stops the second process that begins in its pid namespace from now on, as soon as there is one:
 * its number can be foretold.
 */

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	pid_t last = fork();

	if (last == 0)
		_exit(0);
	waitpid(last, NULL, 0);
	puts("READY");
	fflush(stdout);
	for (;;)
		kill(last + 2, SIGSTOP);
}

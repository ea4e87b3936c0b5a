/* SPDX-License-Identifier: Apache-2.0 */

/* stopper: stops every process that begins in its pid namespace, as soon as there is one; their numbers can be foretold. */

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
		for (pid_t pid = last + 1; pid <= last + 4; pid++)
			kill(pid, SIGSTOP);
}

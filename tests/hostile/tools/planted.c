/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Stands where a container has put it in km's place: waits for its release as km does, and says that it ran.
 * It looks for the option that asks for the wait because without it nobody sends the signal.
 */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void ignore(int signo)
{
	(void)signo;
}

int main(int argc, char **argv)
{
	sigset_t set;
	int signo;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--wait-for-signal") == 0) {
			sigprocmask(SIG_BLOCK, &set, NULL);
			sigwait(&set, &signo);
			signal(SIGUSR1, ignore);
			sigprocmask(SIG_UNBLOCK, &set, NULL);
		}
	puts("PLANTED");
	fflush(stdout);
	/* krun sees a released km by what it does; give it time to. */
	usleep(300000);
	return 0;
}

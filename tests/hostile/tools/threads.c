/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Its first thread ends and another one goes on, which says what it gets: "ready" at first, "got it" for
 * SIGUSR1.
 */

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void say(const char *text)
{
	(void)!write(1, text, strlen(text));
}

/* Until the first thread is a zombie. */
static void wait_for_the_end(void)
{
	char text[256];

	do {
		FILE *file = fopen("/proc/self/stat", "r");

		if (!file || !fgets(text, sizeof(text), file))
			text[0] = '\0';
		if (file)
			fclose(file);
		usleep(1000);
	} while (!strstr(text, ") Z "));
}

static void *go_on(void *data)
{
	sigset_t *set = data;
	int signo;

	wait_for_the_end();
	say("ready\n");
	while (sigwait(set, &signo) == 0)
		say("got it\n");
	return NULL;
}

int main(void)
{
	static sigset_t set;
	pthread_t thread;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (pthread_create(&thread, NULL, go_on, &set) != 0)
		return 1;
	syscall(SYS_exit, 0);
	return 0;
}

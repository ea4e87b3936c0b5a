/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdio.h>
#include <sys/utsname.h>

/* Under km every thread is a virtual processor. */
static void *greet(void *result)
{
	struct utsname name;

	if (uname(&name) < 0)
		return NULL;
	printf("Hello from a thread of a dynamic program on %s %s\n", name.sysname, name.release);
	return result;
}

int main(void)
{
	pthread_t thread;
	void *greeted = NULL;
	static int done;

	if (pthread_create(&thread, NULL, greet, &done) || pthread_join(thread, &greeted))
		return 1;
	return greeted == &done ? 0 : 1;
}

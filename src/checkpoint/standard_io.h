/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Standard input, output and error of a container's process. A checkpoint in either mode has to know which of
 * them came from outside, because the container has no name for such a file.
 */

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

struct error;

struct stdio_file {
	bool outside; /* it is open, and on none of the container's mounts */
	/* Valid if .outside: */
	char name[PATH_MAX]; /* its link in /proc/PID/fd */
	unsigned int mount;  /* mount id, proc_pid_mountinfo(5) */
	struct stat st;
};

/* Looks at fds 0 to 2 of a process. @proc_fd: its /proc/PID. A closed fd is not an error. */
int stdio_look(int proc_fd, struct stdio_file ret[3], struct error *err);

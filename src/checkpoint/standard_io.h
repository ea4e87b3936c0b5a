/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Standard input, output and error of a container's process: a checkpoint of either kind has to know which of them came from
 * outside, because nothing in the container has that file's name.
 */

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

struct error;

struct stdio_file {
	bool outside; /* open, and on no mount of the container */
	/* Only then: */
	char name[PATH_MAX]; /* as the host sees it */
	unsigned int mount;  /* its number in proc_pid_mountinfo(5) */
	struct stat st;
};

/* Descriptors 0 to 2 of the process whose directory of /proc is @proc_fd. */
int stdio_look(int proc_fd, struct stdio_file ret[3], struct error *err);

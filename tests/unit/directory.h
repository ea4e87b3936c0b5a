/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A directory for a group of tests, which leave nothing in it but the file "file". */

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static char directory[] = "/tmp/krun-unit-XXXXXX";
static int dir_fd = -1;

static int make_directory(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir_fd < 0 ? -1 : 0;
}

static int remove_directory(void **state)
{
	(void)state;
	unlinkat(dir_fd, "file", 0);
	close(dir_fd);
	return rmdir(directory);
}

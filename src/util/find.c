/* SPDX-License-Identifier: Apache-2.0 */
#include "util/find.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/path.h"

/* 1, 0 or an errno that does not say that. A directory may be entered by the right to execute. */
static int is_program(const char *path)
{
	struct stat st;

	if (access(path, X_OK) == 0 && stat(path, &st) == 0)
		return S_ISREG(st.st_mode);
	return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -errno;
}

static int find_in(const char *list, const char *name, char *path, size_t size)
{
	int r = 0;

	while (r == 0 && path_list_next(&list, name, path, size))
		r = path[0] == '/' ? is_program(path) : 0;
	return r;
}

int find_program(const char *name, char *path, size_t size)
{
	int r = find_in(getenv("PATH"), name, path, size);

	return r == 0 ? find_in(PATH_DEFAULT, name, path, size) : r;
}

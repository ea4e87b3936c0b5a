/* SPDX-License-Identifier: Apache-2.0 */

/*
 * look PATH...: prints the beginning of every regular file at and below each PATH. Something else may take
 * the place of a file meanwhile, and neither a FIFO nor a device may keep this program waiting.
 */

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int print(const char *path, const struct stat *seen, int type, struct FTW *where)
{
	const int fd = type == FTW_F ? open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
	char text[4096];
	struct stat st;
	ssize_t n;

	(void)seen;
	(void)where;
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (n = read(fd, text, sizeof(text))) > 0)
		fwrite(text, 1, (size_t)n, stdout);
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		nftw(argv[i], print, 16, FTW_PHYS);
	return 0;
}

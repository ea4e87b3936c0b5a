/* SPDX-License-Identifier: Apache-2.0 */

/*
 * corpus DIRECTORY: runs a target with every input of its corpus, in place of libFuzzer; and with the
 * beginnings of each, because what is cut off is the input that is met most often. Fails on an empty
 * directory.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "util/cleanup.h"
#include "util/io.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { INPUT_MAX = 1 << 20, CUTS = 64 };

/* A copy of exactly this size, so that AddressSanitizer sees a read behind its end. */
static void run(const char *input, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);

	if (!exact)
		abort();
	memcpy(exact, input, size);
	fuzz_one(exact, size);
	free(exact);
}

int main(int argc, char **argv)
{
	struct dirent *entry;
	size_t files = 0;
	int r;
	DIR *dir;

	if (argc != 2 || io_open_directory(AT_FDCWD, argv[1], &dir) < 0) {
		fprintf(stderr, "corpus: needs a directory\n");
		return EXIT_FAILURE;
	}
	LLVMFuzzerInitialize(&argc, &argv);
	while ((r = io_next_entry(dir, &entry)) > 0) {
		auto_free char *input = NULL;
		size_t size;

		if (entry->d_name[0] == '.')
			continue;
		printf("%s\n", entry->d_name);
		fflush(stdout);
		if (io_read_regular(dirfd(dir), entry->d_name, INPUT_MAX, &input, &size) < 0)
			break;
		run(input, size);
		for (size_t cut = 0; cut < CUTS && cut < size; cut++)
			run(input, size <= CUTS ? cut : size * cut / CUTS);
		files++;
	}
	closedir(dir);
	return r == 0 && files > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

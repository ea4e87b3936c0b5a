/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/directory.h"
#include "checkpoint/criu_files.h"
#include "util/error.h"
#include "util/io.h"

/* A directory with an image, which is not trusted. */
static char directory[] = "/tmp/krun-image-XXXXXX";
static int dir_fd = -1;

static int make_directory(void **state)
{
	const Elf64_Ehdr header = { .e_ident = ELFMAG,
				    .e_type = ET_CORE,
				    .e_machine = EM_X86_64,
				    .e_phentsize = sizeof(Elf64_Phdr) };

	(void)state;
	if (!mkdtemp(directory))
		return -1;
	dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir_fd < 0 ? -1 : io_replace_file(dir_fd, CHECKPOINT_SNAPSHOT, 0500, &header, sizeof(header));
}

static int remove_directory(void **state)
{
	(void)state;
	unlinkat(dir_fd, CHECKPOINT_SNAPSHOT, 0);
	unlinkat(dir_fd, CHECKPOINT_INVENTORY, 0);
	unlinkat(dir_fd, CHECKPOINT_CRIU_FILE, 0);
	close(dir_fd);
	return rmdir(directory);
}

static int open_with(const char *inventory, struct checkpoint *ret, struct error *err)
{
	assert_int_equal(io_replace_file(dir_fd, CHECKPOINT_INVENTORY, 0600, inventory, strlen(inventory)),
			 0);
	return checkpoint_open(directory, ret, err);
}

static void a_complete_image_is_read(void **state)
{
	struct checkpoint image;
	struct error err;

	(void)state;
	assert_int_equal(
		open_with("{\"format\":\"krun-checkpoint\",\"version\":1,\"size\":64,\"cwd\":\"/srv\","
			  "\"umask\":18}",
			  &image, &err),
		0);
	assert_string_equal(image.cwd, "/srv");
	assert_int_equal(image.umask, 022);
	checkpoint_done(&image);
}

static void values_of_other_types_are_absent(void **state)
{
	static const char *const inventories[] = {
		"{\"format\":null}",
		"{\"format\":[\"krun-checkpoint\"],\"version\":1,\"size\":64}",
		"{\"format\":\"krun-checkpoint\",\"version\":\"1\",\"size\":64}",
		"{\"format\":\"krun-checkpoint\",\"version\":1,\"size\":null}",
		"{\"format\":\"krun-checkpoint\",\"version\":1,\"size\":63}",
		"null",
		"[]",
		"",
		"{",
	};
	struct checkpoint image;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(inventories) / sizeof(inventories[0]); i++)
		assert_int_equal(open_with(inventories[i], &image, &err), -EINVAL);
	assert_int_equal(open_with("{\"format\":\"krun-checkpoint\",\"version\":1,\"size\":64,\"cwd\":null,"
				   "\"umask\":{}}",
				   &image, &err),
			 0);
	assert_null(image.cwd);
	assert_int_equal(image.umask, -1);
	checkpoint_done(&image);
}

static void what_is_no_file_is_not_opened(void **state)
{
	struct checkpoint_criu criu;
	struct checkpoint image;
	struct error err;

	(void)state;
	unlinkat(dir_fd, CHECKPOINT_INVENTORY, 0);
	assert_int_equal(mkfifoat(dir_fd, CHECKPOINT_INVENTORY, 0600), 0);
	assert_int_equal(checkpoint_open(directory, &image, &err), -EINVAL);
	assert_int_equal(mkfifoat(dir_fd, CHECKPOINT_CRIU_FILE, 0600), 0);
	assert_int_equal(checkpoint_criu_read(dir_fd, &criu, &err), -EINVAL);
	unlinkat(dir_fd, CHECKPOINT_CRIU_FILE, 0);
	assert_int_equal(checkpoint_criu_read(dir_fd, &criu, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_complete_image_is_read),
		cmocka_unit_test(values_of_other_types_are_absent),
		cmocka_unit_test(what_is_no_file_is_not_opened),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}

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

#include "checkpoint/criu_files.h"
#include "checkpoint/directory.h"
#include "syscall/replace.h"
#include "util/error.h"

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
	return dir_fd < 0 ? -1 : file_replace(dir_fd, CHECKPOINT_SNAPSHOT, 0500, &header, sizeof(header));
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
	assert_int_equal(file_replace(dir_fd, CHECKPOINT_INVENTORY, 0600, inventory, strlen(inventory)), 0);
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

/* Writes a core file with one segment of that size, and says whether krun takes it. */
static int check_segment(uint64_t offset, uint64_t size)
{
	const struct {
		Elf64_Ehdr header;
		Elf64_Phdr part;
		char data[16];
	} file = { { .e_ident = ELFMAG,
		     .e_type = ET_CORE,
		     .e_machine = EM_X86_64,
		     .e_phoff = sizeof(Elf64_Ehdr),
		     .e_phnum = 1,
		     .e_phentsize = sizeof(Elf64_Phdr) },
		   { .p_offset = offset, .p_filesz = size },
		   "" };
	struct error err = { 0 };
	int fd, r;

	assert_int_equal(file_replace(dir_fd, "segment", 0600, &file, sizeof(file)), 0);
	fd = openat(dir_fd, "segment", O_RDONLY | O_CLOEXEC);
	r = checkpoint_check_snapshot(fd, &err);
	close(fd);
	unlinkat(dir_fd, "segment", 0);
	return r;
}

static void a_segment_that_was_cut_is_seen(void **state)
{
	const uint64_t begin = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);

	(void)state;
	assert_int_equal(check_segment(begin, 16), 0);
	assert_int_equal(check_segment(begin, 17), -EINVAL);
	assert_int_equal(check_segment(begin + 1, 16), -EINVAL);
	assert_int_equal(check_segment(begin + 17, 0), -EINVAL);
	assert_int_equal(check_segment(begin, UINT64_MAX), -EINVAL);
	assert_int_equal(check_segment(UINT64_MAX, 16), -EINVAL);
}

static void a_link_is_no_snapshot(void **state)
{
	struct checkpoint image;
	struct error err;

	(void)state;
	assert_int_equal(renameat(dir_fd, CHECKPOINT_SNAPSHOT, dir_fd, "elsewhere"), 0);
	assert_int_equal(symlinkat("elsewhere", dir_fd, CHECKPOINT_SNAPSHOT), 0);
	assert_int_equal(
		open_with("{\"format\":\"krun-checkpoint\",\"version\":1,\"size\":64}", &image, &err),
		-ELOOP);
	assert_int_equal(renameat(dir_fd, "elsewhere", dir_fd, CHECKPOINT_SNAPSHOT), 0);
	assert_int_equal(
		open_with("{\"format\":\"krun-checkpoint\",\"version\":2,\"size\":64}", &image, &err),
		-EINVAL);
}

/* Each opens the directory by itself, as two commands do. */
static void two_drafts_in_one_directory(void **state)
{
	struct checkpoint_draft first, second;
	struct error err = { 0 };
	int other_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(checkpoint_draft_make(dir_fd, getuid(), getgid(), &first, &err), 0);
	assert_int_equal(checkpoint_draft_make(other_fd, getuid(), getgid(), &second, &err), -EBUSY);
	checkpoint_draft_done(&second);
	checkpoint_draft_done(&first);
	assert_int_equal(checkpoint_draft_make(other_fd, getuid(), getgid(), &second, &err), 0);
	checkpoint_draft_done(&second);
	close(other_fd);
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

static void test_a_directory_that_cannot_be_made(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(checkpoint_directory_make("/dev/null/image", "--image-path", &err), -ENOTDIR);
	assert_non_null(strstr(err.text, "--image-path"));
	assert_int_equal(checkpoint_directory_make("/dev/null/a/image", "--image-path", &err), -ENOTDIR);
	assert_non_null(strstr(err.text, "/dev/null/a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_directory_that_cannot_be_made),
		cmocka_unit_test(a_complete_image_is_read),
		cmocka_unit_test(values_of_other_types_are_absent),
		cmocka_unit_test(a_segment_that_was_cut_is_seen),
		cmocka_unit_test(two_drafts_in_one_directory),
		cmocka_unit_test(a_link_is_no_snapshot),
		cmocka_unit_test(what_is_no_file_is_not_opened),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}

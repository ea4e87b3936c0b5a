/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../test.h"
#include "monitor/monitor.h"
#include "syscall/process.h"
#include "util/error.h"

/* A core file with notes as km writes them. */
struct note {
	Elf64_Nhdr header;
	char owner[4];
	struct {
		uint32_t size, fd, how, flags, mode, pipe_size;
		uint64_t data;
		uint32_t data_length;
	} file;
	char name[8];
};

struct snapshot {
	Elf64_Ehdr header;
	Elf64_Phdr part;
	Elf64_Nhdr other; /* without a name, and 1 byte of content: the next note begins 16 bytes later */
	char content[4];
	struct note notes[3];
};

static struct snapshot snapshot_of_files(void)
{
	struct snapshot all = {
		.header = { .e_phoff = sizeof(all.header), .e_phnum = 1 },
		.part = { .p_type = PT_NOTE, .p_offset = sizeof(all.header) + sizeof(all.part) },
		.other = { .n_descsz = 1, .n_type = NT_PRSTATUS },
	};

	all.part.p_filesz = sizeof(all) - all.part.p_offset;
	for (unsigned int i = 0; i < 3; i++) {
		struct note *note = &all.notes[i];

		note->header = (Elf64_Nhdr){ 4, sizeof(note->file) + sizeof(note->name), 0x4b4d4644 };
		memcpy(note->owner, "KMSP", 4);
		note->file.size = sizeof(note->file);
		note->file.fd = i;
		note->file.flags = O_WRONLY;
		note->file.mode = S_IFREG | 0644;
		note->file.data = 17;
		strcpy(note->name, "/out");
	}
	return all;
}

/* Mends @all as a file. *ret_last: the new notes, which may be longer and then are at the end of the file. */
static int mend(struct snapshot *all, const struct km_descriptors *known, char *ret_last, struct error *err)
{
	const int fd = sys_memfd_create("snapshot", 0);
	int r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, all, sizeof(*all)), sizeof(*all));
	r = km_snapshot_mend(fd, known, err);
	assert_int_equal(pread(fd, all, sizeof(*all), 0), sizeof(*all));
	if (ret_last)
		assert_int_equal(pread(fd, ret_last, all->part.p_filesz, (off_t)all->part.p_offset),
				 all->part.p_filesz);
	close(fd);
	return r;
}

static int inherit(struct snapshot *all, unsigned int descriptors, struct error *err)
{
	const struct km_descriptors known = { .outside = descriptors,
					      .flags = { -1, -1, O_WRONLY | O_APPEND } };

	return mend(all, &known, NULL, err);
}

static void only_the_descriptors_asked_for_become_pipes(void **state)
{
	struct snapshot all = snapshot_of_files();
	const struct snapshot before = all;
	struct error err;

	(void)state;
	assert_int_equal(inherit(&all, 1U << 1, &err), 0);
	assert_memory_equal(&all.notes[0], &before.notes[0], sizeof(all.notes[0]));
	assert_memory_equal(&all.notes[2], &before.notes[2], sizeof(all.notes[2]));
	assert_true(S_ISFIFO(all.notes[1].file.mode));
	assert_true(all.notes[1].file.data == UINT64_MAX);
	assert_string_equal(all.notes[1].name, "/out");
}

static void files_are_opened_as_they_were_open(void **state)
{
	struct snapshot all = snapshot_of_files();
	struct error err;

	(void)state;
	all.notes[0].file.flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC;
	all.notes[1].file.flags = O_WRONLY | O_CREAT | O_EXCL;
	all.notes[2].file.flags = O_CLOEXEC;
	assert_int_equal(inherit(&all, 0, &err), 0);
	assert_int_equal(all.notes[0].file.flags, O_RDWR | O_CLOEXEC);
	assert_int_equal(all.notes[1].file.flags, O_WRONLY);
	assert_int_equal(all.notes[2].file.flags, O_WRONLY | O_APPEND | O_CLOEXEC);
}

static void relative_names_become_absolute(void **state)
{
	static char first[] = "/somewhere/else/out", second[] = "/never/used";
	const struct km_descriptors known = { .names = { first, second } };
	struct snapshot all = snapshot_of_files();
	const struct note second_before = all.notes[1], third_before = all.notes[2];
	char notes[1024] = "";
	struct note note;
	struct error err;

	(void)state;
	strcpy(all.notes[0].name, "out");
	assert_int_equal(mend(&all, &known, notes, &err), 0);
	assert_int_equal(all.part.p_offset, sizeof(all));
	/* The other note has 16 bytes; the name has 20 bytes instead of 8. */
	memcpy(&note, notes + 16, sizeof(note));
	assert_int_equal(note.header.n_descsz, sizeof(note.file) + 20);
	assert_string_equal(notes + 16 + offsetof(struct note, name), first);
	assert_memory_equal(notes + 16 + sizeof(note) + 12, &second_before, sizeof(note));
	assert_memory_equal(notes + 16 + 2 * sizeof(note) + 12, &third_before, sizeof(note));
	assert_int_equal(all.part.p_filesz, 16 + 3 * sizeof(note) + 12);
}

static void foreign_snapshots_are_errors(void **state)
{
	struct snapshot all = snapshot_of_files();
	struct error err;

	(void)state;
	all.notes[0].file.size = 32;
	assert_int_equal(inherit(&all, 1U << 1, &err), -EPROTO);
	all = snapshot_of_files();
	all.notes[2].header.n_descsz = 4096;
	assert_int_equal(inherit(&all, 1U << 1, &err), -EPROTO);
	all = snapshot_of_files();
	all.notes[2].header.n_namesz = UINT32_MAX;
	assert_int_equal(inherit(&all, 1U << 1, &err), -EPROTO);
	all = snapshot_of_files();
	all.part.p_type = PT_LOAD;
	assert_int_equal(inherit(&all, 1U << 1, &err), -EPROTO);
	all = snapshot_of_files();
	all.part.p_filesz++;
	assert_int_equal(inherit(&all, 1U << 1, &err), -EIO);
}

/* ---- snapshots made by an attacker ------------------------------------------------------------------- */

/* Makes a snapshot with notes @bytes, whose header says that they are at @offset. */
static int snapshot_of(const void *bytes, size_t size, uint64_t offset)
{
	const int fd = sys_memfd_create("snapshot", 0);
	const struct snapshot head = {
		.header = { .e_phoff = sizeof(head.header), .e_phnum = 1 },
		.part = { .p_type = PT_NOTE, .p_offset = offset, .p_filesz = size },
	};

	assert_true(fd >= 0);
	assert_int_equal(write(fd, &head, offsetof(struct snapshot, other)),
			 offsetof(struct snapshot, other));
	assert_int_equal(pwrite(fd, bytes, size, offsetof(struct snapshot, other)), size);
	return fd;
}

enum { REPEATS = 4000 };

/* Repeats one descriptor, each time with a name that is shorter than the absolute one. */
static void notes_that_repeat_have_room(void **state)
{
	static struct note notes[REPEATS];
	static char name[PATH_MAX];
	const struct km_descriptors known = { .names = { name } };
	const struct snapshot one = snapshot_of_files();
	Elf64_Phdr part;
	struct error err;
	int fd;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[0] = '/';
	for (size_t i = 0; i < REPEATS; i++) {
		notes[i] = one.notes[0];
		strcpy(notes[i].name, "out");
	}
	fd = snapshot_of(notes, sizeof(notes), offsetof(struct snapshot, other));
	assert_int_equal(km_snapshot_mend(fd, &known, &err), 0);
	assert_int_equal(pread(fd, &part, sizeof(part), sizeof(Elf64_Ehdr)), sizeof(part));
	assert_int_equal(part.p_filesz, REPEATS * (sizeof(struct note) - 8 + PATH_MAX));
	close(fd);
}

/* Each short note becomes one of 4 KiB: the new notes have a limit, too. */
static void notes_that_grow_without_end_are_an_error(void **state)
{
	const size_t count = 100000;
	struct note *notes = calloc(count, sizeof(*notes));
	static char name[PATH_MAX];
	const struct km_descriptors known = { .names = { name } };
	const struct snapshot one = snapshot_of_files();
	struct error err;
	int fd;

	(void)state;
	assert_non_null(notes);
	memset(name, 'n', sizeof(name) - 1);
	name[0] = '/';
	for (size_t i = 0; i < count; i++) {
		notes[i] = one.notes[0];
		strcpy(notes[i].name, "out");
	}
	fd = snapshot_of(notes, count * sizeof(*notes), offsetof(struct snapshot, other));
	assert_int_equal(km_snapshot_mend(fd, &known, &err), -EFBIG);
	assert_string_equal(err.text, "the snapshot has more than 256 MiB of notes");
	close(fd);
	free(notes);
}

static void more_notes_than_any_snapshot_has_are_an_error(void **state)
{
	const size_t count = 200000;
	Elf64_Nhdr *notes = calloc(count, sizeof(*notes));
	const struct km_descriptors known = { 0 };
	struct error err;
	int *numbers, fd;
	size_t len;

	(void)state;
	assert_non_null(notes);
	fd = snapshot_of(notes, count * sizeof(*notes), offsetof(struct snapshot, other));
	assert_int_equal(km_snapshot_mend(fd, &known, &err), -EFBIG);
	assert_int_equal(km_snapshot_numbers(fd, &numbers, &len, &err), -EFBIG);
	close(fd);
	free(notes);
}

static void check_refused(const void *bytes, size_t size, uint64_t offset, int expected)
{
	const struct km_descriptors known = { 0 };
	const int fd = snapshot_of(bytes, size, offset);
	struct error err;
	int *numbers;
	size_t len;

	assert_int_equal(km_snapshot_mend(fd, &known, &err), expected);
	assert_int_equal(km_snapshot_numbers(fd, &numbers, &len, &err), expected);
	close(fd);
}

/* Sums of these sizes wrap to small numbers in 32 bits. */
static void sizes_that_wrap_are_errors(void **state)
{
	static const Elf64_Nhdr wrapping[] = {
		{ 0xfffffff0U, 0x20, 0x4b4d4644 },
		{ 0x20, 0xfffffff0U, 0x4b4d4644 },
		{ 0xffffffffU, 0xffffffffU, 0x4b4d4644 },
		{ 0x80000000U, 0x80000000U, 0x4b4d4644 },
	};
	char bytes[256] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(wrapping) / sizeof(wrapping[0]); i++) {
		memcpy(bytes, &wrapping[i], sizeof(wrapping[i]));
		check_refused(bytes, sizeof(bytes), offsetof(struct snapshot, other), -EPROTO);
	}
}

static void parts_outside_of_the_file_are_errors(void **state)
{
	static const uint64_t offsets[] = { UINT64_MAX, UINT64_MAX - 100, INT64_MAX, 1 << 20 };
	const char bytes[64] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
		check_refused(bytes, sizeof(bytes), offsets[i], -EIO);
}

static void headers_outside_of_the_file_are_errors(void **state)
{
	static const uint64_t offsets[] = { UINT64_MAX, UINT64_MAX - sizeof(Elf64_Ehdr), INT64_MAX, 1 << 20 };
	const struct km_descriptors known = { 0 };
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		struct snapshot all = snapshot_of_files();

		all.header.e_phoff = offsets[i];
		all.header.e_phnum = UINT16_MAX;
		assert_int_equal(mend(&all, &known, NULL, &err), -EIO);
	}
}

/* A name without its NUL; a note one byte shorter than its struct; a note that ends with the file. */
static void notes_at_the_edge(void **state)
{
	const struct km_descriptors known = { .names = { NULL } };
	struct snapshot all = snapshot_of_files();
	struct error err;
	int *numbers, fd;
	size_t len;

	(void)state;
	memset(all.notes[0].name, 'x', sizeof(all.notes[0].name));
	assert_int_equal(mend(&all, &known, NULL, &err), -EPROTO);
	all = snapshot_of_files();
	all.notes[2].header.n_descsz = 39;
	all.part.p_filesz = sizeof(all) - all.part.p_offset - 9;
	assert_int_equal(mend(&all, &known, NULL, &err), 0);
	all = snapshot_of_files();
	/* Five bytes of content are less than the two numbers that are read. */
	all.notes[2].header.n_descsz = 5;
	all.part.p_filesz = sizeof(all) - all.part.p_offset - 43;
	fd = sys_memfd_create("snapshot", 0);
	assert_int_equal(write(fd, &all, sizeof(all)), sizeof(all));
	assert_int_equal(km_snapshot_numbers(fd, &numbers, &len, &err), 0);
	assert_int_equal(len, 0);
	free(numbers);
	close(fd);
}

static void numbers_are_told_once(void **state)
{
	struct snapshot all = snapshot_of_files();
	struct error err;
	int *numbers, fd = sys_memfd_create("snapshot", 0);
	size_t len;

	(void)state;
	all.notes[0].file.fd = 9;
	all.notes[1].file.fd = 3;
	all.notes[2].file.fd = 9;
	assert_int_equal(write(fd, &all, sizeof(all)), sizeof(all));
	assert_int_equal(km_snapshot_numbers(fd, &numbers, &len, &err), 0);
	assert_int_equal(len, 2);
	assert_int_equal(numbers[0], 3);
	assert_int_equal(numbers[1], 9);
	free(numbers);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_descriptors_asked_for_become_pipes),
		cmocka_unit_test(files_are_opened_as_they_were_open),
		cmocka_unit_test(relative_names_become_absolute),
		cmocka_unit_test(foreign_snapshots_are_errors),
		cmocka_unit_test(notes_that_repeat_have_room),
		cmocka_unit_test(notes_that_grow_without_end_are_an_error),
		cmocka_unit_test(more_notes_than_any_snapshot_has_are_an_error),
		cmocka_unit_test(sizes_that_wrap_are_errors),
		cmocka_unit_test(parts_outside_of_the_file_are_errors),
		cmocka_unit_test(headers_outside_of_the_file_are_errors),
		cmocka_unit_test(notes_at_the_edge),
		cmocka_unit_test(numbers_are_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

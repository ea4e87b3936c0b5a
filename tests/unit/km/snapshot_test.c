/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "km/km.h"
#include "syscall/process.h"
#include "../test.h"
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
	Elf64_Nhdr other; /* without a name, and one byte of content: the next note begins 16 bytes later */
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

/* A pread(2) more than a struct: longer notes are at the end. */
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
	/* 16 bytes before them; a name of 20 in the place of one of 8. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_descriptors_asked_for_become_pipes),
		cmocka_unit_test(files_are_opened_as_they_were_open),
		cmocka_unit_test(relative_names_become_absolute),
		cmocka_unit_test(foreign_snapshots_are_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

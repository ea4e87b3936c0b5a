/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <errno.h>
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
		note->file.mode = S_IFREG | 0644;
		note->file.data = 17;
		strcpy(note->name, "/out");
	}
	return all;
}

static int inherit(struct snapshot *all, unsigned int descriptors, struct error *err)
{
	const int fd = sys_memfd_create("snapshot", 0);
	int r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, all, sizeof(*all)), sizeof(*all));
	r = km_snapshot_inherit(fd, descriptors, err);
	assert_int_equal(pread(fd, all, sizeof(*all), 0), sizeof(*all));
	close(fd);
	return r;
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
		cmocka_unit_test(foreign_snapshots_are_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

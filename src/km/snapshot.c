/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Notes in km's snapshots (km_coredump.h). Each descriptor of the payload has one: how it was made, and its file's name and mode.
 */

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "km/km.h"
#include "util/cleanup.h"
#include "util/error.h"

enum { NOTE_FILE = 0x4b4d4644, NOTES_MAX = 256 << 20 };

struct note_file {
	uint32_t size;
	uint32_t fd;
	uint32_t how;
	uint32_t flags;
	uint32_t mode;
	uint32_t pipe_size;
	uint64_t data; /* position, or the pipe's other end */
	uint32_t data_length;
};

_Static_assert(sizeof(struct note_file) == 40 && offsetof(struct note_file, data) == 24,
	       "the note is as km has it");

static int find_notes(int fd, Elf64_Phdr *ret, struct error *err)
{
	Elf64_Ehdr header;

	if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header))
		return error_set(err, -EIO, "read the snapshot");
	for (unsigned int i = 0; i < header.e_phnum; i++) {
		if (pread(fd, ret, sizeof(*ret), (off_t)(header.e_phoff + i * sizeof(*ret))) !=
		    (ssize_t)sizeof(*ret))
			return error_set(err, -EIO, "read the snapshot");
		if (ret->p_type == PT_NOTE && ret->p_filesz <= NOTES_MAX)
			return 0;
	}
	return error_set(err, -EPROTO, "the snapshot has no notes");
}

/*
 * A pipe of which the payload has one end only is what km finds at its start as standard input, output or error; such a one it
 * takes as it is when it resumes.
 */
static int write_as_inherited(int fd, off_t at, struct note_file file, struct error *err)
{
	file.mode = S_IFIFO | 0600;
	file.data = UINT64_MAX;
	if (pwrite(fd, &file, sizeof(file), at) != (ssize_t)sizeof(file))
		return error_sys(err, -errno, "write the snapshot");
	return 0;
}

/* Of a note at @content: one of @descriptors, or not. */
static int inherit_file(int fd, off_t at, const char *content, unsigned int descriptors, struct error *err)
{
	struct note_file file;

	memcpy(&file, content, sizeof(file));
	if (file.size != sizeof(file))
		return error_set(err, -EPROTO,
				 "the snapshot describes files in a way that krun does not know");
	if (file.fd > 2 || !(descriptors & 1U << file.fd))
		return 0;
	return write_as_inherited(fd, at, file, err);
}

int km_snapshot_inherit(int snapshot_fd, unsigned int descriptors, struct error *err)
{
	auto_free char *notes = NULL;
	size_t content, end = 0;
	Elf64_Phdr part;
	int r = find_notes(snapshot_fd, &part, err);

	if (r < 0)
		return r;
	notes = malloc(part.p_filesz + 1);
	if (!notes)
		return error_oom(err);
	if (pread(snapshot_fd, notes, part.p_filesz, (off_t)part.p_offset) != (ssize_t)part.p_filesz)
		return error_set(err, -EIO, "read the notes of the snapshot");
	/* From one to the next as km steps, which rounds up once for each. */
	for (size_t at = 0; r == 0 && at + sizeof(Elf64_Nhdr) <= part.p_filesz; at = (end + 3) & ~(size_t)3) {
		Elf64_Nhdr note;

		memcpy(&note, notes + at, sizeof(note));
		content = at + sizeof(note) + note.n_namesz;
		end = content + note.n_descsz;
		if (end > part.p_filesz)
			return error_set(err, -EPROTO, "the notes of the snapshot are cut");
		if (note.n_type == NOTE_FILE && note.n_descsz >= sizeof(struct note_file))
			r = inherit_file(snapshot_fd, (off_t)(part.p_offset + content), notes + content,
					 descriptors, err);
	}
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Notes in km's snapshots (km_coredump.h). Each descriptor of the payload has one: how it was made, and its file's name and mode.
 */

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "km/km.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

enum {
	NOTE_FILE = 0x4b4d4644,
	NOTE_SOCKET = 0x4b4d534b,
	NOTE_EVENTFD = 0x4b4d4556,
	NOTE_EPOLLFD = 0x4b4d4550,
};
enum { NOTES_MAX = 256 << 20 };

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

static size_t round_up(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

/* @ret_at: where the part's own header is. */
static int find_notes(int fd, Elf64_Phdr *ret, off_t *ret_at, struct error *err)
{
	Elf64_Ehdr header;

	if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header))
		return error_set(err, -EIO, "read the snapshot");
	for (unsigned int i = 0; i < header.e_phnum; i++) {
		*ret_at = (off_t)(header.e_phoff + i * sizeof(*ret));
		if (pread(fd, ret, sizeof(*ret), *ret_at) != (ssize_t)sizeof(*ret))
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
static void make_inherited(struct note_file *file)
{
	file->mode = S_IFIFO | 0600;
	file->data = UINT64_MAX;
}

/*
 * km keeps the flags of the payload's own call. Used once more, O_TRUNC would empty the file and O_EXCL fail; and after dup(2) there
 * are none, so that a file would be open for reading only.
 */
static void mend_flags(struct note_file *file, int known)
{
	const uint32_t flags = file->flags & ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC);

	file->flags = (flags & ~(uint32_t)O_CLOEXEC) == 0 && known >= 0 ? flags | (uint32_t)known : flags;
}

static void mend(struct note_file *file, const struct km_descriptors *descriptors)
{
	if (file->fd <= 2 && (descriptors->outside & 1U << file->fd))
		make_inherited(file);
	else if (file->fd < KM_PAYLOAD_DESCRIPTORS && !S_ISFIFO(file->mode))
		mend_flags(file, descriptors->flags[file->fd]);
}

/* A name is relative to where the payload was when it opened the file, and it may have gone elsewhere. */
static const char *absolute_name(const struct note_file *file, const char *name,
				 const struct km_descriptors *descriptors)
{
	const mode_t kind = file->mode & S_IFMT;

	if (file->fd >= KM_PAYLOAD_DESCRIPTORS || name[0] == '/' ||
	    (kind != S_IFREG && kind != S_IFDIR && kind != S_IFCHR))
		return name;
	return descriptors->names[file->fd] ? descriptors->names[file->fd] : name;
}

struct notes {
	char *old, *new;
	size_t old_len, new_len;
};

/* The note at @at, whose content is @content: copied, with what krun knows better. */
static int mend_note(struct notes *notes, size_t at, size_t content, const struct km_descriptors *descriptors,
		     struct error *err)
{
	const size_t name_at = content + sizeof(struct note_file);
	char *out = notes->new + notes->new_len;
	struct note_file file;
	Elf64_Nhdr note;
	const char *name;

	memcpy(&note, notes->old + at, sizeof(note));
	memcpy(&file, notes->old + content, sizeof(file));
	if (file.size != sizeof(file) || !memchr(notes->old + name_at, '\0', note.n_descsz - sizeof(file)))
		return error_set(err, -EPROTO,
				 "the snapshot describes files in a way that krun does not know");
	mend(&file, descriptors);
	name = absolute_name(&file, notes->old + name_at, descriptors);
	if (name != notes->old + name_at)
		note.n_descsz = (Elf64_Word)(sizeof(file) + round_up(strlen(name) + 1));
	memset(out, 0, sizeof(note) + round_up(note.n_namesz + note.n_descsz));
	memcpy(out, &note, sizeof(note));
	memcpy(out + sizeof(note), notes->old + at + sizeof(note), note.n_namesz);
	out += sizeof(note) + note.n_namesz;
	memcpy(out, &file, sizeof(file));
	if (name != notes->old + name_at)
		strcpy(out + sizeof(file), name);
	else
		memcpy(out + sizeof(file), name, note.n_descsz - sizeof(file));
	notes->new_len += round_up(sizeof(note) + note.n_namesz + note.n_descsz);
	return 0;
}

/*
 * The note at *at, which is moved to the next one as km steps, which rounds up once for each. @ret_content: where its content is. 1, 0
 * behind the last one, or a negative errno.
 */
static int next_note(const struct notes *notes, size_t *at, Elf64_Nhdr *ret, size_t *ret_content,
		     struct error *err)
{
	if (*at + sizeof(*ret) > notes->old_len)
		return 0;
	memcpy(ret, notes->old + *at, sizeof(*ret));
	*ret_content = *at + sizeof(*ret) + ret->n_namesz;
	if (*ret_content + ret->n_descsz > notes->old_len)
		return error_set(err, -EPROTO, "the notes of the snapshot are cut");
	*at = round_up(*ret_content + ret->n_descsz);
	return 1;
}

static int mend_notes(struct notes *notes, const struct km_descriptors *descriptors, struct error *err)
{
	size_t at = 0, end = 0, content;
	Elf64_Nhdr note;
	int r;

	for (; (r = next_note(notes, &end, &note, &content, err)) > 0; at = end) {
		if (note.n_type == NOTE_FILE && note.n_descsz > sizeof(struct note_file)) {
			r = mend_note(notes, at, content, descriptors, err);
			if (r < 0)
				return r;
		} else {
			memcpy(notes->new + notes->new_len, notes->old + at, content + note.n_descsz - at);
			notes->new_len += end - at;
		}
	}
	return r;
}

/* In the place of the old ones, or behind everything else when they are longer. */
static int write_notes(int fd, off_t header_at, Elf64_Phdr *part, const struct notes *notes,
		       struct error *err)
{
	struct stat st;

	if (notes->new_len > part->p_filesz) {
		if (fstat(fd, &st) < 0)
			return error_sys(err, -errno, "look at the snapshot");
		part->p_offset = round_up((size_t)st.st_size);
	}
	part->p_filesz = notes->new_len;
	if (pwrite(fd, notes->new, notes->new_len, (off_t)part->p_offset) != (ssize_t)notes->new_len ||
	    pwrite(fd, part, sizeof(*part), header_at) != (ssize_t)sizeof(*part))
		return error_sys(err, -errno, "write the snapshot");
	return 0;
}

static int read_notes(int snapshot_fd, struct notes *notes, Elf64_Phdr *part, off_t *at, size_t more,
		      struct error *err)
{
	int r = find_notes(snapshot_fd, part, at, err);

	if (r < 0)
		return r;
	notes->old_len = part->p_filesz;
	notes->old = calloc(1, notes->old_len + 4);
	notes->new = calloc(1, notes->old_len + more + 4);
	if (!notes->old || !notes->new)
		return error_oom(err);
	if (pread(snapshot_fd, notes->old, notes->old_len, (off_t)part->p_offset) != (ssize_t)notes->old_len)
		return error_set(err, -EIO, "read the notes of the snapshot");
	return 0;
}

static void notes_done(struct notes *notes)
{
	free(notes->old);
	free(notes->new);
}

int km_snapshot_mend(int snapshot_fd, const struct km_descriptors *descriptors, struct error *err)
{
	struct notes notes = { 0 };
	size_t more = 0;
	Elf64_Phdr part;
	off_t header;
	int r;

	for (size_t i = 0; i < KM_PAYLOAD_DESCRIPTORS; i++)
		more += descriptors->names[i] ? round_up(strlen(descriptors->names[i]) + 1) : 0;
	r = read_notes(snapshot_fd, &notes, &part, &header, more, err);
	if (r == 0)
		r = mend_notes(&notes, descriptors, err);
	if (r == 0)
		r = write_notes(snapshot_fd, header, &part, &notes, err);
	notes_done(&notes);
	return r;
}

/* All notes about a descriptor begin with their size and its number. */
static int number_of(const Elf64_Nhdr *note, const char *content)
{
	static const uint32_t types[] = { NOTE_FILE, NOTE_SOCKET, NOTE_EVENTFD, NOTE_EPOLLFD };
	uint32_t numbers[2];

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (note->n_type != types[i] || note->n_descsz < sizeof(numbers))
			continue;
		memcpy(numbers, content, sizeof(numbers));
		return numbers[1] < KM_PAYLOAD_DESCRIPTORS ? (int)numbers[1] : -1;
	}
	return -1;
}

int km_snapshot_numbers(int snapshot_fd, int **ret, size_t *ret_len, struct error *err)
{
	int *numbers = calloc(KM_PAYLOAD_DESCRIPTORS, sizeof(*numbers));
	struct notes notes = { 0 };
	size_t len = 0, at = 0, content;
	Elf64_Phdr part;
	Elf64_Nhdr note;
	off_t header;
	int r = numbers ? read_notes(snapshot_fd, &notes, &part, &header, 0, err) : error_oom(err);

	while (r == 0 && (r = next_note(&notes, &at, &note, &content, err)) > 0) {
		const int number = number_of(&note, notes.old + content);

		if (number > 2 && len < KM_PAYLOAD_DESCRIPTORS)
			numbers[len++] = number;
		r = 0;
	}
	notes_done(&notes);
	if (r < 0) {
		free(numbers);
		return r;
	}
	*ret = numbers;
	*ret_len = len;
	return 0;
}

static int read_descriptor(int process_fd, long fd, struct km_descriptors *descriptors, struct error *err)
{
	char path[32], info[512], name[PATH_MAX];
	const char *flags;
	struct stat st;
	ssize_t n;

	snprintf(path, sizeof(path), "fdinfo/%ld", fd);
	if (io_read_small(process_fd, path, info, sizeof(info)) < 0)
		return 0;
	flags = strstr(info, "flags:");
	descriptors->flags[fd] = flags ? (int)strtol(flags + strlen("flags:"), NULL, 8) : -1;
	snprintf(path, sizeof(path), "fd/%ld", fd);
	n = readlinkat(process_fd, path, name, sizeof(name) - 1);
	if (n < 0 || fstatat(process_fd, path, &st, 0) < 0 || name[0] != '/')
		return 0;
	name[n] = '\0';
	if (st.st_nlink == 0 && S_ISREG(st.st_mode) && (fd > 2 || !(descriptors->outside & 1U << fd)))
		return error_set(err, -EBUSY,
				 "the payload has the file '%s' open, and km would look for it by its name",
				 name);
	descriptors->names[fd] = strdup(name);
	return descriptors->names[fd] ? 0 : error_oom(err);
}

int km_descriptors_read(int process_fd, struct km_descriptors *descriptors, struct error *err)
{
	int dir_fd = openat(process_fd, "fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = dir_fd < 0 ? NULL : fdopendir(dir_fd);
	struct dirent *entry;

	if (!dir) {
		cleanup_close(&dir_fd);
		return error_sys(err, -errno, "read the descriptors of km");
	}
	memset(descriptors->flags, 0xff, sizeof(descriptors->flags));
	while (r == 0 && (entry = readdir(dir))) {
		const long fd = strtol(entry->d_name, NULL, 10);

		if (entry->d_name[0] != '.' && fd < KM_PAYLOAD_DESCRIPTORS)
			r = read_descriptor(process_fd, fd, descriptors, err);
	}
	closedir(dir);
	return r;
}

void km_descriptors_done(struct km_descriptors *descriptors)
{
	for (size_t i = 0; i < KM_PAYLOAD_DESCRIPTORS; i++) {
		free(descriptors->names[i]);
		descriptors->names[i] = NULL;
	}
}

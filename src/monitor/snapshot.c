/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Changes the notes in a snapshot of km, an ELF core file (km's km_coredump.h). Each descriptor of the
 * payload has one: how it was made, and its file's name and mode.
 */

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/monitor.h"
#include "util/array.h"
#include "util/error.h"
#include "util/io.h"

enum {
	NOTE_FILE = 0x4b4d4644,
	NOTE_SOCKET = 0x4b4d534b,
	NOTE_EVENTFD = 0x4b4d4556,
	NOTE_EPOLLFD = 0x4b4d4550,
};
/*
 * A payload that has broken out of its VM has km in its hands, and with it what km writes: nothing in a
 * snapshot is trusted. A real one has at most a few thousand notes, and those of pipes have the pipe's
 * content.
 */
enum { NOTES_MAX = 256 << 20, NOTES_COUNT_MAX = 1 << 17 };

struct note_file {
	uint32_t size;
	uint32_t fd;
	uint32_t how;
	uint32_t flags;
	uint32_t mode;
	uint32_t pipe_size;
	uint64_t data; /* the file's position, or the number of the pipe's other end */
	uint32_t data_length;
};

_Static_assert(sizeof(struct note_file) == 40 && offsetof(struct note_file, data) == 24,
	       "the note has km's layout");

static size_t round_up(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

/* The offset of the header of segment @index; -1: no file is that long. */
static off_t header_at(const Elf64_Ehdr *header, unsigned int index)
{
	const uint64_t room = INT64_MAX - (uint64_t)UINT16_MAX * sizeof(Elf64_Phdr);

	return header->e_phoff > room ? -1 : (off_t)(header->e_phoff + index * sizeof(Elf64_Phdr));
}

/* Finds the segment of notes. *ret_at: the offset of its header. */
static int find_notes(int fd, Elf64_Phdr *ret, off_t *ret_at, struct error *err)
{
	Elf64_Ehdr header;

	if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header))
		return error_set(err, -EIO, "read the snapshot");
	for (unsigned int i = 0; i < header.e_phnum; i++) {
		*ret_at = header_at(&header, i);
		if (*ret_at < 0 || pread(fd, ret, sizeof(*ret), *ret_at) != (ssize_t)sizeof(*ret))
			return error_set(err, -EIO, "read the snapshot");
		if (ret->p_type == PT_NOTE && ret->p_filesz > NOTES_MAX)
			return error_set(err, -EFBIG, "the snapshot has more than %d MiB of notes",
					 NOTES_MAX >> 20);
		if (ret->p_type == PT_NOTE)
			return 0;
	}
	return error_set(err, -EPROTO, "the snapshot has no notes");
}

/*
 * Makes the note one of a pipe whose other end is not the payload's. When km resumes, it takes what it
 * finds as standard input, output or error for such a pipe, instead of opening a file.
 */
static void make_inherited(struct note_file *file)
{
	file->mode = S_IFIFO | 0600;
	file->data = UINT64_MAX;
}

/*
 * km records the flags of the payload's open(2), and opens the file with them again: O_TRUNC would empty
 * it, and O_EXCL would fail. After dup(2) km has none, so that the file would be open for reading only;
 * then @known, the kernel's flags, are added.
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

/*
 * A relative name is relative to the working directory at the time of open(2), which is not known any more.
 */
static const char *absolute_name(const struct note_file *file, const char *name,
				 const struct km_descriptors *descriptors)
{
	const mode_t kind = file->mode & S_IFMT;

	if (file->fd >= KM_PAYLOAD_DESCRIPTORS || name[0] == '/' ||
	    (kind != S_IFREG && kind != S_IFDIR && kind != S_IFCHR))
		return name;
	return descriptors->names[file->fd] ? descriptors->names[file->fd] : name;
}

/* The notes as they were read, and the new ones that are built from them. */
struct notes {
	char *old, *new;
	size_t old_len, new_len, new_room; /* bytes; new_len is a multiple of 4 */
	size_t seen;			   /* how many notes next_note() has returned */
};

/* Adds @size zero bytes, padded to a multiple of 4, to the new notes; *ret: where they are. */
static int extend(struct notes *notes, size_t size, char **ret, struct error *err)
{
	const size_t len = notes->new_len + round_up(size);

	if (len > NOTES_MAX)
		return error_set(err, -EFBIG, "the snapshot has more than %d MiB of notes", NOTES_MAX >> 20);
	if (len > notes->new_room) {
		const size_t room = len + len / 2;
		char *more = realloc(notes->new, room);

		if (!more)
			return error_oom(err);
		notes->new = more;
		notes->new_room = room;
	}
	*ret = notes->new + notes->new_len;
	memset(*ret, 0, len - notes->new_len);
	notes->new_len = len;
	return 0;
}

/* Copies the note at offset @at, with content at offset @content, and mends it. */
static int mend_note(struct notes *notes, size_t at, size_t content, const struct km_descriptors *descriptors,
		     struct error *err)
{
	const char *const old_name = notes->old + content + sizeof(struct note_file), *name;
	struct note_file file;
	Elf64_Nhdr note;
	char *out;
	int r;

	memcpy(&note, notes->old + at, sizeof(note));
	memcpy(&file, notes->old + content, sizeof(file));
	if (file.size != sizeof(file) || !memchr(old_name, '\0', note.n_descsz - sizeof(file)))
		return error_set(err, -EPROTO, "the snapshot describes files in an unknown way");
	mend(&file, descriptors);
	name = absolute_name(&file, old_name, descriptors);
	if (name != old_name)
		note.n_descsz = (Elf64_Word)(sizeof(file) + round_up(strlen(name) + 1));
	r = extend(notes, sizeof(note) + (size_t)note.n_namesz + note.n_descsz, &out, err);
	if (r < 0)
		return r;
	memcpy(out, &note, sizeof(note));
	memcpy(out + sizeof(note), notes->old + at + sizeof(note), note.n_namesz);
	out += sizeof(note) + note.n_namesz;
	memcpy(out, &file, sizeof(file));
	memcpy(out + sizeof(file), name, name != old_name ? strlen(name) + 1 : note.n_descsz - sizeof(file));
	return 0;
}

/* Copies a note that is not of a file. */
static int copy_note(struct notes *notes, size_t at, size_t end, struct error *err)
{
	char *out;
	int r = extend(notes, end - at, &out, err);

	if (r == 0)
		memcpy(out, notes->old + at, end - at);
	return r;
}

/*
 * Reads the header of the note at *at, and moves *at to the next one, as km does: it pads each note once,
 * not name and content. *ret_content: the offset of its content. Returns 1, 0 after the last note, or a
 * negative errno.
 */
static int next_note(struct notes *notes, size_t *at, Elf64_Nhdr *ret, size_t *ret_content, struct error *err)
{
	if (*at + sizeof(*ret) > notes->old_len)
		return 0;
	if (++notes->seen > NOTES_COUNT_MAX)
		return error_set(err, -EFBIG, "the snapshot has more than %d notes", NOTES_COUNT_MAX);
	memcpy(ret, notes->old + *at, sizeof(*ret));
	/* The sum is computed in 64 bits, because in 32 it can wrap. */
	*ret_content = *at + sizeof(*ret) + ret->n_namesz;
	if ((uint64_t)ret->n_namesz + ret->n_descsz > NOTES_MAX ||
	    *ret_content + ret->n_descsz > notes->old_len)
		return error_set(err, -EPROTO, "the notes of the snapshot are truncated");
	*at = round_up(*ret_content + ret->n_descsz);
	return 1;
}

static int mend_notes(struct notes *notes, const struct km_descriptors *descriptors, struct error *err)
{
	size_t at = 0, end = 0, content = 0;
	Elf64_Nhdr note;
	int r;

	for (; (r = next_note(notes, &end, &note, &content, err)) > 0; at = end) {
		if (note.n_type == NOTE_FILE && note.n_descsz > sizeof(struct note_file))
			r = mend_note(notes, at, content, descriptors, err);
		else
			r = copy_note(notes, at, content + note.n_descsz, err);
		if (r < 0)
			return r;
	}
	return r;
}

static int write_at(int fd, const void *data, size_t size, off_t at, struct error *err)
{
	const char *next = data;

	while (size > 0) {
		const ssize_t n = pwrite(fd, next, size, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_sys(err, n < 0 ? -errno : -EIO, "write the snapshot");
		next += n;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

/* Writes the new notes over the old ones, or at the end of the file if they are longer. */
static int write_notes(int fd, off_t header, Elf64_Phdr *part, const struct notes *notes, struct error *err)
{
	struct stat st;
	int r;

	if (notes->new_len > part->p_filesz) {
		if (fstat(fd, &st) < 0)
			return error_sys(err, -errno, "look at the snapshot");
		part->p_offset = round_up((size_t)st.st_size);
	}
	part->p_filesz = notes->new_len;
	r = write_at(fd, notes->new, notes->new_len, (off_t)part->p_offset, err);
	return r < 0 ? r : write_at(fd, part, sizeof(*part), header, err);
}

/* Reads all notes. Their size is checked against that of the file before memory is allocated. */
static int read_notes(int fd, struct notes *notes, Elf64_Phdr *part, off_t *at, struct error *err)
{
	int r = find_notes(fd, part, at, err);
	struct stat st;

	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return error_sys(err, -errno, "look at the snapshot");
	if (part->p_offset > (uint64_t)st.st_size || part->p_filesz > (uint64_t)st.st_size - part->p_offset)
		return error_set(err, -EIO, "read the notes of the snapshot: the file is too short");
	notes->old_len = part->p_filesz;
	notes->old = malloc(notes->old_len + 1);
	if (!notes->old)
		return error_oom(err);
	if (pread(fd, notes->old, notes->old_len, (off_t)part->p_offset) != (ssize_t)notes->old_len)
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
	Elf64_Phdr part;
	off_t header;
	int r = read_notes(snapshot_fd, &notes, &part, &header, err);

	if (r == 0)
		r = mend_notes(&notes, descriptors, err);
	if (r == 0)
		r = write_notes(snapshot_fd, header, &part, &notes, err);
	notes_done(&notes);
	return r;
}

/* The number of the descriptor that a note is about: each begins with its size and that. -1: none. */
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

static int find_numbers(struct notes *notes, bool found[KM_PAYLOAD_DESCRIPTORS], struct error *err)
{
	size_t at = 0, content = 0;
	Elf64_Nhdr note;
	int r;

	while ((r = next_note(notes, &at, &note, &content, err)) > 0) {
		const int number = number_of(&note, notes->old + content);

		if (number > 2)
			found[number] = true;
	}
	return r;
}

int km_snapshot_numbers(int snapshot_fd, int **ret, size_t *ret_len, struct error *err)
{
	bool found[KM_PAYLOAD_DESCRIPTORS] = { false };
	struct notes notes = { 0 };
	size_t len = 0;
	Elf64_Phdr part;
	off_t header;
	int r = read_notes(snapshot_fd, &notes, &part, &header, err);

	if (r == 0)
		r = find_numbers(&notes, found, err);
	notes_done(&notes);
	if (r < 0)
		return r;
	*ret = calloc(KM_PAYLOAD_DESCRIPTORS, sizeof(**ret));
	if (!*ret)
		return error_oom(err);
	for (int number = 0; number < KM_PAYLOAD_DESCRIPTORS; number++)
		if (found[number])
			(*ret)[len++] = number;
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
	/* The beginning is enough: a line for each lock follows, and the payload chooses how many. */
	if (io_read_start(process_fd, path, info, sizeof(info)) < 0)
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
	free(descriptors->names[fd]);
	descriptors->names[fd] = strdup(name);
	return descriptors->names[fd] ? 0 : error_oom(err);
}

int km_descriptors_read(int process_fd, struct km_descriptors *descriptors, struct error *err)
{
	struct dirent *entry;
	DIR *dir;
	int r = io_open_directory(process_fd, "fdinfo", &dir);

	if (r < 0)
		return error_sys(err, r, "read the descriptors of km");
	memset(descriptors->flags, 0xff, sizeof(descriptors->flags));
	while (r == 0) {
		long fd;

		r = io_next_entry(dir, &entry);
		if (r < 0)
			error_sys(err, r, "list the descriptors of km");
		if (r <= 0)
			break;
		fd = strtol(entry->d_name, NULL, 10);
		r = entry->d_name[0] != '.' && fd >= 0 && fd < KM_PAYLOAD_DESCRIPTORS ?
			    read_descriptor(process_fd, fd, descriptors, err) :
			    0;
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

/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* As in km's libkontain_mgmt.h. */
struct request {
	int32_t opcode, length;
	char label[256], description[256];
	int32_t live;
	char path[1024];
};

/* As in km's km_coredump.h. */
struct note_file {
	uint32_t size, fd, how, flags, mode, pipe_size;
	uint64_t data;
	uint32_t data_length;
};

struct note {
	Elf64_Nhdr header;
	char owner[4];
	struct note_file file;
	/* the file's name follows */
};

/* LISTEN_FD and CONNECTION_FD are km's own numbers, by which krun finds its sockets. */
enum { CONTENT_MAX = 16 << 20, ARGS_MAX = 64, NOTE_FILE = 0x4b4d4644, LISTEN_FD = 729, CONNECTION_FD = 730 };

static volatile pid_t payload_pid;
static char **payload_argv;
static volatile bool ended;
static int listen_fd = -1;

static ssize_t read_whole(const char *path, char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buffer, size);

	if (fd >= 0)
		close(fd);
	return n;
}

/* Writes the note of a descriptor. A name in brackets is a terminal, which km takes as it finds it. */
static size_t put_note(int fd, char *at)
{
	struct note note = { { 4, 0, NOTE_FILE }, "KMSP", { sizeof(struct note_file), (uint32_t)fd } };
	char path[32], name[PATH_MAX] = "";
	struct stat st;
	size_t len;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fstat(fd, &st) < 0 || readlink(path, name, sizeof(name) - 1) < 0)
		return 0;
	if (strncmp(name, "/dev/pts/", 9) == 0)
		strcpy(name, "[terminal]");
	len = (strlen(name) + 1 + 3) & ~(size_t)3;
	note.header.n_descsz = (Elf64_Word)(sizeof(note.file) + len);
	note.file.flags = fd == 0 ? O_RDONLY : O_WRONLY;
	note.file.mode = st.st_mode;
	note.file.data = S_ISFIFO(st.st_mode) ? UINT64_MAX : (uint64_t)lseek(fd, 0, SEEK_CUR);
	memcpy(at, &note, sizeof(note));
	memcpy(at + sizeof(note), name, len);
	return sizeof(note) + len;
}

/*
 * Writes a snapshot of two segments: notes about standard input, output and error as km writes them; and the
 * arguments, each with its NUL, an empty argument, and the content of the state file.
 */
static int write_snapshot(const char *path)
{
	static char content[CONTENT_MAX], notes[3 * (sizeof(struct note) + PATH_MAX)];
	Elf64_Ehdr header = {
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(header),
		.e_ehsize = sizeof(header),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2,
	};
	Elf64_Phdr parts[2] = { { .p_type = PT_LOAD }, { .p_type = PT_NOTE } };
	size_t len = 0;
	ssize_t n;
	int fd, r = 0;

	memcpy(header.e_ident, ELFMAG, SELFMAG);
	header.e_ident[EI_CLASS] = ELFCLASS64;
	for (int i = 0; i < 3; i++)
		parts[1].p_filesz += put_note(i, notes + parts[1].p_filesz);
	for (char **word = payload_argv; *word; word++)
		len += (size_t)snprintf(content + len, sizeof(content) / 2, "%s", *word) + 1;
	content[len++] = '\0';
	n = read_whole(SNAPSHOT_STATE_FILE, content + len, sizeof(content) - len);
	parts[0].p_filesz = len + (size_t)(n > 0 ? n : 0);
	parts[1].p_offset = sizeof(header) + sizeof(parts);
	parts[0].p_offset = parts[1].p_offset + parts[1].p_filesz;
	/* Like km, overwrites an existing file, and cannot open one of another user. */
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	if (write(fd, &header, sizeof(header)) < 0 || write(fd, parts, sizeof(parts)) < 0 ||
	    write(fd, notes, parts[1].p_filesz) != (ssize_t)parts[1].p_filesz ||
	    write(fd, content, parts[0].p_filesz) != (ssize_t)parts[0].p_filesz)
		r = errno;
	close(fd);
	return r;
}

/* Writes the beginning of a snapshot, and then a byte a second. */
static void write_part(const char *path, int seconds)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	for (int i = 0; i <= seconds && fd >= 0; i++) {
		(void)!write(fd, i == 0 ? ELFMAG : "x", i == 0 ? SELFMAG : 1);
		if (i < seconds)
			sleep(1);
	}
	if (fd >= 0)
		close(fd);
}

enum { GO_ON = -1, NO_ANSWER = -2 };

/* Writes what a payload that controls its km would write. */
static int copy_planted(const char *path)
{
	static char content[CONTENT_MAX];
	const ssize_t n = read_whole(SNAPSHOT_PLANTED_FILE, content, sizeof(content));
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), r = 0;

	if (fd < 0 || write(fd, content, (size_t)n) != n)
		r = errno;
	if (fd >= 0)
		close(fd);
	return r;
}

/* Does what KMSIM_SNAPSHOT says; returns a status to answer with, GO_ON or NO_ANSWER. */
static int misbehave(const char *path)
{
	const char *how = getenv("KMSIM_SNAPSHOT");

	if (!how)
		return GO_ON;
	if (strcmp(how, "late") == 0) {
		sleep(1);
		return GO_ON;
	}
	if (strcmp(how, "hang") != 0 && strcmp(how, "planted") != 0)
		write_part(path, strcmp(how, "slow") == 0 ? 20 : 0);
	if (strcmp(how, "planted") == 0)
		return copy_planted(path);
	while (strcmp(how, "hang") == 0 || strcmp(how, "stall") == 0)
		sleep(100);
	return strcmp(how, "cut") == 0 ? 0 : strcmp(how, "close") == 0 ? NO_ANSWER : GO_ON;
}

static void answer(int fd)
{
	struct request request;
	ssize_t n = recv(fd, &request, sizeof(request), MSG_WAITALL);
	int32_t status = EINVAL;

	if (n < 8)
		return;
	/* Before the payload runs there is nothing to take a snapshot of. */
	if (payload_pid == 0)
		status = EAGAIN;
	else if (request.opcode == 0) {
		kill(payload_pid, SIGSTOP);
		status = misbehave(request.path);
		if (status == GO_ON)
			status = write_snapshot(request.path);
		ended = status == 0 && !request.live;
	}
	if (status != NO_ANSWER && send(fd, &status, sizeof(status), MSG_NOSIGNAL) < 0)
		perror("kmsim: send");
	if (payload_pid)
		kill(payload_pid, ended ? SIGKILL : SIGCONT);
}

static void *serve(void *nothing)
{
	(void)nothing;
	for (;;) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		if (dup3(fd, CONNECTION_FD, O_CLOEXEC) == CONNECTION_FD) {
			close(fd);
			fd = CONNECTION_FD;
		}
		answer(fd);
		close(fd);
	}
	return NULL;
}

void management_start(const char *path, const char *payload)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *directory = getenv("KM_MGTDIR"), *name = strrchr(payload, '/');
	pthread_t thread;
	int n;

	if (!path)
		path = getenv("KM_MGTPIPE");
	if (directory && *directory)
		n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/kmpipe.%s.%d", directory,
			     name ? name + 1 : payload, getpid());
	else if (path)
		n = snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	else
		return;
	/* km exits here, too. */
	if (n >= (int)sizeof(address.sun_path))
		exit(2);
	listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listen_fd >= 0 && dup3(listen_fd, LISTEN_FD, O_CLOEXEC) == LISTEN_FD) {
		close(listen_fd);
		listen_fd = LISTEN_FD;
	}
	if (listen_fd < 0 || bind(listen_fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listen_fd, 1) < 0)
		return;
	/* Like km's, this thread blocks no signal. */
	pthread_create(&thread, NULL, serve, NULL);
}

void management_payload(pid_t pid, char **argv)
{
	payload_argv = argv;
	payload_pid = pid;
}

bool management_ended(void)
{
	return ended;
}

static void write_state(const char *content, size_t size)
{
	int fd = open(SNAPSHOT_STATE_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, content, size) != (ssize_t)size)
		exit(2);
	close(fd);
}

/* Opens a file that is neither a pipe nor a terminal by its name; its type and mode have to be the same. */
static void open_again(const struct note_file *file, const char *name)
{
	struct stat st;
	int fd;

	if (S_ISFIFO(file->mode) || name[0] == '[')
		return;
	fd = S_ISSOCK(file->mode) ? -1 : open(name, (int)file->flags);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_mode != file->mode) {
		fprintf(stderr, "kmsim: can't open %s for fd %u: %s\n", name, file->fd, strerror(errno));
		exit(2);
	}
	if (S_ISREG(st.st_mode))
		lseek(fd, (off_t)file->data, SEEK_SET);
	dup2(fd, (int)file->fd);
	close(fd);
}

static bool is_snapshot(const char *path)
{
	Elf64_Ehdr header;

	return read_whole(path, (char *)&header, sizeof(header)) == (ssize_t)sizeof(header) &&
	       header.e_type == ET_CORE;
}

bool snapshot_resume(const char *path, char ***ret_argv)
{
	static char content[CONTENT_MAX], *argv[ARGS_MAX];
	const Elf64_Phdr *parts = (const Elf64_Phdr *)(content + sizeof(Elf64_Ehdr));
	const ssize_t n = is_snapshot(path) ? read_whole(path, content, sizeof(content)) : 0;
	char *at, *end = content + n;
	size_t len = 0;

	if (n < (ssize_t)(sizeof(Elf64_Ehdr) + 2 * sizeof(*parts)))
		return false;
	for (at = content + parts[1].p_offset; at < content + parts[0].p_offset;) {
		struct note note;

		memcpy(&note, at, sizeof(note));
		open_again(&note.file, at + sizeof(note));
		at += sizeof(note.header) + sizeof(note.owner) + note.header.n_descsz;
	}
	while (at < end && *at && len < ARGS_MAX - 1) {
		argv[len++] = at;
		at += strlen(at) + 1;
	}
	/* There was no state file, or an empty one, if no content follows. */
	if (at + 1 < end)
		write_state(at + 1, (size_t)(end - at - 1));
	*ret_argv = argv;
	return len > 0;
}

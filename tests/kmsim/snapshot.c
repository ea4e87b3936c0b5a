/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* km's struct, libkontain_mgmt.h. */
struct request {
	int32_t opcode, length;
	char label[256], description[256];
	int32_t live;
	char path[1024];
};

enum { CONTENT_MAX = 1 << 20, ARGS_MAX = 64 };

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

/* One segment: the arguments, each with its NUL, an empty one, the content of the state file. */
static int write_snapshot(const char *path)
{
	static char content[CONTENT_MAX];
	Elf64_Ehdr header = {
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(header),
		.e_ehsize = sizeof(header),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
	};
	Elf64_Phdr part = { .p_type = PT_LOAD, .p_offset = sizeof(header) + sizeof(part) };
	size_t len = 0;
	ssize_t n;
	int fd, r = 0;

	memcpy(header.e_ident, ELFMAG, SELFMAG);
	header.e_ident[EI_CLASS] = ELFCLASS64;
	for (char **word = payload_argv; *word; word++)
		len += (size_t)snprintf(content + len, sizeof(content) / 2, "%s", *word) + 1;
	content[len++] = '\0';
	n = read_whole(SNAPSHOT_STATE_FILE, content + len, sizeof(content) - len);
	part.p_filesz = len + (size_t)(n > 0 ? n : 0);
	/* As km does: an existing file is written over, another user's is not. */
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	if (write(fd, &header, sizeof(header)) < 0 || write(fd, &part, sizeof(part)) < 0 ||
	    write(fd, content, part.p_filesz) != (ssize_t)part.p_filesz)
		r = errno;
	close(fd);
	return r;
}

static void answer(int fd)
{
	struct request request;
	ssize_t n = recv(fd, &request, sizeof(request), MSG_WAITALL);
	int32_t status = EINVAL;

	if (n < 8)
		return;
	/* Before the payload runs there is nothing to take. */
	if (payload_pid == 0)
		status = EAGAIN;
	else if (request.opcode == 0) {
		kill(payload_pid, SIGSTOP);
		status = write_snapshot(request.path);
		ended = status == 0 && !request.live;
	}
	if (send(fd, &status, sizeof(status), MSG_NOSIGNAL) < 0)
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
	/* km ends here, too. */
	if (n >= (int)sizeof(address.sun_path))
		exit(2);
	listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listen_fd < 0 || bind(listen_fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listen_fd, 1) < 0)
		return;
	/* Its thread blocks no signal, as km's does not. */
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

bool snapshot_resume(const char *path, char ***ret_argv)
{
	static char content[CONTENT_MAX], *argv[ARGS_MAX];
	const size_t start = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
	ssize_t n = read_whole(path, content, sizeof(content));
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)content;
	char *at = content + start, *end = content + n;
	size_t len = 0;

	if (n < (ssize_t)start || header->e_type != ET_CORE)
		return false;
	while (at < end && *at && len < ARGS_MAX - 1) {
		argv[len++] = at;
		at += strlen(at) + 1;
	}
	/* An empty state file was none. */
	if (at + 1 < end)
		write_state(at + 1, (size_t)(end - at - 1));
	*ret_argv = argv;
	return len > 0;
}

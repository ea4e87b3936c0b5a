/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "syscall/socket.h"
#include "terminal/terminal.h"
#include "util/error.h"

static char dir[] = "/tmp/krun-unit-XXXXXX";

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

/* Returns the fd that was received, or -1; *ret_len: bytes of text. */
static int receive(int fd, char *text, size_t size, ssize_t *ret_len)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec iov = { text, size - 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *header;
	int got = -1;

	*ret_len = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	assert_true(*ret_len > 0);
	text[*ret_len] = '\0';
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_type == SCM_RIGHTS) {
		assert_int_equal(header->cmsg_len, CMSG_LEN(sizeof(int)));
		memcpy(&got, CMSG_DATA(header), sizeof(got));
	}
	return got;
}

static void hand_over(const char *path, int server)
{
	struct error err = { 0 };
	struct stat sent, got;
	char text[256];
	ssize_t len;
	int fd = socket_connect(path, &err), peer, file, other;

	if (fd < 0)
		fail_msg("%s", err.text);
	peer = accept(server, NULL, NULL);
	file = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_int_equal(console_socket_send(fd, file, &err), 0);
	other = receive(peer, text, sizeof(text), &len);
	assert_true(other >= 0);
	/* The name that receivers print. */
	assert_int_equal(len, strlen("/dev/ptmx"));
	assert_memory_equal(text, "/dev/ptmx", (size_t)len);
	assert_int_equal(fstat(file, &sent), 0);
	assert_int_equal(fstat(other, &got), 0);
	assert_int_equal(sent.st_rdev, got.st_rdev);
	close(other);
	close(file);
	close(peer);
	close(fd);
}

static void test_one_message_with_one_descriptor(void **state)
{
	char path[64];
	int server;

	(void)state;
	snprintf(path, sizeof(path), "%s/s", dir);
	server = listen_at(path);
	hand_over(path, server);
	close(server);
	unlink(path);
}

static void test_path_longer_than_an_address(void **state)
{
	char folder[200], path[256];
	int server;

	(void)state;
	snprintf(folder, sizeof(folder), "%s/%0150d", dir, 7);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(chdir(folder), 0);
	server = listen_at("s");
	assert_int_equal(chdir("/"), 0);
	snprintf(path, sizeof(path), "%s/s", folder);
	hand_over(path, server);
	close(server);
	unlink(path);
	rmdir(folder);
}

static void test_errors_name_the_path(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_true(socket_connect("/no/such/socket", &err) < 0);
	assert_non_null(strstr(err.text, "/no/such/socket"));
	assert_true(socket_connect("/dev/null", &err) < 0);
	assert_non_null(strstr(err.text, "/dev/null"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_message_with_one_descriptor),
		cmocka_unit_test(test_path_longer_than_an_address),
		cmocka_unit_test(test_errors_name_the_path),
	};
	int failed;

	if (!mkdtemp(dir))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	return rmdir(dir) < 0 && !failed ? 1 : failed;
}

/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The program that stands for CRIU is this test itself: started as `PROGRAM swrk NUMBER`, it plays the part
 * that KRUN_TEST_CRIU names. What it sends is written by hand from CRIU's images/rpc.proto.
 */

#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "criu/call.h"
#include "syscall/socket.h"
#include "util/array.h"
#include "util/error.h"

#define SELF "/proc/self/exe"
enum { PASSED = 17 };

/* ---- CRIU --------------------------------------------------------------------------------- */

/*
 * Field 1 is the type (10 is VERSION, 6 NOTIFY), 2 success, 5 the notification, 7 the errno, 9 the reason, 10
 * the version.
 */
static const uint8_t version_3_17[] = { 0x08, 10, 0x10, 1, 0x52, 6, 0x08, 3, 0x10, 17, 0x20, 1 };
static const uint8_t version_3_14[] = { 0x08, 10, 0x10, 1, 0x52, 4, 0x08, 3, 0x10, 14 };
static const uint8_t success[] = { 0x08, 1, 0x10, 1 };
static const uint8_t failure[] = { 0x08, 1, 0x10, 0 };
static const uint8_t with_errno[] = { 0x08, 1, 0x10, 0, 0x38, EEXIST };
static const uint8_t with_reason[] = { 0x08, 1, 0x10, 0, 0x38, EEXIST, 0x4a, 2, 'n', 'o' };
static const uint8_t stage[] = { 0x08, 6, 0x10, 1, 0x2a, 7, 0x0a, 3, 'a', '-', 'b', 0x10, 42 };
static const uint8_t no_message[] = { 0x08 };

static const struct part {
	const char *name;
	const uint8_t *answer;
	size_t len;
	const char *said; /* on stdout */
} parts[] = {
	{ "version", version_3_17, sizeof(version_3_17), "" },
	{ "old", version_3_14, sizeof(version_3_14), "" },
	{ "good", success, sizeof(success), "" },
	{ "errno", with_errno, sizeof(with_errno), "" },
	{ "reason", with_reason, sizeof(with_reason), "Error (a.c:1): not looked at\n" },
	{ "failure", failure, sizeof(failure), "" },
	{ "garbage", no_message, sizeof(no_message), "" },
	{ "says why", NULL, 0, "Warn (a.c:1): fine\nError (a.c:2): bad luck\n" },
	{ "ends", NULL, 0, "" },
};

/* Sends a stage with a descriptor, and answers as it was answered: {type 6, success}. */
static int ask(int fd)
{
	uint8_t reply[64];
	struct error err;
	ssize_t n;

	if (socket_send_fd(fd, (const char *)stage, sizeof(stage), fd, &err) < 0)
		return 1;
	n = recv(fd, reply, sizeof(reply), 0);
	if (n >= 4 && reply[2] == 0x18 && reply[3] == 1)
		return send(fd, success, sizeof(success), 0) < 0;
	return send(fd, failure, sizeof(failure), 0) < 0;
}

static int be_criu(int fd)
{
	const char *name = getenv("KRUN_TEST_CRIU");
	uint8_t request[4096];

	if (recv(fd, request, sizeof(request), 0) <= 0)
		return 1;
	if (strcmp(name, "asks") == 0)
		return ask(fd);
	if (strcmp(name, "writes") == 0)
		name = write(PASSED, "x", 1) == 1 ? "good" : "failure";
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (strcmp(parts[i].name, name) != 0)
			continue;
		(void)!write(1, parts[i].said, strlen(parts[i].said));
		if (parts[i].len)
			send(fd, parts[i].answer, parts[i].len, 0);
	}
	return 0;
}

/* ---- krun --------------------------------------------------------------------------------- */

static int call_with(const char *part, struct criu_call call, struct error *err)
{
	struct criu_answer answer;

	skip_if_emulated("clone3");
	setenv("KRUN_TEST_CRIU", part, 1);
	*err = (struct error){ 0 };
	call.program = call.program ? call.program : SELF;
	call.type = call.type ? call.type : CRIU_VERSION;
	call.cgroup_fd = -1;
	return criu_do(&call, &answer, err);
}

static void test_why_criu_failed(void **state)
{
	static const struct {
		const char *part;
		int r;
		const char *text;
	} rows[] = {
		{ "good", 0, "" },
		{ "errno", -EEXIST, "CRIU failed: file exists" },
		{ "reason", -EIO, "CRIU: no" },
		{ "failure", -EIO, "CRIU failed without saying why" },
		{ "garbage", -EPROTO, "CRIU sent an invalid answer" },
		{ "says why", -EIO, "CRIU: bad luck" },
		{ "ends", -EIO, "CRIU failed without saying why" },
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int r = call_with(rows[i].part, (struct criu_call){ 0 }, &err);

		if (r != rows[i].r || strcmp(err.text, rows[i].text) != 0)
			fail_msg("%s: %d, '%s'", rows[i].part, r, err.text);
	}
}

static void test_the_log_says_more_than_the_answer(void **state)
{
	char dir[] = "/tmp/krun-unit-XXXXXX";
	struct criu_options options = { .images_fd = -1, .work_fd = -1, .log_file = "test.log" };
	struct error err;
	int dir_fd, fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = openat(dir_fd, "test.log", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "(00.1) Error (b.c:3): in the log\n", 33), 33);
	close(fd);
	assert_int_equal(call_with("reason",
				   (struct criu_call){ .type = CRIU_DUMP,
						       .options = &options,
						       .log_dir_fd = dir_fd,
						       .own_session = true,
						       .ends_with_us = true },
				   &err),
			 -EIO);
	assert_string_equal(err.text, "CRIU: in the log");
	assert_int_equal(unlinkat(dir_fd, "test.log", 0), 0);
	close(dir_fd);
	assert_int_equal(rmdir(dir), 0);
}

static int fail_to_prepare(void *data, struct error *err)
{
	(void)data;
	return error_set(err, -EPERM, "not prepared");
}

static void test_errors_before_criu_runs(void **state)
{
	static const struct criu_passed too_many[CRIU_INHERITED_MAX + 1];
	struct error err;

	(void)state;
	assert_int_equal(call_with("good", (struct criu_call){ .program = "/nonexistent" }, &err), -ENOENT);
	assert_string_equal(err.text, "execute CRIU '/nonexistent': missing (ENOENT)");
	assert_int_equal(call_with("good", (struct criu_call){ .prepare = fail_to_prepare }, &err), -EPERM);
	assert_string_equal(err.text, "not prepared");
	assert_true(call_with("good",
			      (struct criu_call){ .passed = too_many, .passed_len = ARRAY_LEN(too_many) },
			      &err) < 0);
	assert_non_null(strstr(err.text, "arrange CRIU's descriptors"));
}

static void test_a_descriptor_gets_its_number(void **state)
{
	struct criu_passed passed = { .number = PASSED };
	struct error err;
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	passed.fd = fds[1];
	assert_int_equal(call_with("writes", (struct criu_call){ .passed = &passed, .passed_len = 1 }, &err),
			 0);
	close(fds[1]);
	assert_int_equal(read(fds[0], &(char){ 0 }, 1), 1);
	close(fds[0]);
	assert_int_not_equal(call_with("writes", (struct criu_call){ 0 }, &err), 0);
}

static int on_stage(void *data, const struct criu_answer *answer, int fd, struct error *err)
{
	struct stat st;
	const bool *refuses = data;

	assert_string_equal(answer->script, "a-b");
	assert_int_equal(answer->pid, 42);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	close(fd);
	return *refuses ? error_set(err, -EBUSY, "not now") : 0;
}

/* CRIU goes on, or undoes its work, as the function says; without a function it goes on. */
static void test_stages(void **state)
{
	bool refuses = false;
	struct criu_call call = { .notify = on_stage, .data = &refuses };
	struct error err;

	(void)state;
	assert_int_equal(call_with("asks", call, &err), 0);
	refuses = true;
	assert_int_equal(call_with("asks", call, &err), -EBUSY);
	assert_string_equal(err.text, "not now");
	call.notify = NULL;
	assert_int_equal(call_with("asks", call, &err), 0);
}

static void test_version(void **state)
{
	unsigned int version = 0;
	struct error err = { 0 };

	(void)state;
	skip_if_emulated("clone3");
	setenv("KRUN_TEST_CRIU", "version", 1);
	assert_int_equal(criu_check_version(SELF, &version, &err), 0);
	assert_int_equal(version, 31701);
	setenv("KRUN_TEST_CRIU", "old", 1);
	assert_int_equal(criu_check_version(SELF, &version, &err), -ENOPKG);
	assert_string_equal(err.text, "'" SELF "' is CRIU 3.14, and 3.15 or newer is needed");
	setenv("KRUN_TEST_CRIU", "ends", 1);
	assert_int_equal(criu_check_version(SELF, &version, &err), -EIO);
	assert_string_equal(err.text, "'" SELF "': ask for CRIU's version: CRIU failed without saying why");
}

static void test_where_criu_is(void **state)
{
	char dir[] = "/tmp/krun-unit-XXXXXX", path[64], places[128], *found = NULL;
	const char *before = getenv("PATH");
	struct error err;

	(void)state;
	assert_int_equal(criu_find("criu", &found, &err), -EINVAL);
	assert_int_equal(criu_find("/nonexistent/criu", &found, &err), -ENOENT);
	assert_int_equal(criu_find("/etc/passwd", &found, &err), -EACCES);
	assert_int_equal(criu_find(SELF, &found, &err), 0);
	assert_string_equal(found, SELF);
	free(found);
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/criu", dir);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0700));
	/* A relative place is not looked at: it would be the caller's working directory. */
	snprintf(places, sizeof(places), ":.:/nonexistent:%s", dir);
	before = before ? strdup(before) : NULL;
	setenv("PATH", places, 1);
	assert_int_equal(criu_find(NULL, &found, &err), 0);
	assert_string_equal(found, path);
	free(found);
	if (before)
		setenv("PATH", before, 1);
	free((void *)(uintptr_t)before);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_why_criu_failed),
		cmocka_unit_test(test_the_log_says_more_than_the_answer),
		cmocka_unit_test(test_errors_before_criu_runs),
		cmocka_unit_test(test_a_descriptor_gets_its_number),
		cmocka_unit_test(test_stages),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_where_criu_is),
	};

	if (argc == 3 && strcmp(argv[1], "swrk") == 0)
		return be_criu((int)strtol(argv[2], NULL, 10));
	return cmocka_run_group_tests(tests, NULL, NULL);
}

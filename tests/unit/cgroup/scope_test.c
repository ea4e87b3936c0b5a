/* SPDX-License-Identifier: Apache-2.0 */

/*
 * systemd_call() of this file stands for systemd: it notes what it is asked, and answers as a test says.
 * __wrap_io_read_small() (see meson.build) stands for the kernel, which says in which cgroup a process is.
 */

#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "cgroup/change.h"
#include "cgroup/scope.h"
#include "cgroup/systemd.h"
#include "spec/spec.h"
#include "syscall/process.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

static char dir[] = "/tmp/krun-unit-XXXXXX";
static int dir_fd = -1;

/* ---- systemd ------------------------------------------------------------------------------ */

static char asked[4096];    /* "VERB UNIT WORD...;" of every call */
static const char *answer;  /* lines; NULL: the call fails */
static const char *to_file; /* a file in dir that systemd writes meanwhile */

bool systemd_is_built_in(void)
{
	return true;
}

static void put(const char *name, const char *text)
{
	int fd = openat(dir_fd, name, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

int systemd_call(bool user, const char *verb, const char *unit, char *const *words, char **ret_output,
		 struct error *err)
{
	size_t len = strlen(asked);

	len += (size_t)snprintf(asked + len, sizeof(asked) - len, "%s%s %s", user ? "user " : "", verb, unit);
	for (size_t i = 0; words && words[i]; i++)
		len += (size_t)snprintf(asked + len, sizeof(asked) - len, " %s", words[i]);
	snprintf(asked + len, sizeof(asked) - len, ";");
	if (!answer)
		return error_set(err, -EIO, "systemd said no");
	if (to_file)
		put(to_file, "9999");
	*ret_output = strdup(answer);
	return *ret_output ? 0 : error_oom(err);
}

static void answer_next(const char *lines)
{
	asked[0] = '\0';
	answer = lines;
	to_file = NULL;
}

/* ---- the kernel --------------------------------------------------------------------------- */

static pid_t command; /* this process, which has a holder as its child */
/* What both know. */
static struct {
	volatile bool late;  /* the holder is not scheduled until systemd has moved it */
	volatile bool moved; /* the holder is in the scope */
} * shared;

static void nap(void)
{
	const struct timespec pause = { .tv_nsec = 5000000 };

	nanosleep(&pause, NULL);
}

ssize_t __real_io_read_small(int at_fd, const char *name, char *buffer, size_t size);
ssize_t __wrap_io_read_small(int at_fd, const char *name, char *buffer, size_t size);

ssize_t __wrap_io_read_small(int at_fd, const char *name, char *buffer, size_t size)
{
	const bool is_holder = getpid() != command;

	if (strcmp(name, "/proc/self/cgroup") != 0)
		return __real_io_read_small(at_fd, name, buffer, size);
	while (is_holder && shared->late && !shared->moved)
		nap();
	return snprintf(buffer, size, "0::%s", is_holder && shared->moved ? "/krun-a.scope" : "/session");
}

static int setup(void **state)
{
	(void)state;
	command = getpid();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return -1;
	dir_fd = mkdtemp(dir) ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return dir_fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "memory.max", "pids.max", "cgroup.controllers",
					     ".systemd-unknown-properties" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unlinkat(dir_fd, names[i], 0);
	close(dir_fd);
	return rmdir(dir);
}

static struct cgroup make_cgroup(bool user)
{
	static char unit[] = "krun-a.scope", path[] = "/box";

	return (struct cgroup){ .place = { .unit = unit, .path = path, .user = user }, .dir_fd = dir_fd };
}

/* ---- tests -------------------------------------------------------------------------------- */

static void test_stop_attach_and_forget(void **state)
{
	struct cgroup cgroup = make_cgroup(true);
	struct error err;

	(void)state;
	answer_next("");
	assert_int_equal(cgroup_attach(&cgroup, 42, &err), 0);
	assert_int_equal(cgroup_forget(&cgroup.place, &err), 0);
	assert_string_equal(asked, "user attach krun-a.scope / 42;user stop krun-a.scope;");
	answer_next(NULL);
	assert_int_equal(cgroup_forget(&cgroup.place, &err), -EIO);
	assert_string_equal(err.text, "systemd said no");
	/* A cgroup that is not systemd's. */
	answer_next("");
	cgroup.place.unit = NULL;
	assert_int_equal(cgroup_forget(&cgroup.place, &err), 0);
	assert_int_equal(cgroup_attach(&cgroup, 42, &err), -EOPNOTSUPP);
	assert_string_equal(asked, "");
}

static void test_out_of_memory_as_systemd_says(void **state)
{
	static const struct {
		const char *lines;
		bool expect;
	} rows[] = { { "result oom-kill\n", true },
		     { "result success\n", false },
		     { "", false },
		     { "results oom-kill\n", false },
		     { NULL, false } };
	struct cgroup cgroup = make_cgroup(false);

	(void)state;
	cgroup.dir_fd = -1;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		answer_next(rows[i].lines);
		assert_int_equal(cgroup_ran_out_of_memory(&cgroup), rows[i].expect);
		assert_string_equal(asked, "result krun-a.scope;");
	}
}

static int start(const struct cgroup_plan *plan, char **ret_cgroup, struct error *err)
{
	const struct cgroup_request request = { .id = "a", .root_fd = dir_fd };

	return systemd_start(&request, plan, 42, ret_cgroup, err);
}

/* Properties that this systemd does not know are left out at the next start. */
static void test_start(void **state)
{
	char slice[] = "machine.slice", file[] = "memory.oom.group", text[] = "1";
	struct cgroup_write write = { .file = file, .text = text };
	struct cgroup_plan plan = { .place = make_cgroup(false).place, .slice = slice };
	char *path = NULL;
	struct error err;

	(void)state;
	answer_next("dropped NewProperty\ndropped Other\ncgroup /machine.slice/krun-a.scope\n");
	assert_int_equal(start(&plan, &path, &err), 0);
	assert_string_equal(path, "/machine.slice/krun-a.scope");
	free(path);
	assert_non_null(
		strstr(asked, "start krun-a.scope Description s container a !Slice s machine.slice "));
	assert_non_null(strstr(asked, " OOMPolicy s continue !PIDs au 1 42"));
	plan.writes = (struct cgroup_writes){ .items = &write, .len = 1 };
	answer_next("cgroup relative\n");
	assert_int_equal(start(&plan, &path, &err), -EPROTO);
	assert_string_equal(err.text, "systemd reports no cgroup for 'krun-a.scope'");
	assert_non_null(strstr(asked, "start krun-a.scope -NewProperty -Other Description"));
	assert_non_null(strstr(asked, " OOMPolicy s kill "));
	answer_next("");
	assert_int_equal(start(&plan, &path, &err), -EPROTO);
	answer_next(NULL);
	assert_int_equal(start(&plan, &path, &err), -EIO);
}

/* Starts a scope, in which systemd is to put the holder. */
static struct cgroup start_scope(bool late)
{
	const struct cgroup_request request = { .id = "a", .root_fd = -1 };
	static char slice[] = "machine.slice";
	struct cgroup_plan plan = { .place = make_cgroup(false).place, .slice = slice };
	struct cgroup cgroup = { .dir_fd = -1, .holder_fd = -1 };
	char number[32];
	struct error err;

	skip_if_emulated("clone3");
	shared->late = late;
	shared->moved = false;
	answer_next("cgroup /machine.slice/krun-a.scope\n");
	assert_int_equal(scope_create(&request, &plan, &cgroup, &err), 0);
	assert_true(cgroup.holder > 0);
	snprintf(number, sizeof(number), " !PIDs au 1 %d;", cgroup.holder);
	assert_non_null(strstr(asked, number));
	/* A signal to the command's group does not reach it. */
	assert_int_equal(getpgid(cgroup.holder), cgroup.holder);
	free(take_pointer(cgroup.place.path));
	return cgroup;
}

static void assert_ends(struct cgroup *cgroup)
{
	int status = -1;

	/* Within less than it waits for systemd. */
	assert_int_equal(sys_wait_within(cgroup->holder, 5000, &status), 0);
	assert_int_equal(status, 0);
}

/*
 * A command that is killed closes its files, and a moment later its children get another parent. In between
 * its holder must not take it for a command that lives: systemd would keep a scope without processes.
 */
static void test_the_holder_stays_until_it_is_in_the_scope(void **state)
{
	struct cgroup cgroup = start_scope(false);

	(void)state;
	cleanup_close(&cgroup.holder_fd);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(waitpid(cgroup.holder, NULL, WNOHANG), 0);
		nap();
	}
	shared->moved = true;
	assert_ends(&cgroup);
}

/* One that systemd has moved before its first instruction does not wait for another move. */
static void test_a_late_holder_sees_that_it_is_in_the_scope(void **state)
{
	struct cgroup cgroup = start_scope(true);

	(void)state;
	cleanup_close(&cgroup.holder_fd);
	shared->moved = true;
	assert_ends(&cgroup);
}

static void test_settled_the_holder_is_gone(void **state)
{
	struct cgroup cgroup = start_scope(false);
	const pid_t holder = cgroup.holder;

	(void)state;
	cgroup_settle(&cgroup);
	assert_int_equal(cgroup.holder, 0);
	assert_int_equal(cgroup.holder_fd, -1);
	assert_int_equal(kill(holder, 0), -1);
	assert_int_equal(errno, ESRCH);
}

static void assert_limit(const char *expect)
{
	char text[64] = "";

	assert_true(io_read_small(dir_fd, "memory.max", text, sizeof(text)) >= 0);
	assert_string_equal(text, expect);
}

static int update(struct cgroup_change *change, struct error *err)
{
	static const char json[] = "{\"memory\":{\"limit\":2048}}";
	struct spec *changes, *before;
	const struct cgroup cgroup = make_cgroup(false);
	int r;

	assert_int_equal(spec_parse_resources(json, strlen(json), "r", &changes, err), 0);
	assert_int_equal(spec_parse_resources("{}", 2, "r", &before, err), 0);
	put("cgroup.controllers", "memory pids");
	put("memory.max", "1000");
	*change = (struct cgroup_change){ .before = &before->resources };
	r = cgroup_update(&cgroup, &changes->resources, change, err);
	spec_free(changes);
	spec_free(before);
	return r;
}

/* The files are written before systemd is told, and again when systemd has written something else. */
static void test_update_and_undo(void **state)
{
	const struct cgroup cgroup = make_cgroup(false);
	struct cgroup_change change;
	struct error err;

	(void)state;
	answer_next("");
	to_file = "memory.max";
	assert_int_equal(update(&change, &err), 0);
	assert_string_equal(asked, "set krun-a.scope MemoryMax t 2048;");
	assert_limit("2048");
	answer_next("");
	cgroup_update_undo(&cgroup, &change);
	assert_string_equal(asked, "set krun-a.scope MemoryMax t 1000;");
	assert_limit("1000");
	cgroup_change_done(&change);
	/* systemd refuses: nothing is changed. */
	answer_next(NULL);
	assert_int_equal(update(&change, &err), -EIO);
	assert_limit("1000");
	cgroup_change_done(&change);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stop_attach_and_forget),
		cmocka_unit_test(test_out_of_memory_as_systemd_says),
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_the_holder_stays_until_it_is_in_the_scope),
		cmocka_unit_test(test_a_late_holder_sees_that_it_is_in_the_scope),
		cmocka_unit_test(test_settled_the_holder_is_gone),
		cmocka_unit_test(test_update_and_undo),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

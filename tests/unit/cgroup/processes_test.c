/* SPDX-License-Identifier: Apache-2.0 */

/* A directory of the test stands for a cgroup of an older kernel, without cgroup.kill. */

#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "util/array.h"
#include "util/error.h"

static char dir[] = "/tmp/krun-unit-XXXXXX", path[] = "/box";
static struct cgroup cgroup = { .place = { .path = path }, .dir_fd = -1 };

static const char *const names[] = { "below/cgroup.procs", "cgroup.procs", "cgroup.freeze", "cgroup.events" };

static int setup(void **state)
{
	(void)state;
	cgroup.dir_fd = mkdtemp(dir) ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return cgroup.dir_fd < 0 ? -1 : mkdirat(cgroup.dir_fd, "below", 0700);
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unlinkat(cgroup.dir_fd, names[i], 0);
	unlinkat(cgroup.dir_fd, "below", AT_REMOVEDIR);
	close(cgroup.dir_fd);
	return rmdir(dir);
}

static void put(const char *name, const char *text)
{
	int fd = openat(cgroup.dir_fd, name, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static pid_t start_sleeper(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void assert_killed_by(pid_t pid, int signo)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), signo);
}

/* 0 stands for a process of a pid namespace that is not visible. Ones that have ended are no errors. */
static void test_every_process_gets_the_signal(void **state)
{
	const pid_t first = start_sleeper(), second = start_sleeper(), gone = start_sleeper();
	char text[64];
	pid_t *pids;
	size_t len;
	struct error err;

	(void)state;
	kill(gone, SIGKILL);
	assert_killed_by(gone, SIGKILL);
	snprintf(text, sizeof(text), "0\n%d\n%d\n", gone, first);
	put("cgroup.procs", text);
	snprintf(text, sizeof(text), "%d\n", second);
	put("below/cgroup.procs", text);
	assert_int_equal(cgroup_pids(&cgroup, &pids, &len, &err), 0);
	assert_int_equal(len, 3);
	assert_true(pids[0] < pids[1] && pids[1] < pids[2]);
	free(pids);
	assert_int_equal(cgroup_kill(&cgroup, SIGTERM, &err), 0);
	assert_killed_by(first, SIGTERM);
	assert_killed_by(second, SIGTERM);
	assert_int_equal(cgroup_kill(&cgroup, SIGKILL, &err), 0);
	snprintf(text, sizeof(text), "%d\n", getpid());
	put("cgroup.procs", text);
	assert_int_equal(cgroup_kill(&cgroup, 4711, &err), -EINVAL);
	assert_non_null(strstr(err.text, "signal 4711 to process "));
}

static void test_frozen(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(cgroup_is_frozen(&cgroup), 0);
	put("cgroup.freeze", "0\n");
	put("cgroup.events", "populated 1\nfrozen 1\n");
	assert_int_equal(cgroup_freeze(&cgroup, true, &err), 0);
	assert_int_equal(cgroup_is_frozen(&cgroup), 1);
	assert_int_equal(unlinkat(cgroup.dir_fd, "cgroup.events", 0), 0);
	/* Whether it is frozen cannot be seen: the freeze is undone. */
	assert_true(cgroup_freeze(&cgroup, true, &err) < 0);
	assert_non_null(strstr(err.text, "freeze cgroup '/box': "));
	assert_int_equal(cgroup_is_frozen(&cgroup), 0);
}

static void test_without_a_cgroup(void **state)
{
	const struct cgroup none = { .dir_fd = -1 };
	struct error err;
	pid_t *pids;
	size_t len;

	(void)state;
	assert_int_equal(cgroup_freeze(&none, true, &err), -EOPNOTSUPP);
	assert_int_equal(cgroup_pids(&none, &pids, &len, &err), -EOPNOTSUPP);
	assert_int_equal(cgroup_kill(&none, SIGKILL, &err), -EOPNOTSUPP);
	assert_int_equal(cgroup_is_frozen(&none), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_process_gets_the_signal),
		cmocka_unit_test(test_frozen),
		cmocka_unit_test(test_without_a_cgroup),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

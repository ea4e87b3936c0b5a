/* SPDX-License-Identifier: Apache-2.0 */

/* A directory of the test stands for a cgroup. */

#include "../test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "container/oom.h"
#include "krun/exit_codes.h"
#include "util/array.h"
#include "util/error.h"
#include "util/io.h"
#include "util/log.h"

static char dir[] = "/tmp/krun-unit-XXXXXX";
static struct cgroup cgroup = { .dir_fd = -1 };

static int setup(void **state)
{
	(void)state;
	cgroup.dir_fd = mkdtemp(dir) ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return cgroup.dir_fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "memory.events", "memory.max", "cgroup.events", "said" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unlinkat(cgroup.dir_fd, names[i], 0);
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

/* Runs a watch during which the kernel kills @kills processes; returns what is logged. */
static const char *watch(int kills, const char *limit, int status)
{
	static char said[512];
	struct oom_watch watch;
	struct error err;
	char text[64], log[64];

	snprintf(log, sizeof(log), "%s/said", dir);
	put("said", "");
	assert_int_equal(log_open(log, LOG_FORMAT_TEXT, LOG_LEVEL_WARNING, &err), 0);
	put("memory.max", limit);
	put("memory.events", "oom 0\noom_kill 0\n");
	oom_watch_begin(&watch, &cgroup);
	assert_true(watch.fd >= 0);
	snprintf(text, sizeof(text), "oom %d\noom_kill %d\n", kills, kills);
	put("memory.events", text);
	oom_watch_end(&watch, status);
	assert_int_equal(watch.fd, -1);
	log_close();
	assert_true(io_read_small(cgroup.dir_fd, "said", said, sizeof(said)) >= 0);
	return said;
}

static void test_only_a_kill_for_memory_is_told(void **state)
{
	const int killed = KRUN_EXIT_SIGNAL + SIGKILL;

	(void)state;
	put("cgroup.events", "populated 0\n");
	assert_non_null(strstr(watch(1, "4096\n", killed), "out of memory (memory limit 4096"));
	assert_non_null(strstr(watch(1, "max\n", killed), "has no memory limit of its own"));
	assert_string_equal(watch(0, "4096\n", killed), "");
	assert_string_equal(watch(1, "4096\n", 0), "");
	assert_string_equal(watch(1, "4096\n", KRUN_EXIT_SIGNAL + SIGTERM), "");
}

static void test_without_a_cgroup(void **state)
{
	const struct cgroup none = { .dir_fd = -1 };
	struct oom_watch watch;

	(void)state;
	oom_watch_begin(&watch, &none);
	assert_int_equal(watch.fd, -1);
	oom_watch_look(&watch);
	assert_false(watch.killed);
	oom_watch_end(&watch, KRUN_EXIT_SIGNAL + SIGKILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_a_kill_for_memory_is_told),
		cmocka_unit_test(test_without_a_cgroup),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

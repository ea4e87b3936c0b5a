/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/roots.h"
#include "state/runtime_options.h"
#include "syscall/replace.h"
#include "util/array.h"
#include "util/error.h"

static char top[] = "/tmp/krun-roots-XXXXXX";
static int top_fd;

static void make(const char *name)
{
	assert_int_equal(mkdirat(top_fd, name, 0755), 0);
}

static int set_up(void **state)
{
	static const char *const directories[] = {
		"docker",
		"docker/runtime-runc",
		"docker/runtime-runc/moby",
		"docker/runtime-runc/plugins.moby",
		"docker/runtime-krun",
		"docker/runtime-krun/moby",
		"docker/other",
		"docker/other/moby",
		"docker/runtime-runc/two words",
	};

	(void)state;
	umask(022);
	if (!mkdtemp(top))
		return -1;
	top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_LEN(directories); i++)
		make(directories[i]);
	return 0;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	close(top_fd);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

static struct roots add(const char *pattern)
{
	struct roots roots = { 0 };
	struct error err;

	assert_int_equal(roots_add(&roots, top_fd, "/T", pattern, &err), 0);
	return roots;
}

static void test_patterns(void **state)
{
	static const struct {
		const char *pattern, *paths[4];
	} cases[] = {
		{ "docker/runtime-*/*",
		  { "/T/docker/runtime-krun/moby", "/T/docker/runtime-runc/moby",
		    "/T/docker/runtime-runc/plugins.moby" } },
		{ "docker/runtime-runc/moby", { "/T/docker/runtime-runc/moby" } },
		{ "docker/runtime-runc/m*", { "/T/docker/runtime-runc/moby" } },
		{ "docker/*/moby",
		  { "/T/docker/other/moby", "/T/docker/runtime-krun/moby", "/T/docker/runtime-runc/moby" } },
		{ "docker/runtime-r", { 0 } },
		{ "absent/*", { 0 } },
		{ "docker/absent", { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct roots roots = add(cases[i].pattern);
		size_t len = 0;

		for (; cases[i].paths[len]; len++) {
			assert_true(len < roots.len);
			assert_string_equal(roots.items[len].path, cases[i].paths[len]);
			assert_false(roots.items[len].is_foreign);
		}
		assert_int_equal(roots.len, len);
		assert_int_equal(roots.unread.len, 0);
		roots_done(&roots);
	}
}

static void test_a_directory_is_a_root_once(void **state)
{
	struct roots roots = add("docker/runtime-*/*");
	struct error err;

	(void)state;
	assert_int_equal(roots_add(&roots, top_fd, "/T", "docker/*/moby", &err), 0);
	assert_int_equal(roots.len, 4);
	assert_string_equal(roots.items[3].path, "/T/docker/other/moby");
	roots_done(&roots);
}

static void test_links_and_files_are_not_entered(void **state)
{
	struct roots roots;

	(void)state;
	assert_int_equal(symlinkat("docker/runtime-runc", top_fd, "link"), 0);
	assert_int_equal(mknodat(top_fd, "fifo", S_IFIFO | 0600, 0), 0);
	roots = add("link/moby");
	assert_int_equal(roots.len, 0);
	assert_int_equal(roots.unread.len, 1);
	assert_non_null(strstr(roots.unread.items[0], "'/T/link' ("));
	roots_done(&roots);
	roots = add("fifo");
	assert_int_equal(roots.len, 0);
	assert_int_equal(roots.unread.len, 1);
	roots_done(&roots);
	unlinkat(top_fd, "link", 0);
	unlinkat(top_fd, "fifo", 0);
}

static void test_what_others_can_write_is_foreign(void **state)
{
	static const struct {
		mode_t mode;
		bool is_foreign;
	} cases[] = { { 0755, false }, { 0700, false }, { 0775, true }, { 0757, true }, { 01777, false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct roots roots;

		/* A directory on the way counts as the root itself does. */
		assert_int_equal(fchmodat(top_fd, "docker/runtime-runc", cases[i].mode, 0), 0);
		roots = add("docker/runtime-runc/moby");
		assert_int_equal(roots.len, 1);
		assert_int_equal(roots.items[0].is_foreign, cases[i].is_foreign);
		roots_done(&roots);
	}
	assert_int_equal(fchmodat(top_fd, "docker/runtime-runc", 0755, 0), 0);
}

/* Another user's directories do not keep root busy, and leave room for those of the next one. */
static void test_a_user_has_few_roots(void **state)
{
	struct roots roots;
	char path[64];

	(void)state;
	make("many");
	assert_int_equal(fchmodat(top_fd, "many", 0777, 0), 0);
	for (int i = 0; i < 40; i++) {
		snprintf(path, sizeof(path), "many/runtime-%d", i);
		make(path);
		for (int j = 0; j < 2; j++) {
			snprintf(path, sizeof(path), "many/runtime-%d/%d", i, j);
			make(path);
		}
	}
	roots = add("many/runtime-*/*");
	assert_int_equal(roots.len, 16);
	assert_int_equal(roots.unread.len, 17);
	assert_string_equal(roots.unread.items[0], "'/T/many' (argument list too long)");
	assert_string_equal(roots.unread.items[16], "and others");
	roots_done(&roots);
	/* Nobody else's: all. */
	assert_int_equal(fchmodat(top_fd, "many", 0755, 0), 0);
	roots = add("many/runtime-*/*");
	assert_int_equal(roots.len, 80);
	assert_int_equal(roots.unread.len, 0);
	roots_done(&roots);
}

static void write_state(const char *id, const char *name, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "docker/runtime-runc/moby/%s", id);
	if (faccessat(top_fd, path, F_OK, 0) < 0)
		make(path);
	if (!name)
		return;
	snprintf(path, sizeof(path), "docker/runtime-runc/moby/%s/%s", id, name);
	assert_int_equal(file_replace(top_fd, path, 0600, text, strlen(text)), 0);
}

static void test_containers_of_krun(void **state)
{
	struct roots roots = add("docker/runtime-runc/moby");
	struct strv ids = { 0 };
	struct error err;
	struct stat st;
	int file_fd;

	(void)state;
	assert_int_equal(roots.len, 1);
	write_state("ours", "state.json", "{\"id\":\"ours\",\"personality\":\"plain\"}");
	write_state("damaged", "state.json", "{");
	write_state("damaged", "place.json", "{");
	write_state("empty", NULL, NULL);
	write_state("runc", "state.json", "{\"id\":\"runc\"}");
	write_state("list", "state.json", "[\"personality\"]");
	write_state("crun", "status", "{}");
	write_state("broken", "state.json", "{");
	assert_int_equal(root_list(&roots.items[0], &ids, &err), 0);
	assert_int_equal(ids.len, 3);
	assert_string_equal(ids.items[0], "damaged");
	assert_string_equal(ids.items[1], "empty");
	assert_string_equal(ids.items[2], "ours");
	strv_done(&ids);
	/* Another user's empty directory is not waited for. */
	roots.items[0].is_foreign = true;
	assert_int_equal(root_list(&roots.items[0], &ids, &err), 0);
	assert_int_equal(ids.len, 2);
	strv_done(&ids);
	assert_int_equal(root_has(&roots.items[0], "ours"), 1);
	/* Nor is there room for as much as he likes. */
	assert_int_equal(fstatat(top_fd, "docker/runtime-runc/moby/ours/state.json", &st, 0), 0);
	file_fd = openat(top_fd, "docker/runtime-runc/moby/ours/state.json", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(file_fd, 300 * 1024), 0);
	assert_int_equal(root_has(&roots.items[0], "ours"), 0);
	assert_int_equal(ftruncate(file_fd, st.st_size), 0);
	close(file_fd);
	assert_int_equal(root_has(&roots.items[0], "ours"), 1);
	assert_int_equal(linkat(top_fd, "docker/runtime-runc/moby/ours/state.json", top_fd, "link", 0), 0);
	assert_int_equal(root_has(&roots.items[0], "ours"), 0);
	assert_int_equal(unlinkat(top_fd, "link", 0), 0);
	assert_int_equal(root_has(&roots.items[0], "ours"), 1);
	assert_int_equal(root_has(&roots.items[0], "runc"), 0);
	assert_int_equal(root_has(&roots.items[0], "absent"), 0);
	assert_int_equal(root_has(&roots.items[0], "../moby/ours"), 0);
	roots_done(&roots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_a_directory_is_a_root_once),
		cmocka_unit_test(test_links_and_files_are_not_entered),
		cmocka_unit_test(test_what_others_can_write_is_foreign),
		cmocka_unit_test(test_a_user_has_few_roots),
		cmocka_unit_test(test_containers_of_krun),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

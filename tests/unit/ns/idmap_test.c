/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ns/idmap.h"
#include "spec/spec.h"
#include "util/array.h"

static void test_idmap_text_is_one_line_a_mapping(void **state)
{
	static const struct spec_id_mapping mappings[] = { { 0, 1000, 1 }, { 1, 4294967294, 65536 } };
	char *text = idmap_text(mappings, 2);

	(void)state;
	assert_string_equal(text, "0 1000 1\n1 4294967294 65536\n");
	free(text);
	text = idmap_text(NULL, 0);
	assert_string_equal(text, "");
	free(text);
}

static void test_idmap_has_root(void **state)
{
	static const struct spec_id_mapping with[] = { { 5, 1000, 1 }, { 0, 2000, 1 } };
	static const struct spec_id_mapping without[] = { { 1, 0, 10 }, { 0, 2000, 0 } };

	(void)state;
	assert_true(idmap_has_root(with, 2));
	assert_false(idmap_has_root(without, 2));
}

static void test_idmap_to_host(void **state)
{
	const struct spec_id_mapping mappings[] = { { 0, 1000, 1 }, { 1, 100000, 65535 } };
	uint32_t id;

	(void)state;
	assert_true(idmap_to_host(mappings, 2, 0, &id));
	assert_int_equal(id, 1000);
	assert_true(idmap_to_host(mappings, 2, 65535, &id));
	assert_int_equal(id, 165534);
	assert_false(idmap_to_host(mappings, 2, 65536, &id));
	assert_true(idmap_to_host(NULL, 0, 7, &id));
	assert_int_equal(id, 7);
}

static void test_ids_in_a_map_file(void **state)
{
	static const char text[] = "         0     100000      65536\n     70000       5000          1\n";
	static const struct {
		uint32_t id, expect;
		bool found;
	} rows[] = {
		{ 0, 100000, true },   { 65535, 165535, true }, { 65536, 0, false },
		{ 70000, 5000, true }, { 70001, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint32_t got = 0;

		assert_int_equal(idmap_find(text, rows[i].id, &got), rows[i].found);
		assert_int_equal(got, rows[i].expect);
	}
	assert_false(idmap_find("", 0, &(uint32_t){ 0 }));
	assert_true(idmap_find("0 0 4294967295", 4294967294u, &(uint32_t){ 0 }));
}

static void write_file(pid_t pid, const char *name, const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void test_maps_of_a_namespace(void **state)
{
	int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), userns_fd, ready[2];
	char path[64], *uids = NULL, *gids = NULL;
	uint32_t id;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip_because("needs root");
	skip_if_emulated("clone3");
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)!write(ready[1], unshare(CLONE_NEWUSER) == 0 ? "y" : "n", 1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], path, 1), 1);
	assert_int_equal(path[0], 'y');
	write_file(pid, "uid_map", "0 1000 10");
	write_file(pid, "gid_map", "0 2000 20");
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	userns_fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(idmap_read(proc_fd, userns_fd, &uids, &gids), 0);
	assert_true(idmap_find(uids, 9, &id));
	assert_int_equal(id, 1009);
	assert_false(idmap_find(uids, 10, &id));
	assert_true(idmap_find(gids, 19, &id));
	assert_int_equal(id, 2019);
	free(uids);
	free(gids);
	assert_int_equal(idmap_root_of(proc_fd, pid), 1000);
	/* Not a namespace of users. */
	uids = gids = NULL;
	assert_int_equal(idmap_read(proc_fd, proc_fd, &uids, &gids), -EPERM);
	assert_null(uids);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(idmap_root_of(proc_fd, pid) == (uid_t)-1);
	close(userns_fd);
	close(proc_fd);
	close(ready[0]);
	close(ready[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids_in_a_map_file),
		cmocka_unit_test(test_idmap_to_host),
		cmocka_unit_test(test_idmap_text_is_one_line_a_mapping),
		cmocka_unit_test(test_idmap_has_root),
		cmocka_unit_test(test_maps_of_a_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

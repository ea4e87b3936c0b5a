/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <json-c/json.h>

#include "container/container.h"
#include "state/state.h"
#include "state/state_dir.h"
#include "syscall/replace.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

static char top[] = "/tmp/krun-state-XXXXXX";
static struct runtime_options runtime;

static int make_root(void **state)
{
	(void)state;
	runtime.root = mkdtemp(top);
	return runtime.root ? 0 : -1;
}

static int remove_root(void **state)
{
	(void)state;
	return rmdir(top);
}

static struct state example(void)
{
	static char id[] = "web", oci_version[] = "1.3.0", bundle[] = "/b", rootfs[] = "/b/rootfs",
		    created[] = "2026-01-02T15:04:05.123456789Z", annotations[] = "{\"a\":\"b\"}",
		    cgroup_path[] = "/krun/web";

	return (struct state){
		.id = id,
		.oci_version = oci_version,
		.bundle = bundle,
		.rootfs = rootfs,
		.created = created,
		.annotations = annotations,
		.owner = 1000,
		.pid = 4321,
		.start_time = UINT64_C(1) << 40,
		.monitor_pid = 4322,
		.cgroup.manager = CGROUP_CGROUPFS,
		.cgroup.path = cgroup_path,
		.namespaces = 0x6c020000,
		.mode = MODE_KM,
		.start = KM_START_EXEC,
		.keep_groups = true,
		.has_hooks = true,
	};
}

static void test_state_survives_save_and_load(void **state)
{
	struct state saved = example(), loaded = { 0 };
	struct error err = { 0 };
	int root_fd = state_root_open(&runtime, true, &err);
	int dir_fd = state_dir_make(root_fd, "web", &err);
	char *text;

	(void)state;
	assert_true(dir_fd >= 0);
	assert_int_equal(strv_add(&saved.settings, "environment=[\"A=b\"]"), 0);
	assert_int_equal(state_save(dir_fd, &saved, &err), 0);
	assert_int_equal(state_load(dir_fd, &loaded, &err), 0);
	assert_string_equal(loaded.id, "web");
	assert_string_equal(loaded.cgroup.path, "/krun/web");
	assert_null(loaded.monitor);
	assert_int_equal(loaded.owner, 1000);
	assert_int_equal(loaded.execution_domain, 0);
	assert_int_equal(loaded.pid, 4321);
	assert_int_equal(loaded.monitor_pid, 4322);
	assert_true(loaded.start_time == saved.start_time);
	assert_true(loaded.namespaces == saved.namespaces);
	assert_int_equal(loaded.mode, MODE_KM);
	assert_int_equal(loaded.start, KM_START_EXEC);
	assert_true(loaded.keep_groups);
	assert_true(loaded.has_hooks);
	assert_int_equal(loaded.monitor_options.len, 0);
	assert_string_equal(loaded.settings.items[0], "environment=[\"A=b\"]");
	assert_int_equal(loaded.settings.len, 1);
	text = state_text(&loaded, "running", 1, false);
	assert_non_null(strstr(text, "\"app.kontain.krun.environment\":\"[\\\"A=b\\\"]\""));
	free(text);
	strv_done(&saved.settings);
	state_done(&loaded);
	assert_int_equal(state_dir_make(root_fd, "web", &err), -EEXIST);
	assert_int_equal(state_dir_remove(&runtime, dir_fd, "web", &err), 0);
	assert_int_equal(state_dir_lock(dir_fd, "web", &err), -ENOENT);
	close(dir_fd);
	assert_int_equal(state_dir_open(&runtime, "web", &err), -ENOENT);
	assert_non_null(strstr(err.text, "container 'web' does not exist in '/tmp/krun-state-"));
	close(root_fd);
}

static bool set_immutable(int dir_fd, const char *name, bool immutable)
{
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int flags = 0;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return false;
	flags = immutable ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
	return ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
}

/* A directory that stays, as a mount in use may: the state has to be there for another try. */
static void test_state_dir_remove_takes_directories_first(void **state)
{
	struct state saved = example();
	struct error err = { 0 };
	int root_fd = state_root_open(&runtime, true, &err);
	int dir_fd = state_dir_make(root_fd, "stays", &err);
	bool works;

	(void)state;
	assert_int_equal(state_save(dir_fd, &saved, &err), 0);
	assert_int_equal(mkdirat(dir_fd, "monitor", 0700), 0);
	works = set_immutable(dir_fd, "monitor", true);
	if (works) {
		assert_int_equal(state_dir_remove(&runtime, dir_fd, "stays", &err), -EPERM);
		assert_int_equal(faccessat(dir_fd, STATE_FILE, F_OK, 0), 0);
		assert_true(set_immutable(dir_fd, "monitor", false));
	}
	assert_int_equal(state_dir_remove(&runtime, dir_fd, "stays", &err), 0);
	close(dir_fd);
	close(root_fd);
	if (!works)
		skip_because("no directory can be made immutable here");
}

static void test_state_load_refuses_what_is_cut_or_wrong(void **state)
{
	struct state saved = example(), loaded = { 0 };
	struct error err = { 0 };
	int root_fd = state_root_open(&runtime, true, &err);
	int dir_fd = state_dir_make(root_fd, "cut", &err);
	char *text = NULL;
	size_t size = 0;

	(void)state;
	assert_int_equal(state_save(dir_fd, &saved, &err), 0);
	assert_int_equal(io_read_file(dir_fd, STATE_FILE, 1 << 20, &text, &size), 0);
	for (size_t len = 0; len < size; len++) {
		assert_int_equal(file_replace(dir_fd, STATE_FILE, 0600, text, len), 0);
		assert_true(state_load(dir_fd, &loaded, &err) < 0);
		assert_null(loaded.id);
	}
	free(text);
	assert_int_equal(state_dir_remove(&runtime, dir_fd, "cut", &err), 0);
	close(dir_fd);
	close(root_fd);
}

/* ---- other versions -------------------------------------------------------------------------- */

/* A state of version 1, which is not written in it. */
static const char version_1[] =
	"{\"id\":\"web\",\"ociVersion\":\"1.3.0\",\"bundle\":\"\\/b\",\"rootfs\":\"\\/b\\/rootfs\","
	"\"created\":\"2026-01-02T15:04:05.123456789Z\",\"annotations\":\"{\\\"a\\\":\\\"b\\\"}\","
	"\"cgroupPath\":\"\\/krun\\/web\",\"keyring\":\"krun.web\",\"monitor\":\"\\/opt\\/kontain\\/bin\\/"
	"km\","
	"\"monitorOptions\":[\"--membus-width=36\"],\"settings\":[\"membusWidth=36\"],\"owner\":0,\"pid\":"
	"4321,"
	"\"monitorPid\":4322,\"startTimeoutMs\":10000,\"startTime\":99,\"namespaces\":1811939328,"
	"\"executionDomain\":-1,\"cgroupUser\":false,\"cgroupBelow\":false,\"rdtMonitoring\":false,"
	"\"execReadsConfig\":false,\"management\":true,\"keepGroups\":false,\"hasHooks\":true,"
	"\"cgroupManager\":\"cgroupfs\",\"personality\":\"km\",\"startAt\":\"payload\"}";

/* A state of a newer krun: known keys keep their meaning. */
static const char version_3[] =
	"{\"version\":3,\"id\":\"web\",\"pid\":4321,\"startTime\":99,\"namespaces\":{\"pid\":true},"
	"\"cgroupPath\":\"/krun/web\",\"cgroupManager\":\"cgroupfs\",\"personality\":\"super\",\"more\":[1]}";

static int directory_with(const char *text, int *ret_root_fd)
{
	struct error err = { 0 };
	int dir_fd;

	*ret_root_fd = state_root_open(&runtime, true, &err);
	dir_fd = state_dir_make(*ret_root_fd, "web", &err);
	assert_true(dir_fd >= 0);
	if (text)
		assert_int_equal(file_replace(dir_fd, STATE_FILE, 0600, text, strlen(text)), 0);
	return dir_fd;
}

static void remove_directory(int dir_fd, int root_fd)
{
	struct error err = { 0 };

	assert_int_equal(state_dir_remove(&runtime, dir_fd, "web", &err), 0);
	close(dir_fd);
	close(root_fd);
}

static void test_a_state_of_version_1_is_read(void **state)
{
	int root_fd, dir_fd = directory_with(version_1, &root_fd);
	struct state loaded = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(state_load(dir_fd, &loaded, &err), 0);
	assert_string_equal(loaded.id, "web");
	assert_string_equal(loaded.rootfs, "/b/rootfs");
	assert_string_equal(loaded.annotations, "{\"a\":\"b\"}");
	assert_string_equal(loaded.monitor_options.items[0], "--membus-width=36");
	assert_int_equal(loaded.pid, 4321);
	assert_int_equal(loaded.start_time, 99);
	assert_int_equal(loaded.namespaces, 1811939328);
	assert_int_equal(loaded.execution_domain, -1);
	assert_int_equal(loaded.mode, MODE_KM);
	assert_true(loaded.management && loaded.has_hooks);
	/* A krun of version 1 did not ask the host: no annotation is trusted. */
	assert_int_equal(loaded.trusted.len, 0);
	/* Saving it writes the current version. */
	assert_int_equal(state_save(dir_fd, &loaded, &err), 0);
	state_done(&loaded);
	remove_directory(dir_fd, root_fd);
}

static void test_what_is_written_has_a_version(void **state)
{
	int root_fd, dir_fd = directory_with(NULL, &root_fd);
	struct state saved = example();
	static const char *const names[] = { STATE_FILE, STATE_PLACE };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(state_save(dir_fd, &saved, &err), 0);
	for (size_t i = 0; i < 2; i++) {
		struct json_object *object, *value = NULL;
		char *text = NULL;

		assert_int_equal(io_read_file(dir_fd, names[i], 1 << 20, &text, NULL), 0);
		object = json_tokener_parse(text);
		assert_true(json_object_object_get_ex(object, "version", &value));
		assert_int_equal(json_object_get_int(value), STATE_VERSION);
		json_object_put(object);
		free(text);
	}
	remove_directory(dir_fd, root_fd);
}

static void test_a_newer_state_is_an_error_that_says_so(void **state)
{
	int root_fd, dir_fd = directory_with(version_3, &root_fd);
	struct state loaded = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(state_load(dir_fd, &loaded, &err), -ENOTSUP);
	assert_string_equal(err.text,
			    "state.json: written by a newer krun: version 3, this krun reads up to 2");
	/* These keys are enough for list, kill and delete. */
	assert_int_equal(state_load_some(dir_fd, "web", &loaded, &err), 0);
	assert_int_equal(loaded.pid, 4321);
	assert_int_equal(loaded.start_time, 99);
	assert_string_equal(loaded.cgroup.path, "/krun/web");
	assert_string_equal(loaded.bundle, "");
	state_done(&loaded);
	remove_directory(dir_fd, root_fd);
}

/* Without any one key the state is loaded with a default, or the error names the key. */
static void test_a_missing_key_is_no_reason_to_forget_a_container(void **state)
{
	struct json_object *whole = json_tokener_parse(version_1);
	int root_fd, dir_fd = directory_with(NULL, &root_fd);

	(void)state;
	json_object_object_foreach(whole, key, unused)
	{
		const bool vital =
			!strcmp(key, "pid") || !strcmp(key, "startTime") || !strcmp(key, "namespaces");
		struct json_object *copy = json_tokener_parse(version_1);
		struct state loaded = { 0 };
		struct error err = { 0 };
		const char *text;

		(void)unused;
		json_object_object_del(copy, key);
		text = json_object_to_json_string(copy);
		assert_int_equal(file_replace(dir_fd, STATE_FILE, 0600, text, strlen(text)), 0);
		if (state_load(dir_fd, &loaded, &err) != (vital ? -EINVAL : 0))
			fail_msg("without '%s': %s", key, err.text);
		if (vital)
			assert_non_null(strstr(err.text, key));
		/* The mode is km even if its word is lost. */
		if (!vital)
			assert_int_equal(loaded.mode, MODE_KM);
		if (!vital)
			state_done(&loaded);
		assert_int_equal(state_load_some(dir_fd, "web", &loaded, &err), 0);
		assert_string_equal(loaded.id, "web");
		state_done(&loaded);
		json_object_put(copy);
	}
	json_object_put(whole);
	remove_directory(dir_fd, root_fd);
}

/* STATE_FILE is empty or cut off after a full disk or a power cut: STATE_PLACE finds the processes. */
static void test_a_broken_state_loses_no_process(void **state)
{
	int root_fd, dir_fd = directory_with(NULL, &root_fd);
	struct state saved = example(), loaded = { 0 };
	struct error err = { 0 };
	char *text = NULL;
	size_t size = 0;

	(void)state;
	assert_int_equal(state_save(dir_fd, &saved, &err), 0);
	assert_int_equal(io_read_file(dir_fd, STATE_FILE, 1 << 20, &text, &size), 0);
	for (size_t len = 0; len < size; len++) {
		assert_int_equal(file_replace(dir_fd, STATE_FILE, 0600, text, len), 0);
		assert_int_equal(state_load_some(dir_fd, "web", &loaded, &err), 0);
		assert_int_equal(loaded.pid, saved.pid);
		assert_true(loaded.start_time == saved.start_time);
		assert_int_equal(loaded.monitor_pid, saved.monitor_pid);
		assert_string_equal(loaded.cgroup.path, saved.cgroup.path);
		assert_string_equal(loaded.bundle, "/b");
		assert_int_equal(loaded.mode, MODE_KM);
		assert_true(loaded.has_hooks);
		state_done(&loaded);
	}
	assert_int_equal(file_replace(dir_fd, STATE_PLACE, 0600, "{", 1), 0);
	assert_true(state_load_some(dir_fd, "web", &loaded, &err) < 0);
	free(text);
	remove_directory(dir_fd, root_fd);
}

/* Writes the state with one bit the other way. Returns whether it is refused for its checksum. */
static bool finds_bit(int dir_fd, const struct state *saved, char *text, size_t size, size_t bit)
{
	const char mask = (char)(1 << bit % 8);
	struct state loaded;
	struct error err;
	int r;

	text[bit / 8] ^= mask;
	assert_int_equal(file_replace(dir_fd, STATE_FILE, 0600, text, size), 0);
	text[bit / 8] ^= mask;
	r = state_load(dir_fd, &loaded, &err);
	if (r < 0)
		return r == -EBADMSG;
	assert_int_equal(loaded.pid, saved->pid);
	assert_int_equal(loaded.start_time, saved->start_time);
	assert_int_equal(loaded.namespaces, saved->namespaces);
	assert_string_equal(loaded.cgroup.path, saved->cgroup.path);
	state_done(&loaded);
	return false;
}

/* One wrong bit in the path of a cgroup or in a pid would be the container beside. */
static void test_every_wrong_bit_is_found_or_harmless(void **state)
{
	struct state saved = example();
	struct error err = { 0 };
	size_t size, found = 0;
	int root_fd, dir_fd = directory_with(NULL, &root_fd);
	char *text;

	(void)state;
	assert_int_equal(state_save(dir_fd, &saved, &err), 0);
	assert_int_equal(io_read_file(dir_fd, STATE_FILE, 1 << 20, &text, &size), 0);
	for (size_t bit = 0; bit < 8 * size; bit++)
		found += finds_bit(dir_fd, &saved, text, size, bit);
	/* The rest is in the key of the checksum itself. */
	assert_true(found > 7 * size);
	free(text);
	assert_int_equal(state_dir_remove(&runtime, dir_fd, "web", &err), 0);
	close(dir_fd);
	close(root_fd);
}

static void test_state_text_is_the_object_of_the_specification(void **state)
{
	struct state saved = example();
	char *text = state_text(&saved, "stopped", 0, true);
	struct json_object *object = json_tokener_parse(text), *value;
	static const char *const keys[] = { "ociVersion", "id",	     "pid",	    "status", "bundle",
					    "rootfs",	  "created", "annotations", "owner" };

	(void)state;
	assert_non_null(object);
	assert_int_equal(json_object_object_length(object), ARRAY_LEN(keys));
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		assert_true(json_object_object_get_ex(object, keys[i], &value));
	json_object_object_get_ex(object, "pid", &value);
	assert_int_equal(json_object_get_int(value), 0);
	json_object_object_get_ex(object, "annotations", &value);
	assert_int_equal(json_object_object_length(value), 3);
	json_object_put(object);
	free(text);
}

static const char *annotation(const struct state *from, struct json_object **ret_object)
{
	char *text = state_text(from, "stopped", 0, true);
	struct json_object *annotations, *value = NULL;

	*ret_object = json_tokener_parse(text);
	free(text);
	assert_true(json_object_object_get_ex(*ret_object, "annotations", &annotations));
	json_object_object_get_ex(annotations, "app.kontain.krun.oomKilled", &value);
	return value ? json_object_get_string(value) : "absent";
}

static void test_state_text_tells_of_memory_that_ran_out(void **state)
{
	static char claimed[] = "{\"app.kontain.krun.oomKilled\":\"perhaps\"}";
	struct state saved = example();
	struct json_object *object;

	(void)state;
	assert_string_equal(annotation(&saved, &object), "absent");
	json_object_put(object);
	/* An annotation of config.json does not forge it. */
	saved.annotations = claimed;
	assert_string_equal(annotation(&saved, &object), "absent");
	json_object_put(object);
	saved.oom_killed = true;
	assert_string_equal(annotation(&saved, &object), "true");
	json_object_put(object);
}

static void test_container_id_rules(void **state)
{
	static const struct {
		const char *id;
		bool valid;
	} rows[] = {
		{ "a", true },	  { "A_9+x.y-z", true }, { "", false },	   { ".", false },
		{ "..", false },  { ".seccomp", false }, { "a/b", false }, { "-x", false },
		{ "a b", false }, { "\xc3\xa4", false },
	};
	char longest[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(container_id_is_valid(rows[i].id), rows[i].valid);
	memset(longest, 'x', sizeof(longest));
	longest[255] = '\0';
	assert_true(container_id_is_valid(longest));
	longest[255] = 'x';
	longest[256] = '\0';
	assert_false(container_id_is_valid(longest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state_survives_save_and_load),
		cmocka_unit_test(test_state_load_refuses_what_is_cut_or_wrong),
		cmocka_unit_test(test_state_dir_remove_takes_directories_first),
		cmocka_unit_test(test_a_state_of_version_1_is_read),
		cmocka_unit_test(test_what_is_written_has_a_version),
		cmocka_unit_test(test_a_newer_state_is_an_error_that_says_so),
		cmocka_unit_test(test_a_missing_key_is_no_reason_to_forget_a_container),
		cmocka_unit_test(test_a_broken_state_loses_no_process),
		cmocka_unit_test(test_every_wrong_bit_is_found_or_harmless),
		cmocka_unit_test(test_state_text_is_the_object_of_the_specification),
		cmocka_unit_test(test_state_text_tells_of_memory_that_ran_out),
		cmocka_unit_test(test_container_id_rules),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}

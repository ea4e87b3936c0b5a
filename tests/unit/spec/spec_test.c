/* SPDX-License-Identifier: Apache-2.0 */
#include "parse.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void test_templates_are_valid(void **state)
{
	(void)state;
	for (int rootless = 0; rootless <= 1; rootless++) {
		struct error err = { 0 };
		struct spec *spec;
		char *text;

		assert_int_equal(spec_template(rootless, 1000, 1001, &text, &err), 0);
		assert_int_equal(spec_parse(text, strlen(text), "config.json", &spec, &err), 0);
		assert_string_equal(spec->process->args[0], "sh");
		assert_string_equal(spec->rootfs, "rootfs");
		assert_true(spec->namespaces[NS_MOUNT].listed);
		assert_int_equal(spec->namespaces[NS_USER].listed, rootless);
		assert_int_equal(spec->id_maps.uids_len, rootless);
		if (rootless) {
			assert_int_equal(spec->id_maps.uids[0].host_id, 1000);
			assert_int_equal(spec->id_maps.gids[0].host_id, 1001);
		}
		spec_free(spec);
		free(text);
	}
}

static void test_mandatory_keys_and_types(void **state)
{
	static const struct spec_row rows[] = {
		{ "{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"r\"},\"linux\":{}}", NULL },
		{ "{\"root\":{\"path\":\"r\"}}", "config.json: /ociVersion: missing" },
		{ "{\"ociVersion\":1,\"root\":{\"path\":\"r\"}}", "/ociVersion: expected string" },
		{ "{\"ociVersion\":\"2.0.0\",\"root\":{\"path\":\"r\"}}", "/ociVersion" },
		{ "{\"ociVersion\":\"one\",\"root\":{\"path\":\"r\"}}", "/ociVersion" },
		{ "{\"ociVersion\":\"1.0.0\"}", "/root: missing" },
		{ "{\"ociVersion\":\"1.0.0\",\"root\":{}}", "/root/path: missing" },
		{ "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"\"}}", "/root/path" },
		{ "[]", "expected" },
		{ "7", "expected" },
	};

	(void)state;
	CHECK_ROWS("%s", rows);
}

static void test_unknown_keys_are_ignored(void **state)
{
	static const struct spec_row rows[] = {
		{ "\"x\":1", NULL },
		{ "\"other\":{\"y\":[1]},\"vm\":null", NULL },
		{ "\"windows\":7", "/windows: expected object" },
	};

	(void)state;
	CHECK_ROWS(WITH_TOP("%s"), rows);
}

/* Properties that work, but probably not as intended. */
static void test_warnings(void **state)
{
	static const struct {
		const char *part, *pointer, *reason;
	} rows[] = {
		{ "\"windows\":{\"layerFolders\":[]}", "/windows", "another platform" },
		{ "\"solaris\":{\"x\":1}", "/solaris", "another platform" },
		{ "\"zos\":{\"x\":{}}", "/zos", "another platform" },
		{ "\"freebsd\":{\"devices\":[{\"path\":\"x\"}]}", "/freebsd", "another platform" },
		{ "\"process\":{\"cwd\":\"/"
		  "\",\"args\":[\"a\"],\"scheduler\":{\"policy\":\"SCHED_RR\",\"priority\":1,"
		  "\"nice\":2}}",
		  "/process/scheduler", "nice is ignored: SCHED_RR has no such value" },
		{ "\"mounts\":[{\"destination\":\"a/./b\",\"type\":\"tmpfs\"}]", "/mounts/0/destination",
		  "read as '/a/b'" },
		{ "\"windows\":{},\"solaris\":null,\"unknown\":{\"a\":1}", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = { 0 };
		struct spec *spec;

		if (spec_of(WITH_TOP("%s"), rows[i].part, &spec, &err) < 0)
			fail_msg("%s: %s", rows[i].part, err.text);
		assert_int_equal(spec->warnings.len, rows[i].pointer != NULL);
		if (rows[i].pointer) {
			assert_string_equal(spec->warnings.items[0].pointer, rows[i].pointer);
			assert_non_null(strstr(spec->warnings.items[0].reason, rows[i].reason));
		}
		spec_free(spec);
	}
}

static void test_hooks(void **state)
{
	static const struct spec_row rows[] = {
		{ "\"prestart\":[{\"path\":\"/h\"}]", NULL },
		{ "\"prestart\":[{\"path\":\"h\"}]", "/hooks/prestart/0/path" },
		{ "\"prestart\":[{}]", "/hooks/prestart/0/path: missing" },
		{ "\"poststop\":[{\"path\":\"/h\",\"timeout\":0}]",
		  "/hooks/poststop/0/timeout: out of range" },
		{ "\"poststop\":[{\"path\":\"/h\",\"env\":[1]}]",
		  "/hooks/poststop/0/env/0: expected string" },
		{ "\"createRuntime\":{}", "/hooks/createRuntime: expected array" },
	};
	struct error err = { 0 };
	struct spec *spec;

	(void)state;
	CHECK_ROWS(WITH_TOP("\"hooks\":{%s}"), rows);
	assert_int_equal(
		spec_of(WITH_TOP("\"hooks\":{%s}"),
			"\"startContainer\":[{\"path\":\"/a\"},{\"path\":\"/b\",\"args\":[\"b\",\"c\"],"
			"\"env\":[\"X=y\"],\"timeout\":3}]",
			&spec, &err),
		0);
	assert_int_equal(spec->hooks[HOOK_START_CONTAINER].len, 2);
	assert_null(spec->hooks[HOOK_START_CONTAINER].items[0].args);
	assert_string_equal(spec->hooks[HOOK_START_CONTAINER].items[1].args[1], "c");
	assert_string_equal(spec->hooks[HOOK_START_CONTAINER].items[1].env[0], "X=y");
	assert_int_equal(spec->hooks[HOOK_START_CONTAINER].items[1].timeout.value, 3);
	assert_int_equal(spec->hooks[HOOK_POSTSTOP].len, 0);
	spec_free(spec);
}

static void test_annotations(void **state)
{
	static const struct spec_row bad[] = {
		{ "\"annotations\":{\"a/b\":1}", "/annotations/a~1b: expected string" },
		{ "\"annotations\":[]", "/annotations: expected object" },
	};
	struct error err = { 0 };
	struct spec *spec;

	(void)state;
	CHECK_ROWS(WITH_TOP("%s"), bad);
	assert_int_equal(spec_of(WITH_TOP("%s"), "\"annotations\":{\"a\":\"1\",\"b\":\"\"}", &spec, &err), 0);
	assert_string_equal(spec_annotation(spec, "a"), "1");
	assert_string_equal(spec_annotation(spec, "b"), "");
	assert_null(spec_annotation(spec, "c"));
	spec_free(spec);
}

static void test_load_names_the_file(void **state)
{
	char dir[] = "/tmp/krun-unit-XXXXXX";
	struct error err = { 0 };
	struct spec *spec;
	int dir_fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(spec_load(dir_fd, "config.json", &spec, &err) < 0);
	assert_non_null(strstr(err.text, "config.json"));
	close(dir_fd);
	rmdir(dir);
}

static void test_vm_has_what_km_has(void **state)
{
	static const struct spec_row rows[] = {
		{ "\"vm\":{}", NULL },
		{ "\"vm\":{\"kernel\":{\"path\":\"\",\"parameters\":[]},\"image\":{},\"hwConfig\":{\"vcpus\":"
		  "0}}",
		  NULL },
		{ "\"vm\":{\"hypervisor\":{\"path\":\"/"
		  "km\",\"parameters\":[\"--x\"]},\"hwConfig\":{\"memory\":5}}",
		  NULL },
		{ "\"vm\":1", "/vm: expected object" },
		{ "\"vm\":{\"hypervisor\":{\"path\":\"km\"}}", "/vm/hypervisor/path: " },
		{ "\"vm\":{\"hypervisor\":{\"parameters\":[1]}}",
		  "/vm/hypervisor/parameters/0: expected string" },
		{ "\"vm\":{\"hwConfig\":{\"memory\":-1}}", "/vm/hwConfig/memory: negative" },
		{ "\"vm\":{\"hwConfig\":{\"vcpus\":\"2\"}}", "/vm/hwConfig/vcpus: expected an integer" },
		{ "\"vm\":{\"kernel\":{\"path\":\"/k\"},\"image\":{\"path\":\"/"
		  "i\"},\"hwConfig\":{\"dtdevs\":[\"d\"],"
		  "\"iomems\":[{\"firstGFN\":1}]}}",
		  "/vm: kernel/path, image/path, hwConfig/dtdevs, hwConfig/iomems: km has no" },
	};
	static const char text[] =
		"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"linux\":{},\"vm\":{"
		"\"hypervisor\":{\"path\":\"/km\",\"parameters\":[\"--x\"]},\"hwConfig\":{\"memory\":5}}}";
	struct error err = { 0 };
	struct spec *spec;

	(void)state;
	CHECK_ROWS(WITH_TOP("%s"), rows);
	assert_int_equal(spec_parse(text, strlen(text), "config.json", &spec, &err), 0);
	assert_string_equal(spec->vm->path, "/km");
	assert_string_equal(spec->vm->parameters[0], "--x");
	assert_null(spec->vm->parameters[1]);
	assert_true(spec->vm->memory.set && spec->vm->memory.value == 5);
	spec_free(spec);
}

/* Returns what spec_load_process_only() makes of a file with this text. */
static int load_process(const char *text, struct spec **ret, struct error *err)
{
	char directory[] = "/tmp/krun-spec-XXXXXX";
	int dir_fd, fd, r;

	assert_non_null(mkdtemp(directory));
	dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir_fd >= 0);
	fd = openat(dir_fd, "config.json", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	r = spec_load_process_only(dir_fd, "config.json", ret, err);
	unlinkat(dir_fd, "config.json", 0);
	close(dir_fd);
	rmdir(directory);
	return r;
}

static void test_process_alone(void **state)
{
	static const char whole[] = WITH_PROCESS("\"env\":[\"A=]}\"]");
	/* An older krun took a key that is there twice; the last one counts. The rest is not parsed. */
	static const char twice[] = "{\"process\":7,\"linux\":{\"process\":8},"
				    "\"process\":{\"cwd\":\"/x\",\"args\":[\"b\"]},\"ociVersion\":9}";
	static const char *const bad[] = {
		"{}",
		"[]",
		"",
		"{\"process\":7}",
		"{\"process\":{\"args\":[\"a\"]}}",
		"{\"process\":{\"cwd\":\"/\",\"args\":[\"a\"]",
		"{\"linux\":{\"process\":{\"cwd\":\"/\",\"args\":[\"a\"]}}}",
	};
	struct error err = { 0 };
	struct spec *spec;

	(void)state;
	assert_int_equal(load_process(whole, &spec, &err), 0);
	assert_string_equal(spec->process->args[0], "a");
	assert_string_equal(spec->process->env[0], "A=]}");
	assert_null(spec->rootfs);
	spec_free(spec);
	assert_int_equal(load_process(twice, &spec, &err), 0);
	assert_string_equal(spec->process->cwd, "/x");
	spec_free(spec);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(load_process(bad[i], &spec, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_templates_are_valid),
		cmocka_unit_test(test_mandatory_keys_and_types),
		cmocka_unit_test(test_unknown_keys_are_ignored),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_vm_has_what_km_has),
		cmocka_unit_test(test_hooks),
		cmocka_unit_test(test_annotations),
		cmocka_unit_test(test_load_names_the_file),
		cmocka_unit_test(test_process_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/criu_options.h"
#include "util/error.h"

static struct spec *parse(const char *more)
{
	char text[2048];
	struct spec *spec;
	struct error err;

	snprintf(text, sizeof(text),
		 "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"process\":{\"args\":[\"x\"],\"cwd\":"
		 "\"/\","
		 "\"terminal\":true,\"user\":{\"uid\":0,\"gid\":0}},%s}",
		 more);
	assert_int_equal(spec_parse(text, strlen(text), "config.json", &spec, &err), 0);
	return spec;
}

static const char plain[] = "\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]}";

static void test_defaults(void **state)
{
	struct checkpoint_options options = { .tcp_established = true };
	struct spec *spec = parse(plain);
	struct criu_options out;
	struct error err;

	(void)state;
	assert_int_equal(criu_options_make(&options, spec, "/etc/x.conf", &out, &err), 0);
	assert_int_equal(out.cgroups_mode, CRIU_CGROUPS_SOFT);
	assert_string_equal(out.config_file, "/etc/x.conf");
	assert_true(out.tcp_established);
	assert_true(out.orphan_pts_master);
	assert_false(out.leave_running);
	criu_options_done(&out);
	spec_free(spec);
}

static void test_configuration_file(void **state)
{
	static const struct {
		const char *annotation, *expected;
	} cases[] = { { "/a.conf", "/a.conf" }, { "", NULL } };
	struct checkpoint_options options = { 0 };
	struct criu_options out;
	struct error err;
	struct spec *spec;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char text[256];

		snprintf(text, sizeof(text), "\"annotations\":{\"org.criu.config\":\"%s\"},%s",
			 cases[i].annotation, plain);
		spec = parse(text);
		assert_int_equal(criu_options_make(&options, spec, "/default", &out, &err), 0);
		if (cases[i].expected)
			assert_string_equal(out.config_file, cases[i].expected);
		else
			assert_null(out.config_file);
		criu_options_done(&out);
		spec_free(spec);
	}
	spec = parse("\"annotations\":{\"org.criu.config\":\"near\"},\"linux\":{\"namespaces\":[{\"type\":"
		     "\"mount\"}]}");
	assert_int_equal(criu_options_make(&options, spec, NULL, &out, &err), -EINVAL);
	assert_non_null(strstr(err.text, "org.criu.config"));
	criu_options_done(&out);
	spec_free(spec);
}

static void test_dump(void **state)
{
	struct mount_pairs points = { 0 };
	char *stdio[3] = { (char *)"file[18:3]", (char *)"pipe:[7]", (char *)"socket:[9]" };
	struct criu_dump_facts facts = { .pid = 5, .points = &points, .stdio = stdio };
	struct checkpoint_options options = { .parent_path = "../a",
					      .page_server = "h:1",
					      .leave_running = true };
	struct spec *spec =
		parse("\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"pid\",\"path\":\"/p\"},"
		      "{\"type\":\"network\",\"path\":\"/n\"}]}");
	struct criu_options out;
	struct error err;

	(void)state;
	facts.namespaces[NS_NETWORK] = 100;
	facts.namespaces[NS_PID] = 200;
	assert_int_equal(mount_pairs_add(&points, "/link", "/target"), 0);
	assert_int_equal(criu_options_make(&options, spec, NULL, &out, &err), 0);
	assert_int_equal(criu_options_add_dump(&facts, &options, spec, &out, &err), 0);
	assert_int_equal(out.external.len, 5);
	assert_string_equal(out.external.items[0], "mnt[/target]:/link");
	assert_string_equal(out.external.items[1], "net[100]:" CRIU_NAME_NETWORK);
	assert_string_equal(out.external.items[2], "pid[200]:" CRIU_NAME_PID);
	assert_string_equal(out.external.items[3], "file[18:3]");
	assert_string_equal(out.external.items[4], "unix[9]");
	assert_string_equal(out.parent_images, "../a");
	assert_string_equal(out.page_server_address, "h");
	assert_true(out.leave_running);
	criu_options_done(&out);
	options.page_server = "h";
	assert_int_equal(criu_options_make(&options, spec, NULL, &out, &err), 0);
	assert_int_equal(criu_options_add_dump(&facts, &options, spec, &out, &err), -EINVAL);
	assert_string_equal(err.text, "--page-server 'h': not ADDRESS:PORT");
	criu_options_done(&out);
	options.parent_path = "/a";
	assert_int_equal(criu_options_make(&options, spec, NULL, &out, &err), 0);
	assert_int_equal(criu_options_add_dump(&facts, &options, spec, &out, &err), -EINVAL);
	criu_options_done(&out);
	mount_pairs_done(&points);
	spec_free(spec);
}

static void test_restore(void **state)
{
	struct mount_pairs sources = { 0 };
	char *stdio[3] = { NULL, (char *)"pipe:[7]", (char *)"pipe:[7]" };
	struct criu_restore_facts facts = { &sources, stdio };
	struct checkpoint_options options = { 0 };
	struct spec *spec =
		parse("\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"ipc\",\"path\":\"/i\"},"
		      "{\"type\":\"network\",\"path\":\"/n\"}]}");
	struct criu_options out;
	struct error err;

	(void)state;
	assert_int_equal(mount_pairs_add(&sources, "/data", "/srv/data"), 0);
	assert_int_equal(criu_options_make(&options, spec, NULL, &out, &err), 0);
	assert_int_equal(criu_options_add_restore(&facts, spec, &out, &err), 0);
	assert_string_equal(out.external.items[0], "mnt[/data]:/srv/data");
	assert_int_equal(out.inherited_len, 2);
	assert_string_equal(out.inherited[0].key, "pipe:[7]");
	assert_int_equal(out.inherited[0].fd, CRIU_FD_STDIO + 1);
	assert_string_equal(out.inherited[1].key, CRIU_NAME_NETWORK);
	assert_int_equal(out.joined_len, 1);
	assert_string_equal(out.joined[0].kind, "ipc");
	assert_string_equal(out.joined[0].path, "/i");
	assert_true(out.sibling);
	assert_string_equal(out.log_file, "restore.log");
	criu_options_done(&out);
	mount_pairs_done(&sources);
	spec_free(spec);
}

static void test_what_cannot_come_back(void **state)
{
	static const struct {
		const char *more, *text;
	} cases[] = {
		{ "\"linux\":{\"namespaces\":[{\"type\":\"mount\",\"path\":\"/m\"}]}", "mount namespace" },
		{ "\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"cgroup\",\"path\":\"/c\"}]}",
		  "cgroup namespace" },
		{ "\"mounts\":[{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/"
		  "usr\",\"options\":[\"bind\",\"idmap\"],"
		  "\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}],"
		  "\"gidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]}],"
		  "\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]}",
		  "/mounts/0" },
		{ "\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"network\"}],\"netDevices\":{"
		  "\"eth9\":{}}}",
		  "/linux/netDevices" },
		{ "\"linux\":{\"namespaces\":[{\"type\":\"mount\"}],\"seccomp\":{\"defaultAction\":\"SCMP_"
		  "ACT_NOTIFY\","
		  "\"listenerPath\":\"/agent\"}}",
		  "/linux/seccomp: CRIU cannot restore a seccomp filter with an agent" },
	};
	struct error err;
	struct spec *spec = parse(plain);

	(void)state;
	assert_int_equal(criu_check_spec(spec, &err), 0);
	spec_free(spec);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		spec = parse(cases[i].more);
		assert_int_equal(criu_check_spec(spec, &err), -EOPNOTSUPP);
		assert_non_null(strstr(err.text, cases[i].text));
		spec_free(spec);
	}
}

static void test_names_of_files(void **state)
{
	char *name;

	(void)state;
	assert_int_equal(criu_name_file("pipe:[3]", 1, 2, false, &name), 0);
	assert_string_equal(name, "pipe:[3]");
	free(name);
	assert_int_equal(criu_name_file("/some/file", 24, 10953390, false, &name), 0);
	assert_string_equal(name, "file[18:a722ae]");
	free(name);
	assert_int_equal(criu_name_file("/dev/pts/3", 24, 6, true, &name), 0);
	assert_null(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_configuration_file),
		cmocka_unit_test(test_dump),
		cmocka_unit_test(test_restore),
		cmocka_unit_test(test_what_cannot_come_back),
		cmocka_unit_test(test_names_of_files),
	};

	return cmocka_run_group_tests_name("criu_options", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "parse.h"

#include <sys/mount.h>

static void test_linux_good_and_bad(void **state)
{
	static const struct spec_row rows[] = {
		{ "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\",\"path\":\"/n\"}]", NULL },
		{ "\"namespaces\":[{\"type\":\"x\"}]", "/linux/namespaces/0/type: unknown namespace 'x'" },
		{ "\"namespaces\":[{}]", "/linux/namespaces/0/type: missing" },
		{ "\"namespaces\":[7]", "/linux/namespaces/0: expected object" },
		{ "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\"}]", "/linux/namespaces/1" },
		{ "\"namespaces\":[{\"type\":\"pid\",\"path\":\"p\"}]", "not an absolute path" },
		{ "\"namespaces\":[{\"type\":\"user\"}]", "needs uidMappings" },
		{ "\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]",
		  "/linux/uidMappings: needs a user namespace" },
		{ "\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":0}]",
		  "/linux/uidMappings/0/size: out of range" },
		{ "\"uidMappings\":[{\"containerID\":4294967295,\"hostID\":0,\"size\":2}]",
		  "beyond the largest id" },
		{ "\"gidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":5},"
		  "{\"containerID\":4,\"hostID\":10,\"size\":1}]",
		  "mappings 0 and 1 overlap" },
		{ "\"timeOffsets\":{\"monotonic\":{\"secs\":1}}", "needs a new time namespace" },
		{ "\"namespaces\":[{\"type\":\"time\"}],\"timeOffsets\":{\"boottime\":{\"nanosecs\":"
		  "1000000000}}",
		  "/linux/timeOffsets/boottime/nanosecs: out of range" },
		{ "\"devices\":[{\"path\":\"/d\",\"type\":\"c\",\"major\":1,\"minor\":3}]", NULL },
		{ "\"devices\":[{\"path\":\"d\",\"type\":\"c\",\"major\":1,\"minor\":3}]",
		  "/linux/devices/0/path" },
		{ "\"devices\":[{\"path\":\"/d\",\"type\":\"z\",\"major\":1,\"minor\":3}]",
		  "/linux/devices/0/type" },
		{ "\"devices\":[{\"path\":\"/d\",\"type\":\"c\"}]", "/linux/devices/0" },
		{ "\"rootfsPropagation\":\"slave\"", NULL },
		{ "\"rootfsPropagation\":\"upwards\"", "unknown propagation 'upwards'" },
		{ "\"personality\":{\"domain\":\"VAX\"}", "unknown domain 'VAX'" },
		{ "\"sysctl\":{\"a\":1}", "/linux/sysctl/a: expected string" },
		{ "\"maskedPaths\":[1]", "/linux/maskedPaths/0" },
		{ "\"intelRdt\":{\"closID\":\"x\",\"memBwSchema\":\"MB:0=20\",\"schemata\":[\"L3:0=f\"]}",
		  NULL },
		{ "\"intelRdt\":{\"closID\":\"a/b\"}", "/linux/intelRdt/closID: 'a/b'" },
		{ "\"intelRdt\":{\"closID\":\"..\"}", "/linux/intelRdt/closID" },
		{ "\"intelRdt\":{\"memBwSchema\":\"L3:0=f\"}", "/linux/intelRdt/memBwSchema" },
		{ "\"intelRdt\":{\"schemata\":\"L3:0=f\"}", "/linux/intelRdt/schemata: expected array" },
		{ "\"intelRdt\":{}", NULL },
		{ "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"0-1\"}", NULL },
		{ "\"memoryPolicy\":{\"nodes\":\"0\"}", "/linux/memoryPolicy/mode: missing" },
		{ "\"memoryPolicy\":{}", "/linux/memoryPolicy/mode: missing" },
		{ "\"memoryPolicy\":{\"mode\":\"MPOL_X\"}",
		  "/linux/memoryPolicy/mode: unknown value 'MPOL_X'" },
		{ "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\"}", "MPOL_BIND needs nodes" },
		{ "\"memoryPolicy\":{\"mode\":\"MPOL_LOCAL\",\"nodes\":\"0\"}", "MPOL_LOCAL takes no nodes" },
		{ "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"x\"}",
		  "/linux/memoryPolicy/nodes: 'x' is not a list" },
		{ "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"0\",\"flags\":[\"MPOL_F_STATIC_"
		  "NODES\","
		  "\"MPOL_F_RELATIVE_NODES\"]}",
		  "either relative or static" },
	};

	(void)state;
	CHECK_ROWS(WITH_LINUX("%s"), rows);
}

static void test_seccomp_good_and_bad(void **state)
{
	static const struct spec_row rows[] = {
		{ "\"defaultAction\":\"SCMP_ACT_ALLOW\"", NULL },
		{ "\"architectures\":[]", "/linux/seccomp/defaultAction: missing" },
		{ "\"defaultAction\":\"SCMP_ACT_MAYBE\"", "unknown value 'SCMP_ACT_MAYBE'" },
		{ "\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"VAX\"]",
		  "/linux/seccomp/architectures/0: unknown value 'VAX'" },
		{ "\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"F\"]", "/linux/seccomp/flags/0" },
		{ "\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultErrnoRet\":4096",
		  "defaultErrnoRet: out of range" },
		{ "\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[],\"action\":\"SCMP_ACT_"
		  "ALLOW\"}]",
		  "/linux/seccomp/syscalls/0/names: empty" },
		{ "\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":"
		  "\"SCMP_ACT_LOG\","
		  "\"args\":[{\"index\":6,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}]",
		  "/linux/seccomp/syscalls/0/args/0/index: out of range" },
		{ "\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/run/"
		  "x\",\"listenerMetadata\":\"m\"",
		  NULL },
		{ "\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerMetadata\":\"m\"", "but no listenerPath" },
		{ "\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultErrnoRet\":1",
		  "/linux/seccomp: SCMP_ACT_ALLOW does not take an errno" },
	};

	(void)state;
	CHECK_ROWS(WITH_LINUX("\"seccomp\":{%s}"), rows);
}

static void test_resources_good_and_bad(void **state)
{
	static const struct spec_row rows[] = {
		{ "\"memory\":{\"limit\":-1}", NULL },
		{ "\"memory\":{\"limit\":-2}", "/linux/resources/memory/limit: out of range" },
		{ "\"memory\":{\"limit\":\"1g\"}", "/linux/resources/memory/limit: expected an integer" },
		{ "\"cpu\":{\"shares\":-1}", "/linux/resources/cpu/shares: negative" },
		{ "\"pids\":{\"limit\":0}", NULL },
		{ "\"devices\":[{\"access\":\"rwm\"}]", "/linux/resources/devices/0/allow: missing" },
		{ "\"devices\":[{\"allow\":true,\"access\":\"rx\"}]", "other letters than r, w, m" },
		{ "\"devices\":[{\"allow\":true,\"type\":\"p\"}]", "none of a, c, b" },
		{ "\"devices\":[{\"allow\":true,\"major\":-2}]",
		  "/linux/resources/devices/0/major: out of range" },
		{ "\"unified\":{\"memory.max\":1}", "/linux/resources/unified/memory.max: expected string" },
		{ "\"hugepageLimits\":[{\"pageSize\":\"2MB\"}]",
		  "/linux/resources/hugepageLimits/0/limit: missing" },
	};

	(void)state;
	CHECK_ROWS(WITH_LINUX("\"resources\":{%s}"), rows);
}

static void test_linux_values(void **state)
{
	struct error err = { 0 };
	struct spec *spec;

	(void)state;
	assert_int_equal(spec_of(WITH_LINUX("%s"),
				 "\"namespaces\":[{\"type\":\"user\"},{\"type\":\"ipc\",\"path\":\"/"
				 "i\"},{\"type\":\"time\"}],"
				 "\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}],"
				 "\"gidMappings\":[{\"containerID\":0,\"hostID\":2000,\"size\":3}],"
				 "\"timeOffsets\":{\"monotonic\":{\"secs\":-5,\"nanosecs\":7}},"
				 "\"devices\":[{\"path\":\"/"
				 "d\",\"type\":\"u\",\"major\":1,\"minor\":3,\"fileMode\":384,\"uid\":4},"
				 "{\"path\":\"/e\",\"type\":\"p\"}],"
				 "\"rootfsPropagation\":\"rslave\",\"cgroupsPath\":\"\",\"personality\":{"
				 "\"domain\":\"LINUX32\"},"
				 "\"resources\":{\"devices\":[{\"allow\":false},{\"allow\":true,\"type\":"
				 "\"c\",\"major\":1,"
				 "\"minor\":-1,\"access\":\"r\"}],\"pids\":{\"limit\":0}},"
				 "\"seccomp\":{}",
				 &spec, &err),
			 0);
	assert_true(spec->namespaces[NS_USER].listed);
	assert_string_equal(spec->namespaces[NS_IPC].path, "/i");
	assert_int_equal(spec->id_maps.uids[0].host_id, 1000);
	assert_int_equal(spec->id_maps.gids[0].size, 3);
	assert_int_equal(spec->monotonic.secs, -5);
	assert_false(spec->boottime.set);
	assert_int_equal(spec->devices[0].type, 'c');
	assert_int_equal(spec->devices[0].mode, 0600);
	assert_int_equal(spec->devices[1].mode, 0666);
	assert_int_equal(spec->rootfs_propagation, MS_SLAVE | MS_REC);
	assert_null(spec->cgroups_path);
	assert_true(spec->personality.set);
	assert_null(spec->seccomp);
	assert_int_equal(spec->resources.devices[0].type, 'a');
	assert_true(spec->resources.devices[0].mknod);
	assert_false(spec->resources.devices[0].major.set);
	assert_int_equal(spec->resources.devices[1].major.value, 1);
	assert_false(spec->resources.devices[1].minor.set);
	assert_true(spec->resources.devices[1].read && !spec->resources.devices[1].write);
	assert_true(spec->resources.pids_limit.set);
	spec_free(spec);
}

static void test_bare_resources_of_update(void **state)
{
	static const char good[] = "{\"memory\":{\"limit\":5}}", bad[] = "{\"memory\":5}";
	struct error err = { 0 };
	struct spec *spec;

	(void)state;
	assert_int_equal(spec_parse_resources(good, strlen(good), "stdin", &spec, &err), 0);
	assert_int_equal(spec->resources.memory.limit.value, 5);
	spec_free(spec);
	assert_true(spec_parse_resources(bad, strlen(bad), "stdin", &spec, &err) < 0);
	assert_string_equal(err.text, "stdin: /memory: expected object, got int");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_linux_good_and_bad),	 cmocka_unit_test(test_seccomp_good_and_bad),
		cmocka_unit_test(test_resources_good_and_bad),	 cmocka_unit_test(test_linux_values),
		cmocka_unit_test(test_bare_resources_of_update),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

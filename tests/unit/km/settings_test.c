/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json/findings.h"
#include "km/km.h"
#include "km/requirements.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"

/* Makes a host file with content @text; the caller unlinks it. */
static void write_file(char path[32], const char *text)
{
	int fd;

	strcpy(path, "/tmp/krun-unit-XXXXXX");
	fd = mkstemp(path);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int load(const char *text, struct km_settings *ret, struct error *err)
{
	char path[32];
	int r;

	write_file(path, text);
	r = km_settings_load(path, ret, err);
	unlink(path);
	return r;
}

/* Joins the items with blanks. */
static void join(const struct strv *list, char *ret, size_t size)
{
	ret[0] = '\0';
	for (size_t i = 0; i < list->len; i++)
		snprintf(ret + strlen(ret), size - strlen(ret), "%s%s", i > 0 ? " " : "", list->items[i]);
}

static void options(const struct km_settings *settings, bool exec, char *ret, size_t size)
{
	struct strv list;
	struct error err = { 0 };

	assert_int_equal(km_settings_options(settings, exec, &list, &err), 0);
	join(&list, ret, size);
	strv_done(&list);
}

/* Loads a host file with content @host, and applies a config.json with the members @config. */
static int apply(const char *host, const char *config, struct km_settings *ret, struct error *err)
{
	struct spec *spec;
	char text[2048];
	int r = load(host, ret, err);

	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"linux\":{}%s%s}",
		 *config ? "," : "", config);
	r = spec_parse(text, strlen(text), "config.json", &spec, err);
	if (r == 0) {
		r = km_settings_apply(ret, spec, err);
		/* The settings borrow nothing of it. */
		spec_free(spec);
	}
	if (r < 0)
		km_settings_done(ret);
	return r;
}

static void test_defaults_and_values(void **state)
{
	struct km_settings settings;
	struct error err = { 0 };
	char line[512];

	(void)state;
	assert_int_equal(load("{}", &settings, &err), 0);
	assert_string_equal(settings.monitor, KM_MONITOR_DEFAULT);
	assert_string_equal(settings.libc, KM_LIBC_DEFAULT);
	assert_int_equal(settings.start, KM_START_PAYLOAD);
	assert_int_equal(settings.start_timeout_ms, KM_START_TIMEOUT_MS);
	assert_true(settings.management);
	assert_null(settings.device);
	options(&settings, false, line, sizeof(line));
	assert_string_equal(line, "");
	km_settings_done(&settings);
	assert_int_equal(
		load("{\"kmPath\":\"/k\",\"libcPath\":\"/l\",\"startAt\":\"exec\",\"startTimeoutMs\":5}",
		     &settings, &err),
		0);
	assert_string_equal(settings.monitor, "/k");
	assert_string_equal(settings.libc, "/l");
	assert_int_equal(settings.start, KM_START_EXEC);
	assert_int_equal(settings.start_timeout_ms, 5);
	assert_int_equal(settings.exceptions, KM_EXCEPTIONS_CONTAINER);
	assert_null(settings.exceptions_file);
	assert_int_equal(settings.exceptions_audit, KM_AUDIT_STATE);
	km_settings_done(&settings);
	assert_int_equal(
		load("{\"exceptions\":\"host\",\"exceptionsFile\":\"/x\",\"exceptionsAudit\":\"syslog\"}",
		     &settings, &err),
		0);
	assert_int_equal(settings.exceptions, KM_EXCEPTIONS_HOST);
	assert_string_equal(settings.exceptions_file, "/x");
	assert_int_equal(settings.exceptions_audit, KM_AUDIT_SYSLOG);
	km_settings_done(&settings);
	assert_int_equal(load("{\"exceptions\":\"deny\",\"exceptionsAudit\":\"state\"}", &settings, &err), 0);
	assert_int_equal(settings.exceptions, KM_EXCEPTIONS_DENY);
	km_settings_done(&settings);
}

static void test_what_becomes_of_each_on_kms_command_line(void **state)
{
	static const struct {
		const char *text, *first, *exec;
	} rows[] = {
		{ "\"device\":\"kvm\"", "--virt-device=/dev/kvm", "--virt-device=/dev/kvm" },
		{ "\"device\":\"kkm\"", "--virt-device=/dev/kkm", "--virt-device=/dev/kkm" },
		{ "\"device\":\"/dev/x\"", "--virt-device=/dev/x", "--virt-device=/dev/x" },
		{ "\"device\":\"auto\"", "", "" },
		{ "\"membusWidth\":36", "--membus-width=36", "--membus-width=36" },
		{ "\"pages1g\":true", "--enable-1g-pages", "--enable-1g-pages" },
		{ "\"pages1g\":false", "--disable-1g-pages", "--disable-1g-pages" },
		{ "\"overcommitMemory\":true", "--overcommit-memory", "--overcommit-memory" },
		{ "\"overcommitMemory\":false", "", "" },
		{ "\"vendorId\":true", "--vendorid", "--vendorid" },
		{ "\"killUnimplemented\":true", "--kill-unimpl-scall", "--kill-unimpl-scall" },
		{ "\"hypercallStats\":true", "--hcall-stats", "" },
		{ "\"verbose\":\"exec|fork\"", "--verbose=exec|fork", "" },
		{ "\"log\":\"stderr\"", "", "" },
		{ "\"gdb\":\"off\",\"gdbPort\":5", "", "" },
		{ "\"gdbPort\":5", "", "" },
		{ "\"gdb\":\"wait\"", "--gdb-server-port=2159", "" },
		{ "\"gdb\":\"listen\",\"gdbPort\":5", "--gdb-server-port=5 --gdb-listen", "" },
		{ "\"gdb\":\"dynlink\"", "--gdb-server-port=2159 --gdb-dynlink", "" },
		{ "\"coreDump\":\"/c\"", "--coredump=/c", "--coredump=/c" },
		{ "\"snapshotPath\":\"/s\",\"management\":false", "--snapshot=/s", "" },
		{ "\"environment\":[\"A=b\"]", "", "" },
		{ "\"parameters\":[\"--core-on-err\",\"--x=y\"]", "--core-on-err --x=y",
		  "--core-on-err --x=y" },
		{ "\"membusWidth\":33,\"parameters\":[\"--membus-width=34\"]",
		  "--membus-width=33 --membus-width=34", "--membus-width=33 --membus-width=34" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct km_settings settings;
		struct error err = { 0 };
		char text[256], line[512];

		snprintf(text, sizeof(text), "{%s}", rows[i].text);
		if (load(text, &settings, &err) < 0)
			fail_msg("%s", err.text);
		options(&settings, false, line, sizeof(line));
		assert_string_equal(line, rows[i].first);
		options(&settings, true, line, sizeof(line));
		assert_string_equal(line, rows[i].exec);
		km_settings_done(&settings);
	}
}

static void test_mistakes_are_named(void **state)
{
	static const struct {
		const char *text, *expect;
	} rows[] = {
		{ "{\"kmpath\":\"/k\"}", "/kmpath: unknown key" },
		{ "{\"kmPath\":\"k\"}", "/kmPath: 'k' is not an absolute path" },
		{ "{\"kmPath\":\"\"}", "/kmPath: empty" },
		{ "{\"kmPath\":1}", "/kmPath: expected string" },
		{ "{\"startAt\":\"later\"}", "/startAt: 'later' is none of payload, exec" },
		{ "{\"startTimeoutMs\":0}", "/startTimeoutMs: out of range (1 to 600000)" },
		{ "{\"device\":\"xen\"}", "/device: 'xen' is neither auto, kvm, kkm nor a path below /dev" },
		{ "{\"device\":\"/etc/x\"}", "/device: '/etc/x' is neither" },
		{ "{\"device\":\"/dev/../etc/x\"}", "/device: '/dev/../etc/x' is neither" },
		{ "{\"membusWidth\":31}", "/membusWidth: out of range (32 to 39)" },
		{ "{\"membusWidth\":40}", "/membusWidth: out of range (32 to 39)" },
		{ "{\"pages1g\":\"yes\"}", "/pages1g: expected boolean" },
		{ "{\"verbose\":\"\"}", "/verbose: empty" },
		{ "{\"log\":\"file\"}", "/log: 'file' is neither state, stderr, none nor an absolute path" },
		{ "{\"gdb\":\"on\"}", "/gdb: 'on' is none of off, wait, listen, dynlink" },
		{ "{\"gdbPort\":65536}", "/gdbPort: out of range (1 to 65535)" },
		{ "{\"coreDump\":\"core\"}", "/coreDump: 'core' is not an absolute path" },
		{ "{\"environment\":[\"A=1\",\"B\"]}", "/environment/1: 'B' is not NAME=VALUE" },
		{ "{\"environment\":[\"KM_EXEC_VERS=1\"]}",
		  "/environment/0: 'KM_EXEC_VERS=1' is reserved for" },
		{ "{\"environment\":[\"KM_MGTDIR=/x\"]}", "/environment/0: 'KM_MGTDIR=/x' is reserved for" },
		{ "{\"parameters\":[\"-g\"]}", "/parameters/0: '-g' is not --NAME" },
		{ "{\"parameters\":[\"--\"]}", "/parameters/0: '--' is not --NAME" },
		{ "{\"parameters\":[\"/bin/sh\"]}", "/parameters/0: '/bin/sh' is not --NAME" },
		{ "{\"parameters\":[\"--km-log-to=/x\"]}", "is set by krun itself" },
		{ "{\"parameters\":[\"--km-l=/x\"]}", "is set by krun itself" },
		{ "{\"parameters\":[\"--wait\"]}", "is set by krun itself" },
		{ "{\"parameters\":[\"--snapshot=/x\"]}", "is set by krun itself" },
		{ "{\"parameters\":[\"--coredump\"]}", "'--coredump' has no =VALUE" },
		{ "{\"parameters\":[\"--membus\"]}", "'--membus' has no =VALUE" },
		{ "{\"allowAnnotations\":[\"nothing\"]}",
		  "/allowAnnotations/0: there is no setting 'nothing'" },
		{ "{\"allowAnnotations\":[\"snapshotDirectory\"]}",
		  "/allowAnnotations/0: 'snapshotDirectory' can be set in this file only" },
		{ "{\"allowVm\":[\"kernel\"]}", "/allowVm/0: 'kernel' is none of hypervisor.path" },
		{ "{\"allowVm\":\"*\"}", "/allowVm: expected array" },
		{ "{\"exceptions\":\"none\"}", "/exceptions: 'none' is none of container, deny, host" },
		{ "{\"exceptionsAudit\":\"none\"}", "/exceptionsAudit: 'none' is none of state, syslog" },
		{ "{\"exceptions\":\"host\"}", "needs \"exceptionsFile\"" },
		{ "{\"exceptions\":\"deny\",\"exceptionsFile\":\"/x\"}", "\"exceptionsFile\" is for" },
		{ "{\"exceptions\":\"host\",\"exceptionsFile\":\"x\"}", "not an absolute path" },
		{ "[]", "expected an object" },
		{ "{", "not JSON" },
	};
	struct km_settings settings;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = { 0 };

		if (load(rows[i].text, &settings, &err) >= 0 || !strstr(err.text, rows[i].expect) ||
		    !strstr(err.text, "/tmp/krun-unit-"))
			fail_msg("%s: '%s'", rows[i].text, err.text);
	}
}

static void test_a_named_file_has_to_exist(void **state)
{
	struct km_settings settings;
	struct error err = { 0 };

	(void)state;
	assert_true(km_settings_load("/no/such/file", &settings, &err) < 0);
	assert_non_null(strstr(err.text, "/no/such/file"));
}

#define ANNOTATION(key, value) "\"annotations\":{\"app.kontain.krun." key "\":\"" value "\"}"
#define MEMORY(number) "\"vm\":{\"hwConfig\":{\"memory\":" number "}}"

static void test_layers_weigh_more_and_more(void **state)
{
	static const struct {
		const char *host, *config, *expect;
	} rows[] = {
		{ "{\"membusWidth\":33}", "", "--membus-width=33" },
		{ "{\"membusWidth\":33,\"allowVm\":[\"hwConfig.memory\"]}", MEMORY("17179869184"),
		  "--membus-width=34" },
		{ "{\"membusWidth\":33,\"allowVm\":[\"hwConfig.memory\"],\"allowAnnotations\":["
		  "\"membusWidth\"]}",
		  MEMORY("17179869184") "," ANNOTATION("membusWidth", "35"), "--membus-width=35" },
		{ "{\"allowVm\":[\"hwConfig.memory\"]}", MEMORY("4294967296"), "--membus-width=32" },
		{ "{\"allowVm\":[\"hwConfig.memory\"]}", MEMORY("549755813888"), "--membus-width=39" },
		{ "{}", MEMORY("0"), "" },
		{ "{\"parameters\":[\"--a\"],\"allowVm\":[\"hypervisor.parameters\"]}",
		  "\"vm\":{\"hypervisor\":{\"path\":\"\",\"parameters\":[\"--b\"]},\"kernel\":{\"path\":\"\"}"
		  "}",
		  "--b" },
		{ "{\"parameters\":[\"--a\"],\"allowAnnotations\":[\"parameters\"]}",
		  ANNOTATION("parameters", "[\\\"--core-on-err\\\"]"), "--core-on-err" },
		{ "{\"device\":\"kkm\",\"allowAnnotations\":[\"*\"]}", ANNOTATION("device", "auto"), "" },
		{ "{\"device\":\"kkm\",\"allowAnnotations\":[\"*\"]}", ANNOTATION("device", "kvm"),
		  "--virt-device=/dev/kvm" },
		{ "{\"allowAnnotations\":[\"device\"]}", ANNOTATION("device", "/dev/x"),
		  "--virt-device=/dev/x" },
		{ "{\"overcommitMemory\":true,\"allowAnnotations\":[\"*\"]}",
		  ANNOTATION("overcommitMemory", "false"), "" },
		{ "{\"allowAnnotations\":[\"gdb\"],\"gdbPort\":7}", ANNOTATION("gdb", "listen"),
		  "--gdb-server-port=7 --gdb-listen" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct km_settings settings;
		struct error err = { 0 };
		char line[256];

		if (apply(rows[i].host, rows[i].config, &settings, &err) < 0)
			fail_msg("%s %s: '%s'", rows[i].host, rows[i].config, err.text);
		options(&settings, false, line, sizeof(line));
		assert_string_equal(line, rows[i].expect);
		km_settings_done(&settings);
	}
}

static void test_vm_names_km(void **state)
{
	struct km_settings settings;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(apply("{\"kmPath\":\"/a\",\"allowVm\":[\"hypervisor.path\"]}",
			       "\"vm\":{\"hypervisor\":{\"path\":\"/b\"}}", &settings, &err),
			 0);
	assert_string_equal(settings.monitor, "/b");
	km_settings_done(&settings);
	assert_int_equal(apply("{\"allowVm\":[\"hypervisor.path\"],\"allowAnnotations\":[\"kmPath\"]}",
			       "\"vm\":{\"hypervisor\":{\"path\":\"/b\"}}," ANNOTATION("kmPath", "/c"),
			       &settings, &err),
			 0);
	assert_string_equal(settings.monitor, "/c");
	km_settings_done(&settings);
}

static void test_what_the_host_does_not_allow(void **state)
{
	static const struct {
		const char *host, *config, *expect;
	} rows[] = {
		{ "{}", ANNOTATION("membusWidth", "33"),
		  "/annotations/app.kontain.krun.membusWidth: this host does not allow it: "
		  "\"allowAnnotations\" in /tmp/krun-unit-" },
		{ "{\"allowAnnotations\":[\"startAt\"]}", ANNOTATION("membusWidth", "33"),
		  "does not have \"membusWidth\"" },
		/* "*" does not include settings that let a container do more to the host. */
		{ "{\"allowAnnotations\":[\"*\"]}", ANNOTATION("kmPath", "/x"), "does not allow it" },
		{ "{\"allowAnnotations\":[\"*\"]}", ANNOTATION("libcPath", "/x"), "does not allow it" },
		{ "{\"allowAnnotations\":[\"*\"]}", ANNOTATION("parameters", "[]"), "does not allow it" },
		{ "{\"allowAnnotations\":[\"*\"]}", ANNOTATION("environment", "[]"), "does not allow it" },
		{ "{\"allowAnnotations\":[\"*\"]}", ANNOTATION("gdb", "wait"), "does not allow it" },
		{ "{\"allowAnnotations\":[\"*\"]}", ANNOTATION("gdbPort", "1"), "does not allow it" },
		{ "{\"allowAnnotations\":[\"*\"]}", ANNOTATION("coreDump", "/x"), "does not allow it" },
		{ "{\"allowAnnotations\":[\"*\"]}", ANNOTATION("verbose", "x"), "does not allow it" },
		{ "{\"allowAnnotations\":[\"*\"]}", ANNOTATION("device", "/dev/x"), "does not allow it" },
		{ "{\"allowAnnotations\":[\"*\"]}", ANNOTATION("snapshotDirectory", "/x"),
		  "snapshotDirectory: only the host can set this" },
		{ "{\"allowAnnotations\":[\"*\"]}", ANNOTATION("colour", "red"),
		  "/annotations/app.kontain.krun.colour: there is no such setting" },
		{ "{\"allowAnnotations\":[\"*\"]}", ANNOTATION("membusWidth", "wide"),
		  "membusWidth: 'wide' is not a number" },
		{ "{\"allowAnnotations\":[\"*\"]}", ANNOTATION("membusWidth", "64"),
		  "membusWidth: out of range (32 to 39)" },
		{ "{\"allowAnnotations\":[\"*\"]}", ANNOTATION("management", "maybe"),
		  "management: 'maybe' is neither true nor false" },
		{ "{\"allowAnnotations\":[\"parameters\"]}", ANNOTATION("parameters", "--a"),
		  "parameters: '--a' is not a JSON array of strings" },
		{ "{\"allowAnnotations\":[\"parameters\"]}", ANNOTATION("parameters", "[1]"),
		  "parameters/0: expected string" },
		{ "{\"allowAnnotations\":[\"parameters\"]}",
		  ANNOTATION("parameters", "[\\\"--log-to=/x\\\"]"),
		  "parameters/0: '--log-to=/x' is set by krun itself" },
		{ "{}", "\"vm\":{\"hypervisor\":{\"path\":\"/x\"}}",
		  "/vm/hypervisor/path: this host does not allow it: \"allowVm\" in "
		  "/tmp/krun-unit-" },
		{ "{}", "\"vm\":{\"hypervisor\":{\"parameters\":[\"--a\"]}}",
		  "does not have \"hypervisor.parameters\"" },
		{ "{}", MEMORY("4294967296"), "/vm/hwConfig/memory: this host does not allow it" },
		{ "{\"allowVm\":[\"hwConfig.memory\"]}", MEMORY("5000000000"),
		  "/vm/hwConfig/memory: km's machine has a power of two from 4 GiB to 512 GiB" },
		{ "{\"allowVm\":[\"hwConfig.memory\"]}", MEMORY("2147483648"), "a power of two" },
		{ "{\"allowVm\":[\"hypervisor.parameters\"]}",
		  "\"vm\":{\"hypervisor\":{\"parameters\":[\"--a\",\"b\"]}}",
		  "/vm/hypervisor/parameters/1: 'b' is not --NAME" },
		{ "{\"snapshotPath\":\"/s\"}", "", "set \"management\" to false" },
		{ "{}", ANNOTATION("snapshot", "x"), "\"snapshotDirectory\" is not set in /tmp/krun-unit-" },
		{ "{\"snapshotDirectory\":\"/s\"}", ANNOTATION("snapshot", "a/b"), "is not the name of" },
		{ "{\"snapshotDirectory\":\"/s\"}", ANNOTATION("snapshot", ".."), "is not the name of" },
		{ "{\"snapshotDirectory\":\"/s\"}", ANNOTATION("snapshot", ""), "is not the name of" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct km_settings settings;
		struct error err = { 0 };

		if (apply(rows[i].host, rows[i].config, &settings, &err) >= 0 ||
		    !strstr(err.text, rows[i].expect))
			fail_msg("%s %s: '%s'", rows[i].host, rows[i].config, err.text);
	}
}

static void test_a_snapshot_is_a_name_below_the_hosts_directory(void **state)
{
	struct km_settings settings;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(
		apply("{\"snapshotDirectory\":\"/s\"}", ANNOTATION("snapshot", "warm..1"), &settings, &err),
		0);
	assert_string_equal(settings.snapshot, "/s/warm..1");
	km_settings_done(&settings);
}

static void test_other_annotations_are_none_of_ours(void **state)
{
	struct km_settings settings;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(
		apply("{}", "\"annotations\":{\"app.kontain.version\":\"1\",\"x\":\"y\"}", &settings, &err),
		0);
	km_settings_done(&settings);
}

static void test_the_log_and_its_words(void **state)
{
	static const struct {
		const char *text, *expect;
	} rows[] = {
		{ "{}", NULL },
		{ "{\"log\":\"state\"}", NULL },
		{ "{\"log\":\"stderr\"}", "stderr" },
		/* With its own "none" km still writes to stderr. */
		{ "{\"log\":\"none\"}", "/dev/null" },
		{ "{\"log\":\"/tmp/x\"}", "/tmp/x" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct km_settings settings;
		struct error err = { 0 };

		assert_int_equal(load(rows[i].text, &settings, &err), 0);
		if (rows[i].expect)
			assert_string_equal(settings.log, rows[i].expect);
		else
			assert_null(settings.log);
		km_settings_done(&settings);
	}
}

static void test_what_differs_from_the_default(void **state)
{
	struct km_settings settings;
	struct strv list;
	struct error err = { 0 };
	char line[512];

	(void)state;
	assert_int_equal(load("{\"kmPath\":\"" KM_MONITOR_DEFAULT
			      "\",\"startAt\":\"payload\",\"pages1g\":true,\"gdb\":\"off\"}",
			      &settings, &err),
			 0);
	assert_int_equal(km_settings_differing(&settings, &list, &err), 0);
	assert_int_equal(list.len, 0);
	strv_done(&list);
	km_settings_done(&settings);

	assert_int_equal(
		load("{\"device\":\"kvm\",\"startAt\":\"exec\",\"membusWidth\":35,\"management\":false,"
		     "\"environment\":[\"A=b=c\"],\"allowAnnotations\":[\"gdb\",\"startAt\"]}",
		     &settings, &err),
		0);
	assert_int_equal(km_settings_differing(&settings, &list, &err), 0);
	join(&list, line, sizeof(line));
	assert_string_equal(line, "device=/dev/kvm startAt=exec membusWidth=35 management=false "
				  "environment=[\"A=b=c\"]");
	strv_done(&list);
	assert_int_equal(km_settings_allowed(&settings, &list, &err), 0);
	join(&list, line, sizeof(line));
	assert_string_equal(line, "startAt gdb");
	strv_done(&list);
	km_settings_done(&settings);
}

static void test_validate_finds_everything(void **state)
{
	struct error err = { 0 };
	/* On a processor without km that is the only finding about km. */
	const bool none = km_check_processor(&err) < 0;
	const struct {
		const char *pointer;
		enum json_severity severity;
	} expect[] = {
		{ "/device", JSON_ERROR },
		{ "/membusWidth", JSON_ERROR },
		{ "/environment/0", JSON_ERROR },
		{ "/environment/2", JSON_ERROR },
		{ "/allowVm/0", JSON_ERROR },
		{ "/colour", JSON_ERROR },
		{ "/shape", JSON_ERROR },
		{ none ? "" : "/kmPath", none ? JSON_UNSUPPORTED : JSON_ERROR },
		{ "/snapshotDirectory", JSON_ERROR },
	};
	struct json_findings findings = { 0 };
	char path[32];

	(void)state;
	write_file(
		path,
		"{\"kmPath\":\"/no/km\",\"device\":\"xen\",\"membusWidth\":1,\"environment\":[\"A\",\"B=1\","
		"\"C\"],\"allowVm\":[\"x\"],\"colour\":1,\"shape\":2,\"snapshotDirectory\":\"/no/dir\"}");
	assert_int_equal(km_settings_check(path, &findings, &err), 0);
	unlink(path);
	for (size_t i = 0; i < ARRAY_LEN(expect); i++) {
		size_t j = 0;

		while (j < findings.len && (strcmp(findings.items[j].pointer, expect[i].pointer) != 0 ||
					    findings.items[j].severity != expect[i].severity))
			j++;
		if (j == findings.len)
			fail_msg("%s", expect[i].pointer);
	}
	json_findings_done(&findings);
	write_file(path, "{");
	assert_int_equal(km_settings_check(path, &findings, &err), 0);
	unlink(path);
	assert_true(findings.len > 0);
	assert_non_null(strstr(findings.items[0].reason, "not JSON"));
	json_findings_done(&findings);
	assert_true(km_settings_check("/no/such/file", &findings, &err) < 0);
	json_findings_done(&findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_and_values),
		cmocka_unit_test(test_what_becomes_of_each_on_kms_command_line),
		cmocka_unit_test(test_mistakes_are_named),
		cmocka_unit_test(test_a_named_file_has_to_exist),
		cmocka_unit_test(test_layers_weigh_more_and_more),
		cmocka_unit_test(test_vm_names_km),
		cmocka_unit_test(test_what_the_host_does_not_allow),
		cmocka_unit_test(test_a_snapshot_is_a_name_below_the_hosts_directory),
		cmocka_unit_test(test_other_annotations_are_none_of_ours),
		cmocka_unit_test(test_the_log_and_its_words),
		cmocka_unit_test(test_what_differs_from_the_default),
		cmocka_unit_test(test_validate_finds_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "km/km.h"
#include "util/array.h"
#include "util/error.h"

static int load(const char *text, struct km_settings *ret, struct error *err)
{
	char path[] = "/tmp/krun-unit-XXXXXX";
	int fd = mkstemp(path), r;

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	r = km_settings_load(path, ret, err);
	unlink(path);
	return r;
}

static void test_defaults_and_values(void **state)
{
	struct km_settings settings;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(load("{}", &settings, &err), 0);
	assert_string_equal(settings.monitor, KM_MONITOR_DEFAULT);
	assert_string_equal(settings.libc, KM_LIBC_DEFAULT);
	assert_int_equal(settings.start, KM_START_PAYLOAD);
	assert_int_equal(settings.start_timeout_ms, KM_START_TIMEOUT_MS);
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
	assert_false(settings.exceptions_syslog);
	km_settings_done(&settings);
	assert_int_equal(
		load("{\"exceptions\":\"host\",\"exceptionsFile\":\"/x\",\"exceptionsAudit\":\"syslog\"}",
		     &settings, &err),
		0);
	assert_int_equal(settings.exceptions, KM_EXCEPTIONS_HOST);
	assert_string_equal(settings.exceptions_file, "/x");
	assert_true(settings.exceptions_syslog);
	km_settings_done(&settings);
	assert_int_equal(load("{\"exceptions\":\"deny\",\"exceptionsAudit\":\"state\"}", &settings, &err), 0);
	assert_int_equal(settings.exceptions, KM_EXCEPTIONS_DENY);
	km_settings_done(&settings);
}

static void test_mistakes_are_named(void **state)
{
	static const struct {
		const char *text, *expect;
	} rows[] = {
		{ "{\"kmpath\":\"/k\"}", "unknown key 'kmpath'" },
		{ "{\"kmPath\":\"k\"}", "/kmPath: 'k' is not an absolute path" },
		{ "{\"kmPath\":1}", "/kmPath: expected string" },
		{ "{\"startAt\":\"later\"}", "/startAt: 'later' is neither payload nor exec" },
		{ "{\"startTimeoutMs\":0}", "/startTimeoutMs: out of range (1 to 600000)" },
		{ "{\"exceptions\":\"none\"}", "/exceptions: 'none' is not a known word" },
		{ "{\"exceptionsAudit\":\"none\"}", "/exceptionsAudit: 'none' is not a known word" },
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_and_values),
		cmocka_unit_test(test_mistakes_are_named),
		cmocka_unit_test(test_a_named_file_has_to_exist),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

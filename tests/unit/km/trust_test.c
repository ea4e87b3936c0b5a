/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json/findings.h"
#include "km/trust.h"
#include "spec/spec.h"
#include "util/error.h"
#include "util/strv.h"

/* Every annotation that acts on the host or removes isolation, with its key; the last rows need none. */
static const struct {
	const char *annotation, *value, *key;
} rows[] = {
	{ "io.kubernetes.cri.container-type", "sandbox", "allowSandbox" },
	{ "io.kubernetes.cri-o.ContainerType", "sandbox", "allowSandbox" },
	{ "run.oci.hooks.stdout", "/o", "allowHooksOutput" },
	{ "run.oci.hooks.stderr", "/e", "allowHooksOutput" },
	{ "run.oci.pidfd_receiver", "/p", "allowPidfdReceiver" },
	{ "run.oci.seccomp.receiver", "/s", "allowSeccompReceiver" },
	{ "run.oci.keep_original_groups", "1", "allowKeepGroups" },
	{ "org.systemd.property.Conflicts", "['ssh.service']", "allowSystemdProperties" },
	{ "org.criu.config", "/c", "allowCriuConfig" },
	{ "org.criu.config", "", "allowCriuConfig" },
	{ "io.kubernetes.cri.container-type", "container", NULL },
	{ "run.oci.keep_original_groups", "0", NULL },
	{ "run.oci.hooks.stdout", "", NULL },
	{ "run.oci.delegate-cgroup", "x", NULL },
	{ "run.oci.systemd.subgroup", "x", NULL },
	{ "run.oci.mount_context_type", "rootcontext", NULL },
	{ "app.kontain.version", "1", NULL },
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static char file[] = "/tmp/krun-trust-XXXXXX";

static void write_host_file(const char *key)
{
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	fprintf(out, key ? "{\"%s\": true}" : "{}", key);
	fclose(out);
}

static void test_each_has_its_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++)
		for (size_t j = 0; j < ROWS; j++) {
			struct spec_pair pair = { .key = rows[i].annotation, .value = rows[i].value };
			struct spec spec = { .annotations = &pair, .annotations_len = 1 };
			const bool heeded =
				!rows[i].key || (rows[j].key && strcmp(rows[i].key, rows[j].key) == 0);
			struct json_findings findings = { 0 };
			struct strv keys = { 0 };
			struct error err;

			write_host_file(rows[j].key);
			assert_int_equal(km_trust_choose(file, false, &spec, &findings, &keys, &err), 0);
			assert_int_equal(spec_annotation(&spec, rows[i].annotation) != NULL, heeded);
			assert_int_equal(findings.len, !heeded);
			assert_int_equal(keys.len, heeded && rows[i].key);
			/* A later command, with the keys that the first one has recorded. */
			pair.refused = false;
			km_trust_apply(&spec, &keys);
			assert_int_equal(spec_annotation(&spec, rows[i].annotation) != NULL, heeded);
			strv_done(&keys);
			json_findings_done(&findings);
		}
}

/* A container without such annotations needs no host file. */
static void test_the_host_file_is_read_when_it_is_needed(void **state)
{
	struct strv keys = { 0 };
	struct error err;

	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		struct spec_pair pair = { .key = rows[i].annotation, .value = rows[i].value };
		struct spec spec = { .annotations = &pair, .annotations_len = 1 };
		const bool sandbox = rows[i].key && strcmp(rows[i].key, "allowSandbox") == 0;

		assert_int_equal(km_trust_choose("/no/such/file", false, &spec, NULL, &keys, &err) < 0,
				 rows[i].key != NULL);
		/* In plain mode there is no VM to take away. */
		assert_int_equal(km_trust_choose("/no/such/file", true, &spec, NULL, &keys, &err) < 0,
				 rows[i].key && !sandbox);
	}
	assert_int_equal(keys.len, 0);
}

static void test_two_of_one_key_and_another(void **state)
{
	struct spec_pair pairs[] = { { .key = "run.oci.hooks.stdout", .value = "/o" },
				     { .key = "run.oci.pidfd_receiver", .value = "/p" },
				     { .key = "run.oci.hooks.stderr", .value = "/e" } };
	struct spec spec = { .annotations = pairs, .annotations_len = 3 };
	struct json_findings findings = { 0 };
	struct strv keys = { 0 };
	struct error err;

	(void)state;
	write_host_file("allowHooksOutput");
	assert_int_equal(km_trust_choose(file, true, &spec, &findings, &keys, &err), 0);
	assert_int_equal(keys.len, 1);
	assert_string_equal(keys.items[0], "allowHooksOutput");
	assert_false(pairs[0].refused || pairs[2].refused);
	assert_true(pairs[1].refused);
	strv_done(&keys);
	json_findings_done(&findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_has_its_key),
		cmocka_unit_test(test_the_host_file_is_read_when_it_is_needed),
		cmocka_unit_test(test_two_of_one_key_and_another),
	};
	int fd = mkstemp(file), failed;

	if (fd < 0)
		return 1;
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(file);
	return failed;
}

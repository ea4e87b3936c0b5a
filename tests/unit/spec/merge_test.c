/* SPDX-License-Identifier: Apache-2.0 */
#include "parse.h"

/* Returns the linux object of a config.json with @linux after @changes; the caller frees it. */
static char *merged(const char *linux_part, const char *changes_text, const struct spec_written *written,
		    size_t written_len, struct opt_i64 limit, struct opt_i64 swap)
{
	struct spec *config = NULL, *changes = NULL, *again = NULL;
	struct error err = { 0 };
	struct spec_merge request;
	char *text, *part, *end;

	if (spec_of(WITH_LINUX("%s"), linux_part, &config, &err) < 0 ||
	    spec_parse_update(changes_text, strlen(changes_text), "update", &changes, &err) < 0)
		fail_msg("%s", err.text);
	request = (struct spec_merge){ changes, limit, swap, written, written_len };
	assert_int_equal(spec_merge_resources(config, &request, &text, &err), 0);
	/* The result is a complete config.json. */
	if (spec_parse(text, strlen(text), "merged", &again, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	spec_free(again);
	part = strstr(text, "\"linux\":");
	assert_non_null(part);
	end = strrchr(part, '}');
	*end = '\0';
	part = strdup(part + strlen("\"linux\":"));
	free(text);
	spec_free(config);
	spec_free(changes);
	return part;
}

static void check_merge(const char *linux_part, const char *changes, const char *expect)
{
	char *got = merged(linux_part, changes, NULL, 0, (struct opt_i64){ 0 }, (struct opt_i64){ 0 });

	if (strcmp(got, expect) != 0)
		fail_msg("%s + %s: '%s', expected '%s'", linux_part, changes, got, expect);
	free(got);
}

#define R(resources) "{\"resources\":{" resources "}}"
#define OLD "\"resources\":{\"memory\":{\"limit\":5,\"swap\":9},\"cpu\":{\"shares\":7},\"x\":1}"

static void test_changes_go_on_top(void **state)
{
	(void)state;
	check_merge("\"resources\":{}", R("\"pids\":{\"limit\":3}"), R("\"pids\":{\"limit\":3}"));
	check_merge("\"rootfsPropagation\":\"slave\"", R("\"pids\":{\"limit\":0}"),
		    "{\"rootfsPropagation\":\"slave\",\"resources\":{\"pids\":{\"limit\":0}}}");
	check_merge(OLD, R("\"memory\":{\"limit\":6}"),
		    R("\"memory\":{\"limit\":6,\"swap\":9},\"cpu\":{\"shares\":7},\"x\":1"));
	check_merge(OLD, R("\"cpu\":{\"cpus\":\"0-1\",\"idle\":0,\"burst\":0}"),
		    R("\"memory\":{\"limit\":5,\"swap\":9},\"cpu\":{\"shares\":7,\"cpus\":\"0-1\",\"idle\":0,"
		      "\"burst\":0},\"x\":1"));
	check_merge(OLD, R("\"y\":[1,2,3],\"x\":{\"z\":[[]]}"),
		    R("\"memory\":{\"limit\":5,\"swap\":9},\"cpu\":{\"shares\":7},\"x\":{\"z\":[[]]},\"y\":["
		      "1,2,3]"));
	check_merge("\"resources\":{\"y\":[1,2]}", R("\"y\":[2,3]"), R("\"y\":[2,3]"));
	check_merge("\"resources\":{\"memory\":{\"limit\":18014398509481984}}",
		    R("\"cpu\":{\"shares\":18446744073709551615}"),
		    R("\"memory\":{\"limit\":18014398509481984},\"cpu\":{\"shares\":18446744073709551615}"));
}

static void test_zeros_of_engines_leave_alone(void **state)
{
	(void)state;
	check_merge(OLD,
		    R("\"memory\":{\"limit\":0,\"swap\":0,\"reservation\":0,\"kernel\":null},\"cpu\":{"
		      "\"shares\":0,"
		      "\"quota\":0,\"period\":0,\"cpus\":\"\",\"mems\":\"\"},\"blockIO\":{\"weight\":0,"
		      "\"weightDevice\":[]},\"devices\":[],\"hugepageLimits\":null"),
		    R("\"memory\":{\"limit\":5,\"swap\":9},\"cpu\":{\"shares\":7},\"x\":1,\"blockIO\":{}"));
}

static void test_lists(void **state)
{
	(void)state;
	/* device rules are replaced as a whole */
	check_merge(
		"\"resources\":{\"devices\":[{\"allow\":false},{\"allow\":true,\"type\":\"c\",\"major\":5}]}",
		R("\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]"),
		R("\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]"));
	/* one entry per device or page size */
	check_merge(
		"\"resources\":{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":1},"
		"{\"major\":8,\"minor\":16,\"rate\":2}]}}",
		R("\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":16,\"rate\":3},"
		  "{\"major\":9,\"minor\":16,\"rate\":4}]}"),
		R("\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":1},"
		  "{\"major\":8,\"minor\":16,\"rate\":3},{\"major\":9,\"minor\":16,\"rate\":4}]}"));
	check_merge("\"resources\":{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":1}]}",
		    R("\"hugepageLimits\":[{\"pageSize\":\"1GB\",\"limit\":0},{\"pageSize\":\"2MB\","
		      "\"limit\":0}]"),
		    R("\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":0},{\"pageSize\":\"1GB\","
		      "\"limit\":0}]"));
	check_merge("\"resources\":{\"rdma\":{\"a\":{\"hcaHandles\":1,\"hcaObjects\":2}}}",
		    R("\"rdma\":{\"a\":{\"hcaObjects\":0},\"b\":{\"hcaHandles\":3}}"),
		    R("\"rdma\":{\"a\":{\"hcaHandles\":1,\"hcaObjects\":0},\"b\":{\"hcaHandles\":3}}"));
}

static void test_memory_as_it_was_settled(void **state)
{
	char *got = merged(OLD, R("\"memory\":{\"swap\":20}"), NULL, 0, (struct opt_i64){ true, 12 },
			   (struct opt_i64){ true, 20 });

	(void)state;
	assert_string_equal(got, R("\"memory\":{\"limit\":12,\"swap\":20},\"cpu\":{\"shares\":7},\"x\":1"));
	free(got);
}

static void check_unified(const char *before, struct spec_written written, const char *expect)
{
	char linux_part[512];
	char *got;

	snprintf(linux_part, sizeof(linux_part), "\"resources\":{%s}", before);
	got = merged(linux_part, "{\"resources\":{}}", &written, 1, (struct opt_i64){ 0 },
		     (struct opt_i64){ 0 });
	if (strcmp(got, expect) != 0)
		fail_msg("%s: '%s', expected '%s'", before, got, expect);
	free(got);
}

/* "unified" is applied last, so it must not contain an old value of what was changed elsewhere. */
static void test_unified(void **state)
{
	(void)state;
	check_unified("", (struct spec_written){ "memory.high", "5", true, false },
		      R("\"unified\":{\"memory.high\":\"5\"}"));
	check_unified("\"unified\":{\"memory.high\":\"4\",\"a.b\":\"c\"}",
		      (struct spec_written){ "memory.high", "5", true, false },
		      R("\"unified\":{\"memory.high\":\"5\",\"a.b\":\"c\"}"));
	/* changed by a property of its own */
	check_unified("\"unified\":{\"memory.max\":\"4\",\"a.b\":\"c\"}",
		      (struct spec_written){ "memory.max", "5", false, false },
		      R("\"unified\":{\"a.b\":\"c\"}"));
	check_unified("", (struct spec_written){ "memory.max", "5", false, false }, R(""));
	/* a file that is written line by line */
	check_unified("", (struct spec_written){ "io.max", "8:0 rbps=5", false, true }, R(""));
	check_unified("", (struct spec_written){ "io.max", "8:0 rbps=5", true, true },
		      R("\"unified\":{\"io.max\":\"8:0 rbps=5\"}"));
	check_unified("\"unified\":{\"io.max\":\"8:0 rbps=1 wbps=2\\n8:16 rbps=3\"}",
		      (struct spec_written){ "io.max", "8:0 rbps=5", false, true },
		      R("\"unified\":{\"io.max\":\"8:0 rbps=1 wbps=2\\n8:16 rbps=3\\n8:0 rbps=5\"}"));
	check_unified("\"unified\":{\"io.max\":\"8:0 rbps=1 wbps=2\\n8:16 rbps=3\\n8:0 rbps=5\"}",
		      (struct spec_written){ "io.max", "8:0 rbps=6 wbps=7", true, true },
		      R("\"unified\":{\"io.max\":\"8:16 rbps=3\\n8:0 rbps=6 wbps=7\"}"));
	check_unified("\"unified\":{\"io.weight\":\"default 100\\n8:0 10\\n8:01 1\"}",
		      (struct spec_written){ "io.weight", "8:0 20", true, true },
		      R("\"unified\":{\"io.weight\":\"default 100\\n8:01 1\\n8:0 20\"}"));
}

static void test_resctrl(void **state)
{
	(void)state;
	check_merge("\"intelRdt\":{\"closID\":\"gold\",\"l3CacheSchema\":\"L3:0=f\"}",
		    "{\"intelRdt\":{\"memBwSchema\":\"MB:0=20\"}}",
		    "{\"intelRdt\":{\"closID\":\"gold\",\"l3CacheSchema\":\"L3:0=f\",\"memBwSchema\":\"MB:0="
		    "20\"},"
		    "\"resources\":{}}");
}

static void test_values_of_an_update(void **state)
{
	static const struct {
		const char *text, *expect;
		size_t warnings;
	} rows[] = {
		{ "{\"memroy\":{}}", NULL, 1 },
		{ "{\"memory\":{\"max\":123456789012345678901234567890},\"x\":{\"limit\\u0000\":[]}}", NULL,
		  2 },
		{ "{\"blockIO\":{\"weightDevice\":[{\"major\":1,\"minor\":2,\"name\":3}]}}", NULL, 1 },
		{ "{\"memory\":{\"limit\":9223372036854775808}}",
		  "r: /memory/limit: out of range (-1 to 9223372036854775807)", 0 },
		{ "{\"memory\":{\"limit\":\"5\"}}", "r: /memory/limit: expected an integer, got string", 0 },
		{ "{\"devices\":[{\"allow\":true,\"type\":\"x\"}]}",
		  "r: /devices/0/type: 'x' is none of a, c, b", 0 },
		{ "{\"rdma\":{\"any\":{\"hcaHandles\":1}},\"unified\":{\"any.file\":\"1\"}}", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct spec *spec = NULL;
		struct error err = { 0 };
		int r = spec_parse_resources(rows[i].text, strlen(rows[i].text), "r", &spec, &err);

		if (rows[i].expect ? r >= 0 || strcmp(err.text, rows[i].expect) != 0 : r < 0)
			fail_msg("%s: '%s'", rows[i].text, err.text);
		if (r >= 0) {
			assert_int_equal(spec->warnings.len, rows[i].warnings);
			spec_free(spec);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes_go_on_top),
		cmocka_unit_test(test_zeros_of_engines_leave_alone),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_memory_as_it_was_settled),
		cmocka_unit_test(test_unified),
		cmocka_unit_test(test_resctrl),
		cmocka_unit_test(test_values_of_an_update),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

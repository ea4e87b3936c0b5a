/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "state/names.h"
#include "util/array.h"

#define CRI "\"io.kubernetes.cri.sandbox-name\":\"front\",\"io.kubernetes.cri.sandbox-namespace\":\"shop\""
#define CRIO "\"io.kubernetes.cri-o.KubeName\":\"front\",\"io.kubernetes.cri-o.Name\":\"k8s_POD_front_shop\""

static void test_name_that_is_shown(void **state)
{
	static const struct {
		const char *annotations, *shown;
		size_t words;
	} cases[] = {
		{ "{}", NULL, 0 },
		{ "[]", NULL, 0 },
		{ "not JSON", NULL, 0 },
		{ "", NULL, 0 },
		{ "{\"io.container.manager\":\"libpod\"}", NULL, 0 },
		{ "{\"nerdctl/name\":\"cache\"}", "cache", 1 },
		{ "{\"nerdctl/name\":\"cache\",\"nerdctl/namespace\":\"n\"}", "cache", 2 },
		{ "{\"nerdctl/name\":\"\"}", NULL, 0 },
		{ "{\"nerdctl/name\":7}", NULL, 0 },
		{ "{" CRI "}", "front", 2 },
		{ "{" CRI ",\"io.kubernetes.cri.container-name\":\"web\"}", "front/web", 4 },
		{ "{" CRI ",\"io.kubernetes.cri.sandbox-uid\":\"1-2\"}", "front", 3 },
		{ "{" CRIO "}", "front", 2 },
		{ "{" CRIO ",\"io.kubernetes.container.name\":\"POD\"}", "front", 2 },
		{ "{\"io.kubernetes.container.name\":\"web\",\"io.kubernetes.pod.name\":\"front\"}",
		  "front/web", 3 },
		{ "{\"io.kubernetes.pod.uid\":\"1-2\"}", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct container_name name;

		assert_int_equal(container_name_read(cases[i].annotations, &name), 0);
		if (cases[i].shown)
			assert_string_equal(name.shown, cases[i].shown);
		else
			assert_null(name.shown);
		assert_int_equal(name.words.len, cases[i].words);
		container_name_done(&name);
	}
}

static void test_fit(void **state)
{
	static const struct {
		const char *word;
		enum container_fit fit;
	} cases[] = {
		{ "abc1", FIT_ID },
		{ "abc", FIT_PREFIX },
		{ "a", FIT_PREFIX },
		{ "", FIT_NONE },
		{ "abc12", FIT_NONE },
		{ "bc", FIT_NONE },
		{ "web", FIT_NAME },
		{ "front", FIT_NAME },
		{ "front/web", FIT_NAME },
		{ "shop/front", FIT_NONE },
		{ "shop/front/web", FIT_NAME },
		{ "fron", FIT_NONE },
		{ "front/", FIT_NONE },
		{ "ABC", FIT_NONE },
	};
	struct container_name name;

	(void)state;
	assert_int_equal(container_name_read("{" CRI ",\"io.kubernetes.cri.container-name\":\"web\"}", &name),
			 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(container_fit(cases[i].word, "abc1", &name), cases[i].fit);
	container_name_done(&name);
	assert_int_equal(container_fit("web", "abc1", &name), FIT_NONE);
}

static void test_better_fits_are_larger(void **state)
{
	(void)state;
	assert_true(FIT_NONE < FIT_PREFIX && FIT_PREFIX < FIT_NAME && FIT_NAME < FIT_ID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name_that_is_shown),
		cmocka_unit_test(test_fit),
		cmocka_unit_test(test_better_fits_are_larger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

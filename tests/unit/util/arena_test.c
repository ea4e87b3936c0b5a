/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <string.h>

#include "util/arena.h"

static void test_arena_is_zeroed_and_aligned(void **state)
{
	struct arena arena = { 0 };

	(void)state;
	/* The second time in memory that was used before. */
	for (size_t i = 0; i < 200; i++) {
		const size_t size = 1 + i % 100;
		unsigned char *bytes = arena_alloc(&arena, 1, size);

		assert_non_null(bytes);
		assert_int_equal((uintptr_t)bytes % _Alignof(max_align_t), 0);
		for (size_t j = 0; j < size; j++)
			assert_int_equal(bytes[j], 0);
		memset(bytes, 0xff, size);
		if (size == 100) {
			arena_done(&arena);
			assert_null(arena.blocks);
		}
	}
}

static void test_arena_takes_more_than_a_block(void **state)
{
	struct arena arena = { 0 };
	char *text;

	(void)state;
	memset(arena_alloc(&arena, 1000, 1000), 1, 1000 * 1000);
	text = arena_format(&arena, "%s-%d", "x", 7);
	assert_string_equal(text, "x-7");
	assert_string_equal(arena_strdup(&arena, text), "x-7");
	arena_done(&arena);
}

static void test_arena_refuses_overflow(void **state)
{
	struct arena arena = { 0 };

	(void)state;
	assert_null(arena_alloc(&arena, SIZE_MAX, 2));
	assert_null(arena_alloc(&arena, SIZE_MAX / 2 + 2, 2));
	/* From 15 on the size can be rounded up, and overflows together with the header of its block. */
	for (size_t less = 0; less < 40; less++)
		assert_null(arena_alloc(&arena, 1, SIZE_MAX - less));
	arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena_is_zeroed_and_aligned),
		cmocka_unit_test(test_arena_takes_more_than_a_block),
		cmocka_unit_test(test_arena_refuses_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <string.h>

#include "criu/message.h"

/* The examples of the documentation of the encoding. */
static void test_bytes_on_the_wire(void **state)
{
	static const uint8_t expected[] = { 0x08, 0x96, 0x01, 0x12, 0x07, 't',	'e',  's', 't',
					    'i',  'n',	'g',  0x1a, 0x03, 0x08, 0x96, 0x01 };
	struct message message = { 0 }, part = { 0 };

	(void)state;
	message_number(&message, 1, 150);
	message_text(&message, 2, "testing");
	message_number(&part, 1, 150);
	message_part(&message, 3, &part);
	message_text(&message, 4, NULL);
	message_flag(&message, 5, false);
	assert_int_equal(message.len, sizeof(expected));
	assert_memory_equal(message.data, expected, sizeof(expected));
	message_done(&message);
	message_done(&part);
}

static void test_negative_numbers_take_ten_bytes(void **state)
{
	static const uint8_t expected[] = {
		0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01
	};
	struct message message = { 0 };

	(void)state;
	message_signed(&message, 1, -2);
	assert_int_equal(message.len, sizeof(expected));
	assert_memory_equal(message.data, expected, sizeof(expected));
	message_done(&message);
}

static void test_what_was_written_is_read(void **state)
{
	struct message message = { 0 };
	struct message_field field;
	struct message_reader reader;
	char text[1000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	message_text(&message, 600, text);
	message_text(&message, 2, "");
	message_number(&message, 3, UINT64_MAX);
	reader = (struct message_reader){ message.data, message.data + message.len };
	assert_int_equal(message_next(&reader, &field), 1);
	assert_int_equal(field.number, 600);
	assert_true(field.is_bytes);
	assert_int_equal(field.len, sizeof(text) - 1);
	assert_memory_equal(field.bytes, text, field.len);
	assert_int_equal(message_next(&reader, &field), 1);
	assert_int_equal(field.len, 0);
	assert_int_equal(message_next(&reader, &field), 1);
	assert_false(field.is_bytes);
	assert_true(field.value == UINT64_MAX);
	assert_int_equal(message_next(&reader, &field), 0);
	message_done(&message);
}

static void test_fixed_sizes_are_skipped(void **state)
{
	static const uint8_t data[] = { 0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x15, 1, 2, 3, 4, 0x18, 7 };
	struct message_reader reader = { data, data + sizeof(data) };
	struct message_field field;

	(void)state;
	assert_int_equal(message_next(&reader, &field), 1);
	assert_int_equal(field.number, 3);
	assert_int_equal(field.value, 7);
	assert_int_equal(message_next(&reader, &field), 0);
}

static void test_broken_messages(void **state)
{
	static const struct {
		uint8_t data[12];
		size_t len;
	} cases[] = {
		{ { 0x08 }, 1 },	 /* no value */
		{ { 0x08, 0x80 }, 2 },	 /* incomplete value */
		{ { 0x12, 5, 'a' }, 3 }, /* too few bytes */
		{ { 0x0b }, 1 },	 /* a group */
		{ { 0x09, 1, 2 }, 3 },
		{ { 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
		  12 }, /* varint without an end */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct message_reader reader = { cases[i].data, cases[i].data + cases[i].len };
		struct message_field field;

		assert_int_equal(message_next(&reader, &field), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_on_the_wire),
		cmocka_unit_test(test_negative_numbers_take_ten_bytes),
		cmocka_unit_test(test_what_was_written_is_read),
		cmocka_unit_test(test_fixed_sizes_are_skipped),
		cmocka_unit_test(test_broken_messages),
	};

	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}

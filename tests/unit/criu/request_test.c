/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <linux/sched.h>
#include <stdlib.h>
#include <string.h>

#include "criu/request.h"

/* Returns the @nth field @number of a message, which must exist. */
static struct message_field find(const uint8_t *data, size_t len, unsigned int number, int nth)
{
	struct message_reader reader = { data, data + len };
	struct message_field field;

	while (message_next(&reader, &field) == 1)
		if (field.number == number && nth-- == 0)
			return field;
	fail_msg("no field %u", number);
	return (struct message_field){ 0 };
}

static bool has(const uint8_t *data, size_t len, unsigned int number)
{
	struct message_reader reader = { data, data + len };
	struct message_field field;

	while (message_next(&reader, &field) == 1)
		if (field.number == number)
			return true;
	return false;
}

static void assert_text(const struct message_field *field, const char *text)
{
	assert_true(field->is_bytes);
	assert_int_equal(field->len, strlen(text));
	assert_memory_equal(field->bytes, text, field->len);
}

static void test_dump_request(void **state)
{
	struct criu_options options = {
		.pid = 77,
		.images_fd = 22,
		.work_fd = 23,
		.log_file = "dump.log",
		.leave_running = true,
		.cgroups_mode = CRIU_CGROUPS_SOFT,
		.cgroup_root = "/krun/a",
		.empty_namespaces = CLONE_NEWNET,
		.page_server_address = strdup("10.0.0.1"),
		.page_server_port = 9000,
	};
	struct message message;
	struct message_field inner, part, field;

	(void)state;
	assert_int_equal(strv_add(&options.external, "mnt[/data]:/data"), 0);
	assert_int_equal(strv_add(&options.external, "file[18:3]"), 0);
	assert_int_equal(criu_request_write(CRIU_DUMP, &options, &message), 0);
	assert_int_equal(find(message.data, message.len, 1, 0).value, CRIU_DUMP);
	inner = find(message.data, message.len, 2, 0);
	assert_int_equal(find(inner.bytes, inner.len, 1, 0).value, 22);
	assert_int_equal(find(inner.bytes, inner.len, 2, 0).value, 77);
	assert_int_equal(find(inner.bytes, inner.len, 3, 0).value, 1);
	assert_int_equal(find(inner.bytes, inner.len, 17, 0).value, 23);
	assert_int_equal(find(inner.bytes, inner.len, 24, 0).value, 1);
	assert_int_equal(find(inner.bytes, inner.len, 34, 0).value, 3);
	assert_int_equal(find(inner.bytes, inner.len, 38, 0).value, CLONE_NEWNET);
	field = find(inner.bytes, inner.len, 37, 1);
	assert_text(&field, "file[18:3]");
	field = find(inner.bytes, inner.len, 43, 0);
	assert_text(&field, "");
	part = find(inner.bytes, inner.len, 25, 0);
	field = find(part.bytes, part.len, 2, 0);
	assert_text(&field, "/krun/a");
	part = find(inner.bytes, inner.len, 11, 0);
	field = find(part.bytes, part.len, 1, 0);
	assert_text(&field, "10.0.0.1");
	assert_int_equal(find(part.bytes, part.len, 2, 0).value, 9000);
	/* An option that is not set is not sent. */
	for (unsigned int number = 4; number <= 8; number++)
		assert_false(has(inner.bytes, inner.len, number));
	assert_false(has(inner.bytes, inner.len, 26));
	assert_false(has(inner.bytes, inner.len, 64));
	message_done(&message);
	criu_options_done(&options);
}

/* Each flag has the number that CRIU's rpc.proto gives it. */
static void test_numbers_of_flags(void **state)
{
	static const struct {
		struct criu_options options;
		unsigned int number;
	} rows[] = {
		{ { .ext_unix_sk = true }, 4 }, { { .tcp_established = true }, 5 },
		{ { .shell_job = true }, 7 },	{ { .file_locks = true }, 8 },
		{ { .auto_dedup = true }, 16 }, { { .link_remap = true }, 18 },
		{ { .lazy_pages = true }, 48 }, { { .tcp_close = true }, 52 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct message message;
		struct message_field inner;

		assert_int_equal(criu_request_write(CRIU_DUMP, &rows[i].options, &message), 0);
		inner = find(message.data, message.len, 2, 0);
		for (size_t j = 0; j < sizeof(rows) / sizeof(rows[0]); j++)
			assert_int_equal(has(inner.bytes, inner.len, rows[j].number), i == j);
		message_done(&message);
	}
}

static void test_restore_request(void **state)
{
	struct criu_options options = {
		.root = "/r",
		.sibling = true,
		.notify = true,
		.orphan_pts_master = true,
		.inherited = { { strdup("pipe:[5]"), 11 } },
		.inherited_len = 1,
		.joined = { { "ipc", "/proc/9/ns/ipc" } },
		.joined_len = 1,
	};
	struct message message;
	struct message_field inner, part, field;

	(void)state;
	assert_int_equal(criu_request_write(CRIU_RESTORE, &options, &message), 0);
	inner = find(message.data, message.len, 2, 0);
	assert_int_equal(find(inner.bytes, inner.len, 26, 0).value, 1);
	assert_int_equal(find(inner.bytes, inner.len, 12, 0).value, 1);
	assert_int_equal(find(inner.bytes, inner.len, 50, 0).value, 1);
	assert_int_equal(find(inner.bytes, inner.len, 34, 0).value, CRIU_CGROUPS_IGNORE);
	assert_false(has(inner.bytes, inner.len, 24));
	assert_false(has(inner.bytes, inner.len, 2));
	part = find(inner.bytes, inner.len, 27, 0);
	field = find(part.bytes, part.len, 1, 0);
	assert_text(&field, "pipe:[5]");
	assert_int_equal(find(part.bytes, part.len, 2, 0).value, 11);
	part = find(inner.bytes, inner.len, 39, 0);
	field = find(part.bytes, part.len, 2, 0);
	assert_text(&field, "/proc/9/ns/ipc");
	message_done(&message);
	criu_options_done(&options);
}

static void test_answers(void **state)
{
	static const uint8_t version[] = { 0x08, 10, 0x10, 1, 0x52, 6, 0x08, 3, 0x10, 17, 0x20, 1 };
	static const uint8_t stage[] = { 0x08, 6, 0x10, 1, 0x2a, 7, 0x0a, 3, 'a', '-', 'b', 0x10, 42 };
	static const uint8_t failure[] = { 0x08, 1, 0x10, 0, 0x38, 17, 0x4a, 2, 'n', 'o' };
	static const uint8_t restored[] = { 0x08, 2, 0x10, 1, 0x22, 3, 0x08, 0xac, 0x02 };
	static const uint8_t features[] = { 0x08, 9, 0x10, 1, 0x42, 4, 0x08, 0, 0x10, 1 };
	struct criu_answer answer;

	(void)state;
	assert_int_equal(criu_answer_read(version, sizeof(version), &answer), 0);
	assert_true(answer.success);
	assert_int_equal(answer.version, 31701);
	assert_int_equal(criu_answer_read(stage, sizeof(stage), &answer), 0);
	assert_int_equal(answer.type, CRIU_NOTIFY);
	assert_string_equal(answer.script, "a-b");
	assert_int_equal(answer.pid, 42);
	assert_int_equal(criu_answer_read(failure, sizeof(failure), &answer), 0);
	assert_false(answer.success);
	assert_int_equal(answer.code, 17);
	assert_string_equal(answer.reason, "no");
	assert_int_equal(criu_answer_read(restored, sizeof(restored), &answer), 0);
	assert_int_equal(answer.pid, 300);
	assert_int_equal(criu_answer_read(features, sizeof(features), &answer), 0);
	assert_false(answer.tracks_memory);
	assert_true(answer.has_lazy_pages);
}

static void test_broken_answers(void **state)
{
	static const uint8_t cut[] = { 0x08, 2, 0x10, 1, 0x22, 30, 0x08 };
	static const uint8_t wrong[] = { 0x08, 2, 0x20, 1 }; /* a number instead of a message */
	static const uint8_t untyped[] = { 0x10, 1 };
	struct criu_answer answer;

	(void)state;
	assert_int_equal(criu_answer_read(cut, sizeof(cut), &answer), -EBADMSG);
	assert_int_equal(criu_answer_read(wrong, sizeof(wrong), &answer), -EBADMSG);
	assert_int_equal(criu_answer_read(untyped, sizeof(untyped), &answer), -EBADMSG);
	assert_int_equal(criu_answer_read("", 0, &answer), -EBADMSG);
}

static void test_long_texts_are_cut(void **state)
{
	struct message message = { 0 };
	struct criu_answer answer;
	char text[4 * CRIU_REASON_MAX];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	message_number(&message, 1, CRIU_DUMP);
	message_text(&message, 9, text);
	assert_int_equal(criu_answer_read(message.data, message.len, &answer), 0);
	assert_int_equal(strlen(answer.reason), CRIU_REASON_MAX - 1);
	message_done(&message);
}

static void test_words(void **state)
{
	unsigned int number, port;
	char *address;

	(void)state;
	assert_int_equal(criu_cgroups_mode_parse("soft", &number), 0);
	assert_int_equal(number, CRIU_CGROUPS_SOFT);
	assert_int_equal(criu_cgroups_mode_parse("strict", &number), 0);
	assert_int_equal(number, 5);
	assert_int_equal(criu_cgroups_mode_parse("Soft", &number), -EINVAL);
	assert_int_equal(criu_network_lock_parse("nftables", &number), 0);
	assert_int_equal(number, 2);
	assert_int_equal(criu_network_lock_parse("", &number), -EINVAL);
	assert_int_equal(criu_page_server_parse("[::1]:7", &address, &port), 0);
	assert_string_equal(address, "::1");
	assert_int_equal(port, 7);
	free(address);
	assert_int_equal(criu_page_server_parse("host:65535", &address, &port), 0);
	assert_string_equal(address, "host");
	free(address);
	for (const char *const *bad = (const char *const[]){ "host", "host:", ":1", "::1:7", "host:0",
							     "host:65536", "[]:1", "[::1:7", NULL };
	     *bad; bad++)
		assert_int_equal(criu_page_server_parse(*bad, &address, &port), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dump_request),	cmocka_unit_test(test_numbers_of_flags),
		cmocka_unit_test(test_restore_request), cmocka_unit_test(test_answers),
		cmocka_unit_test(test_broken_answers),	cmocka_unit_test(test_long_texts_are_cut),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}

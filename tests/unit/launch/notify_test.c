/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <stdlib.h>
#include <string.h>

#include "launch/notify.h"
#include "util/array.h"

static void test_what_a_container_may_say(void **state)
{
	static const struct {
		const char *message, *expect;
		bool ready;
	} rows[] = {
		{ "READY=1", "READY=1\n", true },
		{ "READY=1\n", "READY=1\n", true },
		{ "READY=0\n", "READY=0\n", false },
		{ "READY=12", "READY=12\n", false },
		{ "STATUS=a b\nREADY=1\nERRNO=2", "STATUS=a b\nREADY=1\nERRNO=2\n", true },
		{ "MAINPID=1\nREADY=1\nFDSTORE=1\n", "READY=1\n", true },
		{ "NOTIFYACCESS=all\nMAINPIDFDID=3\nBARRIER=1", "", false },
		{ "XREADY=1\nready=1\n READY=1", "", false },
		{ "WATCHDOG=1", "WATCHDOG=1\n", false },
		{ "WATCHDOG_USEC=1", "", false },
		{ "\n\n", "", false },
		/* Only a newline ends an assignment, whatever other characters a manager may split at. */
		{ "STATUS=a\rMAINPID=1", "", false },
		{ "READY=1\r\nSTATUS=b", "STATUS=b\n", false },
		{ "STATUS=a\vMAINPID=1\nREADY=1", "READY=1\n", true },
		{ "STATUS=\033[2J", "", false },
		{ "STATUS=\x7f", "", false },
		{ "STATUS=a\tb", "", false },
		/* NEL and CSI of C1, as a byte and in UTF-8; a line separator; invalid UTF-8. */
		{ "STATUS=a\xc2\x85MAINPID=1", "", false },
		{ "STATUS=a\x85MAINPID=1", "", false },
		{ "STATUS=\xc2\x9b", "", false },
		{ "STATUS=a\xe2\x80\xa8MAINPID=1", "", false },
		{ "STATUS=\xc3", "", false },
		{ "STATUS=\xc3\xa4 \xe2\x82\xac", "STATUS=\xc3\xa4 \xe2\x82\xac\n", false },
		{ "", "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char out[128];
		bool ready;

		assert_int_equal(notify_filter(rows[i].message, strlen(rows[i].message), out, &ready),
				 strlen(rows[i].expect));
		assert_string_equal(out, rows[i].expect);
		assert_int_equal(ready, rows[i].ready);
	}
}

static void test_nul_bytes_do_not_smuggle(void **state)
{
	char out[128];
	bool ready;

	(void)state;
	assert_int_equal(notify_filter("STATUS=a\0b\nREADY=1\nERRNO=\0", 27, out, &ready), 8);
	assert_string_equal(out, "READY=1\n");
	assert_true(ready);
}

static void test_when_a_socket_is_wanted(void **state)
{
	char own[] = "NOTIFY_SOCKET=/own", other[] = "A=b";
	char *with[] = { other, own, NULL }, *without[] = { other, NULL };

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_false(notify_wanted(without));
	setenv("NOTIFY_SOCKET", "/run/systemd/notify", 1);
	assert_true(notify_wanted(without));
	assert_false(notify_wanted(with));
	setenv("NOTIFY_SOCKET", "@abstract", 1);
	assert_true(notify_wanted(without));
	setenv("NOTIFY_SOCKET", "", 1);
	assert_false(notify_wanted(without));
	unsetenv("NOTIFY_SOCKET");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_container_may_say),
		cmocka_unit_test(test_nul_bytes_do_not_smuggle),
		cmocka_unit_test(test_when_a_socket_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

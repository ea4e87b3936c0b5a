/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <string.h>

#include "security/security.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"

enum { NET = 1, IPC = 2, UTS = 4, USER = 8 };

static void test_only_keys_of_own_namespaces(void **state)
{
	static const struct {
		const char *key;
		int namespaces; /* namespaces of the container */
		bool fine;
	} rows[] = {
		{ "net.ipv4.ip_forward", NET, true },
		{ "net.ipv4.ip_forward", IPC | UTS, false },
		{ "net/ipv4/ip_forward", NET, true },
		{ "kernel.shmmax", IPC, true },
		{ "kernel.shmmax", NET | UTS, false },
		{ "kernel.msgmnb", IPC, true },
		{ "kernel.sem", IPC, true },
		{ "fs.mqueue.msg_max", IPC, true },
		{ "fs.mqueue.msg_max", 0, false },
		{ "kernel.domainname", UTS, true },
		{ "kernel.domainname", NET | IPC, false },
		{ "user.max_user_namespaces", USER, true },
		{ "user/max_inotify_watches", USER, true },
		{ "user.max_user_namespaces", NET | IPC | UTS, false },
		{ "userx", USER, false },
		{ "kernel.panic", NET | IPC | UTS | USER, false },
		{ "vm.overcommit_memory", NET | IPC | UTS | USER, false },
		{ "fs.file-max", NET | IPC | UTS | USER, false },
		{ "net..ipv4", NET, false },
		{ "net.ipv4/../../kernel.panic", NET, false },
		{ "", NET, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct spec_pair pair = { rows[i].key, "1" };
		const struct spec spec = {
			.sysctl = &pair,
			.sysctl_len = 1,
			.namespaces = {
				[NS_NETWORK] = { .listed = rows[i].namespaces & NET },
				[NS_IPC] = { .listed = rows[i].namespaces & IPC },
				[NS_UTS] = { .listed = rows[i].namespaces & UTS },
				[NS_USER] = { .listed = rows[i].namespaces & USER },
			},
		};
		struct error err = { 0 };
		int r = sysctl_check(&spec, &err);

		if ((r == 0) != rows[i].fine || (r < 0 && !strstr(err.text, rows[i].key)))
			fail_msg("'%s' with %d: %d '%s'", rows[i].key, rows[i].namespaces, r, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_keys_of_own_namespaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/activation.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/error.h"
#include "util/parse.h"
#include "util/strv.h"

/*
 * Returns the number of sockets; 0 if LISTEN_PID names another process. A conmon in between may have dropped
 * LISTEN_PID.
 */
static unsigned int sockets(void)
{
	const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	uint64_t value, owner;

	if (!count || parse_u64(count, INT_MAX, &value) < 0)
		return 0;
	if (pid && (parse_u64(pid, INT_MAX, &owner) < 0 || (pid_t)owner != getpid()))
		return 0;
	return (unsigned int)value;
}

unsigned int activation_preserved(unsigned int asked)
{
	const unsigned int passed = sockets();

	return asked > INT_MAX - passed ? INT_MAX : asked + passed;
}

int activation_environment(struct strv *env, bool *ret_pid, struct error *err)
{
	const char *names = getenv("LISTEN_FDNAMES");
	const unsigned int passed = sockets();
	int r;

	*ret_pid = false;
	if (passed == 0 || strv_env_get(env->items, "LISTEN_FDS"))
		return 0;
	*ret_pid = !strv_env_get(env->items, "LISTEN_PID");
	r = strv_add_format(env, "LISTEN_FDS=%u", passed);
	if (r == 0 && names)
		r = strv_add_format(env, "LISTEN_FDNAMES=%s", names);
	return r < 0 ? error_oom(err) : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "syscall/newer.h"

#include <errno.h>

#include "util/error.h"

int sys_newer(const char *call, long result)
{
	if (result >= 0)
		return (int)result;
	if (errno == ENOSYS)
		error_missing_call(call);
	return -errno;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "monitor/monitor.h"
#include "util/error.h"

int km_init_fd(struct error *err)
{
	return error_set(err, -EOPNOTSUPP,
			 "this krun was built without km's init process, which is for x86_64");
}

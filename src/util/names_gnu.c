/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "util/names.h"

const char *errno_text(int code)
{
	return strerrordesc_np(code);
}

const char *errno_name(int code)
{
	const char *name = strerrorname_np(code);

	return name ? name : "unknown errno";
}

const char *signal_name(int signo)
{
	return sigabbrev_np(signo);
}

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What every unit test includes: cmocka needs these headers in this order. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

/* Ends the test as one that was skipped. tests/run.py prints the reason. */
#define skip_because(reason)                           \
	do {                                           \
		print_message("reason: %s\n", reason); \
		skip();                                \
	} while (0)

/* For a test of what qemu-user, under which the tests of a cross build run (contrib/cross), does not have of a kernel. */
#define skip_if_emulated(lacks)                                           \
	do {                                                              \
		if (getenv("KRUN_EMULATED"))                              \
			skip_because("emulated, and there is no " lacks); \
	} while (0)

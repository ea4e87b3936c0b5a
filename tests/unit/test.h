/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Included by every unit test: cmocka needs these headers in this order. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

/* Ends the test as skipped. tests/run.py prints the reason. */
#define skip_because(reason)                           \
	do {                                           \
		print_message("reason: %s\n", reason); \
		skip();                                \
	} while (0)

/*
 * For tests that need a part of the kernel that qemu-user, which runs the tests of a cross build
 * (contrib/cross), does not emulate.
 */
#define skip_if_emulated(lacks)                                           \
	do {                                                              \
		if (getenv("KRUN_EMULATED"))                              \
			skip_because("emulated, and there is no " lacks); \
	} while (0)

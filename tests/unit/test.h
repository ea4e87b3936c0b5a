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

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Exit statuses that callers may rely on. `run` and `exec` in the foreground exit with the payload's status,
 * or with KRUN_EXIT_SIGNAL + N when signal N killed it.
 */
enum {
	KRUN_EXIT_FAILURE = 1,	      /* every command but `exec`: it failed and printed why */
	KRUN_EXIT_EXEC_FAILURE = 255, /* `exec`: the command did not start; 1 may be the payload's */
	KRUN_EXIT_SIGNAL = 128,
};

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Exit statuses a caller may rely on. `run` and `exec` in the foreground pass on the payload's own status, and
 * KRUN_EXIT_SIGNAL + N for one that signal N killed.
 */
enum {
	KRUN_EXIT_FAILURE = 1,	      /* every command but exec: it failed, and said why */
	KRUN_EXIT_EXEC_FAILURE = 255, /* exec: the command did not start; a payload can end with 1 */
	KRUN_EXIT_SIGNAL = 128,
};

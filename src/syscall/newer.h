/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Returns 0 or more, or a negative errno, for the result of syscall(2), whose errno still stands. For calls
 * that a kernel older than krun needs does not have: after ENOSYS errors name @call (error_missing_call()).
 */
int sys_newer(const char *call, long result);

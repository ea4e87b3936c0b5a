/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Words for numbers of errors and signals. GNU's C library has functions for them (names_gnu.c); with another
 * one meson takes names_other.c. None of them depends on a locale.
 */

/* ---- names_gnu.c, names_other.c ------------------------------------------------------------------------ */

/* "No such file or directory" for ENOENT; NULL when @code is unknown. */
const char *errno_text(int code);

/* "ENOENT", or "errno 2" where the C library does not know the names; valid until the next call. */
const char *errno_name(int code);

/* "TERM" for SIGTERM; NULL when @signo is none, or a real-time signal. */
const char *signal_name(int signo);

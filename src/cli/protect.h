/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct error;

/*
 * For commands whose process enters a container: what runs there may open that process's /proc/PID/exe and write
 * to the krun of the host through it (CVE-2019-5736). If this program's file can be written, starts the program again from a
 * read-only mount of the same file, which exists nowhere else and copies nothing. Returns 0 when there is nothing to
 * do; does not return when the program was started again. @argv as main() got it.
 */
int protect_program(char **argv, struct error *err);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct error;

/*
 * For commands whose process enters a container: what runs there may open that process's /proc/PID/exe and write
 * to the krun of the host through it (CVE-2019-5736). So the program is started again from a file that nobody can write. Returns 0
 * when it was started so already, or when nobody in a container could write its file; does not return when it was started
 * again. @argv as main() got it.
 *
 * Three ways, the next one where the kernel refuses the one before; when it refuses all of them that is the error:
 *   1. a read-only mount of the same file, which exists nowhere else (open_tree(2), Linux 5.2). Takes CAP_SYS_ADMIN, and a
 *      file whose mount is in this mount namespace. Nothing is copied.
 *   2. a copy in a sealed memfd (memfd_create(2); MFD_EXEC, Linux 6.3).
 *   3. a copy on a read-only tmpfs, made by a helper in user and mount namespaces of its own that end with it: where the sysctl
 *      vm.memfd_noexec is 2.
 */
int protect_program(char **argv, struct error *err);

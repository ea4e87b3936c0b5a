/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct error;

/*
 * For commands whose process enters a container. A process there may open /proc/PID/exe of krun and write to
 * the host's krun through it (CVE-2019-5736). Therefore this function executes krun again from a file that
 * nobody can write; then it does not return. Returns 0 if krun runs from such a file already, or if nobody in
 * a container could write its file. @argv as main() got it.
 *
 * It tries three ways in turn, and fails if the kernel refuses all of them:
 *
 *   1. A detached read-only mount of the same file (open_tree(2), Linux 5.2; mount_setattr(2), Linux 5.12).
 *      Needs CAP_SYS_ADMIN, and the file's mount must be in this mount namespace. Nothing is copied.
 *   2. A copy in a sealed memfd (memfd_create(2); MFD_EXEC, Linux 6.3).
 *   3. A copy on a read-only tmpfs, which a helper makes in user and mount namespaces of its own. It works
 *      where the sysctl vm.memfd_noexec is 2.
 */
int protect_program(char **argv, struct error *err);

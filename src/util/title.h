/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The words and the environment that a process was started with, which everybody who may look into /proc sees there
 * (proc_pid_cmdline(5), proc_pid_environ(5)). A process that a container can see must not show those of the command that
 * made it: paths of the host, and an engine's secrets.
 */

/*
 * Once, at the start of the program: remembers where the kernel put both, and returns a copy of @argv that stays when they are
 * overwritten. The copy is never freed. NULL: out of memory.
 */
char **title_take(int argc, char **argv);

/*
 * In a process that goes on without them: overwrites both with @title, and leaves environ(7) empty. Pointers from
 * getenv(3) are stale afterwards. Does nothing before title_take().
 */
void title_hide(const char *title);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The arguments and the environment that a process was started with are visible in /proc
 * (proc_pid_cmdline(5), proc_pid_environ(5)). A process that a container can see must not show those of the
 * command that made it: they contain paths of the host and an engine's secrets.
 */

/*
 * Called once, at the start of the program: remembers where the kernel stored both, and returns a copy of
 * @argv that survives title_hide(). The copy is never freed. NULL: out of memory.
 */
char **title_take(int argc, char **argv);

/*
 * Erases both, shows @title, as much of it as fits, in place of the arguments, and empties environ(7).
 * Pointers from getenv(3) are invalid afterwards. Does nothing before title_take().
 */
void title_hide(const char *title);

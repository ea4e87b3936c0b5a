/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Traces a program and all its descendants, for the programs of tests/bench that count what they do. */

#include <stdbool.h>
#include <sys/ptrace.h>
#include <sys/types.h>

/* What an event of ptrace(2) is in the status of a process that has stopped; 0: none. */
#define FOLLOW_EVENT(status) ((status) >> 16)

/*
 * Lets a process that has stopped with @status go on, by ptrace(2). One that was killed meanwhile is no
 * error: its end comes, too.
 */
typedef void follow_stopped(pid_t pid, int status);

/*
 * Executes argv[0], traced from before execve(2) on with the options of ptrace(2) and those that trace its
 * descendants, which are left to themselves when it has ended. Returns its status, 128 and the signal when it
 * was killed; -1 with a message on stderr. After a stop that is none of a group the process goes on by
 * @stopped.
 */
int follow(char *const *argv, long options, follow_stopped *stopped);

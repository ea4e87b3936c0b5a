/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A command that is asked to end (SIGTERM, SIGINT, SIGHUP) while it makes a container gives up and undoes its
 * work. The handler kills the processes that the command waits for, so every wait ends by the death of that
 * process. The handlers have SA_RESTART: only calls such as poll(2), which are never restarted (signal(7)),
 * have to handle EINTR. The state is global, because signal handlers are.
 */

#include <sys/types.h>

struct error;

enum interrupt_slot { INTERRUPT_CHILD, INTERRUPT_HOOK, INTERRUPT_SLOTS };

/* Installs the handlers and unblocks the signals. A signal that is ignored (nohup(1)) stays ignored. */
void interrupt_begin(void);
/*
 * For a command that stays in the foreground, once the next execve(2) of its child (INTERRUPT_CHILD) is that
 * of the program: a signal after that execve does not interrupt the command, but is kept for the program
 * (interrupt_late()).
 */
void interrupt_spare_program(void);
/* Returns the number of the last signal that was kept, or 0. */
int interrupt_late(void);
/* Restores the default actions, except for signals that are ignored. */
void interrupt_end(void);

/* The command can no longer be interrupted: signals are ignored, and one that came before is forgotten. */
void interrupt_refuse(void);

/*
 * Sets the process that the handler kills with SIGKILL, with its process group when it leads one; 0: none.
 * Kills it at once if a signal has come already.
 */
void interrupt_watch(enum interrupt_slot slot, pid_t pid);

/* Returns -EINTR and sets "interrupted by signal N" after a signal, else 0, and leaves @err alone. */
int interrupt_check(struct error *err);

/*
 * Returns an fd that becomes readable when a signal comes, for a poll(2) that no process's death ends. It is
 * made by the first call and owned by this file; -1: eventfd(2) failed.
 */
int interrupt_fd(void);

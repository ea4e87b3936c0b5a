/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A command that is asked to end (SIGTERM, SIGINT, SIGHUP) while it makes a container gives up and undoes its work.
 * The handler kills the processes that the command waits for, so every wait ends by itself, with the death it waits
 * for anyway; no call has to be prepared for EINTR. The state is global, as handlers are.
 */

#include <sys/types.h>

struct error;

enum interrupt_slot { INTERRUPT_CHILD, INTERRUPT_HOOK, INTERRUPT_SLOTS };

/* From here on, also where the signals were blocked; one that the caller ignores (nohup) stays ignored. */
void interrupt_begin(void);
/*
 * For a command that stays in front of its child, when what that executes next is the program: a signal that comes when it has done so, and
 * nobody has noticed yet, interrupts nothing and is kept for the program: interrupt_late().
 */
void interrupt_spare_program(void);
/* The last one that was kept, or 0. */
int interrupt_late(void);
/* Default actions again. */
void interrupt_end(void);

/* What follows has to come to its end: from here on a signal, and one that came before, interrupts nothing. */
void interrupt_refuse(void);

/* This process is killed by the handler, with its group when it leads one; 0: none. Killed at once if it is late. */
void interrupt_watch(enum interrupt_slot slot, pid_t pid);

/* -EINTR with "interrupted by signal N" if there was one, else 0. Replaces what @err says. */
int interrupt_check(struct error *err);

/* Readable once there was one, for poll(2) on what has no death. Made by the first call and kept; -1: there is none. */
int interrupt_fd(void);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The parts of the program in front of km (pid1.c). It has no libc: what it needs of one is here. One thread, no memory but its own
 * static one, and every text is in a buffer that the next reader of the same function overwrites.
 */

#include <stdbool.h>
#include <stdint.h>

/* ---- pid1_proc.c: kernel calls, and what /proc says. Only calls that km needs too, so that a profile for km is enough. ------- */

long pid1_call(long number, long a, long b, long c, long d);
/* Microseconds of the monotonic clock. */
int64_t pid1_now(void);

int64_t pid1_number(const char *text);
/* Both return the end, which they terminate. */
char *pid1_put_text(char *out, const char *text);
char *pid1_put_number(char *out, int number);

/* The beginning of a file, "" when it cannot be read. */
const char *pid1_read(const char *path);
/* /proc/@pid@name, name with its slash. */
const char *pid1_read_of(int pid, const char *name);
/* What stands behind @key, or NULL. */
const char *pid1_find(const char *text, const char *key);
/* The set of signals that stands behind @key, in hex digits; and whether @signo is in it. */
uint64_t pid1_set(const char *text, const char *key);
bool pid1_has_signal(const char *text, const char *key, int signo);

/* The numbers among the names of a directory of /proc, ascending as the kernel gives them. One directory at a time. */
bool pid1_directory_open(const char *path);
/* -1 at its end, where it is closed. */
int pid1_directory_next(void);

/* ---- pid1_travel.c: signals that are on their way to km processes ------------------------------------------------------ */

enum { PID1_KICK_SIGNAL = 63 }; /* km.h: KM_SIGVCPUSTOP, SIGRTMAX - 1 */

/* Remembers how everybody is before a signal goes out. */
void pid1_travel_begin(void);
/* Process @pid, or everybody in the process group @group, is getting a signal just now; 0 for none. */
void pid1_travel_expect(int pid, int group);
/* Looks at every process, and kicks each km that has got a signal since the last time. True when somebody is new. */
bool pid1_travel_look(void);

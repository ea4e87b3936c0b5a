/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The parts of pid1, krun's program in front of km (pid1.c). It has no libc; what it needs of one is here. It
 * has one thread and only static memory. All functions run in pid1 itself, in the container's pid namespace.
 */

#include <stdbool.h>
#include <stdint.h>

enum { PID1_KICK_SIGNAL = 63 }; /* km's KM_SIGVCPUSTOP, SIGRTMAX - 1 */

/*
 * What pid1 tells by seals of the memfd of its second argument, F_ADD_SEALS of fcntl(2): they take no memory,
 * no limit of the container forbids them, and km needs fcntl(2) itself.
 */
enum {
	PID1_BEGAN = 0x8,	 /* F_SEAL_WRITE: pid1 runs */
	PID1_EXECUTED = 0x4,	 /* F_SEAL_GROW: its child executed km, or nothing tells that it did not */
	PID1_NOT_EXECUTED = 0x2, /* F_SEAL_SHRINK: its child ended before */
};

/* ---- pid1.c -------------------------------------------------------------------------------------------- */

/*
 * The whole program. @stack is what the kernel gives a program at its entry point: argc, the arguments, NULL.
 * Never returns: ends the process with km's status, or with 125 without a pid as its argument.
 */
_Noreturn void pid1(const long *stack);

/* ---- pid1_proc.c --------------------------------------------------------------------------------------- */

/*
 * A system call with up to four arguments; returns its result or a negative errno. pid1 makes only calls that
 * requirements_x86_64.c lists, so that the preflight knows what a seccomp filter refuses it.
 */
long pid1_call(long number, long a, long b, long c, long d);
/* Microseconds of CLOCK_MONOTONIC; 0: a seccomp filter refuses clock_gettime(2). */
int64_t pid1_now(void);

/* The decimal number at the start of @text; 0 without one. */
int64_t pid1_number(const char *text);
/* Append to @out, without a check of its size, and return the new end, where they put a NUL. */
char *pid1_put_text(char *out, const char *text);
char *pid1_put_number(char *out, int number);

/* The first 8191 bytes of a file, "" if it cannot be read, in a buffer that the next call overwrites. */
const char *pid1_read(const char *path);
/* pid1_read() of a file of process @pid; @name begins with a slash: "/status". */
const char *pid1_read_of(int pid, const char *name);
/* The text after the first @key in @text, or NULL. */
const char *pid1_find(const char *text, const char *key);
/* The set of signals, in hex digits, that follows @key; bit 0 is signal 1. */
uint64_t pid1_set(const char *text, const char *key);
/* True if @signo is in that set. */
bool pid1_has_signal(const char *text, const char *key, int signo);

/*
 * Lists the numbers among the names of a directory of /proc, in the kernel's ascending order. Only one
 * directory can be open at a time. False: it cannot be opened.
 */
bool pid1_directory_open(const char *path);
/* The next number; -1 at the end, where the directory is closed. */
int pid1_directory_next(void);

/* ---- pid1_travel.c ------------------------------------------------------------------------------------- */

/* Records the state of every process, before a signal is sent. */
void pid1_travel_begin(void);
/* Process @pid, or every km in the process group @group, is getting a signal now; 0: none. */
void pid1_travel_expect(int pid, int group);
/*
 * Compares every process with its last record, and kicks each km that got a signal meanwhile. True if there
 * is a new process.
 */
bool pid1_travel_look(void);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The trace of --trace: events of Chrome's trace format (https://ui.perfetto.dev, chrome://tracing), which
 * `krun trace` reads, too (timeline/). Only the command on the host writes: a child sends what it did
 * (log_relay()), and the kernel tells the command the child's pid, which the child itself may not know.
 *
 *   slices    ph X: a step of a process, or a part of one. Category "wait": it waits for another process
 *   instants  ph i: a moment of a process
 *   arrows    ph s and f: from the process that made another one to the first slice of that
 *   names     ph M, process_name and thread_name, before the first event of a process
 *
 * Each event has the container's id in its args, and what it is about (which mount, which hook).
 *
 * The settings are global. Nothing here makes a system call unless a trace is written. Functions leave errno
 * unchanged.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct error;

enum { TRACE_NOTES_MAX = 3, TRACE_VALUE_MAX = 256 };

/* What a slice is about; the strings belong to its maker. */
struct trace_note {
	const char *key, *value;
};

struct trace_slice {
	pid_t pid; /* as the command counts it; 0: of this process */
	const char *role, *name;
	unsigned long long start, end; /* CLOCK_MONOTONIC in nanoseconds */
	bool waits;		       /* for another process */
	bool is_part;		       /* of a step: not in the log */
	struct trace_note notes[TRACE_NOTES_MAX];
	size_t notes_len;
};

int trace_open(const char *path, struct error *err);
/* Ends the trace at the end of the command. */
void trace_close(void);
/* In a child whose slices are relayed: closes the file, and goes on measuring if there was one. */
void trace_leave(void);
/* In such a child: whether the command that reads its slices now writes a trace. */
void trace_want(bool wanted);
/* Borrowed, must stay valid; NULL keeps the old value. */
void trace_set_role(const char *role, const char *container_id);

/* True if slices of this process end up in a trace. */
bool trace_is_on(void);
/* 0 without a trace. */
unsigned long long trace_clock(void);

/*
 * Says what the next slice of this process to end is about. @value is copied, and cut if it is long; NULL: no
 * note. More than TRACE_NOTES_MAX are dropped.
 */
void trace_note(const char *key, const char *value);
/* Moves the notes to @slice, valid until the next trace_note(). */
void trace_take_notes(struct trace_slice *slice);

/* The following do nothing but in the command that writes a trace. */

void trace_write(const struct trace_slice *slice);
/* A moment of the process @pid, now. @key NULL: no note. */
void trace_instant(pid_t pid, const char *name, const char *key, const char *value);
/*
 * This process has made @pid at @when (trace_clock()): draws the arrow with the first slice of that. @name:
 * that of a program that is not krun, a constant; or NULL.
 */
void trace_made(pid_t pid, unsigned long long when, const char *name);
/* The process @maker has made @pid after its last slice. */
void trace_made_by(pid_t maker, pid_t pid, const char *name);
/* Writes a slice of another program, @name as in trace_made_by(), that began at @start and ends now. */
void trace_program(pid_t pid, const char *name, const char *what, unsigned long long start);

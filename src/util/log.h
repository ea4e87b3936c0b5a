/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * krun's own messages. The destination is opened once, on the host, before any other work. A process that
 * enters a container keeps no descriptor of it, because the container could open it again through
 * /proc/PID/fd: it relays its records to the command on the host (log_relay()). At the default level a
 * command writes exactly one record when it fails and none when it succeeds, because podman reads the whole
 * file as one JSON document and containerd looks for the last error in it.
 *
 * A record is always one line of printable characters (util/printable.h), or one line of JSON, whatever the
 * text contains.
 *
 * The settings are global. The functions that write records leave errno unchanged.
 */

#include <stdbool.h>
#include <sys/types.h>

struct error;
struct trace_slice;

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/*
 * @destination: NULL (records go to stderr), PATH, file:PATH, syslog:IDENT or journald:IDENT; borrowed, must
 * stay valid. Without an IDENT it is "krun". A destination that cannot be opened is an error, without a
 * fall-back, and so is a word that looks like another kind ("journal:x").
 */
int log_open(const char *destination, enum log_format format, enum log_level level, struct error *err);
/*
 * Opens a second destination with a level of its own, whatever log_open() was told: its lines are text, and
 * have the container's id. @destination as for log_open(), but not NULL; a new file gets mode 0600, because
 * these lines have the arguments of programs. After an error nothing has changed.
 */
int log_open_debug(const char *destination, enum log_level level, struct error *err);
/* Closes both. */
void log_close(void);

/* -EINVAL for an unknown word. */
int log_parse_level(const char *word, enum log_level *ret);
int log_parse_format(const char *word, enum log_format *ret);

/*
 * Sets the role of this process ("create", "init", ...) and the container for later records. The strings are
 * borrowed and must stay valid. NULL keeps the old value.
 */
void log_set_role(const char *role, const char *container_id);

/* Sets the step of later records without one; NULL: none. Borrowed. Returns the one before. */
const char *log_set_step(const char *step);

bool log_enabled(enum log_level level);
void log_record(enum log_level level, const char *step, const char *format, ...)
	__attribute__((cold, format(printf, 3, 4)));

#define log_debug(...) \
	(log_enabled(LOG_LEVEL_DEBUG) ? log_record(LOG_LEVEL_DEBUG, NULL, __VA_ARGS__) : (void)0)
/* Writes a debug record "WHAT: WORD WORD ...", cut off when it is long. @words: NULL-terminated, or NULL. */
void log_words(const char *what, char *const *words);
#define log_warning(...) log_record(LOG_LEVEL_WARNING, NULL, __VA_ARGS__)

/*
 * Reports the error that ends a command: one record at the destination and, in plain text, on stderr
 * ("krun: TEXT"), because different engines read different ones. Only main() calls this.
 */
void log_failure(const struct error *err);

/* CLOCK_MONOTONIC in nanoseconds; 0 without debug level and trace, so that it costs nothing. */
unsigned long long log_clock(void);
/* Writes a debug record and a slice of the trace (util/trace.h) for the step that began at @start. */
void log_step_done(const char *step, unsigned long long start);
/* For the trace alone: a part of a step, and the time that this process has waited for another one. */
void log_part_done(const char *part, unsigned long long start);
void log_wait_done(const char *what, unsigned long long start);

/* How a process without a destination relays records and steps. Strings are valid during the call. */
struct log_relay {
	/* log_record() */
	void (*record)(void *data, enum log_level level, const char *role, const char *step,
		       const char *text);
	/* log_step_done() and its like; times as of log_clock() */
	void (*step)(void *data, const struct trace_slice *slice);
	void *data;
};

/* Closes destination and trace, and sends all later records and steps to @relay (borrowed). */
void log_relay(const struct log_relay *relay);
/* On the host: write what the process @pid (@slice has it) relayed, with its own role. */
void log_relayed_record(pid_t pid, enum log_level level, const char *role, const char *step,
			const char *text);
void log_relayed_step(const struct trace_slice *slice);

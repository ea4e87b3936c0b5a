/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where krun's own messages go. The destination is opened once, on the host, before any other work. A process that enters a
 * container keeps no descriptor of it, because the container could open it again through /proc/PID/fd: it hands what it
 * has to say to the command on the host (log_relay()). At the normal level a command writes exactly one record
 * when it fails and none when it succeeds, because podman reads the whole file as one JSON document and
 * containerd looks for the last error in it.
 *
 * Whatever is in a text, a record is one line of printable characters (util/printable.h), or one of JSON: callers need not think of it.
 *
 * The settings are the only global state of krun. No function here changes errno.
 */

#include <stdbool.h>
#include <sys/types.h>

struct error;

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/*
 * @destination: NULL (records below go to stderr), PATH, file:PATH, syslog:IDENT, journald:IDENT.
 * A destination that cannot be opened is the error; there is no silent fall-back.
 */
int log_open(const char *destination, enum log_format format, enum log_level level, struct error *err);
void log_close(void);

/* -EINVAL for an unknown word. */
int log_parse_level(const char *word, enum log_level *ret);
int log_parse_format(const char *word, enum log_format *ret);

/* Opens the file that receives Chrome trace events (chrome://tracing, perfetto): one "X" event per step. */
int log_open_trace(const char *path, struct error *err);

/*
 * Who speaks: the role of this process ("create", "init", ...) and the container. Strings are borrowed
 * and must stay valid. NULL keeps the old value.
 */
void log_set_role(const char *role, const char *container_id);

bool log_enabled(enum log_level level);
void log_record(enum log_level level, const char *step, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_debug(...) \
	(log_enabled(LOG_LEVEL_DEBUG) ? log_record(LOG_LEVEL_DEBUG, NULL, __VA_ARGS__) : (void)0)
#define log_warning(...) log_record(LOG_LEVEL_WARNING, NULL, __VA_ARGS__)

/*
 * Reports the error that ends a command: one record at the destination and, in plain text, on stderr
 * ("krun: TEXT"), because different engines read different ones. Only main() calls this.
 */
void log_failure(const struct error *err);

/* Monotonic nanoseconds; 0 when neither debug level nor trace is on, so that idle timing costs nothing. */
unsigned long long log_clock(void);
/* Ends the step that began at @start: a debug record with its duration and a trace event. */
void log_step_done(const char *step, unsigned long long start);

/*
 * How a process without a destination of its own hands on what it has to say. @record is for log_record(), @step for
 * log_step_done(); @role and @step stay valid for the call only.
 */
struct log_relay {
	void (*record)(void *data, enum log_level level, const char *role, const char *step,
		       const char *text);
	void (*step)(void *data, const char *role, const char *step, unsigned long long start,
		     unsigned long long end);
	void *data;
};

/* From here on in this process: closes the destination and the trace, and hands everything to @relay (borrowed). */
void log_relay(const struct log_relay *relay);
/* On the host: what process @pid handed on, with its own role. */
void log_relayed_record(pid_t pid, enum log_level level, const char *role, const char *step,
			const char *text);
void log_relayed_step(pid_t pid, const char *role, const char *step, unsigned long long start,
		      unsigned long long end);

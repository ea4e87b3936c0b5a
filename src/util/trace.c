/* SPDX-License-Identifier: Apache-2.0 */
#include "util/trace.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util/array.h"
#include "util/clock.h"
#include "util/printable.h"
#include "util/trace_file.h"

enum { PROCESSES_MAX = 64, KEY_MAX = 32 };

/* EVENT_MAX: room for all texts of an event; an escape makes a byte six times as long at most. */
enum { ESCAPED_MAX = 6 * TRACE_VALUE_MAX, EVENT_MAX = (3 + 2 * TRACE_NOTES_MAX) * ESCAPED_MAX + 512 };

/* A process that the trace names. */
struct process {
	pid_t pid;
	unsigned long long last; /* end of its last slice */
	pid_t maker;		 /* 0: no arrow is to be drawn */
	unsigned long long made; /* when */
	const char *program;	 /* name of a program that is not krun; NULL: krun */
	bool named;
};

static struct {
	struct trace_file file;
	bool relayed; /* the command on the host writes a trace */
	const char *role, *id;
	struct process processes[PROCESSES_MAX];
	size_t processes_len;
	struct {
		char key[KEY_MAX], value[TRACE_VALUE_MAX];
	} notes[TRACE_NOTES_MAX];
	size_t notes_len;
} state = { .file = { .fd = -1 }, .role = "krun", .id = "" };

/* Never cut off, which would be no JSON. */
struct event {
	char text[EVENT_MAX];
	size_t len;
};

static void __attribute__((format(printf, 2, 3))) put(struct event *event, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(event->text + event->len, EVENT_MAX - event->len, format, args);
	va_end(args);
	if (n > 0)
		event->len += (size_t)n < EVENT_MAX - event->len ? (size_t)n : EVENT_MAX - event->len - 1;
}

/* Names and values may come from a process that the container controls. */
static void put_text(struct event *event, const char *before, const char *text, const char *after)
{
	char cut[TRACE_VALUE_MAX], escaped[ESCAPED_MAX];

	snprintf(cut, sizeof(cut), "%s", text);
	printable_json_inside(escaped, escaped + sizeof(escaped), cut);
	put(event, "%s%s%s", before, escaped, after);
}

static void put_time(struct event *event, const char *key, unsigned long long ns)
{
	put(event, ",\"%s\":%llu.%03llu", key, ns / 1000, ns % 1000);
}

static void put_place(struct event *event, pid_t pid, unsigned long long ns)
{
	put(event, ",\"pid\":%d,\"tid\":%d", pid, pid);
	put_time(event, "ts", ns);
}

static void end_event(struct event *event)
{
	put(event, "}");
	trace_file_add(&state.file, event->text, event->len);
}

static void put_args(struct event *event, const struct trace_note *notes, size_t len)
{
	put_text(event, ",\"args\":{\"container\":\"", state.id, "\"");
	for (size_t i = 0; i < len; i++) {
		put_text(event, ",\"", notes[i].key, "\":\"");
		put_text(event, "", notes[i].value, "\"");
	}
	put(event, "}");
}

/* ---- processes ------------------------------------------------------------------------------- */

/* NULL: there are too many, and this one gets no name. */
static struct process *find_process(pid_t pid)
{
	for (size_t i = 0; i < state.processes_len; i++)
		if (state.processes[i].pid == pid)
			return &state.processes[i];
	if (state.processes_len == PROCESSES_MAX)
		return NULL;
	state.processes[state.processes_len] = (struct process){ .pid = pid };
	return &state.processes[state.processes_len++];
}

static void write_name(pid_t pid, const char *kind, const char *name)
{
	struct event event = { .len = 0 };

	put(&event, "{\"name\":\"%s\",\"ph\":\"M\",\"pid\":%d,\"tid\":%d", kind, pid, pid);
	put_text(&event, ",\"args\":{\"name\":\"", name, "\"}");
	end_event(&event);
}

static void write_arrow(pid_t from, unsigned long long from_time, pid_t to, unsigned long long to_time)
{
	for (int end = 0; end < 2; end++) {
		struct event event = { .len = 0 };

		put(&event, "{\"name\":\"makes\",\"cat\":\"process\",\"ph\":\"%s\",\"id\":\"%d-%llu\"",
		    end ? "f\",\"bp\":\"e" : "s", to, to_time);
		put_place(&event, end ? to : from, end ? to_time : from_time);
		put_args(&event, NULL, 0);
		end_event(&event);
	}
}

/* Before the first event of a process: its names, and the arrow to it. */
static struct process *introduce(pid_t pid, const char *role, unsigned long long start)
{
	struct process *process = find_process(pid);
	const bool own = pid == getpid();
	char name[TRACE_VALUE_MAX];

	if (!process || process->named)
		return process;
	process->named = true;
	snprintf(name, sizeof(name), "%s%s%s%s%s", process->program ? "" : "krun ",
		 process->program ? process->program : role, *state.id ? " " : "", state.id,
		 own || process->program ? "" : " (child)");
	write_name(pid, "process_name", name);
	write_name(pid, "thread_name", process->program ? process->program : own ? "command" : "child");
	if (process->maker && process->made <= start)
		write_arrow(process->maker, process->made, pid, start);
	return process;
}

void trace_made(pid_t pid, unsigned long long when, const char *name)
{
	int saved = errno;
	struct process *process = state.file.fd >= 0 && when && pid > 0 ? find_process(pid) : NULL;

	if (process) {
		process->maker = getpid();
		process->made = when;
		process->program = name;
	}
	errno = saved;
}

void trace_made_by(pid_t maker, pid_t pid, const char *name)
{
	struct process *process = state.file.fd >= 0 && pid > 0 ? find_process(pid) : NULL;
	const struct process *from = process && maker > 0 && maker != pid ? find_process(maker) : NULL;

	if (!process)
		return;
	process->program = name;
	/* An arrow begins inside of a slice. */
	if (from && from->last > 0) {
		process->maker = maker;
		process->made = from->last - 1;
	}
}

/* ---- events ---------------------------------------------------------------------------------- */

void trace_write(const struct trace_slice *slice)
{
	struct event event = { .len = 0 };
	struct process *process;
	unsigned long long start, end;
	int saved = errno;
	pid_t pid;

	if (state.file.fd < 0)
		return;
	/* A process that the container controls may tell any times. */
	end = trace_clock();
	end = slice->end < end ? slice->end : end;
	start = slice->start < end ? slice->start : end;
	pid = slice->pid ? slice->pid : getpid();
	process = introduce(pid, slice->role, start);
	put_text(&event, "{\"name\":\"", slice->name, "\"");
	put_text(&event, ",\"cat\":\"", slice->waits ? "wait" : slice->role, "\",\"ph\":\"X\"");
	put_place(&event, pid, start);
	put_time(&event, "dur", end - start);
	put_args(&event, slice->notes, slice->notes_len);
	end_event(&event);
	if (process && end > process->last)
		process->last = end;
	errno = saved;
}

void trace_instant(pid_t pid, const char *name, const char *key, const char *value)
{
	const struct trace_note note = { key, value };
	struct event event = { .len = 0 };
	int saved = errno;
	unsigned long long now;

	if (state.file.fd < 0)
		return;
	now = trace_clock();
	introduce(pid, state.role, now);
	put_text(&event, "{\"name\":\"", name, "\",\"ph\":\"i\",\"s\":\"p\"");
	put_place(&event, pid, now);
	put_args(&event, &note, key && value);
	end_event(&event);
	errno = saved;
}

void trace_program(pid_t pid, const char *name, const char *what, unsigned long long start)
{
	struct trace_slice slice = { .pid = pid, .role = name, .name = what, .start = start };

	if (state.file.fd < 0 || start == 0 || pid <= 0)
		return;
	slice.end = trace_clock();
	trace_take_notes(&slice);
	trace_write(&slice);
}

void trace_note(const char *key, const char *value)
{
	if (!trace_is_on() || !value || state.notes_len == TRACE_NOTES_MAX)
		return;
	snprintf(state.notes[state.notes_len].key, KEY_MAX, "%s", key);
	snprintf(state.notes[state.notes_len].value, TRACE_VALUE_MAX, "%s", value);
	state.notes_len++;
}

void trace_take_notes(struct trace_slice *slice)
{
	for (size_t i = 0; i < state.notes_len; i++)
		slice->notes[i] = (struct trace_note){ state.notes[i].key, state.notes[i].value };
	slice->notes_len = state.notes_len;
	state.notes_len = 0;
}

/* ---- settings -------------------------------------------------------------------------------- */

int trace_open(const char *path, struct error *err)
{
	return trace_file_open(path, &state.file, err);
}

void trace_close(void)
{
	trace_file_close(&state.file);
}

void trace_leave(void)
{
	state.relayed = state.relayed || state.file.fd >= 0;
	if (state.file.fd >= 0)
		close(state.file.fd);
	state.file.fd = -1;
}

void trace_want(bool wanted)
{
	state.relayed = wanted;
}

void trace_set_role(const char *role, const char *container_id)
{
	if (role)
		state.role = role;
	if (container_id)
		state.id = container_id;
}

bool trace_is_on(void)
{
	return state.relayed || state.file.fd >= 0;
}

unsigned long long trace_clock(void)
{
	return trace_is_on() ? (unsigned long long)clock_ns() : 0;
}

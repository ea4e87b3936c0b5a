/* SPDX-License-Identifier: Apache-2.0 */
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "util/array.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/io.h"
#include "util/printable.h"
#include "util/screen.h"
#include "util/suggest.h"
#include "util/trace.h"

enum { PRINTABLE_MAX = 4 * ERROR_TEXT_MAX, RECORD_MAX = PRINTABLE_MAX + ERROR_TEXT_MAX };

enum log_kind { KIND_STDERR, KIND_FILE, KIND_SYSLOG, KIND_JOURNALD, KIND_NONE };

struct destination {
	enum log_kind kind;
	enum log_format format;
	enum log_level level;
	int fd;
	const char *ident;
	bool deaf; /* the socket has taken nothing for READER_MS */
};

/* That of log_open(), and that of log_open_debug(). */
enum { MAIN, DEBUG, DESTINATIONS };

static struct {
	struct destination destinations[DESTINATIONS];
	enum log_level level; /* the highest of theirs */
	const char *role;
	const char *step; /* NULL: none */
	const char *id;
	const struct log_relay *relay;
} state = { .destinations = { { .kind = KIND_STDERR, .fd = -1 }, { .kind = KIND_NONE, .fd = -1 } },
	    .role = "krun",
	    .id = "" };

/* The process whose record it is: this one, or one that relays its records to this one. */
struct speaker {
	pid_t pid;
	const char *role;
};

enum { READER_MS = 1000 };

static const char *const level_words[] = { "error", "warning", "info", "debug" };

/* syslog severities of RFC 5424, section 6.2.1; the facility is "daemon" (3 << 3). */
static const int severities[] = { 3, 4, 6, 7 };
enum { FACILITY_DAEMON = 3 << 3 };

int log_parse_level(const char *word, enum log_level *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(level_words); i++) {
		if (strcasecmp(word, level_words[i]) == 0) {
			*ret = (enum log_level)i;
			return 0;
		}
	}
	if (strcasecmp(word, "warn") == 0) {
		*ret = LOG_LEVEL_WARNING;
		return 0;
	}
	return -EINVAL;
}

int log_parse_format(const char *word, enum log_format *ret)
{
	if (strcmp(word, "text") == 0)
		*ret = LOG_FORMAT_TEXT;
	else if (strcmp(word, "json") == 0)
		*ret = LOG_FORMAT_JSON;
	else
		return -EINVAL;
	return 0;
}

static int open_socket(const char *path, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return error_sys(err, -errno, "log: socket");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	io_limit_socket(fd, READER_MS);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return error_sys(err, -errno, "log: connect to '%s'", path);
	return take_fd(&fd);
}

/*
 * /dev/stderr or /dev/stdout that is a socket, as in a service of systemd, cannot be opened (ENXIO): its
 * descriptor is duplicated.
 */
static int open_file(const char *path, mode_t mode)
{
	const int stream = strcmp(path, "/dev/stderr") == 0 ? STDERR_FILENO :
			   strcmp(path, "/dev/stdout") == 0 ? STDOUT_FILENO :
							      -1;
	int fd = io_open_append(path, mode);
	struct stat st;

	if (fd != -ENXIO || stream < 0 || fstat(stream, &st) < 0 || !S_ISSOCK(st.st_mode))
		return fd;
	fd = fcntl(stream, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? -errno : fd;
}

/* A word without a slash that is nearly the name of a service, or has a colon behind it, is no file. */
static int check_kind(const char *destination, struct error *err)
{
	static const char *const kinds[] = { "syslog", "journald", "file" };
	const size_t len = strspn(destination, "abcdefghijklmnopqrstuvwxyz");
	struct suggestion suggestion = suggest_for(destination, len);

	/* Without a colon it may well be a file called "file". */
	for (size_t i = 0; i < ARRAY_LEN(kinds) - (destination[len] != ':'); i++)
		suggest_consider(&suggestion, kinds[i]);
	if (destination[len] != ':' && (destination[len] || !suggestion.best || suggestion.distance > 1))
		return 0;
	if (!suggestion.best)
		return error_set(
			err, -EINVAL,
			"log '%s': not FILE, file:FILE, syslog:NAME or journald:NAME (a file of this "
			"name is file:%s)",
			destination, destination);
	return error_set(err, -EINVAL, "log '%s': did you mean '%s:%s'? (a file of this name is file:%s)",
			 destination, suggestion.best, destination[len] ? destination + len + 1 : "krun",
			 destination);
}

/* @ret is changed only by success. @own: a new file is for its owner alone, and others have no part in it. */
static int open_destination(const char *name, bool own, struct destination *ret, struct error *err)
{
	const char *path = name;
	struct destination opened = *ret;

	if (strncmp(name, "syslog:", 7) == 0) {
		opened.kind = KIND_SYSLOG;
		opened.fd = open_socket("/dev/log", err);
		opened.ident = name[7] ? name + 7 : "krun";
	} else if (strncmp(name, "journald:", 9) == 0) {
		opened.kind = KIND_JOURNALD;
		opened.fd = open_socket("/run/systemd/journal/socket", err);
		opened.ident = name[9] ? name + 9 : "krun";
	} else {
		const bool named = strncmp(path, "file:", 5) == 0;

		if (!named && check_kind(name, err) < 0)
			return err->code;
		path += named ? 5 : 0;
		opened.kind = KIND_FILE;
		opened.fd = open_file(path, own ? 0600 : 0644);
		if (opened.fd >= 0 && own && io_check_owner(opened.fd, path) < 0) {
			cleanup_close(&opened.fd);
			return error_set(err, -EPERM,
					 "log '%s': the file, or a link at its place, is another user's",
					 path);
		}
		if (opened.fd < 0)
			opened.fd = io_open_failed(opened.fd, "log", path, err);
	}
	if (opened.fd < 0)
		return opened.fd;
	cleanup_close(&ret->fd);
	*ret = opened;
	return 0;
}

static void set_level(struct destination *destination, enum log_level level)
{
	destination->level = level;
	if (level > state.level)
		state.level = level;
}

int log_open(const char *destination, enum log_format format, enum log_level level, struct error *err)
{
	struct destination *log = &state.destinations[MAIN];

	log->format = format;
	state.level = LOG_LEVEL_ERROR;
	set_level(log, level);
	return destination ? open_destination(destination, false, log, err) : 0;
}

int log_open_debug(const char *destination, enum log_level level, struct error *err)
{
	int r = open_destination(destination, true, &state.destinations[DEBUG], err);

	if (r == 0)
		set_level(&state.destinations[DEBUG], level);
	return r;
}

void log_close(void)
{
	for (size_t i = 0; i < DESTINATIONS; i++)
		cleanup_close(&state.destinations[i].fd);
}

void log_set_role(const char *role, const char *container_id)
{
	if (role)
		state.role = role;
	if (container_id)
		state.id = container_id;
	trace_set_role(role, container_id);
}

const char *log_set_step(const char *step)
{
	const char *before = state.step;

	state.step = step;
	return before;
}

bool log_enabled(enum log_level level)
{
	return level <= state.level;
}

static void format_time(char *text, size_t size)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_text(&now, text, size);
}

static size_t format_json(char *record, size_t size, const struct speaker *speaker, enum log_level level,
			  const char *step, const char *text)
{
	const char *end = record + size - 256;
	char stamp[64];
	char *out = record;

	format_time(stamp, sizeof(stamp));
	out += sprintf(out, "{\"level\":\"%s\",\"msg\":\"", level_words[level]);
	out = printable_json_inside(out, end, text);
	out += sprintf(out, "\",\"time\":\"%s\",\"pid\":%d,\"id\":\"", stamp, speaker->pid);
	out = printable_json_inside(out, record + size - 128, state.id);
	out += sprintf(out, "\",\"step\":\"");
	out = printable_json_inside(out, record + size - 8, step ? step : speaker->role);
	out += sprintf(out, "\"}\n");
	return (size_t)(out - record);
}

static bool is_json(const struct destination *to)
{
	return to->format == LOG_FORMAT_JSON && (to->kind == KIND_FILE || to->kind == KIND_STDERR);
}

static int stream_of(const struct destination *to)
{
	return to->kind == KIND_STDERR ? STDERR_FILENO : to->fd;
}

static void write_json(const struct destination *to, const struct speaker *speaker, enum log_level level,
		       const char *step, const char *text)
{
	char record[RECORD_MAX];

	io_append(stream_of(to), record, format_json(record, sizeof(record), speaker, level, step, text));
}

/* The beginning and the end of a level's colour on standard error. */
static const char *level_begin(enum log_level level)
{
	return screen_colour(STDERR_FILENO, level == LOG_LEVEL_ERROR   ? COLOUR_RED :
					    level == LOG_LEVEL_WARNING ? COLOUR_YELLOW :
									 COLOUR_FAINT);
}

static const char *level_end(void)
{
	return screen_plain(STDERR_FILENO);
}

/* @step, @id, @text: printable. */
static void write_line(const struct destination *to, const struct speaker *speaker, enum log_level level,
		       const char *step, const char *id, const char *text)
{
	const bool is_debug = to == &state.destinations[DEBUG] || level == LOG_LEVEL_DEBUG;
	const bool coloured = to->kind == KIND_STDERR;
	char record[RECORD_MAX];
	char stamp[64] = "", word[64] = "";
	size_t size;

	if (to->kind == KIND_FILE || isatty(stream_of(to))) {
		format_time(stamp, sizeof(stamp) - 1);
		strcat(stamp, " ");
	}
	if (level != LOG_LEVEL_ERROR)
		snprintf(word, sizeof(word), " %s%s%s", coloured ? level_begin(level) : "",
			 level_words[level], coloured ? level_end() : "");
	/* The lines of many containers may stand in one file. */
	size = (size_t)snprintf(record, sizeof(record), "%skrun[%d] %s%s%s%s: %s\n", stamp, speaker->pid,
				is_debug ? id : "", is_debug && *id ? " " : "", step, word, text);
	io_append(stream_of(to), record, size < sizeof(record) ? size : sizeof(record) - 1);
}

/* Sends a datagram to the host's log, for which a log that was deaf is not waited for again. */
static void send_datagram(struct destination *to, const struct speaker *speaker, enum log_level level,
			  const char *step, const char *id, const char *text)
{
	char record[RECORD_MAX];
	int n;

	if (to->kind == KIND_SYSLOG)
		n = snprintf(record, sizeof(record), "<%d>%s[%d]: %s%s%s",
			     FACILITY_DAEMON | severities[level], to->ident, speaker->pid, id,
			     *id ? ": " : "", text);
	else
		/* https://systemd.io/JOURNAL_NATIVE_PROTOCOL: one datagram, FIELD=value lines. */
		n = snprintf(record, sizeof(record),
			     "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nKRUN_ID=%s\nKRUN_STEP=%s\nMESSAGE=%s\n",
			     severities[level], to->ident, id, step, text);
	if (n > 0 && send(to->fd, record, (size_t)n < sizeof(record) ? (size_t)n : sizeof(record) - 1,
			  MSG_NOSIGNAL | (to->deaf ? MSG_DONTWAIT : 0)) < 0)
		to->deaf |= errno == EAGAIN;
}

static void emit_to(struct destination *to, const struct speaker *speaker, enum log_level level,
		    const char *step, const char *text)
{
	char line[PRINTABLE_MAX + 1], id[NAME_MAX], place[NAME_MAX];

	if (to->kind == KIND_NONE || level > to->level)
		return;
	if (is_json(to)) {
		write_json(to, speaker, level, step, text);
		return;
	}
	/* No control characters of a container reach a terminal, journal or file; JSON has escapes. */
	printable_copy(line, sizeof(line), text, strlen(text), "");
	printable_copy(id, sizeof(id), state.id, strlen(state.id), "");
	/* A process in a container names its role and its step itself. */
	step = step ? step : speaker->role;
	printable_copy(place, sizeof(place), step, strlen(step), "");
	if (to->kind == KIND_SYSLOG || to->kind == KIND_JOURNALD)
		send_datagram(to, speaker, level, place, id, line);
	else
		write_line(to, speaker, level, place, id, line);
}

static void emit(const struct speaker *speaker, enum log_level level, const char *step, const char *text)
{
	for (size_t i = 0; i < DESTINATIONS; i++)
		emit_to(&state.destinations[i], speaker, level, step, text);
}

void log_record(enum log_level level, const char *step, const char *format, ...)
{
	char text[ERROR_TEXT_MAX];
	int saved = errno;
	va_list args;

	if (!log_enabled(level))
		return;
	if (!step)
		step = state.step;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (state.relay)
		state.relay->record(state.relay->data, level, state.role, step ? step : state.role, text);
	else
		emit(&(struct speaker){ getpid(), state.role }, level, step, text);
	errno = saved;
}

void log_words(const char *what, char *const *words)
{
	char text[ERROR_TEXT_MAX] = "";
	size_t len = 0;

	if (!log_enabled(LOG_LEVEL_DEBUG) || !words)
		return;
	for (; *words && len < sizeof(text); words++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, " %s", *words);
	log_record(LOG_LEVEL_DEBUG, NULL, "%s:%s", what, text);
}

void log_failure(const struct error *err)
{
	const struct speaker speaker = { getpid(), state.role };
	struct destination *log = &state.destinations[MAIN];
	char line[PRINTABLE_MAX + 1];
	int saved = errno;

	emit_to(&state.destinations[DEBUG], &speaker, LOG_LEVEL_ERROR, NULL, err->text);
	if (log->kind != KIND_STDERR || is_json(log))
		emit_to(log, &speaker, LOG_LEVEL_ERROR, NULL, err->text);
	if (log->kind == KIND_STDERR && is_json(log))
		return;
	printable_copy(line, sizeof(line), err->text, strlen(err->text), "");
	dprintf(STDERR_FILENO, "%skrun:%s %s\n", level_begin(LOG_LEVEL_ERROR), level_end(), line);
	errno = saved;
}

unsigned long long log_clock(void)
{
	return trace_is_on() || log_enabled(LOG_LEVEL_DEBUG) ? (unsigned long long)clock_ns() : 0;
}

static void step_done(const struct speaker *speaker, const struct trace_slice *slice)
{
	char text[64], record[ERROR_TEXT_MAX];

	trace_write(slice);
	if (slice->is_part || !log_enabled(LOG_LEVEL_DEBUG))
		return;
	snprintf(text, sizeof(text), ": %llu us", (slice->end - slice->start) / 1000);
	snprintf(record, sizeof(record), "%.*s%s", (int)(sizeof(record) - sizeof(text)), slice->name, text);
	emit(speaker, LOG_LEVEL_DEBUG, slice->name, record);
}

static void slice_done(struct trace_slice *slice)
{
	int saved = errno;

	slice->role = state.role;
	slice->end = log_clock();
	trace_take_notes(slice);
	if (state.relay)
		state.relay->step(state.relay->data, slice);
	else
		step_done(&(struct speaker){ getpid(), state.role }, slice);
	errno = saved;
}

void log_step_done(const char *step, unsigned long long start)
{
	if (start)
		slice_done(&(struct trace_slice){ .name = step, .start = start });
}

void log_part_done(const char *part, unsigned long long start)
{
	if (start && trace_is_on())
		slice_done(&(struct trace_slice){ .name = part, .start = start, .is_part = true });
}

void log_wait_done(const char *what, unsigned long long start)
{
	if (start && trace_is_on())
		slice_done(&(struct trace_slice){
			.name = what, .start = start, .is_part = true, .waits = true });
}

void log_relay(const struct log_relay *relay)
{
	log_close();
	trace_leave();
	state.relay = relay;
}

void log_relayed_record(pid_t pid, enum log_level level, const char *role, const char *step, const char *text)
{
	int saved = errno;

	if (state.relay)
		state.relay->record(state.relay->data, level, role, step, text);
	else if (log_enabled(level))
		emit(&(struct speaker){ pid, role }, level, step, text);
	errno = saved;
}

void log_relayed_step(const struct trace_slice *slice)
{
	int saved = errno;

	if (state.relay)
		state.relay->step(state.relay->data, slice);
	else
		step_done(&(struct speaker){ slice->pid, slice->role }, slice);
	errno = saved;
}

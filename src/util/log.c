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
#include "util/error.h"
#include "util/io.h"
#include "util/printable.h"
#include "util/utf8.h"

enum { PRINTABLE_MAX = 4 * ERROR_TEXT_MAX, RECORD_MAX = PRINTABLE_MAX + ERROR_TEXT_MAX };

enum log_kind { KIND_STDERR, KIND_FILE, KIND_SYSLOG, KIND_JOURNALD, KIND_RELAY };

static struct {
	enum log_kind kind;
	enum log_format format;
	enum log_level level;
	int fd;
	int trace_fd;
	const char *ident;
	const char *role;
	const char *id;
	bool traced; /* with KIND_RELAY: the command on the host writes a trace */
	const struct log_relay *relay;
} state = { .fd = -1, .trace_fd = -1, .role = "krun", .id = "" };

/* The process whose record it is: this one, or one that relays its records to this one. */
struct speaker {
	pid_t pid;
	const char *role;
};

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
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return error_sys(err, -errno, "log: connect to '%s'", path);
	return take_fd(&fd);
}

static int open_failed(int code, const char *what, const char *path, struct error *err)
{
	struct stat st;

	if (code != -ENXIO)
		return error_sys(err, code, "open %s '%s'", what, path);
	return error_set(err, code, "open %s '%s': %s", what, path,
			 stat(path, &st) == 0 && S_ISSOCK(st.st_mode) ? "it is a socket" : "nobody reads it");
}

/*
 * /dev/stderr or /dev/stdout that is a socket, as in a service of systemd, cannot be opened (ENXIO): its
 * descriptor is duplicated.
 */
static int open_file(const char *path)
{
	const int stream = strcmp(path, "/dev/stderr") == 0 ? STDERR_FILENO :
			   strcmp(path, "/dev/stdout") == 0 ? STDOUT_FILENO :
							      -1;
	int fd = io_open_append(path, 0644);
	struct stat st;

	if (fd != -ENXIO || stream < 0 || fstat(stream, &st) < 0 || !S_ISSOCK(st.st_mode))
		return fd;
	fd = fcntl(stream, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? -errno : fd;
}

int log_open(const char *destination, enum log_format format, enum log_level level, struct error *err)
{
	const char *path = destination;
	int fd = -1;

	state.format = format;
	state.level = level;
	if (!destination)
		return 0;
	if (strncmp(destination, "syslog:", 7) == 0) {
		fd = open_socket("/dev/log", err);
		state.kind = KIND_SYSLOG;
		state.ident = destination + 7;
	} else if (strncmp(destination, "journald:", 9) == 0) {
		fd = open_socket("/run/systemd/journal/socket", err);
		state.kind = KIND_JOURNALD;
		state.ident = destination + 9;
	} else {
		if (strncmp(path, "file:", 5) == 0)
			path += 5;
		fd = open_file(path);
		if (fd < 0)
			fd = open_failed(fd, "log", path, err);
		state.kind = KIND_FILE;
	}
	if (fd < 0) {
		state.kind = KIND_STDERR;
		return fd;
	}
	log_close();
	state.fd = fd;
	return 0;
}

void log_close(void)
{
	cleanup_close(&state.fd);
}

int log_open_trace(const char *path, struct error *err)
{
	int fd = io_open_append(path, 0644);

	if (fd < 0)
		return open_failed(fd, "trace", path, err);
	/* The array form of the format needs no closing bracket, so every process can append to it. */
	if (lseek(fd, 0, SEEK_END) == 0 && io_append(fd, "[\n", 2) < 0) {
		close(fd);
		return error_set(err, -EIO, "write trace '%s'", path);
	}
	state.trace_fd = fd;
	return 0;
}

void log_set_role(const char *role, const char *container_id)
{
	if (role)
		state.role = role;
	if (container_id)
		state.id = container_id;
}

bool log_enabled(enum log_level level)
{
	return level <= state.level;
}

/* Appends @text as the inside of a JSON string; stops before @end. Invalid UTF-8 becomes U+FFFD. */
static char *json_escape(char *out, const char *end, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p && end - out > 8; p++) {
		if (*p == '"' || *p == '\\') {
			*out++ = '\\';
			*out++ = (char)*p;
		} else if (*p < 0x20 || *p == 0x7f) {
			/* One record is one line, and its reader may print the text to a terminal. */
			if (*p == '\n')
				*out++ = ' ';
			else
				out += sprintf(out, "\\u%04x", *p);
		} else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) {
			out += sprintf(out, "\\u%04x", *++p);
		} else if (*p < 0x80) {
			*out++ = (char)*p;
		} else {
			size_t len = utf8_length((const char *)p);

			if (len == 0) {
				out += sprintf(out, "\\ufffd");
				continue;
			}
			memcpy(out, p, len);
			out += len;
			p += len - 1;
		}
	}
	*out = '\0';
	return out;
}

static void format_time(char *text, size_t size)
{
	struct timespec now;
	struct tm tm;
	char seconds[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, size, "%s.%09ldZ", seconds, now.tv_nsec);
}

static size_t format_json(char *record, size_t size, const struct speaker *speaker, enum log_level level,
			  const char *step, const char *text)
{
	const char *end = record + size - 256;
	char stamp[64];
	char *out = record;

	format_time(stamp, sizeof(stamp));
	out += sprintf(out, "{\"level\":\"%s\",\"msg\":\"", level_words[level]);
	out = json_escape(out, end, text);
	out += sprintf(out, "\",\"time\":\"%s\",\"pid\":%d,\"id\":\"", stamp, speaker->pid);
	out = json_escape(out, record + size - 128, state.id);
	out += sprintf(out, "\",\"step\":\"");
	out = json_escape(out, record + size - 8, step ? step : speaker->role);
	out += sprintf(out, "\"}\n");
	return (size_t)(out - record);
}

static bool is_json(void)
{
	return state.format == LOG_FORMAT_JSON && state.kind == KIND_FILE;
}

static void write_json(const struct speaker *speaker, enum log_level level, const char *step,
		       const char *text)
{
	char record[RECORD_MAX];

	io_append(state.fd, record, format_json(record, sizeof(record), speaker, level, step, text));
}

static void write_record(int fd, const struct speaker *speaker, enum log_level level, const char *step,
			 const char *text)
{
	char record[RECORD_MAX];
	char stamp[64] = "";
	size_t size;

	if (state.kind == KIND_FILE || isatty(fd)) {
		format_time(stamp, sizeof(stamp) - 1);
		strcat(stamp, " ");
	}
	size = (size_t)snprintf(record, sizeof(record), "%skrun[%d] %s%s%s: %s\n", stamp, speaker->pid,
				step ? step : speaker->role, level == LOG_LEVEL_ERROR ? "" : " ",
				level == LOG_LEVEL_ERROR ? "" : level_words[level], text);
	io_append(fd, record, size < sizeof(record) ? size : sizeof(record) - 1);
}

static void emit_line(const struct speaker *speaker, enum log_level level, const char *step, const char *id,
		      const char *text)
{
	char record[RECORD_MAX];
	int n;

	switch (state.kind) {
	case KIND_STDERR:
		write_record(STDERR_FILENO, speaker, level, step, text);
		return;
	case KIND_FILE:
		write_record(state.fd, speaker, level, step, text);
		return;
	case KIND_SYSLOG:
		n = snprintf(record, sizeof(record), "<%d>%s[%d]: %s%s%s",
			     FACILITY_DAEMON | severities[level], state.ident, speaker->pid, id,
			     *id ? ": " : "", text);
		break;
	case KIND_JOURNALD:
		/* https://systemd.io/JOURNAL_NATIVE_PROTOCOL: one datagram, FIELD=value lines. */
		n = snprintf(record, sizeof(record),
			     "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nKRUN_ID=%s\nKRUN_STEP=%s\nMESSAGE=%s\n",
			     severities[level], state.ident, id, step ? step : speaker->role, text);
		break;
	case KIND_RELAY:
	default:
		return;
	}
	if (n > 0)
		send(state.fd, record, (size_t)n < sizeof(record) ? (size_t)n : sizeof(record) - 1,
		     MSG_NOSIGNAL);
}

/* A container may not send control characters to a terminal, journal or file; JSON has its own escapes. */
static void emit(const struct speaker *speaker, enum log_level level, const char *step, const char *text)
{
	char line[PRINTABLE_MAX + 1], id[NAME_MAX];

	if (is_json()) {
		write_json(speaker, level, step, text);
		return;
	}
	printable_copy(line, sizeof(line), text, strlen(text), "");
	printable_copy(id, sizeof(id), state.id, strlen(state.id), "");
	emit_line(speaker, level, step, id, line);
}

void log_record(enum log_level level, const char *step, const char *format, ...)
{
	char text[ERROR_TEXT_MAX];
	int saved = errno;
	va_list args;

	if (!log_enabled(level))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (state.kind == KIND_RELAY)
		state.relay->record(state.relay->data, level, state.role, step ? step : state.role, text);
	else
		emit(&(struct speaker){ getpid(), state.role }, level, step, text);
	errno = saved;
}

void log_failure(const struct error *err)
{
	char line[PRINTABLE_MAX + 1];
	int saved = errno;

	if (state.kind != KIND_STDERR)
		log_record(LOG_LEVEL_ERROR, NULL, "%s", err->text);
	printable_copy(line, sizeof(line), err->text, strlen(err->text), "");
	dprintf(STDERR_FILENO, "krun: %s\n", line);
	errno = saved;
}

unsigned long long log_clock(void)
{
	struct timespec now;

	if (state.trace_fd < 0 && !state.traced && !log_enabled(LOG_LEVEL_DEBUG))
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned long long)now.tv_sec * 1000000000ULL + (unsigned long long)now.tv_nsec;
}

static void step_done(const struct speaker *speaker, const char *step, unsigned long long start,
		      unsigned long long end)
{
	char text[64];

	snprintf(text, sizeof(text), ": %llu us", (end - start) / 1000);
	if (log_enabled(LOG_LEVEL_DEBUG)) {
		char record[ERROR_TEXT_MAX];

		snprintf(record, sizeof(record), "%.*s%s", (int)(sizeof(record) - sizeof(text)), step, text);
		emit(speaker, LOG_LEVEL_DEBUG, step, record);
	}
	if (state.trace_fd >= 0) {
		char name[256], role[64], event[512];
		int n;

		/* Both may come from a process that the container controls. */
		json_escape(name, name + sizeof(name), step);
		json_escape(role, role + sizeof(role), speaker->role);
		n = snprintf(
			event, sizeof(event),
			"{\"name\":\"%s\",\"cat\":\"%s\",\"ph\":\"X\",\"ts\":%llu.%03llu,\"dur\":%llu.%03llu,"
			"\"pid\":%d,\"tid\":%d},\n",
			name, role, start / 1000, start % 1000, (end - start) / 1000, (end - start) % 1000,
			speaker->pid, speaker->pid);
		io_append(state.trace_fd, event, (size_t)n);
	}
}

void log_step_done(const char *step, unsigned long long start)
{
	unsigned long long end = log_clock();
	int saved = errno;

	if (end == 0)
		return;
	if (state.kind == KIND_RELAY)
		state.relay->step(state.relay->data, state.role, step, start, end);
	else
		step_done(&(struct speaker){ getpid(), state.role }, step, start, end);
	errno = saved;
}

void log_relay(const struct log_relay *relay)
{
	state.traced = state.traced || state.trace_fd >= 0;
	log_close();
	cleanup_close(&state.trace_fd);
	state.kind = KIND_RELAY;
	state.relay = relay;
}

void log_relayed_record(pid_t pid, enum log_level level, const char *role, const char *step, const char *text)
{
	int saved = errno;

	if (state.kind == KIND_RELAY)
		state.relay->record(state.relay->data, level, role, step, text);
	else if (log_enabled(level))
		emit(&(struct speaker){ pid, role }, level, step, text);
	errno = saved;
}

void log_relayed_step(pid_t pid, const char *role, const char *step, unsigned long long start,
		      unsigned long long end)
{
	int saved = errno;

	if (state.kind == KIND_RELAY)
		state.relay->step(state.relay->data, role, step, start, end);
	else
		step_done(&(struct speaker){ pid, role }, step, start, end);
	errno = saved;
}

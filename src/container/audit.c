/* SPDX-License-Identifier: Apache-2.0 */
#include "container/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "json/make.h"
#include "state/state.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

#define OLD_FILE STATE_EXCEPTIONS_LOG ".old"

/* RFC 5424, section 6.2.1: facility 10 (authpriv), severity 5 (notice). */
enum { AUTHPRIV_NOTICE = 10 << 3 | 5, SYSLOG_MS = 5000 };

/* Makes the record's JSON text; the caller frees it. NULL: out of memory. */
static char *record_text(const struct audit_record *record)
{
	struct json_maker maker = { 0 };
	auto_json object = json_make_object(&maker);
	auto_free char *now = state_now();

	if (!now)
		return NULL;
	json_put_text(&maker, object, "time", now);
	json_put_text(&maker, object, "container", record->container);
	json_put_text(&maker, object, "name", record->name);
	json_put_text(&maker, object, "path", record->path);
	json_put_text(&maker, object, "sha256", record->sha256);
	json_put_i64(&maker, object, "uid", record->uid);
	return json_make_text(&maker, object, JSON_COMPACT);
}

static int open_file(int dir_fd)
{
	return openat(dir_fd, STATE_EXCEPTIONS_LOG, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
		      0600);
}

static int write_file(int dir_fd, const char *text, struct error *err)
{
	auto_close int fd = open_file(dir_fd);
	auto_free char *line = NULL;
	struct stat st;
	int r = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;

	if (r == 0 && st.st_size > AUDIT_FILE_MAX) {
		if (renameat(dir_fd, STATE_EXCEPTIONS_LOG, dir_fd, OLD_FILE) < 0)
			return error_sys(err, -errno, "begin a new '%s'", STATE_EXCEPTIONS_LOG);
		cleanup_close(&fd);
		fd = open_file(dir_fd);
		r = fd < 0 ? -errno : 0;
	}
	/* A single write(2) with O_APPEND keeps the lines of concurrent commands apart. */
	if (r == 0 && asprintf(&line, "%s\n", text) < 0) {
		line = NULL;
		return error_oom(err);
	}
	if (r == 0)
		r = io_write_all(fd, line, strlen(line));
	return r < 0 ? error_sys(err, r, "record a program without km in '%s'", STATE_EXCEPTIONS_LOG) : 0;
}

static int send_syslog(const char *text, struct error *err)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	auto_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	auto_free char *message = NULL;

	if (asprintf(&message, "<%d>krun[%d]: program without km: %s", AUTHPRIV_NOTICE, getpid(), text) < 0) {
		message = NULL;
		return error_oom(err);
	}
	if (fd >= 0)
		io_limit_socket(fd, SYSLOG_MS);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    send(fd, message, strlen(message), MSG_NOSIGNAL) < 0)
		return error_sys(err, io_socket_error(errno),
				 "record a program without km in syslog, as the host's settings require");
	return 0;
}

int audit_write(int dir_fd, const struct audit_record *record, bool to_syslog, struct error *err)
{
	auto_free char *text = record_text(record);
	int r;

	if (!text)
		return error_oom(err);
	r = write_file(dir_fd, text, err);
	return r == 0 && to_syslog ? send_syslog(text, err) : r;
}

int audit_copy(int dir_fd, int out_fd, struct error *err)
{
	static const char *const names[] = { OLD_FILE, STATE_EXCEPTIONS_LOG };

	for (size_t i = 0; i < 2; i++) {
		auto_free char *text = NULL;
		size_t size;
		int r = io_read_regular(dir_fd, names[i], (size_t)4 * AUDIT_FILE_MAX, &text, &size);

		if (r == -ENOENT)
			continue;
		if (r < 0)
			return error_sys(err, r, "read '%s'", names[i]);
		r = io_write_all(out_fd, text, size);
		if (r < 0)
			return error_sys(err, r, "write to stdout");
	}
	return 0;
}

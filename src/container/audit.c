/* SPDX-License-Identifier: Apache-2.0 */
#include "container/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "state/state.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

#define OLD_FILE STATE_EXCEPTIONS_LOG ".old"

/* RFC 5424, section 6.2.1: facility 10 (authpriv), severity 5 (notice). */
enum { AUTHPRIV_NOTICE = 10 << 3 | 5 };

/* Makes the record's JSON text; the caller frees it. NULL: out of memory. */
static char *record_text(const struct audit_record *record)
{
	struct json_object *object = json_object_new_object();
	auto_free char *now = state_now();
	char *text = NULL;

	if (object && now) {
		json_object_object_add(object, "time", json_object_new_string(now));
		json_object_object_add(object, "container", json_object_new_string(record->container));
		json_object_object_add(object, "name", json_object_new_string(record->name));
		json_object_object_add(object, "path", json_object_new_string(record->path));
		json_object_object_add(object, "sha256", json_object_new_string(record->sha256));
		json_object_object_add(object, "uid", json_object_new_int64(record->uid));
		text = strdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
									     JSON_C_TO_STRING_NOSLASHESCAPE));
	}
	json_object_put(object);
	return text;
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
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    send(fd, message, strlen(message), MSG_NOSIGNAL) < 0)
		return error_sys(err, -errno,
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
		int r = io_read_regular(dir_fd, names[i], 4 * AUDIT_FILE_MAX, &text, &size);

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

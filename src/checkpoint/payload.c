/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint/payload.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/standard_io.h"
#include "state/status.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/proc.h"

/* Finds the line of proc_pid_status(5) that begins with @key, and returns the rest of it and its length. */
static size_t find_line(const char *status, const char *key, const char **ret)
{
	const char *line = strstr(status, key);

	*ret = line ? line + strlen(key) : "";
	return strcspn(*ret, "\n");
}

static int check_identity(const char *status, const char *first, struct error *err)
{
	static const char *const keys[] = { "\nUid:",	 "\nGid:",    "\nGroups:", "\nCapInh:",
					    "\nCapPrm:", "\nCapEff:", "\nCapBnd:", "\nCapAmb:" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *now, *then;
		const size_t now_len = find_line(status, keys[i], &now);
		const size_t then_len = find_line(first, keys[i], &then);

		if (now_len != then_len || memcmp(now, then, now_len) != 0)
			return error_set(
				err, -EBUSY,
				"the payload has another user or other capabilities than at its "
				"start (%s%.*s, at its start%.*s), which km's snapshot does not keep",
				keys[i] + 1, (int)now_len, now, (int)then_len, then);
	}
	return 0;
}

/*
 * Checks every thread of km: setuid(2) in the payload changes the one thread that runs it, and the payload's
 * libc changes the others by signals within the virtual machine.
 */
static int check_threads(int process_fd, const char *first, struct error *err)
{
	struct dirent *entry;
	DIR *dir;
	int r = io_open_directory(process_fd, "task", &dir);

	if (r < 0)
		return status_lost_process(r, "look at the threads of km", err);
	while (r == 0) {
		auto_free char *status = NULL;
		char name[300];

		r = io_next_entry(dir, &entry);
		if (r < 0)
			error_sys(err, r, "list the threads of km");
		if (r <= 0)
			break;
		snprintf(name, sizeof(name), "%s/status", entry->d_name);
		r = 0;
		/* A thread that has ended does not matter; one that cannot be read is an error. */
		if (entry->d_name[0] == '.')
			continue;
		r = proc_read_status(dirfd(dir), name, &status);
		if (r == 0)
			r = check_identity(status, first, err);
		else if (proc_is_gone(r))
			r = 0;
		else
			error_sys(err, r, "look at a thread of km");
	}
	closedir(dir);
	return r;
}

/*
 * km's snapshot has the names of files, devices and sockets at fds 0 to 2, and km opens them again when it
 * resumes. A file from outside does not exist in the container. Pipes are no problem: km uses those that it
 * gets.
 */
static int look_at_descriptors(int process_fd, struct km_descriptors *descriptors, struct error *err)
{
	struct stdio_file files[3];
	int r = stdio_look(process_fd, files, err);

	descriptors->outside = 0;
	for (unsigned int i = 0; r == 0 && i < ARRAY_LEN(files); i++)
		if (files[i].outside && !S_ISFIFO(files[i].st.st_mode))
			descriptors->outside |= 1U << i;
	return r < 0 ? r : km_descriptors_read(process_fd, descriptors, err);
}

int payload_look(int process_fd, int init_fd, struct payload *ret, struct error *err)
{
	auto_free char *status = NULL, *first = NULL;
	const char *line;
	ssize_t n = readlinkat(process_fd, "cwd", ret->cwd, sizeof(ret->cwd) - 1);
	int r = n < 0 ? -errno : 0;

	if (r == 0)
		r = proc_read_status(process_fd, "status", &status);
	if (r == 0 && init_fd >= 0)
		r = proc_read_status(init_fd, "status", &first);
	if (r < 0)
		return status_lost_process(r, "look at km's process", err);
	ret->cwd[n] = '\0';
	find_line(status, "\nUmask:", &line);
	if (sscanf(line, "%o", &ret->umask) != 1)
		return error_set(err, -EPROTO, "look at km's process: no umask in its status");
	if (init_fd >= 0)
		r = check_threads(process_fd, first, err);
	return r < 0 ? r : look_at_descriptors(process_fd, &ret->descriptors, err);
}

void payload_done(struct payload *payload)
{
	km_descriptors_done(&payload->descriptors);
}

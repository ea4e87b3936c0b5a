/* SPDX-License-Identifier: Apache-2.0 */

/* The list of exceptions: where it is, who may write it, how its lines are read. */

#include "km/exceptions.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "km/km.h"
#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/log.h"

/* ---- lines ------------------------------------------------------------------------------------------- */

static bool is_hash(const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if (!isxdigit((unsigned char)text[i]))
			return false;
	return len == KM_HASH_HEX;
}

/*
 * Splits REGEX:PATH:SHA256 from the right, because a regular expression may have colons. Returns NULL, or
 * why the line is malformed.
 */
static const char *split_entry(char *line, struct km_exception_entry *entry)
{
	char *hash = strrchr(line, ':'), *path;

	if (!hash)
		return "not of the form REGEX:/PATH:SHA256";
	*hash++ = '\0';
	path = strrchr(line, ':');
	if (!path)
		return "not of the form REGEX:/PATH:SHA256";
	*path++ = '\0';
	if (!*line)
		return "its regular expression is empty";
	if (strlen(line) > KM_EXPRESSION_MAX)
		return "its regular expression is longer than 256 bytes";
	if (path[0] != '/')
		return "its path is not absolute";
	if (strlen(path) >= PATH_MAX)
		return "its path is too long";
	if (!is_hash(hash))
		return "its SHA-256 is not 64 hexadecimal digits";
	*entry = (struct km_exception_entry){ .regex = line, .path = path, .sha256 = hash };
	return NULL;
}

int km_exceptions_parse(char *text, struct km_exceptions *ret, struct error *err)
{
	char *rest = text, *line;
	size_t capacity = 0;

	ret->text = text;
	for (size_t number = 1; (line = strsep(&rest, "\n")); number++) {
		struct km_exception_entry *entry;
		size_t len = strlen(line);

		if (len > 0 && line[len - 1] == '\r')
			line[len - 1] = '\0';
		line += strspn(line, " \t");
		if (!*line || *line == '#')
			continue;
		if (ret->len == capacity) {
			capacity = capacity ? capacity * 2 : 16;
			entry = reallocarray(ret->entries, capacity, sizeof(*entry));
			if (!entry)
				return error_oom(err);
			ret->entries = entry;
		}
		entry = &ret->entries[ret->len++];
		*entry = (struct km_exception_entry){ 0 };
		entry->malformed = split_entry(line, entry);
		entry->line = number;
	}
	return 0;
}

void km_exceptions_done(struct km_exceptions *list)
{
	free(list->file);
	free(list->raw);
	free(list->text);
	free(list->entries);
	*list = (struct km_exceptions){ 0 };
}

/* ---- the file ---------------------------------------------------------------------------------------- */

/*
 * Whoever can write the list decides which programs run without km. That may be root and, for a list of the
 * container, the container's root.
 */
static int check_owner(int fd, const char *file, uid_t other, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_sys(err, -errno, "open '%s'", file);
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "'%s' is not a regular file", file);
	if ((st.st_uid != 0 && st.st_uid != other) || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return error_set(err, -EINVAL, "'%s' can be written by others than root", file);
	return 0;
}

/* -ENOENT, without an error text: the container has no list. */
static int open_list(int root_fd, uid_t owner, const struct km_settings *settings, struct km_exceptions *list,
		     struct error *err)
{
	const bool on_host = settings && settings->exceptions == KM_EXCEPTIONS_HOST;
	auto_close int fd = -1;
	int r;

	list->file = strdup(on_host ? settings->exceptions_file : KM_EXCEPTIONS_FILE);
	if (!list->file)
		return error_oom(err);
	/* O_PATH first: in the container's root a device may have this name, and opening one can act. */
	fd = on_host ? open(list->file, O_PATH | O_CLOEXEC) : open_in_root(root_fd, list->file, O_PATH);
	if (on_host && fd < 0)
		fd = -errno;
	if (!on_host && (fd == -ENOENT || fd == -ENOTDIR))
		return -ENOENT;
	if (fd < 0)
		return error_sys(err, fd, "open exceptions '%s'", list->file);
	r = check_owner(fd, list->file, on_host ? 0 : owner, err);
	if (r < 0)
		return r;
	r = reopen_fd(fd, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	return r < 0 ? error_sys(err, r, "open exceptions '%s'", list->file) : r;
}

static int read_list(int fd, struct km_exceptions *list, struct error *err)
{
	char *text;
	size_t size;
	int r = io_read_all(fd, KM_EXCEPTIONS_FILE_MAX, &list->raw, &size);

	if (r < 0)
		return error_sys(err, r, "read '%s'", list->file);
	if (strlen(list->raw) != size)
		return error_set(err, -EINVAL, "'%s' has a NUL byte", list->file);
	text = strdup(list->raw);
	return text ? km_exceptions_parse(text, list, err) : error_oom(err);
}

int km_exceptions_load(int root_fd, uid_t owner, const struct km_settings *settings,
		       struct km_exceptions *ret, struct error *err)
{
	struct km_exceptions list = { 0 };
	auto_close int fd = -1;
	int r;

	*ret = list;
	if (settings && settings->exceptions == KM_EXCEPTIONS_DENY)
		return error_set(err, -EPERM, "the host's settings permit no exceptions");
	fd = open_list(root_fd, owner, settings, &list, err);
	if (fd == -ENOENT && (!settings || settings->exceptions == KM_EXCEPTIONS_CONTAINER)) {
		*ret = list;
		return 0;
	}
	r = fd < 0 ? fd : read_list(fd, &list, err);
	if (r < 0)
		km_exceptions_done(&list);
	*ret = list;
	return r;
}

/* ---- use --------------------------------------------------------------------------------------------- */

static int bad_entry(const struct km_exceptions *list, size_t index, const char *why, struct error *err)
{
	return error_set(err, -EINVAL, "'%s' line %zu: %s", list->file, list->entries[index].line, why);
}

static int find_entry(const struct km_exceptions *list, const char *name, struct km_exceptions_match *ret,
		      struct error *err)
{
	int r;

	for (size_t i = 0; i < list->len; i++)
		if (list->entries[i].malformed)
			return bad_entry(list, i, list->entries[i].malformed, err);
	r = km_exceptions_match(list, 0, name, ret, err);
	if (r == 0 && ret->malformed)
		r = bad_entry(list, ret->index, ret->malformed, err);
	return r;
}

static int take_program(int root_fd, const struct km_exceptions *list, const struct km_exception_entry *entry,
			struct km_exception *ret, struct error *err)
{
	int r = km_exception_seal(root_fd, entry->path, ret, err);

	if (r < 0)
		return r;
	if (strcasecmp(ret->sha256, entry->sha256) != 0) {
		km_exception_done(ret);
		return error_set(err, -EKEYREJECTED,
				 "approved program '%s' has changed: its SHA-256 is %s, '%s' says %s",
				 entry->path, ret->sha256, list->file, entry->sha256);
	}
	ret->path = strdup(entry->path);
	if (ret->path)
		return 0;
	km_exception_done(ret);
	return error_oom(err);
}

int km_exception_find(int root_fd, uid_t owner, const struct km_settings *settings, const char *name,
		      struct km_exception *ret, struct error *err)
{
	struct km_exceptions_match match = { 0 };
	struct km_exceptions list;
	int r;

	*ret = (struct km_exception){ .fd = -1 };
	if (settings && settings->exceptions == KM_EXCEPTIONS_DENY) {
		log_debug("no exceptions, as the host's settings say");
		return 0;
	}
	if (settings && settings->exceptions == KM_EXCEPTIONS_HOST)
		log_debug("exceptions are those of '%s' on the host, the container's own do not count",
			  settings->exceptions_file);
	r = km_exceptions_load(root_fd, owner, settings, &list, err);
	if (r == 0)
		r = find_entry(&list, name, &match, err);
	if (r == 0 && match.found)
		r = take_program(root_fd, &list, &list.entries[match.index], ret, err);
	km_exceptions_done(&list);
	return r;
}

void km_exception_done(struct km_exception *exception)
{
	cleanup_close(&exception->fd);
	free(exception->path);
	exception->path = NULL;
}

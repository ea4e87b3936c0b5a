/* SPDX-License-Identifier: Apache-2.0 */

/* The commands `exceptions add` and `exceptions check`. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "km/exceptions.h"
#include "km/km.h"
#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

enum { LOCK_LOOKS = 500, LOCK_NAP_NS = 20000000 }; /* 10 s */

/* ---- check ------------------------------------------------------------------------------------------- */

const char *km_exception_verdict_word(enum km_exception_verdict verdict)
{
	static const char *const words[] = {
		[KM_EXCEPTION_OK] = "ok",
		[KM_EXCEPTION_CHANGED] = "changed",
		[KM_EXCEPTION_MISSING] = "missing",
		[KM_EXCEPTION_MALFORMED] = "malformed",
	};

	return words[verdict];
}

/* exec refuses a list at its first malformed expression; `check` is to name all of them. */
static int mark_bad_expressions(struct km_exceptions *list, struct error *err)
{
	struct km_exceptions_match match;

	for (size_t from = 0; from < list->len; from = match.index + 1) {
		int r = km_exceptions_match(list, from, NULL, &match, err);

		if (r < 0 || !match.malformed)
			return r;
		list->entries[match.index].malformed = match.malformed;
	}
	return 0;
}

static enum km_exception_verdict check_entry(int root_fd, struct km_exception_entry *entry)
{
	struct km_exception program;
	struct error err;
	int r;

	if (entry->malformed)
		return KM_EXCEPTION_MALFORMED;
	r = km_exception_seal(root_fd, entry->path, &program, &err);
	km_exception_done(&program);
	if (r == -ENOENT || r == -ENOTDIR)
		return KM_EXCEPTION_MISSING;
	/* exec refuses this program for another reason than its hash: it is a script, a device, too large. */
	if (r < 0 && r != -EBUSY) {
		entry->malformed = r == -ENOEXEC ? "it is not an ELF program" :
				   r == -EFBIG	 ? "its program is too large" :
						   "its program cannot be read";
		return KM_EXCEPTION_MALFORMED;
	}
	return r == 0 && strcasecmp(program.sha256, entry->sha256) == 0 ? KM_EXCEPTION_OK :
									  KM_EXCEPTION_CHANGED;
}

int km_exceptions_check(int root_fd, struct km_exceptions *list, enum km_exception_verdict **ret,
			struct error *err)
{
	enum km_exception_verdict *verdicts = calloc(list->len + 1, sizeof(*verdicts));
	int r;

	if (!verdicts)
		return error_oom(err);
	r = mark_bad_expressions(list, err);
	if (r < 0) {
		free(verdicts);
		return r;
	}
	for (size_t i = 0; i < list->len; i++)
		verdicts[i] = check_entry(root_fd, &list->entries[i]);
	*ret = verdicts;
	return 0;
}

/* ---- add --------------------------------------------------------------------------------------------- */

static int check_entry_text(const char *line, const char *regex, struct error *err)
{
	struct km_exceptions one = { .file = strdup(KM_EXCEPTIONS_FILE) };
	struct km_exceptions_match match = { 0 };
	char *text = one.text = strdup(line);
	int r = text && one.file ? km_exceptions_parse(text, &one, err) : error_oom(err);

	if (r == 0 && one.len != 1)
		r = error_set(err, -EINVAL, "an entry that begins with '%c' is a comment", line[0]);
	if (r == 0 && one.entries[0].malformed)
		r = error_set(err, -EINVAL, "malformed entry: %s", one.entries[0].malformed);
	/* Blanks before an entry are ignored when the list is read. */
	if (r == 0 && strcmp(one.entries[0].regex, regex) != 0)
		r = error_set(err, -EINVAL, "'%s': an expression cannot begin with a blank", regex);
	if (r == 0)
		r = km_exceptions_match(&one, 0, NULL, &match, err);
	if (r == 0 && match.malformed)
		r = error_set(err, -EINVAL, "'%s': %s", one.entries[0].regex, match.malformed);
	km_exceptions_done(&one);
	return r;
}

static int make_line(int root_fd, const char *regex, const char *path, char **ret, struct error *err)
{
	auto_free char *line = NULL;
	struct km_exception program;
	int r;

	if (strpbrk(regex, "\r\n") || strpbrk(path, ":\r\n"))
		return error_set(err, -EINVAL, "an entry cannot have a line end, nor its path a colon");
	if (path[0] != '/')
		return error_set(err, -EINVAL, "program '%s': an absolute path in the container is needed",
				 path);
	r = km_exception_seal(root_fd, path, &program, err);
	km_exception_done(&program);
	if (r < 0)
		return r;
	if (asprintf(&line, "%s:%s:%s\n", regex, path, program.sha256) < 0) {
		line = NULL;
		return error_oom(err);
	}
	r = check_entry_text(line, regex, err);
	if (r == 0)
		*ret = take_pointer(line);
	return r;
}

/* The beginning of line @number, from 1, which @text has. */
static const char *line_start(const char *text, size_t number)
{
	while (--number > 0)
		text = strchr(text, '\n') + 1;
	return text;
}

/* Makes the new text: @line replaces the entry with the same expression, or is added at the end. */
static int compose(const struct km_exceptions *list, const char *regex, const char *line, bool replace,
		   char **ret, struct error *err)
{
	const char *old = list->raw ? list->raw : "", *end = old + strlen(old);
	const char *cut = end, *rest = end;

	for (size_t i = 0; i < list->len; i++) {
		const struct km_exception_entry *entry = &list->entries[i];

		if (entry->malformed)
			return error_set(err, -EINVAL, "'%s' line %zu: %s", list->file, entry->line,
					 entry->malformed);
		if (strcmp(entry->regex, regex) != 0 || cut != end)
			continue;
		if (!replace)
			return error_set(err, -EEXIST,
					 "'%s' line %zu has '%s' already, and the first entry that matches "
					 "holds: --replace changes it",
					 list->file, entry->line, regex);
		cut = line_start(old, entry->line);
		rest = cut + strcspn(cut, "\n");
		rest += *rest == '\n';
	}
	if (asprintf(ret, "%.*s%s%s%s", (int)(cut - old), old, cut > old && cut[-1] != '\n' ? "\n" : "", line,
		     rest) < 0) {
		*ret = NULL;
		return error_oom(err);
	}
	return 0;
}

/* Like file_replace(), but for a directory that others may write to: opens no file that exists. */
static int replace_file(int dir_fd, const char *name, const char *text)
{
	char temporary[64];
	auto_close int fd = -1;
	int r;

	snprintf(temporary, sizeof(temporary), "%s.krun~", name);
	if (unlinkat(dir_fd, temporary, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = io_write_all(fd, text, strlen(text));
	if (r == 0 && (fchmod(fd, 0644) < 0 || renameat(dir_fd, temporary, dir_fd, name) < 0))
		r = -errno;
	if (r < 0)
		unlinkat(dir_fd, temporary, 0);
	return r;
}

/* Replaces the list by a rename, so that an exec meanwhile reads the old one or the new one. */
static int write_list(int root_fd, const char *text, struct error *err)
{
	auto_close int parent_fd = -1, dir_fd = -1;
	const char *name;
	struct stat st;
	int r;

	parent_fd = open_parent_in_root(root_fd, KM_EXCEPTIONS_FILE, true, &name);
	if (parent_fd < 0)
		return error_sys(err, parent_fd, "make the directory of '%s'", KM_EXCEPTIONS_FILE);
	if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "'%s' is not a regular file (a link?)", KM_EXCEPTIONS_FILE);
	dir_fd = reopen_fd(parent_fd, O_RDONLY | O_DIRECTORY);
	if (dir_fd < 0)
		return error_sys(err, dir_fd, "open the directory of '%s'", KM_EXCEPTIONS_FILE);
	r = replace_file(dir_fd, name, text);
	return r < 0 ? error_sys(err, r, "write '%s'", KM_EXCEPTIONS_FILE) : 0;
}

/*
 * Without a lock two commands at once would lose an entry. The wait has a limit, because a process of the
 * container may hold a lock on its root directory forever.
 */
static int lock_root(int root_fd, struct error *err)
{
	const struct timespec nap = { .tv_nsec = LOCK_NAP_NS };
	auto_close int fd = reopen_fd(root_fd, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return error_sys(err, fd, "open the container's root");
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
		if (errno != EWOULDBLOCK)
			return error_sys(err, -errno, "lock the container's root");
		if (i == LOCK_LOOKS)
			return error_set(err, -EBUSY,
					 "somebody holds a lock on the container's root directory: is "
					 "another command changing '%s'?",
					 KM_EXCEPTIONS_FILE);
		nanosleep(&nap, NULL);
	}
	return take_fd(&fd);
}

int km_exceptions_add(int root_fd, uid_t owner, const struct km_settings *settings, const char *regex,
		      const char *path, bool replace, struct error *err)
{
	auto_free char *line = NULL, *text = NULL;
	auto_close int lock_fd = -1;
	struct km_exceptions list;
	int r;

	if (settings && settings->exceptions == KM_EXCEPTIONS_HOST)
		return error_set(err, -EPERM,
				 "the host's settings name '%s': a container's own list does not count",
				 settings->exceptions_file);
	lock_fd = lock_root(root_fd, err);
	if (lock_fd < 0)
		return lock_fd;
	r = km_exceptions_load(root_fd, owner, settings, &list, err);
	if (r == 0)
		r = make_line(root_fd, regex, path, &line, err);
	if (r == 0)
		r = compose(&list, regex, line, replace, &text, err);
	if (r == 0 && strlen(text) > KM_EXCEPTIONS_FILE_MAX)
		r = error_set(err, -EFBIG, "'%s' would have more than 4 MiB", KM_EXCEPTIONS_FILE);
	if (r == 0)
		r = write_list(root_fd, text, err);
	km_exceptions_done(&list);
	return r;
}

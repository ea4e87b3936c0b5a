/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Matches a name against the expressions of the list. libc's regular expressions can take any time and memory
 * (with "(((a+)+)+)+" both double with each level). So a child does the matching, with a limit on its
 * memory, and is killed when its time is over. It leaves its result and its progress in a shared page. A
 * list of plain words needs no child.
 */

#include <fcntl.h>
#include <limits.h>
#include <regex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "km/exceptions.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

enum { TIME_MAX_MS = 2000, MEMORY_MAX = 64 * 1024 * 1024 };

struct progress {
	volatile size_t at;	  /* index of the entry that is being tried */
	volatile size_t found;	  /* index of the entry that matches; the list's length: none */
	const char *volatile bad; /* why entry .at is malformed: a static text, the same in both processes */
	volatile bool done;	  /* all entries were tried */
};

static bool is_plain(const char *regex)
{
	return !strpbrk(regex, "\\^$.[]|()*+?{}");
}

static const char not_regular[] = "not a regular expression";
static const char too_complex[] = "its regular expression takes too much time or memory";

/* libc accepts back references, though POSIX extended regular expressions have none. */
static bool has_back_reference(const char *regex)
{
	for (const char *at = strchr(regex, '\\'); at && at[1]; at = strchr(at + 2, '\\'))
		if (at[1] >= '0' && at[1] <= '9')
			return true;
	return false;
}

/* 1: the expression matches the whole of @name, else 0. *ret_bad is set if the expression is malformed. */
static int matches(const char *regex, const char *name, const char **ret_bad)
{
	regmatch_t where;
	regex_t compiled;
	int r;

	if (is_plain(regex))
		return name && strcmp(regex, name) == 0;
	/* Not put between "^(" and ")$", out of which "a)|(b" would break. */
	r = has_back_reference(regex) ? REG_ESUBREG : regcomp(&compiled, regex, REG_EXTENDED);
	if (r != 0) {
		*ret_bad = r == REG_ESPACE ? too_complex : not_regular;
		return 0;
	}
	r = name ? regexec(&compiled, name, 1, &where, 0) : REG_NOMATCH;
	if (r != 0 && r != REG_NOMATCH)
		*ret_bad = too_complex;
	regfree(&compiled);
	/* POSIX wants the longest of the leftmost matches: the whole name, if that matches. */
	return r == 0 && where.rm_so == 0 && name[where.rm_eo] == '\0';
}

/* Compiles every expression, so that a malformed list is an error whichever program is asked for. */
static void look(const struct km_exceptions *list, size_t from, const char *name, struct progress *progress)
{
	progress->found = list->len;
	for (size_t i = from; i < list->len; i++) {
		const char *bad = NULL;

		if (list->entries[i].malformed)
			continue;
		progress->at = i;
		if (matches(list->entries[i].regex, progress->found < list->len ? NULL : name, &bad))
			progress->found = i;
		if (bad) {
			progress->bad = bad;
			return;
		}
	}
	progress->done = true;
}

/* The limit is on top of what the process has already, which is much with a sanitizer. */
static void limit_memory(void)
{
	struct rlimit limit;
	char text[128], *word = text;
	unsigned long long pages = 0;

	if (io_read_small(AT_FDCWD, "/proc/self/statm", text, sizeof(text)) < 0)
		return;
	/* The sixth number of proc_pid_statm(5): pages of data and stack. */
	for (int i = 0; i < 6; i++)
		pages = strtoull(word, &word, 10);
	if (getrlimit(RLIMIT_DATA, &limit) < 0)
		return;
	limit.rlim_cur = pages * (unsigned long long)sysconf(_SC_PAGESIZE) + MEMORY_MAX;
	if (limit.rlim_max != RLIM_INFINITY && limit.rlim_cur > limit.rlim_max)
		return;
	setrlimit(RLIMIT_DATA, &limit);
}

static int look_in_child(const struct km_exceptions *list, size_t from, const char *name,
			 struct progress *progress, struct error *err)
{
	const struct rlimit no_core = { 0 };
	pid_t pid = sys_clone3(0, SIGCHLD, -1);

	if (pid < 0)
		return error_sys(err, pid, "start a process that matches '%s'", list->file);
	if (pid == 0) {
		/* A death by the limits prints nothing: a sanitizer's run time would. */
		close(STDERR_FILENO);
		setrlimit(RLIMIT_CORE, &no_core);
		limit_memory();
		look(list, from, name, progress);
		_exit(0);
	}
	/* What it has found is in @progress, however it ended. */
	sys_wait_within(pid, TIME_MAX_MS, NULL);
	return 0;
}

static bool needs_child(const struct km_exceptions *list, size_t from)
{
	for (size_t i = from; i < list->len; i++)
		if (!list->entries[i].malformed && !is_plain(list->entries[i].regex))
			return true;
	return false;
}

int km_exceptions_match(const struct km_exceptions *list, size_t from, const char *name,
			struct km_exceptions_match *ret, struct error *err)
{
	struct progress *progress;
	int r = 0;

	/* No program can have such a name; the look-up of the program will say so. */
	if (name && strlen(name) >= PATH_MAX)
		name = NULL;
	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (progress == MAP_FAILED)
		return error_oom(err);
	progress->at = from;
	if (needs_child(list, from))
		r = look_in_child(list, from, name, progress, err);
	else
		look(list, from, name, progress);
	*ret = (struct km_exceptions_match){ 0 };
	if (!progress->done) {
		ret->malformed = progress->bad ? progress->bad : too_complex;
		ret->index = progress->at;
	} else if (progress->found < list->len) {
		ret->found = true;
		ret->index = progress->found;
	}
	munmap(progress, sizeof(*progress));
	return r;
}

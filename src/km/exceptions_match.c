/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whose expression matches a name. libc's regular expressions can take any time and memory ("(((a+)+)+)+" doubles with each level), so
 * a child works through the list, with a limit on its memory, and is killed when its time is over. What it found, and how far it
 * is, stands in a page that both see. Lists of plain names need no child.
 */

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
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
	volatile size_t at; /* the entry that is being looked at */
	volatile size_t found;
	const char *volatile bad; /* why that entry is no good; the text is in both processes */
	volatile bool done;
};

static bool is_plain(const char *regex)
{
	return !strpbrk(regex, "\\^$.[]|()*+?{}");
}

static const char not_regular[] = "not a regular expression";
static const char too_complex[] = "its regular expression takes too much time or memory";

/* libc knows them, extended regular expressions do not. */
static bool has_back_reference(const char *regex)
{
	for (const char *at = strchr(regex, '\\'); at && at[1]; at = strchr(at + 2, '\\'))
		if (at[1] >= '0' && at[1] <= '9')
			return true;
	return false;
}

/* 1: the whole of @name matches. Otherwise 0, and in *ret_bad why the expression is no good. */
static int matches(const char *regex, const char *name, const char **ret_bad)
{
	regmatch_t where;
	regex_t compiled;
	int r;

	if (is_plain(regex))
		return name && strcmp(regex, name) == 0;
	/* As it is, not between "^(" and ")$": "a)|(b" would get out of them. */
	r = has_back_reference(regex) ? REG_ESUBREG : regcomp(&compiled, regex, REG_EXTENDED);
	if (r != 0) {
		*ret_bad = r == REG_ESPACE ? too_complex : not_regular;
		return 0;
	}
	r = name ? regexec(&compiled, name, 1, &where, 0) : REG_NOMATCH;
	if (r != 0 && r != REG_NOMATCH)
		*ret_bad = too_complex;
	regfree(&compiled);
	/* The leftmost match that is longest is what POSIX wants: the whole name, if that is one at all. */
	return r == 0 && where.rm_so == 0 && name[where.rm_eo] == '\0';
}

/* Every expression is looked at, so that a broken list is a broken list, whichever program is asked for. */
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

/* Over what it has already: the limit counts everything, and a sanitizer has much. */
static void limit_memory(void)
{
	struct rlimit limit;
	char text[128], *word = text;
	unsigned long long pages = 0;

	if (io_read_small(AT_FDCWD, "/proc/self/statm", text, sizeof(text)) < 0)
		return;
	/* The sixth number: data and stack. */
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
	auto_close int pidfd = -1;
	struct pollfd item = { .events = POLLIN };
	pid_t pid = sys_clone3(0, SIGCHLD, -1);

	if (pid < 0)
		return error_sys(err, pid, "start a process that matches '%s'", list->file);
	if (pid == 0) {
		/* Whatever dies of the limits, a sanitizer's run time for one, does so in silence. */
		close(STDERR_FILENO);
		setrlimit(RLIMIT_CORE, &no_core);
		limit_memory();
		look(list, from, name, progress);
		_exit(0);
	}
	item.fd = pidfd = sys_pidfd_open(pid);
	if (pidfd < 0 || poll(&item, 1, TIME_MAX_MS) <= 0)
		kill(pid, SIGKILL);
	sys_wait(pid, NULL, 0);
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

	/* No program has such a name: the look-up of the program says so. */
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

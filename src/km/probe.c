/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What km prints before its log is set up goes to the container's standard error, which the engine has, not
 * the command. A km that does not know krun's options ends that early. To learn what it said, the command
 * executes the host's file once more, with those options and --version.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "km/km.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"

enum { ANSWER_MS = 2000, WORDS_MAX = 256, NOBODY = 65534, CANNOT = 126 };

/* The probe only prints, so it gets no privileged user, no environment, and only its output descriptor. */
static void ask(int km_fd, int output_fd, pid_t parent)
{
	char *const argv[] = { (char[]){ "km" }, (char[]){ "--wait-for-signal" },
			       (char[]){ "--km-log-to=stderr" }, (char[]){ "--version" }, NULL };
	char *const env[] = { NULL };
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	sys_reset_signals();
	if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(output_fd, STDOUT_FILENO) < 0 ||
	    dup2(output_fd, STDERR_FILENO) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(CANNOT);
	if (geteuid() == 0 &&
	    (sys_setgroups(0, NULL) < 0 || sys_setresgid(NOBODY) < 0 || sys_setresuid(NOBODY) < 0))
		_exit(CANNOT);
	sys_die_with_parent(parent);
	sys_restore_files();
	sys_execveat(km_fd, "", argv, env, AT_EMPTY_PATH);
	_exit(CANNOT);
}

/* The first line of output, with '?' for control characters. 0: there is none, so nothing is known. */
static int take_words(int output_fd, char words[WORDS_MAX])
{
	ssize_t n = pread(output_fd, words, WORDS_MAX - 1, 0);

	words[n > 0 ? n : 0] = '\0';
	words[strcspn(words, "\n")] = '\0';
	for (char *at = words; *at; at++)
		if (*at < ' ' || *at == 0x7f)
			*at = '?';
	return *words ? -EINVAL : 0;
}

/* -EINVAL with km's reason if it refuses the options; 0 also if nothing is known, as of a script. */
static int probe(int km_fd, char words[WORDS_MAX])
{
	auto_close int output_fd = sys_memfd_create("km-version", 0);
	const pid_t self = getpid();
	pid_t pid = output_fd < 0 ? -1 : fork();
	int status = 0;

	if (pid == 0)
		ask(km_fd, output_fd, self);
	if (pid < 0)
		return 0;
	if (sys_wait_within(pid, ANSWER_MS, &status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) == 0 ||
	    WEXITSTATUS(status) == CANNOT)
		return 0;
	return take_words(output_fd, words);
}

int km_probe(int km_fd, const char *path, struct error *err)
{
	char words[WORDS_MAX];

	if (probe(km_fd, words) == 0)
		return 0;
	return error_set(err, -EINVAL,
			 "km '%s' does not take krun's options: it is older than " KM_OLDEST
			 ", or no km: \"%s\"",
			 path, words);
}

void km_probe_explain(int km_fd, struct error *err)
{
	char words[WORDS_MAX];

	if (probe(km_fd, words) < 0)
		error_append(err, "km's last words: \"%s\": it is older than " KM_OLDEST ", or no km", words);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check/internal.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/printable.h"

/* km has numbers of its own for its descriptors below this limit (docs/km-acceptance.md). */
enum { FILES = 1024, CANNOT = 126 };

static void execute(char *const *argv, int output_fd, pid_t parent)
{
	const struct rlimit files = { FILES, FILES };
	char *const env[] = { NULL };
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	sys_reset_signals();
	sys_die_with_parent(parent);
	if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(output_fd, STDOUT_FILENO) < 0 ||
	    dup2(output_fd, STDERR_FILENO) < 0)
		_exit(CANNOT);
	setrlimit(RLIMIT_NOFILE, &files);
	execve(argv[0], argv, env);
	_exit(CANNOT);
}

static void take_words(int output_fd, char words[CHECK_WORDS_MAX])
{
	char raw[CHECK_WORDS_MAX / 4];
	ssize_t n = pread(output_fd, raw, sizeof(raw), 0);

	while (n > 0 && raw[n - 1] == '\n')
		n--;
	printable_copy(words, CHECK_WORDS_MAX, raw, n > 0 ? (size_t)n : 0, "\n");
}

int check_run(char *const *argv, int limit_ms, char words[CHECK_WORDS_MAX])
{
	auto_close int output_fd = sys_memfd_create("krun-check", 0);
	const pid_t self = getpid();
	pid_t pid = output_fd < 0 ? -1 : fork();
	int status, r;

	words[0] = '\0';
	if (pid == 0)
		execute(argv, output_fd, self);
	if (pid < 0)
		return -errno;
	r = sys_wait_within(pid, limit_ms, &status);
	take_words(output_fd, words);
	if (r < 0)
		return r;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* SPDX-License-Identifier: Apache-2.0 */

/* Loads a filter, and hands its listener over to the parent. */

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "krun/annotations.h"
#include "security/security.h"
#include "spec/spec.h"
#include "syscall/process.h"
#include "util/error.h"

enum {
	NOTHING_YET = -1,
	FAILED = -2,	/* the filter could not be loaded, or the listener could not be sent */
	DELIVERED = -3, /* the agent has it */
	THREAD_STACK = 32 * 1024,
};

struct seccomp_handover {
	atomic_int listener; /* The fd in the process that loaded the filter, or one of the above. */
	int (*send)(void *data, int listener_fd);
	void *data;
	_Alignas(16) char stack[THREAD_STACK]; /* of the thread */
};

struct seccomp_handover *seccomp_handover_new(struct error *err)
{
	struct seccomp_handover *handover =
		mmap(NULL, sizeof(*handover), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (handover == MAP_FAILED) {
		error_sys(err, -errno, "share memory with the container's process");
		return NULL;
	}
	atomic_init(&handover->listener, NOTHING_YET);
	return handover;
}

void seccomp_handover_free(struct seccomp_handover *handover)
{
	if (handover)
		munmap(handover, sizeof(*handover));
}

void seccomp_handover_set_sender(struct seccomp_handover *handover, int (*send)(void *data, int listener_fd),
				 void *data)
{
	handover->send = send;
	handover->data = data;
}

void seccomp_handover_done(struct seccomp_handover *handover)
{
	atomic_store(&handover->listener, DELIVERED);
}

/* Runs in the thread, which shares the fds of the process but is not under the filter. */
static int send_listener(void *data)
{
	struct seccomp_handover *handover = data;
	int listener;

	while ((listener = atomic_load(&handover->listener)) == NOTHING_YET)
		sched_yield();
	if (listener >= 0 && handover->send(handover->data, listener) < 0)
		atomic_store(&handover->listener, FAILED);
	/*
	 * The fd table is shared with the process. Closed, so that the agent's fd is the last one and its end
	 * is noticed.
	 */
	if (listener >= 0)
		close(listener);
	return 0;
}

static int load_and_hand_over(const struct seccomp_program *program, const struct sock_fprog *filter,
			      struct seccomp_handover *handover)
{
	/* TSYNC would put the thread under the filter. There are no other threads. */
	const unsigned int flags = program->flags & ~(unsigned int)SECCOMP_FILTER_FLAG_TSYNC;
	int listener, said;

	/* A thread of the same thread group does not have to be waited for. */
	if (clone(send_listener, handover->stack + THREAD_STACK,
		  CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
		  handover) < 0)
		return -errno;
	listener = sys_seccomp(SECCOMP_SET_MODE_FILTER, flags, filter);
	atomic_store(&handover->listener, listener < 0 ? FAILED : listener);
	/*
	 * Polls without a system call (see security.h). The parent needs microseconds, and its death kills
	 * this process.
	 */
	do
		said = atomic_load(&handover->listener);
	while (listener >= 0 && said != DELIVERED && said != FAILED);
	return listener < 0 ? listener : said == FAILED ? -EPIPE : 0;
}

int seccomp_apply(const struct seccomp_program *program, struct seccomp_handover *handover, struct error *err)
{
	const struct sock_fprog filter = { .len = program->len, .filter = program->instructions };
	int r = handover && program->notifies ? load_and_hand_over(program, &filter, handover) :
						sys_seccomp(SECCOMP_SET_MODE_FILTER, program->flags, &filter);

	return r < 0 ? error_sys(err, r, "load the seccomp filter") : 0;
}

/* ---- a trial ------------------------------------------------------------------------------------------- */

enum { TRYING = 1 };

/* The filter may refuse even exit(2), so no system call follows. */
static _Noreturn void load_and_stay(const struct seccomp_program *program, pid_t parent,
				    atomic_int *ret_result)
{
	const struct sock_fprog filter = { .len = program->len, .filter = program->instructions };

	/* It never executes a program, so no_new_privs has no other effect. */
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	sys_die_with_parent(parent);
	atomic_store(ret_result, sys_seccomp(SECCOMP_SET_MODE_FILTER, program->flags, &filter));
	for (;;)
		continue;
}

/* Polls, because the result takes microseconds. */
static int wait_for_result(pid_t pid, const atomic_int *result)
{
	bool ended = false;

	while (atomic_load(result) == TRYING && !ended) {
		sched_yield();
		ended = waitpid(pid, NULL, WNOHANG) == pid;
	}
	if (!ended)
		sys_kill_and_wait(pid);
	return atomic_load(result) == TRYING ? -ECHILD : atomic_load(result);
}

int seccomp_try(const struct seccomp_program *program, struct error *err)
{
	const pid_t self = getpid();
	atomic_int *result;
	pid_t pid;
	int r;

	if (program->notifies)
		return 0;
	result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (result == MAP_FAILED)
		return error_sys(err, -errno, "share memory with a process that tries the seccomp filter");
	atomic_init(result, TRYING);
	pid = sys_clone3(0, SIGCHLD, -1);
	if (pid == 0)
		load_and_stay(program, self, result);
	r = pid < 0 ? (int)pid : wait_for_result(pid, result);
	munmap(result, sizeof(*result));
	if (pid < 0)
		return error_sys(err, r, "start a process that tries the seccomp filter");
	return r < 0 ? error_sys_at(err, r, "/linux/seccomp", "load the filter") : 0;
}

/* ---- the agent of a filter that notifies ---- */

const char *seccomp_agent_path(const struct spec *spec)
{
	const char *path = spec->seccomp ? spec->seccomp->listener_path : NULL;

	if (!path)
		path = spec_annotation(spec, KRUN_ANNOTATION_SECCOMP_RECEIVER);
	if (!path)
		path = getenv("RUN_OCI_SECCOMP_RECEIVER");
	return path && *path ? path : NULL;
}

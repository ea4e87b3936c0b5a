/* SPDX-License-Identifier: Apache-2.0 */

/* Loading a filter, and the way of its listener to the parent. */

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

#include "security/security.h"
#include "syscall/process.h"
#include "util/error.h"

enum {
	NOTHING_YET = -1,
	FAILED = -2, /* the filter could not be loaded; the process says why itself */
	DELIVERED = -3,
	LOOK_NS = 50000,
};

struct seccomp_handover {
	atomic_int listener; /* the number in the process that loaded the filter, or one of the above */
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

int seccomp_handover_take(struct seccomp_handover *handover, int pidfd, struct error *err)
{
	struct pollfd item = { .fd = pidfd, .events = POLLIN };
	const struct timespec pause = { .tv_nsec = LOOK_NS };
	int listener, r;

	while ((listener = atomic_load(&handover->listener)) == NOTHING_YET)
		if (ppoll(&item, 1, &pause, NULL) > 0)
			return error_set(err, -ECHILD,
					 "the process ended while it loaded its seccomp filter");
	if (listener == FAILED)
		return -EAGAIN;
	r = sys_pidfd_getfd(pidfd, listener);
	return r < 0 ? error_sys(err, r, "take the seccomp listener from the container's process") : r;
}

void seccomp_handover_done(struct seccomp_handover *handover)
{
	atomic_store(&handover->listener, DELIVERED);
}

int seccomp_apply(const struct seccomp_program *program, struct seccomp_handover *handover, struct error *err)
{
	const struct sock_fprog filter = { .len = program->len, .filter = program->instructions };
	int r = sys_seccomp(SECCOMP_SET_MODE_FILTER, program->flags, &filter);

	if (handover && program->notifies) {
		atomic_store(&handover->listener, r < 0 ? FAILED : r);
		/* No system call here, see above: the parent needs microseconds, and its end kills us. */
		while (r >= 0 && atomic_load(&handover->listener) != DELIVERED)
			;
	}
	return r < 0 ? error_sys(err, r, "load the seccomp filter") : 0;
}

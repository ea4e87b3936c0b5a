/* SPDX-License-Identifier: Apache-2.0 */
#include "ns/network.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>

#include "ns/plan.h"
#include "util/cleanup.h"
#include "util/error.h"

static int open_current(int proc_fd, struct error *err)
{
	const int fd = openat(proc_fd, "self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? error_sys(err, -errno, "open the network namespace") : fd;
}

int ns_network_plan(struct ns_plan *plan, int proc_fd, int *ret_own_fd, struct error *err)
{
	auto_close int own_fd = -1;

	*ret_own_fd = -1;
	if (!(plan->create & CLONE_NEWNET) || ns_plan_has(plan, NS_USER) || plan->stage)
		return 0;
	own_fd = open_current(proc_fd, err);
	if (own_fd < 0)
		return own_fd;
	/* The host's network in a user namespace: one may leave it, but not join it. */
	if (setns(own_fd, CLONE_NEWNET) < 0)
		return 0;
	plan->create &= ~(uint64_t)CLONE_NEWNET;
	plan->network_later = true;
	*ret_own_fd = take_fd(&own_fd);
	return 0;
}

int ns_network_make(int proc_fd, int own_fd, struct error *err)
{
	auto_close int fd = -1;

	if (unshare(CLONE_NEWNET) < 0)
		return error_sys(err, -errno, "make the container's network namespace");
	fd = open_current(proc_fd, err);
	if (setns(own_fd, CLONE_NEWNET) < 0)
		return error_sys(err, -errno, "leave the container's network namespace");
	return fd < 0 ? fd : take_fd(&fd);
}

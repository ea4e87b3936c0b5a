/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint/checkpoint.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "checkpoint/criu_options.h"
#include "syscall/process.h"
#include "util/array.h"
#include "util/error.h"

enum { END_TIMEOUT_MS = 10000 };

const char *checkpoint_image_path(const struct checkpoint_options *options)
{
	return options->image_path ? options->image_path : "checkpoint";
}

const char *checkpoint_work_path(const struct checkpoint_options *options)
{
	return options->work_path ? options->work_path : checkpoint_image_path(options);
}

int checkpoint_check_km(const struct checkpoint_options *options, struct error *err)
{
	const struct {
		const char *name;
		bool asked;
	} impossible[] = {
		{ "--tcp-established", options->tcp_established },
		{ "--tcp-skip-in-flight", options->tcp_skip_in_flight },
		{ "--link-remap", options->link_remap },
		{ "--pre-dump", options->pre_dump },
		{ "--parent-path", options->parent_path },
		{ "--page-server", options->page_server },
		{ "--lazy-pages", options->lazy_pages },
		{ "--auto-dedup", options->auto_dedup },
		{ "--status-fd", options->status_fd > 0 },
		{ "--lsm-profile", options->lsm_profile },
		{ "--lsm-mount-context", options->lsm_mount_context },
	};

	/* Options that km ignores are checked all the same. */
	int r = criu_options_check(options, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(impossible); i++)
		if (impossible[i].asked)
			return error_set(
				err, -EOPNOTSUPP,
				"%s: not supported under km, which takes snapshots of the whole virtual "
				"machine",
				impossible[i].name);
	if (options->manage_cgroups_mode && strcmp(options->manage_cgroups_mode, "soft") != 0 &&
	    strcmp(options->manage_cgroups_mode, "ignore") != 0)
		return error_set(err, -EOPNOTSUPP,
				 "--manage-cgroups-mode '%s': km's snapshot does not include cgroups; "
				 "only soft and ignore are allowed",
				 options->manage_cgroups_mode);
	return 0;
}

void checkpoint_wait_for_end(int pidfd)
{
	struct pollfd item = { .fd = pidfd, .events = POLLIN };
	int r;

	do
		r = poll(&item, 1, END_TIMEOUT_MS);
	while (r < 0 && errno == EINTR);
	if (r == 0)
		sys_pidfd_send_signal(pidfd, SIGKILL);
}

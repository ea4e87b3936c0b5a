/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Options of `checkpoint` and `restore`. Strings are borrowed. */

#include <stdbool.h>

#include "util/strv.h"

struct checkpoint_options {
	const char *image_path;	 /* NULL: checkpoint_image_path() */
	const char *work_path;	 /* for CRIU's logs and statistics; NULL: checkpoint_work_path() */
	const char *parent_path; /* images of an earlier pre-dump, relative to image_path; NULL: none */
	const char *manage_cgroups_mode, *network_lock, *page_server;
	struct strv empty_ns;
	unsigned int status_fd; /* 0: none */
	bool leave_running, tcp_established, tcp_skip_in_flight, tcp_close, ext_unix_sk, shell_job,
		file_locks, link_remap, pre_dump, lazy_pages, auto_dedup;
	const char *lsm_profile, *lsm_mount_context; /* restore only */
};

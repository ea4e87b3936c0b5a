/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Options of `checkpoint` and `restore`, as the commands fill them; strings are borrowed. */

#include <stdbool.h>

#include "util/strv.h"

struct checkpoint_options {
	const char *image_path;	 /* NULL: checkpoint_image_path() */
	const char *work_path;	 /* logs and statistics of CRIU; NULL: checkpoint_work_path() */
	const char *parent_path; /* of an earlier pre-dump, relative to image_path */
	const char *manage_cgroups_mode, *network_lock, *page_server;
	struct strv empty_ns;
	unsigned int status_fd; /* 0: none */
	bool leave_running, tcp_established, tcp_skip_in_flight, tcp_close, ext_unix_sk, shell_job,
		file_locks, link_remap, pre_dump, lazy_pages, auto_dedup;
	const char *lsm_profile, *lsm_mount_context; /* restore */
};

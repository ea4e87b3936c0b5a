/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Options of `checkpoint`, `restore` that the commands fill; strings are borrowed. What a personality cannot do is an error. */

#include <stdbool.h>

#include "util/strv.h"

struct error;

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

/* What is asked for, or "checkpoint" in the working directory. */
const char *checkpoint_image_path(const struct checkpoint_options *options);
/* What is asked for, or the image's. */
const char *checkpoint_work_path(const struct checkpoint_options *options);

/* Under km neither connections, nor a part of memory, nor pages by network: the first option that asks for such is the error. */
int checkpoint_check_km(const struct checkpoint_options *options, struct error *err);

/*
 * After a checkpoint the container's process ends by itself, that of km with the init in front of it; after some time it is killed.
 * @pidfd: opened before the checkpoint.
 */
void checkpoint_wait_for_end(int pidfd);

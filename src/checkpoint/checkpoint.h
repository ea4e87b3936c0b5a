/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What `checkpoint` and `restore` of every container share. What a mode cannot do is an error. */

#include "checkpoint/options.h"

struct error;

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

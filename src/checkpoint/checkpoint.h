/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What `checkpoint` and `restore` share in both modes. An option that a mode does not support is an error. */

#include "checkpoint/options.h"

struct error;

/* Returns --image-path, or "checkpoint" (in the working directory). Borrowed from @options. */
const char *checkpoint_image_path(const struct checkpoint_options *options);
/* Returns --work-path, or checkpoint_image_path(). Borrowed from @options. */
const char *checkpoint_work_path(const struct checkpoint_options *options);

/*
 * Fails for the first option that km mode does not support, -EOPNOTSUPP: km neither keeps connections nor
 * writes a part of the memory nor sends pages by network. Unknown words in an option are errors, too
 * (criu_options_check()).
 */
int checkpoint_check_km(const struct checkpoint_options *options, struct error *err);

/*
 * Waits for the container's first process, which ends by itself after a checkpoint; sends SIGKILL after 10 s,
 * and does not wait for that. @pidfd: opened before the checkpoint.
 */
void checkpoint_wait_for_end(int pidfd);

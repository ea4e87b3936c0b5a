/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Memory that ran out as the reason of an end. */

#include <stdbool.h>

struct cgroup;
struct state;

/* Whether the kernel has killed any process of the container for it, see cgroup_ran_out_of_memory(). */
bool oom_killed(const struct state *state);

/* `run`: says so in one warning, if this is the reason of @exit_status. */
void oom_tell(const struct cgroup *cgroup, int exit_status);

/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdlib.h>

#include "cgroup/cgroup.h"
#include "cgroup/stats.h"
#include "cli/stats_text.h"
#include "container/events.h"
#include "util/error.h"

/* The files of a cgroup with numbers; `events` prints them. */
void fuzz_one(const uint8_t *data, size_t size)
{
	struct cgroup cgroup = { .place = { .path = (char[]){ "/krun/a" } } };
	struct container_sample sample = { .id = "a" };
	struct stats_table table = { 0 };
	struct error err;
	char *text;
	int r;

	fuzz_tree_make(data, size);
	cgroup.dir_fd = fuzz_directory();
	r = cgroup_stats_read(&cgroup, &sample.cgroup, &err);
	fuzz_require_error(r, &err);
	if (r == 0) {
		cgroup_memory_and_swap(&sample.cgroup);
		text = stats_json(&sample);
		fuzz_require_json(text);
		free(text);
		fuzz_require(stats_table_put(&table, &sample) == 0 && stats_table_put(&table, &sample) == 0);
		text = stats_table_text(&table);
		fuzz_require(text);
		free(text);
		stats_table_done(&table);
		cgroup_stats_done(&sample.cgroup);
	}
	fuzz_tree_remove();
}

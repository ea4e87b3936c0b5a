/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "cgroup/rdt.h"
#include "spec/spec.h"
#include "util/error.h"

/* A mount of resctrl with the class "a". */
void fuzz_one(const uint8_t *data, size_t size)
{
	const struct rdt_group group = { .name = (char[]){ "a" } };
	const struct spec_rdt wanted = { .l3_cache_schema = "L3:0=f;1=f", .mem_bw_schema = "MB:0=50" };
	struct rdt_stats stats;
	struct error err;
	char *old = NULL;
	int r;

	fuzz_tree_make(data, size);
	if (rdt_stats_read(fuzz_directory(), &group, "a", &stats) == 0) {
		fuzz_require(!stats.l3_cache || strncmp(stats.l3_cache, "L3:", 3) == 0);
		fuzz_require(!stats.mem_bw || strncmp(stats.mem_bw, "MB:", 3) == 0);
		rdt_stats_done(&stats);
	}
	r = rdt_update(fuzz_directory(), &group, &wanted, &old, &err);
	fuzz_require_error(r, &err);
	free(old);
	fuzz_tree_remove();
}

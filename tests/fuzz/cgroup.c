/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "cgroup/change.h"
#include "cgroup/enable.h"
#include "cgroup/events.h"
#include "spec/spec.h"
#include "util/error.h"

static void check_pids(const struct cgroup *cgroup)
{
	pid_t *pids = NULL;
	struct error err;
	size_t len = 0;
	int r = cgroup_pids(cgroup, &pids, &len, &err);

	fuzz_require_error(r, &err);
	for (size_t i = 0; r == 0 && i < len; i++)
		fuzz_require(pids[i] > 0 && (i == 0 || pids[i - 1] <= pids[i]));
	free(pids);
}

/* The limits in force, of which an update reads all that it may change. */
static void check_present(int dir_fd)
{
	static const char text[] =
		"{\"memory\":{\"limit\":1048576,\"swap\":2097152,\"checkBeforeUpdate\":true},"
		"\"cpu\":{\"quota\":1000,\"period\":5000,\"burst\":7,\"cpus\":\"0-1\","
		"\"mems\":\"0\",\"shares\":1024,\"idle\":1}}";
	struct cgroup_present present = { 0 };
	struct cgroup_writes writes = { 0 };
	struct spec *spec = NULL;
	struct error err;
	int r;

	fuzz_require(spec_parse_resources(text, sizeof(text) - 1, "resources", &spec, &err) == 0);
	r = cgroup_present_read(dir_fd, &spec->resources, NULL, &present, &err);
	fuzz_require_error(r, &err);
	if (r == 0)
		r = cgroup_writes_make(&spec->resources, &present, &writes, &err);
	fuzz_require_error(r, &err);
	cgroup_writes_done(&writes);
	cgroup_present_done(&present);
	spec_free(spec);
}

/* The files of a cgroup, and those of a process in it: "1/cgroup". */
void fuzz_one(const uint8_t *data, size_t size)
{
	struct cgroup cgroup = { .place = { .path = (char[]){ "/krun/a" } } };
	struct cgroup_memory_events memory;
	struct cgroup_events events;
	struct error err;
	int fd;

	fuzz_tree_make(data, size);
	cgroup.dir_fd = fuzz_directory();
	check_pids(&cgroup);
	check_present(cgroup.dir_fd);
	cgroup_is_frozen(&cgroup);
	cgroup_events_read(cgroup.dir_fd, &events);
	cgroup_hand_on(cgroup.dir_fd, NULL);
	fd = cgroup_memory_events_open(cgroup.dir_fd);
	if (fd >= 0) {
		fuzz_require(cgroup_memory_events_read(fd, &memory) <= 0);
		close(fd);
	}
	fd = cgroup_open_process(&cgroup, cgroup.dir_fd, 1, &err);
	fuzz_require_error(fd, &err);
	if (fd >= 0)
		close(fd);
	fuzz_tree_remove();
}

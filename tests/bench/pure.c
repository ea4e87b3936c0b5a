/* SPDX-License-Identifier: Apache-2.0 */

/*
 * pure PART N CONFIG: runs one of the parts of `create` and `state` that make no system calls N times, for
 * contrib/bench, which counts the instructions of N and of 2N times under valgrind: the difference is what
 * the part takes, without the start of a program, and the same each time.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mount/plan.h"
#include "security/seccomp_cache.h"
#include "security/security.h"
#include "spec/spec.h"
#include "state/state.h"
#include "util/array.h"
#include "util/error.h"
#include "util/io.h"

enum { CONFIG_MAX = 16 << 20 };

/* What the parts read: made once, before they run. */
static struct {
	char *text;
	size_t size;
	struct spec *spec;
} config;

static struct error err;

static bool parse_config(void)
{
	struct spec *spec;

	if (spec_parse(config.text, config.size, "config.json", &spec, &err) < 0)
		return false;
	spec_free(spec);
	return true;
}

static bool plan_mounts(void)
{
	struct mount_plan plan = { 0 };

	if (mount_plan_make(config.spec, true, &plan, &err) < 0)
		return false;
	mount_plan_done(&plan);
	return true;
}

/* The linker puts it in place of seccomp_try(), which forks in a way that valgrind does not know. */
int __wrap_seccomp_try(const struct seccomp_program *program, struct error *error);

int __wrap_seccomp_try(const struct seccomp_program *program, struct error *error)
{
	(void)program;
	(void)error;
	return 0;
}

static bool compile_filter(void)
{
	struct seccomp_program program = { 0 };

	if (seccomp_compile_here(config.spec->seccomp, &program, &err) < 0)
		return false;
	seccomp_program_done(&program);
	return true;
}

static bool name_filter(void)
{
	char name[SECCOMP_CACHE_NAME];

	seccomp_cache_name(config.spec->seccomp, name);
	return true;
}

static bool print_state(void)
{
	static char id[] = "bench", version[] = "1.0.2", bundle[] = "/run/bundle",
		    rootfs[] = "/run/bundle/rootfs", created[] = "2026-01-02T15:04:05.123456789Z",
		    annotations[] = "{\"org.example.a\":\"b\"}", group[] = "/bench";
	const struct state state = {
		.id = id,
		.oci_version = version,
		.bundle = bundle,
		.rootfs = rootfs,
		.created = created,
		.annotations = annotations,
		.pid = 4321,
		.start_time = 123456,
		.cgroup.manager = CGROUP_CGROUPFS,
		.cgroup.path = group,
		.namespaces = 0x6c020000,
		.mode = MODE_PLAIN,
	};
	char *text = state_text(&state, "running", state.pid, true);

	free(text);
	return text;
}

static const struct {
	const char *name;
	bool (*run)(void);
	bool is_about_filter;
} parts[] = {
	{ "config", parse_config, false },  { "mounts", plan_mounts, false },
	{ "filter", compile_filter, true }, { "filter-name", name_filter, true },
	{ "state", print_state, false },
};

int main(int argc, char **argv)
{
	if (argc != 4 || io_read_file(AT_FDCWD, argv[3], CONFIG_MAX, &config.text, &config.size) < 0 ||
	    spec_parse(config.text, config.size, "config.json", &config.spec, &err) < 0) {
		fprintf(stderr, "usage: pure PART N CONFIG: %s\n", err.text);
		return 2;
	}
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (strcmp(parts[i].name, argv[1]) != 0)
			continue;
		if (parts[i].is_about_filter && !config.spec->seccomp) {
			fprintf(stderr, "pure: %s has no seccomp profile\n", argv[3]);
			return 2;
		}
		for (int n = atoi(argv[2]); n > 0; n--)
			if (!parts[i].run()) {
				fprintf(stderr, "pure: %s: %s\n", argv[1], err.text);
				return 1;
			}
		spec_free(config.spec);
		free(config.text);
		return 0;
	}
	fprintf(stderr, "pure: there is no part '%s'\n", argv[1]);
	return 2;
}

/* SPDX-License-Identifier: Apache-2.0 */

/* mounts add|remove */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "spec/spec.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

enum { MOUNTS_MAX = 16 * 1024 * 1024 };

static int run_mounts(struct cli *cli, void *options, struct error *err)
{
	const char *verb = cli->args[0], *id = cli->args[1], *file = cli->args[2];
	const bool add = strcmp(verb, "add") == 0, is_stdin = strcmp(file, "-") == 0;
	auto_free char *text = NULL;
	struct spec *spec;
	size_t size;
	int r;

	(void)options;
	if (!add && strcmp(verb, "remove") != 0)
		return error_set(err, -EINVAL, "'%s' is neither add nor remove", verb);
	r = is_stdin ? io_read_all(STDIN_FILENO, MOUNTS_MAX, &text, &size) :
		       io_read_file(AT_FDCWD, file, MOUNTS_MAX, &text, &size);
	if (r < 0)
		return error_sys(err, r, "read '%s'", file);
	r = spec_parse_mounts(text, size, is_stdin ? "stdin" : file, &spec, err);
	if (r < 0)
		return r;
	r = container_mounts(&cli->runtime, id, spec, add, err);
	if (r < 0)
		spec_name_document(spec, err);
	spec_free(spec);
	return r;
}

const struct command command_mounts = {
	.name = "mounts",
	.arguments = "add|remove ID FILE",
	.summary = "add mounts to a container that runs, or take them away",
	.args_min = 3,
	.args_max = 3,
	.enters_container = true,
	.run = run_mounts,
};

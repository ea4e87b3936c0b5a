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

struct mounts_options {
	bool any_root;
};

static const struct option_row mounts_rows[] = {
	ANY_ROOT_ROW(struct mounts_options),
	{ 0 },
};

static int run_mounts(struct cli *cli, void *arguments, struct error *err)
{
	const struct mounts_options *options = arguments;
	const char *verb = cli->args[0], *file = cli->args[2];
	const bool add = strcmp(verb, "add") == 0, is_stdin = strcmp(file, "-") == 0;
	auto_free char *text = NULL;
	struct found found;
	struct spec *spec;
	size_t size;
	int r;

	r = is_stdin ? io_read_all(STDIN_FILENO, MOUNTS_MAX, &text, &size) :
		       io_read_file(AT_FDCWD, file, MOUNTS_MAX, &text, &size);
	if (r < 0)
		return error_sys(err, r, "read '%s'", file);
	r = spec_parse_mounts(text, size, is_stdin ? "stdin" : file, &spec, err);
	if (r < 0)
		return r;
	r = target_find_to_change(cli, options->any_root, cli->args[1], &found, err);
	if (r == 0) {
		r = container_mounts(&found.runtime, found.id, spec, add, err);
		found_done(&found);
	}
	if (r < 0)
		spec_name_document(spec, err);
	spec_free(spec);
	return r;
}

const struct command command_mounts = {
	.name = "mounts",
	.arguments = "add|remove ID FILE",
	.summary = "add mounts to a container that runs, or take them away",
	.options = mounts_rows,
	.options_size = sizeof(struct mounts_options),
	.id_argument = 2,
	.args_min = 3,
	.args_max = 3,
	.enters_container = true,
	.run = run_mounts,
};

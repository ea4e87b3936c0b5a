/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "util/cleanup.h"
#include "util/error.h"

struct state_options {
	bool any_root;
};

static const struct option_row state_rows[] = {
	ANY_ROOT_ROW(struct state_options),
	{ 0 },
};

static int run_state(struct cli *cli, void *arguments, struct error *err)
{
	const struct state_options *options = arguments;
	auto_free char *text = NULL;
	struct found found;
	int r = target_find(cli, options->any_root, cli->args[0], &found, err);

	if (r < 0)
		return r;
	r = container_state_text(&found.runtime, found.id, &text, err);
	found_done(&found);
	return r < 0 ? r : command_print(text, err);
}

const struct command command_state = {
	.name = "state",
	.arguments = "ID",
	.id_argument = 1,
	.summary = "print what a container is doing, as JSON",
	.options = state_rows,
	.options_size = sizeof(struct state_options),
	.args_min = 1,
	.args_max = 1,
	.run = run_state,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "util/cleanup.h"
#include "util/error.h"

static int run_state(struct cli *cli, void *options, struct error *err)
{
	auto_free char *text = NULL;
	int r = container_state_text(&cli->runtime, cli->args[0], &text, err);

	(void)options;
	return r < 0 ? r : command_print(text, err);
}

const struct command command_state = {
	.name = "state",
	.arguments = "ID",
	.summary = "print what a container is doing, as JSON",
	.args_min = 1,
	.args_max = 1,
	.run = run_state,
};

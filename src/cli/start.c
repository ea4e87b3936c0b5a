/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

static int run_start(struct cli *cli, void *options, struct error *err)
{
	(void)options;
	return container_start(&cli->runtime, cli->args[0], err);
}

const struct command command_start = {
	.name = "start",
	.arguments = "ID",
	.id_argument = 1,
	.summary = "let the program of a created container run",
	.args_min = 1,
	.args_max = 1,
	.run = run_start,
};

/* SPDX-License-Identifier: Apache-2.0 */

/* pause, resume */

#include "cli/command.h"

static int run_pause(struct cli *cli, void *options, struct error *err)
{
	(void)options;
	return container_pause(&cli->runtime, cli->args[0], err);
}

static int run_resume(struct cli *cli, void *options, struct error *err)
{
	(void)options;
	return container_resume(&cli->runtime, cli->args[0], err);
}

const struct command command_pause = {
	.name = "pause",
	.arguments = "ID",
	.id_argument = 1,
	.summary = "freeze every process of a container",
	.args_min = 1,
	.args_max = 1,
	.run = run_pause,
};

const struct command command_resume = {
	.name = "resume",
	.arguments = "ID",
	.id_argument = 1,
	.summary = "undo pause",
	.args_min = 1,
	.args_max = 1,
	.run = run_resume,
};

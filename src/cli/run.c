/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "cli/create_rows.h"

static const struct option_row run_rows[] = {
	ROWS_OF_BOTH,
	ROW("detach", 'd', OPTION_FLAG, detach, NULL, "return once the container runs"),
	ROW("keep", 0, OPTION_FLAG, keep, NULL, "keep state and cgroup when it ends"),
	{ 0 },
};

static int run_run(struct cli *cli, void *options, struct error *err)
{
	struct create_request *request = options;

	request->runtime = &cli->runtime;
	request->id = cli->args[0];
	return container_run(request, &cli->status, err);
}

const struct command command_run = {
	.name = "run",
	.arguments = "ID",
	.summary = "make and start a container, wait for its end, delete it",
	.options = run_rows,
	.options_size = sizeof(struct create_request),
	.args_min = 1,
	.args_max = 1,
	.run = run_run,
	.enters_container = true,
	.makes_container = true,
};

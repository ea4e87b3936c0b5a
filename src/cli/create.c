/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "cli/create_rows.h"

static const struct option_row create_rows[] = { ROWS_OF_BOTH, { 0 } };

static int run_create(struct cli *cli, void *options, struct error *err)
{
	struct create_request *request = options;

	request->runtime = &cli->runtime;
	request->id = cli->args[0];
	return container_create(request, err);
}

const struct command command_create = {
	.name = "create",
	.arguments = "ID",
	.summary = "make a container from a bundle; its program waits for start",
	.options = create_rows,
	.options_size = sizeof(struct create_request),
	.args_min = 1,
	.args_max = 1,
	.run = run_create,
	.enters_container = true,
	.makes_container = true,
};

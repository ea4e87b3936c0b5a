/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

struct delete_options {
	bool regex;
	bool force;
};

static const struct option_row delete_rows[] = {
	{ "force", 'f', OPTION_FLAG, offsetof(struct delete_options, force), NULL,
	  "kill what runs; an unknown id is fine" },
	{ "regex", 'r', OPTION_FLAG, offsetof(struct delete_options, regex), NULL,
	  "ID is a regular expression" },
	{ 0 },
};

static int delete_one(const struct cli *cli, const char *id, const void *data, struct error *err)
{
	const struct delete_options *options = data;

	return container_delete(&cli->runtime, id, options->force, err);
}

static int run_delete(struct cli *cli, void *data, struct error *err)
{
	const struct delete_options *options = data;

	return command_for_each(cli, "delete", options->regex, delete_one, options, err);
}

const struct command command_delete = {
	.name = "delete",
	.arguments = "ID",
	.id_argument = 1,
	.summary = "remove a container that has ended",
	.options = delete_rows,
	.options_size = sizeof(struct delete_options),
	.args_min = 1,
	.args_max = 1,
	.run = run_delete,
};

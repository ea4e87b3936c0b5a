/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "cli/command.h"
#include "util/error.h"
#include "util/parse.h"

struct kill_options {
	bool regex;
	bool all;
	int signo; /* from the second argument, not an option */
};

static const struct option_row kill_rows[] = {
	{ "all", 'a', OPTION_FLAG, offsetof(struct kill_options, all), NULL,
	  "every process of the container" },
	{ "regex", 'r', OPTION_FLAG, offsetof(struct kill_options, regex), NULL,
	  "ID is a regular expression" },
	{ 0 },
};

static int kill_one(const struct cli *cli, const char *id, const void *data, struct error *err)
{
	const struct kill_options *options = data;

	return container_kill(&cli->runtime, id, options->signo, options->all, err);
}

static int run_kill(struct cli *cli, void *data, struct error *err)
{
	const char *word = cli->args_len > 1 ? cli->args[1] : "TERM";
	struct kill_options *options = data;

	options->signo = parse_signal(word);
	if (options->signo < 0)
		return error_set(err, -EINVAL, "unknown signal '%s'", word);
	return command_for_each(cli, "kill", options->regex, kill_one, options, err);
}

const struct command command_kill = {
	.name = "kill",
	.arguments = "ID [SIGNAL]",
	.id_argument = 1,
	.summary = "send a signal (default TERM) to a container",
	.options = kill_rows,
	.options_size = sizeof(struct kill_options),
	.args_min = 1,
	.args_max = 2,
	.run = run_kill,
};

/* SPDX-License-Identifier: Apache-2.0 */

/* logs */

#include <errno.h>
#include <unistd.h>

#include "cli/command.h"
#include "util/error.h"

struct logs_options {
	bool monitor, exceptions, follow, any_root;
};

static const struct option_row logs_rows[] = {
	{ "monitor", 'm', OPTION_FLAG, offsetof(struct logs_options, monitor), NULL,
	  "what km wrote to its log" },
	{ "exceptions", 'e', OPTION_FLAG, offsetof(struct logs_options, exceptions), NULL,
	  "which programs ran without km" },
	{ "follow", 'f', OPTION_FLAG, offsetof(struct logs_options, follow), NULL,
	  "with --monitor: go on until the container ends" },
	ANY_ROOT_ROW(struct logs_options),
	{ 0 },
};

static int run_logs(struct cli *cli, void *arguments, struct error *err)
{
	const struct logs_options *options = arguments;
	struct found found;
	int r;

	if (options->monitor && options->exceptions)
		return error_set(err, -EINVAL, "--monitor and --exceptions cannot be combined");
	if (!options->monitor && !options->exceptions)
		return error_set(
			err, -EINVAL,
			"--monitor or --exceptions is needed: krun does not keep the payload's output, "
			"which goes to whoever started the container");
	if (options->follow && !options->monitor)
		return error_set(err, -EINVAL, "--follow can be used with --monitor only");
	r = target_find(cli, options->any_root, cli->args[0], &found, err);
	if (r < 0)
		return r;
	r = container_logs(&found.runtime, found.id,
			   options->monitor ? CONTAINER_LOG_MONITOR : CONTAINER_LOG_EXCEPTIONS,
			   options->follow, STDOUT_FILENO, err);
	found_done(&found);
	return r;
}

const struct command command_logs = {
	.name = "logs",
	.arguments = "ID",
	.id_argument = 1,
	.summary = "print km's log of a container, or its programs without km",
	.options = logs_rows,
	.options_size = sizeof(struct logs_options),
	.args_min = 1,
	.args_max = 1,
	.run = run_logs,
};

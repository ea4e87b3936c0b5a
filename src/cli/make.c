/* SPDX-License-Identifier: Apache-2.0 */

/* create, run */

#include <stdint.h>

#include "cli/command.h"
#include "util/error.h"

#define ROW(name, letter, kind, field, argument, help)                                     \
	{                                                                                  \
		name, letter, kind, offsetof(struct create_request, field), argument, help \
	}

#define ROWS_OF_BOTH                                                                                       \
	ROW("bundle", 'b', OPTION_TEXT, bundle, "DIR", "directory of the bundle (default: .)"),            \
		ROW("config", 'f', OPTION_TEXT, config, "FILE",                                            \
		    "configuration (default: config.json of the bundle)"),                                 \
		ROW("console-socket", 0, OPTION_TEXT, console_socket, "PATH",                              \
		    "socket that receives the terminal"),                                                  \
		ROW("pidfd-socket", 0, OPTION_TEXT, pidfd_socket, "PATH",                                  \
		    "socket that receives a pidfd of the process"),                                        \
		ROW("pid-file", 0, OPTION_TEXT, pid_file, "FILE", "where to write the pid"),               \
		ROW("no-pivot", 0, OPTION_FLAG, no_pivot, NULL, "move the root instead of pivot_root(2)"), \
		ROW("no-new-keyring", 0, OPTION_FLAG, no_new_keyring, NULL,                                \
		    "keep the caller's session keyring"),                                                  \
		ROW("preserve-fds", 0, OPTION_NUMBER, preserve_fds, "N",                                   \
		    "pass on N more descriptors, from 3"),                                                 \
		ROW("from-snapshot", 0, OPTION_TEXT, image_path, "DIR",                                    \
		    "go on from a checkpoint of km in DIR instead of beginning"),                          \
		ROW("no-subreaper", 0, OPTION_FLAG, no_subreaper, NULL,                                    \
		    "accepted; krun is never a subreaper")

static const struct option_row create_rows[] = { ROWS_OF_BOTH, { 0 } };

static const struct option_row run_rows[] = {
	ROWS_OF_BOTH,
	ROW("detach", 'd', OPTION_FLAG, detach, NULL, "return once the container runs"),
	ROW("keep", 0, OPTION_FLAG, keep, NULL, "keep state and cgroup when it ends"),
	{ 0 },
};

static int run_create(struct cli *cli, void *options, struct error *err)
{
	struct create_request *request = options;

	request->host = &cli->host;
	request->id = cli->args[0];
	return container_create(request, err);
}

static int run_run(struct cli *cli, void *options, struct error *err)
{
	struct create_request *request = options;

	request->host = &cli->host;
	request->id = cli->args[0];
	return container_run(request, &cli->status, err);
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
};

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
};

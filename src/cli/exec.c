/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "cli/command.h"
#include "krun/exit_codes.h"
#include "spec/spec.h"
#include "util/error.h"
#include "util/strv.h"

struct exec_options {
	const char *process;
	const char *cwd, *user, *apparmor, *process_label, *cgroup;
	const char *pid_file, *console_socket, *pidfd_socket;
	struct strv env, caps, additional_gids;
	unsigned int preserve_fds;
	bool tty, detach, ignore_paused, no_new_privs;
};

#define ROW(name, letter, kind, field, argument, help)                                   \
	{                                                                                \
		name, letter, kind, offsetof(struct exec_options, field), argument, help \
	}

static const struct option_row exec_rows[] = {
	ROW("process", 'p', OPTION_TEXT, process, "FILE", "process object (JSON) to run"),
	ROW("cwd", 0, OPTION_TEXT, cwd, "CWD", "working directory, in the container"),
	ROW("env", 'e', OPTION_LIST, env, "NAME=VALUE", "add to the environment"),
	ROW("tty", 't', OPTION_FLAG, tty, NULL, "give it a terminal"),
	ROW("user", 'u', OPTION_TEXT, user, "UID[:GID]", "user and group"),
	ROW("additional-gids", 'g', OPTION_LIST, additional_gids, "GID", "one more supplementary group"),
	ROW("cap", 'c', OPTION_LIST, caps, "CAP", "one more capability"),
	ROW("no-new-privs", 0, OPTION_FLAG, no_new_privs, NULL, "set no_new_privs"),
	ROW("apparmor", 0, OPTION_TEXT, apparmor, "PROFILE", "AppArmor profile"),
	ROW("process-label", 0, OPTION_TEXT, process_label, "LABEL", "SELinux label"),
	ROW("cgroup", 0, OPTION_TEXT, cgroup, "CGROUP", "existing cgroup below the container's"),
	ROW("ignore-paused", 0, OPTION_FLAG, ignore_paused, NULL, "also in a paused container"),
	ROW("detach", 'd', OPTION_FLAG, detach, NULL, "return once it runs"),
	ROW("pid-file", 0, OPTION_TEXT, pid_file, "FILE", "where to write the pid"),
	ROW("console-socket", 0, OPTION_TEXT, console_socket, "PATH", "socket that receives the terminal"),
	ROW("pidfd-socket", 0, OPTION_TEXT, pidfd_socket, "PATH", "socket that receives a pidfd"),
	ROW("preserve-fds", 0, OPTION_NUMBER, preserve_fds, "N", "pass on N more descriptors, from 3"),
	{ 0 },
};

static int run_exec(struct cli *cli, void *arguments, struct error *err)
{
	const struct exec_options *options = arguments;
	struct spec *process = NULL;
	struct exec_request request = {
		.runtime = &cli->runtime,
		.id = cli->args[0],
		.args = cli->args + 1,
		.env = options->env.items,
		.cwd = options->cwd,
		.user = options->user,
		.caps = options->caps.items,
		.additional_gids = options->additional_gids.items,
		.apparmor = options->apparmor,
		.process_label = options->process_label,
		.cgroup = options->cgroup,
		.pid_file = options->pid_file,
		.console_socket = options->console_socket,
		.pidfd_socket = options->pidfd_socket,
		.preserve_fds = options->preserve_fds,
		.no_new_privs = options->no_new_privs ? 1 : -1,
		.tty = options->tty,
		.detach = options->detach,
		.ignore_paused = options->ignore_paused,
	};
	int r;

	if (options->process) {
		if (cli->args_len > 1)
			return error_set(err, -EINVAL, "a command and --process cannot be combined");
		r = spec_load_process(options->process, &process, err);
		if (r < 0)
			return r;
		request.process = process;
		request.args = NULL;
	} else if (cli->args_len < 2) {
		return error_set(err, -EINVAL, "a command or --process is needed after the container id");
	}
	r = container_exec(&request, &cli->status, err);
	spec_free(process);
	return r;
}

const struct command command_exec = {
	.name = "exec",
	.arguments = "ID [COMMAND [ARGUMENT...]]",
	.id_argument = 1,
	.summary = "run one more process in a container",
	.options = exec_rows,
	.options_size = sizeof(struct exec_options),
	.args_min = 1,
	.args_max = SIZE_MAX,
	.takes_program = true,
	.run = run_exec,
	.failure = KRUN_EXIT_EXEC_FAILURE,
	.enters_container = true,
};

/* SPDX-License-Identifier: Apache-2.0 */

/*
 * checkpoint, restore. podman takes exit status 0 of `checkpoint --help` as support for checkpoints, and
 * searches the output of `restore --lsm-mount-context` for "flag needs an argument".
 */

#include <stdio.h>

#include "checkpoint/checkpoint.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "util/cleanup.h"
#include "util/error.h"

struct restore_options {
	struct checkpoint_options checkpoint;
	struct create_request create;
};

#define ROW(name, kind, structure, field, argument, help)                 \
	{                                                                 \
		name, 0, kind, offsetof(structure, field), argument, help \
	}
#define TEXT(name, field, argument, help) \
	ROW(name, OPTION_TEXT, struct checkpoint_options, field, argument, help)
#define FLAG(name, field, help) ROW(name, OPTION_FLAG, struct checkpoint_options, field, NULL, help)

/* Both commands have these options; their rows have offsets that fit both structures. */
_Static_assert(offsetof(struct restore_options, checkpoint) == 0, "rows of both fit both");

#define ROWS_OF_BOTH                                                                                   \
	TEXT("image-path", image_path, "DIR", "where the checkpoint is (default: ./checkpoint)"),      \
		TEXT("work-path", work_path, "DIR", "where CRIU's logs go (default: with the image)"), \
		FLAG("tcp-established", tcp_established, "keep established TCP connections"),          \
		FLAG("tcp-close", tcp_close, "close established TCP connections"),                     \
		FLAG("ext-unix-sk", ext_unix_sk, "allow sockets that are connected to the outside"),   \
		FLAG("shell-job", shell_job, "allow a terminal from outside"),                         \
		FLAG("file-locks", file_locks, "keep file locks; under km: fail when there are any"),  \
		FLAG("auto-dedup", auto_dedup, "drop pages that a parent image has"),                  \
		TEXT("manage-cgroups-mode", manage_cgroups_mode, "soft|full|strict|ignore|none|props", \
		     "what is kept of cgroups (default: soft)"),                                       \
		TEXT("network-lock", network_lock, "iptables|nftables|skip",                           \
		     "how connections are held meanwhile"),                                            \
		ROW("empty-ns", OPTION_LIST, struct checkpoint_options, empty_ns, "network",           \
		    "make this namespace anew, empty"),                                                \
		FLAG("lazy-pages", lazy_pages, "move memory when it is used"),                         \
		FLAG("link-remap", link_remap, "keep files that have no name any more")

static const struct option_row checkpoint_rows[] = {
	ROWS_OF_BOTH,
	TEXT("parent-path", parent_path, "DIR", "an earlier --pre-dump, relative to --image-path"),
	FLAG("pre-dump", pre_dump, "memory only, the container goes on"),
	FLAG("leave-running", leave_running, "the container goes on"),
	FLAG("tcp-skip-in-flight", tcp_skip_in_flight, "leave out connections that are being made"),
	TEXT("page-server", page_server, "ADDRESS:PORT", "send memory there"),
	ROW("status-fd", OPTION_NUMBER, struct checkpoint_options, status_fd, "FD",
	    "written to when the page server is ready"),
	{ 0 },
};

#define CREATE(name, kind, field, argument, help) \
	ROW(name, kind, struct restore_options, create.field, argument, help)

static const struct option_row restore_rows[] = {
	ROWS_OF_BOTH,
	TEXT("lsm-profile", lsm_profile, "TYPE:NAME", "another security profile"),
	TEXT("lsm-mount-context", lsm_mount_context, "CONTEXT", "another SELinux context of mounts"),
	{ "bundle", 'b', OPTION_TEXT, offsetof(struct restore_options, create.bundle), "DIR",
	  "directory of the bundle (default: .)" },
	CREATE("config", OPTION_TEXT, config, "FILE", "configuration (default: config.json of the bundle)"),
	CREATE("console-socket", OPTION_TEXT, console_socket, "PATH", "socket that receives the terminal"),
	CREATE("pidfd-socket", OPTION_TEXT, pidfd_socket, "PATH",
	       "socket that receives a pidfd of the process"),
	CREATE("pid-file", OPTION_TEXT, pid_file, "FILE", "where to write the pid"),
	CREATE("no-pivot", OPTION_FLAG, no_pivot, NULL, "move the root instead of pivot_root(2)"),
	CREATE("no-new-keyring", OPTION_FLAG, no_new_keyring, NULL, "keep the caller's session keyring"),
	CREATE("preserve-fds", OPTION_NUMBER, preserve_fds, "N", "pass on N more descriptors, from 3"),
	CREATE("no-subreaper", OPTION_FLAG, no_subreaper, NULL, "accepted; krun is never a subreaper"),
	{ "detach", 'd', OPTION_FLAG, offsetof(struct restore_options, create.detach), NULL,
	  "return once the container runs" },
	CREATE("keep", OPTION_FLAG, keep, NULL, "keep state and cgroup when it ends"),
	{ 0 },
};

static int run_checkpoint(struct cli *cli, void *arguments, struct error *err)
{
	struct progress progress = { .directory = checkpoint_image_path(arguments) };
	auto_free char *what = NULL;
	int r;

	if (asprintf(&what, "checkpoint of %s", cli->args[0]) < 0) {
		what = NULL;
		return error_oom(err);
	}
	progress.what = what;
	progress_begin(&progress, cli);
	r = container_checkpoint(&cli->runtime, cli->args[0], arguments, err);
	progress_end(&progress);
	return r;
}

static int run_restore(struct cli *cli, void *arguments, struct error *err)
{
	struct restore_options *options = arguments;

	options->create.runtime = &cli->runtime;
	options->create.id = cli->args[0];
	return container_restore(&options->create, &options->checkpoint, &cli->status, err);
}

const struct command command_checkpoint = {
	.name = "checkpoint",
	.arguments = "ID",
	.id_argument = 1,
	.summary = "write a container's state into a directory, to go on later or elsewhere",
	.options = checkpoint_rows,
	.options_size = sizeof(struct checkpoint_options),
	.args_min = 1,
	.args_max = 1,
	.run = run_checkpoint,
	.enters_container = true,
};

const struct command command_restore = {
	.name = "restore",
	.arguments = "ID",
	.summary = "make a container that goes on from a checkpoint",
	.options = restore_rows,
	.options_size = sizeof(struct restore_options),
	.args_min = 1,
	.args_max = 1,
	.run = run_restore,
	.enters_container = true,
	.makes_container = true,
};

/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Commands that engines know of and that are not there yet. podman and CRI-O take a zero from `checkpoint --help` as
 * "can do it": every use fails.
 */

#include <errno.h>
#include <stdint.h>

#include "cli/command.h"
#include "util/error.h"

static int run_later(struct cli *cli, void *options, struct error *err)
{
	(void)cli;
	(void)options;
	return error_set(err, -EOPNOTSUPP, "not supported yet");
}

#define LATER(word, text)                       \
	const struct command command_##word = { \
		.name = #word,                  \
		.arguments = "ID",              \
		.summary = text,                \
		.args_max = SIZE_MAX,           \
		.run = run_later,               \
		.unsupported = true,            \
	}

LATER(events, "not supported yet");

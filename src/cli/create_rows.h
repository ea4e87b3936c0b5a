/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The options that `create` and `run` share, as rows for struct create_request. */

#include <stddef.h>

#include "cli/options.h"
#include "launch/request.h"

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

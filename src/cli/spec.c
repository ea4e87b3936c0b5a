/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

struct spec_options {
	const char *bundle;
	const char *file;
	bool rootless;
};

static const struct option_row spec_rows[] = {
	{ "bundle", 'b', OPTION_TEXT, offsetof(struct spec_options, bundle), "DIR",
	  "directory to write to (default: .)" },
	{ "file", 'f', OPTION_TEXT, offsetof(struct spec_options, file), "FILE",
	  "name of the file (default: config.json)" },
	{ "rootless", 0, OPTION_FLAG, offsetof(struct spec_options, rootless), NULL,
	  "for a user without privileges" },
	{ 0 },
};

static int run_spec(struct cli *cli, void *arguments, struct error *err)
{
	const struct spec_options *options = arguments;
	const char *bundle = options->bundle ? options->bundle : ".";
	const char *file = options->file ? options->file : "config.json";
	auto_close int dir_fd = -1;
	auto_close int fd = -1;
	auto_free char *text = NULL;
	int r = spec_template(options->rootless, geteuid(), getegid(), &text, err);

	(void)cli;
	if (r < 0)
		return r;
	dir_fd = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return error_sys(err, -errno, "bundle '%s'", bundle);
	fd = openat(dir_fd, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return error_set(err, -EEXIST, "'%s' exists: remove it first, or name another with --file",
				 file);
	if (fd < 0)
		return error_sys(err, -errno, "make '%s'", file);
	r = io_write_all(fd, text, strlen(text));
	return r < 0 ? error_sys(err, r, "write '%s'", file) : 0;
}

const struct command command_spec = {
	.name = "spec",
	.summary = "write a config.json to start from",
	.options = spec_rows,
	.options_size = sizeof(struct spec_options),
	.run = run_spec,
};

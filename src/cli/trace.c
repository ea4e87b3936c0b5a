/* SPDX-License-Identifier: Apache-2.0 */

/* trace blame|plot */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "json/fields.h"
#include "timeline/timeline.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

static int read_trace(const char *file, struct timeline *ret, struct error *err)
{
	const bool is_stdin = strcmp(file, "-") == 0;
	const char *name = is_stdin ? "stdin" : file;
	auto_free char *text = NULL;
	size_t size;
	int r = is_stdin ? io_read_all(STDIN_FILENO, TIMELINE_FILE_MAX, &text, &size) :
			   io_read_file(AT_FDCWD, file, TIMELINE_FILE_MAX, &text, &size);

	*ret = (struct timeline){ 0 };
	if (r == -EFBIG)
		return error_set(err, r, "'%s' has more than %d MiB", name, TIMELINE_FILE_MAX >> 20);
	if (r < 0)
		return error_sys(err, r, "read '%s'", name);
	r = timeline_read(text, size, ret, err);
	return r < 0 ? json_name_document(err, name) : 0;
}

static int run_trace(struct cli *cli, void *options, struct error *err)
{
	const bool plot = strcmp(cli->args[0], "plot") == 0;
	auto_free char *text = NULL;
	struct timeline timeline;
	size_t size;
	FILE *out;
	int r;

	(void)options;
	r = read_trace(cli->args[1], &timeline, err);
	if (r == 0) {
		out = open_memstream(&text, &size);
		r = !out ? error_oom(err) :
		    plot ? timeline_plot(&timeline, out, err) :
			   timeline_blame(&timeline, out, err);
		if (r == 0)
			r = command_print_stream(out, &text, false, err);
		else if (out)
			fclose(out);
	}
	timeline_done(&timeline);
	return r;
}

const struct command command_trace = {
	.name = "trace",
	.arguments = "blame|plot FILE",
	.summary = "what took long in a trace: as lines, or as a picture (SVG)",
	.args_min = 2,
	.args_max = 2,
	.run = run_trace,
};

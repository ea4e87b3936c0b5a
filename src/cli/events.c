/* SPDX-License-Identifier: Apache-2.0 */

/* events */

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/stats_text.h"
#include "container/events.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/parse.h"
#include "util/printable.h"

#define SECOND_NS UINT64_C(1000000000)
#define INTERVAL_DEFAULT "5s"

enum { INTERVAL_MIN_NS = 10000000 };

struct events_options {
	const char *format, *interval;
	bool all, stats, any_root;
};

static const struct option_row events_rows[] = {
	{ "all", 'a', OPTION_FLAG, offsetof(struct events_options, all), NULL,
	  "every container that runs now" },
	{ "format", 'f', OPTION_TEXT, offsetof(struct events_options, format), "table|json",
	  "form of the output (default: json)" },
	{ "interval", 0, OPTION_TEXT, offsetof(struct events_options, interval), "TIME",
	  "between two statistics: 500ms, 5s, 1m30s (default: " INTERVAL_DEFAULT ")" },
	{ "stats", 0, OPTION_FLAG, offsetof(struct events_options, stats), NULL,
	  "print the statistics once and end" },
	ANY_ROOT_ROW(struct events_options),
	{ 0 },
};

/* ---- JSON ------------------------------------------------------------------------------------ */

/* Prints and frees @text; NULL: out of memory. */
static int print_made(char *text, struct error *err)
{
	int r = text ? command_print(text, err) : error_oom(err);

	free(text);
	return r;
}

static int json_sample(void *data, const struct container_sample *sample, struct error *err)
{
	(void)data;
	return print_made(stats_json(sample), err);
}

static int json_oom(void *data, const char *id, struct error *err)
{
	(void)data;
	return print_made(stats_json_oom(id), err);
}

static int json_round_done(void *data, struct error *err)
{
	(void)data;
	(void)err;
	return 0;
}

/* ---- table ----------------------------------------------------------------------------------- */

struct screen {
	struct stats_table table;
	unsigned int rounds;
	bool once;
	size_t drawn; /* lines above the cursor that the next table replaces; 0: none */
};

/*
 * Returns the number of lines that @text takes on the terminal; 0 if it does not fit, or stdout is not a
 * terminal.
 */
static size_t lines_to_draw_over(const char *text)
{
	struct winsize size = { 0 };
	size_t lines;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return 0;
	lines = stats_lines(text, size.ws_col);
	return lines < size.ws_row ? lines : 0;
}

/*
 * Draws the table over the last one, in a single write against flicker. @note: a line above it that stays;
 * NULL: none.
 */
static int draw(struct screen *screen, const char *note, struct error *err)
{
	auto_free char *made = stats_table_text(&screen->table);
	auto_free char *table = made ? printable_text(made, "\n") : NULL;
	char *text = NULL, up[32] = "";

	if (!table)
		return error_oom(err);
	if (screen->drawn > 0)
		snprintf(up, sizeof(up), "\033[%zuA\033[J", screen->drawn);
	if (asprintf(&text, "%s%s%s", up, note ? note : "", table) < 0)
		return error_oom(err);
	screen->drawn = lines_to_draw_over(table);
	return print_made(text, err);
}

static int table_sample(void *data, const struct container_sample *sample, struct error *err)
{
	struct screen *screen = data;

	return stats_table_put(&screen->table, sample) < 0 ? error_oom(err) : 0;
}

static int table_oom(void *data, const char *id, struct error *err)
{
	struct screen *screen = data;
	auto_free char *note = NULL;

	if (screen->once)
		return 0;
	if (asprintf(&note, "%s: memory ran out, the kernel killed a process\n", id) < 0) {
		note = NULL;
		return error_oom(err);
	}
	return screen->drawn > 0 ? draw(screen, note, err) : command_print(note, err);
}

/* The first round is not drawn: CPU usage needs two samples. */
static int table_round_done(void *data, struct error *err)
{
	struct screen *screen = data;
	int r = screen->rounds++ > 0 ? draw(screen, NULL, err) : 0;

	stats_table_forget(&screen->table);
	return r;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int check_options(const struct cli *cli, const struct events_options *options, bool *ret_json,
			 uint64_t *ret_interval, struct error *err)
{
	const char *interval = options->interval ? options->interval : INTERVAL_DEFAULT;

	if (options->all && cli->args_len > 0)
		return error_set(err, -EINVAL, "events: either --all or ids, not both");
	if (!options->all && cli->args_len == 0)
		return error_set(err, -EINVAL, "events: ID or --all is missing, see 'krun events --help'");
	for (size_t i = 0; i < cli->args_len; i++)
		if (cli->args[i][0] == '-')
			return error_set(err, -EINVAL, "events: unexpected argument '%s': options come first",
					 cli->args[i]);
	if (parse_duration(interval, ret_interval) < 0 || *ret_interval < INTERVAL_MIN_NS ||
	    *ret_interval > INT64_MAX)
		return error_set(err, -EINVAL,
				 "--interval: '%s' is no time of 10ms or more, as 500ms, 5s or 1m30s",
				 interval);
	*ret_json = true;
	return options->format ? command_wants_json(options->format, ret_json, err) : 0;
}

static int run_table(struct container_events_request *request, bool once, struct error *err)
{
	struct screen screen = { .once = once };
	struct sysinfo host;
	int r;

	request->handler = (struct container_events_handler){
		.sample = table_sample,
		.oom = table_oom,
		.round_done = table_round_done,
		.data = &screen,
	};
	request->rounds = once ? 2 : 0;
	/* The first table appears after a second, not after a whole interval. */
	if (request->first_ns > SECOND_NS)
		request->first_ns = SECOND_NS;
	screen.table.host_memory = sysinfo(&host) == 0 ? (uint64_t)host.totalram * host.mem_unit : UINT64_MAX;
	r = container_events(request, err);
	/* Without any container only the header is printed. */
	if (r == 0 && screen.rounds == 0)
		r = draw(&screen, NULL, err);
	stats_table_done(&screen.table);
	return r;
}

static int run_json(struct container_events_request *request, bool once, struct error *err)
{
	request->handler = (struct container_events_handler){
		.sample = json_sample,
		.oom = json_oom,
		.round_done = json_round_done,
	};
	request->rounds = once ? 1 : 0;
	return container_events(request, err);
}

static int run_events(struct cli *cli, void *arguments, struct error *err)
{
	const struct events_options *options = arguments;
	struct container_events_request request = {
		.all = options->all,
		.output_fd = STDOUT_FILENO,
	};
	struct command_targets targets;
	bool json;
	int r = check_options(cli, options, &json, &request.interval_ns, err);

	if (r < 0)
		return r;
	r = options->all ? targets_find_all(cli, options->any_root, &targets, err) :
			   targets_find_each(cli, options->any_root, &targets, err);
	request.targets = targets.items;
	request.targets_len = targets.len;
	request.first_ns = request.interval_ns;
	if (r == 0)
		r = json ? run_json(&request, options->stats, err) : run_table(&request, options->stats, err);
	targets_done(&targets);
	/* The loop noticed a closed stdout before it wrote: the command ends as if it had written. */
	if (r == -EPIPE)
		raise(SIGPIPE);
	return r;
}

const struct command command_events = {
	.name = "events",
	.arguments = "[ID...]",
	.id_argument = 1,
	.summary = "print what containers use, and when memory runs out",
	.options = events_rows,
	.options_size = sizeof(struct events_options),
	.args_max = SIZE_MAX,
	.run = run_events,
};

/* SPDX-License-Identifier: Apache-2.0 */

/* start, kill, delete, pause, resume */

#include <errno.h>
#include <regex.h>
#include <signal.h>

#include "cli/command.h"
#include "util/error.h"
#include "util/parse.h"
#include "util/strv.h"

int command_match_ids(const struct container_host *host, const char *pattern, struct strv *ret,
		      struct error *err)
{
	struct strv ids = { 0 };
	char reason[128];
	regex_t regex;
	int r = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);

	if (r != 0) {
		regerror(r, &regex, reason, sizeof(reason));
		return error_set(err, -EINVAL, "--regex: '%s': %s", pattern, reason);
	}
	r = container_ids(host, &ids, err);
	for (size_t i = 0; r == 0 && i < ids.len; i++)
		if (regexec(&regex, ids.items[i], 0, NULL, 0) == 0 && strv_add(ret, ids.items[i]) < 0)
			r = error_oom(err);
	strv_done(&ids);
	regfree(&regex);
	return r;
}

/* ---- start, pause, resume --------------------------------------------------------------------------------- */

static int run_start(struct cli *cli, void *options, struct error *err)
{
	(void)options;
	return container_start(&cli->host, cli->args[0], err);
}

static int run_pause(struct cli *cli, void *options, struct error *err)
{
	(void)options;
	return container_pause(&cli->host, cli->args[0], err);
}

static int run_resume(struct cli *cli, void *options, struct error *err)
{
	(void)options;
	return container_resume(&cli->host, cli->args[0], err);
}

const struct command command_start = {
	.name = "start",
	.arguments = "ID",
	.summary = "let the program of a created container run",
	.args_min = 1,
	.args_max = 1,
	.run = run_start,
};

const struct command command_pause = {
	.name = "pause",
	.arguments = "ID",
	.summary = "freeze every process of a container",
	.args_min = 1,
	.args_max = 1,
	.run = run_pause,
};

const struct command command_resume = {
	.name = "resume",
	.arguments = "ID",
	.summary = "undo pause",
	.args_min = 1,
	.args_max = 1,
	.run = run_resume,
};

/* ---- kill, delete ----------------------------------------------------------------------------------------- */

struct many_options {
	bool regex;
	bool all;   /* kill */
	bool force; /* delete */
};

static const struct option_row kill_rows[] = {
	{ "all", 'a', OPTION_FLAG, offsetof(struct many_options, all), NULL,
	  "every process of the container" },
	{ "regex", 'r', OPTION_FLAG, offsetof(struct many_options, regex), NULL,
	  "ID is a regular expression" },
	{ 0 },
};

static const struct option_row delete_rows[] = {
	{ "force", 'f', OPTION_FLAG, offsetof(struct many_options, force), NULL,
	  "kill what runs; an unknown id is fine" },
	{ "regex", 'r', OPTION_FLAG, offsetof(struct many_options, regex), NULL,
	  "ID is a regular expression" },
	{ 0 },
};

static int kill_one(const struct cli *cli, const char *id, const struct many_options *options, int signo,
		    struct error *err)
{
	return container_kill(&cli->host, id, signo, options->all, err);
}

static int delete_one(const struct cli *cli, const char *id, const struct many_options *options, int signo,
		      struct error *err)
{
	(void)signo;
	return container_delete(&cli->host, id, options->force, err);
}

/* All of them, whatever happens to one; the first failure is the error. */
static int for_each(const struct cli *cli, const struct many_options *options, int signo,
		    int (*act)(const struct cli *, const char *, const struct many_options *, int,
			       struct error *),
		    struct error *err)
{
	struct error failure;
	struct strv ids = { 0 };
	int result, r;

	if (!options->regex)
		return act(cli, cli->args[0], options, signo, err);
	result = command_match_ids(&cli->host, cli->args[0], &ids, err);
	for (size_t i = 0; i < ids.len; i++) {
		r = act(cli, ids.items[i], options, signo, &failure);
		if (r < 0 && result == 0) {
			result = r;
			*err = failure;
		}
	}
	strv_done(&ids);
	return result;
}

static int run_kill(struct cli *cli, void *options, struct error *err)
{
	const char *word = cli->args_len > 1 ? cli->args[1] : "TERM";
	int signo = parse_signal(word);

	if (signo < 0)
		return error_set(err, -EINVAL, "unknown signal '%s'", word);
	return for_each(cli, options, signo, kill_one, err);
}

static int run_delete(struct cli *cli, void *options, struct error *err)
{
	return for_each(cli, options, 0, delete_one, err);
}

const struct command command_kill = {
	.name = "kill",
	.arguments = "ID [SIGNAL]",
	.summary = "send a signal (default TERM) to a container",
	.options = kill_rows,
	.options_size = sizeof(struct many_options),
	.args_min = 1,
	.args_max = 2,
	.run = run_kill,
};

const struct command command_delete = {
	.name = "delete",
	.arguments = "ID",
	.summary = "remove a container that has ended",
	.options = delete_rows,
	.options_size = sizeof(struct many_options),
	.args_min = 1,
	.args_max = 1,
	.run = run_delete,
};

/* SPDX-License-Identifier: Apache-2.0 */

/* The debug log and the trace, which are for people and stand beside the log that an engine reads. */

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/version.h"
#include "km/settings.h"
#include "util/error.h"
#include "util/log.h"
#include "util/log_name.h"
#include "util/trace.h"

const char *debug_id(const struct command *command, const struct cli *cli)
{
	const char *words = command->arguments;

	for (size_t i = 0; words && *words && i < cli->args_len; i++) {
		const size_t len = strcspn(words, " ");

		if ((len == 2 && strncmp(words, "ID", 2) == 0) || strncmp(words, "[ID...]", len) == 0)
			return cli->args[i];
		words += len + (words[len] == ' ');
	}
	return NULL;
}

/* As log_name_file(). The time is asked for only here, because few commands have a file with it. */
static int file_of(const char *pattern, const char *ending, struct log_name *name, char path[PATH_MAX],
		   struct error *err)
{
	/* The same in both names. */
	if (name->time.tv_sec == 0)
		clock_gettime(CLOCK_REALTIME, &name->time);
	return log_name_file(pattern, ending, name, path, PATH_MAX, err);
}

static int open_log(const char *pattern, enum log_level level, struct log_name *name, struct error *err)
{
	static char path[PATH_MAX]; /* the log keeps the name of a syslog destination */
	int r = file_of(pattern, ".log", name, path, err);

	return r < 0 ? r : log_open_debug(path, level, err);
}

static int open_trace(const char *pattern, struct log_name *name, struct error *err)
{
	char path[PATH_MAX];
	int r = file_of(pattern, ".trace.json", name, path, err);

	return r < 0 ? r : trace_open(path, err);
}

static void warn(const struct command *command, const char *key, const struct km_settings *settings,
		 const struct error *err)
{
	if (command->enters_container)
		log_warning("%s: /%s: %s", settings->file, key, err->text);
}

static void open_from_settings(const struct debug_options *options, const struct command *command,
			       const struct cli *cli, struct log_name *name)
{
	struct km_settings settings;
	struct error err;

	/* Commands that need the settings say what is wrong with them. */
	if (km_settings_load(cli->runtime.config_file, &settings, &err) < 0)
		return;
	if (!options->log && settings.debug_log &&
	    open_log(settings.debug_log, (enum log_level)settings.debug_level, name, &err) < 0)
		warn(command, "debugLog", &settings, &err);
	if (!options->trace && settings.trace && open_trace(settings.trace, name, &err) < 0)
		warn(command, "trace", &settings, &err);
	km_settings_done(&settings);
}

/* What a reader of the log needs to repeat the call. */
static void tell_call(const struct cli *cli)
{
	log_debug("krun %s of user %u, state in '%s'", KRUN_VERSION, geteuid(),
		  container_root(&cli->runtime));
	log_words("call", cli->argv);
}

int debug_open(const struct debug_options *options, const struct command *command, const struct cli *cli,
	       struct error *err)
{
	struct log_name name = { .id = debug_id(command, cli), .command = command->name, .pid = getpid() };
	enum log_level level = LOG_LEVEL_DEBUG;
	int r = 0;

	if (options->level)
		log_parse_level(options->level, &level);
	if (options->log)
		r = open_log(options->log, level, &name, err);
	if (r < 0)
		return error_prefix(err, "--debug-log");
	if (options->trace)
		r = open_trace(options->trace, &name, err);
	if (r < 0)
		return error_prefix(err, "--trace");
	if (!options->log || !options->trace)
		open_from_settings(options, command, cli, &name);
	tell_call(cli);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Parses the command line, runs a command and returns its exit status. Everything is parsed before anything
 * is opened. The log is opened before any other work, so that every failure is logged.
 */

#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/protect.h"
#include "cli/version.h"
#include "km/requirements.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"
#include "util/parse.h"
#include "util/title.h"

struct global_options {
	const char *root, *log, *log_format, *log_level, *cgroup_manager, *rootless, *criu, *config_file,
		*trace;
	bool debug, systemd_cgroup, systemd_log, version, help;
};

#define ROW(name, letter, kind, field, argument, help)                                     \
	{                                                                                  \
		name, letter, kind, offsetof(struct global_options, field), argument, help \
	}

const struct option_row global_rows[] = {
	ROW("root", 0, OPTION_TEXT, root, "DIR", "where the state of containers is kept"),
	ROW("log", 0, OPTION_TEXT, log, "DEST", "FILE, file:FILE, syslog:NAME or journald:NAME"),
	ROW("log-format", 0, OPTION_TEXT, log_format, "text|json", "form of the log"),
	ROW("log-level", 0, OPTION_TEXT, log_level, "LEVEL", "error, warning, info or debug"),
	ROW("debug", 0, OPTION_FLAG, debug, NULL, "same as --log-level debug"),
	ROW("trace", 0, OPTION_TEXT, trace, "FILE", "add the time of each step as Chrome trace events"),
	ROW("cgroup-manager", 0, OPTION_TEXT, cgroup_manager, "NAME", "cgroupfs, systemd or disabled"),
	ROW("systemd-cgroup", 's', OPTION_FLAG, systemd_cgroup, NULL, "same as --cgroup-manager systemd"),
	ROW("config-file", 0, OPTION_TEXT, config_file, "FILE",
	    "settings of the host (default: /etc/krun/krun.json)"),
	ROW("rootless", 0, OPTION_WORD, rootless, NULL, NULL),
	ROW("criu", 0, OPTION_TEXT, criu, "PATH", "CRIU's program (default: criu in PATH)"),
	ROW("systemd-log", 0, OPTION_FLAG, systemd_log, NULL, NULL),
	ROW("version", 'v', OPTION_FLAG, version, NULL, NULL),
	ROW("help", 'h', OPTION_FLAG, help, NULL, NULL),
	{ 0 },
};

static void print_version(const struct cli *cli)
{
	static const char *const modes[] = {
		[NAME_PLAIN] = "plain",
		[NAME_KM] = "km",
		[NAME_LABEL_TRIGGER] = "km, where annotation or /.kontain ask for it",
	};
	struct error err;
	const bool refused = cli->runtime.name != NAME_PLAIN && km_check_processor(&err) < 0;

	/*
	 * dockerd takes the version from the last line with the word "version", so that only one line may
	 * have it.
	 */
	printf("krun version %s\ncommit: %s\nspec: %s\nmode: %s%s%s\n+SECCOMP +CAP +EBPF +SELINUX "
	       "+APPARMOR\n",
	       KRUN_VERSION, KRUN_COMMIT, SPEC_VERSION, modes[cli->runtime.name],
	       refused ? ", which is refused: " : "", refused ? err.text : "");
}

static int check_rootless(const char *word, struct error *err)
{
	bool ignored;

	if (!word || *word == '\0' || strcmp(word, "auto") == 0 || parse_bool(word, &ignored) == 0)
		return 0;
	return error_set(err, -EINVAL, "--rootless: '%s' is not true, false or auto", word);
}

/* Sets @level and @format in any case, so that an error can be logged. */
static int apply_globals(const struct global_options *globals, struct cli *cli, enum log_format *format,
			 enum log_level *level, struct error *err)
{
	*format = LOG_FORMAT_TEXT;
	/* podman expects a log file to have one record, the error. On a terminal warnings are useful. */
	*level = globals->debug ? LOG_LEVEL_DEBUG : globals->log ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING;
	if (globals->log_format && log_parse_format(globals->log_format, format) < 0)
		return error_set(err, -EINVAL, "--log-format: '%s' is neither text nor json",
				 globals->log_format);
	if (globals->log_level && log_parse_level(globals->log_level, level) < 0)
		return error_set(err, -EINVAL, "--log-level: '%s' is not error, warning, info or debug",
				 globals->log_level);
	cli->runtime.root = globals->root;
	cli->runtime.config_file = globals->config_file;
	cli->runtime.criu = globals->criu;
	cli->runtime.manager = globals->systemd_cgroup ? CGROUP_SYSTEMD : CGROUP_CGROUPFS;
	if (globals->cgroup_manager &&
	    cgroup_manager_parse(globals->cgroup_manager, &cli->runtime.manager) < 0)
		return error_set(err, -EINVAL, "--cgroup-manager: '%s' is not cgroupfs, systemd or disabled",
				 globals->cgroup_manager);
	return check_rootless(globals->rootless, err);
}

static int check_arguments(const struct command *command, const struct cli *cli, struct error *err)
{
	if (cli->args_len < command->args_min)
		return error_set(err, -EINVAL, "%s: %s is missing, see 'krun %s --help'", command->name,
				 command->arguments, command->name);
	if (cli->args_len > command->args_max)
		return error_set(err, -EINVAL, "%s: unexpected argument '%s'%s", command->name,
				 cli->args[command->args_max],
				 cli->args[command->args_max][0] == '-' ? ": options come first" : "");
	return 0;
}

static bool asks_for_help(char *const *words)
{
	for (; *words && (*words)[0] == '-' && strcmp(*words, "--") != 0; words++)
		if (strcmp(*words, "-h") == 0 || strcmp(*words, "--help") == 0)
			return true;
	return false;
}

struct call {
	const struct command *command;
	void *options; /* parsed, by command->options */
};

static int parse_command(struct call *call, struct cli *cli, char *const *words, struct error *err)
{
	static const struct option_row none[] = { { 0 } };
	const struct command *command = call->command;
	size_t used;
	int r;

	call->options = calloc(1, command->options_size + 1);
	if (!call->options)
		return error_oom(err);
	r = options_parse(command->options ? command->options : none, words, call->options, &used, err);
	if (r < 0)
		return error_prefix(err, "%s", command->name);
	cli->args = words + used;
	while (cli->args[cli->args_len])
		cli->args_len++;
	return check_arguments(command, cli, err);
}

static int run_command(const struct call *call, struct cli *cli, char **argv, struct error *err)
{
	const struct command *command = call->command;
	unsigned long long start = log_clock();
	int r = command->enters_container ? protect_program(argv, err) : 0;

	log_set_role(command->name, cli->args_len > 0 ? cli->args[0] : NULL);
	if (r == 0)
		r = command->run(cli, call->options, err);
	if (start)
		log_step_done(command->name, start);
	return r;
}

static int fail(const struct error *err, const struct command *command)
{
	log_failure(err);
	return command && command->failure ? command->failure : EXIT_FAILURE;
}

/* @words: what follows "help" or "--help". */
static int help(char *const *words, struct error *err)
{
	const struct command *command = words[0] ? command_find(words[0]) : NULL;

	if (!words[0]) {
		help_print();
		return EXIT_SUCCESS;
	}
	if (!command) {
		error_set(err, -EINVAL, "unknown command '%s', see 'krun --help'", words[0]);
		return fail(err, NULL);
	}
	help_print_command(command);
	return EXIT_SUCCESS;
}

static int dispatch(const struct global_options *globals, struct cli *cli, char **argv, char *const *words,
		    struct error *err)
{
	struct call call = { .command = command_find(words[0]) };
	enum log_format format;
	enum log_level level;
	struct error opened;
	int parsed, r;

	if (call.command && asks_for_help(words + 1)) {
		help_print_command(call.command);
		return EXIT_SUCCESS;
	}
	parsed = apply_globals(globals, cli, &format, &level, err);
	if (parsed == 0 && !call.command)
		parsed = error_set(err, -EINVAL, "unknown command '%s', see 'krun --help'", words[0]);
	if (parsed == 0)
		parsed = parse_command(&call, cli, words + 1, err);
	r = log_open(globals->log, format, level, &opened);
	if (r == 0 && globals->trace)
		r = log_open_trace(globals->trace, &opened);
	if (r < 0 && parsed == 0)
		*err = opened;
	if (parsed == 0 && r == 0)
		r = run_command(&call, cli, argv, err);
	if (call.options && call.command->options)
		options_done(call.command->options, call.options);
	free(call.options);
	return parsed < 0 || r < 0 ? fail(err, call.command) : cli->status;
}

/* Opens /dev/null at closed fds 0 to 2, so that no file of krun's becomes somebody's standard output. */
static void fill_stdio(void)
{
	struct stat st;
	int fd;

	for (fd = 0; fd <= 2; fd++)
		if (fstat(fd, &st) < 0 && open("/dev/null", O_RDWR) != fd)
			_exit(EXIT_FAILURE);
}

int cli_main(int argc, char **argv)
{
	struct global_options globals = { 0 };
	struct cli cli = { .runtime = { .name = program_name_parse(argc > 0 ? argv[0] : "krun") } };
	struct error err;
	size_t used;
	int status;

	fill_stdio();
	/*
	 * If the caller ignores SIGCHLD, wait(2) would return no status, and failures of children would be
	 * lost.
	 */
	signal(SIGCHLD, SIG_DFL);
	argv = title_take(argc, argv);
	if (argc < 1 || !argv)
		return EXIT_FAILURE;
	if (options_parse(global_rows, argv + 1, &globals, &used, &err) < 0)
		return fail(&err, NULL);
	if (globals.version) {
		print_version(&cli);
		status = EXIT_SUCCESS;
	} else if (globals.help) {
		status = help(argv + 1 + used, &err);
	} else if (!argv[1 + used]) {
		help_print();
		status = EXIT_FAILURE;
	} else if (strcmp(argv[1 + used], "help") == 0) {
		status = help(argv + 2 + used, &err);
	} else {
		status = dispatch(&globals, &cli, argv, argv + 1 + used, &err);
	}
	if (fflush(stdout) != 0 && status == EXIT_SUCCESS)
		status = EXIT_FAILURE;
	return status;
}

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
#include "cli/forms.h"
#include "cli/protect.h"
#include "cli/version.h"
#include "km/requirements.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"
#include "util/parse.h"
#include "util/suggest.h"
#include "util/title.h"
#include "util/trace.h"

struct global_options {
	const char *root, *log, *log_format, *log_level, *cgroup_manager, *rootless, *criu, *config_file;
	struct debug_options for_debug;
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
	ROW("log-level", 0, OPTION_TEXT, log_level, "error|warning|warn|info|debug", "how much is logged"),
	ROW("debug", 0, OPTION_FLAG, debug, NULL, "same as --log-level debug"),
	ROW("debug-log", 0, OPTION_TEXT, for_debug.log, "DEST",
	    "a second log, for people; its name may have %ID%, %COMMAND%, %PID%, %TIME%"),
	ROW("debug-level", 0, OPTION_TEXT, for_debug.level, "error|warning|warn|info|debug",
	    "of the second log (default: debug)"),
	ROW("trace", 0, OPTION_TEXT, for_debug.trace, "FILE", "add the time of each step: see krun trace"),
	ROW("cgroup-manager", 0, OPTION_TEXT, cgroup_manager, "cgroupfs|systemd|disabled",
	    "who makes cgroups (default: cgroupfs)"),
	ROW("systemd-cgroup", 's', OPTION_FLAG, systemd_cgroup, NULL, "same as --cgroup-manager systemd"),
	ROW("config-file", 0, OPTION_TEXT, config_file, "FILE",
	    "settings of the host (default: /etc/krun/krun.json)"),
	ROW("rootless", 0, OPTION_WORD, rootless, NULL, NULL),
	ROW("criu", 0, OPTION_TEXT, criu, "PATH", "CRIU's program (default: criu in PATH)"),
	ROW("systemd-log", 0, OPTION_FLAG, systemd_log, NULL, NULL),
	ROW("help", 'h', OPTION_FLAG, help, NULL, "this text"),
	ROW("version", 'v', OPTION_FLAG, version, NULL, "print the version"),
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
	printf("krun version %s\ncommit: %s\nspec: %s\nrundir: %s\nmode: %s%s%s\n"
	       "+SECCOMP +CAP +EBPF +SELINUX +APPARMOR +CRIU" KRUN_BUILD "\n",
	       KRUN_VERSION, KRUN_COMMIT, SPEC_VERSION, container_root(&cli->runtime),
	       modes[cli->runtime.name], refused ? ", which is refused: " : "", refused ? err.text : "");
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
	/* The rows know the words. */
	if (globals->log_format)
		log_parse_format(globals->log_format, format);
	if (globals->log_level)
		log_parse_level(globals->log_level, level);
	/* Who reads the log, or all of it, has no use for a line that is drawn over. */
	cli->shows_progress = !globals->log && *format == LOG_FORMAT_TEXT && *level < LOG_LEVEL_DEBUG;
	cli->runtime.config_file = globals->config_file;
	cli->runtime.criu = globals->criu;
	cli->runtime.manager = globals->systemd_cgroup ? CGROUP_SYSTEMD : CGROUP_CGROUPFS;
	if (globals->cgroup_manager)
		cgroup_manager_parse(globals->cgroup_manager, &cli->runtime.manager);
	return check_rootless(globals->rootless, err);
}

static int check_arguments(const struct command *command, const struct cli *cli, struct error *err)
{
	struct form form;

	for (size_t i = 0; i < cli->args_len && form_of_argument(command->arguments, i, &form); i++)
		if (form_check(&form, cli->args[i], err) < 0)
			return error_prefix(err, "%s", command->name);
	if (cli->args_len < command->args_min && form_of_argument(command->arguments, cli->args_len, &form))
		return error_set(err, -EINVAL, "%s: %.*s is missing, see 'krun %s --help'", command->name,
				 (int)form.len, form.text, command->name);
	if (cli->args_len > command->args_max)
		return error_set(err, -EINVAL, "%s: unexpected argument '%s'", command->name,
				 cli->args[command->args_max]);
	return 0;
}

static bool asks_for_help(const struct command *command, char *const *words)
{
	for (; *words && strcmp(*words, "--") != 0; words++) {
		if ((*words)[0] != '-' && command->takes_program)
			return false;
		if (strcmp(*words, "-h") == 0 || strcmp(*words, "--help") == 0)
			return true;
	}
	return false;
}

static int unknown_command(const char *name, struct error *err)
{
	struct suggestion suggestion = suggest_for(name, strlen(name));

	for (size_t i = 0; commands[i]; i++)
		suggest_consider(&suggestion, commands[i]->name);
	if (suggestion.best)
		return error_set(err, -EINVAL, "unknown command '%s'; did you mean '%s'?", name,
				 suggestion.best);
	return error_set(err, -EINVAL, "unknown command '%s', see 'krun --help'", name);
}

struct call {
	const struct command *command;
	char *const *words; /* the command and what stands behind it, as it was written */
	void *options;	    /* parsed, by command->options */
	char **args;	    /* room for the arguments of a command whose options may stand behind them */
};

static int parse_command(struct call *call, struct cli *cli, char *const *words, struct error *err)
{
	static const struct option_row none[] = { { 0 } };
	const struct command *command = call->command;
	const struct option_row *rows = command->options ? command->options : none;
	size_t used, words_len = 0;
	int r;

	while (words[words_len])
		words_len++;
	call->options = calloc(1, command->options_size + 1);
	call->args = calloc(words_len + 1, sizeof(*call->args));
	if (!call->options || !call->args)
		return error_oom(err);
	if (command->takes_program) {
		r = options_parse(rows, words, call->options, &used, err);
		cli->args = words + used;
	} else {
		r = options_parse_all(rows, words, call->options, call->args, err);
		cli->args = call->args;
	}
	if (r < 0)
		return error_prefix(err, "%s", command->name);
	while (cli->args[cli->args_len])
		cli->args_len++;
	return check_arguments(command, cli, err);
}

/*
 * Only a person reads further than that the container does not exist, and an engine knows its root: it is
 * searched where standard error is a terminal.
 */
static int explain_absence(const struct call *call, const struct cli *cli, struct error *err)
{
	const unsigned int number = call->command->id_argument;

	if (err->code != -ENOENT || number == 0 || cli->args_len < number || !isatty(STDERR_FILENO))
		return err->code;
	return target_tell_root(cli, call->words, cli->args[number - 1], err);
}

static int run_command(const struct call *call, const struct debug_options *for_debug, struct cli *cli,
		       char **argv, struct error *err)
{
	const struct command *command = call->command;
	int r = command->enters_container ? protect_program(argv, err) : 0;
	unsigned long long start;

	/* Only now, because protect_program() may execute krun again, and each would have a file. */
	if (r == 0)
		r = debug_open(for_debug, command, cli, err);
	start = log_clock();
	if (r == 0)
		r = command->run(cli, call->options, err);
	if (r < 0)
		r = explain_absence(call, cli, err);
	if (r < 0)
		trace_note("error", err->text);
	log_step_done(command->name, start);
	return r;
}

static int fail(const struct error *err, const struct command *command)
{
	log_failure(err);
	return command && command->failure ? command->failure : EXIT_FAILURE;
}

/* Returns the value of a global option in front of the command; NULL: there is none. */
static const char *find_value(char *const *words, const char *option)
{
	const size_t len = strlen(option);

	/* What follows a command may be the words of a program. */
	for (; *words && !command_find(*words); words++) {
		if (strncmp(*words, option, len) != 0)
			continue;
		if ((*words)[len] == '=')
			return *words + len + 1;
		if ((*words)[len] == '\0')
			return words[1];
	}
	return NULL;
}

/*
 * A wrong word among the arguments that an engine is told to pass on stands before the engine's own --log,
 * which is where its user looks.
 */
static int fail_in_log(char *const *words, const struct error *err)
{
	const char *format_word = find_value(words, "--log-format");
	enum log_format format = LOG_FORMAT_TEXT;
	struct error ignored;

	if (format_word)
		log_parse_format(format_word, &format);
	log_open(find_value(words, "--log"), format, LOG_LEVEL_ERROR, &ignored);
	return fail(err, NULL);
}

/* @words: what follows "help" or "--help". */
static int help(char *const *words, struct error *err)
{
	const struct command *command = words[0] ? command_find(words[0]) : NULL;

	for (size_t i = 0; words[0] && builtin_commands[i].name; i++)
		if (strcmp(builtin_commands[i].name, words[0]) == 0)
			command = &builtin_commands[i];
	if (!words[0] || strcmp(words[0], "help") == 0) {
		help_print();
		return EXIT_SUCCESS;
	}
	if (!command) {
		unknown_command(words[0], err);
		return fail(err, NULL);
	}
	help_print_command(command);
	return EXIT_SUCCESS;
}

static int dispatch(const struct global_options *globals, struct cli *cli, char **argv, char *const *words,
		    struct error *err)
{
	struct call call = { .command = command_find(words[0]), .words = words };
	enum log_format format;
	enum log_level level;
	struct error opened;
	int parsed, r;

	if (call.command && asks_for_help(call.command, words + 1)) {
		help_print_command(call.command);
		return EXIT_SUCCESS;
	}
	parsed = apply_globals(globals, cli, &format, &level, err);
	if (parsed == 0 && !call.command)
		parsed = unknown_command(words[0], err);
	if (parsed == 0)
		parsed = parse_command(&call, cli, words + 1, err);
	r = log_open(globals->log, format, level, &opened);
	if (parsed == 0)
		log_set_role(call.command->name, debug_id(call.command, cli));
	if (r < 0 && parsed == 0)
		*err = opened;
	if (parsed == 0 && r == 0)
		r = run_command(&call, &globals->for_debug, cli, argv, err);
	if (call.options && call.command->options)
		options_done(call.command->options, call.options);
	free(call.options);
	free(call.args);
	trace_close();
	return parsed < 0 || r < 0 ? fail(err, call.command) : cli->status;
}

/* Opens /dev/null at closed fds 0 to 2, so that no file of krun's becomes somebody's standard output. */
static int fill_stdio(struct error *err)
{
	struct stat st;

	for (int fd = 0; fd <= 2; fd++) {
		if (fstat(fd, &st) == 0)
			continue;
		if (errno != EBADF)
			return error_sys(err, -errno, "look at descriptor %d", fd);
		const int opened = open("/dev/null", O_RDWR);

		if (opened != fd)
			return error_sys(err, opened < 0 ? -errno : -EBUSY,
					 "open '/dev/null' as descriptor %d", fd);
	}
	return 0;
}

int cli_main(int argc, char **argv)
{
	struct global_options globals = { 0 };
	struct cli cli = { .runtime = { .name = program_name_parse(argc > 0 ? argv[0] : "krun") } };
	struct error err;
	size_t used;
	int status;

	if (fill_stdio(&err) < 0)
		return fail(&err, NULL);
	/*
	 * If the caller ignores SIGCHLD, wait(2) would return no status, and failures of children would be
	 * lost.
	 */
	signal(SIGCHLD, SIG_DFL);
	/* Above a limit of the size of files write(2) fails with EFBIG, and what was begun is undone. */
	signal(SIGXFSZ, SIG_IGN);
	if (argc < 1)
		return EXIT_FAILURE;
	argv = title_take(argc, argv);
	if (!argv) {
		error_oom(&err);
		return fail(&err, NULL);
	}
	if (options_parse(global_rows, argv + 1, &globals, &used, &err) < 0)
		return fail_in_log(argv + 1, &err);
	cli.argv = argv;
	cli.runtime.root = globals.root;
	if (globals.version || (argv[1 + used] && strcmp(argv[1 + used], "version") == 0)) {
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
	if ((ferror(stdout) || fflush(stdout) != 0) && status == EXIT_SUCCESS)
		status = EXIT_FAILURE;
	return status;
}

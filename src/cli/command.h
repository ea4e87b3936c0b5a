/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Private to cli/: the commands. Each has a file with its options; commands.c lists them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/options.h"
#include "container/container.h"
#include "container/find.h"

struct container_target;
struct error;

struct cli {
	struct runtime_options runtime;
	char *const *argv; /* all words of the call, NULL-terminated */
	char *const *args; /* arguments without the options, NULL-terminated */
	size_t args_len;
	int status;	     /* exit status if run() succeeds */
	bool shows_progress; /* at a terminal (progress.h) */
};

struct command {
	const char *name;
	const char *arguments; /* forms (forms.h): "ID [SIGNAL]"; NULL: none */
	const char *summary;
	const struct option_row *options; /* NULL: none */
	size_t options_size;
	size_t args_min, args_max; /* SIZE_MAX: any number */
	bool takes_program;	   /* options end at the first argument: what follows is somebody else's */
	int (*run)(struct cli *cli, void *options, struct error *err);
	unsigned int id_argument; /* number of the argument that is the id of a container; 0: none */
	int failure;		  /* exit status if run() fails; 0: EXIT_FAILURE */
	bool enters_container;	  /* krun's file needs protection (protect.h) */
	bool makes_container;	  /* its ID is a new one */
};

/* ---- create.c ------------------------------------------------------------------------------------------ */

extern const struct command command_create, command_run, command_exec, command_start, command_state,
	command_kill, command_delete, command_list, command_ps, command_spec, command_pause, command_resume,
	command_update, command_mounts, command_validate, command_features, command_checkpoint,
	command_restore, command_events, command_logs, command_exceptions, command_check, command_completion,
	command_trace, command_install, command_uninstall;

/* ---- commands.c ---------------------------------------------------------------------------------------- */

/* NULL-terminated. */
extern const struct command *const commands[];
/* What cli.c itself does, before a command is looked for: help, version. Ends with a row without a name. */
extern const struct command builtin_commands[];
/* The option that each command has, besides its own; cli.c looks for it. */
extern const struct option_row help_rows[];
/* NULL: unknown. */
const struct command *command_find(const char *name);

/* Prints the help of krun, or of one command, to stdout. */
void help_print(void);
void help_print_command(const struct command *command);

/* ---- cli.c --------------------------------------------------------------------------------------------- */

extern const struct option_row global_rows[];

/* ---- debug.c ------------------------------------------------------------------------------------------- */

/* What the command line asks for. NULL: nothing, the settings of the host decide. */
struct debug_options {
	const char *log, *level, *trace;
};

/* The container of this call as it stands among the arguments, or NULL: @command has none. */
const char *debug_id(const struct command *command, const struct cli *cli);
/*
 * Opens the debug log and the trace that the options ask for; a failure is an error. Then, where they ask for
 * none, those of the host's settings: a failure is a warning of commands that start something, because a full
 * or missing disk must not keep an engine from ending a container.
 */
int debug_open(const struct debug_options *options, const struct command *command, const struct cli *cli,
	       struct error *err);

/* ---- match.c ------------------------------------------------------------------------------------------- */

/*
 * Calls @act for the id in the first argument; with @regex for every id that the argument matches, where a
 * line of progress begins with @what. Goes on after a failure, and returns the first.
 */
int command_for_each(const struct cli *cli, const char *what, bool regex,
		     int (*act)(const struct cli *cli, const char *id, const void *options,
				struct error *err),
		     const void *options, struct error *err);

/*
 * Adds the ids that @pattern, an extended regular expression, matches anywhere to @ret, sorted. No match is
 * not an error.
 */
int command_match_ids(const struct runtime_options *runtime, const char *pattern, struct strv *ret,
		      struct error *err);

/* ---- find.c -------------------------------------------------------------------------------------------- */

/* The option that makes a command look for containers in all state roots. @type has a bool any_root. */
#define ANY_ROOT_HELP "search the roots of engines and users, too, for an id, its beginning or a name"
#define ANY_ROOT_ROW(type)                                                                 \
	{                                                                                  \
		"any-root", 0, OPTION_FLAG, offsetof(type, any_root), NULL, ANY_ROOT_HELP, \
	}

/*
 * Finds the container that @word means: the one with this id, or with @any_root as container_find() says.
 * After success the caller calls found_done(). Without @any_root the container need not exist.
 */
int target_find(const struct cli *cli, bool any_root, const char *word, struct found *ret, struct error *err);
/* The same for a command that changes something. -EPERM: another user can write the container's state. */
int target_find_to_change(const struct cli *cli, bool any_root, const char *word, struct found *ret,
			  struct error *err);

/* Several containers. */
struct command_targets {
	struct container_target *items;
	size_t len;
	/* What the items point to. */
	struct found *found;
	size_t found_len;
	struct runtime_options *runtimes;
	struct roots roots;
};

/* Finds all containers. The caller calls targets_done(), after an error, too. */
int targets_find_all(const struct cli *cli, bool any_root, struct command_targets *ret, struct error *err);
/* Finds those that the arguments name, each as target_find(); released likewise. */
int targets_find_each(const struct cli *cli, bool any_root, struct command_targets *ret, struct error *err);
void targets_done(struct command_targets *targets);

/*
 * Appends to the error of a container that does not exist in the searched root the one that has it, and the
 * command line for it. @words: command, options and arguments as they were written. Returns err->code.
 */
int target_tell_root(const struct cli *cli, char *const *words, const char *id, struct error *err);

/* ---- print.c ------------------------------------------------------------------------------------------- */

/* Parses --format of most commands: "table" (also NULL) or "json"; anything else is -EINVAL. */
int command_wants_json(const char *format, bool *ret, struct error *err);

/*
 * Writes all of @text to stdout; a full or closed stdout is an error. For JSON and krun's own texts: DEL and
 * C1 control characters are escaped as in JSON.
 */
int command_print(const char *text, struct error *err);
/*
 * As command_print(), for tables and other texts with names from outside: control characters but newline and
 * tab are escaped.
 */
int command_print_table(const char *text, struct error *err);
/*
 * Closes @stream, an open_memstream(3) for *@text, or NULL, and prints the text. All errors of writing to the
 * stream appear here as -ENOMEM. The caller frees *@text.
 */
int command_print_stream(FILE *stream, char **text, bool json, struct error *err);

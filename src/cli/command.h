/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Private to cli/: the commands. Each has a file with its options; commands.c lists them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/options.h"
#include "container/container.h"

struct error;

struct cli {
	struct runtime_options runtime;
	char *const *args; /* arguments after the options, NULL-terminated */
	size_t args_len;
	int status; /* exit status if run() succeeds */
};

struct command {
	const char *name;
	const char *arguments; /* for help: "ID [SIGNAL]"; NULL: none */
	const char *summary;
	const struct option_row *options; /* NULL: none */
	size_t options_size;
	size_t args_min, args_max; /* SIZE_MAX: any number */
	int (*run)(struct cli *cli, void *options, struct error *err);
	int failure;	       /* exit status if run() fails; 0: EXIT_FAILURE */
	bool enters_container; /* krun's file needs protection (protect.h) */
};

/* ---- create.c ------------------------------------------------------------------------------------------ */

extern const struct command command_create, command_run, command_exec, command_start, command_state,
	command_kill, command_delete, command_list, command_ps, command_spec, command_pause, command_resume,
	command_update, command_mounts, command_validate, command_features, command_checkpoint,
	command_restore, command_events, command_logs, command_exceptions;

/* ---- commands.c ---------------------------------------------------------------------------------------- */

/* NULL-terminated. */
extern const struct command *const commands[];
/* NULL: unknown. */
const struct command *command_find(const char *name);

/* Prints the help of krun, or of one command, to stdout. */
void help_print(void);
void help_print_command(const struct command *command);

/* ---- cli.c --------------------------------------------------------------------------------------------- */

extern const struct option_row global_rows[];

/* ---- match.c ------------------------------------------------------------------------------------------- */

/*
 * Calls @act for the id in the first argument; with @regex for every id that the argument matches. Goes on
 * after a failure, and returns the first.
 */
int command_for_each(const struct cli *cli, bool regex,
		     int (*act)(const struct cli *cli, const char *id, const void *options,
				struct error *err),
		     const void *options, struct error *err);

/*
 * Adds the ids that @pattern, an extended regular expression, matches anywhere to @ret, sorted. No match is
 * not an error.
 */
int command_match_ids(const struct runtime_options *runtime, const char *pattern, struct strv *ret,
		      struct error *err);

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

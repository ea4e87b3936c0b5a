/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Inside cli/: what a command is. Each lives in one file with its options; commands.c lists them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/options.h"
#include "container/container.h"

struct error;

struct cli {
	struct runtime_options runtime;
	char *const *args; /* behind the options, NULL-terminated */
	size_t args_len;
	int status; /* exit status of a command that succeeds */
};

struct command {
	const char *name;
	const char *arguments; /* for help: "ID [SIGNAL]" */
	const char *summary;
	const struct option_row *options; /* NULL: none */
	size_t options_size;
	size_t args_min, args_max; /* SIZE_MAX: any number */
	int (*run)(struct cli *cli, void *options, struct error *err);
	int failure;	       /* exit status when run() fails; 0: 1 */
	bool enters_container; /* protect the program's file from what runs inside (protect.h) */
};

extern const struct command command_create, command_run, command_exec, command_start, command_state,
	command_kill, command_delete, command_list, command_ps, command_spec, command_pause, command_resume,
	command_update, command_mounts, command_validate, command_features, command_checkpoint,
	command_restore, command_events, command_logs, command_exceptions;

/* All of them, NULL at the end. */
extern const struct command *const commands[];
const struct command *command_find(const char *name);

/* Help on stdout: of krun, of one command. */
void help_print(void);
void help_print_command(const struct command *command);
extern const struct option_row global_rows[];

/*
 * Calls @act for the id in the first argument, or with @regex for every id that it matches, whatever happens to one of them; the first
 * failure is the error.
 */
int command_for_each(const struct cli *cli, bool regex,
		     int (*act)(const struct cli *cli, const char *id, const void *options,
				struct error *err),
		     const void *options, struct error *err);

/* Ids that @pattern (extended regular expression) matches anywhere; sorted. No match is no error. */
int command_match_ids(const struct runtime_options *runtime, const char *pattern, struct strv *ret,
		      struct error *err);

/* --format of most commands: "table" (also without the option) or "json". */
int command_wants_json(const char *format, bool *ret, struct error *err);

/* Writes all of @text to stdout; a full or closed stdout is an error. */
/* JSON, or what is krun's own: C1 and DEL are escaped as in JSON. */
int command_print(const char *text, struct error *err);
/* A table, or another text for people, with names of others in it: lines and tabs stay, other controls are escaped. */
int command_print_table(const char *text, struct error *err);
/* Closes @stream, an open_memstream(3) that grows @text, or NULL, and prints the text: its error flag is looked at once, here. */
int command_print_stream(FILE *stream, char **text, bool json, struct error *err);

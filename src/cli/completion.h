/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Private to cli/: completion scripts, made from the tables of commands and options. A script is what a
 * function here prints from the tables, and a part that is always the same (completion/krun.SHELL), which the
 * program has inside.
 */

#include <stdio.h>

#include "cli/command.h"
#include "cli/forms.h"

enum { COMPLETION_ACTIONS_SIZE = 256 };

/*
 * Writes what a value of this form may be to @ret: words with a space between them. One with an at sign is a
 * kind of which the shell knows how to list it (`kinds` in completion.c). Empty: nothing is known. @command:
 * whose argument it is; NULL: it is an option's value.
 */
void completion_actions(const struct command *command, const struct form *form,
			char ret[COMPLETION_ACTIONS_SIZE]);
/* As completion_actions(), of an option. False: it takes no value. */
bool completion_option_actions(const struct option_row *row, char ret[COMPLETION_ACTIONS_SIZE]);

/* Calls @print for the builtin commands and all others. */
void completion_each_command(FILE *out, void (*print)(FILE *out, const struct command *command));
/* Calls @print for what the help shows: the options of @command, or with NULL those of krun. */
void completion_each_option(FILE *out, const struct command *command,
			    void (*print)(FILE *out, const struct command *command,
					  const struct option_row *row));

/* Print @separator in front of each, too. */
void completion_print_signals(FILE *out, const char *separator);
void completion_print_capabilities(FILE *out, const char *separator);
/* Prints @text with a backslash before each of the characters in @special. */
void completion_print_escaped(FILE *out, const char *text, size_t len, const char *special);

/* ---- completion_bash.c, completion_zsh.c, completion_fish.c -------------------------------------------- */

void completion_bash(FILE *out);
void completion_zsh(FILE *out);
void completion_fish(FILE *out);

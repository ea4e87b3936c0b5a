/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Parses command-line options by table. Accepted forms: "--name value", "--name=value", "-n value",
 * "-nvalue", a cluster of flags ("-it"), and a long name with a single dash ("-no-subreaper", as go-runc
 * writes it). A repeated option replaces the earlier value; a list gets one more. Pure.
 */

#include <stdbool.h>
#include <stddef.h>

struct error;

enum option_kind {
	OPTION_FLAG,   /* bool; "--name=true|false" is understood too */
	OPTION_TEXT,   /* const char * */
	OPTION_LIST,   /* struct strv, of copies */
	OPTION_NUMBER, /* unsigned int, 0 to INT_MAX */
	OPTION_WORD,   /* const char *; an optional value, only as "--name=value"; else "" */
};

struct option_row {
	const char *name; /* without dashes; NULL ends the table */
	char letter;	  /* 0: none */
	enum option_kind kind;
	size_t offset; /* in the target */
	/* Form of the value (forms.h): its name in the help, or the words of which it is one; NULL: none. */
	const char *argument;
	const char *help; /* NULL: not shown in help */
};

/*
 * @argv: words, NULL-terminated. @target: the struct that the rows describe. Parsing ends before the first
 * word that is not an option, or after "--". *ret_len: number of words that were options and their values.
 * The caller calls options_done(), after a failure, too. Errors (-EINVAL): "unknown flag: --x", "flag needs
 * an argument: --x", which podman searches for, and bad values.
 */
int options_parse(const struct option_row *rows, char *const *argv, void *target, size_t *ret_len,
		  struct error *err);
/*
 * The same for a command whose arguments are no program: options may stand behind them, up to "--".
 * @ret_args: room for all words and a final NULL, gets the arguments, which point into @argv.
 */
int options_parse_all(const struct option_row *rows, char *const *argv, void *target, char **ret_args,
		      struct error *err);
/* Releases the lists in @target. */
void options_done(const struct option_row *rows, void *target);

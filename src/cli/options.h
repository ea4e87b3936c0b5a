/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Command-line options by table. Accepted forms: "--name value", "--name=value", "-n value", "-nvalue", flags
 * in a cluster ("-it"), and a long name behind a single dash ("-no-subreaper", as go-runc writes it). Parsing
 * ends at the first word that is no option, or behind "--". A repeated option replaces the earlier value; a
 * list grows. Pure.
 */

#include <stdbool.h>
#include <stddef.h>

struct error;

enum option_kind {
	OPTION_FLAG,   /* bool; "--name=true|false" is understood too */
	OPTION_TEXT,   /* const char * */
	OPTION_LIST,   /* struct strv; copies */
	OPTION_NUMBER, /* unsigned int, 0 .. INT_MAX */
	OPTION_WORD,   /* const char *; the value is optional and only taken from "--name=value", else "" */
};

struct option_row {
	const char *name; /* without dashes; NULL ends the table */
	char letter;	  /* or 0 */
	enum option_kind kind;
	size_t offset;	      /* into the target */
	const char *argument; /* how help calls the value */
	const char *help;     /* NULL: accepted, not shown */
};

/*
 * @argv: the words to parse, NULL-terminated. *ret_len: how many of them were options. Lists inside @target belong
 * to the caller. Errors: "unknown flag: --x", "flag needs an argument: --x", and bad values with their flag.
 */
int options_parse(const struct option_row *rows, char *const *argv, void *target, size_t *ret_len,
		  struct error *err);
/* Releases the lists. */
void options_done(const struct option_row *rows, void *target);

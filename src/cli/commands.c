/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

/* Where the texts of the help begin. */
enum { COMMAND_COLUMN = 15, OPTION_COLUMN = 37 };

const struct command *const commands[] = {
	&command_create,     &command_start,	  &command_run,
	&command_exec,	     &command_state,	  &command_list,
	&command_ps,	     &command_kill,	  &command_delete,
	&command_pause,	     &command_resume,	  &command_update,
	&command_mounts,     &command_exceptions, &command_logs,
	&command_spec,	     &command_validate,	  &command_check,
	&command_install,    &command_uninstall,  &command_features,
	&command_checkpoint, &command_restore,	  &command_events,
	&command_completion, &command_trace,	  NULL,
};

const struct command builtin_commands[] = {
	{ .name = "help", .arguments = "[COMMAND]", .summary = "this text, or that of a command" },
	{ .name = "version", .summary = "the same as --version" },
	{ 0 },
};

const struct option_row help_rows[] = {
	{ "help", 'h', OPTION_FLAG, 0, NULL, "this text" },
	{ 0 },
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

/*
 * Prints @left and, from a column on, the words of @text, in lines of up to 80 columns. A long @left has a
 * line of its own.
 */
static void print_columns(const char *left, int column, const char *text)
{
	int at = printf("  %-*s", column - 3, left);

	if (at > column - 1)
		at = printf("\n%*s", column - 1, "") - 1;
	while (*text) {
		const int len = (int)strcspn(text, " ");

		if (at > column && at + 1 + len > 80)
			at = printf("\n%*s", column - 1, "") - 1;
		at += printf(" %.*s", len, text);
		text += len + (text[len] == ' ');
	}
	putchar('\n');
}

static void print_rows(const struct option_row *rows)
{
	for (; rows && rows->name; rows++) {
		char left[64];

		if (!rows->help)
			continue;
		snprintf(left, sizeof(left), "%c%c%s --%s%s%s", rows->letter ? '-' : ' ',
			 rows->letter ? rows->letter : ' ', rows->letter ? "," : " ", rows->name,
			 rows->argument ? " " : "", rows->argument ? rows->argument : "");
		print_columns(left, OPTION_COLUMN, rows->help);
	}
}

void help_print(void)
{
	puts("krun runs OCI containers, their programs inside small virtual machines under\n"
	     "Kontain Monitor (km).\n"
	     "\n"
	     "Usage: krun [OPTION...] COMMAND [OPTION...] [ARGUMENT...]\n"
	     "\n"
	     "Commands ('krun COMMAND --help' tells more):");
	for (size_t i = 0; commands[i]; i++)
		print_columns(commands[i]->name, COMMAND_COLUMN, commands[i]->summary);
	for (const struct command *command = builtin_commands; command->name; command++)
		print_columns(command->name, COMMAND_COLUMN, command->summary);
	puts("\nOptions:");
	print_rows(global_rows);
}

void help_print_command(const struct command *command)
{
	printf("Usage: krun %s%s%s%s\n\n%s\n\nOptions:\n", command->name,
	       command->options ? " [OPTION...]" : "", command->arguments ? " " : "",
	       command->arguments ? command->arguments : "", command->summary);
	print_rows(command->options);
	print_rows(help_rows);
}

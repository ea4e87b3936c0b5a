/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

const struct command *const commands[] = {
	&command_create,     &command_start,
	&command_run,	     &command_exec,
	&command_state,	     &command_list,
	&command_ps,	     &command_kill,
	&command_delete,     &command_pause,
	&command_resume,     &command_update,
	&command_mounts,     &command_exceptions,
	&command_logs,	     &command_spec,
	&command_validate,   &command_features,
	&command_checkpoint, &command_restore,
	&command_events,     NULL,
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
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
		printf("  %-34s %s\n", left, rows->help);
	}
	printf("  %-34s %s\n", "-h, --help", "this text");
}

void help_print(void)
{
	puts("krun runs OCI containers, their programs inside small virtual machines under Kontain Monitor "
	     "(km).\n"
	     "\n"
	     "Usage: krun [OPTION...] COMMAND [OPTION...] [ARGUMENT...]\n"
	     "\n"
	     "Commands ('krun COMMAND --help' tells more):");
	for (size_t i = 0; commands[i]; i++)
		printf("  %-12s %s\n", commands[i]->name, commands[i]->summary);
	printf("  %-12s %s\n\nOptions:\n", "help", "this text, or that of a command");
	print_rows(global_rows);
	printf("  %-34s %s\n", "-v, --version", "print the version");
}

void help_print_command(const struct command *command)
{
	printf("Usage: krun %s%s%s%s\n\n%s\n\nOptions:\n", command->name,
	       command->options ? " [OPTION...]" : "", command->arguments ? " " : "",
	       command->arguments ? command->arguments : "", command->summary);
	print_rows(command->options);
}

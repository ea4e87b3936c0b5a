/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/completion.h"

extern const char krun_bash_begin[], krun_bash_end[];

static void print_option(FILE *out, const struct command *command, const struct option_row *row)
{
	(void)command;
	fprintf(out, " --%s", row->name);
	if (row->letter)
		fprintf(out, " -%c", row->letter);
}

static void print_options(FILE *out, const struct command *command)
{
	fprintf(out, "\t'%s') options='", command ? command->name : "");
	completion_each_option(out, command, print_option);
	fputs("' ;;\n", out);
}

static void print_value(FILE *out, const struct command *command, const struct option_row *row)
{
	const char *name = command ? command->name : "";
	char actions[COMPLETION_ACTIONS_SIZE];

	if (!completion_option_actions(row, actions))
		return;
	fprintf(out, "\t'%s --%s'", name, row->name);
	if (row->letter)
		fprintf(out, " | '%s -%c'", name, row->letter);
	fprintf(out, ") actions='%s' ;;\n", actions);
}

static void print_values(FILE *out, const struct command *command)
{
	completion_each_option(out, command, print_value);
}

static void print_arguments(FILE *out, const struct command *command)
{
	const char *rest = command->arguments;
	char actions[COMPLETION_ACTIONS_SIZE];
	struct form form;

	for (size_t i = 0; form_next_argument(&rest, &form); i++) {
		completion_actions(command, &form, actions);
		if (actions[0] == '\0')
			continue;
		fprintf(out, "\t'%s %zu'", command->name, i);
		if (form.repeated)
			fprintf(out, " | '%s '*", command->name);
		fprintf(out, ") actions='%s' ;;\n", actions);
	}
}

static void print_name(FILE *out, const struct command *command)
{
	fprintf(out, " %s", command->name);
}

static void print_taker(FILE *out, const struct command *command)
{
	if (command->takes_program)
		fprintf(out, "\t%s) return 0 ;;\n", command->name);
}

void completion_bash(FILE *out)
{
	fputs("# bash completion for krun, made by 'krun completion bash'        -*- shell-script -*-\n"
	      "\n"
	      "_krun_commands='",
	      out);
	completion_each_command(out, print_name);
	fputs("'\n_krun_signals='", out);
	completion_print_signals(out, " ");
	fputs("'\n_krun_capabilities='", out);
	completion_print_capabilities(out, " ");
	fputs("'\n\n"
	      "# Sets the options of command $1, or with '' those of krun.\n"
	      "_krun_options()\n{\n\toptions=''\n\tcase $1 in\n",
	      out);
	print_options(out, NULL);
	completion_each_command(out, print_options);
	fputs("\tesac\n}\n\n"
	      "# Sets what may be behind option $2 of command $1; false: nothing is.\n"
	      "_krun_value()\n{\n\tactions=''\n\tcase \"$1 $2\" in\n",
	      out);
	print_values(out, NULL);
	completion_each_command(out, print_values);
	fputs("\t*) return 1 ;;\n\tesac\n}\n\n"
	      "# Sets what argument $2 of command $1 may be, from 0.\n"
	      "_krun_argument()\n{\n\tactions=''\n\tcase \"$1 $2\" in\n",
	      out);
	completion_each_command(out, print_arguments);
	fputs("\tesac\n}\n\n"
	      "# True for a command whose options end at its first argument.\n"
	      "_krun_takes_program()\n{\n\tcase $1 in\n",
	      out);
	completion_each_command(out, print_taker);
	fputs("\t*) return 1 ;;\n\tesac\n}\n\n", out);
	fwrite(krun_bash_begin, 1, (size_t)(krun_bash_end - krun_bash_begin), out);
}

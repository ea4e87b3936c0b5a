/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/completion.h"

#include <string.h>

extern const char krun_zsh_begin[], krun_zsh_end[];

/*
 * The tables are specifications of _arguments (zshcompsys(1)) between single quotes. A quote, which cannot be
 * escaped there, ends them and begins them anew: '\''.
 */
static void print_quoted(FILE *out, const char *text, size_t len, const char *special)
{
	while (len > 0) {
		const char *quote = memchr(text, '\'', len);
		const size_t part = quote ? (size_t)(quote - text) : len;

		completion_print_escaped(out, text, part, special);
		if (quote)
			fputs("'\\''", out);
		text += part + (quote ? 1 : 0);
		len -= part + (quote ? 1 : 0);
	}
}

static void print_action(FILE *out, const char *word, size_t len)
{
	static const char *const known[] = { "_krun_ids", "_krun_signals", "_krun_capabilities",
					     "_krun_commands" };

	if (strncmp(word, "@files", len) == 0)
		fputs("_files", out);
	else if (strncmp(word, "@directories", len) == 0)
		fputs("_files -/", out);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strncmp(known[i] + strlen("_krun_"), word + 1, len - 1) == 0)
			fputs(known[i], out);
}

/* Prints ":NAME:ACTION": words are a list, and several kinds a piece of shell. */
static void print_form(FILE *out, const char *name, size_t len, const char *actions)
{
	fputc(':', out);
	print_quoted(out, name, len, "\\:");
	fputc(':', out);
	if (actions[0] == '\0')
		fputc(' ', out);
	else if (actions[0] != '@')
		fprintf(out, "(%s)", actions);
	else
		fputc('{', out);
	while (actions[0] == '@') {
		const size_t word = strcspn(actions, " ");

		print_action(out, actions, word);
		actions += word + (actions[word] == ' ');
		fputs(*actions ? "; " : "}", out);
	}
}

static void print_option(FILE *out, const struct command *command, const struct option_row *row)
{
	char actions[COMPLETION_ACTIONS_SIZE];
	const bool valued = completion_option_actions(row, actions);
	const bool alone = strcmp(row->name, "help") == 0 || strcmp(row->name, "version") == 0;

	(void)command;
	fputs("\t\t\t'", out);
	if (row->kind == OPTION_LIST)
		fputc('*', out);
	else if (alone)
		fputs("(- *)", out);
	else if (row->letter)
		fprintf(out, "(-%c --%s)", row->letter, row->name);
	if (row->letter)
		fprintf(out, "'{-%c%s,--%s%s}'", row->letter, valued ? "+" : "", row->name,
			valued ? "=" : "");
	else
		fprintf(out, "--%s%s", row->name, valued ? "=" : "");
	fputc('[', out);
	print_quoted(out, row->help, strlen(row->help), "\\[]");
	fputc(']', out);
	if (valued)
		print_form(out, row->argument, strlen(row->argument), actions);
	fputs("'\n", out);
}

static void print_arguments(FILE *out, const struct command *command)
{
	const char *rest = command->arguments;
	char actions[COMPLETION_ACTIONS_SIZE];
	struct form form;

	for (size_t i = 1; form_next_argument(&rest, &form); i++) {
		completion_actions(command, &form, actions);
		if (form.repeated)
			fputs("\t\t\t'*", out);
		else
			fprintf(out, "\t\t\t'%zu%s", i, form.optional ? ":" : "");
		print_form(out, form.text, form.len, actions);
		fputs("'\n", out);
	}
}

static void print_specs(FILE *out, const struct command *command)
{
	fprintf(out, "\t%s)\n", command ? command->name : "''");
	if (command && command->takes_program)
		fputs("\t\tflags=(-A '-*')\n", out);
	fputs("\t\tspecs=(\n", out);
	completion_each_option(out, command, print_option);
	if (command)
		print_arguments(out, command);
	fputs("\t\t)\n\t\t;;\n", out);
}

static void print_description(FILE *out, const struct command *command)
{
	fprintf(out, "\t'%s:", command->name);
	print_quoted(out, command->summary, strlen(command->summary), "\\");
	fputs("'\n", out);
}

void completion_zsh(FILE *out)
{
	fputs("#compdef krun krun-plain krun-label-trigger\n"
	      "# zsh completion for krun, made by 'krun completion zsh'\n"
	      "\n"
	      "typeset -ga _krun_command_list=(\n",
	      out);
	completion_each_command(out, print_description);
	fputs(")\ntypeset -ga _krun_signal_list=(", out);
	completion_print_signals(out, " ");
	fputs(" )\ntypeset -ga _krun_capability_list=(", out);
	completion_print_capabilities(out, " ");
	fputs(" )\n\n"
	      "# Sets what _arguments takes for command $1, or with '' for krun's own options.\n"
	      "_krun_specs() {\n\tflags=() specs=()\n\tcase $1 in\n",
	      out);
	print_specs(out, NULL);
	completion_each_command(out, print_specs);
	fputs("\tesac\n}\n\n", out);
	fwrite(krun_zsh_begin, 1, (size_t)(krun_zsh_end - krun_zsh_begin), out);
}

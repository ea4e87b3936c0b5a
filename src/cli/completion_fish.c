/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/completion.h"

#include <string.h>

extern const char krun_fish_begin[], krun_fish_end[];

static void print_text(FILE *out, const char *text)
{
	fputc('\'', out);
	completion_print_escaped(out, text, strlen(text), "\\'");
	fputc('\'', out);
}

/* Prints what fish takes for one kind of value, or for words. */
static void print_action(FILE *out, const char *action, size_t len)
{
	static const struct {
		const char *action, *text;
	} known[] = {
		{ "@ids", " -a '(__krun_ids)'" },
		{ "@files", " -F" },
		{ "@directories", " -a '(__krun_directories)'" },
		{ "@signals", " -a '(__krun_signals)'" },
		{ "@capabilities", " -a '(__krun_capabilities)'" },
		{ "@commands", " -a '(__krun_commands)'" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strlen(known[i].action) == len && strncmp(known[i].action, action, len) == 0)
			fputs(known[i].text, out);
	if (len > 0 && action[0] != '@')
		fprintf(out, " -a '%.*s'", (int)len, action);
}

/* Words go together; each kind is taken alone. Returns the length of the first of both. */
static size_t first_action(const char *actions)
{
	return actions[0] == '@' ? strcspn(actions, " ") : strlen(actions);
}

static void print_option(FILE *out, const struct command *command, const struct option_row *row)
{
	char actions[COMPLETION_ACTIONS_SIZE];

	/* The options of a command with a program end at its first argument. */
	fprintf(out, "complete -c krun -n '__krun_at %s%s'", command ? command->name : "\"\"",
		command && command->takes_program ? " 0" : "");
	if (row->letter)
		fprintf(out, " -s %c", row->letter);
	fprintf(out, " -l %s", row->name);
	if (completion_option_actions(row, actions)) {
		fputs(" -r", out);
		fputs(strcmp(actions, "@files") == 0 ? "" : " -f", out);
		print_action(out, actions, first_action(actions));
	}
	fputs(" -d ", out);
	print_text(out, row->help);
	fputc('\n', out);
}

static void print_arguments(FILE *out, const struct command *command)
{
	const char *rest = command->arguments;
	char actions[COMPLETION_ACTIONS_SIZE];
	struct form form;

	for (size_t i = 0; form_next_argument(&rest, &form); i++) {
		completion_actions(command, &form, actions);
		for (const char *action = actions; *action;) {
			const size_t len = first_action(action);

			fprintf(out, "complete -c krun -n '__krun_at %s%s", command->name,
				form.repeated ? "'" : "");
			if (!form.repeated)
				fprintf(out, " %zu'", i);
			print_action(out, action, len);
			fputc('\n', out);
			action += len + (action[len] == ' ');
		}
	}
}

static void print_command(FILE *out, const struct command *command)
{
	fprintf(out, "complete -c krun -n '__krun_at \"\"' -a %s -d ", command->name);
	print_text(out, command->summary);
	fputc('\n', out);
	completion_each_option(out, command, print_option);
	print_arguments(out, command);
}

static void print_valued(FILE *out, const struct command *command, const struct option_row *row)
{
	if (!row->argument)
		return;
	fprintf(out, " '%s --%s'", command ? command->name : "", row->name);
	if (row->letter)
		fprintf(out, " '%s -%c'", command ? command->name : "", row->letter);
}

static void print_all_valued(FILE *out, const struct command *command)
{
	completion_each_option(out, command, print_valued);
}

static void print_taker(FILE *out, const struct command *command)
{
	if (command->takes_program)
		fprintf(out, " %s", command->name);
}

static void print_name(FILE *out, const struct command *command)
{
	fprintf(out, " %s", command->name);
}

void completion_fish(FILE *out)
{
	fputs("# fish completion for krun, made by 'krun completion fish'\n"
	      "\n"
	      "# Options behind which a value stands, with their commands; commands that a program follows.\n"
	      "set -g __krun_valued",
	      out);
	print_all_valued(out, NULL);
	completion_each_command(out, print_all_valued);
	fputs("\nset -g __krun_takers", out);
	completion_each_command(out, print_taker);
	fputs("\n\nfunction __krun_commands\n\tprintf '%s\\n'", out);
	completion_each_command(out, print_name);
	fputs("\nend\n\nfunction __krun_signals\n\tprintf '%s\\n'", out);
	completion_print_signals(out, " ");
	fputs("\nend\n\nfunction __krun_capabilities\n\tprintf '%s\\n'", out);
	completion_print_capabilities(out, " ");
	fputs("\nend\n\n", out);
	fwrite(krun_fish_begin, 1, (size_t)(krun_fish_end - krun_fish_begin), out);
	fputc('\n', out);
	completion_each_option(out, NULL, print_option);
	completion_each_command(out, print_command);
}

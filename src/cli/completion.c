/* SPDX-License-Identifier: Apache-2.0 */

/* completion: what the scripts of all shells say is found here, how they say it is in completion_SHELL.c. */

#include "cli/completion.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "spec/capabilities.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/names.h"

struct completion_options {
	const char *shell;
};

#define SHELLS "bash|zsh|fish"

static const struct option_row completion_rows[] = {
	{ "shell", 's', OPTION_TEXT, offsetof(struct completion_options, shell), SHELLS,
	  "the same as the argument" },
	{ 0 },
};

/* What the names in forms stand for. Names that are not here stand for what no shell can know. */
static const struct {
	const char *name, *actions;
} kinds[] = {
	{ "DIR", "@directories" }, { "ROOTFS", "@directories" }, { "FILE", "@files" },
	{ "PATH", "@files" },	   { "DEST", "@files" },	 { "ID", "@ids" },
	{ "SIGNAL", "@signals" },  { "CAP", "@capabilities" },	 { "TIME", "500ms 1s 5s 1m" },
};

static void add_word(char *text, const char *word, size_t len)
{
	const size_t used = strlen(text);

	snprintf(text + used, COMPLETION_ACTIONS_SIZE - used, "%s%.*s", used > 0 ? " " : "", (int)len, word);
}

static const char *kind_of(const struct command *command, const struct form *name)
{
	if (command && command->makes_container && strncmp(name->text, "ID", name->len) == 0)
		return NULL;
	/* The argument of `help`; a COMMAND of another one is a program. */
	if (command && !command->run)
		return "@commands";
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strlen(kinds[i].name) == name->len && strncmp(kinds[i].name, name->text, name->len) == 0)
			return kinds[i].actions;
	return NULL;
}

void completion_actions(const struct command *command, const struct form *form,
			char ret[COMPLETION_ACTIONS_SIZE])
{
	struct form rest = *form, part;
	bool word;

	ret[0] = '\0';
	while (form_next_part(&rest, &part, &word)) {
		const char *kind = word ? NULL : kind_of(command, &part);

		if (word)
			add_word(ret, part.text, part.len);
		else if (kind)
			add_word(ret, kind, strlen(kind));
	}
}

bool completion_option_actions(const struct option_row *row, char ret[COMPLETION_ACTIONS_SIZE])
{
	if (!row->argument)
		return false;
	completion_actions(NULL, &(struct form){ .text = row->argument, .len = strlen(row->argument) }, ret);
	return true;
}

void completion_each_command(FILE *out, void (*print)(FILE *out, const struct command *command))
{
	for (size_t i = 0; commands[i]; i++)
		print(out, commands[i]);
	for (const struct command *command = builtin_commands; command->name; command++)
		print(out, command);
}

void completion_each_option(FILE *out, const struct command *command,
			    void (*print)(FILE *out, const struct command *command,
					  const struct option_row *row))
{
	const struct option_row *tables[] = { command ? command->options : global_rows,
					      command ? help_rows : NULL };

	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		for (const struct option_row *row = tables[i]; row && row->name; row++)
			if (row->help)
				print(out, command, row);
}

void completion_print_signals(FILE *out, const char *separator)
{
	for (int signo = 1; signo < SIGRTMIN; signo++) {
		const char *name = signal_name(signo);

		if (name)
			fprintf(out, "%s%s", separator, name);
	}
}

void completion_print_capabilities(FILE *out, const char *separator)
{
	const char *name;

	for (int number = 0; (name = capability_name(number)); number++)
		fprintf(out, "%s%s", separator, name);
}

void completion_print_escaped(FILE *out, const char *text, size_t len, const char *special)
{
	for (size_t i = 0; i < len; i++)
		fprintf(out, "%s%c", strchr(special, text[i]) ? "\\" : "", text[i]);
}

static int run_completion(struct cli *cli, void *arguments, struct error *err)
{
	static const struct {
		const char *shell;
		void (*print)(FILE *out);
	} scripts[] = { { "bash", completion_bash }, { "zsh", completion_zsh }, { "fish", completion_fish } };
	const struct completion_options *options = arguments;
	const char *shell = cli->args_len > 0 ? cli->args[0] : options->shell;
	auto_free char *text = NULL;
	size_t size;
	FILE *out;

	if (!shell)
		return error_set(err, -EINVAL, "completion: the shell is missing: bash, zsh or fish");
	if (cli->args_len > 0 && options->shell)
		return error_set(err, -EINVAL, "completion: either --shell or an argument, not both");
	out = open_memstream(&text, &size);
	for (size_t i = 0; out && i < ARRAY_LEN(scripts); i++)
		if (strcmp(scripts[i].shell, shell) == 0)
			scripts[i].print(out);
	return command_print_stream(out, &text, true, err);
}

const struct command command_completion = {
	.name = "completion",
	.arguments = "[" SHELLS "]",
	.summary = "print a script that completes command lines of krun",
	.options = completion_rows,
	.options_size = sizeof(struct completion_options),
	.args_max = 1,
	.run = run_completion,
};

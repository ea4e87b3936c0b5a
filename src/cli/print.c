/* SPDX-License-Identifier: Apache-2.0 */

/* Output of commands to stdout. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/printable.h"

int command_print(const char *text, struct error *err)
{
	auto_free char *shown = printable_json(text);
	int r = shown ? io_write_all(STDOUT_FILENO, shown, strlen(shown)) : -ENOMEM;

	return r < 0 ? error_sys(err, r, "write to stdout") : 0;
}

int command_print_table(const char *text, struct error *err)
{
	auto_free char *shown = printable_text(text, "\n\t");

	return shown ? command_print(shown, err) : error_oom(err);
}

int command_print_stream(FILE *stream, char **text, bool json, struct error *err)
{
	if (io_close_text(stream, text) < 0)
		return error_oom(err);
	return json ? command_print(*text, err) : command_print_table(*text, err);
}

int command_wants_json(const char *format, bool *ret, struct error *err)
{
	*ret = format && strcmp(format, "json") == 0;
	if (format && !*ret && strcmp(format, "table") != 0)
		return error_set(err, -EINVAL, "--format: '%s' is neither table nor json", format);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "cli/forms.h"
#include "util/error.h"
#include "util/parse.h"
#include "util/strv.h"
#include "util/suggest.h"

static const struct option_row *find_long(const struct option_row *rows, const char *name, size_t len)
{
	for (; rows->name; rows++)
		if (strlen(rows->name) == len && strncmp(rows->name, name, len) == 0)
			return rows;
	return NULL;
}

static const struct option_row *find_letter(const struct option_row *rows, char letter)
{
	for (; rows->name; rows++)
		if (rows->letter == letter)
			return rows;
	return NULL;
}

static bool takes_argument(const struct option_row *row)
{
	return row->kind == OPTION_TEXT || row->kind == OPTION_LIST || row->kind == OPTION_NUMBER;
}

static int check(const struct option_row *row, const char *value, struct error *err)
{
	const struct form form = { .text = row->argument, .len = row->argument ? strlen(row->argument) : 0 };

	return value && form_check(&form, value, err) < 0 ? error_prefix(err, "--%s", row->name) : 0;
}

/* @value: NULL: the option has none. */
static int store(const struct option_row *row, const char *value, void *target, struct error *err)
{
	char *place = (char *)target + row->offset;
	uint64_t number;

	if (check(row, value, err) < 0)
		return err->code;
	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)place = true;
		if (value && parse_bool(value, (bool *)place) < 0)
			return error_set(err, -EINVAL, "--%s: '%s' is neither true nor false", row->name,
					 value);
		return 0;
	case OPTION_TEXT:
		*(const char **)place = value;
		return 0;
	case OPTION_WORD:
		*(const char **)place = value ? value : "";
		return 0;
	case OPTION_LIST:
		return strv_add((struct strv *)place, value) < 0 ? error_oom(err) : 0;
	case OPTION_NUMBER:
		if (parse_u64(value, INT_MAX, &number) < 0)
			return error_set(err, -EINVAL, "--%s: '%s' is not a number from 0 to %d", row->name,
					 value, INT_MAX);
		*(unsigned int *)place = (unsigned int)number;
		return 0;
	}
	return 0;
}

/* Suggests what the help shows. */
static int unknown(const struct option_row *rows, const char *dashes, const char *name, size_t len,
		   struct error *err)
{
	struct suggestion suggestion = suggest_for(name, len);

	error_set(err, -EINVAL, "unknown flag: %s%.*s", dashes, (int)len, name);
	for (; rows->name; rows++)
		if (rows->help)
			suggest_consider(&suggestion, rows->name);
	return suggestion.best ? error_append(err, "did you mean --%s?", suggestion.best) : err->code;
}

/* @dashes: "-" or "--", as the user wrote. Returns the number of words used. */
static int parse_long(const struct option_row *rows, const char *dashes, char *const *argv, void *target,
		      struct error *err)
{
	const char *name = argv[0] + strlen(dashes), *value = strchr(name, '=');
	size_t len = value ? (size_t)(value - name) : strlen(name);
	const struct option_row *row = find_long(rows, name, len);
	int used = 1, r;

	if (!row)
		return unknown(rows, dashes, name, len, err);
	if (value) {
		value++;
	} else if (takes_argument(row)) {
		value = argv[1];
		if (!value)
			return error_set(err, -EINVAL, "flag needs an argument: --%s", row->name);
		used = 2;
	}
	r = store(row, value, target, err);
	return r < 0 ? r : used;
}

static int parse_letters(const struct option_row *rows, char *const *argv, void *target, struct error *err)
{
	for (const char *p = argv[0] + 1; *p; p++) {
		const struct option_row *row = find_letter(rows, *p);
		int r;

		if (!row)
			return error_set(err, -EINVAL, "unknown flag: -%c in '%s'", *p, argv[0]);
		if (takes_argument(row)) {
			const char *value = p[1] ? p + 1 : argv[1];

			if (!value)
				return error_set(err, -EINVAL, "flag needs an argument: -%c (--%s)", *p,
						 row->name);
			r = store(row, value, target, err);
			return r < 0 ? r : p[1] ? 1 : 2;
		}
		r = store(row, NULL, target, err);
		if (r < 0)
			return r;
	}
	return 1;
}

static int parse_one(const struct option_row *rows, char *const *argv, void *target, struct error *err)
{
	const char *word = argv[0];
	size_t len;

	if (word[1] == '-')
		return parse_long(rows, "--", argv, target, err);
	len = strcspn(word + 1, "=");
	if (len > 1 && find_long(rows, word + 1, len))
		return parse_long(rows, "-", argv, target, err);
	return parse_letters(rows, argv, target, err);
}

int options_parse(const struct option_row *rows, char *const *argv, void *target, size_t *ret_len,
		  struct error *err)
{
	size_t i = 0;

	while (argv[i] && argv[i][0] == '-' && argv[i][1] != '\0') {
		int used;

		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		used = parse_one(rows, &argv[i], target, err);
		if (used < 0)
			return used;
		i += (size_t)used;
	}
	*ret_len = i;
	return 0;
}

int options_parse_all(const struct option_row *rows, char *const *argv, void *target, char **ret_args,
		      struct error *err)
{
	size_t used, len = 0;
	int r = 0;

	for (bool ended = false; r == 0; argv++) {
		r = ended ? 0 : options_parse(rows, argv, target, &used, err);
		if (r == 0 && !ended) {
			argv += used;
			ended = used > 0 && strcmp(argv[-1], "--") == 0;
		}
		if (r < 0 || !*argv)
			break;
		ret_args[len++] = *argv;
	}
	ret_args[len] = NULL;
	return r;
}

void options_done(const struct option_row *rows, void *target)
{
	for (; rows->name; rows++)
		if (rows->kind == OPTION_LIST)
			strv_done((struct strv *)((char *)target + rows->offset));
}

/* SPDX-License-Identifier: Apache-2.0 */

/* Which container a word of the command line means. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "container/events.h"
#include "util/error.h"

int target_find(const struct cli *cli, bool any_root, const char *word, struct found *ret, struct error *err)
{
	if (any_root)
		return container_find(&cli->runtime, word, ret, err);
	*ret = (struct found){ .runtime = cli->runtime, .id = strdup(word) };
	return ret->id ? 0 : error_oom(err);
}

int target_find_to_change(const struct cli *cli, bool any_root, const char *word, struct found *ret,
			  struct error *err)
{
	int r = target_find(cli, any_root, word, ret, err);

	if (r < 0 || !ret->is_foreign)
		return r;
	error_set(
		err, -EPERM,
		"container '%s' is in '%s', which another user can write: he could choose what this command "
		"changes on the host; run it as that user, or name the root: --root %s",
		ret->id, ret->runtime.root, ret->runtime.root);
	found_done(ret);
	return err->code;
}

/* ---- several ----------------------------------------------------------------------------------------- */

static int add(struct command_targets *targets, const struct runtime_options *runtime, const char *id,
	       bool is_foreign, struct error *err)
{
	struct container_target *items =
		reallocarray(targets->items, targets->len + 1, sizeof(*targets->items));
	char *copy = strdup(id);

	if (items)
		targets->items = items;
	if (!items || !copy) {
		free(copy);
		return error_oom(err);
	}
	items[targets->len++] = (struct container_target){ runtime, copy, is_foreign };
	return 0;
}

static int add_ids(struct command_targets *targets, const struct runtime_options *runtime,
		   const struct strv *ids, bool is_foreign, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ids->len; i++)
		r = add(targets, runtime, ids->items[i], is_foreign, err);
	return r;
}

static int add_roots(struct command_targets *targets, const struct cli *cli, struct error *err)
{
	int r = roots_open(&cli->runtime, &targets->roots, err);

	targets->runtimes = calloc(targets->roots.len + 1, sizeof(*targets->runtimes));
	if (r == 0 && !targets->runtimes)
		r = error_oom(err);
	for (size_t i = 0; r == 0 && i < targets->roots.len; i++) {
		struct strv ids = { 0 };

		targets->runtimes[i] = root_options(&cli->runtime, &targets->roots.items[i]);
		r = root_list(&targets->roots.items[i], &ids, err);
		if (r == 0)
			r = add_ids(targets, &targets->runtimes[i], &ids, targets->roots.items[i].is_foreign,
				    err);
		strv_done(&ids);
	}
	if (r == 0)
		roots_warn(&targets->roots);
	return r;
}

int targets_find_all(const struct cli *cli, bool any_root, struct command_targets *ret, struct error *err)
{
	struct strv ids = { 0 };
	int r;

	*ret = (struct command_targets){ 0 };
	if (any_root)
		return add_roots(ret, cli, err);
	r = container_ids(&cli->runtime, &ids, err);
	if (r == 0)
		r = add_ids(ret, &cli->runtime, &ids, false, err);
	strv_done(&ids);
	return r;
}

int targets_find_each(const struct cli *cli, bool any_root, struct command_targets *ret, struct error *err)
{
	int r = 0;

	*ret = (struct command_targets){ .found = calloc(cli->args_len + 1, sizeof(*ret->found)) };
	if (!ret->found)
		return error_oom(err);
	for (size_t i = 0; r == 0 && i < cli->args_len; i++) {
		struct found *found = &ret->found[i];

		r = target_find(cli, any_root, cli->args[i], found, err);
		if (r < 0)
			break;
		ret->found_len++;
		r = add(ret, &found->runtime, found->id, found->is_foreign, err);
	}
	return r;
}

void targets_done(struct command_targets *targets)
{
	for (size_t i = 0; i < targets->len; i++)
		free((char *)(uintptr_t)targets->items[i].id);
	for (size_t i = 0; i < targets->found_len; i++)
		found_done(&targets->found[i]);
	free(targets->items);
	free(targets->found);
	free(targets->runtimes);
	roots_done(&targets->roots);
	*targets = (struct command_targets){ 0 };
}

/* ---- the other root ---------------------------------------------------------------------------------- */

/* Adds @word so that a shell reads it as one. */
static void put_word(FILE *out, const char *word)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";

	if (*word && strspn(word, safe) == strlen(word)) {
		fputs(word, out);
		return;
	}
	fputc('\'', out);
	for (; *word; word++)
		fputs(*word == '\'' ? "'\\''" : (const char[]){ *word, '\0' }, out);
	fputc('\'', out);
}

int target_tell_root(const struct cli *cli, char *const *words, const char *id, struct error *err)
{
	bool is_foreign = false, ended = false;
	char *root = container_root_with(&cli->runtime, id, &is_foreign), *text = NULL;
	size_t size;
	FILE *out = root && !is_foreign ? open_memstream(&text, &size) : NULL;

	/* Nobody is told to do what another user may have laid out for him. */
	if (root && is_foreign)
		error_append(err, "it is in '%s', which another user can write", root);

	if (!out) {
		free(root);
		return err->code;
	}
	fputs("krun --root ", out);
	put_word(out, root);
	/* Up to the id: what follows may be the words of a program. */
	for (; *words && !ended; words++) {
		fputc(' ', out);
		put_word(out, *words);
		ended = strcmp(*words, id) == 0;
	}
	if (*words)
		fputs(" ...", out);
	if (fclose(out) == 0)
		error_append(err, "it is in '%s': %s", root, text);
	free(text);
	free(root);
	return err->code;
}

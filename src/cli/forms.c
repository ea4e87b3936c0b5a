/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/forms.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/error.h"
#include "util/suggest.h"

enum { WORDS_MAX = 16, LIST_SIZE = 256 };

/* Brackets may stand around several arguments: "[COMMAND [ARGUMENT...]]". */
bool form_next_argument(const char **arguments, struct form *ret)
{
	const char *text = *arguments;
	size_t len;

	if (!text || *text == '\0')
		return false;
	len = strcspn(text, " ");
	*arguments = text + len + (text[len] == ' ');
	*ret = (struct form){ .optional = text[0] == '[' };
	ret->text = text + ret->optional;
	ret->len = strcspn(ret->text, ".] ");
	ret->repeated = strncmp(ret->text + ret->len, "...", 3) == 0;
	return true;
}

bool form_of_argument(const char *arguments, size_t index, struct form *ret)
{
	struct form form = { 0 };

	for (size_t i = 0; form_next_argument(&arguments, &form); i++) {
		*ret = form;
		if (i == index)
			return true;
	}
	return form.repeated;
}

bool form_next_part(struct form *form, struct form *ret, bool *ret_word)
{
	size_t len = 0;

	if (form->len == 0)
		return false;
	while (len < form->len && form->text[len] != '|')
		len++;
	*ret = (struct form){ .text = form->text, .len = len };
	*ret_word = strspn(form->text, "abcdefghijklmnopqrstuvwxyz0123456789-") >= len;
	len += len < form->len;
	form->text += len;
	form->len -= len;
	return true;
}

/* "neither table nor json", "none of soft, full, strict". */
static void list_words(const struct form *words, size_t len, char *text, size_t size)
{
	int used = snprintf(text, size, "%s", len == 2 ? "neither " : "none of ");

	for (size_t i = 0; i < len && used >= 0 && (size_t)used < size; i++)
		used += snprintf(text + used, size - (size_t)used, "%s%.*s",
				 i == 0	  ? "" :
				 len == 2 ? " nor " :
					    ", ",
				 (int)words[i].len, words[i].text);
}

int form_check(const struct form *form, const char *value, struct error *err)
{
	struct suggestion suggestion = suggest_for(value, strlen(value));
	struct form rest = *form, words[WORDS_MAX];
	char list[LIST_SIZE], copies[LIST_SIZE], *copy = copies;
	size_t len = 0;
	bool word;

	if (form->len >= sizeof(copies))
		return 0;
	while (len < WORDS_MAX && form_next_part(&rest, &words[len], &word)) {
		if (!word)
			return 0;
		copy[words[len].len] = '\0';
		memcpy(copy, words[len].text, words[len].len);
		if (strcmp(copy, value) == 0)
			return 0;
		suggest_consider(&suggestion, copy);
		copy += words[len++].len + 1;
	}
	/* A single word is an example: who takes the value knows what else there is. */
	if (len < 2)
		return 0;
	list_words(words, len, list, sizeof(list));
	error_set(err, -EINVAL, "'%s' is %s", value, list);
	return suggestion.best ? error_append(err, "did you mean '%s'?", suggestion.best) : err->code;
}

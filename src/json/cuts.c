/* SPDX-License-Identifier: Apache-2.0 */
#include "json/cuts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/findings.h"
#include "json/pointer.h"
#include "util/cleanup.h"
#include "util/error.h"

/* ---- indices ------------------------------------------------------------------------------------------- */

/* Returns the cut of exactly this element or member, or NULL. */
static const struct json_cut *find(const struct json_cuts *cuts, const char *parent, size_t parent_len,
				   const char *part, size_t part_len)
{
	for (size_t i = 0; i < cuts->len; i++) {
		const struct json_cut *cut = &cuts->items[i];

		if (strlen(cut->parent) == parent_len && strncmp(cut->parent, parent, parent_len) == 0 &&
		    strlen(cut->part) == part_len && strncmp(cut->part, part, part_len) == 0)
			return cut;
	}
	return NULL;
}

/*
 * Returns how many elements of the array @parent before @index were cut; *ret_cut: whether that one was,
 * too.
 */
static size_t count_before(const struct json_cuts *cuts, const char *parent, size_t index, bool *ret_cut)
{
	size_t count = 0;

	*ret_cut = false;
	for (size_t i = 0; i < cuts->len; i++) {
		const struct json_cut *cut = &cuts->items[i];

		if (!cut->element || strcmp(cut->parent, parent) != 0)
			continue;
		count += cut->index < index;
		*ret_cut |= cut->index == index;
	}
	return count;
}

static size_t index_in_text(const struct json_cuts *cuts, const char *parent, size_t index)
{
	size_t text = index;

	/* Each element that was cut before the place moves it on, perhaps behind the next one. */
	for (size_t i = 0; i <= cuts->len; i++) {
		bool cut;
		const size_t before = count_before(cuts, parent, text, &cut);

		if (!cut && text - before == index)
			return text;
		text = index + before + cut;
	}
	return text;
}

char *json_cuts_translate(const struct json_cuts *cuts, const char *pointer)
{
	char text[2 * JSON_POINTER_MAX] = "";
	size_t len = 0;

	while (*pointer == '/') {
		const char *begin = pointer;
		char part[JSON_POINTER_MAX];
		size_t index;
		bool cut, element;

		json_pointer_take(&pointer, part);
		element = json_pointer_index(part, &index) &&
			  (count_before(cuts, text, SIZE_MAX, &cut) > 0 || cut);
		if (len + (size_t)(pointer - begin) + 24 >= sizeof(text))
			break;
		if (element)
			len += json_pointer_add(text + len, sizeof(text) - len, NULL,
						index_in_text(cuts, text, index));
		else
			len = (size_t)((char *)mempcpy(text + len, begin, (size_t)(pointer - begin)) - text);
		text[len] = '\0';
	}
	return strdup(text);
}

bool json_cuts_touch(const struct json_cuts *cuts, const char *pointer)
{
	for (size_t i = 0; i < cuts->len; i++) {
		char cut[2 * JSON_POINTER_MAX];

		snprintf(cut, sizeof(cut), "%s/%s", cuts->items[i].parent, cuts->items[i].part);
		if (error_pointer_below(pointer, cut) || error_pointer_below(cut, pointer))
			return true;
	}
	return false;
}

/* ---- cutting ------------------------------------------------------------------------------------------- */

/* The nearest value that is there: what holds it, and its part of the pointer, from @begin to @end. */
struct target {
	struct json_object *holder; /* NULL: only the root is there */
	size_t index;		    /* in an array of the tree */
	char part[JSON_POINTER_MAX];
	const char *begin, *end;
	bool cut; /* it, or a value above, was cut out */
};

/* Enters the member or element @part of @value. Returns false when there is none. */
static bool enter(struct json_object *value, const char *part, size_t index, struct json_object **ret)
{
	if (json_object_is_type(value, json_type_object))
		return json_object_object_get_ex(value, part, ret);
	if (!json_object_is_type(value, json_type_array) || index >= json_object_array_length(value))
		return false;
	*ret = json_object_array_get_idx(value, index);
	return true;
}

static struct target find_target(const struct json_cuts *cuts, struct json_object *root, const char *pointer)
{
	struct target target = { 0 };
	struct json_object *value = root;
	const char *rest = pointer;

	while (*rest == '/') {
		auto_free char *parent = strndup(pointer, (size_t)(rest - pointer));
		const struct json_cut *found;
		const char *begin = rest;
		struct json_object *inner = NULL;
		char part[JSON_POINTER_MAX];
		size_t index = 0;
		bool cut = false;

		json_pointer_take(&rest, part);
		found = find(cuts, pointer, (size_t)(begin - pointer), begin + 1, (size_t)(rest - begin) - 1);
		if (found) {
			/* It is still missed: what is around it cannot do without. */
			target.cut = *rest || found >= &cuts->items[cuts->known];
			return target;
		}
		if (json_object_is_type(value, json_type_array)) {
			if (!parent || !json_pointer_index(part, &index))
				return target;
			index -= count_before(cuts, parent, index, &cut);
		}
		/* A member of the root that is missing is cut, too: it is known then. */
		if (!enter(value, part, index, &inner) && !(value == root && !*rest))
			return target;
		target = (struct target){ .holder = value, .index = index, .begin = begin, .end = rest };
		strcpy(target.part, part);
		value = inner;
	}
	return target;
}

static int record(struct json_cuts *cuts, const char *pointer, const struct target *target)
{
	struct json_cut cut = {
		.parent = strndup(pointer, (size_t)(target->begin - pointer)),
		.part = strndup(target->begin + 1, (size_t)(target->end - target->begin) - 1),
		.element = json_object_is_type(target->holder, json_type_array),
	};

	if (!cut.parent || !cut.part) {
		free(cut.parent);
		free(cut.part);
		return -ENOMEM;
	}
	if (cut.element)
		json_pointer_index(target->part, &cut.index);
	cuts->items[cuts->len++] = cut;
	return 1;
}

int json_cuts_remove(struct json_cuts *cuts, struct json_object *root, const char *pointer)
{
	const struct target target = find_target(cuts, root, pointer);
	int r;

	if (target.cut || !target.holder || cuts->len == JSON_CUTS_MAX)
		return 0;
	r = record(cuts, pointer, &target);
	if (r < 0)
		return r;
	if (json_object_is_type(target.holder, json_type_array))
		json_object_array_del_idx(target.holder, target.index, 1);
	else
		json_object_object_del(target.holder, target.part);
	return 1;
}

void json_cuts_done(struct json_cuts *cuts)
{
	for (size_t i = 0; i < cuts->len; i++) {
		free(cuts->items[i].parent);
		free(cuts->items[i].part);
	}
	cuts->len = cuts->known = 0;
}

/* ---- findings ------------------------------------------------------------------------------------------ */

/* Of words without effect no more are told: each is compared with all, and a large document has millions. */
enum { TOLD_MAX = 10000 };

static bool is_there(const struct json_findings *findings, const struct json_finding *finding)
{
	for (size_t i = 0; i < findings->len; i++)
		if (strcmp(findings->items[i].pointer, finding->pointer) == 0 &&
		    strcmp(findings->items[i].reason, finding->reason) == 0)
			return true;
	return false;
}

int json_cuts_tell(const struct json_cuts *cuts, struct json_findings *found, struct json_findings *findings)
{
	findings->out_of_memory |= found->out_of_memory;
	for (size_t i = 0; i < found->len; i++) {
		struct json_finding *finding = &found->items[i];
		char *pointer = NULL;

		if (finding->severity >= JSON_IGNORED && findings->len >= TOLD_MAX)
			continue;
		if (cuts->len > 0) {
			pointer = json_cuts_translate(cuts, finding->pointer);
			if (!pointer)
				return -ENOMEM;
			free(finding->pointer);
			finding->pointer = pointer;
		}
		if (!pointer ||
		    !((pointer[0] && json_cuts_touch(cuts, pointer)) || is_there(findings, finding)))
			json_findings_move(findings, finding);
	}
	return findings->out_of_memory ? -ENOMEM : 0;
}

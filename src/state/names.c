/* SPDX-License-Identifier: Apache-2.0 */
#include "state/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json/fields.h"
#include "json/make.h"
#include "json/parse.h"
#include "util/array.h"
#include "util/error.h"

/* What CRI-O calls the pause container of every pod. */
#define PAUSE_NAME "POD"

/* Each array has the annotations of one kind; the first that is there counts. */
struct names {
	const char *container[4], *pod[3], *space[4], *uid[2], *whole;
};

#define ROW(key, field)                                                                              \
	{                                                                                            \
		key, json_type_string, false, offsetof(struct names, field), json_read_string, NULL, \
	}

static const struct json_field rows[] = {
	/* containerd's CRI plugin */
	ROW("io.kubernetes.cri.container-name", container[0]),
	ROW("io.kubernetes.cri.sandbox-name", pod[0]),
	ROW("io.kubernetes.cri.sandbox-namespace", space[0]),
	ROW("io.kubernetes.cri.sandbox-uid", uid[0]),
	/* CRI-O */
	ROW("io.kubernetes.cri-o.ContainerName", container[1]),
	ROW("io.kubernetes.cri-o.KubeName", pod[1]),
	ROW("io.kubernetes.cri-o.Namespace", space[1]),
	ROW("io.kubernetes.cri-o.Name", whole),
	/* the kubelet's labels, which CRI-O passes on */
	ROW("io.kubernetes.container.name", container[2]),
	ROW("io.kubernetes.pod.name", pod[2]),
	ROW("io.kubernetes.pod.namespace", space[2]),
	ROW("io.kubernetes.pod.uid", uid[1]),
	/* nerdctl */
	ROW("nerdctl/name", container[3]),
	ROW("nerdctl/namespace", space[3]),
	{ 0 },
};

/* Returns the first name that is one, or NULL. */
static const char *first(const char *const *names, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (names[i] && names[i][0] && strcmp(names[i], PAUSE_NAME) != 0)
			return names[i];
	return NULL;
}

#define FIRST(names) first(names, ARRAY_LEN(names))

/* Adds the parts, separated by a slash, unless one is missing; @c: NULL: there are two. */
static int add_joined(struct strv *words, const char *a, const char *b, const char *c)
{
	if (!a || !b)
		return 0;
	return c ? strv_add_format(words, "%s/%s/%s", a, b, c) : strv_add_format(words, "%s/%s", a, b);
}

/* The first word is the one that is shown. */
static int add_words(struct strv *words, const struct names *names)
{
	const char *container = FIRST(names->container), *pod = FIRST(names->pod),
		   *space = FIRST(names->space), *uid = FIRST(names->uid);
	int r = container ? add_joined(words, pod, container, NULL) : 0;

	if (r == 0 && container)
		r = strv_add(words, container);
	if (r == 0 && pod)
		r = strv_add(words, pod);
	if (r == 0 && pod && container)
		r = add_joined(words, space, pod, container);
	else if (r == 0)
		r = add_joined(words, space, container ? container : pod, NULL);
	if (r == 0 && names->whole)
		r = strv_add(words, names->whole);
	/* A uid finds a container, but is no name of it. */
	if (r == 0 && uid && words->len > 0)
		r = strv_add(words, uid);
	return r;
}

int container_name_read(const char *annotations, struct container_name *ret)
{
	struct json_findings findings = { 0 };
	struct names names = { 0 };
	struct arena arena = { 0 };
	struct error ignored;
	struct json_reader reader = { .arena = &arena, .err = &ignored, .findings = &findings };
	auto_json tree = NULL;
	int r = json_document_parse(annotations, strlen(annotations), &tree, &ignored);

	*ret = (struct container_name){ 0 };
	if (r == 0)
		r = json_check_type(&reader, tree, json_type_object);
	if (r == 0)
		r = json_read_fields(&reader, tree, rows, &names);
	if (r != -ENOMEM)
		r = add_words(&ret->words, &names);
	if (r == 0 && ret->words.len > 0) {
		ret->shown = strdup(ret->words.items[0]);
		r = ret->shown ? 0 : -ENOMEM;
	}
	json_findings_done(&findings);
	arena_done(&arena);
	return r;
}

void container_name_done(struct container_name *name)
{
	free(name->shown);
	strv_done(&name->words);
	*name = (struct container_name){ 0 };
}

enum container_fit container_fit(const char *word, const char *id, const struct container_name *name)
{
	if (strcmp(word, id) == 0)
		return FIT_ID;
	if (strv_contains(name->words.items, word))
		return FIT_NAME;
	return *word && strncmp(id, word, strlen(word)) == 0 ? FIT_PREFIX : FIT_NONE;
}

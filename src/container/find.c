/* SPDX-License-Identifier: Apache-2.0 */
#include "container/find.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/names.h"
#include "state/state.h"
#include "state/state_dir.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"

/* How many are named when a word fits several. */
enum { LISTED_MAX = 8 };

/* The containers that fit the word as well as the best one. */
struct search {
	const char *word;
	enum container_fit fit;
	const struct root *root; /* of the first one */
	char *id;		 /* of the first one */
	size_t number;
	struct strv shown; /* "ID (NAME) in 'ROOT'" */
};

void roots_warn(const struct roots *roots)
{
	auto_free char *text = NULL;
	size_t size;
	FILE *out = roots->unread.len > 0 ? open_memstream(&text, &size) : NULL;

	if (!out)
		return;
	for (size_t i = 0; i < roots->unread.len; i++)
		fprintf(out, "%s%s", i ? ", " : "", roots->unread.items[i]);
	if (fclose(out) == 0)
		log_warning("not searched: %s", text);
}

static int keep(struct search *search, const struct root *root, const char *id, enum container_fit fit,
		const struct container_name *name, struct error *err)
{
	const char *shown = name->shown;

	if (fit < search->fit)
		return 0;
	if (fit > search->fit) {
		free(search->id);
		strv_done(&search->shown);
		search->fit = fit;
		search->root = root;
		search->number = 0;
		search->id = strdup(id);
	}
	search->number++;
	if (!search->id || (search->number <= LISTED_MAX &&
			    strv_add_format(&search->shown, "%s%s%s%s in '%s'", id, shown ? " (" : "",
					    shown ? shown : "", shown ? ")" : "", root->path) < 0))
		return error_oom(err);
	return 0;
}

/* A state that cannot be read has no name, but an id. */
static int read_name(const struct runtime_options *runtime, const char *id, struct container_name *ret,
		     struct error *err)
{
	auto_close int dir_fd = state_dir_open(runtime, id, err);
	struct state state;
	int r = dir_fd < 0 ? dir_fd : state_load_some(dir_fd, id, &state, err);

	*ret = (struct container_name){ 0 };
	if (r < 0)
		return error_is_shortage(r) ? r : 0;
	r = container_name_read(state.annotations, ret);
	state_done(&state);
	return r < 0 ? error_oom(err) : 0;
}

static int search_root(struct search *search, const struct runtime_options *runtime, const struct root *root,
		       struct error *err)
{
	const struct runtime_options place = root_options(runtime, root);
	struct strv ids = { 0 };
	int r = root_list(root, &ids, err);

	for (size_t i = 0; r == 0 && i < ids.len; i++) {
		struct container_name name;
		enum container_fit fit;

		r = read_name(&place, ids.items[i], &name, err);
		fit = r == 0 ? container_fit(search->word, ids.items[i], &name) : FIT_NONE;
		if (fit != FIT_NONE)
			r = keep(search, root, ids.items[i], fit, &name, err);
		container_name_done(&name);
	}
	strv_done(&ids);
	return r;
}

static int not_the_only_one(const struct search *search, const struct roots *roots, struct error *err)
{
	const size_t rest = search->number > LISTED_MAX ? search->number - LISTED_MAX : 0;

	if (search->number == 0)
		return error_set(
			err, -ENOENT,
			"container '%s' does not exist: none in %zu state root%s has this name, or an id "
			"that begins so; 'krun list --any-root' prints all",
			search->word, roots->len, roots->len == 1 ? "" : "s");
	error_set(err, -EEXIST, "'%s' may be %zu containers, of which '--root ROOT' and the id name one: %s",
		  search->word, search->number, search->shown.items[0]);
	for (size_t i = 1; i < search->shown.len; i++)
		error_append(err, "%s", search->shown.items[i]);
	return rest > 0 ? error_append(err, "and %zu more", rest) : err->code;
}

int container_find(const struct runtime_options *runtime, const char *word, struct found *ret,
		   struct error *err)
{
	struct search search = { .word = word };
	struct roots roots;
	int r = roots_open(runtime, &roots, err);

	for (size_t i = 0; r == 0 && i < roots.len; i++)
		if (!roots.items[i].is_foreign)
			r = search_root(&search, runtime, &roots.items[i], err);
	/* A user may call a container as he likes, but not take the place of another one by that. */
	for (size_t i = 0; r == 0 && search.number == 0 && i < roots.len; i++)
		if (roots.items[i].is_foreign)
			r = search_root(&search, runtime, &roots.items[i], err);
	if (r == 0) {
		roots_warn(&roots);
		r = search.number == 1 ? 0 : not_the_only_one(&search, &roots, err);
	}
	strv_done(&search.shown);
	if (r < 0) {
		free(search.id);
		roots_done(&roots);
		return r;
	}
	*ret = (struct found){
		.runtime = root_options(runtime, search.root),
		.id = search.id,
		.is_foreign = search.root->is_foreign,
		.roots = roots,
	};
	return 0;
}

void found_done(struct found *found)
{
	free(found->id);
	roots_done(&found->roots);
	*found = (struct found){ 0 };
}

char *container_root_with(const struct runtime_options *runtime, const char *id, bool *ret_foreign)
{
	const char *searched = container_root(runtime);
	struct roots roots;
	struct error ignored;
	char *ret = NULL;
	int r = roots_open(runtime, &roots, &ignored);

	for (size_t i = 0; r == 0 && i < roots.len; i++) {
		const struct root *root = &roots.items[i];

		if (root_has(root, id) <= 0)
			continue;
		if (i == 0 && strcmp(root->path, searched) == 0)
			break;
		ret = strdup(root->path);
		*ret_foreign = root->is_foreign;
		break;
	}
	roots_done(&roots);
	return ret;
}

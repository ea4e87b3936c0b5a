/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reading for `validate`, which goes on when something cannot be read: that is cut out of the document, and
 * the rest is read again as a document of its own. So checks of the host see only what is good.
 */

#include <errno.h>

#include "json/cuts.h"
#include "json/findings.h"
#include "json/make.h"
#include "json/parse.h"
#include "spec/read.h"
#include "spec/spec.h"
#include "util/error.h"

/* What a document has to have stands in for what was cut out; no finding is about it. */
static int put_stand_ins(struct json_object *root)
{
	struct json_maker maker = { 0 };

	if (!json_object_object_get_ex(root, "ociVersion", NULL))
		json_put_text(&maker, root, "ociVersion", "1.0.0");
	if (!json_object_object_get_ex(root, "root", NULL))
		json_put_text(&maker, json_put_object(&maker, root, "root"), "path", ".");
	if (!json_object_object_get_ex(root, "linux", NULL))
		json_put_object(&maker, root, "linux");
	return maker.failed ? -ENOMEM : 0;
}

/* Cuts out the places of errors. Returns how many that were, or -ENOMEM. */
static int cut_errors(struct json_object *root, const struct json_findings *findings, size_t from,
		      struct json_cuts *cuts)
{
	int count = 0;

	for (size_t i = from; i < findings->len; i++) {
		const struct json_finding *finding = &findings->items[i];
		int r = 0;

		if (finding->pointer && finding->severity <= JSON_UNSUPPORTED)
			r = json_cuts_remove(cuts, root, finding->pointer);
		if (r < 0)
			return r;
		count += r;
	}
	return count;
}

/*
 * Reads the tree once. *ret_cut: how many places were cut out after an error. Places of errors that are only
 * consequences are cut, too, but not told.
 */
static int read_once(struct json_object *root, const char *name, struct json_findings *findings,
		     struct json_cuts *cuts, struct spec **ret, int *ret_cut)
{
	struct json_findings found = { 0 }, dropped = { 0 };
	/* "needs a uts namespace" is no finding when one could not be read. */
	struct json_findings *told = json_cuts_touch(cuts, "/linux/namespaces") ? &dropped : findings;
	const size_t before = told->len;
	struct error err = { 0 };
	int r = spec_read_config(json_object_get(root), name, &found, ret, &err), more = 0;

	*ret_cut = 0;
	cuts->known = cuts->len;
	if (r != -ENOMEM && json_cuts_tell(cuts, &found, told) < 0)
		r = -ENOMEM;
	if (r < 0 && r != -ENOMEM) {
		*ret_cut = cut_errors(root, told, before, cuts);
		more = cut_errors(root, &found, 0, cuts);
	}
	json_findings_done(&found);
	json_findings_done(&dropped);
	if (r == 0 || r == -ENOMEM)
		return r;
	if (*ret_cut < 0 || more < 0)
		return -ENOMEM;
	*ret_cut += more;
	return 0;
}

static int read_tree(struct json_object *root, const char *name, struct json_findings *findings,
		     struct json_cuts *cuts, struct spec **ret)
{
	int cut, r;

	do {
		r = read_once(root, name, findings, cuts, ret, &cut);
		if (r == 0 && !*ret && cut > 0)
			r = put_stand_ins(root);
	} while (r == 0 && !*ret && cut > 0);
	return r;
}

int spec_validate(const char *text, size_t size, const char *name, struct json_findings *findings,
		  struct json_cuts *cuts, struct spec **ret, struct error *err)
{
	auto_json root = NULL;
	int r;

	*ret = NULL;
	r = json_document_check(text, size, findings, &root, err);
	if (r == 0 && json_object_is_type(root, json_type_object))
		r = read_tree(root, name, findings, cuts, ret);
	else if (r == 0)
		json_findings_add(findings, JSON_ERROR, "", "expected an object");
	if (r == -ENOMEM || findings->out_of_memory) {
		spec_free(*ret);
		*ret = NULL;
		return error_oom(err);
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */

/* Edits of an engine's file: it stays valid, has what was set, and loses what is removed. */

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "install/json_edit.h"
#include "install/toml.h"
#include "util/array.h"
#include "util/error.h"

static const char *const paths[][4] = {
	{ "a", "b.c", "d", NULL },
	{ "plugins", "x", NULL },
	{ "version", NULL },
	{ "runtimes", "k", "path", NULL },
};

static void require_toml(const char *text, const char *const *path, bool wanted)
{
	struct error err;
	struct toml toml;

	fuzz_require(toml_parse("f", text, &toml, &err) == 0);
	fuzz_require((toml_find(&toml, path, false, NULL) != NULL) == wanted);
	toml_done(&toml);
}

static bool has_toml(const char *text, const char *const *path)
{
	struct error err;
	struct toml toml;
	bool found;

	fuzz_require(toml_parse("f", text, &toml, &err) == 0);
	found = toml_find(&toml, path, false, NULL);
	toml_done(&toml);
	return found;
}

static void edit_toml(const char *input, const char *const *path)
{
	char *text = strdup(input);
	struct error err;
	struct toml toml;
	bool had;

	fuzz_require(text);
	if (toml_parse("f", text, &toml, &err) < 0) {
		free(text);
		return;
	}
	toml_done(&toml);
	had = has_toml(text, path);
	if (toml_set("f", &text, path, "\"v\"", &err) == 0) {
		require_toml(text, path, true);
		/* Below a `[[header]]` the key may be there more than once. */
		if (!had && !strstr(input, "[["))
			fuzz_require(toml_remove("f", &text, path, false, &err) == 0);
		has_toml(text, path);
	}
	fuzz_require(toml_remove("f", &text, path, true, &err) == 0);
	has_toml(text, path);
	fuzz_require(toml_remove_empty("f", &text, paths[1], &err) == 0);
	has_toml(text, path);
	free(text);
}

static void edit_json(const char *input, const char *const *path)
{
	char *text = strdup(input), *string;
	struct strv strings = { 0 };
	struct error err;
	bool all;
	int had;

	fuzz_require(text);
	if (json_edit_check("f", text, &err) < 0) {
		free(text);
		return;
	}
	json_edit_strings("f", text, path, &strings, &all, &err);
	strv_done(&strings);
	if (json_edit_string("f", text, path, &string, &err) > 0)
		free(string);
	had = json_edit_find("f", text, path, NULL, &err);
	if (json_edit_set("f", &text, path, "{\n\t\"q\": 1\n}", &err) == 0) {
		fuzz_require(json_edit_check("f", text, &err) == 0);
		fuzz_require(json_edit_find("f", text, path, NULL, &err) == 1);
		fuzz_require(json_edit_remove("f", &text, path, &err) == 0);
		fuzz_require(json_edit_check("f", text, &err) == 0);
		fuzz_require(json_edit_find("f", text, path, NULL, &err) == 0);
	} else {
		fuzz_require(had <= 0);
	}
	free(text);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		edit_toml(text, paths[i]);
		edit_json(text, paths[i]);
	}
	free(text);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"
#include "util/path.h"
#include "util/printable.h"
#include "util/strv.h"
#include "util/utf8.h"

/* Nothing that a terminal acts on is left, whatever the size of the buffer is. */
static void check_copy(const uint8_t *data, size_t size, size_t room)
{
	char *out = malloc(room);
	size_t len = printable_copy(out, room, (const char *)data, size, "");

	fuzz_require(len < room && strlen(out) == len);
	for (size_t at = 0, bytes; at < len; at += bytes) {
		bytes = printable_length(out + at, len - at);
		fuzz_require(bytes > 0);
	}
	free(out);
}

/* What has been repaired has nothing to repair. */
static void check_utf8(const char *text)
{
	char *once = utf8_repair(text), *twice = utf8_repair(once);

	fuzz_require(strcmp(once, twice) == 0);
	free(once);
	free(twice);
}

static bool has_parent(const char *path)
{
	for (const char *part = path; part; part = strchr(part, '/')) {
		part += *part == '/';
		if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
			return true;
	}
	return false;
}

static void check_path(const char *text)
{
	char *once = strdup(text), *twice, rest[64];

	path_normalize(once);
	twice = strdup(once);
	path_normalize(twice);
	fuzz_require(strcmp(once, twice) == 0);
	fuzz_require((text[0] == '/') == (once[0] == '/'));
	if (text[0] == '/') {
		fuzz_require(path_is_same_place(text, once));
		if (path_below(text, "/a", rest, sizeof(rest)))
			fuzz_require(strlen(rest) < sizeof(rest) && rest[0] != '/' && !has_parent(rest));
	}
	free(once);
	free(twice);
}

/* Errors about the text keep their reason, however long it is. */
static void check_error(const char *text)
{
	struct error err = { 0 };

	error_sys(&err, -ENOENT, "open '%s'", text);
	fuzz_require_error(-ENOENT, &err);
	error_at(&err, -EINVAL, error_pointer("/%s/%zu", text, strlen(text)), "'%s' is unknown", text);
	fuzz_require_error(-EINVAL, &err);
	error_prefix(&err, "container '%s'", text);
	error_append(&err, "%s", text);
	error_rebase(&err, "/a");
	error_document(&err, "config.json");
	fuzz_require_error(-EINVAL, &err);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	for (size_t room = 1; room < 12; room++)
		check_copy(data, size, room);
	check_copy(data, size, 4 * size + 1);
	check_utf8(text);
	check_path(text);
	check_error(text);
	free(text);
}

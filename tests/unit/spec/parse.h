/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Shared by the tests of spec/: a small config.json in which one part is replaced. */

#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"

/* A row of a table: a part of the document, and the expected error's beginning or NULL. */
struct spec_row {
	const char *part, *expect;
};

/* @format has one %s, for the part. */
static inline int spec_of(const char *format, const char *part, struct spec **ret, struct error *err)
{
	size_t size = strlen(format) + strlen(part) + 1;
	char *text = malloc(size);
	int n, r;

	assert_non_null(text);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	n = snprintf(text, size, format, part);
#pragma GCC diagnostic pop
	r = spec_parse(text, (size_t)n, "config.json", ret, err);
	free(text);
	return r;
}

static inline void check_rows(const char *format, const struct spec_row *rows, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		struct spec *spec = NULL;
		struct error err = { 0 };
		int r = spec_of(format, rows[i].part, &spec, &err);

		if (rows[i].expect ? r >= 0 || !strstr(err.text, rows[i].expect) : r < 0)
			fail_msg("%s: %d '%s', expected '%s'", rows[i].part, r, err.text,
				 rows[i].expect ? rows[i].expect : "no error");
		if (r >= 0)
			spec_free(spec);
	}
}

#define CHECK_ROWS(format, rows) check_rows(format, rows, ARRAY_LEN(rows))

#define WITH_PROCESS(member)                                                                        \
	"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"linux\":{},\"process\":{\"cwd\":\"/" \
	"\",\"args\":[\"a\"]," member "}}"
#define WITH_LINUX(member) "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"linux\":{" member "}}"
#define WITH_TOP(member) "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"linux\":{}," member "}"

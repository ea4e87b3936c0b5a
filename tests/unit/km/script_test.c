/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "km/km.h"
#include "util/array.h"
#include "util/error.h"

static char dir[] = "/tmp/krun-unit-XXXXXX";

static void write_script(const char *name, const char *text)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* Returns "PATH: ARG ARG ..." or "! ERROR" for a script with content @text, called as "s a b". */
static const char *resolve(const char *text)
{
	static char out[4096];
	char path[64], *argv[] = { strdup("s"), strdup("a"), strdup("b"), NULL }, *found = NULL;
	struct error err = { 0 };
	struct strv list = { 0 };
	int fd, len;

	write_script("s", text);
	snprintf(path, sizeof(path), "%s/s", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (km_resolve_script(fd, path, argv, &found, &list, &err) < 0) {
		snprintf(out, sizeof(out), "! %s", err.text);
	} else {
		len = snprintf(out, sizeof(out), "%s:", found);
		for (size_t i = 0; i < list.len; i++)
			len += snprintf(out + len, sizeof(out) - (size_t)len, " %s", list.items[i]);
		strv_done(&list);
	}
	free(found);
	close(fd);
	unlink(path);
	for (size_t i = 0; argv[i]; i++)
		free(argv[i]);
	/* The name of the scratch directory is removed, so that texts can be compared. */
	for (char *at = out; (at = strstr(at, dir));)
		memmove(at, at + strlen(dir), strlen(at + strlen(dir)) + 1);
	return out;
}

static void test_lines(void **state)
{
	static const struct {
		const char *text, *expect;
	} rows[] = {
		{ "\x7f"
		  "ELF",
		  "/s: s a b" },
		{ "", "/s: s a b" },
		{ "#!/bin/sh\nx", "/bin/sh: /bin/sh /s a b" },
		{ "#! /bin/sh", "/bin/sh: /bin/sh /s a b" },
		{ "#!\t /bin/sh  -e  -u \nx", "/bin/sh: /bin/sh -e  -u /s a b" },
		{ "#!\n", "! exec: \"/s\": exec format error (no interpreter after #!)" },
		{ "#!/no/such/shell\n",
		  "! exec: \"/s\": interpreter /no/such/shell: no such file or directory" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcmp(resolve(rows[i].text), rows[i].expect) != 0)
			fail_msg("%s: '%s', expected '%s'", rows[i].text, resolve(rows[i].text),
				 rows[i].expect);
}

static void test_nested_interpreters(void **state)
{
	char line[128], name[3] = "i0", path[64];

	(void)state;
	snprintf(line, sizeof(line), "#!/bin/sh -x\n");
	write_script("i0", line);
	snprintf(line, sizeof(line), "#!%s/i0 y\n", dir);
	assert_string_equal(resolve(line), "/bin/sh: /bin/sh -x /i0 y /s a b");
	/* The kernel allows five nested interpreters, and so does krun. */
	for (char i = '1'; i <= '6'; i++) {
		name[1] = i;
		snprintf(line, sizeof(line), "#!%s/i%c\n", dir, i - 1);
		write_script(name, line);
	}
	snprintf(line, sizeof(line), "#!%s/i6\n", dir);
	assert_non_null(strstr(resolve(line), "! exec: \"/s\""));
	for (char i = '0'; i <= '6'; i++) {
		snprintf(path, sizeof(path), "%s/i%c", dir, i);
		unlink(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_nested_interpreters),
	};
	int failed;

	if (!mkdtemp(dir))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	return rmdir(dir) < 0 && !failed ? 1 : failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "km/km.h"
#include "spec/spec.h"
#include "util/array.h"

static void test_name_decides(void **state)
{
	static const struct {
		const char *argv0;
		enum program_name expect;
	} rows[] = {
		{ "krun", NAME_KM },
		{ "/usr/bin/krun", NAME_KM },
		{ "krun.old", NAME_KM },
		{ "krun2", NAME_KM },
		{ "krun-plainer", NAME_KM },
		{ "/a/krun-plain", NAME_PLAIN },
		{ "krun-label-trigger", NAME_LABEL_TRIGGER },
		{ "runc", NAME_PLAIN },
		{ "/krun/runc", NAME_PLAIN },
		{ "xkrun", NAME_PLAIN },
		{ "", NAME_PLAIN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (program_name_parse(rows[i].argv0) != rows[i].expect)
			fail_msg("'%s': %d", rows[i].argv0, program_name_parse(rows[i].argv0));
}

static enum mode choose(enum program_name name, const char *key, const char *value, int rootfs_fd)
{
	struct spec_pair pair = { key, value };
	const struct spec spec = { .annotations = &pair, .annotations_len = key ? 1 : 0 };

	enum mode mode;

	assert_int_equal(mode_choose(name, &spec, rootfs_fd, &mode), 0);
	return mode;
}

/* A root that cannot be looked into may have the mark: the container must not run without km then. */
static void test_the_mark_cannot_be_looked_for(void **state)
{
	const struct spec spec = { 0 };
	enum mode mode;

	(void)state;
	assert_int_equal(mode_choose(NAME_LABEL_TRIGGER, &spec, 12345, &mode), -EBADF);
}

static void test_annotations_and_the_mark_in_the_root(void **state)
{
	char dir[] = "/tmp/krun-unit-XXXXXX";
	int fd, mark;

	(void)state;
	assert_non_null(mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(choose(NAME_KM, NULL, NULL, -1), MODE_KM);
	assert_int_equal(choose(NAME_PLAIN, "app.kontain.version", "1", -1), MODE_PLAIN);
	assert_int_equal(choose(NAME_LABEL_TRIGGER, NULL, NULL, fd), MODE_PLAIN);
	assert_int_equal(choose(NAME_LABEL_TRIGGER, "app.kontain.version", "1", fd), MODE_KM);
	assert_int_equal(choose(NAME_LABEL_TRIGGER, "app.kontain.version", "2", fd), MODE_PLAIN);
	assert_int_equal(choose(NAME_KM, "io.kubernetes.cri.container-type", "sandbox", -1), MODE_PLAIN);
	assert_int_equal(choose(NAME_KM, "io.kubernetes.cri-o.ContainerType", "sandbox", -1), MODE_PLAIN);
	assert_int_equal(choose(NAME_KM, "io.kubernetes.cri.container-type", "container", -1), MODE_KM);
	mark = openat(fd, ".kontain", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(mark);
	assert_int_equal(choose(NAME_LABEL_TRIGGER, NULL, NULL, fd), MODE_KM);
	unlinkat(fd, ".kontain", 0);
	close(fd);
	rmdir(dir);
}

static void test_words(void **state)
{
	enum mode mode;
	enum km_start start;

	(void)state;
	assert_int_equal(mode_parse("km", &mode), 0);
	assert_int_equal(mode, MODE_KM);
	assert_string_equal(mode_word(MODE_PLAIN), "plain");
	assert_true(mode_parse("vm", &mode) < 0);
	assert_int_equal(km_start_parse("exec", &start), 0);
	assert_int_equal(start, KM_START_EXEC);
	assert_string_equal(km_start_word(KM_START_PAYLOAD), "payload");
	assert_true(km_start_parse("", &start) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name_decides),
		cmocka_unit_test(test_the_mark_cannot_be_looked_for),
		cmocka_unit_test(test_annotations_and_the_mark_in_the_root),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

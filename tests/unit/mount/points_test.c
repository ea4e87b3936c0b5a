/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mount/points.h"
#include "spec/spec.h"
#include "util/error.h"

static void test_table(void **state)
{
	struct mount_table table;

	(void)state;
	assert_int_equal(mount_table_parse("43 45 254:0 /b /with\\040blank\\134 rw - ext4 /dev/vda rw\n"
					   "44 43 0:40 / /proc rw,relatime master:3 - proc proc rw",
					   &table),
			 0);
	assert_int_equal(table.len, 2);
	assert_int_equal(table.rows[0].id, 43);
	assert_int_equal(table.rows[0].parent, 45);
	assert_int_equal(table.rows[0].major, 254);
	assert_string_equal(table.rows[0].point, "/with blank\\");
	assert_int_equal(table.rows[1].minor, 40);
	assert_string_equal(table.rows[1].point, "/proc");
	mount_table_done(&table);
	assert_int_equal(mount_table_parse("", &table), 0);
	assert_int_equal(table.len, 0);
	mount_table_done(&table);
	assert_int_equal(mount_table_parse("43 45 254:0 /b\n", &table), -EBADMSG);
	assert_int_equal(mount_table_parse("x\n", &table), -EBADMSG);
}

/* As many as fs.mount-max allows. Processor time, so that a busy machine is not taken for a slow reader. */
static void test_many_mounts_take_no_longer_each(void **state)
{
	enum { MOUNTS = 100000, LINE = 160, SECONDS = 5 };
	char *text = malloc((size_t)MOUNTS * LINE), *end = text;
	const clock_t start = clock();
	struct mount_table table;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < MOUNTS; i++)
		end += sprintf(end,
			       "%d 23 0:7 / /mnt/a/place/with/a/long/name/%d rw,nosuid,relatime shared:%d "
			       "master:1 - tmpfs tmpfs rw,size=64k,mode=755,inode64\n",
			       i, i, i);
	assert_int_equal(mount_table_parse(text, &table), 0);
	assert_int_equal(table.len, MOUNTS);
	assert_string_equal(table.rows[MOUNTS - 1].type, "tmpfs");
	assert_true((clock() - start) / CLOCKS_PER_SEC < SECONDS);
	mount_table_done(&table);
	free(text);
}

static struct spec *parse(const char *text)
{
	struct spec *spec;
	struct error err;

	assert_int_equal(spec_parse(text, strlen(text), "config.json", &spec, &err), 0);
	return spec;
}

static const char *path_of(const struct mount_pairs *pairs, const char *name)
{
	for (size_t i = 0; i < pairs->len; i++)
		if (strcmp(pairs->items[i].name, name) == 0)
			return pairs->items[i].path;
	return NULL;
}

static const char config[] =
	"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"mounts\":["
	"{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/usr\",\"options\":[\"rbind\"]},"
	"{\"destination\":\"/b\",\"type\":\"bind\",\"source\":\"bin\",\"options\":[\"bind\"]},"
	"{\"destination\":\"/t\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"},"
	"{\"destination\":\"/c\",\"type\":\"cgroup\",\"source\":\"cgroup\"}],"
	"\"linux\":{\"namespaces\":[{\"type\":\"mount\"}],\"devices\":[{\"path\":\"/dev/x\",\"type\":\"c\","
	"\"major\":1,\"minor\":3}]}}";

static void test_sources(void **state)
{
	struct spec *spec = parse(config);
	struct mount_pairs pairs;
	struct error err;
	int bundle_fd = open("/usr", O_PATH | O_DIRECTORY);

	(void)state;
	assert_int_equal(mount_sources_find(spec, bundle_fd, NULL, "/cg", false, &pairs, &err), 0);
	assert_string_equal(path_of(&pairs, "/a"), "/usr");
	assert_string_equal(path_of(&pairs, "/b"), "/usr/bin");
	assert_string_equal(path_of(&pairs, "/c"), "/cg");
	assert_string_equal(path_of(&pairs, "/dev/null"), "/dev/null");
	assert_string_equal(path_of(&pairs, "/dev/x"), "/dev/x");
	assert_null(path_of(&pairs, "/t"));
	mount_pairs_done(&pairs);
	/* With a cgroup namespace the cgroup file system is the container's own. */
	assert_int_equal(mount_sources_find(spec, bundle_fd, NULL, "/cg", true, &pairs, &err), 0);
	assert_null(path_of(&pairs, "/c"));
	mount_pairs_done(&pairs);
	close(bundle_fd);
	spec_free(spec);
}

/* A foreign checkpoint must not mount anything of the host that config.json does not name. */
static void test_what_a_checkpoint_asks_for_below(void **state)
{
	static const char *const asked[] = { "/a\t../etc", "/a\tbin", "/a\t/etc", "/a\tno/such", NULL };
	struct spec *spec = parse(config);
	int bundle_fd = open("/usr", O_PATH | O_DIRECTORY);

	(void)state;
	for (const char *const *line = asked; *line; line++) {
		char *below[] = { strdup(*line), NULL };
		struct mount_pairs pairs;
		struct error err;

		assert_true(mount_sources_find(spec, bundle_fd, below, "/cg", true, &pairs, &err) < 0);
		assert_non_null(strstr(err.text, "which the checkpoint has"));
		mount_pairs_done(&pairs);
		free(below[0]);
	}
	close(bundle_fd);
	spec_free(spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_many_mounts_take_no_longer_each),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_what_a_checkpoint_asks_for_below),
	};

	return cmocka_run_group_tests_name("points", tests, NULL, NULL);
}

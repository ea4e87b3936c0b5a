/* SPDX-License-Identifier: Apache-2.0 */
#include "parse.h"
#include "spec/place.h"

#include <linux/mount.h>
#include <sys/mount.h>

#include "spec/read.h"

static void test_mounts_good_and_bad(void **state)
{
	static const struct spec_row rows[] = {
		{ "{\"destination\":\"/a\",\"type\":\"tmpfs\"}", NULL },
		{ "{\"destination\":\"/a\",\"source\":\"/b\",\"options\":[\"rbind\"]}", NULL },
		{ "{\"type\":\"tmpfs\"}", "/mounts/0/destination: missing" },
		{ "{\"destination\":\"\",\"type\":\"tmpfs\"}", "/mounts/0/destination: empty" },
		{ "{\"destination\":\"/a\"}", "neither a type nor the option bind" },
		{ "{\"destination\":\"/a\",\"type\":\"bind\"}", "a bind mount needs a source" },
		{ "{\"destination\":\"/a\",\"type\":\"tmpfs\",\"options\":[1]}", "/mounts/0/options/0" },
		{ "{\"destination\":\"/a\",\"type\":\"tmpfs\",\"uidMappings\":[{\"containerID\":0}]}",
		  "/mounts/0/uidMappings" },
	};
	struct error err = { 0 };
	struct spec *spec;

	(void)state;
	CHECK_ROWS(WITH_TOP("\"mounts\":[%s]"), rows);
	assert_int_equal(spec_of(WITH_TOP("\"mounts\":[%s]"),
				 "{\"destination\":\"x/y\",\"type\":\"bind\",\"source\":\"s\"}", &spec, &err),
			 0);
	assert_string_equal(spec->mounts[0].destination, "/x/y");
	assert_true(spec->mounts[0].options.bind);
	assert_string_equal(spec->mounts[0].options.data, "");
	spec_free(spec);
}

struct option_row {
	const char *words[6];
	struct spec_mount_options expect;
};

static void test_every_kind_of_option(void **state)
{
	static const struct option_row rows[] = {
		{ { "ro" }, { .attr_set = MOUNT_ATTR_RDONLY } },
		{ { "ro", "rw" }, { .attr_clear = MOUNT_ATTR_RDONLY } },
		{ { "rw", "ro" }, { .attr_set = MOUNT_ATTR_RDONLY } },
		{ { "nosuid", "nodev", "noexec" },
		  { .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC } },
		{ { "noexec", "exec" }, { .attr_clear = MOUNT_ATTR_NOEXEC } },
		{ { "noatime" }, { .attr_set = MOUNT_ATTR_NOATIME, .attr_clear = MOUNT_ATTR__ATIME } },
		{ { "rro", "rnosuid" }, { .rec_attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID } },
		{ { "bind" }, { .bind = true } },
		{ { "rbind" }, { .bind = true, .recursive_bind = true } },
		{ { "rshared" }, { .propagation = MS_SHARED | MS_REC } },
		{ { "private" }, { .propagation = MS_PRIVATE } },
		{ { "sync", "lazytime" }, { .super_flags = MS_SYNCHRONOUS | MS_LAZYTIME } },
		{ { "tmpcopyup" }, { .copy_up = true } },
		{ { "remount" }, { .remount = true } },
		{ { "src-nofollow" }, { .source_nofollow = true } },
		{ { "copy-symlink" }, { .copy_symlink = true } },
		{ { "size=64k", "mode=755", "nosuid" },
		  { .attr_set = MOUNT_ATTR_NOSUID, .data = "size=64k,mode=755" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct spec_mount_options *expect = &rows[i].expect;
		struct arena arena = { 0 };
		struct error err = { 0 };
		struct json_reader reader = { .arena = &arena, .err = &err };
		struct spec_mount_options got = { 0 };

		assert_int_equal(spec_mount_options_make(&reader, (char **)(uintptr_t)rows[i].words, &got),
				 0);
		if (got.attr_set != expect->attr_set || got.rec_attr_set != expect->rec_attr_set ||
		    got.super_flags != expect->super_flags || got.propagation != expect->propagation ||
		    got.bind != expect->bind || got.recursive_bind != expect->recursive_bind ||
		    got.copy_up != expect->copy_up || got.remount != expect->remount ||
		    got.source_nofollow != expect->source_nofollow ||
		    got.copy_symlink != expect->copy_symlink ||
		    strcmp(got.data, expect->data ? expect->data : "") != 0)
			fail_msg("%s: set %llx rec %llx super %lx propagation %lx data '%s'",
				 rows[i].words[0], (unsigned long long)got.attr_set,
				 (unsigned long long)got.rec_attr_set, got.super_flags, got.propagation,
				 got.data);
		assert_true((got.attr_clear & expect->attr_clear) == expect->attr_clear);
		assert_false(got.attr_clear & got.attr_set & ~(uint64_t)MOUNT_ATTR__ATIME);
		arena_done(&arena);
	}
}

static void test_every_word_of_features_is_understood(void **state)
{
	(void)state;
	assert_non_null(spec_mount_option_word(60));
	for (size_t i = 0; spec_mount_option_word(i); i++) {
		char *words[] = { (char *)(uintptr_t)spec_mount_option_word(i), NULL };
		struct arena arena = { 0 };
		struct error err = { 0 };
		struct json_reader reader = { .arena = &arena, .err = &err };
		struct spec_mount_options got = { 0 };

		if (spec_mount_options_make(&reader, words, &got) < 0 || *got.data)
			fail_msg("%s: '%s' data '%s'", words[0], err.text, got.data);
		arena_done(&arena);
	}
}

#define MOUNT(destination, type) \
	"{\"destination\":\"" destination "\",\"type\":\"" type "\",\"source\":\"s\"}"

static void test_what_is_mounted_at_a_place(void **state)
{
	static const struct {
		const char *mounts, *path, *type;
	} rows[] = {
		{ MOUNT("/dev", "tmpfs"), "/dev", "tmpfs" },
		{ MOUNT("/dev/", "tmpfs"), "/dev", "tmpfs" },
		{ MOUNT("//dev", "tmpfs"), "/dev", "tmpfs" },
		{ MOUNT("/dev/.", "tmpfs"), "/dev", "tmpfs" },
		{ MOUNT("dev", "tmpfs"), "/dev", "tmpfs" },
		{ MOUNT("/../dev", "tmpfs"), "/dev", "tmpfs" },
		{ MOUNT("/x/../dev", "tmpfs"), "/dev", "tmpfs" },
		{ MOUNT("/dev", "tmpfs") "," MOUNT("/dev/./", "bind"), "/dev", "bind" },
		{ MOUNT("/dev/pts", "devpts") "," MOUNT("/devices", "tmpfs"), "/dev", NULL },
		/* A remount covers nothing. */
		{ MOUNT("/dev",
			"bind") ",{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"options\":[\"remount\"]}",
		  "/dev", "bind" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct spec_mount *mount;
		struct error err = { 0 };
		struct spec *spec = NULL;

		assert_int_equal(spec_of(WITH_TOP("\"mounts\":[%s]"), rows[i].mounts, &spec, &err), 0);
		mount = spec_mount_at(spec, rows[i].path);
		if (!rows[i].type)
			assert_null(mount);
		else
			assert_string_equal(mount ? mount->type : "nothing", rows[i].type);
		spec_free(spec);
	}
}

/* A look at each mount for each path would take minutes, and the test has half of one. */
static void test_a_place_is_found_among_very_many_mounts(void **state)
{
	enum { MANY = 20000 };
	static struct spec_mount mounts[MANY];
	static char destinations[MANY][16];
	struct spec spec = { .mounts = mounts, .mounts_len = MANY };

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		snprintf(destinations[i], sizeof(destinations[i]), "/m/%zu", i);
		mounts[i].destination = destinations[i];
	}
	assert_int_equal(spec_places_make(&spec), 0);
	for (size_t i = 0; i < MANY; i++)
		assert_ptr_equal(spec_mount_at(&spec, destinations[i]), &mounts[i]);
	assert_null(spec_mount_at(&spec, "/m"));
	arena_done(&spec.arena);
}

/* Every path in the container is normalised where it is read. */
static void test_paths_are_normalised(void **state)
{
	static const char text[] =
		"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"./r//\"},"
		"\"process\":{\"cwd\":\"//a/./b/\",\"args\":[\"a\"]},"
		"\"mounts\":[" MOUNT("//m//n/.", "tmpfs") "," MOUNT(
			"/l/../m", "tmpfs") "],"
					    "\"linux\":{\"maskedPaths\":[\"/proc//kcore/"
					    "\",\"sys\"],\"readonlyPaths\":[\"/proc/sys/.\"],"
					    "\"devices\":[{\"path\":\"/dev//mine/"
					    "\",\"type\":\"c\",\"major\":1,\"minor\":3}]}}";
	struct error err = { 0 };
	struct spec *spec = NULL;

	(void)state;
	assert_int_equal(spec_parse(text, strlen(text), "config.json", &spec, &err), 0);
	assert_string_equal(spec->rootfs, "r");
	assert_string_equal(spec->process->cwd, "/a/b");
	assert_string_equal(spec->mounts[0].destination, "/m/n");
	/* /l may be a symbolic link, so ".." stays. */
	assert_string_equal(spec->mounts[1].destination, "/l/../m");
	assert_string_equal(spec->masked_paths[0], "/proc/kcore");
	assert_string_equal(spec->masked_paths[1], "/sys");
	assert_null(spec->masked_paths[2]);
	assert_string_equal(spec->readonly_paths[0], "/proc/sys");
	assert_string_equal(spec->devices[0].path, "/dev/mine");
	spec_free(spec);
}

static void test_paths_that_are_none(void **state)
{
	static const struct spec_row rows[] = {
		{ "\"maskedPaths\":[\"/a\",\"\"]", "/linux/maskedPaths/1: empty" },
		{ "\"readonlyPaths\":[\"\"]", "/linux/readonlyPaths/0: empty" },
		{ "\"devices\":[{\"path\":\"/./\",\"type\":\"p\"}]",
		  "/linux/devices/0: '/' cannot be a device" },
	};

	(void)state;
	CHECK_ROWS(WITH_LINUX("%s"), rows);
}

static void test_ids_of_an_option(void **state)
{
	static const struct spec_row rows[] = {
		{ "idmap=uids=0-1000-10;gids=0-100-10", NULL },
		{ "ridmap=gids=0-100-10;uids=0-1-10#10-11-10", NULL },
		{ "idmap=uids=0-1000-10", "uidMappings and gidMappings go together" },
		{ "idmap=uids=0-1000;gids=0-1-1", "/mounts/0/options: range 1 is not FIRST-HOST-SIZE" },
		{ "idmap=uids=0-1-1#a-1-1;gids=0-1-1", "range 2 is not" },
		{ "idmap=uids=0-1-0;gids=0-1-1", "range 1 is not" },
		{ "idmap=uids=0-1-1-1;gids=0-1-1", "range 1 is not" },
		{ "idmap=uids=0-1-4294967296;gids=0-1-1", "range 1 is not" },
		{ "idmap=uids=0-1-5#3-9-5;gids=0-1-1", "overlap" },
		{ "idmap=users=0-1-5;gids=0-1-1", "'users=0-1-5': expected uids=RANGES;gids=RANGES" },
		{ "idmap=uids=@0-0-5;gids=0-1-1", "a range with @ is in no mapping" },
	};
	static const char text[] =
		"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":\"/"
		"\",\"args\":[\"a\"]},"
		"\"mounts\":[{\"destination\":\"/m\",\"type\":\"bind\",\"source\":\"s\",\"options\":"
		"[\"ridmap=uids=5-6-7#@20-1-9;gids=@0-10-2\"]}],\"linux\":{\"namespaces\":[{\"type\":"
		"\"user\"},"
		"{\"type\":\"mount\"}],\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1},"
		"{\"containerID\":1,\"hostID\":100000,\"size\":9}],"
		"\"gidMappings\":[{\"containerID\":0,\"hostID\":200000,\"size\":12}]}}";
	struct error err = { 0 };
	struct spec *spec = NULL;
	const struct spec_id_maps *maps;

	(void)state;
	CHECK_ROWS(WITH_TOP("\"mounts\":[{\"destination\":\"/m\",\"type\":\"bind\",\"source\":\"s\","
			    "\"options\":[\"%s\"]}]"),
		   rows);
	if (spec_parse(text, strlen(text), "config.json", &spec, &err) < 0)
		fail_msg("%s", err.text);
	maps = &spec->mounts[0].id_maps;
	assert_true(spec->mounts[0].options.idmap && spec->mounts[0].options.idmap_recursive);
	assert_int_equal(maps->uids_len, 2);
	assert_int_equal(maps->uids[0].container_id, 5);
	assert_int_equal(maps->uids[0].host_id, 6);
	assert_int_equal(maps->uids[0].size, 7);
	assert_int_equal(maps->uids[1].container_id, 20);
	assert_int_equal(maps->uids[1].host_id, 100000);
	assert_int_equal(maps->gids[0].host_id, 200010);
	spec_free(spec);
}

static void test_options_that_nobody_carries_out(void **state)
{
	static const struct {
		const char *mount, *unused;
	} rows[] = {
		{ "\"type\":\"bind\",\"options\":[\"ro\",\"rprivate\",\"nosuid\",\"async\",\"\",\"idmap=uids="
		  "0-1-1;gids=0-1-1\"]",
		  NULL },
		{ "\"type\":\"bind\",\"options\":[\"readonly\",\"ro\",\"size=1m\"]",
		  "'readonly' (did you mean 'ro'?), 'size=1m': without effect on a bind mount" },
		{ "\"type\":\"bind\",\"options\":[\"no-exec\"]",
		  "'no-exec' (did you mean 'noexec'?): without effect on a bind mount" },
		{ "\"options\":[\"sync\",\"rbind\",\"tmpcopyup\"]",
		  "'sync', 'tmpcopyup': without effect on a bind mount" },
		{ "\"type\":\"tmpfs\",\"options\":[\"sync\",\"tmpcopyup\",\"size=1m\",\"bogus\"]", NULL },
		{ "\"type\":\"tmpfs\",\"options\":[\"copy-symlink\"]",
		  "'copy-symlink': without effect on a tmpfs" },
		{ "\"type\":\"ext4\",\"options\":[\"tmpcopyup\"]", "'tmpcopyup': without effect on a ext4" },
		{ "\"type\":\"none\",\"options\":[\"remount\",\"ro\",\"size=1m\"]",
		  "'size=1m': without effect on a remount" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = { 0 };
		struct spec *spec = NULL;
		char mount[256];

		snprintf(mount, sizeof(mount), "{\"destination\":\"/m\",\"source\":\"s\",%s}", rows[i].mount);
		if (spec_of(WITH_TOP("\"mounts\":[%s]"), mount, &spec, &err) < 0)
			fail_msg("%s", err.text);
		assert_int_equal(spec->warnings.len, rows[i].unused != NULL);
		if (rows[i].unused)
			assert_non_null(strstr(spec->warnings.items[0].reason, rows[i].unused));
		spec_free(spec);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mounts_good_and_bad),
		cmocka_unit_test(test_every_kind_of_option),
		cmocka_unit_test(test_every_word_of_features_is_understood),
		cmocka_unit_test(test_what_is_mounted_at_a_place),
		cmocka_unit_test(test_a_place_is_found_among_very_many_mounts),
		cmocka_unit_test(test_ids_of_an_option),
		cmocka_unit_test(test_options_that_nobody_carries_out),
		cmocka_unit_test(test_paths_are_normalised),
		cmocka_unit_test(test_paths_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <string.h>

#include "install/install.h"
#include "util/array.h"
#include "util/error.h"

#define HEADER "# Written by 'krun install'; 'krun uninstall' removes it.\n"
#define CONTAINERD "/etc/containerd/config.toml"
#define CRI "plugins.\"io.containerd.grpc.v1.cri\".containerd"

enum { FILES_MAX = 8 };

/* A file system that has only these files. */
struct disk {
	struct {
		char path[96];
		char text[2048];
		bool is_there, was_there; /* now; before the installation */
		bool is_recorded;
		char before[2048];
	} files[FILES_MAX];
	size_t len;
	bool shared; /* what another runtime needs, too */
};

static void put(struct disk *disk, const char *path, const char *text)
{
	size_t i = 0;

	while (i < disk->len && strcmp(disk->files[i].path, path) != 0)
		i++;
	assert_true(i < FILES_MAX);
	disk->len = i == disk->len ? i + 1 : disk->len;
	strcpy(disk->files[i].path, path);
	disk->files[i].is_there = text;
	strcpy(disk->files[i].text, text ? text : "");
}

static const char *get(const struct disk *disk, const char *path)
{
	for (size_t i = 0; i < disk->len; i++)
		if (strcmp(disk->files[i].path, path) == 0 && disk->files[i].is_there)
			return disk->files[i].text;
	return NULL;
}

static int disk_read(void *context, const char *path, char **ret, struct error *err)
{
	const char *text = get(context, path);

	(void)err;
	*ret = text ? strdup(text) : NULL;
	return text != NULL;
}

static int disk_list(void *context, const char *path, struct strv *ret, struct error *err)
{
	const struct disk *disk = context;
	const size_t len = strlen(path);

	(void)err;
	for (size_t i = 0; i < disk->len; i++)
		if (strncmp(disk->files[i].path, path, len) == 0 && disk->files[i].path[len] == '/' &&
		    !strchr(disk->files[i].path + len + 1, '/') && disk->files[i].is_there)
			assert_int_equal(strv_add(ret, disk->files[i].path + len + 1), 0);
	return ret->len > 0;
}

static int disk_before(void *context, const char *path, char **ret, struct error *err)
{
	const struct disk *disk = context;

	(void)err;
	*ret = NULL;
	for (size_t i = 0; i < disk->len; i++) {
		if (strcmp(disk->files[i].path, path) != 0 || !disk->files[i].is_recorded)
			continue;
		*ret = disk->files[i].was_there ? strdup(disk->files[i].before) : NULL;
		return 1;
	}
	return 0;
}

static int disk_is_shared(void *context, const char *path, struct error *err)
{
	(void)path;
	(void)err;
	return ((const struct disk *)context)->shared;
}

/* Writes what is planned, and keeps what was there before an installation. */
static void write_plan(struct disk *disk, const struct install_plan *plan, bool remove)
{
	for (size_t i = 0; i < plan->len; i++) {
		const struct install_change *change = &plan->changes[i];

		put(disk, change->path, change->after);
		for (size_t j = 0; !remove && j < disk->len; j++) {
			if (strcmp(disk->files[j].path, change->path) != 0)
				continue;
			disk->files[j].is_recorded = true;
			disk->files[j].was_there = change->before;
			strcpy(disk->files[j].before, change->before ? change->before : "");
		}
	}
}

static struct install_request request_for(const char *engine, const char *name)
{
	return (struct install_request){
		.engine = install_engine_find(engine),
		.name = name,
		.program = strcmp(name, "krun-plain") == 0 ? "/usr/bin/krun-plain" : "/usr/bin/krun",
		.is_km = strcmp(name, "krun-plain") != 0,
	};
}

/* Returns the number of files that changed. */
static size_t run(struct disk *disk, const struct install_request *request, bool remove)
{
	const struct install_host host = { disk_read, disk_list, disk_before, disk_is_shared, disk };
	struct install_plan plan;
	struct error err;
	size_t len;

	if (install_plan(request, &host, remove, &plan, &err) < 0)
		fail_msg("%s", err.text);
	len = plan.len;
	write_plan(disk, &plan, remove);
	install_plan_done(&plan);
	return len;
}

static void refused(struct disk *disk, const struct install_request *request, bool remove, int code,
		    const char *expect)
{
	const struct install_host host = { disk_read, disk_list, disk_before, disk_is_shared, disk };
	struct install_plan plan;
	struct error err;

	assert_int_equal(install_plan(request, &host, remove, &plan, &err), code);
	assert_string_equal(err.text, expect);
	assert_int_equal(plan.len, 0);
}

static void check(const struct disk *disk, const char *path, const char *expect)
{
	const char *text = get(disk, path);

	if (!expect) {
		assert_null(text);
		return;
	}
	assert_non_null(text);
	assert_string_equal(text, expect);
}

/* ---- every engine ---------------------------------------------------------------------------- */

/* A second installation has nothing to do; after a removal there is no file, as before. */
static void test_without_files(void **state)
{
	(void)state;
	for (size_t i = 0; install_engines[i]; i++) {
		for (int with_default = 0; with_default < 2; with_default++) {
			struct install_request request = request_for(install_engines[i]->name, "krun");
			struct disk disk = { 0 };

			request.make_default = with_default && !install_engines[i]->no_default;
			assert_true(run(&disk, &request, false) > 0);
			assert_int_equal(run(&disk, &request, false), 0);
			assert_true(run(&disk, &request, true) > 0);
			assert_int_equal(run(&disk, &request, true), 0);
			for (size_t j = 0; j < disk.len; j++)
				assert_false(disk.files[j].is_there);
		}
	}
}

/* The second of two names stays when the first goes. */
static void test_two_names(void **state)
{
	static const char *const engines[] = { "docker", "podman", "containerd", "crio" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(engines); i++) {
		const struct install_request km = request_for(engines[i], "krun"),
					     plain = request_for(engines[i], "krun-plain");
		struct disk disk = { 0 };

		assert_true(run(&disk, &km, false) > 0);
		assert_true(run(&disk, &plain, false) > 0);
		assert_int_equal(run(&disk, &km, false), 0);
		assert_true(run(&disk, &km, true) > 0);
		assert_int_equal(run(&disk, &plain, false), 0);
		assert_int_equal(run(&disk, &km, true), 0);
		assert_true(run(&disk, &km, false) > 0);
	}
}

static void test_requests_that_do_not_fit(void **state)
{
	static char debug[] = "--debug", *const args[] = { debug, NULL };
	struct install_request request = request_for("crio", "krun");
	struct disk disk = { 0 };

	(void)state;
	request.args = args;
	refused(&disk, &request, false, -EINVAL,
		"--arg: CRI-O cannot hand arguments to a runtime; what they would set is set in "
		"/etc/krun/krun.json");
	request.args = NULL;
	request.user_config = "/of-user/.config";
	refused(&disk, &request, false, -EPERM,
		"CRI-O is root's: run this as root, or with --root DIR for an image");
	request = request_for("buildkit", "krun");
	request.make_default = true;
	refused(&disk, &request, false, -EINVAL,
		"--default: buildkitd has only one runtime, which krun is by 'krun install buildkit'");
	request = request_for("docker", "runc");
	refused(&disk, &request, false, -EINVAL, "--name 'runc': this is the name of another runtime");
	request = request_for("docker", "a/b");
	refused(&disk, &request, false, -EINVAL,
		"--name 'a/b': not up to 63 letters, digits, '.', '_' and '-'");
}

/* ---- docker ---------------------------------------------------------------------------------- */

#define DAEMON "/etc/docker/daemon.json"

static void test_docker(void **state)
{
	static char debug[] = "--debug",
		    level[] = "--log-level=debug", *const args[] = { debug, level, NULL };
	static const char before[] = "{\n\t\"z\": [1,2],\n\t\"default-runtime\": \"other\"\n}";
	struct install_request request = request_for("docker", "krun");
	struct disk disk = { 0 };

	(void)state;
	put(&disk, DAEMON, before);
	request.args = args;
	request.make_default = true;
	assert_int_equal(run(&disk, &request, false), 1);
	check(&disk, DAEMON,
	      "{\n\t\"z\": [1,2],\n\t\"default-runtime\": \"krun\",\n\t\"runtimes\": {\n\t\t\"krun\": {\n"
	      "\t\t\t\"path\": \"/usr/bin/krun\",\n\t\t\t\"runtimeArgs\": [\n\t\t\t\t\"--debug\",\n"
	      "\t\t\t\t\"--log-level=debug\"\n\t\t\t]\n\t\t}\n\t}\n}");
	/* Without --arg the arguments stay; the default was another, which it is again. */
	request.args = NULL;
	assert_int_equal(run(&disk, &request, false), 0);
	assert_int_equal(run(&disk, &request, true), 1);
	check(&disk, DAEMON, before);
}

static void test_docker_edited_meanwhile(void **state)
{
	const struct install_request request = request_for("docker", "krun");
	struct disk disk = { 0 };

	(void)state;
	put(&disk, DAEMON, "{ \"runtimes\": {} }");
	run(&disk, &request, false);
	check(&disk, DAEMON, "{ \"runtimes\": { \"krun\": { \"path\": \"/usr/bin/krun\" } } }");
	put(&disk, DAEMON,
	    "{ \"a\": 1, \"runtimes\": { \"krun\": { \"path\": \"/usr/bin/krun\" } },\n \"b\": 2 }");
	run(&disk, &request, true);
	/* The object was there, and stays. */
	check(&disk, DAEMON, "{ \"a\": 1, \"runtimes\": {},\n \"b\": 2 }");
}

static void test_docker_of_somebody_else(void **state)
{
	const struct install_request request = request_for("docker", "krun");
	struct disk disk = { 0 };

	(void)state;
	put(&disk, DAEMON, "{\"runtimes\": {\n\"krun\": {\"path\": \"/usr/bin/crun\"}}}");
	refused(&disk, &request, false, -EEXIST,
		DAEMON ":2:1: the runtime 'krun' is registered with another program, '/usr/bin/crun': take "
		       "another name (--name), or that entry out");
	refused(&disk, &request, true, -EEXIST,
		DAEMON ":2:1: the runtime 'krun' is registered with another program, '/usr/bin/crun': take "
		       "another name (--name), or that entry out");
	put(&disk, DAEMON, "{\"runtimes\": {\"krun\": {\"runtimeType\": \"x\"}}}");
	refused(&disk, &request, false, -EEXIST,
		DAEMON ":1:15: the runtime 'krun' is registered, but not as krun");
	/* An older krun at another place is krun's to remove, but not to change. */
	put(&disk, DAEMON, "{\"runtimes\": {\"krun\": {\"path\": \"/opt/krun\"}}}");
	refused(&disk, &request, false, -EEXIST,
		DAEMON ":1:15: the runtime 'krun' is registered with another program, '/opt/krun': take "
		       "another name (--name), or that entry out");
	assert_int_equal(run(&disk, &request, true), 1);
}

static void test_docker_arguments(void **state)
{
	static char both[] = "--log-level debug", *const args[] = { both, NULL };
	struct install_request request = request_for("docker", "krun");
	struct disk disk = { 0 };

	(void)state;
	request.args = args;
	refused(&disk, &request, false, -EINVAL,
		"--arg '--log-level debug': dockerd hands arguments through a shell without quotes, so that "
		"white space and signs of a shell are lost");
}

static void test_docker_of_a_user(void **state)
{
	struct install_request request = request_for("docker", "krun");
	struct disk disk = { 0 };

	(void)state;
	request.user_config = "/of-user/.config";
	run(&disk, &request, false);
	assert_non_null(get(&disk, "/of-user/.config/docker/daemon.json"));
	assert_null(get(&disk, DAEMON));
}

/* ---- podman ---------------------------------------------------------------------------------- */

#define DROP_IN "/etc/containers/containers.conf.d/50-krun.conf"

static void test_podman(void **state)
{
	struct install_request request = request_for("podman", "mine");
	struct disk disk = { 0 };

	(void)state;
	/* A list of an earlier file is continued, because a later one replaces it. */
	put(&disk, "/etc/containers/containers.conf",
	    "[engine]\nruntime_supports_json = [\"own\"]\nruntime = \"runc\"\n");
	request.make_default = true;
	assert_int_equal(run(&disk, &request, false), 1);
	check(&disk, DROP_IN,
	      HEADER
	      "\n[engine]\n"
	      "runtime_supports_json = [\"own\", \"crun\", \"runc\", \"kata\", \"runsc\", \"youki\", "
	      "\"krun\", \"krun-plain\", \"krun-label-trigger\", \"mine\"]\n"
	      "runtime_supports_nocgroup = [\"crun\", \"krun\", \"krun-plain\", "
	      "\"krun-label-trigger\", \"mine\"]\n"
	      "runtime_supports_kvm = [\"kata\", \"kata-runtime\", \"kata-qemu\", \"kata-fc\", \"krun\", "
	      "\"krun-label-trigger\", \"mine\"]\n"
	      "runtime = \"mine\"\n\n[engine.runtimes]\nmine = [\"/usr/bin/krun\"]\n");
	/* What somebody adds to the file stays. */
	put(&disk, DROP_IN,
	    HEADER "[engine]\nruntime_supports_json = [\"krun\"]\nevents_logger = \"file\"\n\n"
		   "[engine.runtimes]\nmine = [\"/usr/bin/krun\"]\n");
	assert_int_equal(run(&disk, &request, true), 1);
	check(&disk, DROP_IN, HEADER "[engine]\nevents_logger = \"file\"\n");
}

static void test_podman_of_somebody_else(void **state)
{
	const struct install_request request = request_for("podman", "krun");
	struct disk disk = { 0 };

	(void)state;
	put(&disk, "/etc/containers/containers.conf.d/10.conf",
	    "[engine.runtimes]\nkrun = [\"/usr/bin/crun-krun\"]\n");
	refused(&disk, &request, false, -EEXIST,
		"/etc/containers/containers.conf.d/10.conf:2:1: the runtime 'krun' is registered with "
		"another "
		"program, '/usr/bin/crun-krun': take another name (--name), or that entry out");
	put(&disk, "/etc/containers/containers.conf.d/10.conf", "[engine\n");
	refused(&disk, &request, false, -EINVAL,
		"/etc/containers/containers.conf.d/10.conf:1:8: expected ']'");
}

/* ---- containerd ------------------------------------------------------------------------------ */

static void test_containerd_2(void **state)
{
	static const char before[] = "version = 2\n\n[plugins]\n  [" CRI ".runtimes.runc.options]\n"
				     "    SystemdCgroup = true";
	struct install_request request = request_for("containerd", "krun");
	struct disk disk = { 0 };

	(void)state;
	put(&disk, CONTAINERD, before);
	request.make_default = true;
	/* krun.json, too. */
	assert_int_equal(run(&disk, &request, false), 2);
	check(&disk, CONTAINERD,
	      "version = 2\n\n[plugins]\n  [" CRI ".runtimes.runc.options]\n    SystemdCgroup = true\n\n"
	      "[" CRI ".runtimes.runc]\nruntime_type = \"io.containerd.runc.v2\"\n\n"
	      "[" CRI ".runtimes.krun]\nruntime_type = \"io.containerd.runc.v2\"\n\n"
	      "[" CRI ".runtimes.krun.options]\nBinaryName = \"/usr/bin/krun\"\nSystemdCgroup = true\n\n"
	      "[" CRI "]\ndefault_runtime_name = \"krun\"");
	check(&disk, "/etc/krun/krun.json", "{\n  \"allowSandbox\": true\n}\n");
	assert_int_equal(run(&disk, &request, true), 2);
	assert_null(get(&disk, "/etc/krun/krun.json"));
	check(&disk, CONTAINERD, before);
}

/* containerd 1 takes a plugin's table from the last file that has it. */
static void test_containerd_2_imports(void **state)
{
	const struct install_request request = request_for("containerd", "krun-plain");
	struct disk disk = { 0 };

	(void)state;
	put(&disk, CONTAINERD, "version = 2\nimports = [\"conf.d/*.toml\"]\n");
	put(&disk, "/etc/containerd/conf.d/a.toml", "[" CRI "]\nsnapshotter = \"native\"\n");
	put(&disk, "/etc/containerd/conf.d/b.toml", "[debug]\nlevel = \"info\"\n");
	assert_int_equal(run(&disk, &request, false), 1);
	assert_non_null(strstr(get(&disk, "/etc/containerd/conf.d/a.toml"), "runtimes.krun-plain.options]"));
	assert_int_equal(run(&disk, &request, false), 0);
	assert_int_equal(run(&disk, &request, true), 1);
	check(&disk, "/etc/containerd/conf.d/a.toml", "[" CRI "]\nsnapshotter = \"native\"\n");
}

static void test_containerd_3(void **state)
{
	const struct install_request request = request_for("containerd", "krun-plain");
	struct disk disk = { 0 };

	(void)state;
	put(&disk, CONTAINERD, "version = 3\nimports = ['/etc/containerd/conf.d/*.toml']\n");
	assert_int_equal(run(&disk, &request, false), 1);
	check(&disk, "/etc/containerd/conf.d/50-krun-plain.toml",
	      HEADER
	      "version = 3\n\n[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.krun-plain]\n"
	      "runtime_type = \"io.containerd.runc.v2\"\n\n"
	      "[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.krun-plain.options]\n"
	      "BinaryName = \"/usr/bin/krun-plain\"\n");
	assert_int_equal(run(&disk, &request, true), 1);
	assert_null(get(&disk, "/etc/containerd/conf.d/50-krun-plain.toml"));
	/* Without a directory of imports it is the main file. */
	put(&disk, CONTAINERD, "version = 3\n");
	assert_int_equal(run(&disk, &request, false), 1);
	assert_non_null(strstr(get(&disk, CONTAINERD), "BinaryName"));
}

static void test_containerd_that_cannot_be_used(void **state)
{
	const struct install_request request = request_for("containerd", "krun");
	struct disk disk = { 0 };

	(void)state;
	put(&disk, CONTAINERD, "# a\nroot = \"/x\"\n");
	refused(&disk, &request, false, -EINVAL,
		CONTAINERD ":2:1: this configuration is of version 1, in which krun cannot be registered; "
			   "'containerd config migrate' makes one of a later version");
	put(&disk, CONTAINERD, "disabled_plugins = [\"cri\"]\n");
	refused(&disk, &request, false, -EINVAL,
		CONTAINERD ":1:1: the CRI plugin is disabled here; remove it from the list first (ctr and "
			   "nerdctl need no registration: --runc-binary, --runtime)");
	put(&disk, CONTAINERD,
	    "version = 2\n[" CRI ".runtimes.krun.options]\nBinaryName = \"/usr/bin/crun\"\n");
	refused(&disk, &request, false, -EEXIST,
		CONTAINERD ":3:1: the runtime 'krun' is registered with another program, '/usr/bin/crun': "
			   "take another name (--name), or that entry out");
}

/* ---- CRI-O, buildkit, krun.json -------------------------------------------------------------- */

static void test_crio(void **state)
{
	struct install_request request = request_for("crio", "krun");
	struct disk disk = { 0 };

	(void)state;
	request.make_default = true;
	assert_int_equal(run(&disk, &request, false), 2);
	check(&disk, "/etc/crio/crio.conf.d/50-krun.conf",
	      HEADER
	      "\n[crio.runtime]\ndefault_runtime = \"krun\"\n\n[crio.runtime.runtimes.krun]\n"
	      "runtime_path = \"/usr/bin/krun\"\nruntime_type = \"oci\"\nruntime_root = \"/run/krun\"\n");
	put(&disk, "/etc/crio/crio.conf", "[crio.runtime.runtimes.other]\nruntime_path = \"/x\"\n");
	request = request_for("crio", "other");
	refused(&disk, &request, false, -EEXIST,
		"/etc/crio/crio.conf:2:1: the runtime 'other' is registered with another program, '/x': take "
		"another name (--name), or that entry out");
}

static void test_buildkit(void **state)
{
	static const char before[] = "debug = true\n[worker.oci]\n  enabled = true\n[worker.containerd]\n";
	const struct install_request request = request_for("buildkit", "krun");
	struct disk disk = { 0 };

	(void)state;
	put(&disk, "/etc/buildkit/buildkitd.toml", before);
	run(&disk, &request, false);
	check(&disk, "/etc/buildkit/buildkitd.toml",
	      "debug = true\n[worker.oci]\n  enabled = true\n  binary = \"/usr/bin/krun\"\n"
	      "[worker.containerd]\n");
	run(&disk, &request, true);
	check(&disk, "/etc/buildkit/buildkitd.toml", before);
}

static void test_krun_json(void **state)
{
	static const char before[] = "{ \"device\": \"kvm\" }\n";
	const struct install_request request = request_for("crio", "krun");
	struct disk disk = { 0 };

	(void)state;
	put(&disk, "/etc/krun/krun.json", before);
	run(&disk, &request, false);
	check(&disk, "/etc/krun/krun.json", "{ \"device\": \"kvm\", \"allowSandbox\": true }\n");
	/* Another runtime needs it. */
	disk.shared = true;
	assert_int_equal(run(&disk, &request, true), 1);
	check(&disk, "/etc/krun/krun.json", "{ \"device\": \"kvm\", \"allowSandbox\": true }\n");
	disk.shared = false;
	assert_int_equal(run(&disk, &request, true), 0);
	run(&disk, &request, false);
	/* That somebody has said no is respected. */
	memset(&disk, 0, sizeof(disk));
	put(&disk, "/etc/krun/krun.json", "{ \"allowSandbox\": false }\n");
	assert_int_equal(run(&disk, &request, false), 1);
	check(&disk, "/etc/krun/krun.json", "{ \"allowSandbox\": false }\n");
}

/* ---- the diff -------------------------------------------------------------------------------- */

static void test_diff(void **state)
{
	static const char *const texts[][3] = {
		{ "/a", "1\n2\n3\n4\n5\n6\n7\n", "1\n2\n3\n4\nx\n5\n6\n7\n" },
		{ "/b", "a\nb", "a\nc" },
		{ "/c", NULL, "new\n" },
		{ "/d", "old\n", NULL },
	};
	struct install_change changes[ARRAY_LEN(texts)];
	const struct install_plan plan = { .changes = changes, .len = ARRAY_LEN(changes) };
	char *diff;

	(void)state;
	/* The plan owns its texts, but a diff only reads them. */
	for (size_t i = 0; i < plan.len; i++)
		changes[i] = (struct install_change){ (char *)texts[i][0], (char *)texts[i][1],
						      (char *)texts[i][2] };
	diff = install_diff(&plan);
	assert_non_null(diff);
	assert_string_equal(diff,
			    "--- /a\n+++ /a\n@@ -2,6 +2,7 @@\n 2\n 3\n 4\n+x\n 5\n 6\n 7\n"
			    "--- /b\n+++ /b\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n"
			    "\\ No newline at end of file\n"
			    "--- /dev/null\n+++ /c\n@@ -0,0 +1,1 @@\n+new\n"
			    "--- /d\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-old\n");
	free(diff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_files),
		cmocka_unit_test(test_two_names),
		cmocka_unit_test(test_requests_that_do_not_fit),
		cmocka_unit_test(test_docker),
		cmocka_unit_test(test_docker_edited_meanwhile),
		cmocka_unit_test(test_docker_of_somebody_else),
		cmocka_unit_test(test_docker_arguments),
		cmocka_unit_test(test_docker_of_a_user),
		cmocka_unit_test(test_podman),
		cmocka_unit_test(test_podman_of_somebody_else),
		cmocka_unit_test(test_containerd_2),
		cmocka_unit_test(test_containerd_2_imports),
		cmocka_unit_test(test_containerd_3),
		cmocka_unit_test(test_containerd_that_cannot_be_used),
		cmocka_unit_test(test_crio),
		cmocka_unit_test(test_buildkit),
		cmocka_unit_test(test_krun_json),
		cmocka_unit_test(test_diff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

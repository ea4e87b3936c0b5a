/* SPDX-License-Identifier: Apache-2.0 */

/* `features`, features.md of the runtime specification: what this build supports, independent of the host. */

#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/version.h"
#include "json/make.h"
#include "km/km.h"
#include "km/requirements.h"
#include "krun/annotations.h"
#include "security/security.h"
#include "spec/spec.h"
#include "util/cleanup.h"
#include "util/error.h"

static void put_words(struct json_maker *maker, struct json_object *object, const char *key,
		      const char *const *list)
{
	json_append_texts(maker, json_put_array(maker, object, key), list);
}

static void put_mount_options(struct json_maker *maker, struct json_object *root)
{
	struct json_object *array = json_put_array(maker, root, "mountOptions");
	const char *word;

	for (size_t i = 0; (word = spec_mount_option_word(i)); i++)
		json_append_text(maker, array, word);
}

static void put_hooks(struct json_maker *maker, struct json_object *root)
{
	struct json_object *array = json_put_array(maker, root, "hooks");

	for (int kind = 0; kind < HOOK_KIND_COUNT; kind++)
		json_append_text(maker, array, hook_kind_name(kind));
}

static void put_capabilities(struct json_maker *maker, struct json_object *object)
{
	struct json_object *array = json_put_array(maker, object, "capabilities");
	const char *name;

	for (int number = 0; (name = caps_name(number)); number++)
		json_append_text(maker, array, name);
}

/* Adds a member that says that it is enabled, and returns it. */
static struct json_object *put_enabled(struct json_maker *maker, struct json_object *object, const char *key)
{
	struct json_object *value = json_put_object(maker, object, key);

	json_put_bool(maker, value, "enabled", true);
	return value;
}

static void put_cgroup(struct json_maker *maker, struct json_object *object)
{
	struct json_object *cgroup = json_put_object(maker, object, "cgroup");

	json_put_bool(maker, cgroup, "v1", false);
	json_put_bool(maker, cgroup, "v2", true);
	json_put_bool(maker, cgroup, "systemd", cgroup_systemd_is_built_in());
	json_put_bool(maker, cgroup, "systemdUser", cgroup_systemd_is_built_in());
	json_put_bool(maker, cgroup, "rdma", true);
}

static void put_seccomp(struct json_maker *maker, struct json_object *object)
{
	/* SECCOMP_FILTER_FLAG_NEW_LISTENER is not listed: krun sets it itself if there is a listenerPath. */
	struct json_object *seccomp = put_enabled(maker, object, "seccomp");

	put_words(maker, seccomp, "actions", spec_seccomp_actions);
	put_words(maker, seccomp, "operators", spec_seccomp_operators);
	put_words(maker, seccomp, "archs", spec_seccomp_architectures);
	put_words(maker, seccomp, "knownFlags", spec_seccomp_flags);
	put_words(maker, seccomp, "supportedFlags", spec_seccomp_flags);
}

static void put_intel_rdt(struct json_maker *maker, struct json_object *object)
{
	struct json_object *rdt = put_enabled(maker, object, "intelRdt");

	json_put_bool(maker, rdt, "schemata", true);
	json_put_bool(maker, rdt, "monitoring", true);
}

static void put_memory_policy(struct json_maker *maker, struct json_object *object)
{
	struct json_object *policy = json_put_object(maker, object, "memoryPolicy");

	put_words(maker, policy, "modes", spec_memory_policy_modes);
	put_words(maker, policy, "flags", spec_memory_policy_flags);
}

/* Annotations, or prefixes of them, that an engine must not let untrusted users set. */
static void put_unsafe_annotations(struct json_maker *maker, struct json_object *root)
{
	static const char *const list[] = {
		KRUN_ANNOTATION_TRIGGER,
		KRUN_ANNOTATION_CRI_KIND,
		KRUN_ANNOTATION_CRIO_KIND,
		"run.oci.",
		KRUN_ANNOTATION_SYSTEMD_PROPERTY,
		KRUN_ANNOTATION_SETTING,
		"org.criu.",
		NULL,
	};

	put_words(maker, root, "potentiallyUnsafeConfigAnnotations", list);
}

static void put_linux(struct json_maker *maker, struct json_object *root)
{
	struct json_object *object = json_put_object(maker, root, "linux");

	put_words(maker, object, "namespaces", spec_namespace_words);
	put_capabilities(maker, object);
	put_cgroup(maker, object);
	put_seccomp(maker, object);
	put_enabled(maker, object, "apparmor");
	put_enabled(maker, object, "selinux");
	put_intel_rdt(maker, object);
	put_memory_policy(maker, object);
	put_enabled(maker, json_put_object(maker, object, "mountExtensions"), "idmap");
	put_enabled(maker, object, "netDevices");
}

/* An annotation is a text, so a list is one, too: of a JSON array. */
static void put_list(struct json_maker *maker, struct json_object *object, const char *key,
		     const struct strv *list)
{
	auto_json array = NULL;
	auto_free char *text = NULL;

	if (list->len == 0)
		return;
	array = json_make_array(maker);
	json_append_texts(maker, array, (const char *const *)list->items);
	text = json_make_text(maker, array, JSON_COMPACT);
	json_put(maker, object, key, text ? json_make_text_value(maker, text) : NULL);
}

/*
 * Adds the host's settings of km that differ from the defaults, and those that containers may set. Plain mode
 * has none.
 */
static int put_settings(struct json_maker *maker, struct json_object *object, const struct cli *cli,
			struct error *err)
{
	struct km_settings settings;
	struct strv list = { 0 }, allowed = { 0 }, vm = { 0 };
	struct error ignored;
	int r;

	if (cli->runtime.name == NAME_PLAIN || km_check_processor(&ignored) < 0)
		return 0;
	r = km_settings_load(cli->runtime.config_file, &settings, err);
	if (r < 0)
		return r;
	r = km_settings_differing(&settings, &list, err);
	if (r == 0)
		r = km_settings_allowed(&settings, &allowed, err);
	if (r == 0)
		r = km_settings_vm_allowed(&settings, &vm, err);
	for (size_t i = 0; r == 0 && i < list.len; i++) {
		char *value = strchr(list.items[i], '=');
		char key[128];

		*value++ = '\0';
		snprintf(key, sizeof(key), "%s%s", KRUN_ANNOTATION_SETTING, list.items[i]);
		json_put_text(maker, object, key, value);
	}
	if (r == 0)
		put_list(maker, object, KRUN_ANNOTATION_SETTING "allowAnnotations", &allowed);
	if (r == 0)
		put_list(maker, object, KRUN_ANNOTATION_SETTING "allowVm", &vm);
	strv_done(&list);
	strv_done(&allowed);
	strv_done(&vm);
	km_settings_done(&settings);
	return r;
}

static int put_annotations(struct json_maker *maker, struct json_object *root, const struct cli *cli,
			   struct error *err)
{
	const struct scmp_version *library = seccomp_version();
	struct json_object *object = json_put_object(maker, root, "annotations");
	char text[32];

	snprintf(text, sizeof(text), "%u.%u.%u", library->major, library->minor, library->micro);
	json_put_text(maker, object, "io.github.seccomp.libseccomp.version", text);
	json_put_text(maker, object, KRUN_ANNOTATION_VERSION, KRUN_VERSION);
	json_put_text(maker, object, KRUN_ANNOTATION_COMMIT, KRUN_COMMIT);
	json_put_text(maker, object, "org.opencontainers.runc.checkpoint.enabled", "true");
	return put_settings(maker, object, cli, err);
}

static int run_features(struct cli *cli, void *options, struct error *err)
{
	struct json_maker maker = { 0 };
	auto_json root = json_make_object(&maker);
	auto_free char *text = NULL;
	int r;

	(void)options;
	json_put_text(&maker, root, "ociVersionMin", "1.0.0");
	json_put_text(&maker, root, "ociVersionMax", SPEC_VERSION);
	put_hooks(&maker, root);
	put_mount_options(&maker, root);
	put_linux(&maker, root);
	r = put_annotations(&maker, root, cli, err);
	if (r < 0)
		return r;
	put_unsafe_annotations(&maker, root);
	text = json_make_text(&maker, root, JSON_PRETTY);
	return text ? command_print(text, err) : error_oom(err);
}

const struct command command_features = {
	.name = "features",
	.summary = "print what krun can do, as JSON",
	.run = run_features,
};

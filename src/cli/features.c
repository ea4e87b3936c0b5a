/* SPDX-License-Identifier: Apache-2.0 */

/* `features`, features.md of the runtime specification: what this build supports, independent of the host. */

#include <json-c/json.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/version.h"
#include "km/km.h"
#include "km/requirements.h"
#include "krun/annotations.h"
#include "security/security.h"
#include "spec/spec.h"
#include "util/cleanup.h"
#include "util/error.h"

static struct json_object *words(const char *const *list)
{
	struct json_object *array = json_object_new_array();

	for (; *list; list++)
		json_object_array_add(array, json_object_new_string(*list));
	return array;
}

static struct json_object *mount_options(void)
{
	struct json_object *array = json_object_new_array();
	const char *word;

	for (size_t i = 0; (word = spec_mount_option_word(i)); i++)
		json_object_array_add(array, json_object_new_string(word));
	return array;
}

static struct json_object *hooks(void)
{
	struct json_object *array = json_object_new_array();

	for (int kind = 0; kind < HOOK_KIND_COUNT; kind++)
		json_object_array_add(array, json_object_new_string(hook_kind_name(kind)));
	return array;
}

static struct json_object *capabilities(void)
{
	struct json_object *array = json_object_new_array();
	const char *name;

	for (int number = 0; (name = caps_name(number)); number++)
		json_object_array_add(array, json_object_new_string(name));
	return array;
}

static void add_bool(struct json_object *object, const char *key, bool value)
{
	json_object_object_add(object, key, json_object_new_boolean(value));
}

static struct json_object *enabled(bool value)
{
	struct json_object *object = json_object_new_object();

	add_bool(object, "enabled", value);
	return object;
}

static struct json_object *cgroup(void)
{
	struct json_object *object = json_object_new_object();

	add_bool(object, "v1", false);
	add_bool(object, "v2", true);
	add_bool(object, "systemd", cgroup_systemd_is_built_in());
	add_bool(object, "systemdUser", cgroup_systemd_is_built_in());
	add_bool(object, "rdma", true);
	return object;
}

static struct json_object *seccomp(void)
{
	/* SECCOMP_FILTER_FLAG_NEW_LISTENER is not listed: krun sets it itself if there is a listenerPath. */
	struct json_object *object = enabled(true);

	json_object_object_add(object, "actions", words(spec_seccomp_actions));
	json_object_object_add(object, "operators", words(spec_seccomp_operators));
	json_object_object_add(object, "archs", words(spec_seccomp_architectures));
	json_object_object_add(object, "knownFlags", words(spec_seccomp_flags));
	json_object_object_add(object, "supportedFlags", words(spec_seccomp_flags));
	return object;
}

static struct json_object *intel_rdt(void)
{
	struct json_object *object = enabled(true);

	add_bool(object, "schemata", true);
	add_bool(object, "monitoring", true);
	return object;
}

static struct json_object *memory_policy(void)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "modes", words(spec_memory_policy_modes));
	json_object_object_add(object, "flags", words(spec_memory_policy_flags));
	return object;
}

/* Annotations, or prefixes of them, that an engine must not let untrusted users set. */
static struct json_object *unsafe_annotations(void)
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

	return words(list);
}

static struct json_object *linux_object(void)
{
	struct json_object *object = json_object_new_object(), *mounts = json_object_new_object();

	json_object_object_add(object, "namespaces", words(spec_namespace_words));
	json_object_object_add(object, "capabilities", capabilities());
	json_object_object_add(object, "cgroup", cgroup());
	json_object_object_add(object, "seccomp", seccomp());
	json_object_object_add(object, "apparmor", enabled(true));
	json_object_object_add(object, "selinux", enabled(true));
	json_object_object_add(object, "intelRdt", intel_rdt());
	json_object_object_add(object, "memoryPolicy", memory_policy());
	json_object_object_add(mounts, "idmap", enabled(true));
	json_object_object_add(object, "mountExtensions", mounts);
	json_object_object_add(object, "netDevices", enabled(true));
	return object;
}

static void add_list(struct json_object *object, const char *key, const struct strv *list)
{
	struct json_object *array;

	if (list->len == 0)
		return;
	array = words((const char *const *)list->items);
	json_object_object_add(
		object, key,
		json_object_new_string(json_object_to_json_string_ext(array, JSON_C_TO_STRING_PLAIN)));
	json_object_put(array);
}

/*
 * Adds the host's settings of km that differ from the defaults, and those that containers may set. Plain mode
 * has none.
 */
static int add_settings(struct json_object *object, const struct cli *cli, struct error *err)
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
		json_object_object_add(object, key, json_object_new_string(value));
	}
	if (r == 0)
		add_list(object, KRUN_ANNOTATION_SETTING "allowAnnotations", &allowed);
	if (r == 0)
		add_list(object, KRUN_ANNOTATION_SETTING "allowVm", &vm);
	strv_done(&list);
	strv_done(&allowed);
	strv_done(&vm);
	km_settings_done(&settings);
	return r;
}

static struct json_object *annotations(void)
{
	const struct scmp_version *library = seccomp_version();
	struct json_object *object = json_object_new_object();
	char text[32];

	snprintf(text, sizeof(text), "%u.%u.%u", library->major, library->minor, library->micro);
	json_object_object_add(object, "io.github.seccomp.libseccomp.version", json_object_new_string(text));
	json_object_object_add(object, KRUN_ANNOTATION_VERSION, json_object_new_string(KRUN_VERSION));
	json_object_object_add(object, KRUN_ANNOTATION_COMMIT, json_object_new_string(KRUN_COMMIT));
	json_object_object_add(object, "org.opencontainers.runc.checkpoint.enabled",
			       json_object_new_string("true"));
	return object;
}

static int run_features(struct cli *cli, void *options, struct error *err)
{
	struct json_object *root = json_object_new_object(), *notes = annotations();
	auto_free char *line = NULL;
	int r = add_settings(notes, cli, err);

	(void)options;
	if (r < 0) {
		json_object_put(notes);
		json_object_put(root);
		return r;
	}
	json_object_object_add(root, "ociVersionMin", json_object_new_string("1.0.0"));
	json_object_object_add(root, "ociVersionMax", json_object_new_string(SPEC_VERSION));
	json_object_object_add(root, "hooks", hooks());
	json_object_object_add(root, "mountOptions", mount_options());
	json_object_object_add(root, "linux", linux_object());
	json_object_object_add(root, "annotations", notes);
	json_object_object_add(root, "potentiallyUnsafeConfigAnnotations", unsafe_annotations());
	if (asprintf(&line, "%s\n",
		     json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
								  JSON_C_TO_STRING_NOSLASHESCAPE)) < 0)
		line = NULL;
	r = line ? command_print(line, err) : error_oom(err);
	json_object_put(root);
	return r;
}

const struct command command_features = {
	.name = "features",
	.summary = "print what krun can do, as JSON",
	.run = run_features,
};

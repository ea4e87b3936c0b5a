/* SPDX-License-Identifier: Apache-2.0 */
#include "km/trust.h"

#include <string.h>

#include "json/findings.h"
#include "km/settings.h"
#include "km/settings_table.h"
#include "krun/annotations.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"
#include "util/log.h"
#include "util/strv.h"

/* The values with which an annotation has an effect. */
enum when { ALWAYS, NOT_EMPTY, NOT_FALSE, SANDBOX };

static const struct rule {
	const char *annotation;
	enum when when;
	enum km_key key;
	bool is_prefix;
} rules[] = {
	{ KRUN_ANNOTATION_CRI_KIND, SANDBOX, KM_KEY_ALLOW_SANDBOX, false },
	{ KRUN_ANNOTATION_CRIO_KIND, SANDBOX, KM_KEY_ALLOW_SANDBOX, false },
	{ KRUN_ANNOTATION_HOOKS_STDOUT, NOT_EMPTY, KM_KEY_ALLOW_HOOKS_OUTPUT, false },
	{ KRUN_ANNOTATION_HOOKS_STDERR, NOT_EMPTY, KM_KEY_ALLOW_HOOKS_OUTPUT, false },
	{ KRUN_ANNOTATION_PIDFD_RECEIVER, NOT_EMPTY, KM_KEY_ALLOW_PIDFD_RECEIVER, false },
	{ KRUN_ANNOTATION_SECCOMP_RECEIVER, NOT_EMPTY, KM_KEY_ALLOW_SECCOMP_RECEIVER, false },
	{ KRUN_ANNOTATION_KEEP_GROUPS, NOT_FALSE, KM_KEY_ALLOW_KEEP_GROUPS, false },
	{ KRUN_ANNOTATION_SYSTEMD_PROPERTY, ALWAYS, KM_KEY_ALLOW_SYSTEMD_PROPERTIES, true },
	{ KRUN_ANNOTATION_CRIU_CONFIG, ALWAYS, KM_KEY_ALLOW_CRIU_CONFIG, false },
};

static bool acts(enum when when, const char *value)
{
	switch (when) {
	case NOT_EMPTY:
		return *value;
	case NOT_FALSE:
		return strcmp(value, "0") != 0 && strcmp(value, "false") != 0;
	case SANDBOX:
		return strcmp(value, "sandbox") == 0;
	case ALWAYS:
	default:
		return true;
	}
}

/* The rule of an annotation that has an effect and needs a key, else NULL. */
static const struct rule *rule_of(const struct spec_pair *pair)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		const struct rule *rule = &rules[i];
		const bool is_it = rule->is_prefix ? strncmp(pair->key, rule->annotation,
							     strlen(rule->annotation)) == 0 :
						     strcmp(pair->key, rule->annotation) == 0;

		if (is_it)
			return acts(rule->when, pair->value) ? rule : NULL;
	}
	return NULL;
}

static bool needs_host_file(const struct spec *spec, bool plain)
{
	for (size_t i = 0; i < spec->annotations_len; i++) {
		const struct rule *rule = rule_of(&spec->annotations[i]);

		/* In plain mode a sandbox annotation has no VM to take away. */
		if (rule && !(plain && rule->when == SANDBOX))
			return true;
	}
	return false;
}

static void tell(const struct spec *spec, const struct spec_pair *pair, const char *key, const char *file,
		 struct json_findings *findings)
{
	struct json_findings own = { 0 };

	if (pair->refused)
		json_findings_add(findings ? findings : &own, JSON_WARNING,
				  error_pointer("/annotations/%s", pair->key),
				  "not heeded, because this host does not allow it: \"%s\" in %s is not true",
				  key, file);
	else if (!findings)
		log_record(LOG_LEVEL_INFO, NULL,
			   "%s: /annotations/%s: '%s' is heeded, as \"%s\" in %s allows", spec->document,
			   pair->key, pair->value, key, file);
	json_findings_warn(&own, spec->document, "");
	json_findings_done(&own);
}

static int choose(const struct km_settings *settings, struct spec *spec, struct json_findings *findings,
		  struct strv *ret, struct error *err)
{
	for (size_t i = 0; i < spec->annotations_len; i++) {
		struct spec_pair *pair = &spec->annotations[i];
		const struct rule *rule = rule_of(pair);
		const char *key;

		if (!rule)
			continue;
		key = km_settings_table[rule->key].key;
		pair->refused = !settings->trust[rule->key - KM_KEY_ALLOW_SANDBOX];
		tell(spec, pair, key, settings->file, findings);
		if (!pair->refused && !(ret->items && strv_contains(ret->items, key)) &&
		    strv_add(ret, key) < 0)
			return error_oom(err);
	}
	return 0;
}

int km_trust_choose(const char *config_file, bool plain, struct spec *spec, struct json_findings *findings,
		    struct strv *ret, struct error *err)
{
	struct km_settings settings;
	int r;

	if (!needs_host_file(spec, plain))
		return 0;
	r = km_settings_load(config_file, &settings, err);
	if (r < 0)
		return r;
	r = choose(&settings, spec, findings, ret, err);
	km_settings_done(&settings);
	return r;
}

void km_trust_apply(struct spec *spec, const struct strv *keys)
{
	for (size_t i = 0; i < spec->annotations_len; i++) {
		const struct rule *rule = rule_of(&spec->annotations[i]);

		if (rule)
			spec->annotations[i].refused =
				!keys->items || !strv_contains(keys->items, km_settings_table[rule->key].key);
	}
}

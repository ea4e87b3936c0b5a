/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "km/settings.h"
#include "km/settings_value.h"
#include "km/trust.h"
#include "spec/spec.h"
#include "util/error.h"

static void check_texts(const struct km_settings *settings)
{
	static int (*const texts[])(const struct km_settings *, struct strv *,
				    struct error *) = { km_settings_differing, km_settings_allowed,
							km_settings_vm_allowed };
	struct strv words = { 0 };
	struct error err;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		fuzz_require(texts[i](settings, &words, &err) == 0);
		strv_done(&words);
		words = (struct strv){ 0 };
	}
	fuzz_require(km_settings_options(settings, false, &words, &err) == 0);
	strv_done(&words);
}

static void apply(struct km_settings *settings, const char *path, const char *config)
{
	struct spec *spec = NULL;
	struct strv trusted = { 0 };
	struct error err;

	if (spec_parse(config, strlen(config), "config.json", &spec, &err) < 0)
		return;
	fuzz_require_error(km_settings_apply(settings, spec, &err), &err);
	fuzz_require_error(km_trust_choose(path, false, spec, NULL, &trusted, &err), &err);
	km_trust_apply(spec, &trusted);
	strv_done(&trusted);
	spec_free(spec);
}

/* The settings of the host, and a config.json whose "vm" and annotations come on top. */
void fuzz_one(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *parts[2], path[PATH_MAX + 16];
	struct json_findings findings = { 0 };
	struct km_settings settings, some;
	struct error err;
	bool wrong = false;
	int r;

	fuzz_split(text, parts, 2);
	fuzz_file("krun.json", parts[0], strlen(parts[0]));
	snprintf(path, sizeof(path), "%s/krun.json", fuzz_directory_path());
	/* `validate --host-config` finds something exactly when a command would fail. */
	fuzz_require(km_settings_read(path, &findings, &some, &err) == 0);
	km_settings_done(&some);
	for (size_t i = 0; i < findings.len; i++)
		wrong |= findings.items[i].severity <= JSON_UNSUPPORTED;
	json_findings_done(&findings);
	r = km_settings_load(path, &settings, &err);
	fuzz_require_error(r, &err);
	fuzz_require(wrong == (r < 0));
	if (r == 0) {
		check_texts(&settings);
		apply(&settings, path, parts[1]);
		km_settings_done(&settings);
	}
	free(text);
}

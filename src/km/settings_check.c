/* SPDX-License-Identifier: Apache-2.0 */

/* `validate --host-config`: finds everything that is wrong with krun.json. */

#include "km/settings.h"

#include <sys/stat.h>

#include "json/fields.h"
#include "km/exceptions.h"
#include "km/requirements.h"
#include "km/km.h"
#include "km/settings_value.h"
#include "util/error.h"

static void add_error(struct json_findings *findings, enum json_severity severity, const char *pointer,
		      struct error *found)
{
	error_place(found, pointer);
	json_findings_add_error(findings, severity, found);
}

static void check_directory(const char *path, struct json_findings *findings)
{
	struct stat st;

	if (!path || (stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
		return;
	json_findings_add(findings, JSON_ERROR, "/snapshotDirectory", "'%s' is not a directory", path);
}

static void check_exceptions_file(const char *path, struct json_findings *findings)
{
	struct km_settings settings = { .exceptions = KM_EXCEPTIONS_HOST,
					.exceptions_file = (char *)(uintptr_t)path };
	struct km_exceptions list;
	struct error found;

	if (!path)
		return;
	if (km_exceptions_load(-1, 0, &settings, &list, &found) < 0)
		add_error(findings, JSON_ERROR, "/exceptionsFile", &found);
	km_exceptions_done(&list);
}

/* On a processor that km does not run on, nothing else of km is checked. */
static void check_km(const struct km_settings *settings, struct json_findings *findings)
{
	struct error found;

	if (km_check_processor(&found) < 0) {
		json_findings_add_error(findings, JSON_UNSUPPORTED, &found);
		return;
	}
	if (km_check_monitor(settings, &found) < 0)
		add_error(findings, JSON_ERROR, "/kmPath", &found);
	if (km_check_libc(settings, &found) < 0)
		add_error(findings, JSON_ERROR, "/libcPath", &found);
	if (km_check_device(settings, &found) < 0)
		add_error(findings, JSON_UNSUPPORTED, "/device", &found);
}

int km_settings_check(const char *file, struct json_findings *findings, struct error *err)
{
	struct km_settings settings;
	struct error found;
	int r = km_settings_read(file, findings, &settings, err);

	if (r < 0)
		return r;
	check_km(&settings, findings);
	check_directory(settings.snapshot_directory, findings);
	check_exceptions_file(settings.exceptions_file, findings);
	if (km_settings_check_whole(&settings, &found) < 0)
		add_error(findings, JSON_ERROR, "/snapshotPath", &found);
	km_settings_done(&settings);
	return findings->out_of_memory ? error_oom(err) : 0;
}

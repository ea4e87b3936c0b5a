/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Inside km/: the table of settings. */

#include "km/settings.h"

struct json_object;
struct json_reader;

enum km_kind {
	KM_FLAG,   /* bool */
	KM_NUMBER, /* unsigned int within .min and .max */
	KM_WORD,   /* unsigned int, index into .words */
	KM_TEXT,   /* char *, not empty */
	KM_FILE,   /* char *, an absolute path */
	KM_LIST,   /* struct strv */
};

/* How far the host file can open a setting for containers; closed they are all by default. */
enum km_grant {
	KM_GRANT_HARMLESS, /* with its name, or with "*" */
	KM_GRANT_BY_NAME,  /* it widens what a container can do to the host: only with its name */
	KM_GRANT_NEVER,
};

struct km_setting {
	const char *key; /* in the host file, in "allowAnnotations", and behind KRUN_ANNOTATION_SETTING */
	enum km_kind kind;
	enum km_grant grant;
	size_t offset; /* into struct km_settings */
	unsigned int min, max;
	const char *const *words;
	/*
	 * A text or list only: -EINVAL with the reason in *ret_why when @text is not good; may replace what it stands for in *text by
	 * something else, NULL for the built-in default.
	 */
	int (*check)(const char **text, const char **ret_why);
	const char *
		option; /* km's: alone for a true flag, with "=VALUE" for the rest; NULL: krun itself acts on it */
	const char *option_off; /* for a flag that was set to false */
	bool exec;		/* also for processes that come later */
};

extern const struct km_setting km_settings_table[KM_KEY_COUNT];

/* NULL when there is none of that name. */
const struct km_setting *km_setting_find(const char *key);
/* The value as a text, lists as JSON; the caller frees. NULL: out of memory. */
char *km_setting_text(const struct km_setting *row, const struct km_settings *settings);

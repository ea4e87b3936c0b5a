/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The table of settings, for the files of km/ alone. */

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

/* How "allowAnnotations" of the host file lets annotations set a setting. By default none may be set. */
enum km_grant {
	KM_GRANT_HARMLESS, /* by its name or by "*" */
	KM_GRANT_BY_NAME,  /* by its name only: it lets a container do more to the host */
	KM_GRANT_NEVER,	   /* only the host file sets it */
};

struct km_setting {
	const char *key; /* in the host file, in "allowAnnotations", and behind KRUN_ANNOTATION_SETTING */
	enum km_kind kind;
	enum km_grant grant;
	size_t offset;		  /* into struct km_settings */
	unsigned int min, max;	  /* KM_NUMBER */
	const char *const *words; /* KM_WORD: NULL-terminated */
	/*
	 * For texts, files and items of lists; NULL: any text is valid. -EINVAL, with the reason in
	 * *ret_why, if *text is not valid. May replace *text by a static text, or by NULL for the built-in
	 * default.
	 */
	int (*check)(const char **text, const char **ret_why);
	const char *option;	/* km's, for a true flag alone, else with "=VALUE"; NULL: krun acts on it */
	const char *option_off; /* km's for a flag that was set to false; NULL: none */
	bool exec;		/* the km of an exec gets the option, too */
};

extern const struct km_setting km_settings_table[KM_KEY_COUNT];

/* The row named @key, or NULL. */
const struct km_setting *km_setting_find(const char *key);

/* ---- settings_show.c ----------------------------------------------------------------------------------- */

/* The value as a text, a list as a JSON array; the caller frees it. NULL: out of memory. */
char *km_setting_text(const struct km_setting *row, const struct km_settings *settings);

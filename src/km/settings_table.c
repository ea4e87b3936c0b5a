/* SPDX-License-Identifier: Apache-2.0 */

/* The table of settings: name, valid values, who may set it, and km's option. */

#include "km/settings_table.h"

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "util/array.h"
#include "util/error.h"

/* ---- checks of texts --------------------------------------------------------------------------------- */

static int check_device(const char **text, const char **ret_why)
{
	static const struct {
		const char *word, *path;
	} words[] = { { "auto", NULL }, { "kvm", "/dev/kvm" }, { "kkm", "/dev/kkm" } };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(*text, words[i].word) == 0) {
			*text = words[i].path;
			return 0;
		}
	*ret_why = "is neither auto, kvm, kkm nor a path below /dev";
	return strncmp(*text, "/dev/", 5) == 0 && !strstr(*text, "/..") ? 0 : -EINVAL;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Engines call krun in any directory. */
static int check_debug_log(const char **text, const char **ret_why)
{
	*ret_why = "is neither an absolute path, file:PATH, syslog:NAME nor journald:NAME";
	return (*text)[0] == '/' || begins(*text, "file:/") || begins(*text, "syslog:") ||
			       begins(*text, "journald:") ?
		       0 :
		       -EINVAL;
}

/* With its own "none" km still writes to stderr that it waits. */
static int check_log(const char **text, const char **ret_why)
{
	if (strcmp(*text, "state") == 0)
		*text = NULL;
	else if (strcmp(*text, "none") == 0)
		*text = "/dev/null";
	*ret_why = "is neither state, stderr, none nor an absolute path in the container";
	return !*text || strcmp(*text, "stderr") == 0 || (*text)[0] == '/' ? 0 : -EINVAL;
}

/* Compiles the text as km does. */
static int check_expression(const char **text, const char **ret_why)
{
	regex_t expression;

	*ret_why = "is not a regular expression";
	if (regcomp(&expression, *text, REG_EXTENDED | REG_NOSUB) != 0)
		return -EINVAL;
	regfree(&expression);
	return 0;
}

static int check_variable(const char **text, const char **ret_why)
{
	*ret_why = "is not NAME=VALUE";
	if ((*text)[0] == '=' || !strchr(*text, '='))
		return -EINVAL;
	*ret_why = "is reserved for krun and km";
	return begins(*text, "KM_EXEC_") || begins(*text, "KM_MGTDIR=") || begins(*text, "KM_MGTPIPE=") ?
		       -EINVAL :
		       0;
}

/*
 * getopt_long(3) accepts every unambiguous beginning of an option, and takes the next word as the value of an
 * option that requires one. A parameter must neither set what krun sets, nor take the next option or the
 * payload as its value.
 */
static int check_parameter(const char **text, const char **ret_why)
{
	static const char *const owned[] = { "--wait-for-signal", "--km-log-to", "--log-to",   "--putenv",
					     "--copyenv",	  "--mgtpipe",	 "--snapshot", "--version" };
	static const char *const with_value[] = { "--virt-device", "--coredump", "--membus-width" };
	const size_t len = strcspn(*text, "=");

	*ret_why = "is not --NAME or --NAME=VALUE";
	if (!begins(*text, "--") || len < 3)
		return -EINVAL;
	*ret_why = "is set by krun itself";
	for (size_t i = 0; i < ARRAY_LEN(owned); i++)
		if (strncmp(owned[i], *text, len) == 0)
			return -EINVAL;
	*ret_why = "has no =VALUE";
	for (size_t i = 0; i < ARRAY_LEN(with_value); i++)
		if (!(*text)[len] && strncmp(with_value[i], *text, len) == 0)
			return -EINVAL;
	return 0;
}

/* ---- the table --------------------------------------------------------------------------------------- */

static const char *const start_words[] = { "payload", "exec", NULL };
static const char *const gdb_words[] = { "off", "wait", "listen", "dynlink", NULL };

/* In the order of enum log_level. */
static const char *const debug_level_words[] = { "error", "warning", "info", "debug", NULL };

static const char *const exceptions_words[] = { "container", "deny", "host", NULL };
static const char *const audit_words[] = { "state", "syslog", NULL };

#define AT(member) .offset = offsetof(struct km_settings, member)
#define AT_TRUST(name) AT(trust[KM_KEY_ALLOW_##name - KM_KEY_ALLOW_SANDBOX])

const struct km_setting km_settings_table[KM_KEY_COUNT] = {
	[KM_KEY_PATH] = { "kmPath", KM_FILE, KM_GRANT_BY_NAME, AT(monitor) },
	[KM_KEY_LIBC_PATH] = { "libcPath", KM_FILE, KM_GRANT_BY_NAME, AT(libc) },
	/* The words are harmless, a path is not: check_allowed() in settings_layers.c tells them apart. */
	[KM_KEY_DEVICE] = { "device", KM_TEXT, KM_GRANT_HARMLESS, AT(device), .check = check_device,
			    .option = "--virt-device", .exec = true },
	[KM_KEY_START_AT] = { "startAt", KM_WORD, KM_GRANT_HARMLESS, AT(start), .words = start_words },
	[KM_KEY_START_TIMEOUT] = { "startTimeoutMs", KM_NUMBER, KM_GRANT_HARMLESS, AT(start_timeout_ms),
				   .min = 1, .max = 600000 },
	/* km's usage says 32 to 62, but km accepts no more than 512 GiB. */
	[KM_KEY_BUS_WIDTH] = { "membusWidth", KM_NUMBER, KM_GRANT_HARMLESS, AT(bus_width), .min = 32,
			       .max = 39, .option = "--membus-width", .exec = true },
	[KM_KEY_PAGES_1G] = { "pages1g", KM_FLAG, KM_GRANT_HARMLESS, AT(pages_1g),
			      .option = "--enable-1g-pages", .option_off = "--disable-1g-pages",
			      .exec = true },
	[KM_KEY_OVERCOMMIT] = { "overcommitMemory", KM_FLAG, KM_GRANT_HARMLESS, AT(overcommit),
				.option = "--overcommit-memory", .exec = true },
	[KM_KEY_VENDOR_ID] = { "vendorId", KM_FLAG, KM_GRANT_HARMLESS, AT(vendor_id), .option = "--vendorid",
			       .exec = true },
	[KM_KEY_KILL_UNIMPLEMENTED] = { "killUnimplemented", KM_FLAG, KM_GRANT_HARMLESS,
					AT(kill_unimplemented), .option = "--kill-unimpl-scall",
					.exec = true },
	[KM_KEY_HYPERCALL_STATS] = { "hypercallStats", KM_FLAG, KM_GRANT_HARMLESS, AT(hypercall_stats),
				     .option = "--hcall-stats" },
	/* With a path as "log", a trace could fill a file system of the host. */
	[KM_KEY_VERBOSE] = { "verbose", KM_TEXT, KM_GRANT_BY_NAME, AT(verbose), .check = check_expression,
			     .option = "--verbose" },
	[KM_KEY_LOG] = { "log", KM_TEXT, KM_GRANT_HARMLESS, AT(log), .check = check_log },
	[KM_KEY_GDB] = { "gdb", KM_WORD, KM_GRANT_BY_NAME, AT(gdb), .words = gdb_words },
	[KM_KEY_GDB_PORT] = { "gdbPort", KM_NUMBER, KM_GRANT_BY_NAME, AT(gdb_port), .min = 1, .max = 65535 },
	[KM_KEY_CORE_DUMP] = { "coreDump", KM_FILE, KM_GRANT_BY_NAME, AT(core_dump), .option = "--coredump",
			       .exec = true },
	[KM_KEY_MANAGEMENT] = { "management", KM_FLAG, KM_GRANT_HARMLESS, AT(management) },
	[KM_KEY_SNAPSHOT_PATH] = { "snapshotPath", KM_FILE, KM_GRANT_HARMLESS, AT(snapshot_path),
				   .option = "--snapshot" },
	[KM_KEY_ENVIRONMENT] = { "environment", KM_LIST, KM_GRANT_BY_NAME, AT(environment),
				 .check = check_variable, .exec = true },
	[KM_KEY_PARAMETERS] = { "parameters", KM_LIST, KM_GRANT_BY_NAME, AT(parameters),
				.check = check_parameter, .exec = true },
	[KM_KEY_SNAPSHOT_DIRECTORY] = { "snapshotDirectory", KM_FILE, KM_GRANT_NEVER,
					AT(snapshot_directory) },
	[KM_KEY_EXCEPTIONS] = { "exceptions", KM_WORD, KM_GRANT_NEVER, AT(exceptions),
				.words = exceptions_words },
	[KM_KEY_EXCEPTIONS_FILE] = { "exceptionsFile", KM_FILE, KM_GRANT_NEVER, AT(exceptions_file) },
	[KM_KEY_EXCEPTIONS_AUDIT] = { "exceptionsAudit", KM_WORD, KM_GRANT_NEVER, AT(exceptions_audit),
				      .words = audit_words },
	/* krun's own, of all commands: cli/debug.c. */
	[KM_KEY_DEBUG_LOG] = { "debugLog", KM_TEXT, KM_GRANT_NEVER, AT(debug_log), .check = check_debug_log },
	[KM_KEY_DEBUG_LEVEL] = { "debugLevel", KM_WORD, KM_GRANT_NEVER, AT(debug_level),
				 .words = debug_level_words },
	[KM_KEY_TRACE] = { "trace", KM_FILE, KM_GRANT_NEVER, AT(trace) },
	[KM_KEY_ALLOW_SANDBOX] = { "allowSandbox", KM_FLAG, KM_GRANT_NEVER, AT_TRUST(SANDBOX) },
	[KM_KEY_ALLOW_HOOKS_OUTPUT] = { "allowHooksOutput", KM_FLAG, KM_GRANT_NEVER, AT_TRUST(HOOKS_OUTPUT) },
	[KM_KEY_ALLOW_PIDFD_RECEIVER] = { "allowPidfdReceiver", KM_FLAG, KM_GRANT_NEVER,
					  AT_TRUST(PIDFD_RECEIVER) },
	[KM_KEY_ALLOW_SECCOMP_RECEIVER] = { "allowSeccompReceiver", KM_FLAG, KM_GRANT_NEVER,
					    AT_TRUST(SECCOMP_RECEIVER) },
	[KM_KEY_ALLOW_KEEP_GROUPS] = { "allowKeepGroups", KM_FLAG, KM_GRANT_NEVER, AT_TRUST(KEEP_GROUPS) },
	[KM_KEY_ALLOW_SYSTEMD_PROPERTIES] = { "allowSystemdProperties", KM_FLAG, KM_GRANT_NEVER,
					      AT_TRUST(SYSTEMD_PROPERTIES) },
	[KM_KEY_ALLOW_CRIU_CONFIG] = { "allowCriuConfig", KM_FLAG, KM_GRANT_NEVER, AT_TRUST(CRIU_CONFIG) },
};

const struct km_setting *km_setting_find(const char *key)
{
	for (size_t i = 0; i < KM_KEY_COUNT; i++)
		if (strcmp(km_settings_table[i].key, key) == 0)
			return &km_settings_table[i];
	return NULL;
}

/* ---- words that krun itself needs -------------------------------------------------------------------- */

const char *km_start_word(unsigned int start)
{
	return start_words[start];
}

int km_start_parse(const char *word, enum km_start *ret)
{
	for (unsigned int i = 0; start_words[i]; i++)
		if (strcmp(start_words[i], word) == 0) {
			*ret = (enum km_start)i;
			return 0;
		}
	return -EINVAL;
}

/* ---- from settings to km ----------------------------------------------------------------------------- */

static const void *at(const struct km_setting *row, const struct km_settings *settings)
{
	return (const char *)settings + row->offset;
}

static int add_option(const struct km_setting *row, const struct km_settings *settings, struct strv *ret)
{
	const void *value = at(row, settings);
	const char *text;

	switch (row->kind) {
	case KM_FLAG:
		return *(const bool *)value ? strv_add(ret, row->option) :
		       row->option_off	    ? strv_add(ret, row->option_off) :
					      0;
	case KM_NUMBER:
		return strv_add_format(ret, "%s=%u", row->option, *(const unsigned int *)value);
	case KM_TEXT:
	case KM_FILE:
		text = *(const char *const *)value;
		return text ? strv_add_format(ret, "%s=%s", row->option, text) : 0;
	case KM_WORD:
	case KM_LIST:
	default:
		return -EINVAL;
	}
}

/* Only the first km gets the port: one of an exec would wait for a debugger that nobody starts. */
static int add_gdb(const struct km_settings *settings, struct strv *ret)
{
	int r;

	if (settings->gdb == KM_GDB_OFF)
		return 0;
	r = strv_add_format(ret, "--gdb-server-port=%u", settings->gdb_port);
	if (r == 0 && settings->gdb == KM_GDB_LISTEN)
		r = strv_add(ret, "--gdb-listen");
	if (r == 0 && settings->gdb == KM_GDB_DYNLINK)
		r = strv_add(ret, "--gdb-dynlink");
	return r;
}

int km_settings_options(const struct km_settings *settings, bool exec, struct strv *ret, struct error *err)
{
	int r = 0;

	*ret = (struct strv){ 0 };
	for (size_t i = 0; r == 0 && i < KM_KEY_COUNT; i++) {
		const struct km_setting *row = &km_settings_table[i];

		/* km chooses what no layer has set. */
		if (row->option && settings->layers[i] != KM_LAYER_BUILT_IN && (row->exec || !exec))
			r = add_option(row, settings, ret);
	}
	if (r == 0 && !exec)
		r = add_gdb(settings, ret);
	for (size_t i = 0; r == 0 && i < settings->parameters.len; i++)
		r = strv_add(ret, settings->parameters.items[i]);
	if (r < 0) {
		strv_done(ret);
		return error_oom(err);
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Settings of km, in layers, of which a later one overrides an earlier one: built-in defaults, the host file
 * (krun.json), "vm" of config.json, annotations. One table (settings_table.c) has for every setting its name,
 * its valid values, who may set it, and the option of km that it becomes. Functions return 0 or a negative
 * errno; errors name the file and the JSON pointer. They run in the command's process on the host.
 *
 * km's options are those of its usage text and getopt table; the valid values were tried with km itself.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/strv.h"

struct error;
struct json_findings;
struct spec;

#define KM_MONITOR_DEFAULT "/opt/kontain/bin/km"
#define KM_LIBC_DEFAULT "/opt/kontain/runtime/libc.so"

/*
 * The default time limit, in ms, for km's set-up and again for its reaction to its release. It is for a km
 * that hangs, long because a busy host leaves km little processor time, and below the two minutes after
 * which engines give up themselves.
 */
enum { KM_START_TIMEOUT_MS = 90000 };

/* Where `create` stops: in km, before the payload's first instruction, or before km's execve(2). */
enum km_start { KM_START_PAYLOAD, KM_START_EXEC };
enum km_gdb { KM_GDB_OFF, KM_GDB_WAIT, KM_GDB_LISTEN, KM_GDB_DYNLINK };

/* The list of exceptions that is in force (exceptions.h), and the record of each use of one. */
enum km_exceptions_policy { KM_EXCEPTIONS_CONTAINER, KM_EXCEPTIONS_DENY, KM_EXCEPTIONS_HOST };
enum km_exceptions_audit { KM_AUDIT_STATE, KM_AUDIT_SYSLOG };

enum km_layer { KM_LAYER_BUILT_IN, KM_LAYER_HOST, KM_LAYER_VM, KM_LAYER_ANNOTATION };

/* Indices into km_settings_table. */
enum km_key {
	KM_KEY_PATH,
	KM_KEY_LIBC_PATH,
	KM_KEY_DEVICE,
	KM_KEY_START_AT,
	KM_KEY_START_TIMEOUT,
	KM_KEY_BUS_WIDTH,
	KM_KEY_PAGES_1G,
	KM_KEY_OVERCOMMIT,
	KM_KEY_VENDOR_ID,
	KM_KEY_KILL_UNIMPLEMENTED,
	KM_KEY_HYPERCALL_STATS,
	KM_KEY_VERBOSE,
	KM_KEY_LOG,
	KM_KEY_GDB,
	KM_KEY_GDB_PORT,
	KM_KEY_CORE_DUMP,
	KM_KEY_MANAGEMENT,
	KM_KEY_SNAPSHOT_PATH,
	KM_KEY_ENVIRONMENT,
	KM_KEY_PARAMETERS,
	KM_KEY_SNAPSHOT_DIRECTORY,
	KM_KEY_EXCEPTIONS,
	KM_KEY_EXCEPTIONS_FILE,
	KM_KEY_EXCEPTIONS_AUDIT,
	KM_KEY_DEBUG_LOG,
	KM_KEY_DEBUG_LEVEL,
	KM_KEY_TRACE,
	KM_KEY_ALLOW_SANDBOX, /* from here to the end: indices into km_settings.trust, see trust.h */
	KM_KEY_ALLOW_HOOKS_OUTPUT,
	KM_KEY_ALLOW_PIDFD_RECEIVER,
	KM_KEY_ALLOW_SECCOMP_RECEIVER,
	KM_KEY_ALLOW_KEEP_GROUPS,
	KM_KEY_ALLOW_SYSTEMD_PROPERTIES,
	KM_KEY_ALLOW_CRIU_CONFIG,
	KM_KEY_COUNT
};

enum { KM_TRUST_COUNT = KM_KEY_COUNT - KM_KEY_ALLOW_SANDBOX };

/* Members of "vm" that the host file may allow: bits of km_settings.vm_allowed. */
enum { KM_VM_PATH = 1, KM_VM_PARAMETERS = 2, KM_VM_MEMORY = 4 };

/* All pointers are owned. Absent texts are NULL. */
struct km_settings {
	char *monitor;	    /* absolute path, on the host and in the container */
	char *libc;	    /* likewise */
	char *device;	    /* absolute path; NULL: km chooses between the host's /dev/kvm and /dev/kkm */
	unsigned int start; /* enum km_start */
	unsigned int start_timeout_ms;
	unsigned int bus_width; /* bits of a guest physical address; 0: km chooses */
	bool pages_1g, overcommit, vendor_id, kill_unimplemented, hypercall_stats;
	char *verbose;	  /* regular expression over km's trace tags */
	char *log;	  /* NULL: km.log of the state directory; "stderr", or a path in the container */
	unsigned int gdb; /* enum km_gdb */
	unsigned int gdb_port;
	char *core_dump;		     /* path in the container */
	char *snapshot_path;		     /* likewise */
	bool management;		     /* km has a management socket */
	struct strv environment, parameters; /* NAME=VALUE, and options of km */
	char *snapshot_directory;	     /* on the host; NULL: no container may ask for a snapshot */
	unsigned int exceptions;	     /* enum km_exceptions_policy */
	char *exceptions_file;	       /* absolute path on the host with KM_EXCEPTIONS_HOST, else NULL */
	unsigned int exceptions_audit; /* enum km_exceptions_audit */
	char *debug_log;	       /* as --debug-log, NULL: none */
	unsigned int debug_level;      /* enum log_level */
	char *trace;		       /* as --trace, but an absolute path; NULL: none */
	bool trust[KM_TRUST_COUNT];    /* true: the annotations of this key are heeded, see trust.h */

	char *snapshot; /* path on the host of the snapshot that the container resumes; NULL: none */

	char *file;			    /* path of the host file, also if it does not exist */
	enum km_layer layers[KM_KEY_COUNT]; /* which layer set each value */
	uint64_t allowed;		    /* bits 1 << enum km_key: annotations may set these */
	uint64_t named;			    /* those of them that the host file allows by name, not by "*" */
	unsigned int vm_allowed;	    /* KM_VM_* */
};

/* ---- settings_host.c --------------------------------------------------------------------------------- */

/*
 * Reads the built-in defaults and the host file @file (option --config-file). @file NULL: KM_SETTINGS_FILE,
 * whose absence is not an error. -EPERM: others than root and the caller may write the file. *ret is released
 * with km_settings_done(); after an error there is nothing to release.
 */
int km_settings_load(const char *file, struct km_settings *ret, struct error *err);
void km_settings_done(struct km_settings *settings);

/* ---- settings_layers.c ------------------------------------------------------------------------------- */

/*
 * Pure. Adds the container's layers, "vm" and annotations; one that the host file does not allow is an error
 * (-EINVAL). Then checks that the settings go together. After an error @settings still has to be released.
 */
int km_settings_apply(struct km_settings *settings, const struct spec *spec, struct error *err);

/* ---- settings_check.c -------------------------------------------------------------------------------- */

/*
 * Adds to @findings everything that is wrong with a host file, and with the files and devices of this host
 * that it names. @file as for km_settings_load(). Fails only if the file cannot be read, others may write it,
 * or memory is short.
 */
int km_settings_check(const char *file, struct json_findings *findings, struct error *err);

/* ---- settings_table.c, settings_show.c --------------------------------------------------------------- */

/*
 * Pure, all of them; the caller releases *ret with strv_done(), and only memory can be short. km's options
 * from the settings, without --wait-for-signal and that of the log. @exec: for the km of an exec, not the
 * first.
 */
int km_settings_options(const struct km_settings *settings, bool exec, struct strv *ret, struct error *err);
/* "KEY=VALUE" of every setting that differs from the built-in default. */
int km_settings_differing(const struct km_settings *settings, struct strv *ret, struct error *err);
/* The keys that annotations may set on this host. */
int km_settings_allowed(const struct km_settings *settings, struct strv *ret, struct error *err);
/* The members of "vm" that config.json may set on this host. */
int km_settings_vm_allowed(const struct km_settings *settings, struct strv *ret, struct error *err);

const char *km_start_word(unsigned int start); /* "payload", "exec" */
/* The opposite. -EINVAL for any other word; fills no error. */
int km_start_parse(const char *word, enum km_start *ret);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What can be set about km, in layers of rising weight: built-in defaults, the host file, "vm" of config.json, annotations. One
 * table (settings_table.c) says for every setting how it is called, what it may be, who may set it, and what becomes of it on
 * km's command line. Errors name the file and the JSON pointer.
 *
 * Source of km's options: km's usage text and getopt table; which values it takes was tried with km itself.
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
 * How long km may take to set up, and to react to its release, unless the host file says otherwise: milliseconds of the clock, of which a
 * busy host leaves km few. It is there for a km that hangs, and below the two minutes after which engines give up themselves.
 */
enum { KM_START_TIMEOUT_MS = 90000 };

/* Where `create` stops. */
enum km_start { KM_START_PAYLOAD, KM_START_EXEC };
enum km_gdb { KM_GDB_OFF, KM_GDB_WAIT, KM_GDB_LISTEN, KM_GDB_DYNLINK };

/* Whose list of programs exec may run without km, and who is told of each such run; exceptions.h. */
enum km_exceptions_policy { KM_EXCEPTIONS_CONTAINER, KM_EXCEPTIONS_DENY, KM_EXCEPTIONS_HOST };
enum km_exceptions_audit { KM_AUDIT_STATE, KM_AUDIT_SYSLOG };

enum km_layer { KM_LAYER_BUILT_IN, KM_LAYER_HOST, KM_LAYER_VM, KM_LAYER_ANNOTATION };

/* The rows of the table. */
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
	KM_KEY_ALLOW_SANDBOX, /* from here on in this order: trust.h */
	KM_KEY_ALLOW_HOOKS_OUTPUT,
	KM_KEY_ALLOW_PIDFD_RECEIVER,
	KM_KEY_ALLOW_SECCOMP_RECEIVER,
	KM_KEY_ALLOW_KEEP_GROUPS,
	KM_KEY_ALLOW_SYSTEMD_PROPERTIES,
	KM_KEY_ALLOW_CRIU_CONFIG,
	KM_KEY_COUNT
};

enum { KM_TRUST_COUNT = KM_KEY_COUNT - KM_KEY_ALLOW_SANDBOX };

/* Members of "vm" that the host file may allow, bits of vm_allowed. */
enum { KM_VM_PATH = 1, KM_VM_PARAMETERS = 2, KM_VM_MEMORY = 4 };

/* Everything in it is owned. Absent texts are NULL. */
struct km_settings {
	char *monitor; /* absolute path on the host and in the container */
	char *libc;
	char *device; /* absolute path; NULL: those of /dev/kvm and /dev/kkm that the host has, and km chooses */
	unsigned int start; /* enum km_start */
	unsigned int start_timeout_ms;
	unsigned int bus_width; /* guest physical address bits; 0: km's own choice */
	bool pages_1g, overcommit, vendor_id, kill_unimplemented, hypercall_stats;
	char *verbose;	  /* a regular expression over km's tags */
	char *log;	  /* NULL: km.log of the state directory; "stderr", or a path in the container */
	unsigned int gdb; /* enum km_gdb */
	unsigned int gdb_port;
	char *core_dump; /* paths in the container */
	char *snapshot_path;
	bool management;
	struct strv environment, parameters;
	char *snapshot_directory;      /* on the host; NULL: no container may ask for a snapshot */
	unsigned int exceptions;       /* enum km_exceptions_policy */
	char *exceptions_file;	       /* KM_EXCEPTIONS_HOST: absolute path on the host; else NULL */
	unsigned int exceptions_audit; /* enum km_exceptions_audit */
	bool trust[KM_TRUST_COUNT];    /* which annotations act that do so on the host; trust.h */

	char *snapshot; /* path on the host of the one that the container goes on from; NULL: none */

	char *file; /* where the host's layer came from */
	enum km_layer layers[KM_KEY_COUNT];
	uint64_t allowed,
		named; /* bits 1 << enum km_key: what annotations may set, and what was allowed by its name */
	unsigned int vm_allowed;
};

/* ---- settings_host.c ------------------------------------------------------------------------------------------ */

/*
 * Built-in defaults and the host file (--config-file, default KM_SETTINGS_FILE; absence of the default file is fine, of a named
 * one not). *ret is released with km_settings_done(); after an error there is nothing to release.
 */
int km_settings_load(const char *file, struct km_settings *ret, struct error *err);
void km_settings_done(struct km_settings *settings);

/* ---- settings_layers.c ---------------------------------------------------------------------------------------- */

/*
 * Lays what the container asks for over it, "vm" and annotations, each only if the host file allows it, and checks the whole.
 * Pure. After an error @settings still has to be released.
 */
int km_settings_apply(struct km_settings *settings, const struct spec *spec, struct error *err);

/* ---- settings_check.c ----------------------------------------------------------------------------------------- */

/*
 * Everything that is wrong with a host file, and with what it names on this host. Fails only when a named file cannot be read or
 * memory is short.
 */
int km_settings_check(const char *file, struct json_findings *findings, struct error *err);

/* ---- settings_table.c, settings_show.c ------------------------------------------------------------------------------------ */

/* Pure: the options that the settings are for km, without --wait-for-signal and the log. @exec: of a later process. */
int km_settings_options(const struct km_settings *settings, bool exec, struct strv *ret, struct error *err);
/* Pure: "KEY=VALUE" of every setting that is not the built-in default. */
int km_settings_differing(const struct km_settings *settings, struct strv *ret, struct error *err);
/* Pure: the keys that annotations may set on this host. */
int km_settings_allowed(const struct km_settings *settings, struct strv *ret, struct error *err);
/* Pure: the members of "vm" that are heeded on this host. */
int km_settings_vm_allowed(const struct km_settings *settings, struct strv *ret, struct error *err);

const char *km_start_word(unsigned int start); /* "payload", "exec" */
int km_start_parse(const char *word, enum km_start *ret);

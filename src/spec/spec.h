/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * config.json as typed structs. Only spec/ knows the field names of the runtime specification; everything
 * above works with these structs. All of it belongs to one struct spec (or struct spec_document) and
 * lives until spec_free(); strings and arrays are borrowed from there by every plan made from it.
 *
 * Conventions: an absent string is NULL, an absent array is NULL with length 0, an absent number has
 * .set == false. Arrays of strings (args, env, ...) are NULL-terminated. JSON null counts as absent. Paths: spec/place.h.
 * Source: opencontainers/runtime-spec 1.3.0, config.md and config-linux.md.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "json/findings.h"
#include "spec/mounts.h"
#include "spec/resources.h"
#include "util/arena.h"

struct error;
struct json_object;

/* Longest lists of cpus and of memory nodes. */
enum { SPEC_CPUS_MAX = 8192, SPEC_NODES_MAX = 1024 };

/* ---- process ---------------------------------------------------------------------------------------- */

struct spec_user {
	uid_t uid;
	gid_t gid;
	struct opt_u64 umask;
	gid_t *additional_gids;
	size_t additional_gids_len;
};

enum {
	CAP_SET_EFFECTIVE,
	CAP_SET_BOUNDING,
	CAP_SET_INHERITABLE,
	CAP_SET_PERMITTED,
	CAP_SET_AMBIENT,
	CAP_SET_COUNT
};

/* One bit per capability number (capabilities(7)). Names this build does not know are in unknown. */
struct spec_capabilities {
	uint64_t sets[CAP_SET_COUNT];
	char **unknown;
};

struct spec_rlimit {
	int resource;	  /* RLIMIT_* */
	const char *name; /* "RLIMIT_NOFILE" */
	uint64_t soft;	  /* RLIM_INFINITY is UINT64_MAX */
	uint64_t hard;
};

/* sched_setattr(2) */
struct spec_scheduler {
	uint32_t policy; /* SCHED_* */
	const char *policy_word;
	int32_t nice, priority;
	uint64_t flags;
	uint64_t runtime, deadline, period; /* nanoseconds */
};

/* A list as "0-3,7", checked; NULL when absent. */
struct spec_affinity {
	const char *initial, *final;
};

struct spec_process {
	bool terminal;
	struct {
		bool set;
		uint16_t height, width;
	} console_size;
	struct spec_user user;
	char **args;				/* at least one when the process is there */
	char **env;				/* NULL-terminated, may be NULL */
	const char *cwd;			/* absolute, normalised */
	struct spec_capabilities *capabilities; /* NULL: drop everything the kernel lets us drop */
	struct spec_rlimit *rlimits;
	size_t rlimits_len;
	const char *apparmor_profile;
	const char *selinux_label;
	struct opt_i64 oom_score_adj;
	bool no_new_privileges;
	struct spec_scheduler *scheduler; /* NULL if absent */
	struct opt_i64 io_priority;	  /* value for ioprio_set(2) */
	struct spec_affinity affinity;	  /* of what exec starts */
};

/* ---- hooks ------------------------------------------------------------------------------------------ */

enum hook_kind {
	HOOK_PRESTART,
	HOOK_CREATE_RUNTIME,
	HOOK_CREATE_CONTAINER,
	HOOK_START_CONTAINER,
	HOOK_POSTSTART,
	HOOK_POSTSTOP,
	HOOK_KIND_COUNT
};

struct spec_hook {
	const char *path;	/* absolute */
	char **args;		/* argv including argv[0]; NULL: { path } */
	char **env;		/* NULL: what the place has that it runs in, hooks/hooks.h */
	struct opt_i64 timeout; /* seconds, > 0 */
};

struct spec_hooks {
	struct spec_hook *items;
	size_t len;
};

/* "prestart", "createRuntime", ... */
const char *hook_kind_name(enum hook_kind kind);

/* ---- linux: namespaces, ids, devices ---------------------------------------------------------------- */

enum ns_kind { NS_USER, NS_PID, NS_NETWORK, NS_MOUNT, NS_IPC, NS_UTS, NS_CGROUP, NS_TIME, NS_KIND_COUNT };

struct spec_namespace {
	bool listed; /* in linux.namespaces: new when path is NULL, else joined */
	const char *path;
};

struct spec_net_device {
	const char *name;     /* on the host */
	const char *new_name; /* in the container, with "%d" for a free number; the same when absent */
};

struct spec_device {
	const char *path; /* absolute, normalised, in the container; never "/" */
	char type;	  /* 'c' (also for "u"), 'b' or 'p' */
	unsigned int major, minor;
	mode_t mode; /* permission bits; 0666 when absent */
	uid_t uid;
	gid_t gid;
};

/* ---- linux.seccomp ---------------------------------------------------------------------------------- */

struct spec_seccomp_arg {
	unsigned int index; /* 0..5 */
	uint64_t value, value_two;
	const char *op; /* SCMP_CMP_* as written, checked */
};

struct spec_seccomp_rule {
	char **names;
	const char *action; /* SCMP_ACT_* as written, checked */
	struct opt_u64 errno_ret;
	struct spec_seccomp_arg *args;
	size_t args_len;
};

struct spec_seccomp {
	const char *default_action;
	struct opt_u64 default_errno_ret;
	char **architectures; /* SCMP_ARCH_* as written, checked */
	char **flags;	      /* SECCOMP_FILTER_FLAG_* as written, checked */
	const char *listener_path, *listener_metadata;
	struct spec_seccomp_rule *rules;
	size_t rules_len;
};

/* ---- the whole -------------------------------------------------------------------------------------- */

/* set_mempolicy(2) */
struct spec_memory_policy {
	int mode; /* MPOL_* with its flags */
	const char *mode_word;
	const char *nodes; /* a list as "0-3,7", checked; NULL: none */
};

/* resctrl; see cgroup/rdt.h */
struct spec_rdt {
	const char *clos_id; /* "/" is the root class; NULL: the container's id */
	const char *l3_cache_schema, *mem_bw_schema;
	char **schemata; /* lines */
	bool enable_monitoring;
};

struct spec_vm { /* config-vm.md, as far as km has it: all else that is set there is an error of reading */
	const char *path;      /* hypervisor.path, absolute; NULL if absent or empty */
	char **parameters;     /* hypervisor.parameters; NULL if absent or empty */
	struct opt_u64 memory; /* hwConfig.memory, bytes; never 0 */
};

struct spec_time_offset {
	bool set;
	int64_t secs;
	uint32_t nanosecs;
};

struct spec {
	struct json_object *root; /* keeps the strings alive; only json/ and spec/ look into it */
	struct arena arena;
	struct json_findings warnings; /* what works, but hardly as meant: spec_warn() */
	const char *document;	       /* its name, for messages: "config.json" */
	const char *
		base; /* where in a config.json that document would be: "", or "/process" of a process file */

	const char *oci_version;
	const char *hostname, *domainname;
	const char *rootfs; /* root.path, normalised; relative to the bundle */
	bool rootfs_readonly;
	struct spec_process *process; /* NULL if absent, which it may be until start */
	struct spec_mount *mounts;
	size_t mounts_len;
	struct spec_hooks hooks[HOOK_KIND_COUNT];
	struct spec_pair *annotations;
	size_t annotations_len;

	struct spec_namespace namespaces[NS_KIND_COUNT];
	struct spec_id_maps id_maps; /* of a new user namespace */
	struct spec_time_offset monotonic, boottime;
	struct spec_device *devices;
	size_t devices_len;
	const char *cgroups_path;
	struct spec_resources resources;
	unsigned long rootfs_propagation;      /* MS_* with MS_REC, 0 when absent */
	struct spec_seccomp *seccomp;	       /* NULL if absent */
	char **masked_paths, **readonly_paths; /* absolute, normalised */
	const char *mount_label;
	struct spec_pair *sysctl;
	size_t sysctl_len;
	struct {
		bool set;
		unsigned long value;
	} personality;	      /* persona for personality(2) */
	struct spec_rdt *rdt; /* NULL if absent */
	struct spec_net_device *net_devices;
	size_t net_devices_len;
	struct spec_memory_policy *memory_policy; /* NULL if absent */
	struct spec_vm *vm;			  /* NULL if absent or empty */
};

/*
 * Reads and checks the regular file @name below @dir_fd. Errors name the file and the JSON pointer of the property
 * ("config.json: /linux/namespaces/2/type: ..."). A property of the specification that krun does not
 * carry out yet is an error that names it; an unknown property is ignored, as the specification wants.
 */
int spec_load(int dir_fd, const char *name, struct spec **ret, struct error *err);
/* The same from memory; @name is used in errors. */
int spec_parse(const char *text, size_t size, const char *name, struct spec **ret, struct error *err);
void spec_free(struct spec *spec);

/* Names the document in an error about a place in it; one about another part of a config.json stays as it is. Returns err->code. */
int spec_name_document(const struct spec *spec, struct error *err);

/* Tells the user the warnings that reading the document had; `validate` has them among its findings. */
void spec_warn(const struct spec *spec);

/*
 * The same for `validate`: everything that is wrong goes to @findings. *ret is NULL when there was an error. Only memory can
 * make it fail.
 */
int spec_validate(const char *text, size_t size, const char *name, struct json_findings *findings,
		  struct spec **ret, struct error *err);

/* `exec --process FILE`: a bare process object. Result: a spec with only .process set. */
int spec_load_process(const char *path, struct spec **ret, struct error *err);

/* `update --resources FILE`: a bare resources object. Result: a spec with only .resources set, and a warning for an unknown key. */
int spec_parse_resources(const char *text, size_t size, const char *name, struct spec **ret,
			 struct error *err);
/* The same for the part of the linux object that `update` changes: "resources" and "intelRdt". */
int spec_parse_update(const char *text, size_t size, const char *name, struct spec **ret, struct error *err);

/* A write to a file of the container's cgroup. */
struct spec_written {
	const char *file, *text;
	bool unified; /* asked for by "unified" */
	bool line;    /* one of the lines of the file, for the device that it begins with */
};

struct spec_merge {
	const struct spec *changes; /* of spec_parse_resources() or spec_parse_update() */
	struct opt_i64 limit, swap; /* what memory has to say, where .set; they depend on each other */
	const struct spec_written *written;
	size_t written_len;
};

/*
 * Pure: config.json as a text, with the changes on top of its own resources; the caller frees *ret_text. What the changes leave
 * alone (absent, or a zero of engines) stays, and so does everything that krun does not know.
 */
int spec_merge_resources(const struct spec *config, const struct spec_merge *request, char **ret_text,
			 struct error *err);

/* `mounts add|remove`: a bare array of mounts. Result: a spec with only .mounts set. */
int spec_parse_mounts(const char *text, size_t size, const char *name, struct spec **ret, struct error *err);

/* The config.json that `krun spec` writes; the caller frees *ret_text. */
int spec_template(bool rootless, uid_t uid, gid_t gid, char **ret_text, struct error *err);

/* NULL when the annotation is absent, or is not to be heeded. */
const char *spec_annotation(const struct spec *spec, const char *key);

/* Words for `features` and for checks: NULL-terminated. */
extern const char *const spec_seccomp_actions[],
	*const spec_seccomp_operators[], *const spec_seccomp_architectures[], *const spec_seccomp_flags[];
extern const char *const spec_memory_policy_modes[], *const spec_memory_policy_flags[];
extern const char *const spec_namespace_words[]; /* indexed by enum ns_kind, then NULL */

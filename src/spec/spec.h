/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * config.json as typed structs. Only spec/ knows the property names of the runtime specification; the folders
 * above use these structs. Everything belongs to one struct spec and lives until spec_free(); plans that are
 * made from it borrow its strings and arrays.
 *
 * Conventions: an absent string is NULL, an absent array is NULL with length 0, an absent number has .set ==
 * false. Arrays of strings (args, env, ...) are NULL-terminated. JSON null counts as absent. Paths:
 * spec/place.h. Source: opencontainers/runtime-spec 1.3.0, config.md and config-linux.md.
 *
 * Functions return 0 or a negative errno: -EINVAL for an invalid document, -EOPNOTSUPP for a property that
 * krun does not support, -ENOMEM, or the errno of reading the file.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "json/findings.h"
#include "spec/mounts.h"
#include "spec/resources.h"
#include "util/arena.h"
#include "util/path_table.h"

struct error;
struct json_cuts;
struct json_object;

/* Limits for the numbers of CPUs and memory nodes in lists. */
enum { SPEC_CPUS_MAX = 8192, SPEC_NODES_MAX = 1024 };

/* ---- process ------------------------------------------------------------------------------- */

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

/* A bit for each capability number (capabilities(7)). Names that libcap-ng does not know are in .unknown. */
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

/* Lists such as "0-3,7", checked; NULL if absent. */
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
	char **args;				/* at least one */
	char **env;				/* one per name; may be NULL */
	const char *cwd;			/* absolute, normalised */
	struct spec_capabilities *capabilities; /* NULL: drop all that the kernel permits to drop */
	struct spec_rlimit *rlimits;
	size_t rlimits_len;
	const char *apparmor_profile;
	const char *selinux_label;
	struct opt_i64 oom_score_adj;
	bool no_new_privileges;
	struct spec_scheduler *scheduler; /* NULL if absent */
	struct opt_i64 io_priority;	  /* value for ioprio_set(2) */
	struct spec_affinity affinity;	  /* of a process of `exec` */
};

/* ---- hooks.c ------------------------------------------------------------------------------------------- */

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
	char **args;		/* with argv[0]; NULL: .path alone */
	char **env;		/* NULL: see struct hooks_context, hooks/hooks.h */
	struct opt_i64 timeout; /* seconds, > 0 */
};

struct spec_hooks {
	struct spec_hook *items;
	size_t len;
};

/* Returns "prestart", "createRuntime", ... */
const char *hook_kind_name(enum hook_kind kind);

/* ---- linux: namespaces, ids, devices ------------------------------------------------------- */

enum ns_kind { NS_USER, NS_PID, NS_NETWORK, NS_MOUNT, NS_IPC, NS_UTS, NS_CGROUP, NS_TIME, NS_KIND_COUNT };

struct spec_namespace {
	bool listed; /* in linux.namespaces: new when path is NULL, else joined */
	const char *path;
};

struct spec_net_device {
	const char *name;     /* on the host */
	const char *new_name; /* in the container; may have "%d" for a free number; .name if absent */
};

struct spec_device {
	const char *path; /* absolute, normalised, in the container; never "/" */
	char type;	  /* 'c' (also for "u"), 'b' or 'p' */
	unsigned int major, minor;
	mode_t mode; /* permission bits; 0666 when absent */
	uid_t uid;
	gid_t gid;
};

/* ---- linux.seccomp ------------------------------------------------------------------------- */

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

/* ---- the whole ----------------------------------------------------------------------------- */

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

struct spec_vm {	       /* config-vm.md, as far as km supports it; other values in it are errors */
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
	struct spec *kept_before;      /* of spec_keep() */
	struct json_findings warnings; /* for spec_warn() */
	const char *document;	       /* its name in messages: "config.json" */
	const char *base; /* the JSON pointer of this document in a config.json: "", or "/process" */

	const char *oci_version;
	const char *hostname, *domainname;
	const char *rootfs; /* root.path, normalised; may be relative to the bundle */
	bool rootfs_readonly;
	struct spec_process *process; /* NULL if absent, which `run` and `start` reject */
	struct spec_mount *mounts;
	size_t mounts_len;
	struct path_table places; /* of .mounts, for spec_mount_at() */
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
	} personality;	      /* for personality(2) */
	struct spec_rdt *rdt; /* NULL if absent */
	struct spec_net_device *net_devices;
	size_t net_devices_len;
	struct spec_memory_policy *memory_policy; /* NULL if absent */
	struct spec_vm *vm;			  /* NULL if absent or empty */
};

/* ---- load.c -------------------------------------------------------------------------------------------- */

/*
 * Reads and checks the regular file @name in @dir_fd, of at most 64 MiB. Errors have the name of the file and
 * the JSON pointer of the property (config.json: /linux/namespaces/2/type: ...). Unknown properties are
 * ignored, as the specification requires. *ret is released with spec_free().
 */
int spec_load(int dir_fd, const char *name, struct spec **ret, struct error *err);
/*
 * The same for a file that spec_load() would read, when only .process is wanted, and only that is set: the
 * rest, which may be a hundred times as long, is not parsed. -EINVAL: /process is not there, or not right;
 * spec_load() says which.
 */
int spec_load_process_only(int dir_fd, const char *name, struct spec **ret, struct error *err);
/* The same for a text in memory; @name is for errors. */
int spec_parse(const char *text, size_t size, const char *name, struct spec **ret, struct error *err);
void spec_free(struct spec *spec);
/*
 * Instead of spec_free() at the end of a command that has made a child since it read the document: it keeps
 * the memory, because after a fork(2) each page that is written costs a page fault. NULL is allowed.
 */
void spec_keep(struct spec *spec);

/*
 * For an error with a pointer into config.json: when that is at or below .base, makes the pointer relative to
 * it and adds the name of the document. Returns err->code.
 */
int spec_name_document(const struct spec *spec, struct error *err);

/* Logs the warnings about the document. `validate` has them among its findings instead. */
void spec_warn(const struct spec *spec);

/* Reads the file of `exec --process`, a process object. Only .process of the result is set. */
int spec_load_process(const char *path, struct spec **ret, struct error *err);

/*
 * Parses the file of `update --resources`, a resources object. Only .resources is set. An unknown key is a
 * warning.
 */
int spec_parse_resources(const char *text, size_t size, const char *name, struct spec **ret,
			 struct error *err);
/*
 * The same for an object with the two members of the linux object that `update` changes: "resources" and
 * "intelRdt".
 */
int spec_parse_update(const char *text, size_t size, const char *name, struct spec **ret, struct error *err);

/* Parses the file of `mounts add|remove`, an array of mounts. Only .mounts is set. */
int spec_parse_mounts(const char *text, size_t size, const char *name, struct spec **ret, struct error *err);

/* Returns the value of an annotation; NULL when it is absent or refused (struct spec_pair). */
const char *spec_annotation(const struct spec *spec, const char *key);

/* ---- validate.c ---------------------------------------------------------------------------------------- */

/*
 * As spec_parse(), for `validate`: adds everything that is wrong to @findings, and fails only with -ENOMEM.
 * *ret is what could be read, without what is in @cuts, which is empty at first: it is a good document, but
 * not this one. It is NULL when nothing could be read.
 */
int spec_validate(const char *text, size_t size, const char *name, struct json_findings *findings,
		  struct json_cuts *cuts, struct spec **ret, struct error *err);

/* ---- merge.c ------------------------------------------------------------------------------------------- */

/* A write that `update` has made to a file of the container's cgroup. */
struct spec_written {
	const char *file, *text;
	bool unified; /* requested by "unified" */
	bool line;    /* .text is one line of the file, and begins with its device */
};

struct spec_merge {
	const struct spec *changes; /* of spec_parse_resources() or spec_parse_update() */
	struct opt_i64 limit, swap; /* new values of memory.limit and memory.swap, where .set */
	const struct spec_written *written;
	size_t written_len;
};

/*
 * Pure: returns config.json as a text with the changes merged into its resources; the caller frees *ret_text.
 * Values that are absent from the changes, or 0 for "unchanged" as engines send it, stay, and so do
 * properties that krun does not know. -ENOMEM.
 */
int spec_merge_resources(const struct spec *config, const struct spec_merge *request, char **ret_text,
			 struct error *err);

/* ---- template.c ---------------------------------------------------------------------------------------- */

/* Makes the config.json of `krun spec`; @uid, @gid: for @rootless. The caller frees *ret_text. -ENOMEM. */
int spec_template(bool rootless, uid_t uid, gid_t gid, char **ret_text, struct error *err);

/* The valid words of properties, NULL-terminated; also for `features`. */
extern const char *const spec_seccomp_actions[],
	*const spec_seccomp_operators[], *const spec_seccomp_architectures[], *const spec_seccomp_flags[];
extern const char *const spec_memory_policy_modes[], *const spec_memory_policy_flags[];
extern const char *const spec_namespace_words[]; /* indexed by enum ns_kind, then NULL */

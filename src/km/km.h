/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Everything that makes krun different from other runtimes. The functions of km/ only decide: what to mount,
 * which devices, what to execute; init/ and mount/ carry that out with their ordinary code. Unless a comment
 * says otherwise they run in the command's process on the host and return 0 or a negative errno, with @err
 * filled.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "km/settings.h"
#include "syscall/open.h"
#include "util/strv.h"

struct error;
struct spec;
struct spec_device_rule;

enum mode { MODE_PLAIN, MODE_KM };

/*
 * The name by which krun was called, the basename of argv[0]. "krun-plain" and names that do not start with
 * "krun" mean plain mode; "krun-label-trigger" means km mode for containers that ask for it; every other
 * name that starts with "krun" means km mode.
 */
enum program_name { NAME_PLAIN, NAME_KM, NAME_LABEL_TRIGGER };

enum { KM_DEVICES_MAX = 2 };

struct km_device {
	int fd;		  /* O_PATH of the host's node; owned */
	const char *path; /* "/dev/kvm", "/dev/kkm", or that of the settings; borrowed */
	unsigned int major, minor;
	mode_t mode; /* of the container's node: 0666, so that the payload's user can open it */
};

/* Everything that km needs from the host, opened before any path of the container is touched. */
struct km_plan {
	struct km_settings settings;
	int km_fd;		     /* O_PATH of a regular executable file; owned */
	struct file_id monitor_file; /* identity of that file */
	int libc_fd;		     /* O_PATH of km's libc.so, owned; -1: absent, fine for static payloads */
	struct km_device devices[KM_DEVICES_MAX];
	size_t devices_len;
};

/* The oldest km with all options and behaviour that krun relies on, see docs/km-acceptance.md. */
#define KM_OLDEST "v0.9.9 (August 2022)"

/* The container's program as found inside the container: what km gets as payload. Borrowed. */
struct km_payload {
	const char *path;  /* of the program or its interpreter, in the container */
	char *const *argv; /* the container's args; km gets path in the place of argv[0] */
};

/* ---- mode.c -------------------------------------------------------------------------------------------- */

/* Pure. */
enum program_name program_name_parse(const char *argv0);
/*
 * The mode of one container. A pause (sandbox) container, told by the annotation
 * io.kubernetes.cri.container-type or io.kubernetes.cri-o.ContainerType = sandbox, is always plain. With
 * NAME_LABEL_TRIGGER a container asks for km by the annotation app.kontain.version=1 or by a /.kontain in
 * its rootfs or among its mounts. @rootfs_fd: O_PATH of the rootfs, to look for /.kontain; -1: do not look. A
 * negative errno if that cannot be looked for.
 */
int mode_choose(enum program_name name, const struct spec *spec, int rootfs_fd, enum mode *ret);
/* Pure: says, for the debug log, what has decided that. */
const char *mode_reason(enum program_name name, const struct spec *spec);
const char *mode_word(enum mode mode); /* "plain", "km" */
/* The opposite. -EINVAL for any other word; fills no error. */
int mode_parse(const char *word, enum mode *ret);

/* ---- plan.c -------------------------------------------------------------------------------------------- */

/*
 * Opens km, its libc.so and its devices. @settings is moved into the plan, also on failure. -ENOENT: km is
 * missing; -EINVAL: km is not a regular file, not executable, or on a file system mounted noexec; -ENODEV:
 * the host has no device of km, or not the chosen one; else the errno of the call that failed. On success
 * *ret is released with km_plan_done().
 */
int km_plan_make(struct km_settings *settings, struct km_plan *ret, struct error *err);
void km_plan_done(struct km_plan *plan);

/* The checks of km_plan_make() one by one, for `validate`; the first one probes km, too. */
int km_check_monitor(const struct km_settings *settings, struct error *err);
int km_check_libc(const struct km_settings *settings, struct error *err);
int km_check_device(const struct km_settings *settings, struct error *err);

/*
 * Fills @ret, which has room for KM_DEVICES_MAX, with the rules that let the devices cgroup pass km's
 * devices, and returns how many there are. @plan NULL (an update of a container that exists): the rules
 * are for the device at @device, or with @device NULL for those that the host has now.
 */
size_t km_device_rules(const struct km_plan *plan, const char *device, struct spec_device_rule *ret);

/* ---- probe.c ------------------------------------------------------------------------------------------- */

/*
 * The probe (probe.c) executes the file behind @km_fd with krun's options and --version, for 2 s at most and,
 * if the caller is root, as user 65534. -EINVAL with its first line of output if it refuses the options; 0
 * also if the probe tells nothing, because the file could not be executed, was killed or printed nothing.
 * @path is for the error text.
 */
int km_probe(int km_fd, const char *path, struct error *err);
/* Appends that line to the error of a km that ended and left nothing in its log. */
void km_probe_explain(int km_fd, struct error *err);

/* ---- argv.c -------------------------------------------------------------------------------------------- */

/*
 * Pure. Engines put an init helper in front of the command: /sbin/docker-init (docker --init),
 * /run/podman-init (podman --init) or /dev/init. Returns how many words at the beginning of @argv (the
 * helper, its options, "--") pid1 replaces; 0: there is no helper.
 */
size_t km_init_helper_len(char *const *argv);

/*
 * Pure. "MONITOR [--wait-for-signal] [--km-log-to=/proc/self/fd/N] OPTIONS... -- PATH ARGS...". @wait: adds
 * the first option. @log_fd: N; -1: no log option. @options: NULL-terminated; NULL: none. Only memory can
 * be short. The caller releases *ret with strv_done().
 */
int km_argv_make(const char *monitor, bool wait, int log_fd, char *const *options,
		 const struct km_payload *payload, struct strv *ret, struct error *err);

/*
 * Pure. The same for an entry point that is km itself, as in images that were made for km: @words, with
 * the options inserted after the first. The caller releases *ret with strv_done().
 */
int km_argv_extend(char *const *words, bool wait, int log_fd, char *const *options, struct strv *ret,
		   struct error *err);

/*
 * Removes variables that km would take for those of another km: KM_EXEC_* and KM_GDB_CHILD_FORK_WAIT, and
 * with @exec also KM_MGTPIPE and KM_MGTDIR, for the management socket belongs to the container's first km.
 * Other variables of km (KM_VERBOSE, KM_LOGTO, KM_KILL_UNIMPL_SCALL) stay. Edits the NULL-terminated array
 * of malloc'ed strings in place, frees what it removes, and returns how many those are.
 */
size_t km_environment_clean(char **env, bool exec);

/*
 * Pure. True if @env has a SNAP_LISTEN_TIMEOUT other than 0. With it km waits for a connection to one of
 * the snapshot's sockets before it loads the snapshot, and so before its wait of --wait-for-signal: to wait
 * until km is ready would be to wait for a client.
 */
bool km_listens_first(char *const *env);

/* ---- script.c ------------------------------------------------------------------------------------------ */

/*
 * Child, inside the container. If the file behind @fd is a script, follows its "#!" line as the kernel does
 * (execve(2): blanks after "#!", one optional argument, at most 5 interpreters) and puts interpreter and
 * argument in front of @path: *ret_path and *ret_argv, which the caller releases. A file that is not a
 * script comes back as @path and @argv. Errors are texts of error_exec(): those of open(2) for the
 * interpreter, -ENOEXEC for a "#!" without one, -ELOOP for too many.
 */
int km_resolve_script(int fd, const char *path, char *const *argv, char **ret_path, struct strv *ret_argv,
		      struct error *err);

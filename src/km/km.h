/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Everything that makes krun different from other runtimes. km/ only *asks*: what to mount, which devices,
 * what to execute; init/ and mount/ carry it out with their ordinary code.
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

/* ---- which mode (mode.c) ---------------------------------------------------------------- */

/*
 * The basename of argv[0]. "krun-plain" and names that do not start with "krun" are plain;
 * "krun-label-trigger" is km when the annotation app.kontain.version=1 is set or the container has
 * /.kontain, in its root or as a mount; every other name that starts with "krun" is km. Pure.
 */
enum program_name { NAME_PLAIN, NAME_KM, NAME_LABEL_TRIGGER };
enum program_name program_name_parse(const char *argv0);
/*
 * The mode of one container: never km for pause/sandbox containers (io.kubernetes.cri.container-type
 * or io.kubernetes.cri-o.ContainerType = sandbox). @rootfs_fd: for /.kontain.
 */
enum mode mode_choose(enum program_name name, const struct spec *spec, int rootfs_fd);
const char *mode_word(enum mode mode); /* "plain", "km" */
int mode_parse(const char *word, enum mode *ret);

/* ---- the host side of a container (plan.c) ------------------------------------------------------------ */

enum { KM_DEVICES_MAX = 2 };

struct km_device {
	int fd;		  /* O_PATH of the host's node; owned */
	const char *path; /* "/dev/kvm", "/dev/kkm", or that of the settings; borrowed */
	unsigned int major, minor;
	mode_t mode; /* of the container's node: 0666, so that any user of the payload can open it */
};

/* What km needs from the host, opened before any container path is touched. */
struct km_plan {
	struct km_settings settings;
	int km_fd; /* O_PATH, a regular executable file */
	struct file_id monitor_file;
	int libc_fd; /* -1: absent, fine for static payloads */
	struct km_device devices[KM_DEVICES_MAX];
	size_t devices_len;
};

/*
 * Parent. Errors: km missing, not regular, not executable (with path and how to set another), on a file system without exec;
 * no device present, or not the chosen one. *ret is released with km_plan_done().
 */
int km_plan_make(struct km_settings *settings /* moved */, struct km_plan *ret, struct error *err);
void km_plan_done(struct km_plan *plan);

/* The oldest km that has everything that krun asks of one, docs/km-acceptance.md. */
#define KM_OLDEST "v0.9.9 (August 2022)"
/*
 * Parent (probe.c): asks the file behind @km_fd, as nobody, whether it takes krun's options. -EINVAL with its own words when
 * it does not. km_probe_explain() adds these to the error of a km that ended and left nothing in its log.
 */
int km_probe(int km_fd, const char *path, struct error *err);
void km_probe_explain(int km_fd, struct error *err);

/* The same errors one by one, for `validate`. */
int km_check_monitor(const struct km_settings *settings, struct error *err);
int km_check_libc(const struct km_settings *settings, struct error *err);
int km_check_device(const struct km_settings *settings, struct error *err);

/*
 * The rules of the device filter for km's devices in @ret, which has KM_DEVICES_MAX; returns how many. @plan: NULL for a container
 * that exists already: then for those that this host has now, or for the one at @device.
 */
size_t km_device_rules(const struct km_plan *plan, const char *device, struct spec_device_rule *ret);

/* ---- the command line (argv.c) ------------------------------------------------------------------------ */

/*
 * Pure. The engines' init helper in front of the command: argv[0] is /sbin/docker-init, /run/podman-init
 * or /dev/init. Returns how many leading words (helper, its options, "--") krun's own init replaces; 0: none.
 */
size_t km_init_helper_len(char *const *argv);

/* The container's program as found by the exec step: what km gets as payload. */
struct km_payload {
	const char *path;  /* absolute path found inside the container */
	char *const *argv; /* the container's args; argv[0] is replaced by path */
};

/*
 * "MONITOR [--wait-for-signal] [--km-log-to=/proc/self/fd/N] OPTIONS... -- PATH ARGS...". @log_fd -1: no log option. @options:
 * NULL-terminated, NULL for none. Pure. *ret is owned by the caller (strv_done).
 */
int km_argv_make(const char *monitor, bool wait, int log_fd, char *const *options,
		 const struct km_payload *payload, struct strv *ret, struct error *err);

/*
 * An entry point that is km already, as in images that were made for it: @words as they are, with the options of
 * km_argv_make() behind the first. Pure. *ret is owned by the caller.
 */
int km_argv_extend(char *const *words, bool wait, int log_fd, char *const *options, struct strv *ret,
		   struct error *err);

/*
 * Child, inside the container. If the file behind @fd is a script, follows its "#!" line as the kernel
 * does (blanks after "#!", one optional argument, up to 4 levels) and puts interpreter and argument in
 * front: *ret_path and *ret_argv. A file that is no script comes back as it is. Errors use error_exec() for
 * a missing interpreter.
 */
int km_resolve_script(int fd, const char *path, char *const *argv, char **ret_path, struct strv *ret_argv,
		      struct error *err);

/*
 * Pure: drops KM_EXEC_* and KM_GDB_CHILD_FORK_WAIT always, KM_MGTPIPE and KM_MGTDIR too for @exec; what else km looks for
 * (KM_VERBOSE, KM_LOGTO, KM_KILL_UNIMPL_SCALL) is of no weight against krun's options. Edits the NULL-terminated array in place,
 * returns the number of dropped variables.
 */
size_t km_environment_clean(char **env, bool exec);

/*
 * Pure. With SNAP_LISTEN_TIMEOUT in its environment km, before it loads a snapshot and before it would wait for its release, waits
 * for a connection to one of the snapshot's sockets: whoever waits for km to be ready waits for a client.
 */
bool km_listens_first(char *const *env);

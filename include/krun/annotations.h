/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names of the annotations that krun reads or writes: a contract with engines and with people. Images have annotations, too, and
 * engines copy them: those that act on the host or take isolation away are heeded only when a key of the host's settings file says
 * so, which stands in brackets here. The others stay inside of the container, or add isolation.
 */

/* Read from config.json: "1" makes `krun-label-trigger` run the container under km. */
#define KRUN_ANNOTATION_TRIGGER "app.kontain.version"

/* Read from config.json: "sandbox" marks a pause container, which then runs without km (containerd, CRI-O) ["allowSandbox"]. */
#define KRUN_ANNOTATION_CRI_KIND "io.kubernetes.cri.container-type"
#define KRUN_ANNOTATION_CRIO_KIND "io.kubernetes.cri-o.ContainerType"

/* Read from config.json: podman's --group-add keep-groups; the caller's groups stay ["allowKeepGroups"]. */
#define KRUN_ANNOTATION_KEEP_GROUPS "run.oci.keep_original_groups"

/* Read from config.json: files to which what hooks say is appended ["allowHooksOutput"]. */
#define KRUN_ANNOTATION_HOOKS_STDOUT "run.oci.hooks.stdout"
#define KRUN_ANNOTATION_HOOKS_STDERR "run.oci.hooks.stderr"

/* Read from config.json: a socket that gets a pidfd of the process, as --pidfd-socket ["allowPidfdReceiver"]. */
#define KRUN_ANNOTATION_PIDFD_RECEIVER "run.oci.pidfd_receiver"

/* Read from config.json: a cgroup below the container's, which its processes start in and may change. */
#define KRUN_ANNOTATION_DELEGATE_CGROUP "run.oci.delegate-cgroup"

/* Read from config.json with the systemd manager: a cgroup below the scope that the processes start in. */
#define KRUN_ANNOTATION_SYSTEMD_SUBGROUP "run.oci.systemd.subgroup"

/*
 * Read from config.json with the systemd manager: this and a name is a property of the scope, its value a GVariant text
 * ["allowSystemdProperties"].
 */
#define KRUN_ANNOTATION_SYSTEMD_PROPERTY "org.systemd.property."

/* Read from config.json: which option carries linux.mountLabel: context (default), fscontext, defcontext, rootcontext. */
#define KRUN_ANNOTATION_CONTEXT_TYPE "run.oci.mount_context_type"

/* Read from config.json: the seccomp agent's socket when there is no listenerPath ["allowSeccompReceiver"]. */
#define KRUN_ANNOTATION_SECCOMP_RECEIVER "run.oci.seccomp.receiver"

/*
 * Read from config.json in the km mode: this and the key of a setting (krun(1), FILES) is that setting for the container,
 * if the host file allows it. "snapshot" is the name of a checkpoint that the container goes on from. Written into `state` and
 * `features`: every setting that is not the default.
 */
#define KRUN_ANNOTATION_SETTING "app.kontain.krun."
#define KRUN_SETTING_SNAPSHOT "snapshot"

/*
 * Read from config.json: options of CRIU for this container's checkpoints; empty: none, not even the host's for krun
 * ["allowCriuConfig"].
 */
#define KRUN_ANNOTATION_CRIU_CONFIG "org.criu.config"

/* Written into `state` of a container under km: "km", and "payload" or "exec" (where `create` stops). */
#define KRUN_ANNOTATION_PERSONALITY "app.kontain.krun.personality"
#define KRUN_ANNOTATION_START "app.kontain.krun.startAt"

/* Written into `state`: "true" when the kernel has killed a process of the container because memory ran out; else absent. */
#define KRUN_ANNOTATION_OOM_KILLED "app.kontain.krun.oomKilled"

/* Written into `features`. */
#define KRUN_ANNOTATION_VERSION "app.kontain.krun.version"
#define KRUN_ANNOTATION_COMMIT "app.kontain.krun.commit"

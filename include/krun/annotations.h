/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names of the annotations that krun reads or writes: a contract with engines and users. Images have
 * annotations, too, and engines copy them to config.json. Therefore an annotation that acts on the host or
 * reduces isolation has an effect only when a key of the host's settings file allows it; that key is given in
 * brackets. The others act inside the container only, or add isolation.
 */

/* Read from config.json: "1" makes `krun-label-trigger` run the container under km. */
#define KRUN_ANNOTATION_TRIGGER "app.kontain.version"

/* Read from config.json: "sandbox" marks a pause container, which runs without km ["allowSandbox"]. */
#define KRUN_ANNOTATION_CRI_KIND "io.kubernetes.cri.container-type"
#define KRUN_ANNOTATION_CRIO_KIND "io.kubernetes.cri-o.ContainerType"

/* Read from config.json: podman's --group-add keep-groups: the caller's groups stay ["allowKeepGroups"]. */
#define KRUN_ANNOTATION_KEEP_GROUPS "run.oci.keep_original_groups"

/* Read from config.json: files to which the output of hooks is appended ["allowHooksOutput"]. */
#define KRUN_ANNOTATION_HOOKS_STDOUT "run.oci.hooks.stdout"
#define KRUN_ANNOTATION_HOOKS_STDERR "run.oci.hooks.stderr"

/*
 * Read from config.json: a socket to which a pidfd of the process is sent, as by --pidfd-socket
 * ["allowPidfdReceiver"].
 */
#define KRUN_ANNOTATION_PIDFD_RECEIVER "run.oci.pidfd_receiver"

/* Read from config.json: a cgroup below the container's that its processes start in and may change. */
#define KRUN_ANNOTATION_DELEGATE_CGROUP "run.oci.delegate-cgroup"

/* Read from config.json with the systemd manager: a cgroup below the scope, in which the processes start. */
#define KRUN_ANNOTATION_SYSTEMD_SUBGROUP "run.oci.systemd.subgroup"

/*
 * Read from config.json with the systemd manager: prefix of the name of a property of the scope; the value is
 * a GVariant text ["allowSystemdProperties"].
 */
#define KRUN_ANNOTATION_SYSTEMD_PROPERTY "org.systemd.property."

/*
 * Read from config.json: the mount option for linux.mountLabel: context (default), fscontext, defcontext or
 * rootcontext.
 */
#define KRUN_ANNOTATION_CONTEXT_TYPE "run.oci.mount_context_type"

/*
 * Read from config.json: the seccomp agent's socket when there is no listenerPath ["allowSeccompReceiver"].
 */
#define KRUN_ANNOTATION_SECCOMP_RECEIVER "run.oci.seccomp.receiver"

/*
 * Read from config.json in the km mode: prefix of the key of a setting (krun.json(5)) for the container, if
 * the host's settings file allows it. "snapshot" is the name of the checkpoint from which the container is
 * started. Written to `state` and `features`: every setting that is not the default.
 */
#define KRUN_ANNOTATION_SETTING "app.kontain.krun."
#define KRUN_SETTING_SNAPSHOT "snapshot"

/*
 * Read from config.json: CRIU's configuration file for checkpoints of this container; empty: none, not even
 * the host's file for krun ["allowCriuConfig"].
 */
#define KRUN_ANNOTATION_CRIU_CONFIG "org.criu.config"

/* Written to `state` of a container under km: "km"; "payload" or "exec", where `create` stops. */
#define KRUN_ANNOTATION_PERSONALITY "app.kontain.krun.personality"
#define KRUN_ANNOTATION_START "app.kontain.krun.startAt"

/*
 * Written to `state`: "true" when the kernel's OOM killer has killed a process of the container; else absent.
 */
#define KRUN_ANNOTATION_OOM_KILLED "app.kontain.krun.oomKilled"

/* Written to `features`. */
#define KRUN_ANNOTATION_VERSION "app.kontain.krun.version"
#define KRUN_ANNOTATION_COMMIT "app.kontain.krun.commit"

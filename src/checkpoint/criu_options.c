/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint/criu_options.h"

#include <errno.h>
#include <linux/sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "krun/annotations.h"
#include "ns/kinds.h"
#include "security/security.h"
#include "util/cleanup.h"
#include "util/error.h"

int criu_check_spec(const struct spec *spec, struct error *err)
{
	static const enum ns_kind own_only[] = { NS_MOUNT, NS_CGROUP };

	for (size_t i = 0; i < spec->mounts_len; i++)
		if (spec->mounts[i].options.idmap)
			return error_at(err, -EOPNOTSUPP, error_pointer("/mounts/%zu", i),
					"CRIU cannot restore an idmapped mount");
	for (size_t i = 0; i < sizeof(own_only) / sizeof(own_only[0]); i++)
		if (spec->namespaces[own_only[i]].path)
			return error_at(err, -EOPNOTSUPP, "/linux/namespaces",
					"CRIU cannot restore into an existing %s namespace",
					spec_namespace_words[own_only[i]]);
	if (seccomp_agent_path(spec))
		return error_at(err, -EOPNOTSUPP, "/linux/seccomp",
				"CRIU cannot restore a seccomp filter with an agent");
	if (spec->net_devices_len > 0)
		return error_at(err, -EOPNOTSUPP, "/linux/netDevices",
				"CRIU cannot restore network devices of the host");
	return 0;
}

static int add_empty_namespaces(const struct checkpoint_options *options, struct criu_options *out,
				struct error *err)
{
	for (size_t i = 0; i < options->empty_ns.len; i++) {
		const char *kind = options->empty_ns.items[i];

		if (strcmp(kind, "network") != 0 && strcmp(kind, "net") != 0)
			return error_set(err, -EOPNOTSUPP,
					 "--empty-ns '%s': CRIU can do this with network namespaces only",
					 kind);
		out->empty_namespaces |= CLONE_NEWNET;
	}
	return 0;
}

static int add_words(const struct checkpoint_options *options, struct criu_options *out, struct error *err)
{
	out->cgroups_mode = CRIU_CGROUPS_SOFT;
	if (options->manage_cgroups_mode &&
	    criu_cgroups_mode_parse(options->manage_cgroups_mode, &out->cgroups_mode) < 0)
		return error_set(
			err, -EINVAL,
			"--manage-cgroups-mode '%s' is none of soft, full, strict, ignore, none, props",
			options->manage_cgroups_mode);
	if (options->network_lock && criu_network_lock_parse(options->network_lock, &out->network_lock) < 0)
		return error_set(err, -EINVAL, "--network-lock '%s' is none of iptables, nftables, skip",
				 options->network_lock);
	return add_empty_namespaces(options, out, err);
}

int criu_options_check(const struct checkpoint_options *options, struct error *err)
{
	return add_words(options, &(struct criu_options){ 0 }, err);
}

int criu_options_make(const struct checkpoint_options *options, const struct spec *spec,
		      const char *default_config, struct criu_options *ret, struct error *err)
{
	const char *config = spec_annotation(spec, KRUN_ANNOTATION_CRIU_CONFIG);

	*ret = (struct criu_options){
		.tcp_established = options->tcp_established,
		.tcp_skip_in_flight = options->tcp_skip_in_flight,
		.tcp_close = options->tcp_close,
		.ext_unix_sk = options->ext_unix_sk,
		.shell_job = options->shell_job,
		.file_locks = options->file_locks,
		.link_remap = options->link_remap,
		.lazy_pages = options->lazy_pages,
		.auto_dedup = options->auto_dedup,
		.lsm_profile = options->lsm_profile,
		.lsm_mount_context = options->lsm_mount_context,
		/* Shared mounts of the host are masters of the container's mounts. */
		.ext_masters = true,
		.ext_sharing = true,
		.orphan_pts_master = spec->process && spec->process->terminal,
		.images_fd = CRIU_FD_IMAGES,
		.work_fd = CRIU_FD_WORK,
		.config_file = config ? *config ? config : NULL : default_config,
	};
	if (ret->config_file && ret->config_file[0] != '/')
		return error_at(err, -EINVAL, "/annotations/" KRUN_ANNOTATION_CRIU_CONFIG,
				"'%s' is not absolute", ret->config_file);
	return add_words(options, ret, err);
}

int criu_name_file(const char *link, unsigned int mount, unsigned long inode, bool is_terminal, char **ret)
{
	*ret = NULL;
	if (is_terminal)
		return 0;
	if (strncmp(link, "pipe:", 5) == 0 || strncmp(link, "socket:", 7) == 0)
		*ret = strdup(link);
	else if (asprintf(ret, "file[%x:%lx]", mount, inode) < 0)
		*ret = NULL;
	return *ret ? 0 : -ENOMEM;
}

/* ---- dump ------------------------------------------------------------------------------------ */

/* CRIU has to be told which files and sockets are external; pipes it recognizes by itself. */
static int add_outside_file(const char *name, struct criu_options *out)
{
	unsigned long inode;

	if (strncmp(name, "file[", 5) == 0)
		return strv_add(&out->external, name);
	if (sscanf(name, "socket:[%lu]", &inode) == 1)
		return strv_add_format(&out->external, "unix[%lu]", inode);
	return 0;
}

static int add_outside(const struct criu_dump_facts *facts, const struct spec *spec, struct criu_options *out)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < facts->points->len; i++)
		r = strv_add_format(&out->external, "mnt[%s]:%s", facts->points->items[i].path,
				    facts->points->items[i].name);
	if (r == 0 && spec->namespaces[NS_NETWORK].path)
		r = strv_add_format(&out->external, "net[%lu]:" CRIU_NAME_NETWORK,
				    (unsigned long)facts->namespaces[NS_NETWORK]);
	if (r == 0 && spec->namespaces[NS_PID].path)
		r = strv_add_format(&out->external, "pid[%lu]:" CRIU_NAME_PID,
				    (unsigned long)facts->namespaces[NS_PID]);
	for (int i = 0; r == 0 && i < 3; i++)
		if (facts->stdio[i])
			r = add_outside_file(facts->stdio[i], out);
	return r;
}

int criu_options_add_dump(const struct criu_dump_facts *facts, const struct checkpoint_options *options,
			  const struct spec *spec, struct criu_options *ret, struct error *err)
{
	ret->pid = facts->pid;
	ret->log_file = "dump.log";
	ret->leave_running = options->leave_running;
	ret->parent_images = options->parent_path;
	ret->track_memory = options->pre_dump;
	ret->status_fd = options->status_fd;
	if (options->parent_path && options->parent_path[0] == '/')
		return error_set(err, -EINVAL, "--parent-path '%s': must be relative to --image-path",
				 options->parent_path);
	if (options->page_server && criu_page_server_parse(options->page_server, &ret->page_server_address,
							   &ret->page_server_port) < 0)
		return error_set(err, -EINVAL, "--page-server '%s': not ADDRESS:PORT", options->page_server);
	return add_outside(facts, spec, ret) < 0 ? error_oom(err) : 0;
}

/* ---- restore --------------------------------------------------------------------------------- */

static int inherit(struct criu_options *out, const char *key, int fd)
{
	char *copy;

	/* Two descriptors, such as stdout and stderr, may be the same pipe, which CRIU takes once. */
	for (size_t i = 0; i < out->inherited_len; i++)
		if (strcmp(out->inherited[i].key, key) == 0)
			return 0;
	copy = strdup(key);
	if (!copy || out->inherited_len == CRIU_INHERITED_MAX) {
		free(copy);
		return -ENOMEM;
	}
	out->inherited[out->inherited_len++] = (struct criu_inherited){ copy, fd };
	return 0;
}

static void join(struct criu_options *out, const struct spec *spec, enum ns_kind kind)
{
	if (spec->namespaces[kind].path)
		out->joined[out->joined_len++] =
			(struct criu_joined){ ns_kinds[kind].proc_name, spec->namespaces[kind].path };
}

int criu_options_add_restore(const struct criu_restore_facts *facts, const struct spec *spec,
			     struct criu_options *ret, struct error *err)
{
	static const enum ns_kind joined[] = { NS_USER, NS_IPC, NS_UTS, NS_TIME };
	int r = 0;

	ret->log_file = "restore.log";
	ret->sibling = true;
	ret->notify = true;
	for (size_t i = 0; r == 0 && i < facts->sources->len; i++) {
		const struct mount_pair *pair = &facts->sources->items[i];

		/* CRIU's syntax does not allow these characters, so that no image has such a mount. */
		if (!strpbrk(pair->name, "]\n\t"))
			r = strv_add_format(&ret->external, "mnt[%s]:%s", pair->name, pair->path);
	}
	for (int i = 0; r == 0 && i < 3; i++)
		if (facts->stdio[i])
			r = inherit(ret, facts->stdio[i], CRIU_FD_STDIO + i);
	if (r == 0 && spec->namespaces[NS_NETWORK].path)
		r = inherit(ret, CRIU_NAME_NETWORK, CRIU_FD_NETWORK);
	if (r == 0 && spec->namespaces[NS_PID].path)
		r = inherit(ret, CRIU_NAME_PID, CRIU_FD_PID);
	for (size_t i = 0; i < sizeof(joined) / sizeof(joined[0]); i++)
		join(ret, spec, joined[i]);
	return r < 0 ? error_oom(err) : 0;
}

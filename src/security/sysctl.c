/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "security/security.h"
#include "spec/spec.h"
#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

enum owner { OWNER_NONE, OWNER_NETWORK, OWNER_IPC, OWNER_UTS, OWNER_USER };

/*
 * Returns the kind of namespace that a setting belongs to (namespaces(7), the kernel's ipc/ and net/). @path
 * has slashes.
 */
static enum owner owner_of(const char *path)
{
	static const char *const ipc[] = {
		"kernel/msgmax",      "kernel/msgmnb",	    "kernel/msgmni",	  "kernel/sem",
		"kernel/shmall",      "kernel/shmmax",	    "kernel/shmmni",	  "kernel/shm_rmid_forced",
		"kernel/auto_msgmni", "kernel/msg_next_id", "kernel/sem_next_id", "kernel/shm_next_id"
	};

	if (strncmp(path, "net/", 4) == 0)
		return OWNER_NETWORK;
	if (strncmp(path, "user/", 5) == 0)
		return OWNER_USER;
	if (strncmp(path, "fs/mqueue/", 10) == 0)
		return OWNER_IPC;
	if (strcmp(path, "kernel/domainname") == 0 || strcmp(path, "kernel/hostname") == 0)
		return OWNER_UTS;
	for (size_t i = 0; i < sizeof(ipc) / sizeof(ipc[0]); i++)
		if (strcmp(path, ipc[i]) == 0)
			return OWNER_IPC;
	return OWNER_NONE;
}

/*
 * sysctl(8): the first separator decides. In "net.ipv4.conf.eth0/1.forwarding" dots separate and a slash
 * means a dot; "net/ipv4/conf/eth0.1/forwarding" is a path already.
 */
static int key_to_path(const char *key, char *path, size_t size)
{
	const char *first = strpbrk(key, "./");
	const bool dotted = !first || *first == '.';

	if (strlen(key) >= size || !*key)
		return -EINVAL;
	strcpy(path, key);
	for (char *c = path; dotted && *c; c++)
		if (*c == '.')
			*c = '/';
		else if (*c == '/')
			*c = '.';
	return path[0] == '/' || strstr(path, "//") || strstr(path, "..") ? -EINVAL : 0;
}

int sysctl_check(const struct spec *spec, struct error *err)
{
	static const struct {
		enum ns_kind kind;
		const char *word;
	} namespaces[] = {
		[OWNER_NETWORK] = { NS_NETWORK, "network" },
		[OWNER_IPC] = { NS_IPC, "ipc" },
		[OWNER_UTS] = { NS_UTS, "uts" },
		[OWNER_USER] = { NS_USER, "user" },
	};
	const struct spec_pair *sysctl = spec->sysctl;

	for (size_t i = 0; i < spec->sysctl_len; i++) {
		char path[PATH_MAX];
		enum owner owner;

		if (key_to_path(sysctl[i].key, path, sizeof(path)) < 0)
			return error_at(err, -EINVAL, "/linux/sysctl", "'%s' is not the name of a setting",
					sysctl[i].key);
		owner = owner_of(path);
		if (owner == OWNER_NONE)
			return error_at(err, -EINVAL, "/linux/sysctl",
					"'%s' belongs to the host, not to a "
					"namespace",
					sysctl[i].key);
		if (!spec->namespaces[namespaces[owner].kind].listed)
			return error_at(err, -EINVAL, "/linux/sysctl",
					"'%s' needs a %s namespace of the container's own", sysctl[i].key,
					namespaces[owner].word);
	}
	return 0;
}

/*
 * Only the host's root may write these files. The system calls check the owner of the UTS namespace instead.
 */
static int set_name(const char *path, const char *value)
{
	const size_t len = strcspn(value, "\n");
	int r = strcmp(path, "kernel/hostname") == 0 ? sethostname(value, len) : setdomainname(value, len);

	return r < 0 ? -errno : 0;
}

static int write_setting(int sys_fd, const char *path, const char *value)
{
	auto_close int fd = sys_openat2(sys_fd, path, O_WRONLY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);

	return fd < 0 ? fd : io_write_all(fd, value, strlen(value));
}

int sysctl_apply(int proc_fd, const struct spec_pair *sysctl, size_t len, struct error *err)
{
	auto_close int sys_fd = -1;

	if (len == 0)
		return 0;
	sys_fd = openat(proc_fd, "sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (sys_fd < 0)
		return error_sys(err, -errno, "open '/proc/sys'");
	for (size_t i = 0; i < len; i++) {
		char path[PATH_MAX];
		int r = key_to_path(sysctl[i].key, path, sizeof(path));

		if (r == 0)
			r = owner_of(path) == OWNER_UTS ? set_name(path, sysctl[i].value) :
							  write_setting(sys_fd, path, sysctl[i].value);
		if (r < 0)
			return error_sys(err, r, "set sysctl '%s' to '%s'", sysctl[i].key, sysctl[i].value);
	}
	return 0;
}

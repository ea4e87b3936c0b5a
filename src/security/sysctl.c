/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "json/pointer.h"
#include "security/security.h"
#include "spec/spec.h"
#include "syscall/open.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/log.h"

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
	return path[0] == '/' || path[strlen(path) - 1] == '/' || strstr(path, "//") || strstr(path, "..") ?
		       -EINVAL :
		       0;
}

/* Valid until the thread's next call. */
static const char *pointer_of(const struct spec_pair *setting)
{
	static _Thread_local char pointer[JSON_POINTER_MAX] = "/linux/sysctl";
	const size_t len = sizeof("/linux/sysctl") - 1;

	json_pointer_add(pointer + len, sizeof(pointer) - len, setting->key, 0);
	return pointer;
}

int sysctl_check_one(const struct spec *spec, const struct spec_pair *setting, struct error *err)
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
	char path[PATH_MAX];
	enum owner owner;

	if (key_to_path(setting->key, path, sizeof(path)) < 0)
		return error_at(err, -EINVAL, pointer_of(setting), "'%s' is not the name of a setting",
				setting->key);
	owner = owner_of(path);
	if (owner == OWNER_NONE)
		return error_at(err, -EINVAL, pointer_of(setting),
				"'%s' belongs to the host, not to a namespace", setting->key);
	if (!spec->namespaces[namespaces[owner].kind].listed)
		return error_at(err, -EINVAL, pointer_of(setting),
				"'%s' needs a %s namespace of the container's own", setting->key,
				namespaces[owner].word);
	return 0;
}

int sysctl_check(const struct spec *spec, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < spec->sysctl_len; i++)
		r = sysctl_check_one(spec, &spec->sysctl[i], err);
	return r;
}

/* Whether a setting belongs to a network device, which only the container may have. */
static bool is_of_device(const char *path)
{
	static const char *const directories[] = { "net/ipv4/conf/", "net/ipv6/conf/", "net/ipv4/neigh/",
						   "net/ipv6/neigh/", "net/mpls/conf/" };
	static const char *const everywhere[] = { "all/", "default/", "lo/" };

	for (size_t i = 0; i < ARRAY_LEN(directories); i++) {
		const size_t len = strlen(directories[i]);

		if (strncmp(path, directories[i], len) != 0)
			continue;
		for (size_t j = 0; j < ARRAY_LEN(everywhere); j++)
			if (strncmp(path + len, everywhere[j], strlen(everywhere[j])) == 0)
				return false;
		return true;
	}
	return false;
}

int sysctl_find(const struct spec_pair *setting, struct error *err)
{
	char path[PATH_MAX], file[PATH_MAX + sizeof("/proc/sys/")];

	if (key_to_path(setting->key, path, sizeof(path)) < 0 || is_of_device(path))
		return 0;
	snprintf(file, sizeof(file), "/proc/sys/%s", path);
	/* Other errors do not prove absence. */
	if (faccessat(AT_FDCWD, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
		return 0;
	return error_at(err, -EOPNOTSUPP, pointer_of(setting),
			"this host has no setting '%s': a kernel without it, or a module that is not loaded",
			setting->key);
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

		log_debug("sysctl %s = %s", sysctl[i].key, sysctl[i].value);
		if (r == 0)
			r = owner_of(path) == OWNER_UTS ? set_name(path, sysctl[i].value) :
							  write_setting(sys_fd, path, sysctl[i].value);
		if (r < 0)
			return error_sys(err, r, "set sysctl '%s' to '%s'", sysctl[i].key, sysctl[i].value);
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */

/* Small restrictions: rlimits, no_new_privs, the OOM score, the session keyring. */

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "security/security.h"
#include "spec/spec.h"
#include "syscall/process.h"
#include "util/error.h"
#include "util/io.h"
#include "util/log.h"

/* Returns whether this limit can make one of krun's own steps fail, or kill the process. */
static bool holds_krun_back(int resource)
{
	switch (resource) {
	case RLIMIT_AS:
	case RLIMIT_DATA:
	case RLIMIT_FSIZE:
	case RLIMIT_NOFILE:
	case RLIMIT_STACK:
		return true;
	default:
		return false;
	}
}

static int set_limit(pid_t pid, const struct spec_rlimit *wanted, const struct rlimit *limit,
		     struct error *err)
{
	if (prlimit(pid, wanted->resource, limit, NULL) < 0)
		return error_sys(err, -errno, "set %s to %llu:%llu", wanted->name,
				 (unsigned long long)wanted->soft, (unsigned long long)wanted->hard);
	return 0;
}

static int raise_hard_limit(pid_t pid, const struct spec_rlimit *wanted, struct error *err)
{
	struct rlimit limit;

	if (prlimit(pid, wanted->resource, NULL, &limit) < 0)
		return error_sys(err, -errno, "read %s", wanted->name);
	if (wanted->hard <= limit.rlim_max)
		return 0;
	limit.rlim_max = wanted->hard;
	return set_limit(pid, wanted, &limit, err);
}

int rlimits_prepare(pid_t pid, const struct spec_rlimit *rlimits, size_t len, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < len; i++) {
		const struct rlimit limit = { rlimits[i].soft, rlimits[i].hard };

		log_debug("limit %d: %llu, at most %llu", rlimits[i].resource,
			  (unsigned long long)limit.rlim_cur, (unsigned long long)limit.rlim_max);
		r = holds_krun_back(rlimits[i].resource) ? raise_hard_limit(pid, &rlimits[i], err) :
							   set_limit(pid, &rlimits[i], &limit, err);
	}
	return r;
}

int rlimits_finish(const struct spec_rlimit *rlimits, size_t len, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < len; i++) {
		const struct rlimit limit = { rlimits[i].soft, rlimits[i].hard };

		if (holds_krun_back(rlimits[i].resource))
			r = set_limit(0, &rlimits[i], &limit, err);
	}
	return r;
}

int no_new_privs_apply(struct error *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_sys(err, -errno, "set no_new_privs");
	return 0;
}

bool no_new_privs_is_set(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

static void oom_score_path(pid_t pid, char *path, size_t size)
{
	if (pid == 0)
		snprintf(path, size, "self/oom_score_adj");
	else
		snprintf(path, size, "%d/oom_score_adj", pid);
}

int64_t oom_score_read(int proc_fd)
{
	char now[16];

	return io_read_small(proc_fd, "self/oom_score_adj", now, sizeof(now)) > 0 ? strtoll(now, NULL, 10) :
										    0;
}

int oom_score_apply(int proc_fd, pid_t pid, int64_t score, struct error *err)
{
	char text[16], now[16], path[40];
	int r;

	oom_score_path(pid, path, sizeof(path));
	snprintf(text, sizeof(text), "%lld", (long long)score);
	/* Lowering the value needs CAP_SYS_RESOURCE. Rootless engines send the value that is already set. */
	if (io_read_small(proc_fd, path, now, sizeof(now)) > 0 && strcmp(now, text) == 0)
		return 0;
	r = io_write_existing(proc_fd, path, text);
	return r < 0 ? error_sys(err, r, "set oom_score_adj to %s", text) : 0;
}

/* Adds search permission for the key's owner to the permissions in "type;uid;gid;permissions;description". */
static void make_searchable(long key)
{
	char text[512], *permissions = text;
	int n = sys_keyctl_describe(key, text, sizeof(text) - 1);
	unsigned long mask;

	if (n <= 0)
		return;
	text[(size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1] = '\0';
	for (int field = 0; field < 3 && permissions; field++) {
		permissions = strchr(permissions, ';');
		if (permissions)
			permissions++;
	}
	if (!permissions)
		return;
	mask = strtoul(permissions, NULL, 16);
	/* KEY_USR_SEARCH, linux/key.h */
	sys_keyctl_setperm(key, (uint32_t)(mask | 0x00080000));
}

int keyring_apply(const char *name, const struct lsm_files *files, const char *selinux_label,
		  struct error *err)
{
	long key;
	int r = selinux_label ? selinux_apply_to_keys(files, selinux_label, err) : 0;

	if (r < 0)
		return r;
	key = sys_join_session_keyring(name);
	/*
	 * The kernel has no keys, the quota is used up, or a seccomp filter around krun refuses: the
	 * container can run without.
	 */
	if (key == -ENOSYS || key == -EDQUOT || key == -EACCES || key == -EPERM) {
		log_debug("no session keyring: %s", error_reason((int)key));
		return 0;
	}
	if (key < 0)
		return error_sys(err, (int)key, "make the session keyring '%s'", name);
	make_searchable(key);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "security/security.h"
#include "spec/spec.h"
#include "syscall/process.h"
#include "util/error.h"
#include "util/log.h"

static bool needs_groups(const struct spec_user *user)
{
	for (size_t i = 0; i < user->additional_gids_len; i++)
		if (user->additional_gids[i] != user->gid)
			return true;
	return false;
}

int identity_check_groups(const struct spec_user *user, bool set_groups, struct error *err)
{
	return set_groups || !needs_groups(user) ?
		       0 :
		       error_set(err, -EPERM,
				 "setgroups(2) is denied in the container's user namespace, as in each that "
				 "is made without privilege");
}

int identity_apply(const struct spec_user *user, bool set_groups, struct error *err)
{
	int r;

	log_debug("user %u, group %u, %zu other groups%s", user->uid, user->gid, user->additional_gids_len,
		  set_groups ? "" : ", which stay as they are");
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return error_sys(err, -errno, "keep capabilities");
	if (set_groups) {
		r = sys_setgroups(user->additional_gids_len, user->additional_gids);
		if (r < 0)
			return error_sys(err, r, "set supplementary groups");
	}
	r = sys_setresgid(user->gid);
	if (r < 0)
		return error_sys(err, r, "set gid %u", user->gid);
	r = sys_setresuid(user->uid);
	if (r < 0)
		return error_sys(err, r, "set uid %u", user->uid);
	umask(user->umask.set ? (mode_t)user->umask.value : 0022);
	return 0;
}

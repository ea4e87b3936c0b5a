/* SPDX-License-Identifier: Apache-2.0 */
#include "ns/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "ns/plan.h"
#include "syscall/capability.h"
#include "util/error.h"
#include "util/io.h"

static bool is_privileged(void)
{
	struct capability_sets sets;

	/* What cannot be told is left to the kernel. */
	return sys_capget(&sets) < 0 || (sets.effective & (UINT64_C(1) << CAP_SYS_ADMIN));
}

int ns_check_privilege(const struct ns_plan *plan, const char *program, struct error *err)
{
	const bool makes_any = plan->create || plan->new_cgroup || plan->new_time;

	if (!makes_any || (plan->listed & CLONE_NEWUSER) || is_privileged())
		return 0;
	return error_at(
		err, -EPERM, "/linux/namespaces",
		"without a user namespace only root may make others: '%s spec --rootless --file "
		"rootless.json' writes a config with one, which '%s run --config rootless.json ID' runs",
		program, program);
}

static bool setting_is(const char *path, const char *value)
{
	char text[32];

	return io_read_small(AT_FDCWD, path, text, sizeof(text)) > 0 && strcmp(text, value) == 0;
}

int ns_explain_refusal(const struct ns_plan *plan, struct error *err)
{
	if (!(plan->create & CLONE_NEWUSER) || (err->code != -EPERM && err->code != -ENOSPC))
		return err->code;
	if (setting_is("/proc/sys/user/max_user_namespaces", "0"))
		return error_append(err, "this host forbids user namespaces: sysctl user.max_user_namespaces "
					 "is 0");
	if (is_privileged())
		return err->code;
	if (setting_is("/proc/sys/kernel/unprivileged_userns_clone", "0"))
		return error_append(err, "this host forbids user namespaces to ordinary users: sysctl "
					 "kernel.unprivileged_userns_clone is 0");
	if (setting_is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"))
		return error_append(err, "this host lets ordinary users have user namespaces only with an "
					 "AppArmor profile that has 'userns,': sysctl "
					 "kernel.apparmor_restrict_unprivileged_userns is 1");
	return err->code;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ns/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "ns/kinds.h"
#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"

void ns_plan_make(const struct spec *spec, struct ns_plan *ret)
{
	struct ns_plan plan = { 0 };
	bool joins = false;

	for (int i = 0; i < NS_KIND_COUNT; i++) {
		const struct spec_namespace *ns = &spec->namespaces[i];

		plan.join[i] = -1;
		if (!ns->listed)
			continue;
		plan.listed |= ns_kinds[i].flag;
		if (ns->path)
			joins = true;
		else if (i == NS_CGROUP)
			plan.new_cgroup = true;
		else if (i == NS_TIME)
			plan.new_time = true;
		else
			plan.create |= ns_kinds[i].flag;
	}
	plan.stage = plan.new_time || spec->namespaces[NS_USER].path || spec->namespaces[NS_PID].path ||
		     spec->namespaces[NS_TIME].path || ((plan.create & CLONE_NEWUSER) && joins);
	plan.new_network = plan.create & CLONE_NEWNET;
	*ret = plan;
}

static bool is_own(int fd, const char *path)
{
	struct stat given, own;

	return fstat(fd, &given) == 0 && stat(path, &own) == 0 && is_same_file(&given, &own);
}

int ns_plan_open(struct ns_plan *plan, const struct spec *spec, struct error *err)
{
	for (int i = 0; i < NS_KIND_COUNT; i++) {
		const char *path = spec->namespaces[i].path;
		int type;

		if (spec->namespaces[i].listed)
			log_debug("namespace %s: %s%s", spec_namespace_words[i], path ? "joined, " : "new",
				  path ? path : "");
		if (!path)
			continue;
		/* A FIFO at this path must not keep krun waiting for its writer. */
		plan->join[i] = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (plan->join[i] < 0)
			return error_sys_at(err, -errno, "/linux/namespaces", "%s namespace '%s'",
					    spec_namespace_words[i], path);
		type = ioctl(plan->join[i], NS_GET_NSTYPE);
		if (type < 0)
			return error_at(err, -EINVAL, "/linux/namespaces",
					"%s namespace '%s': not a namespace file", spec_namespace_words[i],
					path);
		if ((uint64_t)type != ns_kinds[i].flag)
			return error_at(err, -EINVAL, "/linux/namespaces",
					"%s namespace '%s': a namespace of another kind",
					spec_namespace_words[i], path);
		if (i == NS_USER && is_own(plan->join[i], "/proc/self/ns/user"))
			return error_at(err, -EINVAL, "/linux/namespaces",
					"user namespace '%s': krun's own, which the kernel lets nobody join "
					"again: leave it out",
					path);
	}
	return 0;
}

void ns_plan_done(struct ns_plan *plan)
{
	for (int i = 0; i < NS_KIND_COUNT; i++)
		cleanup_close(&plan->join[i]);
}

bool ns_plan_has(const struct ns_plan *plan, enum ns_kind kind)
{
	return plan->listed & ns_kinds[kind].flag;
}

int ns_plan_join(struct ns_plan *plan, uint64_t mask, bool last, struct error *err)
{
	for (int i = 0; i < NS_KIND_COUNT; i++) {
		if (plan->join[i] < 0 || !(mask & ns_kinds[i].flag))
			continue;
		if (setns(plan->join[i], (int)ns_kinds[i].flag) < 0) {
			if (errno == EPERM && !last)
				continue;
			return error_sys(err, -errno, "join %s namespace", spec_namespace_words[i]);
		}
		cleanup_close(&plan->join[i]);
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */

/* Makes the cgroup of a new container, sets its limits, delegates it, and records it in the state. */

#include <errno.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "krun/annotations.h"
#include "launch/launch.h"
#include "ns/idmap.h"
#include "spec/place.h"
#include "state/runtime_options.h"
#include "state/state_dir.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"
#include "util/proc.h"

/* Returns whether the container may write in its own cgroup: config-linux.md "Cgroup ownership". */
static bool has_writable_cgroup(const struct spec *spec)
{
	const struct spec_namespace *cgroup = &spec->namespaces[NS_CGROUP];
	const struct spec_mount *mount = spec_mount_at(spec, "/sys/fs/cgroup");

	return cgroup->listed && !cgroup->path && mount && strncmp(mount->type, "cgroup", 6) == 0 &&
	       !((mount->options.attr_set | mount->options.rec_attr_set) & MOUNT_ATTR_RDONLY);
}

/*
 * Makes the cgroups below the container's that annotations ask for: one below systemd's scope, and one to be
 * delegated.
 */
static int make_below(struct launch *launch, struct error *err)
{
	const char *subgroup = spec_annotation(launch->spec, KRUN_ANNOTATION_SYSTEMD_SUBGROUP);
	const char *delegate = spec_annotation(launch->spec, KRUN_ANNOTATION_DELEGATE_CGROUP);
	auto_free char *below = NULL;

	if (!launch->cgroup.place.unit)
		subgroup = NULL;
	if ((!subgroup || !*subgroup) && (!delegate || !*delegate))
		return 0;
	if (asprintf(&below, "%s/%s", subgroup ? subgroup : "", delegate ? delegate : "") < 0) {
		below = NULL;
		return error_oom(err);
	}
	launch->payload_cgroup_fd = cgroup_make_below(&launch->cgroup, below, err);
	launch->state.cgroup_below = true;
	return launch->payload_cgroup_fd < 0 ?
		       error_place(err, delegate && *delegate ?
						"/annotations/" KRUN_ANNOTATION_DELEGATE_CGROUP :
						"/annotations/" KRUN_ANNOTATION_SYSTEMD_SUBGROUP) :
		       0;
}

/*
 * Returns the program's user on the host. In a joined user namespace the kernel's map decides, not
 * config.json.
 */
static bool find_owner(const struct launch *launch, uid_t *ret)
{
	const struct spec_id_maps *maps = &launch->spec->id_maps;
	const uid_t uid = launch->process.user.uid;

	if (!launch->spec->namespaces[NS_USER].path)
		return idmap_to_host(maps->uids, maps->uids_len, uid, ret);
	/* A restored container has no process yet. */
	return launch->child.pid > 0 && idmap_user_of(launch->proc_fd, launch->child.pid, uid, ret);
}

int launch_cgroup_delegate(struct launch *launch, struct error *err)
{
	const int dir_fd = launch->payload_cgroup_fd >= 0 ? launch->payload_cgroup_fd : launch->cgroup.dir_fd;
	uid_t uid;

	if (dir_fd < 0 || geteuid() != 0 || !has_writable_cgroup(launch->spec) || !find_owner(launch, &uid) ||
	    uid == 0)
		return 0;
	return cgroup_delegate(dir_fd, uid, err);
}

/* @user: the request is that of an ordinary user. */
static struct cgroup_request request_of(const char *id, const struct spec *spec,
					const struct runtime_options *runtime, bool user)
{
	return (struct cgroup_request){
		.id = id,
		.spec_path = spec->cgroups_path,
		.manager = runtime->manager,
		.user = user,
		.root_fd = -1,
		.annotations = spec->annotations,
		.annotations_len = spec->annotations_len,
	};
}

int launch_cgroup_plan(struct launch *launch, struct error *err)
{
	const struct cgroup_request request = request_of(launch->request->id, launch->spec,
							 launch->request->runtime, proc_is_ordinary_user());

	return cgroup_plan_make(&request, &launch->spec->resources, &launch->cgroup_plan, err);
}

static int check_below(const struct spec *spec, const char *annotation, struct error *err)
{
	const char *name = spec_annotation(spec, annotation);
	const char *trouble = name ? cgroup_name_trouble(name) : NULL;

	return trouble ? error_at(err, -EINVAL, error_pointer("/annotations/%s", annotation), "'%s' %s", name,
				  trouble) :
			 0;
}

int launch_cgroup_check(const struct spec *spec, const struct runtime_options *runtime, struct error *err)
{
	const struct cgroup_request request = request_of("ID", spec, runtime, proc_is_ordinary_user());
	struct cgroup_plan plan;
	int r = cgroup_plan_make(&request, &spec->resources, &plan, err);

	if (r < 0)
		return r;
	cgroup_plan_done(&plan);
	r = check_below(spec, KRUN_ANNOTATION_DELEGATE_CGROUP, err);
	/* Only a scope has a subgroup. */
	if (r == 0 && runtime->manager == CGROUP_SYSTEMD)
		r = check_below(spec, KRUN_ANNOTATION_SYSTEMD_SUBGROUP, err);
	return r;
}

static int create(struct launch *launch, struct error *err)
{
	auto_close int root_fd = state_root_open(launch->request->runtime, true, err);
	struct cgroup_request request = request_of(launch->request->id, launch->spec,
						   launch->request->runtime, launch->cgroup_plan.place.user);

	if (root_fd < 0)
		return root_fd;
	request.root_fd = root_fd;
	return cgroup_create(&request, &launch->cgroup_plan, &launch->cgroup, err);
}

int launch_cgroup_filter(struct launch *launch, struct error *err)
{
	struct spec_device_rule extra[KM_DEVICES_MAX];
	size_t extra_len;

	if (!launch->cgroup.place.path)
		return 0;
	extra_len = launch->has_km ? km_device_rules(&launch->km, NULL, extra) : 0;
	return cgroup_filter_devices(&launch->cgroup, &launch->spec->resources, extra, extra_len, err);
}

int launch_cgroup_make(struct launch *launch, struct error *err)
{
	struct cgroup_place *place = &launch->state.cgroup;
	int r = 0;

	/*
	 * The state has the place before the cgroup exists, so that `delete` finds the cgroup of a killed
	 * create. A scope's place is known only after systemd made it; until the container is in it, the
	 * scope ends with this command.
	 */
	if (cgroup_place_copy(&launch->cgroup_plan.place, place) < 0)
		return error_oom(err);
	if (!place->unit)
		r = state_save(launch->dir_fd, &launch->state, err);
	if (r == 0)
		r = create(launch, err);
	if (r < 0)
		return r;
	cgroup_place_done(place);
	if (cgroup_place_copy(&launch->cgroup.place, place) < 0)
		return error_oom(err);
	log_debug("cgroup '%s', made by %s%s", place->path ? place->path : "(none)",
		  place->unit ? "systemd as unit " : "krun", place->unit ? place->unit : "");
	if (!place->path)
		return 0;
	r = cgroup_limit(&launch->cgroup, &launch->cgroup_plan, err);
	if (r == 0 && place->unit)
		r = state_save(launch->dir_fd, &launch->state, err);
	return r < 0 ? r : make_below(launch, err);
}

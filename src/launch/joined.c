/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A container in a mount namespace that krun did not make: config.json names one (joined), or lists none
 * (krun's own). Its mounts and the root of its processes belong to others, so that krun mounts nothing there.
 * The container's root is a directory, by chroot(2). Properties that need a mount are refused.
 */

#include <errno.h>
#include <fcntl.h>

#include "launch/launch.h"
#include "launch/notify.h"
#include "util/array.h"
#include "util/error.h"

struct refusal {
	bool asked;
	const char *what;
};

static const char *find_refusal(const struct refusal *list, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (list[i].asked)
			return list[i].what;
	return NULL;
}

bool launch_joins_mounts(const struct spec *spec)
{
	const struct spec_namespace *namespace = &spec->namespaces[NS_MOUNT];

	return !namespace->listed || namespace->path;
}

const char *launch_joined_refusal(const struct spec *spec)
{
	const struct refusal list[] = {
		{ spec->mounts_len > 0, "/mounts" },
		{ spec->rootfs_readonly, "/root/readonly" },
		{ spec->process && spec->process->terminal, "/process/terminal" },
		{ spec->devices_len > 0, "/linux/devices" },
		{ spec->masked_paths && *spec->masked_paths, "/linux/maskedPaths" },
		{ spec->readonly_paths && *spec->readonly_paths, "/linux/readonlyPaths" },
		{ spec->rootfs_propagation != 0, "/linux/rootfsPropagation" },
	};

	return launch_joins_mounts(spec) ? find_refusal(list, ARRAY_LEN(list)) : NULL;
}

static const char *find_own_refusal(const struct launch *launch)
{
	const struct refusal list[] = {
		{ notify_wanted(launch->process.env), "NOTIFY_SOCKET" },
		{ launch->has_km, "the km mode" },
		{ launch->request->image_path, "--image-path" },
		/* The hook's program would be found in the mounts of others, and run with all privileges. */
		{ launch->spec->namespaces[NS_MOUNT].path &&
			  launch->spec->hooks[HOOK_CREATE_CONTAINER].len > 0,
		  "a createContainer hook" },
	};

	return find_refusal(list, ARRAY_LEN(list));
}

int launch_joined_check(struct launch *launch, struct error *err)
{
	const struct spec *spec = launch->spec;
	const char *path = spec->namespaces[NS_MOUNT].path, *what = launch_joined_refusal(spec);

	launch->state.joined_mounts = launch_joins_mounts(spec);
	if (!launch->state.joined_mounts)
		return 0;
	if (!what)
		what = find_own_refusal(launch);
	if (!what)
		return 0;
	if (!path)
		return error_at(err, -EOPNOTSUPP, "/linux/namespaces",
				"no mount namespace is listed, and %s needs "
				"mounts, which krun makes only in a mount namespace of the container's own",
				what);
	return error_at(err, -EOPNOTSUPP, "/linux/namespaces",
			"the mount namespace '%s' is joined, and %s needs mounts, "
			"which krun makes only in a mount namespace of the container's own",
			path, what);
}

int launch_joined_open(struct launch *launch, struct error *err)
{
	const char *path = launch->spec->rootfs;

	launch->joined_root_fd = openat(launch->bundle_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return launch->joined_root_fd < 0 ? error_sys_at(err, -errno, "/root/path", "'%s'", path) : 0;
}

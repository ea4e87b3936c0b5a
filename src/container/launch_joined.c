/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A container in a mount namespace that krun did not make: its mounts, and the root of the processes that are in it, belong to somebody
 * else. Nothing is mounted there; the container's root is a directory, by chroot(2). Whatever would need a mount is refused.
 */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "container/launch.h"
#include "container/notify.h"
#include "util/array.h"
#include "util/error.h"

static int check_spec(const struct launch *launch, struct error *err)
{
	const struct spec *spec = launch->spec;
	const struct {
		bool asked;
		const char *what;
	} refused[] = {
		{ spec->mounts_len > 0, "/mounts" },
		{ spec->rootfs_readonly, "/root/readonly" },
		{ launch->process.terminal, "/process/terminal" },
		{ spec->devices_len > 0, "/linux/devices" },
		{ spec->masked_paths && *spec->masked_paths, "/linux/maskedPaths" },
		{ spec->readonly_paths && *spec->readonly_paths, "/linux/readonlyPaths" },
		{ spec->rootfs_propagation != 0, "/linux/rootfsPropagation" },
		{ notify_wanted(launch->process.env), "NOTIFY_SOCKET" },
		{ launch->has_km, "the km personality" },
		{ launch->request->image_path, "--image-path" },
	};

	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (refused[i].asked)
			return error_set(
				err, -EOPNOTSUPP,
				"config.json: /linux/namespaces: the mount namespace '%s' is joined, and %s "
				"takes mounts, which krun makes in a namespace of its own only",
				spec->namespaces[NS_MOUNT].path, refused[i].what);
	return 0;
}

int launch_joined_check(struct launch *launch, struct error *err)
{
	launch->state.joined_mounts = launch->spec->namespaces[NS_MOUNT].path;
	return launch->state.joined_mounts ? check_spec(launch, err) : 0;
}

int launch_joined_open(struct launch *launch, struct error *err)
{
	const char *path = launch->spec->rootfs;

	launch->joined_root_fd = openat(launch->bundle_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return launch->joined_root_fd < 0 ? error_sys(err, -errno, "config.json: /root/path: '%s'", path) : 0;
}

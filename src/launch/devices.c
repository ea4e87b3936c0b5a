/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The owners of linux.devices on the host. For a container in a user namespace the parent makes the nodes
 * (mount/mount.h).
 */

#include <stdlib.h>
#include <unistd.h>

#include "launch/launch.h"
#include "mount/mount.h"
#include "ns/idmap.h"
#include "spec/spec.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"

/*
 * An owner without a mapping leaves the node to the host's root, which the container sees as nobody (65534).
 */
static struct mount_owner owner_of(const struct spec_id_maps *maps, const char *uids, const char *gids,
				   const struct spec_device *device)
{
	struct mount_owner owner = { 0 };
	const bool found = uids ? idmap_find(uids, device->uid, &owner.uid) &&
					   idmap_find(gids, device->gid, &owner.gid) :
				  idmap_to_host(maps->uids, maps->uids_len, device->uid, &owner.uid) &&
					   idmap_to_host(maps->gids, maps->gids_len, device->gid, &owner.gid);

	if (found)
		return owner;
	log_warning("device '%s': its owner %u:%u is not mapped in the user namespace; it belongs to nobody "
		    "there",
		    device->path, device->uid, device->gid);
	return (struct mount_owner){ 0 };
}

int launch_device_owners(const struct launch *launch, struct mount_owner **ret, struct error *err)
{
	const struct spec *spec = launch->spec;
	auto_free char *uids = NULL;
	auto_free char *gids = NULL;
	struct mount_owner *owners;
	int r = 0;

	*ret = NULL;
	if (!spec->namespaces[NS_USER].listed || geteuid() != 0 || spec->devices_len == 0)
		return 0;
	if (spec->namespaces[NS_USER].path)
		r = idmap_read(launch->proc_fd, launch->ns.join[NS_USER], &uids, &gids);
	if (r < 0)
		return error_sys(err, r, "read the maps of user namespace '%s'",
				 spec->namespaces[NS_USER].path);
	owners = calloc(spec->devices_len, sizeof(*owners));
	if (!owners)
		return error_oom(err);
	for (size_t i = 0; i < spec->devices_len; i++)
		owners[i] = owner_of(&spec->id_maps, uids, gids, &spec->devices[i]);
	*ret = owners;
	return 0;
}

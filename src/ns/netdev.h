/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * linux.netDevices: moves network devices of the host into the container's network namespace, rtnetlink(7).
 * Up to 64 permanent global addresses are moved, too, and the device is up afterwards. When the namespace
 * ends, the kernel returns a physical device to the host and deletes a virtual one.
 */

#include <stddef.h>

struct error;
struct spec_net_device;

/*
 * In the parent, which enters @netns_fd for a moment. Needs CAP_NET_ADMIN in the user namespaces that own
 * both network namespaces, and CAP_SYS_ADMIN for setns(2). 0, or a negative errno and an error about the
 * device's place in config.json.
 */
int netdev_move(const struct spec_net_device *devices, size_t len, int netns_fd, struct error *err);

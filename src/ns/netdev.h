/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * linux.netDevices: devices of the host that move into the container's network namespace, rtnetlink(7). The permanent
 * global addresses come along and the device is up afterwards. What becomes of a device when the namespace goes is the
 * kernel's business: a physical one returns, a virtual one ends.
 */

#include <stddef.h>

struct error;
struct spec_net_device;

/* Parent, with CAP_NET_ADMIN on the host and in @netns_fd's owner. Errors name the device. */
int netdev_move(const struct spec_net_device *devices, size_t len, int netns_fd, struct error *err);

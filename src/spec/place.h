/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Paths of the container in config.json: destinations, devices, masked and read-only paths, the working directory, the root. They are
 * normalised once, when they are read (util/path.h), in config.json as in the files of `exec`, `update` and `mounts`, and nobody
 * else compares their texts. Sources of mounts, programs of hooks and other paths of the host stay as they are written.
 */

struct spec;
struct spec_mount;

/*
 * What config.json mounts on exactly @path, an absolute one: the last of several, because it covers the others. NULL: nothing. A
 * ".." counts as if there were no symbolic links in front of it; where that is not so, what is really there is seen when it is opened.
 */
const struct spec_mount *spec_mount_at(const struct spec *spec, const char *path);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Paths of the container in config.json: mount destinations, devices, masked and read-only paths, the working
 * directory, and root.path. They are normalised once, when config.json or the file of `exec` or `mounts` is
 * read (util/path.h). Sources of mounts, programs of hooks and other paths of the host are not changed.
 */

struct spec;
struct spec_mount;

/* Makes .places, when .mounts were read. -ENOMEM. */
int spec_places_make(struct spec *spec);

/*
 * Returns the mount of config.json on exactly @path, which is absolute, or NULL; the last of several, because
 * it covers the others. Remounts are skipped. ".." is resolved by its text, as if no directory were a
 * symbolic link (path_is_same_place()).
 */
const struct spec_mount *spec_mount_at(const struct spec *spec, const char *path);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A part of `validate`: whether the container's program can be found, without making the container. */

struct json_findings;
struct spec;

/*
 * Looks for process.args[0] below @root_fd (O_PATH) as execvp(3) will in the container. Nothing is said
 * where it cannot be known: below a mount, at @monitor (km, which krun mounts; NULL: none), or when a
 * directory may not be searched. With a hook that may change the rootfs the finding is a warning. @spec has
 * a process.
 */
void validate_program(const struct spec *spec, int root_fd, const char *monitor,
		      struct json_findings *findings);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Programs of the host. */

#include <stddef.h>

/*
 * Finds an executable program in the absolute directories of PATH, then in those of PATH_DEFAULT, because
 * engines may not set PATH, and a user's may lack the sbin directories. Returns 1 with its @path, 0 if it is
 * in none, or a negative errno when a directory could not be looked at.
 */
int find_program(const char *name, char *path, size_t size);

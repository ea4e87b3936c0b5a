/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The text of passwd(5): the C library's functions could load a name service (HACKING.md). Pure. */

#include <sys/types.h>

/* A file that is larger is not read. */
enum { PASSWD_SIZE_MAX = 1024 * 1024 };

/* Finds the name of the user @uid in @passwd. The caller frees it; NULL: there is none, or no memory. */
char *passwd_user_name(const char *passwd, uid_t uid);

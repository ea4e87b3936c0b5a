/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The eight kinds of namespaces: their clone(2) flags and their names in /proc/PID/ns (namespaces(7)). */

#include <stdint.h>

#include "spec/spec.h"

struct ns_kind_info {
	uint64_t flag;	       /* CLONE_NEW* */
	const char *proc_name; /* "net" */
};

extern const struct ns_kind_info ns_kinds[NS_KIND_COUNT];

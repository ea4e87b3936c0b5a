/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct error;
struct state;

/*
 * The processes of a container, sorted: those of its cgroup; without one of its own (an ordinary user's, --cgroup-manager disabled)
 * when its first process is 1 of a pid namespace, everybody in that namespace, also if it is below another one; else that process
 * alone, because nothing tells its children from others'. The caller frees *ret.
 */
int members_list(const struct state *state, pid_t **ret, size_t *ret_len, struct error *err);

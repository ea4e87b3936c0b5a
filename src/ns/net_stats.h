/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The interfaces of a process's network namespace and what went through them, as /proc/PID/net/dev shows (proc_pid_net(5)). */

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_direction {
	uint64_t bytes, packets, errors, dropped;
};

struct net_interface {
	char name
		[IF_NAMESIZE]; /* any bytes but blanks, ':' and '/': whoever owns the namespace gives names */
	struct net_direction rx, tx;
};

/* Pure: the text of the file. The caller frees *ret. -ENOMEM. */
int net_stats_parse(const char *text, struct net_interface **ret, size_t *ret_len);

/*
 * @process_fd: directory /proc/PID. No interfaces once the process has ended: it has left the namespace. The caller frees
 * *ret. -ENOMEM, or what opening and reading say.
 */
int net_stats_read(int process_fd, struct net_interface **ret, size_t *ret_len);

/* Whether the process is in a network namespace other than ours; false when that cannot be told. */
bool net_stats_is_foreign(int process_fd);

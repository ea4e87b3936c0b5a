/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Interfaces of a process's network namespace and their counters: /proc/PID/net/dev, proc_pid_net(5). */

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_direction {
	uint64_t bytes, packets, errors, dropped;
};

struct net_interface {
	/* Chosen by the namespace's owner: any bytes but blanks, ':' and '/'. */
	char name[IF_NAMESIZE];
	struct net_direction rx, tx;
};

/* Pure: parses the text of the file. The caller frees *ret. -ENOMEM. */
int net_stats_parse(const char *text, struct net_interface **ret, size_t *ret_len);

/*
 * Reads the interfaces of the process whose /proc/PID directory is @process_fd; none once it has ended,
 * because it has left the namespace. The caller frees *ret. -ENOMEM, or the errno of opening or reading the
 * file.
 */
int net_stats_read(int process_fd, struct net_interface **ret, size_t *ret_len);

/* True when the process is in another network namespace than this one; false when that cannot be told. */
bool net_stats_is_foreign(int process_fd);

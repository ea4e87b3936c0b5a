/* SPDX-License-Identifier: Apache-2.0 */
#include "ns/net_stats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/io.h"

enum { TEXT_MAX = 64 * 1024 * 1024, COUNTERS_MAX = 512 };

/*
 * A line is "NAME: bytes packets errs drop fifo frame compressed multicast", then the same for sent data.
 * False: the header.
 */
static bool parse_line(const char *line, size_t len, struct net_interface *ret)
{
	const char *name = line + strspn(line, " "), *colon = memchr(line, ':', len);
	struct net_interface found = { 0 };
	char counters[COUNTERS_MAX];
	size_t rest;

	if (!colon || colon <= name || (size_t)(colon - name) >= sizeof(found.name))
		return false;
	memcpy(found.name, name, (size_t)(colon - name));
	/*
	 * sscanf(3) looks for the end of its whole text first, and the namespace's owner makes as many
	 * interfaces as he likes: from the file itself each line would cost as much as all that follow.
	 */
	rest = (size_t)(line + len - colon) - 1;
	rest = rest < sizeof(counters) ? rest : sizeof(counters) - 1;
	memcpy(counters, colon + 1, rest);
	counters[rest] = '\0';
	if (sscanf(counters,
		   "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %*u %*u %*u %" SCNu64 " %" SCNu64
		   " %" SCNu64 " %" SCNu64,
		   &found.rx.bytes, &found.rx.packets, &found.rx.errors, &found.rx.dropped, &found.tx.bytes,
		   &found.tx.packets, &found.tx.errors, &found.tx.dropped) != 8)
		return false;
	*ret = found;
	return true;
}

int net_stats_parse(const char *text, struct net_interface **ret, size_t *ret_len)
{
	struct net_interface *list;
	size_t lines = 1, len = 0;

	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	list = calloc(lines, sizeof(*list));
	if (!list)
		return -ENOMEM;
	while (*text) {
		size_t line_len = strcspn(text, "\n");

		if (parse_line(text, line_len, &list[len]))
			len++;
		text += line_len;
		text += *text == '\n';
	}
	*ret = list;
	*ret_len = len;
	return 0;
}

int net_stats_read(int process_fd, struct net_interface **ret, size_t *ret_len)
{
	auto_free char *text = NULL;
	int r = io_read_file(process_fd, "net/dev", TEXT_MAX, &text, NULL);

	return r < 0 ? r : net_stats_parse(text, ret, ret_len);
}

bool net_stats_is_foreign(int process_fd)
{
	struct stat ours, theirs;

	return stat("/proc/self/ns/net", &ours) == 0 && fstatat(process_fd, "ns/net", &theirs, 0) == 0 &&
	       !is_same_file(&ours, &theirs);
}

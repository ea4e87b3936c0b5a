/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "ns/net_stats.h"

void fuzz_one(const uint8_t *data, size_t size)
{
	struct net_interface *list = NULL;
	char *text = fuzz_text(data, size);
	size_t len = 0;

	fuzz_require(net_stats_parse(text, &list, &len) == 0);
	for (size_t i = 0; i < len; i++)
		fuzz_require(strnlen(list[i].name, IF_NAMESIZE) < IF_NAMESIZE);
	free(list);
	free(text);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdlib.h>

#include "monitor/monitor.h"
#include "util/proc.h"

/* A stat, a wchan and a status file of a process. */
void fuzz_one(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *parts[3];
	struct proc_stat stat;

	fuzz_split(text, parts, 3);
	if (proc_parse_stat(parts[0], &stat) < 0)
		fuzz_require(!km_task_is_frozen("", parts[1]));
	proc_parse_execution(parts[0]);
	km_task_is_frozen(parts[0], parts[1]);
	proc_parse_first(parts[2]);
	proc_is_identity_map(parts[2]);
	free(text);
}

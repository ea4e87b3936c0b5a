/* SPDX-License-Identifier: Apache-2.0 */

/* Texts of a timeline for people. What comes from the file is escaped. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "timeline/timeline.h"
#include "util/printable.h"

char *timeline_duration(uint64_t ns, char *text, size_t size)
{
	if (ns == 0)
		snprintf(text, size, "0");
	else if (ns < 1000)
		snprintf(text, size, "%" PRIu64 "ns", ns);
	else if (ns < 1000000)
		snprintf(text, size, "%" PRIu64 "us", ns / 1000);
	else if (ns < 1000000000)
		snprintf(text, size, "%" PRIu64 ".%03" PRIu64 "ms", ns / 1000000, ns / 1000 % 1000);
	else
		snprintf(text, size, "%" PRIu64 ".%03" PRIu64 "s", ns / 1000000000, ns / 1000000 % 1000);
	return text;
}

static void append(char *text, size_t size, const char *before, const char *more)
{
	size_t used = strlen(text);

	used += printable_copy(text + used, size - used, before, strlen(before), "");
	printable_copy(text + used, size - used, more, strlen(more), "");
}

char *timeline_describe(const struct timeline_slice *slice, char *text, size_t size)
{
	*text = '\0';
	append(text, size, "", slice->name);
	for (size_t i = 0; i < slice->notes_len; i++) {
		/* "wait for km" */
		const bool is_for = strcmp(slice->notes[i].key, "for") == 0;

		append(text, size, " ", slice->notes[i].key);
		append(text, size, is_for ? " " : "=", slice->notes[i].value);
	}
	return text;
}

char *timeline_process(const struct timeline_row *row, char *text, size_t size)
{
	char pid[32];

	snprintf(pid, sizeof(pid), " [%" PRId64 "]", row->pid);
	*text = '\0';
	append(text, size - strlen(pid), "", *row->name ? row->name : "process");
	append(text, size, pid, "");
	return text;
}

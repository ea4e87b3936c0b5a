/* SPDX-License-Identifier: Apache-2.0 */
#include "json/findings.h"

#include <stdlib.h>
#include <string.h>

void json_findings_add(struct json_findings *findings, enum json_severity severity, const char *pointer,
		       const char *reason)
{
	struct json_finding finding = { severity, strdup(pointer), strdup(reason) };
	struct json_finding *items = realloc(findings->items, (findings->len + 1) * sizeof(*items));

	if (items)
		findings->items = items;
	if (!items || !finding.pointer || !finding.reason) {
		findings->out_of_memory = true;
		free(finding.pointer);
		free(finding.reason);
		return;
	}
	items[findings->len++] = finding;
}

void json_findings_done(struct json_findings *findings)
{
	for (size_t i = 0; i < findings->len; i++) {
		free(findings->items[i].pointer);
		free(findings->items[i].reason);
	}
	free(findings->items);
	*findings = (struct json_findings){ 0 };
}

const char *json_severity_word(enum json_severity severity)
{
	static const char *const words[] = {
		[JSON_ERROR] = "error",
		[JSON_UNSUPPORTED] = "unsupported",
		[JSON_WARNING] = "warning",
		[JSON_UNKNOWN_KEY] = "unknown key",
	};

	return words[severity];
}

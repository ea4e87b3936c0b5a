/* SPDX-License-Identifier: Apache-2.0 */
#include "json/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"
#include "util/log.h"

void json_findings_add(struct json_findings *findings, enum json_severity severity, const char *pointer,
		       const char *format, ...)
{
	struct json_finding finding = { .severity = severity, .pointer = strdup(pointer) };
	struct json_finding *items = realloc(findings->items, (findings->len + 1) * sizeof(*items));

	va_list args;

	va_start(args, format);
	if (vasprintf(&finding.reason, format, args) < 0)
		finding.reason = NULL;
	va_end(args);
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

void json_findings_add_error(struct json_findings *findings, enum json_severity severity,
			     const struct error *found)
{
	char pointer[ERROR_POINTER_MAX];

	snprintf(pointer, sizeof(pointer), "%.*s", found->pointer_len, found->text);
	json_findings_add(findings, severity, pointer, "%s", error_reason_text(found));
}

void json_findings_warn(const struct json_findings *findings, const char *document, const char *base)
{
	for (size_t i = 0; i < findings->len; i++) {
		const struct json_finding *finding = &findings->items[i];

		const char *below = error_pointer_below(finding->pointer, base);

		if (finding->pointer[0])
			log_warning("%s: %s: %s", document, below ? below : finding->pointer,
				    finding->reason);
		else
			log_warning("%s", finding->reason);
	}
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

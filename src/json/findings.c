/* SPDX-License-Identifier: Apache-2.0 */
#include "json/findings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/locate.h"
#include "util/error.h"
#include "util/log.h"

/* Bytes that are read to find all places: a config.json of 64 MiB may have millions of findings. */
enum { SEARCHED_MAX = 256 * 1024 * 1024 };

void json_findings_move(struct json_findings *findings, struct json_finding *finding)
{
	struct json_finding *items = realloc(findings->items, (findings->len + 1) * sizeof(*items));

	if (!items) {
		findings->out_of_memory = true;
		return;
	}
	findings->items = items;
	items[findings->len++] = *finding;
	finding->pointer = finding->reason = NULL;
}

/* Returns NULL when there is no memory. */
__attribute__((format(printf, 4, 0))) static struct json_finding *add(struct json_findings *findings,
								      enum json_severity severity,
								      const char *pointer, const char *format,
								      va_list args)
{
	struct json_finding finding = { .severity = severity, .pointer = strdup(pointer) };

	if (vasprintf(&finding.reason, format, args) < 0)
		finding.reason = NULL;
	if (!finding.pointer || !finding.reason)
		findings->out_of_memory = true;
	else
		json_findings_move(findings, &finding);
	/* NULL when they have been moved. */
	if (finding.pointer || finding.reason) {
		free(finding.pointer);
		free(finding.reason);
		return NULL;
	}
	return &findings->items[findings->len - 1];
}

void json_findings_add(struct json_findings *findings, enum json_severity severity, const char *pointer,
		       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(findings, severity, pointer, format, args);
	va_end(args);
}

void json_findings_add_at(struct json_findings *findings, enum json_severity severity, const char *pointer,
			  size_t offset, const char *format, ...)
{
	struct json_finding *finding;
	va_list args;

	va_start(args, format);
	finding = add(findings, severity, pointer, format, args);
	va_end(args);
	if (!finding)
		return;
	finding->offset = offset;
	finding->len = 1;
}

void json_findings_mean_key(struct json_findings *findings)
{
	if (findings && findings->len > 0)
		findings->items[findings->len - 1].of_key = true;
}

void json_findings_of(struct json_findings *findings, const char *name, char *text, size_t size)
{
	free(findings->name);
	free(findings->text);
	findings->name = strdup(name);
	findings->text = text;
	findings->size = size;
	if (!findings->name)
		findings->out_of_memory = true;
}

void json_findings_locate(struct json_findings *findings)
{
	size_t budget = SEARCHED_MAX;

	for (size_t i = 0; findings->text && i < findings->len; i++) {
		struct json_finding *finding = &findings->items[i];
		struct json_location place;

		if (finding->len == 0 && !finding->pointer[0])
			continue;
		/* To find a line and a column, and to show them, the text is read from its beginning. */
		if (findings->size > budget) {
			finding->len = 0;
			continue;
		}
		budget -= findings->size;
		if (finding->len > 0)
			continue;
		if (!json_locate(findings->text, findings->size, finding->pointer, &place))
			continue;
		finding->offset = finding->of_key && place.key_len ? place.key : place.value;
		finding->len = finding->of_key && place.key_len ? place.key_len : place.value_len;
	}
}

void json_findings_be_strict(struct json_findings *findings)
{
	for (size_t i = 0; i < findings->len; i++)
		if (findings->items[i].severity >= JSON_IGNORED)
			findings->items[i].severity = JSON_ERROR;
}

bool json_findings_have_error(const struct json_findings *findings)
{
	for (size_t i = 0; i < findings->len; i++)
		if (findings->items[i].severity <= JSON_UNSUPPORTED)
			return true;
	return false;
}

void json_findings_add_error(struct json_findings *findings, enum json_severity severity,
			     const struct error *found)
{
	char pointer[ERROR_POINTER_MAX];

	/* It says nothing about the document. */
	if (found->code == -ENOMEM) {
		findings->out_of_memory = true;
		return;
	}
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
	free(findings->name);
	free(findings->text);
	*findings = (struct json_findings){ 0 };
}

const char *json_severity_word(enum json_severity severity)
{
	static const char *const words[] = {
		[JSON_ERROR] = "error",	    [JSON_UNSUPPORTED] = "unsupported", [JSON_WARNING] = "warning",
		[JSON_IGNORED] = "warning", [JSON_UNKNOWN_KEY] = "unknown key",
	};

	return words[severity];
}

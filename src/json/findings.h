/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Everything that is wrong with a document, instead of the first thing only. */

#include <stdbool.h>
#include <stddef.h>

enum json_severity {
	JSON_ERROR,	  /* create would fail */
	JSON_UNSUPPORTED, /* create would fail here: krun or this host does not have it */
	JSON_WARNING,	  /* works, but hardly as meant */
	JSON_UNKNOWN_KEY, /* ignored, as the specification wants */
};

struct json_finding {
	enum json_severity severity;
	char *pointer; /* RFC 6901; "" is the document */
	char *reason;
};

/* Zero-initialised; released with json_findings_done(). */
struct json_findings {
	struct json_finding *items;
	size_t len;
	bool out_of_memory;
};

void json_findings_add(struct json_findings *findings, enum json_severity severity, const char *pointer,
		       const char *reason);
void json_findings_done(struct json_findings *findings);
/* "error", "unsupported", "warning", "unknown key" */
const char *json_severity_word(enum json_severity severity);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Everything that is wrong with a document, instead of the first thing only. */

#include <stdbool.h>
#include <stddef.h>

struct error;

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

/* Without memory for it, .out_of_memory is set. */
void json_findings_add(struct json_findings *findings, enum json_severity severity, const char *pointer,
		       const char *format, ...) __attribute__((format(printf, 4, 5)));
/* An error that no document's name precedes, at its place. */
void json_findings_add_error(struct json_findings *findings, enum json_severity severity,
			     const struct error *found);
/* Logs each as a warning, about @document where it has a place. */
void json_findings_warn(const struct json_findings *findings, const char *document);
void json_findings_done(struct json_findings *findings);
/* "error", "unsupported", "warning", "unknown key" */
const char *json_severity_word(enum json_severity severity);

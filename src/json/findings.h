/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A list of all errors and warnings about a document, instead of its first error only. */

#include <stdbool.h>
#include <stddef.h>

struct error;

enum json_severity {
	JSON_ERROR,	  /* `create` would fail */
	JSON_UNSUPPORTED, /* `create` would fail: krun or this host does not support it */
	JSON_WARNING,	  /* works, but probably not as intended */
	JSON_UNKNOWN_KEY, /* ignored, as the specification requires */
};

struct json_finding {
	enum json_severity severity;
	char *pointer; /* RFC 6901; "" is the whole document */
	char *reason;
};

/* Zero-initialised; released with json_findings_done(). */
struct json_findings {
	struct json_finding *items;
	size_t len;
	bool out_of_memory;
};

/* Adds copies of the texts. When there is no memory for them, only sets .out_of_memory. */
void json_findings_add(struct json_findings *findings, enum json_severity severity, const char *pointer,
		       const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Adds an error that does not have the name of its document yet. */
void json_findings_add_error(struct json_findings *findings, enum json_severity severity,
			     const struct error *found);
/*
 * Logs each finding as a warning, with the name of @document in front when it has a place. @base: where in a
 * config.json that document would be (struct spec); the places that are logged begin there.
 */
void json_findings_warn(const struct json_findings *findings, const char *document, const char *base);
void json_findings_done(struct json_findings *findings);
/* Returns "error", "unsupported", "warning" or "unknown key". */
const char *json_severity_word(enum json_severity severity);

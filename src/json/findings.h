/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A list of all errors and warnings about a document, instead of its first error only. */

#include <stdbool.h>
#include <stddef.h>

struct error;

enum json_severity {
	JSON_ERROR,	  /* `create` would fail */
	JSON_UNSUPPORTED, /* `create` would fail: krun or this host does not support it */
	JSON_WARNING,	  /* works, but perhaps not as intended, or not on this host */
	JSON_IGNORED,	  /* a warning about words that are wrong, or without effect, on every host */
	JSON_UNKNOWN_KEY, /* ignored, as the specification requires */
};

struct json_finding {
	enum json_severity severity;
	char *pointer; /* RFC 6901; "" is the whole document */
	char *reason;
	bool of_key; /* about the key at .pointer, not its value */
	/* The place in the text, and how many bytes are meant; .len 0: it is not known. */
	size_t offset, len;
};

/* Zero-initialised; released with json_findings_done(). */
struct json_findings {
	struct json_finding *items;
	size_t len;
	bool out_of_memory;
	/* The document, with json_findings_of(): its name, and its text or NULL. */
	char *name, *text;
	size_t size;
};

/*
 * Says which document the findings are about. @text, of @size bytes, is taken over and may be NULL. When
 * there is no memory for the name, only sets .out_of_memory.
 */
void json_findings_of(struct json_findings *findings, const char *name, char *text, size_t size);
/* Adds copies of the texts. When there is no memory for them, only sets .out_of_memory. */
void json_findings_add(struct json_findings *findings, enum json_severity severity, const char *pointer,
		       const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The same for the byte at @offset of the text. */
void json_findings_add_at(struct json_findings *findings, enum json_severity severity, const char *pointer,
			  size_t offset, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Says that the last finding is about a key. @findings may be NULL. */
void json_findings_mean_key(struct json_findings *findings);
/* Adds an error that does not have the name of its document yet. -ENOMEM is none, and sets .out_of_memory. */
void json_findings_add_error(struct json_findings *findings, enum json_severity severity,
			     const struct error *found);
/* Moves a finding of another list to the end of this one; its texts are NULL then. */
void json_findings_move(struct json_findings *findings, struct json_finding *finding);
/*
 * Finds the place in the text of every finding that has none yet. Of very many in a large text only the first
 * have one then, .len 0 says so for the others.
 */
void json_findings_locate(struct json_findings *findings);
/* Makes errors of JSON_IGNORED and JSON_UNKNOWN_KEY. */
void json_findings_be_strict(struct json_findings *findings);
/* Whether `create` would fail. */
bool json_findings_have_error(const struct json_findings *findings);
/*
 * Logs each finding as a warning, with the name of @document in front when it has a place. @base: where in a
 * config.json that document would be (struct spec); the places that are logged begin there.
 */
void json_findings_warn(const struct json_findings *findings, const char *document, const char *base);
void json_findings_done(struct json_findings *findings);
/* Returns "error", "unsupported", "warning" (also of JSON_IGNORED) or "unknown key". */
const char *json_severity_word(enum json_severity severity);

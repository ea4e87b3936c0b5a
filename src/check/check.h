/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * `check`: can this machine run containers, and if not, what has to be done? It changes nothing, but for a
 * virtual machine, and a program in /tmp that km runs in it, both for a moment. Everything runs in the
 * command's process and its children, with the caller's rights: what root can do says nothing about another
 * user.
 */

#include <stdbool.h>
#include <stddef.h>

struct error;
struct runtime_options;

enum check_status {
	CHECK_OK,
	CHECK_WARNING, /* containers work, but something that somebody may want does not */
	CHECK_MISSING, /* no container of this mode works */
};

struct check_item {
	enum check_status status;
	const char *name; /* static */
	char *text;	  /* what was found */
	char *cure;	  /* what to do; NULL: nothing */
};

/* Zero-initialised; released with check_report_done(). */
struct check_report {
	struct check_item *items;
	size_t len;
};

/* ---- machine.c ----------------------------------------------------------------------------------------- */

/*
 * Looks at the machine. What is wrong with it is in *ret and no error; only memory can be short. After an
 * error there is nothing to release.
 */
int check_machine(const struct runtime_options *runtime, struct check_report *ret, struct error *err);
/* True if nothing is missing. */
bool check_works(const struct check_report *report);
void check_report_done(struct check_report *report);
const char *check_status_word(enum check_status status); /* "ok", "warning", "missing" */

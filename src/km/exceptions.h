/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Programs that exec runs without km; krun(1), "EXCEPTIONS". The list is a file with lines REGEX:PATH:SHA256, the container's own
 * or one of the host's, as the host's settings say. Everything here runs on the host, in the process of the command, on a directory
 * that is the container's root and whose content is hostile.
 *
 * Bounds: 4 MiB for the list, 256 bytes for an expression, 4095 for a path, 256 MiB for a program (its copy is memory), and 2 s and
 * 64 MiB for all matching together, in a child of its own: no expression can do worse.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct error;
struct km_settings;

#define KM_EXCEPTIONS_FILE "/var/lib/krun/config"

enum { KM_HASH_HEX = 64, KM_EXPRESSION_MAX = 256, KM_EXCEPTIONS_FILE_MAX = 4 * 1024 * 1024 };

/* ---- use (exceptions.c, exceptions_program.c) ------------------------------------------------------------- */

/* An approved program, from a sealed memfd. */
struct km_exception {
	int fd;	    /* sealed memfd with exactly the hashed bytes; -1: no entry matches */
	char *path; /* of the entry, for the audit record */
	char sha256[KM_HASH_HEX + 1];
};

/*
 * @root_fd: root directory of the container, opened from outside. @owner: who besides root may have written its list: what uid 0 of
 * its user namespace is on the host, or 0. @name: args[0] of the exec. No list, no matching entry, or a host
 * that permits none: 0 and ret->fd == -1. Whole name, first match wins, hash while copying; anything malformed anywhere in the list
 * fails and nothing runs.
 */
int km_exception_find(int root_fd, uid_t owner, const struct km_settings *settings, const char *name,
		      struct km_exception *ret, struct error *err);
void km_exception_done(struct km_exception *exception);

/*
 * Opens, copies, hashes and seals @path below @root_fd. ret->path stays NULL. -EBUSY when it changes size meanwhile, -ENOEXEC for
 * what cannot run from a memfd: only ELF programs can.
 */
int km_exception_seal(int root_fd, const char *path, struct km_exception *ret, struct error *err);

/* ---- the list (exceptions.c) ------------------------------------------------------------------------------ */

struct km_exception_entry {
	size_t line;
	const char *regex, *path, *sha256; /* NULL when it is malformed */
	const char *malformed;		   /* why; NULL: well formed. Static storage. */
};

struct km_exceptions {
	char *file; /* for messages */
	char *raw;  /* as it is in the file; NULL: there is none */
	char *text; /* what the entries point into */
	struct km_exception_entry *entries;
	size_t len;
};

/*
 * The list that holds for a container. No file of the container: 0, empty, ret->raw NULL. -EPERM for a host that permits none. What
 * others than root may write is refused. Released with km_exceptions_done(), on failure empty.
 */
int km_exceptions_load(int root_fd, uid_t owner, const struct km_settings *settings,
		       struct km_exceptions *ret, struct error *err);
/* Pure: the entries of @text (moved). */
int km_exceptions_parse(char *text, struct km_exceptions *ret, struct error *err);
void km_exceptions_done(struct km_exceptions *list);

/* ---- matching (exceptions_match.c) ------------------------------------------------------------------------ */

struct km_exceptions_match {
	bool found;
	const char *malformed; /* why entry .index is no good; then nothing behind it was looked at */
	size_t index;
};
/* Entries from @from on; malformed ones are passed over. @name NULL: only looks whether the expressions are good. */
int km_exceptions_match(const struct km_exceptions *list, size_t from, const char *name,
			struct km_exceptions_match *ret, struct error *err);

/* ---- editing (exceptions_edit.c) -------------------------------------------------------------------------- */

/*
 * Adds an entry to the container's list, with the hash that the program has now, or with @replace changes the one with the same
 * expression; makes the file (mode 0644, of the caller) and its directory. Refuses what exec would refuse, and hosts with another
 * policy.
 */
int km_exceptions_add(int root_fd, uid_t owner, const struct km_settings *settings, const char *regex,
		      const char *path, bool replace, struct error *err);

enum km_exception_verdict {
	KM_EXCEPTION_OK,
	KM_EXCEPTION_CHANGED,
	KM_EXCEPTION_MISSING,
	KM_EXCEPTION_MALFORMED
};
/* "ok", "changed", ... */
const char *km_exception_verdict_word(enum km_exception_verdict verdict);
/* Finds out about each entry of a loaded list; *ret has list->len of them, freed by the caller. Entries that exec would
 * refuse for another reason than a hash or a missing program become malformed ones. */
int km_exceptions_check(int root_fd, struct km_exceptions *list, enum km_exception_verdict **ret,
			struct error *err);

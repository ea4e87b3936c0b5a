/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Exceptions: programs that `krun exec` runs without km, see krun-exceptions(5). The list is a file with
 * lines REGEX:PATH:SHA256, the container's own or one of the host's, as the host's settings say. All
 * functions run on the host, in the command's process, and open the paths of the container below @root_fd,
 * a descriptor of its root directory: the content of that directory is hostile. They return 0 or a negative
 * errno, with @err filled.
 *
 * Limits: 4 MiB for the list, 256 bytes for an expression, 4095 bytes for a path, 256 MiB for a program (its
 * copy is in memory), and 2 s and 64 MiB for all matching together, which a child does, so that no expression
 * can cost more.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct error;
struct km_settings;

#define KM_EXCEPTIONS_FILE "/var/lib/krun/config"

enum { KM_HASH_HEX = 64, KM_EXPRESSION_MAX = 256, KM_EXCEPTIONS_FILE_MAX = 4 * 1024 * 1024 };

/* An approved program: an entry of the list, and a copy of its file. */
struct km_exception {
	int fd;	    /* sealed memfd with exactly the hashed bytes, owned; -1: no entry matches */
	char *path; /* of the entry, for the audit record; owned */
	char sha256[KM_HASH_HEX + 1];
};

struct km_exception_entry {
	size_t line;			   /* from 1 */
	const char *regex, *path, *sha256; /* in km_exceptions.text; NULL if the line is malformed */
	const char *malformed;		   /* the reason, a static text; NULL: well formed */
};

struct km_exceptions {
	char *file; /* path, for messages */
	char *raw;  /* content of the file; NULL: there is no file */
	char *text; /* a copy that is cut into the texts of the entries */
	struct km_exception_entry *entries;
	size_t len;
};

struct km_exceptions_match {
	bool found;
	const char *malformed; /* why entry .index is malformed; entries after it were not tried */
	size_t index;	       /* of the entry that matched, or is malformed */
};

enum km_exception_verdict {
	KM_EXCEPTION_OK,
	KM_EXCEPTION_CHANGED, /* the program's hash is another one, or it is being written */
	KM_EXCEPTION_MISSING, /* there is no program at the path */
	KM_EXCEPTION_MALFORMED
};

/*
 * Looks up @name, args[0] of the exec. The expression has to match the whole name, and the first entry that
 * matches is taken. 0 with ret->fd == -1: there is no list, no entry matches, or the host's settings deny
 * exceptions. @owner: the only user besides root who may own the container's list, the uid on the host of
 * root in the container's user namespace, or 0. @settings NULL: as if the host file had none.
 * -EKEYREJECTED: the program's hash is not that of the entry; -EINVAL: the list is not a regular file, can
 * be written by others, or has a malformed entry anywhere; or an error of km_exception_seal(). On success
 * *ret is released with km_exception_done().
 */
int km_exception_find(int root_fd, uid_t owner, const struct km_settings *settings, const char *name,
		      struct km_exception *ret, struct error *err);
void km_exception_done(struct km_exception *exception);

/*
 * Reads the list that is in force for a container. A container without a list is not an error: *ret is empty
 * and ret->raw NULL. -EPERM: the host's settings deny exceptions; -EINVAL: the file is not a regular one,
 * others than root and @owner may write it, or it has a NUL byte. Malformed entries are marked, not errors.
 * The caller releases *ret with km_exceptions_done(); on failure it is empty.
 */
int km_exceptions_load(int root_fd, uid_t owner, const struct km_settings *settings,
		       struct km_exceptions *ret, struct error *err);
/* Pure. Adds the entries of @text, which *ret owns from here on. Only memory can be short. */
int km_exceptions_parse(char *text, struct km_exceptions *ret, struct error *err);
void km_exceptions_done(struct km_exceptions *list);

/* ---- exceptions_program.c ------------------------------------------------------------------------------ */

/*
 * Opens @path below @root_fd, copies it to a memfd, hashes the copy and seals it; ret->path stays NULL.
 * -EINVAL: not a regular file; -EFBIG: larger than 256 MiB; -EBUSY: it changed meanwhile; -ENOEXEC: not an
 * ELF program (a script's interpreter could not open the memfd, which is close-on-exec).
 */
int km_exception_seal(int root_fd, const char *path, struct km_exception *ret, struct error *err);

/* ---- exceptions_match.c -------------------------------------------------------------------------------- */

/*
 * Matches @name against the entries from index @from on; those that are marked malformed are skipped, and
 * every other expression is compiled, also after a match. @name NULL: only compiles. Forks a child unless all
 * expressions are plain words.
 */
int km_exceptions_match(const struct km_exceptions *list, size_t from, const char *name,
			struct km_exceptions_match *ret, struct error *err);

/* ---- exceptions_edit.c --------------------------------------------------------------------------------- */

/*
 * Adds an entry for @regex and @path to the container's list, with the hash that the program has now, or with
 * @replace changes the entry with the same expression. Makes the file (mode 0644, owned by the caller) and
 * its directory. Refuses everything that exec would refuse. -EEXIST: there is an entry with this expression,
 * and @replace is false; -EPERM: the host's settings deny exceptions or name a list of the host; -EBUSY:
 * another process held a lock on the root directory for 10 s; -EFBIG: the list would exceed 4 MiB.
 */
int km_exceptions_add(int root_fd, uid_t owner, const struct km_settings *settings, const char *regex,
		      const char *path, bool replace, struct error *err);

/* "ok", "changed", "missing", "malformed". */
const char *km_exception_verdict_word(enum km_exception_verdict verdict);
/*
 * Checks each entry of a loaded list; *ret has list->len verdicts and is freed by the caller. An entry that
 * exec would refuse for another reason than a hash or a missing program is marked malformed in @list.
 */
int km_exceptions_check(int root_fd, struct km_exceptions *list, enum km_exception_verdict **ret,
			struct error *err);

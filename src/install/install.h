/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Registering krun as a runtime of an engine, and taking that back: from a request and the engine's
 * configuration to the texts of the files that change (install_plan(), pure but for what it reads through
 * struct install_host), and from these to files (install_apply()).
 */

#include <stdbool.h>
#include <stddef.h>

#include "util/strv.h"

struct error;
struct planner;

/* Where an engine keeps its configuration, and what is said about it. */
struct install_engine {
	const char *name;
	int (*add)(struct planner *planner, struct error *err);
	int (*remove)(struct planner *planner, struct error *err);
	/*
	 * The unit of systemd by whose restart the engine notices, NULL: it reads its files each time.
	 * @reload: a reload is enough for a new runtime, though not for one that is gone.
	 */
	const char *unit;
	bool reload;
	const char *use; /* how a container is run then; "%s" is the name */
	/* Why it cannot be asked for arguments, a default, or by an ordinary user; NULL: it can. */
	const char *no_arguments, *no_default, *no_user;
};

struct install_request {
	const struct install_engine *engine;
	const char *name;    /* of the runtime */
	const char *program; /* absolute path that the engine will execute */
	bool is_km;	     /* by its name, the program runs payloads under km */
	char *const *args;   /* NULL-terminated; NULL: none */
	bool make_default;
	const char *user_config; /* the user's ~/.config; NULL: the system's configuration */
};

/*
 * What the plan reads. Each function returns 1, 0 for "is not there", or a negative errno with @err set.
 * Texts are the caller's.
 */
struct install_host {
	int (*read)(void *context, const char *path, char **ret, struct error *err);
	/* Adds the names in a directory, sorted. */
	int (*list)(void *context, const char *path, struct strv *ret, struct error *err);
	/*
	 * The file's text before this runtime was installed: 1 when that is known; *ret is NULL when
	 * there was no file.
	 */
	int (*before)(void *context, const char *path, char **ret, struct error *err);
	/* 1: another installed runtime needs what this file has. */
	int (*is_shared)(void *context, const char *path, struct error *err);
	void *context;
};

struct install_change {
	char *path;
	char *before, *after; /* NULL: there is no file */
};

/* Zero-initialised; released with install_plan_done(). Files that stay as they are are not listed. */
struct install_plan {
	struct install_change *changes;
	size_t len;
	struct strv notes; /* sentences for the user */
};

/* ---- plan.c -------------------------------------------------------------------------------------------- */

/* NULL: unknown. */
const struct install_engine *install_engine_find(const char *name);
/* Ends with NULL. */
extern const struct install_engine *const install_engines[];

/*
 * Plans to register the runtime, or with @remove to take that back. An empty plan: nothing is to be done.
 * -EEXIST: the name is registered with another program; -EINVAL: a file cannot be understood, with
 * FILE:LINE:COLUMN, or the request does not fit the engine.
 */
int install_plan(const struct install_request *request, const struct install_host *host, bool remove,
		 struct install_plan *ret, struct error *err);
void install_plan_done(struct install_plan *plan);

/* ---- diff.c -------------------------------------------------------------------------------------------- */

/* Writes the changes as unified diffs. NULL: no memory. The caller frees the text. */
char *install_diff(const struct install_plan *plan);

/* ---- program.c ----------------------------------------------------------------------------------------- */

/*
 * Returns the absolute path by which this program was started, with @name in place of its last part where
 * that is one of the names under which krun is installed. It is not what /proc/self/exe says: that may be a
 * copy, and the last part decides what krun does. @root: the path is seen from this directory if it lies
 * below; NULL: "/". -EPERM: others may write the program; -ENOENT: it has no link of that name.
 */
int install_find_program(const char *argv0, const char *name, const char *root, char **ret,
			 struct error *err);

/* ---- apply.c ------------------------------------------------------------------------------------------- */

/* The files of a system, and where krun keeps what was there before. */
struct install_files;

/*
 * @root: all paths are below this directory; NULL: "/". @user_data: the user's ~/.local/share; NULL: records
 * are in /var/lib. @with_lock: waits until no other krun installs anything. Released with
 * install_files_close().
 */
int install_files_open(const char *root, const char *user_data, const struct install_request *request,
		       bool with_lock, struct install_files **ret, struct error *err);
void install_files_close(struct install_files *files);
/* Functions for the plan, whose context is @files. */
struct install_host install_files_host(struct install_files *files);
/*
 * Replaces the texts of a removal by what was there before the installation, where nobody changed a file
 * since.
 */
int install_files_restore(struct install_files *files, struct install_plan *plan, struct error *err);
/* Fails when a file to be changed is in somebody else's hands, or is not as the plan has read it. */
int install_files_check(struct install_files *files, const struct install_plan *plan, struct error *err);
/*
 * Writes the changes of an installation, or with @remove of a removal, each file atomically, after it has
 * kept what was there. A failure undoes what was written.
 */
int install_apply(struct install_files *files, const struct install_plan *plan, bool remove,
		  struct error *err);
/* Returns where the texts that were there before are kept. */
const char *install_files_record(const struct install_files *files);

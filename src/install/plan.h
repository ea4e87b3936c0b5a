/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Private to install/: what the plans of all engines use. */

#include "install/install.h"
#include "install/json_edit.h"
#include "install/toml.h"

struct planner {
	const struct install_request *request;
	const struct install_host *host;
	struct install_plan *plan;
};

extern const struct install_engine install_docker, install_podman, install_containerd, install_crio,
	install_buildkit;

/*
 * Returns in *ret the file @path, read at the first call. Valid until the next call. .after is what the file
 * will have, and NULL if it will not exist; its owner, the plan, frees it.
 */
int plan_file(struct planner *planner, const char *path, struct install_change **ret, struct error *err);
/* The same, with "" in .after instead of NULL. */
int plan_file_text(struct planner *planner, const char *path, struct install_change **ret, struct error *err);
/* Makes the file absent. */
void plan_delete(struct install_change *change);
/* Returns @system, or @user below the user's ~/.config. The caller frees it; NULL: no memory. */
char *plan_path(const struct planner *planner, const char *system, const char *user);
int plan_note(struct planner *planner, struct error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* True: @program is the one of the request, or has one of the names under which krun is installed. */
bool plan_is_krun(const struct planner *planner, const char *program);

/* Sets the key of krun.json without which a pod's own container would run under km. */
int plan_trust_sandbox(struct planner *planner, struct error *err);
/* Takes it back if no other runtime needs it. */
int plan_distrust_sandbox(struct planner *planner, struct error *err);

/* Deletes a JSON file that was not there before the installation, and has nothing any more. */
int plan_json_tidy(struct planner *planner, struct install_change *change, struct error *err);

/* ---- TOML files of all engines ----------------------------------------------------------------------- */

/* Sets a key of the planned text, which is TOML; @value is a string. */
int plan_toml_set(struct install_change *change, const char *const *path, const char *value,
		  struct error *err);
/* The same with @value as it is. */
int plan_toml_set_raw(struct install_change *change, const char *const *path, const char *value,
		      struct error *err);
/*
 * Looks for a key of the planned text. Returns 1, 0 or a negative errno. *ret: its string, or the first of
 * its array, or NULL. *ret_at (may be NULL): where it is.
 */
int plan_toml_get(const struct install_change *change, const char *const *path, char **ret, size_t *ret_at,
		  struct error *err);
/* The same, adding all strings to @ret. */
int plan_toml_list(const struct install_change *change, const char *const *path, struct strv *ret,
		   size_t *ret_at, struct error *err);
/* Sets a key to a string that it does not have yet, and removes a key that has this string. */
int plan_toml_choose(struct install_change *change, const char *const *path, const char *value,
		     struct error *err);
int plan_toml_unchoose(struct install_change *change, const char *const *path, const char *value,
		       struct error *err);
/* Removes a key, or with @table a table with those below it. */
int plan_toml_remove(struct install_change *change, const char *const *path, bool table, struct error *err);
/* Removes the header of a table that has no keys. */
int plan_toml_remove_empty(struct install_change *change, const char *const *path, struct error *err);
/*
 * Fails with -EEXIST when the key's string is neither the request's program nor, with @removing, another
 * krun. *ret: the key is there.
 */
int plan_toml_check_program(struct planner *planner, const struct install_change *change,
			    const char *const *path, bool removing, bool *ret, struct error *err);
/* As plan_file(), and a file that is not there gets the line that begins files of krun's own. */
int plan_toml_begin(struct planner *planner, const char *path, struct install_change **ret,
		    struct error *err);
/* Deletes such a file when no table is left in it. */
int plan_toml_tidy(struct install_change *change, struct error *err);
/* The first line of files that are krun's own. */
extern const char plan_header[];

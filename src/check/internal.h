/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Private to check/. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "check/check.h"
#include "util/strv.h"

/* Of one check; the parts below get it one after the other. */
struct checking {
	const struct runtime_options *runtime;
	struct check_report report;
	bool out_of_memory;
	bool km;	 /* containers may run under km */
	bool is_root;	 /* the caller's effective uid is 0 */
	bool has_device; /* km has a device that works */
};

/* ---- machine.c ----------------------------------------------------------------------------------------- */

/* Adds an item. @cure: NULL, or what to do. */
void check_add(struct checking *checking, enum check_status status, const char *name, const char *cure,
	       const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Each of the following adds its items. */

/* ---- kernel.c ------------------------------------------------------------------------------------------ */

/* Version, system calls, seccomp, other security modules. */
void check_kernel(struct checking *checking);

/* ---- cgroups.c ----------------------------------------------------------------------------------------- */

void check_cgroups(struct checking *checking);
/* Whether the systemd that runs here answers. */
void check_systemd(struct checking *checking);

/* ---- user.c -------------------------------------------------------------------------------------------- */

/* User namespaces, ranges of ids, the runtime directory. */
void check_user(struct checking *checking);

/* ---- km.c ---------------------------------------------------------------------------------------------- */

/* The settings of the host, its devices and km. */
void check_host_km(struct checking *checking);
void check_criu(struct checking *checking);

/* ---- engines.c ----------------------------------------------------------------------------------------- */

void check_engines(struct checking *checking);

/* ---- parse.c ------------------------------------------------------------------------------------------- */

/* All of these are pure. */

/* Returns whether the release of uname(2), "6.1.0-13-amd64", is at least MAJOR.MINOR. */
bool check_release_is(const char *release, unsigned int major, unsigned int minor);
/* Returns whether one of the parts of @list, which have @separator between them, is @word. */
bool check_list_has(const char *list, char separator, const char *word);
/* Returns whether a word is in the first line of /proc/cpuinfo that begins with "flags". */
bool check_has_flag(const char *cpuinfo, const char *flag);
/* Returns how many ids subuid(5) gives to a user, by number or by name (NULL: unknown). */
uint64_t check_sub_ids(const char *subuid, uid_t uid, const char *name);
/*
 * Adds to @ret the absolute paths between double quotes in a configuration (JSON or TOML, whose comments
 * begin with '#') whose last component begins with "krun". -ENOMEM.
 */
int check_paths_in(const char *text, struct strv *ret);

/*
 * Finds the version in the words of `km --version`, whose lines may begin with a time and a place in km's
 * source. @words is changed.
 */
const char *check_version_of(char *words);
/* Finds the last line of @words, which is changed; "(none)" if there is none. */
const char *check_last_line(char *words);

/* ---- run.c --------------------------------------------------------------------------------------------- */

enum { CHECK_WORDS_MAX = 8192 };

/*
 * Runs a program with no environment and with its output in @words, printable lines, for up to @limit_ms.
 * Returns its exit status, 128 + its signal, -ETIME when it was killed at the end of that time, or the errno
 * of making the process; 126: it could not be executed.
 */
int check_run(char *const *argv, int limit_ms, char words[CHECK_WORDS_MAX]);

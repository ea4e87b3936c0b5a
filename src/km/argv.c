/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "km/km.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"

size_t km_init_helper_len(char *const *argv)
{
	static const char *const helpers[] = { "/sbin/docker-init", "/run/podman-init", "/dev/init" };

	for (size_t i = 0; i < ARRAY_LEN(helpers); i++) {
		size_t len = 1;

		if (strcmp(argv[0], helpers[i]) != 0)
			continue;
		/* The helper's options end with "--". tini's options -p and -e have a value. */
		while (argv[len] && argv[len][0] == '-' && strcmp(argv[len], "--") != 0)
			len += argv[len + 1] && (strcmp(argv[len], "-p") == 0 ||
						 strcmp(argv[len], "-e") == 0) ?
				       2 :
				       1;
		if (argv[len] && strcmp(argv[len], "--") == 0)
			len++;
		return len;
	}
	return 0;
}

/* The options that krun itself needs come first, then those of the settings. */
static int add_options(struct strv *argv, bool wait, int log_fd, char *const *options)
{
	int r = 0;

	if (wait)
		r = strv_add(argv, "--wait-for-signal");
	if (r == 0 && log_fd >= 0)
		r = strv_add_format(argv, "--km-log-to=/proc/self/fd/%d", log_fd);
	for (size_t i = 0; r == 0 && options && options[i]; i++)
		r = strv_add(argv, options[i]);
	return r;
}

int km_argv_extend(char *const *words, bool wait, int log_fd, char *const *options, struct strv *ret,
		   struct error *err)
{
	struct strv argv = { 0 };
	int r = strv_add(&argv, words[0]);

	/* The container's own options come behind and win: km takes the last one of a kind. */
	if (r == 0)
		r = add_options(&argv, wait, log_fd, options);
	for (size_t i = 1; r == 0 && words[i]; i++)
		r = strv_add(&argv, words[i]);
	if (r < 0) {
		strv_done(&argv);
		return error_oom(err);
	}
	*ret = argv;
	return 0;
}

int km_argv_make(const char *monitor, bool wait, int log_fd, char *const *options,
		 const struct km_payload *payload, struct strv *ret, struct error *err)
{
	struct strv argv = { 0 };
	int r = strv_add(&argv, monitor);

	if (r == 0)
		r = add_options(&argv, wait, log_fd, options);
	/* With "--" a payload whose path begins with "-" is not taken for an option. */
	if (r == 0)
		r = strv_add(&argv, "--");
	if (r == 0)
		r = strv_add(&argv, payload->path);
	for (size_t i = 1; r == 0 && payload->argv[0] && payload->argv[i]; i++)
		r = strv_add(&argv, payload->argv[i]);
	if (r < 0) {
		strv_done(&argv);
		return error_oom(err);
	}
	*ret = argv;
	return 0;
}

bool km_listens_first(char *const *env)
{
	const char *timeout = strv_env_get(env, "SNAP_LISTEN_TIMEOUT");

	/* km reads the value with atol(3). */
	return timeout && strtol(timeout, NULL, 10) != 0;
}

/*
 * With KM_EXEC_* km believes that another km executed it; KM_GDB_CHILD_FORK_WAIT is between km and its
 * debugger. The management socket belongs to the container's first km.
 */
static bool is_for_another(const char *variable, bool exec)
{
	return strncmp(variable, "KM_EXEC_", 8) == 0 ||
	       strncmp(variable, "KM_GDB_CHILD_FORK_WAIT=", 23) == 0 ||
	       (exec &&
		(strncmp(variable, "KM_MGTPIPE=", 11) == 0 || strncmp(variable, "KM_MGTDIR=", 10) == 0));
}

size_t km_environment_clean(char **env, bool exec)
{
	size_t kept = 0, dropped = 0;

	for (size_t i = 0; env && env[i]; i++) {
		if (is_for_another(env[i], exec)) {
			free(env[i]);
			dropped++;
		} else {
			env[kept++] = env[i];
		}
	}
	if (env)
		env[kept] = NULL;
	return dropped;
}

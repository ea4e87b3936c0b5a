/* SPDX-License-Identifier: Apache-2.0 */

/* The operations of the systemd manager, by systemd_call(). */

#include "cgroup/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "cgroup/resources.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/log.h"

/* File in the state root: names of properties that systemd did not know, one per line. */
#define UNKNOWN_PROPERTIES ".systemd-unknown-properties"
enum { UNKNOWN_MAX = 16 * 1024 };

/* Returns the value of a line "KEY VALUE" with this key, else NULL. */
static const char *value_of(const char *line, const char *key)
{
	const size_t len = strlen(key);

	return strncmp(line, key, len) == 0 && line[len] == ' ' ? line + len + 1 : NULL;
}

static int put(struct strv *words, const char *name, const char *signature, const char *value)
{
	int r = strv_add(words, name);

	if (r == 0)
		r = strv_add(words, signature);
	return r < 0 ? r : strv_add(words, value);
}

/*
 * By default newer systemd stops the whole scope after an OOM kill. The policy follows the kernel instead,
 * which kills one process, or all with memory.oom.group.
 */
static const char *oom_policy(const struct cgroup_writes *writes)
{
	for (size_t i = 0; i < writes->len; i++)
		if (strcmp(writes->items[i].file, "memory.oom.group") == 0 &&
		    strcmp(writes->items[i].text, "1") == 0)
			return "kill";
	return "continue";
}

static int scope_words(const struct cgroup_request *request, const char *slice,
		       const struct cgroup_writes *writes, pid_t pid, struct strv *words, struct error *err)
{
	char description[512], number[16];
	const struct {
		const char *name, *signature, *value;
	} always[] = {
		{ "Description", "s", description },
		{ "!Slice", "s", slice },
		/* systemd leaves the cgroups below a delegated scope to the container. */
		{ "!Delegate", "b", "true" },
		{ "DefaultDependencies", "b", "false" },
		{ "CPUAccounting", "b", "true" },
		{ "MemoryAccounting", "b", "true" },
		{ "IOAccounting", "b", "true" },
		{ "TasksAccounting", "b", "true" },
		/*
		 * Overrides DefaultTasksMax, which config.json did not ask for; pids.limit follows later and
		 * overrides this.
		 */
		{ "TasksMax", "t", "18446744073709551615" },
		{ "OOMPolicy", "s", oom_policy(writes) },
	};
	int r = 0;

	snprintf(description, sizeof(description), "container %s", request->id);
	snprintf(number, sizeof(number), "%d", pid);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(always); i++)
		r = put(words, always[i].name, always[i].signature, always[i].value);
	if (r == 0)
		r = put(words, "!PIDs", "au", "1");
	if (r == 0)
		r = strv_add(words, number);
	if (r < 0)
		return error_oom(err);
	r = systemd_properties_of_writes(words, writes, err);
	return r < 0 ? r :
		       systemd_properties_of_annotations(words, request->annotations,
							 request->annotations_len, err);
}

/* Adds "-NAME" for each property that systemd has refused before, so that it is not tried again. */
static int add_unknown(int root_fd, struct strv *words, struct error *err)
{
	auto_free char *text = NULL;
	char *rest, *name;
	int r = 0;

	if (root_fd < 0 || io_read_file(root_fd, UNKNOWN_PROPERTIES, UNKNOWN_MAX, &text, NULL) < 0)
		return 0;
	rest = text;
	while (r == 0 && (name = strsep(&rest, "\n")))
		if (*name)
			r = strv_add_format(words, "-%s", name);
	return r < 0 ? error_oom(err) : 0;
}

/* Appends the line in one write(2), because other commands may append, too. */
static void remember_unknown(int root_fd, const char *name)
{
	auto_close int fd = root_fd < 0 ?
				    -1 :
				    openat(root_fd, UNKNOWN_PROPERTIES,
					   O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	auto_free char *line = NULL;
	int n = asprintf(&line, "%s\n", name);

	log_debug("this systemd does not know the property %s", name);
	if (n < 0)
		line = NULL;
	if (fd >= 0 && line && io_write_all(fd, line, (size_t)n) < 0)
		log_debug("'%s' cannot be written", UNKNOWN_PROPERTIES);
}

static int read_start(char *output, int root_fd, const char *unit, char **ret_cgroup, struct error *err)
{
	const char *cgroup = NULL, *name;
	char *line;

	while ((line = strsep(&output, "\n"))) {
		if ((name = value_of(line, "dropped")))
			remember_unknown(root_fd, name);
		else if (value_of(line, "cgroup"))
			cgroup = value_of(line, "cgroup");
	}
	if (!cgroup || cgroup[0] != '/')
		return error_set(err, -EPROTO, "systemd reports no cgroup for '%s'", unit);
	*ret_cgroup = strdup(cgroup);
	return *ret_cgroup ? 0 : error_oom(err);
}

int systemd_start(const struct cgroup_request *request, const struct cgroup_plan *plan, pid_t pid,
		  char **ret_cgroup, struct error *err)
{
	auto_free char *output = NULL;
	struct strv words = { 0 };
	int r = add_unknown(request->root_fd, &words, err);

	if (r == 0)
		r = scope_words(request, plan->slice, &plan->writes, pid, &words, err);
	if (r == 0)
		r = systemd_call(request->user, "start", plan->place.unit, words.items, &output, err);
	strv_done(&words);
	return r < 0 ? r : read_start(output, request->root_fd, plan->place.unit, ret_cgroup, err);
}

int systemd_set(const struct cgroup *cgroup, const struct cgroup_writes *writes, struct error *err)
{
	auto_free char *output = NULL;
	struct strv words = { 0 };
	int r = systemd_properties_of_writes(&words, writes, err);

	if (r == 0 && words.len > 0)
		r = systemd_call(cgroup->place.user, "set", cgroup->place.unit, words.items, &output, err);
	strv_done(&words);
	return r;
}

int systemd_stop(const char *unit, bool user, struct error *err)
{
	auto_free char *output = NULL;

	return systemd_call(user, "stop", unit, NULL, &output, err);
}

int systemd_attach(const struct cgroup *cgroup, const char *below, pid_t pid, struct error *err)
{
	auto_free char *output = NULL;
	char number[16], path[4096];
	char *words[] = { path, number, NULL };

	snprintf(path, sizeof(path), "/%s", below);
	snprintf(number, sizeof(number), "%d", pid);
	return systemd_call(cgroup->place.user, "attach", cgroup->place.unit, words, &output, err);
}

/* For a verb whose answer is a line with its name and a value. */
static int ask(bool user, const char *verb, const char *unit, char **ret, struct error *err)
{
	auto_free char *output = NULL;
	int r = systemd_call(user, verb, unit, NULL, &output, err);
	const char *word;

	if (r < 0)
		return r;
	output[strcspn(output, "\n")] = '\0';
	word = value_of(output, verb);
	*ret = strdup(word ? word : "");
	return *ret ? 0 : error_oom(err);
}

int systemd_result(const char *unit, bool user, char **ret, struct error *err)
{
	return ask(user, "result", unit, ret, err);
}

int systemd_version(bool user, char **ret, struct error *err)
{
	return ask(user, "version", "manager", ret, err);
}

/* SPDX-License-Identifier: Apache-2.0 */

/* docker: /etc/docker/daemon.json, its members "runtimes" and "default-runtime". */

#include <errno.h>
#include <string.h>

#include "install/plan.h"
#include "install/text.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

static const char *const runtimes_key[] = { "runtimes", NULL };
static const char *const default_key[] = { "default-runtime", NULL };

static int open_file(struct planner *planner, struct install_change **ret, struct error *err)
{
	auto_free char *path = plan_path(planner, "/etc/docker/daemon.json", "docker/daemon.json");
	int r = path ? plan_file(planner, path, ret, err) : error_oom(err);

	return r < 0 || !(*ret)->after ? r : json_edit_check((*ret)->path, (*ret)->after, err);
}

/* Looks for the runtime of this name. Returns 1, 0, or a negative errno: -EEXIST if it is another program. */
static int find_runtime(struct planner *planner, const struct install_change *change, bool removing,
			struct error *err)
{
	const struct install_request *request = planner->request;
	const char *const keys[] = { "runtimes", request->name, NULL };
	const char *const path[] = { "runtimes", request->name, "path", NULL };
	auto_free char *program = NULL;
	size_t at;
	int r = change->after ? json_edit_find(change->path, change->after, keys, &at, err) : 0;

	if (r <= 0)
		return r;
	r = json_edit_string(change->path, change->after, path, &program, err);
	if (r < 0)
		return r;
	if (!program)
		return text_error(err, -EEXIST, change->path, change->after, at,
				  "the runtime '%s' is registered, but not as krun", request->name);
	if (strcmp(program, request->program) == 0 || (removing && plan_is_krun(planner, program)))
		return 1;
	return text_error(err, -EEXIST, change->path, change->after, at,
			  "the runtime '%s' is registered with another program, '%s': take another name "
			  "(--name), or that entry out",
			  request->name, program);
}

/* dockerd writes them into a script of a shell, without quotes. */
static int check_args(char *const *args, struct error *err)
{
	for (; *args; args++)
		if (!**args || (*args)[strcspn(*args, " \t\r\n\"'\\$`;&|<>(){}*?[]~#!")])
			return error_set(
				err, -EINVAL,
				"--arg '%s': dockerd hands arguments through a shell without quotes, "
				"so that white space and signs of a shell are lost",
				*args);
	return 0;
}

/* Returns the array of arguments as json_edit_set() wants it; NULL: no memory. */
static char *make_args(char *const *args)
{
	char *made = NULL;
	size_t size;
	FILE *out = open_memstream(&made, &size);
	bool failed = !out;

	for (size_t i = 0; !failed && args[i]; i++) {
		auto_free char *quoted = json_edit_quote(args[i]);

		failed = !quoted || fprintf(out, "%s\n\t%s", i == 0 ? "[" : ",", quoted) < 0;
	}
	if (out)
		fputs("\n]", out);
	if (io_close_text(out, &made) == 0 && failed)
		cleanup_free(&made);
	return made;
}

/* Returns 1 if the runtime has these arguments, 0, or a negative errno. */
static int has_args(const struct install_change *change, const char *const *keys, char *const *args,
		    struct error *err)
{
	struct strv have = { 0 };
	bool all, same;
	int r = json_edit_strings(change->path, change->after, keys, &have, &all, err);

	same = all && have.len == strv_len(args);
	for (size_t i = 0; r > 0 && same && i < have.len; i++)
		same = strcmp(have.items[i], args[i]) == 0;
	strv_done(&have);
	return r < 0 ? r : same;
}

static int set_args(struct planner *planner, struct install_change *change, struct error *err)
{
	const struct install_request *request = planner->request;
	const char *const keys[] = { "runtimes", request->name, "runtimeArgs", NULL };
	auto_free char *made = NULL;
	int r = has_args(change, keys, request->args, err);

	if (r != 0)
		return r < 0 ? r : 0;
	made = make_args(request->args);
	return made ? json_edit_set(change->path, &change->after, keys, made, err) : error_oom(err);
}

/* Sets a member to a string, unless that is its value. */
static int set_string(struct install_change *change, const char *const *keys, const char *value,
		      struct error *err)
{
	auto_free char *have = NULL, *quoted = NULL;
	int r = json_edit_string(change->path, change->after, keys, &have, err);

	if (r < 0 || (have && strcmp(have, value) == 0))
		return r < 0 ? r : 0;
	quoted = json_edit_quote(value);
	return quoted ? json_edit_set(change->path, &change->after, keys, quoted, err) : error_oom(err);
}

static int add(struct planner *planner, struct error *err)
{
	const struct install_request *request = planner->request;
	const char *const path[] = { "runtimes", request->name, "path", NULL };
	struct install_change *change;
	int r = request->args ? check_args(request->args, err) : 0;

	if (r == 0)
		r = open_file(planner, &change, err);
	if (r == 0)
		r = find_runtime(planner, change, false, err);
	if (r < 0)
		return r;
	if (!change->after)
		change->after = strdup("");
	if (!change->after)
		return error_oom(err);
	r = set_string(change, path, request->program, err);
	if (r == 0 && request->args && request->args[0])
		r = set_args(planner, change, err);
	if (r == 0 && request->make_default)
		r = set_string(change, default_key, request->name, err);
	return r;
}

/* Sets the default back to what it was, or removes it. @before: the text before the installation, or NULL. */
static int reset_default(struct planner *planner, struct install_change *change, const char *before,
			 struct error *err)
{
	auto_free char *have = NULL, *old = NULL;
	int r = json_edit_string(change->path, change->after, default_key, &have, err);

	if (r <= 0 || !have || strcmp(have, planner->request->name) != 0)
		return r < 0 ? r : 0;
	r = before ? json_edit_string(change->path, before, default_key, &old, err) : 0;
	if (r < 0)
		return r;
	if (!old || strcmp(old, have) == 0)
		return json_edit_remove(change->path, &change->after, default_key, err);
	return set_string(change, default_key, old, err);
}

static int remove_runtime(struct planner *planner, struct error *err)
{
	const char *const keys[] = { "runtimes", planner->request->name, NULL };
	const struct install_host *host = planner->host;
	struct install_change *change;
	auto_free char *before = NULL;
	struct error ignored;
	int r = open_file(planner, &change, err), existed = 0;

	if (r == 0)
		r = find_runtime(planner, change, true, err);
	if (r <= 0)
		return r;
	r = host->before(host->context, change->path, &before, err);
	if (r >= 0 && before)
		r = json_edit_check(change->path, before, err);
	if (r >= 0)
		r = json_edit_remove(change->path, &change->after, keys, err);
	if (r == 0)
		r = reset_default(planner, change, before, err);
	/* An empty object that was there before stays. */
	if (r == 0 && before)
		existed = json_edit_find(change->path, before, runtimes_key, NULL, &ignored);
	if (r == 0 && existed == 0 && json_edit_is(change->after, runtimes_key, "{}"))
		r = json_edit_remove(change->path, &change->after, runtimes_key, err);
	return r < 0 ? r : plan_json_tidy(planner, change, err);
}

const struct install_engine install_docker = {
	.name = "docker",
	.add = add,
	.remove = remove_runtime,
	.unit = "docker",
	.reload = true,
	.use = "docker run --runtime %s ...",
};

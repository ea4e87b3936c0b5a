/* SPDX-License-Identifier: Apache-2.0 */

/* install, uninstall: krun as a runtime of an engine. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "install/install.h"
#include "km/km.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

struct install_options {
	const char *name, *root;
	struct strv args;
	bool make_default, dry_run;
};

#define ROW(name, letter, kind, field, argument, help)                                      \
	{                                                                                   \
		name, letter, kind, offsetof(struct install_options, field), argument, help \
	}

static const struct option_row install_rows[] = {
	ROW("name", 'n', OPTION_TEXT, name, "NAME",
	    "name of the runtime (default: that of this program, krun)"),
	ROW("default", 'd', OPTION_FLAG, make_default, NULL, "make it the engine's default runtime"),
	ROW("arg", 'a', OPTION_LIST, args, "FLAG", "docker: an option that krun gets each time; repeatable"),
	ROW("root", 0, OPTION_TEXT, root, "DIR", "change the files of the system below DIR"),
	ROW("dry-run", 0, OPTION_FLAG, dry_run, NULL, "print what would change, as a diff"),
	{ 0 },
};

static const struct option_row uninstall_rows[] = {
	ROW("name", 'n', OPTION_TEXT, name, "NAME",
	    "name of the runtime (default: that of this program, krun)"),
	ROW("root", 0, OPTION_TEXT, root, "DIR", "change the files of the system below DIR"),
	ROW("dry-run", 0, OPTION_FLAG, dry_run, NULL, "print what would change, as a diff"),
	{ 0 },
};

/* Everything that a call needs, released with job_done(). */
struct job {
	struct install_request request;
	struct install_files *files;
	struct install_plan plan;
	char *name, *program, *config, *data;
};

static void job_done(struct job *job)
{
	if (job->files)
		install_files_close(job->files);
	install_plan_done(&job->plan);
	free(job->name);
	free(job->program);
	free(job->config);
	free(job->data);
}

/* Finds a directory of the user's: the variable, or @fallback below his home. */
static int find_user_directory(const char *variable, const char *fallback, char **ret, struct error *err)
{
	const char *set = getenv(variable), *home = getenv("HOME");

	if (set && set[0] == '/') {
		*ret = strdup(set);
		return *ret ? 0 : error_oom(err);
	}
	if (!home || home[0] != '/')
		return error_set(err, -ENOENT,
				 "neither HOME nor %s says where the configuration of this user is",
				 variable);
	if (asprintf(ret, "%s/%s", home, fallback) < 0) {
		*ret = NULL;
		return error_oom(err);
	}
	return 0;
}

/* Of the program, when --name does not say it. */
static char *default_name(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');

	return strdup(slash ? slash + 1 : argv0);
}

static int make_request(const struct cli *cli, const struct install_options *options, bool remove,
			struct job *job, struct error *err)
{
	struct install_request *request = &job->request;
	int r = 0;

	/* The parser has taken none but the names of engines. */
	request->engine = install_engine_find(cli->args[0]);
	if (!request->engine)
		return error_set(err, -EINVAL, "unknown engine '%s'", cli->args[0]);
	job->name = options->name ? strdup(options->name) : default_name(cli->argv[0]);
	if (!job->name)
		return error_oom(err);
	request->name = job->name;
	request->args = options->args.items;
	request->make_default = options->make_default;
	if (geteuid() != 0 && !options->root) {
		r = find_user_directory("XDG_CONFIG_HOME", ".config", &job->config, err);
		if (r == 0)
			r = find_user_directory("XDG_DATA_HOME", ".local/share", &job->data, err);
		request->user_config = job->config;
	}
	if (r < 0)
		return r;
	r = install_find_program(cli->argv[0], job->name, options->root, &job->program, err);
	/* A removal goes by what is registered, also when the program is not there any more. */
	if (r < 0 && remove)
		job->program = strdup(cli->argv[0]);
	if (!job->program)
		return r < 0 && !remove ? r : error_oom(err);
	request->program = job->program;
	request->is_km = program_name_parse(job->program) != NAME_PLAIN;
	return 0;
}

/* ---- what is said ---------------------------------------------------------------------------- */

static void say_nothing_to_do(FILE *out, const struct job *job, bool remove)
{
	if (remove)
		fprintf(out, "%s does not know '%s': nothing to do\n", job->request.engine->name, job->name);
	else
		fprintf(out, "'%s' is registered in %s already: nothing to do\n", job->name,
			job->request.engine->name);
}

static void say_changes(FILE *out, const struct job *job, const char *root)
{
	for (size_t i = 0; i < job->plan.len; i++) {
		const struct install_change *change = &job->plan.changes[i];

		fprintf(out, "%-8s %s%s\n",
			!change->before ? "made" :
			!change->after	? "removed" :
					  "changed",
			root ? root : "", change->path);
	}
}

static void say_next(FILE *out, const struct job *job, const char *root, bool remove)
{
	const struct install_engine *engine = job->request.engine;

	if (!remove)
		fprintf(out, "what was there is kept in %s\n", install_files_record(job->files));
	if (root)
		return;
	if (engine->unit)
		fprintf(out, "%s notices after: systemctl %s%s %s\n", engine->name,
			job->request.user_config ? "--user " : "",
			engine->reload && !remove ? "reload" : "restart", engine->unit);
	else
		fprintf(out, "%s notices with its next command\n", engine->name);
	if (!remove && engine->use) {
		fputs("use: ", out);
		for (const char *c = engine->use; *c; c++) {
			if (strncmp(c, "%s", 2) == 0) {
				fputs(job->name, out);
				c++;
			} else {
				fputc(*c, out);
			}
		}
		fputc('\n', out);
	}
}

static int say(const struct job *job, const struct install_options *options, bool remove, struct error *err)
{
	auto_free char *text = NULL, *diff = options->dry_run ? install_diff(&job->plan) : NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out || (options->dry_run && !diff)) {
		io_close_text(out, &text);
		return error_oom(err);
	}
	if (job->plan.len == 0)
		say_nothing_to_do(out, job, remove);
	else if (options->dry_run)
		fputs(diff, out);
	else
		say_changes(out, job, options->root);
	for (size_t i = 0; i < job->plan.notes.len; i++)
		fprintf(out, "note: %s\n", job->plan.notes.items[i]);
	if (job->plan.len > 0 && !options->dry_run)
		say_next(out, job, options->root, remove);
	return command_print_stream(out, &text, false, err);
}

/* A package is built where its program is not installed yet, which is no error. */
static int note_missing_program(struct job *job, const char *root, struct error *err)
{
	auto_free char *path = NULL;

	if (asprintf(&path, "%s%s", root, job->program) < 0) {
		path = NULL;
		return error_oom(err);
	}
	if (io_exists(path) != 0)
		return 0;
	return strv_add_format(&job->plan.notes, "there is no %s yet", path) < 0 ? error_oom(err) : 0;
}

/* ---- commands -------------------------------------------------------------------------------- */

static int run_job(const struct cli *cli, const struct install_options *options, bool remove, struct job *job,
		   struct error *err)
{
	struct install_host host;
	int r = make_request(cli, options, remove, job, err);

	if (r == 0)
		r = install_files_open(options->root, job->data, &job->request, !options->dry_run,
				       &job->files, err);
	if (r < 0)
		return r;
	host = install_files_host(job->files);
	r = install_plan(&job->request, &host, remove, &job->plan, err);
	if (r == 0 && remove)
		r = install_files_restore(job->files, &job->plan, err);
	if (r == 0)
		r = options->dry_run ? install_files_check(job->files, &job->plan, err) :
				       install_apply(job->files, &job->plan, remove, err);
	if (r == 0 && options->root && !remove && job->plan.len > 0)
		r = note_missing_program(job, options->root, err);
	return r < 0 ? r : say(job, options, remove, err);
}

static int run(const struct cli *cli, const struct install_options *options, bool remove, struct error *err)
{
	struct job job = { 0 };
	int r = run_job(cli, options, remove, &job, err);

	job_done(&job);
	return r < 0 && options->root ? error_prefix(err, "below '%s'", options->root) : r;
}

static int run_install(struct cli *cli, void *arguments, struct error *err)
{
	return run(cli, arguments, false, err);
}

static int run_uninstall(struct cli *cli, void *arguments, struct error *err)
{
	return run(cli, arguments, true, err);
}

const struct command command_install = {
	.name = "install",
	.arguments = "docker|podman|containerd|crio|buildkit",
	.summary = "register krun as a runtime of an engine",
	.options = install_rows,
	.options_size = sizeof(struct install_options),
	.args_min = 1,
	.args_max = 1,
	.run = run_install,
};

const struct command command_uninstall = {
	.name = "uninstall",
	.arguments = "docker|podman|containerd|crio|buildkit",
	.summary = "take back what 'install' has registered",
	.options = uninstall_rows,
	.options_size = sizeof(struct install_options),
	.args_min = 1,
	.args_max = 1,
	.run = run_uninstall,
};

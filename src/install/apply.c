/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From a plan to files, and back. For each runtime that is installed there is a record, a directory
 * ENGINE-NAME with two trees: "before" has the files as they were, and "after" as krun has left them. A file
 * that is in "after" only did not exist. When a file still is as krun left it, its removal is exact: it
 * becomes what it was. Otherwise the plan of the removal counts.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "install/files.h"
#include "install/install.h"
#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/lock.h"

#define SYSTEM_RECORDS "/var/lib/krun/install"
#define SHARED_FILE "/etc/krun/krun.json"

enum { LOCK_TIMEOUT_MS = 60000 };

struct install_files {
	const struct install_request *request;
	int root_fd, lock_fd;
	char *records; /* the directory of all records */
	char *record;  /* the name of this runtime's */
	char *shown;   /* its path, with the root in front */
};

/* ---- records --------------------------------------------------------------------------------- */

/* Returns RECORDS/RECORD/TREE/PATH; NULL: no memory. */
static char *record_path(const struct install_files *files, const char *record, const char *tree,
			 const char *path)
{
	char *made;

	return asprintf(&made, "%s/%s/%s%s", files->records, record, tree, path) < 0 ? NULL : made;
}

/* As file_read(), of a record. */
static int read_record(const struct install_files *files, const char *record, const char *tree,
		       const char *path, char **ret, struct error *err)
{
	auto_free char *full = record_path(files, record, tree, path);

	*ret = NULL;
	return full ? file_read(files->root_fd, full, ret, err) : error_oom(err);
}

/* Writes a file of a record, or removes it when @text is NULL. */
static int write_record(const struct install_files *files, const char *record, const char *tree,
			const char *path, mode_t mode, const char *text, struct error *err)
{
	auto_free char *full = record_path(files, record, tree, path);
	int r;

	if (!full)
		return error_oom(err);
	r = file_write(files->root_fd, full, mode, text, err);
	if (r == 0 && !text)
		file_remove_directories(files->root_fd, full, files->records);
	return r;
}

/* Adds the names of all records but this runtime's. */
static int list_others(const struct install_files *files, struct strv *ret, struct error *err)
{
	struct install_host host = install_files_host((struct install_files *)files);
	struct strv all = { 0 };
	int r = host.list(host.context, files->records, &all, err);

	for (size_t i = 0; r >= 0 && i < all.len; i++)
		if (strcmp(all.items[i], files->record) != 0 && strv_add(ret, all.items[i]) < 0)
			r = error_oom(err);
	strv_done(&all);
	return r < 0 ? r : 0;
}

/* ---- what a plan reads ----------------------------------------------------------------------- */

static int host_read(void *context, const char *path, char **ret, struct error *err)
{
	struct install_files *files = context;

	return file_read(files->root_fd, path, ret, err);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_names(DIR *dir, struct strv *ret)
{
	struct dirent *entry;
	int r;

	while ((r = io_next_entry(dir, &entry)) > 0)
		if (entry->d_name[0] != '.' && strv_add(ret, entry->d_name) < 0)
			return -ENOMEM;
	if (ret->len > 0)
		qsort(ret->items, ret->len, sizeof(*ret->items), compare);
	return r;
}

static int host_list(void *context, const char *path, struct strv *ret, struct error *err)
{
	struct install_files *files = context;
	auto_close int fd = open_in_root(files->root_fd, path, O_PATH | O_DIRECTORY);
	DIR *dir;
	int r;

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	r = fd < 0 ? fd : io_open_directory(fd, ".", &dir);
	if (r == 0) {
		r = read_names(dir, ret);
		closedir(dir);
	}
	return r < 0 ? error_sys(err, r, "list '%s'", path) : 1;
}

static int host_before(void *context, const char *path, char **ret, struct error *err)
{
	struct install_files *files = context;
	auto_free char *after = NULL;
	int r = read_record(files, files->record, "after", path, &after, err);

	*ret = NULL;
	if (r <= 0)
		return r;
	r = read_record(files, files->record, "before", path, ret, err);
	return r < 0 ? r : 1;
}

/* The only such file is krun.json, which runtimes of containerd and CRI-O need. */
static int host_is_shared(void *context, const char *path, struct error *err)
{
	struct strv others = { 0 };
	int r = list_others(context, &others, err), shared = 0;

	for (size_t i = 0; r == 0 && strcmp(path, SHARED_FILE) == 0 && i < others.len; i++)
		shared |= strncmp(others.items[i], "containerd-", 11) == 0 ||
			  strncmp(others.items[i], "crio-", 5) == 0;
	strv_done(&others);
	return r < 0 ? r : shared;
}

struct install_host install_files_host(struct install_files *files)
{
	return (struct install_host){ host_read, host_list, host_before, host_is_shared, files };
}

const char *install_files_record(const struct install_files *files)
{
	return files->shown;
}

/* ---- opening --------------------------------------------------------------------------------- */

/*
 * Others can neither hold the lock nor read what the files have had in them, which may be a secret that came
 * later than the record.
 */
static int take_lock(struct install_files *files, struct error *err)
{
	auto_close int fd =
		open_in_root_make(files->root_fd, files->records, OPEN_MAKE_DIRECTORY, 0700, NULL);
	int r;

	if (fd < 0)
		return error_sys(err, fd, "make '%s'", files->records);
	files->lock_fd = reopen_fd(fd, O_RDONLY | O_DIRECTORY);
	if (files->lock_fd < 0)
		return error_sys(err, files->lock_fd, "open '%s'", files->records);
	r = lock_wait(files->lock_fd, LOCK_TIMEOUT_MS);
	return r < 0 ? error_sys(err, r, "wait for another krun that installs (process %d, lock of '%s')",
				 lock_holder(files->lock_fd), files->records) :
		       0;
}

int install_files_open(const char *root, const char *user_data, const struct install_request *request,
		       bool with_lock, struct install_files **ret, struct error *err)
{
	struct install_files *files = calloc(1, sizeof(*files));
	int r = 0;

	if (!files)
		return error_oom(err);
	*files = (struct install_files){ .request = request, .root_fd = -1, .lock_fd = -1 };
	if ((user_data ? asprintf(&files->records, "%s/krun/install", user_data) :
			 asprintf(&files->records, SYSTEM_RECORDS)) < 0)
		files->records = NULL;
	if (asprintf(&files->record, "%s-%s", request->engine->name, request->name) < 0)
		files->record = NULL;
	if (files->records && files->record &&
	    asprintf(&files->shown, "%s%s/%s", root ? root : "", files->records, files->record) < 0)
		files->shown = NULL;
	files->root_fd = open(root ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (!files->shown)
		r = error_oom(err);
	else if (files->root_fd < 0)
		r = error_sys(err, -errno, "--root '%s'", root);
	else if (with_lock)
		r = take_lock(files, err);
	if (r < 0)
		install_files_close(files);
	else
		*ret = files;
	return r;
}

void install_files_close(struct install_files *files)
{
	cleanup_close(&files->root_fd);
	cleanup_close(&files->lock_fd);
	free(files->records);
	free(files->record);
	free(files->shown);
	free(files);
}

/* ---- a text without this runtime ------------------------------------------------------------- */

/* The host as it is, but with one other text, and without records. */
struct view {
	struct install_files *files;
	const char *path, *text;
};

static int view_read(void *context, const char *path, char **ret, struct error *err)
{
	const struct view *view = context;

	if (strcmp(path, view->path) != 0)
		return file_read(view->files->root_fd, path, ret, err);
	*ret = view->text ? strdup(view->text) : NULL;
	return !view->text ? 0 : *ret ? 1 : error_oom(err);
}

static int view_list(void *context, const char *path, struct strv *ret, struct error *err)
{
	const struct view *view = context;

	return host_list(view->files, path, ret, err);
}

static int view_before(void *context, const char *path, char **ret, struct error *err)
{
	(void)context;
	(void)path;
	(void)err;
	*ret = NULL;
	return 0;
}

static int view_is_shared(void *context, const char *path, struct error *err)
{
	(void)context;
	(void)path;
	(void)err;
	return 0;
}

/* Plans the removal from @text, which may be NULL, alone. The caller frees *ret. */
static int strip(struct install_files *files, const char *path, const char *text, char **ret,
		 struct error *err)
{
	struct view view = { files, path, text };
	const struct install_host host = { view_read, view_list, view_before, view_is_shared, &view };
	struct install_request request = *files->request;
	struct install_plan plan;
	const char *result = text;
	int r;

	request.args = NULL;
	request.make_default = false;
	r = install_plan(&request, &host, true, &plan, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < plan.len; i++)
		if (strcmp(plan.changes[i].path, path) == 0)
			result = plan.changes[i].after;
	*ret = result ? strdup(result) : NULL;
	install_plan_done(&plan);
	return result && !*ret ? error_oom(err) : 0;
}

/* ---- installation ---------------------------------------------------------------------------- */

static bool is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Keeps the file as it was before krun was in it at all. */
static int record_change(struct install_files *files, const struct install_change *change, struct error *err)
{
	const mode_t mode = file_mode(files->root_fd, change->path, 0644);
	auto_free char *known = NULL, *before = NULL;
	int r = read_record(files, files->record, "after", change->path, &known, err);

	if (r < 0)
		return r;
	if (!known || !is_same(known, change->before)) {
		r = strip(files, change->path, change->before, &before, err);
		if (r == 0)
			r = write_record(files, files->record, "before", change->path, mode, before, err);
	}
	return r < 0 ? r :
		       write_record(files, files->record, "after", change->path, mode, change->after, err);
}

/* ---- removal --------------------------------------------------------------------------------- */

int install_files_restore(struct install_files *files, struct install_plan *plan, struct error *err)
{
	for (size_t i = 0; i < plan->len; i++) {
		struct install_change *change = &plan->changes[i];
		auto_free char *after = NULL, *before = NULL;
		int r = read_record(files, files->record, "after", change->path, &after, err);

		if (r > 0)
			r = read_record(files, files->record, "before", change->path, &before, err);
		if (r < 0)
			return r;
		if (!after || !is_same(after, change->before))
			continue;
		free(change->after);
		change->after = take_pointer(before);
	}
	return 0;
}

/* What another runtime's record has of this file must not bring this runtime back. */
static int clean_record(struct install_files *files, const char *other, const char *path, struct error *err)
{
	static const char *const trees[] = { "before", "after" };
	auto_free char *our_after = NULL, *our_before = NULL;
	int r = read_record(files, files->record, "after", path, &our_after, err);

	if (r >= 0)
		r = read_record(files, files->record, "before", path, &our_before, err);
	for (size_t i = 0; r >= 0 && i < 2; i++) {
		auto_free char *text = NULL, *clean = NULL, *full = record_path(files, other, trees[i], path);
		mode_t mode;

		r = read_record(files, other, trees[i], path, &text, err);
		if (r <= 0)
			continue;
		if (our_after && is_same(text, our_after)) {
			clean = our_before ? strdup(our_before) : NULL;
			r = our_before && !clean ? error_oom(err) : 0;
		} else {
			r = strip(files, path, text, &clean, err);
		}
		mode = full ? file_mode(files->root_fd, full, 0600) : 0600;
		if (r == 0 && !is_same(text, clean))
			r = write_record(files, other, trees[i], path, mode, clean, err);
	}
	return r < 0 ? r : 0;
}

/* krun.json stays while another runtime needs it, whose record takes over what was there before. */
static int hand_over(struct install_files *files, const struct strv *others, struct error *err)
{
	static const char *const trees[] = { "before", "after" };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < others->len; i++) {
		auto_free char *known = NULL;

		if (strncmp(others->items[i], "containerd-", 11) != 0 &&
		    strncmp(others->items[i], "crio-", 5) != 0)
			continue;
		r = read_record(files, others->items[i], "after", SHARED_FILE, &known, err);
		for (size_t j = 0; r == 0 && j < 2; j++) {
			auto_free char *text = NULL;

			r = read_record(files, files->record, trees[j], SHARED_FILE, &text, err);
			if (r > 0)
				r = write_record(files, others->items[i], trees[j], SHARED_FILE, 0600, text,
						 err);
		}
		break;
	}
	return r < 0 ? r : 0;
}

/* Adds the paths of all files below a tree of the record. */
static int list_tree(struct install_files *files, const char *tree, const char *below, struct strv *ret,
		     struct error *err)
{
	auto_free char *full = record_path(files, files->record, tree, below);
	struct strv names = { 0 };
	int r = full ? host_list(files, full, &names, err) : error_oom(err);

	for (size_t i = 0; r >= 0 && i < names.len; i++) {
		auto_free char *path = NULL, *at = NULL;
		auto_close int fd = -1;

		if (asprintf(&path, "%s/%s", below, names.items[i]) < 0 ||
		    !(at = record_path(files, files->record, tree, path)))
			r = error_oom(err);
		else if ((fd = open_in_root_nofollow(files->root_fd, at, O_PATH | O_DIRECTORY)) >= 0)
			r = list_tree(files, tree, path, ret, err);
		else if (strv_add(ret, path) < 0)
			r = error_oom(err);
	}
	strv_done(&names);
	return r < 0 ? r : 0;
}

static int delete_record(struct install_files *files, struct error *err)
{
	static const char *const trees[] = { "before", "after" };
	int r = 0;

	for (size_t i = 0; r == 0 && i < 2; i++) {
		struct strv paths = { 0 };

		r = list_tree(files, trees[i], "", &paths, err);
		for (size_t j = 0; r == 0 && j < paths.len; j++)
			r = write_record(files, files->record, trees[i], paths.items[j], 0, NULL, err);
		strv_done(&paths);
	}
	return r;
}

static int finish_removal(struct install_files *files, const struct install_plan *plan, struct error *err)
{
	struct strv others = { 0 };
	bool changed_shared = false;
	int r = list_others(files, &others, err);

	for (size_t i = 0; r == 0 && i < plan->len; i++) {
		changed_shared = changed_shared || strcmp(plan->changes[i].path, SHARED_FILE) == 0;
		for (size_t j = 0; r == 0 && j < others.len; j++)
			r = clean_record(files, others.items[j], plan->changes[i].path, err);
	}
	if (r == 0 && !changed_shared)
		r = hand_over(files, &others, err);
	strv_done(&others);
	return r < 0 ? r : delete_record(files, err);
}

/* ---- both ------------------------------------------------------------------------------------ */

int install_files_check(struct install_files *files, const struct install_plan *plan, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->len; i++)
		r = file_check(files->root_fd, plan->changes[i].path, plan->changes[i].before, err);
	return r;
}

/* Writes all files, or none. */
static int write_files(struct install_files *files, const struct install_plan *plan, struct error *err)
{
	mode_t *modes = calloc(plan->len + 1, sizeof(*modes));
	struct error ignored;
	size_t i = 0;
	int r = modes ? 0 : error_oom(err);

	for (; r == 0 && i < plan->len; i++) {
		modes[i] = file_mode(files->root_fd, plan->changes[i].path, 0644);
		r = file_write(files->root_fd, plan->changes[i].path, 0644, plan->changes[i].after, err);
	}
	/* The last one has failed. A file that was removed gets its mode back, too. */
	for (i = r < 0 && i > 0 ? i - 1 : 0; i > 0; i--)
		file_write(files->root_fd, plan->changes[i - 1].path, modes[i - 1],
			   plan->changes[i - 1].before, &ignored);
	free(modes);
	return r;
}

static int add(struct install_files *files, const struct install_plan *plan, struct error *err)
{
	auto_free char *record = record_path(files, files->record, "after", "");
	struct strv known = { 0 };
	struct error ignored;
	int r = record ? host_list(files, record, &known, err) : error_oom(err);

	r = r < 0 ? r : 0;
	for (size_t i = 0; r == 0 && i < plan->len; i++)
		r = record_change(files, &plan->changes[i], err);
	if (r == 0)
		r = write_files(files, plan, err);
	if (r < 0 && known.len == 0)
		delete_record(files, &ignored);
	strv_done(&known);
	return r;
}

int install_apply(struct install_files *files, const struct install_plan *plan, bool remove,
		  struct error *err)
{
	int r = install_files_check(files, plan, err);

	if (r == 0 && !remove)
		return add(files, plan, err);
	if (r == 0)
		r = write_files(files, plan, err);
	return r < 0 ? r : finish_removal(files, plan, err);
}

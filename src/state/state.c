/* SPDX-License-Identifier: Apache-2.0 */
#include "state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "json/fields.h"
#include "json/make.h"
#include "json/parse.h"
#include "km/trust.h"
#include "krun/annotations.h"
#include "spec/spec.h"
#include "state/seal.h"
#include "state/state_dir.h"
#include "syscall/replace.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/io.h"

enum { STATE_MAX = 16 * 1024 * 1024, FOREIGN_MAX = 256 * 1024, CREATE_LOOKS = 4, CREATE_NAP_NS = 2000000 };

enum kind {
	TEXT,
	TEXT_OPTIONAL, /* absent when NULL */
	LIST,	       /* struct strv; absent when empty */
	NUMBER32,      /* pid_t, uid_t */
	NUMBER64,
	FLAG, /* absent: false */
};

/* A missing key has a default. These keys matter more: */
enum need {
	VITAL = 1, /* state_load() fails without it */
	PLACE = 2, /* also in STATE_PLACE */
};

static const struct field {
	const char *key;
	enum kind kind;
	size_t offset;
	enum need need;
	const char *text; /* default of a TEXT; NULL: "" */
	int64_t number;	  /* default of a number */
} fields[] = {
	{ "id", TEXT, offsetof(struct state, id), .need = PLACE },
	{ "ociVersion", TEXT, offsetof(struct state, oci_version), .text = "1.0.2" },
	{ "bundle", TEXT, offsetof(struct state, bundle), .need = PLACE },
	{ "rootfs", TEXT, offsetof(struct state, rootfs) },
	{ "created", TEXT, offsetof(struct state, created), .text = "1970-01-01T00:00:00Z" },
	{ "annotations", TEXT, offsetof(struct state, annotations), .text = "{}" },
	{ "cgroupPath", TEXT_OPTIONAL, offsetof(struct state, cgroup.path), .need = PLACE },
	{ "cgroupUnit", TEXT_OPTIONAL, offsetof(struct state, cgroup.unit), .need = PLACE },
	{ "keyring", TEXT_OPTIONAL, offsetof(struct state, keyring) },
	{ "monitor", TEXT_OPTIONAL, offsetof(struct state, monitor) },
	{ "monitorDevice", TEXT_OPTIONAL, offsetof(struct state, monitor_device) },
	{ "rdtClass", TEXT_OPTIONAL, offsetof(struct state, rdt.name), .need = PLACE },
	{ "monitorOptions", LIST, offsetof(struct state, monitor_options) },
	{ "monitorEnvironment", LIST, offsetof(struct state, monitor_environment) },
	{ "settings", LIST, offsetof(struct state, settings) },
	{ "trusted", LIST, offsetof(struct state, trusted), .need = PLACE },
	{ "owner", NUMBER32, offsetof(struct state, owner), .need = PLACE },
	{ "pid", NUMBER32, offsetof(struct state, pid), .need = VITAL | PLACE },
	{ "monitorPid", NUMBER32, offsetof(struct state, monitor_pid), .need = PLACE },
	{ "startTimeoutMs", NUMBER32, offsetof(struct state, start_timeout_ms),
	  .number = KM_START_TIMEOUT_MS },
	{ "rootDevice", NUMBER64, offsetof(struct state, root_file.device) },
	{ "rootInode", NUMBER64, offsetof(struct state, root_file.inode) },
	{ "monitorFileDevice", NUMBER64, offsetof(struct state, monitor_file.device) },
	{ "monitorFileInode", NUMBER64, offsetof(struct state, monitor_file.inode) },
	{ "startTime", NUMBER64, offsetof(struct state, start_time), .need = VITAL | PLACE },
	{ "namespaces", NUMBER64, offsetof(struct state, namespaces), .need = VITAL },
	{ "executionDomain", NUMBER64, offsetof(struct state, execution_domain), .number = -1 },
	{ "cgroupUser", FLAG, offsetof(struct state, cgroup.user), .need = PLACE },
	{ "cgroupBelow", FLAG, offsetof(struct state, cgroup_below), .need = PLACE },
	{ "rdtMonitoring", FLAG, offsetof(struct state, rdt.monitoring), .need = PLACE },
	{ "execReadsConfig", FLAG, offsetof(struct state, exec_reads_config) },
	{ "management", FLAG, offsetof(struct state, management) },
	{ "keepGroups", FLAG, offsetof(struct state, keep_groups) },
	{ "hasSeccomp", FLAG, offsetof(struct state, has_seccomp) },
	{ "joinedMounts", FLAG, offsetof(struct state, joined_mounts) },
	{ "hasHooks", FLAG, offsetof(struct state, has_hooks), .need = PLACE },
};

/* The address of a field in a struct state, by its kind. */
union slot {
	char *bytes;
	char **text;
	struct strv *list;
	uint32_t *number32;
	int64_t *number64;
	bool *flag;
};

static union slot slot_of(const struct state *state, const struct field *field)
{
	return (union slot){ .bytes = (char *)(uintptr_t)state + field->offset };
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_field(struct json_maker *maker, struct json_object *object, const struct state *state,
		      const struct field *field)
{
	const union slot slot = slot_of(state, field);

	switch (field->kind) {
	case TEXT:
	case TEXT_OPTIONAL:
		if (*slot.text)
			json_put_text(maker, object, field->key, *slot.text);
		break;
	case LIST:
		if (slot.list->len > 0)
			json_put_strings(maker, object, field->key, slot.list);
		break;
	case NUMBER32:
		json_put_i64(maker, object, field->key, *slot.number32);
		break;
	case NUMBER64:
		json_put_i64(maker, object, field->key, *slot.number64);
		break;
	case FLAG:
		json_put_bool(maker, object, field->key, *slot.flag);
		break;
	}
}

/* @need: 0: all fields; otherwise those with this bit. NULL: out of memory. */
static char *file_text(const struct state *state, unsigned int need)
{
	struct json_maker maker = { 0 };
	auto_json object = json_make_object(&maker);
	auto_free char *text = NULL;

	json_put_i64(&maker, object, "version", STATE_VERSION);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (!need || fields[i].need & need)
			put_field(&maker, object, state, &fields[i]);
	json_put_text(&maker, object, "cgroupManager", cgroup_manager_name(state->cgroup.manager));
	json_put_text(&maker, object, "personality", mode_word(state->mode));
	json_put_text(&maker, object, "startAt", km_start_word(state->start));
	text = json_make_text(&maker, object, JSON_COMPACT);
	return text ? seal_make(text) : NULL;
}

static int save(int dir_fd, const char *name, const struct state *state, unsigned int need, struct error *err)
{
	auto_free char *text = file_text(state, need);
	int r;

	if (!text)
		return error_oom(err);
	r = file_replace_own(dir_fd, name, 0600, text, strlen(text));
	return r < 0 ? error_sys(err, r, "write '%s'", name) : 0;
}

int state_check_mounts(const struct state *state, struct error *err)
{
	if (!state->joined_mounts)
		return 0;
	return error_set(err, -EOPNOTSUPP, "container '%s' is in a mount namespace that krun did not make",
			 state->id);
}

int state_save_place(int dir_fd, const struct state *state, struct error *err)
{
	return save(dir_fd, STATE_PLACE, state, PLACE, err);
}

int state_save_file(int dir_fd, const struct state *state, struct error *err)
{
	return save(dir_fd, STATE_FILE, state, 0, err);
}

int state_prepare_file(int dir_fd, const struct state *state, struct error *err)
{
	return save(dir_fd, STATE_NEXT, state, 0, err);
}

int state_publish_file(int dir_fd, struct error *err)
{
	const int r = file_move_over(dir_fd, STATE_NEXT, STATE_FILE);

	return r < 0 ? error_sys(err, r, "write '%s'", STATE_FILE) : 0;
}

int state_save(int dir_fd, const struct state *state, struct error *err)
{
	/* STATE_PLACE finds processes: without one it is not needed. */
	int r = state->pid > 0 ? state_save_place(dir_fd, state, err) : 0;

	return r < 0 ? r : state_save_file(dir_fd, state, err);
}

/* ---- reading --------------------------------------------------------------------------------- */

static int read_text(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	char **text = target;

	(void)arg;
	/* set_defaults() has put one there. */
	free(*text);
	*text = strdup(json_object_get_string(value));
	return *text ? 0 : error_oom(reader->err);
}

static int read_list(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	char **strings = NULL;
	int r = json_read_strings(reader, value, &strings, arg);

	for (size_t i = 0; r == 0 && strings && strings[i]; i++)
		r = strv_add(target, strings[i]) < 0 ? error_oom(reader->err) : 0;
	return r;
}

static int unknown_word(struct json_reader *reader, struct json_object *value)
{
	return json_error(reader, "'%s' is unknown to this krun", json_object_get_string(value));
}

static int read_manager(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	(void)arg;
	return cgroup_manager_parse(json_object_get_string(value), target) < 0 ? unknown_word(reader, value) :
										 0;
}

static int read_mode(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	(void)arg;
	return mode_parse(json_object_get_string(value), target) < 0 ? unknown_word(reader, value) : 0;
}

static int read_start(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	(void)arg;
	return km_start_parse(json_object_get_string(value), target) < 0 ? unknown_word(reader, value) : 0;
}

static const struct json_field word_rows[] = {
	{ "cgroupManager", json_type_string, false, offsetof(struct state, cgroup.manager), read_manager,
	  NULL },
	{ "personality", json_type_string, false, offsetof(struct state, mode), read_mode, NULL },
	{ "startAt", json_type_string, false, offsetof(struct state, start), read_start, NULL },
	{ 0 },
};

static void make_rows(struct json_field rows[ARRAY_LEN(fields) + 1])
{
	static const struct {
		json_type type;
		json_read read;
	} kinds[] = {
		[TEXT] = { json_type_string, read_text },
		[TEXT_OPTIONAL] = { json_type_string, read_text },
		[LIST] = { json_type_array, read_list },
		[NUMBER32] = { json_type_int, json_read_u32 },
		[NUMBER64] = { json_type_int, json_read_i64 },
		[FLAG] = { json_type_boolean, json_read_bool },
	};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		rows[i] = (struct json_field){
			.key = fields[i].key,
			.type = kinds[fields[i].kind].type,
			.required = fields[i].need & VITAL,
			.offset = fields[i].offset,
			.read = kinds[fields[i].kind].read,
		};
	rows[ARRAY_LEN(fields)] = (struct json_field){ 0 };
}

static int set_defaults(struct state *state, struct error *err)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const union slot slot = slot_of(state, &fields[i]);

		if (fields[i].kind == TEXT) {
			*slot.text = strdup(fields[i].text ? fields[i].text : "");
			if (!*slot.text)
				return error_oom(err);
		} else if (fields[i].kind == NUMBER32) {
			*slot.number32 = (uint32_t)fields[i].number;
		} else if (fields[i].kind == NUMBER64) {
			*slot.number64 = fields[i].number;
		}
	}
	return 0;
}

static int check_version(struct json_object *object, struct error *err)
{
	struct json_object *version;

	if (!json_object_object_get_ex(object, "version", &version) ||
	    json_object_get_int64(version) <= STATE_VERSION)
		return 0;
	return error_set(err, -ENOTSUP, "written by a newer krun: version %lld, this krun reads up to %d",
			 (long long)json_object_get_int64(version), STATE_VERSION);
}

/* With @findings an unreadable field is not an error but keeps its default. */
static int read_fields(struct json_object *object, struct json_findings *findings, struct state *state,
		       struct error *err)
{
	struct arena arena = { 0 };
	/* The keys of each table are unknown to the other, and who looks for a likely name takes long. */
	struct json_reader reader = { .arena = &arena, .err = err, .findings = findings, .any_key = true };
	struct json_field rows[ARRAY_LEN(fields) + 1];
	int r;

	make_rows(rows);
	r = json_read_fields(&reader, object, rows, state);
	/* What there was no memory for is not unreadable: it may be the cgroup. */
	if (r == 0 || (findings && r != -ENOMEM)) {
		state->cgroup.manager = state->cgroup.unit ? CGROUP_SYSTEMD :
					state->cgroup.path ? CGROUP_CGROUPFS :
							     CGROUP_DISABLED;
		/* Only km mode has a monitor; this is the default if "personality" is unreadable. */
		state->mode = state->monitor || state->monitor_pid ? MODE_KM : MODE_PLAIN;
		r = json_read_fields(&reader, object, word_rows, state);
	}
	arena_done(&arena);
	return findings && r != -ENOMEM ? 0 : r;
}

/*
 * @whole: a newer version, an unknown word, a wrong type and a missing VITAL key are errors, because the
 * command has to understand the complete state.
 */
static int parse(const char *text, size_t size, bool whole, struct state *state, struct error *err)
{
	struct json_findings findings = { 0 };
	auto_json object = NULL;
	int r = json_document_parse(text, size, &object, err);

	if (r == 0 && !json_object_is_type(object, json_type_object))
		r = error_set(err, -EPROTO, "not a JSON object");
	if (r == 0 && whole)
		r = check_version(object, err);
	if (r == 0)
		r = set_defaults(state, err);
	if (r == 0)
		r = read_fields(object, whole ? NULL : &findings, state, err);
	json_findings_done(&findings);
	return r;
}

static int load(int dir_fd, const char *name, bool whole, struct state *ret, struct error *err)
{
	auto_free char *text = NULL;
	struct state state = { 0 };
	size_t size;
	int r = io_read_regular(dir_fd, name, STATE_MAX, &text, &size);

	if (r < 0)
		return error_sys(err, r, "read '%s'", name);
	r = seal_check(text, size, err);
	if (r == 0)
		r = parse(text, size, whole, &state, err);
	if (r < 0) {
		state_done(&state);
		return json_name_document(err, name);
	}
	*ret = state;
	return 0;
}

int state_load(int dir_fd, struct state *ret, struct error *err)
{
	return load(dir_fd, STATE_FILE, true, ret, err);
}

int state_load_some(int dir_fd, const char *id, struct state *ret, struct error *err)
{
	struct error later;
	int r = load(dir_fd, STATE_FILE, false, ret, err);

	/* A lack of memory or fds says nothing about the file, which may be better than the other one. */
	if (error_is_shortage(r))
		return r;
	if (r < 0) {
		const int place = load(dir_fd, STATE_PLACE, false, ret, &later);

		/* The error is that of STATE_FILE, unless it is merely missing. */
		if (place < 0 && (error_is_shortage(place) || r == -ENOENT)) {
			*err = later;
			return place;
		}
		if (place < 0)
			return r;
	}
	/* The name of the directory is the container's id. */
	free(ret->id);
	ret->id = strdup(id);
	if (ret->id)
		return 0;
	state_done(ret);
	return error_oom(err);
}

int state_load_config(int dir_fd, const struct state *state, struct spec **ret, struct error *err)
{
	int r = spec_load(dir_fd, STATE_CONFIG, ret, err);

	if (r == 0)
		km_trust_apply(*ret, &state->trusted);
	return r;
}

/*
 * If both files are missing, the container was removed meanwhile, or its create has not come to write them.
 */
static void explain(int dir_fd, const char *id, struct error *err)
{
	if (err->code == -ENOENT && state_dir_is_removed(dir_fd))
		state_dir_absent(NULL, id, err);
	else if (err->code != -ENOENT || faccessat(dir_fd, STATE_PLACE, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
		 errno != ENOENT)
		error_prefix(err, "container '%s'", id);
	else
		error_set(err, -ENOENT,
			  "container '%s' is being created, or its create was killed in its first steps and "
			  "left a "
			  "directory that 'delete --force' removes",
			  id);
}

/*
 * Returns whether to look once more for a state that is missing, because a create or a removal is under way.
 * With the lock a create can only be between making the directory and locking it: it gets the lock for a
 * moment.
 */
static bool is_worth_a_look(int dir_fd, bool lock, int looks)
{
	const struct timespec nap = { .tv_nsec = CREATE_NAP_NS };

	if (!lock)
		return state_dir_is_in_motion(dir_fd, looks);
	if (looks >= CREATE_LOOKS)
		return false;
	state_dir_unlock(dir_fd);
	nanosleep(&nap, NULL);
	return true;
}

static int open_state(const struct runtime_options *runtime, const char *id, bool lock, bool whole,
		      struct state *ret, struct error *err)
{
	int dir_fd = state_dir_open(runtime, id, err), r;

	if (dir_fd < 0)
		return dir_fd;
	for (int looks = 0;; looks++) {
		r = lock ? state_dir_lock(dir_fd, id, err) : 0;
		if (r < 0)
			break;
		r = whole ? state_load(dir_fd, ret, err) : state_load_some(dir_fd, id, ret, err);
		if (r == -ENOENT && is_worth_a_look(dir_fd, lock, looks))
			continue;
		if (r < 0)
			explain(dir_fd, id, err);
		break;
	}
	if (r < 0)
		close(dir_fd);
	return r < 0 ? r : dir_fd;
}

int state_open(const struct runtime_options *runtime, const char *id, bool lock, struct state *ret,
	       struct error *err)
{
	return open_state(runtime, id, lock, true, ret, err);
}

int state_open_some(const struct runtime_options *runtime, const char *id, bool lock, struct state *ret,
		    struct error *err)
{
	return open_state(runtime, id, lock, false, ret, err);
}

/* ---- whose state ----------------------------------------------------------------------------- */

static int is_empty(int dir_fd)
{
	struct dirent *entry;
	DIR *dir;
	int r = io_open_directory(dir_fd, ".", &dir);

	if (r < 0)
		return r;
	do
		r = io_next_entry(dir, &entry);
	while (r > 0 && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
	closedir(dir);
	return r < 0 ? r : r == 0;
}

/*
 * All states may be in memory at once: another user's are not larger than real ones, and none is many states
 * by links.
 */
static bool is_small(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	       (st.st_size <= FOREIGN_MAX && st.st_nlink <= 1);
}

/*
 * Other runtimes have a state.json, too, but not krun's keys in it. STATE_PLACE tells that a damaged one is
 * krun's. A create has just made an empty directory, or was killed then; a foreign one is not waited for.
 */
int state_is_of_krun(int dir_fd, bool is_foreign)
{
	auto_free char *text = NULL;
	auto_json object = NULL;
	struct error ignored;
	size_t size;
	int r;

	if (is_foreign && !(is_small(dir_fd, STATE_FILE) && is_small(dir_fd, STATE_PLACE)))
		return 0;
	if (faccessat(dir_fd, STATE_PLACE, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	if (errno != ENOENT)
		return -errno;
	r = io_read_regular(dir_fd, STATE_FILE, STATE_MAX, &text, &size);
	if (r == -ENOENT)
		return is_foreign ? 0 : is_empty(dir_fd);
	if (r == 0)
		r = json_document_parse(text, size, &object, &ignored);
	if (r == 0)
		return json_object_is_type(object, json_type_object) &&
		       json_object_object_get_ex(object, "personality", NULL);
	return error_is_shortage(r) || r == -EACCES ? r : 0;
}

void state_done(struct state *state)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const union slot slot = slot_of(state, &fields[i]);

		if (fields[i].kind == TEXT || fields[i].kind == TEXT_OPTIONAL)
			free(*slot.text);
		else if (fields[i].kind == LIST)
			strv_done(slot.list);
	}
	*state = (struct state){ 0 };
}

pid_t state_monitor(const struct state *state)
{
	return state->monitor_pid ? state->monitor_pid : state->pid;
}

/*
 * exec reads the settings about exceptions from the host's file each time, and .trusted has the "allow..."
 * keys.
 */
static void leave_out_exceptions(struct strv *settings)
{
	size_t kept = 0;

	for (size_t i = 0; i < settings->len; i++) {
		if (strncmp(settings->items[i], "exceptions", strlen("exceptions")) == 0 ||
		    strncmp(settings->items[i], "allow", strlen("allow")) == 0)
			free(settings->items[i]);
		else
			settings->items[kept++] = settings->items[i];
	}
	settings->len = kept;
	if (settings->items)
		settings->items[kept] = NULL;
}

int state_take_settings(struct state *state, const struct km_settings *settings, struct error *err)
{
	int r = km_settings_options(settings, true, &state->monitor_options, err);

	if (r == 0)
		r = km_settings_differing(settings, &state->settings, err);
	leave_out_exceptions(&state->settings);
	if (r < 0)
		return r;
	for (size_t i = 0; i < settings->environment.len; i++)
		if (strv_add(&state->monitor_environment, settings->environment.items[i]) < 0)
			return error_oom(err);
	state->monitor = strdup(settings->monitor);
	state->monitor_device = settings->device ? strdup(settings->device) : NULL;
	return state->monitor && (state->monitor_device || !settings->device) ? 0 : error_oom(err);
}

/* Adds "KEY=VALUE" as an annotation of krun. */
static void put_setting(struct json_maker *maker, struct json_object *object, const char *setting)
{
	char key[128];
	const char *value = strchr(setting, '=');

	if (!value || snprintf(key, sizeof(key), "%s%.*s", KRUN_ANNOTATION_SETTING, (int)(value - setting),
			       setting) >= (int)sizeof(key))
		return;
	json_put_text(maker, object, key, value + 1);
}

/* Adds the annotations of config.json, and the settings of km that are in force. */
static void put_annotations(struct json_maker *maker, struct json_object *whole, const struct state *state)
{
	struct json_object *object = NULL;
	struct error ignored;

	/* A state that cannot be read has none; memory that ran out is a failure. */
	if (json_document_parse(state->annotations, strlen(state->annotations), &object, &ignored) ==
		    -ENOMEM ||
	    json_object_is_type(object, json_type_object))
		json_put(maker, whole, "annotations", object);
	else
		json_object_put(object);
	object = json_get_or_put(maker, whole, "annotations", json_type_object);
	if (!object)
		return;
	/* krun alone sets these: config.json must not forge them. */
	json_object_object_del(object, KRUN_ANNOTATION_PERSONALITY);
	json_object_object_del(object, KRUN_ANNOTATION_START);
	json_object_object_del(object, KRUN_ANNOTATION_OOM_KILLED);
	if (state->mode == MODE_KM) {
		json_put_text(maker, object, KRUN_ANNOTATION_PERSONALITY, mode_word(state->mode));
		json_put_text(maker, object, KRUN_ANNOTATION_START, km_start_word(state->start));
	}
	for (size_t i = 0; i < state->settings.len; i++)
		put_setting(maker, object, state->settings.items[i]);
	if (state->oom_killed)
		json_put_text(maker, object, KRUN_ANNOTATION_OOM_KILLED, "true");
}

/* Fills @object as runtime.md "State" says. */
static void put_state(struct json_maker *maker, struct json_object *object, const struct state *state,
		      const char *status, pid_t pid)
{
	char number[16];

	if (state->owner == 0)
		snprintf(number, sizeof(number), "root");
	else
		snprintf(number, sizeof(number), "%u", state->owner);
	json_put_text(maker, object, "ociVersion", state->oci_version);
	json_put_text(maker, object, "id", state->id);
	json_put_i64(maker, object, "pid", pid);
	json_put_text(maker, object, "status", status);
	json_put_text(maker, object, "bundle", state->bundle);
	json_put_text(maker, object, "rootfs", state->rootfs);
	json_put_text(maker, object, "created", state->created);
	put_annotations(maker, object, state);
	json_put_text(maker, object, "owner", number);
}

char *state_text(const struct state *state, const char *status, pid_t pid, bool pretty)
{
	struct json_maker maker = { 0 };
	auto_json object = json_make_object(&maker);

	put_state(&maker, object, state, status, pid);
	return json_make_text(&maker, object, pretty ? JSON_PRETTY : JSON_LINE);
}

char *state_process_text(const struct state *state, const char *status, pid_t pid, const char *metadata)
{
	struct json_maker maker = { 0 };
	auto_json object = json_make_object(&maker);

	json_put_text(&maker, object, "ociVersion", state->oci_version);
	json_append_text(&maker, json_put_array(&maker, object, "fds"), "seccompFd");
	json_put_i64(&maker, object, "pid", pid);
	if (metadata)
		json_put_text(&maker, object, "metadata", metadata);
	put_state(&maker, json_put_object(&maker, object, "state"), state, status,
		  state->pid ? state->pid : pid);
	return json_make_text(&maker, object, JSON_COMPACT);
}

char *state_annotations(const struct spec *spec)
{
	struct json_maker maker = { 0 };
	auto_json object = json_make_object(&maker);

	for (size_t i = 0; i < spec->annotations_len; i++)
		json_put_text(&maker, object, spec->annotations[i].key, spec->annotations[i].value);
	return json_make_text(&maker, object, JSON_COMPACT);
}

char *state_now(void)
{
	struct timespec now;
	char text[64];

	clock_gettime(CLOCK_REALTIME, &now);
	clock_text(&now, text, sizeof(text));
	return strdup(text);
}

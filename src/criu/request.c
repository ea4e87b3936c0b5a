/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"
#include "util/parse.h"

/* Field numbers of CRIU's messages (images/rpc.proto). */
enum {
	REQUEST_TYPE = 1,
	REQUEST_OPTIONS = 2,
	REQUEST_NOTIFY_SUCCESS = 3,
	REQUEST_FEATURES = 5,

	FEATURE_TRACK_MEMORY = 1,
	FEATURE_LAZY_PAGES = 2,

	ANSWER_TYPE = 1,
	ANSWER_SUCCESS = 2,
	ANSWER_RESTORE = 4,
	ANSWER_NOTIFY = 5,
	ANSWER_CODE = 7,
	ANSWER_FEATURES = 8,
	ANSWER_REASON = 9,
	ANSWER_VERSION = 10,

	RESTORE_PID = 1,
	NOTIFY_SCRIPT = 1,
	NOTIFY_PID = 2,
	VERSION_MAJOR = 1,
	VERSION_MINOR = 2,
	VERSION_SUBLEVEL = 4,

	OPTION_IMAGES_FD = 1,
	OPTION_PID = 2,
	OPTION_LEAVE_RUNNING = 3,
	OPTION_EXT_UNIX_SK = 4,
	OPTION_TCP_ESTABLISHED = 5,
	OPTION_SHELL_JOB = 7,
	OPTION_FILE_LOCKS = 8,
	OPTION_LOG_LEVEL = 9,
	OPTION_LOG_FILE = 10,
	OPTION_PAGE_SERVER = 11,
	OPTION_NOTIFY = 12,
	OPTION_ROOT = 13,
	OPTION_PARENT = 14,
	OPTION_TRACK_MEMORY = 15,
	OPTION_AUTO_DEDUP = 16,
	OPTION_WORK_FD = 17,
	OPTION_LINK_REMAP = 18,
	OPTION_MANAGE_CGROUPS = 24,
	OPTION_CGROUP_ROOT = 25,
	OPTION_SIBLING = 26,
	OPTION_INHERIT_FD = 27,
	OPTION_EXT_SHARING = 29,
	OPTION_EXT_MASTERS = 30,
	OPTION_CGROUPS_MODE = 34,
	OPTION_EXTERNAL = 37,
	OPTION_EMPTY_NS = 38,
	OPTION_JOIN_NS = 39,
	OPTION_CGROUP_DUMP_CONTROLLER = 43,
	OPTION_FREEZE_CGROUP = 44,
	OPTION_TCP_SKIP_IN_FLIGHT = 46,
	OPTION_LAZY_PAGES = 48,
	OPTION_STATUS_FD = 49,
	OPTION_ORPHAN_PTS_MASTER = 50,
	OPTION_CONFIG_FILE = 51,
	OPTION_TCP_CLOSE = 52,
	OPTION_LSM_PROFILE = 53,
	OPTION_LSM_MOUNT_CONTEXT = 63,
	OPTION_NETWORK_LOCK = 64,
};

enum { LOG_LEVEL_ALL = 4 };

struct word {
	const char *word;
	unsigned int number;
};

static int find_word(const struct word *words, size_t len, const char *word, unsigned int *ret)
{
	for (size_t i = 0; i < len; i++)
		if (strcmp(words[i].word, word) == 0) {
			*ret = words[i].number;
			return 0;
		}
	return -EINVAL;
}

int criu_cgroups_mode_parse(const char *word, unsigned int *ret)
{
	static const struct word words[] = {
		{ "ignore", CRIU_CGROUPS_IGNORE }, { "none", 1 }, { "props", 2 },
		{ "soft", CRIU_CGROUPS_SOFT },	   { "full", 4 }, { "strict", 5 }
	};

	return find_word(words, ARRAY_LEN(words), word, ret);
}

int criu_network_lock_parse(const char *word, unsigned int *ret)
{
	static const struct word words[] = { { "iptables", 1 }, { "nftables", 2 }, { "skip", 3 } };

	return find_word(words, ARRAY_LEN(words), word, ret);
}

int criu_page_server_parse(const char *word, char **ret_address, unsigned int *ret_port)
{
	const char *colon = strrchr(word, ':');
	size_t len = colon ? (size_t)(colon - word) : 0;
	uint64_t port;

	if (len == 0 || parse_u64(colon + 1, UINT16_MAX, &port) < 0 || port == 0)
		return -EINVAL;
	if (word[0] == '[') {
		if (len < 3 || word[len - 1] != ']')
			return -EINVAL;
		word++;
		len -= 2;
	} else if (memchr(word, ':', len)) {
		return -EINVAL;
	}
	*ret_address = strndup(word, len);
	*ret_port = (unsigned int)port;
	return *ret_address ? 0 : -ENOMEM;
}

void criu_options_done(struct criu_options *options)
{
	strv_done(&options->external);
	for (size_t i = 0; i < options->inherited_len; i++)
		free(options->inherited[i].key);
	options->inherited_len = 0;
	free(options->freeze_cgroup);
	free(options->page_server_address);
	options->freeze_cgroup = options->page_server_address = NULL;
}

/* ---- writing ------------------------------------------------------------------------------- */

static void write_flags(const struct criu_options *options, struct message *out)
{
	const struct {
		unsigned int field;
		bool value;
	} flags[] = {
		{ OPTION_LEAVE_RUNNING, options->leave_running },
		{ OPTION_EXT_UNIX_SK, options->ext_unix_sk },
		{ OPTION_TCP_ESTABLISHED, options->tcp_established },
		{ OPTION_SHELL_JOB, options->shell_job },
		{ OPTION_FILE_LOCKS, options->file_locks },
		{ OPTION_NOTIFY, options->notify },
		{ OPTION_TRACK_MEMORY, options->track_memory },
		{ OPTION_AUTO_DEDUP, options->auto_dedup },
		{ OPTION_LINK_REMAP, options->link_remap },
		{ OPTION_SIBLING, options->sibling },
		{ OPTION_EXT_SHARING, options->ext_sharing },
		{ OPTION_EXT_MASTERS, options->ext_masters },
		{ OPTION_TCP_SKIP_IN_FLIGHT, options->tcp_skip_in_flight },
		{ OPTION_LAZY_PAGES, options->lazy_pages },
		{ OPTION_ORPHAN_PTS_MASTER, options->orphan_pts_master },
		{ OPTION_TCP_CLOSE, options->tcp_close },
	};

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		message_flag(out, flags[i].field, flags[i].value);
}

static void write_texts(const struct criu_options *options, struct message *out)
{
	message_text(out, OPTION_LOG_FILE, options->log_file);
	message_text(out, OPTION_ROOT, options->root);
	message_text(out, OPTION_PARENT, options->parent_images);
	message_text(out, OPTION_FREEZE_CGROUP, options->freeze_cgroup);
	message_text(out, OPTION_CONFIG_FILE, options->config_file);
	message_text(out, OPTION_LSM_PROFILE, options->lsm_profile);
	message_text(out, OPTION_LSM_MOUNT_CONTEXT, options->lsm_mount_context);
	for (size_t i = 0; i < options->external.len; i++)
		message_text(out, OPTION_EXTERNAL, options->external.items[i]);
}

/* Writes the options that are messages themselves. */
static void write_parts(const struct criu_options *options, struct message *out)
{
	struct message part = { 0 };

	if (options->page_server_address) {
		message_text(&part, 1, options->page_server_address);
		message_number(&part, 2, options->page_server_port);
		message_part(out, OPTION_PAGE_SERVER, &part);
	}
	if (options->cgroup_root) {
		/* The cgroup v2 tree is the controller with an empty name; those of v1 are left alone. */
		part.len = 0;
		message_text(&part, 1, "");
		message_text(&part, 2, options->cgroup_root);
		message_part(out, OPTION_CGROUP_ROOT, &part);
		message_text(out, OPTION_CGROUP_DUMP_CONTROLLER, "");
	}
	for (size_t i = 0; i < options->inherited_len; i++) {
		part.len = 0;
		message_text(&part, 1, options->inherited[i].key);
		message_signed(&part, 2, options->inherited[i].fd);
		message_part(out, OPTION_INHERIT_FD, &part);
	}
	for (size_t i = 0; i < options->joined_len; i++) {
		part.len = 0;
		message_text(&part, 1, options->joined[i].kind);
		message_text(&part, 2, options->joined[i].path);
		message_part(out, OPTION_JOIN_NS, &part);
	}
	message_done(&part);
}

static void write_options(const struct criu_options *options, struct message *out)
{
	message_signed(out, OPTION_IMAGES_FD, options->images_fd);
	message_signed(out, OPTION_WORK_FD, options->work_fd);
	if (options->pid > 0)
		message_signed(out, OPTION_PID, options->pid);
	message_signed(out, OPTION_LOG_LEVEL, LOG_LEVEL_ALL);
	message_number(out, OPTION_CGROUPS_MODE, options->cgroups_mode);
	if (options->cgroups_mode != CRIU_CGROUPS_IGNORE)
		message_flag(out, OPTION_MANAGE_CGROUPS, true);
	if (options->network_lock)
		message_number(out, OPTION_NETWORK_LOCK, options->network_lock);
	if (options->empty_namespaces)
		message_number(out, OPTION_EMPTY_NS, options->empty_namespaces);
	if (options->status_fd)
		message_signed(out, OPTION_STATUS_FD, options->status_fd);
	write_flags(options, out);
	write_texts(options, out);
	write_parts(options, out);
}

int criu_request_write(enum criu_type type, const struct criu_options *options, struct message *ret)
{
	struct message part = { 0 };

	*ret = (struct message){ 0 };
	message_number(ret, REQUEST_TYPE, type);
	if (options) {
		write_options(options, &part);
		message_part(ret, REQUEST_OPTIONS, &part);
	}
	/* CRIU answers for the features that are set in the request. */
	if (type == CRIU_FEATURE_CHECK) {
		part.len = 0;
		message_flag(&part, FEATURE_TRACK_MEMORY, true);
		message_flag(&part, FEATURE_LAZY_PAGES, true);
		message_part(ret, REQUEST_FEATURES, &part);
	}
	message_done(&part);
	if (!ret->failed)
		return 0;
	message_done(ret);
	return -ENOMEM;
}

int criu_notify_write(bool success, struct message *ret)
{
	*ret = (struct message){ 0 };
	message_number(ret, REQUEST_TYPE, CRIU_NOTIFY);
	message_number(ret, REQUEST_NOTIFY_SUCCESS, success);
	if (!ret->failed)
		return 0;
	message_done(ret);
	return -ENOMEM;
}

/* ---- reading ------------------------------------------------------------------------------- */

static void copy_text(const struct message_field *field, char *text, size_t size)
{
	size_t len = field->len < size ? field->len : size - 1;

	if (!field->is_bytes)
		return;
	memcpy(text, field->bytes, len);
	text[len] = '\0';
}

static void take_inner(unsigned int outer, const struct message_field *field, struct criu_answer *answer)
{
	const unsigned int value = (unsigned int)field->value;

	if (outer == ANSWER_RESTORE && field->number == RESTORE_PID)
		answer->pid = (pid_t)value;
	else if (outer == ANSWER_NOTIFY && field->number == NOTIFY_SCRIPT)
		copy_text(field, answer->script, sizeof(answer->script));
	else if (outer == ANSWER_NOTIFY && field->number == NOTIFY_PID)
		answer->pid = (pid_t)value;
	else if (outer == ANSWER_FEATURES && field->number == FEATURE_TRACK_MEMORY)
		answer->tracks_memory = value;
	else if (outer == ANSWER_FEATURES && field->number == FEATURE_LAZY_PAGES)
		answer->has_lazy_pages = value;
	else if (outer == ANSWER_VERSION && field->number == VERSION_MAJOR)
		answer->version += value * 10000;
	else if (outer == ANSWER_VERSION && field->number == VERSION_MINOR)
		answer->version += value * 100;
	else if (outer == ANSWER_VERSION && field->number == VERSION_SUBLEVEL)
		answer->version += value;
}

static int take_field(const struct message_field *field, struct criu_answer *answer)
{
	struct message_reader inner;
	struct message_field part;
	int r;

	switch (field->number) {
	case ANSWER_TYPE:
		answer->type = (enum criu_type)field->value;
		return 0;
	case ANSWER_SUCCESS:
		answer->success = field->value;
		return 0;
	case ANSWER_CODE:
		answer->code = (int)field->value;
		return 0;
	case ANSWER_REASON:
		copy_text(field, answer->reason, sizeof(answer->reason));
		return 0;
	case ANSWER_RESTORE:
	case ANSWER_NOTIFY:
	case ANSWER_FEATURES:
	case ANSWER_VERSION:
		if (!field->is_bytes)
			return -EBADMSG;
		inner = (struct message_reader){ field->bytes, field->bytes + field->len };
		while ((r = message_next(&inner, &part)) > 0)
			take_inner(field->number, &part, answer);
		return r;
	default:
		return 0;
	}
}

int criu_answer_read(const void *data, size_t len, struct criu_answer *ret)
{
	struct message_reader reader = { data, (const uint8_t *)data + len };
	struct message_field field;
	int r;

	*ret = (struct criu_answer){ 0 };
	while ((r = message_next(&reader, &field)) > 0) {
		r = take_field(&field, ret);
		if (r < 0)
			return r;
	}
	return r < 0 || ret->type == 0 ? -EBADMSG : 0;
}

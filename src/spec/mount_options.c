/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Mount options: config.md "Linux mount options", as a table. A later word overrides an earlier opposite one.
 * A word that is not in the table is data for the file system.
 */

#include <linux/mount.h>
#include <string.h>
#include <strings.h>
#include <sys/mount.h>

#include "spec/mounts.h"
#include "spec/read.h"
#include "util/array.h"
#include "util/error.h"
#include "util/suggest.h"

enum effect {
	ATTR_SET, /* MOUNT_ATTR_* on this mount */
	ATTR_CLEAR,
	REC_SET, /* MOUNT_ATTR_* on the whole tree, mount_setattr(2) AT_RECURSIVE */
	REC_CLEAR,
	SUPER_SET, /* MS_* of the super block */
	SUPER_CLEAR,
	PROPAGATION,
	BIND,
	COPY_UP,
	COPY_SYMLINK,
	SOURCE_NOFOLLOW,
	DEST_NOFOLLOW,
	IDMAP,
	REMOUNT,
	NOTHING, /* "defaults" */
};

static const struct word {
	const char *word;
	enum effect effect;
	uint64_t value;
} words[] = {
	{ "async", SUPER_CLEAR, MS_SYNCHRONOUS },
	{ "atime", ATTR_CLEAR, MOUNT_ATTR_NOATIME },
	{ "bind", BIND, 0 },
	{ "copy-symlink", COPY_SYMLINK, 0 },
	{ "defaults", NOTHING, 0 },
	{ "dest-nofollow", DEST_NOFOLLOW, 0 },
	{ "dev", ATTR_CLEAR, MOUNT_ATTR_NODEV },
	{ "diratime", ATTR_CLEAR, MOUNT_ATTR_NODIRATIME },
	{ "dirsync", SUPER_SET, MS_DIRSYNC },
	{ "exec", ATTR_CLEAR, MOUNT_ATTR_NOEXEC },
	{ "idmap", IDMAP, 0 },
	{ "iversion", SUPER_SET, MS_I_VERSION },
	{ "lazytime", SUPER_SET, MS_LAZYTIME },
	{ "loud", SUPER_CLEAR, MS_SILENT },
	{ "mand", SUPER_SET, MS_MANDLOCK },
	{ "noatime", ATTR_SET, MOUNT_ATTR_NOATIME },
	{ "nodev", ATTR_SET, MOUNT_ATTR_NODEV },
	{ "nodiratime", ATTR_SET, MOUNT_ATTR_NODIRATIME },
	{ "noexec", ATTR_SET, MOUNT_ATTR_NOEXEC },
	{ "noiversion", SUPER_CLEAR, MS_I_VERSION },
	{ "nolazytime", SUPER_CLEAR, MS_LAZYTIME },
	{ "nomand", SUPER_CLEAR, MS_MANDLOCK },
	{ "norelatime", ATTR_CLEAR, MOUNT_ATTR_RELATIME },
	{ "nostrictatime", ATTR_CLEAR, MOUNT_ATTR_STRICTATIME },
	{ "nosuid", ATTR_SET, MOUNT_ATTR_NOSUID },
	{ "nosymfollow", ATTR_SET, MOUNT_ATTR_NOSYMFOLLOW },
	{ "private", PROPAGATION, MS_PRIVATE },
	{ "ratime", REC_CLEAR, MOUNT_ATTR_NOATIME },
	{ "rbind", BIND, MS_REC },
	{ "rdev", REC_CLEAR, MOUNT_ATTR_NODEV },
	{ "rdiratime", REC_CLEAR, MOUNT_ATTR_NODIRATIME },
	{ "relatime", ATTR_SET, MOUNT_ATTR_RELATIME },
	{ "remount", REMOUNT, 0 },
	{ "rexec", REC_CLEAR, MOUNT_ATTR_NOEXEC },
	{ "ridmap", IDMAP, MS_REC },
	{ "rnoatime", REC_SET, MOUNT_ATTR_NOATIME },
	{ "rnodev", REC_SET, MOUNT_ATTR_NODEV },
	{ "rnodiratime", REC_SET, MOUNT_ATTR_NODIRATIME },
	{ "rnoexec", REC_SET, MOUNT_ATTR_NOEXEC },
	{ "rnorelatime", REC_CLEAR, MOUNT_ATTR_RELATIME },
	{ "rnostrictatime", REC_CLEAR, MOUNT_ATTR_STRICTATIME },
	{ "rnosuid", REC_SET, MOUNT_ATTR_NOSUID },
	{ "rnosymfollow", REC_SET, MOUNT_ATTR_NOSYMFOLLOW },
	{ "ro", ATTR_SET, MOUNT_ATTR_RDONLY },
	{ "rprivate", PROPAGATION, MS_PRIVATE | MS_REC },
	{ "rrelatime", REC_SET, MOUNT_ATTR_RELATIME },
	{ "rro", REC_SET, MOUNT_ATTR_RDONLY },
	{ "rrw", REC_CLEAR, MOUNT_ATTR_RDONLY },
	{ "rshared", PROPAGATION, MS_SHARED | MS_REC },
	{ "rslave", PROPAGATION, MS_SLAVE | MS_REC },
	{ "rstrictatime", REC_SET, MOUNT_ATTR_STRICTATIME },
	{ "rsuid", REC_CLEAR, MOUNT_ATTR_NOSUID },
	{ "rsymfollow", REC_CLEAR, MOUNT_ATTR_NOSYMFOLLOW },
	{ "runbindable", PROPAGATION, MS_UNBINDABLE | MS_REC },
	{ "rw", ATTR_CLEAR, MOUNT_ATTR_RDONLY },
	{ "shared", PROPAGATION, MS_SHARED },
	{ "silent", SUPER_SET, MS_SILENT },
	{ "slave", PROPAGATION, MS_SLAVE },
	{ "src-nofollow", SOURCE_NOFOLLOW, 0 },
	{ "strictatime", ATTR_SET, MOUNT_ATTR_STRICTATIME },
	{ "suid", ATTR_CLEAR, MOUNT_ATTR_NOSUID },
	{ "symfollow", ATTR_CLEAR, MOUNT_ATTR_NOSYMFOLLOW },
	{ "sync", SUPER_SET, MS_SYNCHRONOUS },
	{ "tmpcopyup", COPY_UP, 0 },
	{ "unbindable", PROPAGATION, MS_UNBINDABLE },
};

const char *spec_mount_option_word(size_t index)
{
	return index < ARRAY_LEN(words) ? words[index].word : NULL;
}

/* The access time modes are values of one field, which must be cleared first (mount_setattr(2)). */
static const uint64_t ATIME_MODES = MOUNT_ATTR__ATIME;

static bool is_atime_mode(const struct word *word)
{
	return word->value == MOUNT_ATTR_RELATIME || word->value == MOUNT_ATTR_NOATIME ||
	       word->value == MOUNT_ATTR_STRICTATIME;
}

static void set_attr(const struct word *word, bool atime, uint64_t *set, uint64_t *clear)
{
	if (atime) {
		*set = (*set & ~ATIME_MODES) | word->value;
		*clear |= ATIME_MODES;
		return;
	}
	*set |= word->value;
	*clear &= ~word->value;
}

static void clear_attr(const struct word *word, bool atime, uint64_t *set, uint64_t *clear)
{
	if (atime) {
		/* "atime", "norelatime", "nostrictatime": the kernel's default, which is relatime. */
		*set &= ~ATIME_MODES;
		*clear |= ATIME_MODES;
		return;
	}
	*set &= ~word->value;
	*clear |= word->value;
}

static void apply_word(const struct word *word, struct spec_mount_options *options)
{
	const bool attr = word->effect <= REC_CLEAR;
	const bool atime = attr && is_atime_mode(word);

	switch (word->effect) {
	case ATTR_SET:
		set_attr(word, atime, &options->attr_set, &options->attr_clear);
		break;
	case ATTR_CLEAR:
		clear_attr(word, atime, &options->attr_set, &options->attr_clear);
		break;
	case REC_SET:
		set_attr(word, atime, &options->rec_attr_set, &options->rec_attr_clear);
		break;
	case REC_CLEAR:
		clear_attr(word, atime, &options->rec_attr_set, &options->rec_attr_clear);
		break;
	case SUPER_SET:
		options->super_flags |= word->value;
		break;
	case SUPER_CLEAR:
		options->super_flags &= ~word->value;
		break;
	case PROPAGATION:
		options->propagation = word->value;
		break;
	case BIND:
		options->bind = true;
		options->recursive_bind = word->value & MS_REC;
		break;
	case COPY_UP:
		options->copy_up = true;
		break;
	case COPY_SYMLINK:
		options->copy_symlink = true;
		break;
	case SOURCE_NOFOLLOW:
		options->source_nofollow = true;
		break;
	case DEST_NOFOLLOW:
		options->dest_nofollow = true;
		break;
	case IDMAP:
		options->idmap = true;
		options->idmap_recursive = word->value & MS_REC;
		break;
	case REMOUNT:
		options->remount = true;
		break;
	case NOTHING:
	default:
		break;
	}
}

static const struct word *find_word(const char *text)
{
	size_t low = 0, high = ARRAY_LEN(words);

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(text, words[middle].word);

		if (order == 0)
			return &words[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* Returns the text after "idmap=" or "ridmap="; NULL for another word. */
static const char *idmap_text(const char *word)
{
	word += *word == 'r';
	return strncmp(word, "idmap=", 6) == 0 ? word + 6 : NULL;
}

static bool is_used_on_new(enum effect effect, const struct spec_mount *mount)
{
	if (effect == COPY_UP)
		return strcmp(mount->type, "tmpfs") == 0;
	return effect != COPY_SYMLINK && effect != SOURCE_NOFOLLOW && effect != DEST_NOFOLLOW;
}

bool spec_mount_option_is_used(const char *text, const struct spec_mount *mount)
{
	const struct word *word = find_word(text);

	if (!*text)
		return true;
	if (mount->options.remount)
		return word && word->effect != SUPER_SET && word->effect != COPY_UP &&
		       word->effect != COPY_SYMLINK && word->effect != SOURCE_NOFOLLOW &&
		       word->effect != DEST_NOFOLLOW && word->effect != IDMAP;
	if (mount->options.bind)
		return idmap_text(text) || (word && word->effect != SUPER_SET && word->effect != COPY_UP);
	/* A word that is not in the table goes to the file system, which rejects an unknown one. */
	return !word || is_used_on_new(word->effect, mount);
}

const char *spec_mount_option_near(const char *text)
{
	/* Words of other programs. */
	static const char *const others[][2] = {
		{ "readonly", "ro" },	{ "read-only", "ro" },	  { "readwrite", "rw" },
		{ "read-write", "rw" }, { "recursive", "rbind" },
	};
	struct suggestion suggestion = suggest_for(text, strlen(text));

	if (find_word(text) || strchr(text, '='))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (strcasecmp(text, others[i][0]) == 0)
			return others[i][1];
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		suggest_consider(&suggestion, words[i].word);
	return suggestion.best;
}

int spec_mount_options_make(struct json_reader *reader, char *const *list, struct spec_mount_options *ret)
{
	struct spec_mount_options options = { .data = "" };
	size_t size = 1;
	char *data, *out;

	for (size_t i = 0; list && list[i]; i++)
		size += strlen(list[i]) + 1;
	data = out = arena_alloc(reader->arena, 1, size);
	if (!data)
		return error_oom(reader->err);
	for (size_t i = 0; list && list[i]; i++) {
		const struct word *word = find_word(list[i]);
		int r = json_enter_index(reader, i);

		if (r < 0)
			return r;
		if (word)
			apply_word(word, &options);
		json_leave(reader);
		if (!word && idmap_text(list[i])) {
			options.idmap = true;
			options.idmap_recursive = list[i][0] == 'r';
			options.idmap_text = idmap_text(list[i]);
		} else if (!word && list[i][0]) {
			if (out != data)
				*out++ = ',';
			out = stpcpy(out, list[i]);
		}
	}
	options.data = data;
	*ret = options;
	return 0;
}

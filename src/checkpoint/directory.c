/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint/directory.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json/make.h"
#include "json/parse.h"
#include "state/state.h"
#include "syscall/replace.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

#define FORMAT "krun-checkpoint"

enum { FORMAT_VERSION = 1, INVENTORY_MAX = 64 * 1024 };

/*
 * A CRIU inventory begins with one of these (criu.org, "Images"): its own magic, or the common one of all
 * images before it.
 */
static const uint32_t criu_magic[] = { 0x58313116, 0x54564319 };

static bool is_of_criu(const char *text, size_t size)
{
	uint32_t number;

	if (size < sizeof(number))
		return false;
	memcpy(&number, text, sizeof(number));
	return number == criu_magic[0] || number == criu_magic[1];
}

int checkpoint_directory_make(const char *path, const char *option, struct error *err)
{
	auto_free char *copy = strdup(path);
	int fd;

	if (!copy)
		return error_oom(err);
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return error_sys(err, -errno, "make '%s' for %s", copy, option);
		*slash = '/';
	}
	if (mkdir(copy, 0700) < 0 && errno != EEXIST)
		return error_sys(err, -errno, "make %s '%s'", option, path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? error_sys(err, -errno, "open %s '%s'", option, path) : fd;
}

int checkpoint_check_snapshot(int fd, struct error *err)
{
	Elf64_Ehdr header;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_sys(err, -errno, "look at the snapshot");
	if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_type != ET_CORE ||
	    header.e_machine != EM_X86_64 || header.e_phentsize != sizeof(Elf64_Phdr))
		return error_set(err, -EINVAL, "the snapshot is not a core file of km");
	for (unsigned int i = 0; i < header.e_phnum; i++) {
		Elf64_Phdr part;

		if (header.e_phoff > (uint64_t)st.st_size ||
		    pread(fd, &part, sizeof(part), (off_t)(header.e_phoff + i * sizeof(part))) !=
			    (ssize_t)sizeof(part) ||
		    part.p_offset > (uint64_t)st.st_size ||
		    part.p_filesz > (uint64_t)st.st_size - part.p_offset)
			return error_set(err, -EINVAL, "the snapshot is cut off: segment %u is incomplete",
					 i);
	}
	return 0;
}

static char *inventory_text(const struct checkpoint_facts *facts, off_t size)
{
	struct json_maker maker = { 0 };
	auto_json object = json_make_object(&maker);
	auto_free char *now = state_now();

	if (!now)
		return NULL;
	json_put_text(&maker, object, "format", FORMAT);
	json_put_i64(&maker, object, "version", FORMAT_VERSION);
	json_put_text(&maker, object, "id", facts->id);
	json_put_text(&maker, object, "created", now);
	json_put_i64(&maker, object, "size", size);
	json_put_text(&maker, object, "cwd", facts->cwd);
	json_put_i64(&maker, object, "umask", facts->umask);
	return json_make_text(&maker, object, JSON_COMPACT);
}

/* Renames both complete files. A snapshot without its inventory is not a checkpoint. */
static int give_names(int dir_fd, struct error *err)
{
	/* The inventory of an earlier checkpoint must never stand beside the new snapshot. */
	unlinkat(dir_fd, CHECKPOINT_INVENTORY, 0);
	if (renameat(dir_fd, CHECKPOINT_COPY, dir_fd, CHECKPOINT_SNAPSHOT) < 0)
		return error_sys(err, -errno, "keep the snapshot as '%s'", CHECKPOINT_SNAPSHOT);
	if (renameat(dir_fd, CHECKPOINT_NEW_INVENTORY, dir_fd, CHECKPOINT_INVENTORY) < 0) {
		error_sys(err, -errno, "keep the inventory as '%s'", CHECKPOINT_INVENTORY);
		unlinkat(dir_fd, CHECKPOINT_SNAPSHOT, 0);
		return err->code;
	}
	return 0;
}

int checkpoint_commit(const struct checkpoint_draft *draft, const struct checkpoint_facts *facts,
		      struct error *err)
{
	auto_free char *text = NULL;
	struct stat st;
	int r = checkpoint_check_snapshot(draft->copy_fd, err);

	if (r < 0)
		return r;
	/* km requires an executable file as its payload; nobody writes it any more. */
	if (fchmod(draft->copy_fd, 0500) < 0 || fsync(draft->copy_fd) < 0 || fstat(draft->copy_fd, &st) < 0)
		return error_sys(err, -errno, "write the snapshot");
	text = inventory_text(facts, st.st_size);
	if (!text)
		return error_oom(err);
	r = file_replace(draft->dir_fd, CHECKPOINT_NEW_INVENTORY, 0600, text, strlen(text));
	return r < 0 ? error_sys(err, r, "write '%s'", CHECKPOINT_INVENTORY) : give_names(draft->dir_fd, err);
}

static const char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) &&
			       json_object_is_type(value, json_type_string) ?
		       json_object_get_string(value) :
		       "";
}

static int64_t number_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) && json_object_is_type(value, json_type_int) ?
		       json_object_get_int64(value) :
		       -1;
}

/* Images of an older krun have neither cwd nor umask. */
static int read_facts(struct json_object *object, struct checkpoint *image, struct error *err)
{
	const char *cwd = text_of(object, "cwd");

	image->umask = (int)(number_of(object, "umask") & 0777);
	if (number_of(object, "umask") < 0)
		image->umask = -1;
	if (cwd[0] != '/')
		return 0;
	image->cwd = strdup(cwd);
	return image->cwd ? 0 : error_oom(err);
}

static int read_inventory(const char *text, size_t size, const char *path, struct checkpoint *image,
			  off_t *ret_size, struct error *err)
{
	auto_json object = NULL;
	int r = json_document_parse(text, size, &object, err);

	if (r == -ENOMEM)
		return r;
	if (r < 0 || !json_object_is_type(object, json_type_object) ||
	    strcmp(text_of(object, "format"), FORMAT) != 0)
		r = error_set(err, -EINVAL,
			      "--image-path '%s' is not a krun checkpoint: unknown format of '%s'", path,
			      CHECKPOINT_INVENTORY);
	else if (number_of(object, "version") != FORMAT_VERSION)
		r = error_set(err, -EINVAL,
			      "--image-path '%s': a checkpoint of version %lld, this krun reads %d", path,
			      (long long)number_of(object, "version"), FORMAT_VERSION);
	else
		r = read_facts(object, image, err);
	*ret_size = (off_t)number_of(object, "size");
	return r;
}

static int open_snapshot(struct checkpoint *image, const char *path, off_t size, struct error *err)
{
	struct stat st;
	int r;

	image->snapshot_fd =
		openat(image->dir_fd, CHECKPOINT_SNAPSHOT, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (image->snapshot_fd < 0 || fstat(image->snapshot_fd, &st) < 0)
		return error_sys(err, -errno, "--image-path '%s': '%s'", path, CHECKPOINT_SNAPSHOT);
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "--image-path '%s': '%s' is not a plain file", path,
				 CHECKPOINT_SNAPSHOT);
	if (st.st_size != size)
		return error_set(err, -EINVAL, "--image-path '%s': '%s' is %lld bytes, expected %lld", path,
				 CHECKPOINT_SNAPSHOT, (long long)st.st_size, (long long)size);
	r = checkpoint_check_snapshot(image->snapshot_fd, err);
	return r < 0 ? error_prefix(err, "--image-path '%s'", path) : 0;
}

int checkpoint_open(const char *path, struct checkpoint *ret, struct error *err)
{
	struct checkpoint image = { .dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
				    .snapshot_fd = -1,
				    .umask = -1,
				    .lent_dir_fd = -1 };
	auto_free char *text = NULL;
	off_t snapshot_size = 0;
	size_t size;
	int r;

	*ret = (struct checkpoint){ .dir_fd = -1, .snapshot_fd = -1, .umask = -1, .lent_dir_fd = -1 };
	if (image.dir_fd < 0)
		return error_sys(err, -errno, "--image-path '%s'", path);
	/* The directory is not trusted: a FIFO or a huge file there must do no harm. */
	r = io_read_regular(image.dir_fd, CHECKPOINT_INVENTORY, INVENTORY_MAX, &text, &size);
	if (r < 0) {
		error_sys(err, r, "--image-path '%s': no complete checkpoint: '%s'", path,
			  CHECKPOINT_INVENTORY);
	} else if (is_of_criu(text, size)) {
		image.kind = CHECKPOINT_CRIU;
	} else {
		image.kind = CHECKPOINT_KM;
		r = read_inventory(text, size, path, &image, &snapshot_size, err);
		if (r == 0)
			r = open_snapshot(&image, path, snapshot_size, err);
	}
	if (r < 0) {
		checkpoint_done(&image);
		return r;
	}
	*ret = image;
	return 0;
}

void checkpoint_done(struct checkpoint *image)
{
	checkpoint_lent_done(image);
	cleanup_close(&image->snapshot_fd);
	cleanup_close(&image->dir_fd);
	free(image->cwd);
	image->cwd = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */

#include "security/seccomp_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "security/security.h"
#include "spec/spec.h"
#include "syscall/replace.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/hash.h"
#include "util/io.h"
#include "util/sha256.h"

enum {
	FORMAT = 3,
	FORMAT_UNSEALED = 2, /* without a checksum, in states of earlier versions */
	LOOK_SECONDS = 60,
};

struct seccomp_file {
	char magic[8]; /* "krunbpf" */
	uint32_t format;
	uint32_t flags;
	uint32_t len; /* instructions */
};

static const char magic[8] = "krunbpf";

/* ---- the name ------------------------------------------------------------------------------------------ */

static void add_number(SHA256_CTX *hash, uint64_t number)
{
	SHA256_Update(hash, &number, sizeof(number));
}

/* Adds the length first, so that "ab","c" and "a","bc" differ. */
static void add_text(SHA256_CTX *hash, const char *text)
{
	size_t len = text ? strlen(text) : SIZE_MAX;

	add_number(hash, len);
	if (text)
		SHA256_Update(hash, text, len);
}

static void add_list(SHA256_CTX *hash, char *const *list)
{
	size_t len = 0;

	while (list && list[len])
		add_text(hash, list[len++]);
	add_number(hash, len);
}

static void add_errno(SHA256_CTX *hash, const struct opt_u64 *number)
{
	add_number(hash, number->set);
	add_number(hash, number->set ? number->value : 0);
}

void seccomp_cache_name(const struct spec_seccomp *seccomp, char ret[SECCOMP_CACHE_NAME])
{
	const struct scmp_version *version = seccomp_version();
	unsigned char digest[SHA256_DIGEST_LENGTH];
	struct utsname kernel = { 0 };
	SHA256_CTX hash;

	sha256_begin(&hash);
	add_number(&hash, FORMAT);
	add_number(&hash, version->major);
	add_number(&hash, version->minor);
	add_number(&hash, version->micro);
	/* A program in the cache was accepted by this kernel. */
	uname(&kernel);
	add_text(&hash, kernel.release);
	add_text(&hash, kernel.version);
	add_text(&hash, seccomp->default_action);
	add_errno(&hash, &seccomp->default_errno_ret);
	add_list(&hash, seccomp->architectures);
	add_list(&hash, seccomp->flags);
	add_number(&hash, seccomp->rules_len);
	for (size_t i = 0; i < seccomp->rules_len; i++) {
		const struct spec_seccomp_rule *rule = &seccomp->rules[i];

		add_list(&hash, rule->names);
		add_text(&hash, rule->action);
		add_errno(&hash, &rule->errno_ret);
		add_number(&hash, rule->args_len);
		for (size_t j = 0; j < rule->args_len; j++) {
			add_number(&hash, rule->args[j].index);
			add_number(&hash, rule->args[j].value);
			add_number(&hash, rule->args[j].value_two);
			add_text(&hash, rule->args[j].op);
		}
	}
	SHA256_Final(digest, &hash);
	for (size_t i = 0; i < sizeof(digest); i++)
		sprintf(ret + 2 * i, "%02x", digest[i]);
}

/* ---- the file ------------------------------------------------------------------------------------------ */

int seccomp_program_save(const struct seccomp_program *program, int dir_fd, const char *name,
			 struct error *err)
{
	const size_t size = program->len * sizeof(struct sock_filter);
	struct seccomp_file head = { .format = FORMAT, .flags = program->flags, .len = program->len };
	auto_free char *bytes = malloc(sizeof(head) + size + sizeof(uint64_t));
	uint64_t sum;
	int r;

	if (!bytes)
		return error_oom(err);
	memcpy(head.magic, magic, sizeof(magic));
	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), program->instructions, size);
	sum = hash_of(bytes, sizeof(head) + size);
	memcpy(bytes + sizeof(head) + size, &sum, sizeof(sum));
	r = file_replace(dir_fd, name, 0600, bytes, sizeof(head) + size + sizeof(sum));
	return r < 0 ? error_sys(err, r, "write seccomp filter '%s'", name) : 0;
}

/* Returns whether the file belongs to this user, and only its owner can write it. */
static bool is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	       (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Copies the head out of a whole file. */
static bool read_head(const char *bytes, size_t size, struct seccomp_file *ret)
{
	size_t wanted;
	uint64_t sum;

	if (size < sizeof(*ret))
		return false;
	memcpy(ret, bytes, sizeof(*ret));
	if (memcmp(ret->magic, magic, sizeof(magic)) != 0 || ret->len == 0 || ret->len > BPF_MAXINSNS)
		return false;
	wanted = sizeof(*ret) + ret->len * sizeof(struct sock_filter);
	if (ret->format == FORMAT_UNSEALED)
		return size == wanted;
	if (ret->format != FORMAT || size != wanted + sizeof(sum))
		return false;
	memcpy(&sum, bytes + wanted, sizeof(sum));
	return sum == hash_of(bytes, wanted);
}

int seccomp_program_load(int dir_fd, const char *name, struct seccomp_program *ret, struct error *err)
{
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	const size_t limit =
		sizeof(struct seccomp_file) + BPF_MAXINSNS * sizeof(struct sock_filter) + sizeof(uint64_t);
	auto_free char *bytes = NULL;
	struct seccomp_file head;
	size_t size;
	int r;

	if (fd < 0)
		return error_sys(err, -errno, "open seccomp filter '%s'", name);
	if (!is_ours(fd))
		return error_set(err, -EUCLEAN, "seccomp filter '%s': other users can write it", name);
	r = io_read_all(fd, limit, &bytes, &size);
	if (r < 0)
		return error_sys(err, r, "read seccomp filter '%s'", name);
	if (!read_head(bytes, size, &head))
		return error_set(err, -EUCLEAN, "seccomp filter '%s': broken", name);
	memmove(bytes, bytes + sizeof(head), head.len * sizeof(struct sock_filter));
	ret->instructions = take_pointer(bytes);
	ret->len = (unsigned short)head.len;
	ret->flags = head.flags;
	ret->notifies = head.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER;
	return 0;
}

/* ---- the bound ----------------------------------------------------------------------------------------- */

/* A file that stays as long as there are no SECCOMP_CACHE_MAX newer ones. */
struct kept {
	struct timespec time;
	char name[NAME_MAX + 1];
};

static bool is_older(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/*
 * A time to come is that of a clock that was wrong: such a file goes first. Other commands make files while
 * this one looks, which takes less than LOOK_SECONDS.
 */
static int time_of(int dir_fd, const char *name, const struct timespec *now, struct timespec *ret)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return -ENOENT;
	*ret = st.st_mtim.tv_sec > now->tv_sec + LOOK_SECONDS ? (struct timespec){ 0 } : st.st_mtim;
	return 0;
}

/* Keeps the file, and removes the oldest one if that makes too many. */
static void keep(int dir_fd, struct kept *all, size_t *len, const struct kept *file)
{
	struct kept *oldest = all;

	if (*len < SECCOMP_CACHE_MAX - 1) {
		all[(*len)++] = *file;
		return;
	}
	for (size_t i = 1; i < *len; i++)
		if (is_older(&all[i].time, &oldest->time))
			oldest = &all[i];
	if (is_older(&file->time, &oldest->time)) {
		unlinkat(dir_fd, file->name, 0);
	} else {
		unlinkat(dir_fd, oldest->name, 0);
		*oldest = *file;
	}
}

void seccomp_cache_trim(int dir_fd, const char *name)
{
	auto_free struct kept *all = calloc(SECCOMP_CACHE_MAX, sizeof(*all));
	struct kept file = { 0 };
	struct timespec now;
	struct dirent *entry;
	size_t len = 0;
	DIR *dir;

	clock_gettime(CLOCK_REALTIME, &now);
	if (!all || io_open_directory(dir_fd, ".", &dir) < 0)
		return;
	while (io_next_entry(dir, &entry) > 0) {
		if (strcmp(entry->d_name, name) == 0 || time_of(dir_fd, entry->d_name, &now, &file.time) < 0)
			continue;
		snprintf(file.name, sizeof(file.name), "%s", entry->d_name);
		keep(dir_fd, all, &len, &file);
	}
	closedir(dir);
}

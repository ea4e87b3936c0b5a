/* SPDX-License-Identifier: Apache-2.0 */

/* Low-level digest functions, because EVP costs a static program a third of a millisecond at its start. */
#define OPENSSL_API_COMPAT 0x10100000L
#define OPENSSL_SUPPRESS_DEPRECATED

#include "security/seccomp_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <openssl/sha.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "security/security.h"
#include "spec/spec.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

enum { FORMAT = 2 };

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

	SHA256_Init(&hash);
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
	auto_free char *bytes = malloc(sizeof(head) + size);
	int r;

	if (!bytes)
		return error_oom(err);
	memcpy(head.magic, magic, sizeof(magic));
	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), program->instructions, size);
	r = io_replace_file(dir_fd, name, 0600, bytes, sizeof(head) + size);
	return r < 0 ? error_sys(err, r, "write seccomp filter '%s'", name) : 0;
}

/* Returns whether the file belongs to this user, and only its owner can write it. */
static bool is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	       (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

int seccomp_program_load(int dir_fd, const char *name, struct seccomp_program *ret, struct error *err)
{
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	const size_t limit = sizeof(struct seccomp_file) + BPF_MAXINSNS * sizeof(struct sock_filter);
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
	if (size < sizeof(head))
		return error_set(err, -EUCLEAN, "seccomp filter '%s': broken", name);
	memcpy(&head, bytes, sizeof(head));
	if (memcmp(head.magic, magic, sizeof(magic)) != 0 || head.format != FORMAT || head.len == 0 ||
	    head.len > BPF_MAXINSNS || size != sizeof(head) + head.len * sizeof(struct sock_filter))
		return error_set(err, -EUCLEAN, "seccomp filter '%s': broken", name);
	memmove(bytes, bytes + sizeof(head), size - sizeof(head));
	ret->instructions = take_pointer(bytes);
	ret->len = (unsigned short)head.len;
	ret->flags = head.flags;
	ret->notifies = head.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */

/* Programs that may run without km; the file is described in krun(1), "EXCEPTIONS". */

/* The low-level digest functions: the EVP interface costs a static program a third of a millisecond at start-up. */
#define OPENSSL_API_COMPAT 0x10100000L
#define OPENSSL_SUPPRESS_DEPRECATED

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <openssl/sha.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "km/km.h"
#include "syscall/open.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

#define EXCEPTIONS_FILE "/var/lib/krun/config"

enum {
	FILE_SIZE_MAX = 4 * 1024 * 1024,
	REGEX_MAX = 256, /* keeps the time of a match bounded */
	HASH_HEX = 64,
};

struct entry {
	const char *regex, *path, *sha256;
};

/* REGEX:PATH:SHA256, split from the right, for a regular expression may have colons. */
static int split_entry(char *line, struct entry *ret)
{
	char *hash = strrchr(line, ':'), *path;

	if (!hash)
		return -EINVAL;
	*hash++ = '\0';
	path = strrchr(line, ':');
	if (!path)
		return -EINVAL;
	*path++ = '\0';
	if (!*line || path[0] != '/' || strlen(hash) != HASH_HEX || strlen(line) > REGEX_MAX)
		return -EINVAL;
	for (const char *digit = hash; *digit; digit++)
		if (!isxdigit((unsigned char)*digit))
			return -EINVAL;
	*ret = (struct entry){ .regex = line, .path = path, .sha256 = hash };
	return 0;
}

/* 1: the whole of @name matches. */
static int matches(const char *regex, const char *name)
{
	char anchored[REGEX_MAX + 8];
	regex_t compiled;
	int r;

	snprintf(anchored, sizeof(anchored), "^(%s)$", regex);
	if (regcomp(&compiled, anchored, REG_EXTENDED | REG_NOSUB) != 0)
		return -EINVAL;
	r = regexec(&compiled, name, 0, NULL, 0) == 0;
	regfree(&compiled);
	return r;
}

/* Every line is looked at, so that a broken file is a broken file, whichever program is asked for. */
static int find_entry(char *text, const char *name, struct entry *ret, struct error *err)
{
	char *rest = text, *line;
	bool found = false;

	for (size_t number = 1; (line = strsep(&rest, "\n")); number++) {
		struct entry entry;
		size_t len = strlen(line);
		int r;

		if (len > 0 && line[len - 1] == '\r')
			line[len - 1] = '\0';
		line += strspn(line, " \t");
		if (!*line || *line == '#')
			continue;
		r = split_entry(line, &entry);
		if (r == 0)
			r = matches(entry.regex, found ? "" : name);
		if (r < 0)
			return error_set(err, -EINVAL,
					 "'%s' line %zu: not an entry of the form REGEX:/PATH:SHA256",
					 EXCEPTIONS_FILE, number);
		if (r == 1 && !found) {
			found = true;
			*ret = entry;
		}
	}
	return found;
}

static int read_file(int root_fd, char **ret_text, struct error *err)
{
	auto_close int fd = open_in_root(root_fd, EXCEPTIONS_FILE, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct stat st, root;
	size_t size;
	int r;

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0 || fstat(root_fd, &root) < 0)
		return error_sys(err, fd < 0 ? fd : -errno, "open '%s'", EXCEPTIONS_FILE);
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "'%s' is not a regular file", EXCEPTIONS_FILE);
	/* Who can write it decides what runs outside of the VM: the container's root, and nobody else. */
	if ((st.st_uid != 0 && st.st_uid != root.st_uid) || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return error_set(err, -EINVAL, "'%s' can be written by others than root", EXCEPTIONS_FILE);
	r = io_read_all(fd, FILE_SIZE_MAX, ret_text, &size);
	if (r < 0)
		return error_sys(err, r, "read '%s'", EXCEPTIONS_FILE);
	if (strlen(*ret_text) != size)
		return error_set(err, -EINVAL, "'%s' has a NUL byte", EXCEPTIONS_FILE);
	return 1;
}

/* What is hashed is what is kept: the file may change meanwhile, the copy does not. */
static int copy_and_hash(int from_fd, int to_fd, char hex[HASH_HEX + 1], bool *ret_script)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char data[64 * 1024];
	SHA256_CTX hash;
	bool first = true;

	SHA256_Init(&hash);
	for (;;) {
		ssize_t n = read(from_fd, data, sizeof(data));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		if (first)
			*ret_script = n >= 2 && data[0] == '#' && data[1] == '!';
		first = false;
		SHA256_Update(&hash, data, (size_t)n);
		r = io_write_all(to_fd, data, (size_t)n);
		if (r < 0)
			return r;
	}
	SHA256_Final(digest, &hash);
	for (size_t i = 0; i < sizeof(digest); i++)
		sprintf(hex + 2 * i, "%02x", digest[i]);
	return 0;
}

static int seal_program(int root_fd, const struct entry *entry, struct km_exception *ret, struct error *err)
{
	auto_close int fd = open_in_root(root_fd, entry->path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	auto_close int copy_fd = -1;
	bool script = false;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys(err, fd < 0 ? fd : -errno, "approved program '%s'", entry->path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "approved program '%s' is not a regular file", entry->path);
	copy_fd = sys_memfd_create("krun-exception", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (copy_fd < 0)
		return error_sys(err, copy_fd, "make a copy of '%s'", entry->path);
	r = copy_and_hash(fd, copy_fd, ret->sha256, &script);
	if (r == 0 &&
	    fcntl(copy_fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		r = -errno;
	if (r < 0)
		return error_sys(err, r, "copy approved program '%s'", entry->path);
	if (strcasecmp(ret->sha256, entry->sha256) != 0)
		return error_set(err, -EKEYREJECTED,
				 "approved program '%s' has changed: its SHA-256 is %s, '%s' says %s",
				 entry->path, ret->sha256, EXCEPTIONS_FILE, entry->sha256);
	if (script)
		return error_set(err, -ENOEXEC,
				 "approved program '%s' is a script: approve its interpreter instead",
				 entry->path);
	ret->path = strdup(entry->path);
	if (!ret->path)
		return error_oom(err);
	ret->fd = take_fd(&copy_fd);
	return 0;
}

int km_exception_find(int root_fd, const char *name, struct km_exception *ret, struct error *err)
{
	auto_free char *text = NULL;
	struct entry entry = { 0 };
	int r;

	*ret = (struct km_exception){ .fd = -1 };
	r = read_file(root_fd, &text, err);
	if (r <= 0)
		return r;
	r = find_entry(text, name, &entry, err);
	return r <= 0 ? r : seal_program(root_fd, &entry, ret, err);
}

void km_exception_done(struct km_exception *exception)
{
	cleanup_close(&exception->fd);
	free(exception->path);
	exception->path = NULL;
}

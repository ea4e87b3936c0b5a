/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json/parse.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/log.h"

/* libFuzzer's names. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct error err;

	(void)argc;
	(void)argv;
	/* Everything that is logged is formatted, and seen by nobody. */
	if (log_open("/dev/null", LOG_FORMAT_JSON, LOG_LEVEL_DEBUG, &err) < 0)
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_one(data, size);
	return 0;
}

_Noreturn void fuzz_fail(const char *file, int line, const char *promise)
{
	fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, promise);
	abort();
}

void fuzz_require_error(int r, const struct error *err)
{
	size_t len;

	if (r >= 0)
		return;
	len = strnlen(err->text, sizeof(err->text));
	fuzz_require(err->code == r);
	fuzz_require(len > 0 && len < sizeof(err->text));
	fuzz_require(err->pointer_len >= 0 && (size_t)err->pointer_len <= len);
}

void fuzz_require_json(const char *text)
{
	struct json_object *object = NULL;
	struct error err;
	size_t len;

	fuzz_require(text);
	/* The final line break of a command's output is not a part of the document. */
	len = strlen(text);
	fuzz_require(json_document_parse(text, len - (len > 0 && text[len - 1] == '\n'), &object, &err) == 0);
	json_object_put(object);
}

/* ---- inputs in parts ----------------------------------------------------------------------------------- */

char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		abort();
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

size_t fuzz_split(char *text, char **parts, size_t max)
{
	static char nothing[] = "";
	size_t len = 0;

	for (char *next = text; next && len < max;) {
		char *end = strstr(next, "\n--\n");

		parts[len++] = next;
		next = end && len < max ? end + strlen("\n--\n") : NULL;
		if (next)
			*end = '\0';
	}
	for (size_t i = len; i < max; i++)
		parts[i] = nothing;
	return len;
}

int fuzz_memory(const uint8_t *data, size_t size)
{
	int fd = sys_memfd_create("input", 0);

	if (fd < 0 || io_write_all(fd, data, size) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		abort();
	return fd;
}

/* ---- inputs in files ----------------------------------------------------------------------------------- */

static char directory[PATH_MAX];

static void remove_all(int dir_fd, int depth)
{
	struct dirent *entry;
	DIR *dir;

	if (depth == 0 || io_open_directory(dir_fd, ".", &dir) < 0)
		return;
	while (io_next_entry(dir, &entry) > 0) {
		auto_close int below = -1;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    unlinkat(dir_fd, entry->d_name, 0) == 0)
			continue;
		below = openat(dir_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		remove_all(below, depth - 1);
		unlinkat(dir_fd, entry->d_name, AT_REMOVEDIR);
	}
	closedir(dir);
}

static void remove_directory(void)
{
	fuzz_tree_remove();
	rmdir(directory);
}

int fuzz_directory(void)
{
	static int fd = -1;
	const char *above = getenv("TMPDIR");

	if (fd >= 0)
		return fd;
	snprintf(directory, sizeof(directory), "%s/krun-fuzz-XXXXXX", above ? above : "/tmp");
	if (!mkdtemp(directory))
		abort();
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || atexit(remove_directory) != 0)
		abort();
	return fd;
}

const char *fuzz_directory_path(void)
{
	fuzz_directory();
	return directory;
}

void fuzz_file(const char *name, const void *data, size_t size)
{
	auto_close int fd =
		openat(fuzz_directory(), name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || io_write_all(fd, data, size) < 0)
		abort();
}

/* Only names that are below the directory whatever is there. */
static bool is_plain(const char *name)
{
	size_t slashes = 0;

	for (const char *at = name; *at; at++)
		slashes += *at == '/';
	return name[0] && name[0] != '/' && slashes <= 2 && strlen(name) < 200 && !strstr(name, "..") &&
	       !strstr(name, "//");
}

static bool is_title(const char *line, size_t len)
{
	return len > 3 && len < 400 && memcmp(line, "== ", 3) == 0 && !memchr(line, '\0', len);
}

/* Makes what a title says, "NAME" or "NAME -> TARGET". Returns the fd of a new file; -1: it is none. */
static int make_entry(int dir_fd, char *title)
{
	char *target = strstr(title, " -> ");

	if (target) {
		*target = '\0';
		target += strlen(" -> ");
	}
	if (!is_plain(title))
		return -1;
	for (char *slash = strchr(title, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdirat(dir_fd, title, 0700);
		*slash = '/';
	}
	if (!target)
		return openat(dir_fd, title, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	(void)!symlinkat(target, dir_fd, title);
	return -1;
}

void fuzz_tree_make(const uint8_t *data, size_t size)
{
	const int dir_fd = fuzz_directory();
	auto_close int file = -1;

	for (size_t at = 0, len; at < size; at += len) {
		const char *line = (const char *)data + at, *end = memchr(line, '\n', size - at);

		len = end ? (size_t)(end - line) + 1 : size - at;
		if (is_title(line, len)) {
			auto_free char *title = strndup(line + 3, len - 3 - (end != NULL));

			cleanup_close(&file);
			file = title ? make_entry(dir_fd, title) : -1;
		} else if (file >= 0 && io_write_all(file, line, len) < 0) {
			abort();
		}
	}
}

void fuzz_tree_remove(void)
{
	remove_all(fuzz_directory(), 4);
}

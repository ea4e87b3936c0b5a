/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint/criu_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "syscall/replace.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

/* The first line. The others are "stdio N NAME", "below DESTINATION\tREST", "notify" and "empty-network". */
#define TITLE "krun-checkpoint-criu 1"
#define CRIU_CGROUPS "cgroup.img"

enum { FILE_MAX = 1024 * 1024 };

int checkpoint_criu_write(int dir_fd, const struct checkpoint_criu *image, struct error *err)
{
	auto_free char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);
	int r;

	if (!file)
		return error_oom(err);
	fprintf(file, TITLE "\n");
	for (int i = 0; i < 3; i++)
		if (image->stdio[i])
			fprintf(file, "stdio %d %s\n", i, image->stdio[i]);
	for (size_t i = 0; i < image->below.len; i++)
		fprintf(file, "below %s\n", image->below.items[i]);
	if (image->has_notify)
		fprintf(file, "notify\n");
	if (image->empty_network)
		fprintf(file, "empty-network\n");
	if (io_close_text(file, &text) < 0)
		return error_oom(err);
	r = file_replace(dir_fd, CHECKPOINT_CRIU_FILE, 0600, text, size);
	return r < 0 ? error_sys(err, r, "write '%s' of the checkpoint", CHECKPOINT_CRIU_FILE) : 0;
}

static int take_line(char *line, struct checkpoint_criu *image)
{
	if (strncmp(line, "stdio ", 6) == 0 && line[6] >= '0' && line[6] <= '2' && line[7] == ' ') {
		char **slot = &image->stdio[line[6] - '0'];

		free(*slot);
		*slot = strdup(line + 8);
		return *slot ? 0 : -ENOMEM;
	}
	if (strncmp(line, "below ", 6) == 0 && strchr(line, '\t'))
		return strv_add(&image->below, line + 6);
	if (strcmp(line, "notify") == 0) {
		image->has_notify = true;
		return 0;
	}
	if (strcmp(line, "empty-network") == 0) {
		image->empty_network = true;
		return 0;
	}
	return -EBADMSG;
}

int checkpoint_criu_read(int dir_fd, struct checkpoint_criu *ret, struct error *err)
{
	struct checkpoint_criu image = { .has_cgroups = faccessat(dir_fd, CRIU_CGROUPS, F_OK, 0) == 0 };
	auto_free char *text = NULL;
	char *rest = NULL, *line;
	int r = io_read_regular(dir_fd, CHECKPOINT_CRIU_FILE, FILE_MAX, &text, NULL);

	*ret = image;
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return error_sys(err, r, "read '%s' of the checkpoint", CHECKPOINT_CRIU_FILE);
	line = strtok_r(text, "\n", &rest);
	if (!line || strcmp(line, TITLE) != 0)
		return error_set(err, -EINVAL,
				 "'%s' of the checkpoint is not in a format that this krun reads",
				 CHECKPOINT_CRIU_FILE);
	while (r == 0 && (line = strtok_r(NULL, "\n", &rest)))
		r = take_line(line, &image);
	if (r < 0) {
		checkpoint_criu_done(&image);
		return r == -ENOMEM ? error_oom(err) :
				      error_set(err, r, "'%s' of the checkpoint has an unknown line",
						CHECKPOINT_CRIU_FILE);
	}
	*ret = image;
	return 0;
}

void checkpoint_criu_done(struct checkpoint_criu *image)
{
	for (int i = 0; i < 3; i++) {
		free(image->stdio[i]);
		image->stdio[i] = NULL;
	}
	strv_done(&image->below);
}

void checkpoint_criu_remove(int dir_fd)
{
	struct dirent *entry;
	DIR *dir;

	if (io_open_directory(dir_fd, ".", &dir) < 0)
		return;
	while ((entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);

		/* "parent" is CRIU's link to the images of an earlier dump. */
		if ((len > 4 && strcmp(entry->d_name + len - 4, ".img") == 0) ||
		    strcmp(entry->d_name, "parent") == 0)
			unlinkat(dir_fd, entry->d_name, 0);
	}
	closedir(dir);
}

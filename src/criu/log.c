/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/log.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "util/cleanup.h"

enum { MESSAGES_MAX = 4, LINE_SIZE = 4096, LOG_MAX = 256 << 20 };

const char *criu_log_message(const char *line)
{
	const char *at = strstr(line, "Error (");
	const char *text = at ? strstr(at, "): ") : NULL;

	/* Only a time and a pid may stand in front. */
	if (!text || (at != line && at[-1] != ' '))
		return NULL;
	text += 3;
	text += strspn(text, " ");
	if (*text == '\0' || *text == '\n' || strncmp(text, "rlimit:", 7) == 0 || strstr(text, "FAILED"))
		return NULL;
	return text;
}

static void append(char *text, size_t size, const char *message)
{
	size_t len = strlen(text), more = strcspn(message, "\n");

	while (more > 0 && (message[more - 1] == '.' || message[more - 1] == ' '))
		more--;
	if (len > 0 && len + 2 < size) {
		memcpy(text + len, "; ", 3);
		len += 2;
	}
	for (size_t i = 0; i < more && len + 1 < size; i++, len++)
		text[len] = message[i] < ' ' || message[i] == 0x7f ? '?' : message[i];
	text[len] = '\0';
}

/* The log contains names and texts of the container, so lines and the whole log are limited. */
static void excerpt(FILE *file, char *text, size_t size)
{
	char line[LINE_SIZE];
	bool begins = true;
	size_t seen = 0;

	for (int found = 0; found < MESSAGES_MAX && seen < LOG_MAX && fgets(line, sizeof(line), file);) {
		const char *message = begins ? criu_log_message(line) : NULL;

		if (message) {
			append(text, size, message);
			found++;
		}
		begins = strchr(line, '\n');
		seen += strlen(line) + 1;
	}
}

void criu_log_excerpt(int dir_fd, const char *name, char *text, size_t size)
{
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	FILE *file;

	text[0] = '\0';
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	file = fdopen(fd, "r");
	if (!file)
		return;
	fd = -1;
	excerpt(file, text, size);
	fclose(file);
}

void criu_log_excerpt_text(char *log, char *text, size_t size)
{
	char *rest = NULL, *end = strrchr(log, '\n');
	int found = 0;

	text[0] = '\0';
	/* The last line may be incomplete: CRIU's buffer for early messages is small. */
	if (end)
		end[1] = '\0';
	for (char *line = strtok_r(log, "\n", &rest); line && found < MESSAGES_MAX;
	     line = strtok_r(NULL, "\n", &rest)) {
		const char *message = criu_log_message(line);

		if (message) {
			append(text, size, message);
			found++;
		}
	}
}

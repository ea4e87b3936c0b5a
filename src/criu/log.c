/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

enum { MESSAGES_MAX = 4 };

const char *criu_log_message(const char *line)
{
	const char *at = strstr(line, "Error (");
	const char *text = at ? strstr(at, "): ") : NULL;

	/* Nothing but a time and a pid may be in front. */
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

void criu_log_excerpt(int dir_fd, const char *name, char *text, size_t size)
{
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	auto_free char *line = NULL;
	size_t line_size = 0;

	text[0] = '\0';
	if (!file)
		return;
	fd = -1;
	for (int found = 0; found < MESSAGES_MAX && getline(&line, &line_size, file) > 0;) {
		const char *message = criu_log_message(line);

		if (message) {
			append(text, size, message);
			found++;
		}
	}
	fclose(file);
}

void criu_log_excerpt_text(char *log, char *text, size_t size)
{
	char *rest = NULL, *end = strrchr(log, '\n');
	int found = 0;

	text[0] = '\0';
	/* CRIU's own buffer for its first words may have been too small for a whole line. */
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

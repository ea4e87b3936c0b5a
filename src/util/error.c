/* SPDX-License-Identifier: Apache-2.0 */
#include "util/error.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* "No such device" -> "no such device", but "RFS specific error" keeps its capitals. */
static void lower_first(char *text)
{
	if (isupper((unsigned char)text[0]) && islower((unsigned char)text[1]))
		text[0] = (char)tolower((unsigned char)text[0]);
}

static const char *plain_reason(int code)
{
	static _Thread_local char text[96];
	const char *known = strerrordesc_np(-code);

	if (!known) {
		snprintf(text, sizeof(text), "errno %d", -code);
		return text;
	}
	snprintf(text, sizeof(text), "%s", known);
	lower_first(text);
	return text;
}

const char *error_reason(int code)
{
	switch (-code) {
	case ENOENT:
		return "missing (ENOENT)";
	case EACCES:
		return "access denied (EACCES)";
	case EPERM:
		return "not allowed (EPERM)";
	case ENOTDIR:
		return "no directory (ENOTDIR)";
	case EISDIR:
		return "a directory (EISDIR)";
	default:
		return plain_reason(code);
	}
}

/* ---- texts that do not fit ------------------------------------------------------------------------------------- */

/* Of a name that is shortened, at least: its beginning and its end. */
enum { LONG_TEXT_MAX = 3 * PATH_MAX, NAME_KEPT = 64 };

static bool is_inside_character(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* The longest part of @text without a quotation mark: a path, where a text is too long. Never longer than the text without its NUL. */
static size_t longest_part(const char *text, size_t *ret_start)
{
	size_t longest = 0;

	for (size_t at = 0; text[at];) {
		const size_t len = strcspn(text + at, "'\"");

		if (len > longest) {
			longest = len;
			*ret_start = at;
		}
		at += len + (text[at + len] != '\0');
	}
	return longest;
}

/* Takes at most half of the part, so that of two long names both keep something. False: there is nothing worth it. */
static bool shorten_longest(char *text, size_t excess)
{
	static const char mark[] = "...";
	const size_t room = sizeof(mark) - 1;
	size_t start = 0, len = longest_part(text, &start), cut = excess + room;
	char *from, *to;

	if (len < NAME_KEPT + room)
		return false;
	if (cut > len / 2)
		cut = len / 2;
	from = text + start + (len - cut) / 2;
	to = from + cut;
	while (from > text + start && is_inside_character(*from))
		from--;
	while (is_inside_character(*to))
		to++;
	memcpy(from, mark, room);
	memmove(from + room, to, strlen(to) + 1);
	return true;
}

/* Makes @text shorter than @size. */
static void shorten(char *text, size_t size)
{
	size_t len;

	while ((len = strlen(text)) >= size && shorten_longest(text, len - size + 1))
		;
	if (len < size)
		return;
	for (len = size - 1; len > 0 && is_inside_character(text[len]); len--)
		;
	text[len] = '\0';
}

/* Puts @front, ": " and @text into @err. What is too long for one text loses the middle of its names, and no reason. */
static void join(struct error *err, const char *front, const char *text)
{
	char whole[LONG_TEXT_MAX + ERROR_TEXT_MAX + 2];

	snprintf(whole, sizeof(whole), "%s: %s", front, text);
	shorten(whole, sizeof(err->text));
	strcpy(err->text, whole);
}

__attribute__((format(printf, 4, 0))) static int vset(struct error *err, int code, const char *reason,
						      const char *format, va_list args)
{
	char text[LONG_TEXT_MAX];
	int saved = errno;

	assert(code < 0);
	err->code = code;
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	if (reason && strlen(text) + strlen(reason) + 2 < sizeof(err->text)) {
		join(err, text, reason);
	} else if (reason) {
		/* Whoever shows the beginning only still shows why. */
		join(err, reason, text);
	} else {
		shorten(text, sizeof(err->text));
		strcpy(err->text, text);
	}
	errno = saved;
	return code;
}

int error_set(struct error *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vset(err, code, NULL, format, args);
	va_end(args);
	return code;
}

int error_sys(struct error *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vset(err, code, error_reason(code), format, args);
	va_end(args);
	return code;
}

int error_exec(struct error *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vset(err, code, plain_reason(code), format, args);
	va_end(args);
	return code;
}

int error_prefix(struct error *err, const char *format, ...)
{
	char old[ERROR_TEXT_MAX], prefix[LONG_TEXT_MAX];
	va_list args;

	memcpy(old, err->text, sizeof(old));
	va_start(args, format);
	if (vsnprintf(prefix, sizeof(prefix), format, args) >= 0)
		join(err, prefix, old);
	va_end(args);
	return err->code;
}

bool error_is_shortage(int code)
{
	return code == -ENOMEM || code == -EMFILE || code == -ENFILE || code == -ENOLCK;
}

int error_oom(struct error *err)
{
	return error_set(err, -ENOMEM, "out of memory");
}

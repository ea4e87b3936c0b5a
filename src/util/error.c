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

#include "util/names.h"

/* "No such device" -> "no such device", but "RFS specific error" keeps its capitals. */
static void lower_first(char *text)
{
	if (isupper((unsigned char)text[0]) && islower((unsigned char)text[1]))
		text[0] = (char)tolower((unsigned char)text[0]);
}

static const char *plain_reason(int code)
{
	static _Thread_local char text[96];
	const char *known = errno_text(-code);

	if (!known) {
		snprintf(text, sizeof(text), "errno %d", -code);
		return text;
	}
	snprintf(text, sizeof(text), "%s", known);
	lower_first(text);
	return text;
}

/* As README.md says: cgroup.kill is of this version, and the newest system call of Linux 5.12. */
#define KERNEL_NEEDED "Linux 5.14"

static _Thread_local const char *missing_call;

void error_missing_call(const char *name)
{
	missing_call = name;
}

static const char *missing_reason(void)
{
	static _Thread_local char text[160];

	if (!missing_call)
		return plain_reason(-ENOSYS);
	snprintf(
		text, sizeof(text),
		"this kernel, or a seccomp filter around krun, has no %s(2); krun needs %s or newer (ENOSYS)",
		missing_call, KERNEL_NEEDED);
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
	case ENOSYS:
		return missing_reason();
	default:
		return plain_reason(code);
	}
}

/* ---- texts that do not fit ----------------------------------------------------------------- */

/* NAME_KEPT: a name that is shortened keeps at least this many bytes, of its beginning and its end. */
enum { LONG_TEXT_MAX = 3 * PATH_MAX, NAME_KEPT = 64 };

static bool is_inside_character(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Returns the length of the longest part of @text without a quotation mark: usually a path. */
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

/* Cuts at most half of the part, so that of two long names both keep something. False: no part is long. */
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

/* Makes @text shorter than @size bytes, at the cost of its longest names first. */
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

/* Stores @text in @err after its first @start bytes, shortened to fit. */
static void put(struct error *err, size_t start, char *text)
{
	shorten(text, sizeof(err->text) - start);
	strcpy(err->text + start, text);
}

/* Stores "FRONT: TEXT" in @err after its first @start bytes. @text may be a part of @err. */
static void join(struct error *err, size_t start, const char *front, const char *text)
{
	char whole[LONG_TEXT_MAX + ERROR_TEXT_MAX + 2];

	snprintf(whole, sizeof(whole), "%s: %s", front, text);
	put(err, start, whole);
}

/* Begins the text of @err with "POINTER: ", if there is a pointer. Returns the number of bytes. */
static size_t begin(struct error *err, const char *pointer)
{
	size_t len = pointer ? strnlen(pointer, ERROR_POINTER_MAX - 1) : 0;

	while (len > 0 && is_inside_character(pointer[len]))
		len--;
	err->pointer_len = (int)len;
	if (len == 0)
		return 0;
	memcpy(err->text, pointer, len);
	memcpy(err->text + len, ": ", 3);
	return len + 2;
}

/*
 * For a text that does not fit. It is a function of its own for the size of its stack: each page of that is a
 * page fault, also in commands that only look whether something is an error.
 */
__attribute__((noinline, format(printf, 4, 0))) static void set_long(struct error *err, const char *pointer,
								     const char *reason, const char *format,
								     va_list args)
{
	char text[LONG_TEXT_MAX];
	size_t start;

	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	start = begin(err, pointer);
	if (!reason)
		put(err, start, text);
	else if (start + strlen(text) + strlen(reason) + 2 < sizeof(err->text))
		join(err, start, text, reason);
	else
		/* The reason comes first, so that a caller who shows only the beginning still shows it. */
		join(err, start, reason, text);
}

__attribute__((format(printf, 5, 0))) static int vset(struct error *err, int code, const char *pointer,
						      const char *reason, const char *format, va_list args)
{
	const size_t room = sizeof(err->text) - ERROR_POINTER_MAX - (reason ? strlen(reason) + 2 : 0) - 2;
	char text[ERROR_TEXT_MAX];
	int saved = errno, len;
	va_list again;
	size_t start;

	assert(code < 0);
	err->code = code;
	err->line = err->column = 0;
	va_copy(again, args);
	len = vsnprintf(text, sizeof(text), format, args);
	if (len >= 0 && (size_t)len < room) {
		start = begin(err, pointer);
		snprintf(err->text + start, sizeof(err->text) - start, "%s%s%s", text, reason ? ": " : "",
			 reason ? reason : "");
	} else {
		set_long(err, pointer, reason, format, again);
	}
	va_end(again);
	errno = saved;
	return code;
}

int error_set(struct error *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vset(err, code, NULL, NULL, format, args);
	va_end(args);
	return code;
}

int error_sys(struct error *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vset(err, code, NULL, error_reason(code), format, args);
	va_end(args);
	return code;
}

int error_exec(struct error *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vset(err, code, NULL, plain_reason(code), format, args);
	va_end(args);
	return code;
}

int error_at(struct error *err, int code, const char *pointer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vset(err, code, pointer, NULL, format, args);
	va_end(args);
	return code;
}

int error_sys_at(struct error *err, int code, const char *pointer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vset(err, code, pointer, error_reason(code), format, args);
	va_end(args);
	return code;
}

const char *error_pointer(const char *format, ...)
{
	/* Room for one character more than begin() uses, so that it sees where to cut. */
	static _Thread_local char pointer[ERROR_POINTER_MAX + 4];
	va_list args;

	va_start(args, format);
	if (vsnprintf(pointer, sizeof(pointer), format, args) < 0)
		pointer[0] = '\0';
	va_end(args);
	return pointer;
}

int error_place(struct error *err, const char *pointer)
{
	char old[ERROR_TEXT_MAX];

	if (err->pointer_len > 0)
		return err->code;
	memcpy(old, err->text, sizeof(old));
	put(err, begin(err, pointer), old);
	return err->code;
}

const char *error_pointer_below(const char *pointer, const char *base)
{
	const size_t len = strlen(base);

	if (strncmp(pointer, base, len) != 0 || (pointer[len] != '\0' && pointer[len] != '/'))
		return NULL;
	return pointer[len] ? pointer + len : "/";
}

bool error_rebase(struct error *err, const char *base)
{
	char pointer[ERROR_POINTER_MAX], reason[ERROR_TEXT_MAX];
	const char *rest;

	if (err->pointer_len == 0)
		return false;
	snprintf(pointer, sizeof(pointer), "%.*s", err->pointer_len, err->text);
	rest = error_pointer_below(pointer, base);
	if (!rest)
		return false;
	memcpy(reason, error_reason_text(err), strlen(error_reason_text(err)) + 1);
	put(err, begin(err, rest), reason);
	return true;
}

int error_document(struct error *err, const char *name)
{
	char old[ERROR_TEXT_MAX], place[PATH_MAX + 48];

	if (err->pointer_len == 0 && err->line == 0)
		return err->code;
	memcpy(old, err->text, sizeof(old));
	snprintf(place, sizeof(place), "%s:%zu:%zu", name, err->line, err->column);
	join(err, 0, err->line > 0 ? place : name, old);
	err->pointer_len = 0;
	err->line = err->column = 0;
	return err->code;
}

const char *error_reason_text(const struct error *err)
{
	return err->text + (err->pointer_len > 0 ? err->pointer_len + 2 : 0);
}

int error_prefix(struct error *err, const char *format, ...)
{
	char old[ERROR_TEXT_MAX], prefix[LONG_TEXT_MAX];
	const char *reason = error_reason_text(err);
	va_list args;

	memcpy(old, reason, strlen(reason) + 1);
	va_start(args, format);
	if (vsnprintf(prefix, sizeof(prefix), format, args) >= 0)
		join(err, (size_t)(reason - err->text), prefix, old);
	va_end(args);
	return err->code;
}

int error_append(struct error *err, const char *format, ...)
{
	size_t used = strlen(err->text);
	va_list args;

	if (used + 3 > sizeof(err->text))
		return err->code;
	memcpy(err->text + used, "; ", 3);
	va_start(args, format);
	vsnprintf(err->text + used + 2, sizeof(err->text) - used - 2, format, args);
	va_end(args);
	return err->code;
}

bool error_is_shortage(int code)
{
	return code == -ENOMEM || code == -EMFILE || code == -ENFILE || code == -ENOLCK || code == -EINTR;
}

int error_oom(struct error *err)
{
	return error_set(err, -ENOMEM, "out of memory");
}

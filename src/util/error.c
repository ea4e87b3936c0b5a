/* SPDX-License-Identifier: Apache-2.0 */
#include "util/error.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
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
	default:
		return plain_reason(code);
	}
}

__attribute__((format(printf, 4, 0))) static int vset(struct error *err, int code, const char *reason,
						      const char *format, va_list args)
{
	int saved = errno;
	int n;

	assert(code < 0);
	err->code = code;
	n = vsnprintf(err->text, sizeof(err->text), format, args);
	if (n < 0)
		n = 0;
	if (reason && (size_t)n < sizeof(err->text))
		snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %s", reason);
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
	char old[ERROR_TEXT_MAX];
	va_list args;
	int n;

	memcpy(old, err->text, sizeof(old));
	va_start(args, format);
	n = vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	if (n >= 0 && (size_t)n < sizeof(err->text))
		snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %.*s",
			 (int)(sizeof(err->text) - (size_t)n), old);
	return err->code;
}

int error_oom(struct error *err)
{
	return error_set(err, -ENOMEM, "out of memory");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "util/parse.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/array.h"
#include "util/names.h"

int parse_u64(const char *text, uint64_t max, uint64_t *ret)
{
	unsigned long long value;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (*end != '\0')
		return -EINVAL;
	if (errno == ERANGE || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

int parse_i64(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	long long value;
	char *end;

	if (!isdigit((unsigned char)text[0]) && !(text[0] == '-' && isdigit((unsigned char)text[1])))
		return -EINVAL;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (*end != '\0')
		return -EINVAL;
	if (errno == ERANGE || value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

/* Reads the digits at *text and advances it past them. */
static int take_number(const char **text, unsigned int limit, unsigned int *ret)
{
	unsigned long value;
	char *end;

	if (!isdigit((unsigned char)**text))
		return -EINVAL;
	errno = 0;
	value = strtoul(*text, &end, 10);
	*text = end;
	if (errno == ERANGE || value >= limit)
		return -ERANGE;
	*ret = (unsigned int)value;
	return 0;
}

int parse_bit_list(const char *text, unsigned long *mask, unsigned int bits)
{
	const unsigned int width = 8 * sizeof(*mask);

	memset(mask, 0, (bits + width - 1) / width * sizeof(*mask));
	for (;;) {
		unsigned int first, last;
		int r = take_number(&text, bits, &first);

		last = first;
		if (r == 0 && *text == '-') {
			text++;
			r = take_number(&text, bits, &last);
		}
		if (r < 0)
			return r;
		if (last < first)
			return -EINVAL;
		for (unsigned int bit = first; bit <= last; bit++)
			mask[bit / width] |= 1UL << bit % width;
		if (*text == '\0')
			return 0;
		if (*text++ != ',')
			return -EINVAL;
	}
}

/* The first match wins: "ms" stands before "m". */
static const struct {
	const char *name;
	uint64_t ns;
} units[] = {
	{ "ns", 1 },	     { "us", 1000 },
	{ "ms", 1000000 },   { "m", 60 * UINT64_C(1000000000) },
	{ "s", 1000000000 }, { "h", 3600 * UINT64_C(1000000000) },
};

/* Converts the digits after the point, as fractions of @unit nanoseconds, rounded down. */
static uint64_t take_fraction(const char **text, uint64_t unit)
{
	uint64_t ns = 0;

	for (; isdigit((unsigned char)**text); (*text)++) {
		unit /= 10;
		ns += unit * (uint64_t)(**text - '0');
	}
	return ns;
}

static int take_duration(const char **text, uint64_t *sum)
{
	const char *point, *behind;
	uint64_t value, ns;
	char *end;

	if (!isdigit((unsigned char)**text))
		return -EINVAL;
	errno = 0;
	value = strtoull(*text, &end, 10);
	if (errno == ERANGE)
		return -ERANGE;
	point = end;
	behind = *point == '.' ? point + 1 + strspn(point + 1, "0123456789") : point;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (strncmp(behind, units[i].name, strlen(units[i].name)) != 0)
			continue;
		if (__builtin_mul_overflow(value, units[i].ns, &ns))
			return -ERANGE;
		if (behind > point) {
			point++;
			if (__builtin_add_overflow(ns, take_fraction(&point, units[i].ns), &ns))
				return -ERANGE;
		}
		*text = behind + strlen(units[i].name);
		return __builtin_add_overflow(*sum, ns, sum) ? -ERANGE : 0;
	}
	return -EINVAL;
}

int parse_duration(const char *text, uint64_t *ret_ns)
{
	uint64_t sum = 0;

	do {
		int r = take_duration(&text, &sum);

		if (r < 0)
			return r;
	} while (*text);
	*ret_ns = sum;
	return 0;
}

int parse_bool(const char *text, bool *ret)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {
		{ "true", true },   { "1", true },  { "yes", true },
		{ "false", false }, { "0", false }, { "no", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcasecmp(text, words[i].word) == 0) {
			*ret = words[i].value;
			return 0;
		}
	}
	return -EINVAL;
}

/* "RTMIN+3", "RTMAX-1", "RTMIN": relative to libc's SIGRTMIN and SIGRTMAX, not to the kernel's. */
static int parse_realtime_signal(const char *name)
{
	int base = strncasecmp(name, "RTMIN", 5) == 0 ? SIGRTMIN : SIGRTMAX;
	uint64_t offset = 0;

	name += 5;
	if (*name == '\0')
		return base;
	if (*name != (base == SIGRTMIN ? '+' : '-'))
		return -EINVAL;
	if (parse_u64(name + 1, (uint64_t)(SIGRTMAX - SIGRTMIN), &offset) < 0)
		return -EINVAL;
	return base == SIGRTMIN ? base + (int)offset : base - (int)offset;
}

int parse_signal(const char *text)
{
	uint64_t number;
	const char *name = text;

	if (parse_u64(text, SIGRTMAX, &number) == 0)
		return (int)number;
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	if (strncasecmp(name, "RTMIN", 5) == 0 || strncasecmp(name, "RTMAX", 5) == 0)
		return parse_realtime_signal(name);
	for (int signo = 1; signo < SIGRTMIN; signo++) {
		const char *known = signal_name(signo);

		if (known && strcasecmp(name, known) == 0)
			return signo;
	}
	if (strcasecmp(name, "IOT") == 0)
		return SIGABRT;
	if (strcasecmp(name, "CLD") == 0)
		return SIGCHLD;
	return -EINVAL;
}

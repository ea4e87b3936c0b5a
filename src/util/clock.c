/* SPDX-License-Identifier: Apache-2.0 */
#include "util/clock.h"

#include <stdio.h>

enum { DAY = 24 * 60 * 60 };

struct moment {
	long long year;
	int month, day, hour, minute, second;
};

int64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_ms(void)
{
	return clock_ns() / 1000000;
}

/*
 * The Gregorian calendar repeats itself after 400 years of 146,097 days. Its years are taken to begin in
 * March here, so that the leap day is a year's last one and each month has the same first day in every year:
 * March to July, and August to December, have 153 days in five months.
 */
static struct moment split(long long seconds)
{
	const long long days = seconds / DAY - (seconds % DAY < 0) + 719468; /* since 0000-03-01 */
	const int rest = (int)((seconds % DAY + DAY) % DAY);
	const long long era = (days >= 0 ? days : days - 146096) / 146097;
	const int of_era = (int)(days - era * 146097);
	const int year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	const int of_year = of_era - (365 * year + year / 4 - year / 100);
	const int month = (5 * of_year + 2) / 153; /* 0: March */

	return (struct moment){
		.year = year + era * 400 + (month >= 10),
		.month = month < 10 ? month + 3 : month - 9,
		.day = of_year - (153 * month + 2) / 5 + 1,
		.hour = rest / 3600,
		.minute = rest / 60 % 60,
		.second = rest % 60,
	};
}

void clock_text(const struct timespec *time, char *out, size_t size)
{
	const struct moment at = split(time->tv_sec);

	snprintf(out, size, "%04lld-%02d-%02dT%02d:%02d:%02d.%09ldZ", at.year, at.month, at.day, at.hour,
		 at.minute, at.second, time->tv_nsec);
}

void clock_name(const struct timespec *time, char *out, size_t size)
{
	const struct moment at = split(time->tv_sec);

	snprintf(out, size, "%04lld%02d%02dT%02d%02d%02d.%06ldZ", at.year, at.month, at.day, at.hour,
		 at.minute, at.second, time->tv_nsec / 1000);
}

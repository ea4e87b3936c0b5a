/* SPDX-License-Identifier: Apache-2.0 */
#include "check/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/internal.h"
#include "state/runtime_options.h"
#include "util/cleanup.h"
#include "util/error.h"

void check_add(struct checking *checking, enum check_status status, const char *name, const char *cure,
	       const char *format, ...)
{
	struct check_report *report = &checking->report;
	struct check_item *items = reallocarray(report->items, report->len + 1, sizeof(*items));
	struct check_item item = { .status = status, .name = name };
	va_list args;

	if (items)
		report->items = items;
	va_start(args, format);
	if (vasprintf(&item.text, format, args) < 0)
		item.text = NULL;
	va_end(args);
	item.cure = cure ? strdup(cure) : NULL;
	if (!items || !item.text || (cure && !item.cure)) {
		free(item.text);
		free(item.cure);
		checking->out_of_memory = true;
		return;
	}
	report->items[report->len++] = item;
}

int check_machine(const struct runtime_options *runtime, struct check_report *ret, struct error *err)
{
	struct checking checking = {
		.runtime = runtime,
		.km = runtime->name != NAME_PLAIN,
		.is_root = geteuid() == 0,
	};

	check_kernel(&checking);
	check_cgroups(&checking);
	check_systemd(&checking);
	check_user(&checking);
	check_host_km(&checking);
	check_criu(&checking);
	check_engines(&checking);
	if (checking.out_of_memory) {
		check_report_done(&checking.report);
		return error_oom(err);
	}
	*ret = checking.report;
	return 0;
}

bool check_works(const struct check_report *report)
{
	for (size_t i = 0; i < report->len; i++)
		if (report->items[i].status == CHECK_MISSING)
			return false;
	return true;
}

void check_report_done(struct check_report *report)
{
	for (size_t i = 0; i < report->len; i++) {
		free(report->items[i].text);
		free(report->items[i].cure);
	}
	free(report->items);
	*report = (struct check_report){ 0 };
}

const char *check_status_word(enum check_status status)
{
	static const char *const words[] = { "ok", "warning", "missing" };

	return words[status];
}

/* SPDX-License-Identifier: Apache-2.0 */

/* The ids that a command is for: one, or with --regex all that a regular expression matches. */

#include <errno.h>
#include <regex.h>

#include "cli/command.h"
#include "cli/progress.h"
#include "util/error.h"
#include "util/strv.h"

int command_match_ids(const struct runtime_options *runtime, const char *pattern, struct strv *ret,
		      struct error *err)
{
	struct strv ids = { 0 };
	char reason[128];
	regex_t regex;
	int r = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);

	if (r != 0) {
		regerror(r, &regex, reason, sizeof(reason));
		return error_set(err, -EINVAL, "--regex: '%s': %s", pattern, reason);
	}
	r = container_ids(runtime, &ids, err);
	for (size_t i = 0; r == 0 && i < ids.len; i++)
		if (regexec(&regex, ids.items[i], 0, NULL, 0) == 0 && strv_add(ret, ids.items[i]) < 0)
			r = error_oom(err);
	strv_done(&ids);
	regfree(&regex);
	return r;
}

int command_for_each(const struct cli *cli, const char *what, bool regex,
		     int (*act)(const struct cli *cli, const char *id, const void *options,
				struct error *err),
		     const void *options, struct error *err)
{
	struct progress progress = { .what = what };
	struct error failure;
	struct strv ids = { 0 };
	int result, r;

	if (!regex)
		return act(cli, cli->args[0], options, err);
	result = command_match_ids(&cli->runtime, cli->args[0], &ids, err);
	progress.total = ids.len;
	if (ids.len > 1)
		progress_begin(&progress, cli);
	for (size_t i = 0; i < ids.len; i++) {
		progress_count(&progress, i);
		r = act(cli, ids.items[i], options, &failure);
		if (r < 0 && result == 0) {
			result = r;
			*err = failure;
		}
	}
	progress_end(&progress);
	strv_done(&ids);
	return result;
}

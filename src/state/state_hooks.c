/* SPDX-License-Identifier: Apache-2.0 */
#include "state/state_hooks.h"

#include "spec/spec.h"
#include "state/state.h"
#include "util/cleanup.h"
#include "util/error.h"

int state_hooks_run(enum hook_kind kind, const struct state *state, const struct spec *spec,
		    const char *status, struct error *err)
{
	const struct hooks_context context = { .directory = state->bundle };
	auto_free char *text = NULL;

	if (spec->hooks[kind].len == 0)
		return 0;
	text = state_text(state, status, state->pid, false);
	return text ? hooks_run(kind, &spec->hooks[kind], text, &context, err) : error_oom(err);
}

void state_hooks_run_poststop(const struct state *state, const struct spec *spec)
{
	const struct hooks_context context = { .directory = state->bundle };
	auto_free char *text = NULL;

	if (spec->hooks[HOOK_POSTSTOP].len == 0)
		return;
	text = state_text(state, "stopped", 0, false);
	if (text)
		hooks_run_all(HOOK_POSTSTOP, &spec->hooks[HOOK_POSTSTOP], text, &context);
}

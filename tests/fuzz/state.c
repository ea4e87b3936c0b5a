/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "state/state.h"
#include "state/state_dir.h"
#include "util/error.h"

static void check_texts(const struct state *state)
{
	char *text = state_text(state, "running", 7, false);

	fuzz_require_json(text);
	free(text);
	text = state_process_text(state, "running", 7, "{}");
	fuzz_require_json(text);
	free(text);
}

/* What was read as a whole is the same after it was written and read again. */
static void check_round(const struct state *state)
{
	struct state again;
	struct error err;
	char *first, *second;

	fuzz_require(state_save(fuzz_directory(), state, &err) == 0);
	fuzz_require(state_load(fuzz_directory(), &again, &err) == 0);
	first = state_text(state, "running", 7, true);
	second = state_text(&again, "running", 7, true);
	fuzz_require(first && second && strcmp(first, second) == 0);
	free(first);
	free(second);
	state_done(&again);
}

/* A file of the state; a part behind it is the smaller file that finds the processes. */
void fuzz_one(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *parts[2];
	struct state state, some;
	struct error err;
	int r, r_some;

	fuzz_split(text, parts, 2);
	fuzz_file(STATE_FILE, parts[0], strlen(parts[0]));
	fuzz_file(STATE_PLACE, parts[1], strlen(parts[1]));
	r = state_load(fuzz_directory(), &state, &err);
	fuzz_require_error(r, &err);
	r_some = state_load_some(fuzz_directory(), "a", &some, &err);
	fuzz_require_error(r_some, &err);
	/* Who understands all of it understands some of it. */
	fuzz_require(r < 0 || r_some == 0);
	if (r_some == 0) {
		fuzz_require(strcmp(some.id, "a") == 0);
		check_texts(&some);
		state_done(&some);
	}
	if (r == 0) {
		check_texts(&state);
		check_round(&state);
		state_done(&state);
	}
	free(text);
}

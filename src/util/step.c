/* SPDX-License-Identifier: Apache-2.0 */
#include "util/step.h"

#include "util/error.h"
#include "util/interrupt.h"
#include "util/trace.h"

int step_end(const char *name, unsigned long long began, int result, struct error *err)
{
	int interrupted;

	if (result >= 0) {
		log_step_done(name, began);
	} else {
		trace_note("error", err->text);
		log_part_done(name, began);
	}
	/* The handler kills what a step waits for, so that is the reason, whatever the step reports. */
	interrupted = interrupt_check(err);
	return interrupted < 0 ? interrupted : result;
}

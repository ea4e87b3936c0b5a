/* SPDX-License-Identifier: Apache-2.0 */
#include "util/step.h"

#include "util/error.h"
#include "util/interrupt.h"

int step_end(const char *name, unsigned long long began, int result, struct error *err)
{
	int interrupted;

	if (result >= 0)
		log_step_done(name, began);
	/* What a signal has ended fails for that reason, whatever it says itself. */
	interrupted = interrupt_check(err);
	return interrupted < 0 ? interrupted : result;
}

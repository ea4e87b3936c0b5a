/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Work as a table of named steps: the order is data, each step has a name in the log and in the trace, and
 * the steps that were run are undone in reverse order when a later one fails. STEPS(launch) declares, for a
 * struct launch,
 *
 *   struct launch_step                  one row; a table ends with a row without a name
 *   launch_steps_run(steps, &done, ...) runs the steps from *done on; *done counts the steps that began
 *   launch_steps_undo(steps, done, ...) undoes the first @done steps, the last one first
 *
 * A step that fails fills the error. It may leave half of its work: its own undo is called, too, and must
 * cope with that. A run ends early, with -EINTR, when the command was interrupted (util/interrupt.h).
 */

#include <stddef.h>

#include "util/log.h"

struct error;

/* For the macro: logs the step, which returned @result. Returns that, or -EINTR when interrupted. */
int step_end(const char *name, unsigned long long began, int result, struct error *err);

/* "unused", because not every table has an undo, and clang warns about unused functions in a .c file. */
#define STEPS(subject)                                                                                       \
	struct subject##_step {                                                                              \
		const char *name;                                                                            \
		int (*run)(struct subject * subject, struct error *err);                                     \
		void (*undo)(struct subject * subject); /* NULL: nothing to undo */                          \
	};                                                                                                   \
	__attribute__((unused)) static inline int subject##_steps_run(const struct subject##_step *steps,    \
								      size_t *done, struct subject *subject, \
								      struct error *err)                     \
	{                                                                                                    \
		int r = 0;                                                                                   \
                                                                                                             \
		while (r >= 0 && steps[*done].name) {                                                        \
			const struct subject##_step *step = &steps[(*done)++];                               \
			const char *outer = log_set_step(step->name);                                        \
			const unsigned long long began = log_clock();                                        \
                                                                                                             \
			r = step->run(subject, err);                                                         \
			log_set_step(outer);                                                                 \
			r = step_end(step->name, began, r, err);                                             \
		}                                                                                            \
		return r < 0 ? r : 0;                                                                        \
	}                                                                                                    \
	__attribute__((unused)) static inline void subject##_steps_undo(                                     \
		const struct subject##_step *steps, size_t done, struct subject *subject)                    \
	{                                                                                                    \
		while (done-- > 0)                                                                           \
			if (steps[done].undo)                                                                \
				steps[done].undo(subject);                                                   \
	}

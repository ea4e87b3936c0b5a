/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * Allocations that fail, in a program that is linked with allocations.c and with ld's --wrap for each
 * function there. Those of a library are meant, too, when it is linked statically.
 */

/*
 * From now on allocations are counted, from 1, and number @number of them fails; 0: none. A child goes on
 * counting.
 */
void allocations_fail(unsigned long number);
/* Returns how many were asked for since then. */
unsigned long allocations_made(void);
/* Returns whether that one was asked for, and failed. */
bool allocations_failed(void);
/* Returns whether json-c is linked statically, so that its allocations are counted. */
bool allocations_of_json(void);

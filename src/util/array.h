/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

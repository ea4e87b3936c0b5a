/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The whole program: @argv as main() got it. Returns the exit status. */
int cli_main(int argc, char **argv);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Runs the program and returns its exit status. @argc and @argv as main() got them; the process title may
 * overwrite the words of @argv later.
 */
int cli_main(int argc, char **argv);

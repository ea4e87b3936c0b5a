#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# format.sh TREE: the C code is as .clang-format writes it. Debian 12 has clang-format 14; other versions differ a little.
set -eu
cd "$1"
command -v clang-format >/dev/null || { echo "clang-format is not installed"; exit 77; }
clang-format --version | grep -q 'version 14\.' || { echo "needs clang-format 14"; exit 77; }
find src include tests -name '*.[ch]' -exec clang-format --dry-run --Werror {} + 2>&1 | head -40 | grep . && exit 1
exit 0

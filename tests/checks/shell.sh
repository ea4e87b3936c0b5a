#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# shell.sh TREE: shellcheck on every shell script.
set -eu
cd "$1"
command -v shellcheck >/dev/null || { echo "shellcheck is not installed"; exit 77; }
scripts=$(find .ci contrib src tests -type f -exec grep -lE '^#!/bin/(sh|bash)' {} +)
[ -n "$scripts" ] || { echo "no scripts found"; exit 1; }
# SC2044, SC2013: no file of this tree has a blank in its name.
# shellcheck disable=SC2086
shellcheck --exclude=SC2044,SC2013 $scripts

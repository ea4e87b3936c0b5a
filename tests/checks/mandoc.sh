#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# mandoc.sh TREE: mandoc finds nothing in the manual pages, not even a matter of style.
set -eu
cd "$1/man"
command -v mandoc >/dev/null || { echo "mandoc is not installed"; exit 77; }
set -- *.[1-8]
[ -f "$1" ] || { echo "no pages found"; exit 1; }
# Which pages of other programs this machine has, and whether it has an index of them, is nothing about these.
if mandoc -T lint "$@" 2>&1 | grep -vE 'referenced manual not found: Xr |outdated mandoc\.db lacks '; then
	exit 1
fi

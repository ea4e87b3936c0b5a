#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# layers.sh TREE: fails on an #include that does not go down. src/layers lists folders, lowest line first; folders on
# one line do not include each other. Only launch/ may include init/init.h, the plan of the child.
set -eu
cd "$1/src"
# shellcheck disable=SC2016
find . -mindepth 2 -name '*.[ch]' -printf '%P\n' | sort | xargs awk '
	FILENAME == "layers" {
		for (i = 1; i <= NF; i++)
			rank[$i] = FNR
		next
	}
	FNR == 1 {
		from = FILENAME
		sub(/\/.*/, "", from)
		split("", told)
	}
	/^#include "[a-z]+\// {
		to = $2
		gsub(/^"|\/.*/, "", to)
		seen++
		if (to != from && !(to in told) && (!(from in rank) || !(to in rank) || rank[to] >= rank[from])) {
			print FILENAME " must not include " to "/"
			told[to] = bad = 1
		}
		if ($2 == "\"init/init.h\"" && from != "init" && from != "launch") {
			print FILENAME " must not include init/init.h"
			bad = 1
		}
	}
	END {
		if (seen <= 100) {
			print "only " (seen + 0) " includes found: is this check looking at the tree?"
			bad = 1
		}
		exit bad
	}' layers

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# layers.sh TREE: fails on an #include that does not go down. src/layers lists folders, lowest line first; folders on
# one line do not include each other.
set -eu
cd "$1/src"
rank() { grep -nw -- "$1" layers | cut -d: -f1; }
bad=0 seen=0
for file in $(find . -mindepth 2 -name '*.[ch]' | sed 's|^\./||' | sort); do
	from=${file%%/*}
	for to in $(sed -nE 's|^#include "([a-z]+)/.*|\1|p' "$file" | sort -u); do
		seen=$((seen + 1))
		[ "$from" = "$to" ] && continue
		f=$(rank "$from") t=$(rank "$to")
		if [ -z "$f" ] || [ -z "$t" ] || [ "$t" -ge "$f" ]; then
			echo "$file must not include $to/"
			bad=1
		fi
	done
done
[ "$seen" -gt 100 ] || { echo "only $seen includes found: is this check looking at the tree?"; bad=1; }
exit $bad

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# length.sh TREE: fails on functions of more than 60 lines, .c files of more than 800 and headers of more than 350, and on lines of
# C of more than 110 columns, comments included.
set -eu
cd "$1/src"
command -v ctags >/dev/null || { echo "universal-ctags is not installed"; exit 77; }
bad=0
ctags --languages=C --kinds-C=f --fields=ne -R -o - . | awk -F'\t' -v max=60 '
	/^!/ { next }
	{
		line = end = 0
		for (i = 4; i <= NF; i++) {
			if ($i ~ /^line:/) line = substr($i, 6)
			if ($i ~ /^end:/)  end = substr($i, 5)
		}
		functions++
		if (end - line + 1 > max) {
			printf "%s:%d %s is %d lines\n", $2, line, $1, end - line + 1
			bad = 1
		}
	}
	END {
		if (functions < 300) {
			printf "only %d functions found: does this ctags know the field end?\n", functions
			bad = 1
		}
		exit bad
	}' || bad=1
find . -name '*.[ch]' -exec awk '
	{ lines[FILENAME] = FNR }
	END {
		for (file in lines)
			if (lines[file] > (file ~ /h$/ ? 350 : 800)) {
				print file " has " lines[file] " lines"
				bad = 1
			}
		exit bad
	}' {} + || bad=1
cd ..
find include src tests -name '*.[ch]' 2>/dev/null | while read -r file; do
	expand -t 8 "$file" | awk -v file="$file" 'length($0) > 110 { print file ":" NR ": " length($0) " columns" }'
done | grep . && bad=1
exit $bad

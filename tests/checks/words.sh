#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# words.sh TREE: no paths of a developer's machine, no trailing blanks, a licence line in every source file.
set -eu
cd "$1"
bad=0
# Spelt in two parts so that this file does not find itself.
work='/wor''k/' home='/ho''me/[a-z]' var='/var/t''mp/'
if grep -rnIE "$work|$home|$var" --exclude-dir=.git --exclude=.git --exclude-dir=build . | grep -vE '/home/alice'; then
	echo "    ^ paths of one machine"
	bad=1
fi
if grep -rnIE '[[:blank:]]+$' --include='*.[ch]' --include='*.py' --include='*.sh' src include tests contrib; then
	echo "    ^ trailing blanks"
	bad=1
fi
# One process for all of them: a busy machine is slow to start any.
find src include tests \( -name '*.[ch]' -o -name '*.py' -o -name meson.build \) -exec awk '
	function check() { if (file != "" && !licensed) { print file ": no licence line"; bad = 1 } }
	FNR == 1 { check(); file = FILENAME; licensed = 0 }
	/SPDX-License-Identifier: Apache-2.0/ { licensed = 1 }
	FNR >= 3 { nextfile }
	END { check(); exit bad }' {} + || bad=1
exit $bad

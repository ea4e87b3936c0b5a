#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# man.sh TREE PROGRAM: every command and option that the program's help shows is in the manual page.
set -eu
page=$1/man/krun.1
program=$2
bad=0

commands=$("$program" --help | sed -n '/^Commands/,/^Options/s/^  \([a-z]*\) .*/\1/p')
[ -n "$commands" ] || { echo "no commands in the help"; exit 1; }
for command in $commands; do
	grep -qE "^\.Ss (.* , )?$command( |\$)" "$page" || { echo "$command: no section"; bad=1; }
	case $command in help) continue ;; esac
	for option in $("$program" "$command" --help | grep -oE '^  (-., |    )--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+'); do
		[ "$option" = --help ] && continue
		grep -qE "Fl (. , Fl )?-${option#--}( |\$)" "$page" || { echo "$command $option: not in the page"; bad=1; }
	done
done
for option in $("$program" --help | grep -oE '^  (-., |    )--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+'); do
	grep -qE "Fl (. , Fl )?-${option#--}( |\$)" "$page" || { echo "$option: not in the page"; bad=1; }
done
exit $bad

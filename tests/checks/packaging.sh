#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# packaging.sh TREE VERSION: the recipes for packages have the project's version, and what reads them, where it is installed, finds no
# mistake.
set -eu
cd "$1/contrib/packaging"
version=$2
status=0

# is FILE FOUND: FOUND is the version in FILE.
is() {
	[ "$2" = "$version" ] || { echo "$1: version '$2' is not meson.build's, '$version'" && status=1; }
}

is debian/changelog "$(sed -n '1s/^krun (\([^-]*\)-[0-9]*) .*/\1/p' debian/changelog)"
is rpm/krun.spec "$(sed -n 's/^Version: *//p' rpm/krun.spec)"
is alpine/APKBUILD "$(sed -n 's/^pkgver=//p' alpine/APKBUILD)"

# found PROGRAM: looks for it where an ordinary user's PATH does not lead, too.
found() {
	PATH=$PATH:/usr/sbin:/sbin command -v "$1" || echo "$1 is not installed" >&2
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Its variables are read by abuild, and it sets some of those that the recipe reads.
sh -n alpine/APKBUILD || status=1
program=$(found shellcheck)
[ -z "$program" ] || "$program" --shell=sh --exclude=SC2034,SC2154 alpine/APKBUILD || status=1
program=$(found rpmspec)
[ -z "$program" ] || "$program" -P rpm/krun.spec >/dev/null || status=1
program=$(found checkmodule)
[ -z "$program" ] || { "$program" -M -m -o "$work/krun.mod" selinux/krun.te >"$work/log" || { cat "$work/log" && status=1; }; }
program=$(found semodule_package)
[ -z "$program" ] || [ ! -f "$work/krun.mod" ] || "$program" -o "$work/krun.pp" -m "$work/krun.mod" -f selinux/krun.fc || status=1
# AppArmor 3.0 of Debian 12 does not know the rule; tests/debian/package reads the profile with a newer one.
program=$(found apparmor_parser)
[ -z "$program" ] || [ ! -e /etc/apparmor.d/abi/4.0 ] || "$program" -QKS apparmor/krun >/dev/null || status=1
exit $status

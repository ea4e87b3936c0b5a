#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# calls.sh TREE: what belongs to one layer is not used in another (the right-hand column of src/README.md).
set -eu
cd "$1/src"
bad=0

# only PATTERN WHERE WHY: fails on lines with PATTERN in .c files whose path does not match WHERE.
only() {
	found=$(grep -rnE --include='*.c' -- "$1" . | sed 's|^\./||' | grep -vE "^($2)" |
		grep -vE '^[^:]+:[0-9]+:[[:space:]]*(/?\*|//)' || true)
	if [ -n "$found" ]; then
		echo "$found"
		echo "    ^ $3"
		bad=1
	fi
}

only '(^|[^_[:alnum:]])syscall\(' 'syscall/' 'system calls without a libc wrapper belong to syscall/'
only '^[[:space:]]*#[[:space:]]*if' 'syscall/' '#if belongs to syscall/'
only 'json_object' 'json/|spec/|container/audit\.c|container/state\.c|container/image\.c|container/list\.c|km/settings\.c|cli/features\.c|cli/update\.c|cli/look\.c|cli/stats_json\.c|cli/validate\.c' 'JSON is read in one place'
only '(^|[^_[:alnum:]])_?exit\(' 'main\.c|init/|km/(shim|probe)\.c|criu/call\.c|km/exceptions_match\.c|syscall/|cli/|hooks/run\.c|util/interrupt\.c|ns/idmap\.c|mount/apart\.c|container/start\.c|container/live\.c|cgroup/(scope|systemd_call|systemd_bus)\.c' 'only the top of a process may end it'
only '(^|[^_[:alnum:]])(printf|puts|perror)\(' 'cli/|main\.c|cgroup/systemd_bus\.c' 'only cli/ talks to the user; the rest uses util/log.h'
only '(^|[^_[:alnum:]])(gets|atoi|atol|alloca|system|popen|tmpnam|mktemp|strtok)\(' 'none' 'unsafe or imprecise: see util/parse.h, util/strv.h'
# The program may be linked dynamically. What these load (name services, locales, providers) they would look for where the process
# is by then: in the container's root, that is, among the image's files.
only '(^|[^_[:alnum:]])(dlm?open|(get|set|end|fget)(pw|gr|sp)(nam|uid|gid|ent)?(_r)?|getgrouplist|initgroups|getaddrinfo|getnameinfo|get(host|net|serv|proto|rpc)by[a-z0-9_]+|getlogin(_r)?|cuserid|wordexp|iconv_open|setlocale|newlocale|dcgettext|backtrace(_symbols)?|pthread_(exit|cancel)|res_(init|query)|EVP_[A-Za-z0-9_]+|OSSL_[A-Za-z0-9_]+|OPENSSL_init_[a-z]+)\(' 'none' 'nothing is loaded late: see HACKING.md'
exit $bad

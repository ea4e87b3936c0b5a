#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# calls.sh TREE: calls that belong to one layer are not used in another (the right-hand column of src/README.md).
set -eu
cd "$1/src"
bad=0

# only PATTERN WHY [PATH...]: fails on lines with PATTERN in .c files outside of the paths, and on a path without such a line.
only() {
	pattern=$1 why=$2
	shift 2
	found=$(grep -rnE --include='*.c' -- "$pattern" . | sed 's|^\./||' | grep -vE '^[^:]+:[0-9]+:[[:space:]]*(/?\*|//)' || true)
	for path; do
		rest=$(printf '%s\n' "$found" | grep -v "^$path" || true)
		if [ "$rest" = "$found" ]; then
			echo "$path: stale in tests/checks/calls.sh: $why"
			bad=1
		fi
		found=$rest
	done
	if [ -n "$found" ]; then
		printf '%s\n' "$found"
		echo "    ^ $why"
		bad=1
	fi
}

only '(^|[^_[:alnum:]])syscall\(' 'system calls without a libc wrapper belong to syscall/' syscall/
only '"config\.json: /' 'who read a document names it: error_at(), error_document()'
only '^[[:space:]]*#[[:space:]]*if' 'the build chooses files, not lines'
only json_object 'JSON is read in one place' json/ spec/ checkpoint/directory.c cli/check.c cli/features.c cli/stats_json.c cli/update.c \
	cli/validate.c install/json_edit.c km/settings_ state/state.c timeline/read.c
only 'json_object_(object_add|array_(add|put_idx|insert_idx)|to_json|deep_copy)' \
	'json-c fails without a word when memory runs out: trees and their texts are made by json/make.h' json/make.c json/parse.c
only '(^|[^_[:alnum:]])json_tokener' 'json-c parses more than JSON, and less when memory runs out: see json/parse.h'
only '(^|[^_[:alnum:]])_?exit\(' 'only the top of a process may end it' cgroup/scope.c cgroup/systemd_call.c check/run.c check/user.c cli/ criu/call.c \
	hooks/run.c init/ km/exceptions_match.c km/probe.c mount/apart.c ns/idmap.c security/seccomp.c syscall/process.c
only 'prctl\(PR_SET_PDEATHSIG, SIGKILL' 'a parent may be gone before the child asks for its signal: sys_die_with_parent()' \
	init/inherit.c syscall/process.c
only '(^|[^_[:alnum:]])(printf|puts|perror)\(' 'only cli/ talks to the user; the rest uses util/log.h' cgroup/systemd_bus.c cli/
only '(^|[^_[:alnum:]])(gets|atoi|atol|alloca|system|popen|tmpnam|mktemp|strtok)\(' \
	'unsafe or imprecise: see util/parse.h, util/strv.h'
# The program may be linked dynamically. These calls load name services, locales or providers from where the process
# is by then: from the container's root, which is the image's files.
only '(^|[^_[:alnum:]])(dlm?open|(get|set|end|fget)(pw|gr|sp)(nam|uid|gid|ent)?(_r)?|getgrouplist|initgroups|getaddrinfo|getnameinfo|get(host|net|serv|proto|rpc)by[a-z0-9_]+|getlogin(_r)?|cuserid|wordexp|iconv_open|setlocale|newlocale|dcgettext|backtrace(_symbols)?|pthread_(exit|cancel)|res_(init|query)|EVP_[A-Za-z0-9_]+|OSSL_[A-Za-z0-9_]+|OPENSSL_init_[a-z]+)\(' 'nothing is loaded late: see HACKING.md'
exit $bad

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
descriptors.py TREE: rules of descriptors that can be read off the calls.

A new descriptor is closed by execve(2), so that no hook, payload or km gets it: each call that makes one has a CLOEXEC flag. What is below
a container's root is opened by syscall/open.h, or with openat2(2) and its RESOLVE flags: no other call gets the root's descriptor and a path.
"""

import os
import re
import sys

import verdict

SOURCE = os.path.join(os.path.abspath(sys.argv[1]), "src")
MAKES = re.compile(r"(?<![\w>.])((?:sys_)?(?:open|openat|socket|socketpair|accept4|pipe2|epoll_create1|inotify_init1|eventfd|signalfd|"
                   r"timerfd_create|fanotify_init|dup3|recvmsg|fopen)|fcntl)\(")
WITHOUT_FLAGS = re.compile(r"(?<![\w>.])(dup|pipe|accept|creat|inotify_init|epoll_create|mkstemp|tmpfile|popen)\(")
# These set the flag themselves; the names are those of the kernel's calls.
SETS_FLAG = re.compile(r"(?<![\w>.])syscall\(SYS_(memfd_create|openat2|open_tree|fsopen|fsmount|fspick)\b")
BELOW_ROOT = re.compile(r"(?<![\w>.])((?:open|mkdir|unlink|symlink|link|mknod|fchmod|fchown|fstat|faccess|readlink|utimens)at|statx)\("
                        r"\s*(?:[\w>.-]*\broot_fd\b|mount_root_fd\()")
# The root_fd of these folders is that of the cgroups and that of the states.
OTHER_ROOTS = ("cgroup/", "state/", "syscall/open.c")
# (file, text in the call, why)
EXCEPTIONS = [
    ("criu/call.c", "F_DUPFD, above", "CRIU gets this end of its socket"),
    ("cli/cli.c", '"/dev/null", O_RDWR', "it becomes one of 0 to 2, which were closed"),
    ("launch/launch.c", '".seccomp"', "the root of the states"),
]


def calls(text, pattern):
    """Yields (line, name, whole call) for each call that matches, without comments."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", lambda found: re.sub(r"[^\n]", " ", found.group()), text, flags=re.S)
    for found in pattern.finditer(text):
        depth, end = 1, found.end()
        while depth and end < len(text):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        yield text.count("\n", 0, found.start()) + 1, found.group(1), re.sub(r"\s+", " ", text[found.start():end])


def needs_flag(name, call):
    return "F_DUPFD" in call if name == "fcntl" else not re.match(r"sys_\w+\((const|int|unsigned) ", call)


def has_flag(name, call, text):
    """Returns whether a call has the flag, also by a constant of its file."""
    constant = re.search(r"\b([A-Z]{4,})\)$", call)
    return ("CLOEXEC" in call or (name == "fopen" and re.search(r'"[rwa]\+?b?e"', call)) or
            (constant and re.search(rf"\b{constant.group(1)} = [^,;]*CLOEXEC", text)))


def look(path, text):
    """Yields (whether it is wrong, line, what, call) for each call that a rule is about."""
    for line, name, call in calls(text, MAKES):
        if needs_flag(name, call):
            yield not has_flag(name, call, text), line, "without CLOEXEC", call
    for line, _, call in calls(text, SETS_FLAG):
        before = text[:text.index(call[:30])].rpartition("\n{")[2] if call[:30] in text else ""
        yield "CLOEXEC" not in before + call, line, "does not set CLOEXEC", call
    if path.endswith(".c"):
        for line, _, call in calls(text, WITHOUT_FLAGS):
            yield True, line, "cannot set CLOEXEC", call
        if not path.startswith(OTHER_ROOTS):
            for line, _, call in calls(text, BELOW_ROOT):
                yield True, line, "what is below a root is opened by syscall/open.h", call


def main():
    bad, seen, used = [], 0, set()
    for top, _, names in os.walk(SOURCE):
        for path in sorted(os.path.relpath(os.path.join(top, name), SOURCE) for name in names if name.endswith((".c", ".h"))):
            with open(os.path.join(SOURCE, path)) as file:
                text = file.read()
            for wrong, line, what, call in look(path, text):
                seen += 1
                rows = [row for row in EXCEPTIONS if row[0] == path and row[1] in call]
                used.update(rows)
                if wrong and not rows:
                    bad.append(f"{path}:{line}: {what}: {call}")
    bad += [f"{row[0]}: stale in tests/checks/descriptors.py: {row[1]}" for row in EXCEPTIONS if row not in used]
    verdict.end(bad, seen, 80, "calls that make a descriptor")


if __name__ == "__main__":
    main()

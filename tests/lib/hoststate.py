# SPDX-License-Identifier: Apache-2.0
"""
Compares what no test may change on its machine: the nodes of /dev, mounts, sysctls, the top of the cgroup tree.

A snapshot is taken before a ring and compared after it. Other programs use the machine at the same time: values that change by
themselves, things that other programs add, and other runs of these tests are ignored.
"""

import fnmatch
import os
import re
import stat
import time

# Values that the kernel counts, chooses at random or adapts to its load, and those of network devices, which come and go.
VOLATILE = (
    "kernel/hung_task_detect_count", "kernel/hung_task_warnings", "fs/aio-nr", "fs/dentry-state", "fs/epoll/*", "fs/file-nr", "fs/inode-nr", "fs/inode-state",
    "fs/binfmt_misc/*", "fs/quota/*",
    "kernel/ns_last_pid", "kernel/perf_event_max_sample_rate", "kernel/perf_cpu_time_max_percent", "kernel/pty/nr", "kernel/random/*",
    "kernel/sched_domain/*", "kernel/tainted", "net/*/conf/*", "net/*/neigh/*", "net/ipv4/tcp_fastopen_key", "net/mptcp/*",
    "net/netfilter/nf_conntrack_count", "vm/stat_refresh", "vm/overcommit_*bytes", "vm/hugetlb_*")
# Exceptions, which people set for the whole machine.
KEPT = ("net/*/conf/all/*", "net/*/conf/default/*", "net/*/neigh/default/*")
# Nodes that come and go, or whose owner a login changes: terminals, loop devices, disks.
OTHERS_NODES = re.compile(r"/dev/(tty\w+|vcs\w*|loop\d+|dm-\d+|mapper/.*|disk/.*|input/.*|snd/.*|nbd\w+)$")
# Nodes that appear with a module of the kernel, which engines load.
MODULES_NODES = re.compile(r"/dev/(net|net/tun|fuse|loop-control|mapper|vhost-\w+|kvm|btrfs-control|ppp|uhid|uinput|cuse|vsock)$")
# Paths where engines and logins of the machine mount for themselves.
OTHERS_MOUNTS = re.compile(r"/(run/(user|netns|docker|containerd|containers|credentials)|var/lib/(docker|containers|containerd)|media)/")
# Cgroups at the top of the tree that only this run (lib/in-own-cgroup) or a test makes; those of krun and of engines may belong
# to other users of these programs on the machine.
OWN_GROUPS = re.compile(rf"krun-tests-{os.getpid()}-|krun-test-")
PATIENCE = 10


def nodes():
    """Returns {path: what it is} of everything in /dev, without the file systems that are mounted below it."""
    found, device = {}, os.lstat("/dev").st_dev
    for folder, names, files in os.walk("/dev"):
        names[:] = [name for name in names if os.lstat(os.path.join(folder, name)).st_dev == device]
        for path in [folder] + [os.path.join(folder, name) for name in files]:
            try:
                status = os.lstat(path)
            except FileNotFoundError:
                continue
            if status.st_dev == device and not OTHERS_NODES.match(path):
                found[path] = f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid} " + \
                    f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    return found


def mounts():
    """Returns {"place id": options and source}; a mount that was removed and made again is another one."""
    found = {}
    with open("/proc/self/mountinfo") as file:
        for line in file:
            fields, _, source = line.partition(" - ")
            number, _, _, root, place, options = fields.split()[:6]
            if not OTHERS_MOUNTS.match(place + "/"):
                # Without the number of the peer group, which has no meaning.
                shared = " ".join(sorted(re.sub(r":\d+", "", word) for word in fields.split()[6:]))
                found[f"{place} ({number})"] = f"{root} {options} {shared} {source.strip()}"
    return found


def is_volatile(name):
    return any(fnmatch.fnmatch(name, pattern) for pattern in VOLATILE) and not any(fnmatch.fnmatch(name, kept) for kept in KEPT)


def sysctls():
    found = {}
    for folder, _, files in os.walk("/proc/sys"):
        for path in (os.path.join(folder, name) for name in files):
            name = path[len("/proc/sys/"):]
            if is_volatile(name):
                continue
            try:
                with open(path, "rb") as file:
                    found[name] = file.read(4096).decode(errors="replace").strip()
            except OSError:
                continue    # for writing only, or its device is gone
    return found


def groups():
    """Returns the cgroups of this run and its tests at the top of every cgroup tree that is mounted."""
    found = {}
    with open("/proc/self/mountinfo") as file:
        tops = [line.split()[4] for line in file if re.search(r" - cgroup2? ", line)]
    for top in tops:
        for name in os.listdir(top) if os.path.isdir(top) else []:
            if OWN_GROUPS.match(name) and os.path.isdir(os.path.join(top, name)):
                found[os.path.join(top, name)] = "a cgroup"
    return found


KINDS = {"node": nodes, "mount": mounts, "sysctl": sysctls, "cgroup": groups}


def snapshot(kinds=tuple(KINDS)):
    return {kind: KINDS[kind]() for kind in kinds}


def changes(before, after):
    """Returns lines of text, one for each difference."""
    found = []
    for kind, old in before.items():
        new = after[kind]
        # Sysctls come and go with modules of the kernel, and the owner of a cgroup that is gone is unknown.
        if kind in ("node", "mount"):
            found += [f"{kind} {name} is gone (was: {old[name]})" for name in sorted(set(old) - set(new))]
        if kind != "sysctl":
            found += [f"{kind} {name} is new: {new[name]}" for name in sorted(set(new) - set(old))
                      if not (kind == "node" and MODULES_NODES.match(name))]
        found += [f"{kind} {name} was: {old[name]}, is: {new[name]}" for name in sorted(set(old) & set(new))
                  if old[name] != new[name]]
    return found


def report_changes(before, name, report, patience=PATIENCE):
    """Adds the test @name, which passes if the machine is as it was @before; mounts and cgroups that are about to go have @patience seconds."""
    started = time.monotonic()
    found = changes(before, snapshot(before))
    while found and time.monotonic() - started < patience:
        time.sleep(0.5)
        found = changes(before, snapshot(before))
    report.add("failed" if found else "passed", name, "\n".join(found[:50]), time.monotonic() - started)

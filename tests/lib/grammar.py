# SPDX-License-Identifier: Apache-2.0
"""
Makes whole config.json documents by the grammar of the specification: good ones, and ones that are good but for one value.

A row has a place, values that are good there, and values at the edge of what is good, some on each side of it. A document has a good value in
some of the rows and one value at an edge, so that a difference between two readers of it is at a known place.
"""

import copy

from krun import CONFIG

MAPPING = {"containerID": 0, "hostID": 100000, "size": 65536}
KILL_MOST = {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"]}
PLACE = "/krun-{id}"


def allow_but(action, name="chmod", **more):
    return {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [name], "action": action, **more}]}


def when(index=0, value=1, op="SCMP_CMP_EQ", **more):
    return {"args": [{"index": index, "value": value, "op": op, **more}]}


# (place, good values, values at the edge). A list of a place that ends in "+" gets the value in addition.
ROWS = (
    ("ociVersion", ["1.0.0", "1.2.1"], ["", "1", "1.0", "2.0.0", "0.9.9", "1.3.0-dev", "x", "1.0.0.0"]),
    ("hostname", ["h"], ["", "h" * 64, "h" * 65, "a b", "\u00e9"]),
    ("domainname", ["d"], ["", "d" * 64, "d" * 65]),
    ("root/path", ["rootfs", "./rootfs/"], ["", "nowhere", "config.json"]),
    ("root/readonly", [True, False], [None, "yes"]),
    ("process/cwd", ["/tmp", "/tmp/../bin"], ["", "tmp", "//", "/.", "/.."]),
    ("process/args", [["/bin/true", "a"], ["true"]], [[], [""], [None], None]),
    ("process/env", [["A=b"], [], ["PATH=/bin"]], [["A"], ["="], ["=a"], [""], ["A=b", "A=c"]]),
    ("process/user", [{"uid": 0, "gid": 0, "umask": 18}, {"uid": 1000, "gid": 1000, "additionalGids": [5]}],
     [{}, {"uid": 2**32 - 1, "gid": 0}, {"uid": 2**32 - 2, "gid": 0}, {"uid": 2**32, "gid": 0}, {"uid": -1, "gid": 0}, {"uid": 0, "gid": 2**32 - 1},
      {"uid": 0, "gid": 0, "umask": 511}, {"uid": 0, "gid": 0, "umask": 512}, {"uid": 0, "gid": 0, "additionalGids": [2**32 - 1]}]),
    ("process/rlimits", [[{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}], []],
     [[{"type": "RLIMIT_CORE", "soft": 2, "hard": 1}], [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}] * 2, [{"type": "core", "soft": 0, "hard": 0}],
      [{"type": "RLIMIT_NICE", "soft": 40, "hard": 41}], [{"type": "RLIMIT_FSIZE", "soft": 2**64 - 1, "hard": 2**64 - 1}],
      [{"type": "RLIMIT_NPROC", "soft": -1, "hard": -1}], [{"type": "RLIMIT_NOFILE", "soft": 0, "hard": 0}], [{"type": "RLIMIT_CPU"}],
      [{"type": "RLIMIT_STACK", "soft": 0, "hard": 0}], [{"type": "RLIMIT_AS", "soft": 1, "hard": 1}]]),
    ("process/capabilities", [{"bounding": ["CAP_KILL"]}, {}, {"bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"], "effective": ["CAP_KILL"]}],
     [{"effective": ["CAP_KILL"]}, {"ambient": ["CAP_KILL"]}, {"ambient": ["CAP_KILL"], "permitted": ["CAP_KILL"]}, {"permitted": ["CAP_KILL"]},
      {"inheritable": ["CAP_KILL"]}, {"bounding": ["CAP_FLY"]}, {"bounding": ["cap_kill"]}, {"bounding": [""]}, {"bounding": [7]}]),
    ("process/noNewPrivileges", [True, False], [1]),
    ("process/oomScoreAdj", [0, 1000], [-1000, -1001, 1001, "1"]),
    ("process/consoleSize", [{"height": 1, "width": 1}], [{}, {"height": 0, "width": 0}, {"height": 65536, "width": 1}, {"height": 1}]),
    ("process/scheduler", [{"policy": "SCHED_OTHER", "nice": 5}, {"policy": "SCHED_BATCH"}],
     [{"policy": "SCHED_OTHER", "nice": 20}, {"policy": "SCHED_OTHER", "priority": 1}, {"policy": "SCHED_X"}, {}, {"policy": "SCHED_FIFO"},
      {"policy": "SCHED_FIFO", "priority": 100}, {"policy": "SCHED_IDLE", "nice": 1}, {"policy": "SCHED_DEADLINE", "runtime": 1},
      {"policy": "SCHED_DEADLINE", "runtime": 5, "deadline": 4, "period": 3}, {"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_X"]},
      {"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_RESET_ON_FORK"]}, {"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_DL_OVERRUN"]},
      {"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_UTIL_CLAMP_MIN"]}]),
    ("process/ioPriority", [{"class": "IOPRIO_CLASS_BE", "priority": 4}],
     [{"class": "IOPRIO_CLASS_IDLE", "priority": 7}, {"class": "IOPRIO_CLASS_BE", "priority": 8}, {"class": "IOPRIO_CLASS_BE"}, {"class": "BE"}]),
    ("process/execCPUAffinity", [{"initial": "0"}, {"final": "0"}], [{}, {"initial": ""}, {"final": "1-0"}, {"final": "8192"}, {"final": "0,"}]),
    ("process/apparmorProfile", [""], [None]),
    ("process/selinuxLabel", [""], [None]),
    ("hooks", [{"poststop": [{"path": "/bin/true"}]}, {"prestart": []}],
     [{"prestart": [{"path": "bin/true"}]}, {"prestart": [{"path": "/bin/true", "timeout": 0}]}, {"prestart": [{"path": "/bin/true", "timeout": -1}]},
      {"createRuntime": [{"path": "/bin/true", "args": []}]}, {"poststart": [{"path": "/bin/true", "env": ["x"]}]}, {"prestart": [{}]},
      {"createContainer": [{"path": "/bin/true", "timeout": 2**31}]}, {"createContainer": [{"path": ""}]}, {"startContainer": [{"path": "/no"}]}]),
    ("annotations", [{"a": "b"}, {"run.oci.mount_context_type": "context"}, {"run.oci.delegate-cgroup": "a"}],
     [{"": "b"}, {"a": 1}, {"run.oci.mount_context_type": "x"}, {"run.oci.delegate-cgroup": ""}, {"run.oci.delegate-cgroup": ".."},
      {"run.oci.delegate-cgroup": "a/../b"}, {"run.oci.delegate-cgroup": "/"}, {"run.oci.delegate-cgroup": "a//b/"},
      {"run.oci.delegate-cgroup": "a" * 256}, {"run.oci.delegate-cgroup": "a/b" * 1500}, {"run.oci.delegate-cgroup": "a\nb"}, {"run.oci.systemd.subgroup": ".."}]),
    ("mounts+", [{"destination": "/tmp", "type": "tmpfs", "source": "t", "options": ["ro", "size=1m"]},
                 {"destination": "/opt", "type": "bind", "source": "/tmp", "options": ["bind", "rslave", "nosuid"]},
                 {"destination": "/opt/../root", "type": "tmpfs", "source": "t"}],
     [{"destination": "/", "type": "tmpfs", "source": "t"}, {"destination": "", "type": "tmpfs", "source": "t"},
      {"destination": "..", "type": "tmpfs", "source": "t"}, {"destination": "/..", "type": "tmpfs", "source": "t"},
      {"destination": "/opt/..", "type": "tmpfs", "source": "t"}, {"destination": "/bin/sh/x", "type": "tmpfs", "source": "t"},
      {"destination": "tmp", "type": "tmpfs", "source": "t"}, {"destination": "/new/one", "type": "tmpfs"}, {"destination": "/opt", "type": ""},
      {"destination": "/opt", "type": "bind"}, {"destination": "/opt", "type": "none", "source": "/tmp"}, {"destination": "/opt", "source": "/tmp"},
      {"destination": "/opt", "type": "tmpfs", "source": "t", "options": ["bind"]}, {"destination": "/opt", "type": "tmpfs", "options": ["remount"]},
      {"destination": "/dev", "type": "tmpfs", "options": ["remount", "ro"]}, {"destination": "/opt", "type": "tmpfs", "options": ["shared", "private"]},
      {"destination": "/opt", "type": "tmpfs", "options": ["ro", "rw"]}, {"destination": "/opt", "type": "tmpfs", "options": [""]},
      {"destination": "/opt", "type": "tmpfs", "options": ["idmap"]}, {"destination": "/opt", "type": "tmpfs", "options": ["relatime", "noatime"]},
      {"destination": "/opt", "source": "/tmp", "options": ["bind", "idmap=uids=0-1-1;gids=0-1-1"]},
      {"destination": "/opt", "source": "/tmp", "options": ["bind", "idmap=uids=0-1"]}, {"destination": "/opt", "source": "/tmp", "options": ["bind", "ridmap"]},
      {"destination": "/opt", "source": "/tmp", "options": ["bind"], "uidMappings": [MAPPING]},
      {"destination": "/opt", "source": "/tmp", "options": ["rbind", "rro", "rrw"]}, {"destination": "/opt", "source": "tmp", "options": ["rbind"]},
      {"destination": "/opt", "source": "/tmp", "options": ["bind", "src-nofollow", "copy-symlink"]}, {"destination": "/opt", "type": "proc", "source": "p"},
      {"destination": "/opt", "type": "cgroup", "source": "c"}, {"destination": "/opt", "type": "cgroup", "source": "c", "options": ["rw"]},
      {"destination": "/opt", "type": "tmpfs", "source": "t", "options": ["tmpcopyup"]}, {"destination": "/o" * 2100, "type": "tmpfs", "source": "t"},
      {"destination": "/opt", "type": "sysfs", "source": "s", "options": ["tmpcopyup"]}, {"destination": "/opt", "type": "tmpfs", "options": ["nosymfollow"]}]),
    ("linux/namespaces+", [{"type": "time"}], [{"type": "pid"}, {"type": "x"}, {"type": "time", "path": ""}, {"type": "time", "path": "/proc/self/ns/time"},
                                               {"type": "time", "path": "/proc/self/ns/net"}, {"type": "time", "path": "/nowhere"}, {},
                                               {"type": "user"}, {"type": "user", "path": "/proc/self/ns/user"}]),
    ("linux/namespaces", [], [[], [{"type": "mount"}], [{"type": "pid"}], None, [{"type": "mount", "path": "/proc/self/ns/mnt"}]]),
    ("linux/uidMappings", [], [[], [MAPPING], [{"containerID": 0, "hostID": 0, "size": 0}]]),
    ("linux/timeOffsets", [], [{"monotonic": {"secs": 1}}, {"boottime": {"secs": 0, "nanosecs": 1}}, {"boottime": {"nanosecs": 10**9}}]),
    ("linux/sysctl", [{"net.ipv4.ip_forward": "1"}, {"kernel.shmmax": "1048576"}],
     [{"kernel.panic": "1"}, {"net": "1"}, {"net.": "1"}, {"": "1"}, {"kernel.hostname": "a"}, {"kernel.domainname": "a"}, {"net/ipv4/ip_forward": "1"},
      {"net.ipv4.conf.lo/5.x": "1"}, {"net.ipv4.../x": "1"}, {"fs.mqueue.msg_max": "10"}, {"user.max_net_namespaces": "1"}, {"kernel.msgmax": 5}]),
    ("linux/devices", [[{"path": "/dev/x", "type": "c", "major": 1, "minor": 3}], []],
     [[{"path": "/", "type": "c", "major": 1, "minor": 3}], [{"path": "dev/x", "type": "c", "major": 1, "minor": 3}], [{"path": "/dev/x", "type": "p"}],
      [{"path": "/dev/null", "type": "c", "major": 1, "minor": 3}], [{"path": "/dev/null", "type": "c", "major": 1, "minor": 5}],
      [{"path": "/dev/x", "type": "c"}], [{"path": "/dev/x", "type": "x", "major": 1, "minor": 3}], [{"path": "/dev/x", "type": "c", "major": -1, "minor": 3}],
      [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": 0o10644}], [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": 0o20644}],
      [{"path": "/dev/x", "type": "c", "major": 1, "minor": 2**20}], [{"path": "/dev/x", "type": "c", "major": 4096, "minor": 0}],
      [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "uid": 2**32 - 1}], [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3}] * 2,
      [{"path": "/dev/a/b", "type": "c", "major": 1, "minor": 3}], [{"path": "/dev", "type": "c", "major": 1, "minor": 3}],
      [{"path": "/bin/sh", "type": "c", "major": 1, "minor": 3}], [{"path": "/dev/../x", "type": "c", "major": 1, "minor": 3}],
      [{"path": "/dev/x/.", "type": "c", "major": 1, "minor": 3}], [{"path": "/proc/x", "type": "c", "major": 1, "minor": 3}],
      [{"path": "/dev/pts/x", "type": "c", "major": 1, "minor": 3}]]),
    ("linux/cgroupsPath", [PLACE, "//krun-{id}/"], ["", "/", ".", "..", PLACE + "/../{id}", PLACE + "/.", "a:b:c", PLACE + ":", PLACE + "\n",
                                                   PLACE + "a" * 240, PLACE + "a" * 256, PLACE + "/a" * 2100]),
    ("linux/resources/pids", [{}, {"limit": 0}], [{"limit": -1}, {"limit": -2}, {"limit": 1}, {"limit": 2**63 - 1}, {"limit": "1"}]),
    ("linux/resources/memory", [{}], [{"limit": -1}, {"limit": 1}, {"limit": 2**63 - 1, "swap": 1}, {"swap": 5}, {"swappiness": 101}, {"kernel": 5},
                                      {"limit": 2**30, "reservation": 2**31}, {"disableOOMKiller": True}, {"useHierarchy": False}]),
    ("linux/resources/cpu", [{}], [{"shares": 1}, {"shares": 2**18 + 1}, {"quota": 999, "period": 1000}, {"quota": 1000, "period": 999}, {"cpus": "x"},
                                   {"cpus": "0"}, {"mems": "9999"}, {"burst": 1}, {"idle": 2}, {"idle": 1, "shares": 5}, {"realtimeRuntime": 1}]),
    ("linux/resources/blockIO", [{}], [{"weight": 9}, {"weight": 1001}, {"leafWeight": 10}, {"throttleReadBpsDevice": [{"major": 8, "minor": 0}]}]),
    ("linux/resources/hugepageLimits", [[]], [[{"pageSize": "2MB", "limit": 0}], [{"pageSize": "2mb", "limit": 0}], [{"pageSize": "3MB", "limit": 0}]]),
    ("linux/resources/rdma", [{}], [{"x": {}}, {"": {"hcaHandles": 1}}, {"x y": {"hcaHandles": 1}}]),
    ("linux/resources/network", [{}], [{"classID": 0}, {"classID": 1}, {"priorities": []}]),
    ("linux/resources/unified", [{}, {"cgroup.max.depth": "5"}],
     [{"": "1"}, {"a": "1"}, {"a/b": "1"}, {"..": "1"}, {"pids.max/": "1"}, {"cgroup.max.depth": ""}, {"cgroup.max.depth": "a\nb"}, {"cgroup.procs": "1"},
      {"cgroup.freeze": "1"}, {"cgroup.type": "threaded"}, {"cgroup.subtree_control": "+pids"}, {"cgroup.kill": "1"}, {"memory.max": "x"}]),
    ("linux/resources/devices", [[{"allow": False}], [{"allow": True, "access": "rwm"}], [{"allow": False}, {"allow": True, "type": "c", "major": 1, "minor": 3}]],
     [[{}], [{"allow": False, "access": ""}], [{"allow": False, "access": "rx"}], [{"allow": False, "access": "rr"}], [{"allow": False, "type": "p"}],
      [{"allow": True, "type": "a", "major": 1}], [{"allow": True, "type": "c", "major": -1, "minor": -1}], [{"allow": True, "type": "c", "major": -2}],
      [{"allow": True, "type": "c", "major": 2**32}], [{"allow": True, "type": "u"}], [{"allow": True, "type": "b", "access": "m"}] * 900]),
    ("linux/rootfsPropagation", ["private", "rslave", ""], ["shared", "rshared", "unbindable", "runbindable", "x", "slave"]),
    ("linux/maskedPaths", [["/proc/kcore"], []], [["kcore"], [""], ["/"], ["/.."], ["/nowhere"], ["/proc/kcore"] * 2, ["/proc"], ["/bin/sh/x"], ["/dev/null"]]),
    ("linux/readonlyPaths", [["/proc/sys"], []], [["sys"], [""], ["/"], ["/.."], ["/nowhere"], ["/proc/sys"] * 2, ["/bin/sh"], ["/bin/sh/x"], ["/dev"]]),
    ("linux/mountLabel", [""], [None, 1]),
    ("linux/personality", [{"domain": "LINUX"}], [{"domain": "LINUX32"}, {"domain": "X"}, {}, {"domain": "LINUX", "flags": []}, {"domain": "LINUX", "flags": ["X"]}]),
    ("linux/intelRdt", [], [{}, {"closID": ""}, {"closID": "a/b"}, {"l3CacheSchema": "x"}]),
    ("linux/netDevices", [{}], [{"": {}}, {"a/b": {}}, {"a" * 16: {}}, {"..": {}}, {"nothere0": {}}, {"nothere0": {"name": "a:b"}}, {"nothere0": {"name": "a b"}},
                                {"nothere0": {"name": "%d%d"}}]),
    ("linux/memoryPolicy", [{"mode": "MPOL_DEFAULT"}], [{}, {"mode": "MPOL_BIND"}, {"mode": "MPOL_BIND", "nodes": ""}, {"mode": "MPOL_BIND", "nodes": "0"},
                                                       {"mode": "MPOL_LOCAL", "nodes": "0"}, {"mode": "MPOL_DEFAULT", "nodes": "0"}, {"mode": "MPOL_X"},
                                                       {"mode": "MPOL_BIND", "nodes": "1024"}, {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_X"]},
                                                       {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"]},
                                                       {"mode": "MPOL_PREFERRED", "flags": ["MPOL_F_STATIC_NODES"]},
                                                       {"mode": "MPOL_INTERLEAVE", "nodes": "0", "flags": ["MPOL_F_NUMA_BALANCING"]}]),
    ("linux/seccomp", [allow_but("SCMP_ACT_ERRNO"), allow_but("SCMP_ACT_LOG", **when()), {"defaultAction": "SCMP_ACT_ALLOW"}],
     [{}, {"defaultAction": ""}, {"defaultAction": "SCMP_ACT_X"}, {"defaultAction": "SCMP_ACT_NOTIFY"}, KILL_MOST, {"defaultAction": "SCMP_ACT_KILL"},
      {"defaultAction": "SCMP_ACT_TRAP"}, {"defaultAction": "SCMP_ACT_LOG", "defaultErrnoRet": 5}, {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 70000},
      {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/x"}, {"defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "x"},
      {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_AARCH64"]}, {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"] * 2},
      {"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_TSYNC"]}, {"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_X"]},
      {"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]},
      allow_but("SCMP_ACT_NOTIFY"), allow_but("SCMP_ACT_ERRNO", errnoRet=4095), allow_but("SCMP_ACT_ERRNO", errnoRet=4096), allow_but("SCMP_ACT_ERRNO", errnoRet=65536),
      allow_but("SCMP_ACT_TRACE", errnoRet=65535), allow_but("SCMP_ACT_LOG", errnoRet=1), allow_but("SCMP_ACT_ERRNO", name="nothing"),
      allow_but("SCMP_ACT_ERRNO", name=""), allow_but("SCMP_ACT_ERRNO", name="execve"), allow_but("SCMP_ACT_KILL_PROCESS", name="capset"),
      allow_but("SCMP_ACT_ALLOW"), allow_but("SCMP_ACT_X"), allow_but("SCMP_ACT_ERRNO", **when(index=6)), allow_but("SCMP_ACT_ERRNO", **when(op="EQ")),
      allow_but("SCMP_ACT_ERRNO", **when(index=5, value=2**64 - 1, op="SCMP_CMP_GT")), allow_but("SCMP_ACT_ERRNO", args=when()["args"] * 7),
      allow_but("SCMP_ACT_ERRNO", **when(op="SCMP_CMP_MASKED_EQ", value=0, valueTwo=1)), allow_but("SCMP_ACT_ERRNO", **when(value=-1))]),
    ("vm", [], [{}, {"hypervisor": {"path": ""}}, {"kernel": {"path": "/x"}}]),
    ("process", [], [None]),
    ("root", [], [None, {}]),
    ("linux", [], [None, {}]),
)


def put(config, place, value, identity):
    """Sets what is at @place ("a/b"; "a/b+": one more element of a list). None removes it."""
    if isinstance(value, str):
        value = value.replace("{id}", identity)
    *above, last = place.rstrip("+").split("/")
    for key in above:
        config = config.get(key)
        if not isinstance(config, dict):
            return      # a row before has removed what is above
    if place.endswith("+"):
        config[last] = [*(config.get(last) or []), copy.deepcopy(value)]
    elif value is None:
        config.pop(last, None)
    else:
        config[last] = copy.deepcopy(value)


def edges():
    """Returns every (place, value) at an edge."""
    return [(place, value) for place, _, values in ROWS for value in values]


def document(dice, edge, identity):
    """Returns a config.json with good values that @dice (a random.Random) chooses, and the (place, value) @edge."""
    config = copy.deepcopy(CONFIG)
    config["linux"]["cgroupsPath"] = PLACE.replace("{id}", identity)
    for place, good, _ in ROWS:
        if good and place != edge[0].rstrip("+") and dice.random() < 0.15:
            put(config, place, dice.choice(good), identity)
    put(config, *edge, identity)
    return config

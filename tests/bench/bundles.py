# SPDX-License-Identifier: Apache-2.0
"""
The bundles of contrib/bench: what `krun spec` writes, with one thing changed in each.

All runtimes use the same ones. They have no linux.resources, but for the cases that are about them, and ociVersion 1.0.2, because
Debian's crun knows no newer one.
"""

import copy
import json
import os
import subprocess

import krun

DOCKER_PROFILE = os.path.join(krun.SOURCE, "tests", "bundle", "docker-default-seccomp.json")
MOUNTS_MAX, MASKED_MAX = 2000, 1000
LONG = ["/bin/sleep", "100000"]


def with_seccomp(config):
    with open(DOCKER_PROFILE) as file:
        config["linux"]["seccomp"] = json.load(file)


def with_long(config):
    config["process"]["args"] = LONG


def with_few_namespaces(config):
    """A network namespace takes the kernel so long to make and to remove that a thousand of them take minutes."""
    config["linux"]["namespaces"] = [{"type": kind} for kind in ("pid", "mount", "cgroup")]
    config.pop("hostname")
    config["mounts"] = [mount for mount in config["mounts"] if mount["type"] not in ("mqueue", "sysfs")]


def with_mounts(config, count, source=None):
    """
    With a directory beside the root as source, as volumes of engines are. Without the limit of 1024 descriptors, which crun sets before it
    mounts, with a descriptor for each mount.
    """
    config["process"].pop("rlimits", None)
    source = source or os.path.join(os.path.dirname(config["root"]["path"]), "source")
    config["mounts"] += [{"destination": f"/mounts/{number}", "type": "bind", "source": source, "options": ["bind", "ro"]}
                         for number in range(count)]


def with_mounts_inside(config, count):
    """With a source in the root, which is looked up when all mounts before are made."""
    with_mounts(config, count, os.path.join(config["root"]["path"], "tmp"))


def with_environment(config, count):
    config["process"]["env"] += [f"BENCH_VARIABLE_{number}=value-{number}" for number in range(count)]


def with_devices(config, count):
    """Each rule for a device of its own, so that none makes another one superfluous."""
    rules = [{"allow": True, "type": "c", "major": 300 + number // 256, "minor": number % 256, "access": "rwm"} for number in range(count)]
    config["linux"]["resources"] = {"devices": [{"allow": False, "access": "rwm"}, *rules]}


def with_masked(config, count):
    config["linux"]["maskedPaths"] += [f"/masked/{number}" for number in range(count)]


def with_memory(config, kib):
    config["linux"]["resources"] = {"memory": {"limit": kib * 1024}}


def with_systemd(config, name):
    config["linux"]["cgroupsPath"] = f"system.slice:krun-bench:{name}"


class Bundles:
    """Makes bundles in @top, with one root file system for all."""

    def __init__(self, top, program):
        self.top = top
        self.rootfs = os.path.join(top, "rootfs")
        krun.make_rootfs(self.rootfs)
        os.mkdir(os.path.join(top, "source"))
        for number in range(MOUNTS_MAX):
            os.makedirs(f"{self.rootfs}/mounts/{number}")
        os.mkdir(f"{self.rootfs}/masked")
        for number in range(MASKED_MAX):
            with open(f"{self.rootfs}/masked/{number}", "w"):
                pass
        subprocess.run([program, "spec", "--bundle", top], check=True)
        with open(os.path.join(top, "config.json")) as file:
            self.config = json.load(file)
        self.config["ociVersion"] = "1.0.2"
        self.config["process"].update(args=["/bin/true"], terminal=False)
        self.config["root"] = {"path": self.rootfs, "readonly": False}
        self.config["linux"].pop("resources", None)

    def make(self, name, *changes):
        """Returns the path of the bundle @name. A change is (function of the config, more arguments...)."""
        path = os.path.join(self.top, name)
        if os.path.exists(path):
            return path
        config = copy.deepcopy(self.config)
        for function, *arguments in changes:
            function(config, *arguments)
        os.mkdir(path)
        with open(os.path.join(path, "config.json"), "w") as file:
            json.dump(config, file)
        return path

# SPDX-License-Identifier: Apache-2.0
"""
A run of contrib/bench in a machine of the vm ring: another Debian's peers and kernel, systemd, and all controllers of cgroup v2.

The machine is emulated. Its times are many times as long as those of a real one, and compare with each other only.
"""

import os
import shutil
import subprocess
import tempfile

import machine
from bench.results import Results

# The shared directory is slow, and no file system for containers.
SCRIPT = """
tar -C /root -xf /mnt/share/krun.tar && cd /root/krun && tests/vm/hold-static-keys || exit
systemctl stop docker.socket podman.socket 2>/dev/null
exec contrib/bench --build build --json /mnt/share/results.json "$@"
"""
FOLDERS = ("bench", "bundle", "kmsim", "lib", "vm")
PROGRAM_FOLDERS = ("src", "tests/bench", "tests/kmsim")


class NoMachine(Exception):
    """Why there is none."""


def fill(share, build):
    """Puts the tests and the programs of this build into the directory that is shared with the machine."""
    tree = os.path.join(share, "krun")
    for name in FOLDERS:
        shutil.copytree(os.path.join(machine.TESTS, name), os.path.join(tree, "tests", name), ignore=shutil.ignore_patterns("__pycache__"))
    os.mkdir(os.path.join(tree, "contrib"))
    shutil.copy(os.path.join(os.path.dirname(machine.TESTS), "contrib", "bench"), os.path.join(tree, "contrib"))
    for name in PROGRAM_FOLDERS:
        os.makedirs(os.path.join(tree, "build", name))
        for file in os.scandir(os.path.join(build, name)):
            if file.is_file() and os.access(file.path, os.X_OK):
                shutil.copy(file.path, os.path.join(tree, "build", name), follow_symlinks=False)
    subprocess.run(["tar", "-C", share, "-cf", os.path.join(share, "krun.tar"), "krun"], check=True)
    shutil.rmtree(tree)


def measure(suite, build, words):
    """Runs contrib/bench with the options @words in a machine of Debian's @suite, and prints what that prints; returns its results."""
    if dynamic := machine.dynamic_programs(build):
        raise NoMachine(f"not linked statically (-Dstatic=true): {' '.join(dynamic)}")
    image = os.path.join(os.environ.get("KRUN_VM", os.path.join(os.path.dirname(machine.TESTS), "build", "vm")), suite)
    if subprocess.run([os.path.join(machine.TESTS, "vm", "build-image"), image, suite], check=False).returncode:
        raise NoMachine("its image could not be made, see above")
    with tempfile.TemporaryDirectory(prefix="bench.", dir=image) as top:
        fill(top, build)
        # What the machine itself prints is printed again, from its results.
        done = subprocess.run([os.path.join(machine.TESTS, "vm", "run-in-vm"), image, "--timeout", "0", "--share", top, "--",
                               "sh", "-c", SCRIPT, "bench", *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
        path = os.path.join(top, "results.json")
        if not os.path.exists(path):
            raise NoMachine(f"there are no results from it, status {done.returncode}")
        return Results.load(path)

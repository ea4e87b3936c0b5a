# SPDX-License-Identifier: Apache-2.0
"""Where programs of contrib/ run containers: in a cgroup of their own, which looks like the whole tree of cgroup v2."""

import contextlib
import subprocess

import krun

PROGRAM = f"{krun.SOURCE}/tests/lib/in-own-cgroup"
MOUNT = '[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || mount -t cgroup2 none /sys/fs/cgroup; exec "$@"'


@contextlib.contextmanager
def own_cgroup(name, *inner):
    """Yields the words in front of a command that run it there, behind those of @inner; removes the cgroup in the end."""
    try:
        yield [PROGRAM, name, *inner, "sh", "-c", MOUNT, "sh"]
    finally:
        subprocess.run([PROGRAM, "--remove", name], check=False)

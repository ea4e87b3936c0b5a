# SPDX-License-Identifier: Apache-2.0
"""
Every allocation of every command fails in turn: the command fails with one line and leaves nothing, or has done all of its work.

What the C library allocates before it runs constructors is left out: it ends a static program with status 127.
"""

import os
import shutil

import sample
from faults import COMMANDS, Command, FaultTest, add_tests
from krun import BUILD, PROGRAMS

QUICK = 8      # allocations of a command
PROGRAM = os.path.join(BUILD, "tests", "faults", "tools", "krun-alloc")
# A child goes on with its parent's number, and makes fewer allocations than this.
CHILD = 100

# Commands that make few system calls of their own, and options that are worth some allocations.
MORE = [
    Command("validate_json", "validate", "--format", "json", "--bundle", "{bundle}", says=r"^\[\s*\]\n$"),
    Command("exec_options", "exec", "--cwd", "/tmp", "--env", "A=b", "--user", "1:2", "--cap", "CAP_KILL", "{id}", "/bin/sh", "-c",
            "echo ex''ecuted", before="running", after="running", says="executed"),
    Command("list_json", "list", "--format", "json", before="running", after="running", says='"id": *"{id}"'),
]


class MemoryAnywhere(FaultTest):
    def setUp(self):
        if not os.path.exists(PROGRAM):
            self.skipTest("only of a static krun: allocations of shared libraries cannot be wrapped")
        super().setUp()
        self.program = os.path.join(self.top, os.path.basename(PROGRAMS[self.mode]))
        shutil.copy(PROGRAM, self.program)

    def fail_anywhere(self, command):
        count = os.path.join(self.top, "count")
        self.fault_environment = {"KRUN_COUNT_ALLOCATIONS": count}
        self.places(command)
        with open(count) as file:
            last = int(file.read().split()[0])
        faults, failed = [], 0
        cases = sample.pick(range(1, last + 1), QUICK, f"memory {command.name}")
        cases += sample.pick(range(last + 1, last + CHILD), QUICK // 4, f"memory of a child of {command.name}")
        for case in cases:
            where = f"{command.name}: allocation {case}"
            self.prepare(command)
            self.fault_environment = {"KRUN_FAIL_ALLOCATION": str(case), "KRUN_COUNT_ALLOCATIONS": count}
            os.unlink(count)
            status, said, complaint = self.inject(command, "list")
            with open(count) as file:
                failed += int(file.read().split()[1])
            self.judge(faults, where, command, status, said, complaint)
            self.remove(where)
        # Those of a child are not counted, and what the command allocates may depend on how long it waits.
        self.assertGreaterEqual(failed, QUICK // 2, "allocations that failed")
        self.assertFalse(faults, "\n".join(faults))


class Memory(MemoryAnywhere):
    variants = ("plain", "km")


class MemoryKm(MemoryAnywhere):
    mode = "km"


# CRIU and km make and read a checkpoint themselves; those commands are left to the tests of system calls.
ROWS = [command for command in COMMANDS if command.words[0] not in ("checkpoint", "restore")] + MORE
add_tests(Memory, Memory.fail_anywhere, rows=ROWS)
add_tests(MemoryKm, MemoryKm.fail_anywhere, only_km=True, rows=ROWS)

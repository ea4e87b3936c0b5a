# SPDX-License-Identifier: Apache-2.0
"""
A kernel, or a filter around krun, without the newer system calls, each by itself and all together. krun has no other way for most of
them, and must not find a weaker one: every case of this ring goes as before, or ends with an error that names the call.
"""

import os
import unittest

import jobs
from hostile import BothModes, Refused
from sample import pick

ROWS = (
    ("Life.test_each_call", "create, start, exec, kill and delete without one of the newer calls", "as before, or an error that names it",
     "CWE-636"),
    ("Life.test_no_call", "the same without all of them", "an error that names one, and nothing is left", "CWE-636"),
    ("Life.test_payload", "a profile under which the payload has none of them", "it runs as before", "CWE-636"),
    ("Ring.test_each_call", "every attack of this ring without one of the newer calls", "as before, or an error that names it", "CWE-636"),
    ("Ring.test_no_call", "every attack of this ring without all of them", "an error that names one, and nothing is left", "CWE-636"),
)

CALLS = ("clone3", "close_range", "faccessat2", "fsconfig", "fsmount", "fsopen", "mount_setattr", "move_mount", "open_tree", "openat2",
         "pidfd_getfd", "pidfd_open", "pidfd_send_signal")
# Those without which there is no container.
VITAL = {"clone3", "close_range", "fsconfig", "fsmount", "fsopen", "mount_setattr", "move_mount", "open_tree", "openat2"}
# How many attacks a run goes through for each call that takes a sample.
QUICK = 4
ERRNO_ENOSYS = 38


class Life(BothModes):
    def act(self, missing, act):
        """Does one thing without the calls; if krun refuses it, with them. Returns whether it was refused."""
        self.forget_refusals()
        self.missing = missing
        try:
            act()
            return False
        except Refused:
            self.missing = ()
            self.forget_refusals()
            act()
            return True
        finally:
            self.missing = ()

    def live(self, missing):
        """Returns which commands were refused."""
        self.write_config(args=["/bin/sleep", "1000"])
        refused = {}
        for name, act in (("create", self.create), ("start", lambda: self.ok("start", self.cid)),
                          ("exec", lambda: self.assertEqual(self.ok("exec", self.cid, "echo", "inside").out, "inside\n")),
                          ("kill", lambda: self.ok("kill", self.cid, "KILL"))):
            refused[name] = self.act(missing, act)
        self.wait_stopped()
        refused["delete"] = self.act(missing, lambda: self.ok("delete", self.cid))
        self.assertFalse(os.path.exists(f"{self.root}/{self.cid}"))
        return refused

    def test_each_call(self):
        found = {call: self.live((call,)) for call in CALLS}
        vital = VITAL | ({"pidfd_open"} if self.mode == "km" else set())
        self.assertEqual({call for call, refused in found.items() if refused["create"]}, vital, found)
        # openat2(2) opens the cgroup, whose path another user's state may have.
        self.assertEqual({call for call, refused in found.items() if refused["kill"]}, {"openat2", "pidfd_open", "pidfd_send_signal"},
                         found)
        self.assertEqual({call for call, refused in found.items() if refused["delete"]}, set(), found)

    def test_no_call(self):
        refused = self.live(CALLS)
        for name in ("create", "exec", "kill"):
            self.assertTrue(refused[name], f"{name} has come to its end")

    def test_payload(self):
        self.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
            {"names": list(CALLS), "action": "SCMP_ACT_ERRNO", "errnoRet": ERRNO_ENOSYS}]}
        self.start("echo READY; exec sleep 1000")
        self.assertEqual(self.ok("exec", self.cid, "echo", "inside").out, "inside\n")


class Failures(unittest.TestResult):
    """Collects why cases failed; one that krun refused has not, nor one that the machine cannot run."""

    def __init__(self):
        super().__init__()
        self.texts = []
        self.refused = 0

    def addSkip(self, test, reason):
        self.refused += "(ENOSYS)" in reason

    def addFailure(self, test, err):
        super().addFailure(test, err)
        text = self.failures[-1][1]
        # A test that starts krun by itself, also in a chroot, waits in vain for the rest, or shows what krun said.
        if test.refused_line or "or newer (ENOSYS)" in text:
            self.refused += 1
        else:
            self.texts.append(f"{test.id()}: {text}")

    addError = addFailure


def cases_of(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from cases_of(item)
        else:
            yield item


class Ring(unittest.TestCase):
    def attack(self, missing, quick=QUICK):
        """Runs attacks of the other files without the calls. Returns how many of them krun refused."""
        others = [name for name in (file[:-3] for file in sorted(os.listdir(os.path.dirname(__file__)))) if name.startswith("test_")
                  and name != __name__]
        cases = [case for suite in jobs.suites("hostile", "", others).values() for case in cases_of(suite)]
        result = Failures()
        for case in pick(cases, quick, f"without {missing}"):
            case.missing = missing
            case.run(result)
        self.assertEqual(result.texts, [], f"without {missing}:\n" + "\n".join(result.texts))
        return result.refused

    def test_each_call(self):
        refused = {call: self.attack((call,)) for call in CALLS}
        self.assertGreater(refused["openat2"], 0, refused)

    def test_no_call(self):
        self.assertGreater(self.attack(CALLS, 2 * QUICK), 0, "attacks that krun refused")

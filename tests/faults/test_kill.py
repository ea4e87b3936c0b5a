# SPDX-License-Identifier: Apache-2.0
"""
Every command is killed after each of its system calls, and so is each of its children: the command that waits for a child that was
killed ends with an error or has done its work, and `delete --force` removes what is left.
"""

import subprocess

import sample
from faults import FaultTest, add_tests
from krun import require_systemd_manager

QUICK = 8      # places of a command


class KillAnywhere(FaultTest):
    def may_be_done(self, command, place, places):
        """
        Whether all that the command waits for may have come before the kill: the program, or the last word of a created container,
        that it is ready. `start` is not the parent of the process: if somebody else has reaped it already, its last word, that it
        executes the program, has to do without km (launch/converse.c); with km the process in front of it tells. @places: all of the
        command, in their order.
        """
        words = [number for number, other in enumerate(places) if (other.process, other.call) == (place.process, "sendmsg")]
        if command.after == "created" or (command.name == "start" and self.mode == "plain"):
            return bool(words) and places.index(place) >= words[-1]
        return command.after == "running" and place.call in ("execve", "execveat")

    def kill_anywhere(self, command):
        reached, faults = 0, []
        places = self.places(command)
        tried = sample.pick(places, QUICK, f"kill {command.name}")
        for place in tried:
            where = f"{command.name} killed after {place}"
            self.prepare(command)
            status, said, complaint = self.inject(command, "kill", str(place))
            with open(self.report) as file:
                reached += bool(file.read())
            if place.process == "0":
                self.assertIn(status, (137, 0), f"{where}: {said} {complaint}")
            elif status in (0, 137) and command.name.startswith("exec"):
                # The killed process was the program, or the one in front of km, and had begun.
                self.assertEqual((complaint, self.status()), ("", "running"), where)
            elif status == 0 and self.may_be_done(command, place, places) and self.status() == "stopped":
                # The killed process was the container's.
                self.assertEqual(complaint, "", where)
            else:
                self.judge(faults, where, command, status, said, complaint)
            self.remove(where)
        self.check_reached(reached, tried)
        self.assertFalse(faults, "\n".join(faults))


class Kill(KillAnywhere):
    variants = ("plain", "km")


class KillKm(KillAnywhere):
    mode = "km"


class KillSystemd(KillAnywhere):
    """The same with a scope of systemd, of which nothing may be left, either."""

    @classmethod
    def setUpClass(cls):
        require_systemd_manager()

    def setUp(self):
        super().setUp()
        self.host_options = ["--systemd-cgroup"]
        self.config["linux"]["cgroupsPath"] = f"system.slice:krunt:{self.cid}"

    def remove(self, where):
        super().remove(where)
        units = subprocess.run(["systemctl", "list-units", "--all", "--plain", "--no-legend", f"*{self.cid}*"], capture_output=True,
                               check=True).stdout
        self.assertEqual(units, b"", where)


add_tests(Kill, Kill.kill_anywhere)
add_tests(KillKm, KillKm.kill_anywhere, only_km=True)
add_tests(KillSystemd, KillSystemd.kill_anywhere, names=("create", "start", "exec", "delete", "delete_force"))

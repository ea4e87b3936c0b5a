# SPDX-License-Identifier: Apache-2.0
"""Snapshots that a payload has written, which `checkpoint` reads as root; kmsim puts them in the place of its own."""

import os
import stat
import struct

from hostile import HostileTest, as_descriptor_3

ROWS = (
    ("Snapshot.test_notes_that_grow", "thousands of notes of one descriptor, whose name becomes longer",
     "an image or an error; no memory is overrun", "CWE-787"),
    ("Snapshot.test_sizes_of_notes", "notes with sizes near the ends of their types", "an image or an error", "CWE-190"),
    ("Snapshot.test_numbers_of_descriptors", "notes of descriptors that cannot be", "an image or an error", "CWE-129"),
    ("Snapshot.test_names_without_an_end", "a note whose name does not end", "an image or an error", "CWE-125"),
    ("Snapshot.test_segments", "segments that are outside of the file, or more than there are", "an error", "CWE-125"),
    ("Snapshot.test_files_that_are_no_snapshots", "files that are no snapshots", "an error", "CWE-20"),
)
FILE_NOTE, EVENT_NOTE, CORE, X86_64, PT_NOTE = 0x4b4d4644, 0x4b4d4556, 4, 62, 4


def note(content, kind=FILE_NOTE, owner=b"KMSP", owner_size=None, content_size=None):
    data = struct.pack("<III", len(owner) if owner_size is None else owner_size,
                       len(content) if content_size is None else content_size, kind) + owner + content
    return data + b"\0" * (-len(data) % 4)


def file_note(fd, name=b"x\0\0\0", mode=stat.S_IFREG | 0o644, size=40, **more):
    return note(struct.pack("<IIIIIIQII", size, fd & 0xffffffff, 0, 0, mode, 0, 0, 0, 0) + name, **more)


def snapshot(notes, offset=None, size=None, headers=1, header_offset=64):
    """Makes a core file with one segment of notes; the arguments replace the true values."""
    start = 64 + 56
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", CORE, X86_64, 1, 0, header_offset, 0,
                                                                     0, 64, 56, headers, 0, 0, 0)
    part = struct.pack("<IIQQQQQQ", PT_NOTE, 0, start if offset is None else offset, 0, 0,
                       len(notes) if size is None else size, 0, 4)
    return header + part + notes


class Snapshot(HostileTest):
    mode = "km"

    def start_payload(self):
        # The name is as long as a path can be, which makes one note many times as long.
        deep = self.top + ("/" + "d" * 200) * 15
        os.makedirs(deep)
        mine = os.open(deep, os.O_RDONLY | os.O_DIRECTORY)
        self.addCleanup(os.close, mine)
        self.shell("echo READY; exec sleep 1000", env=["PATH=/bin", "KMSIM_SNAPSHOT=planted"])
        with open(self.log, "wb") as log:
            result = self.krun("create", "--bundle", self.bundle, "--preserve-fds", "1", self.cid, stdout=log, stderr=log,
                               **as_descriptor_3(mine))
        self.assertEqual(result.status, 0, self.logged())
        self.ok("start", self.cid)
        pid = self.state()["pid"]
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            monitor = int(file.read().split()[0])
        self.assertGreater(len(os.readlink(f"/proc/{monitor}/fd/3")), 3000, "km has the descriptor with the long name")

    def attack(self, *snapshots):
        self.start_payload()
        for number, content in enumerate(snapshots):
            with open(f"{self.rootfs}/tmp/.kmsim-planted", "wb") as file:
                file.write(content)
            result = self.krun("checkpoint", "--leave-running", "--image-path", f"{self.top}/image{number}", self.cid,
                               timeout=30)
            self.assertNotIn("AddressSanitizer", result.err)
            self.assertIn(result.status, (0, 1), f"checkpoint of snapshot {number} died: {result}")
            if result.status:
                self.assertTrue(result.err.startswith("krun: "), result)

    def test_notes_that_grow(self):
        self.attack(snapshot(file_note(3) * 40000), snapshot(file_note(3) * 3), snapshot((file_note(3) + file_note(4)) * 100))

    def test_sizes_of_notes(self):
        ends = (0, 1, 3, 39, 40, 41, 0x7fffffff, 0xfffffffc, 0xffffffff)
        self.attack(*[snapshot(file_note(3, owner_size=size) * 2) for size in ends],
                    *[snapshot(file_note(3, content_size=size) * 2) for size in ends],
                    *[snapshot(file_note(3, size=size) * 2) for size in ends])

    def test_numbers_of_descriptors(self):
        self.attack(*[snapshot(file_note(number) * 3) for number in (726, 727, 1023, 1024, 65536, 0x7fffffff, -1, -2147483648)],
                    snapshot(b"".join(file_note(number) for number in range(3000))),
                    snapshot(note(struct.pack("<II", 8, 5), EVENT_NOTE) * 3000))

    def test_names_without_an_end(self):
        self.attack(snapshot(file_note(3, b"xxxx")), snapshot(file_note(3, b"/" * 100000)), snapshot(file_note(3, b"")),
                    snapshot(file_note(3, b"x" * 70000 + b"\0")))

    def test_segments(self):
        notes = file_note(3)
        self.attack(snapshot(notes, offset=1 << 40), snapshot(notes, offset=(1 << 64) - 16), snapshot(notes, size=1 << 40),
                    snapshot(notes, size=(1 << 64) - 8), snapshot(notes, headers=65535), snapshot(notes, headers=0),
                    snapshot(notes, header_offset=1 << 40), snapshot(notes, header_offset=(1 << 64) - 56),
                    snapshot(notes, offset=(1 << 64) - 64, size=64))

    def test_files_that_are_no_snapshots(self):
        self.attack(b"", b"\x7fELF", snapshot(b"")[:80], bytes(4096), b"\xff" * 4096)

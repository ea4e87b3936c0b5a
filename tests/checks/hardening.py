#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
hardening.py TREE PROGRAM ARCHIVE WORD...: the built program has what meson.build hardens it with. ARCHIVE is a library of src/, because the
program's own symbols do not tell krun's code from the C library's. Words: "fortified", a build for which the C library checks sizes (musl
checks none); "static", one whose program needs no loader; "runs", one that this machine can run by itself.
"""

import os
import re
import subprocess
import sys
import tempfile
import time

import verdict


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout


def of_program(path, words):
    """Yields (what, whether it is so) from the program's headers."""
    text = run("readelf", "--wide", "--file-header", "--segments", "--dynamic", path)
    segments = re.findall(r"^ +([A-Z_]+) +(?:0x[0-9a-f]+ +){5}([RWE ]{3}) ", text, re.M)
    yield "segments can be read", len(segments) > 4
    yield "position independent", re.search(r"^ +Type: +DYN ", text, re.M) and re.search(r"\(FLAGS_1\).*\bPIE\b", text)
    yield "tables read-only after relocation (relro)", any(name == "GNU_RELRO" for name, _ in segments)
    yield "all of them relocated at start (now)", re.search(r"\(FLAGS_1\).*\bNOW\b", text)
    yield "no executable stack", [flags for name, flags in segments if name == "GNU_STACK"] == ["RW "]
    yield "nothing both writable and executable", not any("W" in flags and "E" in flags for _, flags in segments)
    yield "no relocations of code", "(TEXTREL)" not in text
    yield "no search path for libraries", "(RPATH)" not in text and "(RUNPATH)" not in text
    if "static" in words:
        yield "no loader", not any(name == "INTERP" for name, _ in segments)


def writable(pid, path, start, size):
    """Returns whether the process can write there in the program's file, which is mapped from its beginning on. None: it is not mapped."""
    base, found = None, None
    with open(f"/proc/{pid}/maps") as file:
        for begin, end, rights, name in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)$", file.read(), re.M):
            if name != path:
                continue
            base = int(begin, 16) if base is None else base
            if base + start < int(end, 16) and base + start + size > int(begin, 16):
                found = bool(found) or "w" in rights
    return found


def of_process(path):
    """Yields the same from a process of it, which waits for its config.json."""
    path = os.path.realpath(path)
    page = os.sysconf("SC_PAGESIZE")
    text = run("readelf", "--wide", "--segments", path)
    start, size = (int(word, 16) for word in re.search(r"^ +GNU_RELRO +\S+ +(\S+) +\S+ +\S+ +(\S+) ", text, re.M).groups())
    # The kernel protects whole pages.
    start, size = start // page * page, (start + size) // page * page - start // page * page
    with tempfile.TemporaryDirectory() as bundle:
        os.mkfifo(f"{bundle}/config.json")
        with subprocess.Popen([path, "validate", "--bundle", bundle], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + 20
            while writable(process.pid, path, start, size) is not False and time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.02)
            yield "tables are read-only in a process", process.poll() is None and writable(process.pid, path, start, size) is False
            process.kill()


def of_code(path, words):
    """Yields (what, whether it is so) from the objects of krun itself."""
    machine = re.search(r"^ +Machine: +(.+)$", run("readelf", "--file-header", path), re.M).group(1)
    symbols = run("nm", "--undefined-only", path)
    notes = run("readelf", "--wide", "--notes", path)
    yield "stack protector", re.search(r" __stack_chk_fail$", symbols, re.M)
    if "fortified" in words:
        yield "sizes checked by the C library (_FORTIFY_SOURCE)", re.search(r" __v?snprintf_chk$", symbols, re.M)
    if "X86-64" in machine:
        yield "branch targets and shadow stack (CET)", notes.count("x86 feature: IBT, SHSTK") == symbols.count(".o:\n")
        # A frame of more than a page touches each page of it. The compilers do this by instructions that they use for nothing else.
        yield "stack probes (stack clash)", re.search(r"(or|mov)[lqb] +\$0x0,(0x[0-9a-f]+)?\(%rsp\)", run("objdump", "-d", path))
    if "AArch64" in machine:
        yield "branch targets and signed return addresses (BTI, PAC)", notes.count("AArch64 feature: BTI, PAC") == symbols.count(".o:\n")


def main():
    program, archive, words = sys.argv[2], sys.argv[3], sys.argv[4:]
    facts = [(program, *fact) for fact in of_program(program, words)] + [(archive, *fact) for fact in of_code(archive, words)]
    # A program for another processor cannot be run.
    if "runs" in words:
        facts += [(program, *fact) for fact in of_process(program)]
    verdict.end([f"{path}: not so: {what}" for path, what, so in facts if not so], len(facts), 10, "facts")


if __name__ == "__main__":
    main()

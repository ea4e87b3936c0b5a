# SPDX-License-Identifier: Apache-2.0
"""
Sessions at a terminal that pages show, typed literally: what stands behind a prompt is typed, and what stands below it has to be printed.

In a page, a number stands for any number, blanks for any blanks, "..." for anything in a line, and a line that is "..." alone for any
lines. A command below which the page shows nothing may print what it likes. Each prompt has to be the one that really comes.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

# Of a shell in a container, and of root's and a user's on the host.
PROMPTS = ("/ # ", "# ", "$ ")
# The same, as a busybox shows it that calls the user's home "~": Debian 13.
HOME_PROMPT = "~ # "
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def steps(block):
    """Cuts a transcript into (prompt, what is typed, lines that are printed). A command may go on after a backslash."""
    found = []
    for line in block.splitlines():
        if found and found[-1][1].endswith("\\"):
            found[-1][1] = found[-1][1][:-1] + line.lstrip()
            continue
        prompt = next((prompt for prompt in PROMPTS if line.startswith(prompt)), None)
        if prompt:
            found.append([prompt, line[len(prompt):], []])
        elif found:
            found[-1][2].append(line)
        else:
            raise AssertionError(f"the transcript begins without a prompt: {line!r}")
    return found


def blocks_of_readme(path, section):
    """Returns the ```console blocks of a section, which is named with its #."""
    with open(path) as file:
        text = file.read()
    found = re.search(rf"^{re.escape(section)}\n(.*?)(?=^{'#' * (len(section) - len(section.lstrip('#')))} |^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return re.findall(r"^```console\n(.*?)^```", found.group(1), re.MULTILINE | re.DOTALL)


def expression(lines):
    """Returns a regular expression for the lines of a page."""
    text = ""
    for line in lines:
        if line == "...":
            text += r"(?:.*\n)*?"
            continue
        for part in re.split(r"(\d+|\s+|\.\.\.)", line):
            text += (r"\d+" if part.isdigit() else r"[ \t]+" if part.isspace() else ".*" if part == "..." else re.escape(part)) if part else ""
        text += r"[ \t]*\n"
    return text


class Terminal:
    """
    An interactive sh with this prompt at a terminal of 40 lines of 200 columns, behind the words of a command in front of it; close() ends it
    and everything that it has started there. A command may take @seconds.
    """

    def __init__(self, folder, environment, host="# ", front=(), seconds=60):
        self.host, self.seconds = host, seconds
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(folder)
                os.execvpe((*front, "sh")[0], [*front, "sh", "-i"], dict(environment, PS1=host, PS2="> ", ENV="", TERM="dumb"))
            finally:
                os._exit(127)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
        self.prompt = None
        self.read("")

    def read(self, typed):
        """Waits for a prompt, and returns what was printed between the echo of @typed and that prompt."""
        data = b""
        deadline = time.monotonic() + self.seconds
        while True:
            text = ESCAPES.sub("", data.decode(errors="replace"))
            # A shell draws its prompt again over the first one when the size of the terminal changes.
            lines = [re.sub(r".*\r", "", line.rstrip("\r")) for line in text.split("\n")]
            # A prompt has been printed, and nothing comes behind it.
            lines[-1] = PROMPTS[0] if lines[-1] == HOME_PROMPT else lines[-1]
            if lines[-1] in PROMPTS and (not typed or len(lines) > 1) and not select.select([self.fd], [], [], 0.1)[0]:
                self.prompt = lines[-1]
                return "".join(f"{line}\n" for line in lines[1 if typed else 0:-1])
            if not select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"no prompt within {self.seconds} s of {typed!r}, only {text!r}")
            try:
                more = os.read(self.fd, 4096)
            except OSError:
                more = b""
            if not more:
                raise AssertionError(f"the terminal was closed after {typed!r}: {text!r}")
            data += more

    def type(self, line):
        os.write(self.fd, line.encode() + b"\r")
        return self.read(line)

    def status(self):
        """Returns the exit status of the last command of the shell on the host."""
        return int(self.type("echo $?"))

    def close(self):
        os.close(self.fd)   # a hang-up for all that is there
        for _ in range(50):
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return
            time.sleep(0.1)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def play(test, terminal, block, failing=()):
    """
    Types a transcript and compares, with the assertions of @test. Every command on the host has to succeed, but those that have one of the words @failing in them, which
    have to fail. Returns how many commands were typed and how many outputs compared.
    """
    typed = compared = 0
    last = None     # the command on the host whose status is to be asked for
    for prompt, line, expected in steps(block):
        test.assertEqual(terminal.prompt, prompt, f"before {line!r}, after {last!r}")
        if prompt == terminal.host:
            last = line
        printed = terminal.type(line)
        typed += 1
        if expected:
            compared += 1
            test.assertRegex(printed, rf"\A{expression(expected)}\Z", f"printed by {line!r}")
        if terminal.prompt == terminal.host:
            status = terminal.status()
            if any(word in last for word in failing):
                test.assertNotEqual(status, 0, f"{last!r} printed {printed!r}")
            else:
                test.assertEqual(status, 0, f"{last!r} printed {printed!r}")
    test.assertEqual(terminal.prompt, terminal.host, "at the end")
    return typed, compared

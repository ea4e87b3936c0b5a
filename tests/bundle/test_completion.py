# SPDX-License-Identifier: Apache-2.0
"""Completion scripts in the shells they are for; that they have all commands and options is `tests/run.py checks:completion`."""

import os
import pty
import re
import shutil
import subprocess
import unittest

from console import read_until
from krun import PROGRAMS, KrunTest

# Line, and all that may come next; a file or directory without those above it. R is the state root, which has container ID; D a directory.
LINES = [
    ("krun sta", "start state"),
    ("krun-plain resu", "resume"),
    ("krun --log-f", "--log-format"),
    ("krun --log-format ", "json text"),
    ("krun --log-format=j", "json"),
    ("krun --cgroup-manager s", "systemd"),
    ("krun --debug --log x delete --fo", "--force"),
    ("krun list --format ", "json table"),
    ("krun validate --format ", "json text"),
    ("krun validate D/", "config.json sub"),
    ("krun validate --host-config D/c", "config.json"),
    ("krun run --bundle D/", "sub"),
    ("krun run --bundle=D/s", "sub"),
    ("krun --criu D/", "config.json sub"),
    ("krun --root R state ", "ID"),
    ("krun --root=R kill ", "ID"),
    ("krun --root R -s events a ", "ID"),
    ("krun --root R create ", ""),
    ("krun --root /none state ", ""),
    ("krun kill x SE", "SEGV"),
    ("krun kill x -a T", "TERM TRAP TSTP TTIN TTOU"),
    ("krun mounts ", "add remove"),
    ("krun --root R mounts add ", "ID"),
    ("krun mounts add x D/", "config.json sub"),
    ("krun exceptions ", "add check list"),
    ("krun checkpoint --manage-cgroups-mode ", "full ignore none props soft strict"),
    ("krun restore --network-lock ", "iptables nftables skip"),
    ("krun exec --cap CAP_SYS_P", "CAP_SYS_PACCT CAP_SYS_PTRACE"),
    ("krun exec x --", ""),
    ("krun update x --memory-", "--memory-reservation --memory-swap"),
    ("krun help ver", "version"),
    ("krun completion ", "bash fish zsh"),
    ("krun completion -s f", "fish"),
]


class Shell:
    """The tests of each shell, which says what comes next by complete()."""

    def setUp(self):
        super().setUp()
        if not shutil.which(self.program):
            self.skipTest(f"no {self.program} on this host")
        self.script = os.path.join(self.top, f"krun.{self.program}")
        with open(self.script, "w") as file:
            file.write(self.ok("completion", self.program).out)
        self.directory = f"{self.top}/d"
        os.makedirs(f"{self.directory}/sub")
        with open(f"{self.directory}/config.json", "w"):
            pass
        self.environ = dict(os.environ, PATH=f"{os.path.dirname(PROGRAMS['km'])}:{os.environ['PATH']}", HOME=self.top, TERM="dumb",
                            XDG_CONFIG_HOME=self.top, LC_ALL="C.UTF-8")

    def test_syntax(self):
        done = subprocess.run([self.program, "-n", self.script], capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_lines(self):
        self.start_sleeper()
        names = {"R": self.root, "D": self.directory, "ID": self.cid}
        lines = [re.sub(r"\b(R|D)\b", lambda match: names[match[0]], line) for line, _ in LINES]
        wanted = [sorted(names.get(word, word) for word in words.split()) for _, words in LINES]
        got = [sorted({os.path.basename(word.rstrip("/")) for word in words}) for words in self.complete(lines)]
        self.assertEqual(list(zip(lines, got)), list(zip(lines, wanted)))


class Bash(Shell, KrunTest):
    program = "bash"

    def complete(self, lines):
        """Calls the function as bash does, with the words as bash splits them."""
        text = f"source {self.script}\n"
        for line in lines:
            words = re.findall(r"[=:]+|[^=:\s]+", line) + ([""] if line[-1] == " " else [])
            text += (f"COMP_WORDS=({' '.join(repr(word) for word in words)}) COMP_CWORD={len(words) - 1} COMP_LINE='{line}' COMP_POINT={len(line)}\n"
                     "_krun krun; echo \"${COMPREPLY[*]}\"\n")
        done = subprocess.run(["bash", "--norc"], input=text, capture_output=True, check=True, text=True, env=self.environ)
        self.assertEqual(done.stderr, "")
        return [line.split() for line in done.stdout.splitlines()]

    def test_at_a_terminal(self):
        """readline asks itself, and quotes names of files."""
        os.mkdir(f"{self.directory}/sub/a b")
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(shutil.which("bash"), ["bash", "--norc", "--noprofile", "-i"], dict(self.environ, PS1="@ "))
        try:
            os.write(fd, f"bind 'set enable-bracketed-paste off'; source {self.script}; cd {self.top}; echo ready$((1 + 1))\n".encode())
            read_until(fd, b"ready2")
            for line, expect in (("krun checkp\t", "krun checkpoint "), ("krun --log-format=j\t", "krun --log-format=json "),
                                 ("krun validate d/sub/\t", "krun validate d/sub/a\\ b/"), ("krun run --bundle=d/s\t", "krun run --bundle=d/sub/"),
                                 ('krun spec -b "d/sub/a\t', 'krun spec -b "d/sub/a b"/')):
                os.write(fd, line.encode())
                read_until(fd, expect.encode())
                os.write(fd, b"\x15")
        finally:
            os.close(fd)
            os.waitpid(pid, 0)


class Zsh(Shell, KrunTest):
    program = "zsh"

    def complete(self, lines):
        """Asks a zsh at a terminal for the list of what comes next; the script is loaded as an installed one."""
        os.mkdir(f"{self.top}/functions")
        os.rename(self.script, f"{self.top}/functions/_krun")
        with open(f"{self.top}/.zshrc", "w") as file:
            file.write(f"""PS1='@> '; stty cols 1000; cd {self.top}; fpath=({self.top}/functions $fpath)
unset zle_bracketed_paste; setopt no_beep no_prompt_cr no_prompt_sp
autoload -Uz compinit; compinit -u -D; bindkey '^I' list-choices
""")
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(shutil.which("zsh"), ["zsh", "-d", "-i"], dict(self.environ, ZDOTDIR=self.top))
        results = []
        try:
            read_until(fd, b"@> ", 60)
            for line in lines:
                os.write(fd, f"{line}\t\x15echo end$((1 + 1))\n".encode())
                results.append(self.listed(read_until(fd, b"end2\r\n@> ", 30)))
        finally:
            os.close(fd)
            os.waitpid(pid, 0)
        return results

    @staticmethod
    def listed(text):
        """Returns the words of the list, "json  text" or "start  -- what it does", which stands between the line and its repetition."""
        rows = [row.rstrip() for row in text.replace("\r", "\n").split("\n")[1:] if row.strip()]
        end = next(i for i, row in enumerate(rows) if row.startswith("@>") or "echo end" in row)
        return [word for row in rows[:end] for word in row.split(" -- ")[0].split()]


class Fish(Shell, KrunTest):
    program = "fish"

    def complete(self, lines):
        text = f"source {self.script}\n" + "".join(f"complete -C '{line}'; echo @\n" for line in lines)
        done = subprocess.run(["fish", "-c", text], capture_output=True, check=True, text=True, env=self.environ, cwd=self.top)
        self.assertEqual(done.stderr, "")
        return [[re.sub(r"^--[a-z-]+=", "", row.split("\t")[0]) for row in part.splitlines() if row] for part in done.stdout.split("@\n")[:-1]]


class Command(KrunTest):
    def test_which_shell(self):
        self.assertEqual(self.ok("completion", "-s", "zsh").out, self.ok("completion", "zsh").out)
        self.assertEqual(self.fails("completion"), "completion: the shell is missing: bash, zsh or fish")
        self.assertEqual(self.fails("completion", "zhs"), "completion: 'zhs' is none of bash, zsh, fish; did you mean 'zsh'?")
        self.assertIn("not both", self.fails("completion", "-s", "zsh", "zsh"))


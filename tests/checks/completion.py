#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""completion.py PROGRAM: what the help shows (commands, options, their words) is in each completion script, and what is in a script is in the help."""

import re
import shutil
import subprocess
import sys

PROGRAM = sys.argv[1]


def output(*words):
    return subprocess.run([PROGRAM, *words], capture_output=True, check=True, text=True).stdout


def options_of(text):
    """Returns {name: (letter, form of its value)} of a help."""
    rows = re.findall(r"^  (?:-(.),|   ) --([a-z0-9-]+)(?: (\S+))?(?: {2,}|$)", text, re.M)
    return {name: (letter, form) for letter, name, form in rows}


def choice(form):
    return re.fullmatch(r"[a-z0-9-]+(\|[a-z0-9-]+)+", form)


HELP = output("--help")
COMMANDS = re.findall(r"^  ([a-z]+) ", HELP.split("\nCommands")[1].split("\nOptions")[0], re.M)
WANTED = {"": options_of(HELP)}
for command in COMMANDS:
    WANTED[command] = options_of(output("help", command)) if command not in ("help", "version") else {"help": ("h", "")}


def bash(text):
    """Returns the commands, and {(command, option word)}."""
    names = re.search(r"^_krun_commands='(.*)'$", text, re.M)[1].split()
    table = re.search(r"^_krun_options\(\)$.*?^}$", text, re.M | re.S)[0]
    found = {(name, word) for name, words in re.findall(r"^\t'([a-z]*)'\) options='(.*)' ;;$", table, re.M) for word in words.split()}
    return names, found


def zsh(text):
    names = re.findall(r"^\t'([a-z]+):", text.split("_krun_command_list=(")[1].split("\n)")[0], re.M)
    found = set()
    for name, specs in re.findall(r"^\t([a-z]+|'')\)$(.*?)^\t\t;;$", text, re.M | re.S):
        found |= {(name.strip("'"), word) for word in re.findall(r"(?:^\t\t\t'\*?|[{,])(--?[a-z0-9-]+)[+=]?(?=[\[,}])", specs, re.M)}
    return names, found


def fish(text):
    names = re.findall(r"^complete -c krun -n '__krun_at \"\"' -a ([a-z]+) -d ", text, re.M)
    found = set()
    for name, letter, word in re.findall(r"^complete -c krun -n '__krun_at ([a-z]+|\"\")(?: 0)?'(?: -s (.))? -l (\S+)", text, re.M):
        found |= {(name.strip('"'), f"--{word}")} | ({(name.strip('"'), f"-{letter}")} if letter else set())
    return names, found


problems = []
expected = {(command, f"--{name}") for command, options in WANTED.items() for name in options}
expected |= {(command, f"-{letter}") for command, options in WANTED.items() for letter, _ in options.values() if letter}
if len(COMMANDS) < 20 or len(expected) < 150:
    problems.append(f"only {len(COMMANDS)} commands and {len(expected)} options found in the help")
for shell, read in (("bash", bash), ("zsh", zsh), ("fish", fish)):
    script = output("completion", shell)
    names, found = read(script)
    if sorted(names) != sorted(COMMANDS):
        problems.append(f"{shell}: commands {sorted(set(names) ^ set(COMMANDS))}")
    problems += [f"{shell}: {command or 'krun'} {word}: only in {'the help' if (command, word) in expected else 'the script'}"
                 for command, word in sorted(expected ^ found)]
    for options in WANTED.values():
        for name, (_, form) in options.items():
            if choice(form) and form.replace("|", " ") not in script:
                problems.append(f"{shell}: the words of --{name} {form}")
    if shell == "bash" and shutil.which("shellcheck"):
        done = subprocess.run(["shellcheck", "--shell=bash", "-"], input=script, capture_output=True, text=True, check=False)
        problems += [done.stdout] if done.returncode else []
print("\n".join(problems), end="\n" if problems else "")
sys.exit(bool(problems))

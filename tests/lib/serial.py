# SPDX-License-Identifier: Apache-2.0
"""
What commands on one container may answer: a model of a container's life, and every serial order of two commands in it.

Nothing here runs krun. The model is what a user is told: which command is legal in which status, and what it does. A command is one
or a few steps, each of which happens at once; two commands that run at the same time may answer whatever some order of their steps
allows, and nothing else. Some things take more than one step, because they are more than one event for the user, too: the program
of `exec` begins and ends; `create` takes the id before there is a container; `delete --force` kills before it removes. A killed
container dies a moment later, and a command may meet it before or after. `checkpoint` holds the lock while km writes.
"""

import collections
import re

# @status: one of STATUSES. @dying: its first process got SIGKILL and may be gone at any moment. @mounts: how many file systems
# `mounts add` made. @execs: programs of `exec` that run. @held: a checkpoint has the lock; the status that it found.
State = collections.namedtuple("State", "status dying mounts execs held", defaults=(False, 0, 0, None))

CREATING, CREATED, RUNNING, STOPPED, ABSENT = "creating", "created", "running", "stopped", "absent"
PAUSED_CREATED, PAUSED_RUNNING = "created paused", "running paused"
STATUSES = (ABSENT, CREATING, CREATED, RUNNING, PAUSED_CREATED, PAUSED_RUNNING, STOPPED)
LIVE = (CREATED, RUNNING, PAUSED_CREATED, PAUSED_RUNNING)

# What a command says for ever: it waits for a paused program.
WAITS = "waits"
# A step that has not answered yet goes on with the next one.
CONTINUE = None

# The error of a command whose container's process ends under its hands.
DEATHS = (
    r"container not running$", r"\(killed\?\)", r"the container's process is gone", r"km (has )?ended",
    r"km (was killed|ended|exited) .*before the payload was loaded", r"before the payload was loaded",
    r"no such process$", r"has ended, and with it the way in", r"ended without a result", r"before sync message", r"krun's process in front of km was killed",
    r"look at process \d+", r"the container's first process has ended",
)
ERRORS = (
    ("absent", r"container '[^']*' does not exist( in '[^']*')?$"),
    ("in use", r"container id '[^']*' is already in use$"),
    ("being created", r"container '[^']*' is being created, or its create was killed"),
    ("nothing mounted", r"nothing is mounted on "),
    ("busy", r"km can take a snapshot of one process only|km cannot take a snapshot now"),
    ("died", "|".join(DEATHS)),
)


def visible(state):
    """Returns the status that `state` prints."""
    return "paused" if state.status.endswith(" paused") else state.status


def gone(state):
    return state._replace(status=ABSENT, dying=False, mounts=0)


def moments(state):
    """Returns the states in which a command may find the container: a dying one may have ended."""
    if state.dying and state.status in LIVE:
        return {state, state._replace(status=STOPPED, dying=False, mounts=0)}
    return {state}


# ---- commands -------------------------------------------------------------------------------------------------------
# A step gets a state and returns [(answer, next state)]; [] while it has to wait.


def locked(act):
    """A step that takes the container's lock, which a create holds to its end."""
    def step(state):
        if state.status == ABSENT:
            return [("absent", state)]
        return [] if state.status == CREATING or state.held else act(state)
    return step


def when(statuses, then, dies=True):
    """A step that is legal in @statuses. @dies: the end of a dying container may be noticed in the middle."""
    def act(state):
        if state.status not in statuses:
            return [(f"is {visible(state)}", state)]
        return then(state) + ([("died", state)] if dies and state.dying else [])
    return act


def done(state):
    return [("ok", state)]


def becomes(**change):
    return lambda state: [("ok", state._replace(**change))]


def take_id(state):
    return [(CONTINUE, State(CREATING, execs=state.execs))] if state.status == ABSENT else [("in use", state)]


def complete(state):
    """The container is there before its create says so; killed before that, there is none."""
    made = [(CONTINUE, state._replace(status=CREATED))]
    return made + ([("died", gone(state))] if state.dying else [])


def begin_exec(state):
    started = (CONTINUE, state._replace(execs=state.execs + 1))
    if state.status == ABSENT:
        return [("absent", state)]
    if state.status == CREATING:
        return [("being created", state), ("died", state), ("is creating", state)]
    if state.status in (CREATED, RUNNING):
        return [started] + ([("died", state)] if state.dying else [])
    return [(f"is {visible(state)}", state)] + ([("died", state)] if state.dying else [])


def end_exec(state):
    ended = state._replace(execs=state.execs - 1)
    if state.status.endswith(" paused") and not state.dying:
        return []
    if state.status in LIVE and not state.dying:
        return [("ok", ended)]
    # It may have ended before the container did, or be killed with it, also before it executes its program.
    return [("ok", ended), ("killed", ended), ("died", ended)]


def kill(state):
    killed = ("ok", state._replace(dying=True))
    if state.status == ABSENT:
        return [("absent", state)]
    if state.status == CREATING:
        return [("being created", state), ("died", state), killed]
    if state.status == STOPPED:
        return [("died", state)]
    return [killed] + ([("died", state)] if state.dying else [])


def kill_busy(state):
    """`delete --force` kills at once when another command has the lock, also a process that create has just made."""
    return [(CONTINUE, state)] + ([(CONTINUE, state._replace(dying=True))] if state.status in (CREATING, *LIVE) else [])


def remove_any(state):
    if state.status == CREATING or state.held:
        return []
    return [("ok", gone(state))]


def look(prefix):
    """`state` and `list`: they take no lock."""
    def step(state):
        words = {visible(state)}
        if state.status == CREATING:
            words |= {CREATED} | ({STOPPED} if state.dying else set())
        if prefix == "state" and state.status == ABSENT:
            return [("absent", state)]
        answers = [(f"{prefix}: {word}", state) for word in sorted(words)]
        return answers + ([("being created", state)] if prefix == "state" and state.status == CREATING else [])
    return step


def processes(state):
    if state.status == ABSENT:
        return [("absent", state)]
    return [("ok", state)] + ([("being created", state)] if state.status == CREATING else [])


def stats(state):
    if state.status == ABSENT:
        return [("absent", state)]
    if state.status == CREATING:
        return [("being created", state), ("is creating", state)]
    if state.status == STOPPED:
        return [("died", state)]
    return [("ok", state)] + ([("died", state)] if state.dying else [])


def add_mount(state):
    return [("ok", state._replace(mounts=state.mounts + 1))]


def remove_mount(state):
    return [("ok", state._replace(mounts=state.mounts - 1))] if state.mounts else [("nothing mounted", state)]


def freeze(state):
    return [("ok", state._replace(status=f"{state.status} paused"))]


def thaw(state):
    return [("ok", state._replace(status=state.status.split()[0]))]


def answer_ok(state):
    return [("ok", state)]


def begin_snapshot(state):
    """
    km runs while it writes, also for a paused container. It refuses while there is more than one virtual machine, as for an exec,
    and in the moment in which kmsim has forked its payload and not executed it yet.
    """
    return [(CONTINUE, state._replace(held=state.status, status=RUNNING)), ("busy", state)]


def end_snapshot(then):
    def step(state):
        if not state.held:
            return [("died", state)]
        freed = state._replace(status=state.held if state.status in LIVE else state.status, held=None)
        if state.dying or state.status == STOPPED:
            return [("died", freed)]
        if state.held == PAUSED_CREATED:
            # There is no payload yet.
            return [("busy", freed)]
        return [(then, freed if then == "ok" else freed._replace(status=STOPPED, mounts=0))]
    return step


COMMANDS = {
    "create": [take_id, complete, answer_ok],
    "start": [locked(when((CREATED,), becomes(status=RUNNING)))],
    "exec": [begin_exec, end_exec],
    "kill": [kill],
    "pause": [locked(when((CREATED, RUNNING), freeze))],
    "resume": [locked(when((PAUSED_CREATED, PAUSED_RUNNING), thaw))],
    "update": [locked(when(LIVE, done))],
    "ps": [processes],
    "state": [look("state")],
    "list": [look("list")],
    "events": [stats],
    "delete": [locked(when((STOPPED,), lambda state: [("ok", gone(state))], dies=False))],
    "delete --force": [kill_busy, remove_any],
    "mounts add": [locked(when(LIVE, add_mount))],
    "mounts remove": [locked(when(LIVE, remove_mount))],
    "checkpoint": [locked(when((RUNNING, PAUSED_CREATED, PAUSED_RUNNING), begin_snapshot)), end_snapshot(CONTINUE), remove_any],
    "checkpoint --leave-running": [locked(when((RUNNING, PAUSED_CREATED, PAUSED_RUNNING), begin_snapshot)), end_snapshot("ok")],
}


# ---- serial orders --------------------------------------------------------------------------------------------------


def advance(name, at, state):
    """Returns [(answer, next step, next state)] of one step of a command."""
    found = []
    for moment in moments(state):
        for answer, after in COMMANDS[name][at](moment):
            found.append((answer, at + 1, after))
    return found


def outcomes(first, second, start, in_order=False):
    """
    Returns every (answer of @first, answer of @second, status in the end) that some serial order of their steps from @start allows.
    @in_order: the first one had answered before the second one was called.
    """
    results, seen = set(), set()

    def go_on(answers, at, state):
        key = answers, at, state
        if key in seen:
            return
        seen.add(key)
        moved = False
        for which, name in enumerate((first, second)):
            if answers[which] is not None or (which == 1 and in_order and answers[0] is None):
                continue
            for answer, step, after in advance(name, at[which], state):
                moved = True
                go_on(replaced(answers, which, answer), replaced(at, which, step), after)
        if not moved:
            told = tuple(WAITS if answer is None else answer for answer in answers)
            results.update((*told, visible(moment)) for moment in moments(state) if moment.status == STOPPED or not moment.dying)

    go_on((None, None), (0, 0), start)
    return results


def replaced(pair, which, value):
    return (value, pair[1]) if which == 0 else (pair[0], value)


# ---- what krun said -------------------------------------------------------------------------------------------------


def answer_of(name, status, out, err):
    """Returns the answer that a command gave, in the words of the model; None: the model has no word for it."""
    if status == 0 and name in ("state", "list"):
        return f"{name}: {out}"
    if status == 0:
        return "ok"
    if name == "exec" and status == 137:
        return "killed"
    if err.count("\n") != 1 or not err.startswith("krun: "):
        return None
    # What km or the process before has said comes last.
    text = err.strip().split("; km's last words: ")[0]
    illegal = re.search(r": it is (\w+)$", text)
    if illegal:
        return f"is {illegal.group(1)}"
    for word, pattern in ERRORS:
        if re.search(pattern, text):
            return word
    return None

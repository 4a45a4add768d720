# SPDX-License-Identifier: MIT
"""test_run_kill - hookdir run, its commands and its guard, killed at random

Whatever is killed, and whenever: each message is run to its end at least
once, never twice at a time, and a second time only where a kill has hit its
command or its runner. Nothing stays behind, neither messages nor processes.
HOOKDIR_KILLS is the number of kills, 500 when it is not set; HOOKDIR_SEED
repeats a choice.
"""

import contextlib
import os
import random
import signal
import time

from harness import eq, fail, main, ok, test, wait_for
from spools import (DONE, Parts, Work, alive, processes_of, recorded,
                    recorder)

KILLS = int(os.environ.get("HOOKDIR_KILLS", "500"))
EACH = 4  # messages that come with each kill
SEED = int(os.environ.get("HOOKDIR_SEED", random.randrange(1 << 30)))
LONGEST = 60000  # microseconds that a command takes
KINDS = ("runner", "command", "runner and command", "guard",
         "guard and runner")
SLEEPS = ("--watch", "--until-empty", "--quiet", "--jobs=3")


def kill(pid):
    with contextlib.suppress(ProcessLookupError, TypeError):
        os.kill(pid, signal.SIGKILL)
        return pid
    return None


class Fleet:
    """Runners that are started again, and who of them was killed"""

    def __init__(self, work, command, count):
        self.work = work
        self.command = command
        self.runners = [None] * count
        self.killed = set()
        self.parents = set()  # runners that were killed
        self.counts = dict.fromkeys(KINDS, 0)
        for number in range(count):
            self.start(number)

    def start(self, number):
        """No two of the same kind, and tries that are never used up"""
        self.runners[number] = self.work.start(
            "--retries", "999998", "--backoff", "0:0", "--jobs", "2",
            SLEEPS[number % len(SLEEPS)], command=self.command)

    def strike(self, number, kind):
        """True when there was something to be killed"""
        runner = self.runners[number]
        if not runner.alive():
            eq("exit code of who ended by itself", runner.ended().code, 0)
            self.start(number)
            return False
        commands = runner.commands() if "command" in kind else []
        guard = runner.guard() if "guard" in kind else None
        if ("command" in kind and not commands) or (
                "guard" in kind and not guard):
            return False
        if guard:
            kill(guard)
        if commands:
            self.killed.add(kill(random.choice(commands)))
        if "runner" in kind:
            self.parents.add(runner.pid)
            runner.kill()
            self.start(number)
        self.counts[kind] += 1
        return True

    def stop(self):
        for runner in self.runners:
            runner.ask()
            eq("exit code", runner.ended().code, 0)


def check(work, fleet, place, names):
    """Answers how many were begun a second time, and run to the end so"""
    again = twice = 0
    records = recorded(place)
    eq("messages that were run", len(records), len(names))
    for name, lines in records.items():
        whats = [line.what for line in lines]
        if "overlap" in whats:
            fail(f"{name} was run twice at a time: {whats}")
        starts = [line for line in lines if line.what == "start"]
        ends = {line.pid for line in lines if line.what == "end"}
        ok(f"{name} was run to its end: {whats}", starts[-1].pid in ends)
        for start in starts[:-1]:
            # Its runner may have been gone before it asked who that was.
            if start.pid not in fleet.killed and \
                    start.parent not in fleet.parents and \
                    start.parent in {r.pid for r in fleet.runners}:
                fail(f"{name} was run again although nobody was killed: "
                     f"{[vars(line) for line in lines]}")
        again += len(starts) > 1
        twice += len(ends) > 1
    return again, twice


@test(f"{KILLS} kills over {KILLS * EACH} messages and 4 runners: nothing "
      "is lost, stuck, or run twice at a time", seconds=900)
def _():
    print(f"# HOOKDIR_SEED={SEED}", flush=True)
    random.seed(SEED)
    work = Work()
    place = work.beside("records")
    os.mkdir(place)
    fleet = Fleet(work, [recorder(), place, str(LONGEST)], 4)
    names = []
    begun = time.monotonic()
    for _ in range(KILLS):
        for _ in range(EACH):
            names.append(work.put(id=f"e{len(names)}"))
        wait_for(lambda: fleet.strike(random.randrange(4),
                                      random.choice(KINDS)), "kill")
        # The next one at any moment of what happens then
        time.sleep(random.random() * 0.04)
    fleet.stop()
    # What a guard could not end ends by itself.
    wait_for(lambda: not processes_of(place), "end of the commands")
    work.run("--retries", "999998", "--backoff", "0:0", "--quiet",
             command=fleet.command)
    eq("states", work.states(), DONE)
    # Who was killed while writing one leaves a draft.
    eq("log/ of messages that are done", [
        name for name in work.names("log") if name[0] != "."], [])
    wait_for(lambda: not processes_of(work.dir), "end of all processes")
    again, twice = check(work, fleet, place, names)
    kills = ", ".join(f"{count} {kind}" for kind, count in
                      fleet.counts.items())
    print(f"# figure {len(names)} messages, {sum(fleet.counts.values())} kills"
          f" ({kills}) in {time.monotonic() - begun:.0f} s: {again} run "
          f"again, {twice} of them although they had come to their end",
          flush=True)


# --- one kill at a time -----------------------------------------------------

LONG = ('echo $$ >>pids; sleep 300 & echo $! >>pids\n'
        'echo "$CE_ID" >>ran; wait')


def started(*options, script=LONG):
    """A runner whose one command runs: work, runner, processes of it"""
    work = Work()
    work.put()
    runner = work.start(*options, command=work.script(script))
    work.wait_for_line("ran")
    return work, runner, [int(pid) for pid in work.lines("pids")]


@test("a runner that is killed takes its commands and their children along")
def _():
    for options in ((), ("--watch",), ("--in-order",), ("--latest",)):
        work, runner, pids = started(*options)
        runner.kill()
        wait_for(lambda: not any(map(alive, pids)), "end of the command")
        wait_for(lambda: not processes_of(work.path), "end of the guard")
        eq("tries", Parts(work.names("cur")[0]).tries, 1)
        # It counts: else a message that ends its runner would do so for ever.
        options = [option for option in options if option != "--watch"]
        work.run("--retries", "2", *options, command=work.script("exit 75"))
        part = work.parts()
        eq("tries", (part.tries, part.later), (1, 1))


@test("a message whose runners are killed is given up in the end")
def _():
    work, runner, _ = started("--retries", "1")
    runner.kill()
    wait_for(lambda: not processes_of(work.path), "end of the guard")
    runner = work.start("--retries", "1", command=work.beside("command"))
    work.wait_for_line("ran", 2)
    runner.kill()
    wait_for(lambda: not processes_of(work.path), "end of the guard")
    done = work.run("--retries", "1", command=work.script("echo x >>ran"))
    eq("runs", len(work.lines("ran")), 2)
    eq("failed", [Parts(name).tries for name in work.names("failed")], [2])
    eq("states", work.states(), {**DONE, "failed": 1})
    ok(f"it is said: {done.text}", "given up" in done.text)


@test("a guard that is killed is replaced, and that one does its duty")
def _():
    work, runner, pids = started()
    first = runner.wait_for_guard()
    for _ in range(20):
        guard = wait_for(runner.guard, "guard")
        kill(guard)
        wait_for(lambda g=guard: runner.guard() not in (None, g), "another")
    ok("it is another", runner.guard() != first)
    ok("the command goes on", all(map(alive, pids)))
    runner.kill()
    wait_for(lambda: not any(map(alive, pids)), "end of the command")
    wait_for(lambda: not processes_of(work.path), "end of the guard")


@test("runner and guard killed: the command goes on, and nobody else begins")
def _():
    for options in ((), ("--in-order",), ("--latest",)):
        work, runner, pids = started(*options, script=(
            'echo $$ >>pids; echo "$CE_ID" >>ran\n'
            'while [ ! -e go ]; do sleep 0.02; done; echo end >>ran'))
        work.put(id="e2")  # about the same
        guard = runner.wait_for_guard()
        os.kill(guard, signal.SIGSTOP)  # no race with the next line
        runner.kill()
        kill(guard)
        ok("the command goes on", alive(pids[0]))
        claimed = work.names("cur")
        for _ in range(2):
            work.run(*options, command=work.script(
                'echo "$CE_ID" >>ran', name="other"))
            eq("cur", work.names("cur"), claimed)
        eq("begun", work.lines("ran"), ["e1"] if options else ["e1", "e2"])
        work.script("", name="go")
        wait_for(lambda: not alive(pids[0]), "end of the command")
        work.run(*options, command=work.beside("other"))
        eq("states", work.states(), DONE)
        lines = work.lines("ran")
        if options == ("--latest",):
            # The second one says all that the first said.
            eq("then", lines, ["e1", "end", "e2"])
        elif options:
            eq("then", lines, ["e1", "end", "e1", "e2"])
        else:
            eq("then", lines, ["e1", "e2", "end", "e1"])


@test("what a killed command was, its runner tells")
def _():
    work, runner, pids = started("--retries", "0")
    kill(pids[0])
    done = runner.ended()
    eq("exit code", done.code, 0)
    ok("the signal is named", "killed by signal 9 (SIGKILL)" in done.text)
    eq("states", work.states(), {**DONE, "failed": 1})
    for pid in pids[1:]:
        kill(pid)


@test("killed at any moment of an archive on another file system: each "
      "message is in one place, and whole")
def _():
    work = Work()
    archive = f"/dev/shm/hookdir-kill-{os.getpid()}"
    if os.stat("/dev/shm").st_dev == os.stat(work.path).st_dev:
        fail("/dev/shm and TMPDIR are one file system")
    text = b'"' + b"x" * 300000 + b'"'
    try:
        names = work.fill(150, data=text)
        size = os.stat(work.place("new", names[0])).st_size
        for _ in range(40):
            runner = work.start("--archive", archive, "--retries", "999",
                                command="true")
            wait_for(lambda: runner.guard() or not runner.alive(), "start")
            time.sleep(random.random() * 0.05)
            runner.kill()
            wait_for(lambda: not processes_of(work.path), "end of the guard")
            found = [name for name in os.listdir(archive)
                     if not name.startswith(".")] if os.path.isdir(
                         archive) else []
            for name in found:
                # The same number of digits, so as long as the first or more
                ok(f"{name} is whole", os.stat(os.path.join(
                    archive, name)).st_size >= size)
            left = {Parts(name).base + ".json" for where in ("new", "cur")
                    for name in work.names(where)}
            eq("missing", set(names) - left - set(found), set())
        work.run("--archive", archive, "--retries", "999", command="true")
        eq("states", work.states(), DONE)
        eq("archived", sorted(name for name in os.listdir(archive)
                              if not name.startswith(".")), sorted(names))
        drafts = [n for n in os.listdir(archive) if n.startswith(".")]
        print(f"# figure drafts left in the archive by 40 kills: "
              f"{len(drafts)}", flush=True)
    finally:
        for name in os.listdir(archive) if os.path.isdir(archive) else ():
            os.unlink(os.path.join(archive, name))
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(archive)


if __name__ == "__main__":
    main()

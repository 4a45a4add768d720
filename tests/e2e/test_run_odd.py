# SPDX-License-Identifier: MIT
"""test_run_odd - hookdir run where something refuses, or is not as it should

Archives and failed/ without room, files that cannot be read, clocks that
were wrong, commands that cannot be signalled: what succeeded is run once,
and the others go on.
"""

import contextlib
import fcntl
import itertools
import json
import os
import pwd
import shutil
import signal
import subprocess
import time

from harness import (eq, fail, has, hasnt, main, needs_root, ok, read, skip,
                     test, wait_for)
from spools import DONE, TOOL, Parts, Work, event, now

IOERR, UNAVAILABLE = 74, 69
NOBODY = pwd.getpwnam("nobody")


def tool(*arguments, code=0, **how):
    done = subprocess.run([TOOL, *arguments], check=False, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="backslashreplace", **how)
    eq(f"exit code of {arguments[0]} ({done.stdout[-300:]})", done.returncode,
       code)
    return done.stdout


def give_to_nobody(work):
    for place, _, names in os.walk(work.dir):
        for path in (place, *(os.path.join(place, name) for name in names)):
            os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)


def as_nobody(work, *options, command, **how):
    return work.start(*options, command=command, user=NOBODY.pw_uid,
                      group=NOBODY.pw_gid, extra_groups=[], **how)


@contextlib.contextmanager
def small(path, size):
    """A file system of that size"""
    needs_root()
    os.makedirs(path, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}",
                           "hookdir", path], check=False,
                          stderr=subprocess.PIPE)
    if done.returncode and b"permission denied" in done.stderr:
        skip("needs root")  # that of a container may not mount
    eq("mount", done.stderr, b"")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)


RAN = 'echo "$CE_ID" >>ran'


# --- no room for what has ended ---------------------------------------------

@test("an archive that is full: each is run once, and archived when there is "
      "room")
def _():
    for options in ((), ("--in-order",), ("--latest",)):
        work = Work()
        archive = work.beside("full")
        with small(archive, "64k"):
            for number in range(6):
                work.put(event(b'"' + b"x" * 40000 + b'"', id=f"e{number}",
                               subject=str(number)))
            command = work.script(RAN)
            for _ in range(4):
                done = work.run(*options, "--archive", archive,
                                command=command, code=IOERR)
                eq("said", done.text.count("No space left"), 1)
            eq("run", work.lines("ran"), [f"e{n}" for n in range(6)])
            eq("new", work.names("new"), [])
            eq("cur", {Parts(name).tries for name in work.names("cur")}, {1})
            has("list", tool("list", work.path), "done; run --archive")
            # Not by another way, either
            tool("requeue", "--state", "cur", "--all", work.path)
            eq("new", work.names("new"), [])
            subprocess.run(["mount", "-o", "remount,size=1m", archive],
                           check=True)
            work.run("--archive", archive, command=command)
            eq("run", len(work.lines("ran")), 6)
            eq("states", work.states(), DONE)
            eq("archived", len(os.listdir(archive)), 6)


@test("expire to an archive that is full: what was not run is run yet")
def _():
    work = Work()
    archive = work.beside("full")
    with small(archive, "4k"):
        for number in range(3):
            work.put(event(b'"' + b"x" * 9000 + b'"', id=f"e{number}"),
                     name=f"{1795000001 + number}.M000001P1Q1.shop.json")
        names = work.names("new")
        tool("expire", "--older-than", "1s", "--state", "new", "--archive",
             archive, work.path, code=IOERR)
        eq("new", work.names("new"), names)
        work.run(command=work.script(RAN))
        eq("run", work.lines("ran"), ["e0", "e1", "e2"])
        eq("states", work.states(), DONE)


@test("what waits for its archive is left to a run that has one and takes its "
      "type")
def _():
    work = Work()
    names = [work.put(id=f"e{number}", where="cur",
                      name=f"{name},tries=1,end=archive.json")
             for number, name in enumerate("ab")]
    work.put(name="c,tries=1,end=archive.json", id="e3")
    command = work.script(RAN)
    for options in ((), ("--in-order",), ("--type", "*.change")):
        done = work.run(*options, command=command)
        eq("said", done.text.count("waits for an archive"), 1)
        eq("cur", sorted(work.names("cur")),
           [*names, "c,tries=1,end=archive.json"])
    done = work.run("--type", "other.*", "--archive", work.beside("other"),
                    command=command)
    eq("said", done.text, "")
    eq("other", os.listdir(work.beside("other")), [])
    tool("requeue", "--state", "cur", "--all", work.path)
    eq("new", work.names("new"), [])
    work.run("--archive", work.beside("done"), command=command)
    eq("run", work.lines("ran"), [])
    eq("states", work.states(), DONE)
    eq("archived", sorted(os.listdir(work.beside("done"))),
       ["a.json", "b.json", "c.json"])


@test("an archive that is gone, and back: each is run once")
def _():
    work = Work()
    archive = work.beside("done")
    work.fill(3)
    command = work.script(RAN + "; rmdir done 2>/dev/null; true")
    work.run("--archive", archive, command=command, code=IOERR)
    eq("run", work.lines("ran"), ["e1", "e2", "e3"])
    work.run("--archive", archive, command=command)
    eq("run", len(work.lines("ran")), 3)
    eq("archived", len(os.listdir(archive)), 3)
    eq("states", work.states(), DONE)


@test("--watch: an archive that is removed is made again, and one that is put "
      "in its place is used")
def _():
    work = Work()
    archive = work.beside("done")
    work.put(id="e1")
    # A pass is made when new/ is moved, as well as from time to time.
    runner = work.start("--watch", "--archive", archive,
                        command=work.script(RAN))

    def pass_over():
        wait_for(runner.is_idle, "rest")
        os.rename(work.place("new"), work.place("new.old"))
        os.rename(work.place("new.old"), work.place("new"))

    wait_for(lambda: work.states() == DONE, "the first")
    shutil.rmtree(archive)
    work.put(id="e2")
    work.wait_for_line("ran", 2)
    wait_for(lambda: work.names("cur"), "one that waits")
    pass_over()
    wait_for(lambda: work.states() == DONE, "the second")
    eq("archived", len(os.listdir(archive)), 1)
    os.rename(archive, archive + ".old")
    os.mkdir(archive)
    pass_over()
    work.put(id="e3")
    work.wait_for_line("ran", 3)
    wait_for(lambda: len(os.listdir(archive)) == 1, "the third")
    eq("run", work.lines("ran"), ["e1", "e2", "e3"])
    eq("exit code", runner.end().code, IOERR)


@test("failed/ that takes nothing: what was given up is not started again, "
      "the others go on, and it is moved when there is room")
def _():
    for options, ending in (((), "exit 65"), (("--retries", "0"), "exit 1"),
                            (("--in-order", "--retries", "0"), "exit 1")):
        work = Work()
        work.fill(4)
        command = work.script(
            f'{RAN}; rmdir spool/failed 2>/dev/null && : >spool/failed\n'
            f'[ "$CE_ID" != e1 ] || {ending}')
        done = work.run(*options, command=command, code=IOERR)
        eq("run", work.lines("ran"), ["e1", "e2", "e3", "e4"])
        name, = work.names("cur")
        has("name", name, ",end=failed")
        eq("said", done.text.count("Not a directory"), 1)
        os.unlink(work.place("failed"))
        has("list", tool("list", work.path), "given up; run moves it")
        work.run(*options, command=command)
        eq("run", len(work.lines("ran")), 4)
        eq("failed", [Parts(name).tries for name in work.names("failed")],
           [1])
        hasnt("name", work.names("failed")[0], "end=")
        has("log", work.log_of(name)[0], "exit status")


@test("failed/ on another file system: the dead letter is copied there")
def _():
    work = Work()
    with small(work.place("failed"), "1m"):
        work.fill(2)
        work.run(command=work.script(RAN + '; [ "$CE_ID" != e1 ] || exit 65'))
        eq("run", work.lines("ran"), ["e1", "e2"])
        eq("states", work.states(), {**DONE, "failed": 1})


@test("a mark that somebody moved back to new/ is an outcome all the same")
def _():
    work = Work()
    work.put(name="a,tries=1,end=done.json")
    work.put(name="b,tries=1,end=failed.json")
    work.run(command=work.script(RAN))
    eq("run", work.lines("ran"), [])
    eq("states", work.states(), {**DONE, "failed": 1})


# --- odd files --------------------------------------------------------------

@test("a message that cannot be read is passed over, said, and moved to "
      "failed/ after three passes")
def _():
    needs_root()
    for options in ((), ("--in-order",), ("--latest",), ("--type", "*")):
        work = Work()
        names = [work.put(subject=str(number), id=f"e{number + 1}")
                 for number in range(3)]
        command = work.script("cat >/dev/null; " + RAN)
        give_to_nobody(work)
        os.chown(work.place("new", names[1]), 0, 0)
        os.chmod(work.place("new", names[1]), 0)
        for number in range(3):
            done = as_nobody(work, *options, command=command).ended()
            has("said", done.text, "Permission denied")
            eq("exit code", done.code, IOERR if number < 2 else 0)
            eq("said", done.text.count("passed over"), int(number < 2))
        eq("run", sorted(work.lines("ran")), ["e1", "e3"])
        eq("failed", work.names("failed"), [names[1]])
        has("log", work.log_of(names[1])[0], "Permission denied")
        stats = json.loads(tool("stats", "--json", work.path))
        ok("oldest", stats["states"]["failed"]["oldest"] < 90 * 86400)


@test("a message left in cur/ that cannot be read is said by each run, and "
      "makes none fail")
def _():
    needs_root()
    for options in ((), ("--in-order",), ("--latest",)):
        work = Work()
        work.put(id="e1")
        name = work.put(id="e2", where="cur", name="a,tries=1.json")
        give_to_nobody(work)
        os.chown(work.place("cur", name), 0, 0)
        os.chmod(work.place("cur", name), 0)
        for _ in range(4):
            done = as_nobody(work, *options,
                             command=work.script(RAN)).ended()
            eq("said", done.text.count("left in cur/"), 1)
            eq(f"exit code ({done.text})", done.code, 0)
        eq("run", work.lines("ran"), ["e1"])
        eq("cur", work.names("cur"), [name])


@test("--until-empty ends by itself where a message cannot be read")
def _():
    needs_root()
    work = Work()
    name = work.put()
    give_to_nobody(work)
    os.chown(work.place("new", name), 0, 0)
    os.chmod(work.place("new", name), 0)
    done = as_nobody(work, "--until-empty", "--backoff", "1s:1s",
                     command="true").ended(60)
    eq("said", done.text.count("Permission denied"), 3)
    eq("states", work.states(), {**DONE, "failed": 1})


@test("names of 255 bytes: seen, run, given up, put back and expired")
def _():
    work = Work()
    names = ["x" * 250 + ".json", "y" * 255, "1795292717.M000001P1Q1."
             + "z" * 227 + ".json"]
    for number, name in enumerate(names):
        eq("length", len(name), 255)
        work.put(name=name, id=f"e{number}")
    eq("listed", len(tool("list", "--json", work.path).splitlines()), 3)
    has("stats", tool("stats", work.path), "3")
    tool("hold", work.path, *names)
    tool("release", "--all", work.path)
    eq("new", sorted(work.names("new")), sorted(names))
    work.run("--backoff", "1h:1h", command=work.script(RAN + "; exit 1"))
    eq("waiting", [Parts(name + ("" if name.endswith(".json") else ".json"))
                   .tries for name in work.names("new")], [1, 1, 1])
    work.run("--backoff", "0:0", command=work.script(RAN + "; exit 65"))
    eq("states", work.states(), {**DONE, "failed": 3})
    eq("logs", len(work.names("log")), 3)
    tool("requeue", "--all", work.path)
    work.run("--archive", work.beside("done"), command=work.script(RAN))
    eq("run", len(work.lines("ran")), 9)
    eq("archived", len(os.listdir(work.beside("done"))), 3)
    work.put(name=names[2], where="failed")
    work.put(name=names[1], where="new")
    os.utime(work.place("new", names[1]), (now() - 100, now() - 100))
    tool("expire", "--older-than", "1", "--state", "new,failed", work.path)
    eq("states", work.states(), DONE)


@test("what a run that died has left in cur/ is named by list and put back by "
      "requeue; what is being run is not")
def _():
    work = Work()
    orphan = work.put(where="cur", name="a,tries=3,later=2.json")
    given_up = work.put(where="cur", name="b,tries=1,end=failed.json")
    held = work.put(where="cur", name="c,tries=1.json")
    with open(work.place("cur", held), "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        text = tool("list", "--state", "cur", work.path)
        eq("named", text.count("its runner has died"), 1)
        rows = [json.loads(line) for line in
                tool("list", "--json", work.path).splitlines()]
        eq("errors", {row["name"]: bool(row["error"]) for row in rows},
           {"a": True, "b": True, "c": False})
        tool("requeue", "--state", "cur", work.path, held, code=75)
        tool("requeue", "--state", "cur", "--all", work.path)
        eq("new", sorted(work.names("new")), ["a.json", "b.json"])
        eq("cur", work.names("cur"), [held])
    tool("requeue", "--state", "new", "--all", work.path, code=64)
    tool("hold", "--state", "cur", "--all", work.path, code=64)
    hasnt("names", orphan + given_up, held)


@test("times of a wrong clock: a next= beyond the back-off, an arrival before "
      "2020")
def _():
    for options in ((), ("--in-order",), ("--latest",)):
        work = Work()
        work.put(id="e1", name=f"a,tries=1,next={now() + 300 * 86400}.json",
                 subject="a")
        work.put(id="e2", name=f"b,tries=1,next={now() + 600}.json",
                 subject="b")
        work.run(*options, "--backoff", "10s:20m", command=work.script(RAN))
        eq("run", work.lines("ran"), ["e1"])
    work = Work()
    old = "12.M000001P1Q1.shop.json"
    for where in ("new", "failed"):
        work.put(name=old, where=where)
    tool("expire", "--older-than", "1h", "--state", "new,failed", work.path)
    eq("states", work.states(), {**DONE, "new": 1, "failed": 1})
    for name in ("new", "failed"):
        os.utime(work.place(name, old), (5, 5))
    stats = json.loads(tool("stats", "--json", work.path))
    ok(f"oldest {stats['states']['new']['oldest']}",
       stats["states"]["new"]["oldest"] < 600)


@test("a drain with a back-off of a second ends, and tries each once")
def _():
    for options in ((), ("--in-order",), ("--latest",)):
        for ending in ("exit 1", "exit 75"):
            work = Work()
            for number in range(20):
                work.put(subject=str(number), id=f"e{number}")
            work.run(*options, "--backoff", "1s:1s", "--quiet",
                     command=work.script(f"{RAN}; sleep 0.1; {ending}"))
            eq(f"runs {options} {ending}", len(work.lines("ran")), 20)
            eq("left", len(work.names("new")), 20)


@test("--watch waits for descriptors and for inotify, and says so")
def _():
    work = Work()
    limit = ["sh", "-c", 'ulimit -S -n "$0" && exec "$@"']
    command = work.script(RAN)
    for order, count in itertools.product(((), ("--in-order",)),
                                          range(8, 14)):
        work.clear()
        runner = work.start("--watch", "--jobs", "4", *order, command=command,
                            wrapper=(*limit, str(count)))
        work.fill(8)
        time.sleep(1.5)
        if not runner.alive():
            fail(f"{count} descriptors: it has ended: {runner.text()}")
        subprocess.run(["prlimit", f"--pid={runner.pid}", "--nofile=64:64"],
                       check=False)
        wait_for(lambda: work.states() == DONE, f"the end, {count}", 60)
        # Commands have the limit that the run was started with.
        own = [line for line in runner.text().splitlines()
               if "Too many open files" in line and ", try " not in line]
        ok(f"{count}: {own}", len(own) < 4)
        runner.popen.send_signal(signal.SIGTERM)
        eq("exit code", runner.ended().code, 0)


@test("--watch without inotify says so, and looks once a second until it is "
      "there")
def _():
    for options in ((), ("--in-order",)):
        work = Work()
        runner = work.start("--watch", *options, command=work.script(RAN),
                            wrapper=("strace", "-qq", "-o", "/dev/null", "-e",
                                     "inject=inotify_init1:error=EMFILE:"
                                     "when=1..3"))
        wait_for(lambda: "looking once a second" in runner.text(), "words")
        work.put(id="e1")
        work.wait_for_line("ran", 1)
        time.sleep(4)  # by now it is there
        work.put(id="e2")
        work.wait_for_line("ran", 2)
        eq("said", runner.text().count("looking once a second"), 1)
        os.kill(min(runner.children()), signal.SIGTERM)
        eq("exit code", runner.ended().code, 0)


@test("a file system that locks only what is open for writing, as NFSv4")
def _():
    # strace makes the first flock() fail as NFSv4 makes it.
    for options, when in (((), "1"), (("--in-order",), "1"),
                          (("--in-order",), "2"), (("--latest",), "1")):
        work = Work()
        work.put(id="e1")
        work.run(*options, command=work.script(RAN), wrapper=(
            "strace", "-qq", "-o", "/dev/null", "-e",
            f"inject=flock:error=EBADF:when={when}"))
        eq(f"run, {options}", work.lines("ran"), ["e1"])
        eq("new", work.names("new"), [])
        eq("cur", [name for name in work.names("cur") if name != ".lock"], [])
    # Where it may not be written to, that is the reason; it is not passed
    # over as another process' message.
    work = Work()
    work.put(id="e1")
    done = work.start(command=work.script(RAN), wrapper=(
        "strace", "-qq", "-o", "/dev/null", "-e",
        "inject=flock:error=EBADF")).ended()
    eq("exit code", done.code, IOERR)
    has("said", done.text, "cannot lock")
    eq("run", work.lines("ran"), [])


# --- commands ---------------------------------------------------------------

@test("--timeout of a command that may not be signalled is said at once, and "
      "its own end counts")
def _():
    needs_root()
    for status, want in ((0, DONE), (65, {**DONE, "failed": 1})):
        work = Work()
        work.put()
        source = work.beside("s.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write("#include <unistd.h>\nint main(void) { if (setuid(0)) "
                       f"return 1; sleep(4); return {status}; }}\n")
        subprocess.run(["gcc", "-o", work.beside("sudolike"), source],
                       check=True)
        give_to_nobody(work)
        os.chown(work.beside("sudolike"), 0, 0)
        os.chmod(work.beside("sudolike"), 0o4755)
        runner = as_nobody(work, "--timeout", "1s",
                           command=work.beside("sudolike"))
        wait_for(lambda: "may not be signalled" in runner.text(), "words", 30)
        ok("before its end", runner.alive())
        done = runner.ended()
        hasnt("said", done.text, "killed")
        eq(f"states, {status}", work.states(), want)


LEAVER = """import os, sys, time
os.setpgid(0, os.getppid())
open("pid", "w").write(str(os.getpid()))
time.sleep(60)
"""


@test("--timeout of a command that has left its process group")
def _():
    work = Work()
    work.put()
    begun = time.monotonic()
    done = work.run("--timeout", "1s", "--retries", "0",
                    command=work.script(LEAVER, interpreter="/usr/bin/python3"))
    ok("it took less than a minute", time.monotonic() - begun < 50)
    has("said", done.text, "killed after its time was up")
    eq("states", work.states(), {**DONE, "failed": 1})


@test("a command that is stopped is said to be")
def _():
    work = Work()
    work.put()
    runner = work.start("--timeout", "2s", "--retries", "0",
                        command=work.script("kill -TTIN $$; true"))
    wait_for(lambda: "is stopped by SIGTTIN" in runner.text(), "words", 30)
    eq("exit code", runner.ended().code, 0)
    eq("states", work.states(), {**DONE, "failed": 1})


@test("a program that cannot be executed: an error that says why, and "
      "nothing is claimed")
def _():
    work = Work()
    name = work.put()
    for text, mode, why in (
            ("#!/bin/sh\r\ntrue\r\n", 0o755, "CR LF"),
            ("#!/no/such/interpreter -x\n", 0o755,
             "interpreter /no/such/interpreter"),
            ("#!\ntrue\n", 0o755, "#! without an interpreter"),
            ("#! \t\ntrue\n", 0o755, "#! without an interpreter"),
            ("#! /bin/sh\n", 0o644, "chmod +x")):
        path = work.beside("program")
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.chmod(path, mode)
        done = work.run(command=path, code=UNAVAILABLE)
        has("said", done.text, why)
        eq("lines", done.text.count("\n"), 1)
        eq("new", work.names("new"), [name])
    done = work.run(command=work.beside("missing"), code=UNAVAILABLE)
    has("said", done.text, "No such file")
    done = work.run(command=work.dir, code=UNAVAILABLE)
    has("said", done.text, "is no file")


@test("what a command leaves behind is reaped, where that is run's to do")
def _():
    # PR_SET_CHILD_SUBREAPER is inherited over exec: as process 1 of a
    # container it would be the same.
    work = Work()
    work.put()
    runner = work.start("--watch", command=work.script(
        "setsid sh -c 'echo $$ >>orphan; sleep 0.2' >/dev/null 2>&1 &"),
        wrapper=("python3", "-c", "import ctypes, os, sys\n"
                 "ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)\n"
                 "os.execv(sys.argv[1], sys.argv[1:])"))
    pid = int(work.wait_for_line("orphan")[0])
    wait_for(lambda: not os.path.exists(f"/proc/{pid}"), "end of the orphan")
    eq("exit code", runner.end().code, 0)


@test("in the journal, dead letters and faults have a priority")
def _():
    work = Work()
    work.fill(2)
    command = work.script('[ "$CE_ID" = e1 ] && exit 65; exit 1')
    log = work.beside("journal")
    with open(log, "wb") as file:
        st = os.fstat(file.fileno())
        stream = f"{st.st_dev}:{st.st_ino}"
        for args in (("run", work.path, "--", command),
                     ("list", work.beside("nowhere"))):
            subprocess.run([TOOL, *args], check=False, stderr=file,
                           stdout=subprocess.DEVNULL, env={
                               **os.environ, "JOURNAL_STREAM": stream})
    lines = read(log).splitlines()
    eq("priorities", [line[:3] for line in lines], ["<4>", "<6>", "<3>"])
    has("dead letter", lines[0], "given up")
    hasnt("elsewhere", work.run(command="true").text, "<")


if __name__ == "__main__":
    main()

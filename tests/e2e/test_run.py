# SPDX-License-Identifier: MIT
"""test_run - hookdir run: the consumer contract

What a command is given, what its end means, and what becomes of messages,
names and logs, whatever the command does. Commands are small scripts; where
the test has to be in step with one, they wait for files. HOOKDIR_TOOL names
another hookdir.
"""

import concurrent.futures
import contextlib
import functools
import json
import os
import pty
import pwd
import re
import select
import signal
import socket
import statistics
import subprocess
import sys
import time

from fcgiclient import cpu_seconds, endpoint, memory
from harness import (PATIENCE, Handler, clean_environment, eq, fail, has,
                     hasnt, main, needs_root, ok, read, skip, test, wait_for)
from spools import (DONE, TOOL, Parts, Work, alive, event, now, processes_of,
                    recorded, recorder, sanitized)

OK, USAGE, NOINPUT, UNAVAILABLE, IOERR, NOPERM, CONFIG = \
    0, 64, 66, 69, 74, 77, 78
MIB = 1024 * 1024
YEAR = 366 * 86400


def ends_with(code):
    """A command that ends with that status, or what a shell makes of it"""
    return ["sh", "-c", f"exit {code}", "sh"]


def make_due(work):
    """The time of the next try of all is past."""
    for name in work.names("new"):
        os.rename(work.place("new", name), work.place(
            "new", re.sub(r",next=\d+", ",next=1", name)))


# --- what the end of a command means ----------------------------------------

@test("the exit status decides what becomes of a message")
def _():
    work = Work()
    counted = (1, 2, 64, 66, 69, 70, 71, 74, 76, 77, 79, 126, 127, 128, 255)
    for code in (0, 65, 75, *counted):
        work.put(subject=str(code), id=str(code), name=f"{code}.json")
    done = work.run(command=work.script('exit "$CE_SUBJECT"'))
    eq("failed", work.names("failed"), ["65,tries=1.json"])
    eq("cur", work.names("cur"), [])
    parts = {part.base: part for part in map(Parts, work.names("new"))}
    eq("waiting", sorted(parts), sorted(map(str, (75, *counted))))
    for code in counted:
        part = parts[str(code)]
        eq(f"status {code}", (part.tries, part.later), (1, 0))
        has("said", done.text, f"hookdir run: {code}: exit status {code}, "
            "try 1, again in 10s\n")
    eq("status 75", (parts["75"].tries, parts["75"].later), (0, 1))
    has("said of 65", done.text, "65: exit status 65, try 1, given up\n")
    hasnt("said of 0", done.text, "hookdir run: 0:")


@test("ended commands are seen, also by a runner that was told to ignore that")
def _():
    # As a parent that ignores SIGCHLD leaves it to those it starts.
    work = Work()
    work.fill(3)
    ignored = ("import os, signal, sys; "
               "signal.signal(signal.SIGCHLD, signal.SIG_IGN); "
               "os.execv(sys.argv[1], sys.argv[1:])")
    done = subprocess.run(
        [sys.executable, "-c", ignored, TOOL, "run", "--backoff", "0:0",
         "--retries", "1", work.path, "--", "sh", "-c",
         'test "$CE_ID" != e2'], check=False, timeout=PATIENCE,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=clean_environment())
    eq("exit code", done.returncode, 0)
    eq("states", work.states(), {**DONE, "failed": 1})


@test("no archive is a directory of the spool, even one that is not there")
def _():
    for name in ("new", "failed", "quarantine", "tmp", "seen", "latest", ""):
        work = Work(states=("tmp", "new"))
        work.put()
        done = work.run("--archive", work.place(name), command="true",
                        code=CONFIG)
        has(name, done.text, "is a directory of the spool")
        eq("new", len(work.names("new")), 1)


@test("a copy of a message in failed/ neither goes nor stops the others")
def _():
    work = Work()
    work.put(name="a.json")
    work.put(name="a,tries=1.json", where="failed", text=b"the copy")
    work.put(name="b.json")
    done = work.run(command=work.script("exit 65"))
    eq("exit code", done.code, OK)
    eq("failed", len(work.names("failed")), 3)
    eq("the copy", read(work.place("failed", "a,tries=1.json")), "the copy")
    eq("states", work.states(), {**DONE, "failed": 3})


@test("a signal is a failed try, and is named")
def _():
    work = Work()
    names = ("TERM", "KILL", "SEGV", "INT", "HUP", "PIPE", "ALRM", "USR1")
    for name in names:
        work.put(subject=name, name=f"{name}.json")
    done = work.run(command=work.script('kill -"$CE_SUBJECT" $$'))
    for name in map(Parts, work.names("new")):
        eq("tries", name.tries, 1)
    eq("states", work.states(), {**DONE, "new": len(names)})
    for name in names:
        has("said", done.text, f"{name}: killed by signal "
            f"{getattr(signal, 'SIG' + name).value} (SIG{name}), try 1")


@test("all tries used up: to failed/, with the number of them")
def _():
    for retries, runs in ((0, 1), (1, 2), (2, 3), (25, 26)):
        work = Work()
        base = work.put().removesuffix(".json")
        done = work.run("--retries", str(retries), "--backoff", "0:0",
                        command=work.script("echo x >>ran; exit 1"))
        eq("runs", len(work.lines("ran")), runs)
        eq("failed", work.names("failed"), [f"{base},tries={runs}.json"])
        eq("states", work.states(), {**DONE, "failed": 1})
        has("said", done.text, f"exit status 1, try {runs}, given up")
        eq("times said so", done.text.count("again at once"), retries)


@test("75 does not count as a try, however often")
def _():
    work = Work()
    base = work.put().removesuffix(".json")
    work.script("echo x >>ran; exit 75")
    for number in range(1, 8):
        work.run("--retries", "0", "--backoff", "0:0",
                 command=work.beside("command"))
        part = work.parts()
        eq("counts", (part.base, part.tries, part.later), (base, 0, number))
        ok("it waits for a second at least", part.next > 0)
        make_due(work)
    eq("runs", len(work.lines("ran")), 7)
    work.run("--retries", "0", command=ends_with(1))
    eq("failed", work.names("failed"), [f"{base},tries=1,later=7.json"])


@test("78 stops the runner, and the message is as it was")
def _():
    for added in ("", ",tries=2", ",tries=1,later=4,next=5", ",next=7"):
        work = Work()
        first = work.put(name=f"1795292717.M000000P1Q1.shop{added}.json")
        others = work.fill(3)
        done = work.run(command=work.script("echo x >>ran; exit 78"),
                        code=CONFIG)
        eq("runs", len(work.lines("ran")), 1)
        eq("new", work.names("new"), sorted([first, *others]))
        has("said", done.text, "exit status 78")
    work.run(command="true")
    eq("states", work.states(), DONE)


@test("78 while others run: those finish, and none is begun")
def _():
    work = Work()
    names = work.fill(5)
    command = work.script(
        'echo "$CE_ID" >>ran\n'
        'while [ "$(wc -l <ran)" -lt 3 ]; do sleep 0.01; done\n'
        '[ "$CE_ID" = e2 ] && exit 78\n'
        'while [ ! -e go ]; do sleep 0.01; done')
    runner = work.start("--jobs", "3", command=command)
    wait_for(lambda: "exit status 78" in runner.text(), "78")
    work.script("", name="go")
    eq("exit code", runner.ended().code, CONFIG)
    eq("run", sorted(work.lines("ran")), ["e1", "e2", "e3"])
    eq("new", work.names("new"), [names[1], names[3], names[4]])
    eq("cur", work.names("cur"), [])


# --- when the next try is due -----------------------------------------------

@test("the wait doubles from BASE up to MAX, as the names say")
def _():
    for code, counter in ((1, "tries"), (75, "later")):
        work = Work()
        work.put()
        for number, delay in enumerate((10, 20, 40, 80, 90, 90, 90), 1):
            before = now()
            work.run("--backoff", "10:90s", "--retries", "99",
                     command=ends_with(code))
            part = work.parts()
            eq(counter, getattr(part, counter), number)
            ok(f"{part.next} is {delay} s after {before}",
               before + delay <= part.next <= now() + delay)
            # Not due: it is left alone.
            work.run(command=work.script("echo x >>ran"))
            eq("runs before the time", work.lines("ran"), [])
            make_due(work)


@test("tries and put-offs double each by themselves")
def _():
    work = Work()
    work.put(name="m,tries=3,later=2,next=1.json")
    before = now()
    work.run("--backoff", "1m:1d", command=ends_with(1))
    part = work.parts()
    eq("counts", (part.tries, part.later), (4, 2))
    ok("wait of the fourth try",
       before + 480 <= part.next <= now() + 480)
    make_due(work)
    before = now()
    work.run("--backoff", "1m:1d", command=ends_with(75))
    part = work.parts()
    eq("counts", (part.tries, part.later), (4, 3))
    ok("wait of the third put-off", before + 240 <= part.next <= now() + 240)


@test("a next try beyond the longest back-off was a wrong clock, and is due")
def _():
    work = Work()
    work.put(name=f"far,tries=1,next={now() + YEAR + 86400}.json", id="far")
    work.put(name=f"near,tries=1,next={now() + 86400}.json", id="near")
    work.put(name="huge,tries=1,next=999999999999999999.json", id="huge")
    work.put(name="past,tries=1,next=1.json", id="past")
    work.run("--backoff", "10s:2d",
             command=work.script('echo "$CE_ID" >>ran'))
    eq("run", sorted(work.lines("ran")), ["far", "huge", "past"])
    eq("waiting", work.parts().base, "near")


# --- what a command is given ------------------------------------------------

GIVEN = r"""
import json, os, sys
with open("/proc/self/environ", "rb") as file:
    environ = file.read().decode("latin-1").split("\0")[:-1]
fds = [fd for fd in os.listdir("/proc/self/fd") if os.path.exists(
    f"/proc/self/fd/{fd}")]
at = os.lseek(0, 0, os.SEEK_CUR)
data = sys.stdin.buffer.read()
with open(sys.argv[-1], "rb") as file:
    same = file.read() == data
with open("given.new", "w") as file:
    json.dump({"environ": environ, "argv": sys.argv[1:], "at": at,
               "length": len(data), "same": same, "cwd": os.getcwd(),
               "group": os.getpgid(0) == os.getpid(),
               "blocked": [n for n in range(1, 32) if n in
                           __import__("signal").pthread_sigmask(0, [])],
               "fds": sorted(fds)}, file)
os.rename("given.new", "given")
"""
TIDY = {"PATH": "/usr/bin:/bin", "HOME": "/home/x", "LANG": "C.UTF-8"}


def given(work, *args, **how):
    """Runs the one message of the spool; what its command was given"""
    command = work.script(GIVEN, interpreter="/usr/bin/python3 -I")
    how.setdefault("env", {**clean_environment(), **TIDY})
    work.run(*how.pop("options", ()), command=[command, *args], **how)
    eq("states", work.states(), DONE)
    seen = json.loads(read(work.beside("given")))
    seen["environ"] = dict(entry.split("=", 1) for entry in seen["environ"])
    return seen


# Which try this is, and how many are left if it fails
TRY = {"CE_TRY": "1", "CE_TRIES_LEFT": "10"}
CE = {"CE_ID": "e1", "CE_TYPE": "com.example.things.change",
      "CE_SUBJECT": "7", "CE_SOURCE": "https://a.example/w",
      "CE_TIME": "2026-11-21T17:05:33.123456Z",
      "CE_DATACONTENTTYPE": "application/json", "CE_SENDER": "generic"}


@test("standard input is the message from its first byte, the path the last "
      "argument")
def _():
    for data in (b"{}", b'"' + b"x" * 3 * MIB + b'"'):
        for inside in ("spool", " a spool of $(touch it) \u00e6\n'\"; ",
                       "-n"):
            work = Work(inside)
            name = work.put(event(data))
            seen = given(work, "one", "", "two words", "*", "$CE_ID")
            eq("length", seen["length"], len(event(data)))
            eq("position", seen["at"], 0)
            eq("arguments", seen["argv"][:-1],
               ["one", "", "two words", "*", "$CE_ID"])
            eq("path", seen["argv"][-1], work.place(
                "cur", name.replace(".json", ",tries=1.json")))
            ok("the path leads to the same bytes", seen["same"])
            ok("it leads a process group", seen["group"])
            eq("blocked signals", seen["blocked"], [])


@test("a relative path, or a link, to the spool: the argument is absolute")
def _():
    work = Work("a b")
    os.symlink("a b", work.beside("link"))
    for path in ("./a b", "./a b/", "./link", "../" + os.path.basename(work.dir)
                 + "/a b//."):
        work.put()
        seen = given(work, path=path)
        eq("folder", os.path.dirname(seen["argv"][-1]), work.place("cur"))
        eq("where it runs", seen["cwd"], work.dir)


@test("the environment is PATH, HOME, LANG and CE_*, and nothing else")
def _():
    work = Work()
    work.put()
    seen = given(work, env={
        **clean_environment(), **TIDY, "SECRET": "s", "LD_LIBRARY_PATH": "/x",
        "IFS": "x", "BASH_ENV": "/x", "HTTP_PROXY": "http://x", "CE_ID": "x",
        "CE_OTHER": "mine", "LC_ALL": "C", "TZ": "UTC", "PYTHONPATH": "/x"})
    eq("environment", seen["environ"], {**TIDY, **TRY, **CE})
    for message in (event(b'{"reference":"2042"}'), event(reference="2042")):
        work.put(message)
        eq("reference", given(work)["environ"].get("CE_REFERENCE"), "2042")
    work.put()
    # No HOME and no LANG; a shell in between might set PATH again.
    seen = given(work, wrapper=["env", "-i", f"TMPDIR={work.dir}"])
    path = seen["environ"].pop("PATH")
    eq("environment", seen["environ"], {**TRY, **CE})
    for place in ("/usr/local/bin", "/usr/bin", "/bin"):
        has("the default PATH", path.split(":"), place)


@test("a long PATH is handed on like a short one")
def _():
    work = Work()
    work.put()
    long = "/usr/bin:/bin" + ":/none/of/these" * 1000
    seen = given(work, env={**clean_environment(), **TIDY, "PATH": long})
    eq("PATH", seen["environ"].get("PATH", "none"), long)


@test("descriptors of the runner do not reach the command")
def _():
    work = Work()
    work.put()
    os.mkdir(work.beside("done"))
    seen = given(work, options=["--archive", "done", "--in-order", "--jobs",
                                "4"])
    eq("descriptors", seen["fds"], ["0", "1", "2"])


SHOCK = "() { :;}; touch pwned"
HOSTILE = {
    "newlines": ({"subject": "a\nLD_PRELOAD=/x\n\nPATH=/x"},
                 {"CE_SUBJECT": "a\nLD_PRELOAD=/x\n\nPATH=/x"}),
    "a function": ({"subject": SHOCK, "id": SHOCK, "type": SHOCK},
                   {"CE_SUBJECT": SHOCK, "CE_ID": SHOCK, "CE_TYPE": SHOCK}),
    "NUL": ({"subject": "7\0LD_PRELOAD=/x", "source": "\0", "id": "\0x"},
            {"CE_SUBJECT": None, "CE_SOURCE": None, "CE_ID": None}),
    "extensions": ({"LD_PRELOAD": "/x", "PATH": "/x", "ldpreload": "/x",
                    "CE_ID": "x", "ceid": "x", "BASH_ENV": "/x", "=": "x",
                    "": "x", "HOME": "/x", "id\0": "x", "ID": "x"}, {}),
    "no strings": ({"id": 7, "type": {"a": 1}, "subject": True,
                    "source": ["x"], "time": 1.5},
                   {"CE_ID": None, "CE_TYPE": None, "CE_SUBJECT": None,
                    "CE_SOURCE": None, "CE_TIME": None}),
    "empty": ({"id": "", "type": "", "subject": ""},
              {"CE_ID": None, "CE_TYPE": None, "CE_SUBJECT": None}),
    "4096 bytes": ({"subject": "x" * 4096, "id": "y" * 4097},
                   {"CE_SUBJECT": "x" * 4096, "CE_ID": None}),
    "just under 1 MiB": ({"subject": "x" * (MIB - 1)}, {"CE_SUBJECT": None}),
    "1 MiB": ({"subject": "x" * MIB}, {"CE_SUBJECT": None}),
    "3 MiB": ({"subject": "x" * 3 * MIB, "id": "y" * 2 * MIB},
              {"CE_SUBJECT": None, "CE_ID": None}),
    "all at once": ({name: "v" * 4096 for name in (
        "id", "type", "subject", "source", "time", "datacontenttype",
        "sender")}, {name: "v" * 4096 for name in CE}),
}


@test("hostile attributes set nothing but CE_*, and never end the runner")
def _():
    for what, (attributes, changed) in HOSTILE.items():
        work = Work()
        work.put(**attributes)
        want = {name: value for name, value in {**TIDY, **TRY, **CE,
                                                **changed}.items()
                if value is not None}
        eq(what, given(work)["environ"], want)
        ok("nothing was run of it", "pwned" not in os.listdir(work.dir))


@test("a name that occurs twice counts as the last one says")
def _():
    work = Work()
    work.put(b'{"id":"first","subject":"\\u0000","id":"last",'
             b'"subject":"s\\u00f8 \\ud83d\\ude00","data":{"id":"data"},'
             b'"type":"behind"}\n')
    environ = given(work)["environ"]
    eq("id", environ.get("CE_ID"), "last")
    eq("subject", environ.get("CE_SUBJECT").encode("latin-1").decode(),
       "s\u00f8 \U0001f600")


@test("what is no event is run all the same, without attributes")
def _():
    for text in (b"", b"\n", b"{", b"[]", b"null", b"no JSON", b"\0" * 5000,
                 b"\xff\xfe", b"[" * 100000, b'{"id":"x"' + b" " * 100000):
        work = Work()
        work.put(text)
        seen = given(work)
        eq("length", seen["length"], len(text))
        environ = seen["environ"]
        # What was seen of it before it broke may be said.
        ok("CE_ID", environ.pop("CE_ID", "x") == "x")
        eq("environment", environ, {**TIDY, **TRY})


@test("a command knows which try it is, and how many are left")
def _():
    work = Work()
    work.put()
    work.put(name="o,tries=7,later=3.json")
    work.run("--retries", "2", "--backoff", "0:0", "--until-empty",
             command=work.script(
                 'echo "${1##*/}" "$CE_TRY" "$CE_TRIES_LEFT" >>ran; exit 1'))
    eq("told", [line.split(maxsplit=1)[1] for line in work.lines("ran")
                if not line.startswith("o,")], ["1 2", "2 1", "3 0"])
    eq("told of one with more than that", [
        line for line in work.lines("ran") if line.startswith("o,")],
        ["o,tries=8,later=3.json 8 0"])
    eq("states", work.states(), {**DONE, "failed": 2})


@test("without standard descriptors of its own it hands over good ones")
def _():
    work = Work()
    work.put()
    command = work.script('cat >in; echo said; echo wrong >&2; exit 1')
    work.run(command=command, wrapper=["sh", "-c", 'exec "$@" <&- >&- 2>&-',
                                       "sh"])
    eq("input", read(work.beside("in")).encode(), event())
    name, = work.names("new")
    eq("output", work.log_of(name)[1], b"said\nwrong\n")


# --- commands that misbehave ------------------------------------------------

NEVER = "while :; do sleep 300 & wait; done"  # a stopped sleep is not enough


@test("a time-out ends the whole group, whatever it does")
def _():
    work = Work()
    scripts = {
        "plain": 'echo $$ >>pids; exec sleep 300',
        "ignores": f'trap "" TERM; echo $$ >>pids; {NEVER}',
        "children": 'sleep 301 & echo $! >>pids; sleep 302 & echo $! >>pids; '
                    'echo $$ >>pids; wait',
        "stubborn child": '(trap "" TERM; echo started >>pids; exec sleep 303)'
                          ' & echo $! >>pids; exec sleep 304',
        "stopped": 'echo $$ >>pids; kill -STOP $$',
        "says done": 'trap "exit 0" TERM; echo $$ >>pids; sleep 305 & wait',
    }
    for name, text in scripts.items():
        work.script(text, name=name)
        work.put(subject=name, name=name.replace(" ", "-") + ".json")
    runner = work.start("--timeout", "2", "--jobs", "6", command=work.script(
        'exec "./$CE_SUBJECT" "$@"'))
    done = runner.ended()
    eq("exit code", done.code, OK)
    eq("states", work.states(), {**DONE, "new": len(scripts)})
    for name in work.names("new"):
        eq("tries", Parts(name).tries, 1)
        base = Parts(name).base
        how = ("exit status 0, told to end as its time was up"
               if base == "says-done" else "killed after its time was up")
        has("said", done.text, f"{base}: {how}, try 1")
        has("log", work.log_of(name)[0], how)
    pids = [int(pid) for pid in work.lines("pids") if pid.isdigit()]
    ok("all began", len(pids) >= 8)
    wait_for(lambda: not any(map(alive, pids)), "end of all of them")


@test("children that a command leaves behind hold nothing up")
def _():
    for code, states in ((0, DONE), (65, {**DONE, "failed": 1})):
        work = Work()
        work.put()
        # They hold its input, and with that the lock, and its output.
        command = work.script("sleep 300 & echo $! >>pids; echo x >>ran; "
                              "[ $(wc -l <ran) -lt 3 ] && exit 1; "
                              f"exit {code}")
        work.run("--backoff", "0:0", command=command)
        eq("runs", len(work.lines("ran")), 3)
        eq("states", work.states(), states)
        for pid in work.lines("pids"):
            os.kill(int(pid), signal.SIGKILL)


@test("a command may close what it was given, and go on")
def _():
    work = Work()
    work.put(id="e1")
    work.put(id="e2")
    command = work.script(
        'if [ "$CE_ID" = e1 ]; then exec <&- >&- 2>&-; fi\n'
        'touch "began-$CE_ID"\n'
        'while [ ! -e "go-$CE_ID" ]; do sleep 0.05; done\nexit 3')
    runner = work.start("--jobs", "2", command=command)
    wait_for(lambda: all(os.path.exists(work.beside(f"began-{name}"))
                         for name in ("e1", "e2")), "two commands")
    before, until = cpu_seconds(runner.pid), time.monotonic() + 1
    wait_for(lambda: time.monotonic() > until, "second")
    used = cpu_seconds(runner.pid) - before
    ok(f"{used} s of CPU in a second is no spinning", used < 0.3)
    work.script("", name="go-e1")
    work.script("", name="go-e2")
    eq("exit code", runner.ended().code, OK)
    eq("tries", [Parts(name).tries for name in work.names("new")], [1, 1])


@test("a flood of output ends in 4 KiB, and takes no memory")
def _():
    work = Work()
    work.put(id="e1")
    work.put(id="e2")
    command = work.script(
        'if [ "$CE_ID" = e1 ]; then\n'
        '  head -c 1073741824 /dev/zero; echo THE END; exit 1\n'
        'fi\ntouch began; while [ ! -e go ]; do sleep 0.05; done')
    runner = work.start(command=command)
    wait_for(lambda: os.path.exists(work.beside("began")), "second command")
    if not sanitized():
        peak = memory(runner.pid, "VmHWM")
        ok(f"{peak / MIB:.1f} MiB is no gigabyte", peak < 16 * MIB)
    work.script("", name="go")
    eq("exit code", runner.ended().code, OK)
    name, = work.names("new")
    _, rest = work.log_of(name)
    eq("length", len(rest), 4096)
    eq("end", rest[-9:], b"\0THE END\n")


@test("who floods for ever is ended in time, and others run meanwhile")
def _():
    work = Work()
    work.put(id="e0")
    work.fill(20)
    command = work.script(
        'if [ "$CE_ID" = e0 ]; then exec yes; fi; echo "$CE_ID" >>ran')
    done = work.run("--jobs", "2", "--timeout", "3", "--retries", "0",
                    command=command)
    eq("run", len(work.lines("ran")), 20)
    eq("states", work.states(), {**DONE, "failed": 1})
    name, = work.names("failed")
    eq("log", work.log_of(name)[1].strip(b"y\n"), b"")
    has("said", done.text, "killed after its time was up")


@test("who reads nothing of a large message is done")
def _():
    work = Work()
    work.put(event(b'"' + b"x" * 8 * MIB + b'"'))
    work.run(command="true")
    eq("states", work.states(), DONE)


@test("a message that its command has removed is done; one gone at its "
      "failure stops the runner")
def _():
    work = Work()
    work.fill(2)
    work.run(command=work.script('rm "$1"'))
    eq("states", work.states(), DONE)
    work.put()
    done = work.start(command=work.script('rm "$1"; exit 1')).ended()
    ok(f"exit code {done.code} is no success", done.code)
    eq("states", work.states(), DONE)


# --- what it says, and what it keeps ----------------------------------------

@test("of the output the last 4096 bytes are kept, to the byte")
def _():
    work = Work()
    for length in (0, 1, 4094, 4095, 4096, 4097, 4098, 8191, 8192, 8193,
                   10000, 65536, 65537, 70001):
        text = bytes(33 + number % 89 for number in range(length))
        with open(work.beside("text"), "wb") as file:
            file.write(text)
        for command in ("cat text; exit 1", "cat text >&2; exit 1",
                        "head -c 100 text; sleep 0.02; tail -c +101 text; "
                        "exit 1"):
            name = work.put()
            work.run("--retries", "0", command=work.script(command))
            what, rest = work.log_of(name)
            ok(f"{what!r} is the first line", re.fullmatch(
                r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z exit status 1, try 1",
                what))
            eq(f"output of {length} bytes", rest, text[-4096:])


@test("the end of the output is kept also of a pipe that was made larger")
def _():
    work = Work()
    name = work.put()
    command = work.script(
        "import fcntl, os, signal\n"
        "os.write(1, b'first')\n"
        "fcntl.fcntl(1, 1031, 1 << 20)\n"
        "os.kill(os.getppid(), signal.SIGSTOP)\n"
        "os.write(1, b'a' * 500000 + b'THE END')\n"
        "open('written', 'w').close()\n"
        "raise SystemExit(1)", interpreter="/usr/bin/python3")
    runner = work.start("--retries", "0", command=command)
    wait_for(lambda: os.path.exists(work.beside("written")), "output")
    wait_for(lambda: not any(map(alive, runner.commands())), "end")
    runner.popen.send_signal(signal.SIGCONT)
    eq("exit code", runner.ended().code, OK)
    eq("end", work.log_of(name)[1][-20:], b"a" * 13 + b"THE END")


@test("a log is that of the last try, stays with a dead letter, and goes "
      "when the message is done")
def _():
    work = Work()
    name = work.put()
    command = work.script("echo x >>ran; echo try $(wc -l <ran); exit 1")
    for number in (1, 2):
        work.run(command=command)
        eq("log", work.log_of(name)[1], b"try %d\n" % number)
        make_due(work)
    work.run("--retries", "2", command=command)
    eq("failed", len(work.names("failed")), 1)
    eq("log", work.log_of(name)[1], b"try 3\n")
    work.put(name="other,tries=1.json")
    work.run(command=ends_with(1))
    eq("logs", len(work.names("log")), 2)
    make_due(work)
    work.run(command="true")
    eq("logs", work.names("log"),
       [name.removesuffix(".json") + ".log"])


@test("the last line that a command said is in the report, and harmless")
def _():
    work = Work()
    work.put(name="m.json")
    command = work.script(
        r"printf 'first\nlast \033[2J\033]0;title\007 \200 \n\n \t\n'; exit 1")
    done = work.run(command=command)
    has("said", done.text, "hookdir run: m: exit status 1, try 1, again in "
        "10s: last \\x1b[2J\\x1b]0;title\\x07 \\x80\n")
    work = Work()
    work.put(name="m\n\x1b[2J\u202e.json")
    hasnt("said of the name", work.run(command=ends_with(1)).text, "\x1b")


@test("--quiet: nothing is said of messages that fail")
def _():
    work = Work()
    work.fill(3)
    done = work.run("--quiet", "--retries", "0", command=work.script(
        "echo out; echo err >&2; exit 1"))
    eq("said", done.text, "")
    eq("failed", len(work.names("failed")), 3)
    eq("logs", len(work.names("log")), 3)


@test("what a command says of a message that is done is not shown")
def _():
    work = Work()
    work.fill(3)
    eq("said", work.run(command=work.script("echo out; echo err >&2")).text,
       "")
    eq("states", work.states("log"), {**DONE, "log": 0})


@test("a line of progress on a terminal, and none elsewhere")
def _():
    for quiet in ((), ("--quiet",)):
        work = Work()
        work.fill(30)
        ours, theirs = pty.openpty()
        runner = work.start(*quiet, terminal=os.ttyname(theirs),
                            command=work.script("sleep 0.02; exit 75"))
        text = b""
        while runner.alive() or select.select([ours], [], [], 0.2)[0]:
            if select.select([ours], [], [], 0.2)[0]:
                text += os.read(ours, 65536)
        eq("exit code", runner.ended().code, OK)
        os.close(ours)
        os.close(theirs)
        has("a line", text, b"1 running, ")
        ok("it counts", re.search(rb"\r0 done, [1-9]\d* to be retried, 0 dead "
                                  rb"letters, 1 running, \d+/s, \d+ left",
                                  text))
        end = rb"\r\x1b\[K" if quiet else \
            rb"0 done, 30 to be retried, 0 dead letters, [\d.]+ s, 0\.0 " \
            rb"messages/s\r\n"
        ok(f"the end: {text[-200:]}", re.search(end + rb"$", text))
        eq("reports", text.count(b"exit status 75"), 0 if quiet else 30)


# --- signals ----------------------------------------------------------------

GATE = 'echo "$CE_ID" >>ran; while [ ! -e go ]; do sleep 0.02; done'


@test("SIGTERM while a command runs: it finishes, and no more is begun")
def _():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        for options in ((), ("--watch",), ("--in-order",),
                        ("--watch", "--latest")):
            work = Work()
            names = [work.put(subject=str(n), id=f"e{n}") for n in range(4)]
            runner = work.start("--jobs", "2", *options,
                                command=work.script(GATE))
            work.wait_for_line("ran", 2)
            runner.popen.send_signal(number)
            work.script("", name="go")
            eq("exit code", runner.ended().code, OK)
            eq("run", sorted(work.lines("ran")), ["e0", "e1"])
            eq("new", work.names("new"), names[2:])
            eq("states", work.states(), {**DONE, "new": 2})


@test("SIGTERM does not reach the commands, the second ends them: back, "
      "uncounted")
def _():
    work = Work()
    work.put(name="plain.json", subject="plain")
    work.put(name="trap,tries=3.json", subject="trap")
    work.put(name="done.json", subject="done")
    command = work.script(
        '[ "$CE_SUBJECT" = trap ] && trap "" TERM\n'
        '[ "$CE_SUBJECT" = "done" ] && trap "exit 0" TERM\n'
        'echo "$CE_SUBJECT" >>ran\n' + NEVER)
    runner = work.start("--jobs", "3", "--retries", "0", command=command)
    work.wait_for_line("ran", 3)
    commands = runner.commands()
    runner.popen.send_signal(signal.SIGTERM)
    # That the first one has been taken in shows at no other place.
    wait_for(lambda: not pending(runner.pid), "taking of the first")
    eq("commands", sorted(runner.commands()), sorted(commands))
    runner.popen.send_signal(signal.SIGTERM)
    eq("exit code", runner.ended().code, OK)
    eq("new", work.names("new"), ["plain.json", "trap,tries=3.json"])
    eq("states", work.states(), {**DONE, "new": 2})
    wait_for(lambda: not any(map(alive, commands)), "end of the commands")


def pending(pid):
    text = read(f"/proc/{pid}/status")
    return int(re.search(r"^ShdPnd:\s*(\w+)", text, re.M)[1], 16)


@test("SIGTERM to an idle --watch ends it at once with 0")
def _():
    for options in ((), ("--in-order",), ("--latest",), ("--jobs", "64")):
        for put in (0, 1):
            work = Work()
            for _ in range(put):  # one that waits for its next try
                work.put(name=f"m,tries=1,next={now() + 3600}.json")
            runner = work.start("--watch", *options, command="true")
            wait_for(runner.is_idle, "idle runner")
            start = time.monotonic()
            eq("exit code", runner.end().code, OK)
            took = time.monotonic() - start
            ok(f"{took} s is at once", took < 5)
            eq("states", work.states(), {**DONE, "new": put})
            wait_for(lambda: not processes_of(work.path), "end of all")


# --- what is in new/ --------------------------------------------------------

@test("names that are not ours are messages; those with a dot are none")
def _():
    work = Work()
    names = [b"x", b"no number.json", b"a,b=c.json", b"tries=1",
             b"a,tries=.json", b"-rf.json", b"*.json",
             b"$(touch it).json", b"new\nline.json",
             b"\xff\xfe.json", b"1.json.json", b",tries=4.json",
             b"a,tries=1,tries=2.json", b"a,next=x.json", b"a,later=1.json",
             b"n" * 150 + b".json", b"space .json ", b"json", b"x.JSON"]
    hidden = [b".json", b".hidden.json", b".", b"..", b".x,tries=1.json"]
    for number, name in enumerate(names):
        work.put(id=f"n{number}", name=name)
    for name in hidden:
        if name not in (b".", b".."):
            work.put(id="hidden", name=name)
    names.append(b"l" * 250 + b".json")
    work.put(id=f"n{len(names) - 1}", name=names[-1])
    work.run(command=work.script('echo "$CE_ID" >>ran; cmp - "$1"'))
    ran = work.lines("ran")
    eq("run", sorted(ran), sorted(f"n{n}" for n in range(len(names))))
    eq("left", [name[:20] for name in work.names("new")],
       [".hidden.json", ".json", ".x,tries=1.json"])
    eq("states", work.states(), {**DONE, "new": 3})


@test("names that are not ours are tried again and given up like others")
def _():
    work = Work()
    for name in ("x", "a b.json", "a,tries=1,tries=2.json", "n" * 150):
        work.put(name=name)
    work.run("--retries", "1", "--backoff", "0:0", command=ends_with(1))
    eq("failed", work.names("failed"),
       ["a b,tries=2.json", "a,tries=1,tries=3.json", "n" * 150 + ",tries=2",
        "x,tries=2"])


def odd_files(place):
    """What is no message: a FIFO, links, a directory, a socket"""
    os.mkfifo(os.path.join(place, "1.json"))
    os.symlink("/etc/passwd", os.path.join(place, "2.json"))
    os.symlink("nothing", os.path.join(place, "3.json"))
    os.mkdir(os.path.join(place, "4.json"))
    with socket.socket(socket.AF_UNIX) as sock:
        here = os.open(place, os.O_RDONLY)
        sock.bind(f"/proc/self/fd/{here}/5.json")
        os.close(here)
    return [f"{number}.json" for number in range(1, 6)]


MODES = ((), ("--in-order",), ("--latest",), ("--type", "com.*"))


@test("FIFO, link, directory and socket in new/ are left alone")
def _():
    for options in MODES:
        work = Work()
        odd = odd_files(work.place("new"))
        for number in range(3):
            work.put(subject=str(number))
        done = work.run(*options, command=work.script('cat >>ran'))
        eq("run", len(work.lines("ran")), 3)
        eq("left", work.names("new"), odd)
        eq("said", done.text, "")


@test("the same when they are moved there under the eyes of --watch")
def _():
    for options in MODES:
        work = Work(states=("tmp", "new", "cur", "failed", "odd"))
        odd = odd_files(work.place("odd"))
        runner = work.start("--watch", *options, command=work.script(
            "cat >>ran"))
        wait_for(runner.is_idle, "idle runner")
        for number, name in enumerate(odd):
            os.rename(work.place("odd", name), work.place("new", name))
            work.put(subject=str(number))
        work.wait_for_line("ran", len(odd))
        eq("exit code", runner.end().code, OK)
        eq("left", work.names("new"), odd)


@test("links, FIFOs and files in place of directories are refused")
def _():
    for name in ("new", "cur", "failed"):
        work = Work()
        work.put()
        elsewhere = work.beside("elsewhere")
        os.rename(work.place(name), elsewhere)
        os.symlink(elsewhere, work.place(name))
        done = work.start(command=ends_with(65)).ended()
        ok(f"{name}/ is a link: exit code {done.code}", done.code)
        eq("messages", len(os.listdir(
            elsewhere if name == "new" else work.place("new"))), 1)


@test("cur/ and failed/ that are missing are made")
def _():
    work = Work(states=("new", "tmp"))
    work.fill(2)
    work.run(command=work.script('[ "$CE_ID" = e1 ] || exit 65'))
    eq("states", work.states(), {**DONE, "failed": 1})


@test("a message that cannot be opened stays, and the others are run")
def _():
    needs_root()
    nobody = pwd.getpwnam("nobody")
    for options in MODES:
        work = Work()
        for number in range(3):
            work.put(subject=str(number), id=f"e{number}")
        for place in (work.dir, work.path,
                      *map(work.place, ("tmp", "new", "cur", "failed"))):
            os.chown(place, nobody.pw_uid, nobody.pw_gid)
        name = work.names("new")[1]
        os.chmod(work.place("new", name), 0o600)
        work.script('cat >/dev/null; echo "$CE_ID" >>ran')
        done = work.start(*options, command=work.beside("command"),
                          user=nobody.pw_uid, group=nobody.pw_gid,
                          extra_groups=[]).ended()
        eq(f"run with {options} ({done.text})", work.lines("ran"),
           ["e0", "e2"])
        eq("left", [Parts(left).base + ".json"
                    for left in work.names("new")], [name])
        has("said", done.text, name)


@test("--type: only messages whose type matches")
def _():
    types = ["com.shipmondo.orders.create", "com.shipmondo.orders.cancel",
             "com.shipmondo.shipments.create", "com.tradecloud1.X", None, "",
             "[", "x" * 2000]
    work = Work()

    def left(glob):
        work.clear()
        for number, kind in enumerate(types):
            work.put(type=kind, id=f"e{number}")
        work.run("--type", glob, command="true")
        return [int(message["id"][1:]) for message in work.messages()]

    everything = list(range(len(types)))
    for glob, matches in (("com.shipmondo.*", [0, 1, 2]),
                          ("com.shipmondo.orders.create", [0]),
                          ("*.create", [0, 2]), ("", [4, 5]),
                          ("com.?radecloud1.X", [3]), ("nothing", []),
                          ("com.shipmondo.[!o]*", [2])):
        eq(f"left by {glob!r}", left(glob),
           [number for number in everything if number not in matches])


# --- how many, and in which order -------------------------------------------

@test("--jobs N: N at a time, and no more")
def _():
    for jobs in (1, 3, 20):
        work = Work()
        work.fill(40)
        command = work.script(
            'echo + >>log; n=0\n'
            f'while [ "$(grep -c + log)" -lt {jobs} ]; do sleep 0.01; done\n'
            'echo - >>log')
        work.run("--jobs", str(jobs), command=command)
        running = most = 0
        for line in work.lines("log"):
            running += 1 if line == "+" else -1
            most = max(most, running)
        eq("at a time", most, jobs)
        eq("runs", work.lines("log").count("+"), 40)


@test("one at a time: in the order of arrival")
def _():
    work = Work()
    names = [f"{second}.M{micro:06}P{n}Q1.shop.json"
             for n, (second, micro) in enumerate(
                 [(999999999, 5), (1795292717, 0), (1795292717, 1),
                  (1795292717, 999999), (1795292718, 0), (10000000000, 0)])]
    for number in (3, 5, 0, 4, 1, 2):
        work.put(name=names[number], id=f"e{number}")
    work.run(command=work.script('echo "$CE_ID" >>ran'))
    eq("order", work.lines("ran"), [f"e{n}" for n in range(6)])


@test("a second drain at the same time is harmless, and ends with 0")
def _():
    for options in ((), ("--in-order",), ("--latest",)):
        work = Work()
        work.put()
        first = work.start(*options, command=work.script(GATE))
        work.wait_for_line("ran")
        work.run(*options, command=work.beside("command"))
        eq("runs", work.lines("ran"), ["e1"])
        eq("states", work.states(), {**DONE, "cur": 1})
        work.script("", name="go")
        eq("exit code", first.ended().code, OK)
        eq("states", work.states(), DONE)


@test("two and four runners at once: each of 1,000 messages is run once")
def _():
    for count, jobs in ((2, 2), (4, 1)):
        work = Work()
        work.fill(1000)
        place = work.beside("records")
        os.mkdir(place)
        runners = [work.start("--jobs", str(jobs), command=[
            recorder(), place, "0"]) for _ in range(count)]
        for runner in runners:
            done = runner.ended()
            eq("exit code and words", (done.code, done.text), (OK, ""))
        eq("states", work.states(), DONE)
        records = recorded(place)
        eq("messages", len(records), 1000)
        eq("run otherwise than once",
           [(name, [line.what for line in lines])
            for name, lines in records.items()
            if [line.what for line in lines] != ["start", "end"]], [])
        shares = {line.parent for lines in records.values() for line in lines}
        eq("runners that took part", len(shares), count)


# --- wrong calls ------------------------------------------------------------

@test("a program that is missing or cannot be run costs no try")
def _():
    work = Work()
    name = work.put()
    work.script("echo", name="script")
    os.chmod(work.beside("script"), 0o644)
    with open(work.beside("shapeless"), "w", encoding="ascii") as file:
        file.write("no program\n")
    os.chmod(work.beside("shapeless"), 0o755)
    work.script("", name="lost", interpreter="/no/such/interpreter")
    for command, code in (("/no/such/program", UNAVAILABLE),
                          ("no-such-program", UNAVAILABLE),
                          ("", UNAVAILABLE),
                          ("./script", UNAVAILABLE), ("./shapeless", None),
                          ("./lost", None), ("/etc", None)):
        for options in ((), ("--watch",), ("--in-order",)):
            done = work.start(*options, command=command).ended()
            ok(f"{command}: exit code {done.code}",
               done.code == code if code else done.code > 0)
            has("said", done.text, command)
            eq("new", work.names("new"), [name])


@test("a program that goes away meanwhile stops the runner, and costs no try")
def _():
    work = Work()
    names = work.fill(3)
    done = work.start(command=work.script('rm ./command', name="command")
                      ).ended()
    ok(f"exit code {done.code}", done.code > 0)
    eq("new", work.names("new"), names[1:])


@test("no spool: 66. Wrong arguments: 64. Nothing is touched")
def _():
    work = Work()
    name = work.put()
    for path in ("nothing", "spool/new", "/dev/null"):
        done = work.start(path=path, command="true").ended()
        ok(f"{path}: {done.code}", done.code == NOINPUT or done.code == 74)
    for options in (["--jobs", "0"], ["--jobs", "257"], ["--jobs", "-1"],
                    ["--jobs", "x"], ["--jobs", ""], ["--retries", "-1"],
                    ["--retries", "1000000"], ["--backoff", "10"],
                    ["--backoff", ":"], ["--backoff", "10:"],
                    ["--backoff", "10:5"], ["--backoff", "1y:2y"],
                    ["--backoff", "1:999999999"], ["--timeout", "x"],
                    ["--timeout", "1.5"], ["--timeout", "400d"], ["--nothing"],
                    ["--in-order", "--latest"], ["--archive"]):
        done = work.start(*options, command="true").ended()
        eq(f"{options}: {done.text}", done.code, USAGE)
        has("said", done.text, "usage: hookdir run")
    eq("new", work.names("new"), [name])


# --- the archive ------------------------------------------------------------

@test("--archive: a message that is done is moved there under its own name")
def _():
    for place in (work_archive, shm_archive):
        work = Work()
        with place(work) as archive:
            texts = {}
            for number, name in enumerate((
                    "a.json", "b,tries=2,later=1,next=3.json", "c", "d e")):
                text = event(b'"' + b"x" * 70000 * number + b'"')
                texts[name.split(",")[0].removesuffix(".json")] = text
                work.put(text, name=name)
            work.put(name="bad.json", subject="bad")
            work.run("--archive", archive, command=work.script(
                '[ "$CE_SUBJECT" != bad ] || exit 65'))
            eq("states", work.states(), {**DONE, "failed": 1})
            eq("archive", sorted(os.listdir(archive)),
               ["a.json", "b.json", "c", "d e"])
            for name in os.listdir(archive):
                with open(os.path.join(archive, name), "rb") as file:
                    ok(f"{name} is whole",
                       file.read() == texts[name.removesuffix(".json")])
            # The same message once more is there; another is beside it.
            work.put(texts["b"], name="b.json")
            work.put(b"again", name="a.json")
            work.run("--archive", archive, command="true")
            eq("archive", len(os.listdir(archive)), 5)
            eq("a.json", read(os.path.join(archive, "a,2.json")), "again")


@contextlib.contextmanager
def work_archive(work):
    yield work.beside("done")


@contextlib.contextmanager
def shm_archive(work):
    path = f"/dev/shm/hookdir-{os.getpid()}"
    if os.stat("/dev/shm").st_dev == os.stat(work.path).st_dev:
        fail("/dev/shm and TMPDIR are one file system")
    try:
        yield path
    finally:
        subprocess.run(["rm", "-rf", path], check=True)


@test("--archive on a full file system loses nothing, and no half is left")
def _():
    needs_root()
    work = Work()
    archive = work.beside("full")
    os.mkdir(archive)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "hookdir",
                           archive], check=False, stderr=subprocess.PIPE)
    if done.returncode and b"permission denied" in done.stderr:
        skip("needs root")  # that of a container may not mount
    eq("mount", done.stderr, b"")
    try:
        text = event(b'"' + b"x" * 200000 + b'"')
        work.put(text, id="large")
        done = work.start("--archive", archive, command="true").ended()
        eq("exit code", done.code, IOERR)
        has("said", done.text, "No space left")
        eq("archive", os.listdir(archive), [])
        eq("kept", sum(work.states().values()), 1)
        subprocess.run(["mount", "-o", "remount,size=1m", archive], check=True)
        work.run("--archive", archive, command="true")
        eq("states", work.states(), DONE)
        name, = os.listdir(archive)
        with open(os.path.join(archive, name), "rb") as file:
            ok("it is whole", file.read() == text)
    finally:
        subprocess.run(["umount", "-l", archive], check=True)


@test("--archive that cannot be there: nothing is claimed")
def _():
    work = Work()
    name = work.put()
    for path in ("/no/such/place", "/dev/null", work.beside("a/b")):
        done = work.start("--archive", path, command=work.script(
            "echo x >>ran")).ended()
        ok(f"exit code {done.code}", done.code > 0)
        eq("new", work.names("new"), [name])
    eq("runs", work.lines("ran"), [])


# --- what others do meanwhile -----------------------------------------------

def deliver(handler, work, number):
    """One call of the real handler: the id of its message, and when it was
    answered"""
    body = json.dumps({"number": number, "fill": "x" * 3000}).encode()
    got = handler.request(body, **endpoint(work.path))
    timing = time.monotonic_ns()
    eq("status", got.status, 200)
    return got.json()["id"], timing


LOOKS = r"""
n=0
while [ ! -e stop ]; do
    for f in spool/new/*.json; do
        [ -e "$f" ] || continue
        n=$((n + 1))
        cat "$f" >"copies/$n" 2>/dev/null || rm "copies/$n"
    done
done
"""


@test("a shell that loops over new/, deliveries and run: no half file, and "
      "each is run once")
def _():
    count = 400
    work = Work()
    place = work.beside("records")
    os.mkdir(place)
    copies = work.beside("copies")
    os.mkdir(copies)
    loop = subprocess.Popen(["sh", "-c", LOOKS], cwd=work.dir,
                            env=clean_environment(), start_new_session=True)
    try:
        with Handler() as handler:
            runner = work.start("--watch", "--jobs", "2", command=[
                recorder(), place, "8000"])
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                ids = [found for found, _ in pool.map(functools.partial(
                    deliver, handler, work), range(count))]
            wait_for(lambda: work.states() == DONE, "end of all")
            runner.end()
        # And what nobody takes away, it certainly sees.
        work.put(data=b'{"number":-1}')
        before = len(os.listdir(copies))
        wait_for(lambda: len(os.listdir(copies)) > before + 1, "look")
    finally:
        work.script("", name="stop")
        loop.wait(60)
    seen = set()
    for name in os.listdir(copies):
        text = read(os.path.join(copies, name))
        ok(f"{text[-100:]!r} is whole", text.endswith("}\n"))
        seen.add(json.loads(text)["data"]["number"])
    ok("the last one was seen", -1 in seen)
    records = recorded(place)
    eq("run", sorted(records), sorted(ids))
    eq("run otherwise than once", [
        name for name, lines in records.items()
        if [line.what for line in lines] != ["start", "end"]], [])
    print(f"# figure the shell read {len(os.listdir(copies))} files, "
          f"{len(seen) - 1} different of {count}, while they were delivered "
          "and run", flush=True)


# --- staying ----------------------------------------------------------------

def percentiles(values):
    values = sorted(values)
    return (statistics.median(values),
            values[min(len(values) - 1, len(values) * 99 // 100)])


@test("--watch: what the handler delivers into an idle spool starts within "
      "100 ms")
def _():
    work = Work()
    place = work.beside("records")
    os.mkdir(place)
    waits = []
    with Handler() as handler:
        runner = work.start("--watch", command=[recorder(), place, "0"])
        wait_for(runner.is_idle, "idle runner")
        for number in range(20):
            name, answered = deliver(handler, work, number)
            lines = wait_for(lambda n=name: recorded(place).get(n), "command")
            waits.append((lines[0].when - answered) / 1e6)
            wait_for(lambda: work.states() == DONE and runner.is_idle(),
                     "end of it")
        eq("exit code", runner.end().code, OK)
    median, _ = percentiles(waits)
    print(f"# figure from 200 to the start of the command, idle: median "
          f"{median:.1f} ms, longest {max(waits):.1f} ms", flush=True)
    ok(f"{median} ms is less than 100", median < 100)


@test("--watch under load: nothing is lost, and each is run once")
def _():
    count = 1000
    work = Work()
    place = work.beside("records")
    os.mkdir(place)
    with Handler() as handler:
        runner = work.start("--watch", "--jobs", "2",
                            command=[recorder(), place, "0"])
        wait_for(runner.is_idle, "idle runner")
        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = dict(pool.map(functools.partial(
                deliver, handler, work), range(count)))
        rate = count / (time.monotonic() - start)
        wait_for(lambda: work.states() == DONE, "end of all")
        eq("exit code", runner.end().code, OK)
    records = recorded(place)
    eq("run", sorted(records), sorted(answers))
    eq("run otherwise than once", [
        name for name, lines in records.items()
        if [line.what for line in lines] != ["start", "end"]], [])
    median, last = percentiles([
        (records[name][0].when - answered) / 1e6
        for name, answered in answers.items()])
    print(f"# figure from 200 to the start of the command, {rate:.0f} "
          f"deliveries/s: median {median:.1f} ms, p99 {last:.1f} ms",
          flush=True)


@test("--watch: whatever is moved to new/ is run, and tried again in time")
def _():
    work = Work(states=("tmp", "new", "cur", "failed", "hold"))
    for where in ("failed", "hold", "tmp"):
        work.put(where=where, name=f"{where}.json", id=where)
    command = work.script('echo "$CE_ID" >>ran\n'
                          '[ "$(grep -c "$CE_ID" ran)" -ge 3 ] || exit 1')
    runner = work.start("--watch", "--backoff", "1:1", command=command)
    wait_for(runner.is_idle, "idle runner")
    for where in ("failed", "hold", "tmp"):
        os.rename(work.place(where, f"{where}.json"),
                  work.place("new", f"{where}.json"))
    # Written in place, as by cp: run when it is closed.
    with open(work.place("new", "written.json"), "wb") as file:
        file.write(event(id="written"))
    wait_for(lambda: work.states() == DONE, "end of all")
    eq("exit code", runner.end().code, OK)
    for where in ("failed", "hold", "tmp", "written"):
        eq(f"runs of {where}", work.lines("ran").count(where), 3)


@test("--watch: more arrivals than the kernel remembers are found at once")
def _():
    most = int(read("/proc/sys/fs/inotify/max_queued_events"))
    ok(f"{most} events are not too many to make", most <= 500000)
    for options in ((), ("--in-order",)):
        work = Work()
        runner = work.start("--watch", *options, command=work.script(
            'echo "$CE_ID" >>ran'))
        wait_for(runner.is_idle, "idle runner")
        runner.popen.send_signal(signal.SIGSTOP)
        wait_for(lambda: read(f"/proc/{runner.pid}/stat").rpartition(")")[2]
                 .split()[0] == "T", "stop")
        # Two names in turn: equal events in a row would be one.
        dummies = [(work.place("tmp", name), work.place("new", name))
                   for name in (".a", ".b")]
        for outside, _ in dummies:
            with open(outside, "wb"):
                pass
        for _ in range(most // 2 + 10):
            for outside, inside in dummies:
                os.rename(outside, inside)
            for outside, inside in dummies:
                os.rename(inside, outside)
        work.put()
        runner.popen.send_signal(signal.SIGCONT)
        start = time.monotonic()
        work.wait_for_line("ran")
        took = time.monotonic() - start
        ok(f"{took:.1f} s is not the time of the next pass", took < 20)
        eq("exit code", runner.end().code, OK)


def left_over():
    """A command whose runner and guard are gone, and a runner that waits
    for it: work, process, runner"""
    work = Work()
    work.put()
    first = work.start("--in-order", command=work.script(
        GATE + "; echo end >>ran"))
    work.wait_for_line("ran")
    command, = first.commands()
    guard = first.wait_for_guard()
    os.kill(guard, signal.SIGSTOP)  # it is not to see the runner's end
    first.kill()
    os.kill(guard, signal.SIGKILL)
    work.put(id="e2")
    second = work.start("--in-order", "--until-empty", command=work.script(
        'echo "$CE_ID" >>ran', name="other"))
    wait_for(second.is_idle, "idle runner")
    eq("run", work.lines("ran"), ["e1"])
    return work, command, second


@test("--watch: what no event tells of is found within half a minute, and "
      "a spool that was replaced is followed")
def _():
    def started(*options):
        work = Work()
        runner = work.start(*options, command=work.script(
            'echo "$CE_ID" >>ran; while [ -e hold ]; do sleep 0.02; done'))
        wait_for(runner.is_idle, "idle runner")
        return work, runner

    begun = time.monotonic()
    works = {name: started("--watch") for name in (
        "linked", "renamed", "removed", "moved away")}
    works["in order"] = started("--watch", "--in-order")
    late = Work()
    late.put(name=f"late,tries=1,next={now() + 86400}.json")
    waiter = late.start("--until-empty", "--backoff", "10s:2d",
                        command="true")
    wait_for(waiter.is_idle, "idle runner")
    left, command, heir = left_over()
    left.script("", name="go")
    wait_for(lambda: not alive(command), "end of the command")

    work, _ = works["linked"]
    name = work.put(where="tmp")  # the runner is not to see it before
    os.rename(work.place("tmp", name), work.beside("message.json"))
    os.link(work.beside("message.json"), work.place("new", "message.json"))
    for name in ("renamed", "in order"):
        work, _ = works[name]
        os.rename(work.path, work.beside("old"))
        for place in ("", "tmp", "new"):
            os.mkdir(work.place(place))
        work.put()
    # One that keeps order does so for the new spool, too.
    in_order, _ = works["in order"]
    in_order.script("", name="hold")
    in_order.put(id="e2")
    work, _ = works["removed"]
    os.rmdir(work.place("new"))
    os.mkdir(work.place("new"))
    work.put()
    work, runner = works["moved away"]
    os.rename(work.place("new"), work.place("newer"))
    until = time.monotonic() + 2
    wait_for(lambda: time.monotonic() > until or not runner.alive(), "wait")
    ok(f"it waits for another new/ ({runner.text()})", runner.alive())
    os.mkdir(work.place("new"))
    work.put()
    for name, (work, _) in works.items():
        wait_for(lambda w=work: w.lines("ran"), f"run of what was {name}", 90)
    in_order.run("--in-order", command=in_order.beside("command"))
    eq("run by a second one", in_order.lines("ran")[1:], [])
    os.unlink(in_order.beside("hold"))
    for name, (work, runner) in works.items():
        wait_for(lambda w=work: w.states() == {**w.states(), "new": 0,
                                               "cur": 0}, "end of all")
        eq(f"exit code, {name}", runner.end().code, OK)
    eq("exit code", heir.ended().code, OK)
    eq("run", left.lines("ran"), ["e1", "end", "e1", "e2"])
    eq("states", left.states(), DONE)
    # Behind the time of its second pass, too, it sleeps.
    wait_for(lambda: time.monotonic() > begun + 34, "some more seconds")
    used = cpu_seconds(waiter.pid)
    eq("exit code", waiter.end().code, OK)
    ok(f"{used} s of CPU in 34 s is sleep", used < 1 + 2 * sanitized())


@test("--until-empty stays for the next tries, and then ends by itself")
def _():
    work = Work()
    work.fill(2)
    work.put(id="other", name="held.json", where="failed")
    command = work.script('echo "$CE_ID" >>ran\n'
                          '[ "$(grep -c "$CE_ID" ran)" -ge 3 ] || exit 1')
    runner = work.start("--until-empty", "--backoff", "1:1", command=command)
    work.wait_for_line("ran", 1)
    work.put(id="late")  # before the first two are through
    eq("exit code", runner.ended().code, OK)
    eq("runs", sorted(work.lines("ran")),
       sorted(["e1", "e2", "late"] * 3))
    eq("states", work.states(), {**DONE, "failed": 1})
    # Nothing there: at once.
    work.run("--until-empty", command="false")


if __name__ == "__main__":
    main()

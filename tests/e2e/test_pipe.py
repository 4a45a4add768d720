# SPDX-License-Identifier: MIT
"""test_pipe - hookdir run --pipe: a command that lives and is given many

The protocol, and what becomes of messages whatever the command does with it.
Commands are written with consumer(): Python that has the lines it was given
and writes answers. HOOKDIR_TOOL names another hookdir.
"""

import contextlib
import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
import time

from harness import (clean_environment, eq, fail, has, hasnt, main, ok, read,
                     root_file, test, wait_for)
from spools import DONE, TOOL, Parts, Work, alive, processes_of

OK, STRICT, USAGE, CONFIG = 0, 1, 64, 78
PYTHON = sys.executable

# What every consumer here has. give() is the next message, None at an empty
# line; the end of input ends the program.
HEAD = f"""#!{PYTHON} -u
import os, signal, sys, time
stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
def note(text, name="ran"):
    with open(name, "ab", 0) as file:
        file.write(text.encode("utf-8", "surrogateescape") + b"\\n")
def give():
    line = stdin.readline()
    if not line:
        note(f"end {{os.getpid()}}", "ends")
        sys.exit(0)
    assert line.endswith(b"\\n"), line[-100:]
    if line == b"\\n":
        note("empty", "order")
        return None
    name, _, text = line[:-1].partition(b"\\t")
    name = name.decode("utf-8", "surrogateescape")
    note(name, "order")
    note(name)
    return name, text
def say(text):
    data = text if isinstance(text, bytes) else text.encode(
        "utf-8", "surrogateescape")
    while data:
        data = data[os.write(1, data):]
def answer(name, status=0, *reason):
    say("\\t".join((name, str(status), *reason)) + "\\n")
def batch(most=64):
    got = []
    while len(got) < most:
        message = give()
        if message is None:
            break
        got.append(message)
    return got
note(str(os.getpid()), "starts")
"""
ANSWER_ALL = """
while True:
    message = give()
    if message:
        answer(message[0])
"""


def consumer(work, text=ANSWER_ALL, name="command"):
    path = work.beside(name)
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(HEAD + text)
    os.chmod(path + ".new", 0o755)
    os.rename(path + ".new", path)
    return path


def bases(lines):
    return [Parts(name).base + ".json" for name in lines]


def filled(count=10, **attributes):
    work = Work()
    return work, work.fill(count, **attributes)


# --- the protocol -----------------------------------------------------------

@test("a message is NAME TAB EVENT on one line, and an answer settles it")
def _():
    work = Work()
    texts = {
        "plain.json": b'{"id":"1"}', "newline.json": b'{"id":"2"}\n',
        "pretty.json": b'{\r\n\t"id": "3",\r\n\t"data": {\n}\n}\r\n\r\n',
        "empty.json": b"", "nul.json": b'{"id":"\0"}\n', "bytes": b"\xff\n\xfe",
        "spaces in it.json": b'{"id":"6"}', "x,later=3.json": b"{}",
        "x,tries=7,missed=2.json": b"[]", "\udcff.json": b"1",
        "big.json": b'{"data":"' + b"x" * 3000000 + b'\\n"}\n',
        "edge.json": b'"' + b"y" * 65500 + b'"\n'}
    for name, text in texts.items():
        work.put(text, name=name)
    work.run("--pipe", "--retries", "9", command=consumer(work, """
import json
seen = {}
while True:
    message = give()
    if message:
        seen[message[0]] = message[1].decode("latin-1")
        with open("seen", "w", encoding="utf-8", errors="surrogateescape") as f:
            json.dump(seen, f)
        answer(message[0])
"""))
    with open(work.beside("seen"), encoding="utf-8") as file:
        seen = json.load(file)
    eq("names", sorted(seen), sorted(
        name[:-5] + ",tries=1.json" if name.endswith(".json") and "," not in
        name else {"bytes": "bytes,tries=1",
                   "x,later=3.json": "x,tries=1,later=3.json",
                   "x,tries=7,missed=2.json": "x,tries=8.json"}[name]
        for name in texts))
    for name, text in texts.items():
        got = [value for key, value in seen.items()
               if key.split(",")[0] == name.split(",")[0].removesuffix(".json")
               and ("later" in key) == ("later" in name)]
        eq(name, got[0], text.decode("latin-1").replace("\n", " ").replace(
            "\r", " ").rstrip(" "))
    eq("states", work.states(), DONE)
    eq("commands", len(work.lines("starts")), 1)
    eq("end of input", len(work.lines("ends")), 1)


@test("each status means what the exit status means, with its reason")
def _():
    work = Work()
    for status in (0, 1, 65, 75, 255):
        work.put(subject=str(status), name=f"{status}.json")
    done = work.run("--pipe", "--verbose", command=consumer(work, """
while True:
    message = give()
    if message:
        answer(message[0], message[0].split(",")[0], "no such\\titem " * 2)
"""))
    eq("failed", work.names("failed"), ["65,tries=1.json"])
    parts = {Parts(name).base: Parts(name) for name in work.names("new")}
    eq("waiting", sorted(parts), ["1", "255", "75"])
    for base, (tries, later) in {"1": (1, 0), "255": (1, 0),
                                 "75": (0, 1)}.items():
        eq(base, (parts[base].tries, parts[base].later), (tries, later))
        ok("in time", parts[base].next > time.time())
    has("said", done.text, "hookdir run: 65: status 65, try 1, given up: "
        "no such\\x09item no such\\x09item")
    has("summary", done.text, "hookdir run: 1 done, 3 to be retried, "
        "1 dead letter, ")
    first, rest = work.log_of("65.json")
    has("log", first, "status 65, try 1")
    eq("reason", rest, b"no such\titem no such\titem ")


@test("78 stops the run; the others are done, and the message goes back")
def _():
    work, _ = filled(5)
    done = work.run("--pipe", code=CONFIG, command=consumer(work, """
got = batch()
answer(got[2][0], 78, "the books are closed")
for name, _ in got[:2] + got[3:]:
    answer(name)
give()
"""))
    has("said", done.text, "status 78, try 1, put back: the books are closed")
    eq("states", work.states(), {**DONE, "new": 1})
    eq("not counted", (work.parts().tries, work.parts().later), (0, 0))


@test("answers may come in any order, in pieces, many in one write")
def _():
    work, _ = filled(64)
    done = work.run("--pipe", command=consumer(work, """
got = batch()
text = "".join(f"{name}\\t0\\n" for name, _ in reversed(got)).encode()
for i in range(0, 300, 7):
    say(text[i:i + 7])
    time.sleep(0.001)
say(text[301:])
give()
give()
"""))
    eq("said", done.text, "")
    eq("states", work.states(), DONE)


@test("an empty line comes when nothing more waits, or the window is full")
def _():
    for window, count, want in ((4, 10, [4, 4, 2]), (64, 10, [10]),
                                (1, 3, [1, 1, 1])):
        work, _ = filled(count)
        work.run(f"--pipe={window}", command=consumer(work, """
while True:
    got = batch(1000)
    note(str(len(got)), "batches")
    say("".join(f"{name}\\t0\\n" for name, _ in got))
"""))
        eq(f"window {window}", list(map(int, work.lines("batches"))), want)
        eq("states", work.states(), DONE)


@test("no more than the window, and 32 MiB, are unanswered; a larger one alone")
def _():
    work = Work()
    mib = 1 << 20
    sizes = [20 * mib, 11 * mib, 5 * mib, 40 * mib, mib, mib]
    for number, size in enumerate(sizes):
        work.put(b'"' + b"x" * size + b'"\n', name=f"{number}.json")
    work.run("--pipe", command=consumer(work, """
while True:
    got = batch(1000)
    note(" ".join(str(len(text) >> 20) for _, text in got), "batches")
    say("".join(f"{name}\\t0\\n" for name, _ in got))
"""))
    eq("MiB given", work.lines("batches"), ["20 11", "5", "40", "1 1"])
    eq("states", work.states(), DONE)


@test("output between answers goes to the log and changes nothing")
def _():
    work, _ = filled(3)
    done = work.run("--pipe", command=consumer(work, r"""
say("PHP Warning:  undefined\n\n\n \n\t\n\t0\nx\t0\nname\tage\ttown\n")
say("total\t5\n" + "z" * 1000000 + "\nesc\x1b[1m\r\n")
os.write(2, b"on standard error\n")
got = batch()
say(b"\0\0\0\n\xff\t0\n")
for name, _ in got:
    say(f"debug {name}\t0\n{name} 0\n {name}\t0\n{name}\n")
    answer(name)
say("half a line")
give()
"""))
    eq("states", work.states(), DONE)
    for text in ("wrote: PHP Warning:  undefined\n", "wrote: total\\x095\n",
                 "wrote: on standard error\n", "wrote: esc\\x1b[1m\\x0d\n",
                 "wrote: half a line\n"):
        has("log", done.text, text)
    quiet, _ = filled(3)
    eq("quiet", quiet.run("--pipe", "--quiet", command=work.beside("command"))
       .text, "")


BROKEN = {
    "doubled": 'answer(got[0][0]); answer(got[0][0])',
    "for another name": 'answer("1795292717.M9P1Q1.shop,tries=1.json")',
    "a status with a NUL": 'say(got[0][0] + "\\t0\\0\\n")',
    "no number": 'answer(got[0][0], "None")',
    "no status": 'say(got[0][0] + "\\t\\n")',
    "out of range": 'answer(got[0][0], 256)',
    "negative": 'answer(got[0][0], -1)',
}


@test("an answer that cannot be right ends the command, and loses nothing")
def _():
    for what, text in BROKEN.items():
        work, _ = filled(5)
        done = work.run("--pipe", "--retries", "0", command=consumer(work, f"""
if not os.path.exists("once"):
    open("once", "w").close()
    got = batch()
    {text}
    time.sleep(60)
""" + ANSWER_ALL))
        has(what, done.text, "is to end: it has answered")
        eq(what, work.states(), DONE)
        eq("commands", len(work.lines("starts")), 2)


@test("an answer without its line end does not count")
def _():
    work, _ = filled(2)
    work.run("--pipe", command=consumer(work, """
if not os.path.exists("once"):
    open("once", "w").close()
    got = batch()
    say(got[0][0] + "\\t65")
    os._exit(0)
""" + ANSWER_ALL))
    eq("states", work.states(), DONE)
    eq("given", len(work.lines("ran")), 4)


@test("an answer with a reason of 1 MB, with NULs: the beginning is kept")
def _():
    work, _ = filled(1)
    work.run("--pipe", "--retries", "0", command=consumer(work, """
got = batch()
say(got[0][0] + "\\t1\\t" + "a\\0b" * 350000 + "\\n")
give()
"""))
    _, rest = work.log_of(work.names("failed")[0])
    eq("reason", rest[:6], b"a\0ba\0b")
    eq("its length", len(rest), 4096)


@test("a name that fits in no line becomes a dead letter, and says why")
def _():
    work, _ = filled(2)
    for name in ("a\tb.json", "a\nb.json"):
        work.put(name=name)
    done = work.run("--pipe", command=consumer(work))
    eq("states", work.states(), {**DONE, "failed": 2})
    has("said", done.text, "control character")


# --- commands that do not what they should ----------------------------------

@test("a command that dies: the others are done, the one that kills it is a "
      "dead letter alone")
def _():
    for jobs in ("1", "3"):
        work = Work()
        names = work.fill(200)
        work.put(b'{"poison":1}\n', name=names[70])
        done = work.run(
            "--pipe", "--retries", "1", "--backoff", "0:0", "--until-empty",
            "--jobs", jobs, command=consumer(work, """
while True:
    message = give()
    if message and b"poison" in message[1]:
        os.kill(os.getpid(), 9)
    if message:
        note(message[0], "done")
        answer(message[0])
"""))
        eq("states", work.states(), {**DONE, "failed": 1})
        eq("dead", [Parts(name).base + ".json"
                    for name in work.names("failed")], [names[70]])
        eq("tries", Parts(work.names("failed")[0]).tries, 2)
        eq("done, each once", sorted(bases(work.lines("done"))), sorted(
            name for name in names if name != names[70]))
        has("said", done.text, "killed by signal 9 (SIGKILL)")


@test("a command that cannot work buries nothing: 78 after three messages")
def _():
    cases = {
        "dies at once": "sys.exit(1)",
        "dies after it has read": "batch(); sys.exit(1)",
        "exits with 0": "give(); sys.exit(0)",
    }
    for what, text in cases.items():
        for options in ((), ("--in-order", "--watch"), ("--jobs", "3"),
                        ("--pipe=1",)):
            work = Work()
            for number in range(100):
                work.put(subject=str(number))
            done = work.run("--pipe", "--retries", "0", *options, code=CONFIG,
                            command=consumer(work, text))
            eq(what, work.states(), {**DONE, "new": 100})
            eq("tries", {Parts(name).tries for name in work.names("new")}, {0})
            has(what, done.text, "it is at fault; nothing was counted")


@test("a command that ends with 78 stops the run, and nothing is marked")
def _():
    work, names = filled(5)
    done = work.run("--pipe", "--retries", "0", code=CONFIG,
                    command=consumer(work, """
note("no driver for the database")
os.write(2, b"no driver\\n")
sys.exit(78)
"""))
    eq("new", work.names("new"), names)
    has("said", done.text, "wrote: no driver")


@test("a command that reads nothing, or answers nothing, is ended in time")
def _():
    for text in ("time.sleep(600)", "while True: give()",
                 "signal.signal(15, signal.SIG_IGN)\nos.close(0)\n"
                 "time.sleep(600)"):
        work = Work()
        work.fill(4, data=b'"' + b"x" * 40000 + b'"')
        done = work.run("--pipe=2", "--timeout", "1s", "--retries", "0",
                        code=CONFIG, command=consumer(work, text))
        eq(text, work.states(), {**DONE, "new": 4})
        has(text, done.text, "nothing was counted")


@test("the time runs from the last answer on")
def _():
    work, _ = filled(8)
    done = work.run("--pipe", "--timeout", "2s", command=consumer(work, """
got = batch()
for name, _ in got:
    time.sleep(0.5)
    answer(name)
give()
"""))
    eq("states", work.states(), DONE)
    eq("said", done.text, "")


@test("a command that closes its input has its answers taken; the rest goes "
      "to another")
def _():
    work, _ = filled(20)
    done = work.run("--pipe=4", command=consumer(work, """
got = batch()
if not os.path.exists("once"):
    open("once", "w").close()
    os.close(0)
    time.sleep(0.2)
    for name, _ in got:
        answer(name)
    time.sleep(600)
for name, _ in got:
    answer(name)
""" + ANSWER_ALL))
    eq("states", work.states(), DONE)
    eq("given, each once", len(work.lines("ran")), 20)
    has("said", done.text, "has ended: killed by signal 15 (SIGTERM)")


@test("a command that closes its output is ended, and nothing is lost")
def _():
    work, _ = filled(20)
    work.run("--pipe=4", command=consumer(work, """
if not os.path.exists("once"):
    open("once", "w").close()
    got = batch(2)
    answer(got[0][0])
    os.close(1)
    time.sleep(600)
""" + ANSWER_ALL))
    eq("states", work.states(), DONE)


@test("a child that keeps the pipes neither stops the run nor works on")
def _():
    for leave in ("", "os.setsid()"):
        work, _ = filled(5)
        done = work.run("--pipe", command=consumer(work, f"""
if not os.path.exists("once"):
    open("once", "w").close()
    got = batch()
    answer(got[0][0])
    if os.fork() == 0:
        {leave or "pass"}
        note(str(os.getpid()), "child")
        time.sleep(30)
        sys.exit(0)
    while not os.path.exists("child"):
        time.sleep(0.01)
    os._exit(3)
""" + ANSWER_ALL))
        eq("states", work.states(), DONE)
        has("said", done.text, "exit status 3; 4 unanswered go back")
        child = int(work.lines("child")[0])
        if leave:
            os.kill(child, signal.SIGKILL)
        wait_for(lambda c=child: not alive(c), "end of the child")


@test("a command that ends by itself after some is started again, and nothing is "
      "marked or counted")
def _():
    work, _ = filled(10)
    done = work.run("--pipe=5", command=consumer(work, """
for name, _ in batch():
    answer(name)
"""))
    eq("states", work.states(), DONE)
    eq("said", done.text, "")
    ok("more than one command", len(work.lines("starts")) > 1)
    hasnt("given", "".join(work.lines("ran")), ",alone")


# --- together with the other options ----------------------------------------

@test("--in-order: one of a subject at a time, also after a failed try")
def _():
    work = Work()
    for number in range(40):
        work.put(id=str(number), subject=str(number % 4))
    work.run("--pipe=16", "--in-order", "--until-empty", "--backoff", "1:1",
             "--jobs", "2", command=consumer(work, """
import json
while True:
    message = give()
    if not message:
        continue
    at = json.loads(message[1])
    note(at["subject"] + " " + at["id"], "done")
    answer(message[0], int(at["id"] in ("7", "8") and
                           ",tries=1" in message[0]))
"""))
    eq("states", work.states(), DONE)
    for subject in "0123":
        ids = [int(line.split()[1]) for line in work.lines("done")
               if line.split()[0] == subject]
        eq(f"subject {subject}", ids, sorted(ids))
        eq("with the failed one twice", len(ids), 10 + (subject in "03"))


@test("--latest: the newest of each subject, and no older one after it")
def _():
    work = Work()
    for number in range(40):
        work.put(id=str(number), subject=str(number % 4))
    done = work.run("--pipe", "--latest", command=consumer(work, """
import json
while True:
    message = give()
    if message:
        note(json.loads(message[1])["id"], "done")
        answer(message[0])
"""))
    eq("done", sorted(map(int, work.lines("done"))), [36, 37, 38, 39])
    eq("states", work.states(), DONE)
    has("said", done.text, "36 superseded by newer ones")


@test("--archive, --type, --retries and --strict mean the same as without")
def _():
    work, names = filled(6)
    other = work.put(type="com.example.other")
    archive = work.beside("archive")
    done = work.run(
        "--pipe", "--archive", archive, "--type", "*.things.*", "--strict",
        "--retries", "0", code=STRICT, command=consumer(work, """
while True:
    message = give()
    if message:
        answer(message[0], int("M000003" in message[0]))
"""))
    eq("archived", sorted(os.listdir(archive)), [
        name for name in names if "M000003" not in name])
    eq("new", work.names("new"), [other])
    eq("failed", len(work.names("failed")), 1)
    has("said", done.text, "given up")


@test("--watch: what arrives is given to the command that lives; a signal ends "
      "it in order")
def _():
    work = Work()
    runner = work.start("--pipe", "--watch", command=consumer(work))
    for number in range(1, 6):
        wait_for(runner.watches, "watch")
        work.put()
        work.wait_for_line("ran", number)
        wait_for(lambda: work.states() == DONE, "end of the message")
    eq("commands", len(work.lines("starts")), 1)
    eq("exit code", runner.end().code, 0)
    eq("end of input", len(work.lines("ends")), 1)


@test("a signal: what was given is answered, what was not goes back")
def _():
    work, names = filled(20)
    runner = work.start("--pipe=8", command=consumer(work, """
got = batch()
note("has", "has")
while not os.path.exists("go"):
    time.sleep(0.01)
for name, _ in got:
    answer(name)
while True:
    give()
"""))
    work.wait_for_line("has")
    runner.ask()
    time.sleep(0.2)
    work.script("", name="go")
    eq("exit code", runner.ended().code, 0)
    eq("new", work.names("new"), names[8:])
    eq("cur", work.names("cur"), [])
    again, names = filled(5)
    runner = again.start("--pipe", command=consumer(again, """
signal.signal(15, signal.SIG_IGN)
batch()
note("has", "has")
time.sleep(600)
"""))
    again.wait_for_line("has")
    runner.ask()
    runner.ask(signal.SIGINT)
    runner.ended()
    eq("new, neither counted nor marked", again.names("new"), names)


@test("after a signal the time runs from the last answer on, too")
def _():
    work, _ = filled(8)
    runner = work.start("--pipe", "--timeout", "2s", command=consumer(work, """
got = batch()
note("has", "has")
for name, _ in got:
    time.sleep(0.5)
    answer(name)
give()
"""))
    work.wait_for_line("has")
    runner.ask()
    done = runner.ended()
    eq("states", work.states(), DONE)
    eq("said", done.text, "")


@test("75 puts off, uncounted, and the rest goes on; nothing spins")
def _():
    work, _ = filled(200)
    work.run("--pipe=16", command=consumer(work, """
while True:
    message = give()
    if message:
        answer(message[0], 75)
"""))
    eq("new", len(work.names("new")), 200)
    eq("given", len(work.lines("ran")), 200)
    eq("counted", {(Parts(name).tries, Parts(name).later)
                   for name in work.names("new")}, {(0, 1)})


@test("two runs with --pipe and one without on one spool: each message once")
def _():
    work, names = filled(300)
    runners = [work.start("--pipe=8", "--jobs", "2", command=consumer(work))
               for _ in range(2)]
    runners.append(work.start("--jobs", "2", command=work.script(
        'echo "${1##*/}" >>ran', name="other")))
    for runner in runners:
        done = runner.ended()
        eq(f"exit code ({done.text[-300:]})", done.code, 0)
    eq("states", work.states(), DONE)
    eq("each once", sorted(bases(work.lines("ran"))), names)


def limited(soft, hard):
    """A shell with these limits of open files"""
    return ["sh", "-c", f'ulimit -Sn {soft}; ulimit -Hn {hard}; exec "$@"',
            "sh"]


@test("256 jobs: descriptors are raised, or fewer are given at a time")
def _():
    for soft, hard, window in ((256, 65536, 64), (256, 1400, 1)):
        work, _ = filled(1200)
        done = work.run("--pipe", "--jobs", "256",
                        wrapper=limited(soft, hard), command=work.script(
                            'ulimit -Sn >>limits\n'
                            'while IFS="\t" read -r name event; do\n'
                            '[ -z "$name" ] || printf "%s\\t0\\n" "$name"\n'
                            'done'))
        eq("states", work.states(), DONE)
        eq("the command's own limit", set(work.lines("limits")), {str(soft)})
        eq(f"it is said: {done.text[-300:]}", "allows 1 messages" in done.text,
           window == 1)


@test("wrong values of --pipe are refused")
def _():
    work = Work()
    for value in ("0", "-1", "x", "", "4097", "1.5"):
        has(value, work.run(f"--pipe={value}", command="true",
                            code=USAGE).text, "--pipe")


# --- what is killed ---------------------------------------------------------

HOLD = """
got = batch()
note("has", "has")
while not os.path.exists("go"):
    time.sleep(0.01)
for name, _ in got:
    answer(name)
note("finished", "finished")
give()
"""


@test("the death of the runner counts nothing and marks nothing")
def _():
    work, names = filled(10)
    work.put(name="z,tries=3.json")
    runner = work.start("--pipe", command=consumer(work, HOLD))
    work.wait_for_line("has")
    runner.kill()
    wait_for(lambda: not processes_of(work.path), "end of the guard")
    eq("cur", len(work.names("cur")), 11)
    work.run("--pipe", "--retries", "4", command=consumer(work, """
while True:
    message = give()
    if message:
        answer(message[0], 75)
"""))
    parts = {Parts(n).base: Parts(n) for n in work.names("new")}
    eq("tries", {base: part.tries for base, part in parts.items()},
       {**{Parts(name).base: 0 for name in names}, "z": 3})


@test("no command is started beside one that has outlived its run")
def _():
    for options in (("--pipe",), ("--pipe", "--in-order"),
                    ("--pipe", "--watch")):
        work, names = filled(6)
        runner = work.start("--pipe", command=consumer(work, HOLD))
        work.wait_for_line("has")
        guard = runner.wait_for_guard()
        os.kill(guard, signal.SIGKILL)
        # The runner starts another guard: both at once.
        guard = wait_for(lambda g=guard, r=runner: r.guard() not in (None, g)
                         and r.guard(), "another guard")
        os.kill(guard, signal.SIGSTOP)
        runner.kill()
        os.kill(guard, signal.SIGKILL)
        command = int(work.lines("starts")[0])
        ok("the command lives", alive(command))
        # One without --pipe leaves alone what the command has.
        work.put(name="new.json")
        work.run(command="true")
        subprocess.run([TOOL, "requeue", "--state", "cur", "--all", work.path],
                       check=True, stdout=subprocess.PIPE,
                       env=clean_environment())
        eq("cur", len(work.names("cur")), 6)
        runner = work.start(*options, command=consumer(work, """
note(f"old {os.path.exists('finished')}", "beside")
""" + ANSWER_ALL))
        wait_for(lambda r=runner: "waiting for the end of a command" in
                 r.text(), "wait")
        time.sleep(0.3)
        eq("commands", len(work.lines("starts")), 1)
        work.script("", name="go")
        os.kill(command, signal.SIGKILL)
        wait_for(lambda: work.states() == DONE, "end of all")
        if "--watch" in options:
            runner.ask()
        eq("exit code", runner.ended().code, 0)
        eq("commands", len(work.lines("starts")), 2)


KILLS = int(os.environ.get("HOOKDIR_KILLS", "40"))
MESSAGES = int(os.environ.get("HOOKDIR_MESSAGES", "2000"))

# Says when it starts; a lock tells whether another one lives that is not a
# sibling of the same runner.
RECORDING = """
import fcntl
lock = open(f"lock.{sys.argv[1]}", "w")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    note("overlap", "overlap")
n = 0
while True:
    message = give()
    if not message:
        continue
    n += 1
    note(f"begin {os.getpid()} {os.getppid()} {message[0]}", "record")
    answer(message[0])
    note(f"end {os.getpid()} {os.getppid()} {message[0]}", "record")
"""


@test(f"{KILLS} kills of runners, commands, both and guards over {MESSAGES} "
      "messages: none is lost, stuck, or given twice unless it was unanswered",
      seconds=900)
def _():
    import random
    seed = int(os.environ.get("HOOKDIR_SEED", random.randrange(1 << 30)))
    print(f"# HOOKDIR_SEED={seed}", flush=True)
    random.seed(seed)
    work = Work()
    names = work.fill(MESSAGES)
    command = consumer(work, RECORDING)
    killed = set()
    counts = {}

    def start(number):
        return work.start("--pipe", "--retries", "999998", "--backoff", "0:0",
                          "--until-empty", "--quiet",
                          command=[command, str(number)])

    runners = [start(0), start(1)]
    for strike in range(KILLS):
        # At any moment of what a command does
        time.sleep(random.random() * 0.15)
        number = random.randrange(2)
        runner = runners[number]
        kind = random.choice(("runner", "command", "both", "guard"))
        counts[kind] = counts.get(kind, 0) + 1
        if not runner.alive():
            eq(f"exit code ({runner.text()})", runner.ended().code, 0)
            runners[number] = start(number)
            continue
        victims = runner.commands() if kind in ("command", "both") else []
        guard = runner.guard() if kind == "guard" else None
        for pid in [*victims, *([guard] if guard else [])]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        if kind in ("runner", "both"):
            killed.add(runner.pid)
            runner.kill()
            runners[number] = start(number)
    for runner in runners:
        eq(f"exit code ({runner.text()[-500:]})", runner.ended(300).code, 0)
    work.run("--pipe", "--quiet", command=[command, "2"])
    eq("states", work.states(), DONE)
    eq("old beside new", work.lines("overlap"), [])
    begun = {}
    for line in work.lines("record"):
        what, pid, parent, name = line.split(" ", 3)
        if what == "begin":
            begun.setdefault(Parts(name).base + ".json", []).append(
                (int(pid), int(parent)))
    eq("each was given", sorted(begun), sorted(names))
    again = 0
    for name, times in begun.items():
        for pid, parent in times[:-1]:
            again += 1
            if not {pid, parent} & killed and parent != 1:
                fail(f"{name} was given again although nothing was killed: "
                     f"{times}, killed {sorted(killed)}")
    print(f"# figure {MESSAGES} messages, kills {counts}: {again} given again",
          flush=True)


# --- the manual -------------------------------------------------------------

def examples():
    """The literal blocks of hookdir-pipe(7)"""
    for place in ("docs", "tools"):
        with contextlib.suppress(FileNotFoundError):
            text = read(root_file(place, "hookdir-pipe.7"))
    return [block.replace("\\e", "\\") for block in re.findall(
        r"\.Bd -literal[^\n]*\n(.*?)\.Ed\n", text, re.S)]


@test("the consumers of the manual do what it says, also by hand")
def _():
    by_hand, shell, python, _ = examples()
    for what, text, interpreter in (("sh", shell, "/bin/sh"),
                                    ("Python", python, PYTHON)):
        work, names = filled(150)
        work.script('grep -q e77 && exit 9; exit 0', name="take-order")
        command = work.script(text, interpreter=interpreter)
        if what == "Python":
            with sqlite3.connect(work.beside("books.db")) as books:
                books.execute("create table orders (id primary key, data)")
        env = {**clean_environment(), "PATH": work.dir + ":" +
               os.environ["PATH"]}
        work.run("--pipe", "--retries", "0", command=command, env=env)
        failed = [Parts(name).base + ".json" for name in work.names("failed")]
        eq(what, failed, [names[76]] if what == "sh" else [])
        if what == "Python":
            with sqlite3.connect(work.beside("books.db")) as books:
                eq("booked", books.execute("select count(*) from orders")
                   .fetchone(), (150,))
    # The command of the last round is the one in Python.
    by_hand = by_hand.replace('{"id":"1"}', '{"id":"x","data":1}').replace(
        '{"id":"2"}', '{"id":"y","data":1}')
    done = subprocess.run(["sh", "-c", by_hand], cwd=work.dir, check=True,
                          stdout=subprocess.PIPE, text=True)
    eq("by hand", done.stdout, "a.json\t0\nb.json\t0\n")


# A line of each sample, and a print by mistake to come before it
SAMPLES = {"py": ('        name, text = line', 'print("oops", end="")'),
           "php": ('        [$name, $text] =', 'echo "oops";'),
           "pl": ('    my ($name, $text) =', 'print "oops";'),
           "js": ('    const [name, text] =', 'console.log("oops");'),
           "sh": ('\tgiven=$(printf', 'printf oops')}


@test("the samples pipe-orders.*: each order once, no order is a dead letter, a "
      "locked database is tried again; also with a print by mistake")
def _():
    for language, (line, slip) in SAMPLES.items():
        text = read(root_file("tools", "samples", f"pipe-orders.{language}"))
        ok("under 40 lines", text.count("\n") < 40)
        head, found, rest = text.partition(line)
        ok(f"{language} has {line}", found)
        indent = line[:len(line) - len(line.lstrip())]
        work, _ = filled(150)
        work.put(b"no JSON\n", name="none.json")
        work.put(id="e7")  # once more
        path = work.beside("sample")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"{head}{indent}{slip}\n{line}{rest}")
        os.chmod(path, 0o755)
        work.run("--pipe", command=[path, "books.db"])
        books = sqlite3.connect(work.beside("books.db"), isolation_level=None)
        eq(f"booked by {language}", books.execute(
            "select count(*) from orders").fetchone(), (150,))
        eq("failed", work.names("failed"), ["none,tries=1.json"])
        work.put(id="later")
        books.execute("begin immediate")
        runner = work.start("--pipe", command=[path, "books.db"])
        wait_for(lambda w=work: w.names("cur"), "claim")
        time.sleep(0.5)
        books.execute("commit")
        eq("exit code", runner.ended().code, 0)
        eq(f"states after {language}", work.states(), {**DONE, "failed": 1})
        books.close()


# --- what it says -----------------------------------------------------------

@test("on a terminal: progress with rate and rest, and a line at the end")
def _():
    work, _ = filled(50)
    main_end, end = pty.openpty()
    runner = work.start("--pipe=4", terminal=os.ttyname(end),
                        command=consumer(work, """
while True:
    message = give()
    if message:
        time.sleep(0.02)
        answer(message[0])
"""))
    text = b""
    os.set_blocking(main_end, False)
    while runner.alive():
        with contextlib.suppress(BlockingIOError):
            text += os.read(main_end, 65536)
        time.sleep(0.02)
    with contextlib.suppress(BlockingIOError):
        text += os.read(main_end, 65536)
    runner.ended()
    ok(f"progress: {text[-500:]}", re.search(
        rb"\r\d+ done, 0 to be retried, 0 dead letters, [1-4] running, "
        rb"\d+/s, \d+ left\x1b\[K", text))
    ok(f"end: {text[-200:]}", re.search(
        rb"hookdir run: 50 done, 0 to be retried, 0 dead letters, "
        rb"\d+\.\d s, \d+\.\d messages/s\r\n", text))
    os.close(main_end)
    os.close(end)


@test("--verbose: the line in a log; --strict: 1 if there was a dead letter")
def _():
    work, _ = filled(3)
    done = work.run("--strict", "--verbose", command="true")
    ok(done.text, re.fullmatch(
        r"hookdir run: 3 done, 0 to be retried, 0 dead letters, \d+\.\d s, "
        r"\d+\.\d messages/s\n", done.text))
    work.fill(2)
    work.run("--strict", command=work.script("exit 1"))
    work.put()
    done = work.run("--strict", code=STRICT, command=work.script("exit 65"))
    has("said", done.text, "given up")
    work.put()
    done = work.run("--verbose", command=work.script("exit 65"))
    has("said", done.text, "0 done, 2 to be retried, 1 dead letter, ")
    eq("not strict", done.code, 0)


if __name__ == "__main__":
    main()

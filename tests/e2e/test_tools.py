# SPDX-License-Identifier: MIT
"""test_tools - hookdir list, show, stats, requeue, hold, release, expire
and reverify

Spools are written by hand where odd things have to be in them, and by the
real handler where it matters that they are its own. HOOKDIR_TOOL names
another hookdir.
"""

import base64
import fcntl
import functools
import hashlib
import json
import os
import pty
import pwd
import random
import re
import socket
import struct
import subprocess
import tempfile
import termios
import time

import senders
import shipmondo
from fcgiclient import KEY, OTHER_KEY, endpoint, new_spool
from harness import (IS_ROOT, PATIENCE, SANITIZER, Apache, Handler, Nginx,
                     clean_environment, eq, fail, folder, has, hasnt, main,
                     needs_root, ok, read, root_file, test, wait_for, write)

TOOL = os.path.abspath(os.environ.get(
    "HOOKDIR_TOOL", root_file("build", "hookdir")))
OK, USAGE, DATAERR, NOINPUT, IOERR, TEMPFAIL, NOPERM, CONFIG = \
    0, 64, 65, 66, 74, 75, 77, 78
STATES = ("new", "cur", "hold", "failed", "quarantine")
MIB = 1024 * 1024
# What may steer a terminal, a newline aside
HARMFUL = re.compile("[\0-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class Done:
    def __init__(self, process, out, err):
        self.code = process.returncode
        self.raw = out
        self.err = err.decode("utf-8", "backslashreplace")

    @property
    def out(self):
        return self.raw.decode("utf-8")

    def lines(self):
        return self.out.splitlines()

    def rows(self):
        """The objects of JSON Lines"""
        return [json.loads(line) for line in self.out.splitlines()]


def tool(*args, code=OK, env=None, **options):
    """Runs hookdir; the exit code must be that one."""
    options.setdefault("stdin", subprocess.DEVNULL)
    process = subprocess.Popen(
        [TOOL, *args], env={**clean_environment(), **(env or {})}, cwd="/",
        stdout=options.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE,
        **options)
    out, err = process.communicate(timeout=PATIENCE)
    done = Done(process, out or b"", err)
    if SANITIZER.search(done.err):
        fail(f"hookdir {args}: a sanitizer's report:\n{done.err[:2000]}")
    if done.code != code:
        fail(f"hookdir {args}: exit {done.code}, want {code}\n"
             f"{done.raw[-500:]!r}\n{done.err[-500:]}")
    return done


@functools.cache
def sanitized():
    with open(TOOL, "rb") as file:
        return b"__asan_init" in file.read()


# --- spools -----------------------------------------------------------------

def event(data=b'{"a":1}', **attributes):
    """An event as the handler writes one; None leaves an attribute out"""
    head = {"specversion": "1.0", "id": "id-1",
            "source": "https://h.example/w", "type": "com.example.tested",
            "subject": "7",
            "time": "2026-11-21T17:05:33.123456Z",
            "datacontenttype": "application/json", "sender": "generic",
            **attributes}
    text = json.dumps({name: value for name, value in head.items()
                       if value is not None}, ensure_ascii=False)
    data = b',"data":' + data if data is not None else b""
    return text[:-1].encode() + data + b"}\n"


def quarantined(body=b"forged", **attributes):
    return event(None, type="hookdir.quarantined",
                 reason="signature-mismatch", detail="not our key",
                 bodysha256=hashlib.sha256(body).hexdigest(), method="POST",
                 path="/w", query="",
                 data_base64=base64.b64encode(body).decode(), **attributes)


class Place:
    """A spool made by hand"""

    def __init__(self, *states):
        self.spool = new_spool()
        self.path = self.spool.path
        self.count = 0
        os.mkdir(self.path)
        for name in ("tmp", *(states or STATES), "log", "latest"):
            os.mkdir(os.path.join(self.path, name))

    def put(self, state="new", text=None, age=0, added="", name=None):
        """A message, so many seconds old; answers its base name"""
        self.count += 1
        base = f"{int(time.time()) - age}.M{self.count:06}P1Q1.shop"
        name = name or base + added + ".json"
        with open(os.path.join(os.fsencode(self.path), state.encode(),
                               os.fsencode(name)), "wb") as file:
            file.write(event() if text is None else text)
        return base

    def log(self, base, text):
        write(os.path.join(self.path, "log", base + ".log"), text)

    def names(self, state):
        return self.spool.names(state)

    def run(self, command, *args, **options):
        return tool(command, *args, self.path, **options)

    def json(self, *args, **options):
        return self.run("list", "--json", *args, **options).rows()


def filled(count):
    """A spool with so many messages in new/"""
    place = Place()
    text = event(b'{"a":"' + b"x" * 300 + b'"}')
    for _ in range(count):
        place.put(text=text)
    return place


@functools.cache
def large():
    return filled(20000)


# --- all of them ------------------------------------------------------------

COMMANDS = ("list", "show", "requeue", "hold", "release", "reverify",
            "expire", "stats")


@test("--help says the usage and every option")
def _():
    for command in COMMANDS:
        done = tool(command, "--help")
        has(command, done.out, f"usage: hookdir {command} ")
        eq("standard error", done.err, "")
        usage, text = done.out.split("\n\n", 1)
        named = set(re.findall(r"--[a-z-]+", usage))
        eq(f"options of {command}",
           set(re.findall(r"^  (--[a-z-]+)", text, re.M)), named)
        eq(f"{command} -h", tool(command, "-h").out, done.out)
        ok("fits a terminal", all(len(x) < 80 for x in text.splitlines()))


@test("wrong arguments: one line, the usage, and 64")
def _():
    place = Place()
    for args, words in (
            (["list", "--state", "old", "."], "--state"),
            (["list", "--state", "", "."], "--state"),
            (["list", "--since", "yesterday", "."], "--since"),
            (["list", "--nonsense", "."], "nonsense"),
            (["list", "--type"], "type"),
            (["show", "."], "which message"),
            (["show", ".", "a", "b"], "one message"),
            (["requeue"], "which spool"), (["requeue", "."], "which messages"),
            (["requeue", "--all", ".", "x"], "either"),
            (["hold", "."], "which messages"),
            (["release", "."], "which messages"),
            (["expire", "."], "--older-than"),
            (["expire", "--older-than", "soon", "."], "--older-than"),
            (["expire", "--older-than", "1d"], "which spool"),
            (["expire", "--older-than", "1d", "a", "b"], "one spool"),
            (["expire", "--older-than", "1d", "--state", "cur", "."], "cur"),
            (["expire", "--older-than", "1d", "--state", "failed,cur", "."],
             "cur"),
            (["reverify"], "which spool"),
            (["reverify", "."], "which sender"),
            (["reverify", "--sender", "nobody", "."], "nobody"),
            (["reverify", "--sender", "nshift", "."], "signs nothing"),
            (["reverify", "--sender", "nshift", "."], "signs nothing")):
        done = tool(*args, code=USAGE)
        has(f"{args}", done.err, words)
        has(f"{args}", done.err, "usage: hookdir ")
        eq(f"output of {args}", done.out, "")
    eq("nothing was made", place.spool.files(), [])


@test("no spool is 66, and nothing is made")
def _():
    nowhere = os.path.join(folder("nowhere"), "spool")
    for command, *args in (["list"], ["stats"], ["expire", "--older-than=1d"],
                           ["requeue", "--all"], ["hold", "--all"],
                           ["reverify", "--sender", "github"]):
        done = tool(command, *args, nowhere, code=NOINPUT,
                    env={"HOOKDIR_KEY": "k"})
        has(command, done.err, nowhere)
        eq("lines", done.err.count("\n"), 1)
    tool("show", nowhere, "x", code=NOINPUT)
    ok("it is still not there", not os.path.exists(nowhere))
    tool("list", os.path.dirname(nowhere), code=NOINPUT)


@test("options may stand behind the spool, and -- ends them")
def _():
    place = Place()
    base = place.put("failed")
    eq("list", tool("list", place.path, "--json").rows()[0]["name"], base)
    eq("requeue", tool("requeue", place.path, "--all").out,
       "1 message requeued\n")
    eq("hold", tool("hold", place.path, "--", base).out, "1 message held\n")
    done = tool("release", place.path, "--", "--no", "--all", code=NOINPUT)
    has("release", done.err, "--no: no such message")
    has("release", done.err, "--all: no such message")


@test("output that cannot be written is 74")
def _():
    place = Place()
    base = place.put()
    for args in (["list", place.path], ["list", "--json", place.path],
                 ["stats", place.path], ["stats", "--json", place.path],
                 ["show", place.path, base],
                 ["show", "--data", place.path, base]):
        with open("/dev/full", "wb") as full:
            done = tool(*args, code=IOERR, stdout=full)
        has(f"{args}", done.err, "standard output")


# --- list -------------------------------------------------------------------

def on_terminal(columns, *args, **env):
    """What hookdir prints on a terminal of so many columns"""
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, columns, 0, 0))
        os.execve(TOOL, [TOOL, *args], {**clean_environment(),
                                        "TERM": "xterm", **env})
    out = b""
    try:
        while part := os.read(terminal, 65536):
            out += part
    except OSError:
        pass  # the other side is closed
    os.close(terminal)
    eq("status", os.waitpid(pid, 0)[1], 0)
    return out.decode().replace("\r\n", "\n")


def people():
    """A spool with a message of each kind, and their names by what a row
    calls them, in order of arrival"""
    place = Place()
    soon = int(time.time()) + 1000
    long = "com.shipmondo.orders.update_fulfillment"
    names = {"dead letter": place.put(
        "failed", event(type=long, subject="119175", reference="2042"), 7200,
        ",tries=10")}
    place.log(names["dead letter"],
              "2026-11-21T17:05:33.123456Z exit status 1, try 10\n"
              "Traceback\norder 2042: no such SKU\n\n")
    names["held"] = place.put("hold", age=300)
    names["left behind"] = place.put("cur", age=200)
    names["retry in 16m"] = place.put("new", None, 60, f",tries=2,next={soon}")
    names["retry now"] = place.put("new", event(subject=None), 50,
                                   ",tries=1,next=1")
    names["refused"] = place.put("quarantine", quarantined(), age=40)
    names["waiting"] = place.put("new", event(reference="\u8ba2" * 90), 2)
    return place, names


@test("list: rows for people, by arrival, with states in words")
def _():
    place, names = people()
    states = ("--state", ",".join(STATES))
    head, *rows = place.run("list", *states, env={"TZ": "UTC-3"}).lines()
    eq("header", head.split(), ["ARRIVED", "STATE", "TYPE", "REFERENCE",
                                "SUBJECT"])
    messages = [row for row in rows if row[0] != " "]
    eq("states", [row[13:26].strip() for row in messages], list(names))
    eq("names", [rows[rows.index(row) + 1].strip() for row in messages],
       list(names.values()))
    for row in (head, *rows):
        wide = sum(2 if c == "\u8ba2" else 1 for c in row)
        ok(f"{row!r} fits", wide <= 80)
    when = int(names["dead letter"].split(".")[0]) + 3 * 3600
    eq("dead letter", (rows[0][:11], rows[0].split()[4:]),
       (time.strftime("%m-%d %H:%M", time.gmtime(when)),
        ["...ders.update_fulfillment", "2042", "119175"]))
    eq("why", rows[2].strip(),
       "exit status 1, try 10: order 2042: no such SKU")
    has("reason", "\n".join(rows), "    signature-mismatch")
    with open(place.path + f"/cur/{names['left behind']}.json",
              "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        has("running", place.run("list").out, "running")


@test("list: it fits the terminal, and has colours there alone")
def _():
    place, _ = people()
    for columns in (20, 47, 60, 79, 80, 133, 250):
        text = on_terminal(columns, "list", place.path, NO_COLOR="1")
        hasnt("NO_COLOR", text, "\x1b")
        for row in text.splitlines():
            wide = sum(2 if c == "\u8ba2" else 1 for c in row)
            ok(f"{row!r} in {columns}", wide <= max(columns, 26))
    has("colour", on_terminal(80, "list", place.path),
        "\x1b[31mdead letter  \x1b[0m")
    has("an empty NO_COLOR", on_terminal(80, "list", place.path, NO_COLOR=""),
        "\x1b[31m")
    hasnt("dumb", on_terminal(80, "list", place.path, TERM="dumb"), "\x1b")
    hasnt("no terminal", place.run("list").out, "\x1b")
    hasnt("JSON", on_terminal(80, "list", "--json", place.path), "\x1b")


@test("list: several spools have a heading each, and none named is all")
def _():
    one, two = Place(), Place()
    one.put()
    out = tool("list", one.path, two.path).lines()
    eq("headings", [line for line in out if line.startswith("/")],
       [one.path, two.path])
    eq("last", out[-1], "no messages")
    env = {"HOOKDIR_SPOOLS": os.path.dirname(one.path)}
    eq("all", tool("list", env=env).lines()[0], "spool")
    eq("by name", len(tool("list", "spool", "--json", env=env).rows()), 1)
    eq("spool", tool("list", "--json", env=env).rows()[0]["spool"], one.path)
    done = tool("list", one.path, two.path + "/none", code=NOINPUT)
    has("the others", done.out, one.path)
    eq("none", tool("list", env={"HOOKDIR_SPOOLS": folder("none")}).out,
       "no spools\n")


@test("list: --json says the same, and the file")
def _():
    place = Place()
    soon = int(time.time()) + 1000
    base = place.put("failed", age=7200, added=f",tries=10,next={soon}")
    place.log(base, "2026-11-21T17:05:33.123456Z exit status 1\nmore\n")
    row, = place.json()
    ok("age", 7200 <= row.pop("age") < 7300)
    eq("row", row, {
        "state": "failed", "name": base,
        "file": f"failed/{base},tries=10,next={soon}.json",
        "type": "com.example.tested", "id": "id-1",
        "source": "https://h.example/w", "subject": "7",
        "reference": None,
        "time": "2026-11-21T17:05:33.123456Z", "reason": None,
        "size": len(event()), "tries": 10, "later": 0,
        "next": time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(soon)),
        "error": "2026-11-21T17:05:33.123456Z exit status 1",
        "output": "more", "spool": place.path, "locked": False,
        "arrived": time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(
            int(base.split(".")[0])))})
    ok("the file is there", os.path.isfile(f"{place.path}/{row['file']}"))
    place = Place()
    place.put("new", event(b'{"reference":"2042"}'))
    place.put("new", event(reference="2042"))
    eq("references", [row["reference"] for row in place.json()],
       ["2042", "2042"])
    place = Place()
    place.put("quarantine", quarantined())
    eq("without quarantine/", place.json(), [])
    row, = place.json("--state", "quarantine")
    eq("quarantined", (row["state"], row["reason"], row["error"], row["next"]),
       ("quarantine", "signature-mismatch", None, None))
    has("text", place.run("list", "--state=quarantine").out,
        "signature-mismatch")


@test("list: nothing to list")
def _():
    place = Place("new")
    eq("text", place.run("list").lines()[1:], ["no messages"])
    eq("JSON", place.json(), [])
    place.put()
    eq("of another type", place.run("list", "--type", "x").lines()[1:],
       ["no messages"])


@test("list: --state, --type and --since")
def _():
    place = Place()
    names = {}
    for number, state in enumerate(STATES):
        names[state] = place.put(state, event(type=f"com.{state}.a"),
                                 age=1000 * number)
    for wanted in ("new", "failed,hold", "quarantine,cur", ",".join(STATES)):
        eq(wanted, sorted(row["name"] for row in
                          place.json("--state", wanted)),
           sorted(names[state] for state in wanted.split(",")))
    eq("--type", [r["state"] for r in place.json("--type", "com.[ch]*.a")],
       ["hold", "cur"])
    eq("--type and --state", place.json("--type", "com.new.*", "--state",
                                        "failed"), [])
    stamp = int(time.time()) - 1500
    iso = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(stamp))
    for since in ("1500", "25m", f"@{stamp}", iso):
        eq(f"--since {since}", [r["state"] for r in
                                place.json("--since", since)], ["cur", "new"])
    # Names of others' say nothing; then the file does.
    for name, age in (("old.json", 5000), ("young.json", 10)):
        place.put("new", name=name)
        when = time.time() - age
        os.utime(os.path.join(place.path, "new", name), (when, when))
    has("by the file's time", [r["name"] for r in
                               place.json("--since", "1h")], "young")
    hasnt("by the file's time", [r["name"] for r in
                                 place.json("--since", "1h")], "old")


@test("list --unsorted: the first row comes before the directory has been read")
def _():
    for args in ([], ["--json"]):
        with subprocess.Popen([TOOL, "list", "--unsorted", *args,
                               large().path],
                              stdout=subprocess.PIPE,
                              env=clean_environment()) as process:
            line = process.stdout.readline()
            if not args:
                line = process.stdout.readline()
            has("a row", line, b"com.example.tested")
            ok("it is still at it", process.poll() is None)
            rest = process.stdout.read()
        eq("status", process.returncode, 0)
        eq("rows", rest.count(b"\n"), 19999 if args else 2 * 20000 - 1)


@test("list: messages that go meanwhile are no error")
def _():
    place = filled(3000)
    with subprocess.Popen([TOOL, "list", "--json", place.path],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=clean_environment()) as process:
        process.stdout.readline()
        place.spool.clear()
        rest, err = process.stdout.read(), process.stderr.read()
    eq("status", (process.returncode, err), (0, b""))
    ok("fewer rows", rest.count(b"\n") < 2999)
    for line in rest.splitlines():
        eq("row", json.loads(line)["error"], None)


def process_status(pid):
    """What /proc says of a process"""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return {name: value.strip() for name, _, value in
                (line.partition(":") for line in file)}


def peak(*args):
    """The most memory that a run of hookdir has, in bytes. The pipe that it
    writes to is full to begin with, so it cannot end unseen."""
    reading, writing = os.pipe()
    size = fcntl.fcntl(reading, fcntl.F_GETPIPE_SZ)
    os.write(writing, b"\n" * size)
    most, unread = 0, True
    with subprocess.Popen([TOOL, *args], stdout=writing,
                          env=clean_environment()) as process:
        os.close(writing)
        while unread:
            wait_for(lambda: process_status(process.pid)["State"][0] in "SZ",
                     "waiting for us")
            status = process_status(process.pid)
            most = max(most, int(status.get("VmHWM", "0 kB").split()[0]))
            unread = os.read(reading, size)
    os.close(reading)
    eq(f"status of {args}", process.returncode, 0)
    return most * 1024


@test("list, stats: memory does not grow with the spool")
def _():
    small = filled(2000)
    for args in (["list", "--unsorted"], ["list", "--unsorted", "--json"],
                 ["stats"], ["expire", "--older-than=1d", "--state=new"]):
        few, many = peak(*args, small.path), peak(*args, large().path)
        if sanitized():
            continue
        ok(f"{args}: {few} and {many} bytes", many < 32 * MIB)
        ok(f"{args}: {few} and {many} bytes", many - few < 2 * MIB)


# --- hostile files ----------------------------------------------------------

HOSTILE = {
    "empty": b"",
    "binary": bytes(range(256)) * 400,
    "nul": b"\0" * 5000,
    "text": b"not an event\n",
    "cut": event()[:-10],
    "cut-in-front": event()[:40],
    "cut-behind": b'{"type":"t","id":"x","pad":[',
    "no-type": b'{"specversion":"1.0","id":"x","data":{}}\n',
    "array": b"[1,2]\n",
    "types-of-types": b'{"type":["x"],"id":{},"subject":1,"data":0}',
    "long-front": b'{"pad":"' + b"x" * (6 * MIB) + b'","type":"late"}',
    "long-cut": b'{"pad":"' + b"x" * (6 * MIB),
    "long-type": b'{"type":"' + b"t" * (2 * MIB) + b'","data":1}',
    "deep": b'{"type":"deep","x":' + b"[" * 100000,
    "escapes": event(type="a\x1b[31mb\x7f\x85", subject="\x1b]0;x\x07\u202e",
                     id="\u2028\u2066\n\r\t\0", source="\x9b"),
    "latin": b'{"type":"\xe5\xff","data":1}',
    "surrogate": b'{"type":"a\\ud83d","subject":"\\ud83d","data":1}',
    "\x1b[31m\nname": event(),
    "b\udcff": event(),
}


@functools.cache
def hostile():
    place = Place()
    for state in STATES:
        for name, text in HOSTILE.items():
            place.put(state, text, name=f"{name}.json")
        at = os.path.join(place.path, state)
        os.mkfifo(os.path.join(at, "fifo.json"))
        os.mkdir(os.path.join(at, "directory.json"))
        os.symlink("/etc/passwd", os.path.join(at, "link.json"))
        os.symlink("/nowhere", os.path.join(at, "dangling.json"))
        place.put(state, name=".hidden.json")
        with socket.socket(socket.AF_UNIX) as sock:
            here = os.getcwd()
            os.chdir(at)
            sock.bind("socket.json")
            os.chdir(here)
        place.log("text", "\x1b[2Jlog\nmore")
    return place


@test("hostile files: list names them and steers no terminal")
def _():
    everything = ",".join(STATES)
    done = hostile().run("list", "--state", everything)
    eq("harmful", HARMFUL.findall(done.out), [])
    eq("rows", sum(line[:4].strip() != "" for line in done.lines()) - 1,
       len(STATES) * len(HOSTILE))
    has("no event", done.out, "not an event")
    done = hostile().run("list", "--json", "--state", everything)
    eq("harmful", HARMFUL.findall(done.out), [])
    rows = {row["name"]: row for row in done.rows()}
    eq("names", set(rows), {name.encode("utf-8", "surrogateescape").decode(
        "latin-1") if "\udcff" in name else name for name in HOSTILE})
    for name in ("empty", "binary", "nul", "text", "cut-in-front",
                 "cut-behind", "no-type", "array", "types-of-types",
                 "long-cut", "latin", "surrogate"):
        eq(f"type of {name}", rows[name]["type"], None)
        ok(f"error of {name}", rows[name]["error"])
    eq("what it says", rows["escapes"]["type"], "a\x1b[31mb\x7f\x85")
    eq("what it says", rows["escapes"]["id"], "\u2028\u2066\n\r\t\0")


@test("hostile files: stats counts them all, in bounds")
def _():
    for args in ([], ["--json"], ["--prometheus"]):
        done = hostile().run("stats", *args)
        eq(f"harmful {args}", HARMFUL.findall(done.out), [])
    got = json.loads(hostile().run("stats", "--json").out)["states"]
    for state in STATES:
        eq(f"{state}", got[state]["count"], len(HOSTILE))
        eq(f"bytes in {state}", got[state]["bytes"],
           sum(map(len, HOSTILE.values())))
        eq("types", set(got[state]["types"]),
           {"-", "other", "deep", "com.example.tested"}
           - ({"deep"} if "deep" not in got[state]["types"] else set()))


@test("hostile files: memory stays in bounds")
def _():
    for args in (["list", "--state", ",".join(STATES)], ["stats"]):
        most = peak(*args, hostile().path)
        ok(f"{args}: {most} bytes", most < 32 * MIB or sanitized())


@test("hostile files: show prints what they are, and says so")
def _():
    for name, text in HOSTILE.items():
        whole = name in ("no-type", "types-of-types", "long-front",
                         "long-type", "escapes", "surrogate", "b\udcff",
                         "\x1b[31m\nname")
        done = tool("show", hostile().path, f"new/{name}.json",
                    code=OK if whole else DATAERR)
        eq(f"harmful in {name!r}", HARMFUL.findall(done.out), [])
        if whole:
            eq(f"{name!r}", json.loads(done.out), json.loads(text))
        else:
            has(f"{name!r}", done.err, "not a JSON object")
            tool("show", "--data", hostile().path, name, code=DATAERR)
    for name in ("fifo", "directory", "link", "dangling", "socket",
                 ".hidden", "../new/.hidden.json"):
        tool("show", hostile().path, name, code=NOINPUT)
    done = tool("show", hostile().path, "text", code=DATAERR)
    eq("text", done.out, "not an event\n")


@test("hostile files: the others leave alone what is no file")
def _():
    place = Place()
    for state in ("new", "failed", "hold", "quarantine"):
        at = os.path.join(place.path, state)
        os.mkfifo(os.path.join(at, "fifo.json"))
        os.mkdir(os.path.join(at, "directory.json"))
        os.symlink("/etc/passwd", os.path.join(at, "link.json"))
    before = place.spool.files()
    for command in ("requeue", "hold", "release"):
        has(command, place.run(command, "--all").out, "0 messages")
        place.run(command, "--all", "--type", "*")
    has("expire", place.run("expire", "--older-than=0", "--state",
                            "new,hold,failed,quarantine").out, "0 removed")
    place.run("reverify", "--sender", "github", env={"HOOKDIR_KEY": "k"})
    eq("files", place.spool.files(), before)


@test("hostile files: no call is too large to be looked at")
def _():
    place = Place()
    place.put("quarantine", quarantined(
        JSON, sender="github", xgithubevent="e" * (3 * MIB),
        xhubsignature256="sha256=" + "0" * 64))
    done = place.run("reverify", env=environment("github"))
    has("said", done.out, "0 delivered, 1 still refused, 0 unreadable")


@test("a message that may not be read is listed, and said so")
def _():
    place = Place()
    base = place.put()
    os.chmod(os.path.join(place.path, "new", f"{base}.json"), 0)
    options = {}
    if IS_ROOT:
        user = pwd.getpwnam("nobody")
        options = {"user": user.pw_uid, "group": user.pw_gid,
                   "extra_groups": []}
    row, = tool("list", "--json", place.path, **options).rows()
    has("error", row["error"], "Permission denied")
    eq("type", row["type"], None)
    tool("show", place.path, base, code=NOPERM, **options)
    os.chmod(os.path.join(place.path, "new"), 0)
    for closed in (os.path.join(place.path, "new"), place.path,
                   os.path.dirname(place.path)):
        os.chmod(closed, 0)
        done = tool("list", place.path, code=NOPERM, **options)
        os.chmod(closed, 0o755)
        has("the way in", done.err, "Permission denied; run as user hookdir "
            "or join the group hookdir")
        hasnt("said", done.err, "no spool")
    os.chmod(os.path.join(place.path, "new"), 0o711)


# --- show -------------------------------------------------------------------

def strictly(text):
    """JSON to the last digit: numbers as text, members as pairs"""
    return json.loads(text, parse_float=str, parse_int=str,
                      object_pairs_hook=lambda pairs: ["object", *pairs])


@test("show: two spaces, one member a line, nothing rewritten")
def _():
    place = Place()
    base = place.put(text=b' { "type":"t","e":{ },"f":[ ],"n":[1.10,-0.0e-0,'
                     b'{"a":[[]]}],"d":1,"d":2}\r\n')
    eq("output", tool("show", place.path, base).out, """{
  "type": "t",
  "e": {},
  "f": [],
  "n": [
    1.10,
    -0.0e-0,
    {
      "a": [
        []
      ]
    }
  ],
  "d": 1,
  "d": 2
}
""")


def _any(rng, depth):
    """A JSON text, as odd as it may be"""
    blank = rng.choice(["", "", " ", "\n", "\t\r\n  "])
    kind = rng.randrange(8 if depth else 5)
    if kind == 0:
        return blank + rng.choice([
            "0", "-0", "1.10", "1E400", "-0.0e-0", "1e+9", "0.1e1",
            "370720000000000000000000000017", "123456789012345678901234567890"
            ".00000000000000000000000001", "true", "false", "null"])
    if kind < 5:
        parts = ["a", "\\\"", "\\\\", "\\u0000", "\\ud83d", "\x7f", "\x85",
                 "\x9b", "\u2028", "\u202e", "\u2066", "\u2069", "\u202f",
                 "\u00a0", "\u00f8", "\U0001f600", "{", "]", ",", ":", "\\/",
                 "\\n", " "]
        return blank + '"' + "".join(rng.choices(parts, k=rng.randrange(9))) \
            + '"'
    items = [_any(rng, depth - 1) for _ in range(rng.randrange(4))]
    if kind == 5:
        return blank + "[" + ",".join(items) + blank + "]" + blank
    return blank + "{" + ",".join(
        f'{blank}"{rng.choice("aab")}"{blank}:{item}'
        for item in items) + blank + "}" + blank


@test("show: what is shown means what is in the file")
def _():
    rng = random.Random(20261121)
    place = Place()
    texts = [_any(rng, 5) for _ in range(150)]
    texts += ["[" * 250 + "]" * 250, '{"a":' * 250 + "1" + "}" * 250,
              '"' + "\\" * 5000 + '"', "[" + "1," * 5000 + "1]",
              "1" * 5000]
    for text in texts:
        file = event(text.encode())
        base = place.put(text=file)
        got = tool("show", place.path, base).out
        eq(f"meaning of {text[:500]!r}", strictly(got), strictly(file))
        eq(f"harmful in {text[:500]!r}", HARMFUL.findall(got), [])
        eq("data", tool("show", "--data", place.path, base).raw,
           text.strip(" \t\r\n").encode())


@test("show: a name in every form, from every state")
def _():
    place = Place()
    for state in STATES:
        base = place.put(state, event(subject=state), added=",tries=3,next=9")
        for name in (base, base + ".json", f"{base},tries=3,next=9.json",
                     f"{state}/{base}.json", f"{place.path}/{state}/{base}",
                     f"new/{base},tries=2.json"):
            got = json.loads(tool("show", place.path, name).out)
            eq(name, got["subject"], state)
    for name in ("", "x", ".", "..", "/", "new", base[:-1], base + ".",
                 "x" * 300):
        done = tool("show", place.path, name, code=NOINPUT)
        eq("lines", done.err.count("\n"), 1)


@test("show: what the command said")
def _():
    place = Place()
    base = place.put("failed", added=",tries=3")
    said = b"Traceback:\n\tline \x1b[31mred\n\xff\n"
    place.log(base, b"2026-11-21T17:05:33.123456Z exit status 1, try 3\n"
              + said)
    done = tool("show", place.path, base)
    eq("event", json.loads(done.out), json.loads(event()))
    eq("said", done.err, "-- exit status 1, try 3, "
       "2026-11-21T17:05:33.123456Z\nTraceback:\n\tline \\x1b[31mred\n\\xff\n")
    eq("--data", tool("show", "--data", place.path, base).err, "")
    done = tool("show", "--output", place.path, base)
    eq("--output", (done.raw, done.err), (said, ""))
    other = place.put("failed")
    done = tool("show", "--output", place.path, other, code=NOINPUT)
    has("nothing kept", done.err, "nothing is kept")
    eq("without", tool("show", place.path, other).err, "")
    place.log(other, "killed")
    eq("no time", tool("show", place.path, other).err, "-- killed\n")
    place.log(other, "x" * 100000)
    ok("bounded", len(tool("show", place.path, other).err) < 10000)


@test("show: --output steers no terminal")
def _():
    place = Place()
    base = place.put("failed")
    place.log(base, "what\n\x1b[31mred\n")
    master, slave = pty.openpty()
    tool("show", "--output", place.path, base, stdout=slave)
    os.close(slave)
    got = os.read(master, 1000)
    os.close(master)
    eq("on a terminal", got, b"\\x1b[31mred\r\n")


@functools.cache
def handler():
    return Handler()


def received(body, spool=None, headers=(), code=200, **params):
    """The spool after a call"""
    spool = spool or new_spool()
    got = handler().request(
        body, headers=headers,
        **{**endpoint(spool.path), **params})
    eq("answer", (got.status, got.error), (code, ""))
    return spool


def name_in(spool, state="new"):
    return os.path.splitext(spool.one(state).name)[0]


@test("show: --data is what was sent, byte for byte")
def _():
    for form, make in shipmondo.FORMS.items():
        spool = received(shipmondo.body(make(), KEY), HOOKDIR_AUTH=None,
                         HOOKDIR_SENDER="shipmondo", HOOKDIR_KEY=KEY)
        eq(f"form {form}", tool("show", "--data", spool.path,
                                name_in(spool)).raw, shipmondo.form_b())
    every = bytes(range(256))
    for kind, body in (
            ("application/json", b'{"a": 1.10, "a":"\\u0041"}'),
            ("application/json", b'"text"'), ("application/json", b"1E2"),
            ("text/plain", b"line\r\nline\n"), ("text/plain", b"123"),
            ("text/plain", b'"quoted" \\ \x7f \x00'),
            ("text/csv", "\u00f8;\u2028;\U0001f600\n".encode()),
            ("application/xml", senders.XML), ("application/json", b"{cut"),
            ("application/octet-stream", every), ("", every * 1000),
            ("application/json", b"\xff\xfe"), ("text/plain", b"")):
        spool = received(body, CONTENT_TYPE=kind)
        eq(f"{kind} {body[:40]}",
           tool("show", "--data", spool.path, name_in(spool)).raw, body)


@test("show: --body is what was sent, where it is kept")
def _():
    for body in (b"forged", b"", b"\0\xff" * 5000,
                 shipmondo.body(shipmondo.form_a(), OTHER_KEY)):
        spool = received(body, code=400 if b"data" not in body else 403,
                         HOOKDIR_AUTH=None, HOOKDIR_SENDER="shipmondo",
                         HOOKDIR_KEY=KEY)
        name = name_in(spool, "quarantine")
        for option in ("--body", "--data"):
            eq(option, tool("show", option, spool.path, name).raw, body)
    spool = received(bytes(range(256)), CONTENT_TYPE="image/png")
    eq("binary", tool("show", "--body", spool.path, name_in(spool)).raw,
       bytes(range(256)))
    spool = received(b'{"a":1}')
    done = tool("show", "--body", spool.path, name_in(spool), code=DATAERR)
    has("not kept", done.err, "not kept")
    eq("nothing", done.raw, b"")
    place = Place()
    for text in (b'{"type":"t","data_base64":"!"}',
                 b'{"type":"t","data_base64":1}'):
        base = place.put("quarantine", text)
        tool("show", "--body", place.path, base, code=DATAERR)


# --- stats ------------------------------------------------------------------

@test("stats: counts, bytes and age, by state and type")
def _():
    place = Place()
    place.put("new", event(type="a"), 100)
    place.put("new", event(type="a"), 7200)
    place.put("new", event(type="b", subject="123"), 300)
    place.put("failed", event(type="a"), 86400 * 3)
    place.put("quarantine", quarantined())
    done = place.run("stats")
    eq("table", [line.split() for line in done.lines()][:4], [
        ["STATE", "MESSAGES", "BYTES", "OLDEST", "TYPE"],
        ["new", "3", str(len(event(type="a")) * 2 + len(
            event(type="b", subject="123"))), "2h"],
        ["2", str(len(event(type="a")) * 2), "2h", "a"],
        ["1", str(len(event(type="b", subject="123"))), "5m", "b"]])
    got = json.loads(place.run("stats", "--json").out)["states"]
    eq("states", list(got), list(STATES))
    eq("cur", got["cur"],
       {"count": 0, "bytes": 0, "oldest": None, "types": {}})
    ok("age", 7200 <= got["new"]["oldest"] < 7300)
    eq("types", {name: kind["count"] for name, kind in
                 got["new"]["types"].items()}, {"a": 2, "b": 1})
    ok("age of b", 300 <= got["new"]["types"]["b"]["oldest"] < 400)
    eq("quarantine", list(got["quarantine"]["types"]),
       ["hookdir.quarantined"])


@test("stats: several spools, each with its name")
def _():
    places = [Place(), Place()]
    places[1].put("failed")
    paths = [place.path for place in places]
    eq("names", [line for line in tool("stats", *paths).lines()
                 if line.startswith("/")], paths)
    rows = tool("stats", "--json", *paths).rows()
    eq("spools", [row["spool"] for row in rows], paths)
    eq("failed", [row["states"]["failed"]["count"] for row in rows], [0, 1])
    env = {"HOOKDIR_SPOOLS": os.path.dirname(paths[0])}
    eq("all", [row["spool"] for row in tool("stats", "--json", env=env).rows()],
       paths[:1])
    eq("heading", tool("stats", env=env).lines()[0], "spool")
    eq("name", [row["spool"] for row in
                tool("stats", "--json", "spool", env=env).rows()], paths[:1])


@test("stats: no more than 1000 types")
def _():
    place = Place()
    for number in range(1200):
        place.put(text=event(type=f"t{number}"))
    place.put(text=event(type="t" * 255))
    place.put(text=event(type="t" * 256))
    got = json.loads(place.run("stats", "--json").out)["states"]["new"]
    eq("count", got["count"], 1202)
    # One less where the other kind of "other" was met early.
    has("types", (1000, 1001), len(got["types"]))
    eq("other", got["types"]["other"]["count"], 1203 - len(got["types"]))
    eq("all", sum(kind["count"] for kind in got["types"].values()), 1202)


# --- requeue, hold, release -------------------------------------------------

@test("requeue: back to new/ as if never tried")
def _():
    place = Place()
    one = place.put("failed", added=",tries=10")
    two = place.put("failed", added=",tries=3,later=2,next=99")
    place.put("failed", name="foreign.json")
    for base in (one, two):
        place.log(base, "what\n")
    eq("one", place.run("list", "--json", "--state=failed").code, 0)
    done = tool("requeue", place.path, one)
    eq("said", (done.out, done.err), ("1 message requeued\n", ""))
    eq("new", place.names("new"), [f"{one}.json"])
    eq("log", place.names("log"), [f"{two}.log"])
    done = tool("requeue", place.path, f"failed/{two},tries=3.json",
                "foreign", two)
    eq("said", done.out, "2 messages requeued\n")
    eq("new", place.names("new"),
       sorted([f"{one}.json", f"{two}.json", "foreign.json"]))
    eq("failed", place.names("failed"), [])
    eq("log", place.names("log"), [])


@test("requeue: what is not there is said, and the rest is done")
def _():
    place = Place()
    base = place.put("failed")
    new, cur = place.put("new"), place.put("cur", added=",tries=1")
    done = tool("requeue", place.path, "nothing", cur, base, new,
                code=NOINPUT)
    eq("said", done.out, "1 message requeued\n")
    for name in ("nothing", cur, new):
        has("missing", done.err, f"{name}: no such message in failed/\n")
    eq("lines", done.err.count("\n"), 3)
    eq("cur", place.names("cur"), [f"{cur},tries=1.json"])


@test("requeue: never over another message")
def _():
    place = Place()
    base = place.put("failed", b"old", added=",tries=1")
    place.put("new", b"other", name=f"{base}.json")
    done = tool("requeue", place.path, base, code=TEMPFAIL)
    has("said", done.err, "taken")
    eq("said", done.out, "0 messages requeued\n")
    tool("requeue", place.path, "--all", code=TEMPFAIL)
    eq("new", place.spool.one().raw, b"other")
    eq("failed", place.spool.one("failed").raw, b"old")


@test("requeue, hold, release: --all and --type")
def _():
    for command, start, end in (("requeue", "failed", "new"),
                                ("hold", "new", "hold"),
                                ("release", "hold", "new")):
        place = Place("new", *({start, end} - {"new"}))
        for kind in "aab":
            place.put(start, event(type=kind))
        last = place.put(start, b"no event")
        done = place.run(command, "--all", "--type", "a*")
        has(command, done.out, "2 messages ")
        eq("left", len(place.names(start)), 2)
        # A name alone does not make it of that type.
        done = tool(command, "--type", "b", place.path, last)
        has(command, done.out, "0 messages ")
        has(command, place.run(command, "--all").out, "2 messages ")
        eq("moved", (len(place.names(start)), len(place.names(end))), (0, 4))
        has(command, place.run(command, "--all").out, "0 messages ")


@test("hold and release: tries are kept, and release runs it at once")
def _():
    place = Place("new")
    soon = int(time.time()) + 1000
    base = place.put("new", added=f",tries=2,later=1,next={soon}")
    place.log(base, "what\n")
    eq("said", tool("hold", place.path, base).out, "1 message held\n")
    eq("hold", place.names("hold"),
       [f"{base},tries=2,later=1,next={soon}.json"])
    eq("mode", os.stat(f"{place.path}/hold").st_mode & 0o7000, 0o2000)
    eq("said", tool("release", place.path, base).out, "1 message released\n")
    eq("new", place.names("new"), [f"{base},tries=2,later=1.json"])
    eq("log", place.names("log"), [f"{base}.log"])
    tool("release", place.path, base, code=NOINPUT)


@test("requeue: many names in one look")
def _():
    place = Place()
    bases = [place.put("failed", added=",tries=1") for _ in range(3000)]
    chosen = bases[::2] + bases[:10:2]
    random.Random(1).shuffle(chosen)
    done = tool("requeue", place.path, *chosen)
    eq("said", done.out, "1500 messages requeued\n")
    eq("new", place.names("new"), sorted(f"{b}.json" for b in bases[::2]))


@test("hold and release at the same time as hookdir run: each runs once")
def _():
    place = Place()
    out = folder("out")
    bases = [place.put(text=event(id=f"m{i}")) for i in range(200)]
    script = f'sleep 0.01; echo "$CE_ID" >>{out}/$CE_ID'
    command = [TOOL, "run", "--jobs=4", place.path, "--", "sh", "-c", script]
    with subprocess.Popen(command, env=clean_environment(),
                          stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            place.run("hold", "--all")
            place.run("release", "--all")
    eq("status", process.returncode, 0)
    place.run("release", "--all")
    tool(*command[1:])
    eq("left", [name for state in STATES for name in place.names(state)], [])
    for number in range(len(bases)):
        with open(f"{out}/m{number}", encoding="ascii") as file:
            eq("runs", file.read(), f"m{number}\n")


# --- expire -----------------------------------------------------------------

DAY = 86400


@test("expire: failed and quarantined, by their names")
def _():
    place = Place()
    for state in STATES:
        place.put(state, age=31 * DAY)
        place.put(state, age=29 * DAY)
    for name, age in (("old.json", 31), ("young.json", 29)):
        place.put("failed", name=name)
        when = time.time() - age * DAY
        os.utime(f"{place.path}/failed/{name}", (when, when))
    before = place.spool.files()
    done = place.run("expire", "--older-than", "30d", "--dry-run")
    *names, summary = done.lines()
    eq("so many", (len(names), summary.split(",")[0]), (3, "3 to be removed"))
    has("names", names, "failed/old")
    eq("nothing done", place.spool.files(), before)
    done = place.run("expire", "--older-than", "30d")
    eq("summary", done.out, f"3 removed, {len(event()) * 3}\n")
    eq("left", {state: len(place.names(state)) for state in STATES},
       {"new": 2, "cur": 2, "hold": 2, "failed": 2, "quarantine": 1})
    hasnt("old", place.names("failed"), "old.json")
    eq("again", place.run("expire", "--older-than=30d").out, "0 removed, 0\n")
    done = place.run("expire", "--older-than=30d", "--state=new,hold")
    has("summary", done.out, "2 removed")
    eq("left", {state: len(place.names(state)) for state in STATES},
       {"new": 1, "cur": 2, "hold": 1, "failed": 2, "quarantine": 1})


@test("expire: --archive moves them, under the name they came with")
def _():
    place = Place()
    archive = os.path.join(folder("archive"), "done")
    bases = [place.put("failed", added=",tries=9", age=100),
             place.put("quarantine", quarantined(), age=100),
             place.put("new", added=",tries=1,later=2,next=5", age=100)]
    place.put("failed", age=10)
    done = place.run("expire", "--older-than=1m", "--archive", archive,
                     "--state=new,failed,quarantine")
    has("summary", done.out, "3 archived")
    eq("archive", sorted(os.listdir(archive)),
       sorted(f"{base}.json" for base in bases))
    eq("left", len(place.spool.files()), 1)
    place.run("expire", "--older-than=1m", "--archive", "/dev/null/x",
              code=NOINPUT)


@test("expire: a message that is being run stays")
def _():
    place = Place()
    held, free = place.put("new", age=100), place.put("new", age=100)
    with open(f"{place.path}/new/{held}.json", "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = place.run("expire", "--older-than=1m", "--state=new")
    has("summary", done.out, "1 removed")
    eq("new", place.names("new"), [f"{held}.json"])
    eq("cur", place.names("cur"), [])
    hasnt("free", place.names("new"), f"{free}.json")


@test("expire: logs of messages that are gone go, too")
def _():
    place = Place()
    kept = [place.put(state, added=",tries=3")
            for state in ("new", "cur", "hold", "failed")]
    gone = place.put("failed", added=",tries=3", age=100)
    fresh = place.put("failed", added=",tries=3", age=100)
    for base in (*kept, gone, fresh, "orphan", "young"):
        place.log(base, "what\n")
        if base not in ("young", fresh):
            os.utime(f"{place.path}/log/{base}.log", (1, 1))
    write(f"{place.path}/log/other", "x")
    os.utime(f"{place.path}/log/other", (1, 1))
    # What a runner that was killed had begun to write.
    for draft in (f".{kept[0]}.log", ".begun.log"):
        write(f"{place.path}/log/{draft}", "x")
    os.utime(f"{place.path}/log/.{kept[0]}.log", (1, 1))
    write(f"{place.path}/latest/mark", "")
    os.utime(f"{place.path}/latest/mark", (1, 1))
    place.run("expire", "--older-than=1m", "--dry-run")
    eq("logs", len(place.names("log")), 11)
    place.run("expire", "--older-than=1m")
    eq("logs", place.names("log"),
       sorted([*(f"{base}.log" for base in kept), "young.log", "other",
               ".begun.log"]))
    # Of a mark the time of change counts, which nobody can set.
    eq("marks", place.names("latest"), ["mark"])
    changed = os.stat(f"{place.path}/latest/mark").st_ctime
    wait_for(lambda: int(time.time()) > int(changed), "next second")
    place.run("expire", "--older-than=0", "--state=hold")
    eq("marks", place.names("latest"), [])


@test("expire: more logs than are looked at at once")
def _():
    place = Place()
    kept = place.put("failed", added=",tries=1")
    for number in range(10500):
        os.close(os.open(f"{place.path}/log/{number}.log", os.O_CREAT))
        os.utime(f"{place.path}/log/{number}.log", (1, 1))
    place.log(kept, "what\n")
    os.utime(f"{place.path}/log/{kept}.log", (1, 1))
    place.run("expire", "--older-than=1d")
    eq("logs", place.names("log"), [f"{kept}.log"])


def document(place, base, age=0):
    os.makedirs(f"{place.path}/documents", exist_ok=True)
    path = write(f"{place.path}/documents/{base}.bin", base)
    os.utime(path, (time.time() - age, time.time() - age))
    return f"{base}.bin"


@test("expire: documents that no event names go, after 36 hours at least")
def _():
    place = Place()
    kept = [document(place, place.put(state, added=added), 9 * DAY)
            for state, added in (("new", ",later=2,next=5"), ("cur", ",tries=3"),
                                 ("hold", ""), ("failed", ",tries=9"))]
    kept += [document(place, "young", 35 * 3600),
             document(place, "named,tries=1", 9 * DAY)]
    write(f"{place.path}/documents/theirs", "")
    os.utime(f"{place.path}/documents/theirs", (1, 1))
    kept.append("theirs")
    document(place, "orphan", 37 * 3600)
    expire = "expire", "--older-than=1h", "--state=hold"
    has("longer", place.run("expire", "--older-than=2d").out, "0 removed, 0\n")
    eq("dry run", place.run(*expire, "--dry-run").lines(),
       ["documents/orphan.bin", "0 to be removed, 0",
        "1 documents without an event to be removed, 6"])
    has("still there", place.names("documents"), "orphan.bin")
    eq("expired", place.run(*expire).lines(),
       ["0 removed, 0", "1 documents without an event removed, 6"])
    eq("documents", place.names("documents"), sorted(kept))


def goes_with_its_event(archive):
    place = Place()
    done = [place.put(), place.put("new", added=",tries=1,next=5"),
            place.put("failed", added=",tries=2", age=100),
            place.put("hold", age=100), place.put("new", age=100)]
    stays = place.put("failed")
    for base in (*done, stays, "orphan"):
        document(place, base, 9 * DAY if base == "orphan" else 0)
    option = [f"--archive={archive}"] if archive else []
    place.run("expire", "--older-than=1m", "--state=new,hold,failed",
              *option)
    tool("run", *option, place.path, "--", "true")
    eq("left", place.names("documents"), [f"{stays}.bin"])
    tool("requeue", place.path, stays)
    eq("requeued", place.names("documents"), [f"{stays}.bin"])
    if archive:
        eq("archive", sorted(os.listdir(archive)),
           sorted(["documents", *(f"{base}.json" for base in done)]))
        for base in *done, "orphan":
            eq(base, read(f"{archive}/documents/{base}.bin"),
               base)
        eq("so many", len(os.listdir(f"{archive}/documents")), 6)


@test("a copy of an event keeps the document that both have")
def _():
    place = Place()
    base = place.put("failed", added=",tries=2", age=100)
    document(place, base)
    copies = {"hold": f"{base}.json", "new": f"{base}.json"}
    for state, name in copies.items():
        write(f"{place.path}/{state}/{name}", "{}")
    place.run("expire", "--older-than=1m", "--state=failed")
    eq("failed/", place.names("failed"), [])
    eq("two are left", place.names("documents"), [f"{base}.bin"])
    tool("run", place.path, "--", "true")
    eq("new/", place.names("new"), [])
    eq("one is left", place.names("documents"), [f"{base}.bin"])
    tool("release", place.path, base)
    tool("run", place.path, "--", "true")
    eq("none", place.names("documents"), [])


@test("a document goes where its event goes")
def _():
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        for archive in None, folder("archive"), other:
            goes_with_its_event(archive)


# --- reverify ---------------------------------------------------------------

JSON = b'{"id":"evt_1","type":"order.paid","data":{"object":{"id":"\\u0031"}}}'
# Name, body, headers, the right key and a wrong one, each for its sender
SIGNED = {
    "shipmondo": (shipmondo.body(shipmondo.form_a_prime(), KEY),
                  shipmondo.HEADERS, KEY, OTHER_KEY),
    "standard-webhooks": (JSON, lambda: senders.standard(JSON),
                          senders.STANDARD_KEY, senders.STANDARD_OLD),
    "github": (JSON, lambda: senders.github(JSON), senders.GITHUB_KEY, "x"),
    "shopify": (JSON, lambda: senders.shopify(JSON), senders.SHOPIFY_KEY,
                "x"),
    "stripe": (JSON, lambda: senders.stripe(JSON), senders.STRIPE_KEY, "x"),
}


def signed_headers(sender):
    headers = SIGNED[sender][1]
    return headers() if callable(headers) else headers


def call(sender, spool, key, code=200, headers=None, **params):
    return received(
        SIGNED[sender][0], spool, (headers or signed_headers(sender))
        + [("X-Kept", "k\u00f8pt".encode("latin-1"))], code,
        HOOKDIR_AUTH=None, HOOKDIR_SENDER=sender, HOOKDIR_KEY=key,
        HOOKDIR_HEADERS="X-Kept\tX-Absent", CONTENT_TYPE="application/json",
        REQUEST_URI=b"/w\xe5/x?a=1&b=%20", **params)


def environment(sender, key=None, **more):
    return {"HOOKDIR_SENDER": sender,
            "HOOKDIR_KEY": key or SIGNED[sender][2],
            "HOOKDIR_HEADERS": "X-Kept X-Absent", **more}


def without_time(message):
    return message.raw.replace(message["time"].encode(), b"TIME")


for _sender in SIGNED:
    @test(f"reverify: {_sender}: delivered as the handler would have")
    def _(sender=_sender):
        right, wrong = SIGNED[sender][2:]
        headers = signed_headers(sender)  # with one time for both
        spool = call(sender, new_spool(), wrong, 403, headers)
        kept = spool.one("quarantine")
        want = call(sender, new_spool(), right, 200, headers).one()
        done = tool("reverify", spool.path, env=environment(sender))
        eq("said", (done.out, done.err),
           ("1 delivered, 0 still refused, 0 unreadable\n", ""))
        got = spool.one()
        eq("time", got["time"], kept["time"])
        eq("place", got.name.split("P")[0], kept.name.split("P")[0])
        eq("event", without_time(got), without_time(want))
        eq("header", got["xkept"], "k\u00f8pt")
        eq("quarantine", spool.names("quarantine"), [])
        eq("tmp", spool.names("tmp"), [])
        done = tool("reverify", spool.path, env=environment(sender))
        eq("again", done.out, "0 delivered, 0 still refused, 0 unreadable\n")


@test("reverify: the previous key, and a key from a file")
def _():
    sender = "github"
    right = senders.GITHUB_KEY
    path = folder("keys")
    for content, previous, used in (
            (right, None, "current"), (right + "\n", None, "current"),
            ("other\n", right, "previous")):
        spool = call(sender, new_spool(), "wrong", 403)
        env = {"HOOKDIR_SENDER": "shopify", "HOOKDIR_KEY": "not this one"}
        if previous:
            env["HOOKDIR_KEY_PREVIOUS"] = previous
        tool("reverify", "--sender", sender, "--key-file",
             write(os.path.join(path, "key"), content), spool.path, env=env)
        eq("key", spool.one()["keyused"], used)
    spool = call(sender, new_spool(), "wrong", 403)
    for content in (right + "\n\n", " " + right, right + "\r\n"):
        done = tool("reverify", "--sender", sender, "--key-file",
                    write(os.path.join(path, "key"), content), spool.path)
        has("only one newline goes", done.out, "1 still refused")
    reading, writing = os.pipe()
    os.write(writing, right.encode() + b"\n")
    os.close(writing)
    tool("reverify", "--sender", sender, "--key-file", f"/dev/fd/{reading}",
         spool.path, pass_fds=[reading])
    os.close(reading)
    eq("from a pipe", spool.one()["keyused"], "current")


@test("reverify: a key that is missing, empty or of no use")
def _():
    spool = call("standard-webhooks", new_spool(), senders.STANDARD_OLD, 403)
    args = ["reverify", "--sender", "standard-webhooks", spool.path]
    path = os.path.join(folder("keys"), "key")
    for env, more, code, words in (
            ({}, [], CONFIG, "no key"),
            ({"HOOKDIR_KEY": ""}, [], CONFIG, "empty"),
            ({"HOOKDIR_KEY": "whsec_!"}, [], CONFIG, "base64"),
            ({"HOOKDIR_KEY": "a2V5", "HOOKDIR_KEY_PREVIOUS": ""}, [], CONFIG,
             "empty"),
            ({"HOOKDIR_KEY": "a2V5", "HOOKDIR_HEADERS": "id"}, [], CONFIG,
             "HOOKDIR_HEADERS"),
            ({}, ["--key-file", write(path, "\n")], CONFIG, "empty"),
            ({}, ["--key-file", path + "x"], NOINPUT, path),
            ({}, ["--key-file", write(path + "y", "k" * 70000)], CONFIG,
             "too large")):
        done = tool(*args, *more, code=code, env=env)
        has(f"{env} {more}", done.err, words)
    eq("it is still there", len(spool.names("quarantine")), 1)
    eq("new", spool.names("new"), [])


@test("reverify: what still fails is said and stays")
def _():
    spool = new_spool()
    call("github", spool, "wrong", 403)
    received(JSON, spool, senders.github(JSON, "another"), 403,
             HOOKDIR_AUTH=None, HOOKDIR_SENDER="github", HOOKDIR_KEY="wrong")
    received(JSON, spool, [], 400,
             HOOKDIR_AUTH=None, HOOKDIR_SENDER="github", HOOKDIR_KEY="wrong")
    call("stripe", spool, "wrong", 403)
    done = tool("reverify", spool.path, env=environment("github"))
    *lines, summary = done.lines()
    # The call of stripe, too, has no signature of github.
    eq("summary", summary, "1 delivered, 3 still refused, 0 unreadable")
    eq("rules", sorted(line.split(": ")[1] for line in lines),
       ["form-unknown", "form-unknown", "signature-mismatch"])
    left = spool.quarantine()
    eq("left", sorted(m["sender"] for m in left),
       ["github", "github", "stripe"])
    for line in lines:
        has("names", [m.name for m in left], line.split(":")[0] + ".json")
    # Too late stays too late, judged by when it came.
    spool = new_spool()
    received(JSON, spool, senders.stripe(JSON, when=int(time.time()) - 1000),
             403, HOOKDIR_AUTH=None, HOOKDIR_SENDER="stripe",
             HOOKDIR_KEY=senders.STRIPE_KEY)
    has("expired", tool("reverify", spool.path,
                        env=environment("stripe")).out, "1 still refused")


@test("reverify: a call from long ago is judged by its own time")
def _():
    when = int(time.time()) - 90 * DAY
    body, place = JSON, Place()
    signature, = senders.stripe(JSON, when=when)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.654321Z", time.gmtime(when + 9))
    place.put("quarantine", quarantined(
        body, sender="stripe", time=stamp, stripesignature=signature[1]))
    place.run("reverify", env=environment("stripe"))
    message = place.spool.one()
    eq("time", message["time"], stamp)
    ok("place", message.name.startswith(f"{when + 9}.M654321P"))
    eq("data", message.data, JSON)


@test("reverify: only the calls that are named")
def _():
    spool = new_spool()
    for _ in range(3):
        call("github", spool, "wrong", 403)
    call("stripe", spool, "wrong", 403)
    name = next(m.name for m in spool.quarantine() if m["sender"] == "github")
    stripe = next(m.name for m in spool.quarantine()
                  if m["sender"] == "stripe")
    done = tool("reverify", spool.path, f"quarantine/{name}",
                env=environment("github"))
    has("one", done.out, "1 delivered")
    eq("left", len(spool.names("quarantine")), 3)
    done = tool("reverify", spool.path, name, code=NOINPUT,
                env=environment("github"))
    has("gone", done.err, "no such call in quarantine/")
    done = tool("reverify", spool.path, stripe, env=environment("github"))
    has("another sender's", done.out, "form-unknown")


@test("reverify: what was altered is reported and stays")
def _():
    headers = {"xhubsignature256": senders.github(JSON)[2][1]}
    good = quarantined(JSON, sender="github", **headers)
    parsed = json.loads(good)
    broken = {
        "no event": b"not JSON", "cut": good[:-20],
        "another body": json.dumps({**parsed, "data_base64": base64.b64encode(
            JSON + b" ").decode()}).encode(),
        "another digest": json.dumps({**parsed, "bodysha256": "0"}).encode(),
        "no base64": json.dumps({**parsed, "data_base64": "!"}).encode(),
        "no body": json.dumps({**parsed, "data_base64": None}).encode(),
        "a message": json.dumps({**parsed, "type": "com.x"}).encode(),
        "no time": json.dumps({**parsed, "time": "now"}).encode(),
        "a NUL": json.dumps({**parsed, "path": "/\0"}).encode(),
        "a number": json.dumps({**parsed, "method": 1}).encode(),
        "no source": json.dumps({**parsed, "source": None}).encode(),
    }
    for what, text in broken.items():
        place = Place()
        base = place.put("quarantine", text)
        done = place.run("reverify", code=DATAERR,
                         env=environment("github"))
        has(what, done.out, "0 delivered, 0 still refused, 1 unreadable\n")
        has(what, done.out, f"{base}: unreadable: ")
        eq(what, place.spool.one("quarantine").raw, text)
        eq("new", place.names("new"), [])
    place = Place()
    place.put("quarantine", good)
    for text in broken.values():
        place.put("quarantine", text)
    done = place.run("reverify", code=DATAERR, env=environment("github"))
    has("the good one", done.out, f"1 delivered, 0 still refused, "
        f"{len(broken)} unreadable")
    eq("data", place.spool.one().data, JSON)


@test("reverify: two at a time deliver each call once")
def _():
    place = Place()
    text = quarantined(JSON, sender="github",
                       xhubsignature256=senders.github(JSON)[2][1])
    for _ in range(300):
        place.put("quarantine", text)
    runs = [subprocess.Popen(
        [TOOL, "reverify", place.path], stdout=subprocess.PIPE,
        env={**clean_environment(), **environment("github")})
        for _ in range(4)]
    said = [run.communicate(timeout=PATIENCE)[0].decode() for run in runs]
    eq("status", [run.returncode for run in runs], [0] * 4)
    eq("delivered", sum(int(text.split()[0]) for text in said), 300)
    eq("new", len(place.names("new")), 300)
    eq("quarantine", place.names("quarantine"), [])


@test("reverify: a fault stops it and loses nothing")
def _():
    needs_root()
    place = Place()
    text = quarantined(JSON, sender="github",
                       xhubsignature256=senders.github(JSON)[2][1])
    for _ in range(3):
        place.put("quarantine", text)
    user = pwd.getpwnam("nobody")
    for name in ("", *os.listdir(place.path)):
        os.chmod(os.path.join(place.path, name), 0o777)
    os.chmod(os.path.join(place.path, "new"), 0o755)
    done = place.run("reverify", code=NOPERM, env=environment("github"),
                     user=user.pw_uid, group=user.pw_gid, extra_groups=[])
    has("summary", done.out, "0 delivered")
    eq("quarantine", len(place.names("quarantine")), 3)
    eq("new and tmp", place.names("new") + place.names("tmp"), [])
    # Delivered, but it cannot leave: it stops at the first.
    os.chmod(os.path.join(place.path, "new"), 0o777)
    os.chmod(os.path.join(place.path, "quarantine"), 0o755)
    done = place.run("reverify", code=NOPERM, env=environment("github"),
                     user=user.pw_uid, group=user.pw_gid, extra_groups=[])
    has("said", done.err, f"delivered as {place.spool.one().name}, but")
    eq("quarantine", len(place.names("quarantine")), 3)


def kept_call(spool, sender, headers, body=JSON, status=403, **params):
    """A call that is kept at an endpoint with a wrong key"""
    received(body, spool, headers, status, HOOKDIR_AUTH=None,
             HOOKDIR_SENDER=sender, **{
                 "HOOKDIR_KEY": senders.STANDARD_OLD
                 if sender == "standard-webhooks" else "wrong", **params})
    return spool.one("quarantine")


@test("reverify: any sender's calls, whatever the endpoint was for")
def _():
    for endpoint_of in SIGNED:
        for sender in SIGNED:
            body, headers, right, _ = SIGNED[sender]
            headers = headers() if callable(headers) else headers
            spool = new_spool()
            if endpoint_of == sender:
                continue
            received(body, spool, headers, 400, HOOKDIR_AUTH=None,
                     HOOKDIR_SENDER=endpoint_of,
                     HOOKDIR_KEY=SIGNED[endpoint_of][3])
            what = f"{sender} at {endpoint_of}"
            eq(what, len(spool.names("quarantine")), 1)
            want = new_spool()
            received(body, want, headers, 200, HOOKDIR_AUTH=None,
                     HOOKDIR_SENDER=sender, HOOKDIR_KEY=right)
            tool("reverify", "--sender", sender, spool.path,
                 env={"HOOKDIR_KEY": right})
            eq(what, without_time(spool.one()), without_time(want.one()))


@test("what root makes in a spool belongs to the spool's owner")
def _():
    needs_root()
    place = Place()
    os.chown(place.path, 65534, 65534)
    os.rmdir(os.path.join(place.path, "log"))
    place.put("new")
    done = subprocess.run([TOOL, "run", place.path, "--", "/bin/false"],
                          capture_output=True, check=False)
    eq("exit", done.returncode, 0)
    eq("owner of log/",
       os.stat(os.path.join(place.path, "log")).st_uid, 65534)


@test("reverify: a call is judged by its very bytes")
def _():
    # A good signature over an id that has no form of an id
    for ident in ("a\tb", "\x01\x7f", "\u0085", b"\xff\xfe"):
        spool = new_spool()
        text = ident if isinstance(ident, str) else ident.decode("latin-1")
        when = str(int(time.time()))
        raw = ident if isinstance(ident, bytes) else ident.encode()
        secret = base64.b64decode(senders.STANDARD_KEY[6:])
        signature = senders.b64(senders.mac(
            secret, raw + b"." + when.encode() + b"." + JSON))
        kept_call(spool, "standard-webhooks", [
            ("webhook-id", raw), ("webhook-timestamp", when),
            ("webhook-signature", "v1," + signature)], status=400)
        tool("reverify", spool.path, env=environment("standard-webhooks"))
        ok(f"{text!r}", spool.one("quarantine")["id"])


@test("reverify: a secret in a header is kept as a digest alone")
def _():
    secret = "canary-0123456789abcdef"
    names = ["X-Gitlab-Token", "X-Api-Key", "X-Shared-Secret", "Api_Key",
             "X-Telegram-Bot-Api-Secret-Token", "X-Password", "X-Own"]
    withheld = ["Authorization", "Proxy-Authorization", "Cookie"]
    spool = new_spool()
    kept = kept_call(
        spool, "github",
        [(name, secret) for name in names + withheld]
        + senders.github(JSON), HOOKDIR_HEADERS="X-Api-Key Authorization",
        HOOKDIR_SECRET_HEADERS="X-Own Cookie")
    head = base64.b64decode(kept["request"]).decode()
    for text in (kept.raw.decode(), head):
        hasnt("the kept call", text, secret)
        hasnt("the kept call", text, base64.b64encode(
            secret.encode()).decode()[:20])
    lines = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    for name in names:
        kind, salt, digest = lines[
            name.lower().replace("_", "-")].split(":")
        eq(name, (kind, digest), ("sha256", hashlib.sha256(
            f"{salt}:{secret}".encode()).hexdigest()))
    eq("withheld", [name for name in withheld if name.lower() in lines], [])
    other = kept_call(new_spool(), "github", [("X-Api-Key", secret)],
                      status=400)
    ok("each has a salt of its own", lines["x-api-key"] not in
       base64.b64decode(other["request"]).decode())
    has("the head", head, "POST /webhook HTTP/1.1"
        if "HTTP/1.1" in head else "POST /webhook\n")
    tool("reverify", spool.path, env={
        **environment("github"), "HOOKDIR_HEADERS": "X-Api-Key"})
    hasnt("event", spool.one().members, "xapikey")


@test("a header cannot be kept and be a secret")
def _():
    for params in ({"HOOKDIR_SECRET_HEADERS": "X-Hub-Signature-256"},
                   {"HOOKDIR_SECRET_HEADERS": "x_own",
                    "HOOKDIR_HEADERS": "X-Own"},
                   {"HOOKDIR_SECRET_HEADERS": "a:b"},
                   {"HOOKDIR_SECRET_HEADERS": ""}):
        spool = new_spool()
        received(JSON, spool, senders.github(JSON), 503, HOOKDIR_AUTH=None,
                 HOOKDIR_SENDER="github", HOOKDIR_KEY="k", **params)
        eq("stored", spool.files(), [])


@test("reverify: what cannot be opened, locked or read is passed over")
def _():
    needs_root()
    place = Place()
    text = quarantined(JSON, sender="github",
                       xhubsignature256=senders.github(JSON)[2][1])
    bases = [place.put("quarantine", text) for _ in range(5)]
    user = pwd.getpwnam("nobody")
    for path, _, names in os.walk(place.path):
        for name in ("", *names):
            os.chown(os.path.join(path, name), user.pw_uid, user.pw_gid)
    for base in bases[1:3]:
        path = os.path.join(place.path, "quarantine", f"{base}.json")
        os.chown(path, 0, 0)
        os.chmod(path, 0)
    done = place.run("reverify", code=IOERR, env=environment("github"),
                     user=user.pw_uid, group=user.pw_gid, extra_groups=[])
    has("said", done.out, "3 delivered, 0 still refused, 2 unreadable\n")
    for base in bases[1:3]:
        has("said", done.out, f"{base}: unreadable: ")
    eq("delivered", len(place.names("new")), 3)


@test("reverify: only a lock that another process has is one")
def _():
    for name, times, code, words in (
            ("EBADF", ":when=1", OK, "1 delivered, 0 still refused, 0 un"),
            ("EBADF", "", IOERR, "0 delivered, 0 still refused, 1 unread"),
            ("ENOLCK", "", IOERR, "0 delivered, 0 still refused, 1 unread"),
            ("EINTR", ":when=1", OK, "1 delivered, 0 still refused, 0 un"),
            ("EAGAIN", "", OK, "0 delivered, 0 still refused, 0 unread")):
        place = Place()
        place.put("quarantine", quarantined(
            JSON, sender="github",
            xhubsignature256=senders.github(JSON)[2][1]))
        done = subprocess.run(
            ["strace", "-qq", "-o", "/dev/null", "-e", "trace=flock", "-e",
             f"inject=flock:error={name}{times}", TOOL, "reverify",
             place.path], check=False, stdout=subprocess.PIPE,
            env={**clean_environment(), **environment("github")})
        eq(f"{name}{times}", done.returncode, code)
        has(f"{name}{times}", done.stdout.decode(), words)


@test("reverify: HOOKDIR_DEDUP delivers a repeat once")
def _():
    spool = new_spool()
    for _ in range(3):
        call("github", spool, "wrong", 403)
    call("github", spool, senders.GITHUB_KEY, HOOKDIR_DEDUP=3600)
    done = tool("reverify", spool.path,
                env=environment("github", HOOKDIR_DEDUP="3600"))
    eq("said", done.out,
       "0 delivered, 3 duplicate, 0 still refused, 0 unreadable\n")
    eq("left", (len(spool.names("new")), spool.names("quarantine")), (1, []))
    for wrong, words in (("x", "not a number"), ("-1", "not a number"),
                         ("99999999999", "not a number"), ("", "empty")):
        done = tool("reverify", spool.path, code=CONFIG,
                    env=environment("github", HOOKDIR_DEDUP=wrong))
        has(f"for {wrong!r}", done.err, f"HOOKDIR_DEDUP: {words}")


@test("reverify: path and query are the handler's, decoded or not")
def _():
    for path, query in (("/a?b", "c=d"), ("/a?b?c", ""), ("/a b#c", "d?e"),
                        ("/a\nb\rc", "d"), ("/a\x7f\x01b", "?"), ("/", ""),
                        (b"/\xe5?x", "\u00f8"), ("/\u00e5\u00f8?", b"\xff?")):
        spools = [new_spool(), new_spool()]
        for spool, key, code in zip(
                spools, (senders.GITHUB_KEY, "wrong"), (200, 403),
                strict=True):
            received(JSON, spool, senders.github(JSON), code,
                     HOOKDIR_AUTH=None, HOOKDIR_SENDER="github",
                     HOOKDIR_KEY=key, REQUEST_URI=None, SCRIPT_NAME=path,
                     QUERY_STRING=query)
        tool("reverify", spools[1].path, env=environment("github"))
        want, got = (spool.one() for spool in spools)
        for name in ("source", "path", "query"):
            eq(f"{name} of {path!r} and {query!r}", got[name], want[name])


@test("reverify: --ignore-time for calls that came while the clock was wrong")
def _():
    when = int(time.time()) - 30 * DAY
    for sender, headers in (
            ("stripe", senders.stripe(JSON, when=when)),
            ("standard-webhooks", senders.standard(JSON, when=when))):
        spool = new_spool()
        received(JSON, spool, headers, 403, HOOKDIR_AUTH=None,
                 HOOKDIR_SENDER=sender, HOOKDIR_KEY=SIGNED[sender][2])
        done = tool("reverify", spool.path, env=environment(sender))
        has("without it", done.out, "1 still refused")
        done = tool("reverify", "--ignore-time", spool.path, env=environment(
            sender, senders.STANDARD_OLD))
        has("not the signature", done.out, "1 still refused")
        tool("reverify", "--ignore-time", spool.path, env=environment(sender))
        eq("data", spool.one().data, JSON)
    spool = new_spool()
    received(shipmondo.body(b'{"exp":1}', KEY), spool, shipmondo.HEADERS, 403,
             HOOKDIR_AUTH=None, HOOKDIR_SENDER="shipmondo", HOOKDIR_KEY=KEY)
    tool("reverify", "--ignore-time", spool.path, env=environment("shipmondo"))
    eq("data", spool.one().data, b'{"exp":1}')


@test("reverify --ignore-time: the border after the time stays where it was")
def _():
    now = int(time.time())
    body = b'{"price":1.5,"to":"alice"}'
    genuine = senders.standard(body, ident="msg.1", when=now)[2][1]
    stripe = senders.stripe_signature(body, senders.STRIPE_KEY, now)

    def refused(sender, headers, moved):
        spool = new_spool()
        received(moved, spool, headers, 400, HOOKDIR_AUTH=None,
                 HOOKDIR_SENDER=sender, HOOKDIR_KEY=SIGNED[sender][2])
        done = tool("reverify", "--ignore-time", spool.path,
                    env=environment(sender))
        has(f"{headers}", done.out, "1 still refused")
        eq(f"{headers}", spool.names("new"), [])
    for ident, when, moved in (
            ("msg", "1", b"%d." % now + body), ("msg", f"1.{now}", body),
            ("msg.1", f'{now}.{{"price":1', b'5,"to":"alice"}')):
        refused("standard-webhooks", [
            ("webhook-id", ident), ("webhook-timestamp", when),
            ("webhook-signature", genuine)], moved)
    refused("stripe", [("Stripe-Signature",
                        f't={now}.{{"price":1,v1={stripe}')],
            b'5,"to":"alice"}')


# --- reverify --conf --------------------------------------------------------

NGINX = """# a comment; with { and "quotes
server {
    listen 443 ssl;
    location = /a {
        include %(dir)s/params;
        fastcgi_param HOOKDIR_SENDER github;
        fastcgi_param HOOKDIR_SPOOL %(other)s;
        fastcgi_param HOOKDIR_KEY "not this one";
    }
    location ~ "^/b{2}$" {
        if ($request_method != POST) { return 405; }
        fastcgi_param HOOKDIR_SENDER %(sender)s;  # the sender
        fastcgi_param HOOKDIR_SPOOL
            "%(spool)s";
        include %(secret)s;
        fastcgi_param HOOKDIR_SOURCE https://$server_name/b;
    }
}
"""
APACHE = """# a comment <Location "/x">
<VirtualHost *:443>
    <Location "/a">
        SetEnv HOOKDIR_SENDER github
        SetEnv HOOKDIR_SPOOL %(other)s
        SetEnv HOOKDIR_KEY "not this one"
    </Location>
    <IfModule mod_env.c>
    <Location "/b">
        setenv HOOKDIR_SENDER %(sender)s
        SetEnv HOOKDIR_SPOOL \\
            "%(spool)s"
        Include %(secret)s
        SetEnvIf Host x HOOKDIR_EVENT=x
    </Location>
    </IfModule>
</VirtualHost>
"""


# As both servers want it
QUOTED = re.sub(r'(["\\])', r"\\\1", senders.GITHUB_KEY)


def conf_places(text, secret, sender="github"):
    """A kept call of github, and the file that has its endpoint"""
    spool, place = new_spool(), folder("conf")
    call("github", spool, "wrong", 403)
    write(os.path.join(place, "params"), "fastcgi_pass unix:/x;\n")
    path = os.path.join(place, "secret.conf")
    write(path, secret)
    return spool, write(os.path.join(place, "site.conf"), text % {
        "dir": place, "spool": spool.path, "other": new_spool().path,
        "secret": path, "sender": sender}), path


@test("reverify: --conf reads the endpoint of this spool, and what it includes")
def _():
    key = QUOTED
    single = re.sub(r"(['\\\\])", r"\\\1", senders.GITHUB_KEY)
    for text, secret in (
            (NGINX, f'fastcgi_param HOOKDIR_KEY "{key}";\n'),
            (NGINX, f"fastcgi_param HOOKDIR_KEY '{single}'; # mine\n"),
            (NGINX, f'fastcgi_param HOOKDIR_KEY "x";\n'
             f'fastcgi_param  HOOKDIR_KEY_PREVIOUS "{key}" if_not_empty;\n'),
            (APACHE, f'SetEnv HOOKDIR_KEY "{key}"\n'),
            (APACHE, f"# a;\nSetEnv HOOKDIR_KEY '{single}'\n"),
            # The spool for all endpoints, and the key of this one
            (APACHE.replace("    <IfModule", """
    SetEnv HOOKDIR_SPOOL %(spool)s
    <IfModule""").replace('SetEnv HOOKDIR_SPOOL \\\n            "%(spool)s"',
                          ""), f'SetEnv HOOKDIR_KEY "{key}"\n')):
        spool, site, secrets = conf_places(text, secret)
        tool("reverify", "--conf", site, spool.path,
             env={"HOOKDIR_KEY": "not looked at"})
        eq("data", spool.one().data, JSON)
        # The file of secrets alone
        spool = call("github", new_spool(), "wrong", 403)
        tool("reverify", "--sender", "github", "--conf", secrets, spool.path)
        eq("data", spool.one().data, JSON)


@test("reverify: --conf and odd characters in a key")
def _():
    for key, nginx, apache in (
            ('a"b', '"a\\"b"', '"a\\"b"'), ("a\\b", '"a\\\\b"', '"a\\\\b"'),
            ("a b;c{}#d", '"a b;c{}#d"', '"a b;c{}#d"'),
            ("a'b", '"a\'b"', '"a\'b"'), ("plain", "plain", "plain")):
        for line in (f"fastcgi_param HOOKDIR_KEY {nginx};",
                     f"SetEnv HOOKDIR_KEY {apache}"):
            spool = new_spool()
            kept_call(spool, "github", senders.github(JSON, key))
            path = write(os.path.join(folder("conf"), "x"), line + "\n")
            tool("reverify", "--sender=github", f"--conf={path}", spool.path)
            eq(f"{key} in {line}", spool.one().data, JSON)


NGINX_KEYS = [
    (r"a\;b", r"a\;b"), (r"a\ b", r"a\ b"), (r"a\{b", r"a\{b"),
    (r"a\tb\rc\nd", "a\tb\rc\nd"), (r'"a\tb\rc\nd"', "a\tb\rc\nd"),
    (r"""a\"b\'c\\d""", r"""a"b'c\d"""), (r"""'a"b\'c\"d'""", """a"b'c"d"""),
    (r'"a\qb\\\"c"', r'a\qb\"c'), ("a#b}c", "a#b}c"), ("\\#a", "\\#a"),
    ('"a\nb;{"', "a\nb;{"), (r"a'b\\", r"a'b" "\\"), ("'a' if_not_empty", "a"),
]
APACHE_KEYS = [
    ('"a\\\nb"', "ab"), ("'a\\\n  b\\\nc'", "a  bc"), ("a\\\nb", "ab"),
    (r"a\\b\qc\"d", r'a\b\qc\"d'), (r'"a\"b\'"', r"""a"b\'"""),
    ("'a\\'b\\\"\\\\'", "a'b\\\"\\"), ('"a b', "a b"),
    ('"a;b#c{}"', "a;b#c{}"), ('"$a{b}$"', "$a{b}$"), ("a${b", "a${b"),
    ('"${hookdir_dollar}{PATH}${HOOKDIR_Dollar}{x}"', "${PATH}${x}"),
    ("${quoted}", 'x"y'), ("right\n# \\\nSetEnv HOOKDIR_KEY wrong", "right"),
    ("wrong\nUnsetEnv X HOOKDIR_KEY\nSetEnv HOOKDIR_KEY right", "right"),
    ("right\nIncludeOptional @DIR@/missing.conf", "right"),
    ("wrong\nInclude @DIR@/many", "last"),
    ("wrong\nIncludeOptional @DIR@/man*", "last"),
]

def real_server(web, place, cases):
    """Each call is taken by the web server, and by reverify with its file."""
    for number, key in enumerate(cases):
        path, spool = f"/key{number}", web.spool(f"key{number}")
        got = web.post(path, JSON, senders.github(JSON, key))
        eq(f"{key!r} at the web server", got.status, 200)
        want = spool.one()["type"]
        spool.clear()
        kept_call(spool, "github", senders.github(JSON, key))
        done = tool("reverify", "--conf", place, spool.path)
        eq(f"{key!r}: said", done.out,
           "1 delivered, 0 still refused, 0 unreadable\n")
        eq(f"{key!r}: type", spool.one()["type"], want)


@test("reverify: --conf reads keys as the real nginx does")
def _():
    web = Nginx(Handler(), "hookdir.conf", start=False)

    def place(number, lines, before="", behind=""):
        params = (f"fastcgi_param HOOKDIR_SENDER github; "
                  f"include {web.etc}/hookdir_params;"
                  f"fastcgi_param HOOKDIR_SPOOL {web.spools}/key{number};")
        lines, before, behind = (x.replace("PARAMS", params)
                                 for x in (lines, before, behind))
        return (f"{before} location = /key{number} {{ {lines} "
                f"fastcgi_pass unix:{web.handler.socket}; }} {behind}\n")

    keys = [key for _, key in NGINX_KEYS]
    text = "".join(
        place(i, f"PARAMS fastcgi_param HOOKDIR_KEY {written};")
        for i, (written, _) in enumerate(NGINX_KEYS))
    event = "fastcgi_param HOOKDIR_EVENT around;"
    right = "PARAMS fastcgi_param HOOKDIR_KEY right;"
    for lines, before, behind in (
            (right, event, ""), (right, "", "fastcgi_param X x;" + event),
            ("", right + event, ""), ("", "", event + right)):
        i = len(keys)
        text += f"location /key{i} {{\n{place(i, lines, before, behind)}}}\n"
        keys.append("right")
    web.site = text
    with web:
        web.start()
        real_server(web, os.path.join(web.dir, "nginx.conf"), keys)


@test("reverify: --conf reads keys as the real Apache does")
def _():
    web = Apache(Handler(), "hookdir.conf", start=False)
    many = os.path.join(web.dir, "many")
    os.makedirs(os.path.join(many, "c"))
    for name, key in (("d", "last"), ("b.conf", "wrong"), (".a", "wrong"),
                      ("c/x", "x")):
        write(os.path.join(many, name), f"SetEnv HOOKDIR_KEY {key}\n")
    text = ('Define hookdir_dollar $\nDefine quoted "\'x\\"y\'"\n'
            "SetEnv HOOKDIR_EVENT around\n")
    for i, (written, _) in enumerate(APACHE_KEYS):
        text += (f"<Location /key{i}>\n"
                 f"ProxyPass unix:{web.handler.socket}|fcgi://localhost/k\n"
                 f"Require all granted\n"
                 f"SetEnv HOOKDIR_SENDER github\n"
                 f"{'' if i % 2 else 'UnsetEnv HOOKDIR_EVENT'}\n"
                 f"SetEnv HOOKDIR_SPOOL {web.spools}/key{i}\n"
                 f"SetEnv HOOKDIR_KEY {written.replace('@DIR@', web.dir)}\n"
                 f"</Location>\n")
    web.site = text
    with web:
        web.start()
        real_server(web, os.path.join(web.dir, "apache.conf"),
                    [key for _, key in APACHE_KEYS])


@test("reverify: --conf and whose file it is")
def _():
    nginx, apache = (f'{name} HOOKDIR_KEY "{QUOTED}"' for name in
                     ("fastcgi_param", "SetEnv"))
    for text, secret in (
            (f"location /x {{ {nginx}; }}", ""), (f"x{{{nginx};}}", ""),
            (f"# SetEnv x\n\ninclude SECRET; # a\n", nginx + "; # b"),
            (f"{nginx}; # a\n", ""), (f"include\nSECRET;", nginx + ";"),
            ("include SECRET;", f"SetEnv x;\n<y>;\n{nginx};"),
            (f"http\n{{\n  {nginx}\n ; }}", ""),
            (f'fastcgi_param HOOKDIR_DEDUP "" if_not_empty; {nginx};', ""),
            (f"include SECRET\n<location /x>\n</location>", apache),
            (f"servername x\n{apache.lower().replace(QUOTED.lower(), QUOTED)}"
             .replace("hookdir_key", "HOOKDIR_KEY"), ""),
            (f"ServerName x;y\n{apache}\n", ""),
            (f'Header set A "b;"\n{apache}', ""),
            ("Include SECRET", f"header set A b;\n{apache}\nheader set {{ ;"),
            (f"# a; {{\n# b \\\nfoo bar\n{apache}", "")):
        spool, place = new_spool(), folder("conf")
        call("github", spool, "wrong", 403)
        other = write(os.path.join(place, "secret"), secret)
        path = write(os.path.join(place, "x"), text.replace("SECRET", other))
        tool("reverify", "--sender=github", f"--conf={path}", spool.path)
        eq(text, spool.one().data, JSON)


@test("reverify: a --conf that does not say it is an error")
def _():
    key = f'fastcgi_param HOOKDIR_KEY "{QUOTED}";\n'
    for text, secret, code, words in (
            (NGINX.replace("%(spool)s", "%(other)s"), key, CONFIG,
             "no endpoint"),
            (NGINX + NGINX.replace("include %(secret)s;", ""), key, CONFIG,
             "several endpoints"),
            (NGINX + "}", key, CONFIG, "did not begin"),
            ("a {" + NGINX, key, CONFIG, "does not end"),
            (NGINX, "", CONFIG, "no key"),
            (NGINX, 'fastcgi_param HOOKDIR_KEY "$key";', CONFIG,
             "a variable"),
            (APACHE, 'SetEnv HOOKDIR_KEY "${KEY}"', CONFIG, "a variable"),
            (NGINX.replace("%(secret)s", "%(secret)s.gone"), key, NOINPUT,
             "secret.conf.gone"),
            (NGINX.replace("%(secret)s", "%(dir)s/site.conf"), key, CONFIG,
             "too many"),
            ("", key, CONFIG, "no endpoint"),
            (NGINX, key.rstrip(";\n"), CONFIG, 'no ";"'),
            (NGINX, 'fastcgi_param HOOKDIR_DEDUP "";' + key, CONFIG,
             "HOOKDIR_DEDUP: empty"),
            (NGINX, 'fastcgi_param HOOKDIR_KEY "";', CONFIG,
             "HOOKDIR_KEY: empty"),
            (NGINX.replace("location = /a", key + "location = /a"), "",
             CONFIG, "no key"),
            (APACHE, f'SetEnv HOOKDIR_KEY "{QUOTED}"\nUnsetEnv HOOKDIR_KEY',
             CONFIG, "no key"),
            (APACHE, f'Define d $\nUnDefine d\nSetEnv HOOKDIR_KEY "${{d}}x"',
             CONFIG, "its value is not in the file"),
            (APACHE, "PassEnv HOOKDIR_KEY", CONFIG, "a variable"),
            (APACHE.replace("%(secret)s", "%(secret)s.gone"), "", NOINPUT,
             "secret.conf.gone"),
            (APACHE.replace("%(secret)s", "%(dir)s"), "", CONFIG, "too many"),
            ("x" * (MIB + 1), key, CONFIG, "too large")):
        spool, site, _ = conf_places(text, secret)
        done = tool("reverify", "--conf", site, spool.path, code=code)
        has(text[-60:], done.err, words)
        hasnt("the key", done.err, senders.GITHUB_KEY)
        eq("left", len(spool.names("quarantine")), 1)
    spool, site, _ = conf_places(NGINX, key, sender="stripe")
    tool("reverify", "--conf", site + ".gone", spool.path, code=NOINPUT)
    # --sender goes before the file's.
    tool("reverify", "--conf", site, "--sender", "github", spool.path)
    eq("data", spool.one().data, JSON)


@test("reverify: --conf reads the samples")
def _():
    for kind in ("nginx", "apache"):
        place, spool = folder("conf"), new_spool()
        call("github", spool, "wrong", 403)
        for name in ("hookdir-hmac.conf", "secrets/github.conf",
                     "secrets/standard.conf", "secrets/shopify.conf",
                     "secrets/stripe.conf"):
            with open(root_file(kind, name), encoding="utf-8") as file:
                text = file.read()
            text = text.replace("/var/spool/hookdir/github", spool.path)
            text = text.replace("/etc/hookdir/hookdir_params", "/dev/null")
            text = text.replace("/etc/hookdir", place)
            if name == "secrets/github.conf":
                text += {"nginx": "fastcgi_param HOOKDIR_KEY \"%s\";\n",
                         "apache": "SetEnv HOOKDIR_KEY \"%s\"\n"}[kind] \
                    % QUOTED
            write(os.path.join(place, os.path.basename(name)), text)
        tool("reverify", "--conf",
             os.path.join(place, "hookdir-hmac.conf"), spool.path)
        eq(f"{kind}: data", spool.one().data, JSON)


if __name__ == "__main__":
    main()

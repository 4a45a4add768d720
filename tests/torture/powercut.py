# SPDX-License-Identifier: MIT
"""powercut - the power goes, and what was acknowledged is still there

The real handler behind FastCGI and the real hookdir command work on a small
file system whose power is cut (see cutdisk). It is mounted again, and then:

  lost   a message that was answered with 200 and is nowhere: not in new/,
         cur/, failed/ or hold/, not in the archive, nor was there a command
         that had taken it and said so elsewhere;
  torn   a file in any of these, or in quarantine/, that is not whole, or
         does not say what was sent;
  stuck  what a new handler and a new hookdir run cannot go on with.

None of the three may happen. Each proof has controls: the same cuts with
programs that are broken on purpose (tests/torture/broken, made by "make
broken"), of which it must catch at least one loss or tear.

HOOKDIR_LONG=1 makes ten times as many cuts. HOOKDIR_FCGI and HOOKDIR_TOOL
name other binaries; the broken ones are looked for in broken/ beside the
handler. HOOKDIR_SEED repeats the moments of another run, as far as moments
can be repeated. It needs root, for it mounts loop devices.
"""

import base64
import concurrent.futures
import contextlib
import hashlib
import json
import os
import random
import re
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
# pylint: disable=wrong-import-position
import shipmondo  # noqa: E402
from cutdisk import (DATA_JOURNAL, FAST_COMMIT, NO_JOURNAL,  # noqa: E402
                     WRITEBACK, Disk)
from fcgiclient import KEY, OTHER_KEY, endpoint, signed_endpoint  # noqa: E402
from harness import (FCGI, Cgi, Handler, Process, Spool,  # noqa: E402
                     clean_environment, eq, fail, folder, main, ok,
                     test, write)
from spools import TOOL, event  # noqa: E402

LONG = os.environ.get("HOOKDIR_LONG", "") not in ("", "0")
TIMES = 10 if LONG else 1
SECONDS = 7200 if LONG else 420  # for one test; a limit for what hangs
SEED = os.environ.get("HOOKDIR_SEED") or str(random.SystemRandom().getrandbits(
    32))
KINDS = ("ext4", "xfs")
LANES = 2  # cuts at a time, each on a disk of its own

# The handler as it is on file systems that it does not know; not broken.
FLUSHED_FIRST = "flushed-first"

# Where a message can stand that nobody has done with.
STATES = ("new", "cur", "failed", "hold")


# --- what was sent ----------------------------------------------------------

def digest(data):
    return hashlib.sha256(data).hexdigest()


class Ledger:
    """What was sent, and what was answered; for many threads at once"""

    def __init__(self, rng):
        self.rng = rng
        self.sent = {}  # SHA-256 of the body: SHA-256 of its data
        # Acknowledged, and nobody has done with it yet: when that was
        self.must = {}
        self.seconds = [0.005]  # that deliveries took, of late
        self.statuses = {}
        self.number = 0
        self.lock = threading.Lock()

    def data(self, about=0):
        """A JSON object like no other, mostly small"""
        with self.lock:
            self.number += 1
            number = self.number
            size = self.rng.choice((0, 0, 100, 3000, 5000, 40000, 300000))
            filler = self.rng.randbytes(size // 2).hex()
        return (f'{{"id":{about},"n":{number},"at":{time.time_ns()},'
                f'"s":"{filler}"}}'.encode())

    def plain(self):
        data = self.data()
        self.note(data, data)
        return data

    def signed(self, key=KEY, about=0):
        data = shipmondo.form_b(self.data(about))
        body = shipmondo.body(data, key)
        self.note(body, data)
        return body

    def note(self, body, data):
        self.sent[digest(body)] = digest(data)

    def answered(self, body, got):
        with self.lock:
            self.statuses[got.status] = self.statuses.get(got.status, 0) + 1
            if got.status == 200:
                self.must[digest(body)] = time.monotonic()
                self.seconds = [*self.seconds[-20:], got.seconds]


# --- what is there ----------------------------------------------------------

def damage(ledger, where, raw):
    """(SHA-256 of the body, None), or (None, what is wrong with the file)"""
    try:
        message = json.loads(raw)
        body, data = message["bodysha256"], raw[raw.index(
            b',"data":') + 8:-2] if where != "quarantine" else None
    except (ValueError, KeyError, TypeError) as error:
        return None, f"{len(raw)} bytes, {raw[:40]!r}: {error!r}"
    if not raw.endswith(b"}\n") or body not in ledger.sent:
        return None, f"{len(raw)} bytes, not what was sent"
    if data is None:
        whole = digest(base64.b64decode(message["data_base64"])) == body
    else:
        whole = digest(data) == ledger.sent[body]
    return (body, None) if whole else (None, f"{len(raw)} bytes, altered")


class Found:
    """All messages in a spool, and in an archive"""

    def __init__(self, ledger, spool, archive=None):
        self.places = {}  # SHA-256 of the body: where it is
        self.torn = []
        places = [(name, os.path.join(spool, name))
                  for name in (*STATES, "quarantine")]
        for where, path in [*places, ("archive", archive)]:
            # What begins with a dot is being written, and no message.
            for name in os.listdir(path) if path and os.path.isdir(
                    path) else ():
                if not name.startswith("."):
                    self.read(ledger, where, os.path.join(path, name))

    def read(self, ledger, where, path):
        with open(path, "rb") as file:
            body, wrong = damage(ledger, where, file.read())
        if wrong:
            self.torn.append(f"{where}/{os.path.basename(path)}: {wrong}")
        else:
            self.places.setdefault(body, set()).add(where)

    def missing(self, wanted, nowhere=()):
        """Those that are in none of the places, or only in these"""
        return {body for body in wanted
                if not self.places.get(body, set()) - set(nowhere)}


class Tally:
    """What came of the cuts of a scene"""

    def __init__(self):
        self.cuts = self.acknowledged = self.lost = self.torn = 0
        self.caught = 0  # cuts with something lost or torn
        self.extra = {}  # further counts, by name
        self.notes = []
        self.stuck = []
        self.seconds = []
        self.lock = threading.Lock()

    def add(self, acknowledged, lost, torn, seconds, notes=(), **extra):
        with self.lock:
            self.cuts += 1
            self.acknowledged += acknowledged
            self.lost += lost
            self.torn += torn
            self.caught += bool(lost or torn)
            self.notes += notes
            self.seconds.append(seconds)
            for name, value in extra.items():
                self.extra[name] = self.extra.get(name, 0) + value

    def counts(self):
        return (f"{self.cuts} / {self.acknowledged} / {self.lost} / "
                f"{self.torn}")


def figure(what, value, target):
    print(f"# figure power cuts | {what} | {value} | {target}", flush=True)


# --- the machine that loses its power ---------------------------------------

class Receiver(Handler):
    """The handler on a socket that outlives it; calls wait there while it
    starts, so that nothing else has to."""

    def __init__(self, program):
        super().__init__(start=False)
        self.command = [program]

    def start(self):
        self.spawn(self.command, self._log.path, stdin=self.listener,
                   env=clean_environment())

    def kill(self):
        if self.running:
            self.running = False
            self.popen.kill()
            self.popen.wait()


class Loop(Process):
    """Commands in a shell, over and over until it is killed"""

    def __init__(self, machine, name, commands):
        super().__init__(name)
        self.script = write(os.path.join(machine.dir, name),
                            f"while :; do\n{commands}\ndone\n")
        self.log = os.path.join(machine.dir, name + ".log")

    def start(self, env):
        with open(self.log, "wb"):
            pass
        self.spawn(["sh", self.script], self.log, env=env)

    def kill(self):
        """With all that it started"""
        self.stop(9)


class Machine:
    """A disk, a handler and a spool; cut by cut the same ones.

    program, tool: the handler and the command, which may be broken ones.
    """

    def __init__(self, kind, seed, program=FCGI, tool=TOOL, params=None,
                 apart=False):
        self.rng = random.Random(f"{SEED} {seed}")
        self.dir = folder("machine")
        self.ledger = Ledger(self.rng)
        self.disk = Disk(kind)
        self.other = Disk(kind) if apart else None  # for the archive
        self.tool = tool
        self.sound = tool == TOOL and (
            program == FCGI or f"/{FLUSHED_FIRST}/" in program)
        self.receiver = Receiver(program)
        self.params = params or endpoint
        self.spool = os.path.join(self.disk.place, "spool-0")
        self.archive = os.path.join((self.other or self.disk).place,
                                    "archive")
        self.records = os.path.join(self.dir, "records")
        os.mkdir(self.records)
        self.loops = []
        self.when = 0.0  # the power went

    def up(self):
        for disk in self.disks():
            disk.mount()
        self.receiver.start()

    def disks(self):
        """In the order in which they lose their power: the one with copies
        before the one with what was copied"""
        return [disk for disk in (self.other, self.disk) if disk]

    def cut(self):
        self.when = time.monotonic()
        for disk in self.disks():
            disk.cut()

    def lost(self, body):
        """What is to be said of one that is lost"""
        answered = self.ledger.must.get(body)
        if answered is None:
            return f"lost: {body}"
        after = (answered - self.when) * 1000
        return f"lost: {body}, answered {after:+.1f} ms after the cut"

    def down(self):
        """The rest of what a machine without power is"""
        for disk in self.disks():
            disk.check_cut()
        ok("the handler is still running", self.receiver.alive())
        eq("statuses that there should not be",
           set(self.ledger.statuses) - {200, 403, 503}, set())
        self.kill()
        for disk in self.disks():
            disk.unmount_after_cut()

    def kill(self):
        for loop in self.loops:
            loop.kill()
        self.receiver.kill()

    def close(self):
        self.kill()
        for disk in self.disks():
            disk.close()

    def send(self, body, **params):
        got = self.receiver.request(body, **self.params(self.spool, **params))
        self.ledger.answered(body, got)
        return got

    # The next boot

    def hookdir(self, *words, code=0, **env):
        done = subprocess.run(
            [self.tool, *words], check=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
            env={**clean_environment(), **env})
        if done.returncode != code:
            text = done.stdout.decode("utf-8", "replace")[-500:]
            fail(f"hookdir {words[0]}: status {done.returncode}, "
                 f"want {code}: {text}")

    def goes_on(self, body):
        """A new handler delivers, and a new runner drains the spool."""
        got = self.send(body)
        eq("status after the cut", got.status, 200)
        self.hookdir("list", self.spool)
        self.hookdir("run", "--until-empty", self.spool, "--", "true")
        spool = Spool(self.spool)
        eq("left in new/", spool.names("new"), [])
        eq("left in cur/", spool.names("cur"), [])
        self.ledger.must.clear()

    def warm_up(self):
        """A spool, flushed, and a handler that has delivered to it"""
        eq("status", self.send(self.ledger.signed() if self.params is
                               signed_endpoint else self.ledger.plain()
                               ).status, 200)
        self.disk.flush()
        self.ledger.must.clear()

    def start_afresh(self):
        """What broken programs leave is not gone on with."""
        for disk in self.disks():
            disk.clear(*(name for name in os.listdir(disk.place)
                         if name != "lost+found"))
        self.warm_up()


# --- scenes -----------------------------------------------------------------

class Scene:
    """What happens around a cut. work() returns when the power is gone."""

    name = ""
    params = staticmethod(endpoint)
    apart = False

    def body(self, machine):
        return machine.ledger.plain()

    def prepare(self, machine):
        """Before each cut, with everything running"""

    def work(self, machine):
        raise NotImplementedError

    def found(self, machine):
        return Found(machine.ledger, machine.spool)

    def missing(self, machine, found):
        return found.missing(machine.ledger.must, ["quarantine", "archive"])

    def after(self, machine):
        machine.goes_on(self.body(machine))

    def extra(self, machine, found):
        """Further counts"""
        return {}


def at_random(machine, most):
    """Waits so long, to the microsecond, and cuts the power."""
    until = time.perf_counter() + machine.rng.uniform(0, most)
    time.sleep(max(0, until - time.perf_counter() - 0.0003))
    while time.perf_counter() < until:
        pass
    machine.cut()


class RightAfter(Scene):
    """One message, and the power goes as soon as it is acknowledged"""

    name = "one message a cut, right after its 200"

    def work(self, machine):
        machine.send(self.body(machine))
        machine.cut()


class Meanwhile(Scene):
    """One message, and the power goes somewhere on its way"""

    name = "one message a cut, meanwhile"

    def work(self, machine):
        most = 1.5 * statistics.median(machine.ledger.seconds)
        body = self.body(machine)
        cutter = threading.Thread(target=at_random, args=(machine, most))
        cutter.start()
        machine.send(body)
        cutter.join()


class Load(Scene):
    """Several senders, and the power goes at any moment"""

    name = "under load"
    senders = 6
    spread = 0.04  # seconds after which the power goes, at most

    def job(self, machine, number):
        """What a sender does, over and over"""
        machine.send(self.body(machine))

    def work(self, machine):
        stop = threading.Event()

        def sender(number):
            while not stop.is_set():
                self.job(machine, number)

        with concurrent.futures.ThreadPoolExecutor(self.senders) as pool:
            jobs = [pool.submit(sender, n) for n in range(self.senders)]
            try:
                at_random(machine, self.spread)
            finally:
                stop.set()
        for job in jobs:
            job.result()


class Neighbour(Load):
    """Beside somebody who flushes a file of their own all the time"""

    name = "under load, beside a file that is flushed"

    def work(self, machine):
        over = threading.Event()

        def append():
            path = os.path.join(machine.disk.place, "neighbour")
            with contextlib.suppress(OSError), open(path, "ab", 0) as file:
                while not over.is_set():
                    file.write(bytes(100))
                    os.fsync(file.fileno())

        other = threading.Thread(target=append)
        other.start()
        try:
            super().work(machine)
        finally:
            over.set()
            other.join()


class NewSpool(Load):
    """The first messages of a spool that does not exist yet"""

    name = "on a spool that is not there yet"

    @staticmethod
    def params(spool, **params):
        """Every other one makes a seen/ as well."""
        number = int("0" + spool.rpartition("-")[2])
        return endpoint(spool, HOOKDIR_DEDUP=number % 2 * 3600, **params)

    def prepare(self, machine):
        machine.disk.clear(os.path.basename(machine.spool))
        machine.spool = os.path.join(
            machine.disk.place, f"spool-{machine.ledger.number}")

    def work(self, machine):
        how = machine.rng.choice((RightAfter, Meanwhile, Load))
        how.work(self, machine)


class Repeats(Load):
    """Several senders send the same messages again and again, and each
    answer, that it is a repeat too, means that the first one is there."""

    name = "repeats, with HOOKDIR_DEDUP"

    @staticmethod
    def params(spool, **params):
        return endpoint(spool, HOOKDIR_DEDUP=3600, **params)

    def prepare(self, machine):
        machine.bodies = [self.body(machine) for _ in range(8)]

    def job(self, machine, number):
        machine.send(machine.bodies[(number + machine.ledger.number) % 8]
                     if number % 2 else random.choice(machine.bodies))

    def after(self, machine):
        # Whatever is remembered of them now, it must be true.
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for got in pool.map(machine.send, machine.bodies):
                eq("status of a repeat after the cut", got.status, 200)
        found = self.found(machine)
        if found.missing(machine.ledger.must):
            machine.unkept = len(found.missing(machine.ledger.must))
            return
        super().after(machine)


class Forged(Load):
    """Calls that go to quarantine/ among others: whole, or not there"""

    name = "calls for quarantine/"
    params = staticmethod(signed_endpoint)

    def body(self, machine):
        return machine.ledger.signed()

    def job(self, machine, number):
        machine.send(self.body(machine) if number % 2 else
                     machine.ledger.signed(OTHER_KEY))

    def extra(self, machine, found):
        return {"kept in quarantine/": sum(
            "quarantine" in where for where in found.places.values())}

    def after(self, machine):
        super().after(machine)
        reverify(machine)
        super().after(machine)
        eq("left in quarantine/", Spool(machine.spool).names("quarantine"),
           [])


def reverify(machine):
    machine.hookdir("reverify", "--sender", "shipmondo", machine.spool,
                    HOOKDIR_KEY=OTHER_KEY)


# The digest of its body says what becomes of a message, so that repeats end
# alike: most are done, some are given up at once, fail, take a while or are
# put off. What is done is recorded before the command ends, on a disk that
# keeps its power.
CONSUMER = """
body=$(jq -r .bodysha256) || exit 1
case $body in
*[01]) exit 65 ;;
*[23]) exit 1 ;;
*4) sleep 0.005 ;;
*ff) exit 75 ;;
esac
: >"$1/$body"
"""
RECORD = ': >"$0/$(jq -r .bodysha256)"'



class Consumers(Load):
    """Everything at once: deliveries, run, requeue, hold, release, expire
    and reverify"""

    name = "run, requeue, hold, expire and reverify in flight"
    params = staticmethod(signed_endpoint)
    senders = 4
    spread = 0.1
    run_archives = False

    def body(self, machine):
        return machine.ledger.signed()

    def job(self, machine, number):
        machine.send(self.body(machine) if number else
                     machine.ledger.signed(OTHER_KEY))

    def prepare(self, machine):
        """Messages of long ago, for expire to find, and calls in
        quarantine/ for reverify, all of them flushed"""
        for name in os.listdir(machine.records):
            os.unlink(os.path.join(machine.records, name))
        machine.disk.clear("archive")
        eq("status", machine.send(self.body(machine)).status, 200)
        for where, count in (("failed", 8), ("hold", 4)):
            with contextlib.suppress(FileExistsError):
                os.mkdir(os.path.join(machine.spool, where))
            for number in range(count):
                self.place(machine, where, number)
        for _ in range(5):
            eq("status", machine.send(machine.ledger.signed(
                OTHER_KEY)).status, 403)
        machine.disk.flush()
        machine.kept = set(Found(machine.ledger, machine.spool).places)
        if not machine.loops:
            self.loops(machine)
        for loop in machine.loops:
            loop.start({**clean_environment(), "HOOKDIR_KEY": OTHER_KEY})

    @staticmethod
    def place(machine, where, number):
        data = machine.ledger.data()
        machine.ledger.note(data, data)
        draft = os.path.join(machine.spool, "tmp", "draft")
        with open(draft, "wb") as file:
            file.write(event(data, id=digest(data), bodysha256=digest(data)))
        os.rename(draft, os.path.join(
            machine.spool, where, f"1767000000.M{number:06}P"
            f"{machine.ledger.number}Q1.shop.json"))

    def loops(self, machine):
        consumer = write(os.path.join(machine.dir, "consumer"), CONSUMER)
        tool, spool, archive = machine.tool, machine.spool, machine.archive
        run = "--archive " + archive if self.run_archives else ""
        machine.loops = [Loop(machine, name, text) for name, text in {
            "run": f"{tool} run --watch --jobs 3 --retries 1 --backoff 0s:0s"
                   f" {run} {spool} -- sh {consumer} {machine.records}",
            "move": f"{tool} requeue --all {spool}; {tool} hold --all {spool}"
                    f"; {tool} release --all {spool}; sleep 0.004",
            "expire": f"{tool} expire --older-than 1h --state failed,hold"
                      f" --archive {archive} {spool}; sleep 0.003",
            "reverify": f"{tool} reverify --sender shipmondo {spool}"
                        "; sleep 0.003",
        }.items()]

    def found(self, machine):
        return Found(machine.ledger, machine.spool, machine.archive)

    def missing(self, machine, found):
        return (found.missing(machine.kept | set(machine.ledger.must))
                - self.done(machine))

    def done(self, machine):
        return set(os.listdir(machine.records))

    def after(self, machine):
        everything = machine.kept | set(machine.ledger.must)
        eq("status after the cut", machine.send(
            self.body(machine)).status, 200)
        machine.hookdir("list", machine.spool)
        reverify(machine)
        for command in ("requeue", "release"):
            machine.hookdir(command, "--all", machine.spool)
        archive = ["--archive", machine.archive] if self.run_archives else []
        machine.hookdir("run", "--until-empty", "--jobs", "4", *archive,
                        machine.spool, "--", "sh", "-c", RECORD,
                        machine.records)
        found = self.found(machine)
        eq("torn after all", found.torn, [])
        eq("left in the spool", {
            where for places in found.places.values() for where in places}
            - {"archive"}, set())
        eq("nowhere after all", found.missing(everything)
           - self.done(machine), set())
        machine.ledger.must.clear()

    def extra(self, machine, found):
        places = list(found.places.values())
        return {"recorded": len(self.done(machine)), **{
            where: sum(where in one for one in places)
            for where in (*STATES, "quarantine", "archive")}}


class Archive(Consumers):
    """Everything at once, with an archive on another disk, so that messages
    are copied there. That disk loses its power first."""

    name = Consumers.name + ", archive on another disk"
    apart = True
    run_archives = True

    def prepare(self, machine):
        machine.other.clear("archive")
        super().prepare(machine)

    def done(self, machine):
        """The command alone does not count: it has to be in the archive."""
        return set()


class Latest(Consumers):
    """Of each subject only the newest is run: another may go unrun, but
    only for a newer one that is there, or was run."""

    name = "run --latest in flight"

    def prepare(self, machine):
        for name in os.listdir(machine.records):
            os.unlink(os.path.join(machine.records, name))
        machine.subjects = {}  # SHA-256 of the body: (subject, number)
        machine.kept = set()
        if not machine.loops:
            consumer = write(os.path.join(machine.dir, "consumer"), CONSUMER)
            machine.loops = [Loop(
                machine, "run", f"{machine.tool} run --latest --watch --jobs "
                f"3 --retries 1 --backoff 0s:0s {machine.spool} -- sh "
                f"{consumer} {machine.records}")]
        for loop in machine.loops:
            loop.start(clean_environment())

    def job(self, machine, number):
        """Each sender has a subject of its own, so what it sends is older
        than what it sends then."""
        body = machine.ledger.signed(about=number + 1)
        machine.subjects[digest(body)] = (number, len(machine.subjects))
        machine.send(body, headers=[("SMD-Resource-Type", "Orders"),
                                    ("SMD-Resource-Id", str(number + 1))])

    def missing(self, machine, found):
        there = self.done(machine) | set(found.places)
        return self.not_superseded(machine, there)

    @staticmethod
    def not_superseded(machine, there):
        newest = {}
        for body, (subject, number) in machine.subjects.items():
            if body in there:
                newest[subject] = max(number, newest.get(subject, number))
        return {body for body, (subject, number) in machine.subjects.items()
                if body in machine.ledger.must
                and newest.get(subject, -1) < number}

    def after(self, machine):
        machine.hookdir("requeue", "--all", machine.spool)
        machine.hookdir("run", "--until-empty", "--latest", machine.spool,
                        "--", "sh", "-c", RECORD, machine.records)
        eq("neither run nor superseded after all", self.not_superseded(
            machine, self.done(machine)), set())
        machine.goes_on(self.body(machine))


# --- the cuts ---------------------------------------------------------------

def one_cut(scene, machine, tally):
    start = time.monotonic()
    scene.prepare(machine)
    machine.unkept = 0
    scene.work(machine)
    machine.down()
    machine.up()
    found = scene.found(machine)
    missing = scene.missing(machine, found)
    counts = {"acknowledged": len(machine.ledger.must)}
    extra = scene.extra(machine, found)
    notes = [machine.lost(body) for body in missing]
    notes += [f"torn: {text}" for text in found.torn]
    sound = not missing and not found.torn
    if sound and machine.sound or scene.name == Repeats.name and sound:
        try:
            scene.after(machine)
        except Exception as failure:
            if machine.sound:
                with tally.lock:
                    tally.stuck.append(f"stuck: {failure}")
    if machine.unkept:
        notes.append(f"lost: {machine.unkept} that were called duplicates")
    tally.add(lost=len(missing) + machine.unkept, torn=len(found.torn),
              seconds=time.monotonic() - start, notes=notes, **counts,
              **extra)
    if machine.unkept or not sound or not machine.sound or tally.stuck:
        machine.start_afresh()


def cuts(scene, kind, count, program=FCGI, tool=TOOL, tally=None):
    """So many cuts of a scene; answers the Tally, which may go on."""
    tally = tally or Tally()
    lanes = min(LANES, count)
    machines = [Machine(kind, f"{scene.name} {kind} {lane}", program, tool,
                        scene.params, scene.apart) for lane in range(lanes)]
    stop = threading.Event()

    def lane(machine, share):
        try:
            machine.up()
            machine.warm_up()
            for _ in range(share):
                if not stop.is_set():
                    one_cut(scene, machine, tally)
        finally:
            machine.close()

    with concurrent.futures.ThreadPoolExecutor(lanes) as pool:
        try:
            jobs = [pool.submit(lane, machine, count // lanes + (
                number < count % lanes))
                    for number, machine in enumerate(machines)]
            for job in concurrent.futures.as_completed(jobs):
                job.result()
        finally:
            # A lane ends with its cut; the others do not go on alone.
            stop.set()
    return tally


PROOFS = (
    # scene, cuts on each file system
    (RightAfter(), 250),
    (Meanwhile(), 100),
    (NewSpool(), 30),
    (Load(), 30),
    (Neighbour(), 30),
    (Repeats(), 12),
    (Forged(), 20),
    (Consumers(), 25),
    (Archive(), 15),
    (Latest(), 15),
)


def prove(scene, kind, count, way=None):
    program = broken(way, "handler")["program"] if way else FCGI
    tally = cuts(scene, kind, count * TIMES, program)
    figure(f"{kind}, {scene.name}{', ' + way if way else ''}: cuts / "
           "acknowledged / lost / torn", tally.counts(), "0 lost, 0 torn")
    if tally.extra:
        print("# found after the cuts: " + ", ".join(
            f"{name} {value}" for name, value in tally.extra.items()),
            flush=True)
    print(f"# {statistics.mean(tally.seconds) * 1000:.0f} ms a cut, "
          f"seed {SEED}", flush=True)
    if tally.lost or tally.torn or tally.stuck:
        fail("\n".join([f"{tally.lost} lost, {tally.torn} torn, "
                        f"{len(tally.stuck)} stuck", *tally.notes[:20],
                        *tally.stuck[:5]]))
    ok("something was acknowledged", tally.acknowledged)


for _scene, _count in PROOFS:
    for _kind in KINDS:
        @test(f"{_kind}: {_scene.name}: nothing is lost, torn or stuck",
              seconds=SECONDS)
        def _(scene=_scene, kind=_kind, count=_count):
            prove(scene, kind, count)


for _scene, _count in ((RightAfter(), 60), (Meanwhile(), 40), (Load(), 100),
                       (Neighbour(), 100), (Forged(), 10)):
    @test(f"{DATA_JOURNAL}: {_scene.name}: nothing is lost, torn or stuck",
          seconds=SECONDS)
    def _(scene=_scene, count=_count):
        prove(scene, DATA_JOURNAL, count)


# What is done on file systems that nobody knows.
for _scene, _count in ((RightAfter(), 100), (Meanwhile(), 50),
                       (NewSpool(), 20), (Load(), 20), (Repeats(), 12)):
    for _kind in KINDS:
        @test(f"{_kind}: {_scene.name}, {FLUSHED_FIRST}: nothing is lost, "
              "torn or stuck", seconds=SECONDS)
        def _(scene=_scene, kind=_kind, count=_count):
            prove(scene, kind, count, FLUSHED_FIRST)


FLUSHES = {
    # what is written out or flushed for a message: files have a slash
    "ext4": ["sync_file_range tmp/", "fsync new", "fsync new/"],
    "xfs": ["sync_file_range tmp/", "fsync new/"],
}

for _kind, _want in FLUSHES.items():
    @test(f"{_kind}: what is flushed for a message")
    def _(kind=_kind, want=_want):
        disk = Disk(kind)
        disk.mount()
        try:
            trace = os.path.join(folder("trace"), "calls")
            spool = os.path.join(disk.place, "spool")
            cgi = Cgi(wrapper=[
                "strace", "-f", "-qq", "-y", "-o", trace, "-e", "trace=fsync,"
                "fdatasync,syncfs,sync,sync_file_range,prctl", "-e",
                "inject=prctl:retval=0"])
            for _ in range(2):  # the first one makes the spool
                eq("status", cgi.request(
                    b"{}", **endpoint(spool)).status, 200)
            with open(trace, encoding="utf-8") as file:
                calls = re.findall(
                    r"(\w+)\(\d+<[^>]*/spool/(tmp/|new/?)", file.read())
            eq("calls", [f"{name} {place}" for name, place in calls], want)
        finally:
            disk.close()


# --- controls ---------------------------------------------------------------

CONTROLS = (
    # what is broken in it, in which program, what has to show it, in how
    # many cuts, on which file systems
    ("no-flush", "handler", RightAfter(), 10, (*KINDS, NO_JOURNAL)),
    ("no-file-fsync", "handler", RightAfter(), 10, KINDS),
    ("no-write-out", "handler", Load(), 20, KINDS),
    ("no-write-out", "handler", Meanwhile(), 20, ["ext4"]),
    ("no-directory-fsync", "handler", RightAfter(), 10, KINDS),
    ("answer-before-rename", "handler", RightAfter(), 10, KINDS),
    ("rename-before-file-fsync", "handler", Meanwhile(), 20, KINDS),
    ("no-flush", "handler", NewSpool(), 10, KINDS),
    ("no-file-fsync", "handler", NewSpool(), 10, KINDS),
    ("no-directory-fsync", "handler", NewSpool(), 10, KINDS),
    ("no-flush", "handler", Load(), 10, KINDS),
    ("no-directory-fsync", "handler", Load(), 10, KINDS),
    ("file-fsync-alone", "handler", Load(), 20, [FAST_COMMIT]),
    ("ignored-errors", "handler", Load(), 20, ["ext4"]),
    ("trusted-flush", "handler", Load(), 60, ["xfs"]),
    ("no-flush", "handler", Repeats(), 10, KINDS),
    ("no-directory-fsync", "handler", Repeats(), 10, KINDS),
    ("seen-before-delivery", "handler", Repeats(), 25, KINDS),
    ("no-flush", "handler", Forged(), 10, KINDS),
    ("no-file-fsync", "handler", Forged(), 10, KINDS),
    ("no-file-fsync", "tool", Consumers(), 6, KINDS),
    ("move-by-copy", "tool", Consumers(), 6, KINDS),
    ("no-file-fsync", "tool", Archive(), 6, KINDS),
    ("no-directory-fsync", "tool", Archive(), 6, KINDS),
    ("move-by-copy", "tool", Latest(), 6, KINDS),
)

# What is caught at some moments only may need more of them.
ROUNDS = 10


def broken(name, program):
    """The arguments that put this one in the place of the real one"""
    file = {"handler": "hookdir.fcgi", "tool": "hookdir"}[program]
    path = os.path.join(os.path.dirname(FCGI), "broken", name, file)
    if not os.access(path, os.X_OK):
        fail(f"{path}: not there; run make broken")
    return {"program" if program == "handler" else "tool": path}


for _name, _program, _scene, _count, _kinds in CONTROLS:
    for _kind in _kinds:
        @test(f"{_kind}: {_scene.name}: a {_program} with {_name} is caught",
              seconds=SECONDS)
        def _(name=_name, program=_program, scene=_scene, kind=_kind,
              count=_count):
            tally = Tally()
            for _ in range(ROUNDS):
                cuts(scene, kind, count, tally=tally, **broken(name, program))
                if tally.caught:
                    break
            figure(f"control {name}, {program}, {kind}, {scene.name}: caught",
                   f"{tally.caught} of {tally.cuts}, {tally.lost} lost, "
                   f"{tally.torn} torn", "at least 1")
            ok("it is caught", tally.caught)


# --- what is measured, and not promised -------------------------------------

@test("measured: where ext4 uses blocks again too soon", seconds=SECONDS)
def _():
    # Blocks of a file that was removed are used again before the removal is
    # there for good: a power cut can bring back its name, with the content
    # of another.
    for kind in (NO_JOURNAL, WRITEBACK):
        for scene, count in ((RightAfter(), 50), (Meanwhile(), 50),
                             (Load(), 40)):
            for way in ("", FLUSHED_FIRST):
                tally = cuts(scene, kind, count * TIMES, **(
                    broken(way, "handler") if way else {}))
                figure(f"{kind}, {scene.name}{', ' * bool(way) + way}: "
                       "cuts / acknowledged / lost / torn", tally.counts(),
                       "not promised")


@test("measured: ext4 with fast_commit", seconds=2 * SECONDS)
def _():
    # Beside somebody who flushes a file of their own, one cut of some thousand
    # brings messages back as NULs.
    for scene, count in ((RightAfter(), 60), (Meanwhile(), 40), (Load(), 100),
                         (Neighbour(), 100)):
        for way in ("", FLUSHED_FIRST):
            tally = cuts(scene, FAST_COMMIT, count * TIMES, **(
                broken(way, "handler") if way else {}))
            figure(f"{FAST_COMMIT}, {scene.name}{', ' * bool(way) + way}: "
                   "cuts / acknowledged / lost / torn", tally.counts(),
                   "not promised")


@test("measured: a new spool whose parents are not flushed", seconds=SECONDS)
def _():
    # A journal keeps the order of names: what is flushed of new/ brings
    # along what new/ stands in. So this is no control.
    for kind in KINDS:
        tally = cuts(NewSpool(), kind, 20 * TIMES,
                     **broken("no-parent-fsync", "handler"))
        figure(f"handler with no-parent-fsync, {kind}, {NewSpool.name}: "
               "cuts / acknowledged / lost / torn", tally.counts(),
               "not promised to show")


if __name__ == "__main__":
    main()

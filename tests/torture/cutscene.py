# SPDX-License-Identifier: MIT
"""cutscene - scenes around a power cut, which powercut* prove and control

    prove(Scene(), "ext4", 30)              # 30 cuts: nothing lost or torn
    control("no-flush", "handler", Scene(), "ext4", 10)   # it is caught

The real handler behind FastCGI and the real hookdir command work on a small
file system whose power is cut (see cutdisk). It is mounted again, and then:

  lost   a message that was answered with 200 and is nowhere: not in new/,
         cur/, failed/ or hold/, not in the archive, nor was there a command
         that had taken it and said so elsewhere;
  torn   a file in any of these, or in quarantine/, that is not whole, or
         does not say what was sent;
  stuck  what a new handler and a new hookdir run cannot go on with.

None of the three may happen. Controls are the same cuts with programs that
are broken on purpose (tests/torture/broken, made by "make broken"), of which
at least one loss or tear must be caught.

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
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
# pylint: disable=wrong-import-position
import shipmondo  # noqa: E402
from cutdisk import Disk  # noqa: E402
from fcgiclient import KEY, endpoint, signed_endpoint  # noqa: E402
from harness import (FCGI, Handler, Process, Spool, clean_environment,  # noqa: E402
                     eq, fail, folder, ok, write)
from spools import TOOL  # noqa: E402

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
    always_goes_on = False  # with broken programs as well

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


class Load(Scene):
    """Several senders, and the power goes at any moment"""

    name = "under load"
    senders = 6
    spread = 0.04  # seconds after which the power goes, at most

    def job(self, machine, number):
        """What a sender does, over and over"""
        machine.send(self.body(machine))

    def moment(self, machine):
        """Waits for the moment, and cuts the power."""
        at_random(machine, self.spread)

    def work(self, machine):
        stop = threading.Event()

        def sender(number):
            while not stop.is_set():
                self.job(machine, number)

        with concurrent.futures.ThreadPoolExecutor(self.senders) as pool:
            jobs = [pool.submit(sender, n) for n in range(self.senders)]
            try:
                self.moment(machine)
            finally:
                stop.set()
        for job in jobs:
            job.result()


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
    if sound and (machine.sound or scene.always_goes_on):
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

# What is caught at some moments only may need more of them.
ROUNDS = 10


def broken(name, program):
    """The arguments that put this one in the place of the real one"""
    file = {"handler": "hookdir.fcgi", "tool": "hookdir"}[program]
    path = os.path.join(os.path.dirname(FCGI), "broken", name, file)
    if not os.access(path, os.X_OK):
        fail(f"{path}: not there; run make broken")
    return {"program" if program == "handler" else "tool": path}



def control(name, program, scene, kind, count):
    tally = Tally()
    for _ in range(ROUNDS):
        cuts(scene, kind, count, tally=tally, **broken(name, program))
        if tally.caught:
            break
    figure(f"control {name}, {program}, {kind}, {scene.name}: caught",
           f"{tally.caught} of {tally.cuts}, {tally.lost} lost, "
           f"{tally.torn} torn", "at least 1")
    ok("it is caught", tally.caught)

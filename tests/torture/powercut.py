# SPDX-License-Identifier: MIT
"""powercut - the power goes, and what was acknowledged is still there

Deliveries, quarantine and consumers in the scenes of cutscene, which says what
may not happen. Orders and hookdir fetch are in powercut_order.
"""

import concurrent.futures
import contextlib
import os
import random
import re
import statistics
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
# pylint: disable=wrong-import-position
from cutdisk import (DATA_JOURNAL, FAST_COMMIT, NO_JOURNAL,  # noqa: E402
                     WRITEBACK, Disk)
from cutscene import (FLUSHED_FIRST, KINDS, SECONDS, STATES, TIMES,  # noqa: E402
                      Found, Load, Loop, Scene, at_random, broken, control,
                      cuts, digest, figure, prove)
from fcgiclient import OTHER_KEY, endpoint, signed_endpoint  # noqa: E402
from harness import (Cgi, Spool, clean_environment, eq, folder,  # noqa: E402
                     main, test, write)
from spools import event  # noqa: E402

# --- scenes -----------------------------------------------------------------

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
    always_goes_on = True

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


for _name, _program, _scene, _count, _kinds in CONTROLS:
    for _kind in _kinds:
        @test(f"{_kind}: {_scene.name}: a {_program} with {_name} is caught",
              seconds=SECONDS)
        def _(name=_name, program=_program, scene=_scene, kind=_kind,
              count=_count):
            control(name, program, scene, kind, count)


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

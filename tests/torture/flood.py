# SPDX-License-Identifier: MIT
"""flood - rejected calls from 200 connections, for a minute

Four endpoints are flooded: two whose quarantine/ has 60,000 files already,
one with its default bounds, and one whose spool is alone on an ext4 of 1 GiB,
as mkfs makes it, whose inodes are nearly used up. Meanwhile and afterwards:

  true calls to another endpoint get their 200, 99 of 100 at most 0.3 s later
  than in the same flood with the quarantine off, and each is stored;
  calls of a true sender with a wrong key are all kept, though the flood has
  long filled its share;
  the ext4 accepts what verifies.

Each has a control that it must catch: a handler that counts the files for each
call and under the lock, one without shares, and one that does not look at
the room of the file system.

The clients are a process of their own and speak FastCGI to the handler.
HOOKDIR_FLOOD is for how many seconds. It needs root, for it mounts a file
system.
"""

import collections
import contextlib
import json
import os
import select
import shutil
import socket
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
# pylint: disable=wrong-import-position
import shipmondo  # noqa: E402
from cutdisk import command, own_mounts  # noqa: E402
from fcgiclient import (KEY, OTHER_KEY, endpoint, records,  # noqa: E402
                        signed_endpoint)
from harness import (Handler, Spool, eq, folder, main,  # noqa: E402
                     ok, test)
from variant import variant  # noqa: E402

LONG = float(os.environ.get("HOOKDIR_FLOOD", "60"))
SHORT = 5.0  # for a control
CONNECTIONS = 200
FILES = 60000
LATEST = 0.3  # seconds, for 99 of 100, more than without a quarantine
HANG_UP = 3.0  # then senders do
TRUE_SENDER = "203.0.113.9"
ONE = ["192.0.2.1"]
MANY = [f"198.51.{third}.{last}" for third in range(100, 104)
        for last in range(250)]
FORGED = shipmondo.body(shipmondo.form_b(), OTHER_KEY)
SIGNED = shipmondo.body(shipmondo.form_b(), KEY)
JUNK = b"{}"
NO_BOUND = {"HOOKDIR_QUARANTINE_FILES": "1000000",
            "HOOKDIR_QUARANTINE": str(1 << 40)}


def figure(what, value, target):
    print(f"# figure flood | {what} | {value} | {target}", flush=True)


# --- the flood --------------------------------------------------------------

def requests(spool, remotes, body, **params):
    """What a lane sends, one after the other"""
    return [b"".join(records(body, pieces=1, **signed_endpoint(
        spool.path, **params), REMOTE_ADDR=remote)) for remote in remotes]


class Lane:
    """One connection after the other; each has one call."""

    def __init__(self, path, wave):
        self.path, self.wave = path, wave
        self.sock, self.answer, self.next = None, b"", 0

    def start(self, poller, lanes):
        """False: nobody can be reached at the moment."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.setblocking(False)
        try:
            self.sock.connect(self.path)
        except BlockingIOError:
            self.sock.close()
            return False
        # A small request goes into the socket's buffer as a whole.
        self.sock.send(self.wave[self.next % len(self.wave)])
        self.next += 1
        self.answer = b""
        lanes[self.sock.fileno()] = self
        poller.register(self.sock, select.EPOLLIN)
        return True

    def read(self, poller, lanes):
        """The status when the answer is complete, else None"""
        part = self.sock.recv(65536)
        self.answer += part
        if part:
            return None
        del lanes[self.sock.fileno()]
        poller.unregister(self.sock)
        self.sock.close()
        at = self.answer.find(b"Status: ")
        return self.answer[at + 8:at + 11].decode() if at >= 0 else "none"


def pour(path, waves, end):
    """As many calls as can be, until end is closed; how many of each status
    there were."""
    poller, lanes = select.epoll(), {}
    waiting = [Lane(path, waves[number % len(waves)])
               for number in range(CONNECTIONS)]
    found = collections.Counter()
    poller.register(end, select.EPOLLIN)
    while True:
        waiting = [lane for lane in waiting if not lane.start(poller, lanes)]
        for number, _ in poller.poll(0.01 if waiting else 1):
            if number == end:
                return found
            lane = lanes[number]
            status = lane.read(poller, lanes)
            if status:
                found[status] += 1
                waiting.append(lane)


@contextlib.contextmanager
def flood(handler, waves):
    """Yields a Counter; it is filled at the end."""
    end, stop = os.pipe()
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        with contextlib.suppress(BaseException):
            os.close(stop)
            found = pour(handler.socket, waves, end)
            os.write(tell, json.dumps(found).encode())
            status = 0
        os._exit(status)
    os.close(end)
    os.close(tell)
    found = collections.Counter()
    try:
        yield found
    finally:
        os.close(stop)
        with open(told, "rb") as file:
            text = file.read()
        _, status = os.waitpid(pid, 0)
    eq("status of the flood", status, 0)
    found.update(json.loads(text))
    eq("its answers", set(found) - {"400", "403"}, set())


# --- true calls meanwhile ---------------------------------------------------

class Steady(threading.Thread):
    """One call after the other, each answered with status"""

    def __init__(self, pause, make, status):
        super().__init__(daemon=True)
        self.pause, self.make, self.status = pause, make, status
        self.seconds, self.wrong = [], []
        self.done = threading.Event()

    def run(self):
        while not self.done.wait(self.pause):
            start = time.monotonic()
            got = self.make(len(self.seconds))
            self.seconds.append(time.monotonic() - start)
            if got.status != self.status:
                self.wrong.append(got.status)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()

    def percentile(self, part):
        times = sorted(self.seconds)
        return times[min(int(len(times) * part), len(times) - 1)]


def true_calls(handler, spool):
    return Steady(0.01, lambda number: handler.request(
        b'{"n":%d}' % number, **endpoint(spool.path)), 200)


def wrong_key_calls(handler, spool, **params):
    return Steady(0.1, lambda _: handler.request(FORGED, **signed_endpoint(
        spool.path, REMOTE_ADDR=TRUE_SENDER, **params)), 403)


# --- places -----------------------------------------------------------------

def new_spool(top=None):
    place = folder("flooded", 0o711) if not top else top
    return Spool(os.path.join(place, "spool"))


def crowded():
    """A spool whose quarantine/ has FILES files"""
    spool = new_spool()
    place = os.path.join(spool.path, "quarantine")
    os.makedirs(place)
    there = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    for number in range(FILES):
        os.close(os.open(f"{number}.json", os.O_CREAT | os.O_WRONLY,
                         dir_fd=there))
    os.close(there)
    return spool


@contextlib.contextmanager
def small_disk(taken):
    """An ext4 of 1 GiB with so many of its 65,536 inodes taken"""
    top = tempfile.mkdtemp(prefix="hookdir-flood-")
    image, place = os.path.join(top, "image"), os.path.join(top, "place")
    try:
        os.mkdir(place)
        with open(image, "wb") as file:
            file.truncate(1 << 30)
        command("mkfs.ext4", "-q", "-F", image)
        command("mount", "-o", "loop", image, place)
        try:
            os.mkdir(os.path.join(place, "others"))
            for number in range(taken):
                with open(os.path.join(place, "others", str(number)), "wb"):
                    pass
            yield place
        finally:
            command("umount", place)
    finally:
        shutil.rmtree(top)


def holdings(spool):
    return collections.Counter(
        name.partition(",from=")[2].removesuffix(".json")
        for name in spool.names("quarantine"))


class Broken(Handler):
    def __init__(self, *changes):
        super().__init__(start=False)
        self.command[0] = variant(*changes)
        self.start()


# --- the proofs -------------------------------------------------------------

TALLY = "lib/spool/quarantine_tally.c"
COUNTS_ALWAYS = [
    (TALLY, r"\(void\)pthread_mutex_unlock\(&tallies_lock\);"
            r"(\s*memset.*?)\(void\)pthread_mutex_lock\(&tallies_lock\);",
     r"\1"),
    (TALLY, r"if \(t->since \|\| \(t->known[^)]*\)\)\s*return false;\s*"
            r"return !t->known", "return true || !t->known")]
NO_SHARES = [
    (TALLY, r"\*bounds, 4\)", "*bounds, 1)"),
    (TALLY, r"\*bounds, 2\)", "*bounds, 1)")]
NO_LOOK = [(TALLY, r"floor = [^;]*;", "floor = 0;"),
           (TALLY, r"if \(vfs\.f_files\)", "if (0)")]


class Hand(threading.Thread):
    """Changes a quarantine/ ten times a second, as a person may"""

    def __init__(self, spool):
        super().__init__(daemon=True)
        self.path = os.path.join(spool.path, "quarantine", "by-hand")
        self.done = threading.Event()

    def run(self):
        while not self.done.wait(0.1):
            with open(self.path, "wb"):
                pass
            os.unlink(self.path)

    def __enter__(self):
        self.start()

    def __exit__(self, *_):
        self.done.set()
        self.join()


class Delays:
    """True calls elsewhere while there is a flood"""

    def __init__(self, handler, waves, seconds, hand=None):
        spool = new_spool()
        with hand or contextlib.nullcontext(), \
                flood(handler, waves) as found, \
                true_calls(handler, spool) as calls:
            time.sleep(seconds)
        self.rejected = sum(found.values())
        self.count = len(calls.seconds)
        self.late = calls.percentile(0.99)
        self.longest = max(calls.seconds)
        eq("answers that are no 200", calls.wrong, [])
        there = collections.Counter(m.data for m in spool.messages())
        self.lost = sum(there[b'{"n":%d}' % number] != 1
                        for number in range(self.count))
        eq("lost", self.lost, 0)

    def __str__(self):
        return f"{self.count}, {self.rejected}, {self.late:.3f} s, " \
            f"{self.longest:.3f} s, {self.lost}"


def crowded_delays(handler, seconds):
    spools = [crowded(), crowded()]
    return Delays(handler, [requests(spool, MANY, FORGED)
                            for spool in spools], seconds, Hand(spools[0]))


@test("true calls elsewhere are not late", seconds=1200)
def _():
    spool = new_spool()
    with Handler() as handler:
        off = Delays(handler, [requests(
            spool, MANY, FORGED, HOOKDIR_QUARANTINE="0")], LONG / 4)
    what = "true calls elsewhere, rejected calls, 99 of 100 within, the " \
        "longest, lost"
    figure(f"quarantine off, {CONNECTIONS} connections: {what}", off, "-")
    # What the quarantine adds to what so many calls cost anyway
    latest = LATEST + off.late
    with Handler() as handler:
        delays = crowded_delays(handler, LONG)
    figure(f"two quarantines of {FILES} files, {CONNECTIONS} connections: "
           f"{what}", delays, f"-, -, {latest:.3f} s, -, 0")
    ok(f"{delays.late:.3f} s is below {latest:.3f} s", delays.late < latest)
    with Handler() as handler:
        filling = Delays(handler, [requests(
            spool, MANY, FORGED, **NO_BOUND)], LONG / 4)
    figure(f"a quarantine that is filled by {len(MANY)} callers: {what}",
           filling, f"-, -, {HANG_UP + off.late:.3f} s, -, 0")
    ok(f"{filling.late:.3f} s is below {HANG_UP} s and what it takes anyway",
       filling.late < HANG_UP + off.late)
    with Broken(*COUNTS_ALWAYS) as handler:
        delays = crowded_delays(handler, SHORT)
    figure(f"control, files are counted for each call: {what}", delays,
           f"-, -, above {latest:.3f} s, found")
    ok(f"{delays.late:.3f} s is above {latest:.3f} s", delays.late > latest)


def kept_of(handler, seconds, **params):
    """(true calls with a wrong key, those of them that were kept, what the
    flood has) with a flood of one that forges and of many with junk"""
    spool = new_spool()
    waves = [requests(spool, ONE, FORGED, **params),
             requests(spool, MANY, JUNK, **params)]
    # The first call has the files counted, and others then are not kept.
    handler.request(JUNK, **signed_endpoint(spool.path, **params))
    with flood(handler, waves), \
            wrong_key_calls(handler, spool, **params) as calls:
        time.sleep(seconds)
    for _ in range(20):
        calls.seconds.append(0)
        eq("afterwards", calls.make(0).status, 403)
    eq("answers that are no 403", calls.wrong, [])
    held = holdings(spool)
    return len(calls.seconds), held.pop(TRUE_SENDER, 0), held


@test("true calls with a wrong key are kept", seconds=1200)
def _():
    # Of the default, the true sender's own quarter would do for four minutes.
    with Handler() as handler:
        count, kept, held = kept_of(handler, LONG)
    figure("calls of a true sender with a wrong key in a flood, kept of them, "
           "files of the flood", f"{count}, {kept}, {sum(held.values())}",
           "all")
    eq("kept", kept, count)
    ok("the flood is in its bounds", held[ONE[0]] <= 2500 and
       sum(held.values()) <= 7500)
    with Broken(*NO_SHARES) as handler:
        count, kept, _ = kept_of(
            handler, SHORT, HOOKDIR_QUARANTINE_FILES="400")
    figure("control, no shares: the same, kept of them",
           f"{count}, {kept}", "not all, found")
    ok("some are not kept", kept < count)


def accepted_after(handler, seconds, taken):
    """(the statuses of true calls afterwards, inodes that are left)"""
    with small_disk(taken) as place:
        spool = new_spool(place)
        with flood(handler, [requests(spool, MANY, FORGED, **NO_BOUND)]):
            time.sleep(seconds)
        left = os.statvfs(place).f_favail
        answers = collections.Counter(
            handler.request(SIGNED, **signed_endpoint(spool.path)).status
            for _ in range(100))
        eq("stored", len(spool.names("new")), answers[200])
    return answers, left


@test("a file system of 1 GiB still accepts", seconds=1200)
def _():
    own_mounts()  # before a handler is started, which has to see them
    with Handler() as handler:
        answers, left = accepted_after(handler, LONG, 50000)
    figure("an ext4 of 1 GiB after the flood: inodes left, true calls "
           "accepted", f"{left}, {answers[200]}", "a tenth, 100")
    eq("statuses", answers, {200: 100})
    ok(f"{left} inodes are left", left >= 65536 // 10 - 200)
    with Broken(*NO_LOOK) as handler:
        answers, left = accepted_after(handler, SHORT, 65000)
    figure("control, the room is not looked at: inodes left, true calls "
           "accepted", f"{left}, {answers[200]}", "none, found")
    ok("it accepts nothing", answers[503] == 100)


if __name__ == "__main__":
    main()

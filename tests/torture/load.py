# SPDX-License-Identifier: MIT
"""load - more of everything than anybody sends, and what it costs

Large bodies on all threads, a thousand connections, slow clients, floods of
forged and of repeated messages, thousands of parameters, a million files in
new/. Whatever comes, for each answer:

  200 has its file, whole; 503 and 4xx have none in new/;
  there is no other, and none takes longer than 3 s but those to a client
  that is slow itself;
  the handler's peak of memory stays below bound(), which the manual states.

Each proof has a control that it must catch: the budget switched off, a
handler that lets slow clients keep all threads, a quarantine without a limit,
no deduplication, a handler that stores nothing, one that reads new/ with each
delivery.

The clients speak FastCGI to the handler where the web server does not
matter, else HTTP to nginx or Apache with the sample configuration. All is on
this machine. HOOKDIR_LONG=1 goes on longer. HOOKDIR_FCGI names another
binary. It needs root, for it mounts a file system.
"""

import base64
import collections
import contextlib
import functools
import hashlib
import os
import resource
import select
import shutil
import statistics
import struct
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
# pylint: disable=wrong-import-position
import harness  # noqa: E402
import shipmondo  # noqa: E402
from cutdisk import command, own_mounts  # noqa: E402
from fcgiclient import (KEY, OTHER_KEY, Peer, endpoint,  # noqa: E402
                        memory, sanitized, signed_endpoint, threads)
from harness import (NAME, WEB_USER, Apache, Handler,  # noqa: E402
                     Nginx, Response, Spool, call_params, eq, fail,
                     fcgi_begin, folder, has, main, ok, parse_cgi, test,
                     wait_for)
from variant import variant  # noqa: E402

LONG = os.environ.get("HOOKDIR_LONG", "") not in ("", "0")
TIMES = 5 if LONG else 1
SECONDS = 3600 if LONG else 300  # for one test; a limit for what hangs
MIB = 1 << 20
THREADS = 160  # as -t has it
LATEST = 3.0  # seconds: then senders hang up
LARGEST = 16 * MIB  # HOOKDIR_MAX_BODY


def figure(what, value, target):
    print(f"# figure load | {what} | {value} | {target}", flush=True)


def mib(size):
    return f"{size / MIB:.0f} MiB"


# --- the bound --------------------------------------------------------------

SHAPES = 7.5  # what a body can become while it is looked at and written


def bound(threads_, budget):
    """The most memory that the handler takes, in bytes: itself, its
    threads, and all bodies in all their shapes. The first body is not
    refused: one of them can come on top."""
    return int(12 * MIB + 0.1 * MIB * threads_
               + SHAPES * (65536 * threads_ + budget + LARGEST))


def within(what, handler, threads_, budget):
    got, most = memory(handler.pid, "VmHWM"), bound(threads_, budget)
    figure(what, mib(got), f"below {mib(most)}")
    if not sanitized():
        ok(f"{what}: {mib(got)} is below {mib(most)}", got <= most)


# --- calls ------------------------------------------------------------------

def stream(body, **params):
    """A FastCGI request as one piece of bytes"""
    parts = [fcgi_begin(call_params(body=body, **params))]
    for at in range(0, len(body), 65528):
        part = body[at:at + 65528]
        parts += [struct.pack(">BBHHBx", 1, 5, 1, len(part), 0), part]
    return b"".join([*parts, struct.pack(">BBHHBx", 1, 5, 1, 0, 0)])


def send(handler, request):
    """The answer to a stream(). A handler that refuses a body early need
    not read the rest of it."""
    start = time.monotonic()
    with handler.connect() as sock:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(request)
        try:
            out, _, _ = harness.fcgi_read(sock)
        except ConnectionResetError:
            out = b""
    got = parse_cgi(out) if out else Response(error="no answer ")
    got.seconds = time.monotonic() - start
    return got


def at_once(jobs):
    """What each job returns; all of them begin at the same time."""
    gate = threading.Barrier(len(jobs))
    results = [None] * len(jobs)

    def work(number, job):
        gate.wait()
        results[number] = job()

    crowd = [threading.Thread(target=work, args=each, daemon=True)
             for each in enumerate(jobs)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    if None in results:
        fail("a client broke")
    return results


def statuses(answers):
    return dict(sorted(collections.Counter(
        answer.status for answer in answers).items()))


class Steady(threading.Thread):
    """One small message after the other, while there is a load

    deliver(body) sends one. Each of them is to be accepted, soon, and to be
    there afterwards.
    """

    number = 0

    def __init__(self, deliver, spool, pause=0.01):
        super().__init__(daemon=True)
        self.deliver = deliver
        self.stored = spool
        self.pause = pause
        self.answers = []
        self.sent = []
        self.done = threading.Event()

    def run(self):
        while not self.done.wait(self.pause):
            Steady.number += 1
            body = b'{"steady":%d}' % Steady.number
            start = time.monotonic()
            got = self.deliver(body)
            got.seconds = time.monotonic() - start
            self.sent.append(body)
            self.answers.append(got)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()

    def slowest(self):
        return max(answer.seconds for answer in self.answers)

    def missing(self):
        """How many were answered with 200 and are not there, whole"""
        there = collections.Counter(
            message.data for message in self.stored.messages())
        return sum(there[body] != 1 for body, answer
                   in zip(self.sent, self.answers) if answer.status == 200)

    def check(self, what):
        ok(f"{what}: calls were made meanwhile", self.answers)
        figure(f"{what}: {len(self.answers)} ordinary calls meanwhile, "
               "the slowest, lost",
               f"{self.slowest():.2f} s, {self.missing()}",
               f"below {LATEST:.0f} s, 0")
        eq(f"{what}: statuses of ordinary calls", set(statuses(self.answers)),
           {200})
        eq(f"{what}: missing", self.missing(), 0)
        ok(f"{what}: {self.slowest():.1f} s is below {LATEST} s",
           self.slowest() < LATEST)


def steady(handler, **params):
    """One that speaks to the handler itself"""
    spool = quick_spool(handler.user)
    return Steady(lambda body: handler.request(body, **endpoint(
        spool.path, **params)), spool)


# --- places -----------------------------------------------------------------

@functools.cache
def quick_place():
    """In memory: here it is not the disk that is looked at."""
    path = tempfile.mkdtemp(prefix="hookdir-load-", dir="/dev/shm")
    harness._undo.callback(shutil.rmtree, path, ignore_errors=True)
    os.chmod(path, 0o711)
    return path


def quick_spool(owner=None):
    path = tempfile.mkdtemp(prefix="spool-", dir=quick_place())
    if owner:
        shutil.chown(path, owner, owner)
    return Spool(os.path.join(path, "spool"))


def many_links(path, source, count):
    """Fills a folder with names of files that look like source. A file has
    65,000 names at the most on ext4."""
    os.makedirs(path, exist_ok=True)
    there = os.open(path, os.O_RDONLY)
    with open(source, "rb") as file:
        content = file.read()
    try:
        for number in range(count):
            name = f"{1700000000 + number // 100}.M{number % 100:06d}P1Q1" \
                   ".hooks.example.json"
            if number % 60000 == 0:
                first = os.path.join(path, name)
                with open(first, "wb") as file:
                    file.write(content)
            else:
                os.link(first, name, dst_dir_fd=there)
    finally:
        os.close(there)


# --- handlers that are broken on purpose ------------------------------------

class Variant(Handler):
    def __init__(self, program, **options):
        super().__init__(start=False, **options)
        self.command[0] = program
        self.start()


# --- large bodies: what one costs -------------------------------------------

class Kind:
    """A body of some size: what it is sent as, the answer that it gets, and
    the end of the file that is made of it"""

    def __init__(self, body, params, status=200, data=b""):
        self.body = body
        self.params = params
        self.status = status
        self.end = data + b"}\n"
        self.sha256 = hashlib.sha256(body).hexdigest().encode()

    def stream(self, spool):
        return stream(self.body, **self.params(spool.path))

    def check(self, spool, accepted):
        """As many files as were accepted, and each of them whole"""
        names = spool.names("new")
        eq("files in new/", len(names), accepted)
        for name in names:
            with open(os.path.join(spool.path, "new", name), "rb") as file:
                raw = file.read()
            ok(f"new/{name} is whole", raw.endswith(self.end) and
               self.sha256 in raw[:8192])


def escaped(body):
    """The same body, its token with an escape in it: not to be used as it
    stands there"""
    ok("a token begins with e", body.startswith(b'{"data":"e'))
    return b'{"data":"\\u0065' + body[len('{"data":"e'):]


def keeping(path):
    """Where one caller may have the largest body kept, as base64"""
    return signed_endpoint(path, HOOKDIR_QUARANTINE=str(1 << 40))


@functools.lru_cache(maxsize=8)
def kind(name, size):
    """One of KINDS"""
    note = b"\x01" * size  # a byte that becomes six
    plain = b'{"x":"' + b"y" * (size - 8) + b'"}'
    room = size * 3 // 4 - 200
    resource_ = b'{"id":1,"note":"' + b"x" * (room - 300) + b'"}'
    nested = shipmondo.form_a_prime(resource_)
    six = b"\\u0001" * room
    return {
        "JSON": lambda: Kind(plain, endpoint, data=plain),
        "string of JSON with a string of JSON": lambda: Kind(
            shipmondo.body(nested, KEY), signed_endpoint,
            data=shipmondo.form_b(resource_)),
        "the same, token escaped": lambda: Kind(
            escaped(shipmondo.body(nested, KEY)), signed_endpoint,
            data=shipmondo.form_b(resource_)),
        "text escaped six-fold": lambda: Kind(
            note, endpoint, data=b'"' + b"\\u0001" * size + b'"'),
        "text escaped six-fold, token escaped": lambda: Kind(
            escaped(shipmondo.body(note[:room], KEY)), signed_endpoint,
            data=b'"' + six + b'"'),
        "binary": lambda: Kind(
            b"\xff" * size, endpoint,
            data=base64.b64encode(b"\xff" * size) + b'"'),
        "no form of the sender": lambda: Kind(note, keeping, 400),
        "forged, token escaped": lambda: Kind(
            escaped(shipmondo.body(nested, OTHER_KEY)), keeping, 403),
    }[name]()


KINDS = ("JSON", "string of JSON with a string of JSON",
         "the same, token escaped", "text escaped six-fold",
         "text escaped six-fold, token escaped", "binary",
         "no form of the sender", "forged, token escaped")
WORST = "text escaped six-fold, token escaped"


@test("memory: an idle handler, and one with all threads at work",
      seconds=SECONDS)
def _():
    spool = quick_spool()
    with Handler() as handler:
        send(handler, stream(b"{}", **endpoint(spool.path)))
        idle = memory(handler.pid, "VmHWM")
        figure("memory of an idle handler", mib(idle), "below 12 MiB")
        peers = [Peer(handler).send(stream(b"{}", **endpoint(
            spool.path))[:-8]).taken() for _ in range(THREADS)]
        eq("threads", threads(handler.pid), THREADS + 1)
        for peer in peers:
            peer.send(stream(b"")[-8:])
        eq("statuses", statuses(peer.answer() for peer in peers),
           {200: THREADS})
        full = memory(handler.pid, "VmHWM")
        figure("memory of a thread with a small call",
               f"{(full - idle) / THREADS / 1024:.0f} KiB", "below 102 KiB")
        if not sanitized():
            ok(f"{mib(idle)} is below 12 MiB", idle < 12 * MIB)
            ok("a thread takes 0.1 MiB at the most",
               full - idle < 0.1 * MIB * THREADS)
        eq("files in new/", len(spool.names("new")), THREADS + 1)


@test("memory: one body of each kind, in how many shapes", seconds=SECONDS)
def _():
    worst = 0.0
    for name in KINDS:
        shapes = []
        for size in (MIB, 4 * MIB, 16 * MIB):
            one, spool = kind(name, size), quick_spool()
            with Handler() as handler:
                send(handler, stream(b"{}", **endpoint(quick_spool().path)))
                before = memory(handler.pid, "VmHWM")
                got = send(handler, one.stream(spool))
                eq(f"{name}, {mib(size)}: status", got.status, one.status)
                shapes.append((memory(handler.pid, "VmHWM") - before) / size)
            one.check(spool, 1 if one.status == 200 else 0)
            eq("files in quarantine/", len(spool.names("quarantine")),
               0 if one.status == 200 else 1)
            shutil.rmtree(os.path.dirname(spool.path))
        figure(f"memory for one body of 1, 4, 16 MiB, {name}, as many times "
               "its size", ", ".join(f"{each:.2f}" for each in shapes),
               f"below {SHAPES}")
        worst = max(worst, *shapes)
    if not sanitized():
        ok(f"{worst:.2f} is below {SHAPES}", worst < SHAPES)


# --- large bodies: all threads ----------------------------------------------

def crowd(handler, one, spool, count=THREADS):
    """The same large body from so many at once; returns the answers."""
    request = one.stream(spool)
    answers = at_once([lambda: send(handler, request)] * count)
    got = statuses(answers)
    ok(f"statuses {got} are 200 and 503", set(got) <= {200, 503})
    for answer in answers:
        if answer.status == 503:
            ok("rule", answer.rule() in ("out-of-memory", "too-slow"))
            ok("it may come again", answer.header("Retry-After"))
    one.check(spool, got.get(200, 0))
    eq("files in tmp/", spool.names("tmp"), [])
    return answers


def is_calm(handler):
    """Is nobody served? Those that wait for connections use no file."""
    return len(os.listdir(f"/proc/{handler.pid}/fd")) < 8


def hold(handler, request):
    """A connection that has sent all but the last byte of a body, and the
    handler has read it"""
    return Peer(handler).send(request[:-9]).taken()


def finish(peer, rest):
    """The answer, after the rest of the request; a handler that refuses it
    need not read it."""
    with peer:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            peer.send(rest)
        return peer.answer()


def full_house(handler, budget):
    """As much as there can be: half of the budget in large bodies, the rest
    of it in bodies of 1 MiB, on top of it one of the largest, and every other
    thread at 64 KiB. One more makes that one go which has held the most for
    the longest. Then the end of all of them at once. Returns how large all
    bodies were together."""
    half = budget // 2
    large = half // (LARGEST // 2)
    sizes = [LARGEST // 2] * large + [MIB] * (half // MIB)
    sizes += [65536] * (THREADS - 3 - len(sizes)) + [LARGEST]
    one = {size: kind(WORST, size) for size in set(sizes)}
    spools = {size: quick_spool() for size in one}
    requests = {size: one[size].stream(spools[size]) for size in one}
    holding = [hold(handler, requests[size]) for size in sizes[:large]]
    # They are to go rather than the largest one.
    time.sleep(2)
    holding += [hold(handler, requests[size]) for size in sizes[large:]]
    sizes.append(LARGEST // 2)
    holding.append(hold(handler, requests[LARGEST // 2]))
    answers = at_once([
        functools.partial(finish, peer, requests[size][-9:])
        for peer, size in zip(holding, sizes)])
    eq("statuses of all", statuses(answers), {200: len(sizes) - 1, 503: 1})
    refused = next(answer for answer in answers if answer.status == 503)
    eq("rule", refused.rule(), "too-slow")
    has("detail", refused.json()["detail"], "memory for large bodies")
    gone = answers.index(refused)
    ok("a large one had to go", sizes[gone] > MIB and gone < len(sizes) - 1)
    del sizes[gone]
    for size, spool in spools.items():
        one[size].check(spool, sizes.count(size))
        shutil.rmtree(os.path.dirname(spool.path))
    return sum(sizes)


def large_bodies(handler, rounds):
    """Crowds of the worst kind, and of one that is to be expected"""
    accepted = 0
    for _ in range(rounds):
        for name in (WORST, KINDS[1]):
            one, spool = kind(name, LARGEST), quick_spool()
            accepted += statuses(crowd(handler, one, spool)).get(200, 0)
            shutil.rmtree(os.path.dirname(spool.path))
    return accepted


@test("16 MiB on all threads: memory is bounded by -m", seconds=3 * SECONDS)
def _():
    for name in (WORST, KINDS[1]):
        kind(name, LARGEST)  # made before there is somebody to disturb
    for budget in (16, 64, 256):
        with Handler(args=("-m", str(budget), "-w", "60")) as handler:
            full = full_house(handler, budget * MIB)
            peak = memory(handler.pid, "VmHWM")
            figure(f"-m {budget}: peak with {THREADS - 1} bodies of "
                   f"{mib(full)} together, at once", mib(peak),
                   f"below {mib(bound(THREADS, budget * MIB))}")
            rounds = (2 if budget == 64 else 1) * TIMES
            with steady(handler) as others:
                accepted = large_bodies(handler, rounds)
            calls = 2 * rounds * THREADS
            figure(f"-m {budget}: of {calls} bodies of 16 MiB, {THREADS} at "
                   "once, accepted, told 503",
                   f"{accepted}, {calls - accepted}", "no other answer")
            ok("some were accepted", accepted >= 2 * rounds)
            others.check(f"-m {budget}")
            # All shares were given back: it is as at the beginning.
            wait_for(lambda h=handler: is_calm(h), "end of all large bodies")
            full_house(handler, budget * MIB)
            figure(f"-m {budget}: resident afterwards",
                   mib(memory(handler.pid, "VmRSS")), "counted")
            within(f"-m {budget}: peak of memory", handler, THREADS,
                   budget * MIB)


@test("control: without a budget the bound does not hold", seconds=SECONDS)
def _():
    one, spool = kind(WORST, LARGEST), quick_spool()
    count = 16
    with Handler(args=("-m", "65536")) as handler:
        request = one.stream(spool)
        holding = [hold(handler, request) for _ in range(count)]
        for peer in holding:
            peer.send(request[-9:])
        eq("statuses", statuses(peer.answer() for peer in holding),
           {200: count})
        got, most = memory(handler.pid, "VmHWM"), bound(THREADS, 64 * MIB)
        figure(f"control, no budget: {count} bodies take", mib(got),
               f"above {mib(most)}, found")
        ok(f"{mib(got)} is above {mib(most)}", got > most)
    shutil.rmtree(os.path.dirname(spool.path))


@test("large bodies that meet do not refuse each other", seconds=SECONDS)
def _():
    pairs, half = 100 * TIMES, 512 * 1024
    spool, met, none = quick_spool(), 0, 0
    request = kind("JSON", MIB).stream(spool)
    with Handler(args=("-m", "1")) as handler:
        for _ in range(pairs):
            # Each has half of the budget, and now both want all of it.
            both = [Peer(handler).send(request[:half]).taken()
                    for _ in range(2)]
            # One that has its answer already met the pair before.
            met += not select.select([peer.sock for peer in both], [], [],
                                     0)[0]
            answers = at_once([functools.partial(finish, peer, request[half:])
                               for peer in both])
            got = set(statuses(answers))
            ok(f"statuses {got} are 200 and 503", got <= {200, 503})
            none += 200 not in got
    figure(f"{met} pairs of large bodies: both refused", none, "0")
    ok("there were such pairs", met)
    eq("pairs of which both were refused", none, 0)


@test("one large body after the other, nobody else: all are taken",
      seconds=SECONDS)
def _():
    spool, count = quick_spool(), 200 * TIMES
    request = kind("JSON", MIB).stream(spool)
    with Handler(args=("-m", "1")) as handler:
        got = statuses(send(handler, request) for _ in range(count))
    figure(f"{count} large bodies one after the other, -m 1: statuses", got,
           "200")
    eq("statuses", got, {200: count})


# --- web servers ------------------------------------------------------------

HEADERS = b"".join(b"%s: %s\r\n" % (name.encode(), value.encode())
                   for name, value in shipmondo.HEADERS)


def http(path, body, length=None):
    return (b"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json"
            b"\r\n%sContent-Length: %d\r\n\r\n"
            % (path.encode(), NAME.encode(), HEADERS,
               len(body) if length is None else length)) + body


class Connections:
    """Connections to a web server that are kept; one call on each at once"""

    def __init__(self, web, count):
        self.web = web
        self.socks = [web.tls() for _ in range(count)]

    def call(self, bodies, path="/webhook/shipmondo", lanes=8):
        """An answer for each, and all are under way at the same time."""
        pairs = list(zip(self.socks, bodies, strict=True))
        return sum(at_once([
            functools.partial(self._lane, pairs[lane::lanes], path)
            for lane in range(lanes)]), [])

    def _lane(self, pairs, path):
        started, answers = [], []
        for sock, body in pairs:
            started.append(time.monotonic())
            sock.sendall(http(path, body))
        for (sock, body), start in zip(pairs, started):
            got = self.web.read(sock)
            got.seconds = time.monotonic() - start
            got.sent = body
            answers.append(got)
        return answers

    def close(self):
        for sock in self.socks:
            sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Roomy:
    """Room for more connections than the harness's own servers have"""

    def main_conf(self):
        text = super().main_conf()
        for old, new in self.room.items():
            has("the server's configuration", text, old)
            text = text.replace(old, new)
        return text


class RoomyNginx(Roomy, Nginx):
    room = {"worker_connections 1024": "worker_connections 8192",
            "daemon off;": "daemon off; worker_rlimit_nofile 16384;"}


class RoomyApache(Roomy, Apache):
    room = {"ServerLimit 3": "ServerLimit 5",
            "MaxRequestWorkers 192": "MaxRequestWorkers 320"}


def by_order(number, pad=b""):
    return shipmondo.form_b(b'{"id":%d,"pad":"%s"}' % (number, pad))


def orders(spool):
    """How often each order is there"""
    return collections.Counter(
        int(message["data"]["data"]["id"]) for message in spool.messages())


def lost_and_double(spool, acknowledged):
    there = orders(spool)
    return (sum(number not in there for number in acknowledged),
            sum(count > 1 for count in there.values()))


def thousand(web, spool, rounds, count=1000):
    """(answers, acknowledged orders) of calls on connections that are kept"""
    answers, acknowledged = [], set()
    with Connections(web, count) as connections:
        for each in range(rounds):
            numbers = range(each * count, (each + 1) * count)
            payloads = {shipmondo.body(by_order(number), KEY): number
                        for number in numbers}
            got = connections.call(list(payloads))
            acknowledged |= {payloads[answer.sent] for answer in got
                             if answer.status == 200}
            answers += got
    return answers, acknowledged


@test("1,000 connections to nginx, kept, and a call on each at once",
      seconds=SECONDS)
def _():
    with Handler(user=WEB_USER) as handler, \
            RoomyNginx(handler, keys=[KEY]) as web:
        spool = web.spool()
        answers, acknowledged = thousand(web, spool, 4 * TIMES)
        slowest = max(answer.seconds for answer in answers)
        lost, double = lost_and_double(spool, acknowledged)
        figure(f"1,000 connections to nginx: {len(answers)} calls, statuses",
               statuses(answers), "200")
        figure("1,000 connections: the slowest, lost, twice",
               f"{slowest:.2f} s, {lost}, {double}",
               f"below {LATEST:.0f} s, 0, 0")
        within("1,000 connections: peak of memory", handler, THREADS,
               64 * MIB)
        eq("statuses", set(statuses(answers)), {200})
        eq("lost and twice", (lost, double), (0, 0))
        ok(f"{slowest:.1f} s is below {LATEST} s", slowest < LATEST)


@test("control: a handler that says 200 and stores nothing is found out",
      seconds=SECONDS)
def _():
    liar = variant(("handler/receive.c", r"int rc = deliver_message\([^;]*\);",
                    "int rc = 1;"))
    with Variant(liar, user=WEB_USER) as handler, \
            RoomyNginx(handler, keys=[KEY]) as web:
        answers, acknowledged = thousand(web, web.spool(), 1, 100)
        lost, _ = lost_and_double(web.spool(), acknowledged)
        eq("statuses", statuses(answers), {200: 100})
        figure("control, a handler that stores nothing: of 100 lost", lost,
               "found")
        eq("lost", lost, 100)


class Slow:
    """Clients of Apache that send a body for seconds"""

    PIECES = 8
    SIZE = 1000  # bytes a second; mod_reqtimeout wants 500

    def __init__(self, web, count):
        self.web = web
        self.bodies = [self.body(number) for number in range(count)]
        self.socks = at_once([web.tls] * count)
        for sock, body in zip(self.socks, self.bodies):
            sock.sendall(http("/webhook/shipmondo", body[:self.SIZE],
                              len(body)))
        self.sender = threading.Thread(target=self.send, daemon=True)
        self.sender.start()

    def body(self, number):
        size = self.PIECES * self.SIZE
        pad = (size - len(shipmondo.body(by_order(number), KEY))) * 3 // 4
        return shipmondo.body(by_order(number, b"x" * pad), KEY)

    def send(self):
        for at in range(1, self.PIECES + 1):
            time.sleep(1)
            for sock, body in zip(self.socks, self.bodies):
                # One that was cut off may be closed already.
                with contextlib.suppress(OSError):
                    sock.sendall(body[at * self.SIZE:(at + 1) * self.SIZE])

    def answers(self):
        self.sender.join()
        got = [self.web.read(sock) for sock in self.socks]
        for sock in self.socks:
            sock.close()
        return got


def slow_clients(args, count=200, handlers=Handler):
    """(slow answers, ordinary client, peak of memory, files lost)"""
    with handlers(user=WEB_USER, args=args) as handler, RoomyApache(
            handler, keys=[KEY], passwords=[("u", "p")]) as web:
        auth = base64.b64encode(b"u:p")

        def deliver(body):
            with web.tls() as sock:
                sock.sendall(http("/webhook/basic", body).replace(
                    b"\r\n", b"\r\nAuthorization: Basic " + auth + b"\r\n",
                    1))
                return web.read(sock)

        ok("Apache answers", deliver(b"{}").status == 200)
        slow = Slow(web, count)
        time.sleep(1)
        with Steady(deliver, web.spool("basic"), 0.05) as others:
            answers = slow.answers()
        lost, double = lost_and_double(web.spool(), {
            number for number, answer in enumerate(answers)
            if answer.status == 200})
        eq("stored twice", double, 0)
        eq("lost", lost, 0)
        return answers, others, memory(handler.pid, "VmHWM"), others.missing()


@test("200 slow clients of Apache, which hands them over", seconds=SECONDS)
def _():
    answers, others, peak, missing = slow_clients(("-t", "320"))
    figure("200 slow clients of Apache, -t 320: statuses", statuses(answers),
           "200")
    figure(f"200 slow clients: {len(others.answers)} ordinary calls "
           "meanwhile, the slowest, lost", f"{others.slowest():.2f} s, "
           f"{missing}", f"below {LATEST:.0f} s, 0")
    most = bound(320, 64 * MIB)
    figure("200 slow clients: peak of memory", mib(peak),
           f"below {mib(most)}")
    eq("statuses of slow clients", statuses(answers), {200: 200})
    eq("statuses of ordinary calls", set(statuses(others.answers)), {200})
    eq("missing", missing, 0)
    ok("ordinary calls are answered in time", others.slowest() < LATEST)


@test("fewer threads than slow clients: ordinary calls are in time",
      seconds=SECONDS)
def _():
    answers, others, _, missing = slow_clients(("-t", str(THREADS)))
    figure("200 slow clients and 160 threads: the slowest ordinary call",
           f"{others.slowest():.1f} s", f"below {LATEST:.0f} s")
    ok("ordinary calls are answered in time", others.slowest() < LATEST)
    eq("missing", missing, 0)
    eq("statuses of ordinary calls", set(statuses(others.answers)), {200})
    # Apache answers 408, or the connection ends while it still sends.
    got = statuses(answers)
    figure("200 slow clients and 160 threads: statuses of slow clients", got,
           "200, 408, 503, or cut off")
    ok(f"statuses {got} of slow clients", set(got) <= {0, 200, 408, 503})
    patient = variant(("handler/transport_fcgi.c",
                       r"busy \? clock_monotonic\(\) - BUSY_TIME : INT64_MIN",
                       "INT64_MIN"))
    _, others, _, _ = slow_clients(
        ("-t", str(THREADS)),
        handlers=functools.partial(Variant, patient))
    figure("control, a handler that does not cut them off: the slowest "
           "ordinary call", f"{others.slowest():.1f} s",
           f"above {LATEST:.0f} s, found")
    ok("ordinary calls are late", others.slowest() > LATEST)


@test("16 MiB through nginx, 160 at once", seconds=SECONDS)
def _():
    one = kind("string of JSON with a string of JSON", LARGEST)
    with Handler(user=WEB_USER) as handler, RoomyNginx(
            handler, keys=[KEY], passwords=[("u", "p")]) as web:
        request = http("/webhook/shipmondo", one.body)

        def post():
            start = time.monotonic()
            with web.tls(timeout=SECONDS) as sock:
                sock.sendall(request)
                got = web.read(sock)
            got.seconds = time.monotonic() - start
            return got

        with steady(handler) as others:
            answers = at_once([post] * THREADS)
        got = statuses(answers)
        own = sum(answer.status == 503 and answer.rule() not in
                  ("out-of-memory", "too-slow")
                  for answer in answers)
        figure("160 bodies of 16 MiB through nginx: statuses, 503 by nginx "
               "itself", f"{got}, {own}", "200 and 503, 0")
        ok(f"statuses {got} are 200 and 503", set(got) <= {200, 503})
        one.check(web.spool(), got.get(200, 0))
        eq("503 by nginx itself", own, 0)
        others.check("16 MiB through nginx")
        within("16 MiB through nginx: peak of memory", handler, THREADS,
               64 * MIB)


# --- floods -----------------------------------------------------------------

def flood(handler, seconds, make, lanes=16, **params):
    """Calls, as fast as they are answered; returns (body, answer) pairs.
    make(lane, number) is a body."""
    def lane(number):
        found, until, count = [], time.monotonic() + seconds, 0
        while time.monotonic() < until:
            body = make(number, count)
            found.append((body, handler.request(body, **params)))
            count += 1
        return found

    return sum(at_once([functools.partial(lane, number)
                        for number in range(lanes)]), [])


def quarantined(spool):
    path = os.path.join(spool.path, "quarantine")
    return sum(max(entry.stat().st_blocks * 512, 4096)
               for entry in os.scandir(path))


def forged(lane, number):
    return shipmondo.body(by_order(lane * 1000000 + number), OTHER_KEY)


def forged_flood(handler, spool, limit, seconds):
    """(bytes kept, forged calls, the slowest of them)"""
    # One caller has a quarter.
    found = flood(handler, seconds, forged, **signed_endpoint(
        spool.path, HOOKDIR_QUARANTINE=str(4 * limit),
        HOOKDIR_QUARANTINE_FILES="1000000"))
    eq("statuses of forged calls", set(statuses(
        answer for _, answer in found)), {403})
    eq("files in new/", spool.names("new"), [])
    eq("files in tmp/", spool.names("tmp"), [])
    return (quarantined(spool), len(found),
            max(answer.seconds for _, answer in found))


@test("a flood of forged calls: the quarantine keeps its bound",
      seconds=SECONDS)
def _():
    with Handler() as handler, steady(handler) as others:
        spool = quick_spool()
        kept, count, slowest = forged_flood(handler, spool, MIB, 2 * TIMES)
        figure(f"{count} forged calls, HOOKDIR_QUARANTINE of 4 MiB: kept of "
               "one caller, the slowest",
               f"{kept / MIB:.3f} MiB, {slowest:.2f} s",
               f"1 MiB at the most, {LATEST:.0f} s")
        ok(f"{kept} is not above the bound", kept <= MIB)
        ok("the flood was one", kept > 0.9 * MIB)
        ok("none was late", slowest < LATEST)
        # As full as it can be of small files, but for room for a few.
        full, limit = quick_spool(), 64 * MIB
        handler.request(forged(0, 0), **signed_endpoint(full.path))
        path = os.path.join(full.path, "quarantine")
        source = os.path.join(path, full.names("quarantine")[0])
        many_links(path, source, limit // 4096 - 100)
        # What others put there counts from the end of the next count on.
        time.sleep(1)
        handler.request(forged(0, 1), **signed_endpoint(full.path))
        kept, count, slowest = forged_flood(
            handler, full, limit // 4, 3 * TIMES)
        files = len(full.names("quarantine"))
        figure(f"{count} forged calls at {files} files in quarantine/: kept, "
               "the slowest", f"{kept / MIB:.3f} MiB, {slowest:.2f} s",
               f"64 MiB at the most, {LATEST:.0f} s")
        ok(f"{kept} is not above the bound", kept <= limit)
        ok("none was late", slowest < LATEST)
        others.done.set()
        others.join()
        others.check("flood of forged calls")
        within("flood of forged calls: peak of memory", handler, THREADS,
               64 * MIB)
    with Handler() as handler:
        spool = quick_spool()
        kept, _, _ = forged_flood(handler, spool, 1024 * MIB, 2)
        figure("control, no limit: kept", f"{kept / MIB:.1f} MiB",
               "above 1 MiB, found")
        ok(f"{kept} is above the bound of 1 MiB", kept > MIB)


def repeats(handler, spool, dedup, count=200):
    """Ten messages, each of them again and again from many at once"""
    bodies = [b'{"n":%d}' % (number % 10) for number in range(count)]
    answers = at_once([functools.partial(
        handler.request, body, **endpoint(spool.path, HOOKDIR_DEDUP=dedup))
        for body in bodies])
    eq("statuses", statuses(answers), {200: count})
    there = collections.Counter(
        message.data for message in spool.messages())
    eq("messages that are there", set(there), set(bodies))
    eq("answers that say accepted", sum(
        answer.json()["status"] == "accepted" for answer in answers),
       sum(there.values()))
    return sum(there.values()), max(answer.seconds for answer in answers)


@test("a flood of repeats, and of ids: each is stored once", seconds=SECONDS)
def _():
    with Handler() as handler, steady(handler) as others:
        stored, slowest = 0, 0.0
        for _ in range(10 * TIMES):
            count, seconds = repeats(handler, quick_spool(), "3600")
            stored, slowest = stored + count, max(slowest, seconds)
        figure(f"{2000 * TIMES} repeats of {100 * TIMES} messages: stored, "
               "the slowest", f"{stored}, {slowest:.2f} s",
               f"{100 * TIMES}, {LATEST:.0f} s")
        eq("stored", stored, 100 * TIMES)
        ok("none was late", slowest < LATEST)
        # New ids, with many in seen/ already; the first sweeps it.
        spool, count = quick_spool(), 200000
        os.makedirs(os.path.join(spool.path, "seen"))
        source = os.path.join(quick_place(), "seen")
        with open(source, "wb"):
            pass
        many_links(os.path.join(spool.path, "seen"), source, count)
        found = flood(handler, 3 * TIMES, lambda lane, number:
                      b'{"lane":%d,"n":%d}' % (lane, number),
                      **endpoint(spool.path, HOOKDIR_DEDUP="3600"))
        slowest = max(answer.seconds for _, answer in found)
        eq("statuses", set(statuses(answer for _, answer in found)), {200})
        eq("messages stored", sorted(
            message.data for message in spool.messages()),
           sorted(body for body, _ in found))
        figure(f"{len(found)} new ids at {count} in seen/: the slowest",
               f"{slowest:.2f} s", f"below {LATEST:.0f} s")
        ok("none was late", slowest < LATEST)
        others.done.set()
        others.join()
        others.check("flood of ids")
        within("flood of ids: peak of memory", handler, THREADS, 64 * MIB)
        stored, _ = repeats(handler, quick_spool(), "0")
        figure("control, HOOKDIR_DEDUP=0: stored of 10 messages", stored,
               "200, found")
        eq("stored without deduplication", stored, 200)


# --- parameters -------------------------------------------------------------

@test("5,000 parameters", seconds=SECONDS)
def _():
    spool, many = quick_spool(), 5000
    headers = {f"HTTP_X_{number}": "v" * 88 for number in range(many)}
    request = stream(b"{}", **endpoint(spool.path, **headers))
    with Handler() as handler, steady(handler) as others:
        before = memory(handler.pid, "VmHWM")
        alone = send(handler, request)
        eq("status", alone.status, 200)
        # All threads have them, and wait for the end of the body.
        peers = [Peer(handler).send(request[:-8]).taken()
                 for _ in range(THREADS - 1)]
        after = memory(handler.pid, "VmHWM")
        start = time.monotonic()
        for peer in peers:
            peer.send(request[-8:])
        eq("statuses", statuses(peer.answer() for peer in peers),
           {200: THREADS - 1})
        took = time.monotonic() - start
        eq("files in new/", len(spool.names("new")), THREADS)
        size = len(request)
        figure(f"{many} parameters, {size / MIB:.2f} MiB: alone, and on all "
               "threads", f"{alone.seconds:.2f} s, {took:.2f} s",
               f"below {LATEST:.0f} s")
        figure(f"{many} parameters on all threads: memory, as many times "
               "their size", f"{(after - before) / THREADS / size:.2f}",
               "below 2")
        ok("in time", max(alone.seconds, took) < LATEST)
        if not sanitized():
            ok("memory is below twice their size",
               after - before < 2 * size * THREADS)
        wrong = {f"HOOKDIR_X{number}": "v" for number in range(many)}
        got = send(handler, stream(b"{}", **endpoint(spool.path, **wrong)))
        eq("status of parameters that there are not", got.status, 503)
        eq("rule", got.rule(), "misconfigured")
        others.done.set()
        others.join()
        others.check("5,000 parameters")
    lines = b"".join(b"X-%d: v\r\n" % number for number in range(many))
    for server in (Nginx, Apache):
        with Handler(user=WEB_USER) as handler, \
                server(handler, keys=[KEY]) as web:
            got = web.raw(http("/webhook/shipmondo", b"{}").replace(
                b"\r\n", b"\r\n" + lines, 1))
            figure(f"{many} headers to {web.kind}: status", got.status, "400")
            eq(f"{web.kind}: status", got.status, 400)
            eq("files in new/", web.spool().names("new"), [])


# --- a million files --------------------------------------------------------

@functools.cache
def million(count):
    """(an empty spool, one with so many files in new/) on ext4"""
    own_mounts()
    place = folder("million", 0o700)
    image, mount = (os.path.join(place, name) for name in ("image", "mount"))
    os.mkdir(mount)
    if os.path.isdir("/dev/shm"):
        image = os.path.join(quick_place(), "image")
    with open(image, "wb") as file:
        file.truncate(2048 * MIB)
    command("mkfs.ext4", "-q", "-F", image)
    command("mount", "-t", "ext4", "-o", "loop", image, mount)
    harness._undo.callback(command, "umount", "-l", mount)
    spools = [Spool(os.path.join(mount, name)) for name in ("empty", "full")]
    with Handler() as handler:
        for spool in spools:
            eq("status", handler.request(
                b'{"first":1}', **endpoint(spool.path)).status, 200)
    path = os.path.join(spools[1].path, "new")
    many_links(path, os.path.join(path, spools[1].names("new")[0]), count)
    return spools


def deliveries(handler, spools, count):
    """The median of the seconds that one takes, for each spool, and the
    longest; taken in turns"""
    seconds = [[] for _ in spools]
    for number in range(count):
        for spool, taken in zip(spools, seconds):
            got = handler.request(b'{"n":%d}' % number,
                                  **endpoint(spool.path))
            eq("status", got.status, 200)
            taken.append(got.seconds)
    return [statistics.median(taken) for taken in seconds], \
        max(map(max, seconds))


@test("1,000,000 files in new/: a delivery takes as long", seconds=SECONDS)
def _():
    count = 1000000
    spools = million(count)
    before = len(spools[1].names("new"))
    ok("so many there are", before >= count)
    with Handler() as handler:
        (empty, full), slowest = deliveries(handler, spools, 500 * TIMES)
        figure("a delivery into an empty new/, and with 1,000,000 files "
               "there", f"{empty * 1000:.2f} ms, {full * 1000:.2f} ms: "
               f"{full / empty:.2f} times", "below 2")
        figure("1,000,000 files: the slowest of "
               f"{1000 * TIMES} deliveries", f"{slowest:.2f} s",
               f"below {LATEST:.0f} s")
        eq("files more than before", len(spools[1].names("new")) - before,
           500 * TIMES)
        ok(f"{full / empty:.2f} is below 2", full < 2 * empty)
        ok("none was late", slowest < LATEST)
        within("1,000,000 files: peak of memory", handler, THREADS, 64 * MIB)
    counting = variant((
        "handler/receive.c", r"(\nstatic int\ndeliver\(.*?\n\{\n)",
        r"\n#include <dirent.h>\n#include <fcntl.h>\n\1"
        r'\tDIR *all = fdopendir(openat(x->spool.root, "new", O_RDONLY));'
        r"\n\twhile (readdir(all))\n\t\t;\n\tclosedir(all);\n"))
    with Variant(counting) as handler:
        (empty, full), _ = deliveries(handler, spools, 3)
        figure("control, a handler that reads new/ at each delivery",
               f"{full / empty:.0f} times", "above 2, found")
        ok(f"{full / empty:.1f} is above 2", full > 2 * empty)


if __name__ == "__main__":
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 16384:
        resource.setrlimit(resource.RLIMIT_NOFILE, (16384, max(
            16384, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    main()

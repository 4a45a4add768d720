# SPDX-License-Identifier: MIT
"""fastcgi - what no web server sends, on the socket of a service

A hostile peer on the socket can end the process, and then Restart=always
starts it again; the socket is systemd's and stays. So it is here: the
listening socket is the test's, and a handler that ends is started again and
counted. Meanwhile a client that behaves goes on delivering. Whatever else
happens, each message that it was told 200 for has its file.

HOOKDIR_SECONDS is how long the random part takes, 60 when it is not set.
HOOKDIR_SEED repeats a run. A control shows that a handler that says 200 and
stores nothing is found out, and another that restarts are seen.
"""

import collections
import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "e2e"))

from fcgiclient import (begin, endpoint, forgiving,  # noqa: E402
                        new_place, records, sanitized)
from harness import (FCGI, ROOT, WEB_USER, Failure, Handler,  # noqa: E402
                     Spool, call_params, clean_environment, eq, fail,
                     fcgi_pairs, fcgi_record, folder, main, ok, test,
                     wait_for)

SECONDS = float(os.environ.get("HOOKDIR_SECONDS", "60"))
SEED = int(os.environ.get("HOOKDIR_SEED", "20261121"))
LEAST = 20000  # mutations in the time above, or it was no test
# Seconds, after a flood. What was sent in it still waits in the queue; with
# a sanitizer a process takes as long to start as some hundred requests.
ANSWERS_WITHIN = 60 if sanitized() else 3
STALL = 2  # seconds that a peer may let the handler wait
FLOOD = 400  # connections; there are 160 threads
ABORT = fcgi_record(2)
# libfcgi 2.4.2 takes a peer's word for the length of a parameter, and ends
# the process where there is not that much memory.
KNOWN = {"hookdir.fcgi: fcgiapp.c:75: Malloc: Assertion `size == 0 || "
         "result != ((void *)0)' failed."}


def figure(what, value, target):
    print(f"# figure hostile input | {what} | {value} | {target}", flush=True)


# --- the service and the client that behaves --------------------------------

class Service(Handler):
    """A handler that is started again whenever it ends"""

    def __init__(self, program=FCGI):
        # What a hostile request names as its spool is below this folder,
        # however it was changed on its way.
        self.place = new_place(0o700)
        if WEB_USER:
            shutil.chown(self.place, WEB_USER, WEB_USER)
        self.restarts = 0
        self.statuses = []
        self.leaving = threading.Event()
        # libfcgi asks for as much memory as a peer says; that the address
        # sanitizer has none to give is no finding, all else is.
        self.reports = new_place(0o777)
        options = (os.environ.get("ASAN_OPTIONS"), f"log_path={self.reports}/"
                   "report", "allocator_may_return_null=1")
        super().__init__(user=WEB_USER, args=("-w", str(STALL)),
                         wrapper=("env", "-C", self.place), start=False,
                         env={**forgiving(),
                              "ASAN_OPTIONS": ":".join(filter(None, options))})
        self.command[self.command.index(FCGI)] = program
        self.start()
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()

    def watch(self):
        while not self.leaving.wait(0.01):
            status = self.popen.poll()
            if status is None:
                continue
            self.restarts += 1
            self.statuses.append(status)
            # The next request in the queue may end the new one at once.
            with contextlib.suppress(Failure):
                self.start()

    def stop(self, *args, **options):
        if self.leaving.is_set():
            return super().stop(*args, **options)
        self.leaving.set()
        if hasattr(self, "watcher"):
            self.watcher.join()
        return super().stop(*args, **options)

    def kill_once(self):
        before = self.restarts
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        wait_for(lambda: self.restarts > before, "restart")


class Client(threading.Thread):
    """Delivers one message after the other until it is told to stop"""

    def __init__(self, service, number):
        super().__init__(daemon=True)
        self.service = service
        self.number = number
        place = new_place(0o777)
        self.spool = Spool(os.path.join(place, "spool"))
        self.acknowledged = set()
        self.unanswered = self.refused = 0
        self.slowest = 0.0
        self.done = threading.Event()

    def run(self):
        message = 0
        params = endpoint(self.spool.path)
        while not self.done.is_set():
            message += 1
            body = json.dumps({"client": self.number,
                               "message": message}).encode()
            started = time.monotonic()
            try:
                got = self.service.request(body, **params)
            except OSError:
                self.unanswered += 1
                continue
            self.slowest = max(self.slowest, time.monotonic() - started)
            if got.status == 200:
                self.acknowledged.add(message)
            elif got.status == 0:
                self.unanswered += 1
            else:
                self.refused += 1

    def finish(self):
        """How many it was told 200 for that are not there, or not whole"""
        self.done.set()
        self.join(60)
        ok("the client ended", not self.is_alive())
        stored = {message["data"]["message"]
                  for message in self.spool.messages()}
        return len(self.acknowledged - stored)


@contextlib.contextmanager
def service(clients=2, program=FCGI):
    with Service(program) as running:
        running.clients = [Client(running, number)
                           for number in range(clients)]
        for client in running.clients:
            client.start()
        try:
            yield running
        finally:
            for client in running.clients:
                client.done.set()


def reasons(running):
    """Why the service ended: what it wrote that is no line of the log"""
    lines = [line for line in running.new_log().splitlines()
             if not re.match(r"hookdir\.fcgi: \w+=", line) and line]
    for name in os.listdir(running.reports):
        with open(os.path.join(running.reports, name),
                  encoding="utf-8", errors="replace") as file:
            lines += re.findall(r"ERROR: .*|runtime error: .*", file.read())
    return collections.Counter(re.sub(r"0x[0-9a-f]+|\d{3,}", "N", line)
                               for line in lines)


def settle(running, what):
    """It answers again soon, and has lost nothing."""
    started = time.monotonic()
    spool = Spool(os.path.join(new_place(0o777), "spool"))
    got = running.request(b'{"after":1}', **endpoint(spool.path))
    took = time.monotonic() - started
    eq(f"status after {what}", got.status, 200)
    eq(f"messages after {what}", len(spool.messages()), 1)
    lost = sum(client.finish() for client in running.clients)
    acknowledged = sum(len(client.acknowledged) for client in running.clients)
    unanswered = sum(client.unanswered for client in running.clients)
    slowest = max(client.slowest for client in running.clients)
    figure(f"{what}: acknowledged meanwhile and lost",
           f"{acknowledged} and {lost}", "0 lost")
    figure(f"{what}: service restarted", running.restarts, "counted")
    figure(f"{what}: calls unanswered, slowest answer",
           f"{unanswered}, {slowest:.1f} s", "counted")
    figure(f"{what}: first answer afterwards", f"{took:.2f} s",
           f"{ANSWERS_WITHIN} s")
    for reason, count in reasons(running).most_common():
        figure(f"{what}: it ended with \"{reason[:120]}\"", count, "counted")
        if reason not in KNOWN:
            fail(f"ended otherwise than is known: {reason}")
    eq("acknowledged messages lost", lost, 0)
    ok("the client was served meanwhile", acknowledged > 0)
    ok(f"an answer within {ANSWERS_WITHIN} s", took <= ANSWERS_WITHIN)
    check_hostile(running)


def check_hostile(running):
    """What hostile requests left in a spool is whole, or in quarantine."""
    for path, _, names in os.walk(running.place):
        if os.path.basename(path) != "new":
            continue
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                text = file.read()
            ok(f"{name} ends in a newline", text.endswith(b"}\n"))
            json.loads(text.decode("utf-8"))


# --- what is sent -----------------------------------------------------------

# The handler's working directory is a folder of ours: a path that is cut
# short or altered names nothing else that it could write to.
HOSTILE_SPOOL = "/proc/self/cwd/spool"


def good(body=b'{"hostile":1}', **params):
    return records(body, pieces=2, **endpoint(HOSTILE_SPOOL, **params))


def send(running, data, read=False, half=False):
    """Send, and go; or wait a little for what it says. Was it sent?"""
    sent = False
    try:
        with running.connect(timeout=5) as sock:
            sock.sendall(data)
            sent = True
            if half:
                sock.shutdown(socket.SHUT_WR)
            if read:
                sock.settimeout(0.1)
                while sock.recv(65536):
                    pass
    except OSError:
        pass
    return sent


def header(version=1, kind=1, request=1, length=0, padding=0):
    return struct.pack(">BBHHBB", version & 255, kind & 255, request & 65535,
                       length & 65535, padding & 255, 0)


def cut_records(_random):
    """A request that ends at every one of its bytes"""
    whole = b"".join(good())
    for at in range(len(whole)):
        yield whole[:at], at % 3 == 0, at % 2 == 0


def wrong_headers(_random):
    """Each field of each record's head with values that it cannot have"""
    parts = good()
    for number, part in enumerate(parts):
        for field in range(8):
            for value in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 127, 128, 255):
                head = bytearray(part)
                head[field] = value
                yield (b"".join(parts[:number]) + bytes(head)
                       + b"".join(parts[number + 1:])), value % 5 == 0, True


def paddings(_random):
    """Padding of every length, and padding that is not there"""
    parts = good()
    for size in range(256):
        out = b""
        for part in parts:
            head = bytearray(part[:8])
            head[6] = size
            out += bytes(head) + part[8:] + b"\xff" * size
        yield out, size % 16 == 0, True
        yield out[:-size or None], False, size % 2 == 0


def wrong_params(_random):
    """Names and values longer than their record, none, and very many"""
    first, end = begin(), fcgi_record(4) + fcgi_record(5)
    sizes = (0, 1, 127, 128, 65535, 65536, 0x7fffffff, 0xffffffff)

    def length(size):
        return bytes([size]) if size < 128 else \
            struct.pack(">I", size & 0xffffffff | 0x80000000)

    for name in sizes:
        for value in sizes:
            for text in (b"", b"A", b"HOOKDIR_SPOOL/tmp", b"\0" * 64):
                part = length(name) + length(value) + text
                yield first + fcgi_record(4, part) + end, True, True
    base = call_params(**endpoint(HOSTILE_SPOOL))
    many = fcgi_pairs(base + [(b"HTTP_X_%d" % number, b"v" * 20)
                              for number in range(5000)])
    yield first + fcgi_record(4, many) + end, True, True
    yield first + fcgi_record(4, fcgi_pairs([(b"A", b"B" * 4000000)])) + end, \
        True, True
    yield first + fcgi_record(4, fcgi_pairs([(b"", b"")] * 50000)) + end, \
        True, True
    yield first + fcgi_record(4, fcgi_pairs(base * 200)) + end, True, True
    yield first + fcgi_record(4, fcgi_pairs(base)[:-1]) + end, True, True
    for at in range(0, 300, 7):
        piece = fcgi_pairs(base)
        yield (first + fcgi_record(4, piece[:at]) + fcgi_record(4)
               + fcgi_record(4, piece[at:]) + end), False, True


def wrong_roles(_random):
    """Roles that there are not, and flags"""
    rest = b"".join(good()[1:])
    for role in (0, 2, 3, 4, 255, 256, 65535):
        for flags in (0, 1, 2, 254, 255):
            yield (fcgi_record(1, struct.pack(">HB5x", role, flags)) + rest,
                   True, flags % 2 == 0)
    for size in range(9):
        yield fcgi_record(1, b"\0\1\1\0\0\0\0\0"[:size]) + rest, True, True


def aborts(_random):
    """ABORT_REQUEST at each stage, once and many times"""
    parts = good()
    for at in range(len(parts) + 1):
        for stop in (ABORT, ABORT * 50, fcgi_record(2, b"", 2),
                     fcgi_record(2, b"x" * 300)):
            yield (b"".join(parts[:at]) + stop + b"".join(parts[at:]),
                   True, True)
            yield b"".join(parts[:at]) + stop, False, at % 2 == 0


def interleaved(_random):
    """Several requests on one connection, one inside the other"""
    one = good()
    two = [part[:2] + b"\0\2" + part[4:] for part in one]
    kept = [fcgi_record(1, struct.pack(">HB5x", 1, 1))] + one[1:]
    yield b"".join(a + b for a, b in zip(one, two)), True, True
    yield b"".join(one[:3] + two + one[3:]), True, True
    yield b"".join(kept * 20), True, True
    yield b"".join(one + one), True, True
    yield b"".join(one[:1] * 500), True, True
    yield b"".join(kept[:3] + kept), True, True
    for at in range(1, len(one)):
        yield b"".join(one[:at] + two[:at] + one[at:] + two[at:]), True, True


def management(_random):
    """Records that are no request's, known and unknown"""
    ask = fcgi_pairs([(b"FCGI_MAX_CONNS", b""), (b"FCGI_MPXS_CONNS", b""),
                      (b"X" * 300, b"Y" * 300)])
    whole = b"".join(good())
    for kind in (9, 10, 11, 12, 99, 255, 0):
        for content in (b"", ask, ask[:-1], b"\xff" * 100, b"\x80" * 5,
                        b"x" * 65535):
            record = header(1, kind, 0, len(content)) + content
            yield record, True, True
            yield record + whole, True, True
            yield begin() + record * 3 + whole, False, True
    yield header(1, 9, 0, 8) * 2000, False, True


ATTACKS = [cut_records, wrong_headers, paddings, wrong_params, wrong_roles,
           aborts, interleaved, management]


def mutated(rand, whole):
    """A good request with some of its bytes changed, moved or gone"""
    data = bytearray(whole)
    for _ in range(rand.choice((1, 1, 2, 3, 8))):
        at = rand.randrange(len(data) + 1)
        what = rand.randrange(6)
        if what == 0 and at < len(data):
            data[at] = rand.randrange(256)
        elif what == 1 and at < len(data):
            data[at] ^= 1 << rand.randrange(8)
        elif what == 2:
            del data[at:at + rand.choice((1, 2, 8, 64))]
        elif what == 3:
            data[at:at] = rand.randbytes(rand.choice((1, 2, 8, 64)))
        elif what == 4:
            piece = data[at:at + rand.randrange(1, 80)]
            place = rand.randrange(len(data) + 1)
            data[place:place] = piece
        elif at < len(data):
            data[at:at + 4] = rand.choice(
                (b"\xff\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\0",
                 b"\x7f\xff\xff\xff", b"\1\5\0\1", b"\1\4\0\1"))
        if not data:
            break
    return bytes(data)


def mutate(running, seconds, seed, count):
    """Until the time is over; count[0] says how many there were."""
    rand = random.Random(seed)
    wholes = [b"".join(good()), b"".join(good(
        b'{"data":"a.b.c"}', HOOKDIR_SENDER="shipmondo",
        HOOKDIR_KEY="a key of thirty-two bytes or more",
        HOOKDIR_QUARANTINE="100000")),
        b"".join(records(b"", pieces=1, method="GET"))]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        count[0] += send(running, mutated(rand, rand.choice(wholes)),
                         read=rand.random() < 0.02,
                         half=rand.random() < 0.5)


# --- the tests --------------------------------------------------------------

@test("requests that no web server sends, while messages are delivered",
      seconds=900)
def _():
    with service() as running:
        for attack in ATTACKS:
            before, started = running.restarts, time.monotonic()
            number = 0
            for data, wait, half in attack(random.Random(SEED)):
                send(running, data, wait, half)
                number += 1
            took = time.monotonic() - started
            figure(f"{attack.__name__.replace('_', ' ')}: connections, time, "
                   "restarts", f"{number}, {took:.1f} s, "
                   f"{running.restarts - before}", "counted")
        settle(running, "records")


@test("connections that say nothing, or half of it, in a flood", seconds=300)
def _():
    with service() as running:
        whole = b"".join(good())
        for what, data in (("nothing", b""), ("half a head", whole[:4]),
                           ("half the parameters", whole[:200]),
                           ("no body", b"".join(good()[:-2]))):
            held = []
            try:
                for _ in range(FLOOD):
                    sock = running.connect(timeout=5)
                    sock.sendall(data)
                    held.append(sock)
                started = time.monotonic()
                spool = Spool(os.path.join(new_place(0o777), "spool"))
                got = running.request(b"{}", **endpoint(spool.path))
                took = time.monotonic() - started
                eq("status in the flood", got.status, 200)
                figure(f"{FLOOD} connections with {what}: an answer after",
                       f"{took:.1f} s", "counted")
            finally:
                for sock in held:
                    sock.close()
        settle(running, "flood")


@test(f"a good request changed at random for {SECONDS:.0f} s",
      seconds=int(SECONDS) + 240)
def _():
    with service() as running:
        counts = [[0] for _ in range(4)]
        attackers = [threading.Thread(
            target=mutate, args=(running, SECONDS, SEED + number, count),
            daemon=True) for number, count in enumerate(counts)]
        for attacker in attackers:
            attacker.start()
        for attacker in attackers:
            attacker.join()
        total = sum(count[0] for count in counts)
        figure("mutated requests", total, f"{LEAST} in 60 s")
        figure("mutated requests: exit statuses of the service",
               sorted(set(running.statuses)) or "none", "counted")
        settle(running, "mutations")
        # A machine that is busy manages fewer; a client that broke, none.
        ok("enough was sent", total >= min(LEAST, LEAST * SECONDS / 60) / 4)


@test("control: a service that is killed is started again, and loses nothing",
      seconds=120)
def _():
    with service() as running:
        for _ in range(10):
            time.sleep(0.2)
            running.kill_once()
        ok("restarts are counted", running.restarts >= 10)
        settle(running, "10 kills")


def lying_handler():
    """One that says 200 and does not store"""
    place = folder("lying", 0o755)
    for name in ("lib", "handler"):
        shutil.copytree(os.path.join(ROOT, name), os.path.join(place, name))
    shutil.copy(os.path.join(ROOT, "Makefile"), place)
    path = os.path.join(place, "handler", "receive.c")
    with open(path, encoding="utf-8") as file:
        text, count = re.subn(r"int rc = deliver_message\([^;]*\);",
                              "int rc = 1;", file.read())
    eq("places in handler/receive.c", count, 1)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    # Of the Makefile's fragments none is needed here.
    done = subprocess.run(
        ["make", "-C", place, "BUILD=build", "OPTIMIZE=-O1 -w", "HARDENING=",
         "LDFLAGS=", "-j2", "build/hookdir.fcgi"], check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=clean_environment())
    if done.returncode:
        fail(done.stdout.decode("utf-8", "replace")[-2000:])
    return os.path.join(place, "build", "hookdir.fcgi")


@test("control: a handler that says 200 and stores nothing is found out",
      seconds=300)
def _():
    with service(clients=1, program=lying_handler()) as running:
        client = running.clients[0]
        wait_for(lambda: client.acknowledged, "an answer")
        lost = client.finish()
        ok("messages are missed", lost > 0)
        eq("all of them", lost, len(client.acknowledged))
        figure("control, a handler that stores nothing: messages missed",
               lost, "found")


if __name__ == "__main__":
    main()

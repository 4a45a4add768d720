# SPDX-License-Identifier: MIT
"""test_slow - callers that send slowly on purpose keep nobody waiting

Whoever knows an address can send a large body a few bytes at a time, without
a key. True messages are answered all the same within the 3 s that senders
wait, and the handler ends in time when it is told to.
"""

import concurrent.futures
import contextlib
import os
import signal
import subprocess
import threading
import time

import shipmondo
from fcgiclient import (BODY, KEY, Peer, begin, endpoint, fcgi_pairs, memory,
                        new_spool, parse_log, records, sanitized)
from harness import (FCGI, NAME, Apache, Handler, call_params, eq, fcgi_record,
                     folder, has, main, ok, test, wait_for)

KIB, MIB = 1024, 1024 * 1024
IN_TIME = 3  # seconds that a sender waits
LOG_SHARE = 50  # lines of one kind that are certain
RESTART = 5  # seconds that a restart may take, the next true answer included


class Trickle:
    """Connections that go on sending, step by step, from one thread"""

    def __init__(self, socks, piece, every):
        self.socks, self.piece, self.every = list(socks), piece, every
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._send)

    def _send(self):
        while not self.over.wait(self.every):
            for sock in list(self.socks):
                try:
                    sock.sendall(self.piece)
                except OSError:
                    self.socks.remove(sock)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def opening(size, arrived, spool):
    """The records of a request whose body is announced and not whole"""
    params = call_params(body=b"", CONTENT_LENGTH=str(size),
                         CONTENT_TYPE="text/plain", **endpoint(spool.path))
    data = begin() + fcgi_record(4, fcgi_pairs(params)) + fcgi_record(4)
    for at in range(0, arrived, 32 * KIB):
        data += fcgi_record(5, b"x" * min(32 * KIB, arrived - at))
    return data


def restart_in_time(handler, ask, most=RESTART):
    """Ends the handler as systemd does and starts it again; how long it took
    until a true message was answered"""
    start = time.monotonic()
    os.kill(handler.pid, signal.SIGTERM)
    wait_for(lambda: handler.popen.poll() is not None, "end", 60)
    ended = time.monotonic() - start
    eq("exit status", handler.stop(), 0)
    handler.start()
    eq("status of the next true message", ask(), 200)
    took = time.monotonic() - start
    print(f"# ended after {ended:.1f} s, answered after {took:.1f} s",
          flush=True)
    ok(f"{took:.1f} s is in time", took < most)


@test("a restart waits 1.5 s for slow bodies, and not for their end")
def _():
    for count in (1, 100):
        spool = new_spool()
        with Handler() as handler, contextlib.ExitStack() as stack:
            peers = [stack.enter_context(Peer(handler)) for _ in range(count)]
            for peer in peers:
                peer.send(opening(MIB, 100, spool)).taken()
            with Trickle([peer.sock for peer in peers],
                         fcgi_record(5, b"y" * 70), 0.1):
                restart_in_time(handler, lambda: handler.request(
                    BODY, **endpoint(spool.path)).status)
            eq("messages", len(spool.names("new")), 1)
            lines = [line for line in parse_log(handler.log())
                     if line.get("reason") == "too-slow"]
            # Of one kind so many lines are certain; more are only counted.
            ok(f"{len(lines)} lines of those that were cut off",
               min(count, LOG_SHARE) <= len(lines) <= count)


@test("a restart waits 1.5 s for parameters that do not end")
def _():
    spool = new_spool()
    with Handler() as handler, Peer(handler) as silent, \
            Peer(handler) as half:
        silent.send(begin()[:3]).taken()
        half.send(begin()).taken()
        with Trickle([half.sock], fcgi_record(4, fcgi_pairs(
                [(b"HTTP_X_A", b"b")])), 0.1):
            restart_in_time(handler, lambda: handler.request(
                BODY, **endpoint(spool.path)).status)


def post_slowly(web, path, size, arrived):
    """A connection that has sent that much of a body"""
    sock = web.tls(timeout=60)
    sock.sendall(f"POST {path} HTTP/1.1\r\nHost: {NAME}\r\n"
                 "Content-Type: application/json\r\n"
                 f"Content-Length: {size}\r\n\r\n".encode()
                 + b" " * arrived)
    return sock


@test("behind Apache a restart does not wait for slow bodies, either")
def _():
    body = shipmondo.body(shipmondo.form_b(), KEY)
    for count in (1, 100):
        with Handler(user="www-data") as handler, \
                Apache(handler, keys=[KEY]) as web, \
                contextlib.ExitStack() as stack:
            socks = [stack.enter_context(contextlib.closing(post_slowly(
                web, "/webhook/shipmondo", 16 * MIB, 100 * KIB)))
                for _ in range(count)]
            with Trickle(socks, b" " * 70, 0.1):
                restart_in_time(handler, lambda: web.post(
                    "/webhook/shipmondo", body,
                    shipmondo.HEADERS, timeout=30).status)
            eq("messages", len(web.spool("shipmondo").names("new")), 1)


@test("a body has the time of -w, and a second more for each 64 KiB")
def _():
    spool = new_spool()
    with Handler(args=("-w", "2")) as handler:
        for arrived, least in ((100, 2), (192 * KIB, 5)):
            with Peer(handler) as peer:
                start = time.monotonic()
                peer.send(opening(16 * MIB, arrived, spool))
                # Never a pause of -w, and so slow all the same
                with Trickle([peer.sock], fcgi_record(5, b"y" * 9000), 0.5):
                    got = peer.answer()
                took = time.monotonic() - start
            eq("status", got.status, 503)
            eq("rule", got.rule(), "too-slow")
            ok("the sender may come again", got.header("Retry-After"))
            has("detail", got.json()["detail"], "the body came too slowly: ")
            ok(f"{arrived} bytes: {took:.1f} s is not sooner than {least}",
               took >= least - 0.1)
            ok(f"{arrived} bytes: {took:.1f} s is not for ever", took < 30)
    eq("files", spool.files(), [])


def in_time(name, ask):
    start = time.monotonic()
    got = ask()
    took = time.monotonic() - start
    eq(f"status of {name}", got.status, 200)
    print(f"# {name}: {took:.2f} s", flush=True)
    ok(f"{name}: {took:.2f} s is in time", took < IN_TIME)


def signed(size):
    """A true Shipmondo message of about that size"""
    order = shipmondo.form_b()
    pad = "x" * max(0, int(size * 3 / 4) - len(order))
    return shipmondo.body(order[:-1] + b',"pad":"' + pad.encode() + b'"}', KEY)


# What a caller without a key can do with 50 uploads of 16 MiB: what arrives
# at once, what comes then, and how often.
WAVES = (("1.6 MiB and then a trickle", 1600 * KIB, 70, 0.1),
         ("1.6 MiB and then nothing", 1600 * KIB, 0, 5),
         ("1.3 MiB and then 20 KiB a second", 1300 * KIB, 10 * KIB, 0.5))


@test("50 slow uploads through Apache: true messages are answered in time")
def _():
    for wave, arrived, piece, every in WAVES:
        with Handler(user="www-data") as handler, \
                Apache(handler, keys=[KEY]) as web, \
                contextlib.ExitStack() as stack:
            socks = [stack.enter_context(contextlib.closing(post_slowly(
                web, "/webhook/shipmondo", 16 * MIB, arrived)))
                for _ in range(50)]
            with Trickle(socks, b" " * piece, every):
                # All the room is theirs by then.
                time.sleep(2)
                for _ in range(3):
                    for size in (2 * KIB, 100 * KIB, MIB):
                        body = signed(size)
                        in_time(f"{wave}: {size // KIB} KiB",
                                lambda body=body: web.post(
                                    "/webhook/shipmondo", body,
                                    shipmondo.HEADERS, timeout=30))
            eq("messages", len(web.spool("shipmondo").names("new")), 9)
            has("the log", handler.log(), "memory for large bodies was short")


def shaped(web, body, piece, every):
    """The status of a true message from a sender with a slow line"""
    with contextlib.closing(post_slowly(web, "/webhook/shipmondo",
                                        len(body), 0)) as sock:
        for at in range(0, len(body), piece):
            sock.sendall(body[at:at + piece])
            time.sleep(every)
        return web.read(sock).status


class Bursts:
    """Callers that send most of a body, fall silent, and begin again as soon
    as they are cut off"""

    def __init__(self, web, count, size):
        self.web, self.size = web, size
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._send)
                        for _ in range(count)]

    def _send(self):
        while not self.over.wait(0.1):
            with contextlib.suppress(OSError), contextlib.closing(post_slowly(
                    self.web, "/webhook/shipmondo", 16 * MIB,
                    self.size)) as sock:
                sock.settimeout(0.5)
                while not self.over.is_set():
                    with contextlib.suppress(TimeoutError):
                        sock.recv(1)
                        break

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


@test("beside bursts through Apache, true senders with slow lines get 200")
def _():
    lines = (("100 KiB, 320 KiB a second", signed(100 * KIB), 16 * KIB, 0.05),
             ("100 KiB, 60 KiB a second", signed(100 * KIB), 6 * KIB, 0.1),
             ("1 MiB, 640 KiB a second", signed(MIB), 32 * KIB, 0.05))
    for count, size in ((5, 16000 * KIB), (80, 1000 * KIB)):
        with Handler(user="www-data") as handler, \
                Apache(handler, keys=[KEY]) as web, \
                Bursts(web, count, size), \
                concurrent.futures.ThreadPoolExecutor(len(lines)) as pool:
            time.sleep(2)
            for _ in range(2):
                calls = [(what, pool.submit(shaped, web, *line))
                         for what, *line in lines]
                for what, call in calls:
                    eq(f"{count} bursts of {size // KIB} KiB: {what}",
                       call.result(), 200)
            eq("messages", len(web.spool("shipmondo").names("new")), 6)


@test("uploads above the least pace do not keep the memory, either")
def _():
    spool = new_spool()
    with Handler(args=("-m", "4")) as handler, \
            contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Peer(handler)) for _ in range(6)]
        for peer in peers:
            peer.send(opening(16 * MIB, 500 * KIB, spool)).taken()
        with Trickle([peer.sock for peer in peers],
                     fcgi_record(5, b"y" * 20 * KIB), 0.25):
            time.sleep(2)
            for _ in range(2):
                in_time("1 MiB", lambda: handler.request(
                    b"z" * MIB, CONTENT_TYPE="text/plain",
                    **endpoint(spool.path)))


@test("slow peers on all threads do not keep a true message waiting")
def _():
    spool = new_spool()
    with Handler(args=("-t", "4", "-w", "60")) as handler, \
            contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Peer(handler)) for _ in range(4)]
        for peer in peers:
            peer.send(opening(MIB, 100, spool)).taken()
        with Trickle([peer.sock for peer in peers],
                     fcgi_record(5, b"y" * 70), 0.1):
            in_time("a message", lambda: handler.request(
                BODY, **endpoint(spool.path)))
        # As long as a thread is free, they have the time of -w.
        with Peer(handler) as peer:
            peer.send(opening(200, 100, spool)).taken()
            time.sleep(4)
            peer.send(fcgi_record(5, b"y" * 100), fcgi_record(5))
            eq("status of a slow one alone", peer.answer().status, 200)


@test("peers that send on after their answer are let go")
def _():
    def refused(handler, spool, count, stack):
        params = call_params(method="PUT", body=b"", CONTENT_LENGTH=str(MIB),
                             **endpoint(spool.path))
        peers = [stack.enter_context(Peer(handler)) for _ in range(count)]
        for peer in peers:
            peer.send(begin(), fcgi_record(4, fcgi_pairs(params)),
                      fcgi_record(4), fcgi_record(5, b"x" * 100))
        return stack.enter_context(Trickle(
            [peer.sock for peer in peers], fcgi_record(5, b"y" * 70), 0.1))

    spool = new_spool()
    with Handler(args=("-t", "4")) as handler, \
            contextlib.ExitStack() as stack:
        refused(handler, spool, 4, stack)
        in_time("a message, all threads", lambda: handler.request(
            BODY, **endpoint(spool.path)))
        start = time.monotonic()
        trickle = refused(handler, spool, 1, stack)
        wait_for(lambda: not trickle.socks, "end of the connection")
        took = time.monotonic() - start
        ok(f"{took:.1f} s is soon", took < 5)
    with Handler() as handler, contextlib.ExitStack() as stack:
        refused(handler, spool, 20, stack)
        time.sleep(0.3)
        restart_in_time(handler, lambda: handler.request(
            BODY, **endpoint(spool.path)).status, IN_TIME)


@test("a restart does not wait for bodies that wait for memory")
def _():
    spool = new_spool()
    with Handler(args=("-m", "1")) as handler, \
            contextlib.ExitStack() as stack:
        for arrived in (900, 900, 400, 400, 400):
            peer = stack.enter_context(Peer(handler))
            with contextlib.suppress(OSError):
                peer.send(opening(16 * MIB, arrived * KIB, spool))
        restart_in_time(handler, lambda: handler.request(
            BODY, **endpoint(spool.path)).status, IN_TIME)


@test("a call that comes at SIGTERM beside a slow body is in time")
def _():
    spool = new_spool()
    with Handler() as handler, Peer(handler) as peer:
        peer.send(opening(MIB, 100, spool)).taken()
        with Trickle([peer.sock], fcgi_record(5, b"y" * 70), 0.1):
            os.kill(handler.pid, signal.SIGTERM)
            time.sleep(0.1)
            # It waits in the queue of the socket.
            with Peer(handler) as other:
                start = time.monotonic()
                other.send(*records(BODY, **endpoint(spool.path)))
                wait_for(lambda: handler.popen.poll() is not None, "end", 60)
                eq("exit status", handler.stop(), 0)
                handler.start()
                eq("status", other.answer().status, 200)
                took = time.monotonic() - start
        print(f"# answered after {took:.2f} s", flush=True)
        ok(f"{took:.2f} s is in time", took < IN_TIME)


@test("memory of large headers goes back to the system")
def _():
    spool = new_spool()
    headers = [(b"HTTP_X_%d" % number, b"y" * 16000)
               for number in range(100)]
    params = call_params(body=BODY, **endpoint(spool.path)) + headers
    with Handler() as handler, contextlib.ExitStack() as stack:
        eq("status", handler.request(BODY, **endpoint(spool.path)).status, 200)
        before = memory(handler.pid, "VmRSS")
        start = begin()
        for name, value in params:
            start += fcgi_record(4, fcgi_pairs([(name, value)]))
        peers = [stack.enter_context(Peer(handler)) for _ in range(150)]
        for peer in peers:
            peer.send(start, fcgi_record(4)).taken()
        held = memory(handler.pid, "VmRSS") - before
        for peer in peers:
            peer.send(fcgi_record(5, BODY), fcgi_record(5))
            eq("status", peer.answer().status, 200)
        if sanitized():
            return
        ok(f"{held / MIB:.0f} MiB are held meanwhile", held > 200 * MIB)

        def given_back():
            return memory(handler.pid, "VmRSS") - before < 32 * MIB
        wait_for(given_back, "memory given back")


@test("CGI: Apache's MinRate bounds how long a slow caller holds a worker")
def _():
    with Apache(None, "hookdir-cgi.conf", keys=[KEY],
                main="RequestReadTimeout body=2,MinRate=65536") as web, \
            contextlib.closing(post_slowly(
                web, "/webhook/shipmondo", MIB, 100)) as sock:
        start = time.monotonic()
        with Trickle([sock], b" " * 1000, 0.1):
            in_time("a message", lambda: web.post(
                "/webhook/shipmondo", signed(2 * KIB), shipmondo.HEADERS))
            eq("status", web.read(sock).status, 408)
        took = time.monotonic() - start
        ok(f"{took:.1f} s is not for ever", took < 9)
        eq("messages", len(web.spool("shipmondo").names("new")), 1)


@test("CGI: a body that falls silent is a 503")
def _():
    with subprocess.Popen(
            [FCGI], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env={
                "REQUEST_METHOD": "POST", "CONTENT_LENGTH": "1000000",
                "REQUEST_URI": "/", "HOOKDIR_SENDER": "generic",
                "HOOKDIR_AUTH": "none", "HOOKDIR_EVENT": "e",
                "HOOKDIR_SPOOL": os.path.join(folder("cgi"), "spool")}) as cgi:
        cgi.stdin.write(b"x" * 20000)
        cgi.stdin.flush()
        out = cgi.stdout.read()
        has("answer", out, b"Status: 503")
        has("log", cgi.stderr.read(), b"reason=too-slow")


if __name__ == "__main__":
    main()

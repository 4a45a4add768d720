# SPDX-License-Identifier: MIT
"""test_process - the FastCGI process: peers, signals, threads, shortage

What a web server never does, its bugs and hostile neighbours do: records cut
off anywhere, silence, garbage. None of it may store anything, hold a thread
for good or end the process. And no call may be lost when it is ended.
"""

import concurrent.futures
import contextlib
import fcntl
import os
import re
import resource
import select
import signal
import socket
import struct
import threading
import time

import shipmondo
from fcgiclient import (BODY, KEY, UNKNOWN, Peer, begin, cpu_seconds,
                        endpoint, forgiving, get_values, new_spool,
                        nothing_made, nothing_stored, parse_log, records,
                        request_log, signed_endpoint, threads)
from harness import (IS_ROOT, Handler, Nginx, Spool, call_params, eq, fail,
                     fcgi_pairs, fcgi_record, folder, has, hasnt, main, ok,
                     read, test, wait_for)

OSERR, USAGE = 71, 64
STALL = ("-w", "2")


def serves(handler, spool=None):
    """An ordinary request is stored; returns the answer."""
    spool = spool or new_spool()
    before = len(spool.names("new"))
    got = handler.request(BODY, **endpoint(spool.path))
    eq("an ordinary request", (got.status, got.error), (200, ""))
    eq("its message", len(spool.names("new")), before + 1)
    return got


def ended(handler, seconds=60):
    """Waits until the handler has ended by itself; its exit status"""
    wait_for(lambda: handler.popen.poll() is not None, "end", seconds)
    return handler.stop()


def events(handler, name):
    return [line for line in parse_log(handler.log())
            if line.get("event") == name]


# --- where requests come from -----------------------------------------------

@test("the listening socket may be standard input")
def _():
    with Handler() as handler:
        serves(handler)
        eq("exit status", handler.stop(), 0)


def as_systemd(pid="$$"):
    """Hands the socket over as sd_listen_fds(3) has it."""
    return ["sh", "-c", "exec 3<&0 </dev/null; LISTEN_FDS=1 "
            f'LISTEN_PID={pid} exec "$@"', "sh"]


@test("the listening socket may be descriptor 3, from systemd")
def _():
    with Handler(wrapper=as_systemd()) as handler:
        serves(handler)
        eq("exit status", handler.stop(), 0)


@test("descriptor 3 that is meant for another process is left alone")
def _():
    handler = Handler(wrapper=as_systemd("1"), start=False)
    with contextlib.suppress(Exception):
        handler.start()
    eq("exit status", ended(handler), USAGE)
    has("message", handler.log(), "is no listening socket")
    handler.down()


@test("a listening socket is served even where REQUEST_METHOD is set")
def _():
    with Handler(env={"REQUEST_METHOD": "GET"}) as handler:
        serves(handler)


@test("options are taken in FastCGI mode, and wrong ones refused")
def _():
    handler = Handler(args=["-t", "0"], start=False)
    with contextlib.suppress(Exception):
        handler.start()
    eq("exit status", ended(handler), USAGE)
    has("message", handler.log(), "-t 0: not a number from 1 to 4096")
    handler.down()


# --- where the log goes -----------------------------------------------------

@test("without standard output and error it serves all the same")
def _():
    closing = ["sh", "-c", 'exec "$@" 1>&- 2>&-', "sh"]
    with Handler(wrapper=closing, args=["-t", "2"]) as handler:
        for _ in range(5):
            serves(handler)
        eq("exit status", handler.stop(), 0)


@test("a log that nobody reads stops neither calls nor the end")
def _():
    place = os.path.join(folder("pipe"), "log")
    os.mkfifo(place)
    # Held open for both, so that it is there and nobody reads it.
    pipe = os.open(place, os.O_RDWR | os.O_NONBLOCK)
    try:
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
        unread = ["sh", "-c", f'exec "$@" 2>{place}', "sh"]
        with Handler(wrapper=unread, args=["-t", "4"]) as handler:
            spool = new_spool()
            for _ in range(100):
                eq("status", handler.request(
                    BODY, **endpoint(spool.path)).status, 200)
            eq("messages", len(spool.names("new")), 100)
            while os.read(pipe, 65536).count(b"\n") > 0:
                if not select.select([pipe], [], [], 0)[0]:
                    break
            eq("status", handler.request(
                BODY, **endpoint(spool.path)).status, 200)
            wait_for(lambda: select.select([pipe], [], [], 0)[0], "line")
            has("the line that got through", os.read(pipe, 65536),
                b" dropped=")
            eq("exit status", handler.stop(), 0)
    finally:
        os.close(pipe)


# --- requests cut off -------------------------------------------------------

def cut_off(spool):
    """All requests cut off: (bytes, where)"""
    parts = records(**endpoint(spool.path))
    for number, part in enumerate(parts):
        whole = b"".join(parts[:number])
        for at in sorted({0, 1, 4, 7, 8, 9, len(part) // 2, len(part) - 1}):
            if at < len(part):
                yield whole + part[:at], f"record {number} byte {at}"


@test("a request cut off anywhere stores nothing")
def _():
    with Handler(args=["-t", "8"]) as handler:
        spool, other = new_spool(), new_spool()
        for ending in ("end of stream", "close", "reset"):
            for data, where in cut_off(spool):
                with Peer(handler) as peer:
                    # The handler may hang up before all is sent.
                    with contextlib.suppress(BrokenPipeError):
                        peer.send(data)
                    if ending == "end of stream":
                        peer.finish_sending()
                        got = peer.answer()
                        hasnt(f"status, cut at {where}", (200, 204),
                              got.status)
                        if got.status:
                            eq("status", got.status, 400)
                            ok("the rule says why", got.rule() in (
                                "request-broken", "body-incomplete"))
            serves(handler, other)
        eq("exit status", handler.stop(), 0)
        nothing_made(spool)
        for line in parse_log(handler.log()):
            if line.get("status", "400") not in ("200", "400"):
                fail(f"unexpected in the log: {line}")


@test("a request cut off in its body is answered, nothing is stored")
def _():
    with Handler() as handler:
        spool = new_spool()
        parts = records(**endpoint(spool.path))
        # The end of the stream comes as it should, but too early.
        for body in (parts[5:6], parts[5:7], []):
            with Peer(handler) as peer:
                peer.send(*parts[:5], *body, fcgi_record(5))
                got = peer.answer()
                eq("answer", (got.status, got.rule(), got.error),
                   (400, "body-incomplete", ""))
        nothing_made(spool)


@test("a parameter missing for want of a record opens nothing")
def _():
    # libfcgi hands over cut-off parameters as if they were all.
    with Handler() as handler:
        spool = new_spool()
        # All that lets a call in comes first; HOOKDIR_KEY was to follow.
        first = fcgi_pairs([(k.encode(), v.encode()) for k, v in (
            ("REQUEST_METHOD", "POST"), *endpoint(spool.path).items())])
        rest = fcgi_pairs([(b"HOOKDIR_SENDER", b"shipmondo"),
                           (b"HOOKDIR_KEY", KEY.encode())])
        record = struct.pack(">BBHHBx", 1, 4, 1, len(first + rest), 0)
        for keep in (0, 5, len(rest) - 1):
            with Peer(handler) as peer:
                peer.send(begin(), record, first, rest[:keep])
                peer.finish_sending()
                got = peer.answer()
                ok("not accepted", got.status in (0, 400))
        nothing_made(spool)
        serves(handler)


# --- other records ----------------------------------------------------------

@test("a request that is aborted stores nothing")
def _():
    with Handler() as handler:
        spool = new_spool()
        parts = records(**endpoint(spool.path))
        abort = fcgi_record(2)
        for number in range(1, len(parts)):
            with Peer(handler) as peer:
                with contextlib.suppress(BrokenPipeError):
                    peer.send(*parts[:number], abort)
                    peer.finish_sending()
                ok(f"status, aborted after {number} records",
                   peer.answer().status in (0, 400))
        nothing_made(spool)
        serves(handler)


@test("roles, versions and types that are not ours store nothing")
def _():
    with Handler(env=forgiving()) as handler:
        spool = new_spool()
        parts = records(**endpoint(spool.path))
        tail = b"".join(parts[1:])
        for data in (*(begin(role) + tail for role in (0, 2, 3, 9, 65535)),
                     *(bytes([version]) + begin()[1:] + tail
                       for version in (0, 2, 255)),
                     fcgi_record(5) + tail, tail, fcgi_record(6) * 3,
                     fcgi_record(99, b"", 0), fcgi_record(99, b"x" * 100, 1),
                     begin() + begin(request=2) + fcgi_record(4),
                     b"".join(fcgi_record(t) for t in range(12))):
            with Peer(handler) as peer:
                with contextlib.suppress(BrokenPipeError):
                    peer.send(data)
                    peer.finish_sending()
                got = peer.answer()
                ok(f"status {got.status} is no success", got.status != 200)
        nothing_stored(spool)
        serves(handler)


@test("garbage is survived")
def _():
    with Handler() as handler:
        for data in (b"", b"\0", b"\n" * 10, b"\xff" * 5000, b"\0" * 5000,
                     b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x01" * 5000,
                     bytes(range(256)) * 40, b"\x16\x03\x01\x02\x00" * 99,
                     begin() + b"\xff" * 5000, begin() + b"\0" * 5000,
                     begin() + fcgi_record(4, b"\x7f\x7fA") + fcgi_record(4),
                     begin() + fcgi_record(4, b"\0" * 999) + fcgi_record(4)):
            with Peer(handler) as peer:
                with contextlib.suppress(BrokenPipeError):
                    peer.send(data)
                    peer.finish_sending()
                peer.at_end()
        serves(handler)
        ok("it is the same process", handler.alive())


@test("management records are answered, and the request after them is served")
def _():
    with Handler(env=forgiving()) as handler:
        spool = new_spool()
        with Peer(handler) as peer:
            for _ in range(20):
                peer.pinged()
            peer.send(get_values() * 20, *records(**endpoint(spool.path)))
            eq("status", peer.answer().status, 200)
        spool.one()


@test("a request in one-byte pieces is a request")
def _():
    with Handler() as handler:
        spool = new_spool()
        with Peer(handler) as peer:
            for byte in b"".join(records(**endpoint(spool.path))):
                peer.send(bytes([byte]))
            eq("status", peer.answer().status, 200)
        spool.one()


@test("a request in records of one byte, padded, is a request")
def _():
    with Handler() as handler:
        spool = new_spool()
        text = fcgi_pairs(call_params(body=BODY, **endpoint(spool.path)))

        def padded(kind, content):
            return b"".join(
                struct.pack(">BBHHBx", 1, kind, 1, 1, at % 256)
                + content[at:at + 1] + b"\xaa" * (at % 256)
                for at in range(len(content)))

        with Peer(handler) as peer:
            peer.send(begin(), padded(4, text), fcgi_record(4),
                      padded(5, BODY), fcgi_record(5))
            eq("status", peer.answer().status, 200)
        eq("data", spool.one().data, BODY)


@test("a kept connection is asked for in vain, and closed")
def _():
    with Handler() as handler:
        spool = new_spool()
        parts = records(**endpoint(spool.path))
        keep = fcgi_record(1, struct.pack(">HB5x", 1, 1))
        with Peer(handler) as peer:
            peer.send(keep, *parts[1:])
            eq("status", peer.answer().status, 200)
            peer.at_end()
        serves(handler)


# --- peers that stall -------------------------------------------------------

def flood(peer):
    """Asks and asks and reads no answer, until nothing more goes."""
    def run():
        with contextlib.suppress(OSError):
            while True:
                peer.send(UNKNOWN * 1000)
    threading.Thread(target=run, daemon=True).start()


def trickle(peer, parts):
    """A byte now and then, until the handler hangs up."""
    def run():
        with contextlib.suppress(OSError):
            for byte in b"".join(parts):
                peer.send(bytes([byte]))
                time.sleep(0.3)
    threading.Thread(target=run, daemon=True).start()


def half(parts):
    data = b"".join(parts)
    return data[:len(data) // 2]


def stalls(parts):
    """What each stalling peer does, by name"""
    return {
        "is silent": lambda peer: None,
        "sends half a header": lambda peer: peer.send(parts[0][:4]),
        "sends half the parameters": lambda peer: peer.send(
            parts[0], half(parts[1:4])),
        "sends no body": lambda peer: peer.send(*parts[:5]),
        "sends half the body": lambda peer: peer.send(*parts[:6]),
        "does not end the body": lambda peer: peer.send(*parts[:-1]),
        "trickles the parameters": lambda peer: trickle(peer, parts),
        "trickles the body": lambda peer: (
            peer.send(*parts[:5]), trickle(peer, parts[5:])),
        "never closes": lambda peer: peer.send(*parts),
        "sends on after the request": lambda peer: (
            peer.send(*parts), trickle(peer, [b"\0" * 500])),
        "sends garbage and never closes": lambda peer: peer.send(
            b"\xff" * 64),
        "never reads what it asked for": flood,
    }


@test("no peer holds a thread longer than -w")
def _():
    spool = new_spool()
    kinds = stalls(records(**endpoint(spool.path)))
    with contextlib.ExitStack() as stack:
        held = {}
        for name, stall in kinds.items():
            handler = stack.enter_context(
                Handler(args=["-t", "2", *STALL], env=forgiving()))
            peers = [stack.enter_context(Peer(handler)) for _ in range(2)]
            for peer in peers:
                stall(peer)
            held[name] = handler, time.monotonic()
        for name, (handler, start) in held.items():
            # Both threads are with the peers, so this one has to wait.
            try:
                serves(handler)
            except Exception as failure:
                fail(f"after a peer that {name}: {failure}")
            taken = time.monotonic() - start
            ok(f"{name}: {taken:.1f} s is in time", taken < 40)
        for name, (handler, _) in held.items():
            both_free(handler, name)
            eq(f"exit status after a peer that {name}", handler.stop(), 0)
        # Those that sent all of it and did not close were served.
        eq("messages of the peers", len(spool.names("new")), 4)


def both_free(handler, name):
    """Both threads serve. On a busy machine a peer of this test is slow, too,
    and is cut off like the others: then it is tried again."""
    for _ in range(5):
        try:
            return serve_two(handler, name)
        except (BrokenPipeError, ConnectionResetError):
            time.sleep(0.5)
    fail(f"the threads are not free after a peer that {name}")


def serve_two(handler, name):
    """Two requests at once need both threads."""
    spool = new_spool()
    parts = records(**endpoint(spool.path))
    with Peer(handler) as one, Peer(handler) as other:
        for peer in (one, other):
            peer.send(*parts[:-1])
        for peer in (one, other):
            peer.taken()
        for peer in (other, one):
            peer.send(parts[-1])
            eq(f"status on each thread after a peer that {name}",
               peer.answer().status, 200)


@test("a body that comes slowly but steadily is not cut off")
def _():
    with Handler(args=STALL) as handler:
        spool = new_spool()
        body = b"x" * (300 << 10)
        parts = records(body, pieces=10, CONTENT_TYPE="text/plain",
                        **endpoint(spool.path))
        with Peer(handler) as peer:
            peer.send(*parts[:12])
            for part in parts[12:]:
                time.sleep(0.35)
                peer.send(part)
            eq("status", peer.answer().status, 200)
        ok("data", len(spool.one().data) == len(body) + 2)


# --- shortage ---------------------------------------------------------------

@test("without descriptors it waits, without spinning, and goes on")
def _():
    limit = 40
    with Handler(wrapper=["prlimit", f"--nofile={limit}:{limit}", "--"],
                 args=["-w", "3600"]) as handler:
        spool = new_spool()
        serves(handler, spool)
        with contextlib.ExitStack() as stack:
            held = [stack.enter_context(Peer(handler)) for _ in range(60)]
            wait_for(lambda: events(handler, "accept-failed"),
                     "line of a failed accept")
            used, lines = cpu_seconds(handler.pid), handler.log().count("\n")
            time.sleep(2)  # what is measured is what happens meanwhile
            used = cpu_seconds(handler.pid) - used
            lines = handler.log().count("\n") - lines
            ok(f"{used:.2f} s of processor time in 2 s is no spinning",
               used < 1)
            ok(f"{lines} lines in 2 s is no flood", lines < 200)
            del held
        wait_for(lambda: handler.request(BODY, **endpoint(spool.path)).status
                 == 200, "answer after the shortage")
        for _ in range(20):
            serves(handler, spool)
        eq("exit status", handler.stop(), 0)


@test("what runs out of descriptors in a request is a fault, not a loss")
def _():
    limit = 32
    with Handler(wrapper=["prlimit", f"--nofile={limit}:{limit}", "--"],
                 args=["-w", "3600"]) as handler:
        spool = new_spool()
        parts = records(**endpoint(spool.path))
        serves(handler, spool)
        statuses = []
        with contextlib.ExitStack() as stack:
            # Whole requests but for the last record, then all at once.
            peers = [stack.enter_context(Peer(handler).send(*parts[:-1]))
                     for _ in range(40)]
            wait_for(lambda: events(handler, "accept-failed"),
                     "line of a failed accept")
            for peer in peers:
                peer.send(parts[-1])
            for peer in peers:
                statuses.append(peer.answer().status)
                peer.close()
        ok(f"statuses {set(statuses)}", set(statuses) <= {200, 503, 0})
        eq("messages", len(spool.names("new")), 1 + statuses.count(200))
        eq("tmp", spool.names("tmp"), [])
        serves(handler, spool)


@test("with one thread it serves one after the other")
def _():
    with Handler(args=["-t", "1"]) as handler:
        spool = new_spool()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: handler.request(
                BODY, **endpoint(spool.path)).status, range(200)))
        eq("answers", set(answers), {200})
        eq("messages", len(spool.names("new")), 200)
        eq("exit status", handler.stop(), 0)


def tasks_of(uid):
    """How many threads a user has"""
    count = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{pid}").st_uid == uid:
                count += threads(pid)
    return count


@test("without threads left it goes on with those it has")
def _():
    # The limit does not bind root, so root becomes an unused number.
    user = 61234 if IS_ROOT else os.getuid()
    become = ["setpriv", f"--reuid={user}", f"--regid={user}",
              "--clear-groups"] if IS_ROOT else []
    limit = tasks_of(user) + 6
    with Handler(wrapper=[*become, "prlimit", f"--nproc={limit}:{limit}",
                          "--"]) as handler:
        spool = Spool(os.path.join(folder("place", 0o777), "spool"))
        parts = records(**endpoint(spool.path))
        with contextlib.ExitStack() as stack:
            peers = [stack.enter_context(Peer(handler).send(*parts[:-1]))
                     for _ in range(40)]
            for peer in peers:
                peer.send(parts[-1])
            for peer in peers:
                eq("status", peer.answer().status, 200)
                peer.close()
        ok(f"{threads(handler.pid)} threads is within the limit",
           threads(handler.pid) <= limit)
        eq("messages", len(spool.names("new")), 40)
        eq("exit status", handler.stop(), 0)


# --- threads ----------------------------------------------------------------

@test("threads are made on demand")
def _():
    with Handler() as handler:
        spool = new_spool()
        for _ in range(100):
            serves(handler, spool)
        # One serves, one waits; now and then one has not quite finished.
        ok(f"{threads(handler.pid)} threads after calls one by one",
           threads(handler.pid) <= 20)


@test("there are no more threads than -t")
def _():
    with Handler(args=["-t", "4"]) as handler:
        spool = new_spool()
        parts = records(**endpoint(spool.path))
        with contextlib.ExitStack() as stack:
            peers = [stack.enter_context(Peer(handler).send(*parts[:-1]))
                     for _ in range(12)]
            wait_for(lambda: threads(handler.pid) >= 5,
                     "four threads beside the first")
            for peer in peers:
                peer.send(parts[-1])
            for peer in peers:
                eq("status", peer.answer().status, 200)
                peer.close()
        # A sanitizer has one of its own.
        ok(f"{threads(handler.pid)} threads after all",
           threads(handler.pid) <= 6)
        eq("messages", len(spool.names("new")), 12)


@test("200 connections at once are all served")
def _():
    with Handler() as handler:
        spool = new_spool()
        parts = records(**endpoint(spool.path))
        with contextlib.ExitStack() as stack:
            peers = [stack.enter_context(Peer(handler).send(*parts[:-1]))
                     for _ in range(200)]
            # All but forty of them are held by a thread of their own.
            wait_for(lambda: threads(handler.pid) >= 161, "161 threads")
            for peer in reversed(peers):
                peer.send(parts[-1])
            for peer in peers:
                eq("status", peer.answer().status, 200)
                peer.close()
        eq("messages", len(spool.names("new")), 200)
        ok(f"{threads(handler.pid)} threads are no more than asked for",
           threads(handler.pid) <= 162)
        eq("exit status", handler.stop(), 0)


@test("descriptors are given back after every kind of request")
def _():
    limit = 40  # far fewer than there are requests
    with Handler(wrapper=["prlimit", f"--nofile={limit}:{limit}", "--"],
                 args=["-t", "4"]) as handler:
        spool = new_spool()
        parts = records(**endpoint(spool.path))
        forged = shipmondo.body(b"{}", "another key")
        for _ in range(100):
            statuses = [
                handler.request(BODY, **endpoint(spool.path)).status,
                handler.request(BODY, **endpoint("/nowhere/at/all")).status,
                handler.request(BODY, method="GET",
                                **endpoint(spool.path)).status,
                handler.request(forged, **signed_endpoint(spool.path)).status]
            eq("statuses", statuses, [200, 503, 405, 403])
            for data in (b"garbage" * 9, b"", *parts[:1], b"".join(parts[:6]),
                         b"".join(parts)):
                with Peer(handler) as peer:
                    peer.send(data)
        hasnt("log", handler.log(), "accept-failed")


# --- signals ----------------------------------------------------------------

STOPUNKNOWN = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)


@test("each stopping signal ends an idle process, exit 0")
def _():
    for number in STOPUNKNOWN:
        for calls in (0, 3):
            handler = Handler()
            for _ in range(calls):
                serves(handler)
            eq(f"exit status after {number.name}", handler.stop(number), 0)
            handler.down()


def switches(pid):
    """How often each thread but the main one has gone to sleep so far"""
    return {task: int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", read(
        f"/proc/{pid}/task/{task}/status"), re.M)[1])
            for task in os.listdir(f"/proc/{pid}/task") if task != str(pid)}


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def let_wait(handler, count):
    """Has that many threads wait for connections, and nothing else to do"""
    parts = records(**endpoint(new_spool().path))
    with contextlib.ExitStack() as open_:
        peers = [open_.enter_context(Peer(handler)) for _ in range(count)]
        for peer in peers:
            peer.send(parts[0]).taken()
        wait_for(lambda: threads(handler.pid) > count, f"{count} threads")
        for peer in peers:
            peer.send(*parts[1:])
            eq("status", peer.answer().status, 200)

    def still():
        before = switches(handler.pid)
        time.sleep(0.1)
        return before == switches(handler.pid)
    wait_for(still, "threads that wait")


@test("a connection wakes one thread, not all that wait")
def _():
    with Handler(args=["-t", "32"]) as handler:
        let_wait(handler, 24)
        before = switches(handler.pid)
        for _ in range(40):
            serves(handler)
            time.sleep(0.01)
        after = switches(handler.pid)
    # Who has just answered may not be back yet when the next one comes.
    woken = [task for task in after if after[task] != before.get(task)]
    ok(f"{len(woken)} of {len(after)} threads woken", len(woken) <= 3)


@test("a shortage of descriptors is said once, however many threads wait")
def _():
    spool = new_spool()
    parts = records(**endpoint(spool.path))
    with Handler(args=["-t", "32"]) as handler:
        let_wait(handler, 24)
        _, hard = resource.prlimit(handler.pid, resource.RLIMIT_NOFILE)
        idle = descriptors(handler.pid)
        for times in range(1, 6):
            # Who has just answered still closes what it had.
            wait_for(lambda: descriptors(handler.pid) == idle, "idle again")
            resource.prlimit(handler.pid, resource.RLIMIT_NOFILE,
                             (idle, hard))
            with Peer(handler) as peer:
                peer.send(*parts)
                wait_for(lambda: handler.log().count("accept-failed")
                         >= times, "word of it")
                time.sleep(0.3)  # some tries more
                resource.prlimit(handler.pid, resource.RLIMIT_NOFILE,
                                 (hard, hard))
                eq("status", peer.answer().status, 200)
            eq("said", handler.log().count("accept-failed"), times)
    eq("stored", len(spool.names("new")), 5)


@test("nobody waits for a peer that has its answer and does not close")
def _():
    spool = new_spool()
    parts = records(**endpoint(spool.path))
    with Handler(args=["-t", "1"]) as handler, contextlib.ExitStack() as open_:
        began = time.monotonic()
        for _ in range(20):
            peer = open_.enter_context(Peer(handler))
            peer.send(*parts)
            eq("status", peer.answer().status, 200)
        took = time.monotonic() - began
    # Two seconds for each would be 40.
    ok(f"20 calls on one thread took {took:.1f} s", took < 20)


@test("each stopping signal lets a request under way be finished")
def _():
    for number in STOPUNKNOWN:
        for sent in (1, 16, 100, 400):
            spool = new_spool()
            handler = Handler()
            parts = records(**endpoint(spool.path))
            with Peer(handler) as peer:
                data = b"".join(parts)
                peer.send(data[:sent]).taken()
                stops(handler, number)
                peer.send(data[sent:])
                eq(f"status, {number.name} after {sent} bytes",
                   peer.answer().status, 200)
            spool.one()
            eq("exit status", ended(handler), 0)
            handler.down()


def stops(handler, number):
    """Sends a signal; returns when the threads without a request ended."""
    before = threads(handler.pid)
    os.kill(handler.pid, number)
    wait_for(lambda: threads(handler.pid) < before, "end of idle threads")


@test("further signals are harmless while a request is finished")
def _():
    spool = new_spool()
    handler = Handler()
    parts = records(**endpoint(spool.path))
    with Peer(handler) as peer:
        peer.send(*parts[:5]).taken()
        stops(handler, signal.SIGTERM)
        for number in (*STOPUNKNOWN, signal.SIGPIPE):
            os.kill(handler.pid, number)
        ok("it is still there", handler.popen.poll() is None)
        peer.send(*parts[5:])
        eq("status", peer.answer().status, 200)
    spool.one()
    eq("exit status", ended(handler), 0)
    handler.down()


@test("a stalled peer does not keep the process longer than -w")
def _():
    handler = Handler(args=STALL)
    parts = records(**endpoint(new_spool().path))
    with Peer(handler) as peer, Peer(handler) as silent:
        peer.send(*parts[:6]).taken()
        silent.send(parts[0][:1]).taken()
        os.kill(handler.pid, signal.SIGTERM)
        eq("exit status", ended(handler, 40), 0)
    handler.down()


@test("SIGPIPE is harmless, sent or caused")
def _():
    with Handler() as handler:
        spool = new_spool()
        for _ in range(5):
            os.kill(handler.pid, signal.SIGPIPE)
            serves(handler)
        for _ in range(20):
            # Gone before the answer is written.
            with Peer(handler) as peer:
                peer.send(*records(**endpoint(spool.path)))
        wait_for(lambda: len(spool.names("new")) == 20, "20 messages")
        serves(handler)
        wait_for(lambda: len(request_log(handler.log())) == 26, "26 lines")
        ok("what could not be sent is said to be",
           all(line["status"] == "200" and line.get("answer", "unsent")
               == "unsent" for line in request_log(handler.log())))


@test("a listening socket that is shut down ends the process, not in silence")
def _():
    handler = Handler()
    for _ in range(3):
        serves(handler)
    handler.listener.shutdown(socket.SHUT_RDWR)
    eq("exit status", ended(handler), OSERR)
    ok("the log says so", events(handler, "listener-broken"))
    handler.down()


@test("a request under way is finished when the listening socket breaks")
def _():
    handler, spool = Handler(), new_spool()
    parts = records(**endpoint(spool.path))
    with Peer(handler) as peer:
        peer.send(*parts[:5]).taken()
        handler.listener.shutdown(socket.SHUT_RDWR)
        wait_for(lambda: events(handler, "listener-broken"), "line of the log")
        peer.send(*parts[5:])
        eq("status", peer.answer().status, 200)
    spool.one()
    eq("exit status", ended(handler), OSERR)
    handler.down()


@test("requests wait in the socket while no process is there")
def _():
    with Handler(start=False) as handler:
        spool = new_spool()
        parts = records(**endpoint(spool.path))
        with contextlib.ExitStack() as stack:
            peers = [stack.enter_context(Peer(handler).send(*parts))
                     for _ in range(50)]
            handler.start()
            for peer in peers:
                eq("status", peer.answer().status, 200)
                peer.close()
        eq("messages", len(spool.names("new")), 50)


@test("two processes on one socket share the requests")
def _():
    with Handler() as one:
        other = Handler(start=False)
        ours, other.listener = other.listener, one.listener
        other.start()
        other.socket = one.socket
        spool = new_spool()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: one.request(
                BODY, **endpoint(spool.path)).status, range(300)))
        eq("answers", set(answers), {200})
        eq("messages", len(spool.names("new")), 300)
        eq("exit status of one", one.stop(), 0)
        serves(other, spool)
        eq("exit status of the other", other.stop(), 0)
        other.listener = ours
        other.down()


class Load:
    """Calls on several threads until stopped; counts the answers."""

    def __init__(self, call, clients=8):
        self.call = call
        self.over = threading.Event()
        self.statuses = []
        self.threads = [threading.Thread(target=self._run, daemon=True)
                        for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def _run(self):
        while not self.over.is_set():
            try:
                status = self.call()
            except OSError as error:
                status = repr(error)
            self.statuses.append(status)

    def wait(self, count):
        wait_for(lambda: len(self.statuses) >= count, f"{count} answers")

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
        return self.statuses


def restarts(handler, load, spool, times=23):
    for number in range(times):
        load.wait(len(load.statuses) + 20)
        eq(f"exit status of restart {number}",
           handler.restart(STOPUNKNOWN[number % len(STOPUNKNOWN)]), 0)
    load.wait(len(load.statuses) + 20)
    statuses = load.stop()
    ok(f"{len(statuses)} calls are a load", len(statuses) > 20 * times)
    eq("answers that are not 200", [s for s in statuses if s != 200], [])
    eq("messages", len(spool.names("new")), len(statuses))
    eq("tmp", spool.names("tmp"), [])


@test("23 restarts under load lose nothing")
def _():
    with Handler() as handler:
        spool = new_spool()
        load = Load(lambda: handler.request(
            BODY, **endpoint(spool.path)).status)
        restarts(handler, load, spool)


@test("23 restarts under load lose nothing behind nginx")
def _():
    with Handler(user="www-data") as handler, \
            Nginx(handler, keys=[KEY]) as web:
        body = shipmondo.body(shipmondo.form_b(), KEY)
        head = (f"POST /webhook/shipmondo HTTP/1.1\r\nHost: hooks.example\r\n"
                f"Connection: close\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode()
        load = Load(lambda: web.raw(head + body).status)
        restarts(handler, load, web.spool("shipmondo"))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""test_quarantine - calls that do not verify, kept within bounds

Each bound is met at its edge, under both transports. CGI starts a process
for each call, so there all is counted from the files. A flood has one caller
or many; calls of a true sender with a wrong key are kept all the same, as long
as it does not have the whole of the room.
"""

import collections
import contextlib
import ctypes
import functools
import os
import subprocess
import threading
import time

import shipmondo
from fcgiclient import (KEY, OTHER_KEY, Way, new_spool, sanitized,
                        signed_endpoint)
from harness import (IS_ROOT, Handler, Spool, eq, folder, main, needs_root, ok,
                     test, wait_for)

SIGNED = shipmondo.body(shipmondo.form_b(), KEY)
FORGED = shipmondo.body(shipmondo.form_b(), OTHER_KEY)
BLOCK = 4096
OTHERS = tuple(f"198.51.100.{number}" for number in range(1, 250))


@functools.cache
def way(kind):
    return Way(kind)


def both(name):
    def register(function):
        for kind in ("fcgi", "cgi"):
            @test(f"{kind}: {name}")
            def _(kind=kind):
                function(way(kind), new_spool())
        return function
    return register


def call(handler, spool, remote, body=FORGED, **params):
    """The word that the log has for it"""
    got, line = handler.call(body, **signed_endpoint(
        spool.path, REMOTE_ADDR=remote, **params))
    eq("status", got.status, 400 if body == b"{}" else 403)
    eq("a file is named", "file" in line, line["quarantine"] == "kept")
    eq("tmp", spool.names("tmp"), [])
    eq("new", spool.names("new"), [])
    return line["quarantine"]


def outcomes(handler, spool, remotes, **params):
    return [call(handler, spool, remote, **params) for remote in remotes]


def holdings(spool):
    """How many files each caller has, by their names"""
    return collections.Counter(
        name.partition(",from=")[2].removesuffix(".json")
        for name in spool.names("quarantine"))


# --- the bounds -------------------------------------------------------------

@both("a full quarantine changes no answer")
def _(handler, spool):
    for params in ({"HOOKDIR_QUARANTINE_FILES": "6"},
                   {"HOOKDIR_QUARANTINE": str(6 * BLOCK)}):
        if "HOOKDIR_QUARANTINE" in params:
            spool = new_spool()
        eq("six and no more", outcomes(handler, spool, OTHERS[:8], **params),
           ["kept"] * 6 + ["full"] * 2)
        eq("files", len(spool.quarantine()), 6)
        got, line = handler.call(SIGNED, **signed_endpoint(
            spool.path, **params))
        eq("a good call", got.status, 200)
        ok("has no such word", "quarantine" not in line)
        os.unlink(spool.messages()[0].path)
        os.unlink(spool.quarantine()[0].path)
        wait_for(lambda params=params, spool=spool: call(
            handler, spool, OTHERS[9], **params) == "kept", "room")
        eq("a larger bound", call(
            handler, spool, OTHERS[10], HOOKDIR_QUARANTINE_FILES="7"), "kept")
        eq("a smaller one", call(
            handler, spool, OTHERS[11], HOOKDIR_QUARANTINE_FILES="3"), "full")


@both("one caller has a quarter, whatever it sends")
def _(handler, spool):
    params = {"HOOKDIR_QUARANTINE_FILES": "12"}
    eq("an address", outcomes(handler, spool, ["192.0.2.1"] * 4, **params),
       ["kept"] * 3 + ["caller-full"])
    eq("the same, mapped", call(
        handler, spool, "::ffff:192.0.2.1", b"{}", **params), "caller-full")
    eq("a network of 64 bits", outcomes(
        handler, spool, [f"2001:db8::{n}" for n in range(4)], **params),
       ["kept"] * 3 + ["caller-full"])
    eq("the next network", call(
        handler, spool, "2001:db8:0:1::1", **params), "kept")
    eq("none that is known", outcomes(
        handler, spool, ["", None, "unix:", "a b"], **params),
       ["kept"] * 3 + ["caller-full"])
    eq("who has how many", holdings(spool), {
        "192.0.2.1": 3, "2001-db8-0-0": 3, "2001-db8-0-1": 1, "unknown": 3})
    spool = new_spool()
    params = {"HOOKDIR_QUARANTINE": str(16 * BLOCK)}
    eq("in blocks", outcomes(handler, spool, ["192.0.2.1"] * 5, **params),
       ["kept"] * 4 + ["caller-full"])
    large = shipmondo.body(shipmondo.form_b(), OTHER_KEY) + b" " * 4 * BLOCK
    eq("a large call", call(handler, spool, "192.0.2.2", large, **params),
       "caller-full")


@both("half is for calls in the sender's form")
def _(handler, spool):
    params = {"HOOKDIR_QUARANTINE_FILES": "8"}
    eq("without it", outcomes(
        handler, spool, OTHERS[:5], body=b"{}", **params),
       ["kept"] * 4 + ["form-full"])
    eq("with it", outcomes(handler, spool, OTHERS[5:10], **params),
       ["kept"] * 4 + ["full"])
    names = spool.names("quarantine")
    eq("names that say so", sum(",full,from=" in name for name in names), 4)


@both("a quarantine that is turned off keeps nothing")
def _(handler, spool):
    for name in ("HOOKDIR_QUARANTINE", "HOOKDIR_QUARANTINE_FILES"):
        eq(name, call(handler, spool, "192.0.2.1", **{name: "0"}), "off")
        ok("no spool is made", not os.path.exists(spool.path))


@both("a quarantine that cannot be used changes no answer")
def _(handler, spool):
    os.makedirs(spool.path)
    with open(os.path.join(spool.path, "quarantine"), "wb"):
        pass
    got, line = handler.call(FORGED, **signed_endpoint(spool.path))
    eq("status", got.status, 403)
    eq("quarantine", line["quarantine"], "failed")
    ok("keeping says why", line["keeping"])
    eq("new", spool.names("new"), [])


# --- the room of the file system --------------------------------------------

def mount(*words):
    subprocess.run(["mount", *words], check=True)


@functools.cache
def own_mounts():
    """Seen by this process and its children alone"""
    needs_root()
    eq("unshare", ctypes.CDLL(None).unshare(0x00020000), 0)  # CLONE_NEWNS
    mount("--make-rprivate", "/")


@contextlib.contextmanager
def memory_disk(options):
    own_mounts()
    place = folder("disk", 0o755)
    mount("-t", "tmpfs", "-o", f"mode=0777,{options}", "none", place)
    try:
        yield place, Spool(os.path.join(place, "spool"))
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@test("what the file system has left is for messages that verify")
def _():
    for options, left in (("size=64m,nr_inodes=200", "f_favail"),
                          ("size=1m", "f_bavail")):
        with memory_disk(options) as (place, spool), Handler() as handler:
            for remote in OTHERS:
                got = handler.request(FORGED, **signed_endpoint(
                    spool.path, REMOTE_ADDR=remote))
                eq("status", got.status, 403)
            ok("it was not kept for want of room",
               "quarantine=disk-low" in handler.log())
            vfs = os.statvfs(place)
            whole = vfs.f_files if left == "f_favail" else vfs.f_blocks
            rest = getattr(vfs, left)
            ok(f"{options}: {rest} of {whole} are left",
               whole // 10 <= rest < whole // 10 + 4)
            ok("some were kept", len(spool.names("quarantine")) > 50)
            for _ in range(4):
                eq("a good call", handler.request(SIGNED, **signed_endpoint(
                    spool.path)).status, 200)


# --- floods -----------------------------------------------------------------

class Flood:
    """Rejected calls from so many connections at once"""

    def __init__(self, handler, calls, **params):
        self.handler, self.calls, self.params = handler, calls, params
        self.done, self.count = threading.Event(), 0
        self.lanes = [threading.Thread(target=self._lane, args=[number])
                      for number in range(len(calls))]

    def _lane(self, number):
        remotes, body = self.calls[number]
        count = 0
        while not self.done.is_set():
            self.handler.request(body, **{
                **self.params, "REMOTE_ADDR": remotes[count % len(remotes)]})
            count += 1
        self.count += count

    def __enter__(self):
        for lane in self.lanes:
            lane.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        for lane in self.lanes:
            lane.join()


@test("a flood leaves room for the calls of a true sender with a wrong key")
def _():
    spool, files = new_spool(), 400
    params = signed_endpoint(spool.path, HOOKDIR_QUARANTINE_FILES=str(files))
    calls = [(["192.0.2.1"], FORGED)] * 6 + [(OTHERS, b"{}")] * 6
    with Handler() as handler:
        def kept(count):
            """So many calls of a true sender, and all of them kept"""
            before = holdings(spool)["203.0.113.9"]
            for _ in range(count):
                eq("status", handler.request(FORGED, **{
                    **params, "REMOTE_ADDR": "203.0.113.9"}).status, 403)
                time.sleep(0.03)
            eq("kept of them", holdings(spool)["203.0.113.9"] - before, count)

        handler.request(FORGED, **{**params, "REMOTE_ADDR": OTHERS[0]})
        with Flood(handler, calls, **params) as flood:
            kept(20)
            wait_for(lambda: holdings(spool)["192.0.2.1"] == files // 4,
                     "end of the share of one")
            wait_for(lambda: sum(",full," not in name for name in spool.names(
                "quarantine")) == files // 2, "end of the half without form")
            kept(40)
            good = [handler.request(SIGNED, **signed_endpoint(
                spool.path)).status for _ in range(20)]
            eq("good calls", set(good), {200})
        kept(30)
        print(f"# {flood.count} calls in the flood", flush=True)
        ok("the flood was one", flood.count > files)
        eq("of the flood", holdings(spool)["192.0.2.1"], files // 4)
        names = spool.names("quarantine")
        eq("without form", sum(",full," not in n for n in names), files // 2)
        ok(f"{len(names)} files", len(names) <= files)


@test("more quarantines than 64 at once, each by itself")
def _():
    spools = [new_spool() for _ in range(70)]
    with Handler() as handler:
        for count in range(3):
            for spool in spools:
                handler.request(FORGED, **signed_endpoint(
                    spool.path, HOOKDIR_QUARANTINE_FILES="2",
                    REMOTE_ADDR=OTHERS[count]))
        for spool in spools:
            eq("kept", len(spool.names("quarantine")), 2)


@test("16 callers at once do not overfill the quarantine")
def _():
    spool = new_spool()
    params = signed_endpoint(spool.path, HOOKDIR_QUARANTINE_FILES="80")
    calls = [([remote], FORGED) for remote in OTHERS[:16]]
    with Handler() as handler:
        with Flood(handler, calls, **params):
            wait_for(lambda: len(spool.names("quarantine")) >= 80, "flood")
            time.sleep(0.5)
        eq("kept", len(spool.names("quarantine")), 80)
        eq("tmp", spool.names("tmp"), [])


@test("a full quarantine of many files costs no count a call")
def _():
    spool = new_spool()
    params = signed_endpoint(spool.path, HOOKDIR_QUARANTINE_FILES="1000")
    place = os.path.join(spool.path, "quarantine")
    os.makedirs(place)
    for number in range(20000):
        with open(os.path.join(place, f"{number}.json"), "wb"):
            pass
    old = time.time() - 3600
    os.utime(place, (old, old))
    if IS_ROOT:
        os.chmod(spool.path, 0o777)
    with Handler() as handler:
        start = time.monotonic()
        handler.request(FORGED, **params)
        first = time.monotonic() - start
        start = time.monotonic()
        for _ in range(500):
            handler.request(FORGED, **params)
        each = (time.monotonic() - start) / 500
        print(f"# the first {first * 1000:.1f} ms, the others "
              f"{each * 1000:.2f} ms", flush=True)
        eq("words", set(handler.log().split("quarantine=")[1:][0].split()[:1]),
           {"full"})
        if not sanitized():
            ok("a call does not count", each < first)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""test_fetch_faults - hookdir fetch on a machine that fails it

A disk that is full, too few descriptors, and kill -9 at any system call. No
event is lost, and no event names a document that is not whole.
"""

import contextlib
import glob
import hashlib
import os
import resource
import subprocess
import time

import harness
from disks import EXT4, Disk
from fetching import AGAIN, CONFIG, OK, TOOL, authority, by_id, dump
from fetch_scene import scene
from fetching import event_with, notified, site
from harness import eq, has, main, ok, test, write


def whole(out):
    """Each event's document is there, and is what the event says."""
    named = set()
    for event in out.documents():
        blob = out.bytes(event["dataref"])
        eq("sha256", event["datasha256"], hashlib.sha256(blob).hexdigest())
        named.add(os.path.basename(event["dataref"]))
    return named


def fill(path):
    """Until no byte more fits"""
    with open(path, "wb") as file, contextlib.suppress(OSError):
        while True:
            os.write(file.fileno(), b"x" * 65536)
    with open(path, "ab") as file, contextlib.suppress(OSError):
        while True:
            os.write(file.fileno(), b"x")


# --- a full disk ------------------------------------------------------------

@test("a full disk: links to messages that are gone make room")
@site()
def _(api, out):
    api.document("d1", b"x" * 900000)
    with Disk(8 << 20, *EXT4) as disk:
        out.path = disk.spool
        eq("exit", out.fetch(notified(subject="none")).code, 65)
        os.mkdir(os.path.join(out.path, "seen"))
        for number in range(200):
            write(os.path.join(out.path, "seen", f"{number:064x}"),
                  "x" * 20000)
        fill(os.path.join(disk.place, "other"))
        got = out.fetch(by_id("d1"))
        eq("exit", (got.code, got.stderr), (OK, ""))
        eq("documents", len(whole(out)), 1)


@test("a full disk: 75 and no try is counted; with room all is delivered")
@site()
def _(api, out):
    api.document("d1", b"x" * 1000)
    api.document("d2", b"y" * 900000)
    event = event_with([{"objectId": "d1"}, {"objectId": "d2"}])
    with Disk(8 << 20, *EXT4) as disk:
        out.path = disk.spool
        eq("exit", out.fetch(notified(subject="none")).code, 65)
        other = os.path.join(disk.place, "other")
        fill(other)
        os.truncate(other, os.path.getsize(other) - 300000)
        for _ in range(4):
            got = out.fetch(event, "--document-retries", "2")
            eq("exit", got.code, AGAIN)
            has("stderr", got.stderr, "No space left on device; nothing was "
                "delivered: make room in the spool's file system")
            out.nothing_delivered(kept=1)
        os.unlink(other)
        eq("exit", out.fetch(event, "--document-retries", "2").code, OK)
        eq("documents", len(whole(out)), 2)
    eq("d1 was asked for once", len(api.asked("/presigned/d1")), 1)


# --- few descriptors --------------------------------------------------------

@test("few descriptors: again later with the reason, or all of it")
@site()
def _(api, out):
    api.document("d1", b"x" * 1000)
    api.document("d2", b"y" * 1000)
    event = event_with([{"objectId": "d1"}, {"objectId": "d2"}])
    codes = []
    for most in range(4, 40, 3):
        got = out.fetch(event, "--document-retries", "1",
                        preexec_fn=lambda most=most: resource.setrlimit(
                            resource.RLIMIT_NOFILE, (most, most)))
        codes.append(got.code)
        if got.code == OK:
            break
        eq(f"{most} descriptors", got.code, AGAIN)
        has("stderr", got.stderr, "ulimit -n: Too many open files")
    eq("in the end", codes[-1], OK)
    ok(f"first {codes}", len(codes) > 3)
    eq("documents", len(whole(out)), 2)


# --- kill -9 ----------------------------------------------------------------

def killed_at(out, path, call, number):
    """Was it killed there? False: it came to its end."""
    environment = out.environment()
    # The leak sanitizer cannot look in while strace does.
    environment["ASAN_OPTIONS"] += ":detect_leaks=0"
    done = subprocess.run(
        ["strace", "-f", "-qq", "-o", os.path.join(out.folder, "trace"), "-e", f"trace={call}",
         "-e", f"inject={call}:signal=KILL:when={number}",
         *out.command(out.path, path)], capture_output=True, check=False,
        env=environment, cwd=out.folder, timeout=60)
    if done.returncode not in (OK, -9, 137):
        harness.fail(f"{call} {number}: {done.returncode} {done.stderr}")
    return done.returncode != OK


def age(out, hours):
    """Its documents were delivered so long ago."""
    then = time.time() - hours * 3600
    for name in glob.glob(os.path.join(out.path, "documents", "*")):
        os.utime(name, (then, then))


# What changes the file system, on the way from the answer to new/
CHANGES = ("write,writev,pwrite64", "renameat,renameat2,rename",
           "fsync,fdatasync", "unlinkat", "utimensat")


@test("kill -9 at any call that changes a file: no event without its document")
@site()
def _(api, out):
    api.document("d1", b"x" * 1000)
    event = event_with([{"objectId": "d1"}])
    path = write(os.path.join(out.folder, "killed.json"), dump(event))
    # The first one logs in and makes the spool.
    eq("exit", out.fetch(notified(subject="none"), "--rate", "1000").code, 65)
    made, kills = out.path, 0
    for call in CHANGES:
        for number in range(1, 60):
            out.path = os.path.join(out.folder, f"{call[:5]}-{number}")
            subprocess.run(["cp", "-a", made, out.path], check=True)
            if not killed_at(out, path, call, number):
                break
            kills += 1
            named = whole(out)
            orphans = set(out.list("documents")) - named
            ok(f"{call} {number}: one orphan at most", len(orphans) <= 1)
            # Then it is delivered, once more at the worst ...
            eq("exit", out.fetch(event, "--rate", "1000").code, OK)
            ok("delivered", whole(out))
            # ... and what no event names goes; tmp/ is swept by its age.
            age(out, 37)
            done = subprocess.run(
                [TOOL, "expire", "--older-than=1h", out.path],
                capture_output=True, check=False)
            eq("expire", done.returncode, OK)
            eq("documents/", set(out.list("documents")), whole(out))
        ok(f"{call}: it came to its end", number < 59)
    ok(f"{kills} kills", kills > 15)


# --- hosts ------------------------------------------------------------------

@test("dead, slow, lying and redirecting hosts: each order once, in order, "
      "each document whole or marked")
def _():
    print("#", scene(54))


# --- what is said -----------------------------------------------------------

@test("errors name the thing, the fault and what to do")
@site()
def _(api, out):
    def said(code, *words, event=None):
        got = out.fetch(event or notified())
        eq(words[0], (got.code, got.stderr.count("\n")), (code, 1))
        for word in words:
            has("stderr", got.stderr, word)
    api.password = "another"
    said(CONFIG, api.base + "/v2/authentication/login", "status 401",
         out.settings["username"], "check username, password")
    api.password = out.settings["password"]
    said(65, "/v2/order/42", "status 404", "may not read it")
    api.answer("/v2/order/42", 429)
    said(AGAIN, "/v2/order/42", "status 429", "--rate")
    api.answer("/v2/order/42", 302, headers=[("Location", "/x")])
    said(AGAIN, "status 302", "redirect", "is base right?")
    api.answer("/v2/order/42", 200, b"<html>")
    said(AGAIN, "/v2/order/42", "the answer is not JSON")
    said(65, "subject", "letters, digits", event=notified(subject="a/b"))
    out.configure(ca=None)
    said(AGAIN, "127.0.0.1", "certificate does not verify",
         "unknown authority")
    out.configure(ca="/no/such/file")
    said(CONFIG, out.config, "/no/such/file", "No such file")
    out.configure(ca=authority().file, username=None)
    said(CONFIG, out.config, 'add a line "username = ..."')
    out.configure(username="x", colour="red")
    said(CONFIG, out.config + ":", "the name is unknown",
         "base, username, password and ca")
    os.chmod(out.config, 0o644)
    said(CONFIG, out.config, "chmod o=")
    out.config += ".none"
    said(CONFIG, out.config, "cannot read", "--config", "No such file")


if __name__ == "__main__":
    main()

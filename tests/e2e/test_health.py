# SPDX-License-Identifier: MIT
"""test_health - HOOKDIR_ROLE health, through nginx and Apache"""

import concurrent.futures
import os
import subprocess
import time

from harness import (Apache, Cgi, Handler, Nginx, eq, folder, has, hasnt, main,
                     needs_root, ok, read, test, wait_for)

PATH = "/webhook/health"
KEY = "a key of more than thirty-two bytes"
HEALTHY = {"status": "healthy"}


def site(kind, handler, **options):
    return kind(handler, "hookdir.conf", keys=[KEY],
                also=["hookdir-health.conf"], **options)


def ask(web, method="GET", path=PATH):
    return web.request(path, method)


def request(handler, spool, **more):
    return handler.request(method="GET", path=PATH, HOOKDIR_ROLE="health",
                           HOOKDIR_SPOOL=spool, **more)


def later(web, status):
    """The status that it comes to when the shared result is old."""
    wait_for(lambda: ask(web).status == status, f"status {status}")
    return ask(web)


for made in (Nginx, Apache):
    @test(f"{made.kind}: 200 while a message could be stored, else 503")
    def _(made=made):
        with Handler() as handler, site(made, handler) as web:
            got = ask(web)
            eq("answer", (got.status, got.json()), (200, HEALTHY))
            eq("HEAD", ask(web, "HEAD").status, 200)
            eq("left", web.spool("shipmondo").files(), [])
            eq("POST", ask(web, "POST").status, 405)
            eq("Allow", ask(web, "POST").header("Allow"), "GET, HEAD")
            hasnt("lines of healthy calls", handler.log(), "status=200")
            new = web.spool("shipmondo").path + "/new"
            os.rmdir(new)
            with open(new, "wb"):
                pass
            got = later(web, 503)
            eq("rule", got.rule(), "system-error")
            ok("Retry-After", got.header("Retry-After"))
            hasnt("answer", got.body.decode(), web.spools)
            wait_for(lambda: "Not a directory" in handler.log(), "line")
            os.unlink(new)
            eq("mended", later(web, 200).json(), HEALTHY)
            handler.down()
            got = ask(web)
            eq("no handler", got.status, 503)
            ok("Retry-After", got.header("Retry-After"))

    @test(f"{made.kind}: only the addresses of the sample may ask")
    def _(made=made):
        edits = {Nginx: {"allow 127.0.0.1;": "allow 192.0.2.10;"},
                 Apache: {"ip 127.0.0.1 ::1": "ip 192.0.2.10"}}[made]
        with Handler() as handler, site(made, handler, edits=edits) as web:
            eq("another address", ask(web).status, 403)
            ok("no spool", not os.path.exists(web.spool("shipmondo").path))


@test("a full file system is a 503, and room again a 200")
def _():
    needs_root()
    place = folder("small", 0o777)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=777", "none",
                    place], check=True)
    try:
        with Handler() as handler:
            spool = place + "/spool"
            eq("room", request(handler, spool).status, 200)
            with open(place + "/full", "wb", buffering=0) as file:
                try:
                    while file.write(b"x" * 4096):
                        pass
                except OSError:
                    pass
            wait_for(lambda: request(handler, spool).status == 503,
                     "503")
            wait_for(lambda: "No space left on device" in handler.log(), "line")
            os.unlink(place + "/full")
            wait_for(lambda: request(handler, spool).status == 200,
                     "200")
    finally:
        subprocess.run(["umount", place], check=True)


@test("all callers share one check a second")
def _():
    with Handler() as handler:
        spool = folder("shared", 0o777) + "/spool"
        request(handler, spool)
        trace = folder("trace") + "/trace"
        with subprocess.Popen(
                ["strace", "-f", "-qq", "-e", "trace=unlinkat", "-o", trace,
                 "-p", str(handler.pid)], stderr=subprocess.DEVNULL) as strace:
            wait_for(lambda: "TracerPid:\t0\n" not in read(
                f"/proc/{handler.pid}/status"), "strace")
            began = time.monotonic()
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                got = list(pool.map(
                    lambda _: request(handler, spool).status,
                    range(300)))
            took = time.monotonic() - began
            strace.terminate()
        eq("answers", set(got), {200})
        checks = read(trace).count("unlinkat(")
        ok(f"{checks} checks in {took:.1f} s", checks <= took + 1)


def check_hanging(handler, spool):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        first = pool.submit(request, handler, spool)
        time.sleep(0.5)  # it is this one that checks
        wait_for(lambda: request(handler, spool).status == 503, "503")
        wait_for(lambda: "is not flushed after 2 s" in handler.log(), "line")
        eq("others", {request(handler, spool).status for _ in range(9)},
           {503})
        ok("the first one hangs", not first.done())
        eq("in the end", first.result().status, 200)


@test("a check that does not end holds one thread, and is a 503 for others")
def _():
    with Handler() as handler:
        spool = folder("hangs", 0o777) + "/spool"
        eq("before", request(handler, spool).status, 200)
        with subprocess.Popen(
                ["strace", "-f", "-qq", "-o", "/dev/null", "-e",
                 "trace=fsync,fdatasync", "-e",
                 "inject=fsync,fdatasync:delay_enter=6000000:when=1",
                 "-p", str(handler.pid)], stderr=subprocess.DEVNULL) as strace:
            wait_for(lambda: "TracerPid:\t0\n" not in read(
                f"/proc/{handler.pid}/status"), "strace")
            time.sleep(1.1)  # the shared result is older than a second
            try:
                check_hanging(handler, spool)
            finally:
                strace.terminate()
        wait_for(lambda: request(handler, spool).status == 200, "200")


@test("CGI: each call checks")
def _():
    cgi = Cgi()
    spool = folder("cgi", 0o777) + "/spool"
    got = request(cgi, spool)
    eq("answer", (got.status, got.json()), (200, HEALTHY))
    os.rmdir(spool + "/new")
    eq("at once", request(cgi, spool, HOOKDIR_CREATE="no").status, 503)


@test("a spool that must be there and is not is a 503, and is not made")
def _():
    with Handler() as handler:
        spool = folder("must", 0o777) + "/spool"
        got = request(handler, spool, HOOKDIR_CREATE="no")
        eq("answer", (got.status, got.rule()), (503, "system-error"))
        ok("not made", not os.path.exists(spool))


@test("what only another role needs is a 503 that names it")
def _():
    with Handler() as handler:
        spool = folder("roles", 0o777) + "/spool"
        for name, value in (("KEY", KEY), ("AUTH", "none"),
                            ("TOKEN_KEY", KEY), ("CLIENT_ID", "me")):
            got = request(handler, spool, **{f"HOOKDIR_{name}": value})
            eq(name, (got.status, got.rule()), (503, "misconfigured"))
            wait_for(lambda: f"HOOKDIR_{name}: " in handler.log(), name)
        eq("no spool", request(handler, None).status, 503)
        ok("not made", not os.path.exists(spool))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""fetch_scene - Tradecloud events whose documents are on hosts of all kinds

    scene(60)   # that many events; returns what to print

hookdir run --in-order with eight jobs gives each event to hookdir fetch. The
hosts are dead, slow, lying and redirecting, and some are sound. Every event
must be delivered once, in the order of its subject, with each document whole
or marked, and no address may be tried more often than --document-retries says.
"""

import collections
import hashlib
import os
import subprocess
import time

import harness
from fetching import FILES, Site, TOOL, authority, dump
from harness import eq, folder, ok, write
from tradecloud_api import Api

TRIES = 2
SUBJECTS = 7
CODE = "com.tradecloud1.order"


def blob(number):
    return f"document {number} ".encode() * (1 + number % 5000)


def part(request, head, body):
    """An answer that breaks off"""
    handler = request.handler
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body)
    handler.wfile.flush()
    handler.close_connection = True


def trickle(request, _):
    handler = request.handler
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
    handler.close_connection = True
    for _ in range(30):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.1)


def close(request, _):
    request.handler.close_connection = True


def hang(request, _):
    request.handler.server.api.hang(request)


def answer(status, to=None):
    def script(request, number):
        headers = [("Location", to.format(number))] if to else []
        request.answer(status, b"", headers)
    return script


GOOD = "https://files.example/good/{}"
# What the server does for a path /KIND/NUMBER, and whether a document comes.
KINDS = {
    "good": (lambda r, n: r.answer(200, blob(n)), True),
    "moved": (answer(302, GOOD), True),
    "relative": (answer(307, "/good/{}"), True),
    "unknown": (None, False),
    "closes": (close, False),
    "hangs": (hang, False),
    "trickles": (trickle, False),
    "short": (lambda r, n: part(r, b"Content-Length: 1000", b"x" * 500),
              False),
    "endless": (lambda r, n: part(r, b"Connection: close", b"x" * 500),
                False),
    "chunk": (lambda r, n: part(r, b"Transfer-Encoding: chunked",
                                b"5\r\nhello\r\n5\r\nhe"), False),
    "huge": (lambda r, n: part(r, b"Content-Length: 999999999999", b"x"),
             False),
    "garbage": (lambda r, n: r.handler.wfile.write(b"no HTTP\r\n\r\n"),
                False),
    "loop": (answer(302, "https://files.example/loop/{}"), False),
    "nowhere": (answer(302), False),
    "plain": (answer(302, "http://files.example/good/{}"), False),
    "inside": (answer(302, "https://10.0.0.1/good/{}"), False),
    "missing": (answer(404), False),
    "broken": (answer(503), False),
}


class Scripts(dict):
    """A script for each /KIND/NUMBER, beside those of the API"""

    def get(self, path, default=None):
        kind, _, number = path.strip("/").partition("/")
        if kind in KINDS and number.isdigit():
            return lambda request: KINDS[kind][0](request, int(number))
        return super().get(path, default)


def kind_of(number):
    return list(KINDS)[number % len(KINDS)]


def event(number):
    kind = kind_of(number)
    host = "dead.example" if kind == "unknown" else "files.example"
    documents = [{"objectId": f"own-{number}"},
                 {"url": f"https://{host}/{kind}/{number}"}]
    return {"specversion": "1.0", "id": f"event-{number}",
            "source": "https://shop.example/webhook", "type": CODE,
            "subject": str(number % SUBJECTS), "sender": "tradecloud",
            "datacontenttype": "application/json",
            "data": {"orderEvent": {"number": number,
                                    "documents": documents}}}


def put_all(spool, count):
    for name in ("tmp", "new", "cur", "failed"):
        os.mkdir(os.path.join(spool, name))
    for number in range(count):
        write(os.path.join(spool, "new", f"17952927{number:05}.M1P1Q1.h.json"),
              dump(event(number)))


def fetch_all(out, spool):
    environment = out.environment()
    settings = [f"{name}={value}" for name, value in environment.items()
                if name.startswith(("LD_", "SHIM_", "ASAN_"))]
    return subprocess.run(
        [TOOL, "run", "--in-order", "--until-empty", "--jobs", "8",
         "--backoff", "1s:1s", "--timeout", "1m", spool, "--",
         "env", *settings,
         *out.command("--rate", "1000", "--timeout", "1", "--document-retries",
                      str(TRIES), "--allow-host", "files.example",
                      "--allow-host", "dead.example", out.path)],
        capture_output=True, check=False, env=environment, cwd=out.folder)


def check_document(out, found, number, whole):
    if whole:
        data = out.bytes(found["dataref"])
        eq(f"{number}: document", data, blob(number))
        eq(f"{number}: sha256", found["datasha256"],
           hashlib.sha256(data).hexdigest())
    else:
        ok(f"{number}: no document", "dataref" not in found)
        ok(f"{number}: why", found["dataerror"])


def check_delivered(out, count):
    events = out.events()
    orders = [e["data"]["orderEvent"]["number"] for e in events
              if e["type"] == CODE]
    eq("orders, each once", sorted(orders), list(range(count)))
    for subject in range(SUBJECTS):
        mine = [n for n in orders if n % SUBJECTS == subject]
        eq(f"in order, {subject}", mine, sorted(mine))
    documents = collections.defaultdict(list)
    for document in out.documents():
        documents[document["causationid"]].append(document)
    for number in range(count):
        mine = documents[f"event-{number}"]
        eq(f"{number}: documents", len(mine), 2)
        for found in mine:
            by_id = "subject" in found
            check_document(out, found, number,
                           by_id or KINDS[kind_of(number)][1])
    eq("documents/ holds no other", len(out.list("documents")),
       sum("dataref" in d for d in out.documents()))
    eq("left in tmp/", out.list("tmp"), [])


def check_bounds(api, count):
    """How often an address was asked for, redirects to it included"""
    asked = collections.Counter(api.paths())
    for number in range(count):
        kind = kind_of(number)
        hops = 4 if kind == "loop" else 1
        path = f"/{kind}/{number}"
        ok(f"{path}: {asked[path]} times", asked[path] <= TRIES * hops)
        eq(f"own {number}", asked[f"/presigned/own-{number}"], 1)


def scene(count):
    with Api(authority()) as api:
        api.scripts = Scripts()
        out = Site(api)
        out.names = dict(FILES)
        for number in range(count):
            api.document(f"own-{number}", blob(number))
        spool = folder("in")
        put_all(spool, count)
        start = time.monotonic()
        done = fetch_all(out, spool)
        took = time.monotonic() - start
        eq("hookdir run", done.returncode, 0)
        for state in ("new", "cur", "failed"):
            left = [name for name in os.listdir(os.path.join(spool, state))
                    if name != ".lock"]
            eq(f"left in {state}/", left, [])
        check_delivered(out, count)
        check_bounds(api, count)
        if harness.SANITIZER.search(done.stderr.decode()):
            harness.fail(f"a sanitizer's report: {done.stderr}")
        return f"{count} events in {took:.1f} s"

# SPDX-License-Identifier: MIT
"""test_fetch - hookdir fetch against an API server of our own

See fetching for what it runs against.
"""

import contextlib
import errno
import hashlib
import json
import os
import resource
import signal
import socket
import stat
import subprocess
import time

import harness
from fetching import AGAIN, CONFIG, DATA, NOINPUT, OK, PYTHON
from fetching import SHIPMENT, Site, TOOL, USAGE, authority, by_id, by_url
from fetching import dump, event_with, notified, other_authority
from fetching import shim_environment, site
from harness import eq, folder, has, hasnt, main, ok, read, test, wait_for
from harness import write
from tradecloud_api import Api, PASSWORD, USERNAME

# Nothing that is parsed and written again survives this as it is.
ODD = ('{"id":"42", "price" : 1.10,"big":123456789012345678901234567890,'
       '"twice":1,"twice":2,"text":"N\\u00f8rresundby \\/ \\ud83d",'
       '"nul":"\\u0000"}').encode()


def refused(got, where, why):
    """One document was refused, and its event says why."""
    eq("exit", (got.code, got.stderr if got.code else ""), (OK, ""))
    document, = where.documents()
    has("dataerror", document["dataerror"], why)
    ok("no dataref", "dataref" not in document)
    ok("no datasha256", "datasha256" not in document)
    has("stderr", got.stderr, why)
    eq("lines of stderr", got.stderr.count("\n"), 1)
    eq("documents/", where.list("documents"), [])
    eq("tmp/", where.list("tmp"), [])
    eq("events", len(where.list("new")), 2)
    return document


# --- the ground that the tests stand on -------------------------------------

PROBE = """
import socket
for target in [("93.184.216.35", 443), ("10.1.2.3", 80),
               ("::ffff:10.1.2.3", 1)]:
    family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
    try:
        socket.socket(family, socket.SOCK_STREAM).connect(target)
        print("connected")
    except OSError as error:
        print(error.errno)
try:
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.sendto(b"x", ("9.9.9.9", 53))
    print("sent")
except OSError as error:
    print(error.errno)
for name in ["localhost", "known.example", "unknown.example"]:
    try:
        print(socket.getaddrinfo(name, 443)[0][4][0])
    except socket.gaierror:
        print("none")
"""


@test("the shim keeps everything here")
def _():
    log = os.path.join(folder("probe"), "log")
    environment = shim_environment(
        log, 9, {"known.example": "93.184.216.34"})
    got = subprocess.run([PYTHON, "-c", PROBE], env=environment, text=True,
                         capture_output=True, check=True).stdout.split()
    none = str(errno.ENETUNREACH)
    eq("answers", got, [none] * 4 + ["none", "93.184.216.34", "none"])
    lines = read(log).splitlines()
    for line in ("loaded", "connect 93.184.216.35 443", "connect 10.1.2.3 80",
                 "send 9.9.9.9 53", "resolve localhost"):
        has("log", lines, line)


# --- notifications ----------------------------------------------------------

@test("a notification becomes the order, byte for byte")
@site()
def _(api, out):
    api.orders["42"] = ODD
    got = out.fetch(notified())
    eq("fetch", (got.code, got.stdout, got.stderr), (OK, "", ""))
    name, = out.list("new")
    raw = out.bytes("new", name)
    has("the data", raw, b',"data":' + ODD + b"}\n")
    event = json.loads(raw)
    want = {"specversion": "1.0", "id": "notice-1",
            "source": f"{api.base}/v2/order/42",
            "type": "com.tradecloud1.order.fetched", "subject": "42",
            "datacontenttype": "application/json", "sender": "tradecloud",
            "causedby": "https://shop.example/webhook",
            "causationid": "notice-1"}
    for key, value in want.items():
        eq(key, event[key], value)
    ok("time", event["time"].endswith("Z"))
    eq("asked", api.paths(), ["/v2/authentication/login", "/v2/order/42"])
    eq("tmp/", out.list("tmp"), [])


@test("a notification becomes the shipment")
@site()
def _(api, out):
    api.shipments["s-1"] = b' {"id":"s-1"}\n'
    eq("exit", out.fetch(notified(SHIPMENT, "s-1")).code, OK)
    event, = out.events()
    eq("type", event["type"], "com.tradecloud1.shipment.fetched")
    eq("source", event["source"], f"{api.base}/v2/shipment/s-1")
    eq("data", event["data"], {"id": "s-1"})


@test("the documents of an order that was fetched come with it")
@site()
def _(api, out):
    api.orders["42"] = b'{"lines":[{"documents":[{"objectId":"d1"}]}]}'
    api.document("d1", b"one")
    eq("exit", out.fetch(notified()).code, OK)
    eq("types", [event["type"] for event in out.events()],
       ["com.tradecloud1.order.fetched", "com.tradecloud1.document.fetched"])
    eq("caused by", out.documents()[0]["causationid"], "notice-1")


@test("a subject that is no id is never asked for")
@site()
def _(api, out):
    for subject in ("", "..", "../user", "a/b", "a?b", "a#b", "a b", "a%2fb",
                    "a\\b", "\u00e9", "x\u0000", "x" * 257, ".hidden"):
        got = out.fetch(notified(subject=subject))
        eq(repr(subject), got.code, DATA)
    eq("asked", api.paths(), [])
    out.nothing_delivered()


@test("every other event is passed on, byte for byte")
@site()
def _(api, out):
    event = (b'{"id":"1","id":"e-1", "specversion":"1.0",\n"n":1.10,'
             b'"type":"x","data":' + ODD + b' }\n\n')
    got = out.fetch(event)
    eq("fetch", (got.code, got.stderr), (OK, ""))
    name, = out.list("new")
    eq("bytes", out.bytes("new", name), event)
    eq("asked", got.targets, [])
    eq("mode", stat.S_IMODE(os.stat(os.path.join(
        out.path, "new", name)).st_mode) & 0o007, 0)


@test("events without data, with text and with base64 are passed on")
@site()
def _(api, out):
    for number, more in enumerate([
            "", ',"data":"{\\"documents\\":[{\\"objectId\\":\\"d1\\"}]}"',
            ',"data_base64":"AAEC"', ',"data":null', ',"data":{"documents":0}',
            ',"data":{"documents":[null,1,"x",[],{},{"objectId":null},'
            '{"objectId":""},{"url":""},{"url":7}]}',
            ',"data":[{"a":"documents"},["documents",{"objectId":"d1"}]]']):
        event = f'{{"id":"{number}","type":"t"{more}}}'.encode()
        eq(more, out.fetch(event).code, OK)
        has("events", [out.bytes("new", name) for name in out.list("new")],
            event)
    eq("asked", api.paths(), [])


@test("what is no event is refused")
@site()
def _(api, out):
    for event in (b"", b"{", b"[]", b"null", b"{}", b'{"id":""}',
                  b'{"id":1}', b'{"id":"1"', b'{"id":"1"} x',
                  b'{"id":"\xff"}'):
        got = out.fetch(event)
        eq(repr(event), got.code, DATA)
        eq("one line", got.stderr.count("\n"), 1)
    out.nothing_delivered()


@test("the event may come from a pipe or a file, the spool be relative")
@site()
def _(api, out):
    event = dump(event_with([], pad="x" * 100000))
    done = subprocess.run(
        out.command("./out"), input=event, capture_output=True, check=False,
        env=out.environment(), cwd=out.folder)
    eq("pipe", (done.returncode, done.stderr), (OK, b""))
    path = write(os.path.join(out.folder, "e.json"), event)
    done = subprocess.run(
        out.command("./out/", path), capture_output=True, check=False,
        stdin=subprocess.DEVNULL, env=out.environment(), cwd=out.folder)
    eq("file", (done.returncode, done.stderr), (OK, b""))
    for name in out.list("new"):
        eq("bytes", out.bytes("new", name), event)
    eq("events", len(out.list("new")), 2)


# --- the session ------------------------------------------------------------

@test("the session is kept for the next fetch, for us alone")
@site()
def _(api, out):
    api.orders["42"] = b"{}"
    for prefix in ("Bearer ", "", "bearer "):
        api.prefix = prefix
        eq("exit", out.fetch(notified()).code, OK)
    eq("asked", api.paths(),
       ["/v2/authentication/login"] + ["/v2/order/42"] * 3)
    for name, want in (("", 0o700), ("session", 0o600), ("pace", 0o600)):
        path = os.path.join(out.path, "fetch", name)
        eq(name, stat.S_IMODE(os.stat(path).st_mode), want)
    first = api.asked("/v2/order/42")[0].headers
    eq("token", first["Authorization"], "Bearer " + api.issued[0])
    eq("no refresh token", first["Refresh-Token"], None)
    eq("no cookie", first["Cookie"], None)


@test("a token without Bearer in front is taken as well")
@site()
def _(api, out):
    api.orders["42"] = b"{}"
    api.prefix = ""
    eq("exit", out.fetch(notified()).code, OK)
    eq("token", api.asked("/v2/order/42")[0].headers["Authorization"],
       "Bearer " + api.issued[0])


@test("a token that has expired is refreshed, once")
@site()
def _(api, out):
    api.orders["42"] = b"{}"
    api.token_uses = 1
    for _ in range(3):
        eq("exit", out.fetch(notified()).code, OK)
    eq("asked", api.paths(), [
        "/v2/authentication/login", "/v2/order/42",
        "/v2/order/42", "/v2/authentication/refresh", "/v2/order/42",
        "/v2/order/42", "/v2/authentication/refresh", "/v2/order/42"])
    ask = api.asked("/v2/authentication/refresh")[0]
    eq("refresh token", ask.headers["Refresh-Token"], api.issued[1])
    eq("no access token", ask.headers["Authorization"], None)


@test("a refresh that is refused leads to a login, once")
@site()
def _(api, out):
    api.orders["42"] = b"{}"
    api.token_uses = 1
    api.refuse_refresh = True
    for _ in range(2):
        eq("exit", out.fetch(notified()).code, OK)
    eq("asked", api.paths(), [
        "/v2/authentication/login", "/v2/order/42", "/v2/order/42",
        "/v2/authentication/refresh", "/v2/authentication/login",
        "/v2/order/42"])


@test("a new token that is refused as well is not asked about for ever")
@site()
def _(api, out):
    api.answer("/v2/order/42", 401)
    eq("exit", out.fetch(notified()).code, AGAIN)
    eq("asked", len(api.paths()), 4)
    out.nothing_delivered()


@test("a login that is refused stops the runner")
@site()
def _(api, out):
    for status in (401, 403, 404):
        api.answer("/v2/authentication/login", status)
        got = out.fetch(notified())
        eq(str(status), got.code, CONFIG)
        has("stderr", got.stderr, f"status {status}")
    api.scripts.clear()
    api.password = "another"
    eq("exit", out.fetch(notified()).code, CONFIG)
    out.nothing_delivered()


@test("a login that fails for now is tried again later")
@site()
def _(api, out):
    api.orders["42"] = b"{}"
    for status in (408, 429, 500, 503, 302, 204):
        api.answer("/v2/authentication/login", status)
        eq(str(status), out.fetch(notified()).code, AGAIN)
    for header in ([], [("Set-Authorization", "")],
                   [("Set-Authorization", "Bearer ")],
                   [("Set-Authorization", "a b")],
                   [("Set-Authorization", "x" * 20000)]):
        api.answer("/v2/authentication/login", 200, b"{}", header)
        eq(repr(header)[:50], out.fetch(notified()).code, AGAIN)
    api.scripts.clear()
    api.token_uses = 1
    eq("exit", out.fetch(notified()).code, OK)
    for status in (429, 500):
        api.answer("/v2/authentication/refresh", status)
        eq(str(status), out.fetch(notified()).code, AGAIN)


@test("a session of another user, another base or half a one is not used")
@site()
def _(api, out):
    api.orders["42"] = b"{}"
    eq("exit", out.fetch(notified()).code, OK)
    session = os.path.join(out.path, "fetch", "session")
    good = read(session)
    lines = good.splitlines(keepends=True)
    broken = [good.replace(api.base, "https://api.example"),
              good.replace(USERNAME, "somebody"), "", good[:-6], good[:40],
              "x" + good, "".join(lines[:3] + ["\n"] + lines[4:]),
              "".join(lines[:3] + ["a b\n"] + lines[4:]),
              "".join(lines[:3] + ["x" * 40000 + "\n"] + lines[4:])]
    for text in broken:
        with open(session, "w", encoding="utf-8") as file:
            file.write(text)
        logins = len(api.asked("/v2/authentication/login"))
        eq("exit", out.fetch(notified()).code, OK)
        eq(f"logins with {text[:60]!r}",
           len(api.asked("/v2/authentication/login")), logins + 1)
        hasnt("kept", read(session), "somebody")


# --- answers of the API -----------------------------------------------------

@test("429, 5xx and what is no answer: again later, nothing delivered")
@site()
def _(api, out):
    for status in (429, 500, 502, 503, 504, 408, 301, 302, 204, 206):
        api.answer("/v2/order/42", status, b"{}", [
            ("Retry-After", "1"), ("Location", "/v2/order/43")])
        got = out.fetch(notified())
        eq(str(status), got.code, AGAIN)
        has("stderr", got.stderr, f"/v2/order/42: status {status}")
        eq("one line", got.stderr.count("\n"), 1)
        out.nothing_delivered()
    eq("redirects", api.asked("/v2/order/43"), [])


@test("404 and other 4xx: a dead letter")
@site()
def _(api, out):
    for status in (400, 403, 404, 410, 422):
        api.answer("/v2/order/42", status)
        eq(str(status), out.fetch(notified()).code, DATA)
        out.nothing_delivered()


@test("an answer that is no JSON, cut off or garbage: again later")
@site()
def _(api, out):
    for body in (b"", b"<html>", b"{", b'{"a":1} x', b'{"a":"\xff"}'):
        api.orders["42"] = body
        eq(repr(body), out.fetch(notified()).code, AGAIN)

    def cut(request):
        handler = request.handler
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"{}")
        handler.close_connection = True
    api.on("/v2/order/42", cut)
    eq("cut", out.fetch(notified()).code, AGAIN)

    def garbage(request):
        request.handler.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        request.handler.close_connection = True
    api.on("/v2/order/42", garbage)
    eq("garbage", out.fetch(notified()).code, AGAIN)
    out.nothing_delivered()


@test("an order over the limit is a dead letter")
@site()
def _(api, out):
    api.orders["42"] = b'"' + b"x" * 5000 + b'"'
    eq("over", out.fetch(notified(), "--max-size", "5001").code, DATA)
    out.nothing_delivered()
    eq("just", out.fetch(notified(), "--max-size", "5002").code, OK)


@test("an answer that does not come: again later, in time")
@site()
def _(api, out):
    api.on("/v2/order/42", api.hang)
    start = time.monotonic()
    got = out.fetch(notified(), "--timeout", "1")
    eq("exit", got.code, AGAIN)
    ok("in time", 0.9 < time.monotonic() - start < 10)

    def trickle(request):
        handler = request.handler
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        while not api.released.wait(0.1):
            handler.wfile.write(b" ")
    api.on("/v2/order/42", trickle)
    start = time.monotonic()
    eq("exit", out.fetch(notified(), "--timeout", "1").code, AGAIN)
    ok("in time", time.monotonic() - start < 10)
    out.nothing_delivered()


@test("nobody there, or no such name: again later")
@site()
def _(api, out):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        out.configure(base=f"https://127.0.0.1:{closed.getsockname()[1]}")
        eq("refused", out.fetch(notified()).code, AGAIN)
    out.configure(base="https://unknown.example")
    eq("no name", out.fetch(notified()).code, AGAIN)
    out.nothing_delivered()


@test("a certificate that does not verify: nothing is said to it")
@site()
def _(api, out):
    for certificate in (other_authority().certificate(),
                        authority().certificate(["DNS:api.example"])):
        with Api(authority(), certificate) as wrong:
            out.configure(base=wrong.base)
            got = out.fetch(notified())
            eq("exit", got.code, AGAIN)
            has("stderr", got.stderr, "certificate")
            eq("asked", wrong.paths(), [])
    # Nor are the system's authorities good where others were named.
    out.configure(base=api.base, ca=other_authority().file)
    eq("exit", out.fetch(notified()).code, AGAIN)
    out.configure(ca=None)
    eq("exit", out.fetch(notified()).code, AGAIN)
    eq("asked", api.paths(), [])
    out.nothing_delivered()


@test("the base address may be a private one, by name as well")
@site()
def _(api, out):
    api.orders["42"] = b"{}"
    out.names["api.example"] = "10.0.0.5"
    out.configure(base="https://api.example/")
    got = out.fetch(notified())
    eq("fetch", (got.code, got.stderr), (OK, ""))
    eq("connected", set(got.targets), {("10.0.0.5", "443")})
    eq("source", out.events()[0]["source"], "https://api.example/v2/order/42")


@test("proxies, files and variables of the environment are not used")
@site()
def _(api, out):
    api.orders["42"] = b"{}"
    keys = os.path.join(out.folder, "keys.log")
    write(os.path.join(out.folder, ".netrc"),
          f"machine 127.0.0.1 login a password {'b' * 8}\n", mode=0o600)
    proxy = "http://127.0.0.1:9"
    got = out.fetch(notified(), env={
        "https_proxy": proxy, "HTTPS_PROXY": proxy, "all_proxy": proxy,
        "ALL_PROXY": proxy, "SSLKEYLOGFILE": keys, "HOME": out.folder})
    eq("fetch", (got.code, got.stderr), (OK, ""))
    eq("elsewhere", got.elsewhere(), [])
    ok("no keys", not os.path.exists(keys))


# --- documents by objectId --------------------------------------------------

@test("a document is stored beside its event, under a name of ours")
@site()
def _(api, out):
    blob = os.urandom(300000)
    api.document("d-1", blob, filename="../../etc/passwd",
                 contentType="application/pdf")
    event = by_id("d-1")
    got = out.fetch(event)
    eq("fetch", (got.code, got.stdout, got.stderr), (OK, "", ""))
    passed, name = out.list("new")
    eq("passed on", out.bytes("new", passed), dump(event))
    document = json.loads(out.bytes("new", name))
    stored, = out.list("documents")
    eq("name", stored, name.removesuffix(".json") + ".bin")
    eq("dataref", document["dataref"], "documents/" + stored)
    eq("bytes", out.bytes("documents", stored), blob)
    eq("datasha256", document["datasha256"], hashlib.sha256(blob).hexdigest())
    eq("datasize", document["datasize"], len(blob))
    eq("filename", document["filename"], "../../etc/passwd")
    eq("datacontenttype", document["datacontenttype"], "application/pdf")
    eq("subject", document["subject"], "d-1")
    eq("source", document["source"],
       f"{api.base}/v2/object-storage/document/d-1")
    eq("causation", document["causationid"], "event-1")
    eq("metadata", json.loads(document["metadata"])["id"], "d-1")
    ok("no data", "data" not in document)
    path = os.path.join(out.path, "documents", stored)
    eq("mode", stat.S_IMODE(os.stat(path).st_mode) & ~0o660, 0)
    eq("tmp/", out.list("tmp"), [])
    for _, _, files in os.walk(out.folder):
        hasnt("files", files, "passwd")


@test("a presigned address is asked at once, and without credentials")
@site()
def _(api, out):
    api.document("d1", b"x")
    got = out.fetch(by_id("d1"))
    eq("exit", got.code, OK)
    eq("asked", api.paths(), [
        "/v2/authentication/login", "/v2/object-storage/document/d1/metadata",
        "/presigned/d1"])
    ask, = api.asked("/presigned/d1")
    eq("host", ask.host, "files.example")
    has("query", ask.query, "X-Amz-Expires=60&X-Amz-Signature=c4nary")
    for name in ("Authorization", "Refresh-Token", "Cookie", "Referer"):
        eq(name, ask.headers[name], None)
    eq("connected", got.elsewhere(), [("93.184.216.34", "443")])


@test("metadata stands in the event byte for byte")
@site()
def _(api, out):
    api.document("d1", b"x")
    url = "https://files.example/presigned/d1?a=1\\u0026b=%2F%2f"
    raw = ODD[:-1] + (', "downloadUrl":"%s"}' % url).encode()
    api.answer("/v2/object-storage/document/d1/metadata", 200, raw)
    eq("exit", out.fetch(by_id("d1")).code, OK)
    document = json.loads(out.bytes("new", out.list("new")[1]))
    eq("metadata", document["metadata"].encode(), raw)
    eq("query", api.asked("/presigned/d1")[0].query, "a=1&b=%2F%2f")


@test("an address that has expired is replaced by a new one, once")
@site()
def _(api, out):
    for status in (403, 410):
        api.document(f"d{status}", b"late")
        api.answer(f"/presigned/d{status}", status, times=1)
        eq("exit", out.fetch(by_id(f"d{status}")).code, OK)
        metadata = api.asked(
            f"/v2/object-storage/document/d{status}/metadata")
        eq("metadata", len(metadata), 2)
        first, second = api.asked(f"/presigned/d{status}")
        ok("another address", first.query != second.query)
    eq("documents", [document["datasize"] for document in out.documents()],
       [4, 4])


@test("an address that is never good: again later")
@site()
def _(api, out):
    api.document("d1", b"late")
    api.answer("/presigned/d1", 403)
    eq("exit", out.fetch(by_id("d1")).code, AGAIN)
    eq("asked", len(api.asked("/presigned/d1")), 2)
    out.nothing_delivered()


@test("a document's 429, 5xx, hanging or half an answer: again later")
@site()
def _(api, out):
    api.document("d1", b"x")
    metadata = "/v2/object-storage/document/d1/metadata"
    for path in (metadata, "/presigned/d1"):
        for status in (429, 500, 503):
            api.answer(path, status)
            eq(f"{path} {status}", out.fetch(by_id("d1")).code, AGAIN)
        api.on(path, api.hang)
        eq(f"{path} hangs",
           out.fetch(by_id("d1"), "--timeout", "1").code, AGAIN)
        api.scripts.clear()
        out.nothing_delivered()
    api.answer(metadata, 200, b"{")
    eq("no JSON", out.fetch(by_id("d1")).code, AGAIN)

    def cut(request):
        handler = request.handler
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.wfile.write(b"x" * 50000)
        handler.close_connection = True
    api.scripts.clear()
    api.on("/presigned/d1", cut)
    eq("cut", out.fetch(by_id("d1")).code, AGAIN)
    out.nothing_delivered()


@test("a document that is not there is said to be, and the event goes on")
@site()
def _(api, out):
    got = out.fetch(by_id("d1"))
    document = refused(got, out, "d1/metadata: status 404")
    eq("subject", document["subject"], "d1")
    eq("filename", document["filename"], "as the order has it")
    ok("no media type", "datacontenttype" not in document)
    eq("metadata", json.loads(document["metadata"]),
       {"objectId": "d1", "name": "as the order has it"})


@test("neither is one whose address is not there, or none")
@site()
def _(api, out):
    for url, why in (("https://files.example/presigned/none", "status 404"),
                     ("http://files.example/x", "not https"),
                     ("file:///etc/passwd", "not https"),
                     ("ftp://files.example/x", "not https"),
                     ("//files.example/x", "not an address"),
                     ("files.example/x", "not an address"),
                     ("https://", "not an address"), ("", "no downloadUrl"),
                     (7, "no downloadUrl"), (None, "no downloadUrl"),
                     ("https://u:p@files.example/x", "with a user in it"),
                     ("https://u@files.example/x", "with a user in it"),
                     ("https://files.example:8443/x", "port 8443 not allowed"),
                     ("https://fil\u00e9s.example/x", "not an address"),
                     ("https://files.example\n/x", "not an address"),
                     ("https://files.example\u0000/x", "not an address"),
                     ("https://[fe80::1%25eth0]/x", "not an address"),
                     ("https://files.example/" + "x" * 9000, "too long")):
        out = Site(api)
        api.answer("/presigned/none", 404)
        api.document("d1", b"x", downloadUrl=url)
        got = out.fetch(by_id("d1"))
        document, = out.documents()
        eq(f"{url!r}", (got.code, why in document["dataerror"],
                        document["dataerror"]),
           (OK, True, document["dataerror"]))
        if "404" not in why:
            eq("elsewhere", got.elsewhere(), [])


@test("an objectId that is none is never asked for")
@site()
def _(api, out):
    for name in ("../../authentication/login", "..", "a/b", "a?b", "a b",
                 "\u00e9", "x\u0000", "x" * 300):
        out = Site(api)
        refused(out.fetch(by_id(name)), out, "not an objectId")
    out = Site(api)
    event = dump(by_id("@")).replace(b'"@"', b'"\\ud800"')
    refused(out.fetch(event), out, "not an objectId")
    eq("asked", api.paths(), [])


@test("documents anywhere in the data, each once, by objectId if possible")
@site()
def _(api, out):
    for name in ("a", "b", "c", "d"):
        api.document(name, name.encode())
    data = {"documents": [{"objectId": "a", "url": "https://evil.example/"}],
            "lines": [{"documents": [{"objectId": "a"}, {"objectId": "b"}]},
                      {"x": {"documents": [{
                          "objectId": "c",
                          "documents": [{"objectId": "d"}]}]}}]}
    text = dump(event_with([], data=data)).replace(
        b'{"x"', b'{"\\"documents\\":[" : [1,"]",{}], "x"', 1).replace(
        b'"documents": [{"objectId": "c"', b'"d\\u006fcuments"\n:\t[ '
        b'{"objectId": "c"')
    got = out.fetch(text)
    eq("fetch", (got.code, got.stderr), (OK, ""))
    eq("documents", sorted(d["subject"] for d in out.documents()),
       ["a", "b", "c", "d"])
    ids = {document["id"] for document in out.documents()}
    eq("ids", len(ids), 4)
    # The same event into another spool: the same ids.
    out = Site(api)
    eq("exit", out.fetch(text).code, OK)
    eq("ids", {document["id"] for document in out.documents()}, ids)
    eq("files", len(out.list("documents")), 4)


@test("an empty document, and one without a type or a name")
@site()
def _(api, out):
    api.document("d1", b"")
    eq("exit", out.fetch(event_with([{"objectId": "d1"}])).code, OK)
    document, = out.documents()
    eq("size", document["datasize"], 0)
    eq("sha", document["datasha256"], hashlib.sha256().hexdigest())
    eq("type", document["datacontenttype"], "binary/octet-stream")
    ok("no name", "filename" not in document)


def chunked(request, body, end=True):
    """An answer in chunks; without its end it is not whole."""
    handler = request.handler
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for at in range(0, len(body), 30000):
        part = body[at:at + 30000]
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
    if end:
        handler.wfile.write(b"0\r\n\r\n")
    handler.close_connection = True


@test("the size limit, with Content-Length and in chunks")
@site()
def _(api, out):
    api.document("d1", b"x" * 100000)
    for length in (True, False):
        if not length:
            api.on("/presigned/d1", lambda request: chunked(
                request, b"x" * 100000))
        out = Site(api)
        refused(out.fetch(by_id("d1"), "--max-size", "99999"), out,
                "larger than 99999 bytes")
        out = Site(api)
        eq("just", out.fetch(by_id("d1"), "--max-size", "100000").code, OK)
        eq("size", out.documents()[0]["datasize"], 100000)


@test("one document that fails keeps all of them back")
@site()
def _(api, out):
    api.document("d1", b"one")
    api.document("d2", b"two")
    api.answer("/presigned/d2", 503, times=1)
    event = event_with([{"objectId": "d2"}, {"objectId": "d1"}])
    eq("exit", out.fetch(event).code, AGAIN)
    out.nothing_delivered(kept=1)
    eq("exit", out.fetch(event).code, OK)
    eq("events", len(out.list("new")), 3)
    eq("documents", len(out.list("documents")), 2)
    eq("tmp/", out.list("tmp"), [])
    # What was there already was not asked for again.
    eq("asked", (len(api.asked("/presigned/d1")),
                 len(api.asked("/presigned/d2"))), (1, 2))
    for document in out.documents():
        blob = out.bytes(document["dataref"])
        eq("sha", document["datasha256"], hashlib.sha256(blob).hexdigest())


@test("a name as long as a book is left out, and holds nothing up")
@site()
def _(api, out):
    api.document("d1", b"x")
    event = event_with([{"objectId": "d1", "name": "x" * (2 << 20)}])
    got = out.fetch(event)
    eq("fetch", (got.code, got.stderr), (OK, ""))
    ok("no name", "filename" not in out.documents()[0])


@test("more documents than anybody has are a dead letter")
@site()
def _(api, out):
    event = event_with([{"objectId": f"d{n}"} for n in range(1001)])
    eq("exit", out.fetch(event).code, DATA)
    eq("asked", api.paths(), [])
    out.nothing_delivered()


# --- addresses that are not public ------------------------------------------

PRIVATE = ["127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.5", "172.16.0.1",
           "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
           "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::",
           "::ffff:127.0.0.1", "::ffff:10.0.0.5", "::ffff:93.184.216.34",
           "::127.0.0.1", "fe80::1", "fd00::1", "ff02::1", "2001:db8::1",
           "2002:7f00:1::1", "64:ff9b::10.0.0.5"]


@test("a name that leads to an address that is not public is not asked")
@site()
def _(api, out):
    for address in PRIVATE + ["127.0.0.1,10.0.0.5,::1"]:
        out = Site(api)
        out.names["evil.example"] = address
        api.document("d1", b"x", downloadUrl="https://evil.example/x")
        got = out.fetch(by_id("d1"))
        refused(got, out, "evil.example has no public address")
        eq(f"connected for {address}", got.elsewhere(), [])
    eq("asked", api.paths("evil.example"), [])


@test("neither is one by url, though its host is allowed")
@site()
def _(api, out):
    for address in PRIVATE:
        out = Site(api)
        out.names["evil.example"] = address
        got = out.fetch(by_url("https://evil.example/x"),
                        "--allow-host", "evil.example")
        refused(got, out, "evil.example has no public address")
        eq(f"connected for {address}", got.targets, [])


@test("of several addresses only the public ones are asked")
@site()
def _(api, out):
    out.names["files.example"] = "127.0.0.1,10.0.0.5,93.184.216.34,::1"
    api.document("d1", b"x")
    got = out.fetch(by_id("d1"))
    eq("fetch", (got.code, got.stderr), (OK, ""))
    eq("connected", got.elsewhere(), [("93.184.216.34", "443")])


@test("a public IPv6 address is asked")
@site()
def _(api, out):
    out.names["files.example"] = "2606:2800:220:1:248:1893:25c8:1946"
    api.document("d1", b"x")
    got = out.fetch(by_id("d1"))
    eq("fetch", (got.code, got.stderr), (OK, ""))
    eq("connected", got.elsewhere(),
       [("2606:2800:220:1:248:1893:25c8:1946", "443")])


@test("an address in place of a name, in any spelling")
@site()
def _(api, out):
    for host in ("127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1",
                 "017700000001", "0x7f000001", "0", "[::1]", "[::]",
                 "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "10.0.0.5",
                 "169.254.169.254", "[fe80::1]", "[fd00::1]", "localhost",
                 "127%2e0.0.1", "127.0.0.1."):
        out = Site(api)
        out.names["localhost"] = "127.0.0.1,::1"
        api.document("d1", b"x", downloadUrl=f"https://{host}/x")
        got = out.fetch(by_id("d1"))
        eq(f"connected for {host}", got.elsewhere(), [])
        # A name that is not known is not refused, it may come to be.
        if got.code != AGAIN:
            refused(got, out, "has no public address")
    eq("asked", [r for r in api.requests if r.path == "/x"], [])


@test("a downloadUrl at the API's own address is asked, at another port not")
@site()
def _(api, out):
    api.document("d1", b"own", downloadUrl=f"{api.base}/presigned/d1")
    eq("exit", out.fetch(by_id("d1")).code, OK)
    eq("size", out.documents()[0]["datasize"], 3)
    eq("credentials", api.asked("/presigned/d1")[0].headers["Authorization"],
       None)
    for url in ("https://127.0.0.1/x", f"https://127.0.0.2:{api.port}/x",
                f"https://localhost:{api.port}/x"):
        out = Site(api)
        api.document("d1", b"own", downloadUrl=url)
        got = out.fetch(by_id("d1"))
        eq(url, (got.code, got.elsewhere()), (OK, []))
        ok("refused", "dataerror" in out.documents()[0])


@test("redirects are followed, and each is held to the same rules")
@site()
def _(api, out):
    def redirect(path, to, status=302):
        api.answer(path, status, b"moved", [("Location", to)])
    names = {"evil.example": "127.0.0.1", "other.example": "93.184.216.34",
             "inner.example": "10.0.0.5"}
    api.document("d1", b"there")
    for status in (301, 302, 303, 307, 308):
        for to in ("/presigned/d1", "d1",
                   "https://other.example/presigned/d1"):
            out = Site(api)
            out.names.update(names)
            redirect("/presigned/r", to, status)
            api.document("r", b"", downloadUrl="https://files.example"
                                               "/presigned/r?x=1")
            eq(f"{status} {to}", out.fetch(by_id("r")).code, OK)
            eq("size", out.documents()[0]["datasize"], 5)
    asked = len(api.paths())
    for to, why in (("http://files.example/x", "not https"),
                    ("file:///etc/passwd", "not https"),
                    ("https://evil.example/x", "no public address"),
                    ("https://inner.example/x", "no public address"),
                    ("https://127.0.0.1/x", "no public address"),
                    ("//[::1]/x", "no public address"),
                    (f"https://127.0.0.1:{api.port + 1}/x", "not allowed"),
                    ("https://files.example:22/x", "port 22 not allowed"),
                    ("https://a:b@files.example/x", "a user in it"),
                    ("https://files.example/\x7f", "not an address"),
                    ("https://files.example/" + "x" * 9000, "too long")):
        out = Site(api)
        out.names.update(names)
        redirect("/presigned/r", to)
        got = out.fetch(by_id("r"))
        refused(got, out, why)
        eq(f"connected for {to}", got.elsewhere(), [("93.184.216.34", "443")])
    ok("asked", asked < len(api.paths()))
    eq("asked there", [r for r in api.requests if r.path == "/x"], [])


@test("redirects without an end come to one")
@site()
def _(api, out):
    api.document("d1", b"x", downloadUrl="https://files.example/presigned/1")
    for number in range(1, 9):
        api.answer(f"/presigned/{number}", 302,
                   headers=[("Location", f"/presigned/{number + 1}")])
    refused(out.fetch(by_id("d1")), out, "more than 3 redirects")
    eq("asked", len([p for p in api.paths() if "/presigned/" in p]), 4)
    # Three are fine.
    api.on("/presigned/4", lambda request: request.answer(200, b"end"))
    out = Site(api)
    eq("exit", out.fetch(by_id("d1")).code, OK)
    eq("size", out.documents()[0]["datasize"], 3)


# --- documents by url -------------------------------------------------------

@test("a document by url comes from an allowed host, else not at all")
@site()
def _(api, out):
    api.on("/a%20b/%C3%A9.pdf", lambda request: request.answer(
        200, b"drawing", [("Content-Type", "application/pdf")]))
    url = "https://Files.example/a b/\u00e9.pdf?sig=c4nary#x"
    refused(out.fetch(by_url(url)), out, "host not allowed")
    eq("asked", api.paths(), [])
    for pattern in ("files.example", "FILES.EXAMPLE", "files.example:443",
                    "*.example"):
        out = Site(api)
        got = out.fetch(by_url(url), "--allow-host", "no.example",
                        "--allow-host", pattern)
        eq(pattern, (got.code, got.stderr), (OK, ""))
        document, = out.documents()
        eq("size", document["datasize"], 7)
        eq("type", document["datacontenttype"], "application/pdf")
        eq("name", document["filename"], "drawing")
        ok("no subject", "subject" not in document)
        eq("source", document["source"].lower(),
           "https://files.example/a%20b/%c3%a9.pdf")
        eq("metadata", json.loads(document["metadata"]),
           {"url": url, "name": "drawing"})
    eq("asked", set(api.paths()), {"/a%20b/%C3%A9.pdf"})
    eq("credentials", {r.headers["Authorization"] for r in api.requests},
       {None})


@test("what is allowed is that host and that port, nothing like it")
@site()
def _(api, out):
    for pattern, url in (
            ("files.example", "https://files.example:8443/x"),
            ("files.example:8443", "https://files.example/x"),
            ("files.example", "https://afiles.example/x"),
            ("files.example", "https://a.files.example/x"),
            ("files.example", "https://files.example.evil.example/x"),
            ("files.example", "https://files.example./x"),
            ("*.files.example", "https://files.example/x"),
            ("*.files.example", "https://afiles.example/x"),
            ("files.example", "https://evil.example/files.example"),
            ("files.example", "https://evil.example?files.example"),
            ("files.example", "https://evil.example#@files.example/"),
            ("files.example", "https://files.example@evil.example/"),
            ("files.example", "https://evil.example\\@files.example/"),
            ("files.example", "http://files.example/x"),
            ("files.example", "file://files.example/etc/passwd"),
            ("files.example", "https:files.example/x"),
            ("files.example", "/v2/order/42"), ("files.example", "\ud800")):
        out = Site(api)
        out.names["evil.example"] = "93.184.216.34"
        got = out.fetch(by_url(url), "--allow-host", pattern)
        eq(f"{pattern} {url}", (got.code, got.targets), (OK, []))
        ok("refused", "dataerror" in out.documents()[0])
    out = Site(api)
    out.names["files.example"] = "93.184.216.34"
    api.on("/x", lambda request: request.answer(200, b"x"))
    got = out.fetch(by_url("https://files.example:8443/x"),
                    "--allow-host", "files.example:8443")
    eq("port", (got.code, got.targets), (OK, [("93.184.216.34", "8443")]))
    out = Site(api)
    out.names["a.cdn.example"] = "93.184.216.34"
    got = out.fetch(by_url("https://a.cdn.example/x"),
                    "--allow-host", "*.cdn.example")
    eq("below", (got.code, got.stderr), (OK, ""))
    ok("fetched", "dataref" in out.documents()[0])


@test("a redirect away from an allowed host is not followed")
@site()
def _(api, out):
    for to in ("https://other.example/x", f"{api.base}/v2/order/42",
               "http://files.example/x"):
        out = Site(api)
        out.names["other.example"] = "93.184.216.34"
        api.answer("/r", 302, headers=[("Location", to)])
        got = out.fetch(by_url("https://files.example/r"),
                        "--allow-host", "files.example")
        eq(to, (got.code, got.targets), (OK, [("93.184.216.34", "443")]))
        ok("refused", "dataerror" in out.documents()[0])
    eq("asked", set(api.paths()), {"/r"})


@test("the API's own address is not allowed by url")
@site()
def _(api, out):
    refused(out.fetch(by_url(f"{api.base}/v2/order/42")), out,
            "host not allowed")
    out = Site(api)
    refused(out.fetch(by_url(f"{api.base}/v2/order/42"), "--allow-host",
                      f"127.0.0.1:{api.port}"), out, "no public address")
    eq("asked", api.paths(), [])


@test("what an allowed host answers")
@site()
def _(api, out):
    for status, code in ((404, OK), (403, OK), (410, OK), (429, AGAIN),
                         (500, AGAIN), (503, AGAIN), (204, OK), (206, OK),
                         (300, OK), (304, OK), (305, OK)):
        out = Site(api)
        api.answer("/x", status, b"no")
        got = out.fetch(by_url("https://files.example/x"),
                        "--allow-host", "files.example")
        eq(str(status), got.code, code)
        if code == OK:
            refused(got, out, f"files.example: status {status}")
        else:
            out.nothing_delivered()


# --- what cannot be had holds nothing up -------------------------------------

URL = "https://files.example/x"
ALLOW = ("--allow-host", "*.example")


def gives_up(out, event, why, *args):
    """Three tries, and then the event is delivered without it."""
    for number in range(2):
        eq(f"{why}, try {number + 1}", out.fetch(
            event, *ALLOW, "--document-retries", "3", *args).code, AGAIN)
        out.nothing_delivered()
    got = out.fetch(event, *ALLOW, "--document-retries", "3", *args)
    return refused(got, out, why)


@test("a host that is gone holds the order up for so many tries, and no more")
@site()
def _(api, out):
    gives_up(out, by_url("https://gone.example/x"), "gone.example: ")
    for status in (429, 500):
        out = Site(api)
        api.answer("/x", status)
        gives_up(out, by_url(URL), f"files.example: status {status}")
    out = Site(api)
    api.on("/x", api.hang)
    gives_up(out, by_url(URL), "files.example: ", "--timeout", "1")
    out = Site(api)
    api.on("/x", lambda request: request.handler.wfile.write(b"SSH-2.0\r\n"))
    gives_up(out, by_url(URL), "files.example: ")
    # An object store is somebody else's machine, too.
    out = Site(api)
    api.document("d1", b"x")
    api.answer("/presigned/d1", 500)
    gives_up(out, by_id("d1"), "files.example: status 500")


@test("one try: the first failure is the last")
@site()
def _(api, out):
    api.answer("/x", 503)
    refused(out.fetch(by_url(URL), *ALLOW, "--document-retries", "1"), out,
            "files.example: status 503")


@test("without a network of our own no try counts")
@site()
def _(api, out):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        out.configure(base=f"https://127.0.0.1:{closed.getsockname()[1]}")
        for _ in range(4):
            eq("exit", out.fetch(by_url("https://gone.example/x"), *ALLOW,
                                 "--document-retries", "2").code, AGAIN)
        out.nothing_delivered()
    out.configure(base=api.base)
    event = by_url("https://gone.example/x")
    eq("exit", out.fetch(
        event, *ALLOW, "--document-retries", "2").code, AGAIN)
    refused(out.fetch(event, *ALLOW, "--document-retries", "2"), out,
            "gone.example: ")


@test("the API itself is asked again as long as it takes")
@site()
def _(api, out):
    api.answer("/v2/object-storage/document/d1/metadata", 503)
    for _ in range(4):
        eq("exit", out.fetch(
            by_id("d1"), "--document-retries", "1").code, AGAIN)
    out.nothing_delivered()


@test("a certificate that does not verify is no passing fault of a document")
@site()
def _(api, out):
    with Api(authority(), other_authority().certificate()) as wrong:
        wrong.document("x", b"x")
        got = out.fetch(by_url(f"https://files.example:{wrong.port}/x"),
                        "--allow-host", f"files.example:{wrong.port}",
                        env={"SHIM_PORT": str(wrong.port)})
        refused(got, out, "files.example: ")
        eq("asked", wrong.paths(), [])


@test("half a document is not a whole one, however its end is told")
@site()
def _(api, out):
    body = b"x" * 90000

    def without_length(request):
        handler = request.handler
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(body[:45000])
        handler.wfile.flush()
        # Not the end that TLS has for it
        handler.connection.detach()

    def short(request):
        request.handler.send_response(200)
        request.handler.send_header("Content-Length", str(len(body)))
        request.handler.end_headers()
        request.handler.wfile.write(body[:45000])
        request.handler.close_connection = True
    for name, script in (
            ("no length", without_length), ("too short", short),
            ("no last chunk",
             lambda request: chunked(request, body, end=False))):
        out = Site(api)
        api.on("/x", script)
        event = by_url(URL)
        eq(name, out.fetch(event, *ALLOW).code, AGAIN)
        out.nothing_delivered()
        api.on("/x", lambda request: chunked(request, body))
        eq("whole", out.fetch(event, *ALLOW).code, OK)
        document, = out.documents()
        eq("document", out.bytes(document["dataref"]), body)


@test("a redirect that leads nowhere is refused, and nothing else is asked")
@site()
def _(api, out):
    for name, headers in (
            ("none", []), ("empty", [("Location", "")]),
            ("fragment", [("Location", "#top")]),
            ("too long", [("Location", "/y" + "z" * 20000)])):
        out = Site(api)
        api.answer("/a/dir/doc.pdf", 302, headers=headers)
        asked = len(api.paths())
        got = out.fetch(by_url("https://files.example/a/dir/doc.pdf"), *ALLOW)
        refused(got, out, "")
        eq(name, api.paths()[asked:], ["/a/dir/doc.pdf"])
    # With something before it the fragment is cut off.
    out = Site(api)
    api.answer("/a/dir/doc.pdf", 302, headers=[("Location", "/b#top")])
    api.answer("/b", 200, b"here")
    eq("exit", out.fetch(
        by_url("https://files.example/a/dir/doc.pdf#page=2"), *ALLOW).code, OK)
    eq("document", out.bytes(out.documents()[0]["dataref"]), b"here")


@test("a document that was delivered is not fetched again, until it changes")
@site()
def _(api, out):
    api.document("d1", b"one")
    first = event_with([{"objectId": "d1"}])
    second = event_with([{"objectId": "d1"}], id="event-2")
    changed = event_with([{
        "objectId": "d1", "lastUpdatedAt": "2026-11-30T10:00:00Z"}],
        id="event-3")
    for event, asked, documents in ((first, 1, 1), (second, 1, 1),
                                    (changed, 2, 2), (changed, 2, 2)):
        eq("exit", out.fetch(event).code, OK)
        eq("asked", len(api.asked("/presigned/d1")), asked)
        eq("documents", len(out.documents()), documents)
    eq("events", len(out.list("new")), 6)
    # One that could not be had is asked for with the next event.
    eq("exit", out.fetch(event_with([{"objectId": "d2"}])).code, OK)
    api.document("d2", b"two")
    eq("exit", out.fetch(
        event_with([{"objectId": "d2"}], id="event-5")).code, OK)
    eq("asked", len(api.asked("/presigned/d2")), 1)


def half_then_hang(api, reached, data):
    """A script that sends half of a document and notes that it has done so"""
    def script(request):
        handler = request.handler
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:len(data) // 2])
        handler.wfile.flush()
        reached.append(request.path)
        api.hang(request)
    return script


@test("SIGTERM: nothing by half is left, what is whole is kept")
@site()
def _(api, out):
    api.document("d1", b"x" * 1000)
    api.document("d2", b"y" * 200000)
    event = event_with([{"objectId": "d1"}, {"objectId": "d2"}])
    reached = harness.collections.deque()
    api.on("/presigned/d2", half_then_hang(api, reached, b"y" * 200000))
    for number in (signal.SIGTERM, signal.SIGINT):
        reached.clear()
        process = out.start(event)
        wait_for(lambda: reached, "request for d2")
        process.send_signal(number)
        process.communicate(timeout=60)
        eq("ended by", process.returncode, -number)
        out.nothing_delivered(kept=1)
    # Killed: no more than the file that was being written.
    reached.clear()
    process = out.start(event)
    wait_for(lambda: reached, "request for d2")
    process.kill()
    process.communicate(timeout=60)
    # Three tries were cut off, and they count.
    asked = len(api.asked("/presigned/d2"))
    got = out.fetch(event, "--document-retries", "3")
    eq("exit", got.code, OK)
    eq("asked no more", len(api.asked("/presigned/d2")), asked)
    eq("d1 was asked for once", len(api.asked("/presigned/d1")), 1)
    ok("d2 has no data", [
        document for document in out.documents()
        if document["subject"] == "d2" and "dataerror" in document])


@test("what earlier tries have left is looked at before it is used")
def _():
    for name, spoil in (
            ("torn", lambda out: torn(out, b"3 1")),
            ("empty", lambda out: torn(out, b"")),
            ("another name", lambda out: torn(out, b"1 1000\n../../x\n")),
            ("a number too long", lambda out: torn(out, b"9" * 300 + b"\n")),
            ("a document cut off", cut_kept)):
        with Api(authority()) as api:
            out = Site(api)
            api.document("d1", b"x" * 1000)
            api.document("d2", b"y" * 1000)
            api.answer("/presigned/d2", 503, times=1)
            event = event_with([{"objectId": "d1"}, {"objectId": "d2"}])
            eq(f"{name}: first", out.fetch(event).code, AGAIN)
            spoil(out)
            eq(f"{name}: second", out.fetch(event).code, OK)
            for document in out.documents():
                eq(f"{name}: size", len(out.bytes(document["dataref"])), 1000)


def torn(out, text):
    for name in out.list("fetch"):
        if name.startswith("t-"):
            with open(os.path.join(out.path, "fetch", name), "wb") as file:
                file.write(text)


def cut_kept(out):
    for name in out.list("tmp"):
        if name.endswith(".bin"):
            os.truncate(os.path.join(out.path, "tmp", name), 0)


@test("a try that hookdir run cuts off delivers nothing; the last one does")
@site()
def _(api, out):
    api.on("/x", api.hang)
    spool = folder("in")
    for name in ("tmp", "new", "cur", "failed"):
        os.mkdir(os.path.join(spool, name))
    write(os.path.join(spool, "new", "1.json"), dump(by_url(URL)))
    environment = out.environment()
    shim_settings = [f"{name}={value}" for name, value in environment.items()
                     if name.startswith(("LD_", "SHIM_", "ASAN_"))]
    for _ in range(4):
        subprocess.run(
            [TOOL, "run", "--timeout", "2s", "--backoff", "1s:1s",
             "--retries", "3", spool, "--", "env", *shim_settings,
             *out.command("--document-retries", "3", *ALLOW, out.path)],
            capture_output=True, check=True, env=environment, cwd=out.folder,
            timeout=120)
        time.sleep(1.1)
    eq("dead letters", os.listdir(os.path.join(spool, "failed")), [])
    eq("events", len(out.list("new")), 2)
    has("why", out.documents()[0]["dataerror"], "not complete after 3 tries")


@test("the documents of one event are bounded together")
@site()
def _(api, out):
    for number in range(5):
        api.document(f"d{number}", b"x" * 40000)
    event = event_with([{"objectId": f"d{number}"} for number in range(5)])
    got = out.fetch(event, "--max-event", "100000")
    eq("exit", got.code, OK)
    eq("documents", len(out.list("documents")), 2)
    errors = [document["dataerror"] for document in out.documents()
              if "dataerror" in document]
    eq("left out", len(errors), 3)
    has("why", errors[0], "larger than 20000 bytes")


@test("--rate: so many requests a second, for all processes")
@site()
def _(api, out):
    api.orders["42"] = b"{}"
    start = time.monotonic()
    for _ in range(4):
        eq("exit", out.fetch(notified(), "--rate", "2").code, OK)
    took = time.monotonic() - start
    # A login and four orders: four times 0.525 s between them
    ok(f"{took:.1f} s is slow enough", took >= 2)


@test("--check logs in, and leaves nothing behind")
@site()
def _(api, out):
    def check(*args):
        return subprocess.run(
            [*out.command("--check", *args)], capture_output=True,
            check=False, env=out.environment(), cwd=out.folder, text=True)
    got = check()
    eq("good", (got.returncode, got.stdout, got.stderr),
       (OK, f"{api.base}: user {USERNAME} is let in\n", ""))
    eq("asked", api.paths(), ["/v2/authentication/login"])
    ok("no spool", not os.path.exists(out.path))
    api.password = "another"
    eq("wrong password", check().returncode, CONFIG)
    api.password = PASSWORD
    api.answer("/v2/authentication/login", 503)
    eq("later", check().returncode, AGAIN)
    eq("with a spool", check(out.path).returncode, USAGE)


@test("jobs under a time-out that is too short come to an end, all of them")
@site()
def _(api, out):
    for number in range(8):
        for document in range(4):
            api.document(f"d{number}-{document}", b"x" * 1000)
    spool = folder("in")
    for name in ("tmp", "new", "cur", "failed"):
        os.mkdir(os.path.join(spool, name))
    for number in range(8):
        write(os.path.join(spool, "new", f"{number}.json"), dump(event_with(
            [{"objectId": f"d{number}-{document}"} for document in range(4)],
            id=f"event-{number}")))
    environment = out.environment()
    # hookdir run gives its command a clean environment.
    shim_settings = [f"{name}={value}" for name, value in environment.items()
                     if name.startswith(("LD_", "SHIM_", "ASAN_"))]
    for _ in range(20):
        subprocess.run(
            [TOOL, "run", "--jobs", "8", "--timeout", "3s",
             "--backoff", "1s:1s", "--retries", "20", spool, "--",
             "env", *shim_settings, *out.command(out.path)],
            capture_output=True, check=True, env=environment, cwd=out.folder,
            timeout=120)
        if not os.listdir(os.path.join(spool, "new")):
            break
        time.sleep(1)
    eq("still waiting", os.listdir(os.path.join(spool, "new")), [])
    eq("dead letters", os.listdir(os.path.join(spool, "failed")), [])
    # A time-out may come right behind the delivery: then it is done twice.
    ids = {json.loads(read(os.path.join(out.path, "new", name)))["id"]
           for name in out.list("new")}
    eq("events", len(ids), 40)
    ok("documents", len(out.list("documents")) >= 32)


# --- together ---------------------------------------------------------------

@test("25 fetches at once: ten requests a second, one login")
@site()
def _(api, out):
    for number in range(25):
        api.orders[f"o{number}"] = b"{}"
    out.names.clear()
    running = [out.start(notified(subject=f"o{n}")) for n in range(25)]
    for process in running:
        _, stderr = process.communicate(timeout=60)
        eq("fetch", (process.returncode, stderr), (OK, b""))
    eq("events", len(out.list("new")), 25)
    eq("logins", len(api.asked("/v2/authentication/login")), 1)
    times = sorted(r.when for r in api.requests)
    eq("requests", len(times), 26)
    ok(f"took {times[24] - times[0]:.2f} s", times[24] - times[0] >= 2.3)


@test("many whose token has expired: one refresh for all of them")
@site()
def _(api, out):
    api.orders["42"] = b"{}"
    eq("exit", out.fetch(notified()).code, OK)
    api.tokens.clear()
    running = [out.start(notified()) for _ in range(6)]
    for process in running:
        process.communicate(timeout=60)
        eq("exit", process.returncode, OK)
    eq("refreshes", len(api.asked("/v2/authentication/refresh")), 1)
    eq("logins", len(api.asked("/v2/authentication/login")), 1)


@test("kill -9 at any point: nothing is there by half")
@site()
def _(api, out):
    api.document("d1", b"x" * 200000)
    api.document("d2", b"y" * 200000)
    event = event_with([{"objectId": "d1"}, {"objectId": "d2"}])
    reached = harness.collections.deque()


    def never(request):
        reached.append(request.path)
        api.hang(request)
    half = half_then_hang(api, reached, b"x" * 200000)
    stops = [("/v2/authentication/login", never),
             ("/v2/object-storage/document/d1/metadata", never),
             ("/presigned/d1", half),
             ("/v2/object-storage/document/d2/metadata", never),
             ("/presigned/d2", half)]
    for path, script in stops:
        api.scripts.clear()
        api.on(path, script)
        process = out.start(event)
        wait_for(lambda: path in reached, f"request for {path}")
        process.kill()
        process.communicate(timeout=60)
        eq("new/", out.list("new"), [])
        eq("documents/", out.list("documents"), [])
        ok("tmp/", len(out.list("tmp")) > 0)
    api.scripts.clear()
    eq("exit", out.fetch(event).code, OK)
    eq("events", len(out.list("new")), 3)
    for document in out.documents():
        blob = out.bytes(document["dataref"])
        eq("sha", document["datasha256"], hashlib.sha256(blob).hexdigest())


@test("a storage that fails: again later, nothing left behind")
@site()
def _(api, out):
    api.document("d1", b"x" * 400000)
    eq("exit", out.fetch(notified(subject="none")).code, DATA)

    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (150000, 150000))
    got = out.fetch(by_id("d1"), preexec_fn=small_files)
    eq("exit", got.code, AGAIN)
    has("stderr", got.stderr, "cannot write a document")
    out.nothing_delivered()
    harness.shutil.rmtree(os.path.join(out.path, "tmp"))
    write(os.path.join(out.path, "tmp"), "in the way")
    eq("exit", out.fetch(by_id("d1")).code, AGAIN)
    eq("new/", out.list("new"), [])


@test("whichever flush, rename or write fails: all of it, or nothing")
@site()
def _(api, out):
    api.document("d1", b"x" * 1000)
    api.document("d2", b"y" * 1000)
    event = event_with([{"objectId": "d1"}, {"objectId": "d2"}])
    first = out.fetch(by_id("none"))
    eq("exit", first.code, OK)
    failures = 0
    for call in ("fsync", "renameat2", "writev", "pwrite64", "flock"):
        for number in range(1, 100):
            out.path = os.path.join(out.folder, f"{call}-{number}")
            path = write(os.path.join(out.folder, "event.json"), dump(event))
            trace = os.path.join(out.folder, "trace")
            # The leak sanitizer cannot look in while strace does.
            environment = out.environment()
            environment["ASAN_OPTIONS"] += ":detect_leaks=0"
            done = subprocess.run(
                ["strace", "-f", "-qq", "-o", trace, "-e", f"trace={call}",
                 "-e", f"inject={call}:error=EIO:when={number}",
                 *out.command(out.path, path)], capture_output=True,
                check=False, env=environment, cwd=out.folder)
            if done.returncode == OK:
                break
            failures += 1
            eq(f"{call} {number}: {done.stderr}", done.returncode, AGAIN)
            out.nothing_delivered(kept=None)
        ok(f"{call} came to an end", done.returncode == OK)
        eq("events", len(out.list("new")), 3)
        for document in out.documents():
            blob = out.bytes(document["dataref"])
            eq("sha", document["datasha256"], hashlib.sha256(blob).hexdigest())
    ok(f"{failures} failures", failures > 30)


@test("links in the spool are not followed")
@site()
def _(api, out):
    api.orders["42"] = b"{}"
    api.document("d0", b"x")
    api.document("d1", b"x")
    eq("exit", out.fetch(by_id("d0")).code, OK)
    target = folder("target")
    for name in ("documents", "fetch"):
        path = os.path.join(out.path, name)
        harness.shutil.rmtree(path)
        os.symlink(target, path)
        eq(name, out.fetch(by_id("d1")).code, AGAIN)
        os.unlink(path)
    os.mkdir(os.path.join(out.path, "fetch"))
    os.symlink(os.path.join(target, "s"),
               os.path.join(out.path, "fetch", "session"))
    eq("session", out.fetch(by_id("d1")).code, AGAIN)
    eq("there", os.listdir(target), [])


# --- configuration and command line -----------------------------------------

@test("the configuration is understood as a whole, or not at all")
@site()
def _(api, out):
    base = f"base = {api.base}\n"
    rest = f"username = {USERNAME}\npassword = {PASSWORD}\n" \
           f"ca = {authority().file}\n"
    for text, line in (
            ("", ": no base"), (base, ": no username"),
            (rest, ": no base"), (base + rest + "colour = c4nary\n", ":5:"),
            (base + rest + base, ":5:"), (base + "c4nary\n" + rest, ":2:"),
            (base + rest.replace(PASSWORD, ""), ":3:"),
            ("base =\n" + rest, ":1:"), (base + rest + "\0", ":5:"),
            ("base = x\0y\n" + rest, ":1:"),
            (base + rest.replace(PASSWORD, "c4nary" * 200), ":3:"),
            (base + rest.replace(USERNAME, "a:b"), "colon"),
            (base + rest + "#" * 20000, "too large"),
            ("base = http://127.0.0.1\n" + rest, "not https"),
            ("base = https://a:c4nary@127.0.0.1\n" + rest, "user"),
            ("base = https://127.0.0.1/?x\n" + rest, "?"),
            ("base = 127.0.0.1\n" + rest, "base")):
        write(out.config, text, mode=0o600)
        got = out.fetch(notified())
        eq(repr(text), got.code, CONFIG)
        has("stderr", got.stderr, out.config)
        has("stderr", got.stderr, line)
        hasnt("stderr", got.stderr, "c4nary")
        eq("one line", got.stderr.count("\n"), 1)
    eq("asked", api.paths(), [])
    api.orders["42"] = b"{}"
    write(out.config, f"  # x\r\n\r\nbase={api.base}//\r\n"
          + rest.replace("=", " \t=\t ") + "# = \n", mode=0o600)
    got = out.fetch(notified())
    eq("liberal", (got.code, got.stderr), (OK, ""))


@test("a configuration that others can read or change is refused")
@site()
def _(api, out):
    api.orders["42"] = b"{}"
    for mode in (0o604, 0o602, 0o601, 0o644, 0o777):
        os.chmod(out.config, mode)
        got = out.fetch(notified())
        eq(oct(mode), got.code, CONFIG)
        has("stderr", got.stderr, out.config)
    for mode in (0o600, 0o640, 0o400):
        os.chmod(out.config, mode)
        eq(oct(mode), out.fetch(notified()).code, OK)
    os.unlink(out.config)
    eq("missing", out.fetch(notified()).code, CONFIG)
    os.mkdir(out.config, 0o700)
    eq("directory", out.fetch(notified()).code, CONFIG)
    os.rmdir(out.config)
    os.mkfifo(out.config, 0o600)
    eq("pipe", out.fetch(notified()).code, CONFIG)


@test("a configuration that somebody else owns is refused")
@site()
def _(api, out):
    harness.needs_root()
    os.chown(out.config, 33, 33)
    eq("exit", out.fetch(notified()).code, CONFIG)
    eq("asked", api.paths(), [])


@test("an event is not passed on to the spool that it comes from")
@site()
def _(api, out):
    eq("exit", out.fetch(event_with([])).code, OK)
    name, = out.list("new")
    for where, path in ((out.path, os.path.join(out.path, "new", name)),
                        ("./out", os.path.join("out", "new", name)),
                        (".", os.path.join("new", name))):
        done = subprocess.run(
            out.command(where, path), capture_output=True, check=False,
            env=out.environment(),
            cwd=out.path if where == "." else out.folder)
        eq(path, done.returncode, CONFIG)
    eq("new/", out.list("new"), [name])


@test("wrong arguments")
@site()
def _(api, out):
    config = ["--config", out.config]
    for args in ([], [out.path], config, [*config, out.path, "a", "b"],
                 [*config, "--max-size", "0", out.path],
                 [*config, "--max-size", "x", out.path],
                 [*config, "--max-size", "2147483648", out.path],
                 [*config, "--timeout", "0", out.path],
                 [*config, "--timeout", "3601", out.path],
                 [*config, "--allow-host", "", out.path],
                 [*config, "--allow-host", "https://x", out.path],
                 [*config, "--allow-host", "x/y", out.path],
                 [*config, "--allow-host", "x:", out.path],
                 [*config, "--allow-host", "x:0", out.path],
                 [*config, "--allow-host", "x:65536", out.path],
                 [*config, "--allow-host", "*", out.path],
                 [*config, "--allow-host", "*.", out.path],
                 [*config, "--allow-host", "a*.x", out.path],
                 [*config, "--no-such", out.path]):
        done = subprocess.run([TOOL, "fetch", *args], check=False,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              env=out.environment())
        eq(repr(args), done.returncode, USAGE)
    ok("nothing was made", not os.path.exists(out.path))
    done = subprocess.run(out.command(out.path, "/no/such/file"), check=False,
                          capture_output=True, env=out.environment())
    eq("no event", done.returncode, NOINPUT)


@test("no secret is said, shown or stored where others look")
@site()
def _(api, out):
    api.orders["42"] = b'{"documents":[{"objectId":"d1"}]}'
    api.document("d1", b"x")
    api.token_uses = 1
    said = []

    def look(request):
        said.append(read(f"/proc/{process.pid}/cmdline"))
        # Other users may not even look at it.
        with contextlib.suppress(PermissionError):
            said.append(read(f"/proc/{process.pid}/environ"))
        api.route(request)
    api.on("/v2/object-storage/document/d1/metadata", look)
    process = out.start(notified())
    _, stderr = process.communicate(timeout=60)
    eq("exit", process.returncode, OK)
    said.append(stderr.decode())
    api.scripts.clear()
    for path, status in (("/v2/order/42", 500), ("/v2/order/42", 403),
                         ("/v2/authentication/refresh", 503),
                         ("/v2/authentication/login", 403),
                         ("/presigned/d1", 404), ("/presigned/d1", 403)):
        api.answer(path, status, b"c4nary")
        got = out.fetch(notified())
        said += [got.stdout, got.stderr]
        api.scripts.clear()
    ok("said", "status" in "".join(said))
    for text in said:
        hasnt("said", text, "c4nary")
    for where, _, names in os.walk(out.path):
        for name in names:
            raw = out.bytes(where, name)
            # The metadata is kept as it came, with an address long gone.
            raw = raw.replace(b"X-Amz-Signature=c4nary", b"")
            if (where, name) != (os.path.join(out.path, "fetch"), "session"):
                hasnt(name, raw, b"c4nary")


@test("what comes from outside does not reach the terminal as it is")
@site()
def _(api, out):
    hostile = "x\u001b[31m\u009b\n\u202e"
    for event in (by_id(hostile), by_url("https://" + hostile + "/"),
                  notified(subject=hostile)):
        got = out.fetch(event)
        ok("said something", got.stderr)
        ok(f"plain: {got.stderr!r}", got.stderr[:-1].isprintable()
           and got.stderr.isascii())


@test("as the command of hookdir run")
@site()
def _(api, out):
    api.orders["42"] = b'{"id":"42"}'
    inbox = os.path.join(out.folder, "in")
    for name in ("tmp", "new", "cur", "failed", "quarantine"):
        os.makedirs(os.path.join(inbox, name))
    for number, event in enumerate([notified(), notified(subject="none")]):
        write(os.path.join(inbox, "new", f"{number}.json"), dump(event))
    done = subprocess.run(
        [TOOL, "run", "--type", "com.tradecloud1.*", inbox, "--",
         *out.command(out.path)], capture_output=True, check=False,
        env=out.environment(), stdin=subprocess.DEVNULL, timeout=60)
    eq("delivered", [event["data"] for event in out.events()], [{"id": "42"}])
    eq("new/", os.listdir(os.path.join(inbox, "new")), [])
    eq("dead letters", len(os.listdir(os.path.join(inbox, "failed"))), 1)
    has("said", done.stderr.decode(), "status 404")


if __name__ == "__main__":
    main()

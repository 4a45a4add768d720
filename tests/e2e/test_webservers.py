# SPDX-License-Identifier: MIT
"""test_webservers - the handler behind nginx, Apache and Apache's CGI

The servers run the sample configurations of nginx/ and apache/ as they are
shipped. What holds for every transport is written once and tested on all
three; "each" in a test's name says so.
"""

import base64
import contextlib
import functools
import gzip
import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

import shipmondo
from harness import (Apache, Handler, Nginx, curl, eq, fail, group_members,
                     has, hasnt, main, ok, read, root_file, test,
                     wait_for)
from spools import TOOL

KEY = 'new key with " and \\ and a blank'
OLD_KEY = "jtv-short-key-1"
TOKEN, OLD_TOKEN = "Tok.New+0123456789abcdef", "tok-old-fedcba9876543210"
USERS = [("sender-new", "pass word:new"), ("sender-old", "p\u00e5ss-old")]
MIB = 1024 * 1024
PATH = "/webhook/shipmondo"


class Site:
    """A web server, and where its endpoints are."""

    def __init__(self, kind):
        secrets = {"keys": [KEY, OLD_KEY]}
        self.kind = kind
        self.handler = None
        self.generic, self.auth = "/webhook/bearer", \
            [("Authorization", f"Bearer {TOKEN}")]
        if kind == "cgi":
            self.generic, self.auth = "/webhook/generic", []
            # vhost.conf sets the limit for the other two.
            self.web = Apache(None, "hookdir-cgi.conf", **secrets, endpoints={
                self.generic: {"HOOKDIR_AUTH": "none"}},
                              main="LimitRequestFieldSize 16380")
            self.generic_spool = self.web.spool("webhook-generic")
        else:
            secrets.update(passwords=USERS, tokens=[TOKEN, OLD_TOKEN])
            self.handler = Handler()
            make = {"nginx": Nginx, "apache": Apache}[kind]
            self.web = make(self.handler, **secrets)
            self.generic_spool = self.web.spool("bearer")
        self.spool = self.web.spool("shipmondo")
        self.basic_spool = self.web.spool("basic")

    def clear(self):
        for spool in (self.spool, self.generic_spool, self.basic_spool):
            spool.clear()

    def files(self):
        """All that is stored, whatever the endpoint"""
        return (self.spool.files() + self.generic_spool.files()
                + self.basic_spool.files())

    def post(self, body, headers=shipmondo.HEADERS, path=PATH, **options):
        return self.web.post(path, body, headers, **options)

    def post_generic(self, body, headers=(), **options):
        return self.web.post(self.generic, body, [*self.auth, *headers],
                             **options)

    def settle(self):
        """Returns when no call is under way any more."""
        if self.handler:
            self.handler.restart()
        else:
            wait_for(lambda: not programs(self.web),
                     "end of the CGI programs")


def programs(web):
    """The CGI programs that are running"""
    found = []
    for pid in group_members(web.pid):
        with contextlib.suppress(OSError):
            if read(f"/proc/{pid}/comm") == "hookdir.cgi\n":
                found.append(pid)
    return found


@functools.cache
def site(kind):
    return Site(kind)


def each(name, kinds=("nginx", "apache", "cgi")):
    def register(function):
        for kind in kinds:
            @test(f"{kind}: {name}")
            def _(kind=kind):
                here = site(kind)
                here.clear()
                function(here)
        return function
    return register


SERVERS = ("nginx", "apache")  # those with the complete virtual host


# The type without headers
EVENT = "com.shipmondo.event"


def accepted(got, body, event=None):
    eq("answer", (got.status, got.error), (200, ""))
    eq("body", got.json(),
       {"status": "accepted", "id": shipmondo.message_id(body, event)})


def refused(got, status, rule):
    eq("answer", (got.status, got.error), (status, ""))
    eq("rule", got.rule(), rule)
    eq("status in the body", got.json().get("status"), status)


def signed(payload=None, key=KEY):
    return shipmondo.body(payload or shipmondo.form_b(), key)


def json_of_size(size):
    return b'{"a":"' + b"x" * (size - 8) + b'"}'


# --- what is stored ---------------------------------------------------------

@test("each server stores the same file")
def _():
    headers = [*shipmondo.HEADERS[:4], ("SMD-User", "J\u00f8rgen"),
               ("SMD-User", b"J\xf8rgen"), ("Authorization", "Bearer x")]
    body = signed()
    files = {}
    for kind in ("nginx", "apache", "cgi"):
        here = site(kind)
        here.clear()
        accepted(here.post(body, headers, PATH + "?a=1&b=%2F%20&c"), body)
        message = here.spool.one()
        eq(f"{kind} source", message["source"],
           "https://hooks.example/webhook/shipmondo")
        eq(f"{kind} path", message["path"], PATH)
        eq(f"{kind} query", message["query"], "a=1&b=%2F%20&c")
        eq(f"{kind} id", message["id"], shipmondo.message_id(body))
        eq(f"{kind} data", message.data, shipmondo.form_b())
        files[kind], count = re.subn(rb'"time":"[-0-9T:.]+Z"', b'"time":""',
                                     message.raw)
        eq(f"{kind} times", count, 1)
    eq("apache's file", files["apache"], files["nginx"])
    eq("cgi's file", files["cgi"], files["nginx"])


@each("the three payload forms give the same data")
def _(here):
    for name, form in shipmondo.FORMS.items():
        here.clear()
        body = signed(form())
        accepted(here.post(body), body)
        message = here.spool.one()
        eq(f"data of form {name}", message.data, shipmondo.form_b())
        eq(f"verifiedby of form {name}", message["verifiedby"], "jwt")
        eq(f"type of form {name}", message["type"],
           "com.shipmondo.orders.status_update")


@each("a call without SMD headers is stored")
def _(here):
    body = signed(shipmondo.connection_test())
    accepted(here.post(body, []), body, "com.shipmondo.connection_test")
    eq("type", here.spool.one()["type"], "com.shipmondo.connection_test")


@each("the id is of what is signed and of the type, not of the body")
def _(here):
    token = shipmondo.sign(shipmondo.form_b(), KEY)
    escaped = token.replace(b"e", b"\\u0065", 1)
    others = [("SMD-Webhook-Id", "78"), ("SMD-User", "somebody"),
              ("SMD-Resource-Id", "1")]
    same = [(shipmondo.wrap(token), shipmondo.HEADERS),
            (b' { "data" : "' + token + b'" }\n', shipmondo.HEADERS),
            (b'{"more":1,"data":"' + token + b'"}', shipmondo.HEADERS),
            (shipmondo.wrap(escaped), shipmondo.HEADERS),
            (shipmondo.wrap(token), [*others, shipmondo.HEADERS[0],
                                     shipmondo.HEADERS[3]]),
            # A second webhook during a rotation: another key, one event
            (signed(key=OLD_KEY), [*others, shipmondo.HEADERS[0],
                                   shipmondo.HEADERS[3]])]
    for body, headers in same:
        accepted(here.post(body, headers), same[0][0])
    for headers, event in (
            ([("SMD-Resource-Type", "Orders"), ("SMD-Action", "create")],
             "com.shipmondo.orders.create"),
            ([("SMD-Resource-Type", "Drafts"),
              ("SMD-Action", "status_update")],
             "com.shipmondo.drafts.status_update"), ([], EVENT)):
        accepted(here.post(same[0][0], headers), same[0][0], event)
    text = signed(b"no JSON")
    accepted(here.post(text), text)
    ids = [message["id"] for message in here.spool.messages()]
    eq("messages", len(ids), len(same) + 4)
    eq("ids", len(set(ids)), 5)


@each("a connection test is one, whatever its headers say")
def _(here):
    body = signed(shipmondo.connection_test())
    kind = "com.shipmondo.connection_test"
    for headers in ([], [("SMD-Resource-Type", "Orders"),
                         ("SMD-Action", "connection_test")],
                    shipmondo.HEADERS):
        accepted(here.post(body, headers), body, kind)
    text = signed(shipmondo.text_of(shipmondo.connection_test()))
    accepted(here.post(text), text, kind)
    # An order that says so elsewhere is an order.
    order = signed(b'{"data":{"action":"connection_test","id":5}}')
    accepted(here.post(order), order)
    eq("types", [m["type"] for m in here.spool.messages()],
       [kind] * 4 + [shipmondo.TYPE])
    # hookdir(1), EXAMPLES
    done = subprocess.run([TOOL, "run", "--type", kind, here.spool.path,
                           "--", "true"], capture_output=True, check=False)
    eq("run", (done.returncode, done.stderr), (0, b""))
    eq("left", here.spool.one()["subject"], "5")


@each("the subject is what is signed, before the header")
def _(here):
    for resource, ident, want in (
            (b'{"id":119175}', "1", "119175"), (b'{"id":7}', None, "7"),
            # Shipment Monitor
            (b'{"shipment_id":1168,"carrier_track_id":"T"}', None, "1168"),
            (b'{"shipment_id":1168}', "1", "1168"),
            (b'{"id":5,"shipment_id":1168}', None, "5"),
            (b'{"order_id":"2042"}', "1", "1"),
            (b'{"order_id":"2042"}', None, None)):
        here.clear()
        headers = [("SMD-Resource-Id", ident)] if ident else []
        eq("status", here.post(
            signed(shipmondo.form_b(resource)), headers).status, 200)
        eq(f"subject of {resource} with {ident}",
           here.spool.one().get("subject"), want)


# --- bodies -----------------------------------------------------------------

@each("a signed body of 10 MiB is stored")
def _(here):
    body = shipmondo.body_of_size(10 * MIB, KEY)
    accepted(here.post(body), body)
    eq("id", here.spool.one()["id"], shipmondo.message_id(body))


@each("a body of exactly 16 MiB is stored")
def _(here):
    body = json_of_size(16 * MIB)
    accepted(here.post_generic(body), body)
    ok("data is the body", here.generic_spool.one().data == body)


@each("a body of one byte more than 16 MiB is refused")
def _(here):
    for chunked in (False, True):
        got = here.post_generic(json_of_size(16 * MIB + 1), chunked=chunked)
        eq(f"status, chunked {chunked}", got.status, 413)
        eq("stored", here.files(), [])


@each("chunked bodies are stored, small and large")
def _(here):
    for size in (100, 15 * 1024, 17 * 1024, MIB):
        for version in ("1.1", "2"):
            here.clear()
            body = json_of_size(size)
            got = here.post_generic(body, chunked=True, http=version)
            accepted(got, body)
            ok(f"{size} bytes over HTTP/{version} are the data",
               here.generic_spool.one().data == body)


@each("a chunked body is verified")
def _(here):
    body = signed(shipmondo.filler(30000))
    accepted(here.post(body, chunked=True), body)
    eq("data", here.spool.one().data, shipmondo.filler(30000))


@each("a client that expects 100-continue gets it")
def _(here):
    body = signed()
    got = here.post(body, expect=True)
    accepted(got, body)
    eq("interim answers", got.interim, [100])


@each("HTTP/2 over TLS, with and without a length")
def _(here):
    body = signed()
    for chunked in (False, True):
        here.clear()
        got = here.post(body, http="2", chunked=chunked)
        accepted(got, body)
        eq("version", got.version, "2" if here.kind != "cgi" else got.version)
        eq("data", here.spool.one().data, shipmondo.form_b())


@each("HTTP/1.0")
def _(here):
    body = signed()
    accepted(here.post(body, http="1.0"), body)


@each("an empty body is refused or kept as it is, never a fault")
def _(here):
    got = here.post(b"")
    refused(got, 400, "form-unknown")
    eq("new", here.spool.names("new"), [])


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


CHUNKED = b"Transfer-Encoding: chunked"


def length(size):
    return b"Content-Length: %d" % size


def cut_off(web, path, headers, data, how, auth=()):
    """Sends a part of a call and goes away; returns when the web server has
    taken note."""
    access = os.path.join(web.dir, "access.log")

    def calls():
        with open(access, "rb") as file:
            return file.read().count(b"\n")
    before = calls()
    with web.tls() as sock:
        head = [f"POST {path} HTTP/1.1", "Host: hooks.example",
                "Expect: 100-continue"]
        head += [f"{name}: {value}" for name, value in auth]
        sock.sendall("\r\n".join(head).encode() + b"\r\n" + headers
                     + b"\r\n\r\n")
        # The server waits for the body now.
        has("first answer", sock.recv(4096), b" 100 ")
        sock.sendall(data)
        if how == "notice":
            sock.settimeout(1)
            with contextlib.suppress(OSError):
                sock.unwrap()
        elif how == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
    wait_for(lambda: calls() > before, "line in the access log")


@each("a body that is cut off leaves nothing behind")
def _(here):
    # What did arrive is a whole message in itself each time.
    whole = signed()
    small = b'{"n":1}' + b" " * 493
    large = json_of_size(20000)
    for path, headers, data in (
            (here.generic, length(1000), small),
            (here.generic, length(40000), large),
            (here.generic, CHUNKED, chunk(small)),
            (here.generic, CHUNKED, chunk(small)[:-2]),
            (here.generic, CHUNKED, chunk(small) + b"5"),
            (here.generic, CHUNKED, chunk(large)),
            (here.generic, CHUNKED, chunk(large) + b"0\r\n"),
            (PATH, length(len(whole) + 1), whole),
            (PATH, length(len(whole)), whole[:-1]),
            (PATH, CHUNKED, chunk(whole))):
        for how in ("close", "notice", "reset"):
            cut_off(here.web, path, headers, data, how, here.auth)
            here.settle()
            eq(f"stored after {how}, {headers}, {len(data)} bytes",
               here.files(), [])


class ModCgi(Apache):
    """With mod_cgi in place of mod_cgid"""

    def modules(self):
        return re.sub("^LoadModule cgid_module .*$", read(
            "/etc/apache2/mods-available/cgi.load").strip(),
            super().modules(), flags=re.M)


@functools.cache
def inflating(kind):
    """Apache that decodes bodies, on file systems that do not wait"""
    endpoints = {"/open": {"HOOKDIR_AUTH": "none"}}
    main = "SetInputFilter DEFLATE"
    if kind == "fcgi":
        return Apache(site("apache").handler, "hookdir.conf", main=main,
                      endpoints=endpoints)
    make = ModCgi if kind == "cgi" else Apache
    return make(None, "hookdir-cgi.conf", main=main, endpoints=endpoints)


for _kind in ("fcgi", "cgi", "cgid"):
    @test(f"Apache, {_kind}: a body that it decodes is stored whole")
    def _(kind=_kind):
        web = inflating(kind)
        spool = web.spool("open")
        for size in (0, 3, 30, 2700, 10000, 350000):
            body = json.dumps({"a": os.urandom(size).hex()}).encode()
            coded = gzip.compress(body)
            for chunked in (False, True):
                for headers, sent in (([], body),
                                      (["gzip"], coded), (["x-gzip"], coded)):
                    got = web.post("/open", sent, [
                        ("Content-Encoding", value) for value in headers],
                                   chunked=chunked)
                    # mod_proxy_fcgi may pass a large one on before it knows
                    # how long it will be.
                    if (kind, got.status) == ("fcgi", 503) and size > 9999:
                        eq("stored", spool.files(), [])
                        continue
                    eq(f"{size} bytes, {headers}, chunked {chunked}",
                       (got.status, got.error), (200, ""))
                    eq("body", spool.one().data, body)
                    spool.clear()


for _kind in ("cgi", "cgid"):
    @test(f"Apache, {_kind}: no part of a body is stored, decoded or not")
    def _(kind=_kind):
        web = inflating(kind)
        coded = gzip.compress(os.urandom(9000).hex().encode())
        for headers in (length(len(coded)), CHUNKED):
            for part in (0.05, 0.5, 0.99):
                cut = coded[:int(len(coded) * part)]
                if headers is CHUNKED:
                    cut = b"%x\r\n" % len(coded) + cut
                for coding in (b"", b"\r\nContent-Encoding: gzip"):
                    for how in ("close", "notice", "reset"):
                        cut_off(web, "/open", headers + coding, cut, how)
        wait_for(lambda: not programs(web), "end of the CGI programs")
        eq("stored", web.spool("open").files(), [])


@functools.cache
def drop_in(kind):
    """A drop-in with endpoints that the complete virtual host has not"""
    endpoints = {
        "/small": {"HOOKDIR_AUTH": "none", "HOOKDIR_MAX_BODY": "1000"},
        "/basic": {"HOOKDIR_AUTH": "basic"},
        "/headers": {"HOOKDIR_AUTH": "none",
                     "HOOKDIR_HEADERS": "Authorization Proxy X-Other"}}
    make = Nginx if kind == "nginx" else Apache
    if kind == "cgi":
        return make(None, "hookdir-cgi.conf", endpoints=endpoints)
    return make(site(kind).handler, "hookdir.conf", endpoints=endpoints)


@each("a refusal reaches a client whose body nobody has read")
def _(here):
    web = drop_in(here.kind)
    for path, method, status, rule in (
            ("/small", "POST", 413, "body-too-large"),
            ("/basic", "POST", 401, "credentials-required"),
            ("/small", "PUT", 405, "method-not-allowed")):
        for size in (2000, 20000, 200000, MIB, 10 * MIB):
            for chunked in (False, True):
                got = web.post(path, b"x" * size, method=method,
                               chunked=chunked)
                eq(f"{method} {path}, {size} bytes, chunked {chunked}",
                   (got.status, got.error), (status, ""))
                eq("rule", got.rule(), rule)
    for name in ("small", "basic"):
        eq("stored", web.spool(name).files(), [])


@each("credentials and a header Proxy do not reach the handler")
def _(here):
    web = drop_in(here.kind)
    got = web.post("/headers", b"{}", [
        ("Authorization", "Bearer x"), ("Proxy", "http://evil.example/"),
        ("X-Other", "kept")])
    accepted(got, b"{}")
    message = web.spool("headers").one()
    web.spool("headers").clear()
    eq("xother", message["xother"], "kept")
    ok("no authorization", "authorization" not in message)
    ok("no proxy", "proxy" not in message)


@each("each call has its line in the log")
def _(here):
    log = here.handler.log if here.handler else here.web.logs
    for status, reason, body in ((200, "accepted", signed()),
                                 (403, "signature-mismatch", signed(key="x")),
                                 (400, "form-unknown", b"{}")):
        line = f"status={status} reason={reason} "
        before = log().count(line)
        for _ in range(20):
            eq("status", here.post(body).status, status)
        here.settle()
        wait_for(lambda: log().count(line) == before + 20,
                 f"20 lines with {line}", 10)


# --- headers, path, query, method -------------------------------------------

@each("a header that comes twice is joined")
def _(here):
    body = signed()
    accepted(here.post(body, [("SMD-User", "a"), ("SMD-User", "b")]), body,
             EVENT)
    eq("smduser", here.spool.one()["smduser"], "a, b")


@each("an empty header is left out")
def _(here):
    body = signed()
    accepted(here.post(body, [("SMD-User", ""), ("SMD-Action", "x")]), body,
             EVENT)
    message = here.spool.one()
    ok("no smduser", "smduser" not in message)
    eq("smdaction", message["smdaction"], "x")


@each("a header in Latin-1 is kept as UTF-8")
def _(here):
    body = signed()
    accepted(here.post(body, [("SMD-User", b"J\xf8rgen \xc5"),
                              ("SMD-Action", "\u00f8")]), body, EVENT)
    message = here.spool.one()
    eq("smduser", message["smduser"], "J\u00f8rgen \u00c5")
    eq("smdaction", message["smdaction"], "\u00f8")


@each("a header value of 8 KiB is kept")
def _(here):
    body = signed()
    value = "u" * 8192
    accepted(here.post(body, [("SMD-User", value)]), body, EVENT)
    ok("smduser is whole", here.spool.one()["smduser"] == value)


@each("a header with an underscore in its name is dropped")
def _(here):
    body = signed()
    accepted(here.post(body, [("SMD_User", "forged"),
                              ("SMD-Action", "x")]), body, EVENT)
    message = here.spool.one()
    ok("no smduser", "smduser" not in message)
    hasnt("file", message.raw, b"forged")


@each("the query is kept as it came and is no part of the source")
def _(here):
    for query in ("", "a=1", "a=1&a=2&b=%2f%3F", "plain", "x=%22%5C%0A",
                  "HOOKDIR_KEY=x&REMOTE_USER=y"):
        here.clear()
        body = signed()
        accepted(here.post(body, path=f"{PATH}?{query}"), body)
        message = here.spool.one()
        eq("query", message["query"], query)
        eq("path", message["path"], PATH)
        eq("source", message["source"], "https://hooks.example" + PATH)


@each("the client's Host is no part of the source")
def _(here):
    body = signed()
    got = here.web.raw(
        b"POST /webhook/shipmondo HTTP/1.1\r\nHost: evil.example\r\n"
        b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    accepted(got, body, EVENT)
    eq("source", here.spool.one()["source"], "https://hooks.example" + PATH)


@each("other methods than POST are answered 405")
def _(here):
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"):
        got = here.web.request(PATH, method)
        eq(f"{method}: status", got.status, 405)
        eq(f"{method}: Allow", got.header("Allow"), "POST")
        if method != "HEAD":
            refused(got, 405, "method-not-allowed")
        eq(f"{method}: stored", here.files(), [])


# --- who may pass -----------------------------------------------------------

@each("a wrong signature is refused and goes to quarantine")
def _(here):
    body = signed(key="not the key")
    refused(here.post(body), 403, "signature-mismatch")
    eq("new", here.spool.names("new"), [])
    has("its name", here.spool.one("quarantine").name,
        ",full,from=127.0.0.1.json")


BEHIND_A_PROXY = {
    "nginx": "set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;",
    "apache": "LoadModule remoteip_module "
              "/usr/lib/apache2/modules/mod_remoteip.so\n"
              "RemoteIPHeader X-Forwarded-For\n"
              "RemoteIPInternalProxy 127.0.0.1"}


@each("behind a proxy, each of its clients is a caller", SERVERS)
def _(here):
    web = {"nginx": Nginx, "apache": Apache}[here.kind](
        here.handler, keys=[KEY], main=BEHIND_A_PROXY[here.kind])
    try:
        for caller in ("192.0.2.1", "192.0.2.2", "2001:db8:0:1::2"):
            refused(web.post(PATH, signed(key="not the key"), [
                *shipmondo.HEADERS, ("X-Forwarded-For", caller)]), 403,
                    "signature-mismatch")
        eq("callers", sorted(
            name.partition(",from=")[2]
            for name in web.spool("shipmondo").names("quarantine")),
           ["192.0.2.1.json", "192.0.2.2.json", "2001-db8-0-1.json"])
    finally:
        web.stop()


@each("both keys are good during a rotation")
def _(here):
    for key, used in ((KEY, "current"), (OLD_KEY, "previous")):
        here.clear()
        body = signed(key=key)
        accepted(here.post(body), body)
        eq("keyused", here.spool.one()["keyused"], used)


def basic(user, password):
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return ("Authorization", f"Basic {pair}")


def challenged(got, challenge):
    eq("answer", (got.status, got.error), (401, ""))
    eq("challenge", got.header("WWW-Authenticate"), challenge)


@each("Basic: both users are good during a rotation", SERVERS)
def _(here):
    for user, password in USERS:
        here.basic_spool.clear()
        got = here.web.post("/webhook/basic", b'{"a":1}',
                            [basic(user, password)])
        accepted(got, b'{"a":1}')
        eq("data", here.basic_spool.one().data, b'{"a":1}')


@each("Basic: without the right password the answer is 401", SERVERS)
def _(here):
    here.settle()
    log = here.handler.log()
    (user, password), (other, _) = USERS
    for headers in ([], [basic(user, "wrong")], [basic(user, "")],
                    [basic("", password)], [basic("", "")],
                    [basic(other, password)], [basic(user.upper(), password)],
                    [basic(user, password + "x")],
                    [("Authorization", f"Bearer {TOKEN}")],
                    [("Authorization", "Basic")],
                    [("Authorization", "Basic !!!")],
                    [("Remote-User", user)], [("REMOTE_USER", user)],
                    [("Proxy-Authorization", basic(user, password)[1])]):
        got = here.web.post("/webhook/basic", b'{"a":1}', headers)
        challenged(got, 'Basic realm="hookdir"')
        eq("stored", here.files(), [])
    here.settle()
    eq("handler's log of it", here.handler.log()[len(log):], "")


@each("bearer: both tokens are good during a rotation", SERVERS)
def _(here):
    for value in (f"Bearer {TOKEN}", f"Bearer {OLD_TOKEN}",
                  f"bearer {TOKEN}", f"BEARER  {TOKEN}",
                  # Blanks around it are no part of a value: RFC 9110 5.5.
                  f" Bearer {TOKEN} "):
        here.generic_spool.clear()
        got = here.web.post("/webhook/bearer", b'{"a":1}',
                            [("Authorization", value)])
        accepted(got, b'{"a":1}')
        here.generic_spool.one()


@each("bearer: the token is compared exactly, else the answer is 401",
      SERVERS)
def _(here):
    here.settle()
    log = here.handler.log()
    for value in (None, "", "Bearer", "Bearer ", TOKEN, f"Bearer{TOKEN}",
                  f"Bearer {TOKEN}x", f"Bearer x{TOKEN}",
                  f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN[1:]}",
                  f"Bearer {TOKEN.lower()}", f"Bearer {TOKEN.upper()}",
                  f"Bearer {TOKEN.replace('.', 'x')}",
                  f"Bearer {TOKEN.replace('w+', 'ww')}",
                  f"Bearer {OLD_TOKEN.upper()}", f"Bearer {TOKEN} {TOKEN}",
                  f"Bearer {TOKEN},Bearer {TOKEN}", f"Bearer\t{TOKEN}",
                  f"Basic {TOKEN}", f"xBearer {TOKEN}",
                  "Bearer TOKEN-IN-USE", "Bearer TOKEN-BEFORE",
                  basic(*USERS[0])[1]):
        headers = [] if value is None else [("Authorization", value)]
        got = here.web.post("/webhook/bearer", b'{"a":1}', headers)
        challenged(got, 'Bearer realm="hookdir"')
        eq(f"stored after {value}", here.files(), [])
    here.settle()
    eq("handler's log of it", here.handler.log()[len(log):], "")


@each("bearer: two Authorization headers are refused", SERVERS)
def _(here):
    good, bad = ("Authorization", f"Bearer {TOKEN}"), ("Authorization", "x")
    for headers in ([good, bad], [bad, good], [good, good]):
        got = here.web.post("/webhook/bearer", b'{"a":1}', headers)
        ok(f"refused: {got}", got.status in (400, 401))
        eq("stored", here.files(), [])


@each("bearer: no spelling of the path goes past the check", SERVERS)
def _(here):
    for path in ("/webhook/bearer/", "/webhook/bearer/x", "//webhook/bearer",
                 "/webhook//bearer", "/webhook/./bearer", "/webhook/bearer//",
                 "/webhook/%62earer", "/webhook/bearer%2f", "/webhook/BEARER",
                 "/webhook/bearer;x", "/webhook/bearer%00", "/webhook/bearer?",
                 "/webhook/shipmondo/../bearer", "/webhook/bearer%0a"):
        got = here.web.post(path, b'{"a":1}')
        ok(f"{path} is refused: {got}", got.status in (400, 401, 403, 404))
        eq(f"stored after {path}", here.files(), [])


@each("a client cannot set parameters")
def _(here):
    spool = os.path.join(here.web.spools, "planted")
    names = {"HOOKDIR_SPOOL": spool, "HOOKDIR_KEY": "planted",
             "HOOKDIR_KEY_PREVIOUS": "planted", "HOOKDIR_AUTH": "none",
             "HOOKDIR_SENDER": "generic", "REMOTE_USER": "planted",
             "REQUEST_METHOD": "GET", "SERVER_NAME": "planted",
             "QUERY_STRING": "planted", "PATH_INFO": "/planted",
             "HTTPS": "off", "SCRIPT_NAME": "/planted"}
    forms = [[(name, value) for name, value in names.items()],
             [(name.replace("_", "-"), value)
              for name, value in names.items()],
             [("HTTP-" + name.replace("_", "-"), value)
              for name, value in names.items()]]
    for headers in forms:
        here.clear()
        refused(here.post(signed(key="planted"), headers), 403,
                "signature-mismatch")
        body = signed()
        accepted(here.post(body, headers), body, EVENT)
        message = here.spool.one()
        eq("source", message["source"], "https://hooks.example" + PATH)
        eq("sender", message["sender"], "shipmondo")
        hasnt("file", message.raw, b"planted")
        ok("nothing is stored elsewhere", not os.path.exists(spool))


@each("an Authorization header reaches neither files nor logs")
def _(here):
    canary = "canary-5c1f0d"
    values = [f"Bearer {canary}", basic(canary, canary)[1], TOKEN]
    for value in values[:2]:
        here.post(signed(), [("Authorization", value)])
        here.post(signed(key="wrong"), [("Authorization", value)])
    if here.kind != "cgi":
        user, password = USERS[0]
        values += [password, basic(user, password)[1][6:]]
        here.post_generic(b"{}")
        here.web.post("/webhook/basic", b"{}", [basic(user, password)])
    stored = []
    for spool in (here.spool, here.generic_spool, here.basic_spool):
        stored += [m.raw.decode() for m in
                   spool.messages() + spool.quarantine()]
    eq("files", len(stored), 4 if here.kind == "cgi" else 6)
    texts = {"files": "".join(stored), "web server's logs": here.web.logs()}
    if here.handler:
        texts["handler's log"] = here.handler.log()
    secrets = [values[0].split()[1], values[1].split()[1], *values[2:],
               KEY, OLD_KEY]
    for where, text in texts.items():
        for secret in secrets:
            # Apache's and nginx's access logs name the user, as they should.
            if not (secret == canary and where == "web server's logs"):
                hasnt(where, text, secret)


# --- TLS --------------------------------------------------------------------

@each("TLS 1.2 and 1.3 are served", SERVERS)
def _(here):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with here.web.tls(version) as sock:
            eq("version", sock.version(),
               {ssl.TLSVersion.TLSv1_2: "TLSv1.2",
                ssl.TLSVersion.TLSv1_3: "TLSv1.3"}[version])


@each("TLS 1.0 and 1.1 are refused by the server", SERVERS)
def _(here):
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        try:
            here.web.tls(version).close()
        except ssl.SSLError as error:
            # The server's alert, not our own library's refusal
            has("alert", str(error), "ALERT_PROTOCOL_VERSION")
        else:
            fail(f"{version.name} was accepted")


@each("TLS 1.2 offers the six ECDHE AEAD suites only, and no tickets",
      SERVERS)
def _(here):
    with here.web.tls(ssl.TLSVersion.TLSv1_2) as sock:
        ok(f"suite {sock.cipher()[0]}", re.match(
            r"ECDHE-ECDSA-(AES(128|256)-GCM|CHACHA20)", sock.cipher()[0]))
        ok("no ticket", not sock.session.has_ticket)
    got = curl(here.web.url("/"), args=[
        "--tls-max", "1.2", "--ciphers",
        "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA"])
    eq("a CBC suite: status", got.status, 0)


@each("HSTS is on every answer of the handler, and on refusals", SERVERS)
def _(here):
    for got in (here.post(signed()), here.post(signed(key="x")),
                here.web.request(PATH), here.web.request("/webhook/basic"),
                here.web.request("/webhook/bearer"), here.web.request("/")):
        eq(f"HSTS with {got.status}",
           got.header("Strict-Transport-Security"), "max-age=63072000")


# --- faults -----------------------------------------------------------------

def unavailable(got):
    eq("answer", (got.status, got.error), (503, ""))
    eq("type", got.header("Content-Type"), "application/problem+json")
    eq("rule", got.rule(), "system-error")
    ok("Retry-After", int(got.header("Retry-After") or 0) > 0)


@each("while the handler is down, the answer is 503 at once", SERVERS)
def _(here):
    body = signed()
    here.handler.down()
    try:
        # No body by HTTP/2: this curl overlooks an answer that comes before
        # it has sent all of one.
        for got in (here.post(body), here.post(b"", http="2")):
            unavailable(got)
            ok(f"in {got.seconds} s", got.seconds < 3)
        os.unlink(here.handler.socket)
        unavailable(here.post(body))
        unavailable(here.post_generic(json_of_size(MIB)))
        unavailable(here.web.post("/webhook/basic", b"{}", [basic(*USERS[0])]))
    finally:
        here.handler.up()
    # All of them are back at once.
    accepted(here.post(body), body)
    accepted(here.post_generic(b"{}"), b"{}")
    accepted(here.web.post("/webhook/basic", b"{}", [basic(*USERS[0])]), b"{}")
    here.spool.one()


@each("a call that comes while the handler restarts is not lost", SERVERS)
def _(here):
    body = signed()
    here.handler.stop()
    answers = []
    caller = threading.Thread(
        target=lambda: answers.append(here.post(body)))
    caller.start()
    # It waits in the listening socket by then, or will.
    time.sleep(0.1)
    here.handler.start()
    caller.join()
    accepted(answers[0], body)


@each("a sender that hangs up after its last byte is still served", SERVERS)
def _(here):
    body = signed()
    here.handler.stop()
    with here.web.tls() as sock:
        sock.sendall(b"POST /webhook/shipmondo HTTP/1.1\r\n"
                     b"Host: hooks.example\r\nContent-Length: %d\r\n\r\n"
                     % len(body) + body)
        wait_for(lambda: waiting(here.handler.socket),
                 "connection to the handler")
    here.handler.start()
    wait_for(lambda: here.spool.names("new"), "message")
    eq("id", here.spool.one()["id"], shipmondo.message_id(body, EVENT))


@each("a handler that is killed during a call makes it a 503", SERVERS)
def _(here):
    here.handler.popen.send_signal(signal.SIGSTOP)
    answers = []
    caller = threading.Thread(
        target=lambda: answers.append(here.post(signed())))
    caller.start()
    try:
        # Nobody listens when the stopped process is gone, so the call ends.
        wait_for(lambda: waiting(here.handler.socket),
                 "connection to the handler")
        here.handler.listener.close()
    finally:
        here.handler.kill()
        here.handler.down()
        caller.join()
        here.handler.up()
    unavailable(answers[0])
    eq("stored", here.files(), [])


def waiting(path):
    """Connections to a unix socket, accepted or not"""
    with open("/proc/net/unix", encoding="utf-8") as file:
        lines = [line.split() for line in file]
    # Flags 00010000 is the listener itself; 03 is connected, 02 waiting.
    return sum(len(line) > 7 and line[7] == path and line[3] != "00010000"
               for line in lines)


@test("nginx: a body that cannot be buffered makes a call a 503")
def _():
    here = site("nginx")
    here.clear()
    place = os.path.join(here.web.dir, "tmp", "client_body")
    mode = os.stat(place).st_mode
    os.chmod(place, 0)
    try:
        unavailable(here.post_generic(json_of_size(MIB)))
    finally:
        os.chmod(place, mode)
    eq("stored", here.files(), [])


@each("a missing password file makes a call a 503", SERVERS)
def _(here):
    path = os.path.join(here.web.etc, "basic.htpasswd")
    os.rename(path, path + ".away")
    try:
        unavailable(here.web.post("/webhook/basic", b"{}",
                                  [basic(*USERS[0])]))
    finally:
        os.rename(path + ".away", path)
    eq("stored", here.files(), [])


@test("cgi: a program that cannot be started makes a call a 503")
def _():
    here = site("cgi")
    here.clear()
    program = here.web.program
    os.rename(program, program + ".away")
    with open(program, "w", encoding="utf-8") as file:
        file.write("#!/bin/false\n")
    try:
        os.chmod(program, 0o755)
        unavailable(here.post(signed()))
        os.chmod(program, 0o644)
        unavailable(here.post(signed()))
    finally:
        os.rename(program + ".away", program)
    body = signed()
    accepted(here.post(body), body)


# --- many at once -----------------------------------------------------------

class Callers:
    """Threads that post signed bodies, each body once, until stopped."""

    def __init__(self, here, key, count=4):
        self.here = here
        self.key = key
        self.answers = []
        self.done = [0] * count
        self.stopping = False
        self.threads = [threading.Thread(target=self._call, args=(number,))
                        for number in range(count)]
        for thread in self.threads:
            thread.start()

    def _call(self, number):
        while not self.stopping:
            payload = shipmondo.form_b(
                b'{"id":%d%06d}' % (number + 1, self.done[number]))
            got = self.here.post(signed(payload, self.key))
            self.answers.append((got.status, got.error))
            self.done[number] += 1

    def make_progress(self, calls=3):
        """Returns when every thread has made that many calls from now."""
        goal = [n + calls for n in self.done]
        wait_for(lambda: all(n >= g for n, g in zip(self.done, goal)),
                 "answers")

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join()


@each("a rotation by reloads loses no call")
def _(here):
    web = here.web
    web.keys = [OLD_KEY]
    web.reload()
    callers = Callers(here, OLD_KEY)
    try:
        callers.make_progress()
        web.keys = [KEY, OLD_KEY]
        web.reload()
        # Old workers may still take a call for an instant, with old keys.
        wait_for(lambda: here.post(signed(key=KEY)).status == 200, "new key")
        callers.make_progress()
        callers.key = KEY
        callers.make_progress()
        web.keys = [KEY]
        web.reload()
        callers.make_progress()
    finally:
        callers.stop()
        web.keys = [KEY, OLD_KEY]
        web.reload()
    # Apache replaces its CGI daemon at a reload, calls under way included.
    fine = [200] if here.handler else [200, 503]
    bad = [answer for answer in callers.answers
           if answer[0] not in fine or answer[1]]
    eq(f"other answers among {len(callers.answers)}", bad, [])
    ids = {json.loads(m.data)["data"]["id"] for m in here.spool.messages()
           if b'"barcode"' not in m.data}
    eq("stored", len(ids), callers.answers.count((200, "")))


def slow_clients(here, count):
    """A true call while so many callers are in the middle of their bodies"""
    with contextlib.ExitStack() as held:
        for _ in range(count):
            sock = held.enter_context(here.tls())
            sock.sendall(f"POST {PATH} HTTP/1.1\r\nHost: hooks.example\r\n"
                         "Content-Length: 1000\r\n\r\n".encode()
                         + b"x" * 500)
        wait_for(lambda: waiting(here.handler.socket) >= count,
                 f"{count} calls at the handler")
        body = signed()
        got = here.post(PATH, body)
        held_now = waiting(here.handler.socket)
        accepted(got, body, EVENT)
        ok(f"in {got.seconds} s", got.seconds < 3)
        ok(f"{held_now} of {count} are still held", held_now >= count)


@test("apache: 120 slow clients do not keep others waiting")
def _():
    here = site("apache")
    here.clear()
    slow_clients(here.web, 120)
    here.settle()
    eq("stored", here.files(), ["new/" + here.spool.one().name])


@test("apache: the settings that hookdir.conf asks for bear 100 slow clients")
def _():
    lines = re.findall(r"^#     ((?:MaxRequestWorkers|RequestReadTimeout) .+)$",
                       read(root_file("apache", "hookdir.conf")), re.M)
    eq("lines", len(lines), 2)
    with Apache(Handler(), "hookdir.conf", keys=[KEY], main="\n".join(
            ["ServerLimit 16", "ThreadsPerChild 25", *lines])) as web:
        slow_clients(web, 100)


@test("apache: a client that stops sending is let go")
def _():
    here = site("apache")
    with Apache(here.handler, keys=[KEY],
                edits={"body=20,MinRate=500": "body=1,MinRate=500"}) as web:
        whole = signed()
        with web.tls() as sock:
            sock.sendall(f"POST {PATH} HTTP/1.1\r\nHost: hooks.example\r\n"
                         f"Content-Length: {len(whole) + 1}\r\n\r\n".encode()
                         + whole)
            got = web.read(sock)
        ok(f"refused or hung up on: {got}", got.status in (0, 400, 408))
        here.handler.restart()
        eq("stored", web.spool("shipmondo").files(), [])


if __name__ == "__main__":
    main()

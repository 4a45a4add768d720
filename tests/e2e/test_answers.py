# SPDX-License-Identifier: MIT
"""test_answers - every answer of the handler, its log and its spool

What does not depend on the transport is written once and run on both:
"fcgi" and "cgi" in a test's name say which. Nothing here needs a web server.
"""

import base64
import functools
import gzip
import os
import pty
import re
import shutil
import socket
import subprocess
import time

import oauth
import shipmondo
from fcgiclient import (BODY, KEY, OTHER_KEY, Way, endpoint, new_place,
                        new_spool, nothing_made, nothing_stored, parse_log,
                        request_log, signed_endpoint)
from harness import (FCGI, PATIENCE, call_params, clean_environment, eq, fail,
                     folder, has, hasnt, main, ok, parse_cgi, test, wait_for,
                     work, write)

WAYS = ("fcgi", "cgi")
USAGE, MIB = 64, 1024 * 1024
SIGNED = shipmondo.body(shipmondo.form_b(), KEY)
FORGED = shipmondo.body(shipmondo.form_b(), "not the key of this endpoint!!!")


@functools.cache
def way(kind):
    return Way(kind)


def both(name, kinds=WAYS):
    def register(function):
        for kind in kinds:
            @test(f"{kind}: {name}")
            def _(kind=kind):
                function(way(kind), new_spool())
        return function
    return register


def refused(got, status, rule):
    """A refusal whose form is that of RFC 9457; returns the object."""
    eq("status", got.status, status)
    eq("Content-Type", got.header("Content-Type"), "application/problem+json")
    eq("Content-Length", got.header("Content-Length"), str(len(got.body)))
    eq("Cache-Control", got.header("Cache-Control"), "no-store")
    problem = got.json()
    eq("members", sorted(problem),
       ["detail", "rule", "status", "title", "type"])
    eq("type", problem["type"], "about:blank")
    eq("status in the body", problem["status"], status)
    eq("rule", problem["rule"], rule)
    ok("title and detail are texts", problem["title"] and problem["detail"])
    for name, due in (("Allow", 405), ("WWW-Authenticate", 401),
                      ("Retry-After", 503)):
        eq(f"{name} is there", got.header(name) is not None, status == due)
    return problem


def accepted(got, spool, body=BODY):
    eq("status", (got.status, got.error), (200, ""))
    eq("Content-Type", got.header("Content-Type"), "application/json")
    eq("Content-Length", got.header("Content-Length"), str(len(got.body)))
    message = spool.one()
    eq("id", message["id"], shipmondo.message_id(
        body, message["type"], message["query"]))
    eq("body", got.json(), {"status": "accepted", "id": message["id"]})
    eq("tmp", spool.names("tmp"), [])
    return message


# --- 200 --------------------------------------------------------------------

@both("a message is accepted and stored")
def _(handler, spool):
    got, line = handler.call(**endpoint(spool.path))
    message = accepted(got, spool)
    eq("data", message.data, BODY)
    eq("file in the log", line["file"], message.name)
    eq("id in the log", line["id"], message["id"])


@both("a signed message is accepted by either key")
def _(handler, spool):
    for name, keys in (("current", (KEY, OTHER_KEY)),
                       ("previous", (OTHER_KEY, KEY))):
        got, _ = handler.call(SIGNED, **signed_endpoint(
            spool.path, HOOKDIR_KEY=keys[0], HOOKDIR_KEY_PREVIOUS=keys[1]))
        eq("keyused", accepted(got, spool, SIGNED)["keyused"], name)
        spool.clear()


@both("a body may be empty, and its length unknown")
def _(handler, spool):
    for body, length in ((b"", "0"), (b"", None), (b"", ""), (BODY, ""),
                         (BODY, None), (b"x" * 100000, None),
                         (BODY, "000000000000000%d" % len(BODY))):
        got, line = handler.call(body, CONTENT_LENGTH=length,
                                 **endpoint(spool.path))
        message = accepted(got, spool, body)
        eq(f"data of {length!r}", "data" in message, bool(body))
        eq("bytes", line["bytes"], str(len(body)))
        spool.clear()


# --- 405 --------------------------------------------------------------------

@both("another method than POST is not allowed")
def _(handler, spool):
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "",
                   "post", "POS", "POSTS", "POST,", "POST, GET", " POST"):
        got, _ = handler.call(method=method, **endpoint(spool.path))
        refused(got, 405, "method-not-allowed")
        eq("Allow", got.header("Allow"), "POST")
        nothing_made(spool)


@both("no method at all is not allowed", kinds=["fcgi"])
def _(handler, spool):
    got, _ = handler.call(REQUEST_METHOD=None, **endpoint(spool.path))
    refused(got, 405, "method-not-allowed")
    nothing_made(spool)


# --- 401 --------------------------------------------------------------------

@both("who may pass, for each HOOKDIR_AUTH")
def _(handler, spool):
    table = {  # HOOKDIR_AUTH: what lets a generic call in, and a signed one
        None: ("basic", "jwt"), "basic": ("basic", "jwt"),
        "server": ("server", "jwt"), "none": ("none", "jwt")}
    for auth, by in table.items():
        for signed in (False, True):
            for user in (None, "", "alice"):
                body = SIGNED if signed else BODY
                params = {"HOOKDIR_SPOOL": spool.path, "HOOKDIR_AUTH": auth,
                          "REMOTE_USER": user}
                if signed:
                    params.update(HOOKDIR_SENDER="shipmondo",
                                  HOOKDIR_KEY=KEY)
                got, _ = handler.call(body, **params)
                needs_user = auth == "basic" or auth is None and not signed
                if needs_user and not user:
                    refused(got, 401, "credentials-required")
                    has("WWW-Authenticate", got.header("WWW-Authenticate"),
                        "Basic realm=")
                    nothing_stored(spool)
                else:
                    eq(f"verifiedby of {auth}, {user}",
                       accepted(got, spool, body)["verifiedby"], by[signed])
                spool.clear()


@both("who may not pass leaves nothing behind")
def _(handler, spool):
    for user in (None, ""):
        got, _ = handler.call(HOOKDIR_SPOOL=spool.path, REMOTE_USER=user,
                              HTTP_REMOTE_USER="alice")
        refused(got, 401, "credentials-required")
        nothing_made(spool)


# --- 403, and 400 for a form ------------------------------------------------

@both("what does not verify is refused and quarantined")
def _(handler, spool):
    token = shipmondo.sign(shipmondo.form_b(), KEY)
    table = (
        (FORGED, 403, "signature-mismatch"),
        (shipmondo.body(b"{}", KEY, b'{"alg":"none"}'), 403,
         "algorithm-not-allowed"),
        (shipmondo.body(b"{}", KEY, b'{"alg":"HS256","crit":["x"]}'), 403,
         "critical-not-understood"),
        (shipmondo.body(b'{"exp":1}', KEY), 403, "token-expired"),
        (shipmondo.body(b'{"nbf":9e15}', KEY), 403, "token-not-yet-valid"),
        (shipmondo.wrap(token[:20]), 400, "token-malformed"),
        (BODY, 400, "form-unknown"), (b"", 400, "form-unknown"),
        (b"\xff\0", 400, "form-unknown"))
    for body, status, rule in table:
        got, line = handler.call(body, **signed_endpoint(spool.path))
        refused(got, status, rule)
        eq("quarantine", line["quarantine"], "kept")
        kept = spool.one("quarantine")
        eq("file", line["file"], kept.name)
        eq("reason", kept["reason"], rule)
        eq("files", spool.files(), [f"quarantine/{kept.name}"])
        spool.clear()


# --- 413 --------------------------------------------------------------------

@both("a body of HOOKDIR_MAX_BODY bytes is stored")
def _(handler, spool):
    for length in ("17", None):
        got, _ = handler.call(CONTENT_LENGTH=length, **endpoint(
            spool.path, HOOKDIR_MAX_BODY="17"))
        accepted(got, spool)
        spool.clear()


@both("a larger body is refused, announced or not")
def _(handler, spool):
    for length in ("17", "", None):
        got, _ = handler.call(CONTENT_LENGTH=length, **endpoint(
            spool.path, HOOKDIR_MAX_BODY="16"))
        refused(got, 413, "body-too-large")
        nothing_made(spool)


@both("a body announced too large is refused before it comes")
def _(handler, spool):
    for length in (16 * MIB + 1, 10 ** 17, 999999999999999999):
        got, line = handler.call(CONTENT_LENGTH=length,
                                 **endpoint(spool.path))
        refused(got, 413, "body-too-large")
        eq("bytes", line["bytes"], "0")
        nothing_made(spool)


@both("a large body is refused when it grows too large")
def _(handler, spool):
    got, _ = handler.call(b"x" * (MIB + 1), CONTENT_LENGTH=None,
                          **endpoint(spool.path, HOOKDIR_MAX_BODY=MIB))
    refused(got, 413, "body-too-large")
    nothing_made(spool)


# --- 400 --------------------------------------------------------------------

@both("a body shorter than announced is refused")
def _(handler, spool):
    for length in (len(BODY) + 1, 16 * MIB):
        got, _ = handler.call(CONTENT_LENGTH=length, **endpoint(spool.path))
        refused(got, 400, "body-incomplete")
        nothing_made(spool)


@both("a body longer than announced is an error of the web server")
def _(handler, spool):
    for length in (0, 1, len(BODY) - 1):
        for coding in (None, "identity", "br", "gzip, br"):
            got, _ = handler.call(
                headers=[("Content-Encoding", coding)] if coding else [],
                CONTENT_LENGTH=length, **endpoint(spool.path))
            refused(got, 503, "misconfigured")
            nothing_made(spool)


@both("a body that the web server has decoded is stored whole")
def _(handler, spool):
    # CONTENT_LENGTH may be that of what was sent, more or less than this.
    for coding in ("gzip", "x-gzip", "GZIP", "br, gzip", "br,x-gzip"):
        for length in (0, 1, len(BODY) - 1, len(BODY), len(BODY) + 1, None):
            got, _ = handler.call(headers=[("Content-Encoding", coding)],
                                  CONTENT_LENGTH=length,
                                  **endpoint(spool.path))
            message = accepted(got, spool)
            eq("data", message.data, BODY)
            eq("contentencoding", message["contentencoding"], coding)
            spool.clear()


@both("a body that is still coded is as long as announced, or refused")
def _(handler, spool):
    body = gzip.compress(BODY)
    coded = [("Content-Encoding", "gzip")]
    for length, status, rule in ((len(body) - 1, 503, "misconfigured"),
                                 (len(body) + 1, 400, "body-incomplete")):
        got, _ = handler.call(body, headers=coded, CONTENT_LENGTH=length,
                              **endpoint(spool.path))
        refused(got, status, rule)
        nothing_made(spool)
    got, _ = handler.call(body, headers=coded, **endpoint(spool.path))
    message = accepted(got, spool, body)
    eq("data", base64.b64decode(message["data_base64"]), body)


@test("cgi: nothing is expected behind the body on a client's connection")
def _():
    # RFC 3875 4.2: such a server need not end its program's input.
    spool, server = new_spool(), socket.create_server(("127.0.0.1", 0))
    with server, socket.create_connection(server.getsockname()) as client:
        inside, _ = server.accept()
        with inside:
            client.sendall(BODY)
            done = subprocess.run(
                [FCGI], stdin=inside, stdout=subprocess.PIPE, timeout=20,
                stderr=subprocess.DEVNULL, check=False, env={
                    **clean_environment(), **{
                        name.decode(): value.decode() for name, value in
                        call_params(body=BODY, **endpoint(spool.path))}})
    eq("data", accepted(parse_cgi(done.stdout), spool).data, BODY)


@test("cgi: a body is not whole when the server has let go of the answer")
def _():
    # As Apache does before it ends the program of a call that broke off.
    for params in ({"CONTENT_LENGTH": None},
                   {"headers": [("Content-Encoding", "gzip")]}):
        spool = new_spool()
        reading, writing = os.pipe()
        os.close(reading)
        with subprocess.Popen(
                [FCGI], stdin=subprocess.PIPE, stdout=writing,
                stderr=subprocess.DEVNULL, env={
                    **clean_environment(), **{
                        name.decode(): value.decode() for name, value in
                        call_params(body=BODY, **params,
                                    **endpoint(spool.path))}}) as program:
            os.close(writing)
            program.communicate(BODY, timeout=PATIENCE)
        nothing_made(spool)


@both("a length that is no number is refused")
def _(handler, spool):
    for length in ("+5", " 5", "5 ", "\t5", "5\n", "-2", "-0", "0x5", "1e1",
                   "5.0", "5,5", "5, 5", "five", "\u0665", "5\u00b2",
                   "9" * 19, "18446744073709551633", "1" * 5000):
        got, _ = handler.call(CONTENT_LENGTH=length, **endpoint(spool.path))
        refused(got, 400, "request-broken")
        nothing_made(spool)


# --- 503: an endpoint that nobody is meant to pass --------------------------

def misconfigurations():
    """(parameters, the name that the log must say) for each"""
    plain, signed = endpoint("/spool"), signed_endpoint("/spool")

    def plus(base, **params):
        return {**base, **params}

    yield {}, "HOOKDIR_SPOOL"
    yield {"HOOKDIR_AUTH": "none"}, "HOOKDIR_SPOOL"
    for name in ("ROLE", "SPOOL", "SENDER", "EVENT", "SOURCE", "KEY",
                 "KEY_PREVIOUS", "AUTH", "MAX_BODY", "QUARANTINE",
                 "QUARANTINE_FILES", "HEADERS"):
        yield plus(signed, **{f"HOOKDIR_{name}": ""}), f"HOOKDIR_{name}"
    for value in ("spool", "./spool", "../spool", " /spool", "~/spool"):
        yield plus(plain, HOOKDIR_SPOOL=value), "HOOKDIR_SPOOL"
    for value in ("Receive", "receive ", "receiver", "\u00e6"):
        yield plus(plain, HOOKDIR_ROLE=value), "HOOKDIR_ROLE"
    for value in ("Generic", "generic ", "gen", "shipmond", "0"):
        yield plus(plain, HOOKDIR_SENDER=value), "HOOKDIR_SENDER"
    for value in ("Basic", "NONE", "none ", "off", "no", "0", "any",
                  "basic,none", "none basic"):
        yield plus(plain, HOOKDIR_AUTH=value), "HOOKDIR_AUTH"
        yield plus(signed, HOOKDIR_AUTH=value), "HOOKDIR_AUTH"
    for value in ("0", "-1", "+5", " 5", "5 ", "5k", "16M", "1e3", "0x10",
                  "1073741825", "9" * 18, "9" * 19, "9" * 400, "x"):
        yield plus(plain, HOOKDIR_MAX_BODY=value), "HOOKDIR_MAX_BODY"
        if value != "0" and not value.isdigit() or len(value) > 17:
            for name in ("HOOKDIR_QUARANTINE", "HOOKDIR_QUARANTINE_FILES"):
                yield plus(plain, **{name: value}), name
    for value in ("https://a b/", "https://h/\n", 'h"h', "h<h", "\u00e6"):
        yield plus(plain, HOOKDIR_SOURCE=value), "HOOKDIR_SOURCE"
    for value in ("X:Y", "X,Y", "X\n", "\u00e6", "data", "Id", "X-Y XY",
                  "A" * 1024, " ".join(f"H{n}" for n in range(40))):
        yield plus(plain, HOOKDIR_HEADERS=value), "HOOKDIR_HEADERS"
    # Keys that nobody uses, or that are not there.
    yield plus(plain, HOOKDIR_KEY=KEY), "HOOKDIR_KEY"
    yield plus(plain, HOOKDIR_KEY_PREVIOUS=KEY), "HOOKDIR_KEY"
    yield plus(signed, HOOKDIR_KEY=None), "HOOKDIR_KEY"
    yield plus(signed, HOOKDIR_KEY=None, HOOKDIR_AUTH="none"), "HOOKDIR_KEY"
    yield (plus(signed, HOOKDIR_KEY=None, HOOKDIR_KEY_PREVIOUS=KEY),
           "HOOKDIR_KEY")
    # What is wrong is found before anybody looks at how short a key is.
    yield {"HOOKDIR_SENDER": "shipmondo", "HOOKDIR_KEY": "x"}, "HOOKDIR_SPOOL"
    yield plus(plain, HOOKDIR_KEY="x"), "HOOKDIR_KEY"
    # Misspelt, or not known (yet).
    for name in ("HOOKDIR_KEY_PREVIUOS", "HOOKDIR_KEYS", "HOOKDIR_KE",
                 "HOOKDIR_", "HOOKDIR_AUTH_", "HOOKDIR_auth", "HOOKDIR_X",
                 "HOOKDIR_KEY PREVIOUS", "HOOKDIR_\u00c6",
                 "HOOKDIR_" + "X" * 2000):
        yield plus(plain, **{name: "none"}), name[:100]
        yield plus(signed, **{name: ""}), name[:100]


@both("a misconfigured endpoint accepts nothing and says why")
def _(handler, spool):
    for params, name in misconfigurations():
        body = SIGNED if "HOOKDIR_KEY" in params else BODY
        if params.get("HOOKDIR_SPOOL") == "/spool":
            params["HOOKDIR_SPOOL"] = spool.path
        got, line = handler.call(body, REMOTE_USER="alice", **params)
        try:
            refused(got, 503, "misconfigured")
            has("detail in the log", line["detail"],
                name.encode().decode("ascii", "backslashreplace")
                if name.isascii() else name.partition("\u00c6")[0])
            hasnt("answer", got.body, b"HOOKDIR")
        except Exception as failure:
            fail(f"{params}: {failure}")
        nothing_made(spool)


@both("a later parameter of one name takes the place of an earlier")
def _(handler, spool):
    def call(*pairs):
        base = call_params(body=BODY)
        pairs = base + [(b"HOOKDIR_" + k, v) for k, v in pairs]
        if handler.kind == "fcgi":
            return handler.call(pairs=pairs)[0]
        return repeated(handler, pairs)

    path = spool.path.encode()
    accepted(call((b"AUTH", b"basic"), (b"SPOOL", b"/nowhere/to/be/found"),
                  (b"AUTH", b"none"), (b"SPOOL", path)), spool)
    spool.clear()
    for pairs, status in (
            ([(b"AUTH", b"none"), (b"AUTH", b"basic")], 401),
            ([(b"AUTH", b"none"), (b"AUTH", b"")], 503),
            ([(b"AUTH", b"none"), (b"SPOOL", b"")], 503)):
        eq(f"status of {pairs}",
           call((b"SPOOL", path), *pairs).status, status)
        nothing_stored(spool)


class Repeated:
    """An environment in which a name can occur more than once"""

    def __init__(self, pairs):
        self.pairs = pairs

    def items(self):
        return self.pairs


def repeated(handler, pairs):
    """A CGI call whose environment is just these pairs"""
    env = [*clean_environment().items(), *pairs]
    done = subprocess.run([FCGI], env=Repeated(env), input=BODY, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return parse_cgi(done.stdout)


@both("nothing that a client sends is a parameter")
def _(handler, spool):
    got, _ = handler.call(
        FORGED, headers=[("HOOKDIR-KEY", "not the key of this endpoint!!!"),
                         ("Hookdir_Auth", "none"), ("HOOKDIR-X", "y")],
        query="HOOKDIR_AUTH=none&HOOKDIR_KEY=x",
        **signed_endpoint(spool.path))
    refused(got, 403, "signature-mismatch")
    got, _ = handler.call(headers=[("HOOKDIR-AUTH", "none"),
                                   ("Remote-User", "alice")],
                          HOOKDIR_SPOOL=spool.path)
    refused(got, 401, "credentials-required")
    eq("new", spool.names("new"), [])


# --- secrets ----------------------------------------------------------------

@both("no secret and no payload stands in answers, log or spool")
def _(handler, spool):
    key = "canary-key-0123456789-0123456789-0123456789"
    old = "canary-old-0123456789-0123456789-0123456789"
    payload = b'{"canary-payload":"canary-payload"}'
    secret = [("Authorization", "Basic canary-password"),
              ("Cookie", "canary-cookie"), ("X-Other", "canary-header")]
    signed = signed_endpoint(spool.path, HOOKDIR_KEY=key,
                             HOOKDIR_KEY_PREVIOUS=old)
    plain = endpoint(spool.path)
    start = len(handler.log())
    statuses = []
    for body, params in (
            (shipmondo.body(payload, key), signed),
            (shipmondo.body(payload, old), signed),
            (shipmondo.body(payload, "canary-wrong"), signed),
            (payload, signed), (payload, plain),
            (payload, {**plain, "HOOKDIR_KEY": key}),
            (payload, {**signed, "HOOKDIR_KEY": ""}),
            (payload, {**plain, "HOOKDIR_KEX": key}),
            (payload, {**signed, "HOOKDIR_AUTH": key}),
            (payload, {**plain, "HOOKDIR_MAX_BODY": "1"}),
            (payload, {**plain, "CONTENT_LENGTH": "canary-length"}),
            (payload, {**plain, "REQUEST_METHOD": "CANARY-METHOD"}),
            (payload, {**plain, "HOOKDIR_AUTH": "basic"}),
            (payload, {**plain, "HOOKDIR_SPOOL": "/nowhere/to/be/found"}),
            (payload, {**signed, "CONTENT_LENGTH": "9999"})):
        got, _ = handler.call(body, headers=secret, path="/canary-path",
                              query="canary-query", **params)
        statuses.append(got.status)
        answer = got.body + repr(got.headers).encode()
        hasnt("answer", answer.lower(), b"canary")
    eq("statuses", statuses, [200, 200, 403, 400, 200, 503, 503, 503, 503,
                              413, 400, 405, 401, 503, 400])
    hasnt("log", handler.log()[start:].lower(), "canary")
    kept = b"".join(m.raw for m in spool.messages() + spool.quarantine())
    for word in (b"canary-key", b"canary-old", b"canary-password",
                 b"canary-cookie", b"canary-header"):
        hasnt("spool", kept, word)


# --- the log ----------------------------------------------------------------

@both("a request is one line of the log, its fields in order")
def _(handler, spool):
    _, line = handler.call(SIGNED, headers=shipmondo.HEADERS,
                           **signed_endpoint(spool.path))
    eq("fields", list(line), ["status", "reason", "sender", "type", "id",
                              "subject", "reference", "key", "file", "bytes",
                              "ms", "remote"])
    eq("values", {k: line[k] for k in ("status", "reason", "sender", "type",
                                       "bytes", "remote")},
       {"status": "200", "reason": "accepted", "sender": "shipmondo",
        "type": "com.shipmondo.orders.status_update",
        "bytes": str(len(SIGNED)), "remote": "192.0.2.1"})
    ok("ms is a number", re.fullmatch(r"\d+\.\d{3}", line["ms"]))
    _, line = handler.call(FORGED, **signed_endpoint(spool.path))
    eq("fields of a forged call", list(line),
       ["status", "reason", "sender", "id", "quarantine", "file", "bytes",
        "ms", "remote", "detail"])
    _, line = handler.call(**endpoint("/nowhere/to/be/found"))
    eq("reason of a fault", line["reason"], "system-error")
    has("detail of a fault", line["detail"], "No such file or directory")
    eq("spool of a fault", line["spool"], "/nowhere/to/be/found")
    _, line = handler.call(method="GET", REMOTE_ADDR=None,
                           **endpoint(spool.path))
    eq("remote where it is not known", line["remote"], "")


FORGERIES = ("a\nhookdir.fcgi: status=200 reason=accepted", "\x1b[2J\x1b[31m",
             '" status=200 x="', "\\", "a=b", "\x7f\x01\t\r", "\u00e6\u00f8",
             b"\xff\xfe\x80", "x" * 8192, "\n" * 8192, b"\xff" * 8192, "")


@both("a value from outside cannot forge a line")
def _(handler, spool):
    for value in FORGERIES:
        start = len(handler.log())
        got, line = handler.call(
            SIGNED, headers=[("SMD-Action", value),
                             ("SMD-Resource-Type", value),
                             ("SMD-Resource-Id", value), ("X-Y", value)],
            REQUEST_URI=value, SCRIPT_NAME=value, QUERY_STRING=value,
            REMOTE_ADDR=value, SERVER_NAME=value, CONTENT_TYPE=value,
            **signed_endpoint(spool.path, HOOKDIR_HEADERS="X-Y"))
        eq("status", got.status, 200)
        ok("the line fits", len(str(line)) < 3072)
        text = handler.log()[start:]
        ok("the log is plain ASCII",
           all(c == "\n" or " " <= c <= "~" for c in text))
        message = spool.one()
        if value and len(value) < 100:
            data = value if isinstance(value, bytes) else value.encode()
            eq("header in the file", message["xy"],
               re.sub("[\0-\x1f]", lambda m: chr(0x2400 + ord(m[0])),
                      data.decode().replace("\x7f", "\u2421"))
               if value != b"\xff\xfe\x80" else "\xff\xfe\ufffd")
        spool.clear()
        _, line = handler.call(method=value, REMOTE_ADDR=value,
                               **endpoint(spool.path))
        eq("status of a strange method", line["status"], "405")
        name = value.decode("latin-1") if isinstance(value, bytes) else value
        _, line = handler.call(**endpoint(f"{spool.path}/not/there/{name}"))
        eq("status of a strange spool", line["status"], "503")


@both("an answer cannot be split")
def _(handler, spool):
    for value in ("x\r\nSet-Cookie: a=b", "x\n\n<html>"):
        got, _ = handler.call(method=value, path=value, query=value,
                              headers=[("SMD-Action", value)],
                              SERVER_NAME=value, **endpoint(spool.path))
        refused(got, 405, "method-not-allowed")
        eq("headers", sorted(k for k, _ in got.headers),
           ["Allow", "Cache-Control", "Content-Length", "Content-Type"])


@test("HOOKDIR_CREATE no: a spool that is not there is a 503, and not made")
def _():
    for kind in ("fcgi", "cgi"):
        way, spool = Way(kind), new_spool()
        params = endpoint(spool.path, HOOKDIR_CREATE="no")
        got, line = way.call(**params)
        eq("status", got.status, 503)
        has("detail", line["detail"], spool.path)
        nothing_made(spool)
        # The mount point of a disk that is not mounted
        os.mkdir(spool.path)
        eq("status", way.call(**params)[0].status, 503)
        eq("made", os.listdir(spool.path), [])
        # A call that does not verify makes nothing either.
        signed = signed_endpoint(spool.path, HOOKDIR_CREATE="no")
        way.call(b"{}", **signed)
        eq("made", os.listdir(spool.path), [])
        os.mkdir(os.path.join(spool.path, "new"))
        eq("status", way.call(**params)[0].status, 200)
        hasnt("log", way.log(), "spool-made")
        for wrong in ("", "No", "maybe", "0"):
            got, line = way.call(**endpoint(spool.path, HOOKDIR_CREATE=wrong))
            eq(f"status of {wrong!r}", (got.status, line["reason"]),
               (503, "misconfigured"))
            has("detail", line["detail"], "HOOKDIR_CREATE")
        way.stop()


@test("a spool that was made is a warning, once")
def _():
    for params in ({}, {"HOOKDIR_CREATE": "yes"}):
        way, spool = Way("fcgi"), new_spool()
        for _ in range(3):
            eq("status", way.call(
                **endpoint(spool.path, **params))[0].status, 200)
        made = [line for line in parse_log(way.log())
                if line.get("event") == "spool-made"]
        eq("lines", [line["spool"] for line in made], [spool.path])
        way.stop()


@test("CONTENT_LENGTH -1 is unknown, and other numbers below 0 are refused")
def _():
    for kind in ("fcgi", "cgi"):
        way, spool = Way(kind), new_spool()
        got, _ = way.call(CONTENT_LENGTH="-1", **endpoint(spool.path))
        eq("status", got.status, 200)
        eq("data", spool.one().data, BODY)
        got, line = way.call(CONTENT_LENGTH="-1", **endpoint(
            spool.path, HOOKDIR_MAX_BODY=str(len(BODY) - 1)))
        eq("too large", got.status, 413)
        for wrong in ("-0", "-2", "-10", "- 1", "--1", "-1 "):
            got, line = way.call(CONTENT_LENGTH=wrong, **endpoint(spool.path))
            eq(f"status of {wrong!r}", (got.status, line["reason"]),
               (400, "request-broken"))
        way.stop()


# --- floods of calls without a key, and the log -----------------------------

FLOOD = 200


def flood_from(number):
    """One of twenty callers, who together use up the whole of a kind"""
    return f"203.0.113.{number % 20}"


@test("fcgi: calls without a key cannot fill the log; accepted ones have it")
def _():
    handler, spool = Way("fcgi"), new_spool()
    known = signed_endpoint(spool.path)
    calls = {
        "signature-mismatch": {"body": shipmondo.body(b"{}", OTHER_KEY)},
        "method-not-allowed": {"method": "PUT"},
        "misconfigured": {"HOOKDIR_KEY": ""},
        "form-unknown": {"body": b"{}"}}
    begin = time.monotonic()
    for number in range(FLOOD):
        for call in calls.values():
            handler.program.request(**{
                "body": BODY, **known, **call,
                "REMOTE_ADDR": flood_from(number)})
        if number % 100 == 99:
            body = shipmondo.body(b"%d" % number, KEY)
            eq("accepted", handler.program.request(body, **known).status, 200)
    seconds = time.monotonic() - begin
    wait_for(lambda: handler.log().count("reason=accepted") == FLOOD // 100,
             "line of each that is accepted")
    lines = parse_log(handler.log())
    for reason in calls:
        count = sum(line.get("reason") == reason for line in lines)
        ok(f"{count} lines of {reason} in {seconds:.1f} s",
           100 <= count <= 101 + seconds)
    eq("calls that the log knows of",
       sum("status" in line for line in lines) + sum(
           int(line.get("omitted", 0)) for line in lines),
       len(calls) * FLOOD + FLOOD // 100)
    handler.stop()

def lines_of(handler, remote, least=1):
    """What the log has of that caller, as soon as there are so many lines"""
    def find():
        found = [line for line in parse_log(handler.log())
                 if line.get("remote") == remote]
        return found if len(found) >= least else None
    return wait_for(find, f"line of {remote}", 10)


@test("fcgi: of each kind and caller there is a line during a flood")
def _():
    handler, spool = Way("fcgi"), new_spool()
    spools = [new_spool() for _ in range(60)]
    known = signed_endpoint(spool.path)
    floods = {"signature-mismatch": {"body": FORGED},
              "misconfigured": {"HOOKDIR_COLOUR": "red"},
              "method-not-allowed": {"method": "PUT"}}
    begin = time.monotonic()
    for number in range(120):
        for call in floods.values():
            handler.program.request(**{"body": BODY, **known, **call},
                                    REMOTE_ADDR=f"203.0.113.{number % 4}")
    count = sum("status" in line for line in parse_log(handler.log()))
    seconds = time.monotonic() - begin
    ok(f"{count} lines of the flood in {seconds:.1f} s",
       3 * 50 <= count <= 3 * (50 + 4 * 5 + 1 + seconds))
    # The same from another address
    for number, call in enumerate(floods.values()):
        handler.program.request(**{"body": BODY, **known, **call},
                                REMOTE_ADDR=f"192.0.2.{number}")
        lines_of(handler, f"192.0.2.{number}")
    # From the same address: at other endpoints, another parameter
    for number, other in enumerate(spools):
        handler.program.request(
            FORGED, **signed_endpoint(other.path), REMOTE_ADDR="203.0.113.0")
        handler.program.request(FORGED, **signed_endpoint(
            other.path, HOOKDIR_COLOUR="red"), REMOTE_ADDR="203.0.113.0")
    handler.program.request(FORGED, **signed_endpoint(
        spool.path, HOOKDIR_SHAPE="round"), REMOTE_ADDR="203.0.113.0")
    wait_for(lambda: "HOOKDIR_SHAPE" in handler.log(), "line", 10)
    lines = parse_log(handler.log())
    kept = [line["file"] for line in lines if "file" in line]
    for other in spools:
        has("files that have a line", kept, other.one("quarantine").name)
    handler.stop()


@test("fcgi: the likely cause is found and logged during a flood")
def _():
    handler, spool = Way("fcgi"), new_spool()
    known = signed_endpoint(spool.path, HOOKDIR_KEY=f'"{KEY}"')
    for number in range(120):
        handler.program.request(
            FORGED, **known, REMOTE_ADDR=f"203.0.113.{number % 4}")
    for _ in range(2):
        handler.program.request(SIGNED, **known, REMOTE_ADDR="192.0.2.9")
    eq("causes", [line.get("cause") for line in lines_of(
        handler, "192.0.2.9", 2)], ["key-quotes"] * 2)
    hasnt("a forged one", lines_of(handler, "203.0.113.0")[0], "cause")
    handler.stop()


@test("fcgi: a caller with good credentials always has its line")
def _():
    handler = Way("fcgi")
    missing = signed_endpoint(os.path.join(new_place(), "no", "spool"))
    named = {"HOOKDIR_AUTH": "basic", "REMOTE_USER": "alice",
             "HOOKDIR_SPOOL": new_spool().path}
    cases = [("system-error", shipmondo.body(b"{}", KEY), missing),
             ("misconfigured", BODY, {**named, "CONTENT_LENGTH": "3"})]
    for reason, body, params in cases:
        for _ in range(FLOOD):
            eq("answer", handler.program.request(body, **params).status, 503)
        wait_for(lambda reason=reason: handler.log().count(
            f"reason={reason}") == FLOOD, f"line of each {reason}", 20)
    handler.stop()
def unknown_key(path):
    """A call with a token whose key is not in the file"""
    keys = os.path.join(folder("keys", 0o755), "keys.json")
    write(keys, oauth.key_set("ES256"), 0o644)
    token = oauth.es_token({"alg": "ES256", "kid": "another"},
                           oauth.claims(), oauth.key("ES256"))
    return {"HOOKDIR_SPOOL": path, "HOOKDIR_SENDER": "tradecloud",
            "HOOKDIR_AUTH": "token", "HOOKDIR_JWKS": keys,
            "HOOKDIR_ISSUER": oauth.ENTRA, "HOOKDIR_AUDIENCE": oauth.APP,
            "HTTP_AUTHORIZATION": "Bearer " + token}


@test("cgi: a line begins with its priority for journald alone")
def _():
    spool = new_spool()
    path = os.path.join(folder("journal"), "stream")
    open(path, "wb").close()
    st = os.stat(path)
    name = f"{st.st_dev}:{st.st_ino}"

    def prefix(stream, target=path, **params):
        """What stands before "hookdir.fcgi:" """
        env = {k: str(v) for k, v in (
            *clean_environment().items(),
            *((k.decode(), v.decode()) for k, v in call_params(
                body=BODY, **{**endpoint(spool.path), **params})))}
        if stream is not None:
            env["JOURNAL_STREAM"] = stream
        with open(target, "r+b") as log:
            log.truncate()
            subprocess.run([FCGI], env=env, input=BODY, check=True,
                           stdout=subprocess.DEVNULL, stderr=log)
            log.seek(0)
            return log.read().decode().partition("hookdir.fcgi:")[0]

    other = os.path.join(folder("journal"), "stream")
    open(other, "wb").close()
    eq("a spool that was made", prefix(name), "<4>")
    eq("accepted", prefix(name), "<6>")
    eq("refused", prefix(name, REQUEST_METHOD="GET"), "<5>")
    eq("a verdict", prefix(name, **signed_endpoint(spool.path)), "<4>")
    eq("a key that is not known yet",
       prefix(name, **unknown_key(spool.path)), "<4>")
    eq("a fault", prefix(name, HOOKDIR_SPOOL="/nowhere/to/be/found"), "<3>")
    eq("without JOURNAL_STREAM", prefix(None), "")
    eq("with another stream's", prefix(name, other), "")
    for wrong in ("", "0:0", name + "0", f"{st.st_dev}", f"{st.st_dev}:",
                  f"{st.st_ino}:{st.st_dev}", "x:y", ":"):
        eq(f"with {wrong!r}", prefix(wrong), "")


@test("fcgi: a short key is warned of once for each spool")
def _():
    handler = Way("fcgi")
    spools = [new_spool(), new_spool()]
    short = "fifteen bytes.."
    for number, spool in enumerate(spools):
        for turn in range(3):
            handler.call(shipmondo.body(b"{}", short),
                         lines=2 if turn == 0 else 1,
                         **signed_endpoint(spool.path, HOOKDIR_KEY=short,
                                           HOOKDIR_KEY_PREVIOUS=OTHER_KEY))
        warnings = [line for line in parse_log(handler.log())
                    if line.get("event") == "short-key"]
        eq("warnings", len(warnings), number + 1)
        eq("key", (warnings[-1]["key"], warnings[-1]["bytes"]),
           ("current", "15"))
        eq("spool", warnings[-1]["spool"], spool.path)
    hasnt("log", handler.log(), short)
    handler.stop()


@test("cgi: a short key is warned of, one of 32 bytes is not")
def _():
    spool = new_spool()
    for key, lines in (("x" * 31, 2), ("x" * 32, 1)):
        way("cgi").call(shipmondo.body(b"{}", key), lines=lines,
                        **signed_endpoint(spool.path, HOOKDIR_KEY=key))


# --- options and standard input ---------------------------------------------

def program(*args, env=None, **options):
    """Runs the binary by itself: (exit status, stdout, stderr)"""
    options.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run([FCGI, *args], check=False, timeout=PATIENCE,
                          env={**clean_environment(), **(env or {})},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          **options)
    return (done.returncode, done.stdout.decode(), done.stderr.decode())


@test("-h and -V answer on standard output, exit 0")
def _():
    for args in (["-h"], ["--help"], ["-t", "4", "-h"]):
        status, out, err = program(*args)
        eq(f"status of {args}", (status, err), (0, ""))
        for word in ("usage: hookdir.fcgi", "--threads", "--wait",
                     "hookdir.fcgi(8)"):
            has(f"output of {args}", out, word)
        ok("lines fit 80 columns", all(len(x) < 80 for x in out.split("\n")))
    for option in ("-V", "--version"):
        status, out, err = program(option)
        eq(f"status of {option}", (status, err), (0, ""))
        ok("the version is one line",
           re.fullmatch(r"hookdir\.fcgi \d+\.\d+\.\d+\n", out))


@test("a wrong option is an error of usage, exit 64")
def _():
    table = [(["-x"], ""), (["--nonsense"], ""), (["-t"], ""), (["-w"], ""),
             (["extra"], "extra"), (["-t", "4", "extra"], "extra"),
             (["--", "-h"], "-h"), ([""], "no arguments")]
    for option, most in (("-t", 4096), ("-w", 3600)):
        table += [([option, value], option) for value in (
            "", "0", "-1", "+1", " 1", "1 ", "1x", "x", "0x1", "1.5",
            str(most + 1), "9" * 30)]
    for args, word in table:
        status, out, err = program(*args)
        eq(f"status of {args}", (status, out), (USAGE, ""))
        has(f"message of {args}", err, "hookdir.fcgi: ")
        has(f"message of {args}", err, word)
        has(f"message of {args}", err, "Try 'hookdir.fcgi -h'")


@test("without a web server it says so and ends, exit 64")
def _():
    plain = os.path.join(folder("input"), "file")
    with open(plain, "wb") as file:
        file.write(b"x")
    master, terminal = pty.openpty()
    reading, writing = os.pipe()
    pair = socket.socketpair()
    idle = socket.socket(socket.AF_UNIX)  # not listening
    inputs = {"/dev/null": subprocess.DEVNULL, "a file": open(plain, "rb"),
              "a terminal": terminal, "a pipe": reading,
              "a connected socket": pair[0], "an idle socket": idle}
    for name, stdin in inputs.items():
        status, out, err = program(stdin=stdin)
        eq(f"status with {name}", (status, out), (USAGE, ""))
        has(f"message with {name}", err, "is no listening socket")
    status, out, err = program(env={"LISTEN_FDS": "1", "LISTEN_PID": "1"})
    eq("status with another's LISTEN_PID", (status, out), (USAGE, ""))
    inputs["a file"].close()
    for fd in (master, terminal, reading, writing):
        os.close(fd)
    for sock in (*pair, idle):
        sock.close()


@test("with no descriptor at all it ends, exit 64")
def _():
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" <&- >&- 2>&-', FCGI], check=False,
        env=clean_environment(), timeout=PATIENCE)
    eq("status", done.returncode, USAGE)


@test("cgi: a query is never read as options")
def _():
    # RFC 3875 4.4: a query without "=" becomes arguments.
    for args in (["-h"], ["-V"], ["-t", "0"], ["extra"], ["--nonsense"]):
        spool = new_spool()
        params = call_params(body=BODY, query="+".join(args),
                             **endpoint(spool.path))
        status, out, err = program(
            *args, env={k.decode(): v.decode() for k, v in params},
            stdin=None, input=BODY)
        eq(f"status of {args}", status, 0)
        accepted(parse_cgi(out.encode()), spool)
        eq("lines", len(request_log(err)), 1)


@test("cgi: an answer that nobody reads is logged as unsent")
def _():
    spool = new_spool()
    reading, writing = os.pipe()
    os.close(reading)
    params = call_params(body=BODY, **endpoint(spool.path))
    done = subprocess.run(
        [FCGI], check=False, input=BODY, stdout=writing,
        stderr=subprocess.PIPE, timeout=PATIENCE, restore_signals=True,
        env={**clean_environment(),
             **{k.decode(): v.decode() for k, v in params}})
    os.close(writing)
    eq("status", done.returncode, 0)
    line, = request_log(done.stderr.decode())
    eq("answer", line.get("answer"), "unsent")
    spool.one()


# --- the spool --------------------------------------------------------------

def started(kind, umask):
    """A handler with another umask"""
    return Way(kind, wrapper=["sh", "-c", f'umask {umask}; exec "$@"', "sh"])


@test("files and folders have their modes, less the umask")
def _():
    for kind in WAYS:
        for umask, folders, files in (("027", 0o2750, 0o640),
                                      ("000", 0o2770, 0o660),
                                      ("077", 0o2700, 0o600)):
            handler, spool = started(kind, umask), new_spool()
            handler.call(SIGNED, **signed_endpoint(spool.path))
            handler.call(FORGED, **signed_endpoint(spool.path))
            for name in ("", "tmp", "new", "cur", "failed", "quarantine"):
                mode = os.stat(os.path.join(spool.path, name)).st_mode
                eq(f"mode of {name or 'the spool'} under {umask}",
                   oct(mode & 0o7777), oct(folders))
            for where in ("new", "quarantine"):
                eq(f"mode of a file in {where}, {umask}",
                   oct(spool.one(where).mode), oct(files))
            handler.stop()


@both("a folder that is there keeps its mode")
def _(handler, spool):
    os.mkdir(spool.path)
    for name in ("tmp", "new"):
        os.mkdir(os.path.join(spool.path, name))
        os.chmod(os.path.join(spool.path, name), 0o700)
    handler.call(**endpoint(spool.path))
    for name in ("tmp", "new"):
        eq(f"mode of {name}", oct(os.stat(os.path.join(
            spool.path, name)).st_mode & 0o7777), "0o700")
    spool.one()


@both("a spool whose parent is missing is not made")
def _(handler, spool):
    got, _ = handler.call(**endpoint(os.path.join(spool.path, "deeper")))
    refused(got, 503, "system-error")
    nothing_made(spool)


@both("a spool named with slashes at its end is the same spool")
def _(handler, spool):
    got, _ = handler.call(**endpoint(spool.path + "//"))
    accepted(got, spool)


def tree(path):
    """Everything in a folder, and when it was changed"""
    return sorted((os.path.join(place, name),
                   os.lstat(os.path.join(place, name)).st_mtime_ns)
                  for place, dirs, files in os.walk(path)
                  for name in (*dirs, *files, "."))


@both("a planted link is not followed")
def _(handler, _spool):
    names = ("", "tmp", "new", "cur", "failed", "quarantine")
    for name in names:
        for slash in ("", "/"):
            spool, target = new_spool(), folder("target", 0o777)
            for made in names[2:] if name == "" else names:
                # A whole spool stands behind the link of the spool itself.
                os.makedirs(os.path.join(
                    target if name == "" else spool.path, made),
                    exist_ok=True)
            link = os.path.join(spool.path, name).rstrip("/")
            if name:
                os.rmdir(link)
            os.symlink(target, link)
            before = tree(target)
            got, line = handler.call(**endpoint(spool.path + slash))
            refused(got, 503, "system-error")
            has("detail", line["detail"], "cannot open directory")
            got, _ = handler.call(FORGED, **signed_endpoint(spool.path))
            refused(got, 403, "signature-mismatch")
            eq(f"what stands behind the link {name!r}", tree(target), before)


@both("something else than a folder is not used")
def _(handler, _spool):
    for name in ("", "tmp", "new"):
        spool = new_spool()
        if name:
            os.mkdir(spool.path)
        path = os.path.join(spool.path, name).rstrip("/")
        with open(path, "wb") as file:
            file.write(b"precious")
        got, _ = handler.call(**endpoint(spool.path))
        refused(got, 503, "system-error")
        with open(path, "rb") as file:
            eq("the file", file.read(), b"precious")


@both("a folder that is gone is made again")
def _(handler, spool):
    for name in ("", "new", "tmp", "new"):
        handler.call(**endpoint(spool.path))
        # The line of the history is written after the answer.
        wait_for(lambda: "history" not in os.listdir(spool.path) or
                 os.listdir(os.path.join(spool.path, "history")), "history")
        shutil.rmtree(os.path.join(spool.path, name))
        got, _ = handler.call(**endpoint(spool.path))
        eq(f"status without {name!r}", got.status, 200)
    ok("messages", spool.messages())


# --- the sweep --------------------------------------------------------------

SHIM = r"""
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
	const char *ahead = getenv("CLOCK_AHEAD");
	int rc = (int)syscall(SYS_clock_gettime, clock, now);

	if (rc == 0 && clock == CLOCK_REALTIME && ahead)
		now->tv_sec += atol(ahead);
	return rc;
}
"""


@functools.cache
def later(seconds):
    """The environment of a handler whose clock is ahead. The time at which
    a file was made cannot be set back, so the present is moved."""
    place = folder("shim", 0o755)
    source, made = (os.path.join(place, name) for name in
                    ("shim.c", "shim.so"))
    with open(source, "w", encoding="utf-8") as file:
        file.write(SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", made, source], check=True)
    # The address sanitizer wants to be the first library, and need not be.
    options = filter(None, (os.environ.get("ASAN_OPTIONS"),
                            "verify_asan_link_order=0"))
    return {"LD_PRELOAD": made, "CLOCK_AHEAD": str(seconds),
            "ASAN_OPTIONS": ":".join(options)}


@test("what stays in tmp/ for 36 hours is swept, by both its times")
def _():
    hours = 3600
    for kind in WAYS:
        for ahead, swept in ((35, False), (37, True)):
            handler, spool = Way(kind, env=later(ahead * hours)), new_spool()
            way(kind).call(**endpoint(spool.path))
            path = functools.partial(os.path.join, spool.path, "tmp")
            for name in ("stale", "touched"):
                with open(path(name), "wb"):
                    pass
            os.mkdir(path("folder"))
            os.symlink(work(), path("link"))
            ahead_of = os.stat(path("stale")).st_mtime + ahead * hours
            os.utime(path("touched"), (ahead_of, ahead_of))
            got, _ = handler.call(**endpoint(spool.path))
            eq("status", got.status, 200)
            handler.stop()
            want = {"folder", "touched"} | (
                set() if swept else {"stale", "link"})
            eq(f"tmp after {ahead} hours, {kind}",
               set(spool.names("tmp")), want)
            eq("new", len(spool.names("new")), 2)


if __name__ == "__main__":
    main()

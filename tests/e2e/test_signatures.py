# SPDX-License-Identifier: MIT
"""test_signatures - calls of many senders, by parameters and by rows

tests/data/signatures/calls.jsonl has requests of forty senders, good ones and
forged ones, with the time to judge them at; handshakes.jsonl what senders ask
before they send, settings.jsonl what can be configured. Each line goes through
nginx, through Apache, and to the program as CGI. All endpoints are served by
one handler, whose clock stands still.
"""

import base64
import functools
import hashlib
import hmac
import json
import os
import re
import subprocess
import urllib.parse

import shipmondo
from harness import (NAME, Apache, Cgi, Handler, Nginx, Response, Spool,
                     certificate, clean_environment, eq, fail, folder, has, hasnt, main, ok,
                     read, root_file, test, wait_for, write)
from spools import TOOL

NOW = 1796083200

SHIM = r"""
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
	const char *at = getenv("CLOCK_AT");
	int rc = (int)syscall(SYS_clock_gettime, clock, now);

	if (rc == 0 && clock == CLOCK_REALTIME && at)
		now->tv_sec = atol(at);
	return rc;
}
"""


@functools.cache
def shim():
    place = folder("still", 0o755)
    source, made = (os.path.join(place, name) for name in
                    ("shim.c", "shim.so"))
    with open(source, "w", encoding="utf-8") as file:
        file.write(SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", made, source], check=True)
    return made


def at(now):
    """The environment of a program for which it is that time"""
    options = filter(None, (os.environ.get("ASAN_OPTIONS"),
                            "verify_asan_link_order=0"))
    return {"LD_PRELOAD": shim(), "CLOCK_AT": str(now),
            "ASAN_OPTIONS": ":".join(options)}


def lines(name):
    text = read(root_file("tests", "data", "signatures", name))
    return [json.loads(line) for line in text.splitlines()]


CALLS, HANDSHAKES, SETTINGS = (
    lines(f"{name}.jsonl") for name in ("calls", "handshakes", "settings"))
ROWS = set(re.findall(r'^\s*\.name = "(.+)",', read(
    root_file("lib", "message", "sender.c")), re.M))

PARAMETERS = {"signature_header": "SIGNATURE_HEADER",
              "prefix": "SIGNATURE_PREFIX",
              "separator": "SIGNATURE_SEPARATOR",
              "algorithm": "SIGNATURE_ALGORITHM"}


def parameters(line):
    """What an endpoint without a row says of that sender"""
    of_row = line["key"] and line.get("sender") in ROWS and \
        not line["scheme"] and "challenge" in line
    params = {"HOOKDIR_SENDER": line["sender"] if of_row else "generic"}
    for name, value in line["scheme"].items():
        if name != "encoding":
            name = PARAMETERS.get(name, name.upper())
            params["HOOKDIR_" + name] = str(value)
    if line["key"]:
        params["HOOKDIR_KEY"] = line["key"]
    else:
        params["HOOKDIR_AUTH"] = "none"
    if line.get("key_previous"):
        params["HOOKDIR_KEY_PREVIOUS"] = line["key_previous"]
    if line.get("challenge"):
        params["HOOKDIR_CHALLENGE"] = line["challenge"]
    if line.get("verify_token"):
        params["HOOKDIR_CHALLENGE_TOKEN"] = line["verify_token"]
    return params


def by_row(line):
    """The same by the sender's row; None where it has none"""
    if line["sender"] not in ROWS:
        return None
    params = {"HOOKDIR_SENDER": line["sender"]}
    for name in ("KEY", "KEY_PREVIOUS"):
        if line.get(name.lower()):
            params["HOOKDIR_" + name] = line[name.lower()]
    if "url" in line["scheme"]:
        params["HOOKDIR_URL"] = line["scheme"]["url"]
    return params


def handshake_by_row(line):
    """A handshake with the row alone, where it makes one"""
    if line["sender"] not in ROWS:
        return None
    params = by_row(line)
    params.setdefault("HOOKDIR_KEY", "k" * 32)
    if line["sender"] == "trello":
        params["HOOKDIR_URL"] = line["url"]
    if line["challenge"] == "":
        params["HOOKDIR_CHALLENGE"] = "none"
    if line["verify_token"]:
        params["HOOKDIR_CHALLENGE_TOKEN"] = line["verify_token"]
    return params


class Endpoints:
    """One for each way in which parameters differ"""

    def __init__(self):
        self.all = {}
        self.paths = {}

    def path(self, params):
        key = json.dumps(params, sort_keys=True)
        if key not in self.paths:
            self.paths[key] = f"/e{len(self.paths)}"
            self.all[self.paths[key]] = params
        return self.paths[key]


ENDPOINTS = Endpoints()
for _line in CALLS + HANDSHAKES + SETTINGS:
    ENDPOINTS.path(parameters(_line))
for _line in CALLS:
    if by_row(_line):
        ENDPOINTS.path(by_row(_line))
for _line in HANDSHAKES:
    if handshake_by_row(_line):
        ENDPOINTS.path(handshake_by_row(_line))


KEY = "hd-test-key-4f7c1e9ab27d5530-xxxx"
SIGNED = {"HOOKDIR_SENDER": "generic", "HOOKDIR_KEY": KEY,
          "HOOKDIR_SIGNATURE_HEADER": "X-Sig"}
OPEN = {"HOOKDIR_SENDER": "generic", "HOOKDIR_AUTH": "none"}
KEYS = {f"orders_{number}": f"{number:02}-hd-test-key-4f7c1e9ab27d5530-x"
        for number in range(11)}
OTHERS = {name: ENDPOINTS.path(params) for name, params in {
    "graph": {**OPEN, "HOOKDIR_CHALLENGE": "graph"},
    "cloudevents": {**OPEN, "HOOKDIR_CHALLENGE": "cloudevents"},
    "adobe-io": {**OPEN, "HOOKDIR_CHALLENGE": "adobe-io"},
    "okta": {**OPEN, "HOOKDIR_CHALLENGE": "okta"},
    "monday": {**OPEN, "HOOKDIR_CHALLENGE": "monday"},
    "asana": {**OPEN, "HOOKDIR_CHALLENGE": "asana"},
    "notion": {**OPEN, "HOOKDIR_CHALLENGE": "notion",
               "HOOKDIR_SECRET_HEADERS": "X-Other"},
    "mailchimp": {**OPEN, "HOOKDIR_CHALLENGE": "mailchimp"},
    "asana-key": {**SIGNED, "HOOKDIR_CHALLENGE": "asana"},
    "open": OPEN,
    "places": {**OPEN, "HOOKDIR_ID": "/a/id", "HOOKDIR_TYPE": "X-Type",
               "HOOKDIR_SUBJECT": "/list/1/n",
               "HOOKDIR_REFERENCE": "/order/no"},
    "nshift": {"HOOKDIR_SENDER": "nshift", "HOOKDIR_AUTH": "none",
               "HOOKDIR_EVENT": "order.created",
               "HOOKDIR_SUBJECT": "/order/id",
               "HOOKDIR_REFERENCE": "X-Order-Number"},
    "named": {"HOOKDIR_SENDER": "shipmondo", **{
        f"HOOKDIR_KEY_{name}": key for name, key in KEYS.items()}},
    "spaced": {**SIGNED, "HOOKDIR_KEY": KEY + " "},
    "sha1": {**SIGNED, "HOOKDIR_SIGNATURE_ALGORITHM": "sha1",
             "HOOKDIR_KEY_other": KEY + "2"},
    "github": {"HOOKDIR_SENDER": "github", "HOOKDIR_KEY": KEY},
    "slack": {"HOOKDIR_SENDER": "slack", "HOOKDIR_KEY": "x" * 32,
              "HOOKDIR_KEY_second": KEY},
    "gitlab": {"HOOKDIR_SENDER": "gitlab", "HOOKDIR_KEY": KEY,
               "HOOKDIR_KEY_old": "old-" + KEY},
    "many": {**SIGNED, **{f"HOOKDIR_KEY_k{number}": f"{KEY}{number}"
                          for number in range(31)}},
    "asked": {"HOOKDIR_SENDER": "generic", "HOOKDIR_AUTH": "basic",
              "HOOKDIR_CHALLENGE": "okta"},
    "woocommerce": {"HOOKDIR_SENDER": "woocommerce", "HOOKDIR_KEY": KEY},
    "quickpay": {"HOOKDIR_SENDER": "quickpay", "HOOKDIR_KEY": KEY},
    "refused": {**SIGNED, "HOOKDIR_REFUSED_STATUS": "400",
                "HOOKDIR_ANSWER": "empty"},
}.items()}
WRONG = {
    "HOOKDIR_CHALLENGE: unknown": {**OPEN, "HOOKDIR_CHALLENGE": "zoom"},
    "HOOKDIR_CHALLENGE: meta, but there is no HOOKDIR_CHALLENGE_TOKEN":
        {**OPEN, "HOOKDIR_CHALLENGE": "meta"},
    "HOOKDIR_CHALLENGE_TOKEN: set, but HOOKDIR_CHALLENGE is not meta":
        {**OPEN, "HOOKDIR_CHALLENGE_TOKEN": "x"},
    "HOOKDIR_CHALLENGE: slack is for signed calls":
        {**OPEN, "HOOKDIR_CHALLENGE": "slack"},
    "HOOKDIR_REFUSED_STATUS: not one of":
        {**SIGNED, "HOOKDIR_REFUSED_STATUS": "404"},
    "HOOKDIR_ANSWER: not one of": {**SIGNED, "HOOKDIR_ANSWER": "text"},
    "HOOKDIR_SUBJECT: not a JSON Pointer":
        {**OPEN, "HOOKDIR_SUBJECT": "/a~b"},
    "HOOKDIR_REFERENCE: neither the name": {**OPEN,
                                            "HOOKDIR_REFERENCE": "a.b"},
    "HOOKDIR_TOLERANCE: of no use": {
        "HOOKDIR_SENDER": "nshift", "HOOKDIR_AUTH": "none",
        "HOOKDIR_EVENT": "x", "HOOKDIR_TOLERANCE": "5"},
    "HOOKDIR_URL: set, but there is no %u": {
        "HOOKDIR_SENDER": "github", "HOOKDIR_KEY": KEY,
        "HOOKDIR_URL": "https://a.example/"},
    "HOOKDIR_SIGNED: for HOOKDIR_SENDER generic": {
        "HOOKDIR_SENDER": "github", "HOOKDIR_KEY": KEY,
        "HOOKDIR_SIGNED": "%b"},
    "HOOKDIR_KEY: not set, and the sender gitlab": {
        "HOOKDIR_SENDER": "gitlab"},
    "HOOKDIR_KEY: a word, not a key": {**SIGNED, "HOOKDIR_KEY": "sha256"},
    "more than 32 keys": {**SIGNED, **{
        f"HOOKDIR_KEY_k{number}": KEY for number in range(32)}},
    "HOOKDIR_KEY_new: a word": {**SIGNED, "HOOKDIR_KEY_new": "text"},
    "HOOKDIR_KEY_NEW: no such": {**SIGNED, "HOOKDIR_KEY_NEW": KEY},
    "HOOKDIR_KEY_previous: a name that": {**SIGNED,
                                          "HOOKDIR_KEY_previous": KEY},
    "HOOKDIR_KEY_: no such": {**SIGNED, "HOOKDIR_KEY_": KEY},
    "HOOKDIR_SIGNATURE_HEADER: Authorization": {
        **SIGNED, "HOOKDIR_SIGNATURE_HEADER": "Authorization",
        "HOOKDIR_AUTH": "basic"},
}
for _params in WRONG.values():
    ENDPOINTS.path(_params)


def quoted(value):
    return value.replace("\\", "\\\\").replace('"', '\\"')


class Front:
    """A web server in front of the one handler; one connection for all"""

    def __init__(self, kind):
        endpoints = {path: {name: quoted(value) for name, value in
                            params.items()}
                     for path, params in ENDPOINTS.all.items()}
        self.handler = Handler(env=at(NOW))
        self.web = kind(self.handler, "hookdir.conf", endpoints=endpoints)
        self.sock = None

    def call(self, path, method, query, headers, body):
        head = f"{method} {path}{'?' + query if query else ''} HTTP/1.1\r\n"
        pairs = {"Host": NAME, **headers}
        if method in ("POST", "PUT") or body:
            pairs["Content-Length"] = len(body)
        head += "".join(f"{k}: {v}\r\n" for k, v in pairs.items())
        for _ in range(2):
            try:
                self.sock = self.sock or self.web.tls()
                self.sock.sendall(head.encode() + b"\r\n" + body)
                got = self._read(method)
            except OSError:
                got = None
            if got and got.status and \
                    got.header("Connection") != "close":
                return got
            # The server ended the connection: at once, or after the answer.
            self.sock.close()
            self.sock = None
            if got and got.status:
                return got
        return fail(f"{path}: no answer")

    def _read(self, method):
        if method == "HEAD":
            data = b""
            while b"\r\n\r\n" not in data:
                more = self.sock.recv(65536)
                if not more:
                    break
                data += more
            status = int(data.split(b" ", 2)[1])
            pairs = [tuple(part.decode().split(": ", 1)) for part in
                     data.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]]
            return Response(status, pairs, data.split(b"\r\n\r\n", 1)[1])
        return self.web.read(self.sock)

    def spool(self, path):
        return self.web.spool(path[1:])

    def log(self):
        return self.handler.log()


class Bare:
    """The program as CGI"""

    def __init__(self):
        self.place = folder("bare", 0o711)
        self.cgi = Cgi(env=at(NOW))

    def call(self, path, method, query, headers, body):
        params = dict(ENDPOINTS.all[path])
        params["HOOKDIR_SPOOL"] = self.spool(path).path
        kind = {k.lower(): v for k, v in headers.items()}.get("content-type")
        return self.cgi.request(
            body, method=method, path=path, query=query, CONTENT_TYPE=kind,
            headers=[(k, v) for k, v in headers.items()
                     if k.lower() != "content-type"], **params)

    def spool(self, path):
        return Spool(os.path.join(self.place, path[1:]))

    def log(self):
        return self.cgi.log()


WAYS = {"nginx": lambda: Front(Nginx), "apache": lambda: Front(Apache),
        "cgi": Bare}


@functools.cache
def way(kind):
    return WAYS[kind]()


def each_way(name):
    def register(function):
        for kind in WAYS:
            @test(f"{kind}: {name}")
            def _(kind=kind):
                function(way(kind))
        return function
    return register


def files(spool):
    return [name for name in spool.names("new")] if os.path.isdir(
        spool.path) else []


def as_type(text):
    return re.sub(r"[^A-Za-z0-9_.-]", "-", text) or "webhook.received"


class Course:
    """Sends lines through a way, and notes what was wrong of all"""

    def __init__(self, front):
        self.front = front
        self.wrong = []
        self.done = 0

    def one(self, line, path, row):
        spool = self.front.spool(path)
        known = set(files(spool))
        url = urllib.parse.urlsplit(line["url"])
        got = self.front.call(path, line["method"], url.query,
                              line["headers"],
                              base64.b64decode(line["body_b64"]))
        new = [name for name in files(spool) if name not in known]
        what = f"{line['sender']}, {line['case']}{', row' if row else ''}"
        self.done += 1
        if line["expect"] != "accept":
            self.refused(what, line, got, new)
        elif got.status != 200 or len(new) != 1:
            self.wrong.append(f"{what}: {got}, want 200; new: {new}")
        else:
            self.stored(what, line, row,
                        json.loads(read(os.path.join(
                            spool.path, "new", new[0]))))

    def refused(self, what, line, got, new):
        rules = line.get("rule", "").split("|")
        if line["method"] != "POST":
            rules = ["method-not-allowed"]
        # A web server itself answers 400 to what it cannot pass on.
        rule = got.rule() if got.body[:1] == b"{" else None
        if rule not in [*rules, None] or got.status in (200, 503) or new:
            self.wrong.append(f"{what}: {got} {got.body[:200]}, want {rules}; "
                              f"new: {new}")

    def stored(self, what, line, row, event):
        for name in ("id", "subject"):
            if line[name] and str(event.get(name)) != line[name]:
                self.wrong.append(f"{what}: {name} is {event.get(name)!r}, "
                                  f"want {line[name]!r}")
        if not row and event["type"] != as_type(line["type"]):
            self.wrong.append(f"{what}: type is {event['type']!r}, "
                              f"want {as_type(line['type'])!r}")
        if event["verifiedby"] != "hmac":
            self.wrong.append(f"{what}: verified by {event['verifiedby']}")

    def finish(self, least):
        if self.wrong:
            fail("\n".join(self.wrong[:20] + [f"{len(self.wrong)} wrong"]))
        ok(f"only {self.done} calls", self.done >= least)


@each_way("every call of the file, by parameters")
def _(front):
    course = Course(front)
    for line in CALLS:
        if line["now"] == NOW:
            course.one(line, ENDPOINTS.path(parameters(line)), False)
    course.finish(600)


@each_way("every call of the file, by the rows of their senders")
def _(front):
    course = Course(front)
    for line in CALLS:
        if line["now"] == NOW and by_row(line):
            course.one(line, ENDPOINTS.path(by_row(line)), True)
    course.finish(379)


@test("calls of other times")
def _():
    front = way("cgi")
    course = Course(front)
    for line in CALLS:
        if line["now"] != NOW:
            front.cgi.env = at(line["now"])
            course.one(line, ENDPOINTS.path(parameters(line)), False)
    front.cgi.env = at(NOW)
    course.finish(2)


@each_way("every line of the settings: misconfigured is 503, and says which")
def _(front):
    wrong = []
    for line in SETTINGS:
        path = ENDPOINTS.path(parameters(line))
        got = front.call(path, "POST", "", {}, b"{}")
        want = (400, "form-unknown") if line["expect"] == "ok" else \
            (503, "misconfigured")
        if (got.status, got.rule()) != want:
            wrong.append(f"{line['case']}: {got}, want {want}")
        if files(front.spool(path)):
            wrong.append(f"{line['case']}: stored")
    eq("wrong", wrong, [])
    for words in ("HOOKDIR_SIGNATURE_PREFIX: holds a character of "
                  "HOOKDIR_SIGNATURE_SEPARATOR",
                  "HOOKDIR_TOLERANCE: set without HOOKDIR_TIME",
                  "HOOKDIR_KEY_ENCODING: set without "
                  "HOOKDIR_SIGNATURE_HEADER", "HOOKDIR_MAC: no such"):
        has("log", wait_for(front.log, "log"), words)


# --- handshakes -------------------------------------------------------------

def judge(line, got, new):
    """What is wrong with the answer to a handshake"""
    want = line["expect"]
    if got.status != want["status"]:
        yield f"status {got.status}, want {want['status']}"
    if bool(new) != want["stored"]:
        yield f"stored {new}"
    for name, value in want["headers"].items():
        if got.header(name) != value:
            yield f"{name}: {got.header(name)!r}, want {value!r}"
    if "body_b64" in want and got.body != base64.b64decode(want["body_b64"]):
        yield f"body {got.body!r}"
    if "json" in want and json.loads(got.body) != want["json"]:
        yield f"body {got.body!r}, want {want['json']}"
    for text in want.get("body_must_not_contain", []):
        if text.encode() in got.body:
            yield f"{text!r} is in the body"
    if want["status"] == 200 and got.header("Cache-Control") != "no-store":
        yield "it may be cached"


@each_way("every line of the handshakes, by parameters and by rows")
def _(front):
    wrong = []
    for line in HANDSHAKES:
        for params in filter(None, (parameters(line),
                                    handshake_by_row(line))):
            wrong += shake(front, line, ENDPOINTS.path(params))
    eq("wrong", wrong, [])


def shake(front, line, path):
    known = set(files(front.spool(path)))
    url = urllib.parse.urlsplit(line["url"])
    got = front.call(path, line["method"], url.query, line["headers"],
                     base64.b64decode(line["body_b64"]))
    new = set(files(front.spool(path))) - known
    return [f"{line['sender']}, {line['case']}, {path}: {text}"
            for text in judge(line, got, new)]


def call(front, name, body=b"", headers=(), method="POST", query=""):
    """The answer, and what is stored"""
    path = OTHERS[name]
    known = set(files(front.spool(path)))
    got = front.call(path, method, query, dict(headers), body)
    new = [json.loads(read(os.path.join(front.spool(path).path, "new", file)))
           for file in files(front.spool(path)) if file not in known]
    return got, new


def answered(what, got, status=200, body=None, **headers):
    eq(f"{what}: status", got[0].status, status)
    eq(f"{what}: stored", got[1], [])
    if body is not None:
        eq(f"{what}: body", got[0].body, body)
    for name, value in headers.items():
        eq(f"{what}: {name}", got[0].header(name.replace("_", "-")), value)
    if status == 200:
        eq(f"{what}: nosniff", got[0].header("X-Content-Type-Options"),
           "nosniff")
        eq(f"{what}: cache", got[0].header("Cache-Control"), "no-store")


@each_way("handshakes that no line has: graph, okta, monday, asana ...")
def _(front):
    query = "validationToken=Validation%3a+Testing+client+1%3b%20x"
    answered("graph", call(front, "graph", method="POST", query=query),
             body=b"Validation: Testing client 1; x",
             Content_Type="text/plain")
    for token in ("%3Cb%3E", "", "%22", "a%0Ab", "x" * 1025, "%C3%A6",
                  "a&validationToken=b"):
        answered(f"graph {token}", call(
            front, "graph", method="POST", query="validationToken=" + token),
            400)
    eq("a message", len(call(front, "graph", b'{"value":[]}')[1]), 1)

    answered("cloudevents", call(
        front, "cloudevents", method="OPTIONS", headers={
            "WebHook-Request-Origin": "eventemitter.example.com"}),
        WebHook_Allowed_Origin="eventemitter.example.com", body=b"",
        WebHook_Allowed_Rate="*", Allow="POST")
    answered("no OPTIONS", call(front, "open", method="OPTIONS"), 405)
    answered("adobe-io", call(front, "adobe-io", method="GET",
                              query="challenge=a-b"), body=b"a-b")
    answered("okta", call(front, "okta", method="GET", headers={
        "X-Okta-Verification-Challenge": "abc.1"}),
        body=b'{"verification":"abc.1"}', Content_Type="application/json")
    answered("okta, odd", call(front, "okta", method="GET", headers={
        "X-Okta-Verification-Challenge": 'a"b'}), 400)
    answered("monday", call(front, "monday", b'{"challenge":"3eZ"}'),
             body=b'{"challenge":"3eZ"}')
    eq("monday, more members", len(call(
        front, "monday", b'{"challenge":"3eZ","event":{}}')[1]), 1)
    for method in ("HEAD", "GET"):
        answered(method, call(front, "mailchimp", method=method), body=b"")


@each_way("a key that a sender gives is echoed, kept for people, and no more")
def _(front):
    answered("asana", call(front, "asana", b"{}", {
        "X-Hook-Secret": "b537207f20cbfa02357cf448134da559"}), body=b"",
        X_Hook_Secret="b537207f20cbfa02357cf448134da559")
    answered("notion", call(
        front, "notion", b'{"verification_token":"secret_tMrlL1qK5vuQAh1b"}'),
        body=b"")
    for name, secret in (("asana", b"b537207f20cbfa02357cf448134da559"),
                         ("notion", b"secret_tMrlL1qK5vuQAh1b")):
        kept = front.spool(OTHERS[name]).quarantine()
        eq(f"{name}: kept", len(kept), 1)
        whole = base64.b64decode(kept[0]["request"]) + \
            base64.b64decode(kept[0]["data_base64"])
        has(f"{name}: kept", whole, secret)
        hasnt(f"{name}: log", front.log(), secret.decode())
    answered("with a key it is a call like all", call(
        front, "asana-key", b"{}", {"X-Hook-Secret": "b537"}), 400)


@each_way("a handshake is in the log and in the history, and no event")
def _(front):
    answered("graph", call(front, "graph", method="POST",
                           query="validationToken=zzz"), body=b"zzz")
    entries = wait_for(lambda: [
        entry for entry in front.spool(OTHERS["graph"]).history("in")
        if entry["event"] == "handshake"], "history")
    eq("detail", entries[-1]["detail"], "graph")
    eq("status", entries[-1]["status"], 200)
    wait_for(lambda: re.search(
        r"status=200 reason=handshake sender=generic handshake=graph ",
        front.log()), "the line")
    hasnt("log", front.log(), "zzz")


@each_way("settings that contradict each other are 503 and named")
def _(front):
    for text, params in WRONG.items():
        path = ENDPOINTS.path(params)
        got = front.call(path, "POST", "", {}, b"{}")
        eq(text, (got.status, got.rule()), (503, "misconfigured"))
        wait_for(lambda text=text: text in front.log(), text)


@each_way("id, type, subject and reference by header or JSON Pointer")
def _(front):
    body = b'{"a":{"id":7},"list":[{},{"n":"S-1"}],"order":{"no":"1001 "}}'
    _, new = call(front, "places", body, {"X-Type": "order/new"})
    eq("event", [new[0].get(name) for name in (
        "id", "type", "subject", "reference")],
        ["7", "order-new", "S-1", "1001 "])
    hasnt("a header that is looked at", new[0], "xtype")
    body = b'{"order":{"id":5}}'
    _, new = call(front, "nshift", body, {"X-Order-Number": "N-9"})
    eq("nshift", [new[0].get(name) for name in (
        "type", "subject", "reference")],
        ["com.nshift.order.created", "5", "N-9"])
    _, new = call(front, "nshift", b"no JSON")
    eq("without", [new[0].get("subject"), new[0].get("reference")],
       [None, None])


@each_way("eleven webhooks with eleven keys share one URL")
def _(front):
    for number, (name, key) in enumerate(KEYS.items()):
        body = shipmondo.body(shipmondo.form_b(), key)
        got, new = call(front, "named", body)
        eq(name, (got.status, new[0]["keyused"]), (200, name))
        wait_for(lambda name=name: f" key={name} " in front.log(), name)
        entries = wait_for(lambda number=number: front.spool(
            OTHERS["named"]).history("in")[number:], "history")
        eq("history", entries[0]["key"], name)
    got, new = call(front, "named", shipmondo.body(shipmondo.form_b(), "x"))
    eq("another key", (got.status, new), (403, []))


@each_way("32 keys are tried, the last as well")
def _(front):
    good = hmac.new(f"{KEY}30".encode(), b"{}", hashlib.sha256).hexdigest()
    got, new = call(front, "many", b"{}", {"X-Sig": good})
    eq("last", (got.status, new[0]["keyused"]), (200, "k30"))


@each_way("HOOKDIR_AUTH is asked before a handshake is answered")
def _(front):
    answered("okta", call(front, "asked", method="GET", headers={
        "X-Okta-Verification-Challenge": "abc"}), 401)


@each_way("the numbers that people know are the reference of rows")
def _(front):
    for name, header, body, want in (
            ("woocommerce", "X-WC-Webhook-Signature",
             b'{"id":7,"number":"1001","date_modified_gmt":"x"}', "1001"),
            ("quickpay", "QuickPay-Checksum-Sha256",
             b'{"id":7,"order_id":"A-1"}', "A-1")):
        got, new = call(front, name, body, {header: hmac.new(
            KEY.encode(), body, hashlib.sha256).hexdigest()})
        eq(name, (got.status, new[0]["reference"]), (200, want))


@each_way("white space at a key's end, and SHA-1, are warned of once")
def _(front):
    for name in ("spaced", "spaced", "sha1", "sha1"):
        call(front, name, b"{}")
    if isinstance(front, Front):
        wait_for(lambda: "event=sha1" in front.log(), "the warnings")
        eq("warnings", [len(re.findall(
            f"event={event} parameter=HOOKDIR_KEY key=current "
            f"spool={front.spool(OTHERS[name]).path} ", front.log()))
            for event, name in (("key-white-space", "spaced"),
                                ("sha1", "sha1"))], [1, 1])
    has("log", front.log(), "event=key-white-space parameter=HOOKDIR_KEY "
        "key=current spool=")
    has("log", front.log(), "event=sha1 parameter=HOOKDIR_KEY key=current")


@each_way("the JSON in a form says what the form is about")
def _(front):
    inner = '{"issue":{"number":42},"a":"b c&d"}'
    body = b"x=1&payload=" + urllib.parse.quote_plus(inner).encode() + b"&y"
    signature = "sha256=" + hmac.new(
        KEY.encode(), body, hashlib.sha256).hexdigest()
    got, new = call(front, "github", body, {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-GitHub-Event": "issues", "X-GitHub-Delivery": "d-1",
        "X-Hub-Signature-256": signature})
    eq("status", got.status, 200)
    eq("event", [new[0].get(name) for name in (
        "id", "type", "reference", "datacontenttype", "data")],
        ["d-1", "com.github.issues", "42",
         "application/x-www-form-urlencoded", body.decode()])
    got, new = call(front, "places", body, {
        "Content-Type": "application/x-www-form-urlencoded"})
    eq("no id in it", new[0].get("subject"), None)
    body = b"payload=" + urllib.parse.quote(
        '{"a":{"id":"i"},"list":[0,{"n":"s"}],"order":{"no":3}}').encode()
    _, new = call(front, "places", body, {
        "Content-Type": "application/x-www-form-urlencoded;charset=UTF-8"})
    eq("by pointers", [new[0].get(name) for name in (
        "id", "subject", "reference", "data")],
        ["i", "s", "3", body.decode()])


@each_way("a CloudEvent keeps its sender's id, type, source and time")
def _(front):
    names = ("id", "type", "source", "time", "subject", "datacontenttype",
             "data")
    own = {"id": "A-1", "type": "com.example.order.created",
           "source": "https://shop.example/a?b#c",
           "time": "2026-11-30T12:00:00.5+01:00", "subject": "o/1"}
    headers = {"ce-" + name: value for name, value in own.items()}
    _, new = call(front, "open", b'{"n":1}', {
        "Content-Type": "application/json", "ce-specversion": "1.0",
        **headers, "ce-subject": "N%C3%B8rre"})
    eq("binary", [new[0].get(name) for name in names],
       [*list(own.values())[:4], "N\u00f8rre", "application/json", {"n": 1}])
    # Its content may be missing, or text.
    for more, want in (
            ({"data": {"reference": "R"}}, ["application/json",
                                            {"reference": "R"}]),
            ({"data": "x", "datacontenttype": "text/plain"},
             ["text/plain", "x"]),
            ({"data": "x"}, ["application/json", "x"]),
            ({"data_base64": base64.b64encode(b"<a/>").decode(),
              "datacontenttype": "application/xml"},
             ["application/xml", "<a/>"]),
            ({}, [None, None])):
        _, new = call(front, "open", json.dumps(
            {"specversion": "1.0", **own, **more}).encode(), {
                "Content-Type": "application/cloudevents+json; charset=UTF-8"})
        eq(f"structured {more}", [new[0].get(name) for name in names],
           [*own.values(), *want])
    eq("reference", call(front, "open", json.dumps(
        {"specversion": "1.0", **own, "data": {"reference": "R"}}).encode(),
        {"Content-Type": "application/cloudevents+json"})[1][0]["reference"],
        "R")
    # What is no whole one is a message like any other.
    for gone in ("id", "type", "source"):
        part = {name: value for name, value in own.items() if name != gone}
        _, new = call(front, "open", json.dumps(
            {"specversion": "1.0", **part}).encode(), {
                "Content-Type": "application/cloudevents+json"})
        ok(f"without {gone}", new[0]["id"] != "A-1" and
           new[0]["data"]["specversion"] == "1.0")


@each_way("gitlab: the secret in the header is a key, and is not kept")
def _(front):
    head = {"X-Gitlab-Event": "Push Hook", "Idempotency-Key": "i-1"}
    for name, key in (("current", KEY), ("old", "old-" + KEY)):
        got, new = call(front, "gitlab", b"{}",
                        {**head, "X-Gitlab-Token": key})
        eq("status", got.status, 200)
        eq("event", [new[0][name] for name in (
            "id", "type", "verifiedby", "keyused")],
            ["i-1", "com.gitlab.push-hook", "secret", name])
        hasnt("event", json.dumps(new[0]), KEY)
    for token, status in ((KEY[:-1], 403), (KEY + "x", 403),
                          (KEY.upper(), 403), ("", 400)):
        got, new = call(front, "gitlab", b"{}",
                        {**head, "X-Gitlab-Token": token} if token else head)
        eq(token, (got.status, new), (status, []))


@each_way("HOOKDIR_REFUSED_STATUS and HOOKDIR_ANSWER empty")
def _(front):
    good = hmac.new(KEY.encode(), b"{}", hashlib.sha256).hexdigest()
    for headers, status in (({"X-Sig": good}, 200), ({}, 400),
                            ({"X-Sig": good[::-1]}, 400)):
        got, _ = call(front, "refused", b"{}", headers)
        eq(f"{headers}", (got.status, got.body), (status, b""))
    got, _ = call(front, "refused", method="GET")
    eq("another method", got.status, 405)


@each_way("a call that is too old names the key that signed it")
def _(front):
    body = b'{"type":"event_callback"}'
    text = b"v0:1796080000:" + body
    path = OTHERS["slack"]
    got = front.call(path, "POST", "", {
        "X-Slack-Request-Timestamp": "1796080000", "X-Slack-Signature":
        "v0=" + hmac.new(KEY.encode(), text, hashlib.sha256).hexdigest()},
        body)
    eq("answer", (got.status, got.rule()), (403, "token-expired"))
    eq("kept", front.spool(path).quarantine()[-1]["keyused"], "second")
    wait_for(lambda: re.search(
        "reason=token-expired sender=slack .* key=second", front.log()),
        "the line")


@test("every variant by one letter of every parameter is 503")
def _():
    text = read(root_file("handler", "endpoint.c"))
    names = set(re.findall(r'PREFIX "([A-Z_]+)"', text))
    ok("names", len(names) > 40)
    variants = set()
    for name in names | {""}:
        for i in range(len(name)):
            variants |= {name[:i] + name[i + 1:], name[:i] + "X" + name[i:],
                         name[:i] + name[i].lower() + name[i + 1:],
                         name[:i] + "_" + name[i + 1:]}
        variants |= {name + "S", name + "_", name + "x"}
    variants -= names | {"", "x"}
    # What is left is a key with a name in lower case.
    keys = {name for name in variants if re.fullmatch("KEY_[a-z0-9_]+", name)}
    eq("keys", keys, set())
    with Handler() as handler:
        place = folder("variants", 0o711)
        for name in sorted(variants):
            got = handler.request(b"{}", HOOKDIR_AUTH="none",
                                  HOOKDIR_SPOOL=os.path.join(place, "s"),
                                  **{"HOOKDIR_" + name: KEY})
            eq(name, (got.status, got.rule()), (503, "misconfigured"))


# --- the manual and the command ---------------------------------------------

def manual():
    return read(root_file("docs", "hookdir-senders.7"))


@test("hookdir senders, the manual and the table name the same senders")
def _():
    def run(*words):
        done = subprocess.run([TOOL, "senders", *words], check=True,
                              capture_output=True)
        return done.stdout.decode()
    listed = {line.split()[0]: line for line in run().splitlines()}
    eq("list", set(listed), ROWS)
    words = {"own\\~software": "its own software",
             "independent\\~verifier": "an independent verifier",
             "description": "by its description alone"}
    rows = re.findall(r"^\.It (\S+) Ta (\S+) Ta (\S+)$", manual().split(
        ".Sh THE OTHERS")[1].split(".El")[0], re.M)
    eq("manual", {row[0] for row in rows}, ROWS - {
        "shipmondo", "tradecloud", "nshift", "standard-webhooks", "github",
        "shopify", "stripe", "generic"})
    for name, way_in, known in rows:
        has(name, listed[name], way_in.replace("\\~", " "))
        has(name, run(name), "Known:       " + words[known])
    for name in ROWS:
        printed = run(name)
        has(name, printed, "In its form: ")
        ok(name, max(map(len, printed.splitlines())) < 110)
    done = subprocess.run([TOOL, "senders", "nobody"], check=False,
                          capture_output=True)
    eq("unknown", done.returncode, 64)


@test("the walk-through of the manual: a sender without a row")
def _():
    text = manual().split(".Sh A SENDER WITHOUT A ROW")[1].split(".Sh ")[0]
    params = dict(re.findall(r'fastcgi_param (\S+) "?(.*?)"?;$', text, re.M))
    del params["HOOKDIR_SPOOL"]
    script = re.search(r"^BODY=.*?^    -H .*?acme$", text,
                       re.M | re.S)[0].replace("\\(aq", "'")
    script = script.replace("\\e\n", "\\\n")
    for kind in (Nginx, Apache):
        with Handler() as handler, kind(
                handler, "hookdir.conf", endpoints={"/acme": params}) as web:
            done = subprocess.run(
                ["sh", "-ec", script.replace(
                    f"https://{NAME}/acme",
                    f"-s --cacert {certificate().ca} --resolve "
                    f"{NAME}:{web.port}:127.0.0.1 {web.url('/acme')}")],
                env=clean_environment(), capture_output=True, check=False)
            eq(done.stderr.decode(), json.loads(done.stdout),
               {"status": "accepted", "id": "1"})
            event = web.spool("acme").one()
            eq("event", [event[name] for name in (
                "type", "subject", "reference", "verifiedby")],
                ["parcel.delivered", "4711", "1001", "hmac"])


@test("apache with CGI: HEAD and OPTIONS reach the program")
def _():
    endpoints = {f"/{name}": {"HOOKDIR_SENDER": "generic",
                              "HOOKDIR_AUTH": "none",
                              "HOOKDIR_CHALLENGE": name}
                 for name in ("mailchimp", "cloudevents", "dropbox")}
    with Apache(None, "hookdir-cgi.conf", endpoints=endpoints) as web:
        eq("HEAD", web.request("/mailchimp", method="HEAD").status, 200)
        got = web.request("/cloudevents", method="OPTIONS", headers=[
            ("WebHook-Request-Origin", "a.example")])
        eq("OPTIONS", (got.status, got.header("WebHook-Allowed-Origin")),
           (200, "a.example"))
        got = web.request("/dropbox?challenge=x")
        eq("GET", (got.status, got.body), (200, b"x"))


def reverified(spool, params, count):
    env = {**clean_environment(), **params}
    done = subprocess.run([TOOL, "reverify", spool.path], env=env,
                          capture_output=True, check=False)
    has(f"{done.stderr}", done.stdout.decode(), f"{count} delivered")


@test("reverify: by the parameters of the endpoint, with named keys")
def _():
    front = Bare()
    good = hmac.new(KEY.encode(), b"POST.{}", hashlib.sha256).hexdigest()
    params = {**SIGNED, "HOOKDIR_SIGNED": "%m.%b",
              "HOOKDIR_SUBJECT": "X-Subject"}
    place = Spool(os.path.join(front.place, "judged"))
    front.cgi.request(b"{}", headers=[("X-Sig", good), ("X-Subject", "s")],
                      HOOKDIR_SPOOL=place.path,
                      **{**params, "HOOKDIR_KEY": "wrong" * 8})
    eq("kept", len(place.quarantine()), 1)
    conf = write(os.path.join(front.place, "shop.conf"), "".join(
        f'fastcgi_param {name} "{value}";\n' for name, value in {
            **params, "HOOKDIR_SPOOL": place.path, "HOOKDIR_KEY": "x" * 32,
            "HOOKDIR_KEY_second": KEY}.items()))
    done = subprocess.run(
        [TOOL, "reverify", "--conf", conf, place.path],
        env=clean_environment(), capture_output=True, check=False)
    has(f"{done.stderr}", done.stdout, b"1 delivered")
    message = place.one()
    eq("event", [message["keyused"], message["subject"]], ["second", "s"])

    place = Spool(os.path.join(front.place, "token"))
    front.cgi.request(b"{}", headers=[("X-Gitlab-Token", KEY)],
                      HOOKDIR_SPOOL=place.path, HOOKDIR_SENDER="gitlab",
                      HOOKDIR_KEY="wrong" * 8)
    hasnt("kept", read(place.quarantine()[0].path), KEY)
    reverified(place, {"HOOKDIR_SENDER": "gitlab", "HOOKDIR_KEY": "y" * 32},
               0)
    reverified(place, {"HOOKDIR_SENDER": "gitlab", "HOOKDIR_KEY_b": KEY}, 1)
    eq("key", place.one()["keyused"], "b")
    # What stands in a file is of no use as a token.
    digest = re.search(rb"x-gitlab-token: (.*)\n", base64.b64decode(
        kept_request(front, place))).group(1).decode()
    got = front.cgi.request(b"{}", headers=[("X-Gitlab-Token", digest)],
                            HOOKDIR_SPOOL=place.path, HOOKDIR_KEY=KEY,
                            HOOKDIR_SENDER="gitlab")
    eq("a digest", got.status, 403)


def kept_request(front, place):
    front.cgi.request(b"{}", headers=[("X-Gitlab-Token", KEY)],
                      HOOKDIR_SPOOL=place.path, HOOKDIR_SENDER="gitlab",
                      HOOKDIR_KEY="wrong" * 8)
    return place.quarantine()[0]["request"]


if __name__ == "__main__":
    main()

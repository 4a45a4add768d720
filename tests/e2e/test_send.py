# SPDX-License-Identifier: MIT
"""test_send - hookdir send, through nginx and Apache, for every sender

The receiver is the real one behind the shipped samples; senders.py and
shipmondo.py, which sign on their own, say what a call has to look like.
HOOKDIR_TOOL names another hookdir; its hookdir-net is beside it.
"""

import contextlib
import functools
import http.server
import json
import os
import pty
import re
import signal
import ssl
import subprocess
import threading
import time

import senders
import shipmondo
from harness import (NAME, PATIENCE, certificate, clean_environment, eq, fail,
                     folder, has, hasnt, main, ok, read, root_file, test,
                     wait_for, write)
from senders import each, serve
from spools import TOOL

OK, USAGE, DATAERR, NOINPUT, TEMPFAIL, PROTOCOL, CONFIG = \
    0, 64, 65, 66, 75, 76, 78
SHIPMONDO_KEY = "s3cret-0123456789abcdef0123456789abcdef"

# Of each sender: the sample's path, the content of the key file, the spool,
# and the type of the message that is sent by default.
CALLS = {
    "shipmondo": ("/webhook/shipmondo", SHIPMONDO_KEY, "shipmondo",
                  "com.shipmondo.connection_test"),
    "tradecloud": ("/webhook/tradecloud", "%s:%s" % senders.USERS[0],
                   "tradecloud",
                   "com.tradecloud1.OrderLinesAcceptedBySupplier"),
    "nshift": ("/webhook/nshift/{key}/order.created", senders.NSHIFT[0],
               "nshift", "com.nshift.order.created"),
    "standard-webhooks": ("/webhook/standard", senders.STANDARD_KEY,
                          "standard", "hookdir.test"),
    "github": ("/webhook/github", senders.GITHUB_KEY, "github",
               "com.github.ping"),
    "shopify": ("/webhook/shopify", senders.SHOPIFY_KEY, "shopify",
                "com.shopify.orders-create"),
    "stripe": ("/webhook/stripe", senders.STRIPE_KEY, "stripe",
               "com.stripe.payment_intent.succeeded"),
    "generic": ("/open", "any-token", "open", "webhook.received"),
}


# Senders without a sample: the key, and the type of their own message.
ROW_KEY = "a key of thirty-two bytes or more"
TYPES = {
    "svix": "hookdir.test", "polar": "hookdir.test",
    "woocommerce": "com.woocommerce.order.updated",
    "shopware": "com.shopware.checkout.order.placed",
    "quickpay": "net.quickpay.payment",
    "mollie": "com.mollie.payment-link.paid",
    "sendcloud": "com.sendcloud.parcel_status_changed",
    "webshipper": "com.webshipper.order.created",
    "dintero": "com.dintero.AUTHORIZATION",
    "adyen-platforms": "com.adyen.balancePlatform.transfer.created",
    "square": "com.squareup.order.updated", "hubspot": "com.hubspot.event",
    "zendesk": "com.zendesk.zen-event-type-ticket.created",
    "slack": "com.slack.message", "meta": "com.meta.page",
    "xero": "com.xero.event", "gitea": "io.gitea.push",
    "gitlab": "com.gitlab.push-hook", "bitbucket": "org.bitbucket.repo-push",
    "intercom": "com.intercom.conversation.user.created",
    "docusign": "com.docusign.envelope-completed",
    "dropbox": "com.dropbox.event", "typeform": "com.typeform.form_response",
    "calendly": "com.calendly.invitee.created",
    "checkout-com": "com.checkout.payment_approved",
    "paddle": "com.paddle.transaction.completed",
    "revolut": "com.revolut.ORDER_COMPLETED",
    "trello": "com.trello.updateCard",
    "aftership": "com.aftership.tracking_update",
}
ROW_KEYS = {"svix": senders.STANDARD_KEY,
            "adyen-platforms": ROW_KEY.encode().hex()}
for _sender, _type in TYPES.items():
    CALLS[_sender] = (f"/row/{_sender}", ROW_KEYS.get(_sender, ROW_KEY),
                      f"row-{_sender}", _type)


def row_endpoints():
    """As hookdir senders prints them"""
    endpoints = {}
    for sender in TYPES:
        path, key, _, _ = CALLS[sender]
        printed = subprocess.run([TOOL, "senders", sender], check=True,
                                 capture_output=True).stdout.decode()
        params = dict(re.findall(r'fastcgi_param (\S+) "(.*)";$', printed,
                                 re.M))
        eq(f"{sender}: for Apache", dict(re.findall(
            r'SetEnv (\S+) "(.*)"$', printed, re.M)), params)
        del params["HOOKDIR_SPOOL"]
        params["HOOKDIR_KEY"] = key
        endpoints[path] = params
    return endpoints


@functools.cache
def shared(kind):
    web = serve(kind, keys=[SHIPMONDO_KEY], endpoints={
        **row_endpoints(),
        "/open": {"HOOKDIR_SENDER": "generic", "HOOKDIR_AUTH": "none"},
        "/once": {"HOOKDIR_SENDER": "shipmondo", "HOOKDIR_DEDUP": "3600",
                  "HOOKDIR_KEY": SHIPMONDO_KEY},
        "/broken": {"HOOKDIR_SENDER": "github"}})
    for path, params in web.endpoints.items():
        if "HOOKDIR_URL" in params:
            params["HOOKDIR_URL"] = web.url(path)
    web.reload()
    return web


class Done:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err


def key_file(key):
    return write(os.path.join(folder("key"), "key"), key + "\n", 0o600)


def command(web, path, sender, key, *more):
    words = [TOOL, "send", web.url(path), "--cacert", certificate().ca,
             "--resolve", f"{NAME}:{web.port}:127.0.0.1"]
    if sender:
        words += ["--sender", sender]
    if key:
        words += ["--key-file", key_file(key)]
    return [*words, *more]


def call(words, code=OK, **options):
    done = subprocess.run(
        words, check=False, capture_output=True, timeout=PATIENCE,
        env=clean_environment(),
        **{"stdin": subprocess.DEVNULL, **options})
    done = Done(done.returncode, done.stdout.decode(), done.stderr.decode())
    if done.code != code:
        fail(f"{words}: exit {done.code}, want {code}\n{done.out}{done.err}")
    return done


def send(web, path, sender, key, *more, code=OK, **options):
    return call(command(web, path, sender, key, *more), code, **options)


def emptied(web, spool):
    """The spool of the sample, without what others left there"""
    spool = web.spool(spool)
    with contextlib.suppress(FileNotFoundError):
        for name in spool.names("new"):
            os.unlink(os.path.join(spool.path, "new", name))
    return spool


@each("every sender of the table: its own message is accepted and stored")
def _(kind):
    text = read(root_file("lib", "message", "sender.c"))
    eq("senders", sorted(CALLS),
       sorted(re.findall(r'^\s*\.name = "(.+)",', text, re.M)))
    web = shared(kind)
    for sender, (path, key, spool, kind_of) in CALLS.items():
        for more in ([], ["--sample"]):
            spool_ = emptied(web, spool)
            done = send(web, path, sender, key, *more)
            # This sender wants answers without a body.
            empty = sender == "xero"
            ok(f"{sender}: {done.out!r}", re.fullmatch(
                r"200 accepted \(\d+\.\d ms\): %s\n" %
                ("no body, .+" if empty else r"id [^\n]+"), done.out))
            eq("standard error", done.err, "")
            message = spool_.one()
            eq("sender", message["sender"], sender)
            if not more:
                eq("type", message["type"], kind_of)
            if not empty:
                has("answer", done.out, message["id"])


# --- against a server of the test's own -------------------------------------

class Recorder:
    """A server with the certificate of the samples that keeps each request
    and answers as it is told: (status, headers, body), or a function"""

    def __init__(self, answer=None):
        self.calls = []
        self.peers = set()
        self.answer = answer or accepted()
        self.ended = threading.Event()

    def __enter__(self):
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                recorder.calls.append((self.path, self.headers, body))
                recorder.peers.add(self.client_address)
                answer = recorder.answer
                if callable(answer):
                    answer = answer(len(recorder.calls))
                if answer is None:
                    recorder.ended.wait(PATIENCE)
                    self.close_connection = True
                    return
                status, headers, body = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate().pem, certificate().key)
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True,
            do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever,
                         args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()

    def url(self, path):
        return f"https://{NAME}:{self.port}{path}"


def accepted(ident="x-1", status="accepted"):
    return (200, {"Content-Type": "application/json"}, json.dumps(
        {"status": status, "id": ident}).encode())


def problem(status, rule, detail="a detail"):
    return (status, {"Content-Type": "application/problem+json"}, json.dumps(
        {"status": status, "rule": rule, "detail": detail}).encode())


def sent(sender, key, *more, path="/w", **options):
    """One call: its path, headers and body"""
    with Recorder() as server:
        send(server, path, sender, key, *more, **options)
        eq("calls", len(server.calls), 1)
        return server.calls[0]


BODY = b'{"id":"evt_1","price":1.10, "name":"N\xc3\xb8rre"}'


@test("every signature is the one that the tests make on their own")
def _():
    def given(sender, key):
        path, headers, body = sent(sender, key, "-", stdin=None, input=BODY)
        eq("path", path, "/w")
        eq("type", headers["Content-Type"], "application/json")
        return headers, body

    headers, body = given("shipmondo", SHIPMONDO_KEY)
    eq("body", body, shipmondo.body(BODY, SHIPMONDO_KEY))
    eq("Authorization", headers["Authorization"], None)

    for key in (senders.STANDARD_KEY, senders.STANDARD_KEY[6:],
                "v1," + senders.STANDARD_KEY):
        headers, body = given("standard-webhooks", key)
        eq("body", body, BODY)
        when = int(headers["webhook-timestamp"])
        ok("time", abs(when - time.time()) < 120)
        eq("signature", headers["webhook-signature"],
           senders.standard_signature(BODY, senders.STANDARD_KEY,
                                      headers["webhook-id"], when))

    headers, body = given("github", senders.GITHUB_KEY)
    want = dict(senders.github(BODY))
    eq("signature", headers["X-Hub-Signature-256"],
       want["X-Hub-Signature-256"])
    ok("delivery", re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
                                headers["X-GitHub-Delivery"]))
    eq("no event was asked for", headers["X-GitHub-Event"], None)

    headers, body = given("shopify", senders.SHOPIFY_KEY)
    eq("signature", headers["X-Shopify-Hmac-SHA256"],
       dict(senders.shopify(BODY))["X-Shopify-Hmac-Sha256"])

    headers, body = given("stripe", senders.STRIPE_KEY)
    when, got = re.fullmatch(r"t=(\d+),v1=([0-9a-f]+)",
                             headers["Stripe-Signature"]).groups()
    eq("signature", got, senders.stripe_signature(
        BODY, senders.STRIPE_KEY, int(when)))


@test("a sender that does not sign shows a password or a token")
def _():
    for key, want in (("us er:pa:ss", senders.basic("us er", "pa:ss")),
                      ("tok-en.123==", senders.bearer("tok-en.123=="))):
        _, headers, _ = sent("generic", key)
        eq("Authorization", headers["Authorization"], want[1])
    _, headers, _ = sent("generic", None)
    eq("Authorization", headers["Authorization"], None)
    path, headers, _ = sent("nshift", "a/b c?#", path="/n/{key}/order.created")
    eq("path", path, "/n/a%2Fb%20c%3F%23/order.created")
    eq("Authorization", headers["Authorization"], None)


@test("a payload of any bytes is sent as it is")
def _():
    for body in (b"", b"\0\xff\r\n", b"x" * 300000):
        path = os.path.join(folder("body"), "body")
        with open(path, "wb") as file:
            file.write(body)
        _, headers, got = sent("github", "k", path)
        ok("body", got == body)
        eq("type", headers["Content-Type"], "application/octet-stream")
        eq("signature", headers["X-Hub-Signature-256"],
           "sha256=" + senders.mac("k", body).hex())


@test("--header adds, and goes before what would be made")
def _():
    _, headers, _ = sent("github", "k", "--header", "X-GitHub-Event: push",
                         "--header", "x-hub-signature-256: sha256=00",
                         "--header", "X-Empty:", "--header",
                         "content-type: text/plain", "--sample")
    eq("event", headers.get_all("X-GitHub-Event"), ["push"])
    eq("signature", headers.get_all("X-Hub-Signature-256"), ["sha256=00"])
    eq("type", headers.get_all("Content-Type"), ["text/plain"])


@test("every call of --count has an id of its own")
def _():
    for sender in ("shipmondo", "tradecloud", "standard-webhooks", "github",
                   "shopify", "stripe", "generic"):
        with Recorder() as server:
            send(server, "/w", sender, "azE=", "--sample", "--count", "3")
            eq("calls", len(server.calls), 3)
            eq(f"{sender}: different ones", len({
                (str(headers), body) for _, headers, body in server.calls}), 3)


# --- answers ----------------------------------------------------------------

@test("what an answer means, and the exit status of it")
def _():
    html = {"Content-Type": "text/html"}
    page = b"<!DOCTYPE html><h1>Our shop</h1>"
    for answer, code, words in (
            (accepted(), OK, "200 accepted "),
            (accepted(status="duplicate"), OK, "200 duplicate "),
            ((200, html, page), PROTOCOL,
             "not an answer of hookdir: 200 (* another program took the call"),
            ((200, {}, b""), PROTOCOL, "not an answer of hookdir: 200"),
            ((200, {}, b'{"status":"ok","id":"1"}'), PROTOCOL, "another"),
            ((200, {}, b'{"status":"accepted"}'), PROTOCOL, "another"),
            ((200, {}, b'["status"]'), PROTOCOL, "another"),
            ((201, *accepted()[1:]), PROTOCOL, "another program"),
            ((302, {"Location": "https://127.0.0.1:1/"}, b""), PROTOCOL,
             "a redirect"),
            ((401, html, page), PROTOCOL, "wrong user"),
            ((404, html, page), PROTOCOL, "no endpoint of this URL"),
            ((502, html, page), PROTOCOL, "did not reach hookdir"),
            ((500, html, page), PROTOCOL, "in place of hookdir"),
            (problem(403, "signature-mismatch"), DATAERR,
             "403 refused: signature-mismatch (*: a detail"),
            (problem(405, "method-not-allowed"), DATAERR, "405 refused"),
            (problem(503, "misconfigured"), TEMPFAIL,
             "503 fault: misconfigured"),
            ((403, *problem(404, "not-found")[1:]), PROTOCOL, "403"),
            ((200, *problem(200, "odd")[1:]), PROTOCOL, "200")):
        with Recorder(answer) as server:
            done = send(server, "/w", "generic", None, code=code)
            for part in words.split("*"):
                has(f"{answer}", done.out, part)
            eq("lines", done.out.count("\n"), 1)
            eq("standard error", done.err, "")
            eq("calls", len(server.calls), 1)


@test("an answer steers no terminal, however it is made")
def _():
    odd = "\x1b]0;x\x07\n\x9b\u202e" + "x" * 5000
    for answer in (accepted(odd), problem(403, odd, odd), problem(503, "r", odd),
                   (200, {}, odd.encode()), (200, {}, b"[" * 100000),
                   (200, {}, b"x" * (4 << 20))):
        with Recorder(answer) as server:
            words = command(server, "/w", "generic", None)
            done = subprocess.run(words, check=False, capture_output=True,
                                  timeout=PATIENCE, env=clean_environment())
            out = (done.stdout + done.stderr).decode()
            ok(f"{out!r}", not re.search("[\0-\x09\x0b-\x1f\x7f-\x9f\u202e]",
                                         out))
            ok("it ended by itself", 0 <= done.returncode < 79)
            ok("its length", len(out) < 3000)


@test("no answer: no certificate, no server, no time, another name")
def _():
    with Recorder() as server:
        words = command(server, "/w", "generic", None)
        plain = [word for word in words
                 if word not in ("--cacert", certificate().ca)]
        done = call(plain, TEMPFAIL)
        has("output", done.out, "no answer")
        has("output", done.out, "certificate")
        eq("calls", len(server.calls), 0)
        call([*plain, "--insecure"])
        eq("calls", len(server.calls), 1)
        has("output", call(
            [word.replace(NAME, "other.example") for word in words],
            TEMPFAIL).out, "no answer")
    has("output", call(words, TEMPFAIL).out, "no answer")
    with Recorder(lambda _: None) as server:
        has("output", send(server, "/w", "generic", None, "--timeout", "1",
                           code=TEMPFAIL).out, "no answer")


@each("what the real receiver refuses, and what the web server does")
def _(kind):
    web = shared(kind)
    for path, sender, key, code, words in (
            ("/webhook/shipmondo", "shipmondo", "wrong", DATAERR,
             "403 refused: signature-mismatch"),
            ("/webhook/github", "stripe", senders.GITHUB_KEY, DATAERR,
             "400 refused: form-unknown"),
            ("/broken", "github", "k", TEMPFAIL, "503 fault: "),
            ("/webhook/tradecloud", "tradecloud", "a:b", PROTOCOL, "401 "),
            ("/webhook/nshift/{key}/order.created", "nshift", "wrong",
             PROTOCOL, "404 "),
            ("/", "shipmondo", SHIPMONDO_KEY, PROTOCOL,
             "not an answer of hookdir: ")):
        has(f"{path}", send(web, path, sender, key, code=code).out, words)


# --- out of a spool ---------------------------------------------------------

@each("--from: a stored message comes again as it was")
def _(kind):
    web = shared(kind)
    for sender in ("shipmondo", "standard-webhooks", "github", "shopify",
                   "stripe", "tradecloud"):
        path, key, spool, _ = CALLS[sender]
        place = emptied(web, spool)
        send(web, path, sender, key, "--sample")
        first = place.one()
        name, = place.names("new")
        send(web, path, None, key, "--from", place.path, name)
        other, = (n for n in place.names("new") if n != name)
        second = json.loads(read(os.path.join(place.path, "new", other)))
        for member in ("type", "subject", "source", "sender", "data",
                       "datacontenttype", "id"):
            eq(f"{sender}: {member}", second.get(member),
               json.loads(read(os.path.join(
                   place.path, "new", name))).get(member))
        ok("an event", first["id"])


@test("--from: Svix' names become those of the specification")
def _():
    web = shared("nginx")
    place = emptied(web, "standard")
    web.post("/webhook/standard", BODY, senders.svix(BODY, ident="msg_9"))
    name, = place.names("new")
    with Recorder() as server:
        send(server, "/w", None, senders.STANDARD_KEY, "--from", place.path,
             name)
        _, headers, body = server.calls[0]
    eq("body", body, BODY)
    eq("id", headers["webhook-id"], "msg_9")
    eq("svix-id", headers["svix-id"], None)
    eq("signature", headers["webhook-signature"], senders.standard_signature(
        BODY, senders.STANDARD_KEY, "msg_9",
        int(headers["webhook-timestamp"])))


@each("--from: a repeat is a duplicate to HOOKDIR_DEDUP, and accepted")
def _(kind):
    web = shared(kind)
    place = emptied(web, "once")
    has("first", send(web, "/once", "shipmondo", SHIPMONDO_KEY,
                      "--sample").out, "accepted")
    name, = place.names("new")
    has("second", send(web, "/once", None, SHIPMONDO_KEY, "--from",
                       place.path, name).out, "200 duplicate")


@test("--from: what is no message that can be sent")
def _():
    spool = folder("spool")
    for state in ("new", "cur", "quarantine"):
        os.mkdir(os.path.join(spool, state))

    def put(name, state="new", **members):
        head = {"specversion": "1.0", "id": "1", "source": "x", "type": "t",
                "sender": "github", "data": {}, **members}
        write(os.path.join(spool, state, f"1795280733.{name}.shop.json"),
              json.dumps(head))
        return f"1795280733.{name}.shop"

    with Recorder() as server:
        for name, words in (
                ("1795280733.M9P1Q1.shop", "no message"),
                (put("M1P1Q1", "quarantine", reason="signature-mismatch",
                     data_base64="eA=="), "reverify"),
                (put("M2P1Q1", sender="nobody"), "--sender"),
                (put("M3P1Q1", xgithubevent="a\r\nX-Evil: 1"), "X-GitHub-Event"),
                (put("M4P1Q1", xgithubevent="a\0b"), "X-GitHub-Event"),
                (put("M5P1Q1", xgithubevent=7), "X-GitHub-Event"),
                (put("M6P1Q1", data_base64="!", data=None), "base64")):
            done = send(server, "/w", None, "k", "--from", spool, name,
                        code=NOINPUT if words == "no message" else DATAERR)
            has(name, done.err, words)
            eq("output", done.out, "")
        send(server, "/w", None, "k", "--from", spool + "-not", "x",
             code=NOINPUT)
        eq("calls", server.calls, [])


# --- many of them -----------------------------------------------------------

@each("--count, --rate, --connections: a table, and all are stored")
def _(kind):
    web = shared(kind)
    place = emptied(web, "shipmondo")
    begun = time.monotonic()
    done = send(web, "/webhook/shipmondo", "shipmondo", SHIPMONDO_KEY,
                "--sample", "--count", "40", "--rate", "80", "--connections",
                "4")
    ok("it kept to the rate", time.monotonic() - begun > 39 / 80)
    first, head, numbers, last = done.out.splitlines()
    ok(first, re.fullmatch(
        r"40 of 40 accepted, \d+\.\d s, \d+\.\d a second", first))
    eq("columns", head.split()[3:], ["min", "median", "p90", "p99", "max"])
    times = [float(word) for word in numbers.split()]
    eq("times", times, sorted(times))
    ok("they are times", len(times) == 5 and times[0] > 0)
    eq("kinds", last.split(), ["40", "accepted"])
    eq("stored", len(place.names("new")), 40)
    eq("standard error", done.err, "")


@test("connections are kept, and no more than were asked for")
def _():
    for connections in (1, 3):
        with Recorder() as server:
            send(server, "/w", "generic", None, "--count", "30",
                 "--connections", str(connections))
            eq("calls", len(server.calls), 30)
            ok(f"{len(server.peers)} connections",
               1 <= len(server.peers) <= connections)


@test("errors are counted by their kind, and one is enough for a failure")
def _():
    kinds = {1: problem(403, "signature-mismatch"), 2: (200, {}, b"shop"),
             3: problem(503, "misconfigured"), 4: problem(503, "misconfigured")}
    with Recorder(lambda n: kinds.get(n, accepted())) as server:
        done = send(server, "/w", "generic", None, "--count", "9",
                    code=PROTOCOL)
    has("output", done.out, "5 of 9 accepted")
    for words in ("1  refused: signature-mismatch: a detail\n",
                  "1  not an answer of hookdir: 200: another program",
                  "2  fault: misconfigured: a detail\n", "5  accepted\n"):
        has("output", done.out, words)
    for kinds, code in (({2: problem(403, "x"), 3: problem(503, "y")}, DATAERR),
                        ({3: problem(503, "y")}, TEMPFAIL)):
        with Recorder(lambda n, k=kinds: k.get(n, accepted())) as server:
            send(server, "/w", "generic", None, "--count", "4", code=code)


@test("more kinds than there is room for are counted together")
def _():
    with Recorder(lambda n: problem(400, f"rule-{n}")) as server:
        done = send(server, "/w", "generic", None, "--count", "40",
                    code=DATAERR)
    has("output", done.out, "9  of other kinds")
    eq("kinds", done.out.count("refused: rule-"), 31)


@test("a signal ends it with the table of what was answered")
def _():
    for number in (signal.SIGINT, signal.SIGTERM):
        with Recorder(lambda n: None if n == 4 else accepted()) as server:
            with subprocess.Popen(
                    command(server, "/w", "generic", None, "--count", "9"),
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    env=clean_environment(), text=True) as process:
                wait_for(lambda s=server: len(s.calls) == 4, "fourth call")
                process.send_signal(number)
                out, err = process.communicate(timeout=PATIENCE)
        eq("exit", process.returncode, TEMPFAIL)
        has("output", out, "3 of 9 accepted")
        has("output", out, "6  not sent, or not answered before the end")
        eq("standard error", err, "")


@test("on a terminal there is a line of progress, and none is left")
def _():
    leader, follower = pty.openpty()
    said = []

    def slow(_):
        time.sleep(0.1)
        return accepted()

    with Recorder(slow) as server, subprocess.Popen(
            command(server, "/w", "generic", None, "--count", "8"),
            stdout=subprocess.PIPE, stderr=follower,
            env=clean_environment()) as process:
        os.close(follower)
        with contextlib.suppress(OSError):
            while data := os.read(leader, 4096):
                said.append(data)
        out = process.stdout.read().decode()
        eq("exit", process.wait(PATIENCE), OK)
    os.close(leader)
    text = b"".join(said).decode()
    ok(f"{text!r}", re.search(r"\r\d of 8 answered, \d+ a second, 0 not", text))
    ok("it is gone at the end", text.endswith("\r\x1b[K"))
    has("output", out, "8 of 8 accepted")


# --- keys -------------------------------------------------------------------

@test("a key is in no argument, no environment and no message")
def _():
    secret = "Sec-ret-4f1c0b7a9d"
    with Recorder(lambda _: None) as server:
        for sender, path in (("shipmondo", "/w"), ("generic", "/w"),
                             ("nshift", "/n/{key}/x")):
            count = len(server.calls)
            with subprocess.Popen(
                    command(server, path, sender, secret, "--timeout", "1"),
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                    env=clean_environment(), text=True) as process:
                wait_for(lambda s=server, n=count: len(s.calls) > n, "call")
                for name in ("cmdline", "environ"):
                    with open(f"/proc/{process.pid}/{name}", "rb") as file:
                        hasnt(name, file.read(), secret.encode())
                out = process.communicate(timeout=PATIENCE)[0]
            hasnt("output", out, secret)
    # In a URL that is none, and one that no server answers
    for url in ("https://x y/{key}", "https://127.0.0.1:1/{key}", "http://{key}"):
        done = subprocess.run(
            [TOOL, "send", url, "--sender", "nshift", "--key-file",
             key_file(secret)], check=False, capture_output=True, text=True,
            env=clean_environment(), timeout=PATIENCE)
        ok("exit", done.returncode in (USAGE, TEMPFAIL))
        hasnt("output", done.stdout + done.stderr, secret)


@test("a key that is none is 78, and nothing is sent")
def _():
    with Recorder() as server:
        for sender, key in (("github", ""), ("github", "a\nb"),
                            ("generic", "a\r\nX-Evil: 1"),
                            ("standard-webhooks", "whsec_no base64")):
            done = send(server, "/w", sender, "x", "--key-file",
                        key_file(key), code=CONFIG)
            eq("lines", done.err.count("\n"), 1)
        send(server, "/w", "github", None, "--key-file", "/nowhere/key",
             code=NOINPUT)
        eq("calls", server.calls, [])


@test("wrong arguments: one line, the usage, and 64")
def _():
    url = "https://hooks.example/w"
    key = ["--key-file", key_file("k")]
    for words, said in (
            ([], "which URL"), ([url], "which sender"),
            ([url, "--sender", "nobody"], "nobody"),
            ([url, "--sender", "github"], "--key-file"),
            ([url, "--sender", "github", *key, "a", "b"], "one message"),
            ([url, "--sender", "github", *key, "--sample", "a"], "--sample"),
            ([url, "--from", "."], "which message"),
            ([url, "--header", "x"], "--header"),
            ([url, "--header", "a b: c"], "--header"),
            ([url, "--header", "a: b\r\nc: d"], "--header"),
            ([url, "--count", "0"], "--count"),
            ([url, "--rate", "x"], "--rate"),
            ([url, "--connections", "100000"], "--connections"),
            ([url, "--resolve", "hooks.example"], "--resolve"),
            (["http://hooks.example/", "--sender", "generic"], "https"),
            (["https://u:p@hooks.example/", "--sender", "generic"], "https"),
            (["file:///etc/passwd", "--sender", "generic"], "https"),
            ([url + "/{key}", "--sender", "nshift"], "--key-file")):
        done = call([TOOL, "send", *words], USAGE)
        has(f"{words}", done.err, said)
        has(f"{words}", done.err, "usage: hookdir send ")
        eq("output", done.out, "")
    call([TOOL, "send", url, "--sender", "github", *key, "/nowhere"], NOINPUT)


# --- the manual -------------------------------------------------------------

@each("the examples of hookdir-send(1) work as they are printed")
def _(kind):
    web = shared(kind)
    text = read(root_file("docs", "hookdir-send.1"))
    text = text[text.index(".Sh EXAMPLES"):text.index(".Sh SEE ALSO")]
    examples = re.findall(r"^\.Bd -literal\n(.*?)^\.Ed$", text, re.M | re.S)
    eq("examples", len(examples), 6)
    here = folder("examples", 0o755)
    write(os.path.join(here, "KEY"), SHIPMONDO_KEY + "\n", 0o600)
    write(os.path.join(here, "NSHIFT"), senders.NSHIFT[0] + "\n", 0o600)
    write(os.path.join(here, "order.json"), '{"data":{"id":5}}')
    place = emptied(web, "shipmondo")
    os.symlink(place.path, os.path.join(here, "SPOOL"))
    write(os.path.join(here, "hookdir"), "#!/bin/sh\n"
          f'exec {TOOL} "$@" --cacert {certificate().ca} '
          f"--resolve {NAME}:{web.port}:127.0.0.1\n", 0o755)
    before = 0
    for example in examples:
        example = example.replace("\\e\n", "\\\n")
        example = example.replace(f"https://{NAME}", f"https://{NAME}:{web.port}")
        example = example.replace(f"{NAME}:443:", f"{NAME}:{web.port}:")
        if "NAME" in example:
            example = example.replace("NAME", sorted(place.names("new"))[0])
        done = subprocess.run(
            ["sh", "-ec", example], cwd=here, capture_output=True, text=True,
            check=False, timeout=PATIENCE, env={
                **clean_environment(), "HOOKDIR_SPOOLS": here,
                "PATH": here + ":" + clean_environment()["PATH"]})
        eq(f"{example}{done.stdout}{done.stderr}", done.returncode, OK)
        if "order.json" in example:
            eq("type", place.messages()[-1]["type"],
               "com.shipmondo.orders.create")
        if "nshift" not in example:
            now = len(place.names("new"))
            ok("stored", now > before)
            before = now


if __name__ == "__main__":
    main()

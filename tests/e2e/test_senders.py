# SPDX-License-Identifier: MIT
"""test_senders - every sender, every way in, behind nginx and Apache

The servers run the samples hookdir-tradecloud.conf, hookdir-nshift.conf,
hookdir-hmac.conf and hookdir-oauth.conf as they are shipped, with secrets.
"""

import base64
import concurrent.futures
import contextlib
import functools
import hashlib
import json
import os
import re
import subprocess
import time

import senders
import shipmondo
from harness import (FCGI, Cgi, Handler, Spool, eq, fail, folder, has, hasnt,
                     main, ok, read, root_file, test, wait_for, write)
from shipmondo import message_id
from senders import (KINDS, NSHIFT, NSHIFT_EVENTS, ODD, SECRETS, TOKENS, USERS,
                     XML, basic, bearer, each, serve, tradecloud)
from spools import TOOL

ORDER = "3d5bc77c-7a4e-4c14-9b1c-4a1a3f0f5b6e"

# Endpoints of the harness's own: what no sample has.
ENDPOINTS = {
    "/example": {"HOOKDIR_SENDER": "github",
                 "HOOKDIR_KEY": "It's a Secret to Everybody"},
    "/plain-key": {"HOOKDIR_SENDER": "standard-webhooks",
                   "HOOKDIR_KEY": senders.STANDARD_KEY[6:]},
    "/odd-key": {"HOOKDIR_SENDER": "standard-webhooks",
                 "HOOKDIR_KEY": "whsec_no base64"},
    "/odd-previous": {"HOOKDIR_SENDER": "standard-webhooks",
                      "HOOKDIR_KEY": senders.STANDARD_KEY,
                      "HOOKDIR_KEY_PREVIOUS": "whsec_no base64"},
    "/tolerant": {"HOOKDIR_SENDER": "stripe",
                  "HOOKDIR_KEY": senders.STRIPE_KEY, "HOOKDIR_AUTH": "none"},
    "/both": {"HOOKDIR_SENDER": "github",
              "HOOKDIR_KEY": senders.GITHUB_OLD, "HOOKDIR_AUTH": "basic"},
    "/once": {"HOOKDIR_SENDER": "tradecloud", "HOOKDIR_AUTH": "none",
              "HOOKDIR_DEDUP": "3600"},
    "/once-briefly": {"HOOKDIR_SENDER": "tradecloud", "HOOKDIR_AUTH": "none",
                      "HOOKDIR_DEDUP": "1"},
    "/once-signed": {"HOOKDIR_SENDER": "standard-webhooks",
                     "HOOKDIR_KEY": senders.STANDARD_KEY,
                     "HOOKDIR_DEDUP": "3600"},
    "/headers": {"HOOKDIR_SENDER": "github",
                 "HOOKDIR_KEY": senders.GITHUB_OLD, "HOOKDIR_HEADERS":
                 "X-Request-Id X-GitHub-Event traceparent User-Agent"},
    "/source": {"HOOKDIR_SENDER": "tradecloud", "HOOKDIR_AUTH": "none",
                "HOOKDIR_SOURCE": "urn:shop:north?a=1#b"},
    "/no-source": {"HOOKDIR_SENDER": "tradecloud", "HOOKDIR_AUTH": "none"},
    "/bad-source": {"HOOKDIR_AUTH": "none", "HOOKDIR_SOURCE": "a b"},
    "/named": {"HOOKDIR_AUTH": "none", "HOOKDIR_EVENT": "my event/\u00e5"},
    "/keyed": {"HOOKDIR_SENDER": "tradecloud", "HOOKDIR_KEY": "k"},
    "/keyless": {"HOOKDIR_SENDER": "stripe", "HOOKDIR_AUTH": "none"},
    "/once-shipmondo": {"HOOKDIR_SENDER": "shipmondo",
                        "HOOKDIR_KEY": "a key", "HOOKDIR_KEY_PREVIOUS": "old",
                        "HOOKDIR_DEDUP": "3600"},
    "/once-github": {"HOOKDIR_SENDER": "github",
                     "HOOKDIR_KEY": senders.GITHUB_OLD,
                     "HOOKDIR_DEDUP": "3600"},
    "/once-stripe": {"HOOKDIR_SENDER": "stripe",
                     "HOOKDIR_KEY": senders.STRIPE_KEY,
                     "HOOKDIR_DEDUP": "3600"},
    "/once-generic": {"HOOKDIR_AUTH": "none", "HOOKDIR_DEDUP": "3600"},
    "/svix": {"HOOKDIR_SENDER": "standard-webhooks",
              "HOOKDIR_KEY": senders.STANDARD_KEY},
    "/shopify": {"HOOKDIR_SENDER": "shopify",
                 "HOOKDIR_KEY": senders.SHOPIFY_KEY},
    "/shipment": {"HOOKDIR_SENDER": "tradecloud", "HOOKDIR_AUTH": "none"},
}

# How keys of Standard Webhooks are shown: the parameter, and what signs.
PLUS, SLASH = bytes([0xfb, 0xef, 0xbe] * 8), bytes([0xff] * 25)
KEYS = {
    "/key-unpadded": ("whsec_" + senders.b64(SLASH).rstrip("="), SLASH),
    "/key-padded": ("whsec_" + senders.b64(SLASH), SLASH),
    "/key-url": ("whsec_" + base64.urlsafe_b64encode(
        SLASH).decode().rstrip("="), SLASH),
    "/key-url-padded": (base64.urlsafe_b64encode(SLASH).decode(), SLASH),
    "/key-plus": (senders.b64(PLUS), PLUS),
    "/key-v1": ("v1,whsec_" + senders.b64(PLUS), PLUS),
    "/key-text": ("polar_whs_It is no base64!", b"polar_whs_It is no base64!"),
    "/key-hex": ("00112233445566778899aabbccddeeff",
                 b"00112233445566778899aabbccddeeff"),
    "/key-hex-decoded": ("00112233445566778899aabbccddeeff", base64.b64decode(
        "00112233445566778899aabbccddeeff")),
}
BAD_KEYS = ["whsec_", "whsec_=", "whsec_A", "whsec_AAA=A", "whsec_AAAA=",
            "whsec_AAA==", "whsec_AA===", "whsec_+-AA", "whsec_AAB",
            "whsec_AAAA AAAA", "v1,whsec_", "v1,whsec_!"]
for path, (text, _) in KEYS.items():
    # A key that is text, and not base64, is another row's.
    ENDPOINTS[path] = {"HOOKDIR_SENDER":
                       "polar" if path in ("/key-text", "/key-hex")
                       else "standard-webhooks", "HOOKDIR_KEY": text}


@functools.cache
def shared(kind):
    return serve(kind, endpoints=ENDPOINTS)


def site(kind):
    web = shared(kind)
    for name in os.listdir(web.spools):
        web.spool(name).clear()
    return web


def stored(web):
    """All files of all spools"""
    return [f"{name}/{file}" for name in sorted(os.listdir(web.spools))
            for file in web.spool(name).files()]


def accepted(got, ident=None, status="accepted"):
    eq("answer", (got.status, got.error), (200, ""))
    eq("status", got.json()["status"], status)
    if ident is not None:
        eq("id of the answer", got.json()["id"], ident)


def refused(got, status, rule):
    eq("answer", (got.status, got.error), (status, ""))
    eq("rule", got.rule(), rule)


def digest(body):
    return hashlib.sha256(body).hexdigest()


class Bare:
    """The handler as a CGI program, with the same endpoints"""

    def __init__(self):
        self.cgi = Cgi()
        self.root = folder("spools", 0o711)

    def spool(self, name):
        return Spool(os.path.join(self.root, name))

    def post(self, path, body, headers=()):
        bare, _, query = path.partition("?")
        return self.cgi.request(
            body, headers=list(headers), REQUEST_METHOD="POST",
            REQUEST_URI=path, QUERY_STRING=query, SERVER_NAME="hooks.example",
            HOOKDIR_SPOOL=self.spool(bare[1:]).path, **ENDPOINTS[bare])


def each_way(name):
    """A test for each web server and for CGI"""
    def register(function):
        each(name)(lambda kind: function(site(kind)))

        @test(f"cgi: {name}")
        def _():
            function(Bare())
        return function
    return register


# --- the samples ------------------------------------------------------------

@each("the server finds no fault with the samples")
def _(kind):
    one = {name: {key: keys[:1] for key, keys in secret.items()}
           if isinstance(secret, dict) else secret[:1]
           for name, secret in SECRETS.items()}
    for secrets in ({}, one, SECRETS):
        web = serve(kind, secrets=secrets, start=False)
        status, text = web.check()
        eq(f"status with {list(secrets)}", (status, text), (0, text))
        ok(f"no warning in {text!r}",
           not re.search(r"\[(warn|error|emerg|alert|crit)\]", text))


@each("each sample works next to hookdir.conf alone")
def _(kind):
    for sample in senders.SAMPLES:
        web = serve(kind, also=[sample], secrets={}, start=False)
        status, text = web.check()
        eq(f"status with {sample}", (status, text), (0, text))


@each("as shipped, without secrets, every endpoint refuses")
def _(kind):
    with serve(kind, secrets={}) as web:
        write(web.jwks, '{"keys":[]}', 0o644)
        for headers in ([], [basic("", "")], [basic("tradecloud-2026a", "")],
                        [bearer("TOKEN-IN-USE")], [bearer("TOKEN-BEFORE")],
                        [bearer("")]):
            for path in ("", "/order/1", "?orderId=1"):
                path = "/webhook/tradecloud" + path
                eq(path, web.post(path, b"{}", headers).status, 401)
                eq(path, web.request(path, headers=headers).status, 401)
        for secret in ("SECRET-IN-USE", "SECRET-BEFORE", "", "x"):
            for path in (f"/webhook/nshift/{secret}/order.created",
                         f"/webhook/nshift/{secret}/",
                         f"/webhook/nshift/{secret}"):
                # What is a literal in a comment opens nothing.
                eq(path, web.post(path, b"{}").status, 404)
        for path, headers in (
                ("standard", senders.standard(b"{}", "")),
                ("github", senders.github(b"{}", "")),
                ("shopify", senders.shopify(b"{}", "")),
                ("stripe", senders.stripe(b"{}", "")),
                ("oauth/tradecloud", [bearer("a.b.c")]),
                ("entra/tradecloud", [bearer("a.b.c")])):
            refused(web.post(f"/webhook/{path}", b"{}", headers), 503,
                    "misconfigured")
        for path in ("/oauth2/token", "/adfs/oauth2/token"):
            got = web.post(path, b"grant_type=client_credentials&client_id="
                                 b"&client_secret=", user=":")
            refused(got, 503, "misconfigured")
        eq("stored", stored(web), [])


ANSWERED = ["/webhook/tradecloud",
            f"/webhook/nshift/{NSHIFT[0]}/order.created",
            "/webhook/standard", "/webhook/github", "/webhook/shopify",
            "/webhook/stripe", "/oauth2/token", "/adfs/oauth2/token",
            "/webhook/oauth/tradecloud", "/webhook/entra/tradecloud"]


@each("while the handler is down, every endpoint answers 503")
def _(kind):
    web = site(kind)
    web.handler.down()
    try:
        for path in ANSWERED:
            got = web.post(path, b"{}", [bearer(TOKENS[0])])
            refused(got, 503, "system-error")
            ok(f"{path}: Retry-After", int(got.header("Retry-After")) > 0)
        logs = web.new_logs()
    finally:
        web.handler.up()
    hasnt("the secret of the URL in the logs", logs, NSHIFT[0])


@each("a site's own error pages do not reach the endpoints")
def _(kind):
    site_conf = {
        "nginx": """error_page 400 401 403 404 405 413 500 502 503 504 /e;
                    fastcgi_intercept_errors on; rewrite_log on;
                    client_max_body_size 1k; include fastcgi_params;
                    fastcgi_param HOOKDIR_DEDUP x;""",
        "apache": "ErrorDocument 401 /e\nErrorDocument 403 /e\n"
                  "ErrorDocument 404 /e\nErrorDocument 405 /e\n"
                  "ErrorDocument 503 /e\nProxyErrorOverride On\n"}[kind]
    with serve(kind, main=site_conf) as web:
        path = "/webhook/tradecloud"
        accepted(web.post(path, tradecloud(), [bearer(TOKENS[0])]))
        accepted(web.post(path, tradecloud(), [basic(*USERS[0])]))
        refused(web.request(path, "PUT", [bearer(TOKENS[0])]), 405,
                "method-not-allowed")
        eq("401", web.post(path, b"{}").status, 401)
        for secret, status in ((NSHIFT[0], 200), ("guess", 404)):
            path = f"/webhook/nshift/{secret}/order.created"
            eq(path, web.post(path, b"{}").status, status)
        refused(web.post("/webhook/github", b"{}",
                         senders.github(b"{}", "wrong")), 403,
                "signature-mismatch")
        got = web.post("/oauth2/token", b"grant_type=x", [
            ("Content-Type", "application/x-www-form-urlencoded")],
                       user="a:b")
        eq("token endpoint", (got.status, got.json()["error"]),
           (401, "invalid_client"))
        for secret in (NSHIFT[0], TOKENS[0]):
            hasnt("logs", web.logs(), secret)


# --- Tradecloud -------------------------------------------------------------

WAYS = [("Basic", [basic(*USERS[0])], "basic"),
        ("Basic, previous", [basic(*USERS[1])], "basic"),
        ("bearer", [bearer(TOKENS[0])], "server"),
        ("bearer, previous", [bearer(TOKENS[1])], "server")]
MEMBERS = ["orderEvent", "singleDeliveryOrderEvent", "simpleOrderEvent",
           "orderDocumentsEvent", "shipment"]


@each("tradecloud: an event is stored, whichever way it comes in")
def _(kind):
    web = site(kind)
    spool = web.spool("tradecloud")
    for way, headers, verified in WAYS:
        for member in MEMBERS:
            for inside in (False, True):
                spool.clear()
                body = tradecloud("AcceptOrderLinesEvent", member,
                                  "m-1", "o-7", inside)
                what = f"{way}, {member}, messageId inside {inside}"
                accepted(web.post("/webhook/tradecloud", body, headers),
                         "m-1")
                message = spool.one()
                eq(f"{what}: type", message["type"],
                   "com.tradecloud1.AcceptOrderLinesEvent")
                eq(f"{what}: id", message["id"], "m-1")
                eq(f"{what}: subject", message["subject"], "o-7")
                eq(f"{what}: source", message["source"],
                   "https://hooks.example/webhook/tradecloud")
                eq(f"{what}: sender", message["sender"], "tradecloud")
                eq(f"{what}: verifiedby", message["verifiedby"], verified)
                eq(f"{what}: datacontenttype", message["datacontenttype"],
                   "application/json")
                eq(f"{what}: data", message.data, body)
                ok(f"{what}: no keyused", "keyused" not in message)


@each_way("tradecloud: a polled order's id is the subject, too")
def _(web):
    for body, want in (
            (b'{"orderEvent":{"id":"i","orderId":"o"}}', "o"),
            (b'{"singleDeliveryOrderEvent":{"id":"i"}}', "i"),
            (b'{"orderEvent":{"lines":[{"id":"l"}]}}', None),
            (b'{"orderId":"o"}', "o")):
        web.spool("shipment").clear()
        accepted(web.post("/shipment", body))
        eq(f"subject of {body}", web.spool("shipment").one().get("subject"),
           want)


@each_way("tradecloud: of two shipments the one that was changed last counts")
def _(web):
    for second in (50, 10):  # the newer one arrives first
        body = tradecloud("ShipmentReissuedBySupplier", "shipment",
                          f"m-{second}", "ship-1",
                          changed=f"2026-11-21T17:05:{second}.000Z")
        accepted(web.post("/shipment", body))
    ran = os.path.join(folder("ran"), "ran")
    done = subprocess.run(
        [TOOL, "run", "--latest", web.spool("shipment").path, "--", "sh",
         "-c", f'echo "$CE_ID" >>{ran}'], capture_output=True, check=False)
    eq("run", (done.returncode, read(ran)), (0, "m-50\n"))


@each("tradecloud: an event without names is stored")
def _(kind):
    web = site(kind)
    body = b'{"somethingNew":{"price":1.10}}'
    ident = message_id(body, "com.tradecloud1.event")
    accepted(web.post("/webhook/tradecloud", body, WAYS[0][1]), ident)
    message = web.spool("tradecloud").one()
    eq("type", message["type"], "com.tradecloud1.event")
    eq("id", message["id"], ident)
    ok("no subject", "subject" not in message)
    eq("data", message.data, body)


@each("tradecloud: GET notifications in all address forms")
def _(kind):
    web = site(kind)
    spool = web.spool("tradecloud")
    for _, headers, verified in WAYS:
        for path, what in (
                (f"/order/{ORDER}", "order"), (f"?orderId={ORDER}", "order"),
                (f"/orders/{ORDER}", "order"),
                (f"/shipment/{ORDER}", "shipment"),
                (f"?shipmentId={ORDER}", "shipment"),
                (f"?a=b&shipmentId={ORDER}&c", "shipment"),
                (f"/order?orderId={ORDER}", "order")):
            spool.clear()
            path = "/webhook/tradecloud" + path
            accepted(web.request(path, headers=headers))
            message = spool.one()
            eq(f"{path}: type", message["type"],
               f"com.tradecloud1.{what}.notified")
            eq(f"{path}: subject", message["subject"], ORDER)
            eq(f"{path}: method", message["method"], "GET")
            eq(f"{path}: target", message["path"] + (
                "?" + message["query"] if message["query"] else ""), path)
            eq(f"{path}: source", message["source"],
               "https://hooks.example/webhook/tradecloud")
            eq(f"{path}: verifiedby", message["verifiedby"], verified)
            for name in ("data", "data_base64", "datacontenttype"):
                ok(f"{path}: no {name}", name not in message)


@each("tradecloud: two notifications of one order are two events")
def _(kind):
    web = site(kind)
    path = f"/webhook/tradecloud/order/{ORDER}"
    ids = {web.request(path, headers=WAYS[2][1]).json()["id"]
           for _ in range(3)}
    eq("ids", len(ids), 3)
    eq("ids stored", {m["id"] for m in web.spool("tradecloud").messages()},
       ids)


@each("tradecloud: a notification of anything is stored")
def _(kind):
    web = site(kind)
    spool = web.spool("tradecloud")
    for path, kind_of, subject in (
            ("", "event", None), ("/", "event", None),
            ("/order/", "event", None), ("?orderId=", "event", None),
            ("?orderid=1", "event", None), ("/invoice/7", "event", None),
            ("?orderId=a%20b%2Bc", "order.notified", "a b+c"),
            ("?orderId=%F8", "order.notified", "\u00f8"),
            ("?orderId=1&orderId=2", "order.notified", "1")):
        spool.clear()
        accepted(web.request("/webhook/tradecloud" + path,
                             headers=WAYS[0][1]))
        message = spool.one()
        eq(f"{path}: type", message["type"], f"com.tradecloud1.{kind_of}")
        eq(f"{path}: subject", message.get("subject"), subject)


@each("tradecloud: an XML order is stored as text")
def _(kind):
    web = site(kind)
    for content_type in ("application/xml", "text/xml; charset=utf-8"):
        web.spool("tradecloud").clear()
        accepted(web.post("/webhook/tradecloud", XML, [
            *WAYS[0][1], ("Content-Type", content_type)]),
            message_id(XML, "com.tradecloud1.event"))
        message = web.spool("tradecloud").one()
        eq("data", message["data"].encode(), XML)
        eq("datacontenttype", message["datacontenttype"], content_type)
        eq("type", message["type"], "com.tradecloud1.event")


@each("tradecloud, nshift: odd bodies are stored, never refused")
def _(kind):
    web = site(kind)
    for path, headers, spool in (
            ("/webhook/tradecloud", WAYS[2][1], web.spool("tradecloud")),
            (f"/webhook/nshift/{NSHIFT[0]}/order.updated", [],
             web.spool("nshift"))):
        odd_bodies(web, path, lambda _body, h=headers: h, spool)


def odd_bodies(web, path, headers_of, spool):
    for name, content_type, body, member, value in ODD:
        spool.clear()
        got = web.post(path, body, [("Content-Type", content_type),
                                    *headers_of(body)])
        eq(f"{path}, {name}: answer", (got.status, got.error), (200, ""))
        message = spool.one()
        eq(f"{path}, {name}: bodysha256", message.members["bodysha256"],
           f'"{digest(body)}"'.encode())
        if name.startswith("arrays"):
            has(name, message.raw, body)  # as JSON or as text
            continue
        for other in ("data", "data_base64"):
            eq(f"{path}, {name}: {other}", other in message,
               other == member)
        if member:
            eq(f"{path}, {name}: {member}", message[member], value)


@each("tradecloud: without a password or a token the answer is 401")
def _(kind):
    web = site(kind)
    (user, password), (other, _) = USERS
    for headers in (
            [], [basic(user, "wrong")], [basic(user, "")],
            [basic("", password)], [basic(other, password)],
            [basic(user.upper(), password)], [basic(user, TOKENS[0])],
            [bearer("x")], [bearer(TOKENS[0].lower())],
            [bearer(TOKENS[0] + "x")], [bearer(TOKENS[0][:-1])],
            [bearer(TOKENS[0].replace(".", "x"))], [bearer(password)],
            [bearer("TOKEN-IN-USE")], [("Authorization", TOKENS[0])],
            [("Authorization", f"Basic {TOKENS[0]}")],
            [("Remote-User", user)], [("X-Authorization",
                                       f"Bearer {TOKENS[0]}")]):
        for path in ("", f"/order/{ORDER}", f"?orderId={ORDER}"):
            path = "/webhook/tradecloud" + path
            for got in (web.post(path, b"{}", headers),
                        web.request(path, headers=headers)):
                eq(f"{path} with {headers}", (got.status, got.error),
                   (401, ""))
                eq("challenge", got.header("WWW-Authenticate"),
                   'Basic realm="hookdir"')
        eq(f"stored after {headers}", stored(web), [])


@each("tradecloud: each way in is open by itself alone")
def _(kind):
    for name, good, bad in (
            ("tradecloud-bearer.conf", bearer(TOKENS[0]), basic(*USERS[0])),
            ("tradecloud.htpasswd", basic(*USERS[0]), bearer(TOKENS[0]))):
        with serve(kind, ["hookdir-tradecloud.conf"],
                   {name: SECRETS[name]}) as web:
            path = "/webhook/tradecloud"
            accepted(web.post(path, b"{}", [good]))
            eq(f"{name}: the other", web.post(path, b"{}", [bad]).status, 401)
            eq(f"{name}: neither", web.post(path, b"{}").status, 401)
            eq("stored", len(stored(web)), 1)


@each("tradecloud: other methods are answered 405")
def _(kind):
    web = site(kind)
    for method in ("PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"):
        got = web.request("/webhook/tradecloud", method, WAYS[2][1])
        eq(f"{method}: status", got.status, 405)
        eq(f"{method}: Allow", got.header("Allow"), "GET, POST")
    eq("stored", stored(web), [])


@each("tradecloud: a missing password file makes a call a 503, a token "
      "needs none")
def _(kind):
    web = site(kind)
    path = os.path.join(web.etc, "tradecloud.htpasswd")
    os.rename(path, path + ".away")
    try:
        for got in (web.post("/webhook/tradecloud", b"{}", WAYS[0][1]),
                    web.request("/webhook/tradecloud", headers=WAYS[0][1])):
            refused(got, 503, "system-error")
            ok("Retry-After", got.header("Retry-After"))
        accepted(web.post("/webhook/tradecloud", b"{}", WAYS[2][1]))
    finally:
        os.rename(path + ".away", path)


@each("the Authorization header reaches the handler for tokens alone")
def _(kind):
    word, end = {"nginx": ("fastcgi_param", ";"),
                 "apache": ("SetEnv", "")}[kind]
    # What the handler gets it would keep.
    edits = {f"{word} HOOKDIR_SENDER {sender}{end}":
             f"{word} HOOKDIR_SENDER {sender}{end}\n"
             f"{word} HOOKDIR_HEADERS Authorization{end}"
             for sender in ("tradecloud", "nshift", "github")}
    with serve(kind, edits=edits) as web:
        for _, headers, _ in WAYS:
            accepted(web.post("/webhook/tradecloud", b"{}", headers))
            accepted(web.request("/webhook/tradecloud", headers=headers))
        accepted(web.post(f"/webhook/nshift/{NSHIFT[0]}/order.created", b"{}",
                          WAYS[0][1]))
        accepted(web.post("/webhook/github", b"{}", [
            *senders.github(b"{}"), *WAYS[0][1]]))
        for name in ("tradecloud", "nshift", "github"):
            for message in web.spool(name).messages():
                ok(f"{name}: no authorization",
                   "authorization" not in message)
        token = web.post("/oauth2/token", b"grant_type=client_credentials", [
            ("Content-Type", "application/x-www-form-urlencoded"),
            basic(senders.CLIENT, senders.CLIENT_SECRETS[0])]
        ).json()["access_token"]
        accepted(web.post("/webhook/oauth/tradecloud", b"{}",
                          [bearer(token)]))
        eq("the token", web.spool("oauth").one()["authorization"],
           f"Bearer {token}")


@each("tradecloud: secrets reach neither files nor logs")
def _(kind):
    web = site(kind)
    for _, headers, _ in WAYS:
        accepted(web.post("/webhook/tradecloud", b"{}", headers))
        accepted(web.request("/webhook/tradecloud", headers=headers))
    texts = [web.logs(), web.handler.log()] + [
        m.raw.decode() for m in web.spool("tradecloud").messages()]
    for secret in [*TOKENS, *(password for _, password in USERS),
                   *(value.split()[1] for _, [(_, value)], _ in WAYS)]:
        for text in texts:
            hasnt("text", text, secret)


# --- nShift -----------------------------------------------------------------

@each("nshift: each event is stored, with either secret")
def _(kind):
    web = site(kind)
    spool = web.spool("nshift")
    ids = {}
    for secret in NSHIFT:
        for event in NSHIFT_EVENTS:
            for query in ("", "?a=1&b=%20"):
                spool.clear()
                body = b'{"order":{"id":7, "weight":1.10}}'
                accepted(web.post(f"/webhook/nshift/{secret}/{event}{query}",
                                  body),
                         message_id(body, f"com.nshift.{event}", query[1:]))
                message = spool.one()
                eq("type", message["type"], f"com.nshift.{event}")
                eq("source", message["source"],
                   "https://hooks.example/webhook/nshift")
                eq("path", message["path"], f"/webhook/nshift/{event}")
                eq("query", message["query"], query[1:])
                eq("sender", message["sender"], "nshift")
                eq("verifiedby", message["verifiedby"], "server")
                eq("data", message.data, body)
                for each_one in NSHIFT:
                    hasnt("file", message.raw.decode(), each_one)
                ids.setdefault(message["id"], set()).add(event + query)
    # Whichever the secret, and of nothing else
    eq("ids", sorted(map(sorted, ids.values())), sorted(
        [event + query] for event in NSHIFT_EVENTS
        for query in ("", "?a=1&b=%20")))


@each("nshift: anything but the whole secret is 404")
def _(kind):
    web = site(kind)
    good, old = NSHIFT
    for path in (
            "", "/", "/order.created",
            "/guess/order.created", f"/{good.lower()}/order.created",
            f"/{good.upper()}/order.created", f"/{old.upper()}/order.created",
            f"/{good[:-1]}/order.created", f"/{good[1:]}/order.created",
            f"/{good}x/order.created", f"/x{good}/order.created", f"/{good}x",
            f"/{good.replace('.', 'x')}/order.created",
            f"/x/{good}/order.created", f"/{good}%0a/order.created",
            f"/{good};/order.created", "/SECRET-IN-USE/order.created",
            f"/{good}/order.created%00", f"/{good}/order.created%0a",
            f"/?secret={good}", f"/x/order.created?{good}"):
        got = web.post("/webhook/nshift" + path, b"{}")
        ok(f"{path} is not found: {got}", got.status == 404 or
           (got.status in (400, 503) and ("%00" in path or "%0a" in path)))
        hasnt("answer", got.body.decode(), good)
        eq(f"stored after {path}", stored(web), [])


@each("nshift: with the secret, no event is a 503 and any event is stored")
def _(kind):
    web = site(kind)
    for secret in NSHIFT:
        for path in ("", "/", "//", "/order.created/x", "/x/order.created",
                     "/order%20created", f"/{NSHIFT[1]}/order.created"):
            before = web.handler.log().count("HOOKDIR_EVENT: empty")
            got = web.post(f"/webhook/nshift/{secret}{path}", b"{}")
            # nginx makes one slash of two.
            eq(f"{path} in {got}", (got.status, got.rule()),
               (503, "misconfigured"))
            hasnt("answer", got.body.decode(), secret)
            eq(f"stored after {path}", stored(web), [])
            wait_for(lambda b=before: web.handler.log().count(
                "HOOKDIR_EVENT: empty") > b, "line in the log")
        for path, event in (
                ("order-created", "order-created"), ("ORDER", "ORDER"),
                ("order.created/", "order.created"),
                ("shipment.exploded?channel=shop1", "shipment.exploded")):
            accepted(web.post(f"/webhook/nshift/{secret}/{path}", b"{}"))
            message = web.spool("nshift").one()
            eq("type", message["type"], f"com.nshift.{event}")
            eq("query", message["query"],
               "channel=shop1" if "?" in path else "")
            hasnt("file", message.raw.decode(), secret)
            web.spool("nshift").clear()
        hasnt("log", web.handler.new_log() + web.new_logs(), secret)


@test("nshift: manual and samples name the same events and address")
def _():
    manual = read(root_file("docs", "hookdir-senders.7"))
    texts = [manual, read(root_file("nginx", "hookdir-nshift.conf")),
             read(root_file("apache", "hookdir-nshift.conf"))]
    for text in texts:
        has("text", text, "/webhook/nshift/SECRET/order.created")
        has("text", text, "/webhook/nshift/SECRET/order.created?channel=NAME")
        for event in NSHIFT_EVENTS:
            has("text", text, event)
        hasnt("text", text, "order-created")


@each("no header sets a parameter, whatever its name")
def _(kind):
    web = site(kind)
    names = ("ROLE", "SPOOL", "SENDER", "EVENT", "SOURCE", "KEY",
             "KEY_PREVIOUS", "AUTH", "TOKEN_KEY", "JWKS", "ISSUER",
             "AUDIENCE", "CLIENT_ID", "CLIENT_SECRET", "HEADERS")
    for mark in ("_", "-"):
        for value in ("order.created", "server", "none"):
            forged = [(f"HOOKDIR{mark}{name.replace('_', mark)}", value)
                      for name in names]
            forged += [(f"REMOTE{mark}USER", "somebody")]
            for path, want in (("/webhook/nshift", 404),
                               ("/webhook/nshift/x", 404),
                               ("/webhook/nshift/x/order.created", 404),
                               ("/webhook/tradecloud", 401)):
                got = web.post(path, b"{}", forged)
                eq(f"status of {path} with {value} and {mark}",
                   got.status, want)
            eq("stored", stored(web), [])


@each("nshift: the secret is in no log, whatever happens")
def _(kind):
    web = site(kind)
    for secret in NSHIFT:
        path = f"/webhook/nshift/{secret}/order.created"
        accepted(web.post(path, b"{}"))
        accepted(web.post(path, b"{}", http="2"))
        accepted(web.post("/webhook//nshift/" + path[16:], b"{}"))
        eq("GET", web.request(path).status, 405)
        eq("too large", web.post(path, b"x" * (17 << 20)).status, 413)
        eq("no event", web.post(path + "/x", b"{}").status, 503)
        with web.tls() as sock:
            sock.sendall(f"POST {path} HTTP/1.1\r\nHost: hooks.example\r\n"
                         "Content-Length: 9\r\nExpect: 100-continue\r\n\r\n"
                         .encode())
            has("answer", sock.recv(4096), b" 100 ")
        web.handler.stop()
        with web.tls() as sock:  # hangs up while nobody answers
            sock.sendall(f"POST {path} HTTP/1.1\r\nHost: hooks.example\r\n"
                         "Content-Length: 2\r\n\r\n{}".encode())
        web.handler.start()
        web.handler.down()
        refused(web.post(path, b"{}"), 503, "system-error")
        os.unlink(web.handler.socket)
        refused(web.post(path, b"{}"), 503, "system-error")
        web.handler.up()
        accepted(web.post(path, b"{}"))
    # The calls of all this are over when this one's line is there.
    web.request("/last")
    wait_for(lambda: "/last" in web.new_logs(), "line in the access log")
    for where, text in (("web server", web.new_logs()),
                        ("handler", web.handler.new_log())):
        ok(f"{where} has a log", text)
        for secret in NSHIFT:
            hasnt(where, text, secret)


@each("nshift: other endpoints are still in the access log")
def _(kind):
    web = site(kind)
    for path in ("/webhook/tradecloud", "/elsewhere"):
        web.request(path)
        wait_for(lambda p=path: f"GET {p}" in web.new_logs(),
                 f"{path} in the access log")


# --- signatures -------------------------------------------------------------

def hmac_case(path, sign, keys, body, want, headers):
    return {"path": f"/webhook/{path}", "sign": sign, "keys": keys,
            "body": body, "want": want, "spool": path, "headers": headers}


HMAC = [
    hmac_case("standard", senders.standard,
              (senders.STANDARD_KEY, senders.STANDARD_OLD),
              b'{"type":"invoice.paid","data":{"total":1.10}}',
              {"type": "invoice.paid", "id": "msg_1", "subject": None,
               "sender": "standard-webhooks"}, ("webhookid", "msg_1")),
    hmac_case("github", senders.github,
              (senders.GITHUB_KEY, senders.GITHUB_OLD),
              '{"zen":"\u00f8","n":1.10}'.encode(),
              {"type": "com.github.push", "id": "72d3162e-cc78",
               "subject": None, "sender": "github"},
              ("xgithubevent", "push")),
    hmac_case("shopify", senders.shopify,
              (senders.SHOPIFY_KEY, senders.SHOPIFY_OLD),
              b'{"id":820982911946154508,"name":"#1001","total_price":"1.10"}',
              {"type": "com.shopify.orders-create", "id": "b54557e4-bdd9",
               "subject": "820982911946154508", "reference": "#1001",
               "sender": "shopify"},
              ("xshopifyshopdomain", "shop.example")),
    hmac_case("stripe", senders.stripe,
              (senders.STRIPE_KEY, senders.STRIPE_OLD),
              b'{"id":"evt_1","type":"charge.paid",\n'
              b' "data":{"object":{"id":"ch_9"}}}\n',
              {"type": "com.stripe.charge.paid", "id": "evt_1",
               "subject": "ch_9", "sender": "stripe"}, None),
]


def each_signer(name):
    """A test for each web server and each sender that signs"""
    def register(function):
        for kind in KINDS:
            for case in HMAC:
                @test(f"{kind}: {case['spool']}: {name}")
                def _(kind=kind, case=case):
                    function(site(kind), case)
        return function
    return register


@each_signer("a signed call is stored, with either key")
def _(web, case):
    for key, used in zip(case["keys"], ("current", "previous")):
        web.spool(case["spool"]).clear()
        headers = case["sign"](case["body"], key)
        got = web.post(case["path"], case["body"], headers)
        accepted(got, case["want"]["id"])
        message = web.spool(case["spool"]).one()
        for name, value in case["want"].items():
            eq(name, message.get(name), value)
        eq("keyused", message["keyused"], used)
        eq("verifiedby", message["verifiedby"], "hmac")
        eq("source", message["source"],
           "https://hooks.example" + case["path"])
        eq("data", message.data.rstrip(), case["body"].rstrip())
        if case["headers"]:
            name, value = case["headers"]
            eq(name, message[name], value)


def quarantined(web, case, got, status, rule, what):
    eq(f"{what}: answer", (got.status, got.error), (status, ""))
    eq(f"{what}: rule", got.rule(), rule)
    spool = web.spool(case["spool"])
    eq(f"{what}: new", spool.names("new"), [])
    message = spool.one("quarantine")
    eq(f"{what}: type", message["type"], "hookdir.quarantined")
    eq(f"{what}: reason", message["reason"], rule)
    eq(f"{what}: body", base64.b64decode(message["data_base64"]),
       case["body"])
    spool.clear()


def with_signature(case, change):
    """The headers of a good call, the one that signs changed"""
    headers = case["sign"](case["body"], case["keys"][0])
    *rest, (name, value) = headers
    return [*rest, (name, change(value))]


@each_signer("a wrong signature is 403 and goes to quarantine")
def _(web, case):
    def flip(value, at):
        # A digit of the signature, wherever it begins and ends
        ends = value.split(",v0=")[0]
        at = at if at >= 0 else len(ends) + at
        other = "0" if value[at] != "0" else "1"
        return value[:at] + other + value[at + 1:]
    body, sign = case["body"], case["sign"]
    first = {"standard": 3, "github": 7, "shopify": 0,
             "stripe": 16}[case["spool"]]
    for what, headers in (
            ("other key", sign(body, senders.STANDARD_OLD[:-4] + "AAAA")),
            ("other body", sign(body + b" ", case["keys"][0])),
            ("first digit", with_signature(case, lambda v: flip(v, first))),
            ("fifth digit", with_signature(
                case, lambda v: flip(v, first + 4))),
            ("cut off", with_signature(
                case, lambda v: v.split(",v0=")[0][:-4])),
            ("longer", with_signature(
                case, lambda v: v.split(",v0=")[0] + "aa")),
            ("empty MAC", with_signature(case, lambda v: v[:first] or "=")),
            ("not its alphabet", with_signature(
                case, lambda v: v[:first] + "!" * 40))):
        quarantined(web, case, web.post(case["path"], body, headers), 403,
                    "signature-mismatch", what)


# --- the likely cause -------------------------------------------------------

RAW = "the bytes of a key, as a sender has them"


def cause_case(cause, sender, key, sign, sent=None):
    """sign: of a body, with the bytes that sign; answers the headers. sent:
    the body that arrives, where it is another one than was signed"""
    return {"cause": cause, "sender": sender, "key": key, "sign": sign,
            "sent": sent}


def in_milliseconds(body, key):
    """Stripe's form, by a sender that says milliseconds"""
    when = int(time.time() * 1000)
    return [("Stripe-Signature",
             f"t={when},v1={senders.stripe_signature(body, key, when)}")]


def signed_in_milliseconds(body, key):
    when = int(time.time())
    return [("Stripe-Signature", f"t={when},v1=" + senders.stripe_signature(
        body, key, when * 1000))]


def by_text(body, key):
    """Standard Webhooks, with the text of the key"""
    ident, when = "msg_1", int(time.time())
    return [("webhook-id", ident), ("webhook-timestamp", str(when)),
            ("webhook-signature", "v1," + senders.b64(senders.mac(
                key, f"{ident}.{when}.".encode() + body)))]


B64 = base64.b64encode(RAW.encode()).decode()
CAUSE_BODY = b'{"id":"evt_1"}'
CAUSES = [
    cause_case("key-white-space", "github", RAW + " ", senders.github),
    cause_case("key-white-space", "shipmondo", RAW + "  ", None),
    cause_case("key-quotes", "shopify", f"'{RAW}'", senders.shopify),
    cause_case("key-base64", "stripe", B64, senders.stripe),
    cause_case("key-base64", "shipmondo", B64, None),
    cause_case("key-hex", "github", RAW.encode().hex(), senders.github),
    cause_case("key-hex", "shipmondo", RAW.encode().hex(), None),
    cause_case("key-text", "standard-webhooks", "whsec_" + B64,
               lambda body, key: by_text(
                   body, key if key != RAW else B64)),
    cause_case("body-newline", "github", RAW, senders.github,
               CAUSE_BODY + b"\n"),
    cause_case("time-unit", "stripe", RAW, in_milliseconds),
    cause_case("time-unit", "stripe", RAW, signed_in_milliseconds),
]


def cause_call(case, key):
    """Body and headers"""
    if case["sender"] == "shipmondo":
        return shipmondo.body(shipmondo.form_b(), key), []
    return case["sent"] or CAUSE_BODY, case["sign"](CAUSE_BODY, key)


def line_of(web, file):
    """The line of the log about that file; it is written after the answer."""
    def find():
        return [line for line in web.handler.new_log().splitlines()
                if f' file="{file}" ' in line]
    return wait_for(find, "line")[0]


def without_date(got):
    return (got.status, got.body, [pair for pair in got.headers
                                   if pair[0].lower() != "date"])


@each("the likely cause of a mismatch is in the log and in the kept call, "
      "and not in the answer")
def _(kind):
    endpoints = {f"/cause-{number}": {"HOOKDIR_SENDER": case["sender"],
                                      "HOOKDIR_KEY": case["key"]}
                 for number, case in enumerate(CAUSES)}
    with serve(kind, (), {}, endpoints=endpoints) as web:
        for _ in range(50):
            web.handler.request(CAUSE_BODY, HOOKDIR_SENDER="github",
                                HOOKDIR_SPOOL=web.spool("flood").path,
                                HOOKDIR_KEY=RAW, REMOTE_ADDR="192.0.2.1",
                                headers=senders.github(CAUSE_BODY, "x" * 32))
        for number, case in enumerate(CAUSES):
            what = f"{case['cause']}, {case['sender']}"
            spool = web.spool(f"cause-{number}")
            answers = {}
            # A caller has its own part of the trials for causes, which
            # other callers, such as the tests before this one, do not use.
            caller = ("--interface", f"127.0.1.{number + 1}")
            for key in (RAW, "another key of the same length, no more"):
                time.sleep(0.15)  # no more than ten a second are tried
                body, headers = cause_call(case, key)
                got = web.post(f"/cause-{number}", body, headers, args=caller)
                # In another unit it is not the sender's form.
                status = 400 if case["sign"] is in_milliseconds else 403
                eq(f"{what}: status", (got.status, got.error), (status, ""))
                hasnt(f"{what}: answer", str(got) + got.body.decode(),
                      "cause")
                answers[key] = without_date(got)
                message = spool.one("quarantine")
                want = case["cause"] if key == RAW else None
                eq(f"{what}: kept", message.get("cause"), want)
                line = line_of(web, os.path.basename(message.path))
                has(f"{what}: line", line, f"status={status} ")
                eq(f"{what}: logged", re.findall(r" cause=(\S+)", line),
                   [want] if want else [])
                hasnt(f"{what}: line", line, RAW)
                spool.clear()
                eq(f"{what}: new", spool.names("new"), [])
            if case["sign"] is not in_milliseconds:
                eq(f"{what}: same answer", answers[RAW],
                   [value for name, value in answers.items()
                    if name != RAW][0])


@each_signer("without a signature it is 400 and goes to quarantine")
def _(web, case):
    signed = case["sign"](case["body"], case["keys"][0])
    tables = [("no headers", []), ("no signature", signed[:-1]),
              ("empty", with_signature(case, lambda v: ""))]
    if case["spool"] != "shopify":  # whose signature is the header alone
        tables += [
            ("blanks", with_signature(case, lambda v: " , ")),
            ("without its prefix", with_signature(
                case, lambda v: re.sub(r"v1,|sha256=|v1=", "", v))),
            ("other version", with_signature(case, lambda v: re.sub(
                r"v1,|sha256=|v1=", "v9=", v)))]
    for what, headers in tables:
        quarantined(web, case, web.post(case["path"], case["body"], headers),
                    400, "form-unknown", what)


@each_signer("odd bodies with a good signature are stored, never refused")
def _(web, case):
    odd_bodies(web, case["path"],
               lambda body: case["sign"](body, case["keys"][0]),
               web.spool(case["spool"]))


@each_signer("other methods are answered 405")
def _(web, case):
    for method in ("GET", "PUT", "HEAD"):
        got = web.request(case["path"], method,
                          case["sign"](b"", case["keys"][0]))
        eq(f"{method}: status", got.status, 405)
        eq(f"{method}: Allow", got.header("Allow"), "POST")
    eq("stored", stored(web), [])


@each_signer("the key reaches neither files nor logs")
def _(web, case):
    for key in case["keys"]:
        web.post(case["path"], case["body"], case["sign"](case["body"], key))
        web.post(case["path"], b"x", case["sign"](case["body"], key))
    texts = [web.new_logs(), web.handler.new_log()]
    spool = web.spool(case["spool"])
    texts += [m.raw.decode() for m in spool.messages() + spool.quarantine()]
    eq("files", len(texts), 6)
    for key in case["keys"]:
        for text in texts:
            hasnt("text", text, key)
            hasnt("text", text, json.dumps(key)[1:-1])


@each("github: the example of its documentation")
def _(kind):
    web = site(kind)
    # docs.github.com, "Validating webhook deliveries"
    accepted(web.post("/example", b"Hello, World!", [
        ("Content-Type", "text/plain"), ("X-GitHub-Event", "ping"),
        ("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a"
         "37570b6d7586c22c46f4379c8b043e17")]))
    message = web.spool("example").one()
    eq("data", message["data"], "Hello, World!")
    eq("type", message["type"], "com.github.ping")
    eq("id", message["id"], shipmondo.sha256(
        f"com.github.ping\n{digest(b'Hello, World!')}"))


@each("github: the digits' case does not matter, SHA-1 does not count")
def _(kind):
    web = site(kind)
    signed = senders.github(b"{}")[-1][1]
    accepted(web.post("/webhook/github", b"{}", [
        ("X-Hub-Signature-256", "sha256=" + signed[7:].upper())]))
    for name, value in (("X-Hub-Signature", signed),
                        ("X-Hub-Signature-256", "sha1=" + signed[7:]),
                        ("X-Hub-Signature-256", signed[7:])):
        refused(web.post("/webhook/github", b"{}", [(name, value)]), 400,
                "form-unknown")


def timely(attempt):
    """Runs attempt(now) until it starts and ends in one second: then the
    handler saw the same second."""
    for _ in range(100):
        now = int(time.time())
        result = attempt(now)
        if int(time.time()) == now:
            return result
    return fail("no call was done within one second of the clock")


TOLERANCE = [(0, 200, None), (-299, 200, None), (299, 200, None),
             (-301, 403, "token-expired"), (301, 403, "token-not-yet-valid"),
             (-86400, 403, "token-expired"),
             (10 ** 8, 403, "token-not-yet-valid")]


@each("standard, stripe: a call 299 s off is stored, one 301 s off is not")
def _(kind):
    web = site(kind)
    for path, sign in (("standard", senders.standard),
                       ("stripe", senders.stripe)):
        for off, status, rule in TOLERANCE:
            got = timely(lambda now: web.post(
                f"/webhook/{path}", b"{}",
                sign(b"{}", SECRETS[f"{path}.conf"][0], when=now + off)))
            eq(f"{path}, {off} s off", (got.status, got.rule()),
               (status, rule))
    # Who cannot sign does not learn what time it is here.
    refused(web.post("/webhook/stripe", b"{}", senders.stripe(
        b"{}", "wrong", 1000000000)), 403, "signature-mismatch")


@each("standard, stripe: a time that is none is 400")
def _(kind):
    web = site(kind)
    now = int(time.time())
    for when in ("", "x", f"{now}.5", f"+{now}", f"-{now}", f"{now}x",
                 f"0x{now:x}", "1" * 30):
        if when:
            refused(web.post("/webhook/standard", b"{}", senders.standard(
                b"{}", when=when)), 400, "form-unknown")
        refused(web.post("/webhook/stripe", b"{}", senders.stripe(
            b"{}", when=when)), 400, "form-unknown")
    signature = senders.stripe_signature(b"{}", senders.STRIPE_KEY, "")
    refused(web.post("/webhook/stripe", b"{}", [
        ("Stripe-Signature", f"v1={signature}")]), 400, "form-unknown")


@each("stripe: one good v1 among several is enough, v0 is none")
def _(kind):
    web = site(kind)
    now = int(time.time())
    good = senders.stripe_signature(b"{}", senders.STRIPE_KEY, now)
    old = senders.stripe_signature(b"{}", senders.STRIPE_OLD, now)
    bad = "0" * 64
    for value, status in (
            (f"t={now},v1={good}", 200), (f"t={now},v1={old}", 200),
            (f"t={now},v1={bad},v1={good}", 200),
            (f"t={now},v1={good},v1={bad}", 200),
            (f"t={now},v1=,v1=zz,v1={bad},v1={old},v0={bad}", 200),
            (f"v1={good},t={now}", 200), (f"t={now}, v1={good}", 200),
            (f"x=1,t={now},y,v1={good},", 200),
            (f"t={now},v1={bad},v1={bad}", 403),
            (f"t={now},v0={good}", 400), (f"t={now},v2={good}", 400),
            (f"t={now},v1={bad},v0={good}", 403),
            (f"t={now},V1={good}", 400), (f"t={now};v1={good}", 400),
            (f"t={now + 1},v1={good}", 403),
            (f"t={now + 1},t={now},v1={good}", 400),
            (f"t={now},v1={good},t={now}", 200),
            (f"t={now},v1={good[:-1]}", 403)):
        got = web.post("/webhook/stripe", b"{}", [("Stripe-Signature",
                                                   value)])
        eq(value, got.status, status)


@each("standard: one good v1 among several is enough")
def _(kind):
    web = site(kind)
    now = int(time.time())
    good = senders.standard_signature(b"{}", senders.STANDARD_KEY, "m", now)
    old = senders.standard_signature(b"{}", senders.STANDARD_OLD, "m", now)
    bad = "v1," + base64.b64encode(b"0" * 32).decode()
    other = senders.standard_signature(b"{}", senders.STANDARD_KEY, "n", now)
    for value, status in (
            (good, 200), (old, 200), (f"{bad} {good}", 200),
            (f"{good} {bad}", 200), (f"{bad} {bad} {old}", 200),
            (f"v1a,{bad[3:]} {good}", 200), (f"v2,x  {good} v1,", 200),
            (bad, 403), (other, 403), (f"{bad} {other}", 403),
            (f"v1a,{good[3:]}", 400), (f"v2,{good[3:]}", 400),
            (good[3:], 400), (f"V1,{good[3:]}", 400),
            (good.rstrip("="), 200), (f"{good[:-1]}*", 403),
            (f"v1={good[3:]}", 400)):
        got = web.post("/webhook/standard", b"{}", [
            ("webhook-id", "m"), ("webhook-timestamp", str(now)),
            ("webhook-signature", value)])
        eq(value, got.status, status)


@each("standard: the id and the time are signed, too")
def _(kind):
    web = site(kind)
    signed = dict(senders.standard(b"{}"))
    for name, value in (("webhook-id", "msg_2"),
                        ("webhook-timestamp", str(int(time.time()) - 9))):
        changed = {**signed, name: value}
        refused(web.post("/webhook/standard", b"{}", changed.items()), 403,
                "signature-mismatch")


@each("standard: the key with and without whsec_; no base64 is 503")
def _(kind):
    web = site(kind)
    signed = senders.standard(b"{}")
    accepted(web.post("/plain-key", b"{}", signed))
    for path in ("/odd-key", "/odd-previous"):
        got = web.post(path, b"{}", signed)
        refused(got, 503, "misconfigured")
        ok("Retry-After", got.header("Retry-After"))
        hasnt("answer", got.body, b"HOOKDIR_KEY")
        eq("stored", web.spool(path[1:]).files(), [])
    log = web.handler.new_log()
    has("handler's log", log, "HOOKDIR_KEY: the key current is not in base64")
    has("handler's log", log, "HOOKDIR_KEY: the key previous is not in base64")


@each_way("standard: svix-* is the same as webhook-*, but not beside it")
def _(web):
    body = b'{"type":"user.created","data":{"id":"u1"}}'
    accepted(web.post("/svix", body, senders.svix(body)), "msg_1")
    message = web.spool("svix").one()
    for name, value in (("type", "user.created"), ("svixid", "msg_1"),
                        ("verifiedby", "hmac")):
        eq(name, message[name], value)
    ok("kept", "svixsignature" in message and "svixtimestamp" in message)
    now = int(time.time())
    ours = dict(senders.standard(body, ident="ours", when=now))
    theirs = dict(senders.svix(body, ident="theirs", when=now))
    # All headers of a call are of one spelling.
    accepted(web.post("/svix", body, {**theirs, **ours}.items()), "ours")
    for left_out in ours:
        part = {k: v for k, v in ours.items() if k != left_out}
        got = web.post("/svix", body, {**theirs, **part}.items())
        if left_out == "webhook-signature":
            accepted(got, "theirs")
        else:
            eq(f"without {left_out}", got.status, 400)
    mixed = {**theirs, "webhook-id": "theirs"}
    del mixed["svix-id"]
    refused(web.post("/svix", body, mixed.items()), 400, "form-unknown")
    refused(web.post("/svix", body, senders.svix(
        body, key=senders.STANDARD_OLD)), 403, "signature-mismatch")
    kept = web.spool("svix").quarantine()[-1]
    for name in ("svixid", "svixtimestamp", "svixsignature"):
        ok(f"{name} is in quarantine/", name in kept)


@each_way("shopify: the headers without X- are the same")
def _(web):
    body = b'{"id":820982911946154508}'
    accepted(web.post("/shopify", body, senders.shopify(
        body, prefix="shopify-")), "b54557e4-bdd9")
    message = web.spool("shopify").one()
    for name, value in (("type", "com.shopify.orders-create"),
                        ("shopifytopic", "orders/create"),
                        ("subject", "820982911946154508"),
                        ("shopifyshopdomain", "shop.example")):
        eq(name, message[name], value)
    mixed = [*senders.shopify(body)[:3],
             senders.shopify(body, prefix="Shopify-")[3]]
    accepted(web.post("/shopify", body, mixed))
    message = web.spool("shopify").messages()[1]
    eq("type of headers that are not signed with it", message["type"],
       "com.shopify.event")
    both = senders.shopify(body) + senders.shopify(
        body, "wrong", "x/y", "z", "Shopify-")
    accepted(web.post("/shopify", body, both), "b54557e4-bdd9")


# Of the id: absent, two that were joined, more than one word, too long
BAD_IDS = ["", "a b", "a, b", "a,b", "m\u00f8", 'a"b', "{1}", "x" * 257,
           "urn:uuid:1", "a|b", "a!"]


@each_way("standard: a call without an id, or with an odd one, is 400")
def _(web):
    for ident in BAD_IDS:
        signed = senders.standard(b"{}", ident=ident)
        refused(web.post("/svix", b"{}", signed), 400, "form-unknown")
    refused(web.post("/svix", b"{}", senders.standard(b"{}", ident="")[1:]),
            400, "form-unknown")
    for ident in ("x" * 256, "a.b.c", "evt.2026.1", "urn/1+2/3_4-~=",
                  "1796083198", "evt.0796083198", "evt.179608319"):
        accepted(web.post("/svix", b"{}", senders.standard(
            b"{}", ident=ident)), ident)
    text = b"evt.179608319.text, which is no time.1796083198"
    accepted(web.post("/svix", text, senders.standard(text)), "msg_1")
    eq("stored", len(web.spool("svix").messages()), 8)


@each_way("standard: a text that can be cut in two ways is taken in none")
def _(web):
    now = int(time.time())
    # id, time and body of two calls that are signed by the same text
    for one, two in (
            (("msg_1", now - 9, f"{now}.{{}}"),
             (f"msg_1.{now - 9}", now, "{}")),
            (("msg_1", now, f"{now - 9}.text"),
             (f"msg_1.{now}", now - 9, "text")),
            (("m", now - 9, f"a.b.{now}.[1]"),
             (f"m.{now - 9}.a.b", now, "[1]")),
            (("m", 1600000000, f"{now}."), ("m.1600000000", now, "")),
            (("m", now, "9999999999.x"), (f"m.{now}", 9999999999, "x"))):
        texts = [f"{ident}.{when}.{body}" for ident, when, body in (one, two)]
        eq("signed texts", texts[0], texts[1])
        for ident, when, body in (one, two):
            got = web.post("/svix", body.encode(), senders.standard(
                body, ident=ident, when=when))
            refused(got, 400, "form-unknown")
    eq("new", web.spool("svix").names("new"), [])
    # In JSON such a text is part of the body for certain.
    body = f'{{"a":"msg.{now}.b","c":[".{now}."]}}'.encode()
    accepted(web.post("/svix", body, senders.standard(body)), "msg_1")


@each_way("standard: a key is base64 in any of its forms, or text")
def _(web):
    for path, (_, secret) in KEYS.items():
        signed = senders.standard(b"{}", senders.b64(secret))
        accepted(web.post(path, b"{}", signed), "msg_1")
        refused(web.post(path, b"{}", senders.standard(
            b"{}", senders.b64(secret + b"x"))), 403, "signature-mismatch")


@test("standard: a key with whsec_ and no base64 is 503")
def _():
    spool = Spool(os.path.join(folder("spool", 0o711), "spool"))
    for key in BAD_KEYS:
        got = Cgi().request(
            b"{}", headers=senders.standard(b"{}"), HOOKDIR_KEY=key,
            HOOKDIR_SENDER="standard-webhooks", HOOKDIR_SPOOL=spool.path)
        eq(key, (got.status, got.rule()), (503, "misconfigured"))


@each("a key and HOOKDIR_AUTH basic ask for both")
def _(kind):
    web = site(kind)
    got = web.post("/both", b"{}",
                   senders.github(b"{}", senders.GITHUB_OLD))
    refused(got, 401, "credentials-required")
    eq("stored", stored(web), [])


@each("a key for who signs nothing, no key for who signs: 503")
def _(kind):
    web = site(kind)
    for path in ("/keyed", "/keyless"):
        refused(web.post(path, b"{}", senders.stripe(b"{}")), 503,
                "misconfigured")
    has("log", web.handler.new_log(), "HOOKDIR_KEY: the sender tradecloud")
    has("log", web.handler.new_log(), "HOOKDIR_KEY: not set, and the sender "
                                      "stripe")


# --- headers, source, event -------------------------------------------------

@each("HOOKDIR_HEADERS keeps further headers")
def _(kind):
    web = site(kind)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    accepted(web.post("/headers", b"{}", [
        ("X-Request-Id", "a"), ("x-request-id", "b"), ("traceparent", trace),
        ("User-Agent", "GitHub-Hookshot/\u00e5"), ("X-Other", "no"),
        *senders.github(b"{}", senders.GITHUB_OLD)]))
    message = web.spool("headers").one()
    eq("xrequestid", message["xrequestid"], "a, b")
    eq("traceparent", message["traceparent"], trace)
    eq("useragent", message["useragent"], "GitHub-Hookshot/\u00e5")
    eq("xgithubevent", message["xgithubevent"], "push")
    ok("no xother", "xother" not in message)


@each("HOOKDIR_SOURCE is the source as it stands there")
def _(kind):
    web = site(kind)
    accepted(web.post("/source?x=1", b"{}"))
    message = web.spool("source").one()
    eq("source", message["source"], "urn:shop:north?a=1#b")
    eq("path", message["path"], "/source")
    accepted(web.post("/no-source?x=1", b"{}"))
    eq("default", web.spool("no-source").one()["source"],
       "https://hooks.example/no-source")
    refused(web.post("/bad-source", b"{}"), 503, "misconfigured")


@each("HOOKDIR_EVENT names what has no name")
def _(kind):
    web = site(kind)
    accepted(web.post("/named", b"{}"))
    eq("type", web.spool("named").one()["type"], "my-event---")


# --- repeats ----------------------------------------------------------------

@each("HOOKDIR_DEDUP: a repeat is answered 200 and not stored")
def _(kind):
    web = site(kind)
    body = tradecloud(ident="m-1")
    accepted(web.post("/once", body), "m-1")
    for _ in range(3):
        accepted(web.post("/once", body), "m-1", "duplicate")
    # Id and content make a repeat.
    other = tradecloud(ident="m-1", order="other")
    accepted(web.post("/once", other), "m-1")
    accepted(web.post("/once", other), "m-1", "duplicate")
    accepted(web.post("/once", tradecloud(ident="m-2")), "m-2")
    ident = message_id(b"no id", "com.tradecloud1.event")
    accepted(web.post("/once", b"no id"), ident)
    accepted(web.post("/once", b"no id"), ident, "duplicate")
    eq("stored", [m["id"] for m in web.spool("once").messages()],
       ["m-1", "m-1", "m-2", ident])
    eq("tmp", web.spool("once").names("tmp"), [])
    has("log", web.handler.new_log(), "status=200 reason=duplicate")


@each("HOOKDIR_DEDUP: notifications of one order are no repeats")
def _(kind):
    web = site(kind)
    for _ in range(3):
        accepted(web.request(f"/once?orderId={ORDER}"))
    eq("stored", len(web.spool("once").messages()), 3)


@each("HOOKDIR_DEDUP: a repeat is one also when the first is consumed")
def _(kind):
    web = site(kind)
    body = tradecloud()
    accepted(web.post("/once", body))
    os.unlink(web.spool("once").one().path)
    accepted(web.post("/once", body), status="duplicate")
    eq("new", web.spool("once").names("new"), [])


@each("HOOKDIR_DEDUP: after the window a repeat is stored again")
def _(kind):
    web = site(kind)
    body = tradecloud()
    spool = web.spool("once-briefly")
    accepted(web.post("/once-briefly", body))

    def stored_again():
        eq("status", web.post("/once-briefly", body).status, 200)
        return len(spool.names("new")) > 1
    wait_for(stored_again, "message stored again")
    # The clock of the file decides, and it can be set.
    spool = web.spool("once")
    accepted(web.post("/once", body))
    for age in (3599 - 60, 3600 + 60):
        name = spool.names("seen")[0]
        then = time.time() - age
        os.utime(os.path.join(spool.path, "seen", name), (then, then))
        before = len(spool.names("new"))
        got = web.post("/once", body)
        eq(f"status after {age} s", got.json()["status"],
           "duplicate" if age < 3600 else "accepted")
        eq(f"stored after {age} s", len(spool.names("new")) - before,
           int(age > 3600))


@each("HOOKDIR_DEDUP: a call that does not verify makes no repeat")
def _(kind):
    web = site(kind)
    good = senders.standard(b"{}", ident="m")
    bad = senders.standard(b"{}", ident="m", key=senders.STANDARD_OLD)
    refused(web.post("/once-signed", b"{}", bad), 403, "signature-mismatch")
    accepted(web.post("/once-signed", b"{}", good), "m")
    refused(web.post("/once-signed", b"{}", bad), 403, "signature-mismatch")
    accepted(web.post("/once-signed", b"{}", good), "m", "duplicate")


@each_way("HOOKDIR_DEDUP: shipmondo: a repeat is signed alike and of one "
          "type")
def _(web):
    token = shipmondo.sign(shipmondo.form_b(), "a key")
    body = shipmondo.wrap(token)
    ident = message_id(body)
    accepted(web.post("/once-shipmondo", body, shipmondo.HEADERS), ident)
    # What a caller can change that has captured the call
    for again in (body, b'{ "data":"' + token + b'"}\n',
                  b'{"more":[1],"data":"' + token + b'"}'):
        accepted(web.post("/once-shipmondo", again, [
            ("SMD-Resource-Id", "1"), ("SMD-User", "x"),
            *shipmondo.HEADERS[:1], *shipmondo.HEADERS[2:4]]), ident,
            "duplicate")
    # The second webhook of a rotation: one event, whichever comes first
    accepted(web.post("/once-shipmondo", shipmondo.body(
        shipmondo.form_b(), "old"), [*shipmondo.HEADERS[:2], (
            "SMD-Webhook-Id", "78"), shipmondo.HEADERS[3]]), ident,
        "duplicate")
    # Webhooks of other actions may send the same payload.
    for action in ("create", "payment_captured"):
        headers = [*shipmondo.HEADERS[:3], ("SMD-Action", action)]
        accepted(web.post("/once-shipmondo", body, headers),
                 message_id(body, f"com.shipmondo.orders.{action}"))
    other = shipmondo.body(shipmondo.form_b(name="Webhook2"), "a key")
    accepted(web.post("/once-shipmondo", other, shipmondo.HEADERS),
             message_id(other))
    eq("stored", sorted(m["type"].rpartition(".")[2] for m in web.spool(
        "once-shipmondo").messages()),
       ["create", "payment_captured", "status_update", "status_update"])


@each_way("HOOKDIR_DEDUP: github: two Apps get one delivery id")
def _(web):
    bodies = [b'{"installation":{"id":%d}}' % n for n in (1, 2)]
    for status in ("accepted", "duplicate"):
        for body in bodies:
            accepted(web.post("/once-github", body, senders.github(
                body, senders.GITHUB_OLD)), "72d3162e-cc78", status)
    eq("stored", [m.data for m in web.spool("once-github").messages()],
       bodies)


@each_way("HOOKDIR_DEDUP: a new attempt has a new time and is a repeat")
def _(web):
    now = int(time.time())
    for spool, sign in (("once-signed", senders.standard),
                        ("once-stripe", senders.stripe)):
        body = b'{"id":"msg_1"}'
        for when, status in ((now - 9, "accepted"), (now, "duplicate")):
            accepted(web.post(f"/{spool}", body, sign(body, when=when)),
                     "msg_1", status)
        other = b'{"id":"msg_1","n":1}'
        accepted(web.post(f"/{spool}", other, sign(other)), "msg_1")
        eq("stored", len(web.spool(spool).messages()), 2)


@each_way("HOOKDIR_DEDUP: generic: another query is another message")
def _(web):
    body = b'{"state":"down"}'
    queries = ["", "?host=1", "?host=2", "?host=1&", "?"]
    ids = []
    for query in queries[:4]:
        got = web.post("/once-generic" + query, body)
        accepted(got, message_id(body, query=query[1:]))
        ids.append(got.json()["id"])
    for query in queries:
        accepted(web.post("/once-generic" + query, body), None, "duplicate")
    eq("stored", [m["id"] for m in web.spool("once-generic").messages()],
       ids)
    eq("ids", len(set(ids)), 4)


@test("HOOKDIR_DEDUP: one source, one body, two events")
def _():
    # As the sample for nShift, whose source leaves the secret out
    spool = Spool(os.path.join(folder("spool", 0o711), "nshift"))
    cgi = Cgi()
    params = {"HOOKDIR_SPOOL": spool.path, "HOOKDIR_SENDER": "nshift",
              "HOOKDIR_AUTH": "none", "HOOKDIR_DEDUP": "3600",
              "HOOKDIR_SOURCE": "https://hooks.example/nshift"}
    for status in ("accepted", "duplicate"):
        for event in NSHIFT_EVENTS:
            accepted(cgi.request(b"{}", HOOKDIR_EVENT=event, **params),
                     message_id(b"{}", f"com.nshift.{event}"), status)
    eq("types", [m["type"] for m in spool.messages()],
       [f"com.nshift.{event}" for event in NSHIFT_EVENTS])


def at_once(calls):
    """Makes all calls at the same time; their answers"""
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(lambda call: call(), calls))


@each("HOOKDIR_DEDUP: of 16 repeats at once exactly one is stored")
def _(kind):
    web = site(kind)
    for turn in range(5):
        body = tradecloud(ident=f"m-{turn}")
        answers = at_once([lambda: web.post("/once", body)] * 16)
        eq("answers", {(a.status, a.error) for a in answers}, {(200, "")})
        eq("stored", sorted(a.json()["status"] for a in answers),
           ["accepted"] + ["duplicate"] * 15)
        eq("messages", len(web.spool("once").messages()), turn + 1)
        eq("tmp", web.spool("once").names("tmp"), [])


def once(spool):
    """The parameters of an endpoint that stores a message once"""
    return {"HOOKDIR_SPOOL": spool.path, "HOOKDIR_SENDER": "tradecloud",
            "HOOKDIR_AUTH": "none", "HOOKDIR_DEDUP": "3600"}


@test("HOOKDIR_DEDUP: of 16 repeats in 16 processes exactly one is stored")
def _():
    web = site("nginx")
    spool = web.spool("processes")
    others = [Cgi() for _ in range(14)]
    with Handler() as one, Handler() as two:
        for turn in range(5):
            body = tradecloud(ident=f"m-{turn}")
            answers = at_once([
                functools.partial(server.request, body, **once(spool))
                for server in (one, two, *others)])
            eq("answers", {(a.status, a.error) for a in answers},
               {(200, "")})
            eq("stored", sorted(a.json()["status"] for a in answers),
               ["accepted"] + ["duplicate"] * 15)
            eq("messages", len(spool.messages()), turn + 1)


# The message alone is written with writev(); answers and log are not.
FAULTS = {
    "a full disk, writing": ("writev", "ENOSPC"),
    "a full disk, flushing": ("fsync,fdatasync,sync_file_range", "ENOSPC"),
    "a disk error, flushing": ("fsync,fdatasync", "EIO"),
    "a read-only spool": ("rename,renameat,renameat2", "EROFS"),
    "no links": ("link,linkat", "EMLINK"),
}

# SIGTERM ends strace, and the harness what it leaves.
STRACE = ["strace", "--seccomp-bpf", "-I", "1", "-f", "-q", "-o", "/dev/null"]


def faulty(calls, error):
    """A command that starts the handler with calls that fail"""
    return [*STRACE, "-e", f"trace={calls}", "-e",
            f"inject={calls}:error={error}", "--", FCGI]


@each("HOOKDIR_DEDUP: when the first one fails a repeat is stored")
def _(kind):
    # A handler of its own: it is exchanged for one whose disk fails.
    with Handler() as handler, KINDS[kind](
            handler, "hookdir.conf",
            endpoints={"/once": ENDPOINTS["/once"]}) as web:
        spool = web.spool("once")
        good = handler.command
        for number, (name, (calls, error)) in enumerate(FAULTS.items()):
            body = tradecloud(ident=f"m-{number}")
            handler.command = faulty(calls, error)
            handler.restart()
            first = web.post("/once", body)
            again = web.post("/once", body)
            handler.command = good
            handler.restart()
            if error == "EMLINK":
                # A help against repeats and no promise
                accepted(first)
                accepted(again)
                continue
            for got in (first, again):
                eq(f"{name}: answer", (got.status, got.rule()),
                   (503, "system-error"))
            eq(f"{name}: new", [m["id"] for m in spool.messages()
                                if m["id"] == f"m-{number}"], [])
            accepted(web.post("/once", body), f"m-{number}")
            accepted(web.post("/once", body), f"m-{number}", "duplicate")
            eq(f"{name}: stored", [
                m["id"] for m in spool.messages()
                if m["id"] == f"m-{number}"], [f"m-{number}"])


@test("HOOKDIR_DEDUP: a repeat beside one that fails is stored or 503")
def _():
    web = site("nginx")
    spool = web.spool("beside")
    with Handler() as good, Handler(start=False) as bad:
        bad.command = faulty("fsync,fdatasync", "EIO")
        bad.start()
        for turn in range(10):
            body = tradecloud(ident=f"m-{turn}")
            answers = at_once([
                functools.partial(server.request, body, **once(spool))
                for server in (bad, good) * 4])
            for got, server in zip(answers, (bad, good) * 4):
                # A repeat of what the other has stored is one here, too.
                ok(f"{got}", got.status == 200 if server is good
                   else got.status == 503 or
                   got.json()["status"] == "duplicate")
            stored_now = [m["id"] for m in spool.messages()
                          if m["id"] == f"m-{turn}"]
            eq("stored", len(stored_now), sum(
                got.status == 200 and got.json()["status"] == "accepted"
                for got in answers))
            ok("it is stored", stored_now)


@test("HOOKDIR_DEDUP: what is killed while it delivers makes no repeat")
def _():
    web = site("nginx")
    spool = web.spool("killed")
    body = tradecloud(ident="m-1")
    with Handler(start=False) as handler:
        good = handler.command
        # Killed at the rename or link that would make it complete
        handler.command = [
            *STRACE, "-e", "trace=renameat,renameat2,rename", "-e",
            "inject=renameat,renameat2,rename:signal=KILL:when=1", "--", FCGI]
        handler.start()
        with contextlib.suppress(OSError):
            eq("answer", handler.request(body, **once(spool)).status, 0)
        handler.running = False
        handler.popen.wait()
        handler.command = good
        handler.start()
        got = handler.request(body, **once(spool))
        accepted(got, "m-1")
        ok("it is stored", [m for m in spool.messages()
                            if m["id"] == "m-1"])


@each("shipmondo: repeats of a signed body are stored once with "
      "HOOKDIR_DEDUP")
def _(kind):
    key = "a key of more than thirty-two bytes"
    with KINDS[kind](senders.handler(), "hookdir.conf", endpoints={
            "/s": {"HOOKDIR_SENDER": "shipmondo", "HOOKDIR_KEY": key,
                   "HOOKDIR_DEDUP": "60"}}) as web:
        body = shipmondo.body(shipmondo.form_b(), key)
        ident = message_id(body, "com.shipmondo.event")
        accepted(web.post("/s", body), ident)
        accepted(web.post("/s", body), ident, "duplicate")
        eq("stored", len(web.spool("s").messages()), 1)


if __name__ == "__main__":
    main()

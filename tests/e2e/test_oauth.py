# SPDX-License-Identifier: MIT
"""test_oauth - access tokens, ours and others', behind nginx and Apache

Clients and token libraries that other people wrote are held against the
sample hookdir-oauth.conf as it is shipped. What the protocol forbids is
forged by hand.
"""

import concurrent.futures
import functools
import http.server
import json
import os
import re
import ssl
import subprocess
import threading
import time
import urllib.parse

import oauth
import senders
import shipmondo
from harness import (certificate, eq, folder, has, hasnt, main, ok,
                     read, root_file, test, wait_for, write)
from oauth import (ALGORITHMS, APP, ENTRA, FORM, claims, hs256, key, key_set,
                   own_token, pem, public_pem, put_keys, read_token,
                   run_client)
from senders import (AUDIENCE, CLIENT, CLIENT_SECRETS, ISSUER, SECRETS,
                     TOKEN_KEYS, basic, bearer, each, serve)

OWN, OTHER = "/webhook/oauth/tradecloud", "/webhook/entra/tradecloud"
TOKEN_PATHS = ("/oauth2/token", "/adfs/oauth2/token")
GRANT = "grant_type=client_credentials"
SCOPE = "api://x/.default openid profile offline_access"

# The other server's name, for the endpoint that takes its tokens
EDITS = {'HOOKDIR_ISSUER ""': f'HOOKDIR_ISSUER "{ENTRA}"',
         'HOOKDIR_AUDIENCE ""': f'HOOKDIR_AUDIENCE "{APP}"'}


@functools.cache
def shared(kind):
    return serve(kind, edits=EDITS, endpoints={
        # Signed by a key that signs our own access tokens, too
        "/same-key": {"HOOKDIR_SENDER": "shipmondo",
                      "HOOKDIR_KEY": TOKEN_KEYS[0]}})


def site(kind):
    web = shared(kind)
    for name in os.listdir(web.spools):
        web.spool(name).clear()
    put_keys(web, key_set(*ALGORITHMS))
    return web


def client_site(kind, ident, secret):
    """A site with another client"""
    return serve(kind, ["hookdir-oauth.conf"], {
        "oauth-client.conf": {"HOOKDIR_CLIENT_ID": [ident],
                              "HOOKDIR_CLIENT_SECRET": [secret]},
        "oauth-key.conf": SECRETS["oauth-key.conf"]})


def ask(web, form, headers=(), path=TOKEN_PATHS[0], **options):
    """A request to the token endpoint"""
    if not isinstance(form, (str, bytes)):
        form = urllib.parse.urlencode(form)
    return web.post(path, senders.raw(form), [FORM, *headers], **options)


def get_token(web, secret=CLIENT_SECRETS[0]):
    got = ask(web, GRANT, [basic(CLIENT, secret)])
    eq("answer", (got.status, got.error), (200, ""))
    return got.json()["access_token"]


def deliver(web, token, path=OWN, body=b"{}"):
    return web.post(path, body, [bearer(token)])


def accepted(got, what="answer"):
    eq(what, (got.status, got.error), (200, ""))


def refused_token(got, what="answer"):
    eq(f"{what}: status", (got.status, got.error), (401, ""))
    eq(f"{what}: rule", got.rule(), "credentials-required")
    has(f"{what}: challenge", got.header("WWW-Authenticate"),
        'Bearer realm="hookdir", error="invalid_token"')


def key_unknown(got, what="answer"):
    """The file may be too old for this token."""
    eq(f"{what}: status", (got.status, got.error), (503, ""))
    eq(f"{what}: rule", got.rule(), "key-unknown")
    ok(f"{what}: Retry-After", got.header("Retry-After"))


def refused_client(got, status, code, what="answer"):
    """RFC 6749 section 5.2"""
    eq(what, (got.status, got.error), (status, ""))
    eq(f"{what}: error", got.json()["error"], code)
    ok(f"{what}: no token", "access_token" not in got.json())
    eq(f"{what}: Content-Type", got.header("Content-Type"),
       "application/json")
    eq(f"{what}: Cache-Control", got.header("Cache-Control"), "no-store")
    eq(f"{what}: challenge", (got.header("WWW-Authenticate") or "")[:5],
       "Basic" if status == 401 else "")


# --- the token endpoint -----------------------------------------------------

@each("RFC 6749 5.1: a token, by header and by body, under both addresses")
def _(kind):
    web = site(kind)
    for path in TOKEN_PATHS:
        for name, form, headers in (
                ("header", GRANT, [basic(CLIENT, CLIENT_SECRETS[0])]),
                ("body", {"grant_type": "client_credentials", "client_id":
                          CLIENT, "client_secret": CLIENT_SECRETS[0]}, []),
                ("header and name", GRANT + "&client_id=" + CLIENT,
                 [basic(CLIENT, CLIENT_SECRETS[0])])):
            before = int(time.time())
            got = ask(web, form, headers, path)
            accepted(got, name)
            eq("Content-Type", got.header("Content-Type"),
               "application/json")
            eq("Cache-Control", got.header("Cache-Control"), "no-store")
            eq("Pragma", got.header("Pragma"), "no-cache")
            answer = got.json()
            eq("members", sorted(answer),
               ["access_token", "expires_in", "token_type"])
            eq("token_type", answer["token_type"], "Bearer")
            eq("expires_in", answer["expires_in"], 3600)
            header, said = read_token(answer["access_token"])
            # RFC 9068
            eq("header", header, {"alg": "HS256", "typ": "at+jwt"})
            eq("claims", {k: said[k] for k in (
                "iss", "aud", "sub", "client_id")}, {
                    "iss": ISSUER, "aud": AUDIENCE, "sub": CLIENT,
                    "client_id": CLIENT})
            ok("iat", before <= said["iat"] <= time.time())
            eq("exp", said["exp"] - said["iat"], 3600)
            accepted(deliver(web, answer["access_token"]), "use")
    for method, call in (("POST", web.post), ("GET", web.request)):
        web.spool("oauth").clear()
        path = OWN + ("?orderId=7" if method == "GET" else "")
        accepted(call(path, headers=[bearer(get_token(web))]))
        message = web.spool("oauth").one()
        eq("verifiedby", message["verifiedby"], "token")
        eq("sender", message["sender"], "tradecloud")
        eq("source", message["source"], "https://hooks.example" + OWN)


@each("two tokens are never the same")
def _(kind):
    web = site(kind)
    eq("tokens", len({get_token(web) for _ in range(5)}), 5)


@each("a request formed as MSAL4J forms it")
def _(kind):
    web = site(kind)
    got = ask(web, {
        "client_id": CLIENT, "client_secret": CLIENT_SECRETS[0],
        "client_info": "1", "grant_type": "client_credentials",
        "scope": SCOPE}, [
            ("Accept", "application/json"), ("x-client-SKU", "MSAL.Java"),
            ("x-client-VER", "1.17.2"), ("x-app-name", ""),
            ("x-client-CPU", "x64"), ("client-request-id",
                                      "7c4d1d8e-5a52-4d0c-8f39-2f6f4f6c8f0e"),
            ("return-client-request-id", "true")], TOKEN_PATHS[1])
    accepted(got)
    eq("token_type", got.json()["token_type"], "Bearer")
    eq("scope", got.json()["scope"], SCOPE)
    token = got.json()["access_token"]
    eq("scope of the token", read_token(token)[1]["scope"], SCOPE)
    body = senders.tradecloud(ident="m-1")
    accepted(deliver(web, token, body=body))
    eq("stored", web.spool("oauth").one().data, body)


@each("RFC 6749 5.2: the table of errors")
def _(kind):
    web = site(kind)
    good = [basic(CLIENT, CLIENT_SECRETS[0])]
    client = f"client_id={CLIENT}&client_secret={CLIENT_SECRETS[0]}"
    for form, headers, status, code in (
            ("", good, 400, "invalid_request"),
            ("grant_type=", good, 400, "invalid_request"),
            ("grant_type", good, 400, "invalid_request"),
            ("scope=a", good, 400, "invalid_request"),
            ('{"grant_type":"client_credentials"}', good, 400,
             "invalid_request"),
            (b"\xff\x00%", good, 400, "invalid_request"),
            (client, [], 400, "invalid_request"),
            # Two ways to say who it is
            (f"{GRANT}&{client}", good, 400, "invalid_request"),
            (f"{GRANT}&client_secret=x", good, 400, "invalid_request"),
            # A field twice
            (f"{GRANT}&{GRANT}", good, 400, "invalid_request"),
            (f"{GRANT}&grant_type=x", good, 400, "invalid_request"),
            (f"{GRANT}&scope=a&scope=a", good, 400, "invalid_request"),
            (f"{GRANT}&{client}&client_id={CLIENT}", [], 400,
             "invalid_request"),
            (f"{GRANT}&{client}&client_secret=x", [], 400,
             "invalid_request"),
            (f"{GRANT}&client%5Fsecret=x&{client}", [], 400,
             "invalid_request"),
            (f"{GRANT}&scope={'a' * 5000}", good, 400, "invalid_scope"),
            (f"{GRANT}&scope=a%01b", good, 400, "invalid_scope"),
            (f"{GRANT}&scope=a%22b", good, 400, "invalid_scope"),
            # RFC 6749 3.3: one space between two words
            (f"{GRANT}&scope=a++b", good, 400, "invalid_scope"),
            (f"{GRANT}&scope=+a", good, 400, "invalid_scope"),
            (f"{GRANT}&scope=a+", good, 400, "invalid_scope"),
            (f"{GRANT}&scope=+", good, 400, "invalid_scope"),
            (f"{GRANT}&scope=a%09b", good, 400, "invalid_scope"),
            (f"{GRANT}&client_id=somebody-else", good, 400,
             "invalid_request"),
            ("grant_type=password", good, 400, "unsupported_grant_type"),
            ("grant_type=authorization_code&code=x", good, 400,
             "unsupported_grant_type"),
            ("grant_type=refresh_token", good, 400,
             "unsupported_grant_type"),
            ("grant_type=Client_Credentials", good, 400,
             "unsupported_grant_type"),
            ("grant_type=client_credentials%00", good, 400,
             "unsupported_grant_type"),
            (f"{GRANT}&scope=%FF", good, 400, "invalid_scope"),
            (GRANT, [], 401, "invalid_client"),
            (GRANT, [basic(CLIENT, "")], 401, "invalid_client"),
            (GRANT, [basic("", CLIENT_SECRETS[0])], 401, "invalid_client"),
            (GRANT, [basic("", "")], 401, "invalid_client"),
            (GRANT, [basic(CLIENT, "wrong")], 401, "invalid_client"),
            (GRANT, [basic("other", CLIENT_SECRETS[0])], 401,
             "invalid_client"),
            (GRANT, [basic(CLIENT.upper(), CLIENT_SECRETS[0])], 401,
             "invalid_client"),
            (GRANT, [basic(CLIENT, CLIENT_SECRETS[0] + "x")], 401,
             "invalid_client"),
            (GRANT, [basic(CLIENT, CLIENT_SECRETS[0][:-1])], 401,
             "invalid_client"),
            (GRANT, [("Authorization", "Basic !")], 401, "invalid_client"),
            (GRANT, [("Authorization", "Basic")], 401, "invalid_client"),
            (GRANT, [bearer(CLIENT_SECRETS[0])], 401, "invalid_client"),
            (GRANT, [("Authorization", "Negotiate x")], 401,
             "invalid_client"),
            (f"{GRANT}&client_id={CLIENT}", [], 401, "invalid_client"),
            (f"{GRANT}&client_id={CLIENT}&client_secret=", [], 401,
             "invalid_client"),
            (f"{GRANT}&client_id={CLIENT}&client_secret=wrong", [], 401,
             "invalid_client"),
            (f"{GRANT}&client_secret={CLIENT_SECRETS[0]}", [], 401,
             "invalid_client"),
            (f"grant_type=x&client_id={CLIENT}&client_secret=wrong", [], 401,
             "invalid_client")):
        refused_client(ask(web, form, headers), status, code,
                       f"{form[:80]!r} {headers}")
    # What stands in the address is no field.
    refused_client(ask(web, "", path=f"/oauth2/token?{GRANT}&{client}"), 401,
                   "invalid_client")


@each("RFC 6749 4.4.2: what is no form is an invalid request")
def _(kind):
    web = site(kind)
    good = basic(CLIENT, CLIENT_SECRETS[0])
    named = {"grant_type": "client_credentials", "client_id": CLIENT,
             "client_secret": CLIENT_SECRETS[0]}
    form = urllib.parse.urlencode(named)
    as_json = json.dumps(named)
    multipart = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        f"{value}\r\n" for name, value in named.items()) + "--x--\r\n"
    for what, kind_of, body in (
            ("JSON", "application/json", as_json),
            ("multipart", "multipart/form-data; boundary=x", multipart),
            ("JSON as a form", FORM[1], as_json),
            ("multipart as a form", FORM[1], multipart),
            ("form as JSON", "application/json", form),
            ("form as text", "text/plain", form),
            ("another form", FORM[1] + "-x", form),
            ("JSON without a type", None, as_json)):
        headers = [("Content-Type", kind_of)] if kind_of else [
            ("Content-Type", "")]
        for more in ([], [good]):
            refused_client(
                web.post(TOKEN_PATHS[0], body.encode(), [*headers, *more]),
                400, "invalid_request", f"{what}, {bool(more)}")
    for kind_of in ("application/x-www-form-urlencoded; charset=UTF-8",
                    "Application/X-WWW-Form-URLencoded;charset=utf-8", ""):
        accepted(web.post(TOKEN_PATHS[0], form.encode(),
                          [("Content-Type", kind_of)]), repr(kind_of))
    accepted(ask(web, GRANT + "&scope=a+b%20c", [good]))


@each("the token endpoint serves POST alone")
def _(kind):
    web = site(kind)
    for path in TOKEN_PATHS:
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            got = web.request(path, method,
                              [basic(CLIENT, CLIENT_SECRETS[0])])
            eq(f"{method} {path}", got.status, 405)
            eq("Allow", got.header("Allow"), "POST")


@each("the previous client secret is good, too, by header and by body")
def _(kind):
    web = site(kind)
    accepted(deliver(web, get_token(web, CLIENT_SECRETS[1])))
    accepted(ask(web, {"grant_type": "client_credentials",
                       "client_id": CLIENT,
                       "client_secret": CLIENT_SECRETS[1]}))


SPECIAL = [("cl\u00f8ient:1 +%&=/", "s:e%c+r et&=\u00f8;?#/\\\""),
           ("plain", "a%20b:+ \u00e5"), ("plain", "100%"),
           ("100%25", "%2B+%zz")]


@each("special characters in id and secret, form-encoded and as they are")
def _(kind):
    for ident, secret in SPECIAL:
        with client_site(kind, ident, secret) as web:
            ways = {
                "plus": [basic(urllib.parse.quote_plus(ident),
                               urllib.parse.quote_plus(secret))],
                "percent": [basic(urllib.parse.quote(ident, safe=""),
                                  urllib.parse.quote(secret, safe=""))],
                "every byte": [basic(*("".join(
                    f"%{b:02x}" for b in text.encode())
                    for text in (ident, secret)))],
                "raw": [basic(ident, secret)]}
            for way, headers in ways.items():
                got = ask(web, GRANT, headers)
                if way == "raw" and ":" in ident:
                    # RFC 7617: the first colon ends the name.
                    refused_client(got, 401, "invalid_client")
                else:
                    accepted(got, f"{way} of {(ident, secret)}")
            accepted(ask(web, {"grant_type": "client_credentials",
                               "client_id": ident,
                               "client_secret": secret}))
            # The decoded secret is another one.
            if ":" not in ident and "+" in secret:
                refused_client(ask(web, GRANT, [basic(
                    ident, urllib.parse.unquote_plus(secret))]), 401,
                    "invalid_client")


@each("RFC 8414: the metadata say where and how")
def _(kind):
    web = site(kind)
    got = web.request("/.well-known/oauth-authorization-server")
    accepted(got)
    eq("Content-Type", got.header("Content-Type"), "application/json")
    eq("metadata", got.json(), {
        "issuer": ISSUER, "token_endpoint": ISSUER + TOKEN_PATHS[0],
        "token_endpoint_auth_methods_supported":
            ["client_secret_basic", "client_secret_post"],
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": []})
    eq("issuer", got.json()["issuer"], read_token(get_token(web))[1]["iss"])


GUESSES = 400


def guess(web, ident, count):
    """Asks so often with wrong secrets, on few connections: the answers"""
    answers = []
    while len(answers) < count:
        with web.tls() as sock:
            for number in range(min(50, count - len(answers))):
                body = (f"{GRANT}&client_id={ident}"
                        f"&client_secret=guess{number}").encode()
                sock.sendall(
                    b"POST /oauth2/token HTTP/1.1\r\nHost: hooks.example\r\n"
                    b"Content-Type: application/x-www-form-urlencoded\r\n"
                    b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
                answers.append(web.read(sock))
                # Apache closes the connection of a 503.
                if answers[-1].header("Connection") == "close":
                    break
    return answers


@each("guessing is limited, logged once a second, and delays no client")
def _(kind):
    secret = "a secret that nobody guesses"
    with client_site(kind, f"guessed-{kind}", secret) as web, \
            concurrent.futures.ThreadPoolExecutor(2) as pool:
        def right():
            return ask(web, GRANT, [basic(f"guessed-{kind}", secret)])

        accepted(right())
        log, begin = web.handler.log, time.monotonic()
        # What an earlier test left out is told by this line.
        wait_for(lambda: "token-issued" in web.handler.new_log(), "line")
        before = len(log())
        floods = [pool.submit(guess, web, f"guessed-{kind}", GUESSES // 2)
                  for _ in range(2)]
        tokens = 0
        while not all(flood.done() for flood in floods) or tokens < 3:
            accepted(right(), "the client among the guesses")
            tokens += 1
        answers = [got for flood in floods for got in flood.result()]
        accepted(right())
        seconds = time.monotonic() - begin
        for got in answers:
            if got.status == 401:
                refused_client(got, 401, "invalid_client")
            else:
                refused_client(got, 503, "temporarily_unavailable")
                eq("Retry-After", got.header("Retry-After"), "30")
        refused = sum(got.status == 401 for got in answers)
        ok(f"{refused} of {GUESSES} answered with 401 in {seconds:.1f} s",
           100 <= refused <= 101 + 10 * seconds)
        has("statuses", {got.status for got in answers}, 503)
        wait_for(lambda: log()[before:].count("token-issued") == tokens + 1,
                 "line of each token")
        lines = [line for line in log()[before:].splitlines()
                 if "reason=token-issued" not in line]
        ok(f"{len(lines)} lines in {seconds:.1f} s",
           1 <= len(lines) <= 1 + seconds)
        eq("guesses that the log knows of", len(lines) + sum(
            int(n) for n in re.findall(r" omitted=(\d+)", log()[before:])),
           GUESSES)
        # What a client with the right secret does is no guess.
        for _ in range(5):
            refused_client(ask(web, "grant_type=password", [
                basic(f"guessed-{kind}", secret)]), 400,
                "unsupported_grant_type")
        wait_for(lambda: log()[before:].count("=unsupported_grant_type") == 5,
                 "line of each call with the right secret", 10)


@each("secrets and tokens reach neither files nor logs")
def _(kind):
    web = site(kind)
    token = get_token(web)
    deliver(web, token)
    deliver(web, token + "x")
    ask(web, f"{GRANT}&client_id={CLIENT}&client_secret={CLIENT_SECRETS[1]}")
    ask(web, GRANT, [basic("other", CLIENT_SECRETS[0])])
    texts = [web.new_logs(), web.handler.new_log(),
             web.spool("oauth").one().raw.decode()]
    for text in texts:
        ok("there is something", text)
        for secret in (*CLIENT_SECRETS, *TOKEN_KEYS, token,
                       basic(CLIENT, CLIENT_SECRETS[0])[1].split()[1]):
            hasnt("text", text, secret)


# --- clients that other people wrote ----------------------------------------

CLIENTS = {"simple-oauth2.mjs": ("header", "loose", "body"),
           "oauth4webapi.mjs": ("header", "body"),
           "badgateway.mjs": ("header", "body"),
           "requests-oauthlib.py": ("header", "body")}


def job(web, way="header", ident=CLIENT, secret=CLIENT_SECRETS[0],
        path=TOKEN_PATHS[0], **changes):
    return {"base": f"https://127.0.0.1:{web.port}", "issuer": ISSUER,
            "path": path, "id": ident, "secret": secret, "way": way,
            "scope": ["orders", "shipments"], "resource": OWN,
            "body": '{"n":1.10}', **changes}


def used(result, what):
    """The result of a client that got a token and used it"""
    ok(f"{what}: {result}", "error" not in result)
    eq(f"{what}: type", result["type"].lower(), "bearer")
    ok(f"{what}: expires_in", 3590 <= result["expires_in"] <= 3600)
    eq(f"{what}: status", result["status"], 200)
    eq(f"{what}: answer", json.loads(result["answer"])["status"], "accepted")
    eq(f"{what}: scope", result["scope"], "orders shipments")


@each("clients: a token, and a message with it")
def _(kind):
    web = site(kind)
    count = 0
    for name, ways in CLIENTS.items():
        jobs = [job(web, way, path=path) for way in ways
                for path in TOKEN_PATHS]
        for one, result in zip(jobs, run_client(name, jobs)):
            used(result, f"{name}, {one['way']}, {one['path']}")
        count += len(jobs)
    messages = web.spool("oauth").messages()
    eq("messages", len(messages), count)
    eq("data", {m.data for m in messages}, {b'{"n":1.10}'})


@each("clients that ask for the metadata find the token endpoint")
def _(kind):
    web = site(kind)
    for name in ("oauth4webapi.mjs", "badgateway.mjs"):
        [result] = run_client(name, [job(web, path="")])
        used(result, name)


@each("MSAL for Node, given an authority below /adfs")
def _(kind):
    web = site(kind)
    [result, wrong] = run_client("msal.mjs", [job(web), job(
        web, secret="wrong")])
    used(result, "msal")
    has("a wrong secret", wrong["error"], "invalid_client")


@each("clients learn that secret or message are refused")
def _(kind):
    web = site(kind)
    for name, ways in CLIENTS.items():
        jobs = [job(web, way, secret="wrong") for way in ways]
        for result in run_client(name, jobs):
            ok(f"{name}: {result}", re.search(
                "invalid_client|status 401", result.get("error", "")))
        # The endpoint of another server's tokens, which takes none of ours
        results = run_client(name, [job(web, resource=OTHER)])
        eq(f"{name}: {results}", "error" in results[0] or
           results[0]["status"] == 401, True)
    eq("stored", web.spool("oauth").files() + web.spool("entra").files(), [])


@each("clients: special characters in id and secret")
def _(kind):
    for ident, secret in (("cl+ient%1 &=/", "s:e%c+r et&=;?#/"),
                          ("id:with:colons", "\"quoted\"\\")):
        with client_site(kind, ident, secret) as web:
            for name, ways in CLIENTS.items():
                for way in ways:
                    # Those that encode nothing cannot have a colon.
                    encodes = not (way == "loose" or way == "header" and
                                   name == "requests-oauthlib.py")
                    [result] = run_client(name, [job(web, way, ident,
                                                     secret)])
                    if encodes or ":" not in ident:
                        used(result, f"{name}, {way}, {ident}")
                    else:
                        has(name, result.get("error", ""), "invalid_client")


@each("curl: a token, and a message with it")
def _(kind):
    web = site(kind)
    got = web.post("/oauth2/token", GRANT.encode(), [FORM],
                   user=f"{CLIENT}:{CLIENT_SECRETS[0]}")
    accepted(got)
    for version in ("1.0", "1.1", "2"):
        accepted(web.post(OWN, b"{}", http=version, args=[
            "--oauth2-bearer", got.json()["access_token"]]))


# --- tokens of our own ------------------------------------------------------

@each("own tokens: by the current and the previous key")
def _(kind):
    web = site(kind)
    for secret in TOKEN_KEYS:
        for typ in ("at+jwt", "application/at+jwt", "AT+JWT"):
            accepted(deliver(web, own_token(secret, {"alg": "HS256",
                                                     "typ": typ})))
    accepted(deliver(web, own_token(aud=["x", AUDIENCE])))
    accepted(deliver(web, own_token(nbf=None, iat=None, sub=None)))


def flipped(token):
    """The token with a bit of each of its parts changed"""
    parts = token.split(".")
    for number, part in enumerate(parts):
        at = len(part) // 2
        other = "A" if part[at] != "A" else "B"
        yield ".".join([*parts[:number], part[:at] + other + part[at + 1:],
                        *parts[number + 1:]])


@each("own tokens: what is not good now and here is refused")
def _(kind):
    web = site(kind)
    now = int(time.time())
    at = {"alg": "HS256", "typ": "at+jwt"}
    good = own_token()
    accepted(deliver(web, good))
    web.spool("oauth").clear()
    bad = {
        "expired": own_token(exp=now - 3600),
        "expires never": own_token(exp=None),
        "expires some day": own_token(exp="2099-01-01"),
        "not yet valid": own_token(nbf=now + 3600),
        "other issuer": own_token(iss=ISSUER + "/"),
        "no issuer": own_token(iss=None),
        "issuers": own_token(iss=[ISSUER]),
        "other audience": own_token(aud=AUDIENCE + "/x"),
        "other audiences": own_token(aud=["x", "y"]),
        "no audience": own_token(aud=None),
        "no audiences": own_token(aud=[]),
        "other key": own_token("x" * 40),
        "empty key": own_token(""),
        "client's secret": own_token(CLIENT_SECRETS[0]),
        "no type": own_token(header={"alg": "HS256"}),
        "type JWT": own_token(header={"alg": "HS256", "typ": "JWT"}),
        "none": own_token(header={"alg": "none", "typ": "at+jwt"}),
        "no signature": good.rpartition(".")[0] + ".",
        "HS512": own_token(header={"alg": "HS512", "typ": "at+jwt"}),
        "crit": own_token(header={**at, "crit": ["exp"], "exp": 1}),
        "claims twice": hs256(at, b'{"iss":"x",' + oauth.compact(
            oauth.own_claims())[1:], TOKEN_KEYS[0]),
        "no object": hs256(at, b'"claims"', TOKEN_KEYS[0]),
        "no JSON": hs256(at, b"claims", TOKEN_KEYS[0]),
        "cut off": good[:-1],
        "longer": good + "A",
        "padded": good + "=",
        "four parts": good + ".x",
        "two parts": good.rpartition(".")[0],
        "20 KB": own_token(x="x" * 20000),
        "7 KB of nothing": "A" * 7000,
        **{f"flipped {n}": t for n, t in enumerate(flipped(good))},
    }
    for what, token in bad.items():
        got = deliver(web, token)
        if what == "20 KB" and got.status in (400, 431):
            continue  # the web server's own limit for a header
        refused_token(got, what)
    eq("stored", web.spool("oauth").files(), [])


@each("own tokens: elsewhere than in the header they do not count")
def _(kind):
    web = site(kind)
    token = get_token(web)
    for got in (web.post(OWN, b"{}"),
                web.post(f"{OWN}?access_token={token}", b"{}"),
                web.post(OWN, f"access_token={token}".encode(), [FORM]),
                web.post(OWN, b"{}", [("X-Authorization",
                                       f"Bearer {token}")]),
                web.post(OWN, b"{}", [("Authorization", token)]),
                web.post(OWN, b"{}", [("Authorization", "Bearer")]),
                web.post(OWN, b"{}", [basic(CLIENT, token)]),
                web.request(f"{OWN}?access_token={token}&orderId=7")):
        eq("status", got.status, 401)
        # RFC 6750 3.1: no error code where there was no token
        eq("challenge", got.header("WWW-Authenticate"),
           'Bearer realm="hookdir"')
    good, bad = bearer(token), bearer("x.y.z")
    for headers in ([good, bad], [bad, good]):
        got = web.post(OWN, b"{}", headers)
        ok(f"two headers: {got.status}", got.status in (400, 401))
    eq("stored", web.spool("oauth").files(), [])
    for scheme in ("bearer", "BEARER", "Bearer "):
        accepted(web.post(OWN, b"{}", [("Authorization",
                                        f"{scheme} {token}")]))


@each("a webhook's token is no access token, nor the other way round")
def _(kind):
    web = site(kind)
    body = shipmondo.body(shipmondo.form_b(), TOKEN_KEYS[0])
    accepted(web.post("/same-key", body))
    for payload in (oauth.compact(oauth.own_claims()), shipmondo.form_b()):
        token = shipmondo.sign(payload, TOKEN_KEYS[0]).decode()
        refused_token(deliver(web, token))
    eq("stored", web.spool("oauth").files(), [])
    web.spool("same-key").clear()
    for token in (get_token(web), own_token()):
        got = web.post("/same-key", shipmondo.wrap(token.encode()))
        ok(f"an access token as a webhook: {got.status}",
           got.status in (400, 403))
        eq("new", web.spool("same-key").names("new"), [])


# --- tokens of other servers ------------------------------------------------

SIGNERS = {"jose.mjs": ALGORITHMS, "pyjwt.py": ALGORITHMS,
           "ruby-jwt.rb": ("RS256", "PS256", "ES256")}


def signed_by(name, *jobs):
    """Tokens made by a library. jobs: (key, alg, kid, claims), kid None for
    none"""
    return run_client(name, [
        {"key": pem(key(which)), "alg": alg, "claims": said,
         "header": {"typ": "JWT", **({"kid": kid} if kid else {})}}
        for which, alg, kid, said in jobs])


@functools.cache
def good_token(alg):
    """A token by python3-jwt; the key's name is its kid"""
    return signed_by("pyjwt.py", (alg, alg, alg, claims()))[0]


@test("the key sets of these tests are those that npm jose writes")
def _():
    made = run_client("jose.mjs", [
        {"public": public_pem(key(name)), "alg": name}
        for name in ALGORITHMS])
    for name, theirs in zip(ALGORITHMS, made):
        eq(name, oauth.jwk(key(name)), theirs)


@each("other servers' tokens: RS256, PS256, ES256 and EdDSA of libraries")
def _(kind):
    web = site(kind)
    for name, algorithms in SIGNERS.items():
        tokens = signed_by(name, *[(alg, alg, alg, claims(jti=name))
                                   for alg in algorithms])
        for alg, token in zip(algorithms, tokens):
            web.spool("entra").clear()
            body = senders.tradecloud()
            accepted(deliver(web, token, OTHER, body), f"{name}, {alg}")
            message = web.spool("entra").one()
            eq("verifiedby", message["verifiedby"], "token")
            eq("source", message["source"], "https://hooks.example" + OTHER)
            eq("data", message.data, body)
            hasnt("file", message.raw.decode(), token)


@each("other servers' tokens: key sets as Entra ID and Keycloak show them")
def _(kind):
    web = site(kind)
    entra = oauth.jwk(key("RS256"), use="sig", kid="k1", x5t="k1",
                      x5c=["MIIC"], issuer=ENTRA,
                      cloud_instance_name="login.example")
    keycloak = [oauth.jwk(key("other"), use="enc", kid="k0", alg="RSA-OAEP"),
                oauth.jwk(key("RS256"), use="sig", kid="k1", alg="RS256",
                          x5c=["MIIC"], **{"x5t#S256": "x"})]
    for keys in ([entra], keycloak, [*keycloak, {"kty": "oct", "k": "x"},
                                     {"kty": "new"}, {}]):
        put_keys(web, json.dumps({"keys": keys}))
        for said in (claims(), claims(nbf=None, typ="Bearer", scope="x"),
                     claims(aud=["account", APP])):
            [token] = signed_by("pyjwt.py", ("RS256", "RS256", "k1", said))
            accepted(deliver(web, token, OTHER), f"{keys[0]['kid']}")


@each("other servers' tokens: without kid a set of one key is enough")
def _(kind):
    web = site(kind)
    [token] = signed_by("pyjwt.py", ("ES256", "ES256", None, claims()))
    put_keys(web, key_set("ES256"))
    accepted(deliver(web, token, OTHER))
    put_keys(web, key_set("ES256", "EdDSA"))
    refused_token(deliver(web, token, OTHER))


@each("other servers' tokens: what is not good now and here is refused")
def _(kind):
    web = site(kind)
    put_keys(web, key_set(*ALGORITHMS, "small", "P-384", "k1"))
    now = int(time.time())
    said = {"expired": claims(exp=now - 3600, nbf=None, iat=None),
            "expires never": claims(exp=None),
            "not yet valid": claims(nbf=now + 3600),
            "other issuer": claims(iss=ENTRA.replace("tenant", "other")),
            "no issuer": claims(iss=None),
            "other audience": claims(aud=APP + "x"),
            "no audience": claims(aud=None),
            "our own claims": oauth.own_claims()}
    for alg in ALGORITHMS:
        tokens = signed_by("pyjwt.py", *[(alg, alg, alg, one)
                                         for one in said.values()])
        for what, token in zip(said, tokens):
            refused_token(deliver(web, token, OTHER), f"{alg}, {what}")
        for token in flipped(good_token(alg)):
            refused_token(deliver(web, token, OTHER), f"{alg}, flipped")
        accepted(deliver(web, good_token(alg), OTHER), alg)
    eq("stored", len(web.spool("entra").messages()), len(ALGORITHMS))


@each("other servers' tokens: other keys and algorithms are refused")
def _(kind):
    web = site(kind)
    put_keys(web, key_set(*ALGORITHMS, "small", "P-384", "k1"))
    tokens = dict(zip(
        ("unknown kid", "no kid", "another's kid", "kid of another kind",
         "RS256 by the PS256 key", "PS256 by the RS256 key", "RS512",
         "RSA of 1024 bits", "ES384 by P-384"),
        signed_by(
            "pyjwt.py", ("other", "RS256", "unknown", claims()),
            ("RS256", "RS256", None, claims()),
            ("other", "RS256", "RS256", claims()),
            ("RS256", "RS256", "ES256", claims()),
            ("PS256", "RS256", "PS256", claims()),
            ("RS256", "PS256", "RS256", claims()),
            ("RS256", "RS512", "RS256", claims()),
            ("small", "RS256", "small", claims()),
            ("P-384", "ES384", "P-384", claims()))))

    def header(alg, kid, **more):
        return {"alg": alg, "kid": kid, "typ": "JWT", **more}
    ec_key = key("ES256")
    tokens |= {
        "ES256 in DER": oauth.es_token(
            header("ES256", "ES256"), claims(), ec_key, der=True),
        "ES256 by P-384": oauth.es_token(
            header("ES256", "P-384"), claims(), key("P-384")),
        "ES256 by P-384 under the kid of P-256": oauth.es_token(
            header("ES256", "ES256"), claims(), key("P-384")),
        "ES256 by secp256k1": oauth.es_token(
            header("ES256", "k1"), claims(), key("k1")),
        "its key in the header": oauth.es_token(
            header("ES256", "mine", jwk=oauth.jwk(key("k1"), kid="mine")),
            claims(), key("k1")),
        "its key's address in the header": oauth.es_token(
            header("ES256", "mine", jku="https://evil.example/"), claims(),
            ec_key),
        "crit": oauth.es_token(header("ES256", "ES256", crit=["x"], x=1),
                               claims(), ec_key),
        "type dpop+jwt": oauth.es_token(
            {**header("ES256", "ES256"), "typ": "dpop+jwt"}, claims(),
            ec_key),
    }
    # RFC 7518 3.4: R and S must not be 0.
    signed = oauth.es_token(header("ES256", "ES256"), claims(), ec_key)
    tokens["R and S are 0"] = signed.rpartition(".")[0] + "." + \
        oauth.b64url(bytes(64))
    for alg in ALGORITHMS:
        public = key(alg).public_key()
        jwk = oauth.jwk(key(alg))
        secrets = {
            "PEM": public_pem(key(alg)).encode(),
            "PEM without end": public_pem(key(alg)).encode().rstrip(),
            "DER": public.public_bytes(
                oauth.serialization.Encoding.DER,
                oauth.serialization.PublicFormat.SubjectPublicKeyInfo),
            "JWK": oauth.compact(jwk),
            "number": oauth.unb64url(jwk.get("n") or jwk["x"]),
            "number's text": (jwk.get("n") or jwk["x"]).encode(),
            "nothing": b""}
        for what, secret in secrets.items():
            for typ in ("JWT", "at+jwt"):
                tokens[f"HS256 by the {what} of {alg}, {typ}"] = hs256(
                    {**header("HS256", alg), "typ": typ}, claims(), secret)
        for name in ("none", "None", "", "nOnE"):
            bare = hs256(header(name, alg), claims(), "").rpartition(".")[0]
            tokens[f"{name!r} for {alg}"] = bare + "."
            tokens[f"{name!r} for {alg}, with a signature"] = \
                bare + "." + good_token(alg).rpartition(".")[2]
    # Of these a newer file could have the key.
    for what in ("unknown kid", "RSA of 1024 bits", "its key in the header",
                 "its key's address in the header", "ES256 by P-384",
                 "ES256 by secp256k1"):
        key_unknown(deliver(web, tokens[what], OTHER), what)
    put_keys(web, key_set(*ALGORITHMS, "small", "P-384", "k1"))
    for what, token in tokens.items():
        refused_token(deliver(web, token, OTHER), what)
    eq("stored", web.spool("entra").files(), ["keys-wanted"])


def by_kid(kid, private=None, header=None, **changes):
    """A token of Entra ID or of a forger, who has another key"""
    return oauth.es_token({"alg": "ES256", "typ": "JWT", "kid": kid,
                           **(header or {})}, claims(**changes),
                          private or key("k1"))


def mark_of(web):
    return os.path.join(web.spool("entra").path, "keys-wanted")


def mark_time(web):
    return os.stat(mark_of(web)).st_mtime


@each("other servers' tokens: a new key is 503 until it is in the file")
def _(kind):
    web = site(kind)
    new = oauth.MAKERS["ES256"]()
    kid = "new for " + kind
    accepted(deliver(web, good_token("RS256"), OTHER))
    web.spool("entra").clear()
    web.handler.new_log()
    for _ in range(2):
        key_unknown(deliver(web, by_kid(kid, new), OTHER))
    eq("stored", web.spool("entra").files(), ["keys-wanted"])
    wait_for(lambda: "reason=key-unknown" in web.handler.new_log(), "line")
    ok("asked for", time.time() - mark_time(web) < 60)
    # A fetch that began before the first call, and came too late
    put_keys(web, key_set(*ALGORITHMS))
    os.utime(web.jwks, (time.time() - 30, time.time() - 30))
    key_unknown(deliver(web, by_kid(kid, new), OTHER))
    put_keys(web, json.dumps({"keys": [
        *json.loads(key_set(*ALGORITHMS))["keys"],
        oauth.jwk(new, kid=kid, use="sig", alg="ES256")]}))
    accepted(deliver(web, by_kid(kid, new), OTHER))
    refused_token(deliver(web, by_kid(kid), OTHER), "forged with that kid")


@each("other servers' tokens: a kid that is made up is 401 after one fetch")
def _(kind):
    web = site(kind)
    token = by_kid("made up for " + kind)
    key_unknown(deliver(web, token, OTHER))
    put_keys(web, key_set(*ALGORITHMS))
    for _ in range(3):
        refused_token(deliver(web, token, OTHER))
    for what, other in {
            "other issuer": by_kid("m1", iss=ENTRA + "/"),
            "other audience": by_kid("m2", aud=APP + "x"),
            "expired": by_kid("m3", exp=int(time.time()) - 3600),
            "expires never": by_kid("m4", exp=None),
            "ID token": by_kid("m5", nonce="n"),
            "no algorithm of keys": by_kid("m6", header={"alg": "HS256"}),
            "none": by_kid("m7", header={"alg": "none"}),
            "kid is no string": by_kid(7)}.items():
        refused_token(deliver(web, other, OTHER), what)


@each("other servers' tokens: made-up kids take nothing from a true one")
def _(kind):
    web = site(kind)
    new = oauth.MAKERS["ES256"]()
    kid = "true one for " + kind

    def flood(count, name):
        for number in range(count):
            key_unknown(deliver(web, by_kid(f"{name} {number} {kind}"),
                                OTHER))
    flood(1, "first")
    os.utime(mark_of(web), (1, 1))
    flood(20, "before")
    asked = mark_time(web)
    ok("asked for again", time.time() - asked < 60)
    key_unknown(deliver(web, by_kid(kid, new), OTHER))
    flood(20, "after")
    # However many there are: no second fetch within the minute
    eq("asked for", mark_time(web), asked)
    key_unknown(deliver(web, by_kid(kid, new), OTHER))
    put_keys(web, json.dumps({"keys": [oauth.jwk(new, kid=kid)]}))
    accepted(deliver(web, by_kid(kid, new), OTHER))


@each("other servers' tokens: ID tokens and logout tokens are refused")
def _(kind):
    web = site(kind)
    for claim, value in {"nonce": "n-0S6_WzA2Mj", "at_hash": "x",
                         "c_hash": "x", "s_hash": "x", "events": {}}.items():
        [token] = signed_by("pyjwt.py", ("ES256", "ES256", "ES256",
                                         claims(**{claim: value})))
        refused_token(deliver(web, token, OTHER), claim)
    eq("stored", web.spool("entra").messages(), [])


@each("RFC 9864: Ed25519 is a name of EdDSA, in keys and in tokens")
def _(kind):
    web = site(kind)
    private = key("EdDSA")
    for named in ({"alg": "Ed25519"}, {"alg": "EdDSA"}, {}):
        put_keys(web, json.dumps({"keys": [
            oauth.jwk(private, kid="ed", use="sig", **named)]}))
        for alg in ("Ed25519", "EdDSA"):
            signed = oauth.b64url(oauth.compact({"alg": alg, "kid": "ed"})) \
                + "." + oauth.b64url(oauth.compact(claims()))
            accepted(deliver(web, signed + "." + oauth.b64url(
                private.sign(signed.encode())), OTHER), f"{named}, {alg}")


@each("the sample names issuer and audience of both versions of Entra ID")
def _(kind):
    tenant, app = "11111111-2222-3333", "99999999-8888-7777"
    sample = read(root_file(kind, "hookdir-oauth.conf"))
    values = re.findall(r"^ +# +(2|1 or null): +(https://\S*TENANT\S*).*\n"
                        r" +# +and .*?(application's id|api://ID)$", sample,
                        re.M)
    eq("versions", [version for version, *_ in values], ["2", "1 or null"])
    for version, issuer, audience in values:
        issuer = issuer.replace("TENANT", tenant)
        audience = {"application's id": app,
                    "api://ID": "api://" + app}[audience]
        # As the tokens of either version have them
        wanted = {"2": (f"https://login.microsoftonline.com/{tenant}/v2.0",
                        app),
                  "1 or null": (f"https://sts.windows.net/{tenant}/",
                                f"api://{app}")}[version]
        eq(f"version {version}", (issuer, audience), wanted)
        with serve(kind, ["hookdir-oauth.conf"], {}, edits={
                'HOOKDIR_ISSUER ""': f'HOOKDIR_ISSUER "{issuer}"',
                'HOOKDIR_AUDIENCE ""': f'HOOKDIR_AUDIENCE "{audience}"'},
                ) as web:
            put_keys(web, key_set("ES256"))
            for one in wanted, (wanted[0] + "/", wanted[1]):
                [token] = signed_by("pyjwt.py", (
                    "ES256", "ES256", "ES256",
                    claims(iss=one[0], aud=one[1], ver=version[0] + ".0")))
                got = deliver(web, token, OTHER)
                eq(f"{one}", got.status, 200 if one == wanted else 401)


@each("our own tokens and other servers' at one endpoint, by one name each")
def _(kind):
    word, end = {"nginx": ("fastcgi_param", ";"),
                 "apache": ("SetEnv", "")}[kind]
    # Both keys, and the name of the other server
    edits = {**EDITS, 'HOOKDIR_ISSUER ""':
             f'HOOKDIR_ISSUER "{ENTRA}"{end}\n'
             f'    {word} HOOKDIR_TOKEN_KEY "{TOKEN_KEYS[0]}"'}
    with serve(kind, ["hookdir-oauth.conf"], {}, edits=edits) as web:
        put_keys(web, key_set(*ALGORITHMS))
        own = own_token(iss=ENTRA, aud=APP)
        for token in (own, good_token("RS256"), good_token("EdDSA")):
            accepted(deliver(web, token, OTHER))
        for alg in ALGORITHMS:
            for header in ({"alg": "HS256", "typ": "at+jwt", "kid": alg},
                           {"alg": "HS256", "typ": "JWT", "kid": alg}):
                refused_token(deliver(web, hs256(
                    header, claims(), public_pem(key(alg))), OTHER))
        refused_token(deliver(web, hs256({"alg": "HS256", "typ": "JWT"},
                                         claims(), TOKEN_KEYS[0]), OTHER))
        refused_token(deliver(web, own_token(), OTHER))


# --- the file of keys -------------------------------------------------------

def kept_lines(web):
    return [line for line in web.handler.new_log().splitlines()
            if "event=old-keys-kept" in line]


@each("HOOKDIR_JWKS: without the file the answer is 503")
def _(kind):
    with serve(kind, ["hookdir-oauth.conf"], {}, edits=EDITS) as web:
        for text in (None, "", "{}", "[]", '{"keys":[]}', '{"keys":{}}',
                     '{"keys":[{"kty":"RSA"}]}', "<html>", key_set("small"),
                     key_set("RS256")[:-9], '{"keys":[],"keys":[]}'):
            if text is not None:
                put_keys(web, text)
            for token in (good_token("RS256"), "a.b.c"):
                got = deliver(web, token, OTHER)
                eq(f"answer with {(text or '')[:60]!r}",
                   (got.status, got.rule()),
                   (503, "system-error" if text is None
                    else "misconfigured"))
                ok("Retry-After", got.header("Retry-After"))
                hasnt("answer", got.body.decode(), web.jwks)
        eq("stored", web.spool("entra").files(), [])
        # The next good file is enough.
        put_keys(web, key_set("RS256"))
        accepted(deliver(web, good_token("RS256"), OTHER))


@each("HOOKDIR_JWKS: a broken file keeps the last good one, and one line "
      "says so")
def _(kind):
    web = site(kind)
    accepted(deliver(web, good_token("RS256"), OTHER))
    broken = ["", "{", '{"keys":[]}', key_set("small"), "x" * 2_000_000]
    for number, text in enumerate(broken, 1):
        put_keys(web, text)
        for _ in range(3):
            accepted(deliver(web, good_token("RS256"), OTHER))
        wait_for(lambda n=number: len(kept_lines(web)) >= n, "line")
        eq("lines", len(kept_lines(web)), number)
    os.rename(web.jwks, web.jwks + ".away")
    for _ in range(3):
        accepted(deliver(web, good_token("RS256"), OTHER))
    wait_for(lambda: len(kept_lines(web)) > len(broken), "line")
    eq("lines", len(kept_lines(web)), len(broken) + 1)
    put_keys(web, key_set("ES256"))
    accepted(deliver(web, good_token("ES256"), OTHER))
    key_unknown(deliver(web, good_token("RS256"), OTHER))
    put_keys(web, key_set("ES256"))
    refused_token(deliver(web, good_token("RS256"), OTHER))
    eq("lines", len(kept_lines(web)), len(broken) + 1)


@each("HOOKDIR_JWKS: exchanged while it serves, no call is refused")
def _(kind):
    web = site(kind)
    sets = [key_set(*ALGORITHMS), key_set("RS256", "ES256", "other"),
            json.dumps({"keys": json.loads(
                key_set(*ALGORITHMS))["keys"][::-1]})]
    stopping, answers = threading.Event(), []

    def load(alg):
        while not stopping.is_set():
            answers.append(deliver(web, good_token(alg), OTHER).status)
    threads = [threading.Thread(target=load, args=(alg,))
               for alg in ("RS256", "ES256") * 2]
    for alg in ("RS256", "ES256"):
        good_token(alg)
    for thread in threads:
        thread.start()
    try:
        for number in range(40):
            goal = len(answers) + 3
            put_keys(web, sets[number % len(sets)])
            wait_for(lambda g=goal: len(answers) >= g, "answers")
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
    eq("statuses", set(answers), {200})
    eq("stored", len(web.spool("entra").messages()), len(answers))


# --- the script that fetches it ---------------------------------------------

class KeyServer(http.server.ThreadingHTTPServer):
    """Answers (status, headers, body) of self.answer by TLS."""

    daemon_threads = True

    def __init__(self):
        self.answer, self.asked = (200, {}, b""), 0
        super().__init__(("127.0.0.1", 0), KeyHandler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate().pem, certificate().key)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, scheme="https"):
        return f"{scheme}://127.0.0.1:{self.server_address[1]}/keys"

    def handle_error(self, *_):
        pass  # clients that are meant to go away

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class KeyHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked = time.time()
        status, headers, body = self.server.answer
        self.send_response(status)
        for name, value in {"Content-Length": len(body), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def fetch(*args, ca=True):
    env = {"PATH": os.environ["PATH"] + ":/usr/bin:/bin"}
    if ca:
        env["CURL_CA_BUNDLE"] = certificate().ca
    done = subprocess.run(
        [root_file("nginx", "hookdir-jwks.sh"), *args], check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=env, timeout=60)
    return done.returncode, done.stderr.decode()


@test("hookdir-jwks: fetches the keys, in one step")
def _():
    place = folder("fetched", 0o755)
    file = os.path.join(place, "keys.json")
    with KeyServer() as server:
        for number in range(2):
            text = key_set("RS256", *["ES256"][:number]).encode()
            server.answer = (200, {}, text)
            old = os.stat(file).st_ino if number else None
            began = time.time()
            eq("status", fetch(server.url(), file), (0, ""))
            eq("keys", read(file), text.decode())
            eq("mode", os.stat(file).st_mode & 0o777, 0o644)
            ok("its time is before the answer",
               began <= os.stat(file).st_mtime <= server.asked)
            ok("another file", os.stat(file).st_ino != old)
            eq("nothing else", os.listdir(place), ["keys.json"])


@test("hookdir-jwks: keeps the old file when anything fails")
def _():
    place = folder("fetched", 0o755)
    file = os.path.join(place, "keys.json")
    good = key_set("RS256").encode()
    for old in (None, "the keys of before"):
        if old:
            write(file, old)
        with KeyServer() as server:
            for what, answer in {
                    "nothing": (200, {}, b""),
                    "HTML": (200, {}, b"<html></html>"),
                    "cut off": (200, {}, good[:-5]),
                    "shorter than announced":
                        (200, {"Content-Length": len(good) + 9}, good),
                    "no keys": (200, {}, b'{"keys":[]}'),
                    "keys of another kind": (200, {}, b'{"keys":[1]}'),
                    "keys without kind": (200, {}, b'{"keys":[{}]}'),
                    "an object": (200, {}, b'{"keys":{"a":{"kty":"x"}}}'),
                    "an array": (200, {}, b"[" + good + b"]"),
                    "a string": (200, {}, b'"keys"'),
                    "twice": (200, {}, good + good),
                    "too large": (200, {}, good + b" " * 1_000_001),
                    "404": (404, {}, good), "500": (500, {}, good),
                    "elsewhere": (302, {"Location": server.url() + "2"},
                                  good)}.items():
                server.answer = answer
                failed(fetch(server.url(), file), what, file, old)
            server.answer = (200, {}, good)
            failed(fetch(server.url(), file, ca=False), "unknown authority",
                   file, old)
            failed(fetch(server.url("http"), file), "http", file, old)
            failed(fetch("file://" + __file__, file), "file", file, old)
            failed(fetch("", file), "no address", file, old)
            failed(fetch(server.url()), "no file", file, old)
            failed(fetch(server.url(), place + "/no/such/place"),
                   "no such place", file, old)
            url = server.url()
        failed(fetch(url, file), "nobody there", file, old)


def failed(done, what, file, old):
    status, text = done
    ok(f"{what}: status {status}", status not in (0, 126, 127))
    ok(f"{what}: says why", text)
    if old is None:
        ok(f"{what}: no file", not os.path.exists(file))
    else:
        eq(f"{what}: file", read(file), old)
    eq(f"{what}: nothing else", os.listdir(os.path.dirname(file)),
       ["keys.json"] if old else [])


@test("hookdir-jwks: the service writes where the samples read")
def _():
    service = read(root_file("nginx", "hookdir-jwks.service"))
    program, url, file = re.search(
        r"^ExecStart=(\S+) (\S+) (\S+)$", service, re.M).groups()
    has("what is said of the program", service, f"to {program},")
    eq("address", url, "${JWKS_URL}")
    for kind in ("nginx", "apache"):
        has(kind, read(root_file(kind, "hookdir-oauth.conf")),
            f"HOOKDIR_JWKS {file}")
    directory = re.search(r"^StateDirectory=(.+)$", service, re.M)[1]
    eq("directory", os.path.dirname(file), f"/var/lib/{directory}")


@each("hookdir-jwks: what it fetches the handler takes")
def _(kind):
    with serve(kind, ["hookdir-oauth.conf"], {}, edits=EDITS) as web, \
            KeyServer() as server:
        for names in (("RS256",), ("ES256",)):
            server.answer = (200, {}, key_set(*names).encode())
            eq("status", fetch(server.url(), web.jwks), (0, ""))
            for alg in ("RS256", "ES256"):
                got = deliver(web, good_token(alg), OTHER)
                eq(alg, got.status, 200 if alg in names else 503)
            # Fetched after a token named the other key: there is none
            eq("status", fetch(server.url(), web.jwks), (0, ""))
            for alg in ("RS256", "ES256"):
                got = deliver(web, good_token(alg), OTHER)
                eq(f"{alg}, again", got.status, 200 if alg in names else 401)


# --- Standard Webhooks ------------------------------------------------------

BODIES = ['{"type":"invoice.paid","n":1.10}', '{"s":"N\u00f8rresundby"}',
          "not json", '{"a":"\\u0000"}\n']


@each("npm standardwebhooks signs, and we verify")
def _(kind):
    web = site(kind)
    now = int(time.time())
    keys = [senders.STANDARD_KEY, senders.STANDARD_OLD]
    jobs = [{"sign": body, "key": one, "id": f"msg_{n}", "time": now}
            for one in keys for n, body in enumerate(BODIES)]
    for signed, signature in zip(jobs, run_client("standardwebhooks.mjs",
                                                  jobs)):
        web.spool("standard").clear()
        got = web.post("/webhook/standard", signed["sign"].encode(), [
            ("webhook-id", signed["id"]), ("webhook-timestamp", str(now)),
            ("webhook-signature", signature)])
        accepted(got)
        eq("id", web.spool("standard").one()["id"], signed["id"])


@test("npm standardwebhooks verifies what these tests sign")
def _():
    body = BODIES[0]
    results = run_client("standardwebhooks.mjs", [
        {"verify": body, "key": senders.STANDARD_KEY,
         "headers": dict(senders.standard(body, one))}
        for one in (senders.STANDARD_KEY, senders.STANDARD_OLD)])
    eq("verified", results[0], json.loads(body))
    ok(f"refused: {results[1]}", "error" in results[1])


if __name__ == "__main__":
    main()

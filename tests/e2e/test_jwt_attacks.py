# SPDX-License-Identifier: MIT
"""test_jwt_attacks - forged, confused and damaged tokens, end to end

Each is sent to the real program as plain CGI. It must be refused with the
status and the rule that belong to it, the call must stand in quarantine/
with exactly the body that was sent, and nothing must stand in new/. The
headers are those of tests/data/jwt/headers, which the unit test reads, too.
"""

import base64
import hmac
import os
import urllib.parse

import shipmondo
from harness import (Cgi, Spool, eq, fail, folder, main, ok, root_file, test)

KEY = b"our key"
PAYLOAD = b'{"webhook":"Webhook1","data":{"id":119175}}'
STATUS = {"form-unknown": 400, "token-malformed": 400,
          "algorithm-not-allowed": 403, "critical-not-understood": 403,
          "signature-mismatch": 403, "token-expired": 403,
          "token-not-yet-valid": 403}


class Endpoint:
    """One endpoint of Shipmondo's, with one key"""

    def __init__(self):
        self.cgi = Cgi()
        self.spool = Spool(os.path.join(folder("spool", 0o711), "spool"))

    def post(self, body, **params):
        return self.cgi.request(
            body, HOOKDIR_SPOOL=self.spool.path, HOOKDIR_SENDER="shipmondo",
            HOOKDIR_KEY=KEY, **{"HOOKDIR_QUARANTINE": 1 << 30, **params})

    def accepts(self, what, body):
        got = self.post(body)
        eq(f"{what}: status", got.status, 200)
        eq(f"{what}: data", self.spool.one().data, PAYLOAD)
        eq(f"{what}: quarantine", self.spool.quarantine(), [])
        self.spool.clear()

    def refuses(self, what, body, rule):
        got = self.post(body)
        eq(f"{what}: rule", got.rule(), rule)
        eq(f"{what}: status", got.status, STATUS[rule])
        eq(f"{what}: status in the body", got.json()["status"], got.status)
        kept = self.spool.one("quarantine")
        eq(f"{what}: reason", kept["reason"], rule)
        eq(f"{what}: type", kept["type"], "hookdir.quarantined")
        eq(f"{what}: body",
           base64.b64decode(kept["data_base64"], validate=True), body)
        eq(f"{what}: files", self.spool.files(),
           [f"quarantine/{kept.name}"])
        ok(f"{what}: no key in the answer", KEY not in got.body)
        ok(f"{what}: no key in the file", KEY not in kept.raw)
        self.spool.clear()


def rows():
    """tests/data/jwt/headers: rule, key (None for none) and header"""
    with open(root_file("tests", "data", "jwt", "headers"), "rb") as file:
        lines = file.read().split(b"\n")
    for line in lines:
        if not line or line.startswith(b"#"):
            continue
        rule, key, header = line.split(b"\t")
        if key == b"none":
            key = None
        elif key == b"ours":
            key = KEY
        elif key.startswith(b"@"):
            path = root_file("tests", "data", "jwt", key[1:].decode())
            with open(path, "rb") as file:
                key = file.read()
        else:
            key = urllib.parse.unquote_to_bytes(key)
        yield rule.decode(), key, urllib.parse.unquote_to_bytes(header)


def token(header, key, payload=PAYLOAD):
    signed = shipmondo.sign(payload, key or b"", header)
    return signed if key is not None else signed[:signed.rindex(b".") + 1]


@test("every header of the list: what is refused is kept, what is good is "
      "stored")
def _():
    endpoint, count = Endpoint(), {True: 0, False: 0}
    for rule, key, header in rows():
        body = shipmondo.wrap(token(header, key))
        good = rule == "accepted"
        count[good] += 1
        if good:
            endpoint.accepts(header, body)
        else:
            endpoint.refuses(header, body, rule)
    ok("enough of both", count[True] >= 20 and count[False] >= 27)


GOOD = shipmondo.sign(PAYLOAD, KEY)
HEAD, BODY, MAC = GOOD.split(b".")
MAC_BYTES = base64.urlsafe_b64decode(MAC + b"=")


def resign(signed):
    """The signature, with our key, of a text that is not as it should be"""
    return signed + b"." + shipmondo.b64url(
        hmac.digest(KEY, signed, "sha256"))


def bend():
    """What is wrong, the token, and the rule"""
    form, wrong = "token-malformed", "signature-mismatch"
    yield "empty", b"", form
    yield "one part", HEAD, form
    yield "two parts", HEAD + b"." + BODY, form
    yield "four parts", GOOD + b"." + MAC, form
    yield "five parts", b".".join([HEAD, BODY, MAC, BODY, MAC]), form
    yield "dots", b"..", form
    yield "no header", b"." + BODY + b"." + MAC, form
    yield "no payload", HEAD + b".." + MAC, wrong
    yield "no signature", HEAD + b"." + BODY + b".", wrong
    yield "no payload and no signature", HEAD + b"..", wrong
    yield "parts in another order", b".".join([BODY, HEAD, MAC]), \
        "algorithm-not-allowed"
    yield "another payload", b".".join(
        [HEAD, shipmondo.b64url(PAYLOAD.replace(b"119175", b"119176")),
         MAC]), wrong
    for size in (0, 1, 16, 20, 28, 31):
        yield f"MAC of {size} bytes", b".".join(
            [HEAD, BODY, shipmondo.b64url(MAC_BYTES[:size])]), wrong
    for size in (33, 48, 64):
        longer = (MAC_BYTES * 2)[:size]
        yield f"MAC of {size} bytes", b".".join(
            [HEAD, BODY, shipmondo.b64url(longer)]), wrong
    yield "MAC in hexadecimal", \
        b".".join([HEAD, BODY, MAC_BYTES.hex().encode()]), wrong
    yield "padded MAC", GOOD + b"=", wrong
    yield "padded header", resign(HEAD + b"=." + BODY), form
    yield "padded payload", resign(HEAD + b"." + BODY + b"=="), form
    yield "standard alphabet", resign(HEAD + b".+/+/"), form
    yield "blank in the payload", resign(HEAD + b"." + BODY + b" "), form
    yield "blank in front", b" " + GOOD, form
    yield "blank behind", GOOD + b" ", wrong
    yield "trailing bits of the payload", resign(HEAD + b".e31"), form
    yield "trailing bits of the MAC", GOOD[:-1] + bytes(
        [GOOD[-1] + 1]), wrong
    yield "a header over 8 KiB", shipmondo.sign(
        PAYLOAD, KEY, b'{"alg":"HS256","x":"' + b"x" * 8192 + b'"}'), form
    yield "a deep header", shipmondo.sign(
        PAYLOAD, KEY, b'{"alg":"HS256","x":' + b"[" * 2500 + b"]" * 2500
        + b"}"), form
    yield "16 MiB without a dot", b"A" * (16 * 1024 * 1024 - 100), form
    yield "expired", shipmondo.sign(b'{"exp":1}', KEY), "token-expired"
    yield "not yet valid", shipmondo.sign(b'{"nbf":99999999999}', KEY), \
        "token-not-yet-valid"


@test("a good token bent in form, payload and signature")
def _():
    endpoint = Endpoint()
    for what, bent, rule in bend():
        endpoint.refuses(what, shipmondo.wrap(bent), rule)
    endpoint.accepts("as it was", shipmondo.wrap(GOOD))


@test("a bit of every byte of the token")
def _():
    endpoint, good = Endpoint(), 0
    for at in range(len(GOOD)):
        bent = bytearray(GOOD)
        bent[at] ^= 1
        # Quotes and backslashes would end or bend the string around it.
        body = shipmondo.wrap(bytes(bent))
        got = endpoint.post(body)
        good += got.status == 200
        if got.status not in (400, 403) or not got.rule():
            fail(f"byte {at}: {got}")
        kept = endpoint.spool.one("quarantine")
        eq(f"byte {at}: body", base64.b64decode(kept["data_base64"]), body)
        endpoint.spool.clear()
    eq("accepted", good, 0)


@test("bodies that are not of this sender's form")
def _():
    endpoint = Endpoint()
    for body in (b"", b"{}", b"[]", b"null", b'"' + GOOD + b'"', GOOD,
                 b'{"data":null}', b'{"data":{"token":"' + GOOD + b'"}}',
                 b'{"Data":"' + GOOD + b'"}', b"data=" + GOOD,
                 b'{"data":"' + GOOD, b'{"data":"' + GOOD + b'"}\0',
                 b"\xff\xfe\x00", b"<data>" + GOOD + b"</data>"):
        endpoint.refuses(body[:40], body, "form-unknown")


@test("a key that is empty, or missing, lets nobody in")
def _():
    endpoint = Endpoint()
    body = shipmondo.body(PAYLOAD, b"")
    for params in ({"HOOKDIR_KEY": b""}, {"HOOKDIR_KEY": None},
                   {"HOOKDIR_KEY": None, "HOOKDIR_KEY_PREVIOUS": b""},
                   {"HOOKDIR_KEY_PREVIOUS": b""}):
        base = {"HOOKDIR_SPOOL": endpoint.spool.path,
                "HOOKDIR_SENDER": "shipmondo", "HOOKDIR_KEY": KEY}
        got = endpoint.cgi.request(body, **{**base, **params})
        eq(f"{params}: status", got.status, 503)
        eq(f"{params}: files", endpoint.spool.files(), [])


@test("what the token says of the key cannot come from the client's headers")
def _():
    endpoint = Endpoint()
    forged = shipmondo.body(PAYLOAD, b"attacker")
    got = endpoint.post(forged, headers=[
        ("HOOKDIR-KEY", "attacker"), ("Hookdir_Key", "attacker"),
        ("HOOKDIR-AUTH", "none"), ("HOOKDIR-SENDER", "generic"),
        ("X-HTTP-Method-Override", "GET")])
    eq("status", got.status, 403)
    eq("rule", got.rule(), "signature-mismatch")
    eq("new/", endpoint.spool.messages(), [])


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""seeds - write the first inputs of each target

    tests/fuzz/seeds.py [TARGET...]

Real messages in all their forms, the examples of the standards as they stand
in tests/data, and hostile ones. What fuzzing has found since lies beside
them in corpus/TARGET/ and is left alone: seeds are called seed-NAME.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import socket
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(os.path.dirname(HERE), "data")
KEY = b"a key of thirty-two bytes or more"
NOW = 1795280733

seeds = {}  # target: {name: bytes}


def seed(target, name, *fields):
    """Fields that are text or bytes, with a NUL between them"""
    parts = [field.encode() if isinstance(field, str) else field
             for field in fields]
    name = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:48]
    seeds.setdefault(target, {})[name] = b"\0".join(parts)


def data_file(*names):
    with open(os.path.join(DATA, *names), "rb") as file:
        return file.read()


def rows(*names):
    """The rows of a table of tests/data"""
    for line in data_file(*names).split(b"\n"):
        if line and not line.startswith(b"#"):
            yield line.split(b"\t")


def unescaped(text):
    return re.sub(rb"%([0-9A-F]{2})",
                  lambda found: bytes([int(found[1], 16)]), text)


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def token(header, payload, key=KEY):
    text = b64url(header) + b"." + b64url(payload)
    return text + b"." + b64url(hmac.digest(key, text, "sha256"))


def payloads():
    for row in rows("payloads"):
        yield row[0].decode(), unescaped(row[2])


ORDER = (b'{"webhook":"Orders","data":{"id":119175,"price":1.10,'
         b'"updated_at":"2026-11-21T17:05:33+01:00"},'
         b'"url":"https://shop.example/webhook"}')
TRADECLOUD = (b'{"eventName":"orderEvent","orderEvent":{"id":"42",'
              b'"meta":{"messageId":"m-1"},"documents":[{"objectId":"d-1"},'
              b'{"url":"https://files.example/a.pdf"}]}}')
HEADER = b'{"alg":"HS256"}'
ACCESS = b'{"alg":"HS256","typ":"at+jwt"}'
CLAIMS = json.dumps({
    "iss": "https://shop.example", "aud": "https://shop.example/webhook",
    "sub": "client", "exp": NOW + 3600, "iat": NOW}).encode()


def hex_of(mac):
    return mac.hex().encode()


# --- encodings --------------------------------------------------------------

for number, text in enumerate((
        b"", b"Zg", b"Zg==", b"Zm8", b"Zm8=", b"Zm9v", b"Zm9vYmFy", b"Zh",
        b"Zm9=", b"Zm9v\n", b"-_-_", b"+/+/", b"====", b"A===", b"0aF9",
        b"\xff\xfe\x00", b64url(ORDER), base64.b64encode(TRADECLOUD))):
    seed("base64", f"rfc4648-{number}", text)

for number, text in enumerate((
        b"plain", "åøæ €".encode(), "\U0001f600".encode(), b"\xc0\x80",
        b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x80\xa8\xe2\x80\xa9",
        b"caf\xe9 latin", b"\x7f\x1b[31m\r\n", b"\"\\/\b\f\n\r\t",
        b"12345678\xc3", b"\xef\xbf\xbf\xef\xbb\xbf", b"1234567\xe2\x82\xac")):
    seed("utf8", f"text-{number}", text)

for folder in ("valid", "invalid", "open"):
    files = sorted(os.listdir(os.path.join(DATA, "json", folder)))
    for name in files if folder == "open" else files[::5]:
        text = data_file("json", folder, name)
        if len(text) <= 1024:
            seed("json", f"{folder}-{name[:-5]}", text)
for depth in (250, 251):
    seed("json", f"depth-{depth}", b"[" * depth + b"]" * depth)

for number, text in enumerate((
        "2026-11-21T17:05:33.123456Z", "2026-11-21T17:05:33Z",
        "2026-11-21t17:05:33z", "2026-11-21 18:05:33+01:00",
        "1985-04-12T23:20:50.52Z", "1996-12-19T16:39:57-08:00",
        "1990-12-31T23:59:60Z", "1937-01-01T12:00:27.87+00:20",
        "2024-02-29T00:00:00Z", "9999-12-31T23:59:59.999999999999Z",
        "0000-01-01T00:00:00-23:59", "2026-11-21T24:00:00Z",
        "1970-01-01T00:00:00.000000Z\0")):
    seed("clock", f"rfc3339-{number}", text)

NAME = "1795280733.M123456P4242Q1.host"
for number, names in enumerate((
        (NAME + ".json", NAME + ",tries=2.json",
         NAME + ",tries=2,next=1795292800.json"),
        (NAME + ",later=3,next=1795292800.json", NAME, "plain"),
        (".hidden", "", ","), ("a" * 199, "a" * 200 + ".json", "a" * 255),
        ("9.json", "10.json", "x"), (",tries=1", "a,tries=", "a,next=-1"),
        ("a,tries=9999999999999999999", "a,next=999999999999999999", "b"),
        ("1.M1000000P1", "1.M999999P1", "1.M1Q1"),
        ("a,tries=1,tries=2", "a,next=1,tries=2", "a,later=0"))):
    seed("spool_name", f"names-{number}", *names)

for number, (name, form) in enumerate((
        ("grant_type", "grant_type=client_credentials&scope=a+b"),
        ("client_id", "client%5Fid=shop%20one&client_secret=%2B%3d"),
        ("a", "a=1&a=2"), ("a", "a"), ("", "=x"), ("a b", "a+b=c+d"),
        ("a", "a=%"), ("a", "a=%4"), ("a", "a=%zz%00"), ("a", "&&a=&&"),
        ("a", "a==b"), ("orderId", "x=1;orderId=2"))):
    seed("form", f"form-{number}", name, form)

basic = base64.b64encode
for number, fields in enumerate((
        ("shop", "s3cret", b"Basic " + basic(b"shop:s3cret")),
        ("shop", "s:c", b"basic " + basic(b"shop:s:c")),
        ("a b", "s%", b"Basic " + basic(b"a+b:s%25")),
        ("shop", "s3cret", b"Bearer " + token(ACCESS, CLAIMS)),
        ("shop", "s", "bearer abc.def~+/=="), ("shop", "s", "Bearer "),
        ("shop", "s", "Bearer a b"), ("shop", "s", "Basic ===="),
        ("shop", "s", "Basic"), ("shop", "s", "Digest username=\"a\""),
        ("shop", "s", b"Basic " + basic(b"nocolon")),
        ("shop", "", b"Basic " + basic(b"shop:")),
        ("shop", "s", ""), ("shop", "s", "Basic  " + "A" * 64),
        ("shop", "\xe9", b"Basic " + basic(b"shop:\xe9")))):
    seed("credentials", f"header-{number}", *fields, "")

for number, fields in enumerate((
        (KEY, b"another key of thirty-two bytes...", b"bytes"),
        (KEY, b"", ORDER), (b"", KEY, b""), (KEY, KEY, b"same"),
        (b"k", b"l" * 65, b"long key"), (b"", b"", b""),
        (b"\x0b" * 20, b"Jefe", b"Hi There"),
        (b"Jefe", b"\xaa" * 131, b"what do ya want for nothing?"))):
    seed("keyring", f"rfc4231-{number}", *fields)


# --- tokens -----------------------------------------------------------------

def first(byte, data):
    return bytes([byte]) + data


for number, row in enumerate(rows("jwt", "headers")):
    if number % 4 == 0:
        seed("jwt", f"header-{number}", first(1, unescaped(row[2])), ORDER)
for number, (name, text) in enumerate(payloads()):
    if number % 6 == 0:
        seed("jwt", f"payload-{name}", first(1, HEADER), text)
GOOD = token(HEADER, ORDER)
for name, text in (
        ("good", GOOD), ("no-signature", GOOD.rpartition(b".")[0] + b"."),
        ("two-parts", GOOD.rpartition(b".")[0]), ("four-parts", GOOD + b".x"),
        ("none", b64url(b'{"alg":"none"}') + b"." + b64url(ORDER) + b"."),
        ("access", token(ACCESS, CLAIMS)), ("padded", GOOD + b"="),
        ("other-key", token(HEADER, ORDER, b"x")), ("dots", b".."),
        ("short", token(HEADER, b"{}"))):
    seed("jwt", f"raw-{name}", first(0, text))
seed("jwt", "times", first(1, HEADER), b'{"exp":1795280000,"nbf":1e400}')

for row in rows("jwk", "vectors"):
    name = row[0].decode()
    seed("jwks", f"{name} good", row[1], row[2])
    seed("jwks", f"{name} bad", row[1], row[2][:-2] + b"AA")
    seed("jwks", f"{name} none", row[1], GOOD)
ED = b'{"kty":"OKP","crv":"Ed25519","x":"' + b"A" * 43 + b'"'
for number, text in enumerate((
        b"{}", b'{"keys":[]}', b'{"keys":{}}', b'{"keys":[' + ED + b"}]}",
        b'{"keys":[' + ED + b',"kid":"1","use":"enc"}]}',
        b'{"keys":[' + ED + b',"key_ops":["verify"]},null,1,[]]}',
        b'{"keys":[' + ",".join(["{}"] * 70).encode() + b"]}",
        b'{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}',
        b'{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}',
        b'{"keys":[{"kty":"oct","k":"AA"}]}', b'{"keys":[1e400]}',
        b'{"keys":["\\u0000"]}', b'{"keys":["\\ud800"]}')):
    seed("jwks", f"set-{number}", text, GOOD)

seed("token", "raw", first(0, token(ACCESS, CLAIMS)))
seed("token", "raw-message", first(0, GOOD))
seed("token", "raw-none", first(0, b"a.b.c"))
seed("token", "header", first(2, ACCESS), CLAIMS)
seed("token", "header-application",
     first(2, b'{"alg":"HS256","typ":"application/at+jwt"}'), CLAIMS)
seed("token", "header-jwt", first(2, b'{"alg":"HS256","typ":"JWT"}'), CLAIMS)
for number, text in enumerate((
        CLAIMS, CLAIMS.replace(b'"https://shop.example/webhook"',
                               b'["x","https://shop.example/webhook"]'),
        CLAIMS.replace(b"{", b'{"nbf":1795280733,'), b"{}", b"[]", b'"a"',
        CLAIMS.replace(b"{", b'{"nbf":"x",'),
        CLAIMS.replace(b"{", b'{"exp":1e999,'),
        CLAIMS.replace(b"1795284333", b"1.795284333e9"),
        CLAIMS.replace(b"1795284333", b'"1795284333"'))):
    seed("token", f"claims-{number}", first(1, text))
seed("token", "scope", first(3, b"read write"))
seed("token", "scope-utf8", first(3, "læs \U0001f600\"\\".encode()))


# --- calls ------------------------------------------------------------------

SIGNERS = ["standard-webhooks", "github", "shopify", "stripe"]
for number, row in enumerate(rows("signature", "calls")):
    if len(row) < 7 or row[0].decode() not in SIGNERS:
        continue
    which = SIGNERS.index(row[0].decode())
    headers = dict(line.partition(b": ")[::2]
                   for line in row[4].split(b"|"))
    lower = {name.lower(): value for name, value in headers.items()}
    wanted = {0: b"webhook-signature", 1: b"x-hub-signature-256",
              2: b"x-shopify-hmac-sha256", 3: b"stripe-signature"}[which]
    if number % 5 == 0:
        seed("signature", f"{row[0].decode()}-{number}",
             bytes([which, 0]) + lower.get(b"webhook-id", b""),
             lower.get(b"webhook-timestamp", b""), lower.get(wanted, b""),
             unescaped(row[5]))
for which, name in enumerate(SIGNERS):
    for number, time in enumerate((str(NOW), str(NOW - 301), str(NOW + 301),
                                   "", "x", "1" * 16)):
        seed("signature", f"signed-{name}-{number}",
             bytes([which, 1]) + b"msg_1", time, "", ORDER)
for number, (ident, body) in enumerate((
        ("", ORDER), ("msg 1", ORDER), ("x" * 257, ORDER),
        (f"msg_1.{NOW}", b"text"), ("msg_1", b"%d.text" % NOW),
        ("evt.1", b"text"))):
    seed("signature", f"cut-{number}", bytes([0, 1]) + ident.encode(),
         str(NOW), "", body)
BODY_MAC = hmac.digest(KEY, ORDER, "sha256")
STAMPED = hmac.digest(KEY, b"%d.%s" % (NOW, ORDER), "sha256")
NAMED = hmac.digest(KEY, b"msg_1.%d.%s" % (NOW, ORDER), "sha256")
seed("signature", "good-github", b"\1\0", "", b"sha256=" + hex_of(BODY_MAC),
     ORDER)
seed("signature", "good-shopify", b"\2\0", "", basic(BODY_MAC), ORDER)
seed("signature", "good-stripe", b"\3\0", "",
     b"t=%d,v1=%s,v1=00" % (NOW, hex_of(STAMPED)), ORDER)
seed("signature", "good-standard", b"\0\0msg_1", str(NOW),
     b"v1a,x v1,AA== v1," + basic(NAMED), ORDER)

SENDERS = ["generic", "shipmondo", "tradecloud", "nshift",
           "standard-webhooks", "github", "shopify", "stripe"]
KEPT = {"shipmondo": ("Orders", "119175", "77", "status_update", "us\u00e9r"),
        "standard-webhooks": ("msg_1", str(NOW), "v1,AA==", "", "", ""),
        "github": ("push", "72d3162e", "sha256=00"),
        "shopify": ("orders/create", "w-1", "e-1", "shop.example", "AA==", "",
                    "", "", ""),
        "stripe": (f"t={NOW},v1=00",)}
for which, name in enumerate(SENDERS):
    for made in (0, 1):
        for number, body in enumerate((ORDER, TRADECLOUD, b"", b"text",
                                       b"\xff\xfe", b"[1.10]")):
            seed("verify", f"{name}-{made}-{number}",
                 bytes([which, made]) + b"application/json", "/webhook",
                 "a=1" if number % 2 else "", "booked" if number else "",
                 *KEPT.get(name, ()), body)
for number, (name, text) in enumerate(payloads()):
    if number % 4 == 0:
        seed("verify", f"payload-{name}", b"\1\1application/json", "/w", "",
             "", "", "", "", "", "", text)
for number, query in enumerate(("orderId=1", "shipmentId=a%2Fb&orderId=2",
                                "orderId=", "a&b")):
    seed("verify", f"notice-{number}", b"\2\0", "/webhook/orders/4%32",
         query + ("x" if len(query) % 2 == 0 else ""), "", "")
seed("verify", "token-raw", b"\1\0application/json", "/webhook", "", "",
     *KEPT["shipmondo"], b'{"data":"' + GOOD + b'"}')
seed("verify", "token-escaped", b"\1\0application/json", "/webhook", "", "",
     *KEPT["shipmondo"], b'{"d\\u0061ta":"' + GOOD.replace(b".", b"\\u002e")
     + b'"}')

LINES = ("id", "type", "subject", "application/json", "shop.example",
         "/webhook", "a=1", "user", "req-1", "ref")
for number, text in enumerate((b"", ORDER, b"text", b"\xff\0\xfe",
                               b"\"\\\x1b\x7f", "\u2028".encode())):
    seed("envelope", f"data-{number}", bytes([number]) + LINES[0].encode(),
         *LINES[1:], text)
    seed("envelope", f"head-{number}", bytes([47 + number]) + text.replace(
        b"\0", b"x"), *[text.replace(b"\0", b"x") or b"-"] * 9, b"1.10")

EVENT = (b'{"specversion":"1.0","id":"1","source":"https://shop.example/w",'
         b'"type":"webhook.received","subject":"42",'
         b'"time":"2026-11-21T17:05:33.123456Z",'
         b'"datacontenttype":"application/json","sender":"generic"')
for number, text in enumerate((
        EVENT + b',"data":' + ORDER + b"}\n", EVENT + b"}",
        EVENT + b',"data_base64":"AQID"}', EVENT + b',"data_base64":"A"}',
        EVENT + b',"data":"text"}', EVENT + b',"data":{"id":"2"},"id":"3"}',
        EVENT.replace(b"application/json", b"text/plain") + b',"data":"a"}',
        EVENT[:60], b"{}", b"", b"[]", b'{"id":1,"type":null}',
        b'{"\\u0069d":"1","d\\u0061ta":1}', b" \n{ } \n",
        EVENT + b',"data":' + b"[" * 250 + b"]" * 250 + b"}",
        b'{"a":"' + b"x" * 5000 + b'","id":"late","data":1}',
        b'{"id":"\\ud800","reason":"x","data":}')):
    seed("event", f"file-{number}", text)

REJECTED = (
    ',"source":"https://shop.example/w","time":"2026-11-21T17:05:33.1Z",'
    '"datacontenttype":"application/json","method":"POST","path":"/w",'
    '"query":"a=1","smduser":"u","webhookid":"msg_1"')
for which in range(8):
    seed("quarantine", f"sender-{which}", bytes([which, 1])
         + REJECTED.encode(), ORDER)
seed("quarantine", "further", b"\0\3" + REJECTED.encode()
     + b',"xrequestid":"r"', b"\0\xff")
DIGEST = hashlib.sha256(ORDER).hexdigest().encode()
WHOLE = (b'{"type":"hookdir.quarantined"' + REJECTED.encode()
         + b',"bodysha256":"' + DIGEST + b'","data_base64":"'
         + basic(ORDER) + b'"}')
for number, text in enumerate((
        WHOLE, WHOLE.replace(DIGEST, DIGEST[:-1] + b"g"),
        WHOLE.replace(b"data_base64", b"data"), b"{}", EVENT + b"}",
        WHOLE.replace(b"/w", b"\\u0000"), WHOLE[:-1],
        WHOLE.replace(b"hookdir.quarantined", b"hookdir.other"))):
    seed("quarantine", f"file-{number}", b"\1\0" + text)


# --- whole requests ---------------------------------------------------------

BASE = {"REQUEST_METHOD": "POST", "REQUEST_URI": "/webhook?a=1",
        "SERVER_NAME": "shop.example", "CONTENT_TYPE": "application/json",
        "HOOKDIR_SPOOL": "/spool"}
TOKENS = {"HOOKDIR_ROLE": "token", "HOOKDIR_CLIENT_ID": "shop",
          "HOOKDIR_CLIENT_SECRET": "s3cret", "HOOKDIR_TOKEN_KEY": KEY.decode(),
          "HOOKDIR_ISSUER": "https://shop.example",
          "HOOKDIR_AUDIENCE": "https://shop.example/webhook"}
SIGNED = b'{"data":"' + GOOD + b'"}'


def request(name, body, how=1, drop=(), **params):
    pairs = {**BASE, "CONTENT_LENGTH": str(len(body)), **params}
    lines = [f"{key}={value}" for key, value in pairs.items()
             if key not in drop and value is not None]
    for target in ("endpoint", "serve"):
        seed(target, name, bytes([how]) + lines[0].encode(), *lines[1:], b"",
             body)
    seed("afl", name, lines[0].encode(), *lines[1:], b"", body)


request("open", ORDER, HOOKDIR_AUTH="none")
request("basic", ORDER, REMOTE_USER="shop")
request("basic-nobody", ORDER)
request("chunked", ORDER, 9, drop=("CONTENT_LENGTH",), HOOKDIR_AUTH="none")
request("too-short", ORDER, 1, CONTENT_LENGTH="9999", HOOKDIR_AUTH="none")
request("too-long", ORDER, 1, CONTENT_LENGTH="5", HOOKDIR_AUTH="none")
request("too-large", ORDER, HOOKDIR_MAX_BODY="10", HOOKDIR_AUTH="none")
request("breaks", ORDER, 2, CONTENT_LENGTH="9999", HOOKDIR_AUTH="none")
request("broken", ORDER, 4, HOOKDIR_AUTH="none")
request("get", b"", HOOKDIR_AUTH="none", REQUEST_METHOD="GET")
request("length", b"", HOOKDIR_AUTH="none", CONTENT_LENGTH="1x")
request("shipmondo", SIGNED, HOOKDIR_SENDER="shipmondo",
        HOOKDIR_KEY=KEY.decode(), HTTP_SMD_ACTION="create",
        HTTP_SMD_RESOURCE_TYPE="Orders", HTTP_SMD_RESOURCE_ID="119175")
request("shipmondo-forged", SIGNED, HOOKDIR_SENDER="shipmondo",
        HOOKDIR_KEY="other", HOOKDIR_KEY_PREVIOUS="older")
request("shipmondo-form", ORDER, HOOKDIR_SENDER="shipmondo",
        HOOKDIR_KEY=KEY.decode(), HOOKDIR_QUARANTINE="0")
request("tradecloud", TRADECLOUD, HOOKDIR_SENDER="tradecloud",
        HOOKDIR_AUTH="server")
request("tradecloud-get", b"", HOOKDIR_SENDER="tradecloud",
        HOOKDIR_AUTH="server", REQUEST_METHOD="GET",
        REQUEST_URI="/webhook/order/42?orderId=43")
request("nshift", b"text", HOOKDIR_SENDER="nshift", HOOKDIR_EVENT="booked",
        HOOKDIR_AUTH="none", CONTENT_TYPE="text/plain")
request("github", ORDER, HOOKDIR_SENDER="github", HOOKDIR_KEY=KEY.decode(),
        HTTP_X_HUB_SIGNATURE_256="sha256=" + BODY_MAC.hex(),
        HTTP_X_GITHUB_EVENT="push", HTTP_X_GITHUB_DELIVERY="72d3162e")
request("shopify", ORDER, HOOKDIR_SENDER="shopify", HOOKDIR_KEY=KEY.decode(),
        HTTP_X_SHOPIFY_HMAC_SHA256=basic(BODY_MAC).decode())
request("stripe", ORDER, HOOKDIR_SENDER="stripe", HOOKDIR_KEY=KEY.decode(),
        HTTP_STRIPE_SIGNATURE=f"t={NOW},v1={STAMPED.hex()}")
request("standard", ORDER, HOOKDIR_SENDER="standard-webhooks",
        HOOKDIR_KEY="whsec_" + basic(KEY).decode(), HTTP_WEBHOOK_ID="msg_1",
        HTTP_WEBHOOK_TIMESTAMP=str(NOW),
        HTTP_WEBHOOK_SIGNATURE="v1," + basic(NAMED).decode())
request("dedup", ORDER, HOOKDIR_AUTH="none", HOOKDIR_DEDUP="60")
request("headers", b"\xff\xfe", HOOKDIR_AUTH="none", HTTP_X_REQUEST_ID="r\x1b",
        HOOKDIR_HEADERS="X-Request-Id User-Agent", HTTP_USER_AGENT="a\"b\n")
request("source", ORDER, HOOKDIR_AUTH="none", HOOKDIR_SOURCE="urn:shop",
        REQUEST_URI="https://shop.example/w%20x?<script>")
request("access", ORDER, HOOKDIR_AUTH="token", **{
    key: value for key, value in TOKENS.items()
    if "CLIENT" not in key and "ROLE" not in key},
    HTTP_AUTHORIZATION="Bearer " + token(ACCESS, CLAIMS.replace(
        b"1795284333", b"4102444800")).decode())
request("access-jwks", ORDER, HOOKDIR_AUTH="token", HOOKDIR_JWKS="/jwks",
        HOOKDIR_ISSUER="i", HOOKDIR_AUDIENCE="a",
        HTTP_AUTHORIZATION="Bearer a.b.c")
FORM = b"grant_type=client_credentials&scope=read"
request("issue", FORM, **TOKENS, HTTP_AUTHORIZATION="Basic "
        + basic(b"shop:s3cret").decode(),
        **{"CONTENT_TYPE": "application/x-www-form-urlencoded"})
request("issue-body", FORM + b"&client_id=shop&client_secret=s3cret",
        **TOKENS, **{"CONTENT_TYPE": "application/x-www-form-urlencoded"})
request("issue-wrong", b"grant_type=password", **TOKENS,
        HTTP_AUTHORIZATION="Basic " + basic(b"shop:x").decode())
request("misspelt", ORDER, HOOKDIR_KEYS="x")
request("empty-key", ORDER, HOOKDIR_SENDER="shipmondo", HOOKDIR_KEY="")
request("numbers", ORDER, HOOKDIR_MAX_BODY="0", HOOKDIR_DEDUP="99999999999")


# --- fetch ------------------------------------------------------------------

for number, text in enumerate((
        TRADECLOUD, b'{"documents":[]}', b'{"documents":[{"objectId":""}]}',
        b'[{"documents":[{"url":"u","objectId":"o"},{"url":"u"},1,"x"]}]',
        b'{"documents":[{"documents":[{"url":"in"}],"url":"out"}]}',
        b'{"d\\u006fcuments" : [ {"objectId" : "a\\"b"} , '
        b'{"url":"\\ud800"} ]}',
        b'"documents"', b'["documents",[{"url":"u"}]]', b'{"documents":{}}',
        b'{"x":"\\"documents\\":[{}]","documents":[{"url":"\\u0000"}]}')):
    seed("fetch_find", f"data-{number}", text)

for number, text in enumerate((
        "8.8.8.8", "127.0.0.1", "10.1.2.3", "169.254.169.254",
        "172.31.255.255", "172.32.0.0", "192.168.0.1", "100.64.0.1",
        "198.19.0.0", "224.0.0.1",
        "255.255.255.255", "203.0.113.9")):
    seed("address", f"ipv4-{number}",
         b"\0\1\xbb" + socket.inet_pton(socket.AF_INET, text) + bytes(8))
for number, text in enumerate((
        "2606:4700::1111", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b::808:808", "2002:7f00:1::", "2001:0:1::", "fe80::1",
        "fc00::1", "ff02::1", "2001:db8::1", "3fff:fff::", "3fff:1000::")):
    seed("address", f"ipv6-{number}",
         b"\1\1\xbb" + bytes(4) + socket.inet_pton(socket.AF_INET6, text)
         + bytes(4))
seed("address", "short", b"\0\1\xbb\x08\x08")
seed("address", "unix", b"\2/run/hookdir.sock")

for number, fields in enumerate((
        ("https://files.example/a.pdf", "/b", "files.example"),
        ("https://FILES.example:8443/a?b#c", "//other.example/x",
         "files.example:8443"),
        ("https://a.cdn.example", "https://b.cdn.example/", "*.cdn.example"),
        ("https://user:pw@files.example/", "", "*"),
        ("http://files.example/", "ftp://x/", "*.example"),
        ("https://[::1]/", "https://127.1/", "[::1]"),
        ("https://0x7f.1/", "https://2130706433/", "127.0.0.1"),
        ("https://files.example/a b\u00e9", "?x y", "files.example:443"),
        ("https://files.example\\@evil.example/", "\\\\evil.example", "a:0"),
        ("https://files.example:0/", "https://files.example:65536/", "a:b"),
        ("https:files.example", "https:///x", "a:443x"),
        ("https://[fe80::1%25eth0]/", "https://a%2eb/", "*."))):
    seed("fetch_url", f"address-{number}", *fields, "")

for number, text in enumerate((
        "base = https://api.example\nusername = shop\npassword = s3cret\n",
        "# comment\n\nbase=https://api.example/v2/\r\nusername=a b\r\n"
        "password= x = y \r\nca=/etc/ca.pem\r\n",
        "base = http://api.example\nusername = a\npassword = b\n",
        "base = https://u@api.example\nusername = a\npassword = b\n",
        "username = a:b\nbase = https://x\npassword = b", "base\n", "x = y\n",
        "base = \n", "base = https://a\nbase = https://b\n", "", "=\n",
        "password = " + "x" * 1024 + "\n", "base = https://x?#\0\n")):
    seed("fetch_config", f"file-{number}", text)

SESSION = "hookdir session 1\nhttps://api.example/v2\nshop\nacc\nref\nend\n"
OK = ("200", "", "application/json", "", "", ORDER)
LOGIN = ("200", "", "", "Bearer abc.def", "refresh-1", "{}")
DENIED = ("401", "", "", "", "", "")
for number, (how, path, session, answers) in enumerate((
        (0, "/order/1", SESSION, (OK,)), (0, "/order/1", "", (LOGIN, OK)),
        (0, "/order/1", SESSION, (DENIED, LOGIN, OK)),
        (0, "/order/1", "", (LOGIN, DENIED, DENIED, LOGIN, OK)),
        (0, "/order/1", SESSION[:-4], (("503",) + OK[1:],)),
        (0, "/order/1", "x\n\n\n", (("200", "", "", "a b", "", ""),)),
        (1, "https://bucket.example/x?sig=1", "", (OK,)),
        (1, "https://api.example/x", "",
         (("302", "https://bucket.example:8443/", "", "", "", ""),)),
        (2, "https://files.example/a.pdf", "", (OK,)),
        (2, "https://x.cdn.example:8443/a", "",
         (("302", "https://files.example/b", "", "", "", ""), OK)),
        (2, "https://files.example/", "",
         (("301", "//169.254.169.254/", "", "", "", ""), OK)),
        (2, "https://files.example/", "",
         (("308", "/again", "", "", "", ""),) * 5),
        (2, "http://files.example/", "", (OK,)))):
    seed("fetch_answer", f"answers-{number}", bytes([how]) + path.encode(),
         session, *[field for answer in answers for field in answer], b"")

for number, (status, body) in enumerate((
        (0, '{"status":"accepted","id":"72d3162e"}'),
        (0, '{"status":"duplicate","id":"a\\u0000b"}'),
        (0, '{"status":"ok","id":1}'), (0, "<!DOCTYPE html>"), (0, ""),
        (1, '{"status":"accepted","id":"x"}'),
        (5, '{"type":"about:blank","title":"Forbidden","status":403,'
            '"detail":"not our key","rule":"signature-mismatch"}'),
        (11, '{"status":503,"rule":"misconfigured","detail":"a fault"}'),
        (11, '{"status":8e300,"rule":"r"}'))):
    seed("send_answer", f"answer-{number}", bytes([status]) + body.encode())


# --- words ------------------------------------------------------------------

WORDS = {
    "json": ["{", "}", "[", "]", ",", ":", "\"", "true", "false", "null",
             "\\u0000", "\\ud83d\\ude00", "\\ud800", "1e400", "-0.0", "e+",
             "18446744073709551616", "\"data\":", "\\\\", "\u2028",
             "\ufeff"],
    "jwt": ["\"alg\":", "\"HS256\"", "\"none\"", "\"crit\":", "\"b64\":",
            "\"typ\":", "\"JWT\"", "\"at+jwt\"", "\"kid\":", "\"exp\":",
            "\"nbf\":", "application/at+jwt", "eyJhbGciOiJIUzI1NiJ9"],
    "token": ["\"iss\":", "\"aud\":", "\"exp\":", "\"nbf\":",
              "\"https://shop.example\"", "\"https://shop.example/webhook\""],
    "jwks": ["\"keys\":[", "\"kty\":", "\"OKP\"", "\"EC\"", "\"RSA\"",
             "\"crv\":", "\"Ed25519\"", "\"P-256\"", "\"x\":", "\"y\":",
             "\"n\":", "\"e\":\"AQAB\"", "\"alg\":", "\"EdDSA\"",
             "\"ES256\"", "\"RS256\"", "\"PS256\"", "\"use\":", "\"sig\"",
             "\"key_ops\":", "\"verify\"", "\"kid\":"],
    "form": ["%00", "%26", "%3d", "%", "+", "&", "="],
    "credentials": ["Basic ", "Bearer ", "basic ", "=="],
    "signature": ["v1,", "v1=", "t=", "sha256=", "whsec_", "1795280733"],
    "event": ["\"id\":", "\"source\":", "\"type\":", "\"subject\":",
              "\"time\":", "\"datacontenttype\":", "\"application/json\"",
              "\"text/plain\"", "\"sender\":", "\"reason\":", "\"data\":",
              "\"data_base64\":", "\\u0064ata"],
    "quarantine": ["\"method\":", "\"path\":", "\"query\":", "\"source\":",
                   "\"bodysha256\":", "\"type\":", "\"hookdir.quarantined\"",
                   "2026-11-21T17:05:33.123456Z", "\"time\":",
                   "\"data_base64\":"],
    "clock": ["2026-", "T", "Z", "+01:00", "-23:59", ".999999999", ":60"],
    "spool_name": [",tries=", ",later=", ",next=", ".json", ".M", "P",
                   "999999999999999999"],
    "fetch_find": ["\"documents\":[", "\"objectId\":", "\"url\":", "{", "}"],
    "fetch_url": ["https://", "//", "@", "[::1]", "%25", "\\", "*.",
                  ".example", ":443", ":8443", "127.0.0.1", "#", "?"],
    "fetch_config": ["base = ", "username = ", "password = ", "ca = ",
                     "https://", "\n", "#"],
    "send_answer": ["\"status\":", "\"accepted\"", "\"duplicate\"",
                    "\"id\":", "\"rule\":", "\"detail\":", "403", "503"],
    "fetch_answer": ["200", "301", "302", "307", "401", "503", "Bearer ",
                     "https://files.example/", "https://api.example/",
                     "hookdir session 1"],
    "request": ["HOOKDIR_ROLE=", "HOOKDIR_SENDER=", "HOOKDIR_EVENT=",
                "HOOKDIR_SOURCE=", "HOOKDIR_KEY=", "HOOKDIR_KEY_PREVIOUS=",
                "HOOKDIR_AUTH=", "HOOKDIR_TOKEN_KEY=", "HOOKDIR_CLIENT_ID=",
                "HOOKDIR_CLIENT_SECRET=", "HOOKDIR_TOKEN_TTL=",
                "HOOKDIR_JWKS=", "HOOKDIR_ISSUER=", "HOOKDIR_AUDIENCE=",
                "HOOKDIR_MAX_BODY=", "HOOKDIR_QUARANTINE=", "HOOKDIR_DEDUP=",
                "HOOKDIR_HEADERS=", "shipmondo", "tradecloud", "nshift",
                "generic", "github", "shopify", "stripe",
                "standard-webhooks", "basic", "server", "token", "none",
                "REQUEST_METHOD=", "REQUEST_URI=", "CONTENT_LENGTH=",
                "CONTENT_TYPE=", "HTTP_AUTHORIZATION=", "REMOTE_USER=",
                "HTTP_SMD_ACTION=", "QUERY_STRING=", "SCRIPT_NAME=",
                "SERVER_NAME=", "application/json", "Bearer ", "Basic "],
}
for also, words in (("verify", "json"), ("envelope", "json"),
                    ("serve", "request"), ("endpoint", "request"),
                    ("afl", "request")):
    WORDS[also] = WORDS[words]
del WORDS["request"]


def quoted(word):
    return "".join(chr(byte) if 0x20 <= byte < 0x7f and byte not in b'"\\'
                   else f"\\x{byte:02X}" for byte in word.encode())


def main():
    chosen = sys.argv[1:] or sorted(seeds)
    for target in chosen:
        folder = os.path.join(HERE, "corpus", target)
        os.makedirs(folder, exist_ok=True)
        for name, data in seeds[target].items():
            with open(os.path.join(folder, "seed-" + name), "wb") as file:
                file.write(data)
        words = WORDS.get(target)
        if words:
            with open(os.path.join(HERE, target + ".dict"), "w",
                      encoding="ascii") as file:
                file.writelines(f'"{quoted(word)}"\n' for word in words)
        print(f"{target}: {len(seeds[target])} seeds")


if __name__ == "__main__":
    main()

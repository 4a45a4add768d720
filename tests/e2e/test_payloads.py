# SPDX-License-Identifier: MIT
"""test_payloads - what was sent is what a consumer reads, byte for byte

The payloads are those of tests/data/payloads, which the unit tests read,
too. Every file that is stored is read by jq and by Python.
"""

import base64
import os
import re
import subprocess
import urllib.parse

import shipmondo
from harness import Cgi, Spool, eq, folder, main, ok, root_file, test

KEY = b"our key"

# RFC 8259 section 8.2 allows the escape of a high surrogate without its low
# one; jq 1.6 calls the whole file broken, later ones read it.
HALF_PAIR = re.compile(rb"\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])")


class Endpoint:
    """An endpoint of some sender's"""

    def __init__(self, **params):
        self.cgi = Cgi()
        self.spool = Spool(os.path.join(folder("spool", 0o711), "spool"))
        self.params = {"HOOKDIR_SPOOL": self.spool.path, **params}

    def store(self, what, body, **call):
        """Posts a body and returns the only message, read by jq, too."""
        got = self.cgi.request(body, **{**self.params, **call})
        eq(f"{what}: status", got.status, 200)
        message = self.spool.one()
        target = call.get("REQUEST_URI", "")
        target = target if isinstance(target, bytes) else target.encode()
        eq(f"{what}: id in the file", message["id"], shipmondo.message_id(
            body, message["type"], target.partition(b"?")[2]))
        eq(f"{what}: answer", got.json(),
           {"status": "accepted", "id": message["id"]})
        ok(f"{what}: one line", message.raw.endswith(b"\n"))
        eq(f"{what}: files", self.spool.files(), [f"new/{message.name}"])
        read_by_jq(what, message.path)
        self.spool.clear()
        return message


def shipmondo_endpoint():
    return Endpoint(HOOKDIR_SENDER="shipmondo", HOOKDIR_KEY=KEY)


def read_by_jq(what, path):
    with open(path, "rb") as file:
        if HALF_PAIR.search(file.read()):
            return
    done = subprocess.run(["jq", "-e", ".", path], capture_output=True,
                          check=False)
    eq(f"{what}: jq", (done.returncode, done.stderr), (0, b""))


def holds(what, message, kind, data):
    """The event holds these data in the way of that kind."""
    if kind == "json":
        eq(f"{what}: data", message.data, data)
    elif kind == "text":
        eq(f"{what}: data", message["data"], data.decode())
    elif kind == "binary":
        eq(f"{what}: data_base64",
           base64.b64decode(message["data_base64"], validate=True), data)
    eq(f"{what}: has data", "data" in message, kind in ("json", "text"))
    eq(f"{what}: has data_base64", "data_base64" in message,
       kind == "binary")


def rows():
    """tests/data/payloads: name, kind, payload, data"""
    with open(root_file("tests", "data", "payloads"), "rb") as file:
        lines = file.read().split(b"\n")
    for line in lines:
        if not line or line.startswith(b"#"):
            continue
        name, kind, payload, data = line.split(b"\t")
        payload = urllib.parse.unquote_to_bytes(payload)
        data = payload if data == b"=" else urllib.parse.unquote_to_bytes(data)
        yield name.decode(), kind.decode(), payload, data


@test("every payload of the list, signed")
def _():
    endpoint, count = shipmondo_endpoint(), 0
    for name, kind, payload, data in rows():
        message = endpoint.store(name, shipmondo.body(payload, KEY))
        holds(name, message, kind, data)
        eq(f"{name}: verifiedby", message["verifiedby"], "jwt")
        count += 1
    ok("enough of them", count >= 100)


@test("Shipmondo's three forms make the same data")
def _():
    endpoint = shipmondo_endpoint()
    for form, make in shipmondo.FORMS.items():
        message = endpoint.store(form, shipmondo.body(make(), KEY),
                                 headers=shipmondo.HEADERS)
        eq(f"{form}: data", message.data, shipmondo.form_b())
        eq(f"{form}: .data.data.id", message["data"]["data"]["id"], 119175)
        eq(f"{form}: type", message["type"],
           "com.shipmondo.orders.status_update")
        eq(f"{form}: subject", message["subject"], "119175")


@test("jq finds what is asked for in the three forms")
def _():
    endpoint = shipmondo_endpoint()
    resource = HALF_PAIR.sub(b"", shipmondo.RESOURCE)
    for form, make in shipmondo.FORMS.items():
        got = endpoint.cgi.request(shipmondo.body(make(resource), KEY),
                                   **endpoint.params)
        eq(f"{form}: status", got.status, 200)
        done = subprocess.run(
            ["jq", "-r", ".data.data.id, .data.data.ship_to.city",
             endpoint.spool.one().path], capture_output=True, check=False)
        eq(f"{form}: jq", done.stdout.decode(), "119175\nN\u00f8rresundby\n")
        endpoint.spool.clear()


@test("deep nesting: JSON where jq can read it, else text")
def _():
    endpoint = shipmondo_endpoint()
    for depth, kind in ((1, "json"), (249, "json"), (250, "json"),
                        (251, "text"), (300, "text"), (100000, "text")):
        payload = b"[" * depth + b"]" * depth
        message = endpoint.store(depth, shipmondo.body(payload, KEY))
        # Python's own parser is recursive: only text is compared by it.
        if kind == "json":
            ok(f"{depth}: data",
               message.raw.endswith(b',"data":' + payload + b"}\n"))
        else:
            eq(f"{depth}: data", message["data"], payload.decode())


GENERIC = [
    # media type, body, kind, datacontenttype
    ("application/json", b'{"n":1.10,"n":1E2,"k ":"\\ud83d\\u0000"}', "json",
     "application/json"),
    ("application/json; charset=utf-8", b"[1.10]", "json",
     "application/json; charset=utf-8"),
    ("application/json", b"123456789012345678901234567890", "json",
     "application/json"),
    ("application/json", b"{'a':1}", "text", "text/plain"),
    ("application/json", b"\xff{}", "binary", "application/json"),
    ("garbage", b"\xff{}", "binary", "application/octet-stream"),
    ("text/plain", b"123", "text", "text/plain"),
    ("text/plain", b'{"a":1}', "json", "application/json"),
    ("application/xml", '<a b="\u00f8">\u20ac</a>\r\n'.encode(), "text",
     "application/xml"),
    ("application/x-www-form-urlencoded", b"a=1&b=%20", "text",
     "application/x-www-form-urlencoded"),
    ("application/octet-stream", bytes(range(256)), "binary",
     "application/octet-stream"),
    ("image/png", b"\x89PNG\r\n\x1a\n", "binary", "image/png"),
    ("", b'{"a":1}', "json", "application/json"),
    ("", b"\0", "text", "text/plain"),
    (None, b"a\tb", "text", "text/plain"),
    ('text/plain; x="\x01\\"', b"odd label", "text", "text/plain"),
]


@test("any body of a sender that nobody knows")
def _():
    endpoint = Endpoint(HOOKDIR_AUTH="none")
    for media_type, body, kind, want in GENERIC:
        what = f"{media_type}: {body[:30]}"
        message = endpoint.store(what, body, CONTENT_TYPE=media_type)
        holds(what, message, kind, body)
        eq(f"{what}: datacontenttype", message["datacontenttype"], want)
        eq(f"{what}: type", message["type"], "webhook.received")


@test("an empty body is a message without data")
def _():
    endpoint = Endpoint(HOOKDIR_AUTH="none")
    message = endpoint.store("empty", b"")
    holds("empty", message, "absent", b"")


@test("odd bytes in headers, path and query do not break the file")
def _():
    endpoint = Endpoint(HOOKDIR_AUTH="none", HOOKDIR_HEADERS="X-Odd SMD-User")
    for odd, want in ((b'"},{"id":"x', '"},{"id":"x'), (b"\\", "\\"),
                      (b"S\xf8ren", "S\u00f8ren"),
                      ("S\u00f8ren".encode(), "S\u00f8ren"),
                      (b"a\tb\x01\x7f", "a\u2409b\u2401\u2421"),
                      ("\u2028".encode(), "\u2028"),
                      (b"\xed\xa0\x80", "\u00ed\u00a0\ufffd")):
        message = endpoint.store(
            odd, b'{"a":1}', QUERY_STRING=odd,
            REQUEST_URI=b"/p" + odd + b"?" + odd,
            headers=[("X-Odd", odd), ("SMD-User", odd)])
        eq(f"{odd}: header", message["xodd"], want)
        eq(f"{odd}: second header", message["smduser"], want)
        eq(f"{odd}: query", message["query"], want)
        eq(f"{odd}: path", message["path"], "/p" + want)
        eq(f"{odd}: data", message.data, b'{"a":1}')


@test("path and query, of whatever form the target is")
def _():
    endpoint = Endpoint(HOOKDIR_AUTH="none")
    for target, path, query in (
            ("/a/b?c=d&e", "/a/b", "c=d&e"), ("/a", "/a", ""),
            ("/a?", "/a", ""), ("/?x?y", "/", "x?y"), ("?x", "/", "x"),
            ("/a?u=http://b/c", "/a", "u=http://b/c"),
            ("?u=http://b/c", "/", "u=http://b/c"),
            ("https://shop.example/a?b", "/a", "b"),
            ("https://shop.example?b=/c", "/", "b=/c"),
            ("https://shop.example", "/", ""),
            ("https://shop.example/", "/", "")):
        message = endpoint.store(target, b"{}", REQUEST_URI=target)
        eq(f"{target}: path", message["path"], path)
        eq(f"{target}: query", message["query"], query)


@test("16 MiB, as JSON, as text and as bytes")
def _():
    endpoint = Endpoint(HOOKDIR_AUTH="none")
    size = 16 * 1024 * 1024
    for kind, body in (("json", b'"' + b"x" * (size - 2) + b'"'),
                       ("text", b"\x01" * size), ("binary", b"\xff" * size)):
        message = endpoint.store(kind, body)
        holds(kind, message, kind, body)


if __name__ == "__main__":
    main()

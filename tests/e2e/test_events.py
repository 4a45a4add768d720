# SPDX-License-Identifier: MIT
"""test_events - every event is valid CloudEvents, whatever the call

Calls with random bytes in headers, paths, queries and bodies, half of them
with what is likely to go wrong, go through the handler. All that is then in
new/ and in quarantine/ is checked by the JSON schema of CloudEvents and its
SDK for Node.
"""

import base64
import collections
import concurrent.futures
import contextlib
import gzip
import hashlib
import json
import os
import random
import re
import shutil
import tempfile

import senders
import shipmondo
from harness import (Handler, Spool, eq, fcgi_begin, fcgi_read, fcgi_record,
                     main, ok, test)
from oauth import run_client

CALLS = int(os.environ.get("HOOKDIR_CALLS", "10000"))
KEY = "a key of thirty-two bytes or more"
WHSEC = "whsec_" + base64.b64encode(KEY.encode()).decode()
EXTRA = ["X-Request-Id", "X-Odd", "X-Two_Words", "X-Api-Key", "Accept"]
ODD = [b"\t", b"\n", b"\x01", b"\x1f", b"\x7f", b"\x80", b"\x9f", b"\xc2\x80",
       b"\xc2\x85", b"\xc2\x9f", b"\xef\xbf\xbe", b"\xef\xbf\xbf",
       b"\xef\xb7\x90", b"\xf0\x9f\xbf\xbe", b"\xf4\x8f\xbf\xbf",
       b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf8", b"\xff", b"\xc0\x80",
       b"\xe2\x80\xa8", b"\xf0\x9f\x94\x91", b"\"", b"\\", b"%", b"%4", b"%zz",
       b"[", b"]", b":", b"#", b"?", b"/", b"//", b"@", b";", b",", b" ",
       b"\\u0000", b"\\ud800", b"\\uffff", b"{", b"}", b"a", b"order", b"1"]
TYPES = [b"", b"application/json", b"application/json;", b"text/plain",
         b"application/json; charset=iso-8859-1", b"text/xml; charset=\"x",
         b"garbage", b"a/b/c", b"multipart/form-data; boundary=\"a b\"",
         b"application/vnd.x+json", b"text/html ; charset=utf-8"]


def some_bytes(rng, most=24):
    """Without NUL, which no web server passes on"""
    if rng.random() < 0.5:
        return b"".join(rng.choices(
            ODD, k=int(rng.random() * most / 3)))
    return rng.randbytes(int(rng.random() * most)).replace(b"\0", b"")


def some_text(rng):
    """A JSON string of odd characters, some as lone surrogates"""
    letters = "a1\"\\/\t\n\x00\x01\x1f\x7f\x80\x85\x9f\xf8\u2028\ufdd0\ufffe" \
              "\uffff\U0001fffe\U0010ffff\ud800\udfff\U0001f511"
    text = "".join(rng.choices(letters, k=rng.randrange(12)))
    if rng.random() < 0.5:
        return json.dumps(text).encode()
    with contextlib.suppress(UnicodeEncodeError):
        return json.dumps(text, ensure_ascii=False).encode()
    return json.dumps(text).encode()


def some_body(rng):
    kind = rng.randrange(8)
    if kind == 0:
        return b""
    if kind == 1:
        return rng.randbytes(rng.randrange(60))
    if kind == 2:
        return gzip.compress(rng.randbytes(20))
    if kind == 3:
        return rng.choice([b"null", b"true", b"0", b"-1.5e3", b"[]", b"{}",
                           b"\"\"", b"[[{}]]", some_text(rng)])
    if kind == 4:
        return some_bytes(rng)
    data = b"{" + b",".join(
        b"%s:%s" % (name, some_text(rng)) for name in (
            b'"id"', b'"type"', b'"action"', b'"eventName"', b'"updated_at"',
            some_text(rng))) + b"}"
    return b'{"id":%s,"type":%s,"data":%s,"meta":{"messageId":%s}}' % (
        some_text(rng), some_text(rng),
        data if kind < 7 else json.dumps(data.decode(
            "utf-8", "replace")).encode(), some_text(rng))


def signed(rng, sender, body):
    """(body, headers, parameters) of a call that this sender signed, or of
    one that is wrong"""
    key = KEY if rng.random() < 0.6 else "another one, as long as that one.."
    whsec = "whsec_" + base64.b64encode(key.encode()).decode()
    odd = some_bytes(rng) or b"1"
    params = {"HOOKDIR_SENDER": sender, "HOOKDIR_KEY": KEY}
    if sender == "shipmondo":
        return shipmondo.body(body, key), [
            (name, some_bytes(rng)) for name, _ in shipmondo.HEADERS], params
    if sender == "github":
        headers = senders.github(body, key, event=odd, ident=odd)
    elif sender == "shopify":
        headers = senders.shopify(body, key, topic=odd, ident=odd)
    elif sender == "stripe":
        headers = senders.stripe(body, key)
    elif sender == "standard-webhooks":
        ident = rng.choice(["msg_1", "\x01\x7f", "\u0085\ufffe"])
        headers = senders.standard(body, whsec, ident=ident)
        params["HOOKDIR_KEY"] = WHSEC
    else:
        headers = []
        params = {"HOOKDIR_SENDER": sender, "HOOKDIR_AUTH": "none",
                  "HOOKDIR_EVENT": "order.created"}
    return body, headers, params


SENDERS = ["shipmondo", "github", "shopify", "stripe", "standard-webhooks",
           "tradecloud", "nshift", "generic"]


def some_call(rng, spool):
    """The bytes of one FastCGI request"""
    sender = rng.choice(SENDERS)
    body, headers, params = signed(rng, sender, some_body(rng))
    method = "GET" if sender == "tradecloud" and rng.random() < 0.3 else "POST"
    if method == "GET":
        body = b""
    path = rng.choice([b"/", b"/webhook/", b"/order/", b"", b"*"])
    path += some_bytes(rng)
    query = some_bytes(rng)
    if rng.random() < 0.3:
        query = b"orderId=" + query
    kind = rng.choice(TYPES) if rng.random() < 0.7 else some_bytes(rng)
    params.update({
        "REQUEST_METHOD": method, "CONTENT_LENGTH": len(body),
        "CONTENT_TYPE": kind, "HOOKDIR_SPOOL": spool,
        "HOOKDIR_QUARANTINE": 1 << 32,
        "HOOKDIR_QUARANTINE_FILES": 10 * CALLS,
        "HOOKDIR_HEADERS": " ".join(EXTRA)})
    params["SERVER_NAME"] = rng.choice(
        [b"hooks.example", b"_", b"[::1]", b"a:443", b"~^(www)\\.x$",
         some_bytes(rng)])
    if rng.random() < 0.1:
        params["HOOKDIR_SOURCE"] = "urn:example:shop"
    if rng.random() < 0.9:
        params["REQUEST_URI"] = path + (b"?" + query if query else b"")
    else:
        params.update(SCRIPT_NAME=path, QUERY_STRING=query)
    headers = list(headers) + [
        (name, some_bytes(rng)) for name in EXTRA + ["X-Unlisted"]
        if rng.random() < 0.5]
    if rng.random() < 0.2:
        headers.append(("Content-Encoding",
                        rng.choice([b"br", some_bytes(rng)])))
    return request(params, headers, body)


def request(params, headers, body):
    def raw(value):
        return value if isinstance(value, bytes) else str(value).encode()
    pairs = [(name.encode(), raw(value)) for name, value in params.items()]
    pairs += [(b"HTTP_" + name.upper().replace("-", "_").encode(), raw(value))
              for name, value in headers]
    return fcgi_begin(pairs) + (fcgi_record(5, body) if body else b"") \
        + fcgi_record(5)


@contextlib.contextmanager
def quick_place():
    """Where flushing costs nothing, if there is such a place"""
    memory = "/dev/shm"
    path = tempfile.mkdtemp(
        prefix="hookdir-",
        dir=memory if os.access(memory, os.W_OK) else None)
    os.chmod(path, 0o777)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def assert_valid(directory, least):
    result, = run_client("cloudevents.mjs", [{"directory": directory}])
    eq("wrong", result["wrong"][:5], [])
    ok(f"{result['events']} events, {least} or more",
       result["events"] >= least)
    return result["events"]


@test(f"{CALLS} calls of random bytes: every event is valid")
def _():
    seed = int(os.environ.get("HOOKDIR_SEED", "0")) or random.getrandbits(32)
    print(f"# HOOKDIR_SEED={seed}", flush=True)
    with quick_place() as place, Handler() as handler:
        spool = os.path.join(place, "spool")

        def some_calls(number):
            rng, seen = random.Random(seed + number), collections.Counter()
            for _ in range(number, CALLS, 8):
                with handler.connect() as sock:
                    sock.sendall(some_call(rng, spool))
                    status = re.match(rb"Status: (\d+)", fcgi_read(sock)[0])
                seen[status and int(status[1])] += 1
            return seen

        counts = collections.Counter()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for seen in pool.map(some_calls, range(8)):
                counts += seen
        print(f"# {dict(counts)}", flush=True)
        eq("statuses", set(counts) - {200, 400, 403}, set())
        eq("stored", assert_valid(spool + "/new", CALLS * 4 // 10),
           counts[200])
        eq("kept", assert_valid(spool + "/quarantine", CALLS // 10),
           counts[400] + counts[403])


@test("data is what was sent, whatever is in it")
def _():
    rng = random.Random(1)
    with quick_place() as place, Handler() as handler:
        for number in range(200):
            spool = Spool(os.path.join(place, "spool"))
            body = some_body(rng)
            got = handler.request(body, **{
                "CONTENT_TYPE": rng.choice(TYPES), "HOOKDIR_AUTH": "none",
                "HOOKDIR_SPOOL": spool.path})
            eq("status", got.status, 200)
            event = spool.one()
            digest = hashlib.sha256(body).hexdigest()
            eq(f"{number}: bodysha256", event["bodysha256"], digest)
            if "data_base64" in event.members:
                eq("bytes", base64.b64decode(event["data_base64"]), body)
            elif body and re.match("[^;]*[/+]json *(;|$)",
                                   event["datacontenttype"]):
                eq("data", event.data, body.strip(b" \t\r\n"))
            elif body:
                eq("text", json.loads(event.data), body.decode())
            spool.clear()


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""senders - signs and shapes calls the way Tradecloud, nShift, Standard
Webhooks, GitHub, Shopify and Stripe do

Written from the senders' own pages and not from the handler's table: what
they do not say is not in here. Also the web servers that the tests of these
senders share: site(kind) serves every sample beside the complete ones.
"""

import base64
import functools
import hmac
import json
import time

from harness import Apache, Handler, Nginx, test

KINDS = {"nginx": Nginx, "apache": Apache}
SAMPLES = ["hookdir-tradecloud.conf", "hookdir-nshift.conf",
           "hookdir-hmac.conf", "hookdir-oauth.conf"]

# Standard Webhooks: 24 to 64 bytes.
STANDARD_KEY = "whsec_" + base64.b64encode(bytes(range(32))).decode()
STANDARD_OLD = "whsec_" + base64.b64encode(b"old" * 8).decode()
GITHUB_KEY, GITHUB_OLD = "It's a \"Secret\" \\ to Everybody", "before"
SHOPIFY_KEY, SHOPIFY_OLD = "shpss_4f1c0b7a", "hush"
STRIPE_KEY, STRIPE_OLD = "whsec_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH", \
    "whsec_before"

USERS = [("tradecloud-new", "pass word:new"),
         ("tradecloud-old", "p\u00e5ss-old")]
TOKENS = ["Tok.New+0123456789abcdef/=", "tok-old-fedcba9876543210"]
NSHIFT = ["Sec.ret-9b2f(4c71)", "old-ecret-0d55e2"]
NSHIFT_EVENTS = ["order.created", "order.updated", "order.deleted",
                 "shipment.created"]

CLIENT, CLIENT_SECRETS = "tradecloud", ["client-secret-now-0123456789abcdef",
                                        "client-secret-before"]
TOKEN_KEYS = ["token key of today, more than 32 bytes",
              "token key of yesterday, also that long"]
ISSUER = "https://hooks.example"
AUDIENCE = "https://hooks.example/webhook/oauth"

SECRETS = {
    "tradecloud-bearer.conf": TOKENS,
    "tradecloud.htpasswd": USERS,
    "nshift.conf": NSHIFT,
    "standard.conf": [STANDARD_KEY, STANDARD_OLD],
    "github.conf": [GITHUB_KEY, GITHUB_OLD],
    "shopify.conf": [SHOPIFY_KEY, SHOPIFY_OLD],
    "stripe.conf": [STRIPE_KEY, STRIPE_OLD],
    "oauth-client.conf": {"HOOKDIR_CLIENT_ID": [CLIENT],
                          "HOOKDIR_CLIENT_SECRET": CLIENT_SECRETS},
    "oauth-key.conf": {"HOOKDIR_TOKEN_KEY": TOKEN_KEYS},
}


@functools.cache
def handler():
    return Handler()


def serve(kind, also=tuple(SAMPLES), secrets=None, **options):
    """A web server with these samples, all secrets filled in"""
    return KINDS[kind](
        handler(), "hookdir.conf", also=also, **options,
        secrets=SECRETS if secrets is None else secrets)


def each(name, kinds=tuple(KINDS)):
    """A test for each web server, which gets its name"""
    def register(function):
        for kind in kinds:
            @test(f"{kind}: {name}")
            def _(kind=kind):
                function(kind)
        return function
    return register


def raw(data):
    return data if isinstance(data, bytes) else data.encode()


def mac(key, data):
    return hmac.digest(raw(key), raw(data), "sha256")


def b64(data):
    return base64.b64encode(data).decode()


def basic(user, password):
    pair = b64(f"{user}:{password}".encode())
    return ("Authorization", f"Basic {pair}")


def bearer(token):
    return ("Authorization", f"Bearer {token}")


# --- signatures: each answers the headers of a call -------------------------

def standard_signature(body, key, ident="msg_1", when=None):
    """One signature, v1, of https://www.standardwebhooks.com/"""
    when = int(time.time()) if when is None else when
    secret = base64.b64decode(key.removeprefix("whsec_"))
    return "v1," + b64(mac(secret, f"{ident}.{when}.".encode() + raw(body)))


def standard(body, key=STANDARD_KEY, ident="msg_1", when=None,
             prefix="webhook-"):
    when = int(time.time()) if when is None else when
    return [(prefix + "id", ident), (prefix + "timestamp", str(when)),
            (prefix + "signature",
             standard_signature(body, key, ident, when))]


def svix(body, **options):
    """The names that Svix uses by default: docs.svix.com/receiving"""
    return standard(body, prefix="svix-", **options)


def github(body, key=GITHUB_KEY, event="push", ident="72d3162e-cc78"):
    return [("X-GitHub-Event", event), ("X-GitHub-Delivery", ident),
            ("X-Hub-Signature-256", "sha256=" + mac(key, body).hex())]


def shopify(body, key=SHOPIFY_KEY, topic="orders/create",
            ident="b54557e4-bdd9", prefix="X-Shopify-"):
    return [(prefix + "Topic", topic), (prefix + "Webhook-Id", ident),
            (prefix + "Shop-Domain", "shop.example"),
            (prefix + "Hmac-Sha256", b64(mac(key, body)))]


def stripe_signature(body, key, when):
    """The hexadecimal digits of one signature"""
    return mac(key, f"{when}.".encode() + raw(body)).hex()


def stripe(body, key=STRIPE_KEY, when=None):
    when = int(time.time()) if when is None else when
    return [("Stripe-Signature",
             f"t={when},v1={stripe_signature(body, key, when)},"
             f"v0={stripe_signature(body, key, when)}")]


# --- bodies -----------------------------------------------------------------

def compact(value):
    return json.dumps(value, separators=(",", ":"),
                      ensure_ascii=False).encode()


def tradecloud(event_name="OrderLinesAcceptedBySupplier", member="orderEvent",
               ident="9c5f5e2e-0b5e-4f0c-9f77-5b8a9d1d7c11", order="a1b2",
               inside=False, changed="2026-11-21T17:05:33.123Z"):
    """An event of Tradecloud One: the messageId at top level or inside

    The members are those of the sender's own pages, in the repository
    tradecloud/tradecloud-docs-api-v2: order/buyer/receive/README.md and
    single-delivery-order-response.md there, api/webhook-vs-polling.md, and
    shipment/buyer/receive/README.md.
    """
    meta = {"messageId": ident, "source": {"traceId": "t", "userId": "u",
                                           "companyId": "c"}}
    if member == "shipment":
        content = {"id": order, "supplierShipment": {"shipmentNumber": "S7"},
                   "lines": [{"purchaseOrderNumber": "PO7"}],
                   "status": {"processStatus": "Issued"},
                   "meta": {"lastUpdatedAt": changed}}
    else:
        content = {"orderId": order, "version": 2, "lastUpdatedAt": changed,
                   "buyerOrder": {"purchaseOrderNumber": "PO7"}}
    if member == "orderDocumentsEvent":
        content["documents"] = [{"objectId": "o"}]
    elif member != "shipment":
        content["lines"] = [{"id": "l-1", "lastUpdatedAt": changed,
                             "buyerLine": {"position": "0001"},
                             "prices": {"netPrice": 1.10}}]
    event = {"eventName": event_name, member: content}
    where = content if inside else event
    where["meta"] = {**where.get("meta", {}), **meta}
    return compact(event)


XML = ('<?xml version="1.0" encoding="UTF-8"?>\n<order id="7">'
       '<city>N\u00f8rresundby</city></order>\n').encode()

# Bodies that nobody expects: name, content type, bytes, member, its value
ODD = [
    ("no JSON", "application/json", b"not json", "data", "not json"),
    ("cut-off JSON", "application/json", b'{"a":', "data", '{"a":'),
    ("form", "application/x-www-form-urlencoded", b"a=1&b=2", "data",
     "a=1&b=2"),
    ("a number", "application/json", b"1.10", "data", 1.10),
    ("a string", "application/json", b'"x"', "data", "x"),
    ("null", "application/json", b"null", "data", None),
    ("an array", "application/json", b"[]", "data", []),
    ("an array without a label", "", b"[1]", "data", [1]),
    ("a number beyond a double", "application/json", b'{"n":1e999999}',
     "data", {"n": float("inf")}),
    ("half a surrogate pair", "application/json", b'{"s":"\\ud83d"}',
     "data", {"s": "\ud83d"}),
    ("a key twice", "application/json", b'{"id":1,"id":2}', "data",
     {"id": 2}),
    ("an id that is an object", "application/json",
     b'{"id":{},"eventName":[],"meta":{"messageId":null}}', "data",
     {"id": {}, "eventName": [], "meta": {"messageId": None}}),
    ("arrays, 5000 deep", "application/json", b"[" * 5000 + b"]" * 5000,
     "data", None),
    ("a byte order mark", "application/json", b"\xef\xbb\xbf{}", "data", {}),
    ("no UTF-8", "application/xml", b"<a>\xf8</a>", "data_base64",
     b64(b"<a>\xf8</a>")),
    ("UTF-16", "application/xml", "<a/>".encode("utf-16"), "data_base64",
     b64("<a/>".encode("utf-16"))),
    ("NUL bytes", "text/plain", b"\0\0", "data", "\0\0"),
    ("an odd type", "a/b; c=\"\xe5\"".encode(), b"x", "data", "x"),
    ("nothing", "application/json", b"", None, None),
]

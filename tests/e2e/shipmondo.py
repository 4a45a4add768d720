# SPDX-License-Identifier: MIT
"""shipmondo - signs and shapes bodies the way Shipmondo does

The body is {"data":"<compact JWS>"}, the header exactly {"alg":"HS256"}.
Shipmondo sends the payload in three forms; all are built here from one
resource, and a receiver must make the bytes of form_b() of each of them:

    form_a        a JSON string that holds the JSON text
    form_a_prime  the same, and the inner data is a JSON string once more
    form_b        the JSON object itself

The resource holds what parsers like to damage: numbers that do not survive
a float, a duplicate key, a key with a trailing blank, an escaped NUL, half
a surrogate pair and letters beyond ASCII.
"""

import base64
import hashlib
import hmac
import json

HEADER = b'{"alg":"HS256"}'

RESOURCE = (
    '{"id":119175,"order_id":"1042","ordered_at ":"2026-11-21T18:05:33+01:00",'
    '"price":1.10,"weight":1E2,"tiny":-0.0e-0,'
    '"barcode":370720000000000000000000000017,'
    '"status":"open","status":"packed","note":"a\\u0000b","half":"\\ud83d",'
    '"slash":"a\\/b","ship_to":{"city":"N\u00f8rresundby","zipcode":"9400"},'
    '"order_lines":[ {"quantity":"2","unit_price":"49.50"} , null, true ],'
    '"updated_at":"2026-11-21T18:05:33.101+01:00"}').encode()

HEADERS = [("SMD-Resource-Type", "Orders"), ("SMD-Resource-Id", "119175"),
           ("SMD-Webhook-Id", "77"), ("SMD-Action", "status_update"),
           ("SMD-User", "warehouse")]

# The type that these headers make
TYPE = "com.shipmondo.orders.status_update"


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def sign(payload, key, header=HEADER):
    """A compact JWS (RFC 7515) of payload, HS256 whatever header says"""
    key = key if isinstance(key, bytes) else key.encode()
    signed = b64url(header) + b"." + b64url(payload)
    return signed + b"." + b64url(hmac.digest(key, signed, "sha256"))


def wrap(token):
    """The body that carries a token"""
    return b'{"data":"' + token + b'"}'


def body(payload, key, header=HEADER):
    return wrap(sign(payload, key, header))


def text_of(data):
    """A JSON string that holds data"""
    return json.dumps(data.decode(), ensure_ascii=False).encode()


def _event(data, name, url):
    return (b'{"webhook":' + text_of(name.encode()) + b',"data":' + data
            + b',"url":' + text_of(url.encode()) + b'}')


def form_b(resource=RESOURCE, name="Webhook1",
           url="https://hooks.example/webhook/shipmondo"):
    return _event(resource, name, url)


def form_a(resource=RESOURCE, **names):
    return text_of(form_b(resource, **names))


def form_a_prime(resource=RESOURCE, **names):
    return text_of(form_b(text_of(resource), **names))


def connection_test():
    """What Shipmondo sends when a webhook is created"""
    return b'{"action":"connection_test"}'


FORMS = {"A": form_a, "A'": form_a_prime, "B": form_b}


def filler(size):
    """A payload (form B) of exactly size bytes"""
    empty = form_b(b'{"id":1,"note":""}')
    return form_b(b'{"id":1,"note":"' + b"x" * (size - len(empty)) + b'"}')


def body_of_size(size, key):
    """A signed body of size bytes, or one less where base64 has no such
    length"""
    room = size - len(body(b"", key))
    return body(filler(room * 3 // 4), key)


def sha256(text):
    return hashlib.sha256(
        text if isinstance(text, bytes) else text.encode()).hexdigest()


def content_of(data, query=b""):
    """The digest of what is signed of a body, else of query and body"""
    if data.startswith(b'{"data":"'):
        return sha256(json.loads(data)["data"].rpartition(".")[0])
    query = query if isinstance(query, bytes) else query.encode()
    return sha256(query + b"\n" + sha256(data).encode())


def message_id(data, event=None, query=b""):
    """The id that the handler gives to a body whose event has this type"""
    if event is None:
        event = TYPE if data.startswith(b'{"data":"') else "webhook.received"
    return sha256(f"{event}\n{content_of(data, query)}")

# SPDX-License-Identifier: MIT
"""shipmondo_api - an API server that behaves as Shipmondo's does

    with Api(authority()) as api:
        api.order(id=42, order_id="1042")   # and shipment(), draft()
        api.change(42)                      # another updated_at
        api.webhook("https://hooks.example/w", "Orders", "create")
        api.base                            # "https://127.0.0.1:PORT/v3"
        api.before = function               # function(request) before each
        api.fail("/sales_orders", 429, times=2)
        api.skew = 180                      # seconds that its clock is ahead

HTTP Basic, arrays in pages with X- headers, filters by time with any offset,
a bare date being midnight at +02:00. A list is in the order of the last
change, so that a change moves an object to another page while it is read.
"""

import base64
import datetime
import email.utils
import json
import re
import threading
import time
import urllib.parse

from tradecloud_api import Api as Server

USER, KEY = "6f0c7d9e-user", "c4nary-key-1b9d"
LISTS = {"sales_orders": ("created", "updated"), "shipments": ("created",),
         "shipment_drafts": ("created",)}
MOST = {"sales_orders": (10, 25), "shipments": (20, 50),
        "shipment_drafts": (20, 20), "webhooks": (20, 50)}


def stamp(when, offset=1):
    """As Shipmondo writes a time: milliseconds and an offset"""
    zone = datetime.timezone(datetime.timedelta(hours=offset))
    text = datetime.datetime.fromtimestamp(when, zone)
    return text.isoformat(timespec="milliseconds")


def read_time(text):
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        text += "T00:00:00+02:00"
    return datetime.datetime.fromisoformat(
        text.replace("Z", "+00:00")).timestamp()


class Api(Server):
    def __init__(self, authority, certificate=None):
        super().__init__(authority, certificate)
        self.base += "/v3"
        self.things = {name: {} for name in LISTS}
        self.webhooks, self.posted = [], []
        self.skew = 0
        self.counts = True  # X-Total-Count and so on
        self.newest_first = False
        self.before = lambda request: None
        self.failures = {}
        self.guard = threading.RLock()
        self.ask_endpoint = lambda endpoint, key: True
        # The header Date is by its own clock.
        handler = self.server.RequestHandlerClass
        self.server.RequestHandlerClass = type("Handler", (handler,), {
            "date_time_string": lambda _, when=None: email.utils.formatdate(
                self.now(), usegmt=True)})

    # --- what tests say

    def now(self):
        return time.time() + self.skew

    def _add(self, kind, ident, age, more):
        when = self.now() - age
        thing = {"id": ident, "created_at": stamp(when),
                 "updated_at": stamp(when), **more}
        with self.guard:
            self.things[kind][ident] = thing
        return thing

    def order(self, ident, age=3600, **more):
        return self._add("sales_orders", ident, age, {
            "order_id": str(ident + 1000), "price": "1.10", **more})

    def shipment(self, ident, age=3600, **more):
        return self._add("shipments", ident, age, {
            "reference": f"s{ident}", "pkg_no": f"p{ident}", **more})

    def draft(self, ident, age=3600, **more):
        return self._add("shipment_drafts", ident, age, {
            "reference": f"d{ident}", **more})

    def change(self, ident, age=0, **more):
        with self.guard:
            thing = self.things["sales_orders"][ident]
            self.things["sales_orders"][ident] = {
                **thing, **more, "updated_at": stamp(self.now() - age)}

    def webhook(self, endpoint, resource, action, active=True):
        with self.guard:
            self.webhooks.append({
                "id": len(self.webhooks) + 1, "name": f"{resource} {action}",
                "endpoint": endpoint, "resource_name": resource,
                "action": action, "active": active})

    def fail(self, path, status, times=1, headers=(), how=None):
        """how: "cut" breaks the answer off, "hang" gives none"""
        self.failures["/v3" + path] = [times, status, headers, how]

    # --- what it does

    def serve(self, request):
        length = int(request.headers.get("Content-Length") or 0)
        request.body = request.handler.rfile.read(length)
        with self.guard:
            self.before(request)
        failure = self.failures.get(request.path)
        if failure and failure[0]:
            failure[0] -= 1
            return self.give_failure(request, *failure[1:])
        pair = "Basic " + base64.b64encode(f"{USER}:{KEY}".encode()).decode()
        if request.headers.get("Authorization") != pair:
            return self.json(request, 401, {
                "error": "Invalid API User or API Key"})
        with self.guard:
            return self.find(request)

    def give_failure(self, request, status, headers, how):
        if how == "hang":
            return self.hang(request)
        if how == "cut":
            return self.cut(request)
        return request.answer(status, b"Retry later\n", [
            ("Content-Type", "text/plain"), *headers])

    def cut(self, request):
        """The head tells of more bytes than come."""
        handler = request.handler
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.wfile.write(b'[{"id":1,"created_at":"2026')
        handler.close_connection = True

    def json(self, request, status, data, headers=()):
        body = json.dumps(data, ensure_ascii=False).encode()
        request.answer(status, body, [
            ("Content-Type", "application/json"), *headers])

    def find(self, request):
        parts = request.path.split("/")[2:]
        if parts == ["webhooks"] and request.method == "POST":
            return self.create(request)
        if parts == ["webhooks"]:
            return self.page(request, "webhooks", self.webhooks, False)
        if len(parts) == 1 and parts[0] in LISTS:
            return self.page(request, parts[0], self.select(request, parts[0]),
                             self.counts)
        if len(parts) == 2 and parts[0] in LISTS and parts[1].isdigit():
            thing = self.things[parts[0]].get(int(parts[1]))
            if thing:
                return self.json(request, 200, thing)
        return self.json(request, 404, {"error": "Resource not found"})

    @staticmethod
    def arguments(request):
        return dict(urllib.parse.parse_qsl(request.query))

    def select(self, request, kind):
        asked, chosen = self.arguments(request), []
        for thing in self.things[kind].values():
            for name in LISTS[kind]:
                when = read_time(thing[f"{name}_at"])
                low, high = (asked.get(f"{name}_at_{end}")
                             for end in ("min", "max"))
                if low and when < read_time(low) or \
                        high and when > read_time(high):
                    break
            else:
                chosen.append(thing)
        return sorted(chosen, key=lambda thing: read_time(
            thing["updated_at"]), reverse=self.newest_first)

    def page(self, request, kind, things, counts):
        asked = self.arguments(request)
        usual, most = MOST[kind]
        size = min(int(asked.get("per_page", usual)), most)
        page = int(asked.get("page", 1))
        headers = [("X-Current-Page", str(page)), ("X-Per-Page", str(size)),
                   ("X-Total-Count", str(len(things))),
                   ("X-Total-Pages", str(-(-len(things) // size)))]
        self.json(request, 200, things[(page - 1) * size:page * size],
                  headers if counts else ())

    def create(self, request):
        body = json.loads(request.body)
        if set(body) != {"name", "endpoint", "key", "action",
                         "resource_name"}:
            return self.json(request, 422, {"error": "a member is missing"})
        self.posted.append(body)
        if not self.ask_endpoint(body["endpoint"], body["key"]):
            return self.json(request, 422, {"error": "no 200 from endpoint"})
        self.webhook(body["endpoint"], body["resource_name"], body["action"])
        return self.json(request, 201, self.webhooks[-1])

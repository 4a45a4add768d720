# SPDX-License-Identifier: MIT
"""powercut_order - the power goes while an order is kept, or fetch works

The scenes of cutscene, with hookdir run --in-order, hookdir run --latest and
hookdir fetch in flight. Beside what may not happen there:

  order    of one thing, no message succeeds first after a newer one has;
  latest   a message is not run only if a newer one holds the whole state;
  fetch    an event that has left its spool is in the other one, with all of
           its documents; a document is whole, and has one id for ever.

What breaks these is counted with what is torn.
"""

import contextlib
import functools
import hashlib
import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
# pylint: disable=wrong-import-position
from cutscene import (KINDS, SECONDS, Found, Load, Loop, at_random,  # noqa: E402
                      control, damage, digest, prove)
from fcgiclient import endpoint  # noqa: E402
from harness import clean_environment, eq, main, ok, test, write  # noqa: E402
from spools import event  # noqa: E402
from tradecloud_api import PASSWORD, USERNAME, Api, Authority  # noqa: E402

ORDER = "com.tradecloud1.order.notified"
FETCHED = "com.tradecloud1.order.fetched"
DOCUMENT = "com.tradecloud1.document.fetched"


class InFlight(Load):
    """Several senders, and the power goes once a few messages are done."""

    most = 8  # so many
    enough = 24  # messages a cut: what is slow is not buried in them

    def prepare(self, machine):
        machine.count = 0

    def job(self, machine, number):
        if machine.count < self.enough:
            machine.count += 1
            self.send(machine, number)
        else:
            time.sleep(0.005)

    def send(self, machine, number):
        machine.send(self.body(machine))

    def done(self, machine):
        """How many are done by now"""
        raise NotImplementedError

    def just_before(self, machine):
        """Before the last moments"""

    def moment(self, machine):
        want = machine.rng.randint(1, self.most)
        # What is broken may not get on.
        until = time.monotonic() + (60 if machine.sound else 5)
        while self.done(machine) < want and time.monotonic() < until:
            time.sleep(0.003)
        ok(f"{want} of them done", not machine.sound
           or self.done(machine) >= want)
        self.just_before(machine)
        at_random(machine, self.spread)


# --- orders -----------------------------------------------------------------

# Some fail once, some are put off once, some take a while. What succeeds is
# recorded before the command ends, on a disk that keeps its power.
ORDERED = """
body=$(jq -r .bodysha256) || exit 1
case $body in
*[0-3]) [ -e "$1/$body" ] || { : >"$1/$body"; exit 1; } ;;
*4) [ -e "$1/$body" ] || { : >"$1/$body"; exit 75; } ;;
*[56]) sleep 0.01 ;;
esac
echo "$body" >>"$1/ran"
"""


class InOrder(InFlight):
    """Each sender has a thing of its own, about which it sends events, and
    each of them is a part: all are run, in order."""

    name = "run --in-order in flight"
    option = "--in-order"
    members = ("orderEvent",)
    senders = 4
    spread = 0.03

    @staticmethod
    def params(spool, **params):
        return endpoint(spool, HOOKDIR_SENDER="tradecloud", **params)

    def prepare(self, machine):
        super().prepare(machine)
        for name in os.listdir(machine.records):
            os.unlink(os.path.join(machine.records, name))
        machine.events = {}  # SHA-256 of the body: (sender, number)
        machine.run = [
            "run", self.option, "--quiet", "--jobs", "3", "--retries", "9",
            "--backoff", "0s:0s", machine.spool, "--", "sh",
            write(os.path.join(machine.dir, "consumer"), ORDERED),
            machine.records]
        if not machine.loops:
            machine.loops = [Loop(machine, "run", " ".join(
                [machine.tool, "run", "--watch", *machine.run[1:]]))]
        for loop in machine.loops:
            loop.start(clean_environment())

    def member(self, sender):
        return self.members[sender % len(self.members)]

    def done(self, machine):
        return len(self.ran(machine))

    def send(self, machine, number):
        about = json.loads(machine.ledger.data(number))
        body = json.dumps({"eventName": "x", self.member(number): {
            **about, "id": f"u{number}"}}).encode()
        machine.ledger.note(body, body)
        machine.events[digest(body)] = (number, len(machine.events))
        machine.send(body)

    @staticmethod
    def ran(machine):
        """What succeeded, in that order"""
        with contextlib.suppress(FileNotFoundError), open(
                os.path.join(machine.records, "ran"),
                encoding="ascii") as file:
            return file.read().split()
        return []

    def out_of_order(self, machine):
        """One that was never acknowledged may be gone after it was run."""
        newest, found = {}, []
        for body in dict.fromkeys(self.ran(machine)):
            sender, number = machine.events.get(body, (None, 0))
            if body not in machine.ledger.must:
                continue
            if number < newest.get(sender, 0):
                found.append(f"out of order: {self.member(sender)} {number} "
                             f"after {newest[sender]} of sender {sender}")
            newest[sender] = max(number, newest.get(sender, 0))
        return found

    def found(self, machine):
        found = Found(machine.ledger, machine.spool)
        found.torn += self.out_of_order(machine)
        return found

    def missing(self, machine, found):
        return self.not_run(machine, set(self.ran(machine)) | set(
            found.places))

    def not_run(self, machine, there):
        newest = {}
        for body, (sender, number) in machine.events.items():
            if body in there and self.member(sender) == "shipment":
                newest[sender] = max(number, newest.get(sender, number))
        return {body for body, (sender, number) in machine.events.items()
                if body in machine.ledger.must and body not in there
                and newest.get(sender, -1) < number}

    def extra(self, machine, found):
        return {"run": len(set(self.ran(machine))),
                "in the spool": len(found.places)}

    def after(self, machine):
        machine.hookdir("run", "--until-empty", *machine.run[1:])
        eq("not run after all", self.not_run(machine, set(
            self.ran(machine))), set())
        eq("order after all", self.out_of_order(machine), [])
        eq("left in the spool", Found(machine.ledger, machine.spool).places,
           {})
        machine.goes_on(self.body(machine))


class LatestParts(InOrder):
    """Of a shipment the newest is run alone; of an order every event is a
    part, and is run."""

    name = "run --latest, of wholes and of parts, in flight"
    option = "--latest"
    members = ("orderEvent", "shipment")


# --- fetch ------------------------------------------------------------------

@functools.cache
def _api():
    authority = Authority("power cuts")
    server = Api(authority)
    server.ca = authority.file
    return server


LOCK = threading.Lock()


def api():
    """Tradecloud, with where to get documents as well"""
    with LOCK:
        return _api()


class Fetch(InFlight):
    """Events in one spool, which fetch delivers to another one on another
    disk. That disk loses its power first."""

    name = "fetch in flight"
    apart = True
    senders = 3
    spread = 0.03
    orders = 2

    def prepare(self, machine):
        super().prepare(machine)
        machine.out = os.path.join(machine.other.place, "out")
        machine.other.clear("out")
        machine.wanted = {}  # SHA-256 of the body: ids of its documents
        machine.common = self.document(machine)
        machine.must_have = set()
        for number in range(self.orders):
            self.place(machine, number)
        machine.other.flush()
        machine.disk.flush()
        config = write(os.path.join(machine.dir, "config"), (
            f"base = {api().base}\nusername = {USERNAME}\n"
            f"password = {PASSWORD}\nca = {api().ca}\n"), 0o600)
        machine.run = [
            "run", "--jobs", "3", "--retries", "1000", "--backoff", "0s:0s",
            machine.spool, "--", machine.tool, "fetch", "--rate", "1000",
            "--config", config, machine.out]
        if not machine.loops:
            machine.loops = [Loop(machine, "run", " ".join(
                [machine.tool, "run", "--watch", *machine.run[1:]]))]
        for loop in machine.loops:
            loop.start(clean_environment())

    def done(self, machine):
        place = os.path.join(machine.out, "new")
        return len(os.listdir(place)) if os.path.isdir(place) else 0

    def just_before(self, machine):
        """What has left the one spool is there no more, for good."""
        machine.disk.flush()

    @staticmethod
    def document(machine):
        """One that the API has from now on; answers its id."""
        blob = machine.ledger.data()
        api().document(digest(blob), blob, filename="a drawing.pdf",
                       downloadUrl=f"{api().base}/presigned/{digest(blob)}")
        return digest(blob)

    def order(self, machine):
        """An order with documents, one of which others refer to as well"""
        names = [self.document(machine) for _ in range(
            machine.ledger.rng.randrange(3))] + [machine.common]
        return names, json.dumps({
            **json.loads(machine.ledger.data()),
            "documents": [{"objectId": name} for name in names]}).encode()

    def body(self, machine):
        names, data = self.order(machine)
        machine.ledger.note(data, data)
        if hasattr(machine, "wanted"):
            machine.wanted[digest(data)] = names
        return data

    def place(self, machine, number):
        """A notice of an order that the API has"""
        names, order = self.order(machine)
        subject = digest(order)
        api().orders[subject] = order
        data = json.dumps({"orderId": subject}).encode()
        machine.ledger.note(data, data)
        machine.wanted[digest(data)] = names
        machine.must_have.add(digest(data))
        draft = os.path.join(machine.spool, "tmp", "draft")
        with open(draft, "wb") as file:
            file.write(event(data, id=digest(data), bodysha256=digest(data),
                             type=ORDER, subject=subject,
                             sender="tradecloud"))
        os.rename(draft, os.path.join(
            machine.spool, "new", f"1767000000.M{number:06}P"
            f"{machine.ledger.number}Q1.shop.json"))

    def found(self, machine):
        found = Found(machine.ledger, machine.spool)
        found.out = Fetched(machine)
        found.torn += found.out.torn
        return found

    def missing(self, machine, found):
        everything = machine.must_have | set(machine.ledger.must)
        return {body for body in found.missing(everything)
                if not found.out.has(body, machine.wanted[body])}

    def extra(self, machine, found):
        return {"to be fetched": len(found.places),
                "fetched": len(found.out.ids),
                "documents": len(found.out.documents),
                "documents that nothing names": found.out.unnamed}

    def after(self, machine):
        machine.hookdir("run", "--until-empty", *machine.run[1:])
        found = self.found(machine)
        eq("torn after all", found.torn, [])
        eq("left to be fetched", found.places, {})
        eq("not delivered after all", self.missing(machine, found), set())
        machine.ledger.must.clear()


class Fetched:
    """What is in the spool that fetch delivers to"""

    def __init__(self, machine):
        self.ids = {}  # SHA-256 of the body: the event's id
        self.documents = {}  # (id of the event, of the document): its id
        self.torn = []
        self.unnamed = 0
        self.machine = machine
        named = set()
        place = os.path.join(machine.out, "new")
        for name in os.listdir(place) if os.path.isdir(place) else ():
            with open(os.path.join(place, name), "rb") as file:
                raw = file.read()
            try:
                named.add(self.read(raw))
            except (ValueError, KeyError, TypeError, OSError) as error:
                self.torn.append(f"out/new/{name}: {len(raw)} bytes, "
                                 f"{raw[:40]!r}: {error!r}")
        place = os.path.join(machine.out, "documents")
        if os.path.isdir(place):
            self.unnamed = len({f"documents/{name}" for name
                                in os.listdir(place)} - named)

    def read(self, raw):
        """Answers the document that it names."""
        message = json.loads(raw)
        if not raw.endswith(b"}\n"):
            raise ValueError("no end")
        if message["type"] == DOCUMENT:
            return self.read_document(message)
        if message["type"] == FETCHED:
            order = api().orders[message["subject"]]
            if not raw.endswith(b',"data":' + order + b"}\n"):
                raise ValueError("not the order")
            self.note(message["id"], message["id"])
            return None
        body, wrong = damage(self.machine.ledger, "out", raw)
        if wrong:
            raise ValueError(wrong)
        self.note(body, message["id"])
        return None

    def note(self, body, ident):
        if self.ids.setdefault(body, ident) != ident:
            raise ValueError(f"delivered as {self.ids[body]}, too")

    def read_document(self, message):
        cause, name = message["causationid"], message["subject"]
        want = hashlib.sha256(f"{cause}\nobjectId\n{name}".encode())
        if message["id"] != want.hexdigest():
            raise ValueError("another id")
        with open(os.path.join(self.machine.out, message["dataref"]),
                  "rb") as file:
            data = file.read()
        if data != api().blobs[name] or digest(data) != \
                message["datasha256"] or len(data) != message["datasize"]:
            raise ValueError(f"{name}: not the document")
        self.documents[cause, name] = message["id"]
        return message["dataref"]

    def has(self, body, names):
        """Is it there, with all of its documents? One that several refer to
        may have come with another."""
        ident = self.ids.get(body)
        common = {name for _, name in self.documents}
        return ident is not None and all(
            (ident, name) in self.documents
            or (name == self.machine.common and name in common)
            for name in names)


# --- proofs and controls ----------------------------------------------------

for _scene, _count in ((InOrder(), 16), (LatestParts(), 16), (Fetch(), 16)):
    for _kind in KINDS:
        @test(f"{_kind}: {_scene.name}: nothing is lost, torn, stuck or out "
              "of order", seconds=SECONDS)
        def _(scene=_scene, kind=_kind, count=_count):
            prove(scene, kind, count)


for _name, _scene, _count, _kinds in (
        ("move-by-copy", InOrder(), 6, KINDS),
        ("any-order", InOrder(), 8, ["ext4"]),
        ("move-by-copy", LatestParts(), 6, ["ext4"]),
        ("parts-are-whole", LatestParts(), 10, ["ext4"]),
        ("no-file-fsync", Fetch(), 6, KINDS),
        ("no-flush", Fetch(), 6, KINDS),
        ("another-id", Fetch(), 4, ["ext4"])):
    for _kind in _kinds:
        @test(f"{_kind}: {_scene.name}: a tool with {_name} is caught",
              seconds=SECONDS)
        def _(name=_name, scene=_scene, kind=_kind, count=_count):
            control(name, "tool", scene, kind, count)


if __name__ == "__main__":
    main()

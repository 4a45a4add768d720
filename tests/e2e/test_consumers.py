# SPDX-License-Identifier: MIT
"""test_consumers - the samples book-order.*, run by hookdir run

Each test runs the same for every language. What they write is one form, so
the tests look at the database alone. HOOKDIR_TOOL names another hookdir.
"""

import functools
import json
import os
import re
import shutil
import sqlite3
import subprocess
import time

import harness
from harness import clean_environment, eq, fail, folder, hasnt, main
from harness import root_file, test, wait_for, Spool
import shipmondo

TOOL = os.path.abspath(os.environ.get(
    "HOOKDIR_TOOL", root_file("build", "hookdir")))
SOURCE = "https://hooks.example/webhook/shipmondo"

# What to install, and a command that succeeds once that is there.
LANGUAGES = {
    "sh": ("jq sqlite3", "jq -n 1 && sqlite3 -version"),
    "py": ("python3", "/usr/bin/python3 -c 'import sqlite3'"),
    "php": ("php-cli php-sqlite3",
            "php -r 'new PDO(\"sqlite::memory:\");'"),
    "pl": ("perl libdbd-sqlite3-perl",
           "/usr/bin/perl -MDBI -MDBD::SQLite -e 1"),
    "js": ("nodejs sqlite3", "node -e 1 && sqlite3 -version"),
}


def each(name, languages=LANGUAGES):
    """Registers a test for each language."""
    def register(function):
        for language in languages:
            def run(language=language):
                needs(language)
                function(Consumer(language))
            test(f"book-order.{language}: {name}")(run)
    return register


@functools.cache
def needs(language):
    packages, command = LANGUAGES[language]
    if subprocess.run(["sh", "-c", command], check=False,
                      env=clean_environment(), stdin=subprocess.DEVNULL,
                      stdout=subprocess.DEVNULL).returncode:
        fail(f"book-order.{language} needs: apt-get install {packages}")


class Consumer:
    """A sample, a spool and a database"""

    def __init__(self, language):
        self.language = language
        self.command = root_file("tools", "samples", f"book-order.{language}")
        self.dir = folder("consumer", mode=0o700)
        self.database = os.path.join(self.dir, "orders.db")
        self.spool = Spool(os.path.join(self.dir, "spool"))
        for name in ("", "tmp", "new", "cur", "failed"):
            os.mkdir(os.path.join(self.spool.path, name))
        self.count = 0

    def put(self, event):
        """A message in new/: an event, or the text of a file"""
        self.count += 1
        name = f"1795292717.M{self.count:06}P1Q1.shop.json"
        text = event if isinstance(event, bytes) else encode(event)
        path = os.path.join(self.spool.path, "new", name)
        with open(path, "wb") as file:
            file.write(text)
        return text

    def start(self, *options, env=None):
        process = subprocess.Popen(
            [TOOL, "run", *options, self.spool.path, "--", self.command,
             self.database], env=env or clean_environment(), cwd="/",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        # With the runner its commands end. Nothing, once it has ended.
        harness._undo.callback(process.kill)
        return process

    def run(self, *options, env=None):
        """What the runner and the commands said"""
        process = self.start(*options, env=env)
        out = process.communicate(timeout=120)[0].decode(errors="replace")
        eq(f"status of hookdir run ({out})", process.returncode, 0)
        return out

    def query(self, sql):
        with sqlite3.connect(self.database) as database:
            return database.execute(sql).fetchall()

    def orders(self):
        return self.query("SELECT source, id, order_id, updated_at, event"
                          " FROM orders ORDER BY id")

    def states(self):
        return {where: len(self.spool.names(where))
                for where in ("new", "cur", "failed")}


DONE = {"new": 0, "cur": 0, "failed": 0}


def encode(event):
    return json.dumps(event, ensure_ascii=False).encode() + b"\n"


def event(order, id="e1", type="com.shipmondo.orders.status_update", **more):
    """As the handler writes one; order is a dict, or the bytes of it"""
    if isinstance(order, dict):
        order = json.dumps(order).encode()
    head = encode({"specversion": "1.0", "id": id, "source": SOURCE,
                   "type": type, "subject": "119175", **more})
    return (head[:-2] + b',"data":' + shipmondo.form_b(order) + b"}\n")


def order(id=119175, updated_at="2026-11-21T18:05:33.101+01:00", **more):
    return {"id": id, "order_id": "1042", "updated_at": updated_at, **more}


@each("an order of Shipmondo is booked, the event byte for byte")
def _(consumer):
    # Half of a surrogate pair is JSON; some parsers refuse it all the same.
    half = consumer.put(event(shipmondo.RESOURCE, "e1"))
    whole = consumer.put(event(
        shipmondo.RESOURCE.replace(b"\\ud83d", b""), "e2"))
    consumer.run()
    refused = [half] if consumer.language in ("sh", "php", "pl") else []
    booked = whole if refused else half
    eq("failed", [m.raw for m in consumer.spool.failed()], refused)
    eq("states", consumer.states(), {**DONE, "failed": len(refused)})
    eq("orders", consumer.orders(), [(
        SOURCE, 119175, "1042", "2026-11-21T17:05:33.101Z", booked.decode())])


@each("the same event twice makes one row")
def _(consumer):
    first = consumer.put(event(order()))
    consumer.put(event(order(note="not the same")))
    consumer.run()
    consumer.put(event(order()))
    consumer.run()
    eq("states", consumer.states(), DONE)
    eq("events", consumer.orders()[0][4:], (first.decode(),))
    eq("rows", consumer.query("SELECT (SELECT count(*) FROM orders),"
                              " (SELECT count(*) FROM events)"), [(1, 1)])


@each("an older state never replaces a newer one, also in another season")
def _(consumer):
    newest = event(order(updated_at="2026-10-25T02:10:00.100+01:00"), "e2")
    for text in (event(order(updated_at="2026-10-25T02:10:00.042+01:00"), "e1"),
                 newest,
                 # Written later on the clock, and an hour earlier.
                 event(order(updated_at="2026-10-25T02:45:00+02:00"), "e3"),
                 event(order(updated_at="2026-10-25T00:59:59Z"), "e4")):
        consumer.put(text)
    consumer.run()
    eq("states", consumer.states(), DONE)
    eq("events", consumer.query("SELECT count(*) FROM events"), [(4,)])
    eq("orders", [row[3:] for row in consumer.orders()],
       [("2026-10-25T01:10:00.100Z", newest.decode())])


HOSTILE = (
    "1042'); DROP TABLE orders; --\n.shell touch pwned\n.quit\n"
    "'';\nCOMMIT;\nDELETE FROM events;\n\"`$(touch pwned)${HOME}\\'\\\\' EOF\n"
    "EOF\n?1 :a @b %s %n \x01\x1b[2J\x7f N\u00f8rresundby \U0001f4e6 \u2028"
    "\u202e \ufeff'")


@each("a hostile message is stored as it is")
def _(consumer):
    lines = [{"item_name": HOSTILE, "quantity": "2", "line": number,
              HOSTILE: None} for number in range(500)]
    text = consumer.put(event(order(order_id=HOSTILE, order_lines=lines),
                              id=HOSTILE, query=HOSTILE))
    plain = consumer.put(event(order(id=2, order_id="\0" + HOSTILE + "\0"),
                               id="e2", query="\0"))
    consumer.run()
    eq("states", consumer.states(), DONE)
    rows = consumer.orders()
    eq("orders", [row[1] for row in rows], [2, 119175])
    eq("order_id", rows[1][2], HOSTILE)
    eq("event", rows[1][4], text.decode())
    # The shell has no NUL in its variables; all others have.
    eq("order_id with NUL", rows[0][2].replace("\0", ""), HOSTILE)
    eq("event with NUL", rows[0][4], plain.decode())
    eq("id", consumer.query("SELECT id FROM events ORDER BY id")[0][0],
       HOSTILE)
    eq("files", sorted(os.listdir(consumer.dir)), ["orders.db", "spool"])


BROKEN = [
    b"", b"\n", b"{", b"[]", b"7", b'"text"', b"null", b"\xff\xfe{}",
    event(order())[:-20],
    event(order()) + b"}",
    event(order(), type="com.shipmondo.shipments.create"),
    event(order(), type="com.shipmondo.ordersX"),
    event(order(id="order")), event(order(id=1.5)), event(order(id=None)),
    event(order(id=10 ** 30)), event(order(id=[1])),
    event(order(updated_at="")), event(order(updated_at=None)),
    event(order(updated_at="yesterday at noon")),
    event(order(updated_at="2026-13-21T18:05:33Z")),
    event(b"[]"), event(b"null"), event(b'"text"'), event(b"{}"),
    encode({"specversion": "1.0", "id": "e1", "source": SOURCE,
            "type": "com.shipmondo.orders.create", "data": "{"}),
    encode({"specversion": "1.0", "id": "e1", "source": SOURCE,
            "type": "com.shipmondo.orders.create"}),
    encode({"specversion": "1.0", "source": SOURCE,
            "type": "com.shipmondo.orders.create",
            "data": {"data": order()}}),
]


@each("what cannot be read, or is no order, goes to failed/ at once")
def _(consumer):
    for text in BROKEN:
        consumer.put(text)
    good = consumer.put(event(order()))
    consumer.run("--retries", "5")
    eq("states", consumer.states(),
       {"new": 0, "cur": 0, "failed": len(BROKEN)})
    eq("dead letters", [m.raw for m in consumer.spool.failed()], BROKEN)
    eq("orders", [row[4] for row in consumer.orders()], [good.decode()])


@each("a connection test needs no booking and is done")
def _(consumer):
    consumer.put(encode({
        "specversion": "1.0", "id": "e1", "source": SOURCE,
        "type": "com.shipmondo.connection_test",
        "data": {"action": "connection_test"}}))
    consumer.run()
    eq("states", consumer.states(), DONE)


def due(name):
    """It is time for the next try of the message of that name."""
    next_try = re.search(r",next=(\d+)", name)
    return not next_try or int(next_try[1]) <= time.time()


@test("a database that is locked, or is not there, leaves messages in new/")
def _():
    consumers = []
    for language in LANGUAGES:
        needs(language)
        consumers += [Consumer(language), Consumer(language)]
    locks = []
    for number, consumer in enumerate(consumers):
        consumer.put(event(order()))
        if number % 2:
            consumer.database = os.path.join(consumer.dir, "none", "orders.db")
        else:
            locks.append(sqlite3.connect(
                consumer.database, isolation_level=None))
            locks[-1].execute("BEGIN EXCLUSIVE")
    # Were a try counted, it would be the last.
    options = ("--retries", "1", "--backoff", "1s:1s")
    for _ in range(2):
        runs = [consumer.start(*options) for consumer in consumers]
        for consumer, run in zip(consumers, runs):
            out = run.communicate(timeout=120)[0]
            eq(f"status with {consumer.command}: {out}", run.returncode, 0)
            eq(f"{consumer.command}: {out}", consumer.states(),
               {"new": 1, "cur": 0, "failed": 0})
            hasnt("tries", consumer.spool.names("new")[0], "tries=")
        for consumer in consumers:
            wait_for(lambda c=consumer: due(c.spool.names("new")[0]),
                     "next try")
    for lock in locks:
        lock.execute("COMMIT")
        lock.close()
    for number, consumer in enumerate(consumers):
        if number % 2:
            os.mkdir(os.path.dirname(consumer.database))
        consumer.run()
        eq(f"then, {consumer.command}", consumer.states(), DONE)
        eq("orders", len(consumer.orders()), 1)


@each("without jq or sqlite3 no message is given up", ("sh", "js"))
def _(consumer):
    tools = os.path.join(consumer.dir, "bin")
    os.mkdir(tools)
    os.symlink(shutil.which("node"), os.path.join(tools, "node"))
    consumer.put(event(order()))
    consumer.run(env={**clean_environment(), "PATH": tools})
    eq("states", consumer.states(), {"new": 1, "cur": 0, "failed": 0})
    hasnt("tries", consumer.spool.names("new")[0], "tries=")


@each("200 orders, each in two states, 4 at a time")
def _(consumer):
    for number in range(400):
        # The newer state of every other order arrives first.
        old = (number + number // 200) % 2
        consumer.put(event(order(
            id=number % 200, order_id=str(number % 200),
            updated_at=f"2026-11-21T18:05:{33 - old}.101+01:00",
            state=("new", "old")[old]), id=f"e{number}"))
    consumer.run("--jobs", "4")
    eq("states", consumer.states(), DONE)
    eq("events", consumer.query("SELECT count(*) FROM events"), [(400,)])
    rows = consumer.query(
        "SELECT id, order_id, json_extract(event, '$.data.data.state')"
        " FROM orders ORDER BY id")
    eq("orders", rows, [(n, str(n), "new") for n in range(200)])
    eq("database", consumer.query("PRAGMA integrity_check"), [("ok",)])


@test("all languages write the same, also into one database at one time")
def _():
    for together in (False, True):
        consumers = []
        for language in LANGUAGES:
            needs(language)
            consumers.append(Consumer(language))
            if together:
                consumers[-1].database = consumers[0].database
            for number in range(20):
                consumers[-1].put(event(order(id=number), id=f"e{number}"))
        runs = [consumer.start("--jobs", "2") for consumer in consumers]
        for consumer, run in zip(consumers, runs):
            out = run.communicate(timeout=120)[0]
            eq(f"status with {consumer.command}: {out}", run.returncode, 0)
            eq(f"{consumer.command}: {out}", consumer.states(), DONE)
        for consumer in consumers:
            eq(consumer.command, consumer.orders(), consumers[0].orders())
            eq("orders", len(consumer.orders()), 20)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""book-order.py - book an order of Shipmondo into an SQLite database

    hookdir run SPOOL -- book-order.py DATABASE

Exit status 0: booked, now or earlier. 65: no order, and it never will be
one. 75: the database cannot be had now. Anything else, as with an exception
that nobody thought of, has the message tried again.
"""

import json
import sqlite3
import sys

try:
    text = sys.stdin.buffer.read().decode()
    event = json.loads(text)
    if event["type"] == "com.shipmondo.connection_test":
        sys.exit(0)  # comes whenever a webhook is made
    order = event["data"]["data"]
    if not (event["type"].startswith("com.shipmondo.orders.")
            and isinstance(order["id"], int)
            and isinstance(order["updated_at"], str)):
        raise ValueError("no order")
    key = (event["source"], event["id"])
    row = (event["source"], order["id"], str(order.get("order_id") or ""),
           order["updated_at"], text)
except (AttributeError, LookupError, TypeError, ValueError) as error:
    print("book-order:", repr(error), file=sys.stderr)
    sys.exit(65)

try:
    # Without isolation level: transactions begin and end where it says so.
    db = sqlite3.connect(sys.argv[1], timeout=5, isolation_level=None)
    # The message is removed once this says that the order is on the disk.
    db.execute("PRAGMA synchronous = EXTRA")
    db.execute("BEGIN IMMEDIATE")
    db.execute("""CREATE TABLE IF NOT EXISTS events (source TEXT, id TEXT,
        PRIMARY KEY (source, id))""")
    db.execute("""CREATE TABLE IF NOT EXISTS orders (source TEXT, id INTEGER,
        order_id TEXT, updated_at TEXT NOT NULL, event TEXT,
        PRIMARY KEY (source, id))""")
    if db.execute("INSERT OR IGNORE INTO events VALUES (?, ?)", key).rowcount:
        # An order that is there is replaced by a newer state alone. In UTC,
        # as the offset changes with the season.
        db.execute("""INSERT INTO orders
            VALUES (?, ?, ?, strftime('%Y-%m-%dT%H:%M:%fZ', ?), ?)
            ON CONFLICT DO UPDATE SET (order_id, updated_at, event) =
            (excluded.order_id, excluded.updated_at, excluded.event)
            WHERE excluded.updated_at > orders.updated_at""", row)
    db.execute("COMMIT")
except (sqlite3.IntegrityError, OverflowError, ValueError) as error:
    print("book-order:", repr(error), file=sys.stderr)
    sys.exit(65)  # updated_at is no time, or id no number that fits
except sqlite3.DatabaseError as error:
    print("book-order:", repr(error), file=sys.stderr)
    sys.exit(75)

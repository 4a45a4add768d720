#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""hookdir run --pipe SPOOL -- pipe-orders.py DATABASE: see hookdir-pipe(7).
An event is booked once, however often it is given."""
import json, os, sqlite3, sys

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what is printed by mistake is no answer
db = sqlite3.connect(sys.argv[1], timeout=5)
db.execute("PRAGMA synchronous = EXTRA")
db.execute("CREATE TABLE IF NOT EXISTS orders (source TEXT, id TEXT,"
           " data TEXT, PRIMARY KEY (source, id))")

def book(batch):
    status = 0
    try:
        with db:
            db.executemany("INSERT OR IGNORE INTO orders VALUES (?, ?, ?)",
                           [row for _, row in batch if row])
    except sqlite3.OperationalError:
        status = 75  # busy, or no room
    for name, row in batch:  # after the commit
        print(name, status if row else 65, sep="\t", file=answers)
    answers.flush()
    return []

given = []
for line in sys.stdin.buffer:
    if line != b"\n":
        name, text = line.split(b"\t", 1)
        try:
            event = json.loads(text)
            row = event["source"], event["id"], json.dumps(event["data"])
        except (KeyError, TypeError, ValueError):
            row = None
        given.append((name.decode(), row))
    if line == b"\n" or len(given) == 64:
        given = book(given)
book(given)

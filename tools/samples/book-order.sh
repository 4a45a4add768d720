#!/bin/sh
# SPDX-License-Identifier: MIT
# book-order.sh - book an order of Shipmondo into an SQLite database
#
#     hookdir run SPOOL -- book-order.sh DATABASE
#
# Exit status 0: booked, now or earlier. 65: no order, and it never will be
# one. 75: the database cannot be had now. Needs jq and sqlite3.
#
# jq writes the SQL. What the message says stands in it as text in quotes:
# there nothing but a quote has a meaning, which is doubled, and NUL, which
# goes. -safe takes from SQL whatever reaches beyond the database.
set -u

sql=$(jq -Rrs '
	def text: tostring | split("\u0000") | join("") | split("\u0027")
	    | "\u0027" + join("\u0027\u0027") + "\u0027";
	def time: test("^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
	    + "T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]+)?"
	    + "(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$");
	. as $event | fromjson | .data.data as $order |
	if .type == "com.shipmondo.connection_test" then
		"" # comes whenever a webhook is made
	elif (.type | startswith("com.shipmondo.orders."))
	    and all(.source, .id; type == "string")
	    and ($order.id | type == "number" and . == floor and . < 9e15)
	    and ($order.updated_at | time) then "
		INSERT OR IGNORE INTO events
		    VALUES (\(.source | text), \(.id | text));
		INSERT INTO orders SELECT \(.source | text), \($order.id),
		    \($order.order_id // "" | text),
		    strftime(\u0027%Y-%m-%dT%H:%M:%fZ\u0027, \($order.updated_at | text)),
		    \($event | text) WHERE changes()"
	else error("no order") end')
case $? in
0) [ -n "$sql" ] || exit 0 ;;
5) exit 65 ;; # what jq says when it could not read it, or error()
*) exit 75 ;; # there is no jq, or no memory: not the fault of the message
esac

# changes() is 0 when the event is known: then nothing is done. An order that
# is there is replaced by a newer state alone; in UTC, as the offset changes
# with the season. EXTRA, as the message is removed once this says that the
# order is on the disk.
sqlite3 -safe -bail -cmd '.timeout 5000' "$1" <<EOF >/dev/null || exit 75
	PRAGMA synchronous = EXTRA;
	BEGIN IMMEDIATE;
	CREATE TABLE IF NOT EXISTS events (source TEXT, id TEXT,
	    PRIMARY KEY (source, id));
	CREATE TABLE IF NOT EXISTS orders (source TEXT, id INTEGER,
	    order_id TEXT, updated_at TEXT NOT NULL, event TEXT,
	    PRIMARY KEY (source, id));
	$sql
	ON CONFLICT DO UPDATE SET (order_id, updated_at, event) =
	    (excluded.order_id, excluded.updated_at, excluded.event)
	    WHERE excluded.updated_at > orders.updated_at;
	COMMIT;
EOF

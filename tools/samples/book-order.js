#!/usr/bin/env node
// SPDX-License-Identifier: MIT
/*
 * book-order.js - book an order of Shipmondo into an SQLite database
 *
 *     hookdir run SPOOL -- book-order.js DATABASE
 *
 * Exit status 0: booked, now or earlier. 65: no order, and it never will be
 * one. 75: the database cannot be had now. Needs nodejs and sqlite3.
 *
 * Why the sqlite3 program: it works with the Node.js of Debian, and locks the
 * database as all others do. sql.js keeps it in memory and node-sqlite3-wasm
 * has locks of its own, so others could write at the same time; better-sqlite3
 * is machine code, to be fetched or compiled anew for each Node.js. From 22.5
 * on Node.js has node:sqlite, and needs none of them.
 */
"use strict";
const { readFileSync } = require("node:fs");
const { spawnSync } = require("node:child_process");

// As hexadecimal digits nothing that a message says can be read as SQL.
const text = (value) =>
  `CAST(X'${Buffer.from(value).toString("hex")}' AS TEXT)`;

let key, row;
try {
  const raw = readFileSync(0);
  const event = JSON.parse(raw.toString());
  if (event.type === "com.shipmondo.connection_test")
    process.exit(0); // comes whenever a webhook is made
  const order = event.data.data;
  if (!event.type.startsWith("com.shipmondo.orders.")
      || !Number.isSafeInteger(order.id)
      || typeof order.updated_at !== "string")
    throw new TypeError("no order");
  key = `${text(event.source)}, ${text(event.id)}`;
  // In UTC, as the offset changes with the season.
  row = `${text(event.source)}, ${order.id},
    ${text(String(order.order_id ?? ""))},
    ${text(new Date(order.updated_at).toISOString())}, ${text(raw)}`;
} catch (error) {
  console.error(`book-order: ${error}`);
  process.exit(65);
}

// changes() is 0 when the event is known: then nothing is done. An order that
// is there is replaced by a newer state alone. EXTRA, as the message is
// removed once this says that the order is on the disk.
const { status, error } = spawnSync("sqlite3",
  ["-safe", "-bail", "-cmd", ".timeout 5000", process.argv[2]],
  { stdio: ["pipe", "ignore", "inherit"], input: `
    PRAGMA synchronous = EXTRA;
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS events (source TEXT, id TEXT,
        PRIMARY KEY (source, id));
    CREATE TABLE IF NOT EXISTS orders (source TEXT, id INTEGER, order_id TEXT,
        updated_at TEXT NOT NULL, event TEXT, PRIMARY KEY (source, id));
    INSERT OR IGNORE INTO events VALUES (${key});
    INSERT INTO orders SELECT ${row} WHERE changes()
        ON CONFLICT DO UPDATE SET (order_id, updated_at, event) =
        (excluded.order_id, excluded.updated_at, excluded.event)
        WHERE excluded.updated_at > orders.updated_at;
    COMMIT;` });
if (error) console.error(`book-order: ${error}`); // there is no sqlite3
process.exit(status === 0 ? 0 : 75);

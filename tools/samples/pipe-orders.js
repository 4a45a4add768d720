#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// hookdir run --pipe SPOOL -- pipe-orders.js DATABASE: see hookdir-pipe(7).
// Needs the command sqlite3, as node has no SQLite before version 22.
"use strict";
const { spawnSync } = require("node:child_process");
const { writeSync } = require("node:fs");

// What is printed by mistake is no answer.
process.stdout.write = process.stderr.write.bind(process.stderr);
const sqlite = input => spawnSync("sqlite3", ["-bail", "-cmd",
    ".timeout 5000", process.argv[2]], { input,
    stdio: ["pipe", 2, 2] }).status === 0;
const quote = text => "'" + text.replaceAll("'", "''") + "'";
sqlite(`CREATE TABLE IF NOT EXISTS orders (source TEXT, id TEXT, data TEXT,
    PRIMARY KEY (source, id));`) || process.exit(78);
let given = []; // [NAME, what to book], or [NAME] for what is no order

function book() {
    const status = sqlite(["PRAGMA synchronous = EXTRA; BEGIN IMMEDIATE;",
        ...given.map(([, sql]) => sql || ""), "COMMIT;"].join("\n")) ? 0 : 75;
    writeSync(1, given.map(([name, sql]) => // after the commit
        `${name}\t${sql ? status : 65}\n`).join(""));
    given = [];
}
function take(line) {
    const [name, text] = line.split(/\t(.*)/s);
    try {
        const { source, id, data } = JSON.parse(text);
        given.push([name, "INSERT OR IGNORE INTO orders VALUES (" +
            [source, id, JSON.stringify(data)].map(quote) + ");"]);
    } catch { line && given.push([name]); }
    if (given.length && (!line || given.length === 64)) book();
}
let rest = ""; // readline would split at U+2028, too
process.stdin.setEncoding("utf8").on("data", chunk => (rest + chunk)
    .split("\n").forEach((line, i, all) => i + 1 < all.length ? take(line) : rest = line));

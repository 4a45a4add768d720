#!/usr/bin/env php
<?php
// SPDX-License-Identifier: MIT
/*
 * book-order.php - book an order of Shipmondo into an SQLite database
 *
 *     hookdir run SPOOL -- book-order.php DATABASE
 *
 * Exit status 0: booked, now or earlier. 65: no order, and it never will be
 * one. 75: the database cannot be had now. Needs php-cli and php-sqlite3.
 */

$text = stream_get_contents(STDIN);
$event = json_decode($text, true);
$type = $event['type'] ?? null;
if ($type === 'com.shipmondo.connection_test') {
    exit(0); // comes whenever a webhook is made
}
$order = $event['data']['data'] ?? null;
if (!is_string($type) || !str_starts_with($type, 'com.shipmondo.orders.')
    || !is_string($event['source'] ?? null) || !is_string($event['id'] ?? null)
    || !is_int($order['id'] ?? null)
    || !is_string($order['updated_at'] ?? null)) {
    fwrite(STDERR, 'book-order: no order: ' . json_last_error_msg() . "\n");
    exit(65);
}
$order_id = $order['order_id'] ?? '';

try {
    $db = new PDO('sqlite:' . $argv[1], null, null,
        [PDO::ATTR_TIMEOUT => 5, PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
    // The message is removed once this says that the order is on the disk.
    $db->exec('PRAGMA synchronous = EXTRA');
    $db->exec('BEGIN IMMEDIATE');
    $db->exec('CREATE TABLE IF NOT EXISTS events (source TEXT, id TEXT,
        PRIMARY KEY (source, id))');
    $db->exec('CREATE TABLE IF NOT EXISTS orders (source TEXT, id INTEGER,
        order_id TEXT, updated_at TEXT NOT NULL, event TEXT,
        PRIMARY KEY (source, id))');
    $new = $db->prepare('INSERT OR IGNORE INTO events VALUES (?, ?)');
    $new->execute([$event['source'], $event['id']]);
    if ($new->rowCount() > 0) {
        // An order that is there is replaced by a newer state alone. In UTC,
        // as the offset changes with the season.
        $db->prepare("INSERT INTO orders
            VALUES (?, ?, ?, strftime('%Y-%m-%dT%H:%M:%fZ', ?), ?)
            ON CONFLICT DO UPDATE SET (order_id, updated_at, event) =
            (excluded.order_id, excluded.updated_at, excluded.event)
            WHERE excluded.updated_at > orders.updated_at")
            ->execute([$event['source'], $order['id'],
                is_string($order_id) ? $order_id : json_encode($order_id),
                $order['updated_at'], $text]);
    }
    $db->exec('COMMIT');
} catch (PDOException $error) {
    fwrite(STDERR, 'book-order: ' . $error->getMessage() . "\n");
    exit(($error->errorInfo[1] ?? 0) === 19 ? 65 : 75); // 19: no time
}

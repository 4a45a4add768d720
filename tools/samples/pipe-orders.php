#!/usr/bin/env php
<?php
// SPDX-License-Identifier: MIT
// hookdir run --pipe SPOOL -- pipe-orders.php DATABASE: see hookdir-pipe(7).
// What is printed by mistake is no answer.
ob_start(fn ($text) => fwrite(STDERR, $text) ? '' : '', 1);
$db = new PDO('sqlite:' . $argv[1], null, null, [PDO::ATTR_TIMEOUT => 5]);
$db->exec('PRAGMA synchronous = EXTRA');
$db->exec('CREATE TABLE IF NOT EXISTS orders (source TEXT, id TEXT,
    data TEXT, PRIMARY KEY (source, id))');

function book(PDO $db, array $given): array
{
    $status = 0;
    try {
        $db->beginTransaction();
        $add = $db->prepare('INSERT OR IGNORE INTO orders VALUES (?, ?, ?)');
        array_map([$add, 'execute'], array_filter($given));
        $db->commit();
    } catch (PDOException) {
        $status = 75; // busy, or no room
        $db->inTransaction() && $db->rollBack();
    }
    foreach ($given as $name => $row) // after the commit
        fwrite(STDOUT, "$name\t" . ($row ? $status : 65) . "\n");
    return [];
}

for ($given = []; ($line = fgets(STDIN)) !== false;) {
    if ($line !== "\n") {
        [$name, $text] = explode("\t", $line, 2);
        $event = json_decode($text, true);
        $given[$name] = isset($event['source'], $event['id']) ? [
            $event['source'], $event['id'], json_encode($event['data'])] : null;
    }
    if ($line === "\n" || count($given) === 64)
        $given = book($db, $given);
}
book($db, $given);

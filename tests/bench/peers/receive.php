<?php
// SPDX-License-Identifier: MIT
// receive.php - verify a call and store its payload durably
//
// fopen() also opens a directory for reading, and fsync() then flushes it.
declare(strict_types=1);

function refuse(int $status): never
{
    http_response_code($status);
    exit;
}

function decode(string $text): string
{
    $bytes = base64_decode(strtr($text, '-_', '+/'), true);
    return $bytes === false ? refuse(400) : $bytes;
}

function verify(string $token, string $key): string
{
    $parts = explode('.', $token);
    if (count($parts) !== 3) {
        refuse(400);
    }
    [$header, $payload, $signature] = $parts;
    if ((json_decode(decode($header), true)['alg'] ?? '') !== 'HS256') {
        refuse(400);
    }
    $want = hash_hmac('sha256', "$header.$payload", $key, true);
    if (!hash_equals($want, decode($signature))) {
        refuse(403);
    }
    return decode($payload);
}

function store(string $spool, string $message): void
{
    $name = sprintf('%d.M%dP%d.json', time(), hrtime(true), getmypid());
    $file = fopen("$spool/tmp/$name", 'x');
    if (!$file || fwrite($file, $message) !== strlen($message)
        || !fsync($file) || !fclose($file)
        || !rename("$spool/tmp/$name", "$spool/new/$name")) {
        refuse(503);
    }
    $directory = fopen("$spool/new", 'r');
    if (!$directory || !fsync($directory)) {
        refuse(503);
    }
}

$call = json_decode(file_get_contents('php://input'), true);
if (!is_string($call['data'] ?? null)) {
    refuse(400);
}
store($_SERVER['SPOOL'], verify($call['data'], $_SERVER['KEY']));
echo 'ok';

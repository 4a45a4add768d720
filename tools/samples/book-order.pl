#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# book-order.pl - book an order of Shipmondo into an SQLite database
#
#     hookdir run SPOOL -- book-order.pl DATABASE
#
# Exit status 0: booked, now or earlier. 65: no order, and it never will be
# one. 75: the database cannot be had now. Needs libdbd-sqlite3-perl.
use strict;
use warnings;
use DBI;
use Encode qw(decode FB_CROAK LEAVE_SRC);
use JSON::PP;

my ($event, $order);
my $text = do { local $/; <STDIN> };
my $is_order = eval {
	$text = decode('UTF-8', $text // '', FB_CROAK | LEAVE_SRC);
	$event = JSON::PP->new->decode($text);
	exit 0    # comes whenever a webhook is made
	    if $event->{type} eq 'com.shipmondo.connection_test';
	$order = $event->{data}{data};
	$event->{type} =~ /^com\.shipmondo\.orders\./
	    && $order->{id} =~ /^[0-9]{1,18}\z/
	    && !grep { !defined || ref } @$event{qw(source id)},
	    $order->{updated_at};
};
if (!$is_order) {
	warn 'book-order: no order', $@ ? ": $@" : "\n";
	exit 65;
}

my $done = eval {
	my $db = DBI->connect("dbi:SQLite:dbname=$ARGV[0]", '', '',
	    { RaiseError => 1, PrintError => 0, sqlite_unicode => 1 });
	$db->sqlite_busy_timeout(5000);
	# The message is removed once this says that the order is on the disk.
	$db->do('PRAGMA synchronous = EXTRA');
	$db->do('BEGIN IMMEDIATE');
	$db->do('CREATE TABLE IF NOT EXISTS events (source TEXT, id TEXT,
	    PRIMARY KEY (source, id))');
	$db->do('CREATE TABLE IF NOT EXISTS orders (source TEXT, id INTEGER,
	    order_id TEXT, updated_at TEXT NOT NULL, event TEXT,
	    PRIMARY KEY (source, id))');
	# An order that is there is replaced by a newer state alone. In UTC, as
	# the offset changes with the season. do() answers 0E0 for no rows.
	$db->do(q{INSERT INTO orders
	    VALUES (?, ?, ?, strftime('%Y-%m-%dT%H:%M:%fZ', ?), ?)
	    ON CONFLICT DO UPDATE SET (order_id, updated_at, event) =
	    (excluded.order_id, excluded.updated_at, excluded.event)
	    WHERE excluded.updated_at > orders.updated_at}, undef,
	    $event->{source}, $order->{id}, $order->{order_id} // '',
	    $order->{updated_at}, $text)
	    if $db->do('INSERT OR IGNORE INTO events VALUES (?, ?)', undef,
		@$event{qw(source id)}) > 0;
	$db->do('COMMIT');
	1;
};
if (!$done) {
	warn "book-order: $@";
	exit(($DBI::err // 0) == 19 ? 65 : 75);    # 19: updated_at is no time
}

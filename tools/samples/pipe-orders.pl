#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# hookdir run --pipe SPOOL -- pipe-orders.pl DATABASE: see hookdir-pipe(7).
use strict;
use warnings;
use DBI;
use JSON::PP;

open(my $answers, '>&', \*STDOUT) or die;
open(STDOUT, '>&', \*STDERR) or die; # what is printed by mistake is no answer
my $db = DBI->connect("dbi:SQLite:$ARGV[0]", '', '',
    { RaiseError => 1, PrintError => 0 });
$db->do('PRAGMA synchronous = EXTRA');
$db->do('CREATE TABLE IF NOT EXISTS orders (source TEXT, id TEXT, data TEXT,
    PRIMARY KEY (source, id))');
my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my @given; # [NAME, what to book], or [NAME] for what is no order
sub book {
    my $status = eval {
        $db->begin_work;
        $db->do('INSERT OR IGNORE INTO orders VALUES (?, ?, ?)', undef,
            @{ $_->[1] }) for grep { $_->[1] } @given;
        $db->commit;
    } ? 0 : 75; # busy, or no room
    eval { $db->rollback } if $status && !$db->{AutoCommit};
    print $answers "$_->[0]\t", $_->[1] ? $status : 65, "\n" for @given;
    $answers->flush; # after the commit
    @given = ();
}
while (my $line = <STDIN>) {
    my ($name, $text) = split /\t/, $line, 2;
    my $event = defined $text && eval { $json->decode($text) };
    push @given, [$name, ref $event eq 'HASH' && $event->{id} &&
        [$event->{source}, $event->{id}, $json->encode($event->{data})]]
        if defined $text;
    book() if $line eq "\n" || @given == 64;
}
book();

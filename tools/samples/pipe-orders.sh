#!/bin/sh
# SPDX-License-Identifier: MIT
# hookdir run --pipe SPOOL -- pipe-orders.sh DATABASE: see hookdir-pipe(7).
# Needs jq and sqlite3.
exec 3>&1 1>&2 # what is printed by mistake is no answer
db=$1
sqlite3 "$db" 'CREATE TABLE IF NOT EXISTS orders (source TEXT, id TEXT,
	data TEXT, PRIMARY KEY (source, id))' || exit 78

# NAME TAB what to book; nothing behind the TAB for what is no order.
# shellcheck disable=SC2016 # the dollar is not the shell's
statements='split("\t") | .[0] + "\t" + ((try (.[1:] | join("\t") | fromjson |
	select(.source and .id) | [.source, .id, (.data | tojson)] |
	map("\u0027" + gsub("\u0027"; "\u0027\u0027") + "\u0027") |
	"INSERT OR IGNORE INTO orders VALUES (" + join(", ") + ");")
	catch "") // "")'

book() {
	[ "$count" -gt 0 ] || return
	given=$(printf '%s' "$lines" | jq -rR "$statements")
	status=75 # busy, or no room
	{
		echo 'PRAGMA synchronous = EXTRA; BEGIN IMMEDIATE;'
		printf '%s\n' "$given" | cut -f 2-
		echo 'COMMIT;'
	} | sqlite3 -bail -cmd '.timeout 5000' "$db" && status=0
	printf '%s\n' "$given" | awk -F '\t' -v "status=$status" \
	    '{ print $1 "\t" ($2 == "" ? 65 : status) }' >&3
	lines='' count=0
}

lines='' count=0
while IFS= read -r line; do
	[ -z "$line" ] || lines="$lines$line
" count=$((count + 1))
	if [ -z "$line" ] || [ "$count" -eq 64 ]; then book; fi
done
book

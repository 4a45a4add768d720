#!/bin/sh
# SPDX-License-Identifier: MIT
# tradecloud-lines.sh - the new and changed lines of a Tradecloud order
#
#     hookdir run --in-order SPOOL -- tradecloud-lines.sh FILE
#
# An order event holds the lines that it is about, and may hold others. What
# is new are those that were changed after CE_SEEN, the version of the order
# that was done last; hookdir run sets it with --in-order and --latest. An
# event that is itself not newer than that came late: all its lines are taken,
# since none of the later events need hold them.
#
# Each line is appended to FILE as one line of JSON, with the order's id.
# Exit status 0: done. 65: no order event. 75: FILE cannot be written now.
# Needs jq.
set -u

lines=$(jq -c --arg seen "${CE_SEEN-}" '
	# "2026-11-21T17:05:33.1Z" and "...33.12Z" in the order of time
	def key: if type == "string" and endswith("Z")
	    then rtrimstr("Z") | if test("[.]") then . else . + "." end
	    else "~" end; # a time of another form: taken
	.data | (.orderEvent // .singleDeliveryOrderEvent // .simpleOrderEvent)
	    as $order |
	if ($order | type) != "object" then error("no order event") else . end |
	(if $seen == "" or (($order.lastUpdatedAt | key) <= ($seen | key))
	    then "" else $seen | key end) as $since |
	$order.lines[]? | select((.lastUpdatedAt | key) > $since) |
	{ order: ($order.orderId // $order.id), line: . }')
case $? in
0) ;;
5) exit 65 ;; # what jq says when it could not read it, or error()
*) exit 75 ;;
esac
[ -z "$lines" ] || printf '%s\n' "$lines" >>"$1" || exit 75

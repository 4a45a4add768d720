#!/bin/sh
# SPDX-License-Identifier: MIT
# check-layers - includes point down
#
# Each module has a layer; a file includes its own header, its module's
# private one, and headers of lower layers. lib/ never looks up to handler/
# or tools/, and tools/ never at handler/.
set -eu
cd "$(dirname "$0")/.."

layer_of() {
	case $1 in
	error | clock) echo 0 ;;
	buf | secret) echo 1 ;;
	utf8 | hex) echo 2 ;;
	base64 | hmac | io | json | form) echo 3 ;;
	keyring | sender) echo 4 ;;
	jwt | message | credentials) echo 5 ;;
	jwk | signature | notice | envelope | spool) echo 6 ;;
	verify | quarantine | seen | jwks | token) echo 7 ;;
	request | log | watchdog) echo 8 ;;
	reply | endpoint) echo 9 ;;
	authenticate) echo 10 ;;
	exchange) echo 11 ;;
	receive | issue | account) echo 12 ;;
	serve) echo 13 ;;
	transport_cgi | transport_fcgi) echo 14 ;;
	main) echo 15 ;;
	*) echo unknown ;;
	esac
}

# json_text.c and json_cursor.h belong to the module json, and so on.
module_of() {
	name=$(basename "$1")
	name=${name%.[ch]}
	case $name in
	json_* | spool_* | jwk_*) echo "${name%%_*}" ;;
	*) echo "$name" ;;
	esac
}

count=0
failed=0
for file in lib/*.[ch] handler/*.[ch]; do
	count=$((count + 1))
	module=$(module_of "$file")
	layer=$(layer_of "$module")
	wrong=
	[ "$layer" != unknown ] || wrong="has no layer"
	# shellcheck disable=SC2013 # names of headers are words
	for header in $(sed -n 's/^#include "\(.*\)"$/\1/p' "$file"); do
		other=$(module_of "$header")
		[ "$other" != "$module" ] || continue
		below=$(layer_of "$other")
		if [ "$below" = unknown ] || [ "$below" -ge "$layer" ]; then
			wrong="includes $header, which is not below it"
		fi
		if [ "${file%%/*}" = lib ] && [ ! -f "lib/$header" ]; then
			wrong="includes $header, which is not in lib/"
		fi
	done
	if [ -z "$wrong" ]; then
		echo "ok $count - $file"
	else
		failed=1
		echo "not ok $count - $file"
		echo "# $wrong"
	fi
done
echo "1..$count"
exit "$failed"

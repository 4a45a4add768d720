#!/bin/sh
# SPDX-License-Identifier: MIT
# check-layers - includes point down
#
# Each module has a layer; a file includes its own header, its module's
# private one, and headers of lower layers. lib/ never looks up to handler/
# or tools/, and these two never at each other.
set -eu
cd "$(dirname "$0")/.."

lib_layer_of() {
	case $1 in
	error | clock) echo 0 ;;
	buf | secret) echo 1 ;;
	utf8 | hex | header) echo 2 ;;
	base64 | hmac | io | json | form | uri | media_type)
		echo 3 ;;
	keyring | sender | archive | address | flushes | kids) echo 4 ;;
	jwt | message | credentials | room) echo 5 ;;
	jwk | signature | notice | envelope | event | spool | head)
		echo 6 ;;
	verify | quarantine | cause | seen | jwks | token | queue | document)
		echo 7 ;;
	header_list) echo 7 ;;
	claim | deliver) echo 8 ;;
	esac
}

# shellcheck disable=SC2317 # called by layer_of, which makes up the name
handler_layer_of() {
	case $1 in
	throttle) echo 7 ;;
	log | budget) echo 8 ;;
	request | listener) echo 9 ;;
	reply | endpoint | watchdog) echo 10 ;;
	authenticate) echo 11 ;;
	exchange) echo 12 ;;
	receive | issue | account) echo 13 ;;
	serve) echo 14 ;;
	transport_cgi | transport_fcgi) echo 15 ;;
	main) echo 16 ;;
	esac
}

# shellcheck disable=SC2317 # the same
tools_layer_of() {
	case $1 in
	tool | guard | names | heap | table | fetch_url | conf) echo 9 ;;
	subject | call | later | program | pretty | fetch_http | fetch_config) echo 10 ;;
	look | arguments | order | pick | job | expire_logs) echo 11 ;;
	fetch_find | fetch_outbox | fetch_past | fetch_state) echo 11 ;;
	fetch_api | runner) echo 12 ;;
	fetch_job) echo 13 ;;
	fetch_event | fetch_download) echo 14 ;;
	fetch_document | fetch_all) echo 15 ;;
	list | show | stats | expire | requeue | reverify | run | fetch)
		echo 16 ;;
	main) echo 17 ;;
	esac
}

# layer_of FOLDER MODULE: of a module in that folder, or of one in lib/.
layer_of() {
	found=$(lib_layer_of "$2")
	[ -n "$found" ] || found=$("$1_layer_of" "$2")
	echo "${found:-unknown}"
}

# json_text.c and json_cursor.h belong to the module json, and so on.
module_of() {
	name=$(basename "$1")
	name=${name%.[ch]}
	case $name in
	json_* | spool_* | jwk_* | order_* | queue_* | quarantine_* | conf_* | reverify_*)
		echo "${name%%_*}" ;;
	run_*) echo runner ;;
	*) echo "$name" ;;
	esac
}

count=0
failed=0
for file in lib/*.[ch] handler/*.[ch] tools/*.[ch]; do
	count=$((count + 1))
	folder=${file%%/*}
	module=$(module_of "$file")
	layer=$(layer_of "$folder" "$module")
	wrong=
	[ "$layer" != unknown ] || wrong="has no layer"
	# shellcheck disable=SC2013 # names of headers are words
	for header in $(sed -n 's/^#include "\(.*\)"$/\1/p' "$file"); do
		other=$(module_of "$header")
		[ "$other" != "$module" ] || continue
		below=$(layer_of "$folder" "$other")
		if [ "$below" = unknown ] || [ "$below" -ge "$layer" ]; then
			wrong="includes $header, which is not below it"
		fi
		if [ ! -f "lib/$header" ] && [ ! -f "$folder/$header" ]; then
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

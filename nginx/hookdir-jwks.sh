#!/bin/sh
# SPDX-License-Identifier: MIT
# hookdir-jwks - fetch the public keys of an authorization server
#
#     hookdir-jwks URL FILE
#
# For HOOKDIR_JWKS, with either web server; hookdir-jwks.timer and
# hookdir-jwks.path run it. FILE is exchanged in one step, and only for a key set
# with keys in it: when anything fails, it stays as it was and the exit status
# is not 0. Its time is that at which the fetch began: a key that a token named
# before then, and that is not in it, is no key.
#
#     Microsoft Entra ID
#         https://login.microsoftonline.com/TENANT/discovery/v2.0/keys
#     Keycloak
#         https://HOST/realms/REALM/protocol/openid-connect/certs
#
# Needs curl and jq.
set -eu

if [ $# != 2 ] || [ -z "$1" ] || [ -z "$2" ]; then
	echo "usage: hookdir-jwks URL FILE" >&2
	exit 64
fi
url=$1
file=$2

began=$(date +%s.%N)
# In the same directory, so that mv is a rename.
new=$(mktemp "$file.XXXXXX")
trap 'rm -f "$new"' EXIT
trap 'exit 1' HUP INT TERM

# Without --location: an address that has moved is to be looked at.
status=$(curl --disable --silent --show-error --fail --globoff --proto =https \
    --tlsv1.2 --max-time 30 --max-filesize 1000000 --output "$new" \
    --write-out '%{http_code}' -- "$url")
if [ "$status" != 200 ] || [ "$(wc -c <"$new")" -gt 1000000 ] || ! jq --exit-status --slurp '
	length == 1 and (.[0].keys | type == "array" and length > 0 and
	    all(type == "object" and (.kty | type == "string")))
    ' "$new" >/dev/null
then
	echo "hookdir-jwks: $url: no key set; $file stays as it was" >&2
	exit 65
fi
chmod 0644 "$new"
touch --date="@$began" "$new"
sync "$new"
mv "$new" "$file"

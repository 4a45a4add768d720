#!/bin/sh
# SPDX-License-Identifier: MIT
# check-layers - includes point down
#
# The folders are the layers. A file includes headers of its own folder and of
# those before it in this list; the programs handler/ and tools/ nothing of
# each other, and handler/ nothing of lib/queue/.
set -eu
cd "$(dirname "$0")/.."

layers="lib/base lib/json lib/jose lib/message lib/spool lib/queue handler
	tools/hookdir tools/endpoint tools/run tools/net tools/sinks tools/status"

# home_of FOLDER HEADER: the folder that the compiler takes a header from.
home_of() {
	for root in "$1" lib handler tools; do
		[ -f "$root/$2" ] || continue
		dirname "$root/$2"
		return
	done
	echo nowhere
}

# may_include FOLDER HOME: what is in HOME is below FOLDER, or beside it.
may_include() {
	case $1:$2 in
	handler:lib/queue | tools*:handler) return 1 ;;
	esac
	below=
	for layer in $layers; do
		below="$below $layer "
		[ "$layer" != "$1" ] || break
	done
	case $below in *" $1 "*) ;; *) return 1 ;; esac
	case $below in *" $2 "*) return 0 ;; esac
	return 1
}

count=0
failed=0
for folder in $(find lib handler tools -name '*.[ch]' -printf '%h\n' | sort -u)
do
	count=$((count + 1))
	wrong=$(sed -n 's|^#include "\(.*\)"$|\1|p' "$folder"/*.[ch] |
		sort -u | while read -r header; do
		home=$(home_of "$folder" "$header")
		may_include "$folder" "$home" ||
			grep -l "^#include \"$header\"" "$folder"/*.[ch] |
			sed "s|.*|# & includes $header of $home, not below it|"
	done)
	if [ -z "$wrong" ]; then
		echo "ok $count - $folder"
	else
		failed=1
		printf 'not ok %s\n%s\n' "$count - $folder" "$wrong"
	fi
done
echo "1..$count"
exit "$failed"

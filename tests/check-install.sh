#!/bin/sh
# SPDX-License-Identifier: MIT
# check-install - what make install puts where, and that it is sound
set -eu
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
failed=0

# check NAME COMMAND...: the command succeeds.
check() {
	name=$1
	shift
	count=$((count + 1))
	if "$@" >"$work/out" 2>&1; then
		echo "ok $count - $name"
	else
		failed=1
		echo "not ok $count - $name"
		sed 's/^/# /' "$work/out"
	fi
}

# same GOT WANT; called by check.
# shellcheck disable=SC2317
same() {
	[ "$1" = "$2" ] || {
		printf 'got  %s\nwant %s\n' "$1" "$2"
		return 1
	}
}

version=$(sed -n 's/^VERSION = //p' Makefile)
build=$(dirname "${HOOKDIR_FCGI:-build/hookdir.fcgi}")
check "make install works" make install DESTDIR="$work/root" \
    PREFIX=/opt/hookdir BUILD="$build"
tree=$work/root/opt/hookdir

check "the program runs from there and knows its version" \
    same "$("$tree/sbin/hookdir.fcgi" -V)" "hookdir.fcgi $version"
check "so does the command" \
    same "$("$tree/bin/hookdir" --version)" "hookdir $version"
check "it finds the program for the network beside it" \
    same "$("$tree/bin/hookdir" fetch --help)" \
    "$("$tree/bin/hookdir-net" fetch --help)"
check "the changelog knows the version, too" \
    grep -q "^## $version" CHANGELOG.md
check "that of the packages as well" \
    grep -q "^hookdir ($version)" debian/changelog
for page in man8/hookdir.fcgi.8 man5/hookdir-spool.5 man5/hookdir-run.5 man7/hookdir-senders.7 \
    man7/hookdir-promise.7 \
    man7/hookdir-cost.7 \
    man1/hookdir.1 man1/hookdir-fetch.1 man1/hookdir-net.1 \
    man1/hookdir-reconcile.1 man1/hookdir-send.1 man1/hookdir-add.1; do
	check "manual page $page has nothing to complain of" \
	    tests/lint-manuals "$tree/share/man/$page"
done
check "the service starts the program that was installed" \
    grep -qx "ExecStart=/opt/hookdir/sbin/hookdir.fcgi" \
    "$tree/lib/systemd/system/hookdir.service"
check "the service of a spool starts the command that was installed" \
    grep -q "^ExecStart=/opt/hookdir/bin/hookdir run " \
    "$tree/lib/systemd/system/hookdir-run@.service"
check "the profile for AppArmor is installed" \
    test -f "$tree/share/doc/hookdir/hookdir.apparmor"
for file in $(find nginx apache tools/samples -type f | sort); do
	check "$file is installed as it is" \
	    cmp "$file" "$tree/share/doc/hookdir/$file"
done
make uninstall DESTDIR="$work/root" PREFIX=/opt/hookdir >/dev/null
check "make uninstall leaves no file behind" \
    same "$(find "$work/root" -type f)" ""

echo "1..$count"
exit "$failed"

#!/bin/sh
# SPDX-License-Identifier: MIT
# check-banned - what has no place in the sources
set -eu
cd "$(dirname "$0")/.."

count=0
failed=0

# banned NAME PATTERN FILE...: no line of the files matches. Comments that
# name a function are told from calls by the parenthesis.
banned() {
	name=$1
	pattern=$2
	shift 2
	count=$((count + 1))
	if found=$(grep -nE "$pattern" "$@"); then
		failed=1
		echo "not ok $count - $name"
		echo "$found" | sed 's/^/# got  /'
		echo "# want no such line"
	else
		echo "ok $count - $name"
	fi
}

all=$(find lib handler tools -name '*.[ch]')
lib=$(find lib -name '*.[ch]')
others=$(find lib handler tools -name '*.[ch]' ! -path 'lib/base/secret.*')
samples=$(find nginx apache tools/samples -type f)
# shellcheck disable=SC2086 # the lists of files are meant to be split
{
	banned "no unbounded copies" \
	    '\b(strcpy|strcat|sprintf|vsprintf|gets|stpcpy|alloca) *\(' $all
	banned "no functions with hidden state" \
	    '\b(strtok|gmtime|localtime|ctime|asctime|rand|strerror) *\(' $all
	banned "no conversions that cannot fail" '\b(atoi|atol|atof) *\(' $all
	banned "no shells" '\b(system|popen) *\(' $all
	banned "a library prints nothing" \
	    '\b(printf|fprintf|puts|fputs|perror|syslog) *\(' $lib
	banned "a library does not end the program" \
	    '\b(exit|_exit|abort|assert) *\(' $lib
	banned "a library does not log" '\blog_(write|event|add)' $lib
	banned "no struct is typedefed" '^typedef struct' $all
	banned "secrets are compared in one place only" 'CRYPTO_memcmp' \
	    $others
	banned "secrets are wiped in one place only" 'OPENSSL_cleanse' \
	    $others
	banned "keys and MACs are never compared with memcmp or strcmp" \
	    '\b(memcmp|strn?cmp|span_is) *\([^;]*\b(key|keys|mac|secret|token)\b' \
	    $all
	banned "nothing is left to do" '\b(TODO|FIXME|XXX|HACK)\b' $all \
	    $samples Makefile
}
echo "1..$count"
exit "$failed"

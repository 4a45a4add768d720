#!/bin/sh
# SPDX-License-Identifier: MIT
# save.sh - make a payload durable that webhook left in tmp/
#
# HOOK_FILE is that file, SPOOL the spool. The token is not verified: a
# shell would start several programs more for it.
set -eu
sync "$HOOK_FILE"
mv "$HOOK_FILE" "$SPOOL/new/"
sync "$SPOOL/new"

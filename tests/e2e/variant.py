# SPDX-License-Identifier: MIT
"""variant - the handler with a few places of its source changed

    program = variant(("lib/base/io.c", r"fsync\\(fd\\)", "0"), ...)

A check counts for something when it catches a handler that does it wrong.
This makes one: each pattern stands in its file exactly once.
"""

import functools
import os
import re
import shutil
import subprocess

from harness import ROOT, clean_environment, eq, fail, folder, read, write


@functools.cache
def source():
    """A copy of the sources, in which little has to be compiled again"""
    place = folder("source")
    for part in ("lib", "handler"):
        shutil.copytree(os.path.join(ROOT, part), os.path.join(place, part))
    shutil.copy(os.path.join(ROOT, "Makefile"), place)
    return place


def _change(path, pattern, replacement):
    text, count = re.subn(pattern, replacement, read(path), flags=re.S)
    eq(f"places in {path}", count, 1)
    write(path, text, 0o644)


def _build():
    done = subprocess.run(
        ["make", "-C", source(), "BUILD=build", "OPTIMIZE=-O1 -w",
         "HARDENING=", "LDFLAGS=", "-j2", "build/hookdir.fcgi"], check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=clean_environment())
    if done.returncode:
        fail(done.stdout.decode("utf-8", "replace")[-2000:])


@functools.cache
def variant(*changes):
    """Each change is (file, pattern, replacement). The path of the program,
    which any user may run."""
    paths = {os.path.join(source(), file) for file, _, _ in changes}
    good = {path: read(path) for path in paths}
    try:
        for file, pattern, replacement in changes:
            _change(os.path.join(source(), file), pattern, replacement)
        _build()
    finally:
        for path, text in good.items():
            write(path, text, 0o644)
    program = os.path.join(folder("variant", 0o755), "hookdir.fcgi")
    shutil.copy(os.path.join(source(), "build", "hookdir.fcgi"), program)
    return program

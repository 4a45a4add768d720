# SPDX-License-Identifier: MIT
"""test_harness - what tests/run makes of programs that fail"""

import os
import subprocess

from harness import clean_environment, eq, folder, has, main, read
from harness import root_file, test, write

PASSES = "#!/bin/sh\necho 1..1; echo ok 1 - fine\n"
FAILS = "#!/bin/sh\necho 1..2; echo ok 1 - fine; echo not ok 2 - sum; exit 1\n"


def run(programs):
    """The last line and the table of results for {name: script or None}"""
    place = folder("programs")
    for name, script in programs.items():
        if script:
            write(os.path.join(place, name), script, 0o755)
    done = subprocess.run(
        [root_file("tests", "run"), "--results", os.path.join(place, "table"),
         *(os.path.join(place, name) for name in programs)], check=False,
        stdout=subprocess.PIPE, text=True, env=clean_environment())
    return (done.returncode, done.stdout.splitlines()[-1],
            read(os.path.join(place, "table")))


@test("programs that cannot start, fail or die do not keep others from it")
def _():
    status, counts, table = run({
        "missing": None, "fails": FAILS, "dies": "#!/bin/sh\nkill -9 $$\n",
        "no-program": "#!/nowhere\n", "passes": PASSES})
    eq("status", (status, counts), (1, "2 passed, 4 failed"))
    for line in ("- fails: 2 - sum", "/missing: No such file or directory",
                 "/no-program: No such file", "/dies printed no plan"):
        has("results", table.partition("Failed:")[2], line)


@test("where all passed, nothing is named as failed")
def _():
    status, counts, table = run({"passes": PASSES})
    eq("status", (status, counts), (0, "1 passed, 0 failed"))
    eq("results", "Failed" in table, False)


@test("a program that hangs is stopped, and what it printed counts")
def _():
    place = folder("programs")
    hangs = write(os.path.join(place, "hangs"), "#!/bin/sh\necho 1..2\n"
                  "echo ok 1 - fine\nsleep 60\n", 0o755)
    done = subprocess.run(
        [root_file("tests", "run"), "--limit", "1", "--progress", "0.2",
         hangs], check=False, stdout=subprocess.PIPE, text=True,
        env=clean_environment(), timeout=50)
    eq("status", (done.returncode, done.stdout.splitlines()[-1]),
       (1, "1 passed, 1 failed"))
    has("progress", done.stdout, "1 of 2 after 0 s")
    has("said", done.stdout, "was stopped after 1 s")
    has("time", done.stdout, "1 programs in 0.")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""afl - AFL++ on the whole handler as a CGI program

HOOKDIR_FUZZ names the folder that "make fuzz-build" filled. 60 s, and
HOOKDIR_LONG=1 makes that ten minutes. A request is a file, see
tests/fuzz/afl.c; what it finds is a crash, a hang, or an answer of 200
without a file. The control ends at a word that no seed has, but that stands
in a dictionary of its own: it must get from there into the right place.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "e2e"))

from harness import (ROOT, clean_environment, eq, fail, folder,  # noqa: E402
                     main, ok, root_file, test, write)

BINARIES = os.path.abspath(os.environ.get(
    "HOOKDIR_FUZZ", os.path.join(ROOT, "build", "fuzz")))
SECONDS = 600 if os.environ.get("HOOKDIR_LONG") else 60
CONTROL_SECONDS = 120
LEAST = 1000  # executions, or it was no test
TIME = "2000"  # milliseconds after which an input hangs
SEEDS = root_file("tests", "fuzz", "corpus", "afl")
WORDS = root_file("tests", "fuzz", "afl.dict")


def figure(what, value, target):
    print(f"# figure hostile input | {what} | {value} | {target}", flush=True)


def environment(spool):
    return {**clean_environment(), "HOOKDIR_AFL": spool, "AFL_NO_UI": "1",
            "AFL_SKIP_CPUFREQ": "1", "AFL_NO_AFFINITY": "1",
            "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1",
            "AFL_NO_COLOR": "1", "AFL_AUTORESUME": "0"}


class Fuzz:
    """One afl-fuzz: its statistics, and what it found"""

    def __init__(self, name, seconds, until_crash=False, words=()):
        program = os.path.join(BINARIES, name)
        for path in (program, shutil.which("afl-fuzz") or "afl-fuzz"):
            if not os.access(path, os.X_OK):
                fail(f"{path}: not there; run make fuzz-build")
        top = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        out = os.path.join(folder("afl", 0o700), "out")
        with tempfile.TemporaryDirectory(prefix="hookdir-afl-",
                                         dir=top) as spool:
            env = environment(spool)
            if until_crash:
                env["AFL_BENCH_UNTIL_CRASH"] = "1"
            done = subprocess.run(
                ["afl-fuzz", "-i", SEEDS, "-o", out, "-x", WORDS, *words,
                 "-t", TIME, "-V", str(seconds), "--", program, "@@"],
                check=False,
                env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, timeout=seconds + 120)
        self.text = done.stdout.decode("utf-8", "replace")
        path = os.path.join(out, "default", "fuzzer_stats")
        if not os.path.exists(path):
            fail("afl-fuzz did not run:\n" + self.text[-3000:])
        with open(path, encoding="utf-8") as file:
            self.stats = dict(re.findall(r"(?m)^(\w+)\s*: (.*)$", file.read()))
        self.crashes = self.inputs(out, "crashes")
        self.hangs = self.inputs(out, "hangs")

    @staticmethod
    def inputs(out, kind):
        place = os.path.join(out, "default", kind)
        found = []
        for name in sorted(os.listdir(place)):
            if name.startswith("id:"):
                with open(os.path.join(place, name), "rb") as file:
                    found.append(file.read(600).hex())
        return found

    def number(self, name):
        return int(float(self.stats[name].rstrip("%")))


@test(f"AFL++ finds nothing in {SECONDS} s of CGI requests",
      seconds=SECONDS + 180)
def _():
    run = Fuzz("afl", SECONDS)
    figure("AFL++, CGI: executions, coverage",
           f"{run.number('execs_done'):,}, {run.stats['bitmap_cvg']} of "
           "the map", f"{len(run.crashes)} crashes, {len(run.hangs)} hangs")
    eq("crashes", run.crashes[:3], [])
    eq("hangs", run.hangs[:3], [])
    ok("executions", run.number("execs_done") >= LEAST)


@test("control: a program that ends at a word is found",
      seconds=CONTROL_SECONDS + 180)
def _():
    words = write(os.path.join(folder("words"), "magic.dict"),
                  '"\\x00REQUEST_METHOD=MAGIC\\x00"\n')
    run = Fuzz("afl-broken", CONTROL_SECONDS, until_crash=True,
               words=("-x", words))
    ok("it is found", run.crashes)
    ok("and it is that word", any(
        b"MAGIC" in bytes.fromhex(crash) for crash in run.crashes))
    figure("control, AFL++: found after", f"{run.stats['run_time']} s",
           f"{CONTROL_SECONDS} s")


if __name__ == "__main__":
    main()

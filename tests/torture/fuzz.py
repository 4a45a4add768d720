# SPDX-License-Identifier: MIT
"""fuzz - libFuzzer on every target for a while, and what it must find

HOOKDIR_FUZZ names the folder that "make fuzz-build" filled. Each target runs
for HOOKDIR_FUZZ_SECONDS, 20 when that is not set, two at a time. What it
finds is kept in HOOKDIR_FUZZ_FOUND, or in the message of the failed test: add
it to the corpus and mend what it found.

The controls are the same targets with one function broken; each must be
found out within 60 s.
"""

import concurrent.futures
import functools
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "e2e"))

from harness import (ROOT, clean_environment, eq, fail, folder,  # noqa: E402
                     main, ok, root_file, test)

BINARIES = os.path.abspath(os.environ.get(
    "HOOKDIR_FUZZ", os.path.join(ROOT, "build", "fuzz")))
SECONDS = int(os.environ.get("HOOKDIR_FUZZ_SECONDS", "20"))
FOUND = os.environ.get("HOOKDIR_FUZZ_FOUND")
CONTROL_SECONDS = 60
LEAST = 1000  # executions, or it was no test


def names(path, pattern):
    return sorted(match[1] for match in map(
        re.compile(pattern).fullmatch, os.listdir(root_file(*path))) if match)


TARGETS = names(("tests", "fuzz"), r"fuzz_(\w+)\.c")
CONTROLS = [name for name in names(("tests", "fuzz", "broken"), r"(.+)\.c")
            if not name.startswith("afl.")]


def figure(what, value, target):
    print(f"# figure hostile input | {what} | {value} | {target}", flush=True)


def scratch():
    """Memory where there is some: the spool of a target is flushed often"""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Run:
    """One fuzzer for a while, or over its corpus alone for 0 seconds:
    executions, coverage, what it found"""

    def __init__(self, program, target, seconds, control=False):
        self.program = os.path.join(BINARIES, program)
        if not os.access(self.program, os.X_OK):
            fail(f"{self.program}: not there; run make fuzz-build")
        place = folder("fuzz", 0o700)
        self.artifacts = os.path.join(place, "found", "")
        grown = os.path.join(place, "grown")
        os.mkdir(self.artifacts)
        os.mkdir(grown)
        corpus = root_file("tests", "fuzz", "corpus", target)
        words = root_file("tests", "fuzz", target + ".dict")
        limit = f"-max_total_time={seconds}" if seconds else "-runs=0"
        command = [self.program, limit,
                   "-max_len=4096", "-timeout=10", "-rss_limit_mb=2048",
                   "-print_final_stats=1",
                   f"-artifact_prefix={self.artifacts}"]
        if os.path.exists(words):
            command.append(f"-dict={words}")
        environment = clean_environment()
        environment["TMPDIR"] = self.temporary(place)
        started = time.monotonic()
        done = subprocess.run([*command, grown, corpus], check=False,
                              stdout=subprocess.PIPE, env=environment,
                              stderr=subprocess.STDOUT, cwd=ROOT,
                              timeout=seconds + 120)
        self.seconds = time.monotonic() - started
        shutil.rmtree(environment["TMPDIR"], ignore_errors=True)
        self.status = done.returncode
        self.text = done.stdout.decode("utf-8", "replace")
        self.executions = self.last(r"number_of_executed_units: (\d+)")
        self.edges = self.last(r" cov: (\d+)")
        # What is linked with it; a part of that is out of its reach.
        self.linked = self.last(r"Loaded \d+ modules +\((\d+) inline")
        self.found = sorted(os.listdir(self.artifacts))
        if self.found and FOUND and not control:
            shutil.copytree(self.artifacts, os.path.join(FOUND, target),
                            dirs_exist_ok=True)

    @staticmethod
    def temporary(place):
        top = scratch()
        path = os.path.join(top, "hookdir-" + os.path.basename(
            os.path.dirname(place)) + "-" + os.path.basename(place)) \
            if top else os.path.join(place, "tmp")
        os.mkdir(path, 0o700)
        return path

    def last(self, pattern):
        found = re.findall(pattern, self.text)
        return int(found[-1]) if found else 0

    def reason(self):
        """The line that says what is wrong, and the input as hex"""
        lines = [line for line in self.text.splitlines() if re.search(
            r"is not so|ERROR: |runtime error|SUMMARY", line)]
        for name in self.found[:2]:
            with open(os.path.join(self.artifacts, name), "rb") as file:
                lines.append(f"{name}: {file.read(600).hex()}")
        return "\n".join(lines or self.text.splitlines()[-10:])


@functools.cache
def runs():
    """All targets, two at a time"""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        futures = {target: pool.submit(Run, target, target, SECONDS)
                   for target in TARGETS}
        return {target: future.result()
                for target, future in futures.items()}


@test("every target has a corpus, and a program", seconds=60 + 60 * len(
    TARGETS) + SECONDS * len(TARGETS))
def _():
    ok("there are targets", len(TARGETS) >= 20)
    for target in TARGETS:
        path = root_file("tests", "fuzz", "corpus", target)
        ok(f"{path} has seeds", len(os.listdir(path)) >= 8)
    total = sum(run.executions for run in runs().values())
    figure("libFuzzer: targets, executions in all",
           f"{len(TARGETS)}, {total:,}", "counted")


for _target in TARGETS:
    @test(f"{_target}: nothing found in {SECONDS} s")
    def _(target=_target):
        run = runs()[target]
        figure(f"{target}: executions, coverage",
               f"{run.executions:,}, {run.edges} of {run.linked} edges",
               f"{len(run.found)} crashes")
        if run.status or run.found:
            fail(run.reason())
        # What the sanitizers slow down most manages some dozens a second.
        ok("executions", run.executions >= LEAST)


for _control in CONTROLS:
    @test(f"control: {_control.partition('.')[0]} finds a "
          f"{_control.partition('.')[2]} that is wrong")
    def _(control=_control):
        sound = Run(control.partition(".")[0], control.partition(".")[0], 0,
                    control=True)
        eq("exit status of the one that is not broken", sound.status, 0)
        run = Run(os.path.join("broken", control), control.partition(".")[0],
                  CONTROL_SECONDS, control=True)
        ok("it ends with what it found", run.status != 0)
        eq("crashes found", len(run.found), 1)
        figure(f"control {control}: found after", f"{run.seconds:.1f} s",
               f"{CONTROL_SECONDS} s")


if __name__ == "__main__":
    main()

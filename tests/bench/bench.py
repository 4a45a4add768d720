#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""bench - hookdir beside what one would use instead, through nginx

    tests/bench/bench.py [--short] [--disk ext4|xfs|here] [--rounds N]
                         [--seconds S] [--to FOLDER]

One call measures everything in turn, several rounds of it, and writes
bench.md (tables), bench.svg (a plot) and bench.json (every figure) to
FOLDER, which is tests/bench/results. Compare ratios of one call, never
figures of two. The stores are on an ext4 as it is made by default, or on what
--disk says, in a file of TMPDIR. That needs root, and so do the power cuts;
others have their stores on the disk of TMPDIR itself, as with "--disk here".
--short ends within two minutes and writes bench-short.*. HOOKDIR_FCGI names
another binary to measure.
"""

import argparse
import concurrent.futures
import dataclasses
import os
import shutil
import signal
import subprocess
import sys

from common import HERE
import front
import load
import ours
import cuts
import report
import harness
from cuts import cutdisk

# A loop device on a sparse file: as big as the file may get. Nothing is
# made ready in the background while we measure.
for _kind, _make, _mount in (
        ("ext4", ["mkfs.ext4", "-q", "-F", "-i", "8192"],
         "loop,data=ordered,noinit_itable"),
        ("xfs", ["mkfs.xfs", "-q", "-f"], "loop,nouuid")):
    cutdisk.KINDS[_kind + " large"] = (40 << 30, _make, _mount)

USUAL = 5000  # bytes of a message, where nothing else is said
MANY = 64     # connections, where nothing else is said
REMOVERS = 16
WAYS = ("flushed-first", "new-first", "file-first", "file-alone", "new-alone",
        "linked", "shared")  # see loop.c
LINKS = 60000  # ext4 lets one file have 65000 names


@dataclasses.dataclass
class Plan:
    """What is measured; the short form leaves things out."""

    short: bool
    rounds: int
    seconds: int
    rows: tuple = tuple(front.ROWS)
    connections: tuple = (1, 8, 64, 256)
    threads: tuple = (1, 8, 64)
    sizes: tuple = (2000, 5000, 20000, 200000)
    sized: tuple = ("null", "hookdir", "nosync", "php", "redis")
    depths: tuple = (0, 100000, 1000000)
    cuts: int = 10
    paced: int = 10


def plan_of(args):
    if args.short:
        return Plan(True, args.rounds or 1, args.seconds or 1,
                    rows=("nginx", "null", "hookdir", "nosync", "php",
                          "node", "redis"),
                    connections=(8, 64), threads=(8, 64),
                    sizes=(2000, 20000, 200000), sized=("hookdir", "nosync"),
                    depths=(0, 100000), cuts=3, paced=3)
    return Plan(False, args.rounds or 3, args.seconds or 3)


def progress(text):
    print(f"{text:75}", end="\r", file=sys.stderr, flush=True)


# --- stores -----------------------------------------------------------------

def disk_for(kind):
    """A folder on a file system of that kind, in a file of TMPDIR"""
    free = shutil.disk_usage(harness.work()).free
    size, *how = cutdisk.KINDS[kind + " large"]
    cutdisk.KINDS[kind + " large"] = (min(size, free // 2), *how)
    disk = cutdisk.Disk(kind + " large")
    disk.mount()
    os.chmod(disk.place, 0o755)
    return disk.place


def make_room(base):
    """What was put aside goes at the very end, unless the disk gets full:
    to remove it disturbs what is measured next."""
    disk = os.statvfs(base)
    aside = os.path.join(base, "aside")
    full = disk.f_bavail < disk.f_blocks // 8 or \
        disk.f_favail < disk.f_files // 4
    if full and os.path.isdir(aside):
        print(f"{base}: little room; stores are removed between measures",
              file=sys.stderr)
        shutil.rmtree(aside)


def remove(base):
    """Everything that was stored: by several, as each waits for the disk"""
    aside = os.path.join(base, "aside")
    stores = [os.path.join(place, name) for place in (aside, base)
              for name in os.listdir(place) if name != "aside"]
    with concurrent.futures.ThreadPoolExecutor(REMOVERS) as pool:
        list(pool.map(lambda store: subprocess.run(
            ["rm", "-rf", store], check=True), stores))


def fill(place, depth):
    """A spool with so many files in new/, all names of a few empty ones"""
    new = os.path.join(place, "new")
    for name in ("tmp", "new"):
        os.makedirs(os.path.join(place, name), mode=0o770)
    first = None
    for number in range(depth):
        path = os.path.join(
            new, f"{1795292717 + number // 100}.M{number % 100:02}0000P1Q"
            f"{number}.shop.json")
        if number % LINKS == 0:
            with open(path, "wb"):
                first = path
        else:
            os.link(first, path)


# --- what is measured in turn -----------------------------------------------

class Bench:
    """All cells: a cell is a figure of one row in one column."""

    def __init__(self, plan, base, other):
        self.plan = plan
        self.base = base
        self.other = other  # the disk of TMPDIR, or None
        self.messages = {size: load.Message(size)
                         for size in {USUAL, *plan.sizes}}
        self.cells = {}
        self.figures = {}
        self.loops = 0
        more = (lambda rows: [ours.OtherDisk(other, rows["hookdir"])]) \
            if other else (lambda rows: [])
        self.running = front.Running(plan.rows, base, more)

    def row(self, word):
        return self.running.row(word)

    def measure(self, word, connections=MANY, size=USUAL, **options):
        row = self.row(word)
        make_room(row.base)
        row.fresh()
        return load.measure(self.running, row, self.messages[size],
                            connections, self.plan.seconds, **options)

    def loop(self, base, threads, *way):
        self.loops += 1
        place = os.path.join(base, "aside", f"loop-{self.loops}")
        return load.loop(place, threads, self.stored_size(),
                         self.plan.seconds, *way)

    def stored_size(self):
        """Bytes of the usual message in the spool"""
        path = self.row("hookdir").new()
        names = os.listdir(path)
        return os.path.getsize(os.path.join(path, names[0]))

    def deep(self, depth):
        """On a spool that was filled before; it is the same every time, but
        for what each measure adds."""
        if depth == 0:
            return self.measure("hookdir")
        row = self.row("hookdir")
        row.put_aside()
        place = os.path.join(self.base, f"deep-{depth}")
        os.rename(place, row.spool)
        try:
            return load.measure(self.running, row, self.messages[USUAL],
                                MANY, self.plan.seconds)
        finally:
            os.rename(row.spool, place)

    def plan_cells(self):
        """The cells in the order of a round: what is compared comes one
        after the other."""
        plan = self.plan
        for connections in plan.connections:
            for word in plan.rows:
                self.add(("main", word, connections), self.measure, word,
                         connections)
                if word == "hookdir" and connections in plan.threads:
                    self.add(("main", "loop", connections), self.loop,
                             self.base, connections)
        for connections in plan.threads if self.other else ():
            self.add(("other", "other", connections), self.measure, "other",
                     connections)
            self.add(("other", "loop", connections), self.loop, self.other,
                     connections)
        for part, base in (("ways", self.base), ("other ways", self.other)):
            for threads in plan.threads if base and not plan.short else ():
                for way in WAYS:
                    self.add((part, way, threads), self.loop, base, threads,
                             way)
        for size in plan.sizes:
            for word in plan.sized:
                self.add(("size", word, size), self.measure, word, MANY,
                         size)
        for word in plan.rows:
            self.add(("tls", word, MANY), self.measure, word, tls=True)
        for depth in plan.depths:
            self.add(("depth", "hookdir", depth), self.deep, depth)

    def add(self, key, function, *args, **options):
        self.cells[key] = (function, args, options)
        self.figures[key] = []

    def warm_up(self):
        """Caches, compilers and pools of everybody are filled."""
        for row in self.running.rows:
            progress(f"warming up: {row.name}")
            row.fresh()
            load.measure(self.running, row, self.messages[USUAL], MANY, 1)

    def rounds(self):
        rounds = self.plan.rounds
        for turn in range(rounds):
            for number, (key, cell) in enumerate(self.cells.items(), 1):
                part, word, column = key
                progress(f"round {turn + 1} of {rounds}, {number} of "
                         f"{len(self.cells)}: {part}, {word}, {column}")
                function, args, options = cell
                self.figures[key].append(function(*args, **options))

    def paced(self):
        """hookdir at half of what it took at most"""
        rates = [figure["rate"] for key, runs in self.figures.items()
                 for figure in runs if key[:2] == ("main", "hookdir")]
        progress("hookdir at half its rate")
        self.row("hookdir").fresh()
        return load.pace(self.running, self.row("hookdir"),
                         self.messages[USUAL], MANY, max(rates) / 2,
                         self.plan.paced)

    def memory(self):
        """Of a handler that has just started: after one message, and the
        peak after many connections"""
        row = self.row("hookdir")
        progress("memory of a fresh handler")
        row.process.restart()
        row.fresh()
        load.must_take(self.running, row, self.messages[USUAL])
        idle = load.status_of(row.process, "VmRSS")
        self.measure("hookdir", max(self.plan.connections))
        return {"idle": idle, "connections": max(self.plan.connections),
                "peak": load.status_of(row.process, "VmHWM")}

    def run(self):
        for depth in filter(None, self.plan.depths):
            progress(f"a spool with {depth} files")
            fill(os.path.join(self.base, f"deep-{depth}"), depth)
        self.plan_cells()
        with self.running:
            self.warm_up()
            self.rounds()
            return {"paced": self.paced(), "memory": self.memory(),
                    "versions": {row.word: row.version()
                                 for row in self.running.rows}}


def measure_all(plan, kind):
    here = harness.folder("bench")
    base, other = (disk_for(kind), here) if kind else (here, None)
    bench = Bench(plan, base, other)
    for place in filter(None, (base, other)):
        os.makedirs(os.path.join(place, "aside"))
    result = {"plan": dataclasses.asdict(plan), **bench.run()}
    result["machine"] = report.machine()
    result["disks"] = {"main": report.disk(base, kind)}
    if other:
        result["disks"]["other"] = report.disk(other)
    result["bytes"] = {size: len(message.body)
                       for size, message in bench.messages.items()}
    result["figures"] = [[*key, runs] for key, runs in bench.figures.items()]
    if harness.IS_ROOT:
        result["cuts"] = cuts.all_rows(plan.rows, bench.messages[USUAL],
                                       plan.cuts, progress)
    progress("removing what was stored")
    remove(here)  # the rest goes with the file that it is in
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--disk", choices=("ext4", "xfs", "here"),
                        default="ext4" if harness.IS_ROOT else "here")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--to", default=os.path.join(HERE, "results"))
    args = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # An exit that ends what was started, and removes what was stored.
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    if harness.IS_ROOT:
        # Before anything starts: only what comes later sees the mounts.
        cutdisk.own_mounts()
    try:
        result = measure_all(plan_of(args), args.disk != "here" and args.disk)
    except harness.Failure as failure:
        sys.exit(f"\n{failure}")
    os.makedirs(args.to, exist_ok=True)
    name = "bench-short" if args.short else "bench"
    progress("")
    print(report.write(result, os.path.join(args.to, name)))


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""spool_bench - hookdir list and hookdir run on a very full spool

    tests/bench/spool_bench.py [--messages N] [--size BYTES] [--seconds S]
                               [--rounds N]

How long hookdir list takes to its first line and in all, and how much
memory; how many messages a second hookdir run --jobs 2 -- true works off,
against find new -type f | xargs -P2 -n1 true, which starts the same program
as often and neither claims nor removes anything. The two take turns, S
seconds each; compare ratios of one call, never figures of two. The spool is
on the disk of TMPDIR, and is removed at the end. HOOKDIR_TOOL names another
hookdir.

Then, with up to 100,000 messages about one thing: how long --in-order and
--latest take to their first command, and how long messages about other things
wait that come beside them.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
TOOL = os.path.abspath(os.environ.get(
    "HOOKDIR_TOOL", os.path.join(ROOT, "build", "hookdir")))
FIRST = 1795292717  # when the first message arrived, in seconds
EACH_SECOND = 1000
PROCESSES = 2
TYPES = ("orders.create", "orders.status_update", "shipments.create",
         "shipment-monitor.delivered")


def progress(text):
    print(f"{text:70}", end="\r", file=sys.stderr, flush=True)


# --- the spool --------------------------------------------------------------

def event(number, size, subject=None):
    head = {"specversion": "1.0", "id": f"{number:064x}",
            "source": "https://hooks.example/webhook/shipmondo",
            "type": "com.shipmondo." + TYPES[number % len(TYPES)],
            "subject": subject or str(number // len(TYPES)),
            "time": "2026-11-21T17:05:33.123456Z",
            "datacontenttype": "application/json", "sender": "shipmondo",
            "verifiedby": "jwt", "keyused": "current"}
    text = json.dumps(head)[:-1] + ',"data":{"data":{"note":"'
    return (text + "x" * (size - len(text) - 6) + '"}}}\n').encode()


def fill(task):
    """The messages from first up to last, into a directory"""
    new, first, last, size, subject = task
    here = os.open(new, os.O_RDONLY)
    for number in range(first, last):
        name = (f"{FIRST + number // EACH_SECOND}."
                f"M{number % EACH_SECOND * 1000:06}P1Q{number}.bench.json")
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o660,
                       dir_fd=here)
        os.write(file, event(number, size, subject))
        os.close(file)
    os.close(here)
    return last - first


def make_spool(path, messages, size, subject=None):
    for name in ("", "tmp", "new", "cur", "failed"):
        os.mkdir(os.path.join(path, name))
    step = 10000
    tasks = [(os.path.join(path, "new"), first,
              min(first + step, messages), size, subject)
             for first in range(0, messages, step)]
    made = 0
    with multiprocessing.Pool(PROCESSES) as pool:
        for count in pool.imap_unordered(fill, tasks):
            made += count
            progress(f"making messages: {made} of {messages}")


def check_room(path, messages, size):
    room = os.statvfs(path)
    blocks = -(-size // room.f_frsize) * messages
    # Some file systems have no number of inodes.
    if room.f_bavail < blocks * 1.2 or (
            room.f_files and room.f_favail < messages * 1.2):
        sys.exit(f"{path}: no room for {messages} messages; set TMPDIR")


# --- measuring --------------------------------------------------------------

def peak_memory(pid):
    """In MiB; None when it has ended"""
    with contextlib.suppress(OSError, TypeError):
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmHWM:\s+(\d+)", status.read())[1]) / 1024
    return None


def measure_list(path, *options):
    """Seconds to the first line and in all, peak memory, lines"""
    start = time.monotonic()
    lines, memory = 0, None
    with subprocess.Popen([TOOL, "list", *options, path], bufsize=0,
                          stdout=subprocess.PIPE) as process:
        first = None
        while True:
            part = process.stdout.read(1 << 20)
            if not part:
                break
            if first is None:
                first = time.monotonic() - start
            lines += part.count(b"\n")
            memory = peak_memory(process.pid) or memory
    if process.returncode:
        sys.exit(f"hookdir list ended, status {process.returncode}")
    return first, time.monotonic() - start, memory, lines


def count(path):
    with os.scandir(os.path.join(path, "new")) as entries:
        return sum(1 for _ in entries)


def measure_run(path, seconds):
    """Messages a second, and peak memory"""
    before = count(path)
    start = time.monotonic()
    with subprocess.Popen([TOOL, "run", "--jobs", "2", path, "--", "true"]
                          ) as process:
        try:
            process.wait(seconds)
            sys.exit("there were too few messages: take more of them")
        except subprocess.TimeoutExpired:
            memory = peak_memory(process.pid)
            process.send_signal(signal.SIGTERM)
        process.wait()
    taken = time.monotonic() - start
    return (before - count(path)) / taken, memory


def start_find(path, number):
    """The same program, so many times; seconds that it takes"""
    start = time.monotonic()
    subprocess.run(
        ["sh", "-c", 'find new -type f 2>/dev/null | head -n "$1" | '
         "xargs -P2 -n1 true", "sh", str(number)], cwd=path, check=True)
    return time.monotonic() - start


def measure_find(path, seconds, rate):
    """Messages a second. It is given as many as it will take so long for:
    what it has done when it is ended cannot be counted."""
    number = max(int(rate * seconds), 1000)
    return number / start_find(path, number)


# --- all of it --------------------------------------------------------------

def filesystem(path):
    done = subprocess.run(["stat", "-f", "-c", "%T", path], check=True,
                          stdout=subprocess.PIPE)
    return done.stdout.decode().strip()


def verdict(good):
    return "as wanted" if good else "MISSED"


def show_list(path, messages):
    for what, options in (("list", ()), ("list --json", ("--json",))):
        progress(f"hookdir {what}")
        first, whole, memory, lines = measure_list(path, *options)
        print(f"{'hookdir ' + what:24} first line after {first:.3f} s "
              f"({verdict(first < 1)}), {lines} lines in {whole:.1f} s "
              f"({messages / whole:.0f}/s), peak memory {memory:.1f} MiB "
              f"({verdict(memory < 32)})", flush=True)


def show_run(path, args):
    runs, finds, memory = [], [], 0
    trial = 2000 / start_find(path, 2000)
    for turn in range(args.rounds):
        progress(f"round {turn + 1} of {args.rounds}: hookdir run")
        rate, peak = measure_run(path, args.seconds)
        runs.append(rate)
        memory = max(memory, peak)
        progress(f"round {turn + 1} of {args.rounds}: find | xargs")
        finds.append(measure_find(path, args.seconds,
                                  finds[-1] if finds else trial))
        print(f"{f'round {turn + 1}':24} hookdir run {runs[-1]:.0f}/s, "
              f"find | xargs {finds[-1]:.0f}/s, ratio "
              f"{runs[-1] / finds[-1]:.2f}", flush=True)
    ratio = statistics.median(a / b for a, b in zip(runs, finds))
    print(f"{'hookdir run --jobs 2':24} {statistics.median(runs):.0f} "
          f"messages/s, ratio to find | xargs {ratio:.2f} "
          f"({verdict(ratio >= 0.7)}), peak memory {memory:.1f} MiB")


def measure_first(path, option):
    """Seconds to the first command, which puts its message back; MiB"""
    start = time.monotonic()
    with subprocess.Popen(
            [TOOL, "run", option, "--quiet", path, "--", "sh", "-c",
             "exit 78"], stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        taken = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 78:
        sys.exit(f"hookdir run ended, status {process.returncode}")
    return taken, usage.ru_maxrss / 1024


def put_fresh(path, number, size):
    name = f"{int(time.time())}.M{number:06}P2Q{number}.bench.json"
    draft = os.path.join(path, "tmp", name)
    with open(draft, "wb") as file:
        file.write(event(number, size, f"fresh-{number}"))
    os.rename(draft, os.path.join(path, "new", name))
    return time.time()


def measure_fresh(path, option, size):
    """Milliseconds until the command of a message about another thing"""
    log = os.path.join(path, "..", "started")
    command = ('echo "$CE_SUBJECT $(date +%s.%N)" >>"$0"; '
               'case $CE_SUBJECT in one) sleep 0.5; esac')
    waits = []
    with open(log, "wb"), subprocess.Popen(
            [TOOL, "run", "--watch", option, "--jobs", "2", "--quiet", path,
             "--", "sh", "-c", command, log]) as process:
        pass_by(log, "one ")
        for number in range(50):
            put = put_fresh(path, number, size)
            waits.append(pass_by(log, f"fresh-{number} ") - put)
        process.send_signal(signal.SIGTERM)
        process.wait()
    os.unlink(log)
    return [1000 * wait for wait in waits]


def pass_by(log, word, seconds=60):
    """When a line that begins so was written"""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with open(log, encoding="ascii") as file:
            for line in file:
                if line.startswith(word) and line.endswith("\n"):
                    return float(line.split()[1])
        time.sleep(0.002)
    return sys.exit(f"{word}was not run")


def show_order(place, messages, size):
    path = os.path.join(place, "one")
    make_spool(path, messages, size, "one")
    for option in ("--in-order", "--latest"):
        progress(f"hookdir run {option}")
        taken, memory = measure_first(path, option)
        waits = measure_fresh(path, option, size)
        print(f"{'hookdir run ' + option:24} {messages} messages in one "
              f"group: first command after {taken:.2f} s "
              f"({verdict(taken < 1)}), peak memory {memory:.1f} MiB "
              f"({verdict(memory < 60)}); others wait for "
              f"{statistics.median(waits):.0f} ms, {max(waits):.0f} ms at "
              f"most ({verdict(max(waits) < 100)})", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=1000000)
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    place = tempfile.mkdtemp(prefix="hookdir-bench-")
    try:
        check_room(place, args.messages, args.size)
        path = os.path.join(place, "spool")
        make_spool(path, args.messages, args.size)
        progress("")
        print(f"{args.messages} messages of {args.size} bytes on "
              f"{filesystem(path)}, {os.cpu_count()} processors", flush=True)
        show_list(path, args.messages)
        show_run(path, args)
        shutil.rmtree(path)
        show_order(place, min(args.messages, 100000), args.size)
    finally:
        progress("removing everything")
        shutil.rmtree(place)
        progress("")


if __name__ == "__main__":
    main()

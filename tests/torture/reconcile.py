# SPDX-License-Identifier: MIT
"""reconcile - the power goes while hookdir reconcile delivers; many kills

A consumer takes each event as soon as it is in new/ and removes it, so that
nothing but reconcile's own files tells the next run what was delivered. All
orders change after the cut. Then another run goes on, and

  missed      is an order whose event never came;
  another id  is an order that came under two ids;
  torn        is an event that is not whole.

None of these may happen. With a hookdir-net that does not flush, some must.
It needs root, for it mounts loop devices.
"""

import collections
import contextlib
import json
import os
import random
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
# pylint: disable=wrong-import-position
from cutdisk import Disk  # noqa: E402
from harness import clean_environment, eq, main, ok, test  # noqa: E402
from shipmondo_api import Api  # noqa: E402
from test_reconcile import (FOUND, OK, TOOL, Site, authority, kills,  # noqa: E402
                            many, site)
import harness  # noqa: E402

# Those of test_reconcile are its own.
del harness._tests[:]

LONG = os.environ.get("HOOKDIR_LONG", "") not in ("", "0")
CUTS = 160 if LONG else 16
ORDERS = 30
BROKEN = os.path.join(os.path.dirname(TOOL), "broken")


class Consumer(threading.Thread):
    """Takes what is in new/ and leaves nothing of it"""

    def __init__(self, place):
        super().__init__(daemon=True)
        self.place = os.path.join(place, "new")
        self.ids = collections.defaultdict(set)
        self.torn = []
        self.ended = threading.Event()

    def run(self):
        while not self.ended.is_set():
            self.take()
            time.sleep(0.001)

    def take(self):
        with contextlib.suppress(OSError):
            for name in os.listdir(self.place):
                path = os.path.join(self.place, name)
                with open(path, "rb") as file:
                    self.note(name, file.read())
                os.unlink(path)

    def note(self, name, raw):
        try:
            message = json.loads(raw)
            assert raw.endswith(b"}\n")
            eq("data", str(message["data"]["data"]["id"]), message["subject"])
            self.ids[message["subject"]].add(message["id"])
        except (ValueError, KeyError, AssertionError, harness.Failure):
            self.torn.append(f"{name}: {raw[:60]!r}")

    def stop(self):
        self.ended.set()
        self.join()


def cut(disk, number, rng, tool):
    """One cut, and a run after it; the consumer has seen both."""
    disk.mount()
    place = os.path.join(disk.place, f"spool-{number}")
    os.mkdir(place)
    with Api(authority()) as api:
        out = Site(api, tool, place)
        for ident in range(1, ORDERS + 1):
            api.order(ident)
        disk.flush()
        consumer = Consumer(place)
        consumer.start()
        args = ("--since", "1d", "--resource", "orders")
        with subprocess.Popen(
                out.command(*args), env=clean_environment(),
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            want = rng.randrange(ORDERS - 5)
            until = time.monotonic() + 20
            while len(consumer.ids) < want and time.monotonic() < until:
                time.sleep(0.001)
            time.sleep(rng.uniform(0, 0.03))
            disk.cut()
            consumer.stop()
            disk.check_cut()
            run.kill()
        disk.unmount_after_cut()
        disk.mount()
        for ident in range(1, ORDERS + 1):
            api.change(ident, age=1000)
        os.makedirs(os.path.join(place, "new"), exist_ok=True)
        done = out.run(*args)
        ok(f"the run after it: {done.returncode} {done.stderr}",
           done.returncode in (OK, FOUND))
        consumer.take()
    disk.unmount()
    return consumer


def cuts(kind, count, tool):
    rng = random.Random(time.time_ns())
    missed, others, torn = [], [], []
    disk = Disk(kind)
    for number in range(count):
        seen = cut(disk, number, rng, tool)
        missed += [n for n in range(1, ORDERS + 1) if not seen.ids[str(n)]]
        others += [ids for ids in seen.ids.values() if len(ids) > 1]
        torn += seen.torn
    disk.close()
    print(f"# figure power cuts | reconcile on {kind} | {count} cuts, "
          f"{len(missed)} missed, {len(others)} under another id, "
          f"{len(torn)} torn | 0", flush=True)
    return missed, others, torn


for _kind in ("ext4", "xfs"):
    @test(f"{_kind}: a power cut between delivery and state: nothing missed, "
          "torn, or under another id", seconds=3600)
    def _(kind=_kind):
        eq("missed, another id, torn", cuts(kind, CUTS, TOOL), ([], [], []))


@test("a hookdir-net that does not flush is caught", seconds=1800)
def _():
    tool = os.path.join(BROKEN, "no-flush", "hookdir-net")
    ok("lost or under another id", any(cuts("ext4", 8, tool)))


@test("kill -9, 200 times: nothing twice under another id, nothing missed",
      seconds=900)
@site
def _(api, out):
    kills(api, out, 200)


@test("100,000 orders are listed, in bounded memory, with progress",
      seconds=1800)
@site
def _(api, out):
    many(api, out, 100000)


if __name__ == "__main__":
    main()

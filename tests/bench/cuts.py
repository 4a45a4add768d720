# SPDX-License-Identifier: MIT
"""cuts - is a message there after the plug was pulled?

    kept = cuts.all_rows(words, message, times)     # {word: kept of times}

Each time: a store of its own on a small ext4 whose power can be cut, one
message, and the cut as soon as its 200 is here; the disk is mounted again,
and the message must be there whole. hookdir without fsync is the control:
what it keeps, the cut has let through. Needs root, as every mount does.
"""

import os
import sys

from common import HERE
import front
import load

sys.path.insert(0, os.path.join(HERE, "..", "torture"))
# pylint: disable=wrong-import-position
import cutdisk  # noqa: E402


def cut_one(running, disk, row, message):
    """Does the disk keep a message that was answered with 200?"""
    disk.mount()
    row.take_up()
    row.fresh()
    # The empty store is there for good; what we look for is the message.
    disk.flush()
    load.must_take(running, row, message)
    disk.cut()
    disk.check_cut()
    row.let_go()
    disk.unmount()
    disk.mount()
    row.take_up()
    kept = row.holds(message)
    row.let_go()
    disk.unmount()
    return kept


def all_rows(words, message, times, progress):
    disk = cutdisk.Disk("ext4")
    disk.mount()
    with front.Running(words, disk.place) as running:
        rows = [row for row in running.rows if row.stores]
        for row in rows:
            row.let_go()
        disk.unmount()
        kept = dict.fromkeys((row.word for row in rows), 0)
        for turn in range(times):
            for row in rows:
                progress(f"power cut {turn + 1} of {times}: {row.name}")
                kept[row.word] += cut_one(running, disk, row, message)
    disk.close()
    return kept

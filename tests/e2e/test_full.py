# SPDX-License-Identifier: MIT
"""test_full - a spool whose disk or quota is full, and its consumer

Small file systems on loop devices are filled with messages, with
HOOKDIR_DEDUP and without. A consumer can always take all of them, and then
the next calls are accepted at once. Needs root and loop devices; a file
system that this kernel does not have is skipped.
"""

import os
import re
import subprocess
import time

import harness
from disks import EXT4, Disk, command, own_mounts
from fcgiclient import Way, endpoint, new_spool, parse_log
from harness import Handler, Spool, eq, has, main, ok, root_file, test

TOOL = os.environ.get("HOOKDIR_TOOL", root_file("build", "hookdir"))
DAY = "86400"


class Sender:
    """Sends messages of that size, no two the same, to the spool."""

    def __init__(self, handler, spool, size, **params):
        self.handler, self.spool, self.size = handler, spool, size
        self.params = params
        self.number = 0
        self.taken = []  # numbers of those that were accepted

    def body(self, number):
        return (f'{{"shipment":{{"id":"{number}"}},"f":"'
                + "x" * self.size + '"}').encode()

    def send(self, number=None):
        if number is None:
            self.number += 1
            number = self.number
        return self.handler.request(
            self.body(number), **endpoint(
                self.spool, HOOKDIR_SENDER="tradecloud", **self.params))

    def fill(self):
        """Until three in a row are refused; how many were accepted"""
        accepted = refused = 0
        while refused < 3:
            got = self.send()
            ok(f"status {got.status}", got.status in (200, 503))
            ok(f"answered within {got.seconds:.1f} s", got.seconds < 3)
            accepted += got.status == 200
            if got.status == 200:
                self.taken.append(self.number)
            refused = refused + 1 if got.status == 503 else 0
        return accepted


# A full disk has no room for it either, which is said once.
GAPS = re.compile(r"hookdir [a-z]+: the history has gaps: cannot [a-z ]+ "
                  r"history/[-0-9]+\.out\.jsonl: No space left on device\n")


def run(spool, *words, consumer=("/bin/true",), pre=()):
    return subprocess.run([*pre, TOOL, "run", "--jobs", "4", *words, spool, "--",
                           *consumer], check=False, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


def drained(disk, size, *words, **params):
    """Full, drained by one run, and good again: the handler and sender"""
    with Handler() as handler:
        sender = Sender(handler, disk.spool, size, **params)
        count = sender.fill()
        spool = Spool(disk.spool)
        eq("messages", len(spool.names("new")), count)
        start = time.monotonic()
        done = run(disk.spool, *words)
        print(f"# {count} messages of {size} bytes, drained in "
              f"{time.monotonic() - start:.1f} s")
        eq("hookdir run", (done.returncode, GAPS.sub("", done.stdout)),
           (0, ""))
        eq("left in new/ and cur/", spool.names("new") + spool.names("cur"),
           [])
        eq("statuses afterwards", [sender.send().status for _ in range(10)],
           10 * [200])
        eq("left in tmp/", spool.names("tmp"), [])
        if "HOOKDIR_DEDUP" in params:
            eq("a repeat", sender.send(sender.number).json()["status"],
               "duplicate")
            eq("links that are claims",
               [name for name in spool.names("seen") if "." in name], [])


BTRFS = ("mkfs.btrfs", "-q", "-f")
DISKS = (
    ("ext4 without blocks", 4 << 20, EXT4, 6000, DAY),
    ("ext4 without inodes", 8 << 20, (*EXT4, "-N", "200"), 20, DAY),
    ("btrfs over its quota", 128 << 20, BTRFS, 20, None),
    ("btrfs over its quota", 128 << 20, BTRFS, 20, DAY),
    ("btrfs over its quota", 128 << 20, BTRFS, 6000, DAY),
)

for _name, *_disk in DISKS:
    @test(f"{_name}, messages of {_disk[2]} bytes, "
          f"HOOKDIR_DEDUP {_disk[3] or 0}")
    def _(disk=_disk):
        size, make, length, dedup = disk
        params = {"HOOKDIR_DEDUP": dedup} if dedup else {}
        with Disk(size, *make) as made:
            drained(made, length, **params)


@test("a full disk: a command that fails, --latest and an archive")
def _():
    with Disk(8 << 20, *EXT4, "-N", "200") as disk, Handler() as handler:
        archive = os.path.join(os.path.dirname(disk.spool), "archive")
        os.mkdir(archive)
        os.makedirs(os.path.join(disk.spool, "latest"))
        sender = Sender(handler, disk.spool, 20, HOOKDIR_DEDUP=DAY)
        ok("accepted", sender.fill() > 100)
        for _ in range(2):
            os.unlink(os.path.join(disk.spool, "new",
                                   Spool(disk.spool).names("new")[0]))
        # What the command said takes an inode, and so does latest/.
        done = run(disk.spool, "--retries", "0", consumer=("/bin/false",))
        eq("hookdir run", done.returncode, 0)
        eq("in new/", Spool(disk.spool).names("new"), [])
        ok("logs", len(os.listdir(os.path.join(disk.spool, "log"))) > 0)
        # None of them is of this second any more.
        time.sleep(1.1)
        done = subprocess.run([TOOL, "expire", "--older-than", "0s",
                               disk.spool], check=False, text=True,
                              capture_output=True)
        eq("hookdir expire", (done.returncode, GAPS.sub("", done.stderr)),
           (0, ""))
        eq("status", sender.send().status, 200)
        done = run(disk.spool, "--archive", archive)
        eq("hookdir run --archive",
           (done.returncode, GAPS.sub("", done.stdout)), (0, ""))
        eq("archive", len(os.listdir(archive)), 1)
        # No message is gone, so there is no inode for latest/ and in it.
        sender.fill()
        done = run(disk.spool, "--latest")
        eq("hookdir run --latest",
           (done.returncode, GAPS.sub("", done.stdout)), (0, ""))
        eq("in new/", Spool(disk.spool).names("new"), [])
        ok("what ran last is known",
           os.listdir(os.path.join(disk.spool, "latest")))


@test("a message that waits is known as long as its disk is full")
def _():
    with Disk(4 << 20, *EXT4) as disk, Handler() as handler:
        sender = Sender(handler, disk.spool, 6000, HOOKDIR_DEDUP=DAY)
        count = sender.fill()
        names = Spool(disk.spool).names("new")
        for name in names[:count // 2]:
            os.unlink(os.path.join(disk.spool, "new", name))
        eq("status", sender.send().status, 200)
        answers = [sender.send(number).json()["status"]
                   for number in sender.taken[-20:]]
        eq("repeats of those that wait", set(answers), {"duplicate"})


def mounted(spool, where):
    """Another file system in the place of a directory of the spool"""
    path = os.path.join(spool.path, where)
    os.makedirs(path, exist_ok=True)
    command("mount", "-t", "tmpfs", "none", path)
    harness._undo.callback(subprocess.run, ["umount", "-l", path],
                           check=False, stderr=subprocess.DEVNULL)
    return path


@test("seen/ on another file system: each message is stored, and a warning")
def _():
    own_mounts()
    spool = new_spool()
    way = Way("fcgi")
    eq("status", way.call(**endpoint(spool.path))[0].status, 200)
    path = mounted(spool, "seen")
    for number in range(2):
        got, _ = way.call(lines=2, **endpoint(spool.path, HOOKDIR_DEDUP=DAY))
        eq("answer", got.json()["status"], "accepted")
        eq("messages", len(spool.names("new")), 2 + number)
    text = way.log().splitlines()[-2]
    line = parse_log(text + "\n")[0]
    eq("event", (line["event"], line["spool"]), ("dedup-off", spool.path))
    has("detail", line["detail"], "Invalid cross-device link")
    command("umount", path)
    for want in ("accepted", "duplicate"):
        got, _ = way.call(**endpoint(spool.path, HOOKDIR_DEDUP=DAY))
        eq("answer", got.json()["status"], want)
    way.stop()


@test("tmp/ or new/ on another file system: 503, and the log says why")
def _():
    own_mounts()
    for where in ("tmp", "new"):
        spool = new_spool()
        way = Way("fcgi")
        eq("status", way.call(**endpoint(spool.path))[0].status, 200)
        path = mounted(spool, where)
        got, line = way.call(**endpoint(spool.path))
        eq("status", got.status, 503)
        has("detail", line["detail"], "Invalid cross-device link")
        eq("left in tmp/", spool.names("tmp"), [])
        command("umount", path)
        eq("status", way.call(**endpoint(spool.path))[0].status, 200)
        way.stop()


if __name__ == "__main__":
    main()

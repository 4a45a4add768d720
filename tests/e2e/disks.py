# SPDX-License-Identifier: MIT
"""disks - small file systems on loop devices

    with Disk(4 << 20, *EXT4) as disk:
        disk.spool              # the path of a spool on it, not yet made

Needs root and loop devices; a file system that this kernel does not have is
skipped.
"""

import contextlib
import ctypes
import functools
import os
import subprocess

import harness
from harness import fail, folder, needs_root, skip

CLONE_NEWNS = 0x20000
EXT4 = ("mkfs.ext4", "-q", "-F", "-m", "0")


def command(*words):
    done = subprocess.run(words, check=False, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        fail(f"{' '.join(words)}: {done.stdout[-500:]}")
    return done.stdout


@functools.cache
def own_mounts():
    """Mounts of this process are seen by it and its children alone."""
    needs_root()
    if ctypes.CDLL(None).unshare(CLONE_NEWNS) < 0:
        skip("no mounts of our own")
    command("mount", "--make-rprivate", "/")


class Disk:
    """A file system in a file; spool is the path of a spool on it."""

    def __init__(self, size, *make, options="loop"):
        own_mounts()
        self.dir = folder("disk")
        self.place = os.path.join(self.dir, "mount")
        self.spool = os.path.join(self.place, "inner", "spool")
        image = os.path.join(self.dir, "image")
        os.mkdir(self.place)
        with open(image, "wb") as file:
            file.truncate(size)
        command(*make, image)
        done = subprocess.run(["mount", "-o", options, image, self.place],
                              check=False, capture_output=True, text=True)
        if done.returncode:
            skip(f"cannot mount: {done.stderr.strip()}")
        harness._undo.callback(self.close)
        if make[0] == "mkfs.btrfs":
            self._limit()
        else:
            os.mkdir(os.path.dirname(self.spool))

    def _limit(self):
        """A subvolume with a quota of 1 MiB"""
        tree = os.path.dirname(self.spool)
        command("btrfs", "quota", "enable", self.place)
        command("btrfs", "subvolume", "create", tree)
        number = command("btrfs", "inspect-internal", "rootid", tree).strip()
        command("btrfs", "qgroup", "limit", "1M", "0/" + number, self.place)

    def close(self):
        subprocess.run(["umount", "-l", self.place], check=False,
                       stderr=subprocess.DEVNULL)
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(self.dir, "image"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

# SPDX-License-Identifier: MIT
"""cutdisk - a small file system whose power can be cut

    disk = Disk("ext4")            # or "xfs"; in a file, not yet mounted
    disk.mount()
    ... work in disk.place ...
    disk.cut()                     # from here on nothing reaches the disk
    disk.unmount()
    disk.mount()                   # the journal is replayed

cut() is what "xfs_io -x -c shutdown" does, as a call of its own so that the
moment is exact: the file system stops at once, without flushing its log and
without writing what it still holds in memory. What is in the file then is
what a disk has after a power cut. Each cut is checked: a file that can be
made afterwards ends the test.

Mounts live in a namespace of this process, so that none of them is left
behind whatever becomes of it. Needs root.
"""

import contextlib
import ctypes
import errno
import fcntl
import functools
import os
import shutil
import struct
import subprocess
import time

import harness
from harness import clean_environment, fail, folder

# linux/fs.h and linux/xfs_fs.h; ext4 took over the call as it is.
SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
NO_LOG_FLUSH = struct.pack("I", 2)

CLONE_NEWNS = 0x00020000  # linux/sched.h

NO_JOURNAL = "ext4 without a journal"
FAST_COMMIT = "ext4 with fast_commit"
WRITEBACK = "ext4 with data=writeback"
DATA_JOURNAL = "ext4 with data=journal"

# Room for what a cut leaves, in a journal of the data as well
SIZE = 192 << 20

KINDS = {
    # kind: (bytes, how it is made, how it is mounted)
    "ext4": (SIZE, ["mkfs.ext4", "-q", "-F"], "loop,data=ordered"),
    # Copies of one have one number, of which xfs would mount one alone.
    "xfs": (300 << 20, ["mkfs.xfs", "-q", "-f"], "loop,nouuid"),
    NO_JOURNAL: (
        SIZE, ["mkfs.ext4", "-q", "-F", "-O", "^has_journal"], "loop"),
    # Other journals of ext4, and other orders of it and the data
    FAST_COMMIT: (
        SIZE, ["mkfs.ext4", "-q", "-F", "-O", "fast_commit"],
        "loop,data=ordered"),
    WRITEBACK: (
        SIZE, ["mkfs.ext4", "-q", "-F"], "loop,data=writeback"),
    DATA_JOURNAL: (
        SIZE, ["mkfs.ext4", "-q", "-F"], "loop,data=journal"),
    # For a guest: there is no way to cut its power here.
    "btrfs": (256 << 20, ["mkfs.btrfs", "-q"], "loop"),
}


def command(*words):
    """Runs it; what it says is the failure."""
    try:
        done = subprocess.run(
            words, check=False, stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=clean_environment())
    except FileNotFoundError:
        fail(f"{words[0]} is not installed")
    if done.returncode:
        fail(f"{' '.join(words)}: status {done.returncode}: {done.stdout}")
    return done.stdout


def _call(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


@functools.cache
def own_mounts():
    """Mounts of this process are seen by it and its children alone."""
    if os.geteuid() != 0:
        fail("file systems are mounted here, and that needs root")
    _call("unshare", CLONE_NEWNS)
    command("mount", "--make-rprivate", "/")


@functools.cache
def _made(kind):
    """An empty file system; disks are copies of it."""
    size, make, _ = KINDS[kind]
    path = os.path.join(folder("image"), "empty")
    with open(path, "wb") as file:
        file.truncate(size)
    command(*make, path)
    return path


class Disk:
    def __init__(self, kind):
        own_mounts()
        self.kind = kind
        self.dir = folder("disk")
        self.image = os.path.join(self.dir, "image")
        self.place = os.path.join(self.dir, "mount")
        os.mkdir(self.place)
        self.handle = -1  # of the place, while it is mounted
        command("cp", "--sparse=always", _made(kind), self.image)
        harness._undo.callback(self.close)

    def mount(self):
        command("mount", "-t", self.kind.split()[0], "-o",
                KINDS[self.kind][2], self.image, self.place)
        self.handle = os.open(self.place, os.O_RDONLY | os.O_DIRECTORY)

    def flush(self):
        """Everything on it is there for good: syncfs(2)."""
        _call("syncfs", self.handle)

    def cut(self):
        fcntl.ioctl(self.handle, SHUTDOWN, NO_LOG_FLUSH)

    def check_cut(self):
        """Does it take nothing more?"""
        try:
            os.close(os.open("after-the-cut", os.O_CREAT | os.O_WRONLY,
                             dir_fd=self.handle))
        except OSError as error:
            if error.errno == errno.EIO:
                return
            raise
        fail(f"{self.kind}: a file was made after the cut")

    def unmount(self, seconds=20):
        """Those who were killed may need a moment to let go of it."""
        if self.handle < 0:
            return
        os.close(self.handle)
        self.handle = -1
        until = time.monotonic() + seconds
        while True:
            done = subprocess.run(["umount", self.place], check=False,
                                  stderr=subprocess.PIPE, text=True)
            if done.returncode == 0:
                return
            if time.monotonic() > until:
                # Detached, it goes with the last who has it open.
                subprocess.run(["umount", "-l", self.place], check=False)
                fail(f"umount: {done.stderr}")
            time.sleep(0.002)

    def unmount_after_cut(self):
        """Without a journal, what the kernel still holds of names is
        written by an unmount, cut or not: the image is then kept as it was
        before, and repaired as at a boot."""
        if self.kind != NO_JOURNAL:
            self.unmount()
            return
        copy = self.image + ".cut"
        command("cp", "--sparse=always", self.image, copy)
        self.unmount()
        os.rename(copy, self.image)
        # Its status says that there was something to repair.
        subprocess.run(["e2fsck", "-f", "-y", self.image], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def clear(self, *names):
        """Removes these from it, whatever they are."""
        for name in names:
            path = os.path.join(self.place, name)
            if os.path.isdir(path):
                shutil.rmtree(path)
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)

    def close(self):
        self.unmount()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.image)

# SPDX-License-Identifier: MIT
"""container - a Debian with systemd, for what only a whole system shows

    with Container(["cron", "jq"]) as debian:
        debian.boot()
        debian.run("systemctl", "start", "cron.service")
        debian.write("/etc/motd", "hello\\n")
        read(debian.path("/run/x"))     # the same file, from outside

It is a folder that mmdebstrap fills once, from the mirrors that this
machine's apt knows, and keeps in build/trees; each container is a copy of it
that systemd-nspawn boots. It has no network, a cgroup of its own, and is gone
at the end, also after a signal. If the tests themselves are killed, the
kernel kills the container. Needs root, and no systemd outside.
"""

import contextlib
import errno
import fcntl
import functools
import glob
import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
import uuid

from harness import ROOT, Process, clean_environment, fail, folder, read
from harness import wait_for, write
import harness

SUITE = "bookworm"
TREES = os.path.join(ROOT, "build", "trees")
WEEK_AGO = time.time() - 7 * 24 * 3600

# Documentation is half of a small Debian, and the tree need not outlive a
# power cut.
LEAN = ["path-exclude=/usr/share/doc/*", "path-exclude=/usr/share/man/*",
        "path-exclude=/usr/share/locale/*", "force-unsafe-io"]


# --- the tree ---------------------------------------------------------------

def copy_tree(packages, target):
    """A Debian with these packages in the folder target"""
    tree = tree_of(["dbus", "systemd", "systemd-sysv", *packages])
    # -x: a tree has no mounts, and what stands in its place no others.
    subprocess.run(["cp", "-ax", "--reflink=auto", f"{tree}/.", target],
                   check=True, env=clean_environment())


def tree_of(packages):
    """A Debian with these packages. Never write to it: it is kept for other
    tests."""
    packages = sorted(set(packages))
    key = hashlib.sha256(repr((SUITE, packages, LEAN)).encode()).hexdigest()
    tree = os.path.join(TREES, key[:16])
    os.makedirs(TREES, mode=0o755, exist_ok=True)
    with open(os.path.join(TREES, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(tree):
            _make_tree(packages, tree)
        os.utime(tree)
    return tree


def _make_tree(packages, tree):
    # Trees that no test has used for a week, and what a killed test left
    for old in glob.glob(os.path.join(TREES, "*", "")):
        if old.endswith(".new/") or os.path.getmtime(old) < WEEK_AGO:
            _remove_tree(old)
    start = time.monotonic()
    options = [f"--dpkgopt={line}" for line in LEAN]
    options += [f"--aptopt={path}"
                for path in sorted(glob.glob("/etc/apt/apt.conf.d/99*"))]
    log = os.path.join(folder("mmdebstrap"), "log")
    # What it mounts, /proc and /sys among it, is to be seen by nobody else,
    # and goes with it, however it ends: namespaces of its own.
    process = Process("mmdebstrap")
    try:
        process.spawn(["setpriv", "--pdeathsig", "KILL", "unshare", "--mount",
                       "--pid", "--fork", "--kill-child", "mmdebstrap",
                       "--mode=root", "--variant=minbase",
                       "--include=" + ",".join(packages), *options,
                       SUITE, tree + ".new", *_mirrors()], log)
        wait_for(lambda: not process.alive(), "end of mmdebstrap", 400)
        if process.popen.returncode:
            fail("mmdebstrap:\n" + read(log)[-3000:])
        os.rename(tree + ".new", tree)
    finally:
        process.stop(signal.SIGKILL)
        _remove_tree(tree + ".new")
    print(f"# figure a Debian tree was made in {time.monotonic() - start:.0f}"
          " s", flush=True)


def _remove_tree(tree):
    """Never through a mount into what is not ours"""
    tree = os.path.realpath(tree)
    for line in read("/proc/self/mountinfo").splitlines():
        if (line.split()[4] + "/").startswith(tree + "/"):
            fail(f"{line.split()[4]} is mounted; not removed")
    if os.path.exists(tree):
        shutil.rmtree(tree)


def _mirrors():
    """The files in /etc/apt that name mirrors of Debian and nothing else"""
    files = []
    for path in ["/etc/apt/sources.list",
                 *sorted(glob.glob("/etc/apt/sources.list.d/*"))]:
        if path.endswith((".list", ".sources")) and os.path.isfile(path):
            text = re.sub(r"#.*", "", read(path))
            uris = re.findall(r"\b[a-z+]+:/\S+", text)
            if SUITE in text and uris and all(
                    re.search(r"/debian(-security)?/?$", u) for u in uris):
                files.append(path)
    return files or [f"deb http://deb.debian.org/debian {SUITE} main"]


# --- the cgroup -------------------------------------------------------------

def _cgroup_roots():
    """Where systemd finds its cgroups: one place, or two where the machine
    has both versions of them"""
    roots = {}
    for line in read("/proc/self/mountinfo").splitlines():
        _, _, device, _, place = line.split()[:5]
        kind, _, options = line.split(" - ")[1].split(" ", 2)
        if kind == "cgroup2" or kind == "cgroup" and \
                "name=systemd" in options.split(","):
            # The same may be mounted a second time, below a chroot.
            roots.setdefault(device, place)
    return list(roots.values()) or fail("no cgroups are mounted")


class _Cgroup:
    """A cgroup for one process and its children"""

    def __init__(self, name):
        self.places = [os.path.join(root, name) for root in _cgroup_roots()]
        for place in self.places:
            os.mkdir(place)

    def enter(self):
        for place in self.places:
            with open(os.path.join(place, "cgroup.procs"), "w",
                      encoding="ascii") as file:
                file.write("0")

    def remove(self):
        for place in self.places:
            for below, _, _ in os.walk(place, topdown=False):
                # What was in it may need a moment to be gone.
                with contextlib.suppress(FileNotFoundError):
                    wait_for(functools.partial(_removed, below),
                             f"end of the processes in {below}")


def _removed(cgroup):
    try:
        os.rmdir(cgroup)
        return True
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False


# --- the container ----------------------------------------------------------

class Container(Process):
    """run() answers with what the command wrote, and fails as it does."""

    def __init__(self, packages=()):
        super().__init__("container")
        self.root = folder("container", mode=0o755)
        self.machine = "hookdir-" + uuid.uuid4().hex[:12]
        self.cgroup = None
        self.leader = None
        self._log = harness._Log(self.machine, self.root + ".log")
        copy_tree(packages, self.root)
        write(self.path("/etc/hostname"), "shop\n", 0o644)
        # Known: this is no first boot, which would enable all units.
        write(self.path("/etc/machine-id"), uuid.uuid4().hex + "\n", 0o444)
        # What units say is then in the log, to be seen when a test fails.
        os.makedirs(self.path("/etc/systemd/journald.conf.d"))
        write(self.path("/etc/systemd/journald.conf.d/tests.conf"),
              "[Journal]\nForwardToConsole=yes\nMaxLevelConsole=debug\n"
              "RateLimitIntervalSec=0\n", 0o644)

    def boot(self):
        self.cgroup = _Cgroup(self.machine)
        harness._undo.callback(self._forget)
        # setpriv: nspawn dies with these tests, and all in it with nspawn.
        self.spawn(["setpriv", "--pdeathsig", "KILL", "systemd-nspawn",
                    "--quiet", "--boot", f"--directory={self.root}",
                    f"--machine={self.machine}", "--private-network",
                    "--settings=no", "--register=no", "--keep-unit",
                    "--link-journal=no", "--timezone=off",
                    "--resolv-conf=off", "--console=read-only",
                    "--kill-signal=SIGKILL"],
                   self._log.path, preexec_fn=self.cgroup.enter)
        self.leader = wait_for(self._find_leader, "start of systemd")
        wait_for(self._is_up, "end of the boot")

    def reboot(self):
        self._forget()
        self.leader = None
        self.boot()

    def _find_leader(self):
        if not self.alive():
            fail("systemd-nspawn ended:\n" + self._log.text()[-2000:])
        for pid in self.children():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if read(f"/proc/{pid}/comm") == "systemd\n":
                    return pid
        return None

    def _is_up(self):
        done = self.execute("systemctl", "is-system-running")
        return done.stdout.strip() in ("running", "degraded")

    def _forget(self):
        """What systemd-nspawn leaves"""
        self.stop()
        self.cgroup.remove()
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(f"/run/systemd/nspawn/propagate/{self.machine}")

    def enter(self, *command, online=False):
        """A command line that runs a command in the container. online: with
        the network of this machine"""
        spaces = ("mount", "uts", "ipc", "pid", "cgroup") if online else (
            "all",)
        return ["nsenter", f"--target={self.leader}",
                *(f"--{space}" for space in spaces), "--", *command]

    def execute(self, *command, input="", online=False, timeout=120):
        """The outcome of a command, as subprocess.run() gives it"""
        return subprocess.run(
            self.enter(*command, online=online),
            input=input, check=False, text=True, errors="backslashreplace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=clean_environment(), timeout=timeout)

    def run(self, *command, **options):
        done = self.execute(*command, **options)
        if done.returncode:
            fail(f"{' '.join(command)}: status {done.returncode}:\n"
                 f"{done.stdout[-2000:]}")
        return done.stdout

    def path(self, path):
        """A file of the container, as seen from outside"""
        root = f"/proc/{self.leader}/root" if self.leader else self.root
        return root + path

    def write(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        write(self.path(path), text, mode)

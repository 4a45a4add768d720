# SPDX-License-Identifier: MIT
"""common - what the rows of the bench have in common

A row is what stands behind one location of nginx. What others store they
store the plain way: a file in tmp/, flushed, renamed to new/, new/ flushed,
and only then 200; hookdir has a way of its own. Stores stand below base.
"""

import contextlib
import os
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
# pylint: disable=wrong-import-position
import harness  # noqa: E402
from harness import fail, folder, wait_for  # noqa: E402

KEY = "a key of thirty-two bytes or more"
BUILD = os.environ.get("HOOKDIR_BENCH", harness.root_file(
    "build", "tests", "bench"))


def program(name):
    """One of the bench's own, which make builds"""
    path = os.path.join(BUILD, name)
    if not os.access(path, os.X_OK):
        fail(f"{path}: not there; run make bench")
    return path


def first_line(*words):
    done = subprocess.run(words, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    return (done.stdout.strip() or "?").splitlines()[0]


def package_version(name):
    unpacked = os.path.join(harness.UNPACKED, "unpacked", name)
    if os.path.exists(unpacked):
        return harness.read(unpacked).strip()
    return first_line("dpkg-query", "-W", "-f", "${Version}", name)


def answers(path):
    """Does somebody listen on that unix socket or port?"""
    port = isinstance(path, int)
    with socket.socket(socket.AF_INET if port else socket.AF_UNIX) as sock:
        try:
            sock.connect(("127.0.0.1", path) if port else path)
        except OSError:
            return False
    return True


class Row:
    """One of them. The class says what is special about it."""

    word = ""       # its name in the code, and its path
    name = ""       # its name in the report
    about = ""      # what a reader has to know of it
    stores = True
    peer = True     # not ours, and stores durably
    verifies = True
    form = "payload"  # what of a message it keeps

    def __init__(self, base):
        self.base = base
        self.spool = os.path.join(base, self.word)
        self.path = "/" + self.word
        self.dir = folder(self.word)
        self.process = None

    def start(self):
        """Starts it, and waits until it listens."""

    def spawn(self, command, listens, **environment):
        if not self.process:
            self.process = harness.Process(self.word)
        self.process.spawn(command, os.path.join(self.dir, "log"), env={
            **harness.clean_environment(), "PYTHONDONTWRITEBYTECODE": "1",
            **environment})
        wait_for(lambda: self._listens(listens), f"answer of {self.name}")

    def _listens(self, where):
        if not self.process.alive():
            fail(f"{self.name} ended:\n"
                 + harness.read(os.path.join(self.dir, "log"))[-2000:])
        return answers(where)

    def stop(self):
        if self.process:
            self.process.stop()

    # Where nginx finds it

    def upstream(self):
        """What the http block has of it"""
        return ""

    def location(self):
        """What the location has of it"""
        raise NotImplementedError

    # The store

    def fresh(self):
        """An empty store. Emptied ones are kept aside: a file system that
        is busy with removed files is slow to make new ones."""
        self.put_aside()
        for name in ("tmp", "new"):
            os.makedirs(os.path.join(self.spool, name))

    def put_aside(self):
        aside = os.path.join(self.base, "aside")
        os.makedirs(aside, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.rename(self.spool, os.path.join(
                aside, f"{self.word}-{len(os.listdir(aside))}"))

    def new(self):
        return os.path.join(self.spool, "new")

    def stored(self):
        with os.scandir(self.new()) as names:
            return sum(1 for _ in names)

    def holds(self, message):
        """Is that message in the store, alone and whole?"""
        want = getattr(message, self.form)
        names = os.listdir(self.new()) if os.path.isdir(self.new()) else []
        if len(names) != 1:
            return False
        with open(os.path.join(self.new(), names[0]), "rb") as file:
            return want in file.read()

    def let_go(self):
        """Nothing of the store is held open afterwards."""

    def take_up(self):
        """After let_go()"""

    def version(self):
        return ""


def proxied(word, where, path="/"):
    """upstream and location of a server that speaks HTTP; connections to it
    are kept"""
    return (f"upstream {word} {{ server {where}; keepalive 256; "
            "keepalive_requests 1000000; keepalive_timeout 600s; }",
            f"proxy_pass http://{word}{path}; proxy_http_version 1.1; "
            'proxy_set_header Connection ""; proxy_read_timeout 60s;')

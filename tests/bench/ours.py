# SPDX-License-Identifier: MIT
"""ours - the rows that are ours, and the floor and the ceiling beside them

All but nginx alone are FastCGI programs behind the hookdir_params that we
ship.
"""

import glob
import os

from common import KEY, Row, first_line, package_version, program
import harness
from harness import fail


class Plain(Row):
    word = "nginx"
    name = "nginx `return 200`"
    about = "the ceiling: nothing is verified, nothing is stored"
    stores = peer = False

    def location(self):
        return "return 200 ok;"

    def version(self):
        return "nginx " + package_version("nginx")


class Responder(Row):
    """A FastCGI program on a socket, behind our own hookdir_params"""

    peer = False
    form = "data"

    def __init__(self, base, **options):
        super().__init__(base)
        self.process = harness.Handler(start=False, **options)

    def start(self):
        self.process.start()

    def passed(self):
        """The lines that every endpoint has"""
        params = harness.root_file("nginx", "hookdir_params")
        return (f"fastcgi_pass unix:{self.process.socket}; "
                "error_page 500 502 503 504 = @hookdir_unavailable; "
                f"include {params};")

    def location(self):
        return (f"{self.passed()} "
                "fastcgi_param HOOKDIR_SENDER shipmondo; "
                f"fastcgi_param HOOKDIR_SPOOL {self.spool}; "
                f'fastcgi_param HOOKDIR_KEY "{KEY}";')

    def fresh(self):
        """The handler makes its spool by itself."""
        self.put_aside()

    def stored(self):
        refused = os.path.join(self.spool, "quarantine")
        if os.path.isdir(refused) and os.listdir(refused):
            fail(f"{self.name}: calls went to quarantine/")
        return super().stored() if os.path.isdir(self.new()) else 0


class Null(Responder):
    word = "null"
    name = "null responder"
    about = "libfcgi, 64 threads: reads the body and answers 200 " \
            "(`null.c`); what nginx and FastCGI cost by themselves"
    stores = False

    def start(self):
        self.process.command = [program("null")]
        # It blocks no signal, by which the harness would know that it is up.
        self.process.spawn(self.process.command,
                           os.path.join(self.process.dir, "log"),
                           stdin=self.process.listener)

    def location(self):
        return self.passed()

    def version(self):
        return "libfcgi " + package_version("libfcgi0ldbl")


class Hookdir(Responder):
    word = "hookdir"
    name = "hookdir"
    about = "the handler as shipped"

    def version(self):
        return first_line(harness.FCGI, "-V")


class NoSync(Hookdir):
    """libeatmydata makes nothing of fsync, fdatasync, sync, syncfs, msync
    and sync_file_range; what is left are O_SYNC and RWF_SYNC of openat()
    and pwritev2(), and io_uring, which the handler does not use."""

    word = "nosync"
    name = "hookdir without fsync"
    about = "the same binary with libeatmydata: what the disk costs, and " \
            "the control of the power cuts"

    def __init__(self, base):
        library, = glob.glob("/usr/lib/*/libeatmydata.so")
        super().__init__(base, env={"LD_PRELOAD": library})

    def version(self):
        return "libeatmydata " + package_version("libeatmydata1")


class OtherDisk(Responder):
    """The process of another row with a spool on another disk"""

    word = "other"
    name = "hookdir on another disk"

    def __init__(self, base, hookdir):
        # pylint: disable=super-init-not-called,non-parent-init-called
        Row.__init__(self, base)
        self.process = hookdir.process

    def start(self):
        pass

    def stop(self):
        pass

# SPDX-License-Identifier: MIT
"""sandbox - the service as it is installed: what it bears, what it may do

A Debian with a systemd and an nginx of its own, in a container, set up as the
comments of the samples say. Calls come in over TLS while the service is
restarted, reloaded, killed and short of memory: no message that was answered
with 200 may be missing.

What the units forbid is tried: a probe takes the handler's place in the unit
that is shipped, and every attempt has to fail. Controls show that the tests
can tell: the same probe in a unit that forbids nothing succeeds, and with
systemd's own limit of starts the service stays down.

HOOKDIR_LONG=1 loads ten times as long. HOOKDIR_FCGI and HOOKDIR_TOOL name
other programs, which have to stand in one folder. Needs root, and the
packages apparmor, gcc, libc6-dev, mmdebstrap, openssl, systemd-container,
and for the guest qemu-system-x86 and linux-image-cloud-amd64.

What AppArmor does shows in a guest: Debian's kernel in qemu, for the kernel
of this machine may be without it.
"""

import collections
import concurrent.futures
import contextlib
import ctypes
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
# pylint: disable=wrong-import-position
import container  # noqa: E402
import guest  # noqa: E402
import harness  # noqa: E402
import shipmondo  # noqa: E402
import test_systemd  # noqa: E402
from harness import (FCGI, NAME, PATIENCE, Spool,  # noqa: E402
                     certificate, eq, fail, fill_keys, folder, has, main,
                     ok, packaged, read, root_file, test, wait_for, write)
from test_systemd import KEY, SAMPLES, SPOOLS, TOOL, Installed  # noqa: E402

harness._tests.clear()  # those of guest and test_systemd

# Another list of packages than that of test_systemd, and so another place:
# only the latest tree of a place is kept.
container.TREES = os.path.join(os.path.dirname(FCGI), "trees-sandbox")

LONG = os.environ.get("HOOKDIR_LONG", "") not in ("", "0")
TIMES = 10 if LONG else 1
SECONDS = 7200 if LONG else 900  # for one test; the first one makes Debian
KILLS = 30
MEBIBYTE = 1 << 20
NETWORKED = 3  # it fetches a key set
EXPOSURE = 0.5
UNITS = ("hookdir.service", test_systemd.SERVICE, "hookdir-watch.service",
         "hookdir-jwks.service")
DROP_IN = "/run/systemd/system/hookdir.service.d/tests.conf"


def figure(what, value, target):
    print(f"# figure sandbox | {what} | {value} | {target}", flush=True)


# --- the machine ------------------------------------------------------------

class Machine(container.Container):
    """A container whose systemd can also limit memory and tasks. Where the
    machine has the first version of cgroups these are trees of their own."""

    limits = ("memory", "pids")

    def boot(self):
        roots = container._cgroup_roots
        container._cgroup_roots = lambda: [*roots(), *self.limit_roots()]
        try:
            super().boot()
        finally:
            container._cgroup_roots = roots
        for name in self.limits:
            place = f"/sys/fs/cgroup/{name}"
            if os.path.isdir(self.path(place)):
                # bind: this mount alone, not all of that file system.
                self.run("mount", "-o", "remount,bind,rw", place)
        self.run("systemctl", "daemon-reexec")
        wait_for(self._is_up, "the next systemd")

    def limit_roots(self):
        return [line.split()[4]
                for line in read("/proc/self/mountinfo").splitlines()
                if line.split(" - ")[1].split()[0] == "cgroup"
                and line.split()[4].rpartition("/")[2] in self.limits]

    def show(self, unit, name):
        return self.run("systemctl", "show", "--property=" + name, "--value",
                        unit).strip()

    def limit(self, kind, *names):
        """What a file of the service's cgroup says, by its name in either
        version; None when there is none"""
        group = self.show("hookdir.service", "ControlGroup").lstrip("/")
        for name in names:
            for root in (f"/sys/fs/cgroup/{kind}", "/sys/fs/cgroup"):
                with contextlib.suppress(FileNotFoundError):
                    return read(self.path(f"{root}/{group}/{name}")).strip()
        return None


@test_systemd.once
def shop():
    """It runs, with nginx, hookdir and the samples, set up as they say."""
    start = time.monotonic()
    machine = Machine(["curl", "jq", "nginx", "sqlite3",
                       *test_systemd.libraries(TOOL, FCGI)])
    test_systemd.install(machine)
    nginx_of(machine)
    samples = SAMPLES.removesuffix("tools/samples/")
    for unit in ("tools/samples/hookdir-watch.service",
                 "nginx/hookdir-jwks.service", "nginx/hookdir-jwks.timer"):
        machine.run("cp", samples + unit, "/etc/systemd/system/")
    machine.run("install", "-m", "0755", samples + "nginx/hookdir-jwks.sh",
                "/usr/local/sbin/hookdir-jwks")
    machine.run("cp", SAMPLES + "book-order.sh", "/usr/local/bin/book-order")
    machine.write("/etc/hookdir/run/shipmondo.conf", test_systemd.SETTINGS)
    # For the probe to look at
    machine.write("/home/secret", "secret\n")
    machine.write("/root/secret", "secret\n")
    build_probe(machine.path("/usr/lib/hookdir-probe"))
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "enable", "--now", "hookdir.socket")
    print(f"# {time.monotonic() - start:.1f} s to set it up", flush=True)
    return machine


def nginx_of(machine):
    """As the comments of the samples say, with a certificate and a key"""
    etc = machine.path("/etc/hookdir")
    machine.run("sh", "-ec", f"""
        cd {SAMPLES}../../nginx
        cp vhost.conf /etc/nginx/sites-enabled/
        cp hookdir.conf hookdir_params secrets/* /etc/hookdir/
        chown root:root /etc/hookdir/*.conf
        chmod 0640 /etc/hookdir/*.conf
        chown root:www-data /etc/hookdir/basic.htpasswd
        chmod 0640 /etc/hookdir/basic.htpasswd
        """)
    write(etc + "/shipmondo.conf", fill_keys(read(etc + "/shipmondo.conf"),
                                             [KEY]))
    for name, path in (("pem", "certs/hookdir.pem"),
                       ("key", "private/hookdir.key"), ("ca", "certs/ca.pem")):
        machine.write("/etc/ssl/" + path, read(getattr(certificate(), name)),
                      0o600 if name == "key" else 0o644)
    machine.run("nginx", "-t")
    machine.run("systemctl", "restart", "nginx.service")


def fresh(drop_in="", **settings):
    """The unit as shipped, or with settings of its own; no message is there
    and no service runs, but its socket."""
    machine = shop()
    machine.run("systemctl", "stop", *test_systemd.RUN, "hookdir.service")
    lines = [drop_in, "[Service]",
             *(f"{name}={value}" for name, value in settings.items())]
    machine.write(DROP_IN, "\n".join(lines) + "\n")
    machine.run("systemctl", "daemon-reload")
    machine.execute("systemctl", "reset-failed")
    machine.run("sh", "-c", f"rm -rf {SPOOLS}/*")
    machine.run("systemctl", "start", "hookdir.socket", "nginx.service")
    return machine


# --- calls ------------------------------------------------------------------

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def enter_network(leader):
    """This thread, and no other, is in the network of the container."""
    with open(f"/proc/{leader}/ns/net", "rb") as file:
        if LIBC.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


CREATED = "com.shipmondo.orders.create"


def body_of(number, size=0):
    resource = {"id": number, "at": time.time_ns(),
                "updated_at": "2026-11-21T18:05:33+01:00", "note": "x" * size}
    return shipmondo.body(shipmondo.form_b(json.dumps(resource).encode()),
                          KEY)


class Senders:
    """Calls to nginx over TLS from several threads, until stop()"""

    def __init__(self, machine, count=6, size=0, calls=None):
        self.leader = machine.leader
        self.size = size
        self.calls = calls  # of each; None: until stop()
        self.tls = ssl.create_default_context(cafile=certificate().ca)
        self.statuses = collections.Counter()
        self.accepted = {}  # id: bytes of the body
        self.seconds = []
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.pool = concurrent.futures.ThreadPoolExecutor(count)
        harness._undo.callback(self.ended.set)
        self.jobs = [self.pool.submit(self.work, lane)
                     for lane in range(count)]

    def work(self, lane):
        enter_network(self.leader)
        done = 0
        while not self.ended.is_set() and done != self.calls:
            done += 1
            self.call(body_of(1000000 * lane + done, self.size))

    def call(self, body):
        start = time.monotonic()
        try:
            status = self.post(body)
        except (OSError, http.client.HTTPException) as error:
            status = repr(error)
        with self.lock:
            self.statuses[status] += 1
            self.seconds.append(time.monotonic() - start)
            if status == 200:
                self.accepted[shipmondo.message_id(body, CREATED)] = len(body)

    def post(self, body):
        with socket.create_connection(("127.0.0.1", 443), PATIENCE) as plain, \
                self.tls.wrap_socket(plain, server_hostname=NAME) as sock:
            connection = http.client.HTTPConnection(NAME)
            connection.sock = sock
            connection.request("POST", "/webhook/shipmondo", body, {
                "Content-Type": "application/json", "Connection": "close",
                "SMD-Resource-Type": "Orders", "SMD-Action": "create"})
            answer = connection.getresponse()
            answer.read()
            return answer.status

    def wait(self):
        for job in self.jobs:
            job.result()
        self.pool.shutdown()

    def stop(self):
        self.ended.set()
        self.wait()

    def progress(self):
        """The next call that is accepted"""
        before = len(self.accepted)
        wait_for(lambda: len(self.accepted) > before, "accepted call", 30)


def nothing_lost(machine, senders):
    """Every message that was answered with 200 is in new/, whole."""
    found = {}
    for message in Spool(machine.path(SPOOLS + "/shipmondo")).messages():
        has(f"type of {message.name}", message["type"], "com.shipmondo.")
        found[message["id"]] = message
    missing = set(senders.accepted) - set(found)
    ok("something was accepted", senders.accepted)
    eq("lost messages", sorted(missing), [])
    return f"{len(senders.accepted)} / {len(missing)}"


def by_status(senders):
    return ", ".join(f"{count} x {status}" for status, count
                     in sorted(senders.statuses.items(), key=str))


def one_call(machine):
    senders = Senders(machine, count=1, calls=1)
    senders.wait()
    eq("answer", dict(senders.statuses), {200: 1})


def main_process(machine):
    """The number of the handler, 0 while there is none"""
    return int(machine.show("hookdir.service", "MainPID"))


# --- it works ---------------------------------------------------------------

@test("curl over TLS, nginx, socket activation: a message is stored",
      seconds=SECONDS)
def _():
    machine = fresh()
    eq("before the first call", machine.show("hookdir.service",
                                             "ActiveState"), "inactive")
    body = body_of(1)
    start = time.monotonic()
    status = machine.run(
        "curl", "--silent", "--cacert", "/etc/ssl/certs/ca.pem",
        "--resolve", f"{NAME}:443:127.0.0.1", "--output", "/dev/null",
        "--write-out", "%{http_code}", "--header",
        "Content-Type: application/json", "--data-binary", "@-",
        f"https://{NAME}/webhook/shipmondo", input=body.decode())
    figure("first call, which starts the service", f"{status}, "
           f"{(time.monotonic() - start) * 1000:.0f} ms", "200")
    eq("status", status, "200")
    eq("id", Spool(machine.path(SPOOLS + "/shipmondo")).one()["id"],
       shipmondo.message_id(body, "com.shipmondo.event"))
    eq("state", machine.show("hookdir.service", "ActiveState"), "active")
    eq("socket", machine.run("stat", "--format=%U:%G:%a",
                             "/run/hookdir/hookdir.sock"),
       "root:www-data:660\n")


@test("owner, group and mode of a spool, also where the group is another",
      seconds=SECONDS)
def _():
    machine = fresh()
    machine.execute("groupadd", "--system", "shop")
    machine.run("sh", "-ec", f"""
        install -d -o hookdir -g shop -m 2770 {SPOOLS}/other
        install -d -o hookdir -g shop -m 2770 {SPOOLS}/member
        """)
    handler = Installed(machine.path("/run/hookdir/hookdir.sock"))

    def store(name):
        got = handler.request(body_of(1), HOOKDIR_SPOOL=f"{SPOOLS}/{name}",
                              HOOKDIR_SENDER="shipmondo", HOOKDIR_KEY=KEY)
        eq(f"status, {name}", got.status, 200)
        return machine.run("sh", "-ec", f"""
            cd {SPOOLS}/{name}
            stat --format=%U:%G:%a . tmp new cur failed quarantine new/*
            """).split()

    eq("own group", store("own"),
       6 * ["hookdir:hookdir:2750"] + ["hookdir:hookdir:640"])
    want = ["hookdir:shop:2770"] + 5 * ["hookdir:shop:2750"] + [
        "hookdir:shop:640"]
    eq("not a member", store("other"), want)
    machine.run("usermod", "--append", "--groups", "shop", "hookdir")
    machine.run("systemctl", "restart", "hookdir.service")
    eq("a member", store("member"), want)
    # As another receiver, of the same group, would make it
    machine.run("sh", "-ec", f"""
        install -d -o www-data -g shop -m 2770 {SPOOLS}/theirs
        cd {SPOOLS}/theirs
        install -d -o www-data -g shop -m 2770 tmp new cur failed quarantine
        """)
    eq("another owner, a group in common", store("theirs"),
       6 * ["www-data:shop:2770"] + ["hookdir:shop:640"])
    machine.run("gpasswd", "--delete", "hookdir", "shop")
    figure("owner, group and mode of spools", "as promised", "as promised")


# --- it is disturbed --------------------------------------------------------

@test("restarts of the handler and reloads of nginx under load",
      seconds=SECONDS)
def _():
    machine = fresh()
    senders = Senders(machine)
    try:
        senders.progress()
        for _ in range(10 * TIMES):
            machine.run("systemctl", "restart", "hookdir.service")
            senders.progress()
            machine.run("systemctl", "reload", "nginx.service")
            senders.progress()
    finally:
        senders.stop()
    counts = nothing_lost(machine, senders)
    figure(f"{10 * TIMES} restarts and reloads: accepted / lost", counts,
           "0 lost")
    figure("answers meanwhile", by_status(senders), "200 alone")
    figure("slowest answer meanwhile", f"{max(senders.seconds):.2f} s",
           "measured")
    eq("answers", set(senders.statuses), {200})


def kill(machine, signal, seconds=10):
    """The handler dies. Answers whether another takes its place."""
    old = wait_for(lambda: main_process(machine), "handler")
    machine.run("systemctl", "kill", "--kill-whom=main", f"--signal={signal}",
                "hookdir.service")
    wait_for(lambda: main_process(machine) != old, "end of the handler")
    wait_for(lambda: main_process(machine) or machine.show(
        "hookdir.service", "ActiveState") == "failed", "next handler", seconds)
    return main_process(machine) != 0


@test(f"the handler dies {KILLS} times in a row under load", seconds=SECONDS)
def _():
    machine = fresh()
    senders = Senders(machine)
    start = time.monotonic()
    try:
        senders.progress()
        for number in range(KILLS * TIMES):
            signal = ("SIGKILL", "SIGABRT", "SIGSEGV")[number % 3]
            ok(f"it comes back after {signal} number {number + 1}",
               kill(machine, signal))
        seconds = time.monotonic() - start
        senders.progress()
    finally:
        senders.stop()
    counts = nothing_lost(machine, senders)
    figure(f"{KILLS * TIMES} kills in {seconds:.0f} s: accepted / lost",
           counts, "0 lost")
    figure("answers meanwhile", by_status(senders), "200 and 503")
    eq("other answers than 200 and 503", set(senders.statuses) - {200, 503},
       set())
    eq("socket", machine.show("hookdir.socket", "ActiveState"), "active")
    one_call(machine)
    eq("cores", machine.run("find", SPOOLS, "/tmp", "/var/tmp", "/var/lib/"
                            "systemd", "-name", "*core*", "-type", "f"), "")


@test("control: with systemd's own limit of starts it stays down",
      seconds=SECONDS)
def _():
    machine = fresh("[Unit]\nStartLimitIntervalSec=10s\nStartLimitBurst=5")
    one_call(machine)
    kills = 1
    while kills < KILLS and kill(machine, "SIGKILL"):
        kills += 1
    state = (machine.show("hookdir.service", "ActiveState"),
             machine.show("hookdir.socket", "ActiveState"))
    figure("control: limit of 5 starts in 10 s, service and socket",
           f"{state[0]} after {kills} kills, socket {state[1]}",
           "service failed")
    eq("service", state[0], "failed")


# --- it is short of memory --------------------------------------------------

def restarts(machine):
    return int(machine.show("hookdir.service", "NRestarts"))


@test("bodies of 16 MiB and the limit of memory", seconds=SECONDS)
def _():
    machine = fresh()
    one_call(machine)
    limit = machine.limit("memory", "memory.max", "memory.limit_in_bytes")
    if limit is None:
        figure("limit of memory", "NOT TRIED: no cgroups for memory here",
               "1024 MiB")
        return
    eq("limit", int(limit), 1024 * MEBIBYTE)
    size = (16 * MEBIBYTE - 2000) * 3 // 4  # base64 makes it 16 MiB
    ok("a body is just under 16 MiB",
       0 <= 16 * MEBIBYTE - len(body_of(1, size)) < 2000)
    few = Senders(machine, count=3, size=size, calls=3)
    few.wait()
    peak = machine.limit("memory", "memory.peak", "memory.max_usage_in_bytes")
    figure("three senders of 16 MiB: answers", by_status(few), "200 alone")
    figure("memory at most, page cache included", f"{int(peak or 0) >> 20} "
           "MiB", "1024 MiB")
    eq("answers to three", dict(few.statuses), {200: 9})
    before = restarts(machine)
    many = Senders(machine, count=24, size=size, calls=2 * TIMES)
    many.wait()
    figure("24 senders of 16 MiB: accepted / lost",
           nothing_lost(machine, many), "0 lost")
    figure("24 senders of 16 MiB: answers", by_status(many), "200 and 503")
    figure("24 senders of 16 MiB: ends of the handler",
           restarts(machine) - before, "measured")
    eq("other answers than 200 and 503", set(many.statuses) - {200, 503},
       set())
    one_call(machine)


@test("a limit of memory that bodies of 16 MiB go over", seconds=SECONDS)
def _():
    # The handler has a budget for bodies, so the limit has to be a low one.
    machine = fresh(MemoryMax="40M")
    one_call(machine)
    if machine.limit("memory", "memory.max", "memory.limit_in_bytes") is None:
        figure("memory that runs out", "NOT TRIED: no cgroups for memory here",
               "0 lost")
        return
    size = (16 * MEBIBYTE - 2000) * 3 // 4
    small = Senders(machine)
    large = Senders(machine, count=8, size=size, calls=2 * TIMES)
    try:
        large.wait()
        wait_for(lambda: main_process(machine), "next handler")
        small.progress()
    finally:
        small.stop()
    small.accepted.update(large.accepted)
    small.statuses.update(large.statuses)
    figure("memory that runs out: ends of the handler", restarts(machine),
           "at least 1")
    figure("memory that runs out: accepted / lost",
           nothing_lost(machine, small), "0 lost")
    figure("memory that runs out: answers", by_status(small), "200 and 503")
    eq("other answers than 200 and 503", set(small.statuses) - {200, 503},
       set())
    ok("the limit was reached", restarts(machine) > 0)


# --- consumers --------------------------------------------------------------

@test("the path unit books what nginx took in", seconds=SECONDS)
def _():
    machine = fresh()
    machine.run("sh", "-c", f"rm -rf {test_systemd.DATA}/*")
    machine.run("systemctl", "start", test_systemd.PATH)
    senders = Senders(machine, count=4, calls=25)
    senders.wait()

    def booked():
        out = machine.execute("sqlite3", "-readonly",
                              test_systemd.DATA + "/orders.db",
                              "SELECT id FROM events").stdout
        return set(out.split()) >= set(senders.accepted)

    start = time.monotonic()
    wait_for(booked, "booking of all")
    figure("path unit: accepted over TLS, booked",
           f"{len(senders.accepted)}, {time.monotonic() - start:.1f} s after "
           "the last", "100, all")
    eq("accepted", len(senders.accepted), 100)
    wait_for(lambda: machine.show(test_systemd.PATH, "SubState")
             == "waiting", "end of the run")
    machine.run("systemctl", "stop", test_systemd.PATH)


# --- what it may do ---------------------------------------------------------

@test("systemd-analyze: nothing to complain of, and the exposure of all units")
def _():
    machine = fresh()
    one_call(machine)
    eq("verify", machine.run("systemd-analyze", "verify", "--man=no",
                             "hookdir.socket", *UNITS), "")
    for unit in UNITS:
        out = machine.run("systemd-analyze", "security", "--no-pager", unit)
        exposure = float(re.search(r"level for .*: ([0-9.]+)", out)[1])
        most = NETWORKED if unit == "hookdir-jwks.service" else EXPOSURE
        figure(f"exposure of {unit}, of 10", exposure, f"{most} at most")
        ok(f"{unit}: {exposure} at most {most}", exposure <= most)


# Each attempt is made by a process of its own. A line for each: its name, and
# "done" or why not.
PROBE = r"""
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPOOLS "/var/spool/hookdir/"

static FILE *report;

static int said(long rc) { return rc < 0 ? errno : 0; }

static int sock(int family, int type)
{
	return said(socket(family, type, 0));
}

static int inet(const char *a) { (void)a; return sock(AF_INET, SOCK_STREAM); }
static int inet6(const char *a) { (void)a; return sock(AF_INET6, SOCK_DGRAM); }
static int local(const char *a) { (void)a; return sock(AF_UNIX, SOCK_STREAM); }
static int netlink(const char *a)
{
	(void)a;
	return sock(AF_NETLINK, SOCK_RAW);
}

static int packet(const char *a) { (void)a; return sock(AF_PACKET, SOCK_RAW); }

static int loopback(const char *a)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(443) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)a;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return fd < 0 ? errno : said(connect(fd, (void *)&to, sizeof(to)));
}

static int reading(const char *path)
{
	char byte;
	int fd = open(path, O_RDONLY | O_NONBLOCK);

	return fd < 0 ? errno : said(read(fd, &byte, 1));
}

static int writing(const char *directory)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/hookdir-probe", directory);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	if (fd < 0)
		return errno;
	unlink(path);
	return said(write(fd, "x", 1));
}

static int exec(char **argv)
{
	execv(argv[0], argv);
	return errno;
}

static int shell(const char *a)
{
	char *argv[] = { "/bin/sh", "-c", "exit 0", NULL };
	(void)a;
	return exec(argv);
}

static int loader(const char *a)
{
	char *argv[] = { "/lib64/ld-linux-x86-64.so.2", "/bin/true", "nothing",
		NULL };

	(void)a;
	return exec(argv);
}

static void copy_self(int to)
{
	char bytes[65536];
	ssize_t got;
	int from = open("/usr/lib/hookdir-probe", O_RDONLY);

	while ((got = read(from, bytes, sizeof(bytes))) > 0)
		if (write(to, bytes, (size_t)got) < 0)
			break;
	close(from);
}

static int planted(const char *directory)
{
	char path[256], *argv[] = { path, "nothing", NULL };
	int fd;

	snprintf(path, sizeof(path), "%s/hookdir-planted", directory);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700);
	if (fd < 0)
		return errno;
	copy_self(fd);
	close(fd);
	return exec(argv);
}

static int in_memory(const char *a)
{
	char *argv[] = { "probe", "nothing", NULL }, *none[] = { NULL };
	int fd = (int)syscall(SYS_memfd_create, "probe", 0);

	(void)a;
	if (fd < 0)
		return errno;
	copy_self(fd);
	fexecve(fd, argv, none);
	return errno;
}

static int map_wx(const char *a)
{
	(void)a;
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}

static int make_x(const char *a)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	(void)a;
	return said(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static int trace(const char *a)
{
	pid_t pid = fork();
	int rc;

	(void)a;
	if (pid == 0) {
		pause();
		_exit(0);
	}
	rc = said(ptrace(PTRACE_ATTACH, pid, NULL, NULL));
	kill(pid, SIGKILL);
	return rc;
}

static int peek(const char *a)
{
	char byte;
	struct iovec own = { &byte, 1 }, other = { &report, 1 };
	(void)a;
	return said(process_vm_readv(getppid(), &own, 1, &other, 1, 0));
}

static int mounting(const char *a)
{
	int rc = said(mount("probe", "/mnt", "tmpfs", 0, NULL));
	(void)a;
	if (rc == 0)
		umount("/mnt");
	return rc;
}

static int mounting_new(const char *a)
{
	(void)a;
	return said(syscall(SYS_fsopen, "tmpfs", 0));
}

static int space(const char *kind)
{
	return said(unshare(strcmp(kind, "user") == 0 ? CLONE_NEWUSER :
	    strcmp(kind, "net") == 0 ? CLONE_NEWNET : CLONE_NEWNS));
}

static int processes(const char *a)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	char path[300], own[32] = "", name[32];
	int fd, others = 0;

	(void)a;
	prctl(PR_GET_NAME, own);
	while (dir && (entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		fd = atoi(entry->d_name) > 0 ? open(path, O_RDONLY) : -1;
		memset(name, 0, sizeof(name));
		if (fd >= 0 && read(fd, name, strlen(own)) > 0 &&
		    strcmp(name, own) != 0)
			others++;
		close(fd);
	}
	return others > 0 ? 0 : ESRCH;
}

static int signalling(const char *a) { (void)a; return said(kill(1, 0)); }
static int root_user(const char *a)
{
	(void)a;
	return said(syscall(SYS_setresuid, 0, 0, 0));
}

static int capable(const char *a)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { 1U << CAP_SYS_ADMIN,
	    1U << CAP_SYS_ADMIN, 1U << CAP_SYS_ADMIN } };
	(void)a;
	return said(syscall(SYS_capset, &head, data));
}

static int ambient(const char *a)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];
	(void)a;
	if (syscall(SYS_capget, &head, data) < 0)
		return errno;
	data[0].inheritable = data[0].permitted;
	syscall(SYS_capset, &head, data);
	return said(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE,
	    CAP_NET_BIND_SERVICE, 0, 0));
}

static int privileges(const char *a)
{
	(void)a;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 ? 0 : EPERM;
}

static int core(const char *a)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	int status, raised = setrlimit(RLIMIT_CORE, &all), why = errno;
	pid_t pid;

	(void)a;
	if (chdir(SPOOLS) < 0)
		return errno;
	pid = fork();
	if (pid == 0)
		abort();
	waitpid(pid, &status, 0);
	return WCOREDUMP(status) ? 0 : raised < 0 ? why : ENOTSUP;
}

static int realtime(const char *a)
{
	struct sched_param one = { 1 };
	(void)a;
	return said(sched_setscheduler(0, SCHED_FIFO, &one));
}

static int persona(const char *a)
{
	(void)a;
	return said(personality(ADDR_NO_RANDOMIZE));
}

static int kernel_log(const char *a)
{
	char bytes[64];
	(void)a;
	return said(klogctl(3, bytes, sizeof(bytes)));
}

static int ring(const char *a)
{
	char params[256] = { 0 };
	(void)a;
	return said(syscall(SYS_io_uring_setup, 1, params));
}

static int add_key(const char *a)
{
	(void)a;
	return said(syscall(SYS_add_key, "user", "probe", "x", 1, -3));
}

static int locking(const char *a)
{
	(void)a;
	return said(mlockall(MCL_CURRENT));
}

static int owning(const char *a)
{
	char path[] = SPOOLS "hookdir-owned";
	int fd = open(path, O_WRONLY | O_CREAT, 0600), rc;
	(void)a;
	rc = fd < 0 ? errno : said(fchown(fd, 1, 1));
	unlink(path);
	return rc;
}

static int old_calls(const char *a)
{
	long rc = -ENOSYS;
	(void)a;
#ifdef __x86_64__
	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(20) : "memory");
#endif
	return rc < 0 ? (int)-rc : 0;
}

static int host_name(const char *a)
{
	(void)a;
	return said(sethostname("shop", 4));
}

static int tasks(const char *a)
{
	int count = 0, why;

	(void)a;
	setpgid(0, 0);
	while (count < 400) {
		pid_t pid = fork();
		if (pid == 0) {
			pause();
			_exit(0);
		}
		if (pid < 0)
			break;
		count++;
	}
	why = errno;
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
	return count < 400 ? why : 0;
}

static int group_bit(const char *a)
{
	char path[] = SPOOLS "hookdir-directory";
	int rc = said(mkdir(path, 0750));

	(void)a;
	if (rc == 0)
		rc = said(chmod(path, 02750));
	rmdir(path);
	return rc;
}

static const struct attempt {
	const char *name;
	int (*make)(const char *argument);
	const char *argument;
} attempts[] = {
	{ "socket: inet", inet, 0 },
	{ "socket: inet6", inet6, 0 },
	{ "socket: unix", local, 0 },
	{ "socket: netlink", netlink, 0 },
	{ "socket: packet", packet, 0 },
	{ "connect to loopback", loopback, 0 },
	{ "read /etc/shadow", reading, "/etc/shadow" },
	{ "read /home", reading, "/home/secret" },
	{ "read /root", reading, "/root/secret" },
	{ "read /etc/hookdir", reading, "/etc/hookdir/shipmondo.conf" },
	{ "read the key of TLS", reading, "/etc/ssl/private/hookdir.key" },
	{ "read /proc/1", reading, "/proc/1/status" },
	{ "read /proc/kallsyms", reading, "/proc/kallsyms" },
	{ "write in /", writing, "/" },
	{ "write in /etc", writing, "/etc" },
	{ "write in /usr", writing, "/usr" },
	{ "write in /var/lib", writing, "/var/lib" },
	{ "write in /var/spool", writing, "/var/spool" },
	{ "write in /run", writing, "/run" },
	{ "write in /run/hookdir", writing, "/run/hookdir" },
	{ "write in /tmp", writing, "/tmp" },
	{ "write in /var/tmp", writing, "/var/tmp" },
	{ "write in /dev", writing, "/dev" },
	{ "write in /dev/shm", writing, "/dev/shm" },
	{ "write in /home", writing, "/home" },
	{ "run a shell", shell, 0 },
	{ "run through the loader", loader, 0 },
	{ "run what was put into the spool", planted, SPOOLS },
	{ "run what was put into /tmp", planted, "/tmp" },
	{ "run from memory", in_memory, 0 },
	{ "map for writing and running", map_wx, 0 },
	{ "make data runnable", make_x, 0 },
	{ "ptrace", trace, 0 },
	{ "read another's memory", peek, 0 },
	{ "mount", mounting, 0 },
	{ "mount, the new way", mounting_new, 0 },
	{ "namespace: user", space, "user" },
	{ "namespace: net", space, "net" },
	{ "namespace: mount", space, "mount" },
	{ "see other processes", processes, 0 },
	{ "signal process 1", signalling, 0 },
	{ "become root", root_user, 0 },
	{ "capability: admin", capable, 0 },
	{ "capability: ambient", ambient, 0 },
	{ "get privileges by exec", privileges, 0 },
	{ "write a core", core, 0 },
	{ "real-time scheduling", realtime, 0 },
	{ "personality", persona, 0 },
	{ "kernel log", kernel_log, 0 },
	{ "io_uring", ring, 0 },
	{ "key ring", add_key, 0 },
	{ "lock memory", locking, 0 },
	{ "give a file away", owning, 0 },
	{ "calls of 32 bit", old_calls, 0 },
	{ "name of the machine", host_name, 0 },
	{ "400 processes", tasks, 0 },
	/* The only ones that have to succeed */
	{ "allowed: write in the spool", writing, SPOOLS },
	{ "allowed: set-group-ID", group_bit, 0 },
};

static void make(const struct attempt *attempt)
{
	int status;
	pid_t pid;

	fflush(report);
	pid = fork();
	if (pid == 0)
		_exit(attempt->make(attempt->argument));
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		fprintf(report, "%s|%s\n", attempt->name,
		    strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == 127) /* ld.so's own */
		fprintf(report, "%s|the loader gave up\n", attempt->name);
	else
		fprintf(report, "%s|%s\n", attempt->name,
		    WEXITSTATUS(status) ? strerror(WEXITSTATUS(status)) : "done");
}

int main(int argc, char **argv)
{
	size_t i;

	/* Planted, it says by its end that it could be run. */
	if (argc > 1)
		return 0;
	(void)argv;
	report = fopen(SPOOLS "report", "w");
	if (!report)
		return 1;
	for (i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		make(&attempts[i]);
	return fclose(report) == 0 ? 0 : 1;
}
"""

def build_probe(path):
    source = write(os.path.join(folder("probe"), "probe.c"), PROBE)
    done = subprocess.run(
        ["gcc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-o", path, source],
        check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True)
    if done.returncode or done.stdout:
        fail(f"gcc: {done.stdout[-2000:]}")
    os.chmod(path, 0o755)


def report_of(machine, unit):
    """What came of the attempts: {name: "done", or why not}"""
    machine.run("systemctl", "start", unit)
    wait_for(lambda: machine.show(unit, "ActiveState")
             in ("inactive", "failed"), f"end of the probe in {unit}")
    eq(f"{unit}: result", machine.show(unit, "Result"), "success")
    lines = read(machine.path(SPOOLS + "/report")).splitlines()
    machine.run("sh", "-c", f"rm -rf {SPOOLS}/*")
    return dict(line.split("|", 1) for line in lines)


@test("what the unit forbids is forbidden; control: without it, it is not",
      seconds=SECONDS)
def _():
    machine = fresh(ExecStart="\nExecStart=/usr/lib/hookdir-probe",
                    Restart="no")
    inside = report_of(machine, "hookdir.service")
    reports = {}
    for name, user in (("root", "root"), ("hookdir", "hookdir")):
        unit = f"probe-{name}.service"
        machine.write(f"/run/systemd/system/{unit}",
                      "[Service]\nType=oneshot\nLimitCORE=infinity\n"
                      "TasksMax=infinity\n"
                      f"User={user}\nExecStart=/usr/lib/hookdir-probe\n")
        machine.run("systemctl", "daemon-reload")
        reports[name] = report_of(machine, unit)
    fresh()
    print("# attempt: in the unit; as root; as hookdir, both without the unit")
    for name, outcome in inside.items():
        print(f"# {name}: {outcome}; {reports['root'][name]}; "
              f"{reports['hookdir'][name]}", flush=True)
    allowed = {name for name in inside if name.startswith("allowed: ")}
    tried = set(inside) - allowed
    if machine.limit("pids", "pids.max") is None and not os.path.isdir(
            machine.path("/sys/fs/cgroup/pids")):
        figure("limit of tasks", "NOT TRIED: no cgroups for tasks here", "300")
        tried.discard("400 processes")
    got_out = {name for name in tried if inside[name] == "done"}
    figure("what is forbidden: attempts / that succeed",
           f"{len(tried)} / {len(got_out)}", "0 succeed")
    figure("no proof, for the container forbids them as well", ", ".join(
        sorted(name for name in tried if reports["root"][name] != "done")),
           "few")
    for name, report in reports.items():
        done = sum(report[name] == "done" for name in tried)
        figure(f"control, as {name} without the unit: attempts / that "
               "succeed", f"{len(tried)} / {done}", "most")
    eq("what succeeds", sorted(got_out), [])
    eq("what has to", {inside[name] for name in allowed}, {"done"})
    ok("most succeed without it", sum(
        reports["root"][name] == "done" for name in tried) > 0.8 * len(tried))


# --- AppArmor ---------------------------------------------------------------

# A kernel that has it is Debian's own, in qemu, with the profile, the handler
# and its socket. The first process loads the profile, makes the calls that it
# finds in /calls, and then has the probe in the handler's place, as root: all
# that stops it is the profile.
GUEST = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPOOLS "/var/spool/hookdir"
#define SERVICE 990 /* user and group */

static const struct sockaddr_un address = { AF_UNIX,
	"/run/hookdir/hookdir.sock" };
static char bytes[1 << 18];

static void
check(int good, const char *what)
{
	if (good)
		return;
	printf("FAULT %s: %s\n", what, strerror(errno));
	reboot(RB_AUTOBOOT); /* qemu ends */
}

static size_t
load(const char *path)
{
	int fd = open(path, O_RDONLY);
	size_t got = 0;
	ssize_t n;

	if (fd < 0)
		return 0;
	while ((n = read(fd, bytes + got, sizeof(bytes) - 1 - got)) > 0)
		got += (size_t)n;
	close(fd);
	bytes[got] = '\0';
	return got;
}

static int
run(const char *program, const char *word, const char *file)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		execl(program, program, word, file, (char *)NULL);
		_exit(126);
	}
	check(waitpid(pid, &status, 0) == pid, program);
	return status;
}

static pid_t
start_handler(void)
{
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t pid;

	check(bind(listener, (const struct sockaddr *)&address,
	    sizeof(address)) == 0 && listen(listener, 64) == 0, "socket");
	pid = fork();
	if (pid == 0) {
		dup2(listener, 0);
		dup2(1, 2);
		close(listener);
		if (setgroups(0, NULL) == 0 && setgid(SERVICE) == 0 &&
		    setuid(SERVICE) == 0)
			execl("/usr/sbin/hookdir.fcgi", "hookdir.fcgi",
			    (char *)NULL);
		_exit(126);
	}
	close(listener);
	return pid;
}

static void
call(int number)
{
	static char answer[65536];
	char path[64];
	size_t size, got = 0;
	ssize_t n;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(path, sizeof(path), "/calls/%d", number);
	size = load(path);
	check(connect(fd, (const struct sockaddr *)&address,
	    sizeof(address)) == 0, "connect");
	check(write(fd, bytes, size) == (ssize_t)size, "write");
	while ((n = read(fd, answer + got, sizeof(answer) - got)) > 0)
		got += (size_t)n;
	close(fd);
	printf("CALL %d %.3s\n", number, got > 16 ? answer + 16 : "");
}

static void
say_refusals(void)
{
	int n = klogctl(3, bytes, sizeof(bytes) - 1);
	char *line, *rest = bytes;

	check(n > 0, "kernel log");
	bytes[n] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL)
		if (strstr(line, "apparmor=\"DENIED\""))
			printf("REFUSED %s\n", line);
}

static void
probe(const char *program, const char *label)
{
	char *line, *rest = bytes;

	printf("STATUS %s %x\n", label, (unsigned)run(program, NULL, NULL));
	check(load(SPOOLS "/report") > 0, "report");
	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line)
			printf("%s|%s\n", label, line);
	unlink(SPOOLS "/report");
}

int
main(void)
{
	char path[64];
	pid_t pid;
	int i, status;

	setvbuf(stdout, NULL, _IONBF, 0);
	umask(027);
	check(mount("dev", "/dev", "devtmpfs", 0, NULL) == 0, "/dev");
	check(mount("proc", "/proc", "proc", 0, NULL) == 0, "/proc");
	check(mount("sys", "/sys", "sysfs", 0, NULL) == 0, "/sys");
	check(mount("security", "/sys/kernel/security", "securityfs", 0,
	    NULL) == 0, "/sys/kernel/security");
	check(chown(SPOOLS, SERVICE, SERVICE) == 0, SPOOLS);
	printf("LOADED %x\n", (unsigned)run("/sbin/apparmor_parser",
	    "--replace", "/etc/apparmor.d/hookdir.fcgi"));
	pid = start_handler();
	for (i = 1; i <= CALLS; i++)
		call(i);
	snprintf(path, sizeof(path), "/proc/%d/attr/current", pid);
	load(path);
	printf("LABEL %s\n", bytes);
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	printf("ENDED %x\n", (unsigned)status);
	say_refusals();
	/* Root without its capabilities is like anybody else. */
	check(chown(SPOOLS, 0, 0) == 0, SPOOLS);
	probe("/opt/hookdir/sbin/hookdir.fcgi", "inside");
	probe("/usr/lib/hookdir-probe", "outside");
	printf("COMPLETE\n");
	reboot(RB_AUTOBOOT); /* qemu ends */
	return 0;
}
"""

FEATURES = "/usr/share/apparmor-features/features"

# What the profile has to stop, also when root tries it
STOPPED = (
    "socket: inet", "socket: inet6", "socket: netlink", "socket: packet",
    "read /etc/shadow", "read /home", "read /root", "read /etc/hookdir",
    "read the key of TLS", "write in /", "write in /etc", "write in /usr",
    "write in /var/lib", "write in /var/spool", "write in /run",
    "write in /run/hookdir", "write in /tmp", "write in /var/tmp",
    "write in /dev", "write in /home", "run a shell",
    "run what was put into the spool", "run what was put into /tmp",
    "run from memory", "ptrace", "mount", "namespace: net",
    "namespace: mount", "real-time scheduling", "kernel log",
    "give a file away", "name of the machine")


def calls():
    """(a call as it is sent to the handler, the status it has to get)"""
    spool = SPOOLS + "/shipmondo"
    signed = {"HOOKDIR_SPOOL": spool, "HOOKDIR_SENDER": "shipmondo",
              "HOOKDIR_KEY": KEY}
    tokens = {"HOOKDIR_SPOOL": spool, "HOOKDIR_AUTH": "token",
              "HOOKDIR_JWKS": "/var/lib/hookdir-jwks/keys.json",
              "HOOKDIR_ISSUER": "https://a.example/",
              "HOOKDIR_AUDIENCE": "hookdir"}
    body = body_of(1)
    token = shipmondo.sign(b"{}", KEY, b'{"alg":"EdDSA"}').decode()
    for data, status, params in (
            (body, 200, signed), (body_of(2), 200, signed),
            (body, 200, {**signed, "HOOKDIR_DEDUP": "3600"}),
            (body, 200, {**signed, "HOOKDIR_DEDUP": "3600"}),
            (body, 403, {**signed, "HOOKDIR_KEY": KEY[::-1]}),
            (b"{}", 401, {**tokens, "HTTP_AUTHORIZATION": f"Bearer {token}"}),
            (body, 503, {**signed, "HOOKDIR_SPOOL": "/var/lib/elsewhere"})):
        pairs = harness.call_params(body=data, **params)
        yield (harness.fcgi_begin(pairs) + harness.fcgi_record(5, data)
               + harness.fcgi_record(5)), status


def compile_static(name, source):
    path = os.path.join(folder("static"), name)
    done = subprocess.run(
        ["gcc", "-O1", "-static", "-xc", "-o", path, "-"], input=source,
        check=False, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    if done.returncode:
        fail(f"{name} does not compile:\n{done.stdout}")
    return path


def guest_files(count):
    """All that the guest has: {its path there: the file here}"""
    probe = compile_static("probe", PROBE)
    parser = packaged("/sbin/apparmor_parser")
    ok("apparmor_parser is there", os.path.exists(parser))
    done = subprocess.run(["ldd", FCGI, parser], check=True, text=True,
                          stdout=subprocess.PIPE)
    files = {path: path for path in re.findall(r"(/\S+) \(0x", done.stdout)}
    for top in ("abi", "abstractions", "tunables"):
        base = packaged(f"/etc/apparmor.d/{top}")
        for place, _, names in os.walk(base):
            there = f"/etc/apparmor.d/{top}" + place.removeprefix(base)
            files.update({os.path.join(there, name): os.path.join(place, name)
                          for name in names})
    files.update({
        "/init": compile_static("init", f"#define CALLS {count}\n{GUEST}"),
        "/sbin/apparmor_parser": parser,
        "/etc/apparmor/parser.conf": packaged("/etc/apparmor/parser.conf"),
        FEATURES: packaged(FEATURES),
        "/etc/apparmor.d/hookdir.fcgi":
            root_file("handler", "hookdir.apparmor"),
        "/usr/sbin/hookdir.fcgi": FCGI,
        "/opt/hookdir/sbin/hookdir.fcgi": probe,
        "/usr/lib/hookdir-probe": probe, "/bin/sh": probe,
        "/bin/true": probe})
    for path in ("/etc/shadow", "/home/secret", "/root/secret",
                 "/etc/hookdir/shipmondo.conf",
                 "/etc/ssl/private/hookdir.key"):
        files[path] = write(os.path.join(folder("guest"), "secret"), "x\n")
    files["/var/lib/hookdir-jwks/keys.json"] = write(
        os.path.join(folder("guest"), "keys"), json.dumps(
            {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": 43 * "A"}]}))
    return files


def guest_image(sent):
    files = guest_files(len(sent))
    for number, data in enumerate(sent, 1):
        files[f"/calls/{number}"] = write(
            os.path.join(folder("call"), "call"), data)
    folders = {"/dev", "/proc", "/sys", "/mnt", "/run/hookdir", "/tmp",
               "/var/tmp", "/usr/lib", SPOOLS}
    for path in [*files, *folders]:
        while path != "/":
            path = os.path.dirname(path)
            folders.add(path)
    data = b"".join(guest.cpio_entry(path, 0o40755)
                    for path in sorted(folders) if path != "/")
    for path, source in files.items():
        with open(source, "rb") as file:
            data += guest.cpio_entry(path, 0o100755, file.read())
    data += guest.cpio_entry("/dev/console", 0o20600, device=(5, 1))
    data += guest.cpio_entry("TRAILER!!!", 0)
    return write(os.path.join(folder("image"), "image"), data)


def boot_guest(sent):
    """Answers what the guest had to say, in the end."""
    qemu = harness.Process("qemu")
    place = folder("qemu")
    console, log = os.path.join(place, "console"), os.path.join(place, "log")
    # setpriv: it dies with these tests.
    qemu.spawn(["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64",
                "-accel", "tcg", "-cpu", "max", "-m", "512", "-nodefaults",
                "-display", "none", "-no-reboot", "-serial",
                f"file:{console}", "-kernel", guest.kernel()[0],
                "-initrd", guest_image(sent), "-append",
                "console=ttyS0 quiet panic=-1 apparmor=1 security=apparmor"],
               log)
    try:
        wait_for(lambda: not qemu.alive(), "end of the guest", 150)
    finally:
        qemu.stop(9)
    with open(console, "rb") as file:
        text = file.read().decode("utf-8", "replace").replace("\r", "")
    if "\nCOMPLETE\n" not in text:
        fail(f"the guest: {text[-3000:]}{read(log)[-500:]}")
    return text


@test("AppArmor: the profile is one")
def _():
    done = subprocess.run(
        ["apparmor_parser", "-Q", "-K",
         root_file("handler", "hookdir.apparmor")], check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    figure("AppArmor profile, apparmor_parser -Q -K",
           f"status {done.returncode}", "status 0")
    eq("apparmor_parser", (done.returncode, done.stdout), (0, done.stdout))
    enabled = "/sys/module/apparmor/parameters/enabled"
    figure("AppArmor in the kernel of this machine", "yes" if os.path.exists(
        enabled) and read(enabled)[0] == "Y" else
           "NO: nothing is enforced here, but in a guest alone", "measured")


@test("AppArmor: a kernel that enforces the profile lets the handler work, "
      "and nothing else", seconds=SECONDS)
def _():
    sent, wanted = zip(*calls(), strict=True)
    start = time.monotonic()
    text = boot_guest(sent)
    print(f"# {time.monotonic() - start:.0f} s in the guest", flush=True)
    for line in re.findall(r"^(?:LOADED|LABEL|CALL|ENDED|REFUSED|hookdir).*",
                           text, re.M):
        print("# " + line, flush=True)
    has("the guest", text, "LOADED 0\n")
    has("the guest", text, "\nLABEL hookdir.fcgi (enforce)")
    got = re.findall(r"^CALL \d+ (.*)$", text, re.M)
    refused = re.findall(r"^REFUSED .*", text, re.M)
    figure("AppArmor enforced: answers", " ".join(got),
           " ".join(map(str, wanted)))
    figure("AppArmor enforced: refused to the handler, but the spool that "
           "stands elsewhere", sum("/var/lib/elsewhere" not in line
                                   for line in refused), 0)
    inside, outside = (dict(re.findall(rf"^{label}\|(.*?)\|(.*)$", text, re.M))
                       for label in ("inside", "outside"))
    for name, outcome in inside.items():
        print(f"# {name}: {outcome}; {outside[name]}", flush=True)
    figure("AppArmor enforced, as root: attempts that have to fail / that "
           "succeed", f"{len(STOPPED)} / "
           f"{sum(inside[name] == 'done' for name in STOPPED)}", "0 succeed")
    figure("control, as root without the profile: that succeed",
           sum(outside[name] == "done" for name in STOPPED), "all")
    eq("answers", got, [str(status) for status in wanted])
    eq("refused", [line for line in refused
                   if "/var/lib/elsewhere" not in line], [])
    has("end of the handler", text, "\nENDED 0\n")
    eq("what succeeds", [name for name in STOPPED if inside[name] == "done"],
       [])
    eq("in the spool", inside["allowed: write in the spool"], "done")
    eq("what fails without", [name for name in STOPPED
                              if outside[name] != "done"], [])


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""guest - a whole machine is killed, and what was acknowledged is there

A second witness beside powercut, which shares nothing with it but the
handler: Debian's kernel in qemu, with the handler, a few senders behind
FastCGI and a disk. The guest says on its serial line what was acknowledged.
Then qemu is killed, and the disk is looked at.

The disk has a cache that is lost with the power, as disks have: it is a
qcow2 image on top of a raw one, and where its blocks are qemu notes in
memory until the guest asks for a flush. So what the guest has written and
not flushed is gone in part. A guest that never asks shows that it is so.

Software emulation, no other acceleration: it runs everywhere, if slowly.
HOOKDIR_LONG=1 kills ten times as often. The kernel is that of initramfs. Needs
root to look at the disk.
"""

import functools
import glob
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
# pylint: disable=wrong-import-position
from cutdisk import Disk, command  # noqa: E402
from harness import (FCGI, Process, fail, folder, main,  # noqa: E402
                     ok, read, test, wait_for)
from initramfs import image, kernel, libraries, modules  # noqa: E402

LONG = os.environ.get("HOOKDIR_LONG", "") not in ("", "0")
KINDS = {"ext4": 6, "xfs": 6, "btrfs": 3}  # kills of each
TIMES = 10 if LONG else 1
SENDERS = 4
BOOT = 180  # seconds; a limit for what hangs

# The first process of the guest: it sets up, and is the senders as well.
INIT = r"""
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SENDERS %(senders)d

static const struct sockaddr_un address = { AF_UNIX, "/handler.sock" };
static char request[65536];
static size_t length;

static void
check(int good, const char *what)
{
	if (good)
		return;
	printf("FAULT %%s: %%s\n", what, strerror(errno));
	for (;;)
		pause();
}

static void
load_modules(void)
{
	FILE *list = fopen("/modules", "r");
	char path[256];
	int fd;

	check(list != NULL, "/modules");
	while (fgets(path, sizeof(path), list)) {
		path[strcspn(path, "\n")] = '\0';
		fd = open(path, O_RDONLY);
		/* What drives a processor that is not this one says ENODEV. */
		check(fd >= 0 && (syscall(SYS_finit_module, fd, "", 0) == 0 ||
		    errno == EEXIST || errno == ENODEV), path);
		close(fd);
	}
	fclose(list);
}

static void
mount_all(void)
{
	struct stat st;
	int i;

	check(mount("dev", "/dev", "devtmpfs", 0, NULL) == 0, "/dev");
	check(mount("proc", "/proc", "proc", 0, NULL) == 0, "/proc");
	load_modules();
	for (i = 0; stat("/dev/vda", &st) < 0 && i < 3000; i++)
		usleep(10000);
	check(mount("/dev/vda", "/disk", getenv("disk_kind"), 0,
	    getenv("disk_options")) == 0, "/disk");
}

static void
start_handler(void)
{
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	check(bind(listener, (const struct sockaddr *)&address,
	    sizeof(address)) == 0 && listen(listener, 64) == 0, "socket");
	if (fork() == 0) {
		dup2(listener, 0);
		close(listener);
		/* In memory: the serial line is slow. */
		dup2(open("/log", O_CREAT | O_WRONLY | O_APPEND, 0600), 2);
		execl("/hookdir.fcgi", "hookdir.fcgi", (char *)NULL);
		check(0, "exec");
	}
	close(listener);
}

static void
add(const void *bytes, size_t size)
{
	memcpy(request + length, bytes, size);
	length += size;
}

static void
add_record(int kind, const char *content, size_t size)
{
	const unsigned char head[8] = { 1, (unsigned char)kind, 0, 1,
		(unsigned char)(size >> 8), (unsigned char)size, 0, 0 };

	add(head, sizeof(head));
	add(content, size);
}

static size_t
pair(char *at, const char *name, const char *value)
{
	*at++ = (char)strlen(name);
	*at++ = (char)strlen(value);
	memcpy(at, name, strlen(name));
	memcpy(at + strlen(name), value, strlen(value));
	return 2 + strlen(name) + strlen(value);
}

static void
make_request(const char *body, size_t size)
{
	static const char begin[8] = { 0, 1, 0 };
	char params[1024], text[32];
	size_t n = 0;

	snprintf(text, sizeof(text), "%%zu", size);
	n += pair(params + n, "REQUEST_METHOD", "POST");
	n += pair(params + n, "REQUEST_URI", "/webhook");
	n += pair(params + n, "SERVER_NAME", "hooks.example");
	n += pair(params + n, "CONTENT_TYPE", "application/json");
	n += pair(params + n, "CONTENT_LENGTH", text);
	n += pair(params + n, "HOOKDIR_SPOOL", "/disk/spool");
	n += pair(params + n, "HOOKDIR_AUTH", "none");
	length = 0;
	add_record(1, begin, sizeof(begin));
	add_record(4, params, n);
	add_record(4, "", 0);
	add_record(5, body, size);
	add_record(5, "", 0);
}

/* Was it accepted? */
static int
send_request(void)
{
	static char answer[65536];
	size_t got = 0;
	ssize_t n;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	check(connect(fd, (const struct sockaddr *)&address,
	    sizeof(address)) == 0, "connect");
	check(write(fd, request, length) == (ssize_t)length, "write");
	while ((n = read(fd, answer + got, sizeof(answer) - got)) > 0)
		got += (size_t)n;
	close(fd);
	return memmem(answer, got, "\"accepted\"", 10) != NULL;
}

static void
send_all(int sender)
{
	static char body[40000];
	char line[64];
	size_t size, head;
	int n;

	for (n = 1;; n++) {
		head = (size_t)sprintf(body, "{\"n\":\"%%s-%%d-%%d\",\"s\":\"",
		    getenv("boot_number"), sender, n);
		size = (size_t)((n * 7919 + sender * 104729) %% 30000);
		memset(body + head, 'a' + n %% 26, size);
		memcpy(body + head + size, "\"}", 2);
		make_request(body, head + size + 2);
		sprintf(line, "%%s %%s-%%d-%%d\n",
		    send_request() ? "ACCEPTED" : "REFUSED",
		    getenv("boot_number"), sender, n);
		/* In one piece, or the senders' lines would mix. */
		check(write(1, line, strlen(line)) > 0, "console");
	}
}

/* A consumer that takes each message as soon as it can be seen. */
static void
claim_all(void)
{
	char from[512], to[512];
	struct dirent *entry;
	DIR *dir;

	for (;;) {
		dir = opendir("/disk/spool/new");
		while (dir && (entry = readdir(dir)) != NULL) {
			if (entry->d_name[0] == '.')
				continue;
			snprintf(from, sizeof(from), "/disk/spool/new/%%s",
			    entry->d_name);
			snprintf(to, sizeof(to), "/disk/spool/cur/%%s",
			    entry->d_name);
			check(rename(from, to) == 0 || errno == ENOENT, "cur");
		}
		if (dir)
			closedir(dir);
		usleep(200);
	}
}

int
main(void)
{
	int i, status;

	setvbuf(stdout, NULL, _IONBF, 0);
	mount_all();
	start_handler();
	for (i = 0; i < SENDERS; i++)
		if (fork() == 0)
			send_all(i);
	/* At every other boot; without it, what is looked at is new/. */
	if (atoi(getenv("boot_number")) %% 2 == 0 && fork() == 0)
		claim_all();
	wait(&status);
	printf("FAULT a process ended: %%x\n", (unsigned)status);
	for (;;)
		pause();
}
"""


def body_of(name):
    """The body that the guest makes for BOOT-SENDER-NUMBER"""
    _, sender, number = map(int, name.split("-"))
    size = (number * 7919 + sender * 104729) % 30000
    return (f'{{"n":"{name}","s":"'
            + chr(ord("a") + number % 26) * size + '"}').encode()


# --- what the guest is made of ----------------------------------------------

@functools.cache
def init():
    path = os.path.join(folder("init"), "init")
    done = subprocess.run(
        ["gcc", "-O1", "-static", "-D_GNU_SOURCE", "-xc", "-o", path, "-"],
        input=INIT % {"senders": SENDERS}, check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        fail(f"the guest's init does not compile:\n{done.stdout}")
    return path


@functools.cache
def initramfs(program):
    """All that the guest has, with its paths; answers the file."""
    return image({**libraries(program), "/init": init(),
                  "/hookdir.fcgi": program},
                 modules("virtio_pci", "virtio_blk", *KINDS), ("/disk",))


# --- the guest --------------------------------------------------------------

class Guest(Process):
    def __init__(self, kind, program, options=""):
        super().__init__("qemu")
        for tool in ("qemu-system-x86_64", "qemu-img"):
            if not shutil.which(tool):
                fail(f"{tool} is not installed")
        self.disk = Disk(kind)
        self.program = program
        self.options = options
        self.dir = folder("guest")
        self.layer = os.path.join(self.dir, "layer.qcow2")
        self.console = ""
        self.boots = 0

    def boot(self):
        self.boots += 1
        # Small blocks: more of them are new, and so may be lost.
        command("qemu-img", "create", "-q", "-f", "qcow2", "-o",
                "cluster_size=4096", "-F", "raw", "-b", self.disk.image,
                self.layer)
        self.console = os.path.join(self.dir, f"console-{self.boots}")
        append = (f"console=ttyS0 quiet panic=-1 disk_kind={self.disk.kind} "
                  f"disk_options={self.options} boot_number={self.boots}")
        self.spawn(["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max",
                    "-m", "256", "-nodefaults", "-display", "none",
                    "-no-reboot", "-serial", f"file:{self.console}",
                    "-kernel", kernel()[0], "-initrd",
                    initramfs(self.program), "-append", append,
                    "-drive", f"file={self.layer},format=qcow2,if=none,"
                    "id=disk,cache=writeback",
                    "-device", "virtio-blk-pci,drive=disk"],
                   os.path.join(self.dir, "log"))
        wait_for(lambda: self.says("ACCEPTED"),
                 f"message from the guest:\n{self.text()[-2000:]}", BOOT)

    def text(self):
        """What it said; a line that is cut off has not been said."""
        if not os.path.exists(self.console):
            return ""
        with open(self.console, "rb") as file:
            text = file.read().decode("ascii", "replace")
        return text[:text.rfind("\n") + 1]

    def sound(self):
        """What it said, if that is no trouble"""
        text = self.text()
        for trouble in ("FAULT", "REFUSED", "Kernel panic"):
            if trouble in text:
                fail(f"the guest: {text[-2000:]}")
        return text

    def says(self, word):
        text = self.sound()
        if not self.alive():
            fail("qemu ended:\n" + read(os.path.join(self.dir, "log"))
                 + text[-2000:])
        return word in text

    def kill(self):
        """Answers what was acknowledged."""
        self.stop(9)
        text = self.sound()
        # What is left of the image is the disk from now on.
        command("qemu-img", "convert", "-f", "qcow2", "-O", "raw",
                self.layer, self.disk.image + ".new")
        os.unlink(self.layer)
        os.rename(self.disk.image + ".new", self.disk.image)
        return set(re.findall(r"^ACCEPTED (\d+-\d+-\d+)\r?$", text, re.M))

    def stored(self):
        """(names of what is whole in new/ and cur/, what is torn)"""
        whole, torn = set(), []
        self.disk.mount()
        try:
            spool = os.path.join(self.disk.place, "spool")
            for path in (glob.glob(os.path.join(spool, "new", "*"))
                         + glob.glob(os.path.join(spool, "cur", "*"))):
                with open(path, "rb") as file:
                    raw = file.read()
                try:
                    which = json.loads(raw)["data"]["n"]
                    good = raw.endswith(b',"data":' + body_of(which) + b"}\n")
                except (ValueError, KeyError, TypeError):
                    good = False
                if good:
                    whole.add(which)
                else:
                    torn.append(f"{os.path.basename(path)}: {len(raw)} "
                                f"bytes, {raw[:40]!r}")
        finally:
            self.disk.unmount()
        return whole, torn


class Outcome:
    def __init__(self):
        self.kills = self.caught = 0
        self.acknowledged, self.lost, self.torn = set(), set(), set()

    def __str__(self):
        return (f"{self.kills} / {len(self.acknowledged)} / "
                f"{len(self.lost)} / {len(self.torn)}")


def kills(kind, count, program=FCGI, options="", until_caught=False):
    """Boots a guest and kills it, so many times with the same disk."""
    guest = Guest(kind, program, options)
    rng = random.Random()
    outcome = Outcome()
    start = time.monotonic()
    for _ in range(count):
        guest.boot()
        time.sleep(rng.uniform(0, 2))
        outcome.acknowledged |= guest.kill()
        outcome.kills += 1
        whole, torn = guest.stored()
        lost = outcome.acknowledged - whole - outcome.lost
        torn = set(torn) - outcome.torn
        outcome.caught += bool(lost or torn)
        outcome.lost |= lost
        outcome.torn |= torn
        if until_caught and outcome.caught:
            break
    print(f"# {(time.monotonic() - start) / outcome.kills:.1f} s a kill, "
          f"kernel {kernel()[1]}", flush=True)
    guest.disk.close()
    return outcome


def figure(what, value, target):
    print(f"# figure power cuts | {what} | {value} | {target}", flush=True)


for _kind, _kills in KINDS.items():
    @test(f"guest: {_kind}: killed {_kills * TIMES} times: nothing is lost "
          "or torn", seconds=_kills * TIMES * BOOT)
    def _(kind=_kind, count=_kills * TIMES):
        outcome = kills(kind, count)
        figure(f"guest killed, {kind}: kills / acknowledged / lost / torn",
               outcome, "0 lost, 0 torn")
        if outcome.lost or outcome.torn:
            fail("\n".join([*(f"lost: {name}" for name in outcome.lost),
                            *(f"torn: {text}" for text in outcome.torn)]))
        ok("something was acknowledged", outcome.acknowledged)


def control(name, **how):
    """Kills until that is caught, which it has to be soon."""
    outcome = kills("ext4", 8, until_caught=True, **how)
    figure(f"control {name}, guest killed, ext4: caught",
           f"{outcome.caught} of {outcome.kills}, {len(outcome.lost)} lost, "
           f"{len(outcome.torn)} torn", "at least 1")
    ok("it is caught", outcome.caught)


for _name in ("no-file-fsync", "no-directory-fsync"):
    @test(f"guest: ext4: a handler with {_name} is caught", seconds=8 * BOOT)
    def _(name=_name):
        program = os.path.join(os.path.dirname(FCGI), "broken", name,
                               "hookdir.fcgi")
        if not os.access(program, os.X_OK):
            fail(f"{program}: not there; run make broken")
        control(name, program=program)


@test("guest: ext4: a kernel that never flushes its disk is caught",
      seconds=8 * BOOT)
def _():
    control("nobarrier", options="nobarrier")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""spools - a spool filled by hand, and hookdir run at work on it

    work = Work()
    work.put(subject="7")
    work.run("--retries", "2", command=work.script('echo "$1" >>ran'))
    eq("states", work.states(), DONE)

run() lets it end by itself and answers its exit code and what it said;
start() answers a Runner, which is a harness.Process. What commands leave,
they leave in work.dir, where they run. HOOKDIR_TOOL names another hookdir.
"""

import contextlib
import functools
import json
import os
import re
import signal
import subprocess
import time

from harness import (SANITIZER, Process, Spool, clean_environment, eq, fail,
                     folder, read, root_file, wait_for)

TOOL = os.path.abspath(os.environ.get(
    "HOOKDIR_TOOL", root_file("build", "hookdir")))
DONE = {"new": 0, "cur": 0, "failed": 0}
NAME = re.compile(r"(?P<base>[^,]+?)(?:,tries=(?P<tries>\d+))?"
                  r"(?:,later=(?P<later>\d+))?(?:,missed=\d+)?(?:,alone)?"
                  r"(?:,next=(?P<next>\d+))?(?:,end=\w+)?\.json")


@functools.cache
def sanitized():
    """Is the hookdir under test built with a sanitizer?"""
    with open(TOOL, "rb") as file:
        return b"__asan_init" in file.read()


def event(data=b"{}", **attributes):
    """An event as the handler writes one; None leaves an attribute out"""
    head = {"specversion": "1.0", "id": "e1", "source": "https://a.example/w",
            "type": "com.example.things.change", "subject": "7",
            "time": "2026-11-21T17:05:33.123456Z",
            "datacontenttype": "application/json", "sender": "generic",
            **attributes}
    text = json.dumps({name: value for name, value in head.items()
                       if value is not None}, ensure_ascii=False)
    data = b"" if data is None else b',"data":' + data
    return text[:-1].encode() + data + b"}\n"


class Parts:
    """What the name of a message's file says"""

    def __init__(self, name):
        match = NAME.fullmatch(name) or fail(f"a name like that: {name}")
        self.base = match["base"]
        self.tries, self.later, self.next = (
            int(match[part] or 0) for part in ("tries", "later", "next"))


class Done:
    """How a run ended"""

    def __init__(self, code, text):
        self.code = code
        self.text = text


class Runner(Process):
    """hookdir run. What it says goes to a file, which text() reads, or its
    standard error to the terminal of that path."""

    def __init__(self, work, *options, command, env=None, path=None,
                 terminal=None, wrapper=(), **how):
        super().__init__("hookdir run")
        self.log = os.path.join(folder("runner"), "log")
        command = [command] if isinstance(command, str) else command
        to = f" 2>{terminal}" if terminal else ""
        self.spawn(["sh", "-c", f'cd "$1" && shift && exec "$@"{to}', "sh",
                    work.dir, *wrapper, TOOL, "run", *options,
                    path or work.path, "--", *command],
                   self.log, env=env or clean_environment(), **how)

    def text(self):
        with open(self.log, "rb") as file:
            return file.read().decode("utf-8", "backslashreplace")

    def ended(self, seconds=120):
        """Waits until it has ended by itself."""
        try:
            code = self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            fail(f"still running after {seconds} s:\n{self.text()[-2000:]}")
        self.running = False
        return self._done(code)

    def ask(self, number=signal.SIGTERM):
        """Sends a signal, once it is set up to take one."""
        wait_for(lambda: self.guard() or not self.alive(), "guard")
        self.popen.send_signal(number)

    def end(self, number=signal.SIGTERM):
        """Ends it with a signal, and waits for that."""
        self.ask(number)
        return self.ended()

    def kill(self):
        """kill -9 of it alone, and not of its group"""
        self.running = False
        with contextlib.suppress(ProcessLookupError):
            self.popen.kill()
        self.popen.wait()

    def _done(self, code):
        text = self.text()
        if SANITIZER.search(text):
            fail(f"a sanitizer's report:\n{text[:3000]}")
        return Done(code, text)

    def guard(self):
        """The process that ends the commands should the runner be killed:
        the child with a session of its own"""
        for pid in self.children():
            with contextlib.suppress(OSError):
                if os.getsid(pid) == pid:
                    return pid
        return None

    def wait_for_guard(self):
        """The same. A command may run before its guard has a session."""
        return wait_for(self.guard, "guard")

    def commands(self):
        """Children that lead a process group in the runner's session"""
        found = []
        for pid in self.children():
            with contextlib.suppress(OSError):
                if os.getpgid(pid) == pid and os.getsid(pid) != pid:
                    found.append(pid)
        return found

    def watches(self):
        """Is what arrives told to it by now?"""
        place = f"/proc/{self.pid}/fdinfo"
        with contextlib.suppress(OSError):
            return any("inotify wd:" in read(os.path.join(place, fd))
                       for fd in os.listdir(place))
        return False

    def is_idle(self):
        return (self.watches() and self.guard() and not self.commands() and
                read(f"/proc/{self.pid}/stat").rpartition(")")[2].split()[0]
                == "S")


class Work(Spool):
    """A spool, and a folder around it for what commands leave"""

    def __init__(self, inside="spool", states=("tmp", "new", "cur", "failed")):
        self.dir = folder("work", mode=0o755)
        super().__init__(os.path.join(self.dir, inside))
        for name in ("", *states):
            os.mkdir(os.path.join(self.path, name))
        self.count = 0

    def place(self, *names):
        return os.path.join(self.path, *names)

    def beside(self, name):
        return os.path.join(self.dir, name)

    def base(self):
        self.count += 1
        return f"1795292717.M{self.count:06}P1Q1.shop"

    def put(self, text=None, name=None, where="new", **attributes):
        """A message; answers the name of its file. It comes by a rename,
        as from the handler."""
        name = name or self.base() + ".json"
        draft = self.place("tmp", "draft")
        with open(draft, "wb") as file:
            file.write(event(**attributes) if text is None else text)
        os.rename(draft, os.path.join(os.fsencode(self.place(where)),
                                      os.fsencode(name)))
        return name

    def fill(self, count, **attributes):
        """So many messages, with ids e1, e2, ..."""
        return [self.put(id=f"e{number + 1}", **attributes)
                for number in range(count)]

    def script(self, text, name="command", interpreter="/bin/sh"):
        """A program in the folder; answers its path."""
        path = self.beside(name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(f"#!{interpreter}\n{text}\n")
        os.chmod(path + ".new", 0o755)
        os.rename(path + ".new", path)
        return path

    def start(self, *options, command, **how):
        return Runner(self, *options, command=command, **how)

    def run(self, *options, command, code=0, **how):
        done = self.start(*options, command=command, **how).ended()
        eq(f"exit code ({done.text[-500:]})", done.code, code)
        return done

    def states(self, *more):
        return {where: len(self.names(where)) for where in (*DONE, *more)}

    def parts(self, where="new"):
        """Those of the only message there"""
        names = self.names(where)
        eq(f"messages in {where}/", len(names), 1)
        return Parts(names[0])

    def lines(self, name):
        """The lines of a file beside the spool; none when it is missing"""
        try:
            return read(self.beside(name)).splitlines()
        except FileNotFoundError:
            return []

    def log_of(self, name):
        """What log/ has for a message: the first line, and the rest"""
        path = self.place("log", name.split(",")[0].removesuffix(".json")
                          + ".log")
        with open(path, "rb") as file:
            first, _, rest = file.read().partition(b"\n")
        return first.decode(), rest

    def wait_for_line(self, name, count=1):
        wait_for(lambda: len(self.lines(name)) >= count,
                 f"line {count} of {name}")
        return self.lines(name)


# What a command of few milliseconds does: say when it starts and ends, in
# a file for each message, which it has locked meanwhile.
RECORDER = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static int record;

static void
say(const char *what)
{
	struct timespec t;
	char line[128];
	int len;

	clock_gettime(CLOCK_MONOTONIC, &t);
	len = snprintf(line, sizeof(line), "%s %d %d %lld\n", what,
	    (int)getpid(), (int)getppid(),
	    (long long)t.tv_sec * 1000000000 + t.tv_nsec);
	if (write(record, line, (size_t)len) != len)
		_exit(99);
}

/* recorder FOLDER LONGEST_MICROSECONDS MESSAGE */
int
main(int argc, char **argv)
{
	char path[4096];

	if (argc != 4)
		return 98;
	snprintf(path, sizeof(path), "%s/%s", argv[1], getenv("CE_ID"));
	record = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (record < 0)
		return 97;
	if (flock(record, LOCK_EX | LOCK_NB) < 0)
		say("overlap");
	say("start");
	srand((unsigned)getpid());
	if (atoi(argv[2]))
		usleep((useconds_t)(rand() % atoi(argv[2])));
	say("end");
	return 0;
}
"""


@functools.cache
def recorder():
    """The path of the program"""
    path = os.path.join(folder("recorder", mode=0o755), "recorder")
    subprocess.run(["gcc", "-O1", "-o", path, "-xc", "-"], check=True,
                   input=RECORDER.encode())
    return path


class Record:
    """A line that the recorder wrote"""

    def __init__(self, line):
        self.what, pid, parent, when = line.split()
        self.pid, self.parent, self.when = int(pid), int(parent), int(when)


def recorded(place):
    """What the recorder wrote there: id to lines"""
    return {name: [Record(line) for line in
                   read(os.path.join(place, name)).splitlines()]
            for name in os.listdir(place)}


def processes_of(word):
    """The processes that have this word in their command line"""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if word.encode() in file.read() and int(pid) != os.getpid():
                    found.append(int(pid))
    return found


def alive(pid):
    """Neither gone nor waiting to be reaped"""
    with contextlib.suppress(OSError):
        return read(f"/proc/{pid}/stat").rpartition(")")[2].split()[0] != "Z"
    return False


def now():
    return int(time.time())

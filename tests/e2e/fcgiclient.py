# SPDX-License-Identifier: MIT
"""fcgiclient - both ways into the handler, its log, and raw FastCGI

What the tests of the process side share. A test of the answers does not
ask how a request travels: Way() is FastCGI or CGI, and

    got, line = way.call(b'{"a":1}', **endpoint(spool))

is the answer and the line that the handler logged for it, as a dict. A test
of the process itself wants to stop in the middle of a request: records() is
a request cut at its records, Peer() a connection that sends what it is told.
"""

import fcntl
import functools
import os
import re
import socket
import struct
import sys
import tempfile
import termios

from harness import (FCGI, PATIENCE, Cgi, Handler, Spool, call_params, eq,
                     fail, fcgi_pairs, fcgi_record, has, ok, parse_cgi, read,
                     wait_for, work)

BODY = b'{"hello":"world"}'
KEY = "a key of thirty-two bytes or more"
OTHER_KEY = "another key of thirty-two bytes..."


def endpoint(path, **params):
    """The parameters of an endpoint that lets everybody in"""
    return {"HOOKDIR_SPOOL": path, "HOOKDIR_AUTH": "none", **params}


def signed_endpoint(path, **params):
    return {"HOOKDIR_SPOOL": path, "HOOKDIR_SENDER": "shipmondo",
            "HOOKDIR_KEY": KEY, **params}


def new_place(mode=0o711):
    """A new folder; unlike harness.folder() for many threads at once"""
    path = tempfile.mkdtemp(prefix="place-", dir=work())
    os.chmod(path, mode)
    return path


def new_spool(mode=0o711):
    """A spool that is not there yet, in a folder of its own"""
    return Spool(os.path.join(new_place(mode), "spool"))


@functools.cache
def sanitized():
    """Is the binary under test built with a sanitizer?"""
    with open(FCGI, "rb") as file:
        binary = file.read()
    return any(name in binary for name in (b"__asan_init", b"__tsan_init",
                                           b"__msan_init"))


# --- the log ----------------------------------------------------------------

LINE = re.compile(
    r'(?:<[3-6]>)?hookdir\.fcgi:((?: [a-z]+=(?:"(?:[^"\\]|\\.)*"'
    r'|[^"\\= ]+))+)')
PAIR = re.compile(r' ([a-z]+)=("(?:[^"\\]|\\.)*"|[^"\\= ]+)')


def parse_line(line):
    """A line of the log as a dict; one of another form fails."""
    match = LINE.fullmatch(line)
    if not match:
        fail(f"no line of the log's form: {line!r}")
    fields = {}
    for name, value in PAIR.findall(match[1]):
        ok(f"{name} stands in the line once", name not in fields)
        fields[name] = value[1:-1] if value.startswith('"') else value
    return fields


def parse_log(text):
    """Each complete line"""
    return [parse_line(line) for line in text.split("\n")[:-1]]


def request_log(text):
    """The lines of requests alone, and of events none"""
    return [line for line in parse_log(text) if "status" in line]


# --- both ways in -----------------------------------------------------------

class Way:
    """FastCGI or CGI; options go to Handler() or Cgi()."""

    def __init__(self, kind, **options):
        self.kind = kind
        self.program = {"fcgi": Handler, "cgi": Cgi}[kind](**options)

    def call(self, body=BODY, lines=1, **params):
        """One request: the answer, and its line in the log. lines: how
        many lines it writes; the request's own is the last."""
        before = len(self.program.log())
        got = self.program.request(body, **params)
        if self.kind == "cgi":
            eq("exit status", self.program.exit, 0)
        new = wait_for(lambda: self._lines(before, lines), "line in the log")
        eq("lines in the log", len(new), lines)
        has("the last line", new[-1], "status")
        eq("status in the log", new[-1]["status"], str(got.status))
        return got, new[-1]

    def _lines(self, before, count):
        """Without the one that tells of a spool that was made"""
        text = self.program.log()[before:]
        lines = parse_log(text[:text.rfind("\n") + 1])
        lines = [line for line in lines
                 if line.get("event") != "spool-made"]
        return lines if len(lines) >= count else None

    def log(self):
        return self.program.log()

    def stop(self):
        if self.kind == "fcgi":
            self.program.stop()


def nothing_made(spool):
    ok(f"{spool.path} was not made", not os.path.lexists(spool.path))


def nothing_stored(spool):
    eq("files in the spool", spool.files(), [])


# --- raw FastCGI ------------------------------------------------------------

def records(body=BODY, pieces=3, **params):
    """A request as a list of records: BEGIN_REQUEST, the PARAMS in some
    pieces and their end, the STDIN in some pieces and its end."""
    text = fcgi_pairs(call_params(body=body, **params))

    def cut(kind, content):
        size = max(1, -(-len(content) // pieces))
        parts = [content[at:at + size]
                 for at in range(0, len(content), size)]
        return [fcgi_record(kind, part) for part in parts]

    return [begin(), *cut(4, text), fcgi_record(4),
            *cut(5, body), fcgi_record(5)]


def begin(role=1, request=1):
    """BEGIN_REQUEST; role 1 is a responder, 2 an authorizer, 3 a filter."""
    return fcgi_record(1, struct.pack(">HB5x", role, 0), request)


def get_values():
    return fcgi_record(9, fcgi_pairs([(b"FCGI_MPXS_CONNS", b"")]), 0)


# A management record of no known type. The protocol has an answer to it,
# and unlike FCGI_GET_VALUES it gets it even where no request follows.
UNKNOWN = fcgi_record(99, b"", 0)


def forgiving():
    """The environment of a handler that is sent UNKNOWN: libfcgi 2.4.2
    never frees the 48 bytes that it takes for each such record."""
    path = os.path.join(new_place(0o755), "suppressions")
    with open(path, "w", encoding="ascii") as file:
        file.write("leak:libfcgi.so\n")
    others = os.environ.get("LSAN_OPTIONS")
    return {"LSAN_OPTIONS": ":".join(
        filter(None, (others, f"suppressions={path}")))}


class Peer:
    """A connection to a handler's socket"""

    def __init__(self, handler, timeout=PATIENCE):
        self.sock = handler.connect(timeout)

    def send(self, *parts):
        self.sock.sendall(b"".join(parts))
        return self

    def taken(self):
        """Returns when the handler has read all that was sent: a thread of
        it has this connection."""
        wait_for(lambda: not self._unread(), "reading of what was sent")
        return self

    def _unread(self):
        """unix(7): SIOCOUTQ is how much the other side has yet to read."""
        left = fcntl.ioctl(self.sock, termios.TIOCOUTQ, b"\0" * 4)
        return int.from_bytes(left, sys.byteorder)

    def pinged(self):
        """Sends UNKNOWN and waits for the answer to it."""
        self.send(UNKNOWN)
        left = 16
        while left:
            part = self.sock.recv(left)
            ok("the connection is open", part)
            left -= len(part)
        return self

    def finish_sending(self):
        self.sock.shutdown(socket.SHUT_WR)
        return self

    def answer(self):
        """The answer; status 0 when the handler hung up without one"""
        out, error = b"", "no END_REQUEST "
        try:
            with self.sock.makefile("rb") as stream:
                while error:
                    head = stream.read(8)
                    if len(head) < 8:
                        break
                    content = stream.read(int.from_bytes(head[4:6], "big"))
                    stream.read(head[6])
                    out += content if head[1] == 6 else b""
                    error = "" if head[1] == 3 else error
        except ConnectionResetError:
            pass
        answer = parse_cgi(out)
        answer.error += error
        return answer

    def at_end(self):
        """Waits until the handler has closed the connection."""
        try:
            while self.sock.recv(65536):
                pass
        except ConnectionResetError:
            pass

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# --- what the kernel knows of a process -------------------------------------

def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def cpu_seconds(pid):
    """User and system time that the process has used so far"""
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid, name):
    """A figure of /proc/PID/status in bytes: VmRSS, VmHWM"""
    text = read(f"/proc/{pid}/status")
    return int(re.search(rf"^{name}:\s*(\d+) kB", text, re.M)[1]) * 1024

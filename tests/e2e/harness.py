# SPDX-License-Identifier: MIT
"""harness - starts the handler and real web servers, and speaks TAP

A test file reads like this:

    from harness import Apache, Handler, Nginx, Spool, Cgi
    from harness import eq, fail, has, main, ok, skip, test, wait_for
    import shipmondo

    @test("nginx: a signed message is stored")
    def _():
        with Handler() as handler, Nginx(handler, keys=["s3cret"]) as web:
            body = shipmondo.body(shipmondo.form_b(), "s3cret")
            got = web.post("/webhook/shipmondo", body,
                           headers=[("SMD-Action", "create")])
            eq("status", got.status, 200)
            message = web.spool("shipmondo").one()
            eq("smdaction", message["smdaction"], "create")
            eq("data", message.data, shipmondo.form_b())

    if __name__ == "__main__":
        main()

Run it with words as arguments to run only the tests whose name holds one
of them. It prints TAP and exits 1 when a test failed. A test passes when it
returns; eq(), ok(), has() and fail() end it. After each test the harness
itself looks for sanitizer reports and for handlers that died.

  Handler()   hookdir.fcgi on a unix socket. stop() start() restart() keep
              the listening socket, so no call is lost meanwhile; down() and
              up() take the socket away and bring it back. request() speaks
              FastCGI to it without any web server.
  Cgi()       the same program as plain CGI, without any web server.
  Nginx(handler), Apache(handler), Apache(None, "hookdir-cgi.conf")
              the web server with the sample configuration of that name.
              "vhost.conf" has /webhook/shipmondo, /webhook/basic and
              /webhook/bearer. "hookdir.conf" goes into a small server of
              the harness's own; there endpoints={"/path": {"HOOKDIR_...":
              "value"}} adds further endpoints (HOOKDIR_SPOOL is filled in),
              and also=["hookdir-nshift.conf"] further samples, whose secrets
              secrets={"nshift.conf": ["current", "previous"]} fills in.
              post() request() raw() reload() logs() spool(name).
  curl()      one call; Response has status, header(), all(), body, json().
  Spool(path) messages() quarantine() one() files() of a spool folder.

Rules: servers listen on free ports of 127.0.0.1 and live in one temporary
folder (TMPDIR is honoured), which is removed at the end, also after a signal
or an exception; only processes started here are ended. Nothing sleeps for a
fixed time: wait_for() polls. HOOKDIR_FCGI names another binary to test.
Everything works as root (workers then run as www-data) and as anybody else.
"""

import atexit
import collections
import contextlib
import functools
import http.client
import json
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
FCGI = os.path.abspath(os.environ.get(
    "HOOKDIR_FCGI", os.path.join(ROOT, "build", "hookdir.fcgi")))
# What tests/need unpacked; what is installed goes first.
UNPACKED = os.path.join(ROOT, "build", "packages")
PATH = ":".join(["/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                 os.path.join(UNPACKED, "bin")])
os.environ["PATH"] = f"{os.environ.get('PATH', '')}:{PATH}"
NAME = "hooks.example"  # the server name of the samples
IS_ROOT = os.geteuid() == 0
WEB_USER = "www-data" if IS_ROOT else None
PATIENCE = 60  # seconds; a limit for broken things, never a measure

SANITIZER = re.compile(
    r"(ERROR|WARNING|SUMMARY): (Address|Leak|Memory|Thread|Undefined\w*)"
    r"Sanitizer|runtime error: ")


# --- verdicts ---------------------------------------------------------------

class Failure(Exception):
    """What a failed test has to say, one diagnostic a line."""


class Skip(Exception):
    pass


def fail(text):
    raise Failure(text)


def ok(what, truth):
    if not truth:
        fail(f"{what}: is not so")


def eq(what, got, want):
    if got != want:
        fail(f"{what}:\ngot  {_short(got)}\nwant {_short(want)}")


def has(what, got, want):
    """want occurs in got (a text, bytes or a list)"""
    if want not in got:
        fail(f"{what}:\ngot  {_short(got)}\nwant {_short(want)} in it")


def hasnt(what, got, unwanted):
    if unwanted in got:
        fail(f"{what}:\ngot  {_short(got)}\nwant no {_short(unwanted)} in it")


def skip(reason):
    """Only "needs root" skips; whatever else is missing is a failure."""
    if reason != "needs root":
        fail(f"skipped: {reason}")
    raise Skip(reason)


def needs_root():
    if not IS_ROOT:
        skip("needs root")


def wait_for(condition, what, seconds=PATIENCE):
    """Polls until condition() is true and returns what it returned."""
    until = time.monotonic() + seconds
    pause = 0.002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            fail(f"no {what} within {seconds} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def _short(value, limit=600):
    text = value if isinstance(value, Response) else repr(value)
    text = str(text)
    if len(text) > limit:
        text = f"{text[:limit]}... ({len(text)} characters)"
    return text


# --- the registry, and TAP --------------------------------------------------

_tests = []


def test(name, seconds=300):
    """Registers a test. seconds: after which it has hung."""
    def register(function):
        _tests.append((name, function, seconds))
        return function
    return register


def main():
    """Runs the registered tests and exits."""
    words = sys.argv[1:]
    chosen = [t for t in _tests
              if not words or any(word in t[0] for word in words)]
    if not chosen:
        sys.exit(f"no test has one of these in its name: {words}")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _on_signal)
    signal.signal(signal.SIGALRM, _on_alarm)
    print(f"1..{len(chosen)}", flush=True)
    failed = 0
    for number, (name, function, seconds) in enumerate(chosen, 1):
        verdict, notes = _run(function, seconds)
        failed += verdict.startswith("not")
        verdict, _, directive = verdict.partition(" #")
        print(f"{verdict} {number} - {name}"
              + (f" #{directive}" if directive else ""), flush=True)
        for line in notes:
            print("# " + line.encode("ascii", "backslashreplace").decode(),
                  flush=True)
    _close()
    sys.exit(1 if failed else 0)


def _run(function, seconds):
    for log in _logs:
        log.mark()
    signal.alarm(seconds)
    try:
        function()
        _aftercare()
    except Skip as reason:
        return f"ok # SKIP {reason}", []
    except Failure as failure:
        notes = str(failure).splitlines()
        caller = [f for f in traceback.extract_tb(failure.__traceback__)
                  if f.filename != __file__]
        if caller:
            notes.append(f"at {os.path.basename(caller[-1].filename)}"
                         f":{caller[-1].lineno}: {caller[-1].line}")
        return "not ok", notes + _log_tails()
    except Exception:
        return "not ok", traceback.format_exc().splitlines() + _log_tails()
    finally:
        signal.alarm(0)
    return "ok", []


def _aftercare():
    for log in _logs:
        report = SANITIZER.search(log.new())
        if report:
            fail(f"a sanitizer's report in {log.name}: {report.group()}")
    for process in _processes:
        if process.running and process.popen.poll() is not None:
            process.running = False
            fail(f"{process.name} ended by itself, "
                 f"status {process.popen.returncode}")


def _on_signal(number, _frame):
    sys.exit(128 + number)


def _on_alarm(_number, _frame):
    fail("this test hung")


class _Log:
    """A log file, and how much of it was there when the test began."""

    def __init__(self, name, path):
        self.name = name
        self.path = path
        self.start = 0
        _logs.append(self)

    def mark(self):
        self.start = len(self._bytes())

    def _bytes(self):
        try:
            with open(self.path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    def text(self, start=0):
        return self._bytes()[start:].decode("utf-8", "backslashreplace")

    def new(self):
        return self.text(self.start)


def _log_tails(lines=25):
    notes = []
    for log in _logs:
        tail = log.new().splitlines()[-lines:]
        notes += [f"{log.name}| {line[:400]}" for line in tail]
    return notes


_logs = []


# --- the temporary folder ---------------------------------------------------

_undo = contextlib.ExitStack()
_owner = os.getpid()


@functools.cache
def work():
    """The folder of this run; made at first use, removed at the end."""
    path = tempfile.mkdtemp(prefix="hookdir-")
    _undo.callback(shutil.rmtree, path, onerror=_force_remove)
    os.chmod(path, 0o711)
    if len(path) > 60:
        sys.exit(f"{path}: too long for a unix socket; set TMPDIR")
    if IS_ROOT:
        above = path
        while above != "/":
            if not os.stat(above).st_mode & 0o001:
                sys.exit(f"{above}: closed to {WEB_USER}; set TMPDIR")
            above = os.path.dirname(above)
    return path


def _force_remove(function, path, _error):
    """A test may have locked a folder of its own."""
    with contextlib.suppress(OSError):
        os.chmod(os.path.dirname(path), 0o700)
        os.chmod(path, 0o700)
        if function in (os.open, os.scandir, os.lstat):
            shutil.rmtree(path)
        else:
            function(path)


def _close():
    if os.getpid() == _owner:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        _undo.close()


atexit.register(_close)
_numbers = collections.Counter()


def folder(name, mode=0o711, owner=None):
    """A new folder in work(): name-1, name-2, ..."""
    _numbers[name] += 1
    path = os.path.join(work(), f"{name}-{_numbers[name]}")
    _mkdir(path, mode, owner)
    return path


def _mkdir(path, mode=0o711, owner=None):
    os.mkdir(path)
    if owner:
        user = pwd.getpwnam(owner)
        os.chown(path, user.pw_uid, user.pw_gid)
    os.chmod(path, mode)
    return path


def write(path, text, mode=0o640, group=None):
    """Writes a file whole: a reader sees the old one or the new one."""
    data = text if isinstance(text, bytes) else text.encode()
    with open(path + ".new", "wb", opener=functools.partial(
            os.open, mode=0o600)) as file:
        file.write(data)
        os.fchmod(file.fileno(), mode)
        if group and IS_ROOT:
            os.fchown(file.fileno(), 0, pwd.getpwnam(group).pw_gid)
    os.rename(path + ".new", path)
    return path


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def root_file(*names):
    """The path of a file of the source tree"""
    return os.path.join(ROOT, *names)


def packaged(path):
    """The path of a Debian package's file: installed, or else unpacked"""
    unpacked = os.path.join(UNPACKED, "root", path.lstrip("/"))
    if os.path.exists(unpacked) and not os.path.exists(path):
        return unpacked
    return path


# --- processes --------------------------------------------------------------

_processes = []


def clean_environment():
    """What a service manager gives, and what sanitizers need."""
    keep = ("ASAN_", "UBSAN_", "LSAN_", "TSAN_", "MSAN_", "GCOV_", "LLVM_",
            "LD_", "LIBFCGI_")
    environment = {name: value for name, value in os.environ.items()
                   if name.startswith(keep) or name == "TMPDIR"}
    environment["PATH"] = PATH
    environment["LC_ALL"] = "C.UTF-8"
    return environment


class Process:
    """A server in the foreground, leader of a process group of its own."""

    def __init__(self, name):
        self.name = name
        self.popen = None
        self.running = False
        _processes.append(self)
        _undo.callback(self.stop)

    def spawn(self, command, log, **options):
        options.setdefault("env", clean_environment())
        options.setdefault("stdin", subprocess.DEVNULL)
        with open(log, "ab") as file:
            self.popen = subprocess.Popen(
                command, stdout=file, stderr=file, cwd="/",
                start_new_session=True, **options)
        self.running = True

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.running and self.popen.poll() is None

    def stop(self, number=signal.SIGTERM, seconds=PATIENCE):
        """Ends the process and all of its group; returns its exit status.
        After seconds it is killed."""
        if not self.running:
            return self.popen.returncode if self.popen else None
        self.running = False
        if self.popen.poll() is not None:
            return self.popen.returncode
        self.popen.send_signal(number)
        until = time.monotonic() + seconds
        while not self._ended() and time.monotonic() < until:
            time.sleep(0.005)
        # Not yet reaped, so the group's number is still ours alone.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        return self.popen.wait()

    def _ended(self):
        return os.waitid(os.P_PID, self.popen.pid,
                         os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def children(self):
        try:
            text = read(f"/proc/{self.pid}/task/{self.pid}/children")
        except FileNotFoundError:
            return set()
        return {int(pid) for pid in text.split()}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


# --- answers ----------------------------------------------------------------

class Response:
    """status is 0 when there was no answer; error then says why."""

    def __init__(self, status=0, headers=(), body=b"", error="",
                 version="", interim=(), seconds=0.0):
        self.status = status
        self.headers = list(headers)
        self.body = body
        self.error = error
        self.version = version
        self.interim = list(interim)
        self.seconds = seconds

    def all(self, name):
        """The values of every header of that name"""
        return [value for key, value in self.headers
                if key.lower() == name.lower()]

    def header(self, name):
        """The value of the only header of that name, or None"""
        values = self.all(name)
        if len(values) > 1:
            fail(f"header {name} occurs {len(values)} times: {self}")
        return values[0] if values else None

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return fail(f"no JSON: {self}")

    def rule(self):
        """The rule that a problem+json answer names, or None"""
        if self.header("Content-Type") != "application/problem+json":
            return None
        return self.json().get("rule")

    def __str__(self):
        head = "; ".join(f"{k}: {v}" for k, v in self.headers)
        return (f"{self.status} {self.error}[{head}] "
                f"{self.body[:300].decode('utf-8', 'backslashreplace')}")


def parse_head(data):
    """Header lines of CGI or HTTP as a list of pairs"""
    pairs = []
    for line in data.splitlines():
        name, colon, value = line.partition(b":")
        if colon:
            pairs.append((name.decode("latin-1"),
                          value.strip().decode("latin-1")))
    return pairs


def parse_cgi(data, **rest):
    """What a CGI program wrote, as a Response"""
    head, gap, body = data.partition(b"\r\n\r\n")
    if not gap:
        head, gap, body = data.partition(b"\n\n")
    if not gap:
        return Response(0, error=f"no CGI answer: {data[:200]!r} ", body=data,
                        **rest)
    headers = parse_head(head)
    status = 200
    for name, value in headers:
        if name.lower() == "status":
            status = int(value.split()[0])
    headers = [h for h in headers if h[0].lower() != "status"]
    return Response(status, headers, body, **rest)


def _bytes(value):
    return value if isinstance(value, bytes) else str(value).encode()


def curl(url, body=None, headers=(), *, method=None, http="1.1",
         chunked=False, expect=False, user=None, timeout=PATIENCE, args=()):
    """One call with curl. url may name the sample's server and the port of
    127.0.0.1. headers: pairs of text or bytes, sent as they are, repeated
    and empty ones too. http: "1.0", "1.1" or "2". chunked: without a
    length. expect: wait for 100 Continue."""
    place = tempfile.mkdtemp(prefix="curl-", dir=work())
    head, out = os.path.join(place, "head"), os.path.join(place, "body")
    command = ["curl", "--disable", "--silent", "--noproxy", "*",
               "--path-as-is", "--globoff", "--cacert", certificate().ca,
               "--connect-to", f"{NAME}::127.0.0.1:", f"--http{http}",
               "--max-time", str(timeout), "--dump-header", head,
               "--output", out, "--write-out",
               "%{http_code} %{http_version} %{time_total} %{errormsg}"]
    pairs = list(headers)
    names = {_bytes(name).lower() for name, _ in pairs}
    if http == "1.0":
        command += ["--no-alpn"]
    if body is not None:
        command += ["-T", "-"] if chunked else ["--data-binary", "@-"]
        method = method or "POST"
        if b"content-type" not in names:
            pairs.append(("Content-Type", "application/json"))
        if b"expect" not in names:
            command += ["-H", "Expect: 100-continue" if expect else "Expect:"]
            command += ["--expect100-timeout", str(timeout)]
    if method == "HEAD":
        command += ["--head"]
    elif method:
        command += ["--request", method]
    if user:
        command += ["--basic", "--user", user]
    for name, value in pairs:
        name, value = _bytes(name), _bytes(value)
        command += ["-H", name + b": " + value if value else name + b";"]
    try:
        done = subprocess.run(
            [*command, *args, url], input=body or b"", check=False,
            stdout=subprocess.PIPE, env=clean_environment())
        code, version, seconds, *words = done.stdout.decode(
            "utf-8", "replace").split(" ", 3)
        blocks = []
        if os.path.exists(head):
            with open(head, "rb") as file:
                blocks = [b for b in file.read().split(b"\r\n\r\n") if b]
        content = b""
        if os.path.exists(out):
            with open(out, "rb") as file:
                content = file.read()
    finally:
        shutil.rmtree(place)
    error = f"curl {done.returncode}: {words} " if done.returncode else ""
    return Response(int(code), parse_head(blocks[-1]) if blocks else [],
                    content, error, version,
                    [int(b.split()[1]) for b in blocks[:-1]], float(seconds))


# --- the certificate --------------------------------------------------------

@functools.cache
def certificate():
    """A throw-away authority and a certificate of it: .ca .pem .key"""
    place = folder("tls")
    path = {name: os.path.join(place, name)
            for name in ("ca.pem", "ca.key", "csr", "ext", "pem", "key")}
    write(path["ext"], f"subjectAltName=DNS:{NAME},IP:127.0.0.1\n")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
               "-nodes"]
    for command in (
            ["req", "-x509", *new_key, "-keyout", path["ca.key"], "-out",
             path["ca.pem"], "-days", "2", "-subj", "/CN=hookdir test CA"],
            ["req", "-new", *new_key, "-keyout", path["key"], "-out",
             path["csr"], "-subj", f"/CN={NAME}"],
            ["x509", "-req", "-in", path["csr"], "-CA", path["ca.pem"],
             "-CAkey", path["ca.key"], "-set_serial", "1", "-days", "2",
             "-extfile", path["ext"], "-out", path["pem"]]):
        done = subprocess.run(["openssl", *command], check=False,
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if done.returncode:
            fail(f"openssl {command[0]}: {done.stdout.decode()}")
    made = collections.namedtuple("Certificate", "ca pem key")
    return made(path["ca.pem"], path["pem"], path["key"])


# --- the spool --------------------------------------------------------------

class Message:
    """One file of the spool: raw bytes; event and ["name"] as parsed;
    data: the bytes of the member data, untouched."""

    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path)
        self.mode = os.stat(path).st_mode & 0o7777
        with open(path, "rb") as file:
            self.raw = file.read()

    @functools.cached_property
    def event(self):
        try:
            return json.loads(self.raw)
        except ValueError as error:
            return fail(f"{self.path}: {error}: {self.raw[:300]!r}")

    @functools.cached_property
    def members(self):
        """Top-level members: name to the bytes of the value"""
        text = self.raw.decode("utf-8")
        scan = json.JSONDecoder().raw_decode
        skip_space = re.compile(r"[ \t\r\n]*").match
        found = {}
        at = skip_space(text, text.index("{") + 1).end()
        while text[at] != "}":
            name, at = scan(text, at)
            start = skip_space(text, skip_space(text, at).end() + 1).end()
            _, at = scan(text, start)
            found[name] = text[start:at].encode()
            at = skip_space(text, at).end()
            if text[at] == ",":
                at = skip_space(text, at + 1).end()
        return found

    @property
    def data(self):
        return self.members["data"]

    def __getitem__(self, name):
        return self.event[name]

    def __contains__(self, name):
        return name in self.event

    def get(self, name, default=None):
        return self.event.get(name, default)

    def __repr__(self):
        return f"Message({self.name})"


class Spool:
    """A view of a spool folder; one that does not exist yet is empty."""

    FOLDERS = ("tmp", "new", "cur", "failed", "quarantine", "seen")

    def __init__(self, path):
        self.path = path

    def names(self, where):
        try:
            return sorted(os.listdir(os.path.join(self.path, where)))
        except FileNotFoundError:
            return []

    def files(self):
        """Every file in it, as "new/NAME", whatever the folder, but those
        of history/, where every call leaves a line"""
        found = []
        for place, folders, names in os.walk(self.path):
            if place == self.path and "history" in folders:
                folders.remove("history")
            found += [os.path.relpath(os.path.join(place, name), self.path)
                      for name in names]
        return sorted(found)

    def _all(self, where):
        return [Message(os.path.join(self.path, where, name))
                for name in self.names(where)]

    def messages(self):
        return self._all("new")

    def quarantine(self):
        return self._all("quarantine")

    def failed(self):
        return self._all("failed")

    def one(self, where="new"):
        """The only message; fails when there is none, or more."""
        found = self._all(where)
        if len(found) != 1:
            fail(f"{self.path}: {len(found)} messages in {where}/, want 1")
        return found[0]

    def history(self, side):
        """The lines of history/ of that side, "in" or "out", as dicts"""
        return [json.loads(line) for name in self.names("history")
                if name.endswith(f".{side}.jsonl")
                for line in read(os.path.join(
                    self.path, "history", name)).splitlines()]

    def clear(self):
        for name in self.files():
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.path, name))


# --- FastCGI and CGI without a web server -----------------------------------

def call_params(method="POST", path="/webhook", query="", headers=(),
                body=b"", **params):
    """The parameters of one call, as pairs of bytes, repeated headers
    twice. params: HOOKDIR_... and whatever else; None leaves one out."""
    base = {"REQUEST_METHOD": method, "SCRIPT_NAME": path,
            "REQUEST_URI": path + ("?" + query if query else ""),
            "QUERY_STRING": query, "SERVER_NAME": NAME, "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1", "GATEWAY_INTERFACE": "CGI/1.1",
            "HTTPS": "on", "REMOTE_ADDR": "192.0.2.1"}
    if body is not None:
        base["CONTENT_LENGTH"] = len(body)
        base["CONTENT_TYPE"] = "application/json"
    base.update(params)
    pairs = [(_bytes(name), _bytes(value))
             for name, value in base.items() if value is not None]
    for name, value in headers:
        name = _bytes(name).upper().replace(b"-", b"_")
        if name not in (b"CONTENT_TYPE", b"CONTENT_LENGTH"):
            name = b"HTTP_" + name
        pairs.append((name, _bytes(value)))
    return pairs


def fcgi_record(kind, content=b"", request=1):
    """FastCGI records that carry content; an empty one when it is empty"""
    out = b""
    while True:
        part, content = content[:65535], content[65535:]
        out += struct.pack(">BBHHBx", 1, kind, request, len(part), 0) + part
        if not content:
            return out


def fcgi_pairs(pairs):
    def length(n):
        return bytes([n]) if n < 128 else struct.pack(">I", n | 0x80000000)
    return b"".join(length(len(name)) + length(len(value)) + name + value
                    for name, value in pairs)


def fcgi_begin(pairs):
    """BEGIN_REQUEST and all PARAMS of a request"""
    params = fcgi_pairs(pairs)
    return (fcgi_record(1, struct.pack(">HB5x", 1, 0))
            + (fcgi_record(4, params) if params else b"") + fcgi_record(4))


def fcgi_read(sock):
    """Reads an answer to its end: (stdout, stderr, application status).
    The status is None when the handler closed without END_REQUEST."""
    streams = {6: b"", 7: b""}
    data = sock.makefile("rb")
    while True:
        head = data.read(8)
        if len(head) < 8:
            return streams[6], streams[7], None
        _, kind, _, size, pad = struct.unpack(">BBHHBx", head)
        content = data.read(size)
        data.read(pad)
        if kind in streams:
            streams[kind] += content
        elif kind == 3:
            return streams[6], streams[7], struct.unpack(">I", content[:4])[0]
        elif kind == 10:
            return streams[6], streams[7], 0


# --- the handler ------------------------------------------------------------

def group_members(group):
    """The processes of a process group"""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            stat = read(f"/proc/{pid}/stat")
            if int(stat.rpartition(")")[2].split()[2]) == group:
                found.append(int(pid))
    return found


def _blocks(pid, number):
    """In any of its threads: the one that waits for a signal does not."""
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            mask = re.search(r"^SigBlk:\s*(\w+)",
                             read(f"/proc/{pid}/task/{task}/status"), re.M)
            if int(mask[1], 16) >> (number - 1) & 1:
                return True
    return False


class Handler(Process):
    """hookdir.fcgi on a listening socket made here and handed over as
    descriptor 0. user: None is the caller's own. wrapper: a command put in
    front, such as strace."""

    def __init__(self, user=None, args=(), wrapper=(), env=None, start=True,
                 backlog=4096):
        super().__init__("handler")
        if not os.access(FCGI, os.X_OK):
            fail(f"{FCGI}: not there; run make, or set HOOKDIR_FCGI")
        self.dir = folder("handler")
        self.socket = os.path.join(self.dir, "hookdir.sock")
        self.command = [*wrapper, FCGI, *args]
        self.user = user
        self.env = env or {}
        self.backlog = backlog
        self.listener = None
        self._log = _Log(f"handler {_numbers['handler']}",
                         os.path.join(self.dir, "log"))
        _undo.callback(self._unlisten)
        self._listen()
        if start:
            self.start()

    def _listen(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.socket)
        os.chmod(self.socket, 0o660)
        if WEB_USER:
            os.chown(self.socket, 0, pwd.getpwnam(WEB_USER).pw_gid)
        self.listener.listen(self.backlog)

    def _unlisten(self):
        if self.listener:
            self.listener.close()
            self.listener = None

    def start(self):
        """Starts it and waits until it is set up."""
        options = {"stdin": self.listener,
                   "env": {**clean_environment(), **self.env}}
        if self.user and IS_ROOT:
            user = pwd.getpwnam(self.user)
            options.update(user=user.pw_uid, group=user.pw_gid,
                           extra_groups=[])
        self.spawn(self.command, self._log.path, **options)
        wait_for(self._serves, "sign of the handler")

    def _serves(self):
        """It blocks SIGTERM once it is set up. A wrapper may have started
        it as another process of the group."""
        if self.popen.poll() is not None:
            fail(f"the handler ended, status {self.popen.returncode}:\n"
                 + self.log()[-2000:])
        return any(_blocks(pid, signal.SIGTERM)
                   for pid in group_members(self.pid))

    def restart(self, number=signal.SIGTERM):
        """Calls made meanwhile wait in the listening socket."""
        status = self.stop(number)
        self.start()
        return status

    def kill(self):
        return self.stop(signal.SIGKILL)

    def down(self):
        """Nobody listens any more: connections are refused."""
        self.stop()
        self._unlisten()

    def up(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.socket)
        self._listen()
        self.start()

    def log(self):
        """What it wrote to its standard error so far"""
        return self._log.text()

    def new_log(self):
        """The same, of this test only"""
        return self._log.new()

    def connect(self, timeout=PATIENCE):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(timeout)
        sock.connect(self.socket)
        return sock

    def request(self, body=b"", *, pairs=None, **call):
        """One FastCGI request; the arguments are those of call_params().
        pairs: all parameters at once instead."""
        if pairs is None:
            pairs = call_params(body=body, **call)
        start = time.monotonic()
        with self.connect() as sock:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                sock.sendall(fcgi_begin(pairs))
                if body:
                    sock.sendall(fcgi_record(5, body))
                sock.sendall(fcgi_record(5))
            out, _, status = fcgi_read(sock)
        error = "no END_REQUEST " if status is None else ""
        seconds = time.monotonic() - start
        if not out:
            return Response(0, error=error or "empty ", seconds=seconds)
        answer = parse_cgi(out, seconds=seconds)
        answer.error += error
        return answer

    def __exit__(self, *_):
        self.stop()
        self._unlisten()


class Cgi:
    """hookdir.fcgi as plain CGI: one process a request."""

    def __init__(self, wrapper=(), env=None):
        self.dir = folder("cgi")
        self.command = [*wrapper, FCGI]
        self.env = env or {}
        self.exit = None  # status of the last process
        self._log = _Log(f"cgi {_numbers['cgi']}",
                         os.path.join(self.dir, "log"))

    def log(self):
        return self._log.text()

    def request(self, body=b"", *, stdin=None, **call):
        """As Handler.request(). stdin: what it really gets to read."""
        env = {_bytes(k): _bytes(v)
               for k, v in {**clean_environment(), **self.env}.items()}
        for name, value in call_params(body=body, **call):
            env[name] = env[name] + b", " + value if name in env else value
        start = time.monotonic()
        with open(self._log.path, "ab") as log:
            done = subprocess.run(self.command, env=env, cwd="/", check=False,
                                  input=body if stdin is None else stdin,
                                  stdout=subprocess.PIPE, stderr=log)
        self.exit = done.returncode
        return parse_cgi(done.stdout, seconds=time.monotonic() - start)


# --- web servers ------------------------------------------------------------

def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Retry(Exception):
    """The port was taken between choosing and using it."""


class WebServer(Process):
    """What Nginx and Apache have in common.

    keys, passwords, tokens: the secrets of /webhook/shipmondo (key and
    previous key), /webhook/basic (pairs of user and password) and
    /webhook/bearer. None leaves the sample's file as it is shipped.
    also: further samples beside hookdir.conf. secrets: for their files in
    secrets/, by name, what fill_secrets() takes; a file that is not named
    is left as it is shipped.
    edits: further {old: new} in the samples, each of which must occur.
    main, site: lines for the whole server, and for the site that includes
    the samples, before that include; "/" is 404 unless site says otherwise.
    """

    kind = ""
    # Files of the sample folder that each sample needs; and what the
    # harness replaces in them, all of it together.
    needs = {}
    # Files of the sample folder that no server reads
    others = ()
    empty_site = ""

    def __init__(self, handler, conf="vhost.conf", *, keys=None,
                 passwords=None, tokens=None, endpoints=None, edits=None,
                 also=(), secrets=None, main="", site=None, start=True):
        super().__init__(self.kind)
        self.handler = handler
        self.conf = conf
        self.also = list(also)
        self.secrets = secrets or {}
        self.dir = folder(self.kind)
        self.etc = _mkdir(os.path.join(self.dir, "etc"))
        # HOOKDIR_JWKS of hookdir-oauth.conf
        self.jwks = os.path.join(
            _mkdir(os.path.join(self.dir, "jwks")), "keys.json")
        self.spools = _mkdir(os.path.join(self.dir, "spool"), 0o770, WEB_USER)
        self.program = os.path.join(self.dir, "hookdir.cgi")
        self.keys, self.passwords, self.tokens = keys, passwords, tokens
        self.endpoints = endpoints or {}
        self.edits = edits or {}
        self.main = main
        self.site = self.empty_site if site is None else site
        self.port = None
        self.other_port = None
        number = _numbers[self.kind]
        self._log = _Log(f"{self.kind} {number} error",
                         os.path.join(self.dir, "error.log"))
        self._access = _Log(f"{self.kind} {number} access",
                            os.path.join(self.dir, "access.log"))
        if start:
            self.start()

    def spool(self, name="shipmondo"):
        return Spool(os.path.join(self.spools, name))

    def logs(self):
        """Error log and access log"""
        return self._log.text() + self._access.text()

    def new_logs(self):
        return self._log.new() + self._access.new()

    def url(self, path="/"):
        return f"https://{NAME}:{self.port}{path}"

    def post(self, path, body=b"", headers=(), **options):
        return curl(self.url(path), body, headers, **options)

    def request(self, path, method="GET", headers=(), **options):
        return curl(self.url(path), None, headers, method=method, **options)

    def tls(self, least=None, most=None, alpn=None, timeout=PATIENCE):
        """A TLS connection to the server, for bytes of one's own. least,
        most: ssl.TLSVersion."""
        context = ssl.create_default_context(cafile=certificate().ca)
        if least or most:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = least or most
            context.maximum_version = most or least
        if alpn:
            context.set_alpn_protocols(alpn)
        sock = socket.create_connection(("127.0.0.1", self.port), timeout)
        try:
            return context.wrap_socket(sock, server_hostname=NAME)
        except BaseException:
            sock.close()
            raise

    def raw(self, data, timeout=PATIENCE):
        """Sends data as it is over TLS and reads one HTTP answer."""
        with self.tls(timeout=timeout) as sock:
            sock.sendall(data)
            return self.read(sock)

    @staticmethod
    def read(sock):
        """One HTTP/1 answer from a connection of tls()"""
        answer = http.client.HTTPResponse(sock, method="POST")
        try:
            answer.begin()
            return Response(answer.status, answer.getheaders(),
                            answer.read(), version="1.1")
        except (OSError, http.client.HTTPException) as error:
            return Response(0, error=f"{error!r} ")
        finally:
            answer.close()

    # Files

    def replacements(self):
        """The fixed places of the samples, and where they are here"""
        return {
            "/run/hookdir/hookdir.sock":
                self.handler.socket if self.handler else None,
            "/var/spool/hookdir/": self.spools + "/",
            "/etc/hookdir/": self.etc + "/",
            "/etc/ssl/certs/hookdir.pem": certificate().pem,
            "/etc/ssl/private/hookdir.key": certificate().key,
            "/usr/lib/cgi-bin/hookdir.cgi": self.program,
            "/var/lib/hookdir-jwks/": os.path.dirname(self.jwks) + "/",
        }

    def samples(self):
        """Copies of the sample files by name, edited for this place. Every
        replacement must take place in one of them, and no address of the
        machine may be left."""
        confs = [self.conf, *self.also]
        texts = {name: read(root_file(self.kind, name)) for conf in confs
                 for name in [conf, *self.needs[conf]["files"]]}
        table = {old: new for old, new in self.replacements().items()
                 if any(old in self.needs[c]["places"] for c in confs)}
        table.update(self.listens())
        table.update(self.edits)
        for old, new in table.items():
            if not any(old in text for text in texts.values()):
                fail(f"{self.kind}/{self.conf}: no {old!r} to replace")
            for name in texts:
                texts[name] = texts[name].replace(old, new)
        for name, text in texts.items():
            for line in text.splitlines():
                left = re.search(r"(?<![\w.@:-])/(run|var|etc|usr)/\S*", line)
                if left and not line.lstrip().startswith("#") \
                        and work() not in line:
                    fail(f"{self.kind}/{name}: {left.group()} was left")
        return texts

    def listens(self):
        """How the sample's addresses are replaced"""
        return {}

    def configure(self):
        """Writes all files; called at start and by reload()."""
        texts = self.samples()
        self.fill(texts)
        for name, text in texts.items():
            readers = WEB_USER if name.endswith(
                (".htpasswd", ".asis", ".json")) else None
            write(os.path.join(self.etc, os.path.basename(name)), text,
                  group=readers)
        path = os.path.join(self.dir, f"{self.kind}.conf")
        write(path, self.main_conf())
        return path

    def fill(self, texts):
        """Puts the secrets into the sample's secret files, as the comments
        there tell an admin to."""
        name = "secrets/shipmondo.conf"
        if name in texts and self.keys is not None:
            texts[name] = fill_keys(texts[name], self.keys)
        name = "secrets/bearer.conf"
        if name in texts and self.tokens is not None:
            texts[name] = fill_tokens(texts[name], self.tokens)
        name = "secrets/basic.htpasswd"
        if name in texts and self.passwords is not None:
            texts[name] += "".join(
                f"{user}:{hash_password(password)}\n"
                for user, password in self.passwords)
        for name, secret in self.secrets.items():
            name = "secrets/" + name
            texts[name] = fill_secrets(texts[name], secret)

    def also_conf(self, line):
        """Lines that include the further samples"""
        return "".join(line.format(os.path.join(self.etc, name)) + "\n"
                       for name in self.also)

    def params_of(self, path, params):
        """What endpoints= asks for; its spool is named after the path."""
        spool = os.path.join(self.spools, path.strip("/").replace("/", "-"))
        return {"HOOKDIR_SPOOL": spool, **params}.items()

    def main_conf(self):
        raise NotImplementedError

    # Start and reload

    def start(self):
        for attempt in range(20):
            self.port, self.other_port = free_port(), free_port()
            try:
                self._start()
                return
            except Retry:
                self.stop()
                self._log.mark()
        fail(f"{self.kind}: no free port in 20 attempts")

    def _start(self):
        path = self.configure()
        self._prepare()
        self.spawn(self.command(path), self._log.path)
        wait_for(self._ready, f"answer of {self.kind}")

    def _prepare(self):
        pass

    def command(self, path):
        raise NotImplementedError

    def _ready(self):
        if self.popen.poll() is not None:
            if "Address already in use" in self._log.new():
                raise Retry
            fail(f"{self.kind} ended, status {self.popen.returncode}:\n"
                 + self._log.new()[-2000:])
        try:
            with self.tls(timeout=5):
                return self._listening()
        except OSError:
            return False

    def _listening(self):
        """The port is ours, not a stranger's who was faster."""
        return bool(self.children())

    def check(self):
        """The server's own check of its configuration: (status, text)"""
        if self.port is None:
            self.port, self.other_port = free_port(), free_port()
        path = self.configure()
        self._prepare()
        done = subprocess.run([*self.command(path), "-t"], check=False,
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT,
                              env=clean_environment())
        return done.returncode, done.stdout.decode("utf-8", "replace")


def fill_secrets(text, secret):
    """The secrets of any file, told apart by what is in it: a list of
    current and previous secret; pairs of user and password for a password
    file; {"HOOKDIR_CLIENT_SECRET": list, ...} where there are several."""
    if isinstance(secret, dict):
        for name, keys in secret.items():
            text = fill_keys(text, keys, name)
        return text
    if "HOOKDIR_KEY " in text:
        return fill_keys(text, secret)
    if "htpasswd" in text:
        return text + "".join(f"{user}:{hash_password(password)}\n"
                              for user, password in secret)
    return fill_tokens(text, secret)


def fill_keys(text, keys, name="HOOKDIR_KEY"):
    """Fills in HOOKDIR_KEY and, as its line is a comment, uncomments
    HOOKDIR_KEY_PREVIOUS when there is a second key."""
    for name, key in zip((name, name + "_PREVIOUS"), keys, strict=False):
        quoted = re.sub(r'(["\\])', r"\\\1", key)
        pattern = re.compile(rf'^#?(\w+ {name} )""', re.M)
        eq(f"places of {name} in the sample", len(pattern.findall(text)), 1)
        text = pattern.sub(lambda m, k=quoted: f'{m[1]}"{k}"', text)
    return text


def fill_tokens(text, tokens):
    """Uncomments as many lines of the sample as there are tokens."""
    for mark, token in zip(("IN-USE", "BEFORE"), tokens, strict=False):
        mark = f"(?:TOKEN|SECRET)-{mark}"
        pattern = re.compile(rf"^#(\S.*){mark}", re.M)
        eq(f"places of {mark} in the sample", len(pattern.findall(text)), 1)
        text = pattern.sub(lambda m, t=token: m[1] + t, text)
    return text


# What the harness replaces in every sample beside the complete ones
PLACES = ("/run/hookdir/hookdir.sock", "/var/spool/hookdir/", "/etc/hookdir/")


def hash_password(password):
    done = subprocess.run(["openssl", "passwd", "-apr1", "-stdin"],
                          input=password.encode(), check=True,
                          stdout=subprocess.PIPE)
    return done.stdout.decode().strip()


class Nginx(WebServer):
    """nginx with a sample configuration"""

    kind = "nginx"
    needs = {
        "vhost.conf": {
            "files": ("hookdir.conf", "hookdir_params",
                      "secrets/shipmondo.conf", "secrets/bearer.conf",
                      "secrets/basic.htpasswd"),
            "places": ("/run/hookdir/hookdir.sock", "/var/spool/hookdir/",
                       "/etc/hookdir/", "/etc/ssl/certs/hookdir.pem",
                       "/etc/ssl/private/hookdir.key")},
        "hookdir.conf": {
            "files": ("hookdir_params", "secrets/shipmondo.conf"),
            "places": PLACES},
        "hookdir-tradecloud.conf": {
            "files": ("hookdir_params", "secrets/tradecloud-bearer.conf",
                      "secrets/tradecloud.htpasswd"),
            "places": PLACES},
        "hookdir-nshift.conf": {
            "files": ("hookdir_params", "secrets/nshift.conf"),
            "places": PLACES},
        "hookdir-hmac.conf": {
            "files": ("hookdir_params", "secrets/standard.conf",
                      "secrets/github.conf", "secrets/shopify.conf", "secrets/stripe.conf"),
            "places": PLACES},
        "hookdir-health.conf": {
            "files": ("hookdir_params",),
            "places": PLACES},
        "hookdir-oauth.conf": {
            "files": ("hookdir_params", "secrets/oauth-client.conf",
                      "secrets/oauth-key.conf"),
            "places": (*PLACES, "/var/lib/hookdir-jwks/")},
    }
    others = ("hookdir-jwks.sh", "hookdir-jwks.service", "hookdir-jwks.timer",
              "hookdir-jwks.path")
    empty_site = "location / { return 404; }"

    def listens(self):
        if self.conf != "vhost.conf":
            return {}
        return {"listen 443 ": f"listen 127.0.0.1:{self.port} ",
                "listen [::]:443 ": f"listen 127.0.0.2:{self.other_port} "}

    def command(self, path):
        return ["nginx", "-e", self._log.path, "-c", path, "-p", self.dir]

    def _prepare(self):
        with contextlib.suppress(FileExistsError):
            _mkdir(os.path.join(self.dir, "tmp"))
        shutil.copy(packaged("/etc/nginx/fastcgi_params"), self.dir)

    def main_conf(self):
        conf = os.path.join(self.etc, self.conf)
        site = f"include {conf};"
        if self.conf != "vhost.conf":
            site = f"""server {{
        listen 127.0.0.1:{self.port} ssl;
        server_name {NAME};
        ssl_certificate {certificate().pem};
        ssl_certificate_key {certificate().key};
        {self.site}
        include {conf};
{self.also_conf("include {};")}{self.endpoint_conf()}    }}"""
        temp = "\n".join(
            f"    {name}_temp_path {self.dir}/tmp/{name};" for name in
            ("client_body", "fastcgi", "proxy", "scgi", "uwsgi"))
        return f"""{f"user {WEB_USER};" if WEB_USER else ""}
daemon off;
worker_processes 2;
pid {self.dir}/pid;
error_log {self._log.path} notice;
events {{ worker_connections 1024; }}
http {{
    access_log {self._access.path};
{temp}
    {self.main}
    {site}
}}
"""

    def endpoint_conf(self):
        text = ""
        for path, params in self.endpoints.items():
            lines = "".join(f"            fastcgi_param {name} \"{value}\";\n"
                            for name, value in self.params_of(path, params))
            text += (f"        location = {path} {{\n"
                     f"            fastcgi_pass unix:{self.handler.socket};\n"
                     f"            error_page 500 502 503 504 = "
                     f"@hookdir_unavailable;\n"
                     f"            include {self.etc}/hookdir_params;\n"
                     f"{lines}        }}\n")
        return text

    def reload(self):
        """Takes over changed files; returns when new workers serve them."""
        old = self.children()
        self.configure()
        self.popen.send_signal(signal.SIGHUP)
        wait_for(lambda: self._reloaded(old), "reload of nginx")

    def _reloaded(self, old):
        now = self.children()
        return now - old and all(self._leaving(pid) for pid in now & old)

    @staticmethod
    def _leaving(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            return "shutting down" in read(f"/proc/{pid}/cmdline")
        return True


class Apache(WebServer):
    """Apache with a sample configuration. Its modules are those that
    Debian enables and those that the sample's a2enmod line names."""

    kind = "apache"
    needs = {
        "vhost.conf": {
            "files": ("hookdir.conf", "unavailable.asis",
                      "secrets/shipmondo.conf", "secrets/bearer.conf",
                      "secrets/basic.htpasswd"),
            "places": ("/run/hookdir/hookdir.sock", "/var/spool/hookdir/",
                       "/etc/hookdir/", "/etc/ssl/certs/hookdir.pem",
                       "/etc/ssl/private/hookdir.key")},
        "hookdir.conf": {
            "files": ("unavailable.asis", "secrets/shipmondo.conf"),
            "places": PLACES},
        "hookdir-tradecloud.conf": {
            "files": ("unavailable.asis", "secrets/tradecloud-bearer.conf",
                      "secrets/tradecloud.htpasswd"),
            "places": PLACES},
        "hookdir-nshift.conf": {
            "files": ("unavailable.asis", "secrets/nshift.conf"),
            "places": PLACES},
        "hookdir-hmac.conf": {
            "files": ("unavailable.asis", "secrets/standard.conf",
                      "secrets/github.conf", "secrets/shopify.conf", "secrets/stripe.conf"),
            "places": PLACES},
        "hookdir-health.conf": {
            "files": ("unavailable.asis",),
            "places": PLACES},
        "hookdir-oauth.conf": {
            "files": ("unavailable.asis", "oauth-authorization-server.json",
                      "openid-configuration.json",
                      "secrets/oauth-client.conf", "secrets/oauth-key.conf"),
            "places": (*PLACES, "/var/lib/hookdir-jwks/")},
        "hookdir-cgi.conf": {
            "files": ("unavailable.asis", "secrets/shipmondo.conf"),
            "places": ("/usr/lib/cgi-bin/hookdir.cgi", "/var/spool/hookdir/",
                       "/etc/hookdir/")},
    }
    debian = ("access_compat alias auth_basic authn_core authn_file "
              "authz_core authz_host authz_user autoindex deflate dir env "
              "filter mime mpm_event negotiation reqtimeout setenvif status")

    def listens(self):
        if self.conf != "vhost.conf":
            return {}
        return {"<VirtualHost *:443>": f"<VirtualHost *:{self.port}>"}

    def command(self, path):
        return ["apache2", "-D", "FOREGROUND", "-f", path,
                "-E", self._log.path]

    def _prepare(self):
        with contextlib.suppress(FileExistsError):
            _mkdir(os.path.join(self.dir, "run"), 0o755)
        if not self.handler and not os.path.exists(self.program):
            shutil.copy(FCGI, self.program)
            os.chmod(self.program, 0o755)

    def modules(self):
        """LoadModule lines, dependencies first"""
        asked = []
        for conf in [self.conf, *self.also]:
            named = re.findall(r"^# *a2enmod (.+)$", read(
                root_file(self.kind, conf)), re.M)
            ok(f"{conf} names its modules", named)
            asked += named
        seen, lines = set(), []

        def load(name):
            if name in seen:
                return
            seen.add(name)
            text = read(packaged(f"/etc/apache2/mods-available/{name}.load"))
            for needed in re.findall(r"^# Depends: (.+)$", text, re.M):
                for other in needed.split():
                    load(other)
            lines.extend(f"LoadModule {module} {packaged(path)}"
                         for module, path in re.findall(
                             r"^LoadModule (\S+) (\S+)$", text, re.M))

        for name in " ".join([self.debian, *asked, "ssl"]).split():
            load(name)
        return "\n".join(lines)

    def main_conf(self):
        conf = os.path.join(self.etc, self.conf)
        site = f"Include {conf}"
        if self.conf != "vhost.conf":
            site = f"""<VirtualHost *:{self.port}>
    ServerName {NAME}
    SSLEngine on
    SSLCertificateFile {certificate().pem}
    SSLCertificateKeyFile {certificate().key}
{self.site}
    Include {conf}
{self.also_conf("Include {}")}{self.endpoint_conf()}</VirtualHost>"""
        user = f"User {WEB_USER}\nGroup {WEB_USER}" if WEB_USER else ""
        passed = " ".join(name for name in clean_environment()
                          if name not in ("PATH", "LC_ALL"))
        return f"""ServerRoot {self.dir}
DefaultRuntimeDir {self.dir}/run
PidFile {self.dir}/run/pid
{self.modules()}
{user}
ServerName {NAME}
Listen 127.0.0.1:{self.port}
ErrorLog {self._log.path}
LogLevel notice
CustomLog {self._access.path} "%h %u %t \\"%r\\" %>s %O"{self.unlogged()}
TypesConfig /dev/null
StartServers 2
ServerLimit 3
ThreadsPerChild 64
MaxRequestWorkers 192
Timeout 60
<IfModule mod_cgid.c>
    ScriptSock {self.dir}/run/cgisock
</IfModule>
{f"PassEnv {passed}" if passed else ""}
<Directory "/">
    AllowOverride None
    Require all denied
</Directory>
{self.main}
{site}
"""

    def unlogged(self):
        """The end of a CustomLog line that hookdir-nshift.conf asks for"""
        return "".join(
            re.search(r'^#.*CustomLog .*( "expr=.*")$',
                      read(root_file(self.kind, conf)), re.M)[1]
            for conf in [self.conf, *self.also] if "nshift" in conf)

    def endpoint_conf(self):
        text = ""
        for path, params in self.endpoints.items():
            lines = "".join(
                f"        SetEnv {name} \"{value}\"\n"
                for name, value in self.params_of(path, params))
            if self.handler:
                lines += (f"        ProxyPass \"unix:{self.handler.socket}"
                          f"|fcgi://localhost{path}\" timeout=60\n")
            else:
                text += f"    ScriptAlias \"{path}\" \"{self.program}\"\n"
            text += (f"    <Location \"{path}\">\n"
                     f"{lines}        Require all granted\n"
                     f"    </Location>\n")
        return text

    def reload(self):
        """Takes over changed files, gracefully."""
        word = "resuming normal operations"
        before, old = self._log.text().count(word), self.children()
        self.configure()
        self.popen.send_signal(signal.SIGUSR1)
        wait_for(lambda: self._log.text().count(word) > before
                 and self.children() - old, "reload of Apache")

# SPDX-License-Identifier: MIT
"""test_faults - each system call on the way to 200 fails, one after another

strace lists the calls of a request that goes well, and then makes each of
them fail in each way that it can fail. Whatever fails: 200 means that one
complete message stands in new/, and 503 that none does. Broken variants of
the handler show that the checks would notice.
"""

import concurrent.futures
import contextlib
import errno
import functools
import json
import os
import re
import shutil
import subprocess

import shipmondo
from fcgiclient import (BODY, KEY, endpoint, new_spool, parse_log,
                        sanitized, signed_endpoint)
from harness import (FCGI, IS_ROOT, PATIENCE, Cgi, Failure, Handler,
                     Spool, call_params, clean_environment, eq, fail, folder,
                     has, hasnt, main, ok, parse_cgi, skip, test, wait_for)
from variant import variant

PAYLOAD = shipmondo.form_b()
SIGNED = shipmondo.body(PAYLOAD, KEY)
FORGED = shipmondo.body(PAYLOAD, "not the key of this endpoint")

# --- a run under strace -----------------------------------------------------

# What has the handler believe that it does not know the file system, so that
# it flushes the file before it is renamed. Else it writes it out first, where
# TMPDIR is on one of those for which that is enough.
FLUSHED_FIRST = ("fstatfs:error=ENOSYS",)

LINE = re.compile(r"\d+ +(\w+)\((.*)\) += (\S+)(.*)")


class Call:
    """One system call as strace saw it"""

    def __init__(self, match, count):
        self.name, self.args, self.result, rest = match.groups()
        self.count = count  # how many of that name there were, with this one
        self.injected = "(INJECTED)" in rest and self.name not in (
            "prctl", "fstatfs")

    @property
    def fd(self):
        """The descriptor that the call is about"""
        match = re.match(r"\d+", self.args)
        return int(match[0]) if match else None

    def __str__(self):
        return f"{self.name}({self.args[:80]})"


class Run:
    """One request to the program as CGI: got, calls, log, and the spool.
    inject: faults, in strace's words. None: no strace at all."""

    def __init__(self, spool, body, inject=(), program=FCGI):
        self.spool = spool
        trace = os.path.join(os.path.dirname(spool.path), "trace")
        command = []
        if inject is not None:
            # prctl() would hide the program's memory from strace.
            command = ["strace", "-f", "-qq", "-o", trace,
                       "-e", "inject=prctl:retval=0"]
            for fault in inject:
                command += ["-e", "inject=" + fault]
        env = clean_environment()
        # The leak sanitizer and strace both want to be the tracer.
        env["ASAN_OPTIONS"] = ":".join(
            filter(None, (env.get("ASAN_OPTIONS"), "detect_leaks=0")))
        env.update((k.decode(), v.decode()) for k, v in call_params(
            body=body, **signed_endpoint(spool.path)))
        done = subprocess.run([*command, program], env=env, input=body,
                              cwd="/", check=False, timeout=PATIENCE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.exit = done.returncode
        self.log = done.stderr.decode("utf-8", "backslashreplace")
        self.got = parse_cgi(done.stdout)
        self.calls = []
        if inject is not None:
            if not os.path.exists(trace):
                fail(f"strace: {self.log}")
            self.calls = list(self._read(trace))

    @staticmethod
    def _read(path):
        counts = {}
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                match = LINE.match(line)
                if match:
                    name = match[1]
                    counts[name] = counts.get(name, 0) + 1
                    yield Call(match, counts[name])

    def of_main(self):
        """The calls from the first that main() makes"""
        starts = [i for i, call in enumerate(self.calls)
                  if call.name == "prlimit64" and "RLIMIT_CORE, {rlim_cur=0"
                  in call.args]
        ok("main() turns cores off before all else", starts)
        return self.calls[starts[-1]:]


# --- what a run must look like ----------------------------------------------

# Is the file written out before the rename, or flushed? And what is flushed
# after it, in this order?
UNKNOWN = (False, ["new"])
XFS = (True, ["file"])
EXT4 = (True, ["new", "file"])


@functools.cache
def flushes(also=()):
    """What the file system of TMPDIR asks for, when this is injected"""
    device = os.stat(folder("device")).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    kind = "unknown"
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        for line in mounts:
            if line.split()[2] == number:
                kind = line.partition(" - ")[2].split()[0]
    if also == FLUSHED_FIRST or kind not in ("ext4", "xfs"):
        return UNKNOWN
    return XFS if kind == "xfs" else EXT4


def is_answer(call):
    """The call that hands the answer over, and the wait before it"""
    return call.name == "write" and call.fd == 1 or \
        call.name == "poll" and call.args.startswith("[{fd=1,")


def is_reading(call):
    """The calls that read the body"""
    return call.name == "read" and call.fd == 0 or \
        call.name == "poll" and call.args.startswith("[{fd=0,")


def check_message(message):
    eq("the file ends in a newline", message.raw[-1:], b"\n")
    json.loads(message.raw)
    eq("data", message.data, PAYLOAD)
    eq("id", message["id"], shipmondo.message_id(
        SIGNED, message["type"]))


def check_stored(run, statuses=(503,)):
    """200 if and only if one complete message stands in new/"""
    status = run.got.status
    eq("tmp", run.spool.names("tmp"), [])
    if status == 200:
        check_message(run.spool.one())
    else:
        ok(f"status {status} is one of {statuses}", status in statuses)
        if status:
            eq("new", run.spool.names("new"), [])
        elif run.spool.names("new"):
            check_message(run.spool.one())
    eq("quarantine", run.spool.names("quarantine"), [])


def check_rejected(run, statuses=(403,)):
    """The answer stays, and nothing is in new/, whatever is kept."""
    ok(f"status {run.got.status} is one of {statuses}",
       run.got.status in statuses)
    eq("new", run.spool.names("new"), [])
    eq("tmp", run.spool.names("tmp"), [])
    ok("at most one is kept", len(run.spool.names("quarantine")) <= 1)
    for message in run.spool.quarantine():
        eq("reason", message["reason"], "signature-mismatch")


def check_order(calls, also=()):
    """What is on stable storage before the answer, with this injected"""
    names = {}  # descriptor: path

    def path_of(call, number):
        return re.findall(r'"([^"]*)"', call.args)[number]

    writes_out, last = flushes(also)
    flushed, written, renamed, looked = [], None, None, False
    for call in calls:
        if call.name == "openat":
            names[int(call.result)] = path_of(call, 0) \
                if call.result != "-1" else None
        elif call.name == "writev":
            written = names[call.fd]
            flushed.clear()  # of what was flushed before this counts nothing
        elif call.name == "fsync":
            flushed.append(names[call.fd])
            looked = False
        elif call.name == "fremovexattr":
            looked = True
        elif call.name == "sync_file_range":
            has("it is waited for", call.args, "WAIT_AFTER")
            flushed.append(names[call.fd] + ", its bytes")
        elif call.name.startswith("rename"):
            renamed = path_of(call, 0)
            eq("the file that is renamed", renamed, written)
            has("flushed before the rename", flushed,
                f"{written}, its bytes" if writes_out else written)
            flushed.clear()
        elif is_answer(call):
            ok("a file was renamed before the answer", renamed)
            eq("flushed before the answer", flushed, [
                written if what == "file" else what for what in last])
            eq("looked whether an ext4 is still sound", looked,
               flushes(also) == EXT4)
            return
    fail("no answer")


# --- faults -----------------------------------------------------------------

DISK = "EIO ENOSPC EDQUOT EROFS"
ERRORS = {
    "openat": f"{DISK} ENOMEM EMFILE ENFILE EACCES ENOENT ENOTDIR ELOOP EINTR",
    "mkdirat": f"{DISK} ENOMEM EACCES EMLINK EEXIST ENOENT",
    "fchmod": f"{DISK} EPERM",
    "write": f"{DISK} EPIPE EAGAIN EINTR", "writev": f"{DISK} EFBIG EINTR",
    "read": "EIO EAGAIN EINTR", "poll": "ENOMEM EINTR",
    "fsync": f"{DISK} EINVAL EINTR", "fremovexattr": "EIO EROFS",
    "sync_file_range": f"{DISK} EINVAL EINTR", "close": f"{DISK} EINTR",
    "renameat2": f"{DISK} EACCES EXDEV ENOENT EEXIST EINVAL ENOSYS",
    "renameat": DISK, "unlinkat": DISK,
    "statx": "EIO ENOMEM ENOSYS", "newfstatat": "EIO ENOMEM",
    "fstat": "EIO ENOMEM", "getdents64": "EIO ENOMEM",
    "flock": "EAGAIN ENOLCK ENOSYS EINTR", "getrandom": "ENOSYS EINTR",
    "mmap": "ENOMEM", "mprotect": "ENOMEM",
    "munmap": "ENOMEM", "mremap": "ENOMEM",
}
# Anything else that there may be; what cannot fail is left alone. Waking
# nobody cannot fail either, and the C library ends a program that is told so.
OTHERWISE = "EIO ENOMEM EPERM"
CANNOT_FAIL = {"exit_group", "getpid", "gettid", "getuid", "geteuid",
               "getgid", "getegid", "clock_gettime", "sched_yield", "futex",
               "prctl"}
# A sanitizer's own allocator ends the program when one of these fails.
MEMORY = {"brk", "mmap", "mprotect", "mremap", "munmap"}
# After these a call is made again, so a signal is not even noticed.
AGAIN = {"openat", "read", "write", "writev", "fsync", "sync_file_range",
         "close", "poll"}
# What fails here has failed the delivery: 200 would be a lie.
FATAL = {"fremovexattr", "fsync", "sync_file_range", "writev"}


def faults(calls):
    """(call, what is injected) for each call and each of its errors"""
    for call in calls:
        if call.name in CANNOT_FAIL or call.result == "?" \
                or call.name in MEMORY and sanitized():
            continue
        if call.name == "brk":
            # It says no by answering an address that was not asked for.
            yield call, f"brk:retval=0:when={call.count}"
            yield call, f"brk:retval=0:when={call.count}+"
            continue
        errors = ERRORS.get(call.name, OTHERWISE).split()
        for error in errors:
            yield call, f"{call.name}:error={error}:when={call.count}"
        if call.name in ("write", "writev"):
            yield call, f"{call.name}:retval=0:when={call.count}"
        # From here on, all of that name.
        last = [error for error in errors if error != "EINTR"][-1]
        for error in {errors[0], last}:
            if call.name != "poll" and error not in ("EAGAIN",):
                yield call, f"{call.name}:error={error}:when={call.count}+"


def prepared(made):
    """A spool that is there, and known to be sound, or one that is not"""
    spool = new_spool()
    if made:
        eq("status", Run(spool, SIGNED, None).got.status, 200)
        os.unlink(spool.one().path)
    return spool


def violations(faulty, body, check, made, program=FCGI, also=()):
    """Injects each fault and checks what came of it; a list of texts. What
    is in also is injected each time."""
    answered, missed = [], []

    def attempt(item):
        call, inject = item
        spool = prepared(made)
        run = Run(spool, body, [inject, *also], program)
        try:
            inspect(run, inject)
        except Exception as failure:
            return f"{inject} in {call}: status {run.got.status}: {failure}"
        finally:
            shutil.rmtree(os.path.dirname(spool.path))
        return None

    def inspect(run, inject):
        hit = [call for call in run.calls if call.injected]
        if not hit:
            # The quarantine is counted once more or once less as time goes
            # by, so a run can have a few calls fewer than the clean one.
            missed.append(inject)
            check(run)
            return
        call = hit[0]
        error = re.search(r"error=(\w+)", inject)
        error = error[1] if error else ""
        if error == "EINTR" and call.name in AGAIN \
                and not inject.endswith("+"):
            eq("status after a signal", run.got.status,
               200 if body == SIGNED else 403)
        # Exceptions, each with its reason.
        if is_answer(call):
            # The answer itself does not get out; the sender sees none and
            # the message, which was durable before, may stand.
            check(run, (0, 403, 503))
        elif is_reading(call) and run.got.status == 400:
            # The body could not be read, which looks like one cut off.
            check(run, (400,))
        else:
            check(run)
            eq("exit status", run.exit, 0)
            before = not any(map(
                is_answer, run.calls[:run.calls.index(call)]))
            if check is check_stored and before and call.name in FATAL \
                    and error != "EINTR":
                eq("status", run.got.status, 503)
        if run.got.status == 503:
            line = parse_log(run.log)[-1:]
            if line and call.name != "write":
                eq("status in the log", line[0]["status"], "503")
        if check is check_stored and run.got.status != 200 \
                and run.got.status != 0:
            again = Run(run.spool, SIGNED, None, program)
            eq("status of the next call", again.got.status, 200)
            check_message(run.spool.one())
        answered.append(run.got.status)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = [text for text in pool.map(attempt, faulty) if text]
    summary = {status: answered.count(status) for status in set(answered)}
    print(f"# {len(faulty)} faults, {len(missed)} missed: statuses {summary}",
          flush=True)
    if len(missed) > len(faulty) // 5:
        found.append(f"{len(missed)} faults were not met with")
    return found


def clean_run(body, check, made, program=FCGI, also=()):
    """The calls of main() when all goes well"""
    run = Run(prepared(made), body, also, program)
    eq("exit status", run.exit, 0)
    check(run)
    calls = run.of_main()
    for name in ("openat", "writev", "fsync", "renameat2", "close"):
        has("calls of main()", {call.name for call in calls}, name)
    return calls


def none(found):
    if found:
        fail(f"{len(found)} violations:\n" + "\n".join(found[:20]))


@test("a message on its way to a spool that exists, each call failing",
      seconds=600)
def _():
    calls = clean_run(SIGNED, check_stored, True)
    check_order(calls)
    none(violations(list(faults(calls)), SIGNED, check_stored, True))


@test("a message on its way to a spool that exists on a file system that is "
      "not known, each call failing", seconds=600)
def _():
    calls = clean_run(SIGNED, check_stored, True, also=FLUSHED_FIRST)
    check_order(calls, FLUSHED_FIRST)
    hasnt("calls", {call.name for call in calls}, "sync_file_range")
    none(violations(list(faults(calls)), SIGNED, check_stored, True,
                    also=FLUSHED_FIRST))


@test("a message on its way to a spool that is yet to be made, each call "
      "failing", seconds=600)
def _():
    calls = clean_run(SIGNED, check_stored, False)
    check_order(calls)
    count = [call.name for call in calls].count("fsync")
    ok("the spool and its parent are flushed as well",
       count >= 2 + len(flushes()[1]))
    none(violations(list(faults(calls)), SIGNED, check_stored, False))


@test("a call that is rejected, each call failing", seconds=600)
def _():
    for made in (True, False):
        calls = clean_run(FORGED, check_rejected, made)
        none(violations(list(faults(calls)), FORGED, check_rejected, made))


@test("when removing fails as well, the answer is a fault all the same")
def _():
    calls = clean_run(SIGNED, check_stored, True)
    written = next(call for call in calls if call.name == "writev")
    answer = next(call for call in calls if is_answer(call))
    between = calls[calls.index(written):calls.index(answer)]
    # The descriptor's number is used again, by whoever comes next.
    closed = next(call for call in between
                  if call.name == "close" and call.fd == written.fd)
    for call in between:
        if call.name not in FATAL | {"renameat2"} and call is not closed:
            continue
        run = Run(prepared(True), SIGNED, [
            f"{call.name}:error=EIO:when={call.count}",
            "unlinkat:error=EIO"])
        eq(f"status after {call}", run.got.status, 503)


# --- the checks are checked -------------------------------------------------

VARIANTS = {
    # name: (what is injected as well, file, what stands there, what is put
    # in its place)
    "ignores that the file was not flushed in new/": (
        (), "lib/spool/spool.c",
        r'(io_fsync\(draft->fd, "a file in new/", err\)) < 0', r"\1 < -1"),
    "ignores that new/ was not flushed": (
        FLUSHED_FIRST, "lib/spool/spool.c",
        r'(io_fsync\(spool->new_, "new/", err\)) < 0', r"\1 < -1"),
    "ignores every flush that failed": (
        FLUSHED_FIRST, "lib/base/io.c",
        r"(rc = fsync\(fd\);)", r"rc = fsync(fd) * 0;"),
    "leaves what it could not flush": (
        FLUSHED_FIRST, "lib/spool/spool.c",
        r"\(void\)unlinkat\(spool->new_, draft->name, 0\);", ";"),
    "leaves what it could not write": (
        FLUSHED_FIRST, "lib/spool/spool.c",
        r"(io_discard\(&fd\);\s+)spool_forget\(spool, draft\);", r"\1"),
    "does not write the file out": (
        (), "lib/spool/spool.c",
        r'io_write_out\(fd, "a file in tmp/", err\)', "0"),
    "does not flush the file in tmp/": (
        FLUSHED_FIRST, "lib/spool/spool.c",
        r'io_fsync\(fd, "a file in tmp/", err\)', "0"),
    "does not flush the file in new/": (
        (), "lib/spool/spool.c",
        r'io_fsync\(draft->fd, "a file in new/", err\) < 0', "0"),
    "does not look whether the disk is sound": (
        (), "lib/spool/spool.c",
        r'io_check_sound\(look_at, "a file in new/", err\)',
        "((void)look_at, 0)"),
    "does not flush new/": (
        FLUSHED_FIRST, "lib/spool/spool.c",
        r'io_fsync\(spool->new_, "new/", err\) < 0', "0"),
}


def finds(program, also=()):
    """Do the checks find anything wrong with this program?"""
    try:
        calls = clean_run(SIGNED, check_stored, True, program, also)
        check_order(calls, also)
    except Failure as failure:
        return str(failure)
    faulty = [(call, inject) for call, inject in faults(calls)
              if call.name in FATAL and "EIO" in inject]
    return violations(faulty, SIGNED, check_stored, True, program, also)


@test("the checks pass a handler that is built the same way and is sound")
def _():
    program = variant(("lib/spool/spool.c", r"\A", ""))
    for also in ((), FLUSHED_FIRST):
        eq("found", finds(program, also), [])


for _name, _change in VARIANTS.items():
    @test(f"the checks catch a handler that {_name}")
    def _(change=_change):
        also, *edit = change
        if also != FLUSHED_FIRST and flushes() != EXT4:
            # In tests/unit/test_faults.c none of it depends on the disk.
            print("# not here: TMPDIR is on no ext4")
            return
        ok("something is found", finds(variant(tuple(edit)), also))


# --- limits -----------------------------------------------------------------

@test("a file cut short by a limit is a fault, and removed")
def _():
    # The kernel writes as much as the limit allows and says how much: a
    # short write. Only the write after it fails.
    whole = new_spool()
    eq("status", Run(whole, SIGNED, None).got.status, 200)
    length = len(whole.one().raw)
    for size in (0, 1, length // 2, length - 1, length):
        cgi = Cgi(wrapper=["sh", "-c", f"trap '' XFSZ; exec prlimit "
                           f'--fsize={size}:{size} "$@" 2>/dev/null', "sh"])
        spool = prepared(True)
        got = cgi.request(SIGNED, **signed_endpoint(spool.path))
        want = 200 if size == length else 503
        eq(f"status at {size} bytes of {length}", got.status, want)
        eq("files", len(spool.files()), want == 200)


@test("a limit on the size of files does not end the process")
def _():
    with Handler(wrapper=["prlimit", "--fsize=100000:100000", "--"]) as one:
        spool = new_spool()
        large = b'"' + b"x" * 200000 + b'"'
        for body, status in ((BODY, 200), (large, 503), (BODY, 200)):
            eq("status", one.request(
                body, **endpoint(spool.path)).status, status)
        eq("messages", len(spool.names("new")), 2)
        eq("tmp", spool.names("tmp"), [])


# --- real shortage ----------------------------------------------------------

@contextlib.contextmanager
def small_disk(options):
    """A small file system; yields its path"""
    if not IS_ROOT:
        skip("needs root")
    place = folder("disk")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "hookdir",
                           place], check=False, stderr=subprocess.PIPE)
    if done.returncode and b"permission denied" in done.stderr.lower():
        skip("needs root")  # that of a container may not mount
    eq("mount", (done.returncode, done.stderr), (0, b""))
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def fill_bytes(place):
    with open(os.path.join(place, "filler"), "wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * 4096)


def fill_inodes(place):
    os.mkdir(os.path.join(place, "filler"))
    number = 0
    with contextlib.suppress(OSError):
        while True:
            open(os.path.join(place, "filler", str(number)), "wb").close()
            number += 1


def free(place):
    path = os.path.join(place, "filler")
    if os.path.isdir(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def logged(handler, number):
    """The line comes a moment after the answer."""
    text = os.strerror(number)
    wait_for(lambda: text in handler.log(), f"line that says {text}")


@test("a disk without room is a fault until there is room again")
def _():
    for fill, options in ((fill_bytes, "size=256k"),
                          (fill_inodes, "size=4m,nr_inodes=40")):
        for made in (True, False):
            with Handler() as handler, small_disk(options) as place:
                spool = Spool(os.path.join(place, "spool"))
                params = signed_endpoint(spool.path)
                count = 0
                if made:
                    eq("status before", handler.request(
                        SIGNED, **params).status, 200)
                    count = 1
                fill(place)
                for _ in range(3):
                    got = handler.request(SIGNED, **params)
                    eq("status", (got.status, got.rule()),
                       (503, "system-error"))
                    ok("Retry-After", got.header("Retry-After"))
                    eq("new", len(spool.names("new")), count)
                    eq("tmp", spool.names("tmp"), [])
                logged(handler, errno.ENOSPC)
                got = handler.request(FORGED, **params)
                eq("status of a forged call", got.status, 403)
                free(place)
                got = handler.request(SIGNED, **params)
                eq("status after", got.status, 200)
                eq("messages", len(spool.names("new")), count + 1)
                for message in spool.messages():
                    check_message(message)


@test("a message larger than what is left is not cut short")
def _():
    with Handler() as handler, small_disk("size=1m") as place:
        spool = Spool(os.path.join(place, "spool"))
        large = b'"' + b"x" * (2 << 20) + b'"'
        for body, status in ((BODY, 200), (large, 503), (BODY, 200)):
            eq("status", handler.request(
                body, **endpoint(spool.path)).status, status)
        eq("messages", [m.data for m in spool.messages()], [BODY, BODY])
        eq("tmp", spool.names("tmp"), [])


@test("a disk that is read-only is a fault until it is not")
def _():
    with Handler() as handler, small_disk("size=1m") as place:
        spool = Spool(os.path.join(place, "spool"))
        params = signed_endpoint(spool.path)
        eq("status before", handler.request(SIGNED, **params).status, 200)
        for mode, status in (("ro", 503), ("rw", 200)):
            subprocess.run(["mount", "-o", f"remount,{mode}", place],
                           check=True)
            eq(f"status, {mode}",
               handler.request(SIGNED, **params).status, status)
        logged(handler, errno.EROFS)
        eq("messages", len(spool.names("new")), 2)
        eq("tmp", spool.names("tmp"), [])


@test("a spool that may not be written is a fault until it may be")
def _():
    user = "www-data" if IS_ROOT else None
    with Handler(user=user) as handler:
        spool = Spool(os.path.join(folder("place", 0o777), "spool"))
        params = endpoint(spool.path)
        eq("status before", handler.request(BODY, **params).status, 200)
        for name in ("tmp", "new"):
            path = os.path.join(spool.path, name)
            for mode, status in ((0o500, 503), (0o2770, 200)):
                os.chmod(path, mode)
                eq(f"status with {name} {mode:o}",
                   handler.request(BODY, **params).status, status)
        eq("messages", len(spool.names("new")), 3)
        eq("tmp", spool.names("tmp"), [])


if __name__ == "__main__":
    main()

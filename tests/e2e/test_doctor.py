# SPDX-License-Identifier: MIT
"""test_doctor - hookdir doctor: each check, and a case that makes it fail"""

import fcntl
import grp
import json
import os
import re
import shutil
import socket
import subprocess
import time

from harness import (Process, clean_environment, eq, folder, has, hasnt, main,
                     needs_root, ok, read, test, wait_for, write)
from spools import TOOL, event

OK, WARNING, CRITICAL = 0, 1, 2
WEB = "www-data"


def spool(mode=0o2770, group=None):
    path = os.path.join(folder("spools", 0o755), "shop")
    for state in ("", "tmp", "new", "cur", "failed", "quarantine", "history"):
        os.makedirs(os.path.join(path, state), exist_ok=True)
        os.chmod(os.path.join(path, state), mode)
        if group:
            os.chown(os.path.join(path, state), 0, grp.getgrnam(group).gr_gid)
    return path


def put(path, state="new", age=0, added="", count=[0]):
    count[0] += 1
    name = (f"{path}/{state}/{int(time.time()) - age}.M{count[0]:06}P1Q1.h"
            f"{added}.json")
    with open(name, "wb") as file:
        file.write(event())
    return name


class Answer:
    def __init__(self, done):
        self.code, self.err = done.returncode, done.stderr.decode()
        self.rows = [json.loads(line) for line in done.stdout.splitlines()]

    def row(self, check):
        """The row of a check that has one"""
        row, = [row for row in self.rows if row["check"] == check]
        return row

    def is_(self, check, status, words=""):
        row = self.row(check)
        eq(f"{row}", row["status"], status)
        has(check, row["text"], words)
        if status in ("warning", "critical"):
            ok(f"{row} says what to do", row["do"])
        return row


def doctor(*args, before=(), env=None, program=TOOL):
    done = subprocess.run([*before, program, "doctor", "--json", *args],
                          env={**clean_environment(), **(env or {})},
                          check=False, stdin=subprocess.DEVNULL, cwd="/",
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return Answer(done)


def as_web_user(path):
    """By a user who may not reach the folder of the sources"""
    program = shutil.copy(TOOL, folder("program", 0o755))
    return doctor(path, program=program, before=[
        "setpriv", "--reuid", WEB, "--regid", WEB, "--clear-groups"])


def checked(check, path, *args):
    return doctor(*args, path).row(check)["status"]


# --- a spool ----------------------------------------------------------------

@test("an empty spool is fine, a missing one is not")
def _():
    path = spool()
    got = doctor(path)
    for check in ("waiting", "runner", "left-behind", "dead-letters",
                  "quarantine", "silent", "rights"):
        got.is_(check, "fine")
    unused = folder("unused", 0o755)
    doctor(unused).is_("spool", "fine", "no message has come")
    got = doctor(path, path + "/none")
    got.is_("spool", "critical", "no spool at")
    eq("exit", got.code, CRITICAL)
    ok("the other one", got.row("waiting")["spool"] == path)


@test("waiting: the oldest that is due, by threshold")
def _():
    path = spool()
    put(path, age=1000)
    put(path, age=90000, added=f",tries=1,next={int(time.time()) + 500}")
    eq("1000 s", checked("waiting", path), "warning")
    eq("shorter", checked("waiting", path, "--waiting=5m:10m"), "critical")
    eq("longer", checked("waiting", path, "--waiting=1h"), "fine")
    has("how long", doctor(path).row("waiting")["text"], "16m")


@test("dead-letters and quarantine: by threshold")
def _():
    for check, state, option in (("dead-letters", "failed", "--failed"),
                                 ("quarantine", "quarantine",
                                  "--quarantine")):
        path = spool()
        eq("none", checked(check, path), "fine")
        put(path, state)
        put(path, state)
        eq("two", checked(check, path), "warning")
        eq("of 2", checked(check, path, f"{option}=1:2"), "critical")
        eq("of 3", checked(check, path, f"{option}=3:9"), "fine")


@test("silent: since the last accepted message, where that is asked for")
def _():
    path = spool()
    when = time.gmtime(time.time() - 7200)
    write(time.strftime(f"{path}/history/%Y-%m-%d.in.jsonl", when),
          time.strftime('{"time":"%Y-%m-%dT%H:%M:%S.000000Z",'
                        '"event":"accepted"}\n', when))
    eq("default", checked("silent", path), "fine")
    eq("1h", checked("silent", path, "--silent=1h"), "warning")
    eq("1h:2h", checked("silent", path, "--silent=1h:2h"), "critical")
    eq("3h", checked("silent", path, "--silent=3h"), "fine")


@test("left-behind: what is in cur/ without a lock")
def _():
    path = spool()
    with open(put(path, "cur"), "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        eq("locked", checked("left-behind", path), "fine")
    doctor(path).is_("left-behind", "warning", "1 message left in cur/")
    ended = spool()
    put(ended, "cur", added=",tries=1,end=failed")
    doctor(ended).is_("left-behind", "warning", "could not be moved")


@test("runner: messages wait, and no hookdir run works on them")
def _():
    path = spool()
    put(path)
    doctor(path).is_("runner", "warning", "no hookdir run")
    # An outcome of today is that of cron.
    day = time.strftime("%Y-%m-%d", time.gmtime())
    write(f"{path}/history/{day}.out.jsonl", "")
    doctor(path).is_("runner", "fine", "within the last day")
    os.unlink(f"{path}/history/{day}.out.jsonl")
    runner = Process("runner")
    log = folder("runner") + "/log"
    runner.spawn([TOOL, "run", "--watch", path, "--", "/bin/false"], log)
    try:
        wait_for(lambda: checked("runner", path) == "fine", "the runner")
        doctor(path).is_("runner", "fine", f"process {runner.pid}")
        other = spool()
        put(other)
        eq("of another spool", checked("runner", other), "warning")
    finally:
        runner.stop()


@test("rights: each parent and directory, for each user of the group")
def _():
    needs_root()
    path = spool(group=WEB)
    doctor(path).is_("rights", "fine", "1 user of the group " + WEB)
    os.chmod(os.path.dirname(path), 0o700)
    got = doctor(path)
    got.is_("rights", "critical", f"{WEB} may not pass "
            + os.path.dirname(path))
    eq("exit", got.code, CRITICAL)
    os.chmod(os.path.dirname(path), 0o755)
    os.chmod(path + "/cur", 0o2750)
    doctor(path).is_("rights", "warning", f"{WEB} may not write to cur/")
    os.chmod(path + "/cur", 0o2770)
    os.chmod(path + "/new", 0o2777)
    doctor(path).is_("rights", "critical", "every user may write")


@test("room and inodes: percent that is free")
def _():
    path = spool()
    for check in ("room", "inodes"):
        eq("all is enough", checked(check, path, "--room=0:0"), "fine")
        eq("nothing is", checked(check, path, "--room=100"), "warning")
        eq("critical", checked(check, path, "--room=100:100"), "critical")


@test("file-system: what does not keep messages is critical")
def _():
    needs_root()
    place = folder("tmpfs", 0o755)
    subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
    try:
        os.makedirs(place + "/shop/new")
        doctor(place + "/shop").is_("file-system", "critical", "tmpfs")
    finally:
        subprocess.run(["umount", place], check=True)
    for feature, status in (("^has_journal", "critical"),
                            ("has_journal", "fine"),
                            ("fast_commit", "warning")):
        image = folder("image") + "/disk"
        subprocess.run(["truncate", "-s", "32M", image], check=True)
        subprocess.run(["mkfs.ext4", "-q", "-O", feature, image], check=True)
        subprocess.run(["mount", "-o", "loop", image, place], check=True)
        try:
            os.makedirs(place + "/shop/new")
            doctor(place + "/shop").is_("file-system", status, "ext4")
        finally:
            subprocess.run(["umount", place], check=True)


# --- the machine ------------------------------------------------------------

def listening(mode, group=WEB):
    path = os.path.join(folder("socket", 0o755), "sock")
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    os.chown(path, 0, grp.getgrnam(group).gr_gid)
    os.chmod(path, mode)
    return sock, path


def on_socket(path, **options):
    return doctor("--socket", path, spool(), **options)


@test("socket: it is there, for a web server, and for no other user")
def _():
    needs_root()
    sock, path = listening(0o660)
    with sock:
        on_socket(path).is_("socket", "fine", f"for {WEB}")
        os.chmod(path, 0o600)
        on_socket(path).is_("socket", "critical", "no web server's user")
        os.chmod(path, 0o666)
        on_socket(path).is_("socket", "critical", "every user may open")
        os.chmod(path, 0o660)
        os.chmod(os.path.dirname(path), 0o700)
        on_socket(path).is_("socket", "critical", "no web server's user")
        os.chmod(os.path.dirname(path), 0o755)
        groups = folder("groups") + "/group"
        write(groups, re.sub(f"^({WEB}:.*)$", r"\1shopuser", "".join(
            f"{g.gr_name}:x:{g.gr_gid}:\n" for g in grp.getgrall()),
                             flags=re.M), 0o644)
        got = on_socket(path, before=[
            "unshare", "-m", "sh", "-c",
            f'mount --bind {groups} /etc/group && exec "$@"', "sh"])
        got.is_("socket", "warning", "by the users shopuser")
    os.unlink(path)
    on_socket(path).is_("socket", "critical", "there is no")
    write(path, "")
    on_socket(path).is_("socket", "critical", "no socket")


@test("keys: a file with a key that others may read")
def _():
    etc = folder("etc", 0o755)
    write(etc + "/hookdir_params", "fastcgi_param HOOKDIR_AUTH none;\n", 0o644)
    write(etc + "/shop.conf", 'fastcgi_param HOOKDIR_KEY "s3cret";\n', 0o640)
    args = "--etc", etc, spool()
    doctor(*args).is_("keys", "fine", "1 file with keys")
    os.chmod(etc + "/shop.conf", 0o644)
    row = doctor(*args).is_("keys", "critical", "shop.conf has a key")
    hasnt("the key", str(row), "s3cret")
    doctor("--etc", etc + "/none", spool()).is_("keys", "unchecked")


def faked(name, text, code=0):
    """An environment in which a program prints this"""
    place = folder("fake", 0o755)
    write(f"{place}/text", text, 0o644)
    write(f"{place}/{name}", f"#!/bin/sh\ncat {place}/text\nexit {code}\n",
          0o755)
    return {"PATH": f"{place}:{os.environ['PATH']}"}


@test("nginx: its own test, and settings of the whole server")
def _():
    needs_root()
    for text, code, status, words in (
            ("location /webhook { include hookdir_params; }\n", 0, "fine",
             "sound"),
            ("x\nnginx: [emerg] unknown directive \"foo\" in x.conf:1\ny\n",
             1, "critical", 'unknown directive "foo"'),
            ('nginx: [warn] conflicting server name "a" on 0.0.0.0:443\n', 0,
             "warning", "conflicting server name"),
            ("# error_log x debug;\n  error_log /var/log/x debug;\n", 0,
             "warning", "keys and tokens"),
            ("# error_log x debug;\nhookdir\n", 0, "fine", "sound")):
        got = doctor(spool(), env=faked("nginx", text, code))
        got.is_("nginx", status, words)
    got = doctor(spool(), env=faked(
        "nginx", "fastcgi_param HOOKDIR_KEY s3cret;\n", 0))
    hasnt("the key", str(got.rows), "s3cret")


@test("apache: its own test, and settings of the whole server")
def _():
    needs_root()
    modules = "Loaded Modules:\n mpm_event_module (static)\n"
    limits = " reqtimeout_module (shared)\n"
    for text, code, status, words in (
            (modules + limits, 0, "fine", "sound"),
            (modules, 0, "warning", "mod_reqtimeout"),
            (modules.replace("event", "prefork") + limits, 0, "warning",
             "prefork"),
            ("AH00526: Syntax error on line 3 of x.conf:\nAction failed\n", 1,
             "critical", "line 3 of x.conf")):
        got = doctor(spool(), env=faked("apachectl", text, code))
        got.is_("apache", status, words)


@test("the real nginx and Apache are asked, or it is said why not")
def _():
    got = doctor(spool())
    for check in ("nginx", "apache"):
        ok(got.row(check), got.row(check)["text"])
    if os.geteuid() == 0:
        got = as_web_user(spool(0o2777))
        got.is_("nginx", "unchecked", "only root")
        got.is_("apache", "unchecked", "only root")


@test("clock: synchronised or not")
def _():
    for value, status in ((0, "fine"), (5, "warning")):
        got = doctor(spool(), before=[
            "strace", "-qq", "-o", "/dev/null", "-e",
            f"inject=clock_adjtime,adjtimex:retval={value}"])
        got.is_("clock", status, "synchronised")


@test("host: a name that other machines have, too")
def _():
    needs_root()
    for name, status in (("hooks-1", "fine"), ("localhost", "warning")):
        got = doctor(spool(), before=[
            "unshare", "-u", "sh", "-c", f'hostname {name} && exec "$@"',
            "sh"])
        got.is_("host", status, name)


@test("unit: the state of hookdir.socket, where systemd runs")
def _():
    needs_root()
    for text, code, status in (("active\n", 0, "fine"),
                               ("failed\n", 3, "critical")):
        got = doctor(spool(), env=faked("systemctl", text, code), before=[
            "unshare", "-m", "sh", "-c", "mount -t tmpfs none /run && "
            'mkdir -p /run/systemd/system && exec "$@"', "sh"])
        got.is_("unit", status, text.strip())
    got = doctor(spool(), before=[
        "unshare", "-m", "sh", "-c",
        'mount -t tmpfs none /run && exec "$@"', "sh"])
    got.is_("unit", "unchecked", "systemd does not run here")


# --- the whole --------------------------------------------------------------

@test("exit 0, 1 and 2, lines for people, and --quiet")
def _():
    path = spool()
    env = faked("systemctl", "active\n")

    def run(*args):
        done = subprocess.run([TOOL, "doctor", *args, path], check=False,
                              env={**clean_environment(), **env},
                              stdout=subprocess.PIPE)
        return done.returncode, done.stdout.decode().splitlines()

    _, lines = run()
    for line in lines:
        ok(line, line.split()[0] in ("fine", "warning", "critical",
                                     "unchecked"))
    _, quiet = run("--quiet")
    eq("quiet", quiet, [line for line in lines if line[:4] != "fine"])
    put(path, "failed")
    code, lines = run("--failed=1:1")
    eq("critical", code, CRITICAL)
    has("line", "\n".join(lines), f"critical   {path}: dead-letters: 1 dead "
        "letter; hookdir list --state failed")
    worst = {"fine": 0, "unchecked": 0, "warning": 1, "critical": 2}
    for args in ((), ("--failed=5",), ("--failed=1:1",)):
        got = doctor(*args, path)
        eq(f"exit {args}", got.code,
           max(worst[row["status"]] for row in got.rows))


@test("all is fine, and the exit status 0, where nothing is wrong")
def _():
    needs_root()
    sock, path = listening(0o660)
    etc = folder("etc", 0o755)
    fakes = faked("nginx", "hookdir\n")
    write(fakes["PATH"].split(":")[0] + "/apachectl",
          "#!/bin/sh\necho reqtimeout_module\n", 0o755)
    write(fakes["PATH"].split(":")[0] + "/systemctl",
          "#!/bin/sh\necho active\n", 0o755)
    image = folder("image") + "/disk"
    place = folder("disk", 0o755)
    subprocess.run(["truncate", "-s", "32M", image], check=True)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, place], check=True)
    try:
        shutil.copytree(spool(), place + "/shop")
        with sock:
            args = ("--socket", path, "--etc", etc, place + "/shop")
            before = ["strace", "-qq", "-o", "/dev/null", "-e",
                      "inject=clock_adjtime,adjtimex:retval=0", "unshare",
                      "-u", "sh", "-c", 'hostname hooks && exec "$@"', "sh"]
            got = doctor(*args, before=before, env=fakes)
            eq("not fine", [row for row in got.rows if row["status"] not in
                            ("fine", "unchecked")], [])
            eq("exit", got.code, OK)
            put(place + "/shop", "failed")
            got = doctor(*args, before=before, env=fakes)
            eq("exit", got.code, WARNING)
    finally:
        subprocess.run(["umount", place], check=True)


@test("it opens no socket of the network")
def _():
    trace = folder("trace") + "/trace"
    path = spool()
    put(path, "cur")
    doctor(path, before=["strace", "-qq", "-e", "trace=socket", "-o", trace])
    hasnt("sockets", read(trace), "AF_INET")
    hasnt("sockets", read(trace), "AF_NETLINK")


@test("a directory of spools that is missing is critical")
def _():
    got = doctor(env={"HOOKDIR_SPOOLS": folder("none") + "/spools"})
    got.is_("spools", "critical", "cannot read")
    eq("exit", got.code, CRITICAL)


@test("a spool that may not be read is critical, as all may be wrong with it")
def _():
    needs_root()
    path = spool()
    os.chmod(path, 0o700)
    got = as_web_user(path)
    has("to do", got.is_("spool", "critical", "Permission denied")["do"],
        "as root")


@test("options that are wrong are named")
def _():
    for option in ("--waiting=soon", "--failed=x:1", "--room=101",
                   "--quarantine=1:", "--silent="):
        got = subprocess.run([TOOL, "doctor", option], check=False,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        eq(option, (got.returncode, got.stdout), (64, b""))
        has(option, got.stderr.decode(), option.split("=", 1)[0])


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""test_systemd - the units and the cron line, in a whole Debian

What make install puts in place, the commands of the samples' comments, a
real systemd and a real cron, and messages that come in meanwhile. Where
nothing is to happen, a test waits a few seconds and looks. HOOKDIR_TOOL and
HOOKDIR_FCGI name other programs, which have to stand in one folder.
"""

import functools
import json
import os
import re
import subprocess
import time

from container import Container
from harness import FCGI, Failure, Handler, Spool, clean_environment, eq
from harness import fail, has, main, needs_root, ok, read, root_file, test
from harness import wait_for
import oauth
import shipmondo

TOOL = os.path.abspath(os.environ.get(
    "HOOKDIR_TOOL", root_file("build", "hookdir")))
SAMPLES = "/usr/share/doc/hookdir/tools/samples/"
SPOOLS = "/var/spool/hookdir"
SPOOL = SPOOLS + "/shipmondo"
SERVICE = "hookdir-run@shipmondo.service"
PATH = "hookdir-run@shipmondo.path"
RUN = (PATH, SERVICE)
DATA = "/var/lib/hookdir-run/shipmondo"
SETTINGS = f"""COMMAND="/usr/local/bin/book-order {DATA}/orders.db"
JOBS=4
OPTIONS="--timeout 5m"
"""
RECONCILE = ("hookdir-reconcile.timer", "hookdir-reconcile.service")
KEY = "a key of 32 bytes, as it should be"


def libraries(*programs):
    """The packages of the libraries that programs were linked with"""
    out = subprocess.run(["ldd", *programs], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    names = sorted({os.path.basename(path)
                    for path in re.findall(r"=> (/\S+)", out)})
    out = subprocess.run(["dpkg-query", "--search",
                          *(f"*-linux-gnu/{name}" for name in names)],
                         check=True, text=True, stdout=subprocess.PIPE).stdout
    return sorted(set(re.findall(r"^([^\s:]+)", out, re.M)))


def once(make):
    """Called once: what it made, or how it failed, which takes as long, is
    for all who call."""
    @functools.cache
    def outcome():
        try:
            return make(), None
        except Failure as failure:
            return None, str(failure)

    @functools.wraps(make)
    def call():
        needs_root()
        made, failure = outcome()
        return made or fail(failure)
    return call


def install(system):
    """Installs what was built, which must not change while it is tested,
    and boots."""
    done = subprocess.run(
        ["make", "--silent", "--old-file=all", "install",
         f"DESTDIR={system.root}", "PREFIX=/usr",
         f"BUILD={os.path.dirname(TOOL)}"], cwd=root_file(), check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=clean_environment())
    if done.returncode:
        fail(f"make install: {done.stdout[-2000:]}")
    system.boot()
    system.run("systemd-sysusers", "hookdir.conf")
    system.run("systemd-tmpfiles", "--create", "hookdir.conf")


@once
def debian():
    """It runs, with hookdir and the samples installed, and no unit enabled"""
    system = Container(["cron", "jq", "sqlite3", *libraries(TOOL, FCGI)])
    install(system)
    for unit in (*RECONCILE, "hookdir-watch.service"):
        system.run("cp", SAMPLES + unit, "/etc/systemd/system/")
    system.write("/etc/hookdir/run/shipmondo.conf", SETTINGS)
    system.run("systemctl", "daemon-reload")
    return system


def fresh(command=None, **settings):
    """Nothing runs, no message is there. command: what a shell is to do for
    a message, instead of the sample; it may log() with "say". settings: of
    the service, instead of the sample's."""
    system = debian()
    system.run("systemctl", "stop", *RUN, "hookdir-watch.service")
    system.run("systemctl", "reset-failed")
    system.run("sh", "-c", f"rm -rf {SPOOL} {DATA}/* /var/lib/hookdir-watch/*")
    if command is None:
        system.run("cp", SAMPLES + "book-order.sh",
                   "/usr/local/bin/book-order")
    else:
        system.write("/usr/local/bin/book-order",
                     f"#!/bin/sh\nsay() {{ echo \"$*\" >>{DATA}/log; }}\n"
                     f"{command}\n", 0o755)
    system.write(f"/run/systemd/system/{SERVICE}.d/tests.conf",
                 "[Service]\n" + "".join(f"{name}={value}\n" for name, value
                                         in settings.items()))
    system.run("systemctl", "daemon-reload")
    return system


def put(name, where="new", event=None):
    """A message of that name, as the handler puts one"""
    debian().run(
        "setpriv", "--reuid=hookdir", "--regid=hookdir", "--init-groups",
        "sh", "-c", f"""
        umask 027 && cd {SPOOLS} && mkdir -p shipmondo && cd shipmondo &&
            mkdir -p tmp new cur failed && cat >"tmp/$1" &&
            mv "tmp/$1" "$2/$1"
        """, "sh", name + ".json", where, input=event or order(name))


def order(name):
    return json.dumps({
        "specversion": "1.0", "id": name, "type": "com.shipmondo.orders.create",
        "source": "https://hooks.example/webhook/shipmondo",
        "data": {"data": {"id": int(re.sub(r"\D", "", name) or 1),
                          "updated_at": "2026-11-21T18:05:33+01:00"}}})


def spool():
    return Spool(debian().path(SPOOL))


def done():
    """No message is left anywhere"""
    return all(not spool().names(where)
               for where in ("new", "cur", "failed"))


def log():
    try:
        return read(debian().path(DATA + "/log")).split()
    except FileNotFoundError:
        return []


def booked(data=DATA):
    """The events in the database; looked up inside, for the sake of locks"""
    out = debian().execute("sqlite3", "-readonly", f"{data}/orders.db",
                           "SELECT id FROM events ORDER BY id")
    return [] if out.returncode else out.stdout.split()


def property_of(unit, name):
    return debian().run("systemctl", "show", "--property=" + name,
                        "--value", unit).strip()


def active(unit):
    return property_of(unit, "ActiveState"), property_of(unit, "SubState")


def starts():
    """How often the service was started since the machine was"""
    return debian().run(
        "journalctl", "--unit=" + SERVICE, "--output=cat",
        "_PID=1").count("Started ")


WAITING = ("active", "waiting")


@test("systemd has nothing to complain of in the units")
def _():
    system = fresh()
    eq("verify", system.run("systemd-analyze", "verify", "--man=no", *RUN,
                            *RECONCILE, "hookdir-watch.service",
                            "hookdir.socket"), "")
    for unit in (SERVICE, "hookdir-watch.service",
                 "hookdir.service"):
        out = system.run("systemd-analyze", "security", "--no-pager", unit)
        exposure = float(re.search(r"level for .*: ([0-9.]+)", out)[1])
        print(f"# figure {unit}: exposure {exposure} of 10")
        ok(f"{unit}: exposure {exposure}, at most 0.5", exposure <= 0.5)


@test("the spools' folder: others pass, and a mode or group set by hand stays")
def _():
    system = fresh()

    def looks():
        system.run("systemd-tmpfiles", "--create", "hookdir.conf")
        return system.run("stat", "-c", "%a %U %G", SPOOLS).split()

    eq("as made", looks(), ["2751", "hookdir", "hookdir"])
    try:
        system.run("chmod", "2775", SPOOLS)
        system.run("chgrp", "games", SPOOLS)
        eq("as set", looks(), ["2775", "hookdir", "games"])
    finally:
        system.run("chgrp", "hookdir", SPOOLS)
        system.run("chmod", "2751", SPOOLS)


@test("hookdir.socket: another group, as its comment says")
def _():
    system = fresh()
    text = read(root_file("handler", "hookdir.socket"))
    lines = re.findall(r"^#     (\S.*)$", text, re.M)
    drop_in = [line for line in lines if re.match(r"\[|Socket", line)]
    commands = [line for line in lines if line not in drop_in]
    eq("lines", (len(drop_in), len(commands)), (2, 3))
    system.run("groupadd", "--system", "nginx")
    system.run("systemctl", "start", "hookdir.socket")
    place = "/etc/systemd/system/hookdir.socket.d/override.conf"
    try:
        for group in ("hookdir-web", "nginx"):
            system.write(place, "\n".join(drop_in).replace(
                "hookdir-web", group) + "\n")
            system.run("systemctl", "daemon-reload")  # as edit does
            for command in commands[0 if group == "hookdir-web" else 2:]:
                system.run(*command.split())
            eq("socket", system.run("stat", "-c", "%a %U %G",
                                    "/run/hookdir/hookdir.sock").split(),
               ["660", "root", group])
        has("groups of www-data", system.run("id", "-nG", "www-data"),
            "hookdir-web")
    finally:
        os.unlink(system.path(place))
        system.run("systemctl", "daemon-reload")
        system.run("systemctl", "restart", "hookdir.socket")


@test("a call to the handler is booked at once, though no spool was there")
def _():
    system = fresh()
    # One name is enough, also while there is no spool.
    system.run("systemctl", "enable", "--now", SERVICE, "hookdir.socket")
    eq("path", active(PATH), WAITING)
    handler = Installed(system.path("/run/hookdir/hookdir.sock"))
    answer = handler.request(
        shipmondo.body(shipmondo.form_b(json.dumps(
            {"id": 1, "updated_at": "2026-11-21T18:05:33+01:00"}).encode()),
            KEY), headers=[("SMD-Resource-Type", "Orders"),
                           ("SMD-Action", "create")],
        HOOKDIR_SPOOL=SPOOL, HOOKDIR_SENDER="shipmondo", HOOKDIR_KEY=KEY)
    start = time.monotonic()
    eq("status", (answer.status, answer.body), (200, answer.body))
    wait_for(booked, "order in the database", 10)
    print(f"# figure booked {time.monotonic() - start:.2f} s after the answer")
    eq("events", booked(), [answer.json()["id"]])
    wait_for(done, "end of the message")
    wait_for(lambda: active(PATH) == WAITING, "end of that run")
    system.run("systemctl", "disable", "--now", SERVICE, "hookdir.socket",
               "hookdir.service")
    eq("path", property_of(PATH, "ActiveState"), "inactive")


@test("a handler that dies again and again comes back, and its socket stays")
def _():
    system = fresh()
    system.run("systemctl", "start", "hookdir.socket")
    handler = Installed(system.path("/run/hookdir/hookdir.sock"))
    accepted = []
    for number in range(8):  # more than systemd allows for by itself
        answer = handler.request(
            shipmondo.body(shipmondo.form_b(f'{{"id":{number}}}'.encode()),
                           KEY),
            HOOKDIR_SPOOL=SPOOL, HOOKDIR_SENDER="shipmondo", HOOKDIR_KEY=KEY)
        eq("status", (answer.status, answer.body), (200, answer.body))
        accepted.append(answer.json()["id"])
        system.run("systemctl", "kill", "--signal=SIGABRT", "hookdir.service")
        wait_for(lambda: active("hookdir.service") != ("active", "running"),
                 "end of the handler")
    eq("socket", property_of("hookdir.socket", "ActiveState"), "active")
    eq("messages", [message["id"] for message in spool().messages()],
       accepted)
    system.run("systemctl", "stop", "hookdir.socket", "hookdir.service")


def call(**params):
    """The status of a message to the handler as a service"""
    handler = Installed(debian().path("/run/hookdir/hookdir.sock"))
    return handler.request(
        b"{}", HOOKDIR_SPOOL=SPOOL, HOOKDIR_AUTH="none", **params).status


@test("the disk and the directory of the spools come and go")
def _():
    system = fresh()
    disk = "/run/disk"
    system.run("mkdir", "-p", disk)
    system.run("mount", "-t", "tmpfs", "-o", "size=16m", "none", disk)
    system.run("chown", "hookdir:hookdir", disk)
    # The mount point is root's, so nothing is stored beside the disk.
    system.run("chown", "root:root", SPOOLS)
    system.run("chmod", "0755", SPOOLS)
    try:
        system.run("mount", "--bind", disk, SPOOLS)
        system.run("systemctl", "restart", "hookdir.socket")
        eq("mounted before the start", call(), 200)
        pid = property_of("hookdir.service", "MainPID")
        for turn in range(2):
            system.run("umount", SPOOLS)
            eq(f"unmounted, turn {turn}", call(), 503)
            eq("mounts of the service", [
                line for line in read(system.path(
                    f"/proc/{pid}/mountinfo")).splitlines()
                if SPOOLS in line], [])
            system.run("mount", "--bind", disk, SPOOLS)
            eq(f"mounted again, turn {turn}", call(), 200)
        system.run("umount", SPOOLS)
        # A mount point on which the handler could make a spool
        system.run("chown", "hookdir:hookdir", SPOOLS)
        eq("HOOKDIR_CREATE no", call(HOOKDIR_CREATE="no"), 503)
        eq("made", os.listdir(system.path(SPOOLS)), [])
        system.run("mv", SPOOLS, SPOOLS + ".away")
        eq("directory missing", call(), 503)
        eq("process", property_of("hookdir.service", "MainPID"), pid)
        system.run("systemctl", "restart", "hookdir.service")
        eq("missing at the start", call(), 503)
        pid = property_of("hookdir.service", "MainPID")
        system.run("mv", SPOOLS + ".away", SPOOLS)
        eq("directory back", call(), 200)
        system.run("mount", "--bind", disk, SPOOLS)
        eq("mounted while it runs", call(), 200)
        eq("messages on the disk",
           len(os.listdir(system.path(disk + "/shipmondo/new"))), 4)
        eq("process", property_of("hookdir.service", "MainPID"), pid)
        eq("restarts", property_of("hookdir.service", "NRestarts"), "0")
    finally:
        system.execute("mv", SPOOLS + ".away", SPOOLS)
        system.execute("umount", SPOOLS)
        system.execute("umount", disk)
        system.run("systemctl", "stop", "hookdir.socket", "hookdir.service")
        system.run("systemd-tmpfiles", "--create", "hookdir.conf")


class Installed(Handler):
    """The handler as a service"""

    def __init__(self, socket):  # pylint: disable=super-init-not-called
        self.socket = socket


JWKS = "/var/lib/hookdir-jwks/keys.json"
FETCHES = "/var/lib/hookdir-jwks/fetches"
# In place of curl: there is no network. The handler's keys come from here.
CURL = """#!/bin/sh
while [ $# -gt 1 ] && [ "$1" != --output ]; do shift; done
cat /srv/server.json >"$2" && echo >>/var/lib/hookdir-jwks/fetches &&
    printf 200
"""


def with_keys():
    """The units that fetch keys, as their comments say, and the handler"""
    system = fresh()
    system.run("sh", "-c", f"rm -rf {SPOOLS}/entra {JWKS} {FETCHES}")
    samples = "/usr/share/doc/hookdir/nginx/hookdir-jwks."
    system.run("cp", *(samples + kind for kind in ("service", "timer",
                                                   "path")),
               "/etc/systemd/system/")
    system.run("install", "-m", "0755", samples + "sh",
               "/usr/local/sbin/hookdir-jwks")
    system.write("/usr/local/bin/curl", CURL, 0o755)
    system.write("/run/systemd/system/hookdir-jwks.service.d/tests.conf",
                 "[Service]\nEnvironment=JWKS_URL=https://id.example/keys\n")
    system.run("systemctl", "daemon-reload")
    return system


def fetches():
    try:
        return len(read(debian().path(FETCHES)))
    except FileNotFoundError:
        return 0


def call_with(handler, kid, private):
    token = oauth.es_token({"alg": "ES256", "kid": kid}, oauth.claims(),
                           private)
    return handler.request(
        b"{}", headers=[("Authorization", "Bearer " + token)],
        HOOKDIR_SPOOL=SPOOLS + "/entra", HOOKDIR_SENDER="tradecloud",
        HOOKDIR_AUTH="token", HOOKDIR_JWKS=JWKS,
        HOOKDIR_ISSUER=oauth.ENTRA, HOOKDIR_AUDIENCE=oauth.APP).status


@test("a token of a new key has the keys fetched, and a made-up one no more "
      "than once a minute")
def _():
    system = with_keys()
    first, second = (oauth.MAKERS["ES256"]() for _ in range(2))
    served = [oauth.jwk(first, kid="first")]
    system.write("/srv/server.json", json.dumps({"keys": served}))
    system.run("systemctl", "start", "hookdir-jwks.service")
    eq("fetches", fetches(), 1)
    system.run("systemctl", "enable", "--now", "hookdir-jwks.timer",
               "hookdir-jwks.path", "hookdir.socket")
    eq("path", active("hookdir-jwks.path"), WAITING)
    handler = Installed(system.path("/run/hookdir/hookdir.sock"))
    eq("the key in the file", call_with(handler, "first", first), 200)
    # The server takes another key at once.
    served.append(oauth.jwk(second, kid="second"))
    system.write("/srv/server.json", json.dumps({"keys": served}))
    start = time.monotonic()
    eq("a new key", call_with(handler, "second", second), 503)
    wait_for(lambda: call_with(handler, "second", second) == 200,
             "the new key", 30)
    print(f"# figure new key known {time.monotonic() - start:.2f} s after "
          "the first call")
    eq("fetches", fetches(), 2)
    eq("path", active("hookdir-jwks.path"), WAITING)
    # A flood of kids that nobody has: the mark is of this minute.
    for number in range(40):
        eq("made up", call_with(handler, f"none-{number}", second), 503)
    time.sleep(7)
    eq("fetches", fetches(), 2)
    system.run("touch", "--date=-2 minutes",
               SPOOLS + "/entra/keys-wanted")  # a change, so one fetch
    wait_for(lambda: fetches() == 3, "a fetch", 30)
    wait_for(lambda: call_with(handler, "none-0", second) == 401,
             "an end of the made-up key", 30)
    eq("the others", [call_with(handler, "first", first),
                      call_with(handler, "second", second)], [200, 200])
    eq("path", active("hookdir-jwks.path"), WAITING)
    eq("verify", system.run("systemd-analyze", "verify", "--man=no",
                            "hookdir-jwks.service", "hookdir-jwks.timer",
                            "hookdir-jwks.path"), "")
    system.run("systemctl", "disable", "--now", "hookdir-jwks.timer",
               "hookdir-jwks.path", "hookdir.socket", "hookdir.service")


@test("messages that come one by one hit no limit")
def _():
    system = fresh()
    system.run("systemctl", "start", PATH)
    before = starts()
    names = [f"m{number}" for number in range(10, 18)]
    for name in names:
        put(name)
        wait_for(lambda name=name: name in booked(), f"booking of {name}")
        wait_for(lambda: active(PATH) == WAITING,
                 "end of that run")
    eq("events", booked(), names)
    ok("each started the service", starts() - before >= len(names))


@test("a hundred messages at once")
def _():
    system = fresh()
    system.run("systemctl", "start", PATH)
    names = sorted(f"m{number}" for number in range(100, 200))
    system.run(
        "setpriv", "--reuid=hookdir", "--regid=hookdir", "--init-groups",
        "sh", "-c", f"""
        umask 027 && cd {SPOOLS} && mkdir -p shipmondo && cd shipmondo &&
            mkdir -p tmp new && while read -r name text; do
                printf '%s\\n' "$text" >tmp/$name && mv tmp/$name new/
            done""", input="".join(
                f"{name}.json {order(name)}\n".replace("\\", "\\\\")
                for name in names))
    wait_for(lambda: len(booked()) == 100 and done(), "booking of all")
    eq("events", booked(), names)


@test("exit status 75: no start limit, and no second run before its time")
def _():
    system = fresh("say try; exit $(cat status)")
    system.write(DATA + "/status", "75")
    system.run("systemctl", "start", PATH)
    before = starts()
    put("later")
    wait_for(lambda: log() == ["try"], "first try")
    time.sleep(4)
    eq("tries", log(), ["try"])
    eq("path", active(PATH), ("active", "running"))
    eq("service", active(SERVICE), ("active", "running"))
    eq("starts", starts() - before, 1)
    eq("waits in new/", len(spool().names("new")), 1)
    system.write(DATA + "/status", "0")
    wait_for(done, "second try")
    eq("tries", log(), ["try", "try"])
    wait_for(lambda: active(PATH) == WAITING, "end of the run")
    eq("starts", starts() - before, 1)


@test("exit status 78: one run, a pause, and the next; the path unit stays")
def _():
    system = fresh("say try; exit $(cat status)",
                   RestartSec="5s")
    eq("RestartSec=", property_of("hookdir-watch.service", "RestartUSec"),
       "30s")
    system.write(DATA + "/status", "78")
    system.run("systemctl", "start", PATH)
    put("stop")
    wait_for(lambda: active(SERVICE)
             == ("activating", "auto-restart"), "pause of the service")
    put("more")
    time.sleep(3)
    eq("tries", log(), ["try"])
    eq("messages", spool().names("new"), ["more.json", "stop.json"])
    eq("path", active(PATH), ("active", "running"))
    system.write(DATA + "/status", "0")
    wait_for(done, "next run")
    eq("tries", log(), ["try", "try", "try"])
    wait_for(lambda: active(PATH) == WAITING, "end of the run")


@test("systemctl stop lets a command finish, and starts no other")
def _():
    system = fresh("say start; sleep 3; say end")
    system.run("systemctl", "start", PATH)
    names = [f"m{number}" for number in range(1, 7)]
    for name in names:  # --jobs is 4
        put(name)
    wait_for(lambda: len(log()) == 4, "start of four commands")
    start = time.monotonic()
    system.run("systemctl", "stop", *RUN)
    ok("it took as long as the commands", time.monotonic() - start > 1)
    eq("log", log(), 4 * ["start"] + 4 * ["end"])
    eq("messages", spool().names("new"), ["m5.json", "m6.json"])
    eq("claimed", spool().names("cur"), [])
    eq("result", property_of(SERVICE, "Result"), "success")


@test("a message that a killed run left is found at the next start")
def _():
    system = fresh()
    system.run("systemctl", "start", PATH)
    put("left", where="cur")
    time.sleep(2)
    eq("path", active(PATH), WAITING)
    eq("claimed", len(spool().names("cur")), 1)
    system.run("systemctl", "start", SERVICE)  # as at boot
    # It counts as a try, so there is the wait before the second.
    wait_for(done, "end of the message")
    eq("events", booked(), ["left"])


@test("a run that is killed is started again, by itself")
def _():
    system = fresh("say try; exec sleep $(cat $PWD/seconds)", RestartSec="1s")
    system.write(DATA + "/seconds", "100")
    system.run("systemctl", "start", SERVICE)
    put("killed")
    wait_for(lambda: log() == ["try"], "first try")
    system.write(DATA + "/seconds", "0")
    system.run("systemctl", "kill", "--signal=SIGKILL", SERVICE)
    wait_for(done, "second try")
    eq("tries", log(), ["try", "try"])
    wait_for(lambda: active(PATH) == WAITING, "end of the run")


@test("what is no message in new/ makes neither path nor service give up")
def _():
    system = fresh()
    put("first")
    system.run("mkdir", f"{SPOOL}/new/directory")
    system.run("touch", f"{SPOOL}/new/.hidden")
    before = starts()
    system.run("systemctl", "start", PATH)
    wait_for(booked, "first booking")
    time.sleep(5)
    ok(f"{starts() - before} starts in 5 s", starts() - before < 8)
    eq("path", property_of(PATH, "ActiveState"), "active")
    put("second")
    wait_for(lambda: booked() == ["first", "second"], "second booking")
    system.run("systemctl", "stop", *RUN)


@test("what a command may write, and as whom it runs")
def _():
    system = fresh("""
        for place in / /etc /usr /home /root /boot /run /var/lib /var/log \\
            /var/spool /var/spool/hookdir /var/lib/hookdir-run $PWD /tmp \\
            /dev/shm
        do
            touch "$place/probe" 2>/dev/null && say "$place"
        done
        say "$(id -un):$(id -Gn):$(umask):$(stat -c %a:%U $PWD)"
        say "$(sed -n 's/^NoNewPrivs:.//p; s/^CapBnd:.//p' /proc/self/status)"
        say "$(find /dev -type b | wc -l)" """)
    system.run("systemctl", "start", PATH)
    put("probe")
    wait_for(done, "end of the message")
    eq("log", log(), ["/var/spool/hookdir", DATA, "/tmp",
                      "/dev/shm", "hookdir:hookdir:0007:750:hookdir",
                      16 * "0", "1", "0"])
    eq("/tmp of the machine", os.path.exists(system.path("/tmp/probe")), False)


@test("hookdir-watch.service: messages at once, and a stop that waits")
def _():
    system = fresh()
    put("before")
    system.run("systemctl", "enable", "--now", "hookdir-watch.service")
    data = "/var/lib/hookdir-watch"
    wait_for(lambda: booked(data) == ["before"], "first booking")
    start = time.monotonic()
    put("one")
    wait_for(lambda: booked(data) == ["before", "one"], "second booking", 10)
    print(f"# figure hookdir-watch: booked {time.monotonic() - start:.2f} s"
          " after the delivery began")
    eq("main process", property_of("hookdir-watch.service", "NRestarts"), "0")
    system.write("/usr/local/bin/book-order",
                 f"#!/bin/sh\ntouch {data}/start\nsleep 2\ntouch {data}/end\n",
                 0o755)
    put("two")
    wait_for(lambda: os.path.exists(system.path(data + "/start")), "start")
    system.run("systemctl", "disable", "--now", "hookdir-watch.service")
    ok("it was finished", os.path.exists(system.path(data + "/end")))
    ok("and is done", done())


@test("the cron line: installed as it says, run at the next minute")
def _():
    system = fresh()
    text = system.run("cat", SAMPLES + "hookdir.cron")
    commands = re.findall(r"^#     (install .*)$", text, re.M)
    eq("commands in its comment", len(commands), 2)
    data = "/var/lib/hookdir-run"
    system.run("rm", "-rf", data)
    for command in commands:
        system.run("sh", "-ec", f"cd {SAMPLES}\n{command}")
    put("cron")
    put("broken", event="{")
    start = time.monotonic()
    wait_for(lambda: booked(data), "booking", 75)
    print(f"# figure cron: booked {time.monotonic() - start:.0f} s after the"
          " delivery")
    wait_for(lambda: not spool().names("new") and not spool().names("cur"),
             "end of the run")
    eq("events", booked(data), ["cron"])
    eq("failed", len(spool().failed()), 1)
    eq("owner and mode", system.run(
        "stat", "--format=%U:%a", data, data + "/orders.db").split(),
       ["hookdir:750", "hookdir:640"])
    system.run("rm", "/etc/cron.d/hookdir-run")


if __name__ == "__main__":
    main()

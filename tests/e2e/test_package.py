# SPDX-License-Identifier: MIT
"""test_package - the Debian packages: built, installed, upgraded, removed

What a user of the packages sees is tested by the scripts in debian/tests, in
a booted Debian with nginx and Apache. This runs them with the packages that
it has built, and the commands of hookdir-run(5) as they are printed there.
"""

import functools
import hashlib
import os
import re
import shutil
import subprocess
import time

from container import Container
from harness import eq, fail, folder, has, main, needs_root, ok, read
from harness import root_file, test, wait_for
import package

TESTS = "/usr/src/hookdir/debian/tests/"
SPOOLS = "/var/spool/hookdir/"
VERSION = re.search(r"^VERSION = (.*)$", read(root_file("Makefile")),
                    re.M)[1]


def field(path, name):
    return subprocess.run(["dpkg-deb", "--field", path, name], check=True,
                          stdout=subprocess.PIPE, text=True).stdout.strip()


@functools.cache
def source():
    """The source, which may change while it is tested"""
    place = os.path.join(folder("source"), "hookdir")
    package.copy_source(place)
    return place


@functools.cache
def built():
    needs_root()
    return package.build(source=source())


def needed():
    """What the packages depend on, as they say"""
    depends = ", ".join(field(path, "Depends")
                        for path in package.packages(built()))
    return sorted({re.match(r"[\w.+-]+", one)[0]
                   for one in re.split(r",\s*", depends)} - {"hookdir"})


def newer():
    """The same packages with a later version"""
    place = os.path.join(built(), "newer")
    if os.path.isdir(place):
        return place
    os.mkdir(place)
    for path in package.packages(built()):
        tree = os.path.join(place, "tree")
        subprocess.run(["dpkg-deb", "--raw-extract", path, tree], check=True)
        control = os.path.join(tree, "DEBIAN", "control")
        text = read(control).replace(VERSION, VERSION + "+1")
        with open(control, "w", encoding="utf-8") as file:
            file.write(text)
        subprocess.run(["dpkg-deb", "--build", tree, place], check=True,
                       stdout=subprocess.DEVNULL)
        shutil.rmtree(tree)
    return place


@functools.cache
def debian():
    """It runs, with nginx and Apache, and no hookdir yet"""
    system = Container(["nginx", "apache2", "openssl", "jq", "php-cli",
                        "zsh", "fish", *needed()])
    for source, target in ((built(), "/srv/packages"),
                           (newer(), "/srv/newer")):
        os.mkdir(system.path(target))
        for path in package.packages(source):
            shutil.copy(path, system.path(target))
    shutil.copytree(root_file("debian", "tests"), system.path(TESTS))
    # The samples are documentation, which the tree goes without.
    os.unlink(system.path("/etc/dpkg/dpkg.cfg.d/99mmdebstrap"))
    system.boot()
    return system


def installed():
    system = debian()
    if not os.path.exists(system.path("/usr/sbin/hookdir.fcgi")):
        system.run("sh", "-c", "apt-get --yes install "
                   "/srv/packages/*.deb")
    return system


def script(name, *arguments):
    """Runs a script of debian/tests"""
    system = installed()
    out = system.run("sh", "-c", 'HOOKDIR_DEBS=$(echo /srv/newer/*.deb) '
                     'exec "$@"', "sh", TESTS + name, *arguments)
    ok(f"{name} has checked something", out.count("ok: ") >= 3)
    return out


@test("two builds are the same", 600)
def _():
    names = [os.path.basename(path) for path in package.packages(built())]
    eq("packages", [re.match("[a-z-]+", name)[0] for name in names],
       ["hookdir-net", "hookdir"])
    time.sleep(1)
    again = package.build("elsewhere", source())
    for name in names:
        eq(name, *(hashlib.sha256(
            open(os.path.join(place, name), "rb").read()).hexdigest()
            for place in (built(), again)))


@test("the version, the dependencies, and what lintian says")
def _():
    for path in package.packages(built()):
        eq(path, field(path, "Version"), VERSION)
    net, main_package = package.packages(built())
    has("Recommends", field(main_package, "Recommends"), "hookdir-net")
    ok("hookdir needs no curl", "curl" not in field(main_package, "Depends"))
    has("hookdir-net does", field(net, "Depends"), "curl")
    eq("errors and warnings", re.findall(
        r"^[EW]: .*", read(os.path.join(built(), "lintian")), re.M), [])


@test("installed: what it has put where", 400)
def _():
    system = installed()
    eq("verify", system.run(
        "systemd-analyze", "verify", "--man=no", "hookdir.socket",
        "hookdir.service", "hookdir-run@x.service", "hookdir-run@x.path"), "")
    for unit in ("hookdir.service", "hookdir-run@x.service"):
        out = system.run("systemd-analyze", "security", "--no-pager", unit)
        exposure = float(re.search(r"level for .*: ([0-9.]+)", out)[1])
        ok(f"{unit}: exposure {exposure}, at most 0.5", exposure <= 0.5)
    for shell, path in (
            ("bash", "bash-completion/completions/hookdir"),
            ("zsh", "zsh/vendor-completions/_hookdir"),
            ("fish", "fish/vendor_completions.d/hookdir.fish")):
        ok(shell, os.path.exists(system.path("/usr/share/" + path)))
    eq("umask", system.run("systemctl", "show", "--property=UMask",
                           "--value", "hookdir.service"), "0007\n")


ZSH = r"""
zmodload zsh/zpty
zpty -b z zsh -f -i
zpty -w z 'autoload -Uz compinit; compinit -u -D; PS1=; echo ready""'
repeat 100; do zpty -r -t z line; text+=$line; line=
    [[ $text = *ready$'
'* ]] && break; sleep 0.1; done
zpty -w -n z "$1"$'	'
text=
repeat 100; do zpty -r -t z line; text+=$line; line=
    [[ $text = *$2* ]] && break; sleep 0.1; done
print -r -- "$text"
zpty -d z
"""


@test("completion in zsh and fish")
def _():
    system = installed()
    failed = SPOOLS + "full/failed"
    system.run("sh", "-c", f"mkdir -p {failed} && "
               f"touch {failed}/1795.M1P1Q1.shop,tries=3.json")
    for line, want in (
            ("hookdir req", "requeue"),
            ("hookdir run --unt", "--until-empty"),
            ("hookdir send --sender tr", "tradecloud"),
            (f"hookdir requeue {SPOOLS}full 17", "1795.M1P1Q1.shop")):
        out = system.run("fish", "-c",
                         'complete -C "$argv[1]"', line)
        eq(f"fish: {line}", re.findall(r"^([^\t\n]+)", out, re.M), [want])
        has(f"zsh: {line}", system.run("zsh", "-f", "-c", ZSH, "zsh", line,
                                       want), want)


@test("nginx: from the package to a processed message", 400)
def _():
    script("receive", "nginx")


@test("Apache: the same", 400)
def _():
    script("receive", "apache2")


@test("an upgrade under load loses nothing, and restarts what runs", 400)
def _():
    out = script("upgrade", "nginx")
    print("# figure upgrade under load: "
          + re.search(r"\d+ of \d+ accepted.*", out)[0])


def example(heading):
    """The commands of an example of hookdir-run(5)"""
    text = read(root_file("docs", "hookdir-run.5"))
    found = re.search(rf"^\.Ss {heading}\n.*?^\.Bd -literal\n(.*?)^\.Ed",
                      text, re.M | re.S)
    return found[1] if found else fail(f"no example {heading}")


def follow(heading):
    """Runs it as root, as it is printed"""
    system = installed()
    out = system.run("sh", "-ec", example(heading))
    ok(f"nothing to complain of: {out}", "rror" not in out)
    return system


def deliver(name):
    """A message, by the handler, which is a service"""
    from harness import Handler  # pylint: disable=import-outside-toplevel

    class Installed(Handler):
        def __init__(self, socket):  # pylint: disable=super-init-not-called
            self.socket = socket

    handler = Installed(debian().path("/run/hookdir/hookdir.sock"))
    eq("status", handler.request(
        b"{}", HOOKDIR_SPOOL=SPOOLS + name, HOOKDIR_AUTH="none",
        HOOKDIR_SENDER="generic").status, 200)


def is_done(name):
    return all(not os.listdir(debian().path(f"{SPOOLS}{name}/{state}"))
               for state in ("new", "cur", "failed"))


def result(path):
    def there():
        try:
            return read(debian().path(path))
        except FileNotFoundError:
            return None
    return wait_for(there, path, 20).strip()


@test("hookdir-run(5): PHP as www-data")
def _():
    system = installed()
    system.write("/var/www/shop/import.php", """<?php
$event = json_decode(stream_get_contents(STDIN), true);
if (!file_put_contents('/var/www/shop/got',
        get_current_user() . ' ' . posix_geteuid() . ' ' . $event['sender']))
    exit(1);
""")
    system.run("chown", "-R", "www-data:www-data", "/var/www/shop")
    follow("PHP as www-data")
    deliver("shop")
    user = system.run("id", "-u", "www-data").strip()
    eq("as", result("/var/www/shop/got"), f"www-data {user} generic")
    wait_for(lambda: is_done("shop"), "end of the message")


@test("hookdir-run(5): one Unix user for each shop, also after a boot")
def _():
    system = installed()
    for shop in ("shop07", "shop08"):
        system.run("useradd", "--create-home", shop)
        system.write(f"/home/{shop}/import", "#!/bin/sh\nother=shop08\n"
                     "[ $(id -un) = shop07 ] || other=shop07\n"
                     f"ls {SPOOLS}$other >/dev/null 2>&1 && echo sees it\n"
                     "echo $(id -un) $(umask) >>got\n", 0o755)
        system.run("chown", f"{shop}:", f"/home/{shop}/import")
    follow("One Unix user for each shop")
    for turn in range(2):
        for shop in ("shop07", "shop08"):
            deliver(shop)
            place = f"/var/lib/hookdir-run/{shop}/got"
            wait_for(lambda shop=shop: is_done(shop), "end of the message")
            eq("as", result(place).splitlines(), (turn + 1) * [f"{shop} 0007"])
            eq("the spool", system.run(
                "stat", "-c", "%U %G %a", SPOOLS + shop,
                f"{SPOOLS}{shop}/new").split("\n")[:2],
               2 * [f"hookdir {shop} 2770"])
        if turn == 0:
            system.reboot()
            eq("enabled", system.run(
                "systemctl", "is-active", "hookdir-run@shop07.path",
                "hookdir-run@shop08.path").split(), ["active", "active"])


@test("hookdir-run(5): a database over TCP, and none without")
def _():
    system = installed()
    system.write("/usr/local/bin/erp-import", """#!/usr/bin/php
<?php
$database = @fsockopen('127.0.0.1', 5432);
file_put_contents('out', $database ? 'connected' : 'none');
exit($database ? 0 : 1);
""", 0o755)
    system.run("systemd-run", "--quiet", "--unit=db", "php", "-S",
               "127.0.0.1:5432")
    wait_for(lambda: not system.execute(
        "php", "-r", "exit(@fsockopen('127.0.0.1', 5432) ? 0 : 1);"
        ).returncode, "start of the server")
    follow("A database over TCP")
    deliver("erp")
    wait_for(lambda: os.path.isdir(system.path(SPOOLS + "erp/new")) and
             is_done("erp"), "end of the message", 30)
    eq("the answer", result("/var/lib/hookdir-run/erp/out"), "connected")
    # Without the drop-in there is no network.
    system.run("rm", "-r", "/etc/systemd/system/hookdir-run@erp.service.d")
    system.run("rm", "/var/lib/hookdir-run/erp/out")
    system.run("systemctl", "daemon-reload")
    deliver("erp")
    eq("no network", result("/var/lib/hookdir-run/erp/out"), "none")
    system.run("systemctl", "disable", "--now", "hookdir-run@erp")


@test("no settings: it says so, and comes again later")
def _():
    system = installed()
    system.run("install", "-d", "-o", "hookdir", "-g", "hookdir", "-m",
               "2770", SPOOLS + "odd", SPOOLS + "odd/new")
    system.run("systemctl", "start", "hookdir-run@odd.path")
    deliver("odd")

    def state():
        return system.run("systemctl", "show", "--property=SubState",
                          "--value", "hookdir-run@odd.service").strip()

    wait_for(lambda: state() == "auto-restart", "a pause")
    time.sleep(2)
    eq("path", system.run("systemctl", "is-active",
                          "hookdir-run@odd.path").strip(), "active")
    has("journal", system.run("journalctl", "--unit=hookdir-run@odd"),
        "Failed to load environment files")
    system.write("/etc/hookdir/run/odd.conf", "COMMAND=/bin/true\n")
    system.run("systemctl", "stop", "hookdir-run@odd.path",
               "hookdir-run@odd.service")
    system.run("systemctl", "start", "hookdir-run@odd")
    wait_for(lambda: is_done("odd"), "end of the message")
    system.run("systemctl", "stop", "hookdir-run@odd")


@test("removed it stops, purged it keeps the messages, and says so", 400)
def _():
    system = installed()
    script("remove", "nginx")
    ok("the user stays", "hookdir" in system.run("id", "hookdir"))
    has("and hookdir-net, which nothing needs", system.run(
        "hookdir-net", "--version"), VERSION)


if __name__ == "__main__":
    main()

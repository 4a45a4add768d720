# SPDX-License-Identifier: MIT
"""machine - make demo and make test leave a machine as it was

Three booted Debians: one whose shop nginx serves, one with Apache, one bare.
In each, the demo runs and what the tests need is made available, as a user
would do it on a fresh checkout; units, configuration and the shop must be the
same before, afterwards and after a reboot. The bare one has a repository of
bad packages, too. apt-get gets packages over the network of this machine;
services run without any.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "e2e"))
# pylint: disable=wrong-import-position
from container import Container  # noqa: E402
from harness import (ROOT, clean_environment, eq, has, hasnt,  # noqa: E402
                     main, needs_root, test, wait_for, write)

SOURCE = "/root/hookdir"
SHOPS = {"nginx": "nginx", "apache": "apache2", "bare": None}
# Files of /etc that belong to programs and not to services
BOOKKEEPING = ("/etc/ld.so.cache", "/etc/mailcap")


def machine(kind):
    """A booted Debian with a fresh checkout, and a shop on port 80"""
    needs_root()
    server = SHOPS[kind]
    system = Container(["make", *([server] if server else [])])
    shutil.copytree(ROOT, system.path(SOURCE), symlinks=True,
                    ignore=shutil.ignore_patterns("build*", ".git"))
    shutil.copy("/etc/resolv.conf", system.path("/etc/resolv.conf"))
    if server:
        write(system.path("/var/www/html/index.html"), f"shop on {server}\n",
              0o644)
    system.boot()
    return system


def state(system, kind):
    """What must stay as it is"""
    units = system.run("systemctl", "list-units", "--all", "--plain",
                       "--no-legend", "--type=service,socket,timer,path")
    files = system.run("systemctl", "list-unit-files", "--no-legend",
                       "--state=enabled,enabled-runtime,masked")
    shop = system.execute(
        "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/80 && printf "
        "'GET / HTTP/1.0\r\n\r\n' >&3 && grep shop <&3").stdout
    if SHOPS[kind]:
        has("the shop's page", shop, f"shop on {SHOPS[kind]}")
    return {
        "units": sorted(line.split()[0] for line in units.splitlines()
                        if line.split()[2] in ("active", "failed")
                        and not line.startswith(("systemd-", "user"))),
        "enabled": sorted(line.split()[0] for line in files.splitlines()),
        "system": system.execute("systemctl", "is-system-running").stdout,
        "audit": system.run("dpkg", "--audit"),
        "shop": shop,
        "links": sorted(os.listdir(system.path("/etc/systemd/system")))
        + sorted(os.listdir(system.path("/etc/init.d")))}


def configuration(system):
    """Every file of /etc, as {its path: a digest}"""
    found = {}
    for place, _, names in os.walk(system.path("/etc")):
        for name in names:
            path = os.path.join(place, name)
            text = os.readlink(path).encode() if os.path.islink(path) \
                else open(path, "rb").read()
            found["/etc" + path.split("/etc", 1)[1]] = \
                hashlib.sha256(text).hexdigest()
    return found


def make(system, *targets):
    start = time.monotonic()
    out = system.run("make", "-C", SOURCE, *targets, online=True, timeout=1200)
    print(f"# figure machine | make {' '.join(targets)} | "
          f"{time.monotonic() - start:.0f} s |", flush=True)
    return out


def same(what, system, kind, before):
    got = state(system, kind)
    for name, value in before.items():
        eq(f"{what}: {name}", got[name], value)


def each(name):
    def register(function):
        for kind in SHOPS:
            test(f"{kind}: {name}", 1500)(lambda kind=kind: function(kind))
        return function
    return register


@each("the demo, what the tests need, and a reboot leave it as it was")
def _(kind):
    with machine(kind) as system:
        before, files = state(system, kind), configuration(system)
        out = make(system, "demo")
        has("announced", out, "to install:")
        has("size", out, "to download")
        has("the demo's end", out, "Done: everything is stopped and removed.")
        if SHOPS[kind]:
            hasnt("what the demo unpacks", out, "to unpack")
            has("the demo's server", out, f"handler and {kind} run")
        else:
            has("what the demo unpacks", out, "to unpack in build/packages")
        same("after the demo", system, kind, before)
        make(system, "need-test")
        for server in ("nginx", "apache2"):
            if SHOPS[kind] != server:
                eq(f"{server} is unpacked", os.path.exists(system.path(
                    f"{SOURCE}/build/packages/unpacked/{server}")), True)
                eq(f"{server} is installed", os.path.exists(
                    system.path("/usr/sbin/" + server)), False)
        same("after the tests' packages", system, kind, before)
        out = system.run(
            "sh", "-ec", f"""cd {SOURCE}
            PATH=$PATH:{SOURCE}/build/packages/bin
            php -r 'new PDO("sqlite::memory:");'
            systemd-nspawn --version
            tests/run tests/e2e/test_samples.py""", timeout=600)
        has("tests with these servers", out, " 0 failed")
        now = configuration(system)
        eq("changed", [path for path in files if path not in BOOKKEEPING
                       and now.get(path) != files[path]], [])
        system.reboot()
        same("after a reboot", system, kind, before)
        eq("a second time", make(system, "--silent", "need-demo", "need-test"),
           "")


# --- bad packages -----------------------------------------------------------

# What a package's script does after it was unpacked
BAD = {"broken": "exit 1", "slow": "touch /tmp/begun; sleep 4; touch /tmp/end",
       "service": "systemctl enable --now bad-service", "good": ":"}

REPOSITORY = """
set -e
mkdir -p /repo && cd /repo
for name in broken slow service good; do
    mkdir -p $name/DEBIAN
    printf '#!/bin/sh\n%s\n' "$1" >$name/DEBIAN/postinst && shift
    chmod 0755 $name/DEBIAN/postinst
    cat >$name/DEBIAN/control <<END
Package: bad-$name
Version: 1
Architecture: all
Maintainer: nobody <nobody@hooks.example>
Description: a package that tests install
END
    [ $name != service ] || {
        mkdir -p service/lib/systemd/system
        printf '[Service]\nExecStart=/bin/sleep 9\n[Install]\n%s\n' \
            WantedBy=multi-user.target \
            >service/lib/systemd/system/bad-service.service
        (cd service && md5sum lib/systemd/system/* >DEBIAN/md5sums)
    }
    dpkg-deb --build $name bad-$name.deb >/dev/null
    dpkg-deb -f bad-$name.deb
    echo "Filename: ./bad-$name.deb"
    echo "Size: $(stat -c %s bad-$name.deb)"
    echo "SHA256: $(sha256sum bad-$name.deb | cut -d' ' -f1)"
    echo
done >Packages
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/repo ./' >/etc/apt/sources.list
"""


def need(system, want, *packages):
    done = system.execute(SOURCE + "/tests/need", *packages)
    eq("status", (done.returncode, done.stdout), (want, done.stdout))
    eq("dpkg --audit", system.run("dpkg", "--audit"), "")
    return done.stdout


def status_of(system, package):
    return system.execute("dpkg-query", "-W", "-f", "${db:Status-Status}",
                          package).stdout


@test("bad packages: refused, undone, or finished in spite of ^C")
def _():
    with machine("bare") as system:
        system.run("sh", "-c", REPOSITORY, "sh", *(BAD[name] for name in (
            "broken", "slow", "service", "good")))
        out = need(system, 1, "bad-good", "bad-service")
        has("a service", out, "would run something on this machine, so "
            "nothing was installed: bad-service")
        has("nothing is installed", status_of(system, "bad-good"), "no pack")
        out = need(system, 1, "bad-good", "bad-broken")
        has("a broken one", out,
            "These packages failed and were removed: bad-broken")
        eq("the other one", status_of(system, "bad-good"), "installed")
        out = need(system, 1, "bad-missing")
        has("a missing one", out, "nothing was changed")
        need(system, 0, "--unpack", "bad-service")
        eq("nothing runs", system.execute(
            "systemctl", "is-enabled", "bad-service").returncode, 1)
        command = subprocess.Popen(
            system.enter(SOURCE + "/tests/need", "bad-slow"), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=clean_environment(), start_new_session=True)
        wait_for(lambda: os.path.exists(system.path("/tmp/begun")),
                 "start of the installation")
        os.killpg(command.pid, signal.SIGINT)
        out, _ = command.communicate(timeout=60)
        has("an interrupted one", out, "interrupted; what had begun")
        eq("it", status_of(system, "bad-slow"), "installed")
        eq("dpkg --audit", system.run("dpkg", "--audit"), "")


if __name__ == "__main__":
    main()

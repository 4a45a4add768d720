# SPDX-License-Identifier: MIT
"""test_net - hookdir has no network, and executes hookdir-net for what needs it

strace sees every socket that a subcommand makes. For the way to hookdir-net
the programs are copied to folders of the test's own. HOOKDIR_TOOL names
another hookdir; its hookdir-net is beside it.
"""

import os
import re
import shutil
import signal
import subprocess

from harness import (PATIENCE, clean_environment, eq, folder, has, hasnt, main,
                     ok, read, test, wait_for, write)
from spools import TOOL, Work

NET = os.path.join(os.path.dirname(TOOL), "hookdir-net")
USAGE, CONFIG = 64, 78
# the subcommands of hookdir-net
IN_NET = {"fetch", "send", "check", "reconcile", "webhooks"}
NETWORK = re.compile(r"socket(?:pair)?\((?:AF_INET6?|AF_NETLINK|AF_PACKET)\b")


def environment(**more):
    # The leak sanitizer and strace both want to be the tracer.
    return {**clean_environment(), "ASAN_OPTIONS": "detect_leaks=0", **more}


def call(*command, env=None, **options):
    return subprocess.run(
        command, check=False, capture_output=True, text=True,
        timeout=PATIENCE, env=env or environment(),
        **{"stdin": subprocess.DEVNULL, **options})


def traced(calls, *command, env=None, children=True):
    """The program's exit status, and its system calls as a text"""
    log = os.path.join(folder("trace"), "log")
    done = call("strace", *["-f"] * children, "-qq", "-s", "4000", "-o", log, "-e",
                f"trace={calls}", *command, env=env)
    hasnt("standard error", done.stderr, "strace:")
    return done.returncode, read(log)


# --- no network -------------------------------------------------------------

def everything():
    """Command lines of every subcommand of hookdir itself, in an order in
    which each has something to do"""
    work = Work()
    name = work.put(subject="7")
    work.put(subject="8")
    spool = work.path
    root = folder("root", 0o755)
    os.mkdir(os.path.join(root, "etc"))
    write(os.path.join(root, "etc", "passwd"),
          f"hookdir:x:{os.getuid()}:{os.getgid()}::/:/bin/false\n")
    at = ["--server", "nginx", "--host", "x.example", "--root", root]
    return [
        ["add", "github", "shop", *at], ["endpoints", "--root", root],
        ["rotate", "shop", "--no-reload", "--root", root],
        ["remove", "shop", "--root", root],
        ["senders"], ["senders", "shopware"],
        ["list", spool], ["list", "--json", "--since", "1h", spool],
        ["show", spool, name], ["stats", spool],
        ["stats", "--prometheus", spool], ["hold", "--all", spool],
        ["release", "--all", spool],
        ["run", "--jobs", "2", "--retries", "0", spool, "--", "false"],
        ["show", "--output", spool, name], ["requeue", "--all", spool],
        ["run", "--in-order", "--until-empty", spool, "--", "true"],
        ["reverify", "--sender", "shipmondo", spool],
        ["find", "7", spool], ["history", spool], ["doctor", spool],
        ["expire", "--older-than", "1d", spool]]


@test("no subcommand of hookdir makes a socket of the network")
def _():
    lines = everything()
    listed = re.findall(r"^  ([a-z]+) ", call(TOOL, "--help").stdout, re.M)
    eq("subcommands", {line[0] for line in lines} | IN_NET, set(listed))
    for line in [*lines, ["--help"], ["--version"], ["nonsense"],
                 *([name, "--help"] for name in listed if name not in IN_NET)]:
        # doctor has the web servers test their own configuration.
        status, calls = traced("%network", TOOL, *line,
                               env=environment(HOOKDIR_KEY="k"),
                               children=line[0] != "doctor")
        ok(f"{line} was understood ({status})",
           status in (0, 66) or line[0] == "nonsense" or
           (line[0] == "doctor" and status in (1, 2)))
        eq(f"sockets of {line}", NETWORK.findall(calls), [])


@test("control: a socket of the network is seen")
def _():
    # Nothing listens on port 1 of this machine.
    conf = write(os.path.join(folder("conf"), "api.conf"),
                 "base = https://127.0.0.1:1\nusername = u\npassword = p\n",
                 0o600)
    status, calls = traced("%network", TOOL, "fetch", "--config", conf,
                           "--check")
    eq("exit", status, 75)
    ok("sockets", NETWORK.findall(calls))


@test("hookdir is linked with the C library, jansson and libcrypto alone")
def _():
    named = set(re.findall(r"(lib[a-z]+)\.so\S* =>",
                           call("ldd", TOOL).stdout))
    eq("libraries", {name for name in named if not name.endswith("san")}
       - {"libjansson", "libm", "libgcc"}, {"libc", "libcrypto"})
    has("libraries of hookdir-net", call("ldd", NET).stdout, "libcurl")


# --- hookdir-net ------------------------------------------------------------

def installed(*programs):
    """A folder with copies of these"""
    place = folder("bin", 0o755)
    for program in programs:
        shutil.copy(program, place)
    return place


def say_as_net(text):
    """A hookdir-net that says what it is given"""
    place = installed(TOOL)
    write(os.path.join(place, "hookdir-net"),
          f'#!/bin/sh\n{text}\n', 0o755)
    return os.path.join(place, "hookdir")


@test("every argument goes through, and standard input and exit status too")
def _():
    program = say_as_net(
        'for word; do echo "<$word>"; done; cat; exit 65')
    words = ["fetch", "--config", "a b", "", "--", "\xe5\n'\"", "*", "--help"]
    done = call(program, *words, stdin=None, input="from stdin")
    eq("output", done.stdout,
       "".join(f"<{word}>\n" for word in words) + "from stdin")
    eq("exit", done.returncode, 65)


@test("it is the same process: signals reach it")
def _():
    with subprocess.Popen(
            [say_as_net("echo $$; exec sleep 60"), "fetch"],
            stdout=subprocess.PIPE, env=environment(), text=True) as process:
        eq("pid", int(process.stdout.readline()), process.pid)
        process.send_signal(signal.SIGTERM)
        eq("exit", process.wait(PATIENCE), -signal.SIGTERM)


@test("PATH, the working directory and the environment choose nothing")
def _():
    trap = folder("trap", 0o755)
    for name in ("hookdir-net", "hookdir"):
        write(os.path.join(trap, name), "#!/bin/sh\necho trapped\n", 0o755)
    places = {name: trap for name in (
        "PATH", "HOOKDIR_BINDIR", "HOOKDIR_NET", "HOOKDIR_LIBEXEC", "PREFIX",
        "BINDIR", "PWD", "_", "HOME")}
    link = os.path.join(folder("link", 0o755), "hookdir")
    os.symlink(TOOL, link)
    write(os.path.join(os.path.dirname(link), "hookdir-net"),
          "#!/bin/sh\necho trapped\n", 0o755)
    for arguments in ({"args": [TOOL, "fetch"]}, {"args": [link, "fetch"]},
                      {"args": [os.path.join(trap, "hookdir"), "fetch"],
                       "executable": TOOL},
                      {"args": ["hookdir", "fetch"], "executable": TOOL}):
        done = subprocess.run(
            **arguments, env={**environment(), **places}, check=False,
            cwd=trap, capture_output=True, text=True, timeout=PATIENCE)
        eq(f"exit of {arguments}", done.returncode, USAGE)
        eq("output", done.stdout, "")
        has("standard error", done.stderr, "--config is missing")


@test("one that is missing or no program is 78, and named with its package")
def _():
    place = installed(TOOL)
    program, net = (os.path.join(place, name)
                    for name in ("hookdir", "hookdir-net"))
    for words in (["fetch"], ["fetch", "--help"]):
        done = call(program, *words)
        eq("exit", done.returncode, CONFIG)
        eq("standard error", done.stderr,
           f"hookdir fetch: cannot execute {net}: No such file or directory; "
           "install the package hookdir-net\n")
    for text, mode in (("#!/bin/sh\n", 0o644), ("", 0o755),
                       ("no program", 0o755)):
        write(net, text, mode)
        done = call(program, "fetch")
        eq("exit", done.returncode, CONFIG)
        has("standard error", done.stderr, f"cannot execute {net}: ")
        hasnt("standard error", done.stderr, "package")
        eq("lines", done.stderr.count("\n"), 1)


@test("a run whose command has no hookdir-net stops, and counts nothing")
def _():
    work = Work()
    work.put()
    work.run(code=CONFIG, command=[
        os.path.join(installed(TOOL), "hookdir"), "fetch", "--config", "x",
        "y"])
    names = os.listdir(os.path.join(work.path, "new"))
    eq("messages", len(names), 1)
    hasnt("name", names[0], "tries")


@test("a hookdir that was replaced while it runs finds the new hookdir-net")
def _():
    place = installed(TOOL, NET)
    program = os.path.join(place, "hookdir")
    eq("exit", call(program, "fetch").returncode, USAGE)
    # strace stops it at its first readlink(), which asks where it is.
    shutil.copy(TOOL, program + ".new")
    log = os.path.join(folder("trace"), "log")
    with subprocess.Popen(
            ["strace", "-qq", "-s", "4000", "-o", log, "-e",
             "trace=readlink,execve", "-e",
             "inject=readlink:delay_enter=1000000", program, "fetch"],
            stderr=subprocess.PIPE, env=environment(), text=True) as process:
        wait_for(lambda: os.path.exists(log) and ") = 0\n" in read(log),
                 "start")
        os.rename(program + ".new", program)
        has("standard error", process.communicate(timeout=PATIENCE)[1],
            "--config is missing")
    has("it was replaced", read(log), "(deleted)")


@test("hookdir-net by its own name, and what it has none of")
def _():
    eq("version", call(NET, "--version").stdout.split()[1],
       call(TOOL, "--version").stdout.split()[1])
    has("help", call(NET, "--help").stdout, "usage: hookdir-net COMMAND")
    eq("help of fetch", call(NET, "fetch", "--help").stdout,
       call(TOOL, "fetch", "--help").stdout)
    done = call(NET, "list")
    eq("exit", done.returncode, USAGE)
    has("standard error", done.stderr, "hookdir-net: no command list")
    summaries = [re.search(r"^  fetch .*$", call(program, "--help").stdout,
                           re.M)[0] for program in (TOOL, NET)]
    eq("summaries", summaries[0], summaries[1])


if __name__ == "__main__":
    main()

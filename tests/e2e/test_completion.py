# SPDX-License-Identifier: MIT
"""test_completion - what bash offers for the hookdir command

Most tests call the function as bash does, with the words of a line cut as
bash cuts them; the last ones type at a real bash. HOOKDIR_TOOL names another
hookdir.
"""

import contextlib
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time

from harness import PATIENCE, clean_environment, eq, fail, folder, has, main
from harness import root_file, test, work, write

TOOL = os.path.abspath(os.environ.get(
    "HOOKDIR_TOOL", root_file("build", "hookdir")))
COMPLETION = root_file("tools", "hookdir", "hookdir.bash")
PACKAGE = "/usr/share/bash-completion/bash_completion"

# As bash calls it: the command, the word at the cursor, the word before.
CALL = r"""
. "$1" || exit
[ -z "$2" ] || . "$2" || exit
program=$3
shift 3
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
COMP_LINE=$*
COMP_POINT=${#COMP_LINE}
_hookdir "$program" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
[ ${#COMPREPLY[@]} = 0 ] || printf '%s\n' "${COMPREPLY[@]}"
"""


def offers(line, package=False, cwd="/"):
    """What is offered at the end of a line, sorted"""
    words = re.findall(r"[:=]+|(?:\\.|[^\s:=])+", line)
    if line.endswith(" "):
        words.append("")
    done = subprocess.run(
        ["bash", "--norc", "-c", CALL, "bash", COMPLETION,
         PACKAGE if package else "", TOOL, *words],
        check=False, cwd=cwd, env={**clean_environment(), "HOME": cwd,
             **{name: value for name, value in os.environ.items()
                if name == "HOOKDIR_SPOOLS"}},
        stdin=subprocess.DEVNULL, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    # bash-completion itself complains when no completion is at work.
    eq(f"said at: {line}", (done.returncode, package or done.stderr),
       (0, package or ""))
    return sorted(done.stdout.splitlines())


def tool(*arguments):
    return subprocess.run([TOOL, *arguments], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def commands():
    return re.findall(r"^  ([a-z]+) ", tool("--help"), re.M)


FILES = {
    "new": ["1795292717.M000001P1Q1.shop.json",
            "1795292717.M000002P1Q1.shop,tries=2,next=1795292800.json",
            "1795292717.M000007P1Q1.shop,later=1,next=1795292800.json"],
    "cur": ["1795292717.M000003P1Q1.shop,tries=1.json"],
    "hold": ["1795292717.M000004P1Q1.shop.json"],
    "failed": ["1795292717.M000005P1Q1.shop,tries=10.json",
               "mine, own one.json", "$(touch pwned).json"],
    "quarantine": ["1795292717.M000006P1Q1.shop.json"],
}


def spool(name="spool"):
    """A folder with a spool in it"""
    place = folder("completion")
    for state, files in FILES.items():
        os.makedirs(os.path.join(place, name, state))
        for file in files:
            write(os.path.join(place, name, state, file), "{}")
    return place


def short(*numbers):
    return [f"1795292717.M00000{number}P1Q1.shop" for number in numbers]


@test("the subcommands are those of --help")
def _():
    eq("commands", offers("hookdir "),
       sorted([*commands(), "--help", "--version"]))
    eq("re", offers("hookdir re"),
       ["reconcile", "release", "remove", "requeue", "reverify"])
    eq("nothing", offers("hookdir nothing"), [])


@test("every option of every subcommand is offered, and no other")
def _():
    for command in commands():
        options = set(re.findall(r"--[a-z][a-z-]*", tool(command, "--help")))
        # Named in passing.
        options -= {"--help"}
        eq(command, offers(f"hookdir {command} --"),
           sorted([*options, "--help"]))
    eq("run", offers("hookdir run --jobs 4 --re"), ["--retries"])


@test("spools by name, several where a subcommand only reads")
def _():
    place = spool("shop")
    os.makedirs(os.path.join(place, "none"))

    def ask(line):
        os.environ["HOOKDIR_SPOOLS"] = place
        try:
            return offers(line)
        finally:
            del os.environ["HOOKDIR_SPOOLS"]

    for line in ("list ", "find 2042 ", "history ", "history sh",
                 "find 2042 a b sh"):
        has(line, ask(f"hookdir {line}"), "shop")
    eq("a text", ask("hookdir find sh"), [])
    eq("its messages", ask("hookdir hold shop "), short(1, 2, 7))
    eq("events", ask("hookdir history --event done,re"),
       ["done,reconciled", "done,refused", "done,released", "done,requeued",
        "done,retry"])


@test("values of options: states, directories, files, senders")
def _():
    place = spool()
    states = sorted(FILES)
    eq("states", offers("hookdir list --state "), states)
    eq("state", offers("hookdir list --state f"), ["failed"])
    eq("a second", offers("hookdir expire --state failed,q"),
       ["failed,quarantine"])
    eq("behind =", offers("hookdir list --state="), states)
    eq("behind = and more", offers("hookdir list --state=ho"), ["hold"])
    eq("a second behind =", offers("hookdir list --state=new,h"),
       ["new,hold"])
    eq("directories", offers("hookdir run --archive sp", cwd=place),
       ["spool"])
    eq("files", offers("hookdir reverify --key-file spool/quarantine/",
                       cwd=place),
       ["spool/quarantine/" + FILES["quarantine"][0]])
    eq("senders", offers("hookdir reverify --sender st"),
       ["standard-webhooks", "stripe"])
    eq("a sender", offers("hookdir senders woo"), ["woocommerce"])
    eq("one sender alone", offers("hookdir senders woocommerce s"), [])
    eq("numbers", offers("hookdir run --jobs "), [])
    eq("a time", offers("hookdir list --since 2026-11-21T17:0"), [])


@test("every sender that there is is offered")
def _():
    text = open(root_file("lib", "message", "sender.c"), encoding="utf-8").read()
    for command in ("reverify", "send", "check"):
        eq(f"senders of {command}", offers(f"hookdir {command} --sender "),
           sorted(re.findall(r'^\s*\.name = "(.+)",', text, re.M)))


@test("endpoints, senders and web servers for add, remove and rotate")
def _():
    root = folder("root")
    os.makedirs(os.path.join(root, "etc", "hookdir"))
    write(os.path.join(root, "etc", "passwd"),
          f"hookdir:x:{os.getuid()}:{os.getgid()}::/:/bin/false\n")
    for name in ("anna", "arno", "bert"):
        tool("add", "github", name, "--host", "x.example", "--server",
             "nginx", "--root", root)
    write(os.path.join(root, "etc", "hookdir", "alien.conf"), "# mine\n")
    for command in ("remove", "rotate"):
        eq(command, offers(f"hookdir {command} --root {root} a"),
           ["anna", "arno"])
    eq("all", offers(f"hookdir rotate --finish --root {root} "),
       ["anna", "arno", "bert"])
    eq("a second", offers(f"hookdir rotate --root {root} anna "), [])
    eq("sender", offers("hookdir add sh"), ["shipmondo", "shopify", "shopware"])
    eq("name", offers("hookdir add shipmondo "), [])
    eq("server", offers("hookdir add --server "), ["apache", "nginx"])
    has("user", offers("hookdir add --user ro"), "root")


@test("a spool is a directory, whatever stands before it")
def _():
    place = spool()
    write(os.path.join(place, "speck"), "")
    for before in ("list", "list --json", "list --state new --since 2h",
                   "list --state=new", "run --backoff 10s:1h",
                   "run --backoff=10s:1h --watch", "stats --prometheus",
                   "expire --older-than 30d", "fetch --config x",
                   "reconcile shipmondo", "reconcile --since 1d shipmondo"):
        eq(before, offers(f"hookdir {before} sp", cwd=place), ["spool"])
    eq("below", offers("hookdir list spool/f", cwd=place), ["spool/failed"])
    eq("of send", offers("hookdir send --from sp", cwd=place), ["spool"])
    eq("the sender", offers("hookdir reconcile ", cwd=place), ["shipmondo"])
    eq("verbs", offers("hookdir webhooks shipmondo ", cwd=place),
       ["create", "list"])
    eq("in place of a URL", offers("hookdir send sp", cwd=place), [])
    eq("behind it", offers("hookdir send https://x.example/ spe", cwd=place),
       ["speck"])


@test("messages have short names, of the states that a subcommand takes")
def _():
    place = spool()
    odd = [r"\$\(touch\ pwned\)", r"mine\,\ own\ one"]
    eq("show", offers("hookdir show spool/ ", cwd=place),
       sorted([*short(1, 2, 3, 4, 5, 6, 7), *odd]))
    eq("show --data", offers("hookdir show --data spool/ 17", cwd=place),
       short(1, 2, 3, 4, 5, 6, 7))
    eq("requeue", offers("hookdir requeue spool/ ", cwd=place),
       sorted([*short(5), *odd]))
    eq("hold", offers("hookdir hold spool/ ", cwd=place), short(1, 2, 7))
    eq("hold, a second", offers(f"hookdir hold spool/ {short(1)[0]} ",
                                cwd=place), short(1, 2, 7))
    eq("release", offers("hookdir release spool/ ", cwd=place), short(4))
    eq("reverify", offers("hookdir reverify --sender generic spool/ ",
                          cwd=place), short(6))
    eq("no message", offers("hookdir hold spool/ x", cwd=place), [])
    eq("no spool", offers("hookdir hold none ", cwd=place), [])
    eq("list", offers("hookdir list spool ", cwd=place), ["spool"])
    eq("files", sorted(os.listdir(place)), ["spool"])


@test("the names that are offered are understood")
def _():
    place = spool()
    for state, files in FILES.items():
        for name in short(*range(1, 8)):
            if any(file.startswith(name) for file in files):
                eq(name, tool("show", os.path.join(place, "spool"), name)
                   != "", True)


@test("spools with blanks, colons and tildes in their names")
def _():
    place = spool("a spool: b=c")
    eq("blank", offers(r"hookdir hold a\ spool:\ b=c/ ", cwd=place),
       short(1, 2, 7))
    eq("tilde", offers(r"hookdir hold ~/a\ spool:\ b=c ", cwd=place),
       short(1, 2, 7))
    eq("the end behind a colon", offers("hookdir list /none:", cwd=place), [])


@test("what was typed is never run")
def _():
    place = spool()
    for line in ("hookdir show $(touch$IFS./pwned) ",
                 "hookdir show `touch$IFS./pwned` ",
                 "hookdir list --state $(touch$IFS./pwned)",
                 "hookdir $(touch$IFS./pwned) --",
                 "hookdir show spool $(touch$IFS./pwned)"):
        offers(line, cwd=place)
    eq("files", sorted(os.listdir(place)), ["spool"])


@test("behind -- the command is completed, with bash-completion and without")
def _():
    place = spool()
    write(os.path.join(place, "orders.db"), "")
    for package in (False, True):
        has("commands", offers("hookdir run spool -- sleep", package, place),
            "sleep")
        eq("files", offers("hookdir run --watch spool -- cat ord", package,
                           place), ["orders.db"])
        eq("--", offers("hookdir run spool ", package, place), ["--"])
        eq("options", offers("hookdir run --retr", package), ["--retries"])


@test("typed at a real bash")
def _():
    place = spool()
    shutil.copytree(os.path.join(place, "spool"),
                    os.path.join(place, "my spool"))
    for package in (False, True):
        for typed, want in (
                ("hookdir li\t", "hookdir list "),
                ("hookdir list --st\tf\t", "hookdir list --state failed "),
                ("hookdir list --state=fa\t", "hookdir list --state=failed "),
                ("hookdir list sp\t", "hookdir list spool/"),
                ("hookdir release sp\t 1\t",
                 f"hookdir release spool/ {short(4)[0]} "),
                ("hookdir requeue spool/ \\$\t",
                 r"hookdir requeue spool/ \$\(touch\ pwned\) "),
                ("hookdir list my\\ s\t", r"hookdir list my\ spool/"),
                ("hookdir list 'my s\t", "hookdir list 'my spool'/"),
                ("hookdir list my\t --js\t",
                 r"hookdir list my\ spool/ --json "),
                ("hookdir release my\\ spool/ 17\t",
                 rf"hookdir release my\ spool/ {short(4)[0]} "),
                ("hookdir release 'my spool'/ 17\t",
                 f"hookdir release 'my spool'/ {short(4)[0]} "),
                ("hookdir run --arc\tspool/h\t",
                 "hookdir run --archive spool/hold/"),
        ):
            eq(f"{typed!r}, bash-completion: {package}",
               typed_at_bash(typed, place, package), want)


def typed_at_bash(keys, cwd, package):
    """The line that stands there in the end. Control-T has bash print it."""
    env = {**clean_environment(), "TERM": "dumb", "INPUTRC": "/dev/null",
           "HOME": cwd, "HISTFILE": ""}
    env["PATH"] = f"{os.path.dirname(TOOL)}:{env['PATH']}"
    setup = os.path.join(work(), "bashrc")
    write(setup, f"""
{f". {PACKAGE}" if package else ""}
. {COMPLETION}
bind 'set enable-bracketed-paste off' 2>/dev/null
bind -x '"\\C-t": printf "\\nLINE<%s>LINE\\n" "$READLINE_LINE"'
PS1='READY>'
""")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execvpe("bash", ["bash", "--noprofile", "--rcfile", setup, "-i"],
                   env)
    try:
        read_terminal(terminal, b"READY>")
        for key in re.findall(r"[^\t]+|\t", keys):
            os.write(terminal, key.encode())
        os.write(terminal, b"\x14")
        seen = read_terminal(terminal, b">LINE").decode()
    finally:
        os.close(terminal)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return re.search("LINE<(.*)>LINE", seen)[1]


def read_terminal(terminal, until):
    """What the terminal shows, to that text"""
    seen = b""
    end = time.monotonic() + PATIENCE
    while until not in seen:
        left = max(0, end - time.monotonic())
        if not select.select([terminal], [], [], left)[0]:
            fail(f"no {until!r} at the terminal: {seen!r}")
        seen += os.read(terminal, 65536)
    return seen


if __name__ == "__main__":
    main()

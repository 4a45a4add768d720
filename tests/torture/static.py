# SPDX-License-Identifier: MIT
"""static - what can be said of the code and the programs without running them

The analyzers find nothing: gcc -fanalyzer, clang-tidy (see .clang-tidy),
cppcheck, scan-build, shellcheck, mandoc, clang-format. What they find and is
none stands in SUPPRESSED, with the reason; a line of it that suppresses
nothing any more is a failure, and so is a mark in a source that hushes an
analyzer and gives no reason.

The programs are hardened, as far as the files themselves tell: PIE, RELRO,
no lazy binding, no executable stack, nothing both writable and executable,
no search path for libraries, stack protector, fortified calls, CET. And a
second build, in another folder, by somebody with other habits a year later,
gives the same programs bit by bit.

Each proof has a control: something that is wrong on purpose, and must be
found. HOOKDIR_FCGI and HOOKDIR_TOOL name other programs to look at.
"""

import collections
import concurrent.futures
import contextlib
import fnmatch
import functools
import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
# pylint: disable=wrong-import-position
from harness import (FCGI, ROOT, clean_environment, eq, fail,  # noqa: E402
                     folder, has, main, ok, read, test, write)
from spools import TOOL  # noqa: E402

PARTS = ("lib", "handler", "tools")
PROGRAMS = ("hookdir.fcgi", "hookdir", "hookdir-net")
JOBS = os.cpu_count() or 1

Suppressed = collections.namedtuple(
    "Suppressed", "tools rule file line reason")

# What is found and is none. line: a part of the line in question.
SUPPRESSED = [Suppressed(*row) for row in (
    ("gcc", "analyzer-malloc-leak", "tools/run/order.c", "",
     "gcc 12 loses sight of what hangs in a list or an array; the address "
     "sanitizer watches leaks"),
    ("gcc", "analyzer-malloc-leak", "tools/run/pick.c", "", "the same"),
    ("clang-tidy", "concurrency-mt-unsafe", "tools/*.c", "",
     "the command has one thread; the one of libcurl's resolver calls none "
     "of these"),
    ("clang-tidy", "concurrency-mt-unsafe", "handler/main.c", "getopt_long(",
     "before there are threads"),
    ("clang-tidy", "concurrency-mt-unsafe", "handler/main.c", "mallopt(",
     "before there are threads"),
    ("clang-tidy", "cert-err34-c", "handler/log.c", "sscanf(stream",
     "a number out of range is not that of the standard error either"),
    ("clang-tidy", "misc-no-recursion", "tools/hookdir/stats.c", "find_type(",
     "once: the name that it calls itself with ends it"),
    ("clang-tidy", "core.UndefinedBinaryOperatorResult", "lib/jose/jwt.c",
     "encoded.len > JWT_HEADER_MAX",
     "error_set(), in another file, answers -1 always"),
    ("clang-tidy scan-build", "core.NullDereference", "tools/run/order.c", "",
     "a group that is ready has entries: make_ready() sees to it, and "
     "entries go by take_entry() alone, of a group that is ready no more"),
    ("clang-tidy scan-build", "unix.Malloc", "handler/transport_fcgi.c",
     "return -1;", "the program ends when the start has failed"),
    ("clang-tidy scan-build", "security.insecureAPI.vfork", "tools/run/job.c",
     "vfork()", "a runner with much in memory starts commands as fast"),
    ("clang-tidy scan-build", "unix.Vfork", "tools/run/job.c", "become(start)",
     "it makes system calls and nothing else, and does not return"),
    ("scan-build", "core.UndefinedBinaryOperatorResult", "lib/jose/jwt.c",
     "encoded.len > JWT_HEADER_MAX", "as with clang-tidy"),
    ("cppcheck", "shadowFunction", "handler/issue.c", "grant",
     "a variable may be called what the function that made it is called"),
    ("cppcheck", "knownConditionTrueFalse", "tools/net/fetch_document.c",
     "*status", "it does not see that the call sets what status points to"),
    ("cppcheck", "unreadVariable", "tools/hookdir/show.c", "ERROR_INIT",
     "errors begin empty, whether they are needed or not"),
)]

# What hushes an analyzer in a source
HUSH = re.compile(r"NOLINT|cppcheck-suppress|shellcheck disable|"
                  r"clang-format off|GCC diagnostic ignored|pylint: disable")

# Each of these is found by at least one rule of each analyzer.
BUGS = """#include <stdlib.h>

int bug_use(void);
size_t bug_size(void);

int
bug_use(void)
{
	int *p = malloc(sizeof(*p)), got;

	if (!p)
		return 0;
	*p = 1;
	free(p);
	got = *p;
	return got;
}

size_t
bug_size(void)
{
	return sizeof(sizeof(int));
}
"""


def figure(what, value, target):
    print(f"# figure static analysis | {what} | {value} | {target}",
          flush=True)


# --- commands and folders ---------------------------------------------------

def run(command, root=ROOT, status=0, env=None):
    """What a command says; it must be there, and end with that status."""
    if not shutil.which(command[0]):
        fail(f"{command[0]} is not installed")
    done = subprocess.run(command, cwd=root, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT,
                          env={**clean_environment(), **(env or {})})
    text = done.stdout.decode("utf-8", "replace")
    if status is not None and done.returncode != status:
        fail(f"{shlex.join(command)[:200]} ended with {done.returncode}:\n"
             + text[-2000:])
    return text


@functools.cache
def setting(name):
    """A variable of the Makefile"""
    text = run(["make", "-s", "--no-print-directory", "--eval",
                f"say-setting: ; @: $(info {name}=$({name}))",
                "say-setting"])
    value = re.search(rf"^{name}=(.+)$", text, re.M)
    return value[1] if value else fail(f"the Makefile sets no {name}")


def sources(*suffixes, parts=PARTS, root=ROOT):
    found = []
    for part in parts:
        for place, folders, names in os.walk(os.path.join(root, part)):
            folders[:] = [f for f in folders if not f.startswith("build")
                          and f not in (".git", "__pycache__", "corpus")]
            found += [os.path.relpath(os.path.join(place, name), root)
                      for name in names if name.endswith(suffixes)]
    return sorted(found)


def copy_of_tree(place):
    """All that a build takes, in a new folder"""
    for part in PARTS:
        shutil.copytree(os.path.join(ROOT, part), os.path.join(place, part))
    shutil.copy(os.path.join(ROOT, "Makefile"), place)
    return place


@functools.cache
def buggy_tree():
    place = folder("buggy")
    os.makedirs(os.path.join(place, "lib", "base"))
    for name in ("Makefile", ".clang-tidy", ".clang-format"):
        shutil.copy(os.path.join(ROOT, name), place)
    write(os.path.join(place, "lib", "base", "bug.c"), BUGS)
    return place


# --- analyzers: each answers findings ---------------------------------------

Finding = collections.namedtuple("Finding", "file line rule text")

FOUND = re.compile(r"^(?P<file>[^\s:]+):(?P<line>\d+):(?:\d+:)? (?:warning|"
                   r"error|style|performance|portability): (?P<text>.*)$")


def findings(text, root):
    """What a compiler or an analyzer printed, once each"""
    found = set()
    for line in text.splitlines():
        match = FOUND.match(line)
        if not match:
            continue
        said, _, rule = match["text"].rpartition(" [")
        rule = rule.rstrip("]").split(",")[0] if said else "?"
        rule = rule.removeprefix("-W").removeprefix("clang-analyzer-")
        path = os.path.relpath(os.path.join(root, match["file"]), root)
        found.add(Finding(path, int(match["line"]), rule,
                          said or match["text"]))
    return sorted(found)


def targets(build, files):
    """What make is to make for these files; None: everything"""
    if files is None:
        return ["all"]
    return [f"{build}/{os.path.splitext(name)[0]}.o" for name in files]


def compiled(text, files):
    """Nothing was left out: make named every file."""
    for name in files:
        has("files compiled", text, f"/{os.path.splitext(name)[0]}.o")


def warnings():
    """The Makefile's, none of which ends the build"""
    return "WARNINGS=" + setting("WARNINGS").replace("-Werror", "")


def gcc(root=ROOT, files=None):
    build = folder("gcc")
    text = run(["make", f"-j{JOBS}", f"BUILD={build}", "CC=gcc", warnings(),
                "OPTIMIZE=-O2 -fanalyzer", *targets(build, files)], root)
    compiled(text, files or sources(".c"))
    return findings(text, root)


def scan_build(root=ROOT, files=None):
    build = folder("scan-build")
    text = run(["scan-build", "-o", folder("reports"), "make", f"-j{JOBS}",
                f"BUILD={build}", warnings(), *targets(build, files)], root)
    compiled(text, files or sources(".c"))
    has("what scan-build says", text, "Analysis run complete")
    return findings(text, root)


def clang_tidy(root=ROOT, files=None):
    # One file a process: in clang 14 the check of va_list remembers wrongly
    # from one file to the next.
    def look(name):
        return findings(run(
            ["clang-tidy", "--quiet",
             f"--config-file={os.path.join(root, '.clang-tidy')}", name,
             "--", *shlex.split(setting("STANDARD")), "-O2"], root), root)

    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        return sorted(set(sum(pool.map(look, files or sources(".c")), [])))


def cppcheck(root=ROOT, files=None):
    # variableScope: the house style declares at the head of a function.
    return findings(run(
        ["cppcheck", f"-j{JOBS}", "--quiet", "--std=c11", "--inline-suppr",
         "--enable=warning,style,performance,portability",
         "--suppress=variableScope", "--template=gcc", "-Ilib", "-Ihandler",
         "-Itools", *(files or sources(".c"))], root), root)


def unsuppressed(tool, found):
    """Those findings that no line of SUPPRESSED is about; the second is the
    lines about this tool that are about none."""
    rows = [row for row in SUPPRESSED if tool in row.tools.split()]
    used, left = set(), []
    for finding in found:
        line = read(os.path.join(ROOT, finding.file)).splitlines()[
            finding.line - 1]
        fits = [row for row in rows if row.rule == finding.rule
                and fnmatch.fnmatch(finding.file, row.file)
                and row.line in line]
        used.update(fits)
        if not fits:
            left.append(finding)
    return left, [row[1:4] for row in rows if row not in used]


def said(found):
    return [f"{f.file}:{f.line}: {f.text} [{f.rule}]" for f in found]


def analyzer(name, look, rules):
    """Two tests: of the sources, and of the bugs, which break the rules"""
    @test(f"{name}: no finding in {', '.join(PARTS)}", seconds=1800)
    def _():
        found = look()
        left, unused = unsuppressed(name, found)
        figure(f"{name}: files, findings, of them suppressed with a reason",
               f"{len(sources('.c'))}, {len(found)}, "
               f"{len(found) - len(left)}", "all, and all of them suppressed")
        for finding in left:
            print(f"# {said([finding])[0]}")
        eq("findings", said(left), [])
        eq("suppressions that suppress nothing", unused, [])

    @test(f"{name}, control: known bugs are found", seconds=300)
    def _():
        found = look(buggy_tree(), ["lib/base/bug.c"])
        figure(f"control, {name}: rules that caught the bugs",
               ", ".join(sorted({f.rule for f in found})), ", ".join(rules))
        for rule in rules:
            has("rules", {f.rule for f in found}, rule)


analyzer("gcc", gcc, ["analyzer-use-after-free"])
analyzer("clang-tidy", clang_tidy, ["unix.Malloc",
                                    "bugprone-sizeof-expression"])
analyzer("cppcheck", cppcheck, ["deallocuse"])
analyzer("scan-build", scan_build, ["unix.Malloc"])


# --- scripts, manuals, form -------------------------------------------------

def is_script(path):
    with open(path, "rb") as file:
        first = file.readline(100)
    return bool(re.match(rb"#! ?(/usr)?/bin/(env )?(ba|da)?sh\b", first))


def scripts():
    return [name for name in sources("", parts=("",))
            if name.endswith((".sh", ".bash"))
            or is_script(os.path.join(ROOT, name))]


def hushed(names, root=ROOT):
    """Lines that hush an analyzer and do not say why: the reason stands
    behind it, or in a comment right above."""
    found = []
    for name in names:
        lines = read(os.path.join(root, name)).splitlines()
        for number, line in enumerate(lines):
            match = HUSH.search(line)
            above = lines[number - 1] if number else ""
            if match and not re.search(r"(#|//|/\*|--|:) *\w+ +\w+",
                                       line[match.end():]) \
                    and not re.match(r"\s*(#|/\*|\*|//) *\w+ +\w+", above):
                found.append(f"{name}:{number + 1}: {line.strip()}")
    return found


@test("shellcheck: no finding in any script")
def _():
    names = scripts()
    has("scripts", names, "tests/need")
    run(["shellcheck", *names])
    figure("shellcheck: scripts, findings", f"{len(names)}, 0", "all, 0")


@test("shellcheck, control: an unquoted variable is found")
def _():
    path = write(os.path.join(folder("script"), "bad.sh"),
                 "#!/bin/sh\nrm $1\n")
    has("findings", run(["shellcheck", path], status=1), "SC2086")
    figure("control, shellcheck: found", "SC2086", "SC2086")


@test("mandoc: no finding in any manual page")
def _():
    names = sources(*(f".{n}" for n in range(1, 9)))
    ok("there are pages", len(names) >= 5)
    run([os.path.join(ROOT, "tests", "lint-manuals"), *names])
    figure("mandoc: pages, findings", f"{len(names)}, 0", "all, 0")


@test("mandoc, control: a list without an end is found")
def _():
    path = write(os.path.join(folder("manual"), "bad.1"),
                 ".Dd November 1, 2026\n.Dt BAD 1\n.Os\n.Sh NAME\n.Nm bad\n"
                 ".Nd bad\n.Sh DESCRIPTION\n.Bl -tag\n.It x\ny\n")
    text = run([os.path.join(ROOT, "tests", "lint-manuals"), path], status=1)
    has("findings", text, "appending missing end of block")
    figure("control, mandoc: found", "missing end of block",
           "missing end of block")


FORMATTED = (*PARTS, "tests/unit", "tests/fuzz")


@test("clang-format: every source is formatted")
def _():
    names = sources(".c", ".h", parts=FORMATTED)
    run(["clang-format", "--dry-run", "-Werror", *names])
    figure("clang-format: files, findings", f"{len(names)}, 0", "all, 0")


@test("clang-format, control: spaces for tabs are found")
def _():
    path = os.path.join(buggy_tree(), "lib", "base", "form.c")
    write(path, BUGS.replace("\t", "    "))
    has("findings", run(["clang-format", "--dry-run", "-Werror", path],
                        status=1), "clang-format-violations")
    figure("control, clang-format: found", "spaces", "spaces")


@test("what hushes an analyzer in a source gives its reason")
def _():
    names = scripts() + sources(".c", ".h", parts=(*PARTS, "tests"))
    eq("without a reason", hushed(names), [])
    place = folder("hushed")
    write(os.path.join(place, "a.c"),
          "f(); /* NOLINT */\n\n\ng(); /* NOLINT: the end is known */\n"
          "/* The lists are split here. */\n# shellcheck disable=SC1\n")
    control = hushed(["a.c"], place)
    eq("control", control, ["a.c:1: f(); /* NOLINT */"])
    figure("marks in sources without a reason; control", f"0; {len(control)}",
           "0; 1")


# --- hardening --------------------------------------------------------------

UNIT_FLAGS = ("-fstack-protector-strong", "-fstack-clash-protection",
              "-fcf-protection=full", "-fPIE")


def units(path):
    """How each compilation unit was compiled, as the debug data tells"""
    text = run(["readelf", "-W", "--debug-dump=info", "--dwarf-depth=1",
                path])
    return re.findall(r"DW_AT_producer\s*:.*?: (GNU .*)$", text, re.M)


def has_endbr(path):
    """main() begins with the mark of a place that may be jumped to."""
    text = run(["objdump", "-d", "--disassemble=main", "--no-show-raw-insn",
                path])
    return bool(re.search(r"<main>:\n\s*[0-9a-f]+:\s+endbr64", text))


def segments(text):
    """(type, flags) of each segment"""
    return re.findall(r"^  ([A-Z_]+)(?: +0x[0-9a-f]+){5} ([RWE ]{3}) ",
                      text, re.M)


def weaknesses(path):
    """What is not as it should be with a program"""
    text = run(["readelf", "-W", "-h", "-l", "-d", path])
    flags = " ".join(re.findall(r"\(FLAGS(?:_1)?\)\s+(.*)", text))
    loads = segments(text)
    eq("machine", re.findall(r"Machine:\s+(.*)", text),
       ["Advanced Micro Devices X86-64"])
    ok("segments", len(loads) > 4)
    calls = set(re.findall(r"\bUND (\w+)", run(
        ["readelf", "-W", "--dyn-syms", path])))
    built = units(path)
    rules = {
        "no PIE": "Type:                              DYN (" in text
                  and re.search(r"\bPIE\b", flags),
        "no RELRO": any(kind == "GNU_RELRO" for kind, _ in loads),
        "lazy binding": re.search(r"\bNOW\b|BIND_NOW", flags),
        "executable stack": [mode for kind, mode in loads
                             if kind == "GNU_STACK"] == ["RW "],
        "writable and executable": not any(
            "W" in mode and "E" in mode for _, mode in loads),
        "library search path": not re.search(r"\((RPATH|RUNPATH)\)", text),
        "text relocations": "TEXTREL" not in text,
        "no stack protector": "__stack_chk_fail" in calls,
        "not fortified": any(name.endswith("_chk") for name in calls),
        "no endbr64": has_endbr(path),
        "no debug data": built,
    }
    for flag in UNIT_FLAGS:
        rules[f"without {flag}"] = all(flag in unit.split()
                                       for unit in built)
    return sorted(rule for rule, holds in rules.items() if not holds)


def make(root, *arguments, env=None, wrapper=()):
    return run([*wrapper, "make", *arguments], root, env=env)


def program(root, name="hookdir.fcgi"):
    return os.path.join(root, "build", name)


@functools.cache
def built_tree():
    """A tree of its own with the handler built, for links that are weak"""
    root = copy_of_tree(folder("links"))
    make(root, f"-j{JOBS}", "build/hookdir.fcgi")
    return root


def linked(flags):
    """The handler linked in another way"""
    root = built_tree()
    with contextlib.suppress(FileNotFoundError):
        os.unlink(program(root))
    return make(root, "build/hookdir.fcgi", f"LDFLAGS={flags}")


WEAK_LINKS = (
    ("no PIE", lambda flags: flags.replace("-pie ", "-no-pie ")),
    ("no RELRO", lambda flags: flags.replace("-z,relro", "-z,norelro")),
    ("lazy binding", lambda flags: flags.replace("-z,now", "-z,lazy")),
    ("executable stack",
     lambda flags: flags.replace("-z,noexecstack", "-z,execstack")),
    ("library search path", lambda flags: flags + " -Wl,-rpath,/tmp"),
    ("writable and executable",
     lambda flags: flags.replace("-z,noexecstack", "-z,execstack")),
)


@test("the programs are hardened")
def _():
    for path in (FCGI, TOOL, f"{TOOL}-net"):
        found = weaknesses(path)
        name = os.path.basename(path)
        figure(f"{name}: units of code; weaknesses",
               f"{len(units(path))}; {', '.join(found) or 'none'}",
               "all; none")
        eq(f"weaknesses of {name}", found, [])


@test("control: weak links are found")
def _():
    flags = setting("LDFLAGS")
    linked(flags)
    eq("weaknesses of a good link", weaknesses(program(built_tree())), [])
    for weakness, change in WEAK_LINKS:
        ok(f"{weakness}: the flags change", change(flags) != flags)
        linked(change(flags))
        found = weaknesses(program(built_tree()))
        figure(f"control, linked with {weakness}: found", ", ".join(found),
               weakness)
        has("weaknesses", found, weakness)


@test("control: code that is not hardened is found")
def _():
    root = copy_of_tree(folder("soft"))
    make(root, f"-j{JOBS}", "build/hookdir.fcgi", "HARDENING=-fPIE")
    found = weaknesses(program(root))
    figure("control, compiled without protection: found", ", ".join(found),
           "5 and more")
    for weakness in ("no stack protector", "not fortified", "no endbr64",
                     *(f"without {flag}" for flag in UNIT_FLAGS[:3])):
        has("weaknesses", found, weakness)


PROBE = """#include <string.h>
struct pair { char first[8], second[8]; };
int
main(int argc, char **argv)
{
	struct pair pair;

	strcpy(pair.first, argv[argc - 1]);
	return pair.first[0] != '1';
}
"""


def probe(*more):
    """How a program ends that writes ten bytes into eight, within a struct:
    _FORTIFY_SOURCE=2 ends it, a lower one does not."""
    place = folder("probe")
    path = write(os.path.join(place, "probe.c"), PROBE)
    run(["gcc", *shlex.split(setting("CFLAGS")), *more,
         *shlex.split(setting("LDFLAGS")), "-o", path[:-2], path])
    return subprocess.run([path[:-2], "123456789"], check=False,
                          stderr=subprocess.DEVNULL).returncode


@test("_FORTIFY_SOURCE is 2 at least: writing past a member is the end")
def _():
    got = probe()
    control = probe("-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=1")
    figure("overflow within a struct: status; control, _FORTIFY_SOURCE=1",
           f"{got}; {control}", f"{-signal.SIGABRT} (SIGABRT); 0")
    eq("status", got, -signal.SIGABRT)
    eq("status of the control", control, 0)


# What the C library and the compiler put around every program
START_FILES = {"Scrt1.o", "crt1.o", "crti.o", "crtn.o", "crtbeginS.o",
               "crtendS.o", "crtbegin.o", "crtend.o"}


def cet_missing(text):
    """The files that the linker says are without IBT or SHSTK"""
    return {os.path.basename(path) for path in re.findall(
        r"(\S+): warning: missing (?:IBT|SHSTK)", text)}


@test("CET: whatever we compile carries IBT and SHSTK")
def _():
    flags = setting("LDFLAGS") + " -Wl,-z,cet-report=warning"
    missing = cet_missing(linked(flags))
    notes = run(["readelf", "-W", "-n", program(built_tree())])
    whole = bool(re.search(r"\bIBT\b", notes) and re.search(r"\bSHSTK\b",
                                                            notes))
    figure("objects of ours without IBT or SHSTK; the program's note",
           f"{len(missing - START_FILES)}; "
           + ("IBT, SHSTK" if whole else
              "withheld for " + ", ".join(sorted(missing))),
           "0; IBT, SHSTK where the C library has them")
    eq("objects of ours without", missing - START_FILES, set())
    eq("the program has the note, or a start file has none",
       whole, not missing)


@test("CET, control: one object without is found")
def _():
    root = copy_of_tree(folder("cet"))
    make(root, f"-j{JOBS}", "build/hookdir.fcgi")
    os.unlink(os.path.join(root, "build", "lib", "base", "hex.o"))
    make(root, "build/lib/base/hex.o",
         "CFLAGS=" + setting("CFLAGS").replace("-fcf-protection",
                                               "-fcf-protection=none"))
    text = make(root, "build/hookdir.fcgi", "LDFLAGS=" + setting("LDFLAGS")
                + " -Wl,-z,cet-report=warning")
    missing = cet_missing(text) - START_FILES
    figure("control, one object without CET: found",
           ", ".join(sorted(missing)), "hex.o")
    ok("hex.o is found", len(missing) == 1 and "hex.o" in missing.pop())


# --- two builds -------------------------------------------------------------

def digests(root):
    found = []
    for name in PROGRAMS:
        with open(program(root, name), "rb") as file:
            found.append(hashlib.sha256(file.read()).hexdigest())
    return found


def build_twice(change=lambda root: None):
    """The programs of two builds that have nothing in common but the source
    and the tools"""
    one = copy_of_tree(folder("one"))
    two = copy_of_tree(os.path.join(folder("another"), "far", "off"))
    change(one)
    change(two)
    make(one, "-j1", env={"LC_ALL": "C", "TZ": "UTC"})
    make(two, "-j7", wrapper=["faketime", "-f", "+400d", "sh", "-c",
                              'umask 077; exec "$@"', "sh"],
         env={"LC_ALL": "C.UTF-8", "TZ": "Pacific/Auckland",
              "USER": "somebody", "HOME": "/nonexistent"})
    return digests(one), digests(two)


@test("two builds give the same programs bit by bit", seconds=900)
def _():
    one, two = build_twice()
    same = sum(a == b for a, b in zip(one, two, strict=True))
    figure("programs that two builds make alike",
           f"{same} of {len(PROGRAMS)}", f"{len(PROGRAMS)}")
    for name, digest in zip(PROGRAMS, one, strict=True):
        print(f"# {digest}  {name}")
    eq("SHA-256 of the second build", two, one)


@test("two builds, control: the time of day in the code is found",
      seconds=900)
def _():
    def date(root):
        for part in ("handler", "tools/hookdir", "tools/net"):
            with open(os.path.join(root, part, "main.c"), "a",
                      encoding="utf-8") as file:
                file.write("\nextern const char build_date[];\n"
                           "const char build_date[] __attribute__((used)) ="
                           " __DATE__;\n")

    one, two = build_twice(date)
    differ = sum(a != b for a, b in zip(one, two, strict=True))
    figure("control, __DATE__ in the code: programs that differ",
           f"{differ} of {len(PROGRAMS)}", f"{len(PROGRAMS)}")
    eq("programs that differ", differ, len(PROGRAMS))


if __name__ == "__main__":
    main()

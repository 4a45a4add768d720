# SPDX-License-Identifier: MIT
"""report - what the bench found, as Markdown, as a plot and as JSON

    text = report.write(result, "results/bench")    # .md .svg .json
"""

import glob
import json
import os
import platform
import re
import statistics
import subprocess

from front import ROWS
import plot
import targets
import harness


class Figures:
    """The figures of all rounds. A key is (part, row, column)."""

    def __init__(self, result):
        self.runs = {(part, word, column): runs
                     for part, word, column, runs in result["figures"]}

    def __contains__(self, key):
        return key in self.runs

    def all(self, key, name="rate"):
        return [run[name] for run in self.runs[key]]

    def median(self, key, name="rate"):
        return statistics.median(self.all(key, name))

    def words(self, part, column):
        return [key[1] for key in self.runs
                if key[0] == part and key[2] == column]

    def columns(self, part):
        found = []
        for key in self.runs:
            if key[0] == part and key[2] not in found:
                found.append(key[2])
        return found

    def ratio(self, key, other, name="rate"):
        """Of two that were measured in the same rounds: the median of the
        ratios of each round, the lowest and the highest"""
        ratios = [a / b for a, b in zip(self.all(key, name),
                                        self.all(other, name))]
        return statistics.median(ratios), min(ratios), max(ratios)


def machine():
    """What all of this was measured on"""
    cpu = re.search(r"^model name\s*: (.*)$", harness.read("/proc/cpuinfo"),
                    re.M)
    total = re.search(r"MemTotal:\s+(\d+)", harness.read("/proc/meminfo"))
    return {
        "cpu": cpu[1].strip() if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "memory": f"{int(total[1]) / (1 << 20):.0f} GB",
        "kernel": platform.release()}


def disk(place, in_file=False):
    """The file system there, and how hookdir flushes on it, in the words of
    loop.c"""
    mount = subprocess.run(
        ["findmnt", "-n", "-o", "FSTYPE,OPTIONS", "-T", place],
        check=False, stdout=subprocess.PIPE, text=True).stdout.split()
    kind, *options = mount or ("?",)
    way = {"xfs": "file-alone", "ext4": "new-first"}.get(kind, "flushed-first")
    if kind == "ext4":
        found = has_journal(os.stat(place).st_dev)
        kind += f" with{'' if found else 'out'} a journal"
    return {"kind": kind + ", in a file" * bool(in_file), "way": way,
            "options": " ".join(options)}


def has_journal(device):
    """What ext4 does not say in its options"""
    path = os.path.realpath(
        f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")
    # A journal has a thread and statistics of its own.
    return bool(glob.glob(f"/proc/fs/jbd2/{os.path.basename(path)}-*"))


# --- tables -----------------------------------------------------------------

def table(head, rows):
    """Markdown; the first column to the left, the others to the right"""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def number(value):
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def spread(figures, key):
    rates = figures.all(key)
    return f"{number(statistics.median(rates))} " \
           f"({number(min(rates))} - {number(max(rates))})"


def name_of(word):
    names = {"loop": "bare loop", "other": "hookdir"}
    return names.get(word) or ROWS[word].name


def durable(result, word):
    """What the power cuts say"""
    if not ROWS[word].stores:
        return "stores nothing"
    if "cuts" not in result:
        return "not shown, needs root"
    return f"{result['cuts'][word]} of {result['plan']['cuts']} kept"


HEAD = ["messages/s", "p50 ms", "p99 ms", "slowest ms", "CPU responder us",
        "CPU nginx us"]


def cells(figures, key):
    """What HEAD names"""
    return [spread(figures, key), number(figures.median(key, "p50")),
            number(figures.median(key, "p99")),
            number(max(figures.all(key, "slowest"))),
            number(figures.median(key, "cpu")),
            number(figures.median(key, "web"))]


def main_tables(result, figures):
    text = "## Side by side\n\n"
    for column in figures.columns("main"):
        base = ("main", "nginx", column)
        rows = []
        for word in figures.words("main", column):
            if word == "loop":
                continue
            key = ("main", word, column)
            ratio = figures.median(key) / figures.median(base)
            line = cells(figures, key)
            rows.append([name_of(word), line[0], f"{ratio:.3f}", *line[1:],
                         number(figures.median(key, "memory")),
                         durable(result, word)])
        text += f"{plural(column, 'connection')}, " \
                f"{result['bytes'][5000]:,} bytes a message, " \
                "kept connections, plain HTTP\n\n" + table(
                    ["", HEAD[0], "ratio", *HEAD[1:], "memory MB",
                     "power cut"], rows) + "\n"
    return text


def plural(count, what):
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def part_table(figures, part, title, label):
    """A part where rows stand below one column after the other"""
    rows = [[name_of(word), label(column), *cells(figures,
                                                  (part, word, column))]
            for column in figures.columns(part)
            for word in figures.words(part, column)]
    return f"## {title}\n\n" + table(["", "", *HEAD], rows) + "\n"


def loop_table(result, figures):
    rows = []
    for part, on in result["disks"].items():
        word = "hookdir" if part == "main" else part
        for column in figures.columns(part):
            key, bare = (part, word, column), (part, "loop", column)
            if bare in figures:
                ratio, low, high = figures.ratio(key, bare)
                rows.append([on["kind"], str(column), spread(figures, key),
                             spread(figures, bare),
                             f"{ratio:.2f} ({low:.2f} - {high:.2f})",
                             same_way(figures, key, on["way"]),
                             after_null(figures, bare)])
    return "## Against a bare loop on the same disk\n\n" \
        "The loop has as many threads as hookdir has connections, writes as " \
        "many bytes, and has\nneither network nor check (`loop.c`). It does " \
        "what the simplest program would: flush the\nfile, rename it, flush " \
        "the directory. The same way is beside the loop that does\n" \
        "what hookdir does on that disk. The last column " \
        "is the null responder's work and then the bare\nloop's, null / " \
        "(null + loop): what nginx, FastCGI and the load leave where the " \
        "processors are\nthe limit of both.\n\n" \
        + table(["disk", "threads", "hookdir", "bare loop", "ratio",
                 "ratio, same way", "null, then loop"], rows) + "\n"


def after_null(figures, bare):
    null = ("main", "null", bare[2])
    if bare[2] != 64 or null not in figures:
        return ""
    rate = figures.median(null)
    return f"{rate / (rate + figures.median(bare)):.2f}"


def same_way(figures, key, way):
    """Beside the loop that flushes as hookdir does"""
    bare = ("ways" if key[0] == "main" else "other ways", way, key[2])
    if bare not in figures:
        return "not measured"
    ratio, low, high = figures.ratio(key, bare)
    return f"{ratio:.2f} ({low:.2f} - {high:.2f}), {way}"


LEFT_OUT = """\
What hookdir does, by the file system: new-first on ext4, file-alone on xfs, and
flushed-first where nothing was proved. Why not something faster. These figures
are not of this run: they were measured by hand, in November 2026 on two cores,
and the power cuts with tests/torture/powercut.py.

- new-alone on ext4: the handler took 1,050 messages/s alone and 3,990 with 8
  connections, for 870 and 3,390 as it is; where a flush takes 8 ms, 52 for 36
  and 210 for 120. But with a journal on another disk nothing flushes the one
  that has the messages: ten deliveries, no flush of it. Without a journal it
  leaves the inode behind: of 20 messages, one a cut, 20 were lost. A program
  in a sandbox cannot see which it is.
- file-alone on ext4 with `fast_commit` lost 13 of 710 messages, and a program
  cannot see that either.
- linked lost messages on ext4 with `fast_commit`, and tore files on xfs.
- shared: file systems share already. With the file flushed as well, by one
  thread for all that had come so far, a loop on ext4 stored 8,670 messages/s
  with 64 threads and 3,948 with 8; 9,112 and 4,360 when each flushed its own.
- Connections to the handler that nginx keeps (`fastcgi_keep_conn on`): the null
  responder took 13,500 messages/s over them, and 28,500 over new ones.
- file-first brought 2 of 40,835 acknowledged messages back as NULs on ext4 with
  `fast_commit`, in 2,000 cuts; new-first none of 89,454 in 4,000. Beside a
  program that flushes a file of its own, new-first lost 4 of 90,000 in 4,000
  cuts as well, new-alone 7 of 140,000 in 6,000, and flushed-first none of 85,000
  in 4,000.

"""


def ways_table(result, figures):
    parts = [(part, column) for part in ("ways", "other ways")
             for column in figures.columns(part)]
    if not parts:
        return ""
    kinds = [on["kind"].partition(",")[0] for on in result["disks"].values()]
    head = [""] + [f"{kinds[part != 'ways']}, {column}"
                   for part, column in parts]
    rows = [[word, *(number(figures.median((part, word, column)))
                     for part, column in parts)]
            for word in figures.words(*parts[0])]
    return "## Ways to the disk\n\n" \
        "Messages a second of the bare loop by how it flushes, and by the " \
        "number of threads.\n`loop.c` says what the words mean.\n\n" \
        + table(head, rows) + "\n" + LEFT_OUT


def paced_text(result):
    paced, memory = result["paced"], result["memory"]
    return (
        "## At half the rate\n\n"
        f"hookdir at {number(paced['asked'])} messages/s, half of its "
        f"highest rate above, each sent when it was due\nand timed from "
        f"then (`pace.c`): p50 {number(paced['p50'])} ms, p99 "
        f"{number(paced['p99'])} ms, slowest {number(paced['slowest'])} ms."
        "\n\n## Memory of the handler\n\n"
        f"Resident: {memory['idle']:.1f} MB after one message, "
        f"{memory['peak']:.1f} MB at the peak with "
        f"{plural(memory['connections'], 'connection')}.\n\n")


def rows_text(result):
    lines = [f"- {ROWS[word].name}: {ROWS[word].about}. "
             f"*{result['versions'][word]}*" for word in
             result["plan"]["rows"]]
    return "## Rows\n\n" + "\n".join(lines) + "\n\n"


def notes(result):
    plan, here = result["plan"], result["machine"]
    on = result["disks"]["main"]
    return (
        f"{here['cores']} cores ({here['cpu']}), {here['memory']}, Linux "
        f"{here['kernel']}; stores on {on['kind']} ({on['options']}).\n\n"
        f"Made by `make bench{'-short' if plan['short'] else ''}`. The load, "
        "nginx and the responder share the cores. "
        f"{plural(plan['rounds'], 'round')}, in each of which everything is "
        "measured once, one after the other, for "
        f"{plan['seconds']} s: median, and the lowest and the highest in "
        "brackets; the slowest message is that of all rounds. CPU is user "
        "and system time a message, with all child processes. Memory is the "
        "sum of the PSS of all processes of a responder while it is under "
        "load (to others than root: the resident size of the handler). "
        "Power cut: one message a cut, the disk stopped as soon as its 200 "
        "has come, and the message looked for when it is mounted again "
        "(ext4, ordered). At each measure all answers were 200, and as many "
        "messages stored as answered.\n\n")


def document(result, picture):
    figures = Figures(result)
    text = "# hookdir beside others\n\n" + notes(result)
    text += f"![messages a second]({picture})\n\n"
    text += "## Targets\n\n" + table(
        ["", "measured", "target", ""], targets.lines(result, figures)) + "\n"
    text += main_tables(result, figures) + loop_table(result, figures)
    text += ways_table(result, figures)
    text += part_table(figures, "size", "By size, 64 connections",
                       lambda size: f"{result['bytes'][size]:,} bytes")
    text += part_table(figures, "tls", "A new TLS 1.3 connection for each "
                       "message, full handshakes, 64 connections",
                       lambda count: "")
    text += part_table(figures, "depth", "With files waiting in new/, 64 "
                       "connections", lambda depth: f"{depth:,} files")
    return text + paced_text(result) + rows_text(result)


def write(result, path):
    with open(path + ".json", "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    harness.write(path + ".svg", plot.draw(result, Figures(result)), 0o644)
    text = document(result, os.path.basename(path) + ".svg")
    harness.write(path + ".md", text.rstrip("\n") + "\n", 0o644)
    return text

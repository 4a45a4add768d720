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


def machine(base, kind):
    """What all of this was measured on"""
    cpu = re.search(r"^model name\s*: (.*)$", harness.read("/proc/cpuinfo"),
                    re.M)
    total = re.search(r"MemTotal:\s+(\d+)", harness.read("/proc/meminfo"))
    mount = subprocess.run(
        ["findmnt", "-n", "-o", "SOURCE,FSTYPE,OPTIONS", "-T", base],
        check=False, stdout=subprocess.PIPE, text=True).stdout.split()
    source, is_kind, *options = mount or ("?", "?")
    return {
        "cpu": cpu[1].strip() if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "memory": f"{int(total[1]) / (1 << 20):.0f} GB",
        "kernel": platform.release(),
        "disk": is_kind + journal(source, is_kind)
                + (" in a file" if kind else "")
                + f" ({' '.join(options)})"}


def journal(source, kind):
    """What ext4 does not say in its options"""
    if kind != "ext4":
        return ""
    # A journal has a thread and statistics of its own.
    found = glob.glob(f"/proc/fs/jbd2/{os.path.basename(source)}-*")
    return ", with a journal" if found else ", without a journal"


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
    names = {"loop": "bare loop", "journal": "hookdir"}
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


def loop_table(figures):
    rows = []
    for part, word, disk in (("main", "hookdir", "the disk above"),
                             ("journal", "journal",
                              "ext4 with a journal, in a file")):
        for column in figures.columns(part):
            key, bare = (part, word, column), (part, "loop", column)
            if bare in figures:
                ratio, low, high = figures.ratio(key, bare)
                rows.append([disk, str(column), spread(figures, key),
                             spread(figures, bare),
                             f"{ratio:.2f} ({low:.2f} - {high:.2f})",
                             same_way(figures, part, key),
                             after_null(figures, bare)])
    return "## Against a bare loop on the same disk\n\n" \
        "The loop has as many threads as hookdir has connections, writes as " \
        "many bytes, and has\nneither network nor check (`loop.c`). It does " \
        "what the simplest program would: flush the\nfile, rename it, flush " \
        "the directory. The same way is beside the loop that writes\n" \
        "files out first, as hookdir does on these disks. The last column " \
        "is the null responder's work and\nthen the bare loop's, null / " \
        "(null + loop): what nginx, FastCGI and the load leave where the\n" \
        "processors are the limit of both.\n\n" \
        + table(["disk", "threads", "hookdir", "bare loop", "ratio",
                 "ratio, same way", "null, then loop"], rows) + "\n"


def after_null(figures, bare):
    null = ("main", "null", bare[2])
    if bare[2] != 64 or null not in figures:
        return ""
    rate = figures.median(null)
    return f"{rate / (rate + figures.median(bare)):.2f}"


def same_way(figures, part, key):
    """Beside the loop that flushes as hookdir does"""
    ways = "ways" if part == "main" else "ways on a journal"
    bare = (ways, "new-first", key[2])
    if bare not in figures:
        return "not measured"
    ratio, low, high = figures.ratio(key, bare)
    return f"{ratio:.2f} ({low:.2f} - {high:.2f})"


LEFT_OUT = """\
Why hookdir does not use the faster ones. These figures are not of this run:
they were measured by hand, in November 2026 on two cores, and the power cuts
with tests/torture/powercut.py.

- file-alone lost 13 of 710 messages at power cuts on ext4 with `fast_commit`.
- new-alone leaves the file's inode behind where there is no journal, and a
  program cannot see whether there is one.
- linked lost messages on ext4 with `fast_commit`, and tore files on xfs.
- shared: file systems share already. With the file flushed as well, by one
  thread for all that had come so far, a loop on ext4 stored 8,670 messages/s
  with 64 threads and 3,948 with 8; 9,112 and 4,360 when each flushed its own.
- file-first, on ext4 with `fast_commit`, brought 2 of 40,835 acknowledged
  messages back as NULs in 2,000 power cuts; new-first none of 89,454 in 4,000.
  It is faster alone: with 1, 8 and 64 connections the handler took 1,211,
  3,423 and 5,489 messages/s that way, and 1,144, 3,501 and 5,323 as it is.

"""


def ways_table(figures):
    parts = [(part, column) for part in ("ways", "ways on a journal")
             for column in figures.columns(part)]
    if not parts:
        return ""
    head = [""] + [f"{'journal, ' * (part != 'ways')}{column}"
                   for part, column in parts]
    rows = [[word, *(number(figures.median((part, word, column)))
                     for part, column in parts)]
            for word in figures.words(*parts[0])]
    return "## Ways to the disk\n\n" \
        "Messages a second of the bare loop by how it flushes, and by the " \
        "number of threads.\n`loop.c` says what the words mean. The last " \
        "five lose messages, or can leave half of\none, on some file " \
        "system or other.\n\n" \
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
    return (
        f"{here['cores']} cores ({here['cpu']}), {here['memory']}, Linux "
        f"{here['kernel']}; stores on {here['disk']}.\n\n"
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
    text += main_tables(result, figures) + loop_table(figures)
    text += ways_table(figures)
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

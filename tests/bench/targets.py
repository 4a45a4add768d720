# SPDX-License-Identifier: MIT
"""targets - what hookdir is meant to reach, and whether it did

    rows = targets.lines(result, figures)    # for a table

A target that the short form, or anybody but root, does not measure says so.
"""

from front import ROWS

US_PER_KB = 1.5


def connected(count):
    return f"{count} connection" + ("" if count == 1 else "s")


def line(what, value, target, met):
    return [what, value, target, "met" if met else "**not met**"]


def missing(what, target):
    return [what, "not measured", target, ""]


def at_least(what, value, target, unit=""):
    return line(what, f"{value:.2f}{unit}", f"{target:g}{unit} or more",
                value >= target)


def at_most(what, value, target, unit=""):
    return line(what, f"{value:.2f}{unit}", f"{target:g}{unit} or less",
                value <= target)


def loops(result, figures):
    """Rate beside the bare loop's, on each disk"""
    found = []
    for part, disk in result["disks"].items():
        word = "hookdir" if part == "main" else part
        for threads, target in ((64, 0.6), (8, 0.9)):
            what = f"rate beside the bare loop, {connected(threads)}, " \
                   + disk["kind"]
            key, bare = (part, word, threads), (part, "loop", threads)
            if key in figures and bare in figures:
                found.append(at_least(what, figures.ratio(key, bare)[0],
                                      target))
            else:
                found.append(missing(what, f"{target} or more"))
    return found


def durable_peers(result, verifying):
    """Those that kept every message, as far as anybody looked; verifying:
    of these the ones that verify it, as hookdir does"""
    return [word for word in result["plan"]["rows"]
            if ROWS[word].peer and (ROWS[word].verifies or not verifying)
            and ("cuts" not in result
                 or result["cuts"][word] == result["plan"]["cuts"])]


def beside(figures, words, column, name, choose):
    """A figure of hookdir divided by the best of those, and who that is"""
    values = {word: figures.median(("main", word, column), name)
              for word in words}
    best = choose(values, key=values.get)
    return figures.ratio(("main", "hookdir", column),
                         ("main", best, column), name)[0], ROWS[best].name


def kinds(result):
    """Words for those whom hookdir is held against, and who they are"""
    return [("durable peer that verifies", durable_peers(result, True)),
            ("durable peer", durable_peers(result, False))]


def rates(result, figures):
    """Beside the best of those that are as durable"""
    found = []
    for column, target in ((1, 1), (8, 1), (64, 2)):
        for kind, words in kinds(result):
            if not words:
                continue
            what = f"rate beside the best {kind}, {connected(column)}"
            if ("main", "hookdir", column) not in figures:
                found.append(missing(what, f"{target} or more"))
                continue
            value, best = beside(figures, words, column, "rate", max)
            found.append(at_least(f"{what} ({best})", value, target))
    return found


def cpu(result, figures):
    """CPU of the responder a message"""
    found = []
    for column in figures.columns("main"):
        for kind, words in kinds(result):
            if not words:
                continue
            value, best = beside(figures, words, column, "cpu", min)
            found.append(line(
                f"CPU beside the thriftiest {kind}, {connected(column)} "
                f"({best})", f"{value:.2f}", "less than 1", value < 1))
    value = figures.ratio(("main", "nosync", 64), ("main", "null", 64),
                          "cpu")[0]
    found.append(at_most("CPU without fsync beside the null responder, "
                         + connected(64), value, 3))
    return found


def sizes(result, figures):
    """What a kB more costs"""
    found = []
    for word, how in (("nosync", "without fsync"), ("hookdir", "with fsync")):
        for small, large in ((2000, 20000), (2000, 200000)):
            what = f"CPU a kB from {small // 1000} to {large // 1000} kB, " \
                   f"{how}"
            keys = [("size", word, size) for size in (small, large)]
            if not all(key in figures for key in keys):
                found.append(missing(what, f"{US_PER_KB} us or less"))
                continue
            low, high = (figures.median(key, "cpu") for key in keys)
            kilobytes = (result["bytes"][large] - result["bytes"][small]) \
                / 1000
            found.append(at_most(what, (high - low) / kilobytes, US_PER_KB,
                                 " us"))
    return found


def depth(figures):
    what = "rate with 1,000,000 files in new/ beside none"
    keys = ("depth", "hookdir", 1000000), ("depth", "hookdir", 0)
    if not all(key in figures for key in keys):
        return [missing(what, "0.85 or more")]
    return [at_least(what, figures.ratio(*keys)[0], 0.85)]


def lines(result, figures):
    memory, paced = result["memory"], result["paced"]
    peak = f"memory at the peak, {memory['connections']} connections"
    return [
        *rates(result, figures), *loops(result, figures), *cpu(result, figures),
        *sizes(result, figures), *depth(figures),
        at_most("p99 beside p50 at half the rate",
                paced["p99"] / paced["p50"], 3),
        at_most(peak, memory["peak"], 40, " MB")
        if memory["connections"] == 256 else missing(peak, "40 MB or less"),
        at_most("memory after one message", memory["idle"], 8, " MB")]

# SPDX-License-Identifier: MIT
"""test_metrics - hookdir stats --prometheus, by Prometheus' own programs"""

import json
import os
import re
import shutil
import subprocess
import time

from harness import (Process, clean_environment, curl, eq, folder, free_port,
                     has, hasnt, main, ok, root_file, test, wait_for, write)
from spools import TOOL, event

SAMPLE = re.compile(r'(\w+)\{((?:\w+="(?:[^"\\\n]|\\["\\n])*",?)+)\} (\d+)')


def spool(name="shop", place=None):
    path = os.path.join(place or folder("spools"), name)
    for state in ("tmp", "new", "failed", "quarantine", "history"):
        os.makedirs(os.path.join(path, state))
    return path


def put(path, state="new", age=0, count=[0]):
    count[0] += 1
    when = int(time.time()) - age
    with open(f"{path}/{state}/{when}.M{count[0]:06}P1Q1.h.json", "wb") as file:
        file.write(event())
    return when


def line(when, event_, **members):
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(when))
    return json.dumps({"time": stamp, "event": event_, **members},
                      separators=(",", ":")) + "\n"


def remember(path, when, *args, **members):
    day = time.strftime("%Y-%m-%d", time.gmtime(when))
    with open(f"{path}/history/{day}.in.jsonl", "a",
              encoding="utf-8") as file:
        file.write(line(when, *args, **members))


def stats(*args, env=None, code=0):
    done = subprocess.run([TOOL, "stats", *args], check=False,
                          env={**clean_environment(), **(env or {})},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    eq(f"exit of stats {args}, {done.stderr}", done.returncode, code)
    return done.stdout.decode()


def series(text):
    """{(metric, labels): value}; each is described before, and once there"""
    seen, described = {}, []
    for row in text.splitlines():
        if row.startswith("# "):
            described.append(row.split()[1:3])
            continue
        match = SAMPLE.fullmatch(row)
        ok(f"{row!r} is a sample", match)
        eq("described before", described[-1], ["TYPE", match[1]])
        ok("once", (match[1], match[2]) not in seen)
        has("label", match[2], 'spool="')
        seen[match[1], match[2]] = int(match[3])
    eq("each described once", len(described), 2 * len({
        name for _, name in described}))
    return seen


def promtool(*args, text=None, cwd=None):
    done = subprocess.run(["promtool", *args], check=False, cwd=cwd,
                          input=text, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, encoding="utf-8")
    return done.returncode, done.stdout


@test("the values are those of the spool and of its history")
def _():
    path, now = spool(), int(time.time())
    old = put(path, age=7000)
    put(path, age=50)
    failed = put(path, "failed", age=90000)
    put(path, "quarantine", age=3)
    # Over a midnight, out of order, with a torn line
    remember(path, now - 200000, "accepted", key="previous")
    remember(path, now - 40, "accepted", key="current")
    remember(path, now - 300, "duplicate", key="orders_create")
    with open(f"{path}/history/2031-01-01.in.jsonl", "w",
              encoding="utf-8") as file:
        file.write('{"time":"2031-01-01T00:00:00.000000Z","event":"acce\n')
    remember(path, now - 9, "refused", rule="signature-mismatch")
    remember(path, now - 8, "refused", rule='bad"rule\n')
    got = series(stats("--prometheus", path))
    label = f'spool="{path}"'

    def value(name, more=""):
        return got.get((f"hookdir_{name}", label + more))

    eq("new", value("spool_messages", ',state="new"'), 2)
    eq("cur", value("spool_messages", ',state="cur"'), 0)
    eq("bytes", value("spool_bytes", ',state="new"'), 2 * len(event()))
    name = "spool_oldest_timestamp_seconds"
    eq("oldest", value(name, ',state="new"'), old)
    eq("oldest failed", value(name, ',state="failed"'), failed)
    eq("none", value(name, ',state="cur"'), None)
    eq("accepted", value("last_accepted_timestamp_seconds"), now - 40)
    eq("refused", {labels: when for (metric, labels), when in got.items()
                   if "refused" in metric},
       {label + ',rule="signature-mismatch"': now - 9})
    eq("keys", {labels.split('"')[3]: when
                for (metric, labels), when in got.items() if "key" in metric},
       {"previous": now - 200000, "current": now - 40,
        "orders_create": now - 300})
    ok("disk", value("disk_free_bytes") > 0)
    hasnt("types of senders", str(got), "com.example")


@test("a message in the spool counts as accepted where no history is kept")
def _():
    path = spool()
    label = ("hookdir_last_accepted_timestamp_seconds", f'spool="{path}"')
    put(path, "quarantine")
    eq("none", series(stats("--prometheus", path)).get(label), None)
    when = put(path, "failed", age=77)
    eq("one", series(stats("--prometheus", path))[label], when)


@test("promtool finds no fault, whatever a spool is called")
def _():
    place = folder("odd")
    for name in ('q"uo\\te', "new\nline", b"latin\xf8", "\u00f8", "{},= "):
        put(spool(os.fsdecode(name), place))
    text = stats("--prometheus", env={"HOOKDIR_SPOOLS": place})
    eq("promtool", promtool("check", "metrics", text=text), (0, ""))
    eq("spools", sum(name == "hookdir_build_info" for name, _ in
                     series(text)), 5)
    # The control: it does look.
    code, _ = promtool("check", "metrics", text=text.replace("_bytes", "_kB"))
    ok("a wrong unit is found", code != 0)


class Exporter(Process):
    def __init__(self, place):
        super().__init__("exporter")
        self.port = free_port()
        self.spawn(["prometheus-node-exporter", "--collector.disable-defaults",
                    "--collector.textfile",
                    f"--collector.textfile.directory={place}",
                    f"--web.listen-address=127.0.0.1:{self.port}"],
                   folder("exporter") + "/log")
        wait_for(lambda: self.metrics(), "node exporter")

    def metrics(self):
        return curl(f"http://127.0.0.1:{self.port}/metrics").body.decode()


@test("two spools in two files of one node exporter do not collide")
def _():
    place = folder("textfiles", 0o755)
    for name in ("orders", "stock"):
        path = spool(name)
        put(path, "failed" if name == "stock" else "new", age=86400)
        write(f"{place}/{name}.prom", stats("--prometheus", path), 0o644)
    with Exporter(place) as exporter:
        text = exporter.metrics()
        has("no error", text, "node_textfile_scrape_error 0")
        eq("build", len(re.findall("^hookdir_build_info", text, re.M)), 2)
        eq("failed", sorted(re.findall(
            r'^hookdir_spool_messages\{.*/(\w+)",state="failed"\} (\d)', text,
            re.M)), [("orders", "0"), ("stock", "1")])


@test("the sample of alert rules does what it says")
def _():
    place = folder("rules")
    rules = os.path.join(place, "hookdir-alerts.yml")
    shutil.copy(root_file("tools", "samples", "hookdir-alerts.yml"), place)
    shutil.copy(root_file("tests", "data", "prometheus", "alerts.yml"), place)
    eq("check", promtool("check", "rules", rules)[0], 0)
    code, text = promtool("test", "rules", "alerts.yml", cwd=place)
    eq("rules", (code, text), (0, text))
    with open(rules, encoding="utf-8") as file:
        text = file.read()
    # The control: each rule has a case that misses it.
    for name in re.findall(r"alert: (\w+)", text):
        before, after = text.split(f"alert: {name}\n", 1)
        write(rules, f"{before}alert: {name}\n"
              + re.sub("expr: .*", "expr: vector(0) > 1", after, count=1))
        code, _ = promtool("test", "rules", "alerts.yml", cwd=place)
        ok(f"{name} is missed", code != 0)


@test("one that cannot be read does not keep back the others")
def _():
    path = spool()
    text = stats("--prometheus", path, path + "/none", code=66)
    eq("spools", {labels.split('"')[1] for _, labels in series(text)}, {path})


if __name__ == "__main__":
    main()

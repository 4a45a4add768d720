#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""bench - messages a second and latency, through nginx

    tests/bench/bench.py [--seconds S] [--rounds N]

One call measures everything in turn, several rounds of it, and shows the
median of each figure with the lowest and highest rate. The baseline is
nginx answering 200 by itself to the same requests: compare ratios of one
run, never figures of two. Plain HTTP with kept connections, so that TLS,
which is nginx's work, does not cover ours; one message is a Shipmondo order
of about 5 kB as a string of JSON. The spool is on the disk of TMPDIR.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
# pylint: disable=wrong-import-position
import harness  # noqa: E402
import shipmondo  # noqa: E402

KEY = "a key of thirty-two bytes or more"
CONNECTIONS = (1, 8, 64)
ROWS = (("nginx return 200", "/null"),
        ("hookdir", "/webhook/shipmondo"))
TICK = os.sysconf("SC_CLK_TCK")


def message():
    """A signed order of about 5 kB, as a string of JSON"""
    line = {"line_item": {"sku": "NS-42", "name": "Sko, brun, str. 42",
                          "quantity": "1.0", "unit_price": "279.20"}}
    order = {"webhook": "Orders", "url": "https://hooks.example/webhook",
             "data": {"id": 119175, "order_lines": [line] * 30}}
    payload = json.dumps(json.dumps(order)).encode()
    return b'{"data":"' + shipmondo.sign(payload, KEY) + b'"}'


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def peak_memory(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+)", status.read())[1]) / 1024


def load(url, body, connections, count):
    """What ab measured: rate, percentiles in ms. Every answer must be 200."""
    done = subprocess.run(
        ["ab", "-q", "-k", "-c", str(connections), "-n", str(count),
         "-s", "60", "-p", body, "-T", "application/json", url],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = done.stdout.decode()
    # ab counts answers of another length as failed; ours are all alike.
    if "Non-2xx" in text or not re.search(r"Failed requests:\s+0\b", text):
        sys.exit(f"not all answers were 200:\n{text}")
    figure = {"rate": float(re.search(r"per second:\s+([\d.]+)", text)[1])}
    for percent in ("50", "99", "100"):
        figure[percent] = int(re.search(rf"\s{percent}%\s+(\d+)", text)[1])
    return figure


def measure(server, handler, path, body, connections, seconds):
    url = f"http://127.0.0.1:{server.plain}{path}"
    trial = load(url, body, connections, 50 * connections)
    count = max(int(trial["rate"] * seconds), connections)
    before = cpu_seconds(handler.pid)
    figure = load(url, body, connections, count)
    figure["cpu"] = (cpu_seconds(handler.pid) - before) * 1e6 / count
    server.spool().clear()
    return figure


def show(figures):
    print(f"\n{'':18} {'conn.':>5} {'messages/s':>21} {'ratio':>6} "
          f"{'p50':>6} {'p99':>6} {'slowest':>8} {'CPU':>8}")
    print(f"{'':18} {'':5} {'median (low - high)':>21} {'':6} "
          f"{'ms':>6} {'ms':>6} {'ms':>8} {'us/msg':>8}")
    for connections in CONNECTIONS:
        base = statistics.median(
            f["rate"] for f in figures[ROWS[0][0], connections])
        for name, _ in ROWS:
            runs = figures[name, connections]
            rates = [f["rate"] for f in runs]
            rate = statistics.median(rates)
            spread = f"{rate:.0f} ({min(rates):.0f} - {max(rates):.0f})"
            p50, p99, slowest = (statistics.median(f[p] for f in runs)
                                 for p in ("50", "99", "100"))
            cpu = statistics.median(f["cpu"] for f in runs)
            cpu = f"{cpu:.0f}" if name != ROWS[0][0] else "-"
            print(f"{name:18} {connections:5} {spread:>21} "
                  f"{rate / base:6.3f} {p50:6.0f} {p99:6.0f} {slowest:8.0f} "
                  f"{cpu:>8}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    plain = harness.free_port()
    body = harness.write(os.path.join(harness.work(), "body"), message())
    site = (f"server {{ listen 127.0.0.1:{plain}; server_name plain; "
            "location = /null { client_max_body_size 16m; return 200 ok; } "
            f"include ETC/hookdir.conf; }}")
    with harness.Handler() as handler, harness.Nginx(
            handler, "hookdir.conf", keys=[KEY], start=False) as server:
        server.plain = plain
        server.main = ("keepalive_requests 1000000; "
                       + site.replace("ETC", server.etc))
        server.start()
        figures = {(name, connections): []
                   for connections in CONNECTIONS for name, _ in ROWS}
        for turn in range(args.rounds):
            for connections in CONNECTIONS:
                for name, path in ROWS:
                    print(f"round {turn + 1} of {args.rounds}: "
                          f"{connections} connections, {name}    ",
                          end="\r", file=sys.stderr, flush=True)
                    figures[name, connections].append(
                        measure(server, handler, path, body, connections,
                                args.seconds))
        print(" " * 70, end="\r", file=sys.stderr)
        show(figures)
        print(f"\npeak memory of the handler: "
              f"{peak_memory(handler.pid):.1f} MB; message: "
              f"{os.path.getsize(body)} bytes; spool on "
              f"{filesystem(server.spools)}")


def filesystem(path):
    done = subprocess.run(["stat", "-f", "-c", "%T", path], check=True,
                          stdout=subprocess.PIPE)
    return done.stdout.decode().strip()


if __name__ == "__main__":
    main()

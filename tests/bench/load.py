# SPDX-License-Identifier: MIT
"""load - sends messages at a row, and says what came of it

    figure = measure(running, row, message, connections, seconds)

A figure is a dictionary: rate (messages a second), p50 p99 slowest (ms), cpu
and web (us of the responder and of nginx for a message, with the children
that they waited for), memory (MB of all processes of the responder, at half
time), messages. Every answer must be 200, and what is
stored must be what was answered: else the bench ends.
"""

import dataclasses
import http.client
import json
import os
import re
import subprocess
import time

from common import HERE, KEY, program
import harness
import shipmondo
from harness import fail

TICK = os.sysconf("SC_CLK_TCK")
CALM = 0.2  # seconds without a new message: nothing is under way any more


# --- messages ---------------------------------------------------------------

@dataclasses.dataclass
class Message:
    """A signed order of about so many bytes, as a string of JSON. body is
    what is sent, payload what is signed, data the order in it."""

    size: int
    file: str = ""
    body: bytes = b""
    payload: bytes = b""
    data: bytes = b""

    def __post_init__(self):
        line = {"line_item": {"sku": "NS-42", "name": "Sko, brun, str. 42",
                              "quantity": "1.0", "unit_price": "279.20"}}
        # Quotes take two bytes in a string, and base64 four for three.
        lines = max(1, int((self.size - 250) / len(
            json.dumps(json.dumps(line)).encode()) * 3 / 4))
        order = {"webhook": "Orders", "url": "https://hooks.example/webhook",
                 "data": {"id": 119175, "order_lines": [line] * lines}}
        self.data = json.dumps(order).encode()
        self.payload = json.dumps(self.data.decode()).encode()
        self.body = shipmondo.body(self.payload, KEY)
        self.file = harness.write(os.path.join(
            harness.work(), f"body-{self.size}"), self.body)


def post(running, row, message):
    """One call; its status"""
    connection = http.client.HTTPConnection(
        "127.0.0.1", running.front.plain, timeout=60)
    try:
        connection.request("POST", row.path, message.body,
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def must_take(running, row, message):
    status = post(running, row, message)
    if status != 200:
        fail(f"{row.name}: answered {status} to one message\n"
             + running.front.logs()[-1000:])


# --- what the kernel knows of processes -------------------------------------

def session(leader):
    """The processes of a session; pid to the fields of its stat behind the
    name"""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = harness.read(f"/proc/{pid}/stat").rpartition(")")[2]
        except OSError:
            continue
        fields = fields.split()
        if int(fields[3]) == leader:
            found[int(pid)] = fields
    return found


def cpu_seconds(process):
    """Of all of its processes and of those that they have waited for"""
    if not process:
        return 0.0
    return sum(int(field) for fields in session(process.pid).values()
               for field in fields[11:15]) / TICK


def proportional(pid):
    """kB: what is shared by several is counted in parts (PSS). The handler
    shows that to root alone: to others it is what is resident (RSS)."""
    for name, what in (("smaps_rollup", "Pss"), ("status", "VmRSS")):
        try:
            text = harness.read(f"/proc/{pid}/{name}")
        except OSError:
            continue
        found = re.search(rf"^{what}:\s+(\d+)", text, re.M)
        if found:
            return int(found[1])
    return 0


def memory(process):
    """MB of all processes"""
    return sum(map(proportional, session(process.pid))) / 1024 \
        if process else 0.0


def status_of(process, name):
    """A line of /proc/PID/status, in MB"""
    text = harness.read(f"/proc/{process.pid}/status")
    return int(re.search(rf"^{name}:\s+(\d+)", text, re.M)[1]) / 1024


# --- wrk --------------------------------------------------------------------

def wrk(url, message, connections, seconds, close=False, midway=None):
    """What wrk measured, as wrk.lua prints it"""
    command = ["wrk", "-t", str(min(connections, 2)), "-c", str(connections),
               "-d", f"{seconds}s", "--timeout", "60s", "-s",
               os.path.join(HERE, "wrk.lua"), url, "--", message.file]
    with subprocess.Popen(command + (["close"] if close else []),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True) as process:
        time.sleep(seconds / 2)
        if midway:
            midway()
        text = process.communicate()[0]
    if process.returncode:
        fail(f"wrk: {text}")
    said = json.loads(text.splitlines()[-1])
    if any(said["errors"].values()):
        fail(f"{url}: not all answers were 200: {said['errors']}")
    return said


def settled(row):
    """How much is stored when nothing is under way any more"""
    stored = row.stored()
    while True:
        time.sleep(CALM)
        before, stored = stored, row.stored()
        if stored == before:
            return stored


def check_stored(row, stored, answered, connections):
    """wrk hangs up on what is not yet answered when its time is over."""
    if not answered <= stored <= answered + connections:
        fail(f"{row.name}: {answered} answers of 200, {stored} messages "
             f"stored, {connections} connections")


def flush(row):
    """What is not yet on the disk must not slow down the next one."""
    subprocess.run(["sync", "-f", row.base], check=True)


def measure(running, row, message, connections, seconds, *, tls=False):
    """Sends for so many seconds what row takes; tls: a new connection for
    each message."""
    web = running.front
    must_take(running, row, message)
    before = row.stored() if row.stores else 0
    used = cpu_seconds(row.process), cpu_seconds(web)
    taken = []
    said = wrk(web.address(row, tls), message, connections, seconds, tls,
               lambda: taken.append(memory(row.process)))
    count = said["messages"]
    if row.stores:
        stored = settled(row) - before
        check_stored(row, stored, count, connections)
        count = stored
    now = cpu_seconds(row.process), cpu_seconds(web)
    figure = {"rate": said["messages"] / said["seconds"], "messages": count,
              "memory": taken[0],
              **{name: said[name] / 1000
                 for name in ("p50", "p99", "slowest")}}
    for name, start, end in zip(("cpu", "web"), used, now):
        figure[name] = (end - start) * 1e6 / count
    flush(row)
    return figure


# --- our own programs -------------------------------------------------------

def run(*words):
    done = subprocess.run([str(word) for word in words], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True)
    if done.returncode:
        fail(f"{words[0]}: {done.stderr}")
    return [float(word) for word in done.stdout.split()]


def loop(place, threads, size, seconds, way="flushed-first"):
    """The bare loop (loop.c) in a new folder of that place"""
    os.makedirs(place)
    count, took = run(program("loop"), place, threads, size, seconds, way)
    subprocess.run(["sync", "-f", place], check=True)
    return {"rate": count / took}


def pace(running, row, message, connections, rate, seconds):
    """Messages at a fixed rate (pace.c)"""
    must_take(running, row, message)
    before = row.stored()
    count, took, *times = run(
        program("pace"), running.front.plain, row.path, message.file,
        connections, rate, seconds)
    check_stored(row, settled(row) - before, count, 0)
    flush(row)
    p50, p99, slowest = (time / 1000 for time in times)
    return {"rate": count / took, "asked": rate, "p50": p50, "p99": p99,
            "slowest": slowest}

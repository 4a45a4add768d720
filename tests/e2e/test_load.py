# SPDX-License-Identifier: MIT
"""test_load - many calls through nginx: none lost, and no memory with them

HOOKDIR_LOAD is the number of calls, 2000 when it is not set. The figures
are printed as comments; what is checked is that each call was answered with
200, that there is a whole file for each, and that the handler does not grow.
"""

import os
import re
import shutil
import subprocess

import shipmondo
from fcgiclient import KEY, memory, request_log, sanitized, threads
from harness import (NAME, Handler, Nginx, clean_environment, eq, fail, folder,
                     main, ok, test, write)

CALLS = int(os.environ.get("HOOKDIR_LOAD", "2000"))
AT_ONCE = 64
MIB = 1024 * 1024
BODY = shipmondo.body(shipmondo.form_b(), KEY)


class Report:
    """What ab(1) says of a run"""

    def __init__(self, web, body, calls):
        command = ["ab", "-q", "-k", "-c", str(AT_ONCE), "-n", str(calls),
                   "-s", "120", "-p", body, "-T", "application/json",
                   "-H", f"Host: {NAME}", "-H", "SMD-Action: create",
                   "-H", "SMD-Resource-Type: Orders",
                   f"https://127.0.0.1:{web.port}/webhook/shipmondo"]
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT,
                              env=clean_environment())
        self.text = done.stdout.decode("utf-8", "replace")
        if done.returncode:
            fail(f"ab ended, status {done.returncode}:\n{self.text[-2000:]}")
        eq("calls", self.number(r"Complete requests: +(\d+)"), calls)
        eq("failed calls", self.number(r"Failed requests: +(\d+)"), 0)
        eq("answers that are not 200",
           self.number(r"Non-2xx responses: +(\d+)", 0), 0)

    def number(self, pattern, otherwise=None):
        match = re.search(pattern, self.text)
        if not match and otherwise is None:
            fail(f"ab says no {pattern!r}:\n{self.text[-2000:]}")
        return float(match[1]) if match else otherwise

    def __str__(self):
        rate = self.number(r"Requests per second: +([\d.]+)")
        middle, most, last = (
            self.number(rf"(?m)^ +{percent}% +(\d+)") for percent in
            (50, 99, 100))
        return (f"{rate:.0f} messages/s, p50 {middle:.0f} ms, "
                f"p99 {most:.0f} ms, longest {last:.0f} ms")


def sizes(path):
    """How many files there are of each size"""
    found = {}
    with os.scandir(path) as entries:
        for entry in entries:
            size = entry.stat(follow_symlinks=False).st_size
            found[size] = found.get(size, 0) + 1
    return found


@test(f"{CALLS} calls, {AT_ONCE} at once: none is lost, nothing grows",
      seconds=3600)
def _():
    body = write(os.path.join(folder("load"), "body"), BODY)
    # ab wants a number that it can share out among its connections.
    first = max(CALLS // 10, AT_ONCE)
    parts = [first, first, max(CALLS - 2 * first, AT_ONCE)]
    with Handler(user="www-data") as handler, \
            Nginx(handler, keys=[KEY]) as web:
        resident = []
        for calls in parts:
            report = Report(web, body, calls)
            resident.append(memory(handler.pid, "VmRSS"))
            print(f"# {sum(parts[:len(resident)])} calls: {report}, "
                  f"{resident[-1] / MIB:.1f} MiB resident, peak "
                  f"{memory(handler.pid, 'VmHWM') / MIB:.1f} MiB, "
                  f"{threads(handler.pid)} threads", flush=True)
        spool = web.spool("shipmondo")
        eq("files in new/", len(spool.names("new")), sum(parts))
        eq("files in tmp/", spool.names("tmp"), [])
        eq("files in quarantine/", spool.names("quarantine"), [])
        # All but the time is the same in each, and that is always as long.
        found = sizes(os.path.join(spool.path, "new"))
        eq("sizes of the files", len(found), 1)
        eq("status at the end", handler.stop(), 0)
        log = request_log(handler.log())
        eq("lines in the log", len(log), sum(parts))
        eq("statuses in the log", {line["status"] for line in log}, {"200"})
        eq("files in the log", {line["file"] for line in log},
           set(spool.names("new")))
        if sanitized():
            print("# a sanitizer's memory says nothing", flush=True)
        else:
            ok(f"{resident[2] / MIB:.1f} MiB at the end is no growth",
               resident[2] <= resident[1] + 4 * MIB)
        shutil.rmtree(spool.path)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""test_reconcile - what Shipmondo has and a spool has not

hookdir reconcile and hookdir webhooks against shipmondo_api, which follows
what Shipmondo documents, with spools that the handler and hookdir fill.
"""

import collections
import contextlib
import functools
import json
import os
import pty
import pwd
import random
import signal
import subprocess
import time

import shipmondo
from fcgiclient import KEY, OTHER_KEY, new_spool, signed_endpoint, threads
from harness import (Handler, PATIENCE, SANITIZER, Spool, call_params,
                     clean_environment, eq, fail, fcgi_begin, folder, has,
                     hasnt, main, needs_root, ok, read, root_file, test,
                     wait_for, write)
from shipmondo_api import Api, KEY as API_KEY, USER, stamp
from spools import event, sanitized
from tradecloud_api import Authority

TOOL = os.path.abspath(os.environ.get(
    "HOOKDIR_TOOL", root_file("build", "hookdir")))
OK, FOUND, USAGE, AGAIN, CONFIG = 0, 1, 64, 75, 78
ENDPOINT = "https://hooks.example/webhook/shipmondo"
TYPE = "com.shipmondo.orders.reconciled"


@functools.cache
def authority():
    return Authority("shipmondo's")


class Site:
    """An API, a spool and what hookdir says to both"""

    def __init__(self, api, tool=TOOL, path=None):
        self.api = api
        self.tool = tool
        self.spool = Spool(path) if path else new_spool()
        os.makedirs(os.path.join(self.spool.path, "new"), exist_ok=True)
        self.folder = folder("reconcile")
        self.config = os.path.join(self.folder, "api.conf")
        self.settings = {"base": api.base, "user": USER, "key": API_KEY,
                         "endpoint": ENDPOINT, "ca": authority().file}
        self.configure()
        self.number = 0

    def configure(self, mode=0o600, **settings):
        self.settings.update(settings)
        write(self.config, "".join(
            f"{name} = {value}\n" for name, value in self.settings.items()
            if value is not None), mode=mode)

    def command(self, *args, rate=1000):
        return [self.tool, "reconcile", "shipmondo", self.spool.path,
                "--config", self.config, "--rate", str(rate), *args]

    def run(self, *args, want=None, command=None):
        done = subprocess.run(
            command or self.command(*args), check=False, text=True,
            capture_output=True, env=clean_environment(),
            stdin=subprocess.DEVNULL, timeout=PATIENCE)
        if SANITIZER.search(done.stderr):
            fail(f"a sanitizer's report: {done.stderr}")
        if want is not None:
            eq("exit", (done.returncode, done.stderr if done.returncode
                        not in (want, FOUND) else ""), (want, ""))
        return done

    def json(self, *args, want=FOUND):
        done = self.run("--json", *args, want=want)
        return json.loads(done.stdout)["resources"]

    def webhooks(self, *args):
        return self.run(command=[TOOL, "webhooks", "shipmondo", *args,
                                 "--config", self.config])

    # --- what the spool has

    def put(self, thing, action="create", kind="orders", where="new", **more):
        """The message of a webhook, by hand, with its line of history"""
        self.number += 1
        name = f"{int(time.time())}.M{self.number:06}P1Q1.shop"
        made = {"id": f"e{self.number}", "source": ENDPOINT,
                "type": f"com.shipmondo.{kind}.{action}",
                "subject": str(thing["id"]), "sender": "shipmondo",
                "reference": thing.get("order_id"), **more}
        data = json.dumps({"webhook": "W", "data": thing, "url": ENDPOINT})
        place = os.path.join(self.spool.path, where)
        os.makedirs(place, exist_ok=True)
        with open(os.path.join(place, name + ".json"), "wb") as file:
            file.write(event(data.encode(), **made))
        return name, made

    def line(self, thing, age=0, kind="orders", event_name="accepted",
             action="create", **more):
        """A line of history alone: the message is gone"""
        self.number += 1
        when = time.time() - age
        line = {"time": stamp(when, 0)[:-6] + "000Z", "event": event_name,
                "name": f"{int(when)}.M{self.number:06}P1Q1.shop",
                "id": f"e{self.number}",
                "type": f"com.shipmondo.{kind}.{action}",
                "subject": str(thing["id"]),
                "reference": thing.get("order_id", ""),
                "version": thing["updated_at"], "sender": "shipmondo", **more}
        place = os.path.join(self.spool.path, "history")
        os.makedirs(place, exist_ok=True)
        side = "in" if event_name in ("accepted", "refused") else "out"
        day = line["time"][:10]
        with open(os.path.join(place, f"{day}.{side}.jsonl"), "a",
                  encoding="utf-8") as file:
            file.write(json.dumps({k: v for k, v in line.items() if v},
                                  separators=(",", ":")) + "\n")

    def begin(self, age=7200):
        """The webhook was created then: there is a history since."""
        self.line({"id": 0, "updated_at": ""}, age, event_name="handshake",
                  action="connection_test", subject="")

    def delivered(self):
        """The events that reconcile made, by kind and subject"""
        found = collections.defaultdict(list)
        for message in self.spool.messages():
            if message["type"].endswith(".reconciled"):
                found[message["type"].split(".")[2],
                      int(message["subject"])].append(message)
        return found

    def subjects(self, kind="orders"):
        return sorted(ident for name, ident in self.delivered()
                      if name == kind)

    def age_all(self):
        """Dedup must not be what keeps a test good."""
        for name in self.spool.names("seen"):
            os.unlink(os.path.join(self.spool.path, "seen", name))


def site(function):
    def run():
        with Api(authority()) as api:
            function(api, Site(api))
    return run


# --- what is missing, and what is not ----------------------------------------

@test("what is missing is delivered in the shape of a webhook's event")
@site
def _(api, out):
    out.begin()
    thing = api.order(42, note="N\u00f8rre", odd=1.5)
    done = out.run(want=FOUND)
    has("output", done.stdout, "orders 42 (1042): missing, delivered")
    message = out.spool.one()
    eq("data", message["data"]["data"], thing)
    eq("webhook's members", sorted(message["data"]), ["data", "url",
                                                      "webhook"])
    for name, want in {
            "type": TYPE, "subject": "42", "reference": "1042",
            "verifiedby": "api", "sender": "shipmondo", "source": ENDPOINT,
            "datacontenttype": "application/json", "method": "GET",
            "smdresourcetype": "Orders", "smdresourceid": "42",
            "smdaction": "reconciled", "specversion": "1.0"}.items():
        eq(name, message[name], want)
    line = out.spool.history("out")[-1]
    eq("history", (line["event"], line["subject"], line["reference"],
                   line["id"]),
       ("reconciled", "42", "1042", message["id"]))
    has("find", out.run(command=[TOOL, "find", "1042", out.spool.path])
        .stdout, "missing, fetched from the sender")
    out.age_all()
    eq("again", out.json(want=OK)["orders"]["present"], 1)
    eq("messages", len(out.spool.messages()), 1)


@test("where a message is known from: history and every state but quarantine")
@site
def _(api, out):
    out.begin()
    for ident, where in enumerate(["new", "cur", "hold", "failed",
                                   "done/2026-12-01/04", "quarantine"], 1):
        out.put(api.order(ident), where=where)
    out.line(api.order(7))
    out.line(api.order(8), event_name="done")
    out.line(api.order(9), event_name="refused")
    out.line(api.order(10), kind="shipments")
    # Without SMD-Resource-Type the reference tells what it is about.
    out.put(api.order(11), type="com.shipmondo.event")
    out.put(api.order(12), type="com.shipmondo.event", reference="other")
    counts = out.json("--resource", "orders")["orders"]
    eq("delivered", out.subjects(), [6, 9, 10, 12])
    eq("counts", (counts["compared"], counts["present"], counts["fetched"]),
       (12, 8, 4))


@test("an empty history fetches nothing without --since")
@site
def _(api, out):
    api.order(1)
    for _ in range(2):
        done = out.run(want=OK)
        has("note", done.stderr, "--since")
        eq("messages", out.spool.messages(), [])
    eq("lists asked for", [path for path in api.paths()
                           if path != "/v3/webhooks"], [])
    out.run("--since", "2h", want=FOUND)
    eq("delivered", out.subjects(), [1])


@test("auto: never before the oldest line, then from the last complete run")
@site
def _(api, out):
    out.begin(age=3 * 3600)
    api.order(1, age=4 * 3600)
    api.order(2, age=2 * 3600)
    out.run(want=FOUND)
    eq("first run", out.subjects(), [2])
    api.order(3, age=4 * 3600)  # before the history
    api.order(4, age=5400)      # listed late, and before the last run
    api.order(5, age=1800)
    out.run(want=FOUND)
    eq("second run", out.subjects(), [2, 5])
    asked = [r.query for r in api.requests if r.path.endswith("sales_orders")]
    hasnt("and not all again", asked[-1], asked[0][:45])
    # A short look does not move the mark.
    state = os.path.join(out.spool.path, "reconcile", "shipmondo.state")
    before = open(state, encoding="utf-8").read()
    out.run("--since", "1m", want=OK)
    eq("explicit later --since", open(state, encoding="utf-8").read()
       .splitlines()[2], before.splitlines()[2])
    out.run("--since", "1d", want=FOUND)
    eq("explicit --since", out.subjects(), [1, 2, 3, 4, 5])


@test("--grace: what is young is left alone, by the API's clock")
@site
def _(api, out):
    for skew in (-400, 400):
        api.skew = skew
        out.begin()
        api.order(1000 + skew, age=200)
        counts = out.json("--resource", "orders", want=OK)["orders"]
        eq("too young", (counts["too_young"], counts["fetched"]), (1, 0))
        eq("later", out.json("--resource", "orders", "--grace", "1m")
           ["orders"]["fetched"], 1)


@test("a message that comes while the list is read is not delivered again")
@site
def _(api, out):
    out.begin()
    late = [api.order(ident) for ident in (1, 2, 3)]

    def arrive(request):
        if request.path.endswith("/sales_orders/1") and late:
            out.put(late[0])
            out.line(late[1])
            late.clear()
    api.before = arrive
    counts = out.json("--resource", "orders")["orders"]
    eq("delivered", out.subjects(), [3])
    eq("present", counts["present"], 2)


@test("shipments and drafts, and only resources that come here")
@site
def _(api, out):
    out.begin()
    for ident in (1, 2):
        for make in (api.order, api.shipment, api.draft):
            make(ident)
    out.put(api.things["shipments"][1], kind="shipments")
    out.run(want=FOUND)
    eq("delivered", sorted(out.delivered()), [("shipments", 2)])
    eq("reference", out.delivered()["shipments", 2][0]["reference"], "s2")
    api.webhook(ENDPOINT, "Drafts", "create")
    api.webhook(ENDPOINT, "Orders", "create", active=False)
    api.webhook("https://elsewhere.example/", "Orders", "create")
    out.run(want=FOUND)
    eq("delivered", sorted(out.delivered()),
       [("drafts", 1), ("drafts", 2), ("shipments", 2)])
    out.run("--resource", "orders,shipments,drafts", want=FOUND)
    eq("delivered", out.subjects(), [1, 2])


@test("a first run with --since does not hide what was before it")
@site
def _(api, out):
    out.begin(age=3 * 86400)
    api.order(1, age=2 * 86400)
    api.order(2)
    out.run("--since", "2h", want=FOUND)
    eq("delivered", out.subjects(), [2])
    out.run(want=FOUND)
    eq("delivered", out.subjects(), [1, 2])


@test("run by root, it leaves what the spool's owner can go on with")
@site
def _(api, out):
    needs_root()
    out.begin()
    api.order(1)
    owner = pwd.getpwnam("nobody")
    for place, folders, names in os.walk(out.spool.path):
        for name in [place, *(os.path.join(place, n) for n in
                              (*folders, *names))]:
            os.chown(name, owner.pw_uid, owner.pw_gid)
    out.run(want=FOUND)
    for name in out.spool.files():
        eq(name, os.stat(os.path.join(out.spool.path, name)).st_uid,
           owner.pw_uid)
    eq("event's source, the endpoint", out.spool.one()["source"], ENDPOINT)


@test("an answer without a length, and a source that is not known yet")
@site
def _(api, out):
    out.begin()
    api.order(1)
    api.order(2)
    out.configure(endpoint=None)
    api.json = lambda request, status, data, headers=(): request.answer(
        status, json.dumps(data).encode(), headers, length=False)
    out.run("--resource", "orders", want=FOUND)
    eq("source", {m["source"] for m in out.spool.messages()}, {api.base})
    out.put(api.order(3))
    api.order(4)
    out.run("--resource", "orders", want=FOUND)
    eq("source", out.delivered()["orders", 4][0]["source"], ENDPOINT)


# --- changes -------------------------------------------------------------------

@test("--changed: a status change that was missed, where a webhook tells it")
@site
def _(api, out):
    out.begin()
    for ident in (1, 2, 3):
        out.line(api.order(ident))
    api.change(1, age=600, status="packed")
    api.change(2, age=10)  # too young
    api.webhook(ENDPOINT, "Orders", "create")
    api.webhook(ENDPOINT, "Orders", "status_update", active=False)
    api.webhook("https://elsewhere.example/", "Orders", "status_update")
    done = out.run("--changed", want=OK)
    has("create alone", done.stderr, "no active webhook")
    eq("messages", out.spool.messages(), [])
    api.webhook(ENDPOINT.replace("hooks", "HOOKS"), "Orders", "status_update")
    out.run(want=OK)
    eq("without --changed", out.spool.messages(), [])
    counts = out.json("--changed")["orders"]
    eq("changed", (counts["changed"], counts["too_young"]), (1, 1))
    eq("delivered", out.spool.one()["data"]["data"]["status"], "packed")
    out.age_all()
    out.run("--changed", want=OK)
    api.change(1, age=301, status="sent")
    out.run("--changed", want=FOUND)
    first, second = sorted(out.spool.messages(), key=lambda m: m["data"][
        "data"]["updated_at"])
    ok("two ids", first["id"] != second["id"])


@test("--changed: without an endpoint that is known it is an error")
@site
def _(api, out):
    out.begin()
    out.configure(endpoint=None)
    has("error", out.run("--changed", want=CONFIG).stderr, "endpoint =")
    out.put(api.order(1))
    out.run("--changed", want=OK)


# --- lists -----------------------------------------------------------------------

@test("orders that change while they are listed are all seen, each once")
@site
def _(api, out):
    out.begin()
    rng = random.Random(7)
    for ident in range(1, 201):
        api.order(ident, age=3600 + ident)

    def stir(request):
        if request.path.endswith("/sales_orders"):
            for ident in rng.sample(range(1, 201), 4):
                api.change(ident, age=rng.randrange(7000))
    api.before = stir
    for newest_first in (False, True):
        api.newest_first = newest_first
        counts = out.json("--resource", "orders", "--dry-run")["orders"]
        eq("missing", (counts["missing"], counts["fetched"]), (200, 0))
    api.counts = False
    counts = out.json("--resource", "orders", "--dry-run")["orders"]
    eq("without counts", counts["missing"], 200)
    eq("messages", out.spool.messages(), [])
    ok("nothing written", "reconcile" not in os.listdir(out.spool.path))


@test("100,000 orders in the history, in bounded memory")
@site
def _(api, out):
    many(api, out, 2000)


def many(api, out, listed):
    """So many of 100,000 are listed, and one of them was never accepted."""
    most = 100000
    out.begin(age=86400 * 2)
    text = stamp(time.time() - 86400)
    things = [{"id": n, "created_at": text, "updated_at": text}
              for n in range(most - listed + 1, most + 1)]
    api.things["sales_orders"] = {thing["id"]: thing for thing in things}
    api.select = lambda request, kind: \
        things if kind == "sales_orders" else []
    with open(os.path.join(out.spool.path, "history", time.strftime(
            "%Y-%m-%d", time.gmtime()) + ".in.jsonl"), "a",
              encoding="utf-8") as file:
        for n in range(1, most):
            file.write('{"time":"2026-11-21T17:05:33.000000Z","event":'
                       f'"accepted","name":"{n}","id":"i{n}","type":'
                       f'"com.shipmondo.orders.create","subject":"{n}"}}\n')
    command = out.command("--since", "3d", "--json", "--resource", "orders")
    if not sanitized():
        command = ["sh", "-c", 'ulimit -v 120000; exec "$@"', "sh", *command]
    got = subprocess.run(command, check=False, text=True, timeout=500,
                         capture_output=True, env=clean_environment())
    eq("exit", got.returncode, FOUND)
    counts = json.loads(got.stdout)["resources"]["orders"]
    eq("counts", (counts["compared"], counts["present"], counts["fetched"]),
       (listed, listed - 1, 1))
    return got.stderr


@test("progress goes to a terminal, the summary to standard output")
@site
def _(api, out):
    out.begin()
    for ident in range(1, 101):
        api.order(ident)
    api.before = lambda request: time.sleep(0.3)
    ours, theirs = pty.openpty()
    done = subprocess.run(
        out.command("--resource", "orders", "--dry-run"), check=False,
        text=True, stdout=subprocess.PIPE, stderr=theirs,
        env=clean_environment(), timeout=PATIENCE)
    os.close(theirs)
    with contextlib.suppress(OSError):
        has("progress", os.read(ours, 4096).decode(), " of 100 compared")
    os.close(ours)
    has("summary", done.stdout.splitlines()[-1],
        ": 100 compared, 0 present, 100 missing, 0 too young")


# --- faults ----------------------------------------------------------------------

@test("faults of the API by class: what may pass is tried again")
@site
def _(api, out):
    out.begin()
    api.order(1)
    for status, how in ((429, None), (503, None), (200, "cut")):
        api.fail("/sales_orders", status, 1, [("Retry-After", "0")]
                 if status != 200 else (), how)
        eq(f"{status} {how}", out.run("--dry-run", "--resource",
                                      "orders").returncode, FOUND)
    api.fail("/sales_orders", 429, 9)
    done = out.run("--retries", "0", "--resource", "orders")
    eq("429 for good", done.returncode, AGAIN)
    has("error", done.stderr, "status 429")
    api.fail("/sales_orders", 200, 9, how="hang")
    done = out.run("--retries", "0", "--resource", "orders", "--timeout", "1")
    eq("slow", done.returncode, AGAIN)
    api.failures.clear()
    api.fail("/sales_orders", 400)
    eq("400", out.run("--resource", "orders").returncode, 65)
    eq("delivered", out.subjects(), [])
    ok("not complete", not os.path.exists(os.path.join(
        out.spool.path, "reconcile", "shipmondo.state")))
    api.fail("/sales_orders/1", 404)
    eq("deleted meanwhile", out.json("--resource", "orders", want=OK)
       ["orders"]["gone"], 1)


@test("wrong credentials, wrong files")
@site
def _(api, out):
    out.begin()
    out.configure(key="wrong")
    done = out.run(want=CONFIG)
    has("401", done.stderr, "Invalid API User or API Key")
    out.configure(key=API_KEY, base=api.base + "/none")
    has("404", out.run("--resource", "orders", want=CONFIG).stderr,
        "check base")
    out.configure(base=api.base)
    for mode in (0o640, 0o604, 0o660):
        out.configure(mode=mode)
        os.chmod(out.config, mode)
        has(f"{mode:o}", out.run(want=CONFIG).stderr, "chmod 600")
    os.chmod(out.config, 0o600)
    out.configure(colour="red")
    has("unknown", out.run(want=CONFIG).stderr, "base, user, key, endpoint")
    os.unlink(out.config)
    has("none", out.run(want=CONFIG).stderr, "cannot read")
    eq("no sender", out.run(command=[TOOL, "reconcile", out.spool.path])
       .returncode, USAGE)
    eq("another sender", out.run(command=[
        TOOL, "reconcile", "github", out.spool.path]).returncode, USAGE)
    has("no spool", out.run(command=[
        TOOL, "reconcile", "shipmondo", "/no/spool", "--config",
        out.config]).stderr, "no spool")


@test("the key is neither in arguments nor in what is written or said")
@site
def _(api, out):
    out.begin()
    api.order(1)
    seen = []

    def look(_request):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(
                    f"/proc/{pid}/cmdline", "rb") as file:
                seen.append(file.read())
    api.before = look
    done = out.run(want=FOUND)
    hasnt("arguments", b"\n".join(seen), API_KEY.encode())
    hasnt("output", done.stdout + done.stderr, API_KEY)
    for name in out.spool.files():
        with open(os.path.join(out.spool.path, name), "rb") as file:
            hasnt(name, file.read(), API_KEY.encode())


@test("one run at a time, and no faster than --rate")
@site
def _(api, out):
    out.begin()
    for ident in range(5):
        api.order(ident + 1)
    api.fail("/sales_orders", 200, 1, how="hang")
    first = subprocess.Popen(
        out.command("--resource", "orders"), env=clean_environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not api.asked("/v3/sales_orders"):
        time.sleep(0.01)
    done = out.run("--resource", "orders")
    eq("the second", done.returncode, AGAIN)
    has("why", done.stderr, "another run")
    first.send_signal(signal.SIGTERM)
    eq("the first", first.wait(PATIENCE), -signal.SIGTERM)
    api.requests.clear()
    out.run(command=out.command("--resource", "orders", rate=10))
    times = [request.when for request in api.requests]
    eq("requests", len(times), 7)
    ok(f"the rate, {times}", times[-1] - times[0] > 0.5)


# --- kill ------------------------------------------------------------------------

def killed(out, rng, most):
    """Start it, and kill it at some moment; True: it ended before that."""
    with subprocess.Popen(out.command("--resource", "orders"),
                          env=clean_environment(), stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        try:
            process.wait(rng.random() * most)
        except subprocess.TimeoutExpired:
            process.kill()
            return False
        return True


@test("a delivery that was cut off is repeated under its id, and no other")
@site
def _(api, out):
    out.begin()
    for ident in (1, 2):
        api.order(ident, age=3000)
    out.run(want=FOUND)
    before = out.delivered()
    ids = os.path.join(out.spool.path, "reconcile", "shipmondo.ids")
    text = read(ids)
    eq("lines", [line.split()[:3] for line in text.splitlines()],
       [[word, "orders", ident] for ident in "12"
        for word in ("begun", "done")])
    # As if killed before its last line; its consumer left nothing of it.
    write(ids, text[:text.rindex("done")] + "done orders 2 0")
    out.age_all()
    for name in out.spool.files():
        if name.startswith("new/"):
            os.unlink(os.path.join(out.spool.path, name))
    for name in out.spool.names("history"):
        if ".out." in name:
            os.unlink(os.path.join(out.spool.path, "history", name))
    api.change(1)
    api.change(2, age=600, status="packed")
    out.run(want=FOUND)
    eq("again", out.subjects(), [2])
    again = out.delivered()["orders", 2][0]
    eq("id", again["id"], before["orders", 2][0]["id"])
    eq("status", again["data"]["data"]["status"], "packed")
    out.age_all()
    # Where the first one was done with, nothing but this is later news.
    api.webhook(ENDPOINT, "Orders", "status_update")
    api.change(2, age=400)
    out.run("--changed", want=FOUND)
    eq("two ids", len({m["id"] for m in out.delivered()["orders", 2]}), 2)


@test("kill -9, 30 times: nothing twice under another id, nothing missed")
@site
def _(api, out):
    kills(api, out, 30)


def kills(api, out, count):
    """tests/torture/reconcile has more of them."""
    out.begin()
    rng = random.Random(time.time_ns())
    number, ended, lists = 0, 0, collections.Counter()
    ids = collections.defaultdict(set)

    def consume(all_of_them=False):
        """A consumer that leaves nothing behind, not even a line"""
        for message in out.spool.messages():
            if message["type"] == TYPE:
                ids[message["subject"]].add(message["id"])
                lists[message["subject"], message["id"]] += 1
            if all_of_them or rng.random() < 0.8:
                os.unlink(message.path)

    for _ in range(count):
        for _ in range(rng.randrange(1, 4)):
            number += 1
            api.order(number, age=rng.randrange(400, 3000))
        for ident in rng.sample(range(1, number + 1), min(number, 3)):
            api.change(ident)
        ended += killed(out, rng, 0.35)
        consume()
    out.run("--resource", "orders", want=FOUND if number else OK)
    consume(True)
    eq("nothing missed", sorted(map(int, ids)), list(range(1, number + 1)))
    eq("under another id", {subject: found for subject, found in ids.items()
                            if len(found) > 1}, {})
    ok(f"{ended} of {count} ended before the kill", ended < count)


# --- all of it ---------------------------------------------------------------------

@test("1000 orders, 137 of them lost in five ways, 20 changing meanwhile",
      seconds=600)
@site
def _(api, out):
    rng = random.Random(1)
    lost = set(rng.sample(range(1, 1001), 137))
    ways = {ident: number % 4 for number, ident in enumerate(sorted(lost))}
    handler = Handler()

    def call(thing, key=KEY):
        body = shipmondo.body(shipmondo.form_b(json.dumps(thing).encode()),
                              key)
        return handler.request(body, **signed_endpoint(
            out.spool.path, HTTP_SMD_RESOURCE_TYPE="Orders",
            HTTP_SMD_ACTION="create", HOOKDIR_SOURCE=ENDPOINT,
            HTTP_SMD_RESOURCE_ID=str(thing["id"])))

    call({"id": 0, "updated_at": ""})
    things = {ident: api.order(ident, age=rng.randrange(310, 3000))
              for ident in range(1, 1001)}
    for ident, thing in things.items():
        if ident not in lost:
            eq("status", call(thing).status, 200)
        elif ways[ident] == 0:
            eq("wrong key", call(thing, OTHER_KEY).status, 403)
    lose_by_fault(out, call, [things[i] for i in lost if ways[i] == 1])
    lose_by_kill(handler, [things[i] for i in lost if ways[i] == 2])
    handler.stop()  # and the last quarter never got anywhere
    pages = []

    def stir(request):
        if request.path.endswith("sales_orders") and len(pages) < 20:
            pages.append(request.path)
            api.change(rng.randrange(1, 1001))
    api.before = stir
    counts = out.json("--since", "2h")["orders"]
    eq("exactly these", out.subjects(), sorted(lost))
    eq("each once", {len(found) for found in out.delivered().values()}, {1})
    eq("counts", (counts["compared"], counts["present"], counts["fetched"]),
       (1000, 863, 137))


def lose_by_fault(out, call, things):
    """The spool takes no file, as on a full disk: 503"""
    place = os.path.join(out.spool.path, "tmp")
    os.rename(place, place + ".away")
    write(place, "")
    for thing in things:
        eq("fault", call(thing).status, 503)
    os.unlink(place)
    os.rename(place + ".away", place)


def lose_by_kill(handler, things):
    """Killed while it reads calls, which are cut off for their sender"""
    socks = [handler.connect() for _ in things]
    for sock in socks:
        sock.sendall(fcgi_begin(call_params(body=b"{}"))[:-20])
    wait_for(lambda: threads(handler.pid) > 1, "calls that are read")
    handler.kill()
    for sock in socks:
        sock.close()
    handler.start()


# --- webhooks ----------------------------------------------------------------------

@test("webhooks list: which point here, with resource and action")
@site
def _(api, out):
    for number in range(120):
        api.webhook(ENDPOINT if number % 60 == 0 else "https://b.example/",
                    "Orders", "create", active=number == 0)
    done = out.webhooks("list")
    eq("exit", (done.returncode, done.stderr), (0, ""))
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    eq("lines", [(line[0], line[1:4], line[5]) for line in lines],
       [("1", ["Orders", "create", "active"], ENDPOINT),
        ("61", ["Orders", "create", "inactive"], ENDPOINT)])
    out.configure(endpoint=None)
    eq("all", len(out.webhooks("list").stdout.splitlines()), 120)
    got = [json.loads(line) for line in out.webhooks(
        "list", "--json", "--endpoint", ENDPOINT).stdout.splitlines()]
    eq("json", [(hook["id"], hook["active"]) for hook in got],
       [(1, True), (61, False)])


@test("webhooks create: the set, after a check that the endpoint answers")
@site
def _(api, out):
    calls, answers = [], [401]

    def endpoint(request):
        if request.path == "/hook":
            calls.append(request.handler.rfile.read(
                int(request.headers["Content-Length"])))
            request.answer(answers[0])
        else:
            Api.serve(api, request)
    api.serve = endpoint
    here = api.base.replace("/v3", "/hook")
    key = write(os.path.join(out.folder, "key"), "k\u00f8y \"of mine\"\n")
    out.configure(endpoint=here)
    args = ("create", "--key-file", key)
    done = out.webhooks(*args)
    eq("no 200", done.returncode, CONFIG)
    has("why", done.stderr, "status 401")
    eq("posted", api.posted, [])
    answers[0] = 200
    done = out.webhooks(*args, "--dry-run")
    eq("would be", done.stdout.count("would be created"), 14)
    eq("posted", api.posted, [])
    done = out.webhooks(*args, "--resource", "orders,monitor")
    eq("exit", (done.returncode, done.stderr), (0, ""))
    hasnt("output", done.stdout, "of mine")
    eq("created", len(api.posted), 9)
    eq("test", calls[-1], shipmondo.body(shipmondo.connection_test(),
                                         "k\u00f8y \"of mine\""))
    eq("one of them", api.posted[0], {
        "name": "hookdir orders create", "endpoint": here,
        "key": "k\u00f8y \"of mine\"", "action": "create",
        "resource_name": "Orders"})
    done = out.webhooks(*args)
    eq("the rest", (done.stdout.count("there already"),
                    done.stdout.count("created")), (9, 5))
    write(key, "another key\n")
    done = out.webhooks(*args, "--rotate", "--resource", "drafts")
    eq("rotated", [post["key"] for post in api.posted[14:]],
       ["another key"] * 3)
    _, _, old = done.stdout.partition("Delete these by hand")
    eq("the old ones", [line.split("\t")[1:3] for line in
                        old.splitlines()[1:]],
       [["Drafts", "create"], ["Drafts", "create_shipment"],
        ["Drafts", "delete"]])
    api.ask_endpoint = lambda *_: False
    done = out.webhooks(*args, "--rotate", "--resource", "drafts")
    eq("refused", done.returncode, 65)
    has("why", done.stderr, "no 200 from endpoint")


if __name__ == "__main__":
    main()

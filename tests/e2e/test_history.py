# SPDX-License-Identifier: MIT
"""test_history - what became of a message, told after it is gone

The handler and hookdir work on real spools; hookdir find and hookdir history
are then asked what a shop's owner asks. What a sender wrote never steers the
terminal, and whatever happens to history/, no answer changes.
"""

import json
import os
import pwd
import re
import shutil
import subprocess
import time

import shipmondo
from fcgiclient import (KEY, OTHER_KEY, endpoint, new_place, new_spool,
                        signed_endpoint)
from harness import (Cgi, Handler, Spool, clean_environment,
                     eq, folder, has, hasnt, main, needs_root, ok, read, skip,
                     test, wait_for)
from spools import TOOL, event

_handlers = []


def handler():
    if not _handlers:
        _handlers.append(Handler())
    return _handlers[0]


def call(send, spool, *args, **params):
    """A call, and its line in the history, which comes after the answer"""
    before = count(spool)
    got = send(*args, **params)
    wait_for(lambda: count(spool) > before, "line in the history")
    return got


def count(spool):
    """The calls that the history knows: a refused one is counted before its
    line is written, which the last pattern waits for"""
    text = "".join(read(os.path.join(spool.path, "history", name))
                   for name in spool.names("history") if ".out." not in name)
    return (len(re.findall(r'"event":"(?:accepted|duplicate)"', text))
            + sum(int(number) for number in re.findall(
                r"(?:^|[\0\n])(\d{10}) ", text)))


class Shops:
    """A folder of spools, as /var/spool/hookdir"""

    def __init__(self, *names):
        self.path = new_place()
        for name in names:
            self.put(name, 1)

    def spool(self, name="shop"):
        return Spool(os.path.join(self.path, name))

    def put(self, name, order, key=KEY, **params):
        """A call of Shipmondo about that order; its status"""
        resource = shipmondo.RESOURCE.replace(
            b'"1042"', json.dumps(order).encode())
        spool = self.spool(name)
        return call(handler().request, spool,
                    shipmondo.body(shipmondo.form_b(resource), key),
                    headers=shipmondo.HEADERS,
                    **signed_endpoint(spool.path, **params)).status

    def hookdir(self, *args, wrapper=(), **env):
        done = subprocess.run(
            [*wrapper, TOOL, *args], check=False, capture_output=True,
            env={**clean_environment(), "HOOKDIR_SPOOLS": self.path,
                 "TZ": "UTC", **env})
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def find(self, *args, code=0):
        got, out, err = self.hookdir("find", *args)
        eq(f"find {args}: status, {out}{err}", got, code)
        return out

    def json(self, *args, code=0):
        return [json.loads(line) for line in
                self.find("--json", *args, code=code).splitlines()]


def steps(row):
    return [line["event"] for line in row["history"]]


# --- the stories ------------------------------------------------------------

@test("find: waiting, received twice, dead letter, requeued, done")
def _():
    shops = Shops("other")
    eq("call", shops.put("shop", "2042", HOOKDIR_DEDUP="60"), 200)
    eq("again", shops.put("shop", "2042", HOOKDIR_DEDUP="60"), 200)
    out = shops.find("2042")
    for word in ("2042  com.shipmondo.orders.status_update",
                 "received with key current", "received again",
                 "now: waiting to be run, new/"):
        has("waiting", out, word)
    hasnt("the shop that has it not", out, "other")
    shops.hookdir("run", "--quiet", "--retries", "0", "shop", "--", "sh",
                  "-c", "echo begin; echo no such SKU; exit 3")
    out = shops.find("2042", "shop")
    has("dead letter", out, "exit status 3, try 1, given up: no such SKU")
    has("dead letter", out, "now: dead letter; hookdir requeue")
    has("output", out, "    begin\n    no such SKU\n")
    shops.hookdir("requeue", "--all", "shop")
    shops.hookdir("run", "shop", "--", "sh", "-c", "echo booked as 77")
    out = shops.find("2042")
    user = pwd.getpwuid(os.getuid()).pw_name
    has("by whom", out, f"requeued by {user}")
    has("done", out, "exit status 0, try 1: booked as 77")
    has("done", out, "now: done, its file is removed")
    row, = shops.json("2042")
    eq("steps", steps(row),
       ["accepted", "duplicate", "failed", "requeued", "done"])
    eq("row", (row["state"], row["reference"], row["subject"]),
       ("gone", "2042", "119175"))
    for text in (row["name"], row["id"], "119175", row["name"] + ".json",
                 f"failed/{row['name']},tries=1.json"):
        eq(text, [hit["name"] for hit in shops.json(text, "shop")],
           [row["name"]])
    eq("too early", shops.hookdir("find", "--since", "2099-01-01", "2042")[0],
       1)


@test("find: refused for a wrong key, in quarantine; verified later")
def _():
    shops = Shops("shop")
    eq("status", shops.put("shop", "2042", OTHER_KEY), 403)
    out = shops.find("2042")
    has("refused", out, "refused with status 403: signature-mismatch")
    has("now", out, "now: in quarantine, signature-mismatch")
    row, = shops.json("2042")
    eq("row", (row["state"], steps(row)), ("quarantine", ["refused"]))
    code, out, err = shops.hookdir(
        "reverify", "--sender", "shipmondo", "shop", HOOKDIR_KEY=OTHER_KEY)
    eq(f"reverify: {out}{err}", code, 0)
    rows = shops.json("2042")
    eq("both", [(row["state"], steps(row)) for row in rows],
       [("gone", ["refused", "requeued"]), ("new", ["accepted"])])
    out = shops.find("2042")
    has("call", out, f"delivered as {rows[1]['name']}")
    has("message", out, f"was refused as {rows[0]['name']}")


@test("find: taken by another program, expired, superseded, archived")
def _():
    shops = Shops()
    for order in ("11", "12", "13"):
        shops.put("shop", order)
        if order == "11":
            spool = shops.spool()
            os.unlink(os.path.join(spool.path, "new", spool.names("new")[0]))
    has("taken", shops.find("11"),
        "now: not in the spool: another program has taken it")
    # The same order three times over: the newest is run, into an archive.
    archive = folder("archive")
    code, _, err = shops.hookdir("run", "--latest", "--archive", archive,
                                 "shop", "--", "true")
    eq(f"run: {err}", code, 0)
    eq("superseded", steps(shops.json("12")[0])[1:], ["superseded"])
    has("superseded", shops.find("12"), "now: not run, its file is removed")
    has("done", shops.find("13"), "now: done, its file is removed")
    has("archive", shops.find("--archive", archive, "13"),
        f"now: done, kept, {archive}/")
    # Only the archive knows, once the history is gone.
    shutil.rmtree(os.path.join(shops.spool().path, "history"))
    eq("none", shops.hookdir("find", "13")[0], 1)
    has("archive alone", shops.find("--archive", archive, "13"), archive)
    shops.put("shop", "14")
    spool = shops.spool()
    old, = spool.names("new")
    base = f"1500000000{old[10:]}".replace("1500000000", "1600000000")
    os.rename(f"{spool.path}/new/{old}", f"{spool.path}/new/{base}")
    shops.hookdir("expire", "--older-than", "1d", "--state", "new", "shop")
    has("expired", shops.find("14"), "expired, its file is removed")


@test("find: never arrived, and arrived in another shop's spool")
def _():
    shops = Shops("shop", "twin")
    shops.put("twin", "2042")
    shops.put("shop", "2043", OTHER_KEY)
    out = shops.find("7777", code=1)
    for word in ("nothing in ", "history is kept since 20", "last message: 20",
                 "1 signature-mismatch"):
        has("never", out, word)
    row, = [row for row in shops.json("7777", code=1)
            if row["spool"].endswith("/shop")]
    eq("refused", row["refused"], {"signature-mismatch": 1})
    eq("last", row["last"]["reference"], "1")
    out = shops.find("2042", "shop", code=1)
    has("not there", out, "nothing in ")
    has("but", out, f"in {shops.path}/twin, ")
    has("but", out, "now: waiting to be run")
    # By its path, from elsewhere
    has("path", shops.find("2042", shops.path + "/shop", code=1), "/twin, ")


@test("find: as a word, in any way of writing it, in old messages, too")
def _():
    shops = Shops()
    spool = shops.spool()
    os.makedirs(spool.path + "/new")
    texts = {"a": b'{"note":"for 2042, please"}', "b": b'{"n":120420}',
             "c": b'{"note":"N\\u00f8rre\\n2042"}',
             "d": b'{"number":"A\\/7"}',
             "e": '{"note":"N\u00f8rre"}'.encode()}
    for name, data in texts.items():
        with open(f"{spool.path}/new/1795292717.{name}.json", "wb") as file:
            file.write(event(data, id=name, subject=None))
    for text, want in (("2042", "ac"), ("120420", "b"), ("A/7", "d"),
                       ("N\u00f8rre", "ce"), ("please", "a"),
                       ("for 2042", "a"), ("204", "")):
        got = shops.json(text, code=0 if want else 1)
        eq(text, "".join(row["id"] for row in got if row.get("id")), want)
    eq("computed", shops.json("A/7")[0]["reference"], "A/7")


HOSTILE = {"ANSI": "\x1b[2J\x1b[31m 2042", "RTL": "\u202e2042\u2066x",
           "NUL": "2042\x00\n", "200 kB": "2042 " + "\u00f8" * 100000,
           "quotes": '2042","event":"done'}


@test("hostile references are text, in the event, the log and the terminal")
def _():
    for what, reference in HOSTILE.items():
        shops = Shops()
        eq(what, shops.put("shop", reference), 200)
        line, = shops.spool().history("in")
        eq(f"{what}: event", line["event"], "accepted")
        ok(f"{what}: bounded", len(line["reference"].encode()) <= 1024)
        ok(f"{what}: stored as in the event",
           line["reference"] == shops.spool().one()["reference"])
        shops.hookdir("run", "--retries", "0", "shop", "--", "sh", "-c",
                      'printf %s "$CE_REFERENCE" >"$0"; exit 65',
                      shops.path + "/given")
        eq(f"{what}: given", read(shops.path + "/given"), line["reference"])
        out = (shops.find("2042") + shops.hookdir("history", "shop")[1]
               + shops.find("--json", "2042"))
        out += shops.hookdir("history", "--json", "shop")[1]
        for char in out:
            ok(f"{what}: {char!r} steers", char == "\n" or char.isprintable())
        ok(f"{what}: short", len(out) < 60000)


# --- the lines --------------------------------------------------------------

@test("the log names subject, reference and key")
def _():
    shops = Shops("shop")
    has("line", handler().new_log(),
        " subject=119175 reference=1 key=current ")


@test("refused calls have lines up to a bound a rule and day, then a count")
def _():
    for send in (handler().request, Cgi().request):
        spool = new_spool()
        call(send, spool, b"{}", **endpoint(spool.path))
        for _ in range(3):
            call(send, spool, b"{}", method="PUT", **endpoint(spool.path))
        wait_for(lambda: len(spool.history("in")) == 4, "lines")
        line = spool.history("in")[-1]
        eq("line", (line["event"], line["rule"], line["status"]),
           ("refused", "method-not-allowed", 405))
        name, = [name for name in spool.names("history")
                  if name.endswith(".refused")]
        path = os.path.join(spool.path, "history", name)
        eq("count", re.findall(r"0*(\d+) ([a-z-]+)", read(path)),
           [("3", "method-not-allowed")])
        text = read(path).replace("0000000003", "0000001000")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        call(send, spool, b"{}", method="PUT", **endpoint(spool.path))
        eq("no more lines", len(spool.history("in")), 4)
        eq("count", re.findall(r"0*(\d+) ([a-z-]+)", read(path)),
           [("1001", "method-not-allowed")])
        call(send, spool, b"x" * 20, **endpoint(
            spool.path, HOOKDIR_MAX_BODY="10"))
        wait_for(lambda: len(spool.history("in")) == 5, "line")
        eq("another rule", spool.history("in")[-1]["status"], 413)


@test("no path, query or secret stands in the history; no spool is made")
def _():
    spool = new_spool()
    secrets = {"path": "/hook/s3cret", "query": "token=s3cret",
            "headers": [("Authorization", "Bearer s3cret")]}
    for method in ("PUT", "POST"):
        handler().request(b"{}", method=method, **secrets,
                          **endpoint(spool.path))
        call(handler().request, spool, b"{}", method="POST", **secrets,
             **signed_endpoint(spool.path))
    for name in spool.names("history"):
        hasnt(name, read(os.path.join(spool.path, "history", name)), "s3cret")
    nowhere = new_spool()
    handler().request(b"{}", method="PUT", **endpoint(nowhere.path))
    ok("nothing made", not os.path.exists(nowhere.path))


@test("history that cannot be written changes no answer, and is reported")
def _():
    for what in ("a file", "a link", "a folder", "a FIFO", "full"):
        spool = new_spool()
        os.mkdir(spool.path)
        os.mkdir(spool.path + "/new")
        place = spool.path + "/history"
        today = time.strftime("%Y-%m-%d", time.gmtime()) + ".in.jsonl"
        if what == "a file":
            with open(place, "w", encoding="ascii"):
                pass
        elif what == "a link":
            os.symlink(folder("elsewhere"), place)
        else:
            os.mkdir(place)
            make = {"a folder": os.mkdir, "a FIFO": os.mkfifo,
                    "full": lambda path: os.symlink("/dev/full", path)}[what]
            make(os.path.join(place, today))
        for _ in range(2):
            got = handler().request(b"{}", **endpoint(spool.path))
            eq(f"{what}: answer", got.status, 200)
        eq(f"{what}: stored", len(spool.messages()), 2)
    wait_for(lambda: handler().new_log().count("event=history-off") == 5,
             "line a spool")


@test("readers pass over torn lines, and lose no line behind one")
def _():
    shops = Shops()
    shops.put("shop", "21")
    spool = shops.spool()
    name, = [name for name in spool.names("history") if ".in." in name]
    quiet = Cgi().request
    body = {number: shipmondo.body(shipmondo.form_b(
        shipmondo.RESOURCE.replace(b"1042", number.encode())), KEY)
        for number in ("22", "23")}
    with open(f"{spool.path}/history/{name}", "ab") as file:
        file.write(b'{"time":"2026-11-21T00:00:00.000000Z","event":"acc')
    quiet(body["22"], **signed_endpoint(spool.path))
    with open(f"{spool.path}/history/{name}", "ab") as file:
        file.write(b"\0" * 5000)
    quiet(body["23"], **signed_endpoint(spool.path))
    with open(f"{spool.path}/history/{name}", "ab") as file:
        file.write(b"\n\n{}\nnonsense\n" + b"x" * 5000000 + b"\n"
                   b'{"time":"2026-11-21T00:00:00.000000Z"')
    for order in ("21", "22", "23"):
        eq(order, steps(shops.json(order)[0]), ["accepted"])
    code, out, err = shops.hookdir("history", "--json", "shop")
    eq(f"history: {err}", code, 0)
    eq("lines", [json.loads(line)["reference"]
                 for line in out.splitlines()], ["21", "22", "23"])


@test("history: events, time, several spools in order, and what follows")
def _():
    shops = Shops("a", "b")
    shops.hookdir("run", "a", "--", "true")
    shops.put("b", "5")
    out = shops.hookdir("history", "--json")[1]
    rows = [json.loads(line) for line in out.splitlines()]
    eq("rows", [(os.path.basename(row["spool"]), row["event"])
                for row in rows], [("a", "accepted"), ("b", "accepted"),
                                   ("a", "done"), ("b", "accepted")])
    out = shops.hookdir("history", "--event", "done,failed", "a")[1]
    eq("one", len(out.splitlines()), 1)
    has("text", out, "  done  1  com.shipmondo.orders.status_update")
    eq("later", shops.hookdir("history", "--since", "2099-01-01")[1], "")
    follower = subprocess.Popen(
        [TOOL, "history", "--follow", "--json", "b"],
        stdout=subprocess.PIPE,
        env={**clean_environment(), "HOOKDIR_SPOOLS": shops.path})
    try:
        deadline = time.monotonic() + 60
        order = 100
        # It may not look yet when the first of these come.
        os.set_blocking(follower.stdout.fileno(), False)
        text = b""
        while b'"10' not in text and time.monotonic() < deadline:
            order += 1
            shops.put("b", str(order))
            time.sleep(0.3)
            text += follower.stdout.read() or b""
        has("what followed", text, b'"reference":"10')
    finally:
        follower.kill()
        follower.wait()
        follower.stdout.close()


@test("expire removes old files of the history, 90 days without an option")
def _():
    shops = Shops("shop")
    place = shops.spool().path + "/history/"
    today = shops.spool().names("history")
    old, older = (time.strftime("%Y-%m-%d", time.gmtime(
        time.time() - days * 86400)) for days in (80, 100))
    for name in (f"{old}.in.jsonl", f"{older}.in.jsonl",
                 f"{older}.out.jsonl", f"{older}.refused", "2001-01-01.mine"):
        with open(place + name, "w", encoding="ascii"):
            pass
    args = ("expire", "--older-than", "30d", "shop")
    has("dry", shops.hookdir(*args, "--dry-run")[1],
        "3 files of the history to be removed")
    has("done", shops.hookdir(*args)[1], "3 files of the history removed")
    eq("left", shops.spool().names("history"),
       sorted(["2001-01-01.mine", f"{old}.in.jsonl", *today]))
    shops.hookdir(*args, "--history", "1d")
    eq("left", shops.spool().names("history"),
       sorted(["2001-01-01.mine", *today]))


@test("two users over a midnight write two files each")
def _():
    needs_root()
    fake = shutil.which("faketime") or skip("no faketime")
    users = [pwd.getpwnam(name) for name in ("daemon", "nobody")]
    path = os.path.join(new_place(0o711), "spool")
    group = users[0].pw_gid
    os.mkdir(path)
    os.chown(path, users[0].pw_uid, group)
    os.chmod(path, 0o2770)

    def become(user):
        return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={group}",
                "--clear-groups", "sh", "-c", 'umask 007; exec "$@"', "sh"]

    def consume(when, who):
        return subprocess.run(
            [*become(who), fake, when, TOOL, "run", path, "--", "true"],
            check=False, capture_output=True, env=clean_environment())

    for when in ("2026-11-20 23:55:00", "2026-11-21 00:00:01"):
        cgi = Cgi(wrapper=[*become(users[0]), fake, when])
        eq("answer", cgi.request(b'{"reference":"9"}',
                                 **endpoint(path)).status, 200)
        done = consume(when, users[1])
        eq(f"run: {done.stderr}", (done.returncode, done.stderr), (0, b""))
    spool = Spool(path)
    want = {f"2026-11-{day}.{side}.jsonl": user.pw_uid
            for day in (20, 21)
            for side, user in zip(("in", "out"), users)}
    got = {name: os.stat(f"{path}/history/{name}")
           for name in spool.names("history")}
    eq("owners", {name: st.st_uid for name, st in got.items()}, want)
    eq("modes", {oct(st.st_mode & 0o7777) for st in got.values()}, {"0o660"})
    eq("groups", {st.st_gid for st in got.values()}, {group})
    eq("folder", oct(os.stat(path + "/history").st_mode & 0o7777), "0o2770")
    eq("events", [line["event"] for line in spool.history("out")],
       ["done", "done"])
    # An operator as root makes the first file of a day: nobody is locked out.
    shutil.rmtree(path + "/history")
    Cgi(wrapper=become(users[0])).request(b"{}", **endpoint(path))
    subprocess.run(["sh", "-c", 'umask 022; exec "$@"', "sh", TOOL, "hold",
                    "--all", path], check=True, capture_output=True,
                   env=clean_environment())
    subprocess.run([TOOL, "release", "--all", path], check=True,
                   capture_output=True, env=clean_environment())
    done = subprocess.run([*become(users[1]), TOOL, "run", path, "--",
                           "true"], check=False, capture_output=True,
                          env=clean_environment())
    eq("run after root", (done.returncode, done.stderr), (0, b""))
    eq("events", [line["event"] for line in spool.history("out")],
       ["held", "released", "done"])


if __name__ == "__main__":
    main()

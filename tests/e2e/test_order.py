# SPDX-License-Identifier: MIT
"""test_order - hookdir run --in-order and --latest

A command can say what it likes, be killed or not be there: what is checked
is the order in which commands were begun and succeeded, as they themselves
wrote it down. HOOKDIR_SEED repeats a choice.
"""

import fcntl
import json
import os
import random
import signal
import time

from harness import eq, fail, main, ok, read, root_file, test, wait_for
from spools import DONE, Parts, Work, alive, processes_of

SEED = int(os.environ.get("HOOKDIR_SEED", random.randrange(1 << 30)))
ORDERS = "com.shipmondo.orders.status_update"
SHIPMENTS = "com.shipmondo.shipments.create"

# Says that it has begun; fails in a way that the message's id, and how often
# it was begun, decide; then says that it is done. One write a line.
UNSTEADY = r"""
echo "begin $CE_SUBJECT $CE_ID $$" >>ran
n=$(grep -c "^begin $CE_SUBJECT $CE_ID " ran)
case $(( (${CE_ID#e} * 7 + n * 3) % 11 )) in
0) exit 1 ;;
1) exit 75 ;;
2) [ "$n" -gt 1 ] || exit 65 ;;
3) kill -KILL $$ ;;
4) sleep 0.01; exit 70 ;;
esac
echo "end $CE_SUBJECT $CE_ID $$" >>ran
"""


class Story:
    """What the commands wrote, by subject: (what, number of the message)"""

    def __init__(self, work):
        self.subjects = {}
        for line in work.lines("ran"):
            what, subject, name, _ = line.split()
            self.subjects.setdefault(subject, []).append((what, int(name[1:])))

    def ends(self, subject):
        return [number for what, number in self.subjects[subject]
                if what == "end"]

    def check_order(self, dead=()):
        """After the first end, or the death, of one its turn is over; before
        that no newer one is begun."""
        for subject, lines in self.subjects.items():
            over = set()
            seen = []
            for what, number in lines:
                if number not in seen:
                    # All that were begun before it are through.
                    for older in seen:
                        if older not in over and older not in dead:
                            fail(f"{number} of {subject} was begun while "
                                 f"{older} was waiting: {lines}")
                    if seen and number < max(seen):
                        fail(f"{number} of {subject} was begun after a newer "
                             f"one: {lines}")
                    seen.append(number)
                elif number != seen[-1]:
                    fail(f"{number} of {subject} was begun again after a "
                         f"newer one: {lines}")
                if what == "end":
                    over.add(number)


def dead_letters(work):
    return {int(json.loads(read(work.place("failed", name)))["id"][1:])
            for name in work.names("failed")}


def scattered(work, subjects, each):
    """Messages of so many subjects, not in the order of their subjects"""
    turns = [subject for subject in range(subjects) for _ in range(each)]
    random.shuffle(turns)
    for number, subject in enumerate(turns):
        work.put(subject=str(subject), id=f"e{number}")
    return len(turns)


def start_random():
    print(f"# HOOKDIR_SEED={SEED}", flush=True)
    random.seed(SEED)


# --- in order ---------------------------------------------------------------

@test("--in-order: 40 subjects, commands that fail in every way: none before "
      "an older one", seconds=600)
def _():
    start_random()
    for backoff in ("0:0", "1s:1s"):
        work = Work()
        subjects, each = (40, 10) if backoff == "0:0" else (40, 3)
        count = scattered(work, subjects, each)
        begun = time.monotonic()
        done = work.start("--in-order", "--jobs", "4", "--retries", "50",
                          "--backoff", backoff, "--until-empty", "--quiet",
                          command=work.script(UNSTEADY)).ended(400)
        eq("exit code", done.code, 0)
        dead = dead_letters(work)
        eq("states", work.states(), {**DONE, "failed": len(dead)})
        story = Story(work)
        story.check_order(dead)
        ended = [number for subject in story.subjects
                 for number in story.ends(subject)]
        eq("run to the end, once", sorted(ended),
           sorted(set(range(count)) - dead))
        begins = sum(what == "begin" for lines in story.subjects.values()
                     for what, _ in lines)
        print(f"# figure back-off {backoff}: {count} messages in "
              f"{time.monotonic() - begun:.1f} s, {begins} runs, "
              f"{len(dead)} dead letters", flush=True)


@test("--in-order: a drain leaves what waits behind an older one")
def _():
    work = Work()
    names = [work.put(subject=subject, id=f"e{number}") for number, subject in
             enumerate(("a", "b", "a", "b", "a"))]
    # The first of a is to be tried later, then given up.
    command = work.script('echo "begin $CE_SUBJECT $CE_ID 0" >>ran\n'
                          '[ "$CE_ID" != e0 ]')
    work.run("--in-order", "--backoff", "1h:1h", command=command)
    eq("left", len(work.names("new")), 3)
    eq("run", [line.split()[2] for line in work.lines("ran")],
       ["e0", "e1", "e3"])
    for _ in range(2):  # it goes on waiting
        work.run("--in-order", command=command)
    eq("run", len(work.lines("ran")), 3)
    waiting, = [name for name in work.names("new") if "next=" in name]
    os.rename(work.place("new", waiting), work.place(
        "new", waiting.split(",next")[0] + ",next=1.json"))
    work.run("--in-order", "--retries", "1", command=command)
    eq("run", [line.split()[2] for line in work.lines("ran")][3:],
       ["e0", "e2", "e4"])
    eq("failed", work.names("failed"),
       [names[0].replace(".json", ",tries=2.json")])


@test("--in-order: 75 and a signal hold the others back, 65 does not")
def _():
    for ending, held in (("exit 75", True), ("kill -9 $$", True),
                         ("exit 65", False), ("exit 0", False)):
        work = Work()
        for number in range(3):
            work.put(subject="a", id=f"e{number}")
        work.run("--in-order", "--jobs", "3", command=work.script(
            f'echo "$CE_ID" >>ran; [ "$CE_ID" != e0 ] || {ending}'))
        eq(f"run, {ending}", work.lines("ran"),
           ["e0"] if held else ["e0", "e1", "e2"])


@test("--in-order: same subject of another source, or none, waits for nobody")
def _():
    work = Work()
    others = [("7", "https://b.example/w"), (None, "https://a.example/w"),
              (None, "https://a.example/w"), ("", "https://a.example/w"),
              ("7 ", "https://a.example/w"), ("8", "https://a.example/w"),
              ("7", None), ("https://a.example/w7", "")]
    work.put(subject="7", id="first")
    work.put(subject="7", id="second", type="com.example.things.other")
    others.append(("7", "https://a.example/w"))  # of another kind
    for number, (subject, source) in enumerate(others):
        kind = "com.other.kind" if number == len(others) - 1 else None
        work.put(subject=subject, source=source, id=f"e{number}",
                 **{"type": kind} if kind else {})
    work.put(b"no event at all")
    work.put(b"no event either")
    runner = work.start("--in-order", "--jobs", "20", command=work.script(
        'echo "${CE_ID-none}" >>ran\n'
        '[ "$CE_ID" != first ] || while [ ! -e go ]; do sleep 0.02; done'))
    work.wait_for_line("ran", 1 + len(others) + 2)
    # Its turn comes when the first is done; of its kind, of whatever type.
    ok("the second waits", "second" not in work.lines("ran"))
    eq("others", sorted(work.lines("ran")), sorted(
        ["first", "none", "none", *(f"e{n}" for n in range(len(others)))]))
    work.script("", name="go")
    eq("exit code", runner.ended().code, 0)
    eq("last", work.lines("ran")[-1], "second")
    eq("states", work.states(), DONE)


@test("--in-order: an older one put back has its turn before newer ones")
def _():
    work = Work()
    first = work.put(subject="a", id="e0")
    work.run(command=work.script("exit 65"))
    for number in range(1, 4):
        work.put(subject="a", id=f"e{number}")
    command = work.script(
        'echo "$CE_ID" >>ran\n'
        'while [ ! -e "go-$CE_ID" ]; do sleep 0.02; done')
    runner = work.start("--watch", "--in-order", "--jobs", "4",
                        command=command)
    work.wait_for_line("ran", 1)
    # By now e1 runs; e0 comes next, and e2 after it.
    os.rename(work.place("failed", work.names("failed")[0]),
              work.place("new", first))
    for number in (1, 0, 2, 3):
        work.wait_for_line("ran", len(work.lines("ran")))
        work.script("", name=f"go-e{number}")
        if number == 1:
            work.wait_for_line("ran", 2)
    wait_for(lambda: work.states() == DONE, "end of all")
    eq("exit code", runner.end().code, 0)
    eq("run", work.lines("ran"), ["e1", "e0", "e2", "e3"])


@test("--in-order --type: what is of other types holds nothing back")
def _():
    work = Work()
    work.put(subject="a", id="e0", type="com.example.other")
    work.put(subject="a", id="e1")
    work.run("--in-order", "--type", "*.things.*", command=work.script(
        'echo "$CE_ID" >>ran'))
    eq("run", work.lines("ran"), ["e1"])
    eq("left", len(work.names("new")), 1)


@test("--in-order --watch: as they arrive, with deliveries in between")
def _():
    start_random()
    work = Work()
    runner = work.start("--watch", "--in-order", "--jobs", "4", "--retries",
                        "50", "--backoff", "0:0", "--quiet",
                        command=work.script(UNSTEADY))
    for number in range(300):
        work.put(subject=str(random.randrange(8)), id=f"e{number}")
        if random.random() < 0.3:
            time.sleep(random.random() * 0.01)
    wait_for(lambda: not work.names("new") and not work.names("cur"),
             "end of all", 150)
    eq("exit code", runner.end().code, 0)
    dead = dead_letters(work)
    story = Story(work)
    story.check_order(dead)
    eq("run to the end", sum(len(story.ends(subject))
                             for subject in story.subjects), 300 - len(dead))


@test("two runners that keep order: one works, the other waits or leaves")
def _():
    for option in ("--in-order", "--latest"):
        work = Work()
        for number in range(3):
            work.put(subject=str(number), id=f"e{number}")
        command = work.script('echo "$CE_ID $PPID" >>ran\n'
                              'while [ ! -e go ]; do sleep 0.02; done')
        first = work.start(option, command=command)
        work.wait_for_line("ran")
        for other in ("--in-order", "--latest"):
            work.run(other, "--jobs", "3", command=command)
        eq("begun", len(work.lines("ran")), 1)
        second = work.start(option, "--watch", command=command)
        third = work.start(option, "--until-empty", command=command)
        wait_for(lambda: "waiting for another" in second.text(), "words")
        wait_for(lambda: "waiting for another" in third.text(), "words")
        # One that is killed lets the next one in.
        eq("begun", len(work.lines("ran")), 1)
        pid = first.commands()[0]
        first.kill()
        wait_for(lambda: not alive(pid), "end of the command")
        work.script("", name="go")
        wait_for(lambda: work.states() == DONE, "end of all")
        # The one that waits for arrivals keeps the lock until its end.
        eq("exit code", second.end().code, 0)
        eq("exit code", third.ended().code, 0)
        names = [line.split()[0] for line in work.lines("ran")]
        eq("run", sorted(names), sorted(["e0", "e0", "e1", "e2"]))
        eq("runners", len({line.split()[1] for line in work.lines("ran")}), 2)


@test("a runner that waits for the order ends at SIGTERM")
def _():
    work = Work()
    first = work.start("--watch", "--in-order", command="true")
    wait_for(first.is_idle, "idle runner")
    second = work.start("--watch", "--in-order", command="true")
    wait_for(lambda: "waiting for another" in second.text(), "words")
    eq("exit code", second.end().code, 0)
    eq("exit code", first.end().code, 0)


@test("--in-order: runners killed in the middle and started again",
      seconds=600)
def _():
    start_random()
    work = Work()
    count = scattered(work, 20, 10)
    command = work.script(UNSTEADY.replace(
        'echo "end', 'sleep 0.01; echo "end'))
    options = ("--in-order", "--jobs", "4", "--retries", "9999", "--backoff",
               "0:0", "--until-empty", "--quiet")
    killed = 0
    runner = work.start(*options, command=command)
    for _ in range(40):
        time.sleep(random.random() * 0.1)
        if not runner.alive():
            break
        guard = runner.guard() if random.random() < 0.3 else None
        if guard:
            os.kill(guard, signal.SIGSTOP)
        runner.kill()
        if guard:
            os.kill(guard, signal.SIGKILL)
        killed += 1
        # Half of them begin while the commands are still at their end.
        if random.random() < 0.5:
            wait_for(lambda: not processes_of(work.path), "end of all")
        runner = work.start(*options, command=command)
    eq("exit code", runner.ended().code, 0)
    wait_for(lambda: not processes_of(work.path), "end of all")
    work.run(*options, command=command)
    dead = dead_letters(work)
    eq("states", work.states(), {**DONE, "failed": len(dead)})
    story = Story(work)
    story.check_order(dead)
    ended = {number for subject in story.subjects
             for number in story.ends(subject)}
    eq("run to the end", sorted(ended), sorted(set(range(count)) - dead))
    print(f"# figure {killed} kills, {count} messages", flush=True)


# --- only the latest --------------------------------------------------------

def shipmondo(work, subject, version, number, kind=ORDERS, **more):
    """version: the seconds of updated_at; None leaves it out"""
    inner = {"id": subject}
    if version is not None:
        inner["updated_at"] = f"2026-11-21T18:05:{version:06.3f}+01:00"
    data = json.dumps({"webhook": "w", "data": {**inner, **more}})
    return work.put(data=data.encode(), subject=str(subject), id=f"e{number}",
                    type=kind, sender="shipmondo")


def run_latest(work, *options, text='echo "$CE_ID" >>ran', **how):
    work.run("--latest", "--archive", work.beside("done"), *options,
             command=work.script(text), **how)


def archived(work):
    return sorted(json.loads(read(work.beside(os.path.join("done", name))))
                  ["id"] for name in os.listdir(work.beside("done")))


@test("--latest: the newest by the sender's own time, the others archived")
def _():
    start_random()
    work = Work()
    newest = {}
    versions = list(range(40))
    for subject in range(10):
        random.shuffle(versions)
        for number, version in enumerate(versions[:6]):
            name = f"{subject}{number:02}"
            shipmondo(work, subject, version, name)
            if version >= newest.get(subject, (-1,))[0]:
                newest[subject] = version, f"e{name}"
    run_latest(work, "--jobs", "4")
    eq("run", sorted(work.lines("ran")),
       sorted(name for _, name in newest.values()))
    eq("states", work.states(), DONE)
    eq("archived", len(archived(work)), 60)


@test("--latest: without an archive the superseded ones are removed")
def _():
    work = Work()
    for number in range(5):
        shipmondo(work, 1, number, number)
    work.run("--latest", command=work.script('echo "$CE_ID" >>ran'))
    eq("run", work.lines("ran"), ["e4"])
    eq("states", work.states(), DONE)


@test("--latest: times are compared as times")
def _():
    cases = (
        # The hour that the clock strikes twice
        (["2026-10-25T02:45:00+02:00", "2026-10-25T02:10:00+01:00"], 1),
        (["2026-10-25T02:10:00+01:00", "2026-10-25T02:45:00+02:00"], 0),
        (["2026-11-21T17:05:33.2Z", "2026-11-21T17:05:33.10Z"], 0),
        (["2026-11-21T17:05:33.100Z", "2026-11-21T17:05:33.1Z"], 1),
        (["2026-11-21T17:05:33Z", "2026-11-21T18:05:33+01:00"], 1),
        (["2026-11-21T17:05:33.999999999Z", "2026-11-21T17:05:34Z"], 1),
        # What is no time says nothing: that of arrival, later than both
        (["2026-11-21T17:05:33Z", "yesterday"], 1),
        (["2026-11-21T17:05:33Z", 7], 1),
        # Nor does a time that no clock of a sender can have said
        (["1969-12-31T23:59:59Z", "1960-01-01T00:00:00Z"], 1),
        (["0001-01-01T00:00:00Z", "2026-11-21T17:05:33Z"], 0),
        (["9999-12-31T23:59:59Z", "2026-11-21T17:05:33Z"], 0),
    )
    for times, want in cases:
        work = Work()
        # After every time above
        names = [f"1900000000.M{number:06}P1Q1.shop.json"
                 for number in range(len(times))]
        for number, when in enumerate(times):
            data = json.dumps({"data": {"updated_at": when}}).encode()
            work.put(data=data, name=names[number], id=f"e{number}",
                     sender="shipmondo")
        run_latest(work)
        eq(f"run of {times}", work.lines("ran"), [f"e{want}"])


@test("--latest: no mark drops the message that it was made for")
def _():
    for when in ("0001-01-01T00:00:00Z", "1901-01-01T00:00:00Z",
                 "9999-12-31T23:59:59Z"):
        work = Work()
        data = json.dumps({"data": {"updated_at": when}}).encode()
        work.put(data=data, sender="shipmondo")
        for _ in range(2):
            work.run("--latest", "--backoff", "0:0",
                     command=work.script("exit 75"))
            eq(f"waiting, {when}", len(work.names("new")), 1)
            os.rename(work.place("new", work.names("new")[0]),
                      work.place("new", "a.json"))


@test("--in-order: behind one that cannot be claimed, its group waits")
def _():
    work = Work()
    names = work.fill(3)
    work.put(id="other", subject="8")
    with open(work.place("new", names[0]), "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        work.run("--in-order", command=work.script('echo "$CE_ID" >>ran'))
        eq("run meanwhile", work.lines("ran"), ["other"])
    work.run("--in-order", command=work.script('echo "$CE_ID" >>ran'))
    eq("run", work.lines("ran"), ["other", "e1", "e2", "e3"])


@test("--latest: where the times are equal or missing, the last that arrived")
def _():
    for version in (5, None):
        work = Work()
        for number in range(4):
            shipmondo(work, 1, version, number)
        run_latest(work)
        eq("run", work.lines("ran"), ["e3"])
        eq("archived", archived(work), ["e0", "e1", "e2", "e3"])


def tradecloud(work, member, number, second, **more):
    data = {"eventName": "x", member: {
        "id": "u", "lastUpdatedAt": f"2026-11-21T17:05:{second:02}Z", **more}}
    return work.put(data=json.dumps(data).encode(), subject="u",
                    id=f"e{number}", sender="tradecloud",
                    type="com.tradecloud1.OrderChanged")


@test("--latest: Tradecloud's shipments are whole; of orders and documents "
      "each event is a part, and all are run, in order, which is said once")
def _():
    for member in ("orderEvent", "singleDeliveryOrderEvent",
                   "simpleOrderEvent", "orderDocumentsEvent", "shipment"):
        work = Work()
        for number, second in enumerate((30, 50, 40)):
            tradecloud(work, member, number, second)
        done = work.run("--latest", "--jobs", "3", command=work.script(
            'echo "$CE_ID" >>ran; [ "$CE_ID" != e0 ] || sleep 0.2'))
        whole = member == "shipment"
        eq(f"run, {member}", work.lines("ran"),
           ["e1"] if whole else ["e0", "e1", "e2"])
        eq(f"said, {member}", done.text.count("only a part"), int(not whole))
        eq("states", work.states(), DONE)


@test("an order, its documents and a shipment of one number are three groups")
def _():
    for option in ("--latest", "--in-order"):
        work = Work()
        for number, member in enumerate(("orderEvent", "orderDocumentsEvent",
                                         "shipment")):
            tradecloud(work, member, number, 10 + number)
        for number, topic in enumerate(("shop-update", "app-uninstalled")):
            work.put(data=b'{"id":7}', id=f"s{number}", sender="shopify",
                     type=f"com.shopify.{topic}")
        work.run(option, "--jobs", "5", "--quiet", command=work.script(
            'echo x >>ran\nwhile [ "$(grep -c . ran)" -lt 5 ]; do '
            'sleep 0.02; done'))
        eq(f"states, {option}", work.states(), DONE)


@test("--latest: the monitor's and Stripe's own times")
def _():
    def monitor(second):
        return {"data": {"shipment_id": 7, "current_status_registered_at":
                         f"2026-11-21T18:05:{second}+01:00"}}
    for sender, make in (("shipmondo", monitor),
                         ("stripe", lambda second: {
                             "created": 1795280700 + second,
                             "data": {"object": {"id": "7"}}})):
        work = Work()
        for number, second in enumerate((30, 50, 40)):
            work.put(data=json.dumps(make(second)).encode(), subject="7",
                     id=f"e{number}", sender=sender)
        work.run("--latest", command=work.script('echo "$CE_ID" >>ran'))
        eq(f"run, {sender}", work.lines("ran"), ["e1"])


@test("a signed body under the header of another: a group of its own, which "
      "removes and delays nothing")
def _():
    for option in ("--latest", "--in-order"):
        work = Work()
        shipmondo(work, 1000, 10, 0)
        # Somebody's own order 7, newer, replayed with the other's number
        data = json.dumps({"data": {"id": 7, "updated_at":
                                    "2026-11-21T18:05:50+01:00"}}).encode()
        work.put(data=data, subject="1000", id="e1", sender="shipmondo",
                 type=ORDERS)
        # And one that names nothing at all
        work.put(data=b'{"data":{"updated_at":"2026-11-21T18:05:51+01:00"}}',
                 subject="1000", id="e2", sender="shipmondo", type=ORDERS)
        command = work.script('echo "$CE_ID" >>ran\n'
                              'case $CE_ID in e0) ;; *) exit 75 ;; esac')
        work.run(option, "--jobs", "1", command=command)
        eq(f"run, {option}", work.lines("ran"), ["e0", "e1", "e2"])
        # A true one that is older than the replays is run as well.
        shipmondo(work, 1000, 20, 3)
        work.run(option, "--backoff", "1h:1h", command=work.script(
            'echo "$CE_ID" >>ran2'))
        eq(f"run, {option}", work.lines("ran2"), ["e3"])


@test("CE_SEEN: the version that was done last of that group")
def _():
    for option in ("--latest", "--in-order"):
        work = Work()
        command = work.script('echo "$CE_ID ${CE_SEEN-none}" >>ran\n'
                              '[ "$CE_ID" != e1 ]')
        for number, second in enumerate((10, 20, 30)):
            shipmondo(work, 1, second, number)
            shipmondo(work, 2, second + 1, number + 10)
            work.run(option, "--retries", "0", command=command)
        eq(f"told, {option}", [line for line in work.lines("ran")
                               if len(line.split()[0]) == 2],
           ["e0 none", "e1 2026-11-21T17:05:10.000000Z",
            "e2 2026-11-21T17:05:10.000000Z"])
        eq(f"told, {option}", work.lines("ran")[-1].split()[1],
           "2026-11-21T17:05:21.000000Z")


@test("tradecloud-lines.sh: the lines that are new since CE_SEEN")
def _():
    work = Work()
    sample = root_file("tools", "samples", "tradecloud-lines.sh")

    def put(number, minute, lines):
        tradecloud(work, "orderEvent", number, 0, orderId="u",
                   lastUpdatedAt=f"2026-11-21T17:{minute}:00Z",
                   lines=[{"id": name, "lastUpdatedAt":
                           f"2026-11-21T17:{when}Z"} for name, when in lines])

    put(0, "05", [("a", "05:00"), ("b", "05:00")])
    put(1, "07", [("a", "05:00"), ("b", "06:59.5"), ("c", "07:00")])
    put(2, "06", [("d", "06:00")])  # came late
    put(3, "08", [("c", "07:00"), ("e", "08:00")])
    work.put(subject="u", id="other", sender="tradecloud")
    work.run("--in-order", command=[sample, work.beside("lines")])
    eq("lines", [json.loads(line)["line"]["id"]
                 for line in work.lines("lines")],
       ["a", "b", "b", "c", "d", "c", "e"])
    eq("states", work.states(), {**DONE, "failed": 1})


@test("a run by order says once that messages have no subject")
def _():
    for option, said in (("--in-order", 1), ("--latest", 1), ("--jobs=2", 0)):
        work = Work()
        for number in range(3):
            work.put(subject=None, id=f"e{number}")
        done = work.run(option, command="true")
        eq(f"said, {option}", done.text.count("has no subject"), said)


@test("a group of 20,000 costs what 20,000 groups cost, and delays no others",
      seconds=300)
def _():
    work = Work()
    for number in range(20000):
        shipmondo(work, 1, number % 50, number)
    for option in ("--in-order", "--latest"):
        runner = work.start("--watch", option, "--jobs", "2", "--backoff",
                            "1s:1s", command=work.script(
            'case $CE_SUBJECT in 1) [ -e begun ] || : >begun; exit 75 ;; esac'
            '\necho "$CE_ID" >>fresh'))
        wait_for(lambda: os.path.exists(work.beside("begun")), "first", 60)
        # The fresh ones do not wait for what is being read or dropped.
        for number in range(5):
            shipmondo(work, 2 + number, 10, f"fresh{option}{number}")
            time.sleep(0.3)
        wait_for(lambda: len(work.lines("fresh")) == 5, "the fresh ones", 60)
        with open(f"/proc/{runner.pid}/stat", encoding="ascii") as file:
            ticks = sum(map(int, file.read().split()[13:15]))
        eq("exit code", runner.end().code, 0)
        # Tens of seconds where the cost grows with the square.
        ok(f"{ticks} ticks of a CPU, {option}", ticks < 800)
        os.unlink(work.beside("begun"))
        os.unlink(work.beside("fresh"))


@test("--latest: an order and a shipment of one number are two things; a "
      "message without subject is one by itself")
def _():
    work = Work()
    shipmondo(work, 5, 10, 0)
    shipmondo(work, 5, 20, 1, SHIPMENTS)
    shipmondo(work, 5, 30, 2, "com.shipmondo.orders.cancel")
    shipmondo(work, 5, 15, 3, "com.shipmondo.shipments.cancel")
    for number in (4, 5):
        work.put(subject=None, id=f"e{number}")
    work.put(subject="5", id="e6", source="https://other.example/",
             type=ORDERS)
    run_latest(work)
    eq("run", sorted(work.lines("ran")), ["e1", "e2", "e4", "e5", "e6"])
    eq("archived", len(archived(work)), 7)


@test("--latest: an older one that comes after the newer was run is archived, "
      "not run")
def _():
    work = Work()
    shipmondo(work, 1, 30, 0)
    run_latest(work)
    shipmondo(work, 1, 20, 1)
    shipmondo(work, 2, 20, 2)
    run_latest(work)
    shipmondo(work, 1, 29.999, 3)
    shipmondo(work, 1, 30, 4)  # not older
    shipmondo(work, 1, 30.001, 5)
    run_latest(work)
    eq("run", work.lines("ran"), ["e0", "e2", "e5"])
    shipmondo(work, 1, 30, 6)
    run_latest(work)
    eq("run", work.lines("ran"), ["e0", "e2", "e5"])
    eq("archived", archived(work), [f"e{n}" for n in range(7)])
    eq("states", work.states(), DONE)


@test("--latest: a newest that fails waits, keeps older ones back, and is "
      "superseded by a newer one")
def _():
    work = Work()
    shipmondo(work, 1, 10, 0)
    shipmondo(work, 1, 20, 1)
    run_latest(work, "--backoff", "1h:1h", text='echo "$CE_ID" >>ran; exit 1')
    eq("waiting", Parts(work.names("new")[0]).tries, 1)
    shipmondo(work, 1, 15, 2)
    run_latest(work)
    eq("run", work.lines("ran"), ["e1"])
    shipmondo(work, 1, 25, 3)
    run_latest(work)
    eq("run", work.lines("ran"), ["e1", "e3"])
    eq("archived", archived(work), ["e0", "e1", "e2", "e3"])
    eq("states", work.states("log"), {**DONE, "log": 0})


@test("--latest: given up is run, too: no older one comes after it")
def _():
    work = Work()
    shipmondo(work, 1, 20, 0)
    run_latest(work, text='echo "$CE_ID" >>ran; exit 65')
    shipmondo(work, 1, 10, 1)
    run_latest(work)
    eq("run", work.lines("ran"), ["e0"])
    # Put back, it is no older than itself.
    name, = work.names("failed")
    os.rename(work.place("failed", name), work.place(
        "new", Parts(name).base + ".json"))
    run_latest(work)
    eq("run", work.lines("ran"), ["e0", "e0"])
    eq("states", work.states(), DONE)


# Locked while it runs: two of one subject would show.
ALONE = r"""
mkdir "lock-$CE_SUBJECT" || echo "twice $CE_SUBJECT" >>wrong
echo "$CE_SUBJECT $CE_ID" >>ran
sleep 0.00$(( ${CE_ID#e} % 9 ))
rmdir "lock-$CE_SUBJECT"
[ $(( ${CE_ID#e} % 5 )) != 0 ]
"""


@test("--latest --watch: under arrivals in any order never an older after a "
      "newer, never two of one at a time, and the newest is run", seconds=600)
def _():
    start_random()
    for restarts in (False, True):
        work = Work()
        command = work.script(ALONE)
        options = ("--watch", "--latest", "--jobs", "4", "--retries", "99",
                   "--backoff", "0:0", "--quiet", "--archive",
                   work.beside("done"))
        runner = work.start(*options, command=command)
        versions, newest = {}, {}
        for number in range(400):
            subject = random.randrange(10)
            version = random.randrange(60000) / 1000
            newer = version >= newest.get(subject, (-1,))[0]
            if newer and number % 5 == 0:
                # One that never succeeds: the newest has to.
                newer, version = False, newest.get(subject, (0,))[0] / 2
            if newer:
                newest[subject] = version, f"e{number}"
            versions[f"e{number}"] = version
            shipmondo(work, subject, version, number)
            if random.random() < 0.5:
                time.sleep(random.random() * 0.02)
            if restarts and number % 80 == 79:
                runner.kill()
                wait_for(lambda: not processes_of(work.path), "end of all")
                for name in os.listdir(work.dir):
                    if name.startswith("lock-"):
                        os.rmdir(work.beside(name))
                runner = work.start(*options, command=command)
        wait_for(lambda: not work.names("new") and not work.names("cur"),
                 "end of all", 200)
        eq("exit code", runner.end().code, 0)
        eq("two at a time", work.lines("wrong"), [])
        last = {}
        for line in work.lines("ran"):
            subject, name = line.split()
            if versions[name] < versions.get(last.get(subject), -1):
                fail(f"{name} was run after {last[subject]}, which is newer")
            last[subject] = name
        eq("run last", last, {str(subject): name for subject, (_, name)
                              in newest.items()})
        runs = len(work.lines("ran"))
        print(f"# figure 400 arrivals about 10 things: {runs} runs",
              flush=True)


@test("--latest --watch: a group that is done while an older time of it is "
      "waited for")
def _():
    work = Work()
    command = work.script("""
echo "$CE_ID" >>ran
case $CE_ID in
a) exit 1 ;;
b) [ "$(grep -c '^b$' ran)" -gt 1 ] || exit 1 ;;
esac""")
    # It fails for the third time, and is next due in four seconds.
    work.put(name="1795292701.M000001P1Q1.shop,tries=2.json", id="a")
    runner = work.start("--latest", "--watch", "--backoff", "1s:60s",
                        command=command)
    work.wait_for_line("ran", 1)
    due = time.time() + 5
    # A newer one, due in a second; then the group has nothing more.
    work.put(id="b")
    eq("runs", work.wait_for_line("ran", 3), ["a", "b", "b"])
    # What was freed gets other contents.
    while time.time() < due:
        count = len(work.lines("ran"))
        work.put(id="c", subject=f"s{count}")
        work.wait_for_line("ran", count + 1)
        time.sleep(0.2)
    ok("it lives", runner.alive())
    eq("states", work.states(), DONE)
    eq("exit code", runner.end().code, 0)


@test("--latest: what it has run is remembered in latest/, which may be "
      "removed")
def _():
    work = Work()
    shipmondo(work, 1, 20, 0)
    run_latest(work)
    names = sorted(work.names("latest"))
    eq("files", names, [names[0], names[0] + ".seen"])
    for name in names:
        eq("length", os.stat(work.place("latest", name)).st_size, 0)
    for name in work.names("latest"):
        os.unlink(work.place("latest", name))
    os.rmdir(work.place("latest"))
    shipmondo(work, 1, 10, 1)
    run_latest(work)
    eq("run", work.lines("ran"), ["e0", "e1"])


@test("--latest: a spool that cannot remember runs nothing and loses nothing")
def _():
    work = Work()
    name = shipmondo(work, 1, 20, 0)
    with open(work.place("latest"), "wb"):
        pass
    done = work.start("--latest", command=work.script("echo x >>ran")).ended()
    ok(f"exit code {done.code}", done.code)
    eq("new", work.names("new"), [name])
    eq("runs", work.lines("ran"), [])


@test("broken times and large messages neither stop it nor are lost")
def _():
    work = Work()
    texts = [b"", b"{", b"[]", b'"x"', b"\xff", b"{}",
             b'{"subject":"1","data":{"data":{"updated_at":{}}}}',
             b'{"subject":"1","sender":"shipmondo","data":7}',
             b'{"subject":"1","sender":"unknown","data":{}}',
             b'{"subject":"1","sender":"shipmondo","data":{"data":'
             b'{"updated_at":"9999-12-31T23:59:59Z"}}}',
             b'{"subject":"1","data":' + b"[" * 3000 + b"]" * 3000 + b"}",
             b'{"subject":"1","data":"' + b"x" * (20 << 20) + b'"}',
             b'{"subject":"' + b"x" * (3 << 20) + b'","data":1}']
    for option in ("--in-order", "--latest"):
        for text in texts:
            work.put(text)
        work.run(option, command="true")
        eq(f"states after {option}", work.states(), DONE)


if __name__ == "__main__":
    main()

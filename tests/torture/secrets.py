# SPDX-License-Identifier: MIT
"""secrets - keys, passwords, tokens and payloads are where they belong only

Every secret of a run is made up for it, and so is a word in each payload.
After calls of all senders and all ways in, good ones, wrong ones and such
that meet a fault, they are searched for: in logs, answers and spools, in the
command lines and environments of all processes that the programs started, in
temporary folders, and in cores. As they are, in hexadecimal, in base64
wherever it begins, and percent-encoded.

  secret         nowhere but in the configuration that has it
  access token   only in the answer that hands it out
  payload word   only in the file of its message

What libfcgi and the C library leave in the memory of the handler when a
request is over is counted and not judged: it is nobody's but root's to see,
and that is judged. The controls are handlers and tools that do tell.

It needs root, nginx and Apache.
"""

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
# Else this file would be what the standard library calls secrets.
sys.path = [path for path in sys.path if os.path.abspath(path or ".") != HERE]
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
# pylint: disable=wrong-import-position
import harness  # noqa: E402
import senders  # noqa: E402
import shipmondo  # noqa: E402
from fcgiclient import new_place  # noqa: E402
from harness import (FCGI, Apache, Cgi, Handler, Spool,  # noqa: E402
                     clean_environment, eq, has, main, ok,
                     test, wait_for, write)
from senders import KINDS, SAMPLES, basic, bearer  # noqa: E402
from spools import TOOL, Work  # noqa: E402
from variant import variant  # noqa: E402

USER = "www-data"


def figure(what, value, target):
    print(f"# figure secrets | {what} | {value} | {target}", flush=True)


# --- canaries ---------------------------------------------------------------

def word():
    """32 characters that occur nowhere else"""
    return os.urandom(16).hex()


KNOWN = {}  # name: text


def canary(name, text=None):
    KNOWN[name] = text or word()
    return KNOWN[name]


def whsec(name):
    """Of such a key the bytes are a secret as well as their base64."""
    raw = word()
    canary(name + ", bytes", raw)
    return canary(name, "whsec_" + base64.b64encode(raw.encode()).decode())


KEY, OLD, WRONG = (canary(f"{name} key of shipmondo")
                   for name in ("current", "previous", "wrong"))
STANDARD = [whsec("current key of standard"),
            whsec("previous key of standard")]
GITHUB = [canary("current key of github"), canary("previous key of github")]
SHOPIFY = [canary("current key of shopify"), canary("previous key of shopify")]
STRIPE = [canary("current key of stripe"), canary("previous key of stripe")]
TOKENS = [canary("bearer token"), canary("previous bearer token")]
PASSWORDS = [canary("password"), canary("previous password")]
USERS = [("one", PASSWORDS[0]), ("two", PASSWORDS[1])]
NSHIFT = [canary("secret of nshift"), canary("previous secret of nshift")]
CLIENT = [canary("client secret"), canary("previous client secret")]
TOKEN_KEYS = [canary("token key"), canary("previous token key")]
GUESS = canary("wrong password, token and secret")
MISSPELT = canary("value of a misspelt parameter")
API_PASSWORD = canary("password of the API")

# Headers that carry secrets, whatever a receiver makes of them
OWN_HEADER = "X-Own-Place"
SECRET_HEADERS = [(name, canary(f"header {name}")) for name in (
    "X-Gitlab-Token", "Token", "X-Telegram-Bot-Api-Secret-Token",
    "X-Shared-Secret", "Secret", "X-Api-Key", "Api-Key", "Apikey",
    "X-Auth-Key", "X-Access-Key", "X-Password", "X-Auth",
    "X-Forwarded-Authorization", "X-Forwarded-Access-Token",
    "Cf-Access-Jwt-Assertion", "X-Credentials", "Cookie",
    "Proxy-Authorization", "Authorization")]
SECRET_HEADERS_AND_OWN = SECRET_HEADERS + [
    (OWN_HEADER, canary("header of HOOKDIR_SECRET_HEADERS"))]

SECRETS = {
    "tradecloud-bearer.conf": TOKENS, "tradecloud.htpasswd": USERS,
    "nshift.conf": NSHIFT, "standard.conf": STANDARD, "github.conf": GITHUB,
    "shopify.conf": SHOPIFY, "stripe.conf": STRIPE,
    "oauth-client.conf": {"HOOKDIR_CLIENT_ID": ["shop"],
                          "HOOKDIR_CLIENT_SECRET": CLIENT},
    "oauth-key.conf": {"HOOKDIR_TOKEN_KEY": TOKEN_KEYS},
}


def shapes(text):
    """How it could be written; base64 by the part that does not depend on
    what stands before and after"""
    raw = text.encode()
    found = {raw, raw.hex().encode(), raw.hex().upper().encode(),
             urllib.parse.quote(text, safe="").encode(),
             json.dumps(text).encode()[1:-1]}
    for shift in range(3):
        part = raw[(3 - shift) % 3:]
        part = base64.b64encode(part[:len(part) // 3 * 3])
        found |= {part, part.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


def needles():
    return {shape: name for name, text in KNOWN.items()
            for shape in shapes(text)}


def search(data, wanted=None):
    """The names of the canaries in it"""
    data = data if isinstance(data, bytes) else data.encode(
        "utf-8", "surrogateescape")
    return {name for shape, name in (wanted or needles()).items()
            if shape in data}


def files_below(path):
    for place, _, names in os.walk(path):
        for name in names:
            full = os.path.join(place, name)
            if os.path.isfile(full) and not os.path.islink(full):
                yield full


# --- what is done -----------------------------------------------------------

class Run:
    """Calls, and where things turned up that do not belong there"""

    def __init__(self):
        self.found = []
        self.words = {}  # payload word: SHA-256 of ... where it may stand
        self.answers = []
        self.statuses = {}
        self.places = 0

    def payload(self):
        made = word()
        self.words[made] = None
        return senders.compact({"n": len(self.words), "word": made})

    def answered(self, got, token=False):
        self.statuses[got.status] = self.statuses.get(got.status, 0) + 1
        head = "\n".join(f"{name}: {value}" for name, value in got.headers)
        self.answers.append((head.encode("utf-8", "surrogateescape"),
                             b"" if token else got.body, got.error))
        if token and got.status == 200:
            made = got.json()["access_token"]
            canary(f"access token {len(KNOWN)}", made)
            # By itself, too: its signature is what makes it one.
            canary(f"signature of token {len(KNOWN)}", made.split(".")[2])
            return made
        return got

    def look(self, where, data):
        self.places += 1
        found = search(data)
        found |= {"a payload" for one in self.words
                  for shape in shapes(one) if shape in (
                      data if isinstance(data, bytes) else data.encode(
                          "utf-8", "surrogateescape"))}
        self.found += [f"{name} in {where}" for name in found]

    def look_at_answers(self):
        for number, (head, body, error) in enumerate(self.answers):
            self.look(f"answer {number}", head + b"\n" + body
                      + error.encode("utf-8", "surrogateescape"))

    def look_at_spools(self, path):
        """No secrets; each payload in one file at most, which may have
        several names"""
        wanted = needles()
        where = {one: set() for one in self.words}
        for full in files_below(path):
            self.places += 1
            with open(full, "rb") as file:
                data = full.encode() + b"\n" + file.read()
            self.found += [f"{name} in {full}"
                           for name in search(data, wanted)]
            for one in self.words:
                if any(shape in data for shape in shapes(one)):
                    where[one].add(os.stat(full).st_ino)
        for one, inodes in where.items():
            if len(inodes) > 1:
                self.found.append(f"a payload in {len(inodes)} files")
        return sum(bool(inodes) for inodes in where.values())

    def look_below(self, path, but=()):
        for full in files_below(path):
            if not any(full.startswith(other) for other in but):
                with contextlib.suppress(OSError), open(full, "rb") as file:
                    self.look(full, full.encode() + b"\n" + file.read())

    def check(self, what, least):
        figure(f"{what}: places searched", self.places, f"{least} or more")
        figure(f"{what}: canaries found", len(self.found), "0")
        eq(f"{what}: found", self.found[:8], [])
        ok(f"{what}: {self.places} places", self.places >= least)


def calls(run):
    """(path, sender, key, body, headers) of all who sign"""
    for key in (KEY, OLD, WRONG):
        for form in (shipmondo.form_a, shipmondo.form_b):
            yield ("/webhook/shipmondo", "shipmondo", [KEY, OLD],
                   shipmondo.body(form(run.payload()), key),
                   [*shipmondo.HEADERS, *SECRET_HEADERS])
    yield ("/webhook/shipmondo", "shipmondo", [KEY, OLD],
           b'{"data":"' + run.payload().hex().encode() + b'"}', [])
    yield "/webhook/shipmondo", "shipmondo", [KEY, OLD], run.payload(), []
    for sender, path, keys, sign in (
            ("standard-webhooks", "standard", STANDARD, senders.standard),
            ("github", "github", GITHUB, senders.github),
            ("shopify", "shopify", SHOPIFY, senders.shopify),
            ("stripe", "stripe", STRIPE, senders.stripe)):
        for key in (*keys, "whsec_" + base64.b64encode(
                GUESS.encode()).decode()):
            body = run.payload()
            yield (f"/webhook/{path}", sender, keys, body,
                   [*sign(body, key), *SECRET_HEADERS])
        yield f"/webhook/{path}", sender, keys, run.payload(), []


class Endpoint:
    """What the handler is asked to do without a web server"""

    def __init__(self, way, spools):
        self.way = way
        self.spools = spools

    def send(self, run, path, body, headers=(), token=False, **params):
        name = path.strip("/").replace("/", "-")
        params.setdefault("HOOKDIR_SPOOL", os.path.join(self.spools, name))
        got = self.way.request(body, path=path, headers=headers, **params)
        return run.answered(got, token)


GRANT = b"grant_type=client_credentials"
OAUTH = {"HOOKDIR_ISSUER": senders.ISSUER,
         "HOOKDIR_AUDIENCE": senders.AUDIENCE,
         "HOOKDIR_TOKEN_KEY": TOKEN_KEYS[0],
         "HOOKDIR_TOKEN_KEY_PREVIOUS": TOKEN_KEYS[1]}
ISSUER = {**OAUTH, "HOOKDIR_ROLE": "token", "HOOKDIR_SPOOL": None,
          "HOOKDIR_CLIENT_ID": "shop", "HOOKDIR_CLIENT_SECRET": CLIENT[0],
          "HOOKDIR_CLIENT_SECRET_PREVIOUS": CLIENT[1],
          "CONTENT_TYPE": "application/x-www-form-urlencoded"}


def form(secret):
    return GRANT + f"&client_id=shop&client_secret={secret}".encode()


def direct_traffic(run, way, spools):
    """Everything, to the handler itself"""
    end = Endpoint(way, spools)
    for path, sender, keys, body, headers in calls(run):
        signed = {"HOOKDIR_SENDER": sender, "HOOKDIR_KEY": keys[0],
                  "HOOKDIR_KEY_PREVIOUS": keys[1]}
        end.send(run, path, body, headers, **signed)
        # By the rules of another sender it goes to quarantine/.
        for params in (signed, {**signed, "HOOKDIR_SENDER": "stripe"}):
            end.send(run, path + "/own", run.payload(),
                     [*headers, *SECRET_HEADERS_AND_OWN],
                     HOOKDIR_SECRET_HEADERS=f"{OWN_HEADER} X-None", **params)
    body = run.payload()
    for _ in range(2):
        end.send(run, "/dedup", body, senders.github(body, GITHUB[0]),
                 HOOKDIR_DEDUP=60, HOOKDIR_SENDER="github",
                 HOOKDIR_KEY=GITHUB[0])
    # Tokens
    made = [end.send(run, "/token", GRANT, [basic("shop", secret)],
                     token=True, **ISSUER) for secret in CLIENT]
    made.append(end.send(run, "/token", form(CLIENT[0]), token=True,
                         **ISSUER))
    for wrong in (form(GUESS), form("")):
        end.send(run, "/token", wrong, **ISSUER)
    end.send(run, "/token", GRANT, [basic("shop", GUESS)], **ISSUER)
    for token in (*made, made[0][:-2] + "AA", GUESS):
        end.send(run, "/oauth", run.payload(), [bearer(token)],
                 HOOKDIR_AUTH="token", **OAUTH)
    end.send(run, "/basic", run.payload(), [basic(*USERS[0])],
             REMOTE_USER="one")
    end.send(run, "/basic", run.payload(), [basic("one", GUESS)])
    # Faults of ours
    body = run.payload()
    wrong = {
        "no key": {"HOOKDIR_SENDER": "shipmondo"},
        "not signed": {"HOOKDIR_KEY": KEY},
        "odd key": {"HOOKDIR_SENDER": "standard-webhooks",
                    "HOOKDIR_KEY": "whsec_" + MISSPELT + "!"},
        "misspelt": {"HOOKDIR_SENDER": "github", "HOOKDIR_KEY": GITHUB[0],
                     "HOOKDIR_KEYS": MISSPELT},
        "only previous": {"HOOKDIR_SENDER": "github",
                          "HOOKDIR_KEY_PREVIOUS": GITHUB[1]},
        "no parent": {"HOOKDIR_SENDER": "github", "HOOKDIR_KEY": GITHUB[0],
                      "HOOKDIR_SPOOL": "/nowhere/at/all"},
        "full": {"HOOKDIR_SENDER": "github", "HOOKDIR_KEY": GITHUB[0],
                 "HOOKDIR_SPOOL": "/proc/spool"},
        "too large": {"HOOKDIR_SENDER": "github", "HOOKDIR_KEY": GITHUB[0],
                      "HOOKDIR_MAX_BODY": 10},
        "cut short": {"HOOKDIR_SENDER": "github", "HOOKDIR_KEY": GITHUB[0],
                      "CONTENT_LENGTH": len(body) + 5},
        "odd length": {"HOOKDIR_SENDER": "github", "HOOKDIR_KEY": GITHUB[0],
                       "CONTENT_LENGTH": "x"},
    }
    for params in wrong.values():
        end.send(run, "/wrong", body, senders.github(body, GITHUB[0]),
                 **params)
    end.send(run, "/wrong", b"", [bearer(TOKENS[0])], method="GET",
             HOOKDIR_SENDER="github", HOOKDIR_KEY=GITHUB[0])


def web_traffic(run, web, vhost):
    def post(site, path, body, headers=(), **options):
        return run.answered(site.post(path, body, headers, **options))

    for path, _, _, body, headers in calls(run):
        post(web, path, body, headers)
    for header in (bearer(TOKENS[0]), bearer(TOKENS[1]), bearer(GUESS),
                   basic(*USERS[0]), basic(*USERS[1]), basic("one", GUESS)):
        post(web, "/webhook/tradecloud", run.payload(), [header])
        run.answered(web.request("/webhook/tradecloud/order?orderId=7",
                                 headers=[header]))
    for secret in (*NSHIFT, GUESS):
        for event in ("order.created", "nonsense"):
            post(web, f"/webhook/nshift/{secret}/{event}", run.payload())
    tokens = [run.answered(web.post(
        "/oauth2/token", GRANT, [
            ("Content-Type", "application/x-www-form-urlencoded"),
            basic("shop", secret)]), token=True) for secret in CLIENT]
    for secret in (CLIENT[0], GUESS):
        got = web.post("/oauth2/token", form(secret), [
            ("Content-Type", "application/x-www-form-urlencoded")])
        run.answered(got, token=got.status == 200)
    for token in (*tokens, tokens[0][:-2] + "AA", GUESS):
        post(web, "/webhook/oauth/tradecloud", run.payload(),
             [bearer(token)])
    for name in ("/odd-key", "/misspelt"):
        body = run.payload()
        post(web, name, body, senders.github(body, GITHUB[0]))
    for token in (*TOKENS, GUESS):
        post(vhost, "/webhook/bearer", run.payload(), [bearer(token)])
    for user in (*USERS, ("one", GUESS), ("none", GUESS)):
        post(vhost, "/webhook/basic", run.payload(), [basic(*user)])
    for key in (KEY, WRONG):
        post(vhost, "/webhook/shipmondo",
             shipmondo.body(shipmondo.form_b(run.payload()), key))
    # Nobody is there
    web.handler.down()
    for path, _, _, body, headers in calls(run):
        post(web, path, body, headers)
    post(web, f"/webhook/nshift/{NSHIFT[0]}/order.created", run.payload())
    post(web, "/webhook/tradecloud", run.payload(), [bearer(TOKENS[0])])
    post(web, "/oauth2/token", form(CLIENT[0]), [
        ("Content-Type", "application/x-www-form-urlencoded")])
    web.handler.up()


def handler_with(program, **options):
    made = Handler(start=False, **options)
    made.command = [*options.get("wrapper", ()), program]
    made.start()
    return made


ENDPOINTS = {
    "/odd-key": {"HOOKDIR_SENDER": "standard-webhooks",
                 "HOOKDIR_KEY": "whsec_" + MISSPELT + "!"},
    "/misspelt": {"HOOKDIR_SENDER": "github", "HOOKDIR_KEY": GITHUB[0],
                  "HOOKDIR_KEYS": MISSPELT},
}

for _kind in KINDS:
    @test(f"{_kind}: all samples, and no canary where it does not belong")
    def _(kind=_kind):
        run = Run()
        with Sampler() as sampler, Handler() as handler, KINDS[kind](
                handler, "hookdir.conf", also=SAMPLES, keys=[KEY, OLD],
                secrets=SECRETS, endpoints=ENDPOINTS) as web, KINDS[kind](
                    handler, keys=[KEY, OLD], passwords=USERS,
                    tokens=TOKENS) as vhost:
            write(web.jwks, '{"keys":[]}', 0o644)
            web_traffic(run, web, vhost)
            eq("children of the handler", handler.children(), set())
            for site in (web, vhost):
                run.look(f"the logs of {kind}", site.logs())
            stored = run.look_at_spools(web.spools)
            stored += run.look_at_spools(vhost.spools)
            run.look_at_answers()
            run.look("the handler's log", handler.log())
            for site in (web, vhost):
                configuration = [site.etc, site.spools, os.path.join(
                    site.dir, site.kind + ".conf")]
                run.look_below(site.dir, configuration)
        sampler.report(run)
        run.check(kind, 60)
        figure(f"{kind}: statuses", run.statuses, "all there are")
        figure(f"{kind}: payloads in their file", stored, "30 or more")
        for status in (200, 400, 401, 403, 404, 503):
            has("statuses", run.statuses, status)
        ok(f"{stored} payloads are in a file", stored >= 30)


def direct(program, kind):
    run = Run()
    spools = new_place(0o777)
    with Sampler() as sampler:
        if kind == "fcgi":
            way = handler_with(program)
        else:
            way = Cgi()
            way.command = [program]
        direct_traffic(run, way, spools)
        if kind == "fcgi":
            eq("children of the handler", way.children(), set())
            way.stop()
        run.look("the log", way.log())
        run.look_at_answers()
        run.stored = run.look_at_spools(spools)
    sampler.report(run)
    return run


for _kind in ("fcgi", "cgi"):
    @test(f"{_kind}: all senders, and no canary where it does not belong")
    def _(kind=_kind):
        run = direct(FCGI, kind)
        run.check(kind, 60)
        figure(f"{kind}: statuses", run.statuses, "all there are")
        for status in (200, 400, 401, 403, 405, 413, 503):
            has("statuses", run.statuses, status)
        ok(f"{run.stored} payloads are in a file", run.stored >= 20)


@test("Apache with CGI: no canary where it does not belong")
def _():
    run = Run()
    with Sampler() as sampler, Apache(
            None, "hookdir-cgi.conf", keys=[KEY, OLD],
            endpoints=ENDPOINTS) as web:
        for path, sender, _, body, headers in calls(run):
            if sender == "shipmondo":
                run.answered(web.post(path, body, headers))
        for path in ENDPOINTS:
            run.answered(web.post(path, run.payload()))
        run.look("the logs", web.logs())
        run.look_at_spools(web.spools)
        run.look_at_answers()
    sampler.report(run)
    run.check("Apache with CGI", 15)
    for status in (200, 400, 403, 503):
        has("statuses", run.statuses, status)


# --- what is started --------------------------------------------------------

class Sampler:
    """Looks at every process that a process of ours started, as often as it
    can: at its command line, and at its environment unless that is where
    secrets are handed over"""

    # What the tests themselves use; and whose environment may have secrets:
    # CGI is made that way, and "hookdir reverify" can be.
    OURS = ("curl", "openssl", "python3", "make", "gcc", "cc1", "ld")
    TOLD = ("hookdir.fcgi", "hookdir.cgi", "hookdir", "apache2")

    def __init__(self):
        self.seen = {}
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._loop)

    def _loop(self):
        while not self.over.is_set():
            self.sample()
            time.sleep(0.002)

    def sample(self):
        parents, names = {}, {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                stat = harness.read(f"/proc/{pid}/stat")
                names[int(pid)] = stat[stat.index("(") + 1:stat.rindex(")")]
                parents[int(pid)] = int(stat.rpartition(")")[2].split()[1])
        for pid in parents:
            above = pid
            while above in parents and above != os.getpid():
                above = parents[above]
            if above == os.getpid() and pid != above \
                    and names[pid] not in self.OURS:
                with contextlib.suppress(OSError):
                    self._note(pid, names[pid])

    def _note(self, pid, name):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            text = file.read()
        if name not in self.TOLD:
            with open(f"/proc/{pid}/environ", "rb") as file:
                text += b"\0" + file.read()
        # Between the two it may have become another program.
        if harness.read(f"/proc/{pid}/comm").rstrip("\n") != name:
            return
        # What starts the runner has the runner's environment, and is ours.
        if not text.startswith(b'sh\0-c\0cd "$1" && shift && exec "$@"'):
            self.seen.setdefault((pid, name), set()).add(text)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def report(self, run):
        for (_, name), texts in self.seen.items():
            for text in texts:
                run.look(f"command line or environment of {name}: "
                         f"{text[:60]!r}", text)


DUMP = """
tr '\\0' '\\n' <"/proc/$$/environ" >"$0.environ"
tr '\\0' '\\n' <"/proc/$$/cmdline" >"$0.cmdline"
sleep 0.1
exit $1
"""


@test("hookdir run: the command has CE_*, PATH, HOME and LANG, no more")
def _():
    work = Work()
    run = Run()
    body = run.payload()
    for number in range(6):
        work.put(data=body, id=f"e{number}", datacontenttype="a/b")
    dump = os.path.join(work.dir, "dump")
    with Sampler() as sampler:
        for code in (0, 1, 65):
            work.run("--retries", "1", "--backoff", "0s:0s", "--until-empty",
                     command=["sh", "-c", DUMP, dump, str(code)],
                     env={**clean_environment(), "HOOKDIR_KEY": KEY,
                          "LANG": "C", "HOME": "/", "API_TOKEN": GUESS,
                          "LD_LIBRARY_PATH": "/nowhere"})
            work.put(data=body, id=f"again-{code}")
    names = {line.partition("=")[0]
             for line in harness.read(dump + ".environ").splitlines()}
    extra = {name for name in names if not name.startswith("CE_")}
    ok(f"names: {names}", extra <= {"PATH", "HOME", "LANG", "PWD"})
    has("names", names, "CE_ID")
    run.look("environment", harness.read(dump + ".environ"))
    run.look("command line", harness.read(dump + ".cmdline"))
    sampler.report(run)
    run.check("hookdir run", 4)
    figure("names in a command's environment", " ".join(sorted(names)),
           "CE_*, PATH, HOME, LANG")


def tool(run, tool_path, *words, env=(), code=(0,), secret_output=False):
    done = subprocess.run(
        [tool_path, *words], check=False, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**clean_environment(), **dict(env)})
    ok(f"hookdir {words[0]}: {done.returncode} "
       f"{done.stderr.decode('utf-8', 'replace')[:300]}",
       done.returncode in code)
    run.look(f"stderr of hookdir {words[0]}", done.stderr)
    if not secret_output:
        run.look(f"stdout of hookdir {words[0]}", done.stdout)
    return done.stdout


def tools(tool_path):
    """All subcommands over a spool with accepted and refused messages"""
    run = Run()
    spools = new_place(0o777)
    way = Cgi()
    end = Endpoint(way, spools)
    signed = {"HOOKDIR_SENDER": "shipmondo", "HOOKDIR_KEY": KEY}
    for key in (KEY, KEY, WRONG, WRONG, OLD):
        end.send(run, "/spool", shipmondo.body(shipmondo.form_b(
            run.payload()), key), **signed)
    spool = os.path.join(spools, "spool")
    held = new_place(0o700)
    key_file = write(os.path.join(held, "key"), WRONG + "\n", 0o600)
    config = write(os.path.join(held, "api.conf"), "base = https://127.0.0.1:1"
                   f"\nusername = shop\npassword = {API_PASSWORD}\n", 0o600)
    event = write(os.path.join(held, "event.json"),
                  b'{"specversion":"1.0","id":"e","source":"https://a/b",'
                  b'"type":"com.tradecloud1.order.notified","subject":"7",'
                  b'"time":"2026-11-21T17:05:33Z","sender":"tradecloud"}\n')
    with Sampler() as sampler:
        tool(run, tool_path, "list", spool)
        tool(run, tool_path, "stats", spool)
        name = Spool(spool).names("new")[0]
        shown = tool(run, tool_path, "show", spool, name, secret_output=True)
        ok("show shows the payload", b"word" in shown)
        for wrong in (KEY, GUESS):
            tool(run, tool_path, "reverify", "--sender", "shipmondo", spool,
                 env={"HOOKDIR_KEY": wrong}, code=(0, 1, 65, 75))
        tool(run, tool_path, "reverify", "--sender", "shipmondo",
             "--key-file", key_file, spool, code=(0, 1, 65, 75))
        eq("messages in new/ after reverify",
           len(Spool(spool).names("new")), 4)
        tool(run, tool_path, "fetch", "--config", config,
             os.path.join(held, "out"), event, code=(75,))
    run.look_at_spools(spools)
    run.look_below(held, [key_file, config])
    run.look_at_answers()
    sampler.report(run)
    return run


@test("the tools: no canary in what they say, and none in a command line")
def _():
    tools(TOOL).check("tools", 15)


# --- memory -----------------------------------------------------------------

PEEK = r"""
import ctypes, os, sys
pid = int(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
for name in ("mem", "environ", "maps", "auxv"):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            file.read(0 if name == "mem" else 1)
        print("read", name)
    except OSError:
        pass
for name, number in (("attach", 16), ("seize", 0x4206)):
    if libc.ptrace(number, pid, None, None) == 0:
        print("ptrace", name)
        os.waitpid(pid, 0x40000000) if number == 16 else None
        libc.ptrace(17, pid, None, None)
        break
"""


def peek(pid):
    """What another process of the same user can do with it"""
    done = subprocess.run(
        ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups",
         "/usr/bin/python3", "-c", PEEK, str(pid)], check=False,
        capture_output=True, text=True, env=clean_environment())
    eq("peeking", (done.returncode, done.stderr), (0, ""))
    return done.stdout.split("\n")[:-1]


VARIANTS = {
    # name: (file, what stands there, what is put in its place), ...
    "logs its parameters": [
        ("handler/serve.c", r"(static int\nhandle\(.*?\n\{)",
         r"\1\n\tfor (char **p = x->request->params; *p; p++) "
         r'(void)fprintf(stderr, "%s\\n", *p);'),
        ("handler/serve.c", "#include <stdlib.h>",
         "#include <stdio.h>\n#include <stdlib.h>")],
    "logs the body": [
        ("lib/message/verify.c", r"(\nmessage_verify\([^{]*\{)",
         r'\1\n\t(void)fprintf(stderr, "%.*s\\n", (int)m->body.len, '
         r"m->body.at);"),
        ("lib/message/verify.c", r'(#include "message/verify\.h")',
         r"\1\n#include <stdio.h>")],
    "lets others look in": [
        ("handler/main.c", r"\tkeep_secrets_in\(\);", "\t;"),
        ("handler/main.c", r"static void\nkeep_secrets_in",
         "void keep_secrets_in(void);\nvoid\nkeep_secrets_in")],
    "wipes nothing": [
        ("lib/base/secret.c", r"OPENSSL_cleanse\(secret, len\);",
         "(void)secret; (void)len;")],
}


def cores(program, number):
    """The cores that it leaves when a signal ends it after a call"""
    place = new_place(0o777)
    run = Run()
    # A shell that runs us in the background has had it ignored.
    signal.signal(number, signal.SIG_DFL)
    handler = handler_with(program, user=USER, wrapper=(
        "prlimit", "--core=unlimited", "env", "-C", place))
    Endpoint(handler, new_place(0o777)).send(
        run, "/webhook", shipmondo.body(shipmondo.form_b(run.payload()), KEY),
        HOOKDIR_SENDER="shipmondo", HOOKDIR_KEY=KEY)
    eq("status", run.statuses, {200: 1})
    pid = handler.pid
    handler.stop(number)
    eq("how it ended", handler.popen.returncode, -number)
    return [os.path.join(place, name) for name in os.listdir(place)
            if "core" in name or str(pid) in name]


FATAL = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGQUIT)


@test("no core is written, though it was allowed to")
def _():
    pattern = harness.read("/proc/sys/kernel/core_pattern").strip()
    ok(f"core_pattern {pattern!r} is a file beside the process",
       "/" not in pattern and not pattern.startswith("|"))
    for number in FATAL:
        eq(f"cores after signal {number}", cores(FCGI, number), [])
    figure("cores after SIGSEGV, SIGABRT, SIGBUS and SIGQUIT", 0, "0")


@test("no core is written: a handler that lets others look in is caught")
def _():
    found = cores(variant(*VARIANTS["lets others look in"]), signal.SIGSEGV)
    ok("there is a core", found)
    with open(found[0], "rb") as file:
        ok("and the key is in it", KEY.encode() in file.read())
    figure("control: core with the key in it", len(found), "1")


def looked_into(program):
    handler = handler_with(program, user=USER)
    try:
        return peek(handler.pid)
    finally:
        handler.stop()


@test("another process of the same user cannot look into it")
def _():
    eq("FastCGI", looked_into(FCGI), [])
    # Under CGI the key is in the environment, while the body is awaited.
    env = {name.decode(): value.decode() for name, value in
           harness.call_params(HOOKDIR_SENDER="shipmondo", HOOKDIR_KEY=KEY,
                               HOOKDIR_SPOOL="/nowhere/at/all", body=b"xx")}
    with subprocess.Popen(
            ["setpriv", f"--reuid={USER}", f"--regid={USER}",
             "--clear-groups", FCGI], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**clean_environment(), **env}) as cgi:
        wait_for(lambda: "hookdir" in harness.read(
            f"/proc/{cgi.pid}/comm") and os.stat(
                f"/proc/{cgi.pid}/environ").st_uid == 0, "start", 20)
        try:
            eq("CGI", peek(cgi.pid), [])
        finally:
            cgi.kill()
    figure("ways in for another process of the same user", 0, "0")


@test("another process of the same user: a handler that lets others look in "
      "is caught")
def _():
    found = looked_into(variant(*VARIANTS["lets others look in"]))
    for what in ("read mem", "read environ", "ptrace attach"):
        has("ways in", found, what)
    figure("control: ways in", ", ".join(found), "some")


def memory(pid):
    """All that the process may write to"""
    found = []
    with open(f"/proc/{pid}/mem", "rb") as file:
        for line in harness.read(f"/proc/{pid}/maps").splitlines():
            span, rights = line.split()[:2]
            if rights.startswith("rw") and "[vvar" not in line:
                start, end = (int(part, 16) for part in span.split("-"))
                with contextlib.suppress(OSError, ValueError):
                    file.seek(start)
                    found.append(file.read(end - start))
    return found


def copies(pid, text):
    raw = text.encode()
    return sum(block.count(raw) for block in memory(pid))


def remains(program):
    """How often canaries are still there after the answer, and after a
    hundred other requests"""
    mark = word()
    handler = handler_with(program, user=USER, env={"HOOKDIR_MARK": mark})
    run = Run()
    end = Endpoint(handler, new_place(0o777))
    body = run.payload()
    payload = json.loads(body)["word"]
    header = word()
    try:
        ok("the search finds what is there", copies(handler.pid, mark))
        end.send(run, "/w", shipmondo.body(shipmondo.form_b(body), KEY),
                 HOOKDIR_SENDER="shipmondo", HOOKDIR_KEY=KEY,
                 HTTP_AUTHORIZATION=f"Bearer {header}")
        token = end.send(run, "/token", form(CLIENT[0]), token=True, **ISSUER)
        end.send(run, "/oauth", b"{}", [bearer(token)],
                 HOOKDIR_AUTH="token", **OAUTH)
        eq("statuses", run.statuses, {200: 3})
        wait_for(lambda: handler.log().count("status=200") == 3, "the log")
        names = {"HOOKDIR_KEY": KEY, "HOOKDIR_CLIENT_SECRET": CLIENT[0],
                 "HOOKDIR_TOKEN_KEY": TOKEN_KEYS[0],
                 "Authorization": header, "access token": token,
                 "payload": payload}
        first = {name: copies(handler.pid, text)
                 for name, text in names.items()}
        for _ in range(100):
            end.send(run, "/other", b'{"x":"' + b"x" * 9000 + b'"}',
                     HOOKDIR_AUTH="none")
        return first, {name: copies(handler.pid, text)
                       for name, text in names.items()}
    finally:
        handler.stop()


@test("what is left in memory is counted")
def _():
    first, later = remains(FCGI)
    bare, _ = remains(variant(*VARIANTS["wipes nothing"]))
    for name, count in first.items():
        figure(f"copies of {name} in the handler's memory after its request",
               f"{count}; {later[name]} after 100 others; {bare[name]} if "
               "nothing is wiped", "counted, not judged")


# --- the search is searched -------------------------------------------------

@test("every canary is found, however it is written")
def _():
    place = new_place()
    for name, text in list(KNOWN.items()):
        for before in ("", "a", "ab"):
            for data in (text, text.encode().hex(), base64.b64encode(
                    (before + text + "z").encode()).decode(),
                    base64.urlsafe_b64encode(
                        (before + text + "zz").encode()).decode()):
                has(f"found in {data}", search("x" + data + "y"), name)
    for data in (b"nothing", os.urandom(100000)):
        eq("found in what is none", search(data), set())
    run = Run()
    write(os.path.join(place, "left"), f"x {PASSWORDS[0]}")
    run.look_below(place)
    eq("found in a file", run.found, [f"password in {place}/left"])
    run = Run()
    body = run.payload()
    for name in ("one", "two"):
        write(os.path.join(place, name), body)
    run.look_at_spools(place)
    has("a payload that is there twice", run.found, "a payload in 2 files")


@test("a handler that logs its parameters is caught")
def _():
    for kind in ("fcgi", "cgi"):
        found = direct(variant(*VARIANTS["logs its parameters"]), kind).found
        for name in ("current key of shipmondo", "client secret",
                     "previous token key"):
            has(kind, found, f"{name} in the log")
    figure("control: parameters in the log", len(found), "1 or more")


@test("a handler that logs the body is caught")
def _():
    found = direct(variant(*VARIANTS["logs the body"]), "fcgi").found
    has("found", found, "a payload in the log")
    figure("control: payloads in the log", len(found), "1 or more")


@test("a tool that passes the key in its command line is caught")
def _():
    path = os.path.join(new_place(0o755), "tool")
    write(path, "#!/bin/sh\nwhile [ \"$1\" != --key-file ] && [ $# -gt 0 ]; "
          f"do set -- \"$@\" \"$1\"; shift; "
          "n=$((n + 1)); [ $n -gt 30 ] && break; done\n"
          "[ \"$1\" = --key-file ] && "
          "sh -c 'sleep 0.3; :' sh \"$(cat \"$2\")\"\n"
          "exit 0\n", 0o755)
    run = Run()
    held = write(os.path.join(new_place(0o700), "key"), WRONG, 0o600)
    with Sampler() as sampler:
        tool(run, path, "reverify", "--key-file", held, "/nowhere")
    sampler.report(run)
    ok(f"found: {run.found}", any(
        line.startswith("wrong key of shipmondo in command line")
        for line in run.found))
    figure("control: key in a command line", len(run.found), "1 or more")


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("secrets: memory and users are looked at, and that needs "
                 "root")
    main()

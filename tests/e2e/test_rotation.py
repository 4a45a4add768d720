# SPDX-License-Identifier: MIT
"""test_rotation - every secret is changed while messages come in

As the comments in the samples tell an admin to: the new secret beside the old
one, then the senders change, then the old one goes. No call is refused, and
there are as many files as there were answers of 200.
"""

import itertools
import os
import re
import subprocess
import threading

import oauth
import senders
import shipmondo
from harness import (Handler, clean_environment, eq, fail, main, ok, read,
                     root_file, wait_for)
from senders import (CLIENT, CLIENT_SECRETS, NSHIFT, TOKEN_KEYS, TOKENS, USERS,
                     basic, bearer, each)

SHIPMONDO_KEYS = ["a new key of more than thirty-two bytes", "jtv-short-key"]


class Load:
    """Threads that call until stopped. call(secret, body) makes one call
    and answers its Response; every body is another one. The secret is
    exchanged by use()."""

    def __init__(self, call, secret, threads=4):
        self.call = call
        self.secrets = [secret]
        self.answers = []
        self.numbers = itertools.count(1)
        self.done = [0] * threads
        self.stopping = False
        self.threads = [threading.Thread(target=self._work, args=(number,))
                        for number in range(threads)]
        for thread in self.threads:
            thread.start()

    def _work(self, me):
        try:
            while not self.stopping:
                number = next(self.numbers)
                # With two secrets in use the senders take turns.
                secrets = self.secrets
                secret = secrets[number % len(secrets)]
                got = self.call(secret, b'{"number":%d}' % number)
                self.answers.append((got.status, got.error))
                self.done[me] += 1
        except Exception as error:  # shows in the test's verdict
            self.answers.append((0, repr(error)))
            self.done[me] = 1 << 30

    def go_on(self, calls=3):
        """Returns when every thread has made that many calls from now."""
        goal = [n + calls for n in self.done]
        wait_for(lambda: all(n >= g for n, g in zip(self.done, goal)),
                 "answers")

    def use(self, *secrets):
        self.secrets = secrets
        self.go_on()

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join()


def reload(web):
    """Returns when no worker with the old secrets is left."""
    old = web.children()
    web.reload()
    wait_for(lambda: not old & web.children(), "end of the old workers")


def rotate(web, spool, call, secrets, set_secrets):
    """Three steps: both are good, the senders change, one is good.
    secrets: new, old. set_secrets([...]) takes effect when it returns."""
    new, old = secrets
    set_secrets([old])
    load = Load(call, old)
    try:
        load.go_on()
        set_secrets([new, old])
        load.go_on()
        load.use(new, old)
        load.use(new)
        set_secrets([new])
        load.go_on()
    finally:
        load.stop()
    counted(web, spool, load)
    got = call(old, b'{"number":0}')
    # A key that is not in the file may be on its way, until the next fetch.
    ok(f"the old one is refused: {got}",
       400 <= got.status < 500 or got.rule() == "key-unknown")
    eq("stored after that", len(spool.names("new")), len(load.answers))


def counted(web, spool, load):
    bad = [a for a in load.answers if a != (200, "")]
    eq(f"answers but 200 of {len(load.answers)}", bad, [])
    eq("files", len(spool.names("new")), len(load.answers))
    eq("different bodies", len({m["bodysha256"] for m in spool.messages()}),
       len(load.answers))
    eq("leftovers", web.spool().names("tmp") + spool.names("tmp"), [])


def by_reload(web, name):
    """Fills in a file of secrets, and reloads."""
    def set_secrets(secrets):
        web.secrets = {**web.secrets, name: secrets}
        reload(web)
    return set_secrets


def web_with(kind, sample, **options):
    return senders.KINDS[kind](Handler(), "hookdir.conf", also=[sample],
                               **options)


@each("the key of Shipmondo's signatures")
def _(kind):
    with senders.KINDS[kind](Handler(), "hookdir.conf", keys=["x"]) as web:
        def set_secrets(keys):
            web.keys = keys
            reload(web)

        def call(key, body):
            return web.post("/webhook/shipmondo", shipmondo.body(body, key))
        rotate(web, web.spool(), call, SHIPMONDO_KEYS, set_secrets)


@each("a bearer token")
def _(kind):
    with web_with(kind, "hookdir-tradecloud.conf") as web:
        rotate(web, web.spool("tradecloud"),
               lambda token, body: web.post("/webhook/tradecloud", body,
                                            [bearer(token)]),
               TOKENS, by_reload(web, "tradecloud-bearer.conf"))


@each("a password, in a file that is exchanged")
def _(kind):
    with web_with(kind, "hookdir-tradecloud.conf") as web:
        def set_secrets(users):
            web.secrets = {"tradecloud.htpasswd": users}
            web.configure()  # each file in one step, and no reload
        rotate(web, web.spool("tradecloud"),
               lambda user, body: web.post("/webhook/tradecloud", body,
                                           [basic(*user)]),
               USERS, set_secrets)


@each("a password, with the commands of the sample")
def _(kind):
    sample = read(root_file(kind, "secrets", "tradecloud.htpasswd"))
    lines = "\n".join(re.findall(r"^#     (.*)$", sample, re.M))
    ok("it says htpasswd -B and -D",
       "htpasswd -B " in lines and "htpasswd -D" in sample)
    with web_with(kind, "hookdir-tradecloud.conf") as web:
        def run(user, password=None):
            """As the comment says, but the password is not asked for"""
            text = lines.replace("/etc/hookdir", web.etc)
            text = text.replace("tradecloud-2026a", user)
            text = text.replace("htpasswd -B", "htpasswd -D"
                                if password is None else "htpasswd -i -B")
            done = subprocess.run(["sh", "-euc", text], check=False,
                                  input=(password or "").encode(),
                                  env=clean_environment(),
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
            eq(f"{text}: status", (done.returncode, done.stdout),
               (0, done.stdout))
        run("steady", "pass word")
        load = Load(lambda _, body: web.post("/webhook/tradecloud", body,
                                             [basic("steady", "pass word")]),
                    None)
        try:
            for number in range(60):
                run(f"user-{number}", "x" * 40)
                if number % 3 == 2:
                    run(f"user-{number - 1}")
            load.go_on()
        finally:
            load.stop()
        counted(web, web.spool("tradecloud"), load)
        for user, status in (("user-0", 200), ("user-1", 401)):
            eq(user, web.post("/webhook/tradecloud", b"{}",
                              [basic(user, "x" * 40)]).status, status)


@each("the secret in nShift's URL")
def _(kind):
    with web_with(kind, "hookdir-nshift.conf") as web:
        rotate(web, web.spool("nshift"),
               lambda secret, body: web.post(
                   f"/webhook/nshift/{secret}/order.created", body),
               NSHIFT, by_reload(web, "nshift.conf"))


SIGNERS = {"standard": (senders.standard, senders.STANDARD_KEY,
                        senders.STANDARD_OLD),
           "github": (senders.github, senders.GITHUB_KEY,
                      senders.GITHUB_OLD),
           "shopify": (senders.shopify, senders.SHOPIFY_KEY,
                       senders.SHOPIFY_OLD),
           "stripe": (senders.stripe, senders.STRIPE_KEY,
                      senders.STRIPE_OLD)}


def rotate_signer(kind, name):
    sign, *keys = SIGNERS[name]
    with web_with(kind, "hookdir-hmac.conf") as web:
        rotate(web, web.spool(name),
               lambda key, body: web.post(f"/webhook/{name}", body,
                                          sign(body, key)),
               keys, by_reload(web, f"{name}.conf"))


for signer in SIGNERS:
    each(f"the key of signatures: {signer}")(
        lambda kind, signer=signer: rotate_signer(kind, signer))


@each("stripe signs with both keys while they roll")
def _(kind):
    new, old = senders.STRIPE_KEY, senders.STRIPE_OLD
    with web_with(kind, "hookdir-hmac.conf") as web:
        set_secrets = by_reload(web, "stripe.conf")

        def call(keys, body):
            [(name, first)] = senders.stripe(body, keys[0])
            when = int(re.match(r"t=(\d+)", first)[1])
            more = "".join(
                f",v1={senders.stripe_signature(body, key, when)}"
                for key in keys[1:])
            return web.post("/webhook/stripe", body, [(name, first + more)])
        set_secrets([old])
        load = Load(call, [old])
        try:
            # First at Stripe, then here
            load.use([old, new])
            set_secrets([new, old])
            load.go_on()
            load.use([new])
            set_secrets([new])
            load.go_on()
        finally:
            load.stop()
        counted(web, web.spool("stripe"), load)


# --- access tokens ----------------------------------------------------------

OWN, OTHER = "/webhook/oauth/tradecloud", "/webhook/entra/tradecloud"


def token_web(kind, keys):
    return web_with(kind, "hookdir-oauth.conf", secrets={
        "oauth-client.conf": {"HOOKDIR_CLIENT_ID": [CLIENT],
                              "HOOKDIR_CLIENT_SECRET": [CLIENT_SECRETS[1]]},
        "oauth-key.conf": {"HOOKDIR_TOKEN_KEY": keys}})


def ask(web, secret):
    return web.post("/oauth2/token", b"grant_type=client_credentials",
                    [oauth.FORM, basic(CLIENT, secret)])


def with_new_token(web):
    """A call that gets its own token first"""
    def call(secret, body):
        got = ask(web, secret)
        if got.status != 200:
            return got
        return web.post(OWN, body, [bearer(got.json()["access_token"])])
    return call


@each("the client's secret")
def _(kind):
    with token_web(kind, TOKEN_KEYS[:1]) as web:
        set_client = by_reload(web, "oauth-client.conf")
        rotate(web, web.spool("oauth"), with_new_token(web), CLIENT_SECRETS,
               lambda secrets: set_client({
                   "HOOKDIR_CLIENT_ID": [CLIENT],
                   "HOOKDIR_CLIENT_SECRET": secrets}))


@each("the key of our own tokens")
def _(kind):
    new, old = TOKEN_KEYS
    with token_web(kind, [old]) as web:
        set_key = by_reload(web, "oauth-key.conf")
        call = with_new_token(web)
        kept = ask(web, CLIENT_SECRETS[1]).json()["access_token"]

        def mixed(secret, body):
            # Half of the calls with a token from before
            if body.endswith((b"0}", b"2}", b"4}", b"6}", b"8}")):
                return web.post(OWN, body, [bearer(kept)])
            return call(secret, body)
        load = Load(mixed, CLIENT_SECRETS[1])
        try:
            load.go_on()
            # As the sample says: checked first, then signed with
            for keys in ([old, new], [new, old]):
                set_key({"HOOKDIR_TOKEN_KEY": keys})
                load.go_on()
            kept = ask(web, CLIENT_SECRETS[1]).json()["access_token"]
            load.go_on()
            set_key({"HOOKDIR_TOKEN_KEY": [new]})
            load.go_on()
        finally:
            load.stop()
        counted(web, web.spool("oauth"), load)
        for key, status in ((new, 200), (old, 401)):
            eq("status", web.post(OWN, b"{}", [bearer(
                oauth.own_token(key))]).status, status)


@each("the key set of another authorization server")
def _(kind):
    tokens = {}
    for name in ("RS256", "ES256"):
        # One for all calls, as a client would
        said, head = oauth.claims(), {"kid": name, "typ": "JWT"}
        [tokens[name]] = oauth.run_client("pyjwt.py", [
            {"key": oauth.pem(oauth.key(name)), "alg": name,
             "header": head, "claims": said}])
    edits = {'HOOKDIR_ISSUER ""': f'HOOKDIR_ISSUER "{oauth.ENTRA}"',
             'HOOKDIR_AUDIENCE ""': f'HOOKDIR_AUDIENCE "{oauth.APP}"'}
    with web_with(kind, "hookdir-oauth.conf", edits=edits) as web:
        rotate(web, web.spool("entra"),
               lambda name, body: web.post(OTHER, body,
                                           [bearer(tokens[name])]),
               ["ES256", "RS256"],
               lambda names: oauth.put_keys(web, oauth.key_set(*names)))


@each("the handler is restarted meanwhile")
def _(kind):
    with web_with(kind, "hookdir-nshift.conf",
                  secrets={"nshift.conf": NSHIFT}) as web:
        load = Load(lambda secret, body: web.post(
            f"/webhook/nshift/{secret}/order.created", body), NSHIFT[0])
        try:
            for _ in range(5):
                load.go_on(2)
                if web.handler.restart() != 0:
                    fail("the handler did not end as asked")
        finally:
            load.stop()
        counted(web, web.spool("nshift"), load)
        hidden = [NSHIFT[0] in text
                  for text in (web.logs(), web.handler.log())]
        eq("the secret is in a log", hidden, [False, False])
        ok("the file of keys is not there", not os.path.exists(web.jwks))


if __name__ == "__main__":
    main()

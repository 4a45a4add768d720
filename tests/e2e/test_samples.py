# SPDX-License-Identifier: MIT
"""test_samples - the sample configurations as an admin uses them

Each is checked by its own server, serves a signed message, lets nobody in
before a secret is filled in, and holds its own inside a site that was there
before.
"""

import os
import re

import shipmondo
from harness import (Apache, Handler, Nginx, eq, folder, main, ok, root_file,
                     test, wait_for, write)

KEY = "a key of more than thirty-two bytes"
SAMPLES = [(Nginx, "vhost.conf"), (Nginx, "hookdir.conf"),
           (Apache, "vhost.conf"), (Apache, "hookdir.conf"),
           (Apache, "hookdir-cgi.conf")]
PATH = "/webhook/shipmondo"
# The parameters that a file of secrets sets to nothing
EMPTY = {**{f"{name}.conf": ["HOOKDIR_KEY"] for name in (
             "shipmondo", "standard", "github", "shopify", "stripe")},
         "oauth-client.conf": ["HOOKDIR_CLIENT_ID", "HOOKDIR_CLIENT_SECRET"],
         "oauth-key.conf": ["HOOKDIR_TOKEN_KEY"]}


def serve(kind, conf, **options):
    handler = None if "cgi" in conf else Handler()
    return kind(handler, conf, **options)


def each(name, samples=tuple(SAMPLES)):
    def register(function):
        for kind, conf in samples:
            @test(f"{kind.kind}/{conf}: {name}")
            def _(kind=kind, conf=conf):
                function(kind, conf)
        return function
    return register


def stored(web, headers=shipmondo.HEADERS, key=KEY):
    """A signed message arrives; returns it."""
    body = shipmondo.body(shipmondo.form_b(), key)
    got = web.post(PATH, body, headers)
    eq("answer", (got.status, got.error), (200, ""))
    message = web.spool("shipmondo").one()
    eq("id", message["id"], shipmondo.message_id(body))
    eq("data", message.data, shipmondo.form_b())
    return message


@each("the server finds no fault with it")
def _(kind, conf):
    web = serve(kind, conf, start=False)
    for keys in (None, [KEY], [KEY, "previous"]):
        web.keys = keys
        status, text = web.check()
        eq(f"status with {keys}", (status, text), (0, text))
        ok(f"no warning in {text!r}",
           not re.search(r"\[(warn|error|emerg|alert|crit)\]", text))


@each("it takes in a signed message")
def _(kind, conf):
    with serve(kind, conf, keys=[KEY]) as web:
        message = stored(web)
        eq("source", message["source"], "https://hooks.example" + PATH)
        eq("type", message["type"], "com.shipmondo.orders.status_update")
        eq("smduser", message["smduser"], "warehouse")


@each("it lets nobody in before a secret is filled in")
def _(kind, conf):
    with serve(kind, conf) as web:
        for key in ("", "KEY", "HOOKDIR_KEY"):
            got = web.post(PATH, shipmondo.body(shipmondo.form_b(), key))
            eq("shipmondo", (got.status, got.rule()), (503, "misconfigured"))
        log = web.handler.log if web.handler else web.logs
        wait_for(lambda: "HOOKDIR_KEY: empty" in log(), "line in the log")
        if conf == "vhost.conf":
            for user in (":", "sender-2026a:", "root:root"):
                got = web.post("/webhook/basic", b"{}", user=user)
                eq("basic", got.status, 401)
            for token in ("", "TOKEN-IN-USE", "TOKEN-BEFORE"):
                got = web.post("/webhook/bearer", b"{}",
                               [("Authorization", f"Bearer {token}")])
                eq("bearer", got.status, 401)
        for name in ("shipmondo", "basic", "bearer"):
            eq("stored", web.spool(name).files(), [])


@each("a previous key that is left empty is an error")
def _(kind, conf):
    word = {"nginx": "fastcgi_param", "apache": "SetEnv"}[kind.kind]
    line = f"{word} HOOKDIR_KEY_PREVIOUS \"\""
    with serve(kind, conf, keys=[KEY], edits={"#" + line: line}) as web:
        got = web.post(PATH, shipmondo.body(shipmondo.form_b(), KEY))
        eq("answer", (got.status, got.rule()), (503, "misconfigured"))
        ok("Retry-After", got.header("Retry-After"))


@test("the secret files hold no secret")
def _():
    for kind in ("nginx", "apache"):
        place = root_file(kind, "secrets")
        for name in os.listdir(place):
            with open(os.path.join(place, name), encoding="utf-8") as file:
                lines = [line.rstrip("\n") for line in file
                         if line.strip() and not line.startswith("#")]
            line = {"nginx": 'fastcgi_param {} "";',
                    "apache": 'SetEnv {} ""'}[kind]
            eq(f"lines in force of {kind}/secrets/{name}", lines,
               [line.format(key) for key in EMPTY.get(name, [])])


@test("every sample file is one that these tests start")
def _():
    for kind in (Nginx, Apache):
        used = set(kind.needs)
        for need in kind.needs.values():
            used |= set(need["files"])
        used |= set(kind.others)
        there = set()
        for place, _, names in os.walk(root_file(kind.kind)):
            there |= {os.path.relpath(os.path.join(place, name),
                                      root_file(kind.kind)) for name in names}
        eq(f"files of {kind.kind}/", sorted(there), sorted(used))


# --- inside a site that was there before ------------------------------------

@test("nginx/hookdir.conf: a site's own settings do not reach the endpoint")
def _():
    site = """
    client_max_body_size 1k;
    gzip on;
    include fastcgi_params;
    fastcgi_param REMOTE_USER $remote_user;
    fastcgi_param HOOKDIR_SPOOL /nowhere;
    fastcgi_intercept_errors on;
    fastcgi_keep_conn on;
    error_page 400 401 403 404 405 413 500 502 503 504 /error.html;
"""
    with serve(Nginx, "hookdir.conf", keys=[KEY], main=site) as web:
        stored(web)
        large = shipmondo.body(shipmondo.filler(100000), KEY)
        eq("a large one", web.post(PATH, large).status, 200)
        for status, rule, got in (
                (403, "signature-mismatch", web.post(PATH, shipmondo.body(
                    shipmondo.form_b(), "other"))),
                (405, "method-not-allowed", web.request(PATH))):
            eq("answer", (got.status, got.rule()), (status, rule))
        web.handler.down()
        eq("handler down", web.post(PATH, b"{}").rule(), "system-error")


@test("nginx: a name that nobody has checked is no REMOTE_USER")
def _():
    # fastcgi_params of nginx would pass it on.
    with serve(Nginx, "hookdir.conf", keys=[KEY], endpoints={
            "/webhook/open": {"HOOKDIR_AUTH": "basic"}}) as web:
        got = web.post("/webhook/open", b"{}", user="somebody:anything")
        eq("answer", (got.status, got.rule()), (401, "credentials-required"))
        eq("stored", web.spool("webhook-open").files(), [])


SHOP = """<Directory "{root}">
    Options FollowSymLinks
    AllowOverride All
    Require all granted
</Directory>
ProxyErrorOverride On
DocumentRoot "{root}"
ErrorDocument 403 /index.html
ErrorDocument 405 /index.html
ErrorDocument 503 /index.html
LoadModule rewrite_module /usr/lib/apache2/modules/mod_rewrite.so
"""

FRONT_CONTROLLER = """RewriteEngine On
RewriteCond %{REQUEST_FILENAME} !-f
RewriteRule ^ /index.html [L]
ErrorDocument 403 /index.html
"""


@each("a site's .htaccess and error pages do not reach the endpoint",
      [s for s in SAMPLES if s[0] is Apache and s[1] != "vhost.conf"])
def _(kind, conf):
    root = folder("shop", 0o755)
    write(os.path.join(root, "index.html"), "the shop\n", 0o644)
    write(os.path.join(root, ".htaccess"), FRONT_CONTROLLER, 0o644)
    main_conf = SHOP.format(root=root)
    if "cgi" in conf:
        main_conf = main_conf.replace("ProxyErrorOverride On\n", "")
    with serve(kind, conf, keys=[KEY], main=main_conf) as web:
        eq("the shop", web.request("/any/page").body, b"the shop\n")
        stored(web)
        for status, rule, got in (
                (403, "signature-mismatch", web.post(PATH, shipmondo.body(
                    shipmondo.form_b(), "other"))),
                (405, "method-not-allowed", web.request(PATH))):
            eq("answer", (got.status, got.rule()), (status, rule))
        if web.handler:
            web.handler.down()
            got = web.post(PATH, b"{}")
            eq("handler down", (got.status, got.rule()),
               (503, "system-error"))


@each("the line a2enmod names every module that Debian does not enable",
      [s for s in SAMPLES if s[0] is Apache])
def _(kind, conf):
    # The harness loads those modules and no other, so it is enough that
    # none is named in vain.
    with open(root_file("apache", conf), encoding="utf-8") as file:
        named = re.findall(r"^# a2enmod (.+)$", file.read(), re.M)
    for name in " ".join(named).split():
        ok(f"Debian has {name}",
           os.path.exists(f"/etc/apache2/mods-available/{name}.load"))


if __name__ == "__main__":
    main()

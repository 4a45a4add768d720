# SPDX-License-Identifier: MIT
"""test_samples - the sample configurations as an admin uses them

Each is checked by its own server, serves a signed message, lets nobody in
before a secret is filled in, and holds its own inside a site that was there
before.
"""

import os
import re

import senders
import shipmondo
from harness import (Apache, Handler, Nginx, eq, folder, has, hasnt, main, ok,
                     packaged, read, root_file, test, wait_for, write)
from senders import SECRETS, TOKENS, USERS, basic, bearer

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
LoadModule rewrite_module {rewrite}
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
    main_conf = SHOP.format(root=root, rewrite=packaged(
        "/usr/lib/apache2/modules/mod_rewrite.so"))
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


# --- each sample alone, in a shop ------------------------------------------

def shop(kind, where="server"):
    """Lines of a site with a front controller. where: in what context
    Apache's stands"""
    root = folder("shop", 0o755)
    write(os.path.join(root, "index.php"), "the shop\n", 0o644)
    rules = ("RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-f\n"
             "RewriteRule ^ /index.php [L]\n")
    if kind == "nginx":
        return (f"root {root};\nlocation / {{ try_files $uri /index.php; }}\n"
                "location ~ \\.php$ { default_type text/html; }\n")
    server = rules.replace("%{REQUEST_FILENAME}",
                           "%{DOCUMENT_ROOT}%{REQUEST_URI}")
    if where == "htaccess":
        write(os.path.join(root, ".htaccess"), rules, 0o644)
    return f"""DocumentRoot "{root}"
{server if where == "server" else ""}
<Directory "{root}">
    AllowOverride All
    Require all granted
{rules if where == "directory" else ""}
</Directory>
ErrorDocument 403 /index.php
ErrorDocument 404 /index.php
ErrorDocument 405 /index.php
ErrorDocument 503 /index.php
"""


MODULE = "LoadModule rewrite_module /usr/lib/apache2/modules/mod_rewrite.so\n"


def alone(kind, conf, where="server", site="", main="", **options):
    """A web server with this sample and no other, in a shop"""
    make = senders.KINDS[kind]
    if kind == "apache" and "nshift" not in conf:
        main += MODULE
    named = {os.path.basename(name) for name in make.needs[conf]["files"]}
    secrets = {name: SECRETS[name] for name in SECRETS if name in named}
    return make(Handler(), conf, keys=[KEY], secrets=secrets, main=main,
                site=shop(kind, where) + site, **options)


SHIPMONDO = shipmondo.body(shipmondo.form_b(), KEY)


def call_of(path, body=b"{}", headers=()):
    return {"path": path, "body": body, "headers": list(headers)}


# One good call to each endpoint
CALLS = {
    "hookdir.conf": [call_of(PATH, SHIPMONDO, shipmondo.HEADERS)],
    "hookdir-tradecloud.conf": [
        call_of("/webhook/tradecloud", headers=[bearer(TOKENS[0])]),
        call_of("/webhook/tradecloud", headers=[basic(*USERS[0])])],
    "hookdir-nshift.conf": [
        call_of(f"/webhook/nshift/{senders.NSHIFT[0]}/order.created")],
    "hookdir-hmac.conf": [
        call_of(f"/webhook/{name}", headers=sign(b"{}"))
        for name, sign in (("standard", senders.standard),
                           ("github", senders.github),
                           ("shopify", senders.shopify),
                           ("stripe", senders.stripe))],
    "hookdir-oauth.conf": [
        call_of(path, b"grant_type=client_credentials",
                [basic(senders.CLIENT, senders.CLIENT_SECRETS[0]),
                 ("Content-Type", "application/x-www-form-urlencoded")])
        for path in ("/oauth2/token", "/adfs/oauth2/token")],
}


def calls_of(web, conf):
    """These calls, for an OAuth sample with a token of its own"""
    calls = list(CALLS[conf])
    if conf == "hookdir-oauth.conf":
        token = web.post(**calls[0]).json()["access_token"]
        calls.append(call_of("/webhook/oauth/tradecloud",
                             headers=[bearer(token)]))
    return calls


def all_accepted(web, conf):
    calls = calls_of(web, conf)
    for call in calls:
        got = web.post(**call)
        eq(f"{call['path']}: {got}", got.status, 200)
        ok("not the shop", got.header("Content-Type") == "application/json")
    return calls


def all_unavailable(web, calls):
    for call in calls:
        got = web.post(**call)
        eq(f"{call['path']}: {got}", (got.status, got.rule()),
           (503, "system-error"))
        eq("type", got.header("Content-Type"), "application/problem+json")
        ok("Retry-After", int(got.header("Retry-After")) > 0)


def lonely(name, kinds=("nginx", "apache")):
    """A test for each server and each sample"""
    def register(function):
        for kind in kinds:
            for conf in CALLS:
                @test(f"{kind}/{conf} alone: {name}")
                def _(kind=kind, conf=conf):
                    function(kind, conf)
        return function
    return register


@lonely("it serves inside a shop, and is a 503 while the handler is down")
def _(kind, conf):
    for where in ("server",) if kind == "nginx" else (
            "server", "directory", "htaccess"):
        with alone(kind, conf, where) as web:
            eq("the shop", web.request("/any/page").body, b"the shop\n")
            calls = all_accepted(web, conf)
            web.handler.down()
            all_unavailable(web, calls)
            web.handler.up()
            all_accepted(web, conf)
            for call in calls:
                for method in ("HEAD", "PUT"):
                    got = web.request(call["path"], method, call["headers"])
                    eq(f"{method} {call['path']}", got.status, 405)
                path, slash = call["path"], call["path"] + "/"
                if "oauth2" not in path:
                    got = web.post(slash, call["body"], call["headers"])
                    eq(f"{slash}: {got}", got.status, 200)


@lonely("no name of a server is to be filled in")
def _(kind, conf):
    listed = [conf, *senders.KINDS[kind].needs[conf]["files"]]
    for name in listed:
        lines = [line for line in read(root_file(kind, name)).splitlines()
                 if not line.startswith("#")]
        hasnt(name, "\n".join(lines), "hooks.example")
    if kind == "apache":
        with alone(kind, conf) as web:
            for call in calls_of(web, conf):
                eq("with another Host", web.post(
                    call["path"], call["body"], [
                        *call["headers"],
                        ("Host", "forged.example")]).status, 200)
            for name in os.listdir(web.spools):
                for message in web.spool(name).messages():
                    ok(message["source"], message["source"].startswith(
                        "https://hooks.example/webhook/"))


# What sites set for all of their locations
SITE = {
    "a password": 'auth_basic "staging"; auth_basic_user_file {0}/none;',
    "a password or an address": "satisfy any; allow 127.0.0.0/8; deny all;"
        'auth_basic "staging"; auth_basic_user_file {0}/none;',
    "addresses": "allow 192.0.2.1; deny all;",
    "auth_request": "auth_request /deny;",
    "limits": "limit_req zone=site; limit_req_status 429;"
              "limit_conn site_conn 1; limit_conn_status 429;",
    "a cache": 'fastcgi_cache site_cache; fastcgi_cache_valid any 1h;'
        'fastcgi_cache_key "$request_method$request_uri";'
        "fastcgi_cache_methods GET HEAD POST;"
        "fastcgi_ignore_headers Cache-Control Expires Set-Cookie;",
    "other requests": "fastcgi_pass_request_headers off;"
        "fastcgi_pass_request_body off; fastcgi_next_upstream off;"
        "client_max_body_size 1k; fastcgi_keep_conn on;",
    "error pages": "error_page 400 401 403 404 405 413 429 500 502 503 504 "
        "/index.php; fastcgi_intercept_errors on;",
}
ZONES = """limit_req_zone $server_name zone=site:1m rate=1r/m;
limit_conn_zone $server_name zone=site_conn:1m;
fastcgi_cache_path {0} keys_zone=site_cache:1m;
"""


@lonely("what a site sets for all of its locations does not reach it",
        ["nginx"])
def _(kind, conf):
    cache = folder("cache", 0o777)
    for what, lines in SITE.items():
        lines = lines.replace("{0}", cache)
        lines += " location = /deny { internal; return 403; }\n"
        with alone(kind, conf, site=lines,
                   main=ZONES.replace("{0}", cache)) as web:
            for _ in range(3):
                all_accepted(web, conf)
            if conf == "hookdir-tradecloud.conf":
                for number in range(3):
                    eq(f"notice, {what}", web.request(
                        "/webhook/tradecloud/order/1",
                        headers=[bearer(TOKENS[0])]).status, 200)
                    eq(f"no password, {what}",
                       web.post("/webhook/tradecloud", b"{}").status, 401)
                    eq(f"a name made up, {what}", web.post(
                        "/webhook/tradecloud", b"{}",
                        [basic("made", "up")]).status, 401)
                eq(f"stored, {what}", len(
                    web.spool("tradecloud").names("new")), 9)
            web.handler.down()
            all_unavailable(web, CALLS[conf])


APACHE_SITE = """<Location "/">
    AuthType Basic
    AuthName staging
    AuthBasicProvider file
    AuthUserFile /nowhere
    Require valid-user
    Require ip 192.0.2.1
    LimitRequestBody 10
    SetEnv HOOKDIR_SPOOL /nowhere
</Location>
LimitRequestBody 10
UseCanonicalName Off
ProxyErrorOverride On
"""


@lonely("what a site sets for all of its places does not reach it", ["apache"])
def _(kind, conf):
    with alone(kind, conf, site=APACHE_SITE) as web:
        calls = all_accepted(web, conf)
        for name in os.listdir(web.spools):
            for message in web.spool(name).messages():
                has("source", message["source"], "https://hooks.example/")
        web.handler.down()
        all_unavailable(web, calls)


@each("a password file that cannot be read is a 503, and the log names it",
      [(Nginx, "hookdir-tradecloud.conf"), (Apache, "hookdir-tradecloud.conf")])
def _(kind, conf):
    with alone(kind.kind, conf) as web:
        path = os.path.join(web.etc, "tradecloud.htpasswd")
        call = call_of("/webhook/tradecloud", headers=[basic(*USERS[0])])
        for spoil, mend in (
                (lambda: os.chmod(path, 0o600) or os.chown(path, 0, 0),
                 lambda: web.reload()),
                (lambda: os.rename(path, path + ".away"),
                 lambda: os.rename(path + ".away", path))):
            before = web.logs().count(path)
            spoil()
            all_unavailable(web, [call])
            wait_for(lambda b=before: web.logs().count(path) > b,
                     "the file's name in the error log")
            # A token needs no password file.
            eq("token", web.post("/webhook/tradecloud", b"{}",
                                 [bearer(TOKENS[0])]).status, 200)
            mend()
            eq("mended", web.post(**call).status, 200)


@test("nginx: two handlers serve one endpoint, and a restart loses nothing")
def _():
    # The two lines that hookdir_params names
    text = read(root_file("nginx", "hookdir_params"))
    upstream = re.search(r"^#     (upstream hookdir .+)$", text, re.M)[1]
    line = re.search(r"^#     (fastcgi_pass hookdir;)$", text, re.M)[1]
    second = Handler()
    with Handler() as first:
        upstream = upstream.replace("/run/hookdir/hookdir.sock", first.socket)
        upstream = upstream.replace("/run/hookdir-b/hookdir.sock",
                                    second.socket)
        with Nginx(first, "hookdir.conf", keys=[KEY], main=upstream, edits={
                f"fastcgi_pass unix:{first.socket};": line}) as web:
            for one in (first, second):
                one.down()
                for _ in range(8):
                    eq("with one", web.post(PATH, SHIPMONDO).status, 200)
                one.up()
            first.down()
            second.down()
            all_unavailable(web, [call_of(PATH, SHIPMONDO)] * 2)
            second.up()
            eq("at once", web.post(PATH, SHIPMONDO).status, 200)
    second.stop()


def comment_line(kind, conf, start):
    """The one line of a sample's comment that begins so"""
    [line] = re.findall(rf"^#     ({start}.*)$",
                        read(root_file(kind, conf)), re.M)
    return line


@each("a token of more than 8 KB passes with the line that it names",
      [(kind, conf) for kind in (Nginx, Apache) for conf in
       ("hookdir-tradecloud.conf", "hookdir-oauth.conf")])
def _(kind, conf):
    line = comment_line(kind.kind, conf, {
        "nginx": "large_client_header_buffers",
        "apache": "LimitRequestFieldSize"}[kind.kind])
    path = {"hookdir-tradecloud.conf": "/webhook/tradecloud",
            "hookdir-oauth.conf": "/webhook/oauth/tradecloud"}[conf]
    for site, status in (("", 400), (line, 401)):
        with alone(kind.kind, conf, site=site + "\n") as web:
            got = web.post(path, b"{}", [bearer("x" * 9000)])
            eq(f"with {site!r}", got.status, status)
            got = web.post(path, b"{}", [bearer("x" * 7900)])
            eq(f"7900 bytes with {site!r}", got.status, 401)


@each("25 MB come in at GitHub's endpoint, 16 MiB at others",
      [(Nginx, "hookdir-hmac.conf"), (Apache, "hookdir-hmac.conf")])
def _(kind, conf):
    with alone(kind.kind, conf) as web:
        for name, sign, most in (("github", senders.github, 26214400),
                                 ("shopify", senders.shopify, 16 << 20)):
            for size, status in ((most, 200), (most + 1, 413)):
                body = b'"' + b"x" * (size - 2) + b'"'
                got = web.post(f"/webhook/{name}", body, sign(body))
                eq(f"{size} bytes at {name}", got.status, status)


@each("an id with %2F is stored", [(Nginx, "hookdir-tradecloud.conf"),
                                   (Apache, "hookdir-tradecloud.conf")])
def _(kind, conf):
    with alone(kind.kind, conf) as web:
        got = web.request("/webhook/tradecloud/order/a%2Fb",
                          headers=[bearer(TOKENS[0])])
        eq("answer", got.status, 200)
        message = web.spool("tradecloud").one()
        eq("subject", message["subject"], "a/b")
        eq("path", message["path"], "/webhook/tradecloud/order/a%2Fb")


ODD_KEYS = ["a key of 32 bytes with ${PATH} or so", "$host ${host} $1 $ a$b$",
            'a "key" with \\ and ${x} and $$ in it....']


@each("any key can be written as its file says",
      [(Nginx, "hookdir.conf"), (Apache, "hookdir.conf")])
def _(kind, conf):
    secret = read(root_file(kind.kind, "secrets/shipmondo.conf"))
    start = {"nginx": "geo ", "apache": "Define "}[kind.kind]
    line = re.search(rf"^#     ({start}.*)$", secret, re.M)[1]
    for key in ODD_KEYS:
        quoted = key.replace("\\", "\\\\").replace('"', '\\"')
        mark = "$" if kind is Nginx else "${"
        written = quoted.replace(mark, "${hookdir_dollar}" + mark[1:])
        if kind is Apache:
            edits = {'SetEnv HOOKDIR_KEY ""':
                     f'{line}\nSetEnv HOOKDIR_KEY "{written}"'}
            main_conf = ""
        else:
            edits = {'fastcgi_param HOOKDIR_KEY ""':
                     f'fastcgi_param HOOKDIR_KEY "{written}"'}
            main_conf = line
        with kind(Handler(), conf, edits=edits, main=main_conf) as web:
            stored(web, key=key)


@test("apache: nShift's secret is not in a log of level debug")
def _():
    call = CALLS["hookdir-nshift.conf"][0]
    calls = [call, {**call, "path": call["path"] + "/x"},
             {**call, "path": call["path"] + "?channel=a"}]
    with alone("apache", "hookdir-nshift.conf",
               main="LogLevel debug\n") as web:
        web.handler.new_log()
        for one in calls:
            web.post(**one)
        web.handler.down()
        web.post(**call)
        has("error log", web.logs(), "authz_core:debug")
        hasnt("error log", web.logs(), senders.NSHIFT[0])


@each("MSAL finds the token endpoint below /adfs",
      [(Nginx, "hookdir-oauth.conf"), (Apache, "hookdir-oauth.conf")])
def _(kind, conf):
    with alone(kind.kind, conf) as web:
        got = web.request("/adfs/.well-known/openid-configuration")
        eq("answer", (got.status, got.header("Content-Type")),
           (200, "application/json"))
        eq("token_endpoint", got.json()["token_endpoint"],
           "https://hooks.example/adfs/oauth2/token")
        # Without any of these MSAL for Node asks for no token.
        for name in ("authorization_endpoint", "issuer", "jwks_uri"):
            has(name, got.json()[name], "https://hooks.example/adfs")


@test("nginx: a redirect of the server block comes before every location")
def _():
    # As hookdir_params says: this is what cannot be shut out.
    has("hookdir_params", read(root_file("nginx", "hookdir_params")),
        '"return", "rewrite" and "if" in the server block')
    with alone("nginx", "hookdir.conf", site="return 301 https://x/;") as web:
        eq("status", web.post(PATH, SHIPMONDO).status, 301)


@each("the line a2enmod names every module that Debian does not enable",
      [s for s in SAMPLES if s[0] is Apache])
def _(kind, conf):
    # The harness loads those modules and no other, so it is enough that
    # none is named in vain.
    with open(root_file("apache", conf), encoding="utf-8") as file:
        named = re.findall(r"^# a2enmod (.+)$", file.read(), re.M)
    for name in " ".join(named).split():
        ok(f"Debian has {name}",
           os.path.exists(packaged(
               f"/etc/apache2/mods-available/{name}.load")))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""test_add - hookdir add, remove, rotate and endpoints, on real web servers

The configuration trees are made by sites.py. What is refused has to leave the
web server's configuration as it was, byte for byte. HOOKDIR_TOOL names
another hookdir; its hookdir-net is beside it.
"""

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import time

import shipmondo
from harness import (IS_ROOT, NAME, Handler, Spool, certificate,
                     clean_environment, eq, fail, folder, has, hasnt, main, ok,
                     read, root_file, test, wait_for, write)
from sites import ApacheSite, NginxSite
from spools import TOOL

OK, USAGE, NOINPUT, CANTCREAT, TEMPFAIL, PROTOCOL, IOERR, CONFIG = \
    0, 64, 66, 73, 75, 76, 74, 78
KINDS = {"nginx": NginxSite, "apache": ApacheSite}
SENDERS = ("shipmondo", "tradecloud", "nshift", "standard-webhooks", "github",
           "shopify", "stripe", "generic")


def add(site, name="shop", *more, sender="shipmondo", host=NAME, **options):
    return site.hookdir("add", sender, name, "--host", host, *more, **options)


def send(site, name, sender, key):
    path = f"/webhook/{name}"
    if sender == "nshift":
        path += "/{key}/order.created"
    file = write(os.path.join(folder("key"), "key"), key + "\n", 0o600)
    return subprocess.run(
        [TOOL, "send", f"https://{NAME}:{site.port}{path}", "--sender", sender,
         "--key-file", file, "--cacert", certificate().ca, "--resolve",
         f"{NAME}:{site.port}:127.0.0.1"],
        check=False, text=True, env=clean_environment(),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def stored(site, name, sender, key):
    """A message of that sender arrives in the endpoint's spool."""
    spool = Spool(site.spool(name))
    before = len(spool.messages())
    done = send(site, name, sender, key)
    eq(f"{sender}: {done.stdout}", done.returncode, OK)
    eq("messages", len(spool.messages()), before + 1)


# --- what is made ------------------------------------------------------------

for kind in KINDS:
    @test(f"{kind}: an endpoint of each sender takes its messages, "
          "and goes again")
    def _(kind=kind):
        with Handler() as handler, KINDS[kind](handler) as site:
            for sender in SENDERS:
                name = f"my-{sender}"
                done = add(site, name, "--install", sender=sender)
                eq(repr(done), (done.code, done.err), (OK, ""))
                has("check", done.out, ": 405, by hookdir")
                has("URL", done.out,
                    f"https://{NAME}:{site.port}/webhook/{name}")
                key = site.key(name)
                if sender in ("shopify", "stripe", "standard-webhooks"):
                    hasnt("a key that nobody can type in", done.out, key)
                else:
                    has("key", done.out, key)
                stored(site, name, sender, key)
                quiet = add(site, name, "--install", sender=sender)
                eq(repr(quiet), quiet.code, OK)
                hasnt("key, again", quiet.out + quiet.err, key)
                eq("key", site.key(name), key)
            eq("wrong key", send(site, "my-github", "github", "x").returncode
               != OK, True)
            for sender in SENDERS:
                done = site.hookdir("remove", f"my-{sender}")
                eq(repr(done), done.code, OK)
                ok("the spool stays", site.spool(f"my-{sender}") in done.out)
                eq("message", len(Spool(site.spool(f"my-{sender}"))
                                  .messages()), 1)
            # Apache's modules stay enabled: others may use them by now.
            eq("changed", [name for name in site.changed()
                           if not name.startswith("mods-enabled/")], [])
            eq("left", [name for name in os.listdir(site.path("etc/hookdir"))
                        if name not in ("hookdir_params",
                                        "unavailable.asis")], [])
            wait_for(lambda: "front page" in site.get("/webhook/my-github")
                     .stdout, "the front page")


@test("owners and modes: keys for root, the spool for the user's group")
def _():
    site = NginxSite(users=["shop1"])
    site.put()
    done = add(site, "shop", "--user", "shop1")
    eq(repr(done), done.code, OK)
    has("line", done.out, f"include {site.conf('shop')};")
    user = 61000 if IS_ROOT else os.getuid()
    conf = os.stat(site.conf("shop"))
    eq("conf", (stat.S_IMODE(conf.st_mode), conf.st_uid),
       (0o600, os.getuid()))
    for name in ("", "tmp", "new", "cur", "hold", "failed", "quarantine",
                 "log", "latest", "seen", "documents", "done", "history"):
        found = os.stat(os.path.join(site.spool("shop"), name))
        eq(name, (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid),
           (0o2770, os.getuid(), user if IS_ROOT else os.getgid()))
    eq("above", stat.S_IMODE(os.stat(site.spool("")).st_mode), 0o2751)
    dropin = site.path("etc/systemd/system/hookdir-run@shop.service.d/"
                       "hookdir-add.conf")
    has("user", read(dropin), "User=shop1\n")
    has("group", read(dropin), f"Group={user if IS_ROOT else os.getgid()}\n")
    has("network", read(dropin), "PrivateNetwork=yes\n")
    eq("remove", site.hookdir("remove", "shop").code, OK)
    eq("units", os.listdir(site.path("etc/systemd/system")), [])
    eq("network", add(site, "shop", "--user", "shop1", "--network").code, OK)
    has("network", read(dropin), "PrivateNetwork=no\n")
    eq("changed", site.changed(), [])
    if IS_ROOT:
        eq("remove", site.hookdir("remove", "shop").code, OK)
        done = add(site, "shop")
        eq(repr(done), done.code, CONFIG)
        has("why", done.err, "belongs to another group")
        eq("endpoint", os.path.exists(site.conf("shop")), False)


@test("nothing is made by --dry-run, nor for what is wrong")
def _():
    site = NginxSite()
    site.put()

    def files():
        return sorted((place, names) for place, _, names in
                      os.walk(site.dir))

    before = files()
    for code, *arguments in (
            (OK, "shipmondo", "shop", "--host", NAME, "--dry-run"),
            (OK, "shipmondo", "shop", "--host", NAME, "--dry-run",
             "--install"),
            (USAGE, "nobody", "shop", "--host", NAME),
            (USAGE, "github", "../shop", "--host", NAME),
            (USAGE, "github", ".shop", "--host", NAME),
            (USAGE, "github", "shop;", "--host", NAME),
            (USAGE, "github", "s" * 64, "--host", NAME),
            (USAGE, "github", "shop"),
            (USAGE, "github", "shop", "--host", "a b"),
            (USAGE, "github", "shop", "--host", "a;b"),
            (USAGE, "github", "shop", "--host", NAME, "--path", "x"),
            (USAGE, "github", "shop", "--host", NAME, "--path", "/a/../b"),
            (USAGE, "github", "shop", "--host", NAME, "--path", "/a\n}"),
            (USAGE, "github", "shop", "--host", NAME, "--path", "/a b"),
            (USAGE, "github", "shop", "--host", NAME, "--user", "root"),
            (USAGE, "github", "shop", "--host", NAME, "--server", "iis"),
            (USAGE, "github", "shop", "--host", NAME, "--network")):
        done = site.hookdir("add", *arguments)
        eq(f"{arguments}: {done}", done.code, code)
        eq(f"{arguments}: files", files(), before)
    done = add(site, "shop", "--user", "nobody-here")
    eq(repr(done), done.code, CONFIG)
    has("why", done.err, "there is no user nobody-here")
    eq("endpoint", os.path.exists(site.conf("shop")), False)


@test("the key of a sender that makes its own comes from a file")
def _():
    site = NginxSite()
    site.put()
    key = "whsec_" + "A" * 40
    done = add(site, "pay", "--key-file", "-", sender="stripe",
               stdin=key + "\n")
    eq(repr(done), done.code, OK)
    eq("key", site.key("pay"), key)
    for bad in ("", "a\"b", "a\\b", "a$b", "a\nb"):
        done = add(site, "bad", "--key-file", "-", stdin=bad)
        eq(repr(done), done.code, CONFIG)
        eq("endpoint", os.path.exists(site.conf("bad")), False)
    write(site.conf("mine"), "# mine\n", 0o600)
    done = add(site, "mine")
    eq(repr(done), done.code, CONFIG)
    eq("mine", read(site.conf("mine")), "# mine\n")
    eq("another host", add(site, "pay", sender="stripe",
                           host="other.example").code, CANTCREAT)


@test("no key is an argument of a program, and hookdir opens no connection")
def _():
    with Handler() as handler, NginxSite(handler) as site:
        trace = os.path.join(folder("trace"), "trace")
        for sender in ("github", "nshift", "generic"):
            done = add(site, f"s-{sender}", "--install", sender=sender,
                       wrapper=("strace", "-f", "-qq", "-s", "9999", "-e",
                                "trace=execve,socket", "-o", trace))
            eq(repr(done), done.code, OK)
            text = read(trace)
            ok("programs", text.count("execve(") >= 4)
            hasnt("key", text, site.key(f"s-{sender}"))
            first = text.split(None, 1)[0]
            hasnt("sockets of hookdir", "\n".join(
                line for line in text.splitlines()
                if line.startswith(first + " ")), "AF_INET")


@test("the examples of the manual work as printed")
def _():
    text = read(root_file("docs", "hookdir-add.1")).split(".Sh EXAMPLES")[1]
    blocks = [block.replace("\\e\n", "\\\n") for block in
              re.findall(r"(?s)\.Bd -literal\n(.*?)\.Ed", text)]
    ok("blocks", len(blocks) >= 7)
    with Handler() as handler, \
            NginxSite(handler, users=["anna", "bert"]) as site:
        for name in ("anna", "bert"):
            site.vhosts[name] = site.server(f"{name}.example")
        site.put()
        place = folder("bin", 0o755)
        write(os.path.join(place, "hookdir"),
              f'#!/bin/sh\nexec {TOOL} "$@" --root {site.dir}\n', 0o755)
        write(os.path.join(place, "nginx"), "#!/bin/sh\n"
              f'PATH={clean_environment()["PATH"]}\ncase "$*" in *-c*) exec '
              f'nginx "$@";; *) exec nginx -c {site.dir}/etc/nginx/nginx.conf '
              '"$@";; esac\n', 0o755)
        for block in blocks:
            if "endpoints --names" in block:
                # Those that this one has not a key to make for.
                eq("remove", site.hookdir("remove", "pay").code, OK)
            done = subprocess.run(
                ["sh", "-ec", block], check=False, text=True,
                env={**site.environment(), "PATH":
                     f"{place}:{clean_environment()['PATH']}"},
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            eq(f"{block}: {done.stdout}", done.returncode, OK)
        eq("endpoints", site.hookdir("endpoints", "--names").out.split(),
           ["anna", "bert"])


# --- odd configurations ------------------------------------------------------

def another_file(site):
    os.makedirs(site.path("etc/nginx/deep/er"))
    site.vhosts = {}
    site.main = "include deep/*.conf;"
    site.write("etc/nginx/deep/a.conf", "include deep/er/b.conf;\n")
    site.write("etc/nginx/deep/er/b.conf", site.server())
    return ["deep/er/b.conf"]


def two_names(site):
    site.vhosts["shop"] = site.server(f'other.example\n  "{NAME}"')
    return ["sites-available/shop"]


def wildcard(site):
    site.vhosts["shop"] = site.server("*.example other.test")
    return ["sites-available/shop"]


def several(site):
    site.vhosts["a"] = site.server("a.example")
    site.vhosts["zz"] = site.server("*.example")
    return ["sites-available/shop"]


def no_tls(site):
    site.vhosts["shop"] = site.server("x.example")
    site.vhosts["plain"] = site.server(
        listen="127.0.0.1:" + str(site.port + 1), tls=False)
    return "not TLS"


def shared_tls(site):
    site.vhosts["a"] = site.server("a.example")
    site.vhosts["shop"] = site.server(tls=False).replace(
        "server_name", f"{site.tls} server_name")
    return ["sites-available/shop"]


def syntax_error(site):
    site.later = {"etc/nginx/sites-enabled/zz": "nonsense here;\n"}
    return "(?s)unknown directive .*it had an error before, too"


def cut_off(site):
    site.later = {"etc/nginx/sites-enabled/zz": "server { listen 1; "}
    return "a block does not end"


def links(site):
    site.vhosts = {}
    site.write("etc/shop.real", site.server())
    os.symlink(site.path("etc/shop.real"),
               site.path("etc/nginx/sites-available/shop"))
    os.symlink("../sites-available/shop",
               site.path("etc/nginx/sites-enabled/shop"))
    return []


def read_only(site):
    site.read_only = True
    return "cannot write"


def ipv6(site):
    site.address = "[::1]"
    site.vhosts["shop"] = site.server(listen=f"[::1]:{site.port}")
    return ["sites-available/shop"]


def front_controller(site):
    site.vhosts["shop"] = site.server(content="""
    location ~ /.* { rewrite ^ /index.php last; }
    location = /index.php { return 200 "front controller"; }
    error_page 404 403 405 = /index.php;
    proxy_intercept_errors on;
    fastcgi_intercept_errors on;""")
    return ["sites-available/shop"]


def taken_before(site):
    """In the server block itself, which comes before all locations"""
    site.vhosts["shop"] = site.server(content="""
    if ($uri != /up) { return 200 "front page"; }""")
    return "not an answer of hookdir: 200"


def loop(site):
    site.later = {"etc/nginx/sites-enabled/zz": "include sites-enabled/zz;"}
    return "sites-enabled/zz: too many files include each other"


def existing(site):
    site.vhosts["shop"] = site.server(
        content="location = /webhook/shop { return 204; }")
    return "has the location /webhook/shop already"


def twice(site):
    site.vhosts["more"] = site.server(
        listen=f"127.0.0.1:{site.port + 1}")
    return "two servers have the name"


def not_there(site):
    site.vhosts["shop"] = site.server("other.example")
    return f"no server of the web server's configuration has the name {NAME}"


def one_line(site):
    site.vhosts["shop"] = " ".join(
        site.server().split("\n")[1:]) + "# a comment }"
    return ["sites-available/shop"]


def braces(site):
    site.vhosts["shop"] = site.server(content="""
    # } server { listen 1; }
    set $a "}"; set $b '{'; set $c "${a}x";
    if ($a = x) { return 403; }
""").replace("\n", "\r\n")
    return ["sites-available/shop"]


def certbot(site):
    """As certbot leaves it, in nginx.conf, without a newline at the end"""
    text = site.server(content="", listen=f"127.0.0.1:{site.port}").replace(
        "ssl;", "ssl; # managed by Certbot")
    plain = f"""
server {{
    if ($host = {NAME}) {{ return 301 https://$host$request_uri; }}
    listen 127.0.0.1:{site.port + 1};
    server_name {NAME};
    return 404; # managed by Certbot
}}"""
    site.vhosts["shop"] = (text + plain).rstrip("\n")
    return ["sites-available/shop"]


def main_file(site):
    site.vhosts = {}
    site.main = site.server()
    return ["nginx.conf"]


def included_twice(site):
    site.main = "include sites-available/*;"
    return ["sites-available/shop"]



def not_http(site):
    """stream and mail have server blocks, too."""
    site.write("etc/nginx/mail.conf", f"""mail {{
    auth_http localhost;
    server {{ listen 127.0.0.1:{site.port + 1}; server_name {NAME};
             protocol smtp; smtp_auth none; }}
}}
""")
    return ["sites-available/shop"]


ODD_NGINX = [another_file, two_names, wildcard, several, no_tls, shared_tls,
             syntax_error, cut_off, links, read_only, ipv6, front_controller,
             taken_before, loop, existing, twice, not_there, one_line, braces,
             certbot, main_file, included_twice, not_http]


def apache_several(site):
    site.vhosts["000.conf"] = site.server("a.example")
    site.vhosts["zz.conf"] = site.server("b.example") + site.server(
        "c.example", content=f"ServerAlias www.c.example\n") + \
        site.server(tls=False, address=f"*:{site.port + 1}")
    return ["sites-available/shop.conf"]


def apache_alias(site):
    site.vhosts["shop.conf"] = site.server(
        "other.example", content=f"ServerAlias x.example \\\n  {NAME}")
    return ["sites-available/shop.conf"]


def apache_conditions(site):
    site.main = f"Define SHOP {NAME}"
    site.vhosts["shop.conf"] = ("<IfModule mod_ssl.c>\n" + site.server(
        "${SHOP}") + "</IfModule>\n").replace("\n", "\r\n")
    return ["sites-available/shop.conf"]


def apache_no_tls(site):
    site.vhosts["shop.conf"] = site.server("x.example") + site.server(
        tls=False, address=f"*:{site.port + 1}")
    return "not TLS"


def apache_not_there(site):
    site.vhosts["shop.conf"] = site.server("x.example")
    return f"no server of the web server's configuration has the name {NAME}"


def apache_syntax_error(site):
    site.later = {"etc/apache2/sites-enabled/zz.conf": "Nonsense here"}
    return "Apache refuses the configuration"


def apache_loop(site):
    site.later = {"etc/apache2/sites-enabled/zz.conf":
                  f"Include {site.dir}/etc/apache2/sites-enabled/zz.conf"}
    return "sites-enabled/zz.conf: too many files include each other"


def apache_existing(site):
    site.vhosts["shop.conf"] = site.server(content="""
    <Location "/webhook/shop">
        Require all denied
    </Location>""")
    return "has the location /webhook/shop already"


def apache_rewrites(site):
    site.vhosts["shop.conf"] = site.server(content="""
    RewriteEngine On
    RewriteRule "^/(?!index)" "/index.html" [L]
    <Location "/">
        Require all denied
    </Location>
    <Location "/up">
        Require all granted
    </Location>""")
    return ["sites-available/shop.conf"]


def apache_redirect(site):
    os.symlink("../mods-available/alias.load",
               site.path("etc/apache2/mods-enabled/alias.load"))
    site.vhosts["shop.conf"] = site.server(
        content='RedirectMatch "^/webhook" "https://www.example/"')
    return ["sites-available/shop.conf"]


def apache_denied(site):
    """An <If> section comes after all others."""
    site.vhosts["shop.conf"] = site.server(content="""
    <If "%{REQUEST_URI} =~ m#^/webhook#">
        Require all denied
    </If>""")
    return "not an answer of hookdir: 403"


def apache_read_only(site):
    site.read_only = True
    return "mod|cannot write"


ODD_APACHE = [apache_several, apache_alias, apache_conditions, apache_no_tls,
              apache_not_there, apache_syntax_error, apache_loop,
              apache_existing, apache_rewrites, apache_redirect,
              apache_denied, apache_read_only]


@contextlib.contextmanager
def made_read_only(site, asked):
    """The words in front of a command that may not write there"""
    place = site.path(site.confdir)
    if not asked:
        yield ()
    elif IS_ROOT:
        yield ("unshare", "-m", "sh", "-c", 'mount --bind "$0" "$0" && '
               'mount -o remount,ro,bind "$0" && exec "$@"', place)
    else:
        for where, names, _ in os.walk(place):
            os.chmod(where, 0o555)
        yield ()
        for where, names, _ in os.walk(place):
            os.chmod(where, 0o755)


def check_odd(site, prepare):
    site.later, site.read_only = {}, False
    want = prepare(site)
    with site:
        for name, text in site.later.items():
            site.write(name, text)
        before = site.tree()
        with made_read_only(site, site.read_only) as wrapper:
            done = add(site, "shop", "--install", wrapper=wrapper)
        if isinstance(want, str):
            ok(repr(done), done.code in (CONFIG, PROTOCOL, IOERR))
            ok(f"{want} in {done.err}", re.search(want, done.err))
            eq("configuration", site.tree(), before)
            eq("endpoint", os.path.exists(site.conf("shop")), False)
            if not site.later:
                wait_for(lambda: site.answers(), "the site")
            return
        eq(repr(done), (done.code, done.err), (OK, ""))
        eq("changed", [name for name in site.changed()
                       if not name.startswith("mods-enabled/")], want)
        if site.address == "127.0.0.1":
            stored(site, "shop", "shipmondo", site.key("shop"))
        eq("again", add(site, "shop", "--install").code, OK)
        eq("remove", site.hookdir("remove", "shop").code, OK)
        eq("removed", [name for name in site.changed()
                       if not name.startswith("mods-enabled/")], [])


for prepare in ODD_NGINX:
    @test(f"nginx, add --install: {prepare.__name__.replace('_', ' ')}")
    def _(prepare=prepare):
        with Handler() as handler:
            check_odd(NginxSite(handler), prepare)

for prepare in ODD_APACHE:
    @test(f"Apache, add --install: "
          f"{prepare.__name__[7:].replace('_', ' ')}")
    def _(prepare=prepare):
        with Handler() as handler:
            check_odd(ApacheSite(handler), prepare)


@test("several at once: each line is there, and the site works")
def _():
    with Handler() as handler, NginxSite(handler) as site:
        names = [f"at-once-{i}" for i in range(8)]
        running = [subprocess.Popen(
            [TOOL, "add", "github", name, "--host", NAME, "--install",
             "--no-reload", "--root", site.dir], env=site.environment(),
            stdout=subprocess.DEVNULL) for name in names]
        eq("exit", [process.wait() for process in running], [OK] * 8)
        eq("last", add(site, "last", "--install").code, OK)
        for name in names:
            eq(name, site.status(f"/webhook/{name}"), 405)


@test("a signal during the test does not leave half a change")
def _():
    with Handler() as handler, NginxSite(handler) as site:
        before = site.tree()
        place = folder("bin", 0o755)
        write(os.path.join(place, "nginx"), "#!/bin/sh\n"
              f"trap 'exit 1' TERM\ntouch {place}/started\n"
              f"until [ -e {place}/go ]; do sleep 0.05; done\nexit 1\n", 0o755)
        env = {**site.environment(),
               "PATH": f"{place}:{clean_environment()['PATH']}"}
        with subprocess.Popen(
                [TOOL, "add", "github", "shop", "--host", NAME, "--install",
                 "--root", site.dir], env=env, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL) as process:
            wait_for(lambda: os.path.exists(f"{place}/started"), "the test")
            ok("changed", site.tree() != before)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                process.send_signal(number)
            write(f"{place}/go", "")
            eq("exit", process.wait(), CONFIG)
        eq("configuration", site.tree(), before)
        eq("endpoint", os.path.exists(site.conf("shop")), False)


@test("a web server that does not run: taken back; --no-reload needs none")
def _():
    site = NginxSite()
    site.put()
    done = add(site, "shop", "--install")
    eq(repr(done), done.code, CONFIG)
    has("why", done.err, "nginx was not reloaded")
    eq("changed", site.changed(), [])
    eq("endpoint", os.path.exists(site.conf("shop")), False)
    eq("later", add(site, "shop", "--install", "--no-reload").code, OK)
    eq("changed", site.changed(), ["sites-available/shop"])


@test("endpoints included by a pattern: no second line, and removal")
def _():
    with Handler() as handler:
        site = NginxSite(handler)
        site.vhosts["shop"] = site.server(
            content=f"include {site.dir}/etc/hookdir/*.conf;")
        with site:
            eq("add", add(site, "shop", "--install").code, OK)
            eq("changed", site.changed(), [])
            eq("remove", site.hookdir("remove", "shop").code, OK)
            eq("conf", os.path.exists(site.conf("shop")), False)
            wait_for(lambda: "front page" in site.get("/webhook/shop").stdout,
                     "the front page")
            # By another name of the file, which is found when it is gone.
            os.symlink(site.path("etc/hookdir"), site.path("etc/other"))
            eq("add", add(site, "shop").code, OK)
            site.vhosts["shop"] = site.server(
                content=f"include {site.dir}/etc/other/shop.conf;")
            site.put()
            before = read(site.conf("shop"))
            done = site.hookdir("remove", "shop")
            eq(repr(done), done.code, CONFIG)
            eq("conf", read(site.conf("shop")), before)


@test("a spool that is lost is not made again: 503, and add makes it")
def _():
    with Handler() as handler:
        for site in (NginxSite(handler), ApacheSite(handler)):
            with site:
                eq("add", add(site, "shop", "--install").code, OK)
                shutil.rmtree(site.spool("shop"))
                done = send(site, "shop", "shipmondo", site.key("shop"))
                eq(done.stdout, done.returncode, TEMPFAIL)
                eq("spool", os.path.exists(site.spool("shop")), False)
                eq("add", add(site, "shop").code, OK)
                stored(site, "shop", "shipmondo", site.key("shop"))


@test("the file of before is in /var/backups, and nothing else is left")
def _():
    with Handler() as handler, NginxSite(handler) as site:
        eq("add", add(site, "shop", "--install").code, OK)
        place = site.path("var/backups/hookdir")
        [name] = os.listdir(place)
        has("name", name, "sites-available_shop.")
        eq("content", read(os.path.join(place, name)), site.vhosts["shop"])
        eq("mode", stat.S_IMODE(os.stat(place).st_mode), 0o700)
        eq("temporary files", [name for _, _, names in os.walk(site.dir)
                               for name in names
                               if name.startswith(".hookdir")], [])


@test("a receiver that does not run is no reason to take it back")
def _():
    with Handler() as handler, NginxSite(handler) as site:
        handler.down()
        done = add(site, "shop", "--install")
        eq(repr(done), done.code, TEMPFAIL)
        has("why", done.err, "Does hookdir.socket run?")
        eq("changed", site.changed(), ["sites-available/shop"])
        has("key", done.out, site.key("shop"))
        handler.up()
        # An old worker of nginx may still take a call, for the shop.
        wait_for(lambda: send(site, "shop", "shipmondo",
                              site.key("shop")).returncode == OK, "answer")
        eq("messages", len(Spool(site.spool("shop")).messages()), 1)


@test("where a call for an unknown host ends is said")
def _():
    site = NginxSite()
    site.vhosts["a"] = site.server("a.example")
    site.put()
    eq("a", add(site, "a", "--install", "--no-reload", host="a.example").code,
       OK)
    done = add(site, "shop", "--install", "--no-reload")
    eq(repr(done), done.code, OK)
    has("said", done.out, "into the endpoints of a.conf there")
    site.vhosts = {"a": site.server("_").replace(" ssl;",
                                                 " ssl default_server;"),
                   "shop": site.vhosts["shop"]}
    site.put()
    done = add(site, "other", "--install", "--no-reload")
    has("said", done.out, "sites-available/a, line 2, which has no endpoint")


# --- many shops, rotation ----------------------------------------------------

@test("40 shops of a user each in 10 s, shop 41, rotation of all, removal")
def _():
    names = [f"shop{i:02}" for i in range(1, 42)]
    with Handler() as handler, \
            NginxSite(handler, users=names) as site:
        for name in names:
            site.vhosts[name] = site.server(f"{name}.example")
        site.put()
        # Into the server blocks takes 40 tests by nginx more.
        for more in ((), ("--install", "--no-reload")):
            start, spent = time.monotonic(), cpu_of_children()
            for name in names[:40]:
                done = add(site, name, "--user", name, *more,
                           host=f"{name}.example")
                eq(repr(done), done.code, OK)
            seconds = time.monotonic() - start
            spent = cpu_of_children() - spent
            print(f"# 40 shops {more}: {seconds:.1f} s, CPU {spent:.1f} s")
            # Of the CPU, since other programs may have slowed it down.
            ok(f"{spent:.1f} s", spent < 10)
        eq("41", add(site, names[40], "--user", names[40], "--install",
                     host=f"{names[40]}.example").code, OK)
        eq("names", site.hookdir("endpoints", "--names").out.split(), names)
        for name in names:
            wait_for(lambda name=name: site.status(
                f"/webhook/{name}", f"{name}.example") == 405, name)
        old = {name: site.key(name) for name in names}
        eq("keys", len(set(old.values())), 41)
        for name in names:
            done = site.hookdir("rotate", name, "--no-reload")
            eq(repr(done), done.code, OK)
            has("key", done.out, site.key(name))
            eq("previous", site.key(name, previous=True), old[name])
            ok("new", site.key(name) != old[name])
        eq("twice", site.hookdir("rotate", "shop01").code, CANTCREAT)
        for name in names:
            eq("finish", site.hookdir("rotate", name, "--finish", "--yes",
                                      "--no-reload").code, OK)
        for name in names:
            eq("remove", site.hookdir("remove", name, "--no-reload").code, OK)
        eq("changed", site.changed(), [])
        eq("spools", sorted(os.listdir(site.spool(""))), names)


def cpu_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def history(site, name, *lines):
    day = site.path(f"var/spool/hookdir/{name}/history/2026-01-01.in.jsonl")
    with open(day, "w", encoding="utf-8") as file:
        for seconds_ago, key in lines:
            when = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z",
                                 time.gmtime(time.time() - seconds_ago))
            file.write(json.dumps({"time": when, "event": "accepted",
                                   "key": key}) + "\n")
        file.write('{"time":"2026-01-01T00:00')  # a torn line


def age(site, name, days):
    """As if it was rotated so long ago"""
    when = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z",
                         time.gmtime(time.time() - days * 86400))
    text = re.sub(r"(# previous, since ).*", rf"\g<1>{when}",
                  read(site.conf(name)))
    write(site.conf(name), text, 0o600)


for kind in KINDS:
    @test(f"{kind}: rotate: both keys are good, then the new one alone")
    def _(kind=kind):
        with Handler() as handler, KINDS[kind](handler) as site:
            for sender in ("shipmondo", "nshift", "generic"):
                name = f"r-{sender}"
                eq("add", add(site, name, "--install", sender=sender).code,
                   OK)
                old = site.key(name)
                with open(site.conf(name), "a", encoding="utf-8") as file:
                    file.write("# by hand\n")
                done = site.hookdir("rotate", name)
                eq(repr(done), done.code, OK)
                new = site.key(name)
                wait_for(lambda: send(site, name, sender, new).returncode
                         == OK, "the new key")
                stored(site, name, sender, old)
                eq("finish", site.hookdir("rotate", name, "--finish").code,
                   TEMPFAIL)
                eq("key", site.key(name, previous=True), old)
                done = site.hookdir("rotate", name, "--finish", "--yes")
                eq(repr(done), done.code, OK)
                wait_for(lambda: send(site, name, sender, old).returncode
                         != OK, "the old key to be refused")
                stored(site, name, sender, new)
                has("by hand", read(site.conf(name)), "# by hand\n")


@test("rotate --finish without --yes: what the history has to show")
def _():
    site = NginxSite()
    site.put()
    eq("add", add(site, "shop").code, OK)
    eq("rotate", site.hookdir("rotate", "shop", "--no-reload").code, OK)
    finish = ("rotate", "shop", "--finish", "--no-reload")
    day = 86400
    for days, lines in (
            (30, ()),                                  # nothing came
            (30, ((40 * day, "current"),)),            # before the rotation
            (1, ((60, "current"),)),                   # too early to say
            (30, ((60, "current"), (day, "previous"))),
            (30, ((day, "previous"),))):
        age(site, "shop", days)
        history(site, "shop", *lines)
        done = site.hookdir(*finish)
        eq(f"{days} {lines}: {done}", done.code, TEMPFAIL)
        ok("previous", site.key("shop", previous=True))
    age(site, "shop", 30)
    history(site, "shop", (20 * day, "previous"), (60, "current"))
    listed = site.hookdir("endpoints").out
    has("listed", listed, "previous key ")
    has("listed", listed, "last message 20")
    done = site.hookdir(*finish)
    eq(repr(done), done.code, OK)
    hasnt("previous", read(site.conf("shop")), "PREVIOUS")
    eq("again", site.hookdir(*finish).code, OK)


@test("rotate: what the web server refuses is taken back")
def _():
    with Handler() as handler, NginxSite(handler) as site:
        eq("add", add(site, "shop", "--install").code, OK)
        before = read(site.conf("shop"))
        site.write("etc/nginx/sites-enabled/zz", "nonsense")
        done = site.hookdir("rotate", "shop")
        eq(repr(done), done.code, CONFIG)
        eq("conf", read(site.conf("shop")), before)
        done = site.hookdir("remove", "shop")
        ok(repr(done), done.code != OK)
        eq("conf", read(site.conf("shop")), before)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""readme - README.md followed to the letter, on a Debian with a shop

Every command of README.md is run as it is printed, by sudo, in a booted
container whose shop nginx or Apache serves. What a user types or writes
otherwise (a key in the editor, a line in the vhost, a script) is taken from
README.md, too. A block of it that no test knows fails the count.
"""

import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "e2e"))
# pylint: disable=wrong-import-position
import shipmondo  # noqa: E402
from container import Container  # noqa: E402
from harness import (ROOT, eq, has, main, needs_root, ok,  # noqa: E402
                     read, root_file, test, wait_for)

SOURCE = "/root/hookdir"
SPOOL = "/var/spool/hookdir/shipmondo"
NAME = "shop.example"
KEY = "0123456789abcdef" * 4

VHOSTS = {
    "nginx": ("/etc/nginx/sites-enabled/default", f"""server {{
    listen 443 ssl;
    server_name {NAME};
    ssl_certificate /etc/ssl/shop.pem;
    ssl_certificate_key /etc/ssl/shop.key;
    root /var/www/html;
    location / {{ try_files $uri /index.html; }}
    # here
}}
"""),
    "apache": ("/etc/apache2/sites-enabled/shop.conf", f"""<VirtualHost *:443>
    ServerName {NAME}
    SSLEngine on
    SSLCertificateFile /etc/ssl/shop.pem
    SSLCertificateKeyFile /etc/ssl/shop.key
    DocumentRoot /var/www/html
    FallbackResource /index.html
    # here
</VirtualHost>
""")}

SHOP = f"""
echo 127.0.0.1 {NAME} shop >>/etc/hosts
echo the shop >/var/www/html/index.html
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={NAME} \\
    -addext subjectAltName=DNS:{NAME} -keyout /etc/ssl/shop.key \\
    -out /etc/ssl/shop.pem 2>/dev/null
cat /etc/ssl/shop.pem >>/etc/ssl/certs/ca-certificates.crt
if [ -d /etc/apache2 ]; then a2enmod ssl; fi
"""


def blocks():
    """{heading: its blocks of code, without their indent}"""
    found, heading, block = {}, "", []
    for line in [*read(root_file("README.md")).splitlines(), "# end"]:
        if line.startswith("    ") or (not line and block):
            block.append(line[4:])
            continue
        if block:
            found.setdefault(heading, []).append("\n".join(block).strip())
            block = []
        if line.startswith("#"):
            heading = line.lstrip("# ")
    return found


class Reader:
    """A user with a shop, who follows README.md"""

    def __init__(self, kind):
        needs_root()
        self.kind = kind
        self.text = blocks()
        server = {"nginx": "nginx", "apache": "apache2"}[kind]
        self.system = Container([server, "sudo", "cron", "openssl",
                                 "ca-certificates"])
        shutil.copytree(ROOT, self.system.path(SOURCE), symlinks=True,
                        ignore=shutil.ignore_patterns("build*", ".git"))
        shutil.copy("/etc/resolv.conf", self.system.path("/etc/resolv.conf"))
        self.system.boot()
        self.system.run("sh", "-ec", SHOP)
        # What the user types into the editor
        self.system.write("/usr/local/bin/editor",
                          "#!/bin/sh\nexec sed -i "
                          f"'s/HOOKDIR_KEY \"\"/HOOKDIR_KEY \"{KEY}\"/' "
                          "\"$1\"\n", 0o755)
        self.vhost("# here")
        self.system.run("systemctl", "restart", server)

    def vhost(self, lines):
        path, text = VHOSTS[self.kind]
        self.system.write(path, text.replace("# here", lines))

    def take(self, heading):
        """The next block below a heading that was not taken yet"""
        ok(f"README.md has another block below {heading!r}",
           self.text.get(heading))
        return self.text[heading].pop(0)

    def follow(self, heading, online=False):
        """Runs the next block; answers what it wrote."""
        block = self.take(heading)
        if block.startswith("$ "):
            block = "\n".join(re.findall(r"^\$ (.*)$", block, re.M))
        return self.system.run("sh", "-ec", f"cd {SOURCE}\n{block}",
                               online=online, timeout=600, input="y\n")

    def check(self):
        """The answer to the check, whose block stays"""
        return self.system.run("sh", "-ec", self.text["Check that it works"][0])

    def send(self, number):
        body = shipmondo.body(shipmondo.form_a(
            f'{{"id": {number}}}'.encode()), KEY)
        return self.system.run(
            "curl", "-sS", "-i", "-H", "SMD-Resource-Type: Orders", "-H",
            "SMD-Action: create", "--data-binary", "@-",
            f"https://{NAME}/webhook/shipmondo", input=body.decode())


COMMAND = re.compile(r"^# {1,5}((?:a2enmod|cd|chmod|chown|cp|htpasswd|install|mv"
                     r"|openssl|systemctl) .*?)(?: {4}\(.*\))?$", re.M)
# Needs an address that answers, and has tests of its own
ELSEWHERE = ("hookdir-jwks.service", "hookdir-cgi.conf")


def comments(folder):
    """{file: the commands in its comments} of the samples in a folder"""
    found = {}
    for place, _, names in os.walk(root_file(folder)):
        for name in sorted(set(names) - set(ELSEWHERE)):
            commands = COMMAND.findall(read(os.path.join(place, name)))
            if commands:
                found[os.path.join(place, name)] = commands
    return found


def samples(reader, *folders):
    """The commands in the samples' comments, with the files where they say"""
    system = reader.system
    system.run("apt-get", "install", "-y", "apache2-utils", online=True)
    system.run("sh", "-ec", f"""cd {SOURCE}/{reader.kind}
        install -m 0640 *.* secrets/* /etc/hookdir/
        cd {SOURCE}/tools/samples
        cp *.service /etc/systemd/system/
        cp book-order.sh /usr/local/bin/book-order""")
    count = 0
    for folder in folders:
        for path, commands in comments(folder).items():
            # One shell, as one "cd" is for all; a terminal, for passwords
            where = "/etc/hookdir" if folder == reader.kind else \
                f"{SOURCE}/tools/samples"
            system.write("/tmp/commands", f"set -e\ncd {where}\n"
                         + "\n".join(commands) + "\n")
            # that are typed again and again: what comes early is flushed.
            out = system.execute(
                "sh", "-c", "while sleep 0.2; do echo password; done |"
                "script -qec 'sh /tmp/commands' /dev/null")
            eq(f"{path}: {commands}", (out.returncode, out.stdout),
               (0, out.stdout))
            count += len(commands)
    print(f"# figure readme | commands in comments, {reader.kind} | {count} |",
          flush=True)
    ok(f"{count} commands were found", count >= 8)


def processed(reader):
    try:
        return re.findall(r'"id": *(\d+)',
                          read(reader.system.path("/var/spool/hookdir/done")))
    except FileNotFoundError:
        return []


def install(reader):
    reader.follow("The source", online=True)
    eq("socket", reader.system.run("systemctl", "is-active",
                                   "hookdir.socket").strip(), "active")
    heading = {"nginx": "nginx", "apache": "Apache"}[reader.kind]
    reader.follow(heading)
    has("before the line is there", reader.check(), "the shop")
    reader.vhost(reader.take(heading))
    reader.follow(heading)
    # Workers of before may answer for a moment after a reload.
    wait_for(lambda: "405" in reader.check(), "405 at the check")
    has("the check", reader.check(), "only POST is served here")
    reader.system.run("systemctl", "stop", "hookdir.socket")
    has("no handler", reader.check(), "503")
    has("no handler", reader.check(),
        "the error log of the web server says why")
    reader.system.run("systemctl", "start", "hookdir.socket")
    reader.take("Check that it works")


def process(reader):
    heading, system = "Process the messages", reader.system
    system.write("/usr/local/bin/import-orders", reader.take(heading) + "\n")
    system.write("/usr/local/bin/import-order", "#!/bin/sh\ncat >>"
                 "/var/spool/hookdir/done\n", 0o755)
    has("the first order", reader.send(1), '"accepted"')
    reader.follow(heading)
    wait_for(lambda: processed(reader) == ["1"], "the first order")
    has("the second", reader.send(2), '"accepted"')
    wait_for(lambda: processed(reader) == ["1", "2"], "the second order")
    system.run("systemctl", "stop", "hookdir-run@shipmondo")
    system.write("/etc/cron.d/import-orders", reader.take(heading) + "\n")
    has("the third", reader.send(3), '"accepted"')
    wait_for(lambda: processed(reader) == ["1", "2", "3"], "cron", 90)
    system.run("rm", "/etc/cron.d/import-orders")
    name = re.search(r"show \S+ (\S+)$", reader.text[heading][0], re.M)[1]
    system.run("sudo", "-u", "hookdir", "sh", "-c",
               f"mkdir -p {SPOOL}/failed && echo '{{\"data\":{{\"data\":"
               f"{{\"id\":4}}}}}}' >{SPOOL}/failed/{name},tries=11.json")
    out = reader.follow(heading)
    has("list", out, name)
    eq("requeued", len(os.listdir(system.path(SPOOL + "/new"))), 1)
    system.run("systemctl", "start", "hookdir-run@shipmondo")
    wait_for(lambda: processed(reader)[3:] == ["4"], "the fourth")


def upgrade_and_uninstall(reader):
    heading, system = "Upgrade and uninstall", reader.system
    before = system.run("systemctl", "show", "--property=MainPID",
                        "hookdir.service")
    reader.follow(heading)
    ok("it was restarted", before != system.run(
        "systemctl", "show", "--property=MainPID", "hookdir.service"))
    has("after the upgrade", reader.send(5), '"accepted"')
    wait_for(lambda: processed(reader)[4:] == ["5"], "the fifth")
    out = reader.follow("Logs")
    has("logs", out, "status=200 reason=accepted")
    reader.follow(heading)
    left = system.run("sh", "-c", "systemctl list-units --all --plain "
                      "'hookdir*' --no-legend; ls -d /usr/local/*/*hookdir* "
                      "/etc/systemd/system/*hookdir* "
                      "/etc/systemd/system/*/hookdir* 2>/dev/null || :")
    eq("left behind", left, "")


@test("nginx: README.md, from the first line to the uninstallation", 1500)
def _():
    reader = Reader("nginx")
    install(reader)
    process(reader)
    upgrade_and_uninstall(reader)
    samples(reader, "nginx")
    # test_package.py has the tests of the packages.
    del (reader.text["hookdir"], reader.text["Apache"],
         reader.text["Packages"])
    eq("not followed", {heading: rest for heading, rest
                        in reader.text.items() if rest}, {})


@test("Apache: README.md, as far as it differs", 1500)
def _():
    reader = Reader("apache")
    install(reader)
    has("an order", reader.send(1), '"accepted"')
    samples(reader, "apache", "tools")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""sites - a configuration tree for hookdir add, with the web server on it

    with Handler() as handler, NginxSite(handler) as site:
        done = site.hookdir("add", "shipmondo", "shop", "--host", NAME,
                            "--install")
        eq("exit", done.code, 0)

The tree is DIR/etc, DIR/var, DIR/run in a temporary folder; hookdir gets it
with --root. Before start() a test may change site.main, which is put into the
main file, and site.vhosts, the files of sites-available/ that sites-enabled/
has links to. changed() says which files of the web server's configuration are
not as they were at start().
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess

from harness import (IS_ROOT, NAME, PATIENCE, WEB_USER, Process, certificate,
                     clean_environment, eq, folder, free_port, packaged, read,
                     wait_for, write)
from spools import TOOL


class Done:
    def __init__(self, done):
        self.code = done.returncode
        self.out, self.err = done.stdout, done.stderr

    def __repr__(self):
        return f"exit {self.code}\n{self.out}\n{self.err}"


class Site(Process):
    kind = ""
    confdir = ""

    def __init__(self, handler=None, users=()):
        super().__init__(self.kind)
        self.handler = handler
        self.dir = folder("tree", 0o755)
        self.port = free_port()
        self.tls = (f"ssl_certificate {certificate().pem}; "
                    f"ssl_certificate_key {certificate().key};")
        self.main, self.vhosts = "", {}
        self.address = "127.0.0.1"
        for name in ("etc/hookdir", "etc/systemd/system", "run/hookdir",
                     "tmp", "var/log", "var/spool", f"{self.confdir}/"
                     "sites-available", f"{self.confdir}/sites-enabled"):
            os.makedirs(self.path(name), 0o755, exist_ok=True)
        if handler:
            os.symlink(handler.socket, self.path("run/hookdir/hookdir.sock"))
        uid, gid = os.getuid(), os.getgid()
        web = gid
        lines = [f"hookdir:x:{uid}:{gid}::/:/bin/false"]
        groups = []
        for i, user in enumerate(users):
            number = 61000 + i if IS_ROOT else uid
            lines.append(f"{user}:x:{number}:{number if IS_ROOT else gid}"
                         "::/:/bin/false")
        if IS_ROOT:
            import grp
            web = grp.getgrnam("www-data").gr_gid
        groups.append(f"www-data:x:{web}:")
        lines.append(f"www-data:x:{uid}:{web}::/:/bin/false")
        write(self.path("etc/passwd"), "\n".join(lines) + "\n", 0o644)
        write(self.path("etc/group"), "\n".join(groups) + "\n", 0o644)
        self.before = None

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, text):
        return write(self.path(name), text, 0o644)

    def put(self):
        """Writes the configuration, and remembers it."""
        self.write(f"{self.confdir}/{self.main_name}", self.main_conf())
        for name, text in self.vhosts.items():
            self.write(f"{self.confdir}/sites-available/{name}", text)
            with contextlib.suppress(FileExistsError):
                os.symlink(f"../sites-available/{name}", self.path(
                    f"{self.confdir}/sites-enabled/{name}"))
        self.before = self.tree()

    def tree(self):
        """Every file of the web server's configuration, byte for byte"""
        found = {}
        for place, _, files in os.walk(self.path(self.confdir)):
            for name in files:
                path = os.path.join(place, name)
                if os.path.islink(path):
                    found[path] = os.readlink(path)
                elif os.path.isfile(path):
                    with open(path, "rb") as file:
                        found[path] = file.read(), os.stat(path).st_mode
        return found

    def changed(self):
        now = self.tree()
        return sorted(os.path.relpath(path, self.path(self.confdir))
                      for path in {*now, *self.before}
                      if now.get(path) != self.before.get(path))

    def start(self):
        self.put()
        self.spawn(self.command(), self.path("var/log/server"),
                   env=self.environment())
        wait_for(self.answers, f"{self.kind} to answer")
        return self

    def answers(self):
        if not self.alive():
            raise AssertionError(read(self.path("var/log/server"))
                                 + self.logs())
        return self.get("/up").returncode == 0

    def logs(self):
        with contextlib.suppress(FileNotFoundError):
            return read(self.path("var/log/error"))
        return ""

    def environment(self):
        return clean_environment()

    def get(self, path, host=NAME, *more):
        return subprocess.run(
            ["curl", "-sk", "--resolve", f"{host}:{self.port}:{self.address}",
             "-o", "-", "-w", "\n%{http_code}", *more,
             f"https://{host}:{self.port}{path}"],
            check=False, text=True, stdout=subprocess.PIPE)

    def status(self, path, host=NAME, *more):
        return int(self.get(path, host, *more).stdout.rsplit("\n", 1)[1])

    def hookdir(self, command, *arguments, stdin="", wrapper=()):
        return Done(subprocess.run(
            [*wrapper, TOOL, command, *arguments, "--root", self.dir],
            check=False, text=True, input=stdin, env=self.environment(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            timeout=PATIENCE))

    def conf(self, name):
        return self.path("etc/hookdir", f"{name}.conf")

    def key(self, name, previous=False):
        text = read(self.conf(name)).split("# keys: begin", 1)[1]
        keys = re.findall(r'HOOKDIR_KEY(?:_PREVIOUS)? "([^"]*)"|\\Q(.*?)\\E',
                          text.split("# keys: end")[0])
        return "".join(keys[1 if previous else 0])

    def spool(self, name):
        return self.path("var/spool/hookdir", name)

    def __enter__(self):
        return self.start()


class NginxSite(Site):
    kind, confdir, main_name = "nginx", "etc/nginx", "nginx.conf"

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.vhosts["shop"] = self.server()

    def server(self, names=NAME, listen=None, content="", tls=True):
        return f"""# the shop
server {{
    listen {listen or f"127.0.0.1:{self.port}"}{" ssl" if tls else ""};
    server_name {names};
    {self.tls if tls else ""}
    {content}
    location / {{ return 200 "front page\\n"; }}
}}
"""

    def main_conf(self):
        temp = "\n".join(
            f"    {name}_temp_path {self.dir}/tmp/{name};" for name in
            ("client_body", "fastcgi", "proxy", "scgi", "uwsgi"))
        return f"""{f"user {WEB_USER};" if WEB_USER else ""}
worker_processes 1;
pid {self.dir}/run/nginx.pid;
error_log {self.dir}/var/log/error;
events {{ worker_connections 256; }}
http {{
    access_log off;
{temp}
    {self.main}
    include sites-enabled/*;
}}
"""

    def command(self):
        return ["nginx", "-g", "daemon off;", "-c",
                self.path("etc/nginx/nginx.conf")]


class ApacheSite(Site):
    kind, confdir, main_name = "apache", "etc/apache2", "apache2.conf"
    modules = ("authz_core authz_host authn_core mpm_event mime ssl dir "
               "socache_shmcb reqtimeout rewrite")

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.vhosts["shop.conf"] = self.server()
        for name in ("mods-available", "mods-enabled", "conf-available"):
            os.makedirs(self.path("etc/apache2", name))
        for name in os.listdir(packaged("/etc/apache2/mods-available")):
            text = read(packaged(f"/etc/apache2/mods-available/{name}"))
            self.write(f"etc/apache2/mods-available/{name}", re.sub(
                r"(?m)^(LoadModule \S+ )(\S+)$",
                lambda m: m[1] + packaged(m[2]), text))
        for name in self.modules.split():
            for suffix in ("load", "conf"):
                if os.path.exists(self.path(
                        f"etc/apache2/mods-available/{name}.{suffix}")):
                    os.symlink(f"../mods-available/{name}.{suffix}", self.path(
                        f"etc/apache2/mods-enabled/{name}.{suffix}"))
        os.makedirs(self.path("var/www"))
        self.write("var/www/index.html", "front page\n")

    def server(self, name=NAME, address=None, content="", tls=True):
        engine = f"""SSLEngine on
    SSLCertificateFile {certificate().pem}
    SSLCertificateKeyFile {certificate().key}""" if tls else ""
        return f"""# the shop
<VirtualHost {address or f"*:{self.port}"}>
    ServerName {name}
    {engine}
    DocumentRoot {self.dir}/var/www
    {content}
</VirtualHost>
"""

    def main_conf(self):
        write(self.path("etc/apache2/envvars"), f"""
export APACHE_RUN_USER={WEB_USER or "nobody"}
export APACHE_RUN_GROUP={WEB_USER or "nobody"}
export APACHE_PID_FILE={self.dir}/run/apache.pid
export APACHE_RUN_DIR={self.dir}/run
export APACHE_LOCK_DIR={self.dir}/run/lock
export APACHE_LOG_DIR={self.dir}/var/log
export APACHE_HTTPD={shutil.which("apache2")}
""", 0o644)
        return f"""ServerRoot {self.dir}/etc/apache2
DefaultRuntimeDir ${{APACHE_RUN_DIR}}
PidFile ${{APACHE_PID_FILE}}
{f"User {WEB_USER}" if WEB_USER else ""}
{f"Group {WEB_USER}" if WEB_USER else ""}
ServerName localhost
Listen 127.0.0.1:{self.port}
ErrorLog ${{APACHE_LOG_DIR}}/error
IncludeOptional mods-enabled/*.load
IncludeOptional mods-enabled/*.conf
<Directory {self.dir}/var/www>
    AllowOverride None
    FallbackResource /index.html
    Require all granted
</Directory>
{self.main}
IncludeOptional sites-enabled/*.conf
"""

    def environment(self):
        binary = packaged("/usr/sbin/apache2ctl")
        return {**clean_environment(), "PATH": os.path.dirname(binary) + ":"
                + clean_environment()["PATH"],
                "APACHE_CONFDIR": self.path("etc/apache2")}

    def command(self):
        return ["apache2ctl", "-D", "FOREGROUND"]


def both(handler, **options):
    return [NginxSite(handler, **options), ApacheSite(handler, **options)]

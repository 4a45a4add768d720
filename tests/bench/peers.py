# SPDX-License-Identifier: MIT
"""peers - what one would use instead

Each is started for real from its own package, in the configuration that we
found fastest for it. Their code is in peers/. Redis stores in a way of its
own: it flushes its append-only file and then answers.
"""

import functools
import glob
import json
import os
import re
import shutil
import socket
import subprocess

from common import HERE, KEY, Row, first_line, package_version, proxied
import harness
from harness import fail, folder, wait_for

CODE = os.path.join(HERE, "peers")

# Threads and processes, by trial on two cores at 64 connections. All wait in
# fsync most of the time; node has two threads more that are busy.
PHP_WORKERS = 32
PYTHON_WORKERS, PYTHON_THREADS = 2, 32
NODE_WORKERS, NODE_THREADS = 2, 8


class Webhook(Row):
    word = "webhook"
    name = "webhook"
    about = "adnanh/webhook and a shell script with sync(1) and mv(1); the " \
            "token is **not verified**, which its rules cannot do"
    form = "body"
    verifies = False

    def __init__(self, base):
        super().__init__(base)
        self.port = harness.free_port()

    def start(self):
        hook = {"id": "save",
                "execute-command": os.path.join(CODE, "save.sh"),
                # The payload's file is made there, beside new/.
                "command-working-directory":
                    os.path.join(self.spool, "tmp"),
                "pass-file-to-command": [{"source": "raw-request-body",
                                          "envname": "HOOK_FILE"}],
                "pass-environment-to-command": [
                    {"source": "string", "name": self.spool,
                     "envname": "SPOOL"}],
                # Else it answers before the command has run.
                "include-command-output-in-response": True}
        hooks = harness.write(os.path.join(self.dir, "hooks.json"),
                              json.dumps([hook]))
        self.spawn(["webhook", "-hooks", hooks, "-ip", "127.0.0.1",
                    "-port", str(self.port)], self.port)

    def upstream(self):
        return proxied(self.word, f"127.0.0.1:{self.port}")[0]

    def location(self):
        return proxied(self.word, "", "/hooks/save")[1]

    def version(self):
        return "webhook " + package_version("webhook")


class Php(Row):
    word = "php"
    name = "PHP-FPM"
    about = f"hash_hmac, fsync of file and directory; opcache, " \
            f"{PHP_WORKERS} static workers"

    def socket(self):
        return os.path.join(self.dir, "socket")

    def start(self):
        user = "user = root\ngroup = root\n" if harness.IS_ROOT else ""
        conf = harness.write(os.path.join(self.dir, "conf"), f"""[global]
daemonize = no
error_log = {self.dir}/error
[bench]
{user}listen = {self.socket()}
listen.mode = 0666
listen.backlog = 4096
pm = static
pm.max_children = {PHP_WORKERS}
php_admin_value[enable_post_data_reading] = 0
php_admin_value[opcache.enable] = 1
php_admin_value[opcache.validate_timestamps] = 0
""")
        self.spawn([self.fpm(), "-F", "-y", conf]
                   + (["-R"] if harness.IS_ROOT else []), self.socket())

    @staticmethod
    def fpm():
        found = (glob.glob("/usr/sbin/php-fpm[0-9]*")
                 or glob.glob(harness.UNPACKED + "/bin/php-fpm[0-9]*"))
        return found[-1] if found else fail("php-fpm is not installed")

    def location(self):
        return ("include fastcgi_params; "
                f"fastcgi_param SCRIPT_FILENAME {CODE}/receive.php; "
                f"fastcgi_param SPOOL {self.spool}; "
                f'fastcgi_param KEY "{KEY}"; '
                f"fastcgi_pass unix:{self.socket()};")

    def version(self):
        return first_line(self.fpm(), "-v").split(" (")[0]


class Python(Row):
    word = "python"
    name = "Python"
    about = f"gunicorn (gthread, {PYTHON_WORKERS} workers of " \
            f"{PYTHON_THREADS} threads), PyJWT"

    def socket(self):
        return os.path.join(self.dir, "socket")

    def start(self):
        self.spawn(
            ["gunicorn", "--worker-class", "gthread",
             "--workers", str(PYTHON_WORKERS),
             "--threads", str(PYTHON_THREADS), "--worker-connections", "1000",
             "--keep-alive", "600", "--backlog", "4096", "--log-level",
             "warning", "--worker-tmp-dir", "/dev/shm", "--chdir", CODE,
             "--bind", "unix:" + self.socket(), "receive:application"],
            self.socket(), SPOOL=self.spool, KEY=KEY)

    def upstream(self):
        return proxied(self.word, "unix:" + self.socket())[0]

    def location(self):
        return proxied(self.word, "")[1]

    def version(self):
        return (f"gunicorn {package_version('gunicorn')}, "
                f"PyJWT {package_version('python3-jwt')}, "
                + first_line("/usr/bin/python3", "--version"))


@functools.cache
def node_code():
    """A copy of the code with its npm packages"""
    place = os.path.join(folder("npm"), "peer")
    os.mkdir(place)
    for name in ("receive.mjs", "package.json", "package-lock.json"):
        shutil.copy(os.path.join(CODE, name), place)
    done = subprocess.run(["npm", "ci"], cwd=place, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=240, text=True)
    if done.returncode:
        fail("npm ci: " + done.stdout[-1500:])
    return place


class Node(Row):
    word = "node"
    name = "Node"
    about = f"fastify, jose, a cluster of {NODE_WORKERS} with " \
            f"{NODE_THREADS} threads for files each"

    def socket(self):
        return os.path.join(self.dir, "socket")

    def start(self):
        self.spawn(["node", os.path.join(node_code(), "receive.mjs")],
                   self.socket(), SPOOL=self.spool, KEY=KEY,
                   SOCKET=self.socket(), WORKERS=str(NODE_WORKERS),
                   UV_THREADPOOL_SIZE=str(NODE_THREADS),
                   NODE_ENV="production")

    def upstream(self):
        return proxied(self.word, "unix:" + self.socket())[0]

    def location(self):
        return proxied(self.word, "")[1]

    def version(self):
        text = harness.read(os.path.join(CODE, "package.json"))
        return "Node " + first_line("node", "--version") + ", " + ", ".join(
            f"{name} {number}" for name, number in
            json.loads(text)["dependencies"].items())


class Redis(Row):
    word = "redis"
    name = "nginx to Redis"
    about = "nginx with Lua pushes the body onto a list, `appendfsync " \
            "always`; the token is **not verified**, and what is stored " \
            "is not a file; the responder is Redis alone, Lua runs in nginx"
    form = "body"
    verifies = False

    def socket(self):
        return os.path.join(self.dir, "socket")

    def start(self):
        os.makedirs(self.spool, exist_ok=True)
        self.take_up()

    def take_up(self):
        self.spawn(["redis-server", "--port", "0", "--save", "",
                    "--unixsocket", self.socket(), "--unixsocketperm", "777",
                    "--appendonly", "yes", "--appendfsync", "always",
                    "--auto-aof-rewrite-percentage", "0",
                    "--dir", self.spool], self.socket())
        # A long append-only file is loaded first.
        wait_for(lambda: self.ask("PING") == "+PONG", "Redis")

    def ask(self, *words):
        """One command; the first line of the answer"""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(self.socket())
            sock.sendall((" ".join(words) + "\r\n").encode())
            return sock.makefile("r").readline().strip()

    def fresh(self):
        """Its process keeps the file open: it is emptied by its own means
        and starts a new file."""
        for command in ("FLUSHALL", "BGREWRITEAOF"):
            if self.ask(command)[0] != "+":
                fail(f"Redis refuses {command}")
        wait_for(lambda: not self._rewrites(), "new file of Redis")

    def _rewrites(self):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(self.socket())
            sock.sendall(b"INFO persistence\r\n")
            text = sock.recv(65536).decode()
        return re.search(r"aof_rewrite_(in_progress|scheduled):1", text)

    def stored(self):
        return int(self.ask("LLEN", "spool")[1:])

    def holds(self, message):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(self.socket())
            sock.sendall(b"LRANGE spool 0 -1\r\n")
            want = b"*1\r\n$%d\r\n%s\r\n" % (len(message.body), message.body)
            got = sock.makefile("rb").read(
                len(want) if self.stored() else 4)
        return got == want

    def let_go(self):
        self.process.stop(9)

    def location(self):
        return (f"set $redis unix:{self.socket()}; "
                f"content_by_lua_file {CODE}/receive.lua;")

    def version(self):
        return (f"Redis {package_version('redis-server')}, libnginx-mod-"
                f"http-lua {package_version('libnginx-mod-http-lua')}")

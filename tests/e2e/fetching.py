# SPDX-License-Identifier: MIT
"""fetching - one hookdir fetch, its API server and its spool

    with Api(authority()) as api:
        out = Site(api)
        api.orders["42"] = b"{}"
        got = out.fetch(notified())
        got.code, got.stderr, out.events()

The server is on 127.0.0.1 and behaves as Tradecloud's, see tradecloud_api.
Every fetch runs with resolve_shim, which makes names and connections up and
writes down which were asked for: no other address is ever contacted, and a
refused one is seen not to have been. HOOKDIR_TOOL names another hookdir.
"""

import functools
import json
import os
import subprocess

import harness
from harness import clean_environment, eq, fail, folder, has, ok, read
from harness import root_file, write
from tradecloud_api import Api, Authority, PASSWORD, USERNAME

TOOL = os.path.abspath(os.environ.get(
    "HOOKDIR_TOOL", root_file("build", "hookdir")))
PYTHON = "/usr/bin/python3"
OK, USAGE, DATA, NOINPUT, AGAIN, CONFIG = 0, 64, 65, 66, 75, 78
FILES = {"files.example": "93.184.216.34"}
ORDER = "com.tradecloud1.order.notified"
SHIPMENT = "com.tradecloud1.shipment.notified"


@functools.cache
def authority():
    return Authority("test authority")


@functools.cache
def other_authority():
    return Authority("nobody knows it")


@functools.cache
def shim():
    path = os.path.join(folder("shim"), "resolve_shim.so")
    subprocess.run(
        ["gcc", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC",
         "-o", path, root_file("tests", "e2e", "resolve_shim.c"), "-ldl"],
        check=True)
    # Before any name or address is used: are both under its rule?
    for command in ([TOOL, "--version"],
                    [PYTHON, "-c", "import socket as s; "
                     "s.socket().connect(('127.0.0.1', 0))"]):
        log = os.path.join(os.path.dirname(path), os.path.basename(command[0]))
        subprocess.run(command, check=False, capture_output=True,
                       env=preload(path, log, 9, {}))
        has("the shim is in force", read(log), "loaded\n")
    has("and asked", read(log), "connect 127.0.0.1 0\n")
    return path


def shim_environment(log, port, names):
    return preload(shim(), log, port, names)


def preload(path, log, port, names):
    environment = clean_environment()
    environment["LD_PRELOAD"] = path
    environment["SHIM_LOG"] = log
    environment["SHIM_PORT"] = str(port)
    environment["SHIM_NAMES"] = ";".join(
        f"{name}={addresses}" for name, addresses in names.items())
    # It is not the sanitizer's library that comes first.
    environment["ASAN_OPTIONS"] = ":".join(filter(None, [
        environment.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
    return environment


class Run:
    """One fetch, at its end"""

    def __init__(self, site, code, stdout, stderr, log):
        self.code, self.stdout, self.stderr = code, stdout, stderr
        self.site = site
        lines = log.splitlines()
        if "loaded" not in lines:
            fail(f"the shim is not in force: {lines}")
        self.targets = [tuple(line.split()[1:]) for line in lines
                        if line.startswith(("connect", "send"))]
        if harness.SANITIZER.search(stderr):
            fail(f"a sanitizer's report: {stderr}")

    def elsewhere(self):
        """What was connected to, other than the API"""
        return [target for target in self.targets
                if target != ("127.0.0.1", str(self.site.api.port))]


class Site:
    """An API, a configuration and a spool"""

    def __init__(self, api, **settings):
        self.api = api
        self.names = dict(FILES)
        self.folder = folder("fetch")
        self.path = os.path.join(self.folder, "out")
        self.settings = {"base": api.base, "username": USERNAME,
                         "password": PASSWORD, "ca": authority().file,
                         **settings}
        self.config = os.path.join(self.folder, "tradecloud.conf")
        self.configure()
        self.count = 0

    def configure(self, **settings):
        self.settings.update(settings)
        text = "".join(f"{name} = {value}\n" for name, value
                       in self.settings.items() if value is not None)
        write(self.config, "# for the tests\n\n" + text, mode=0o600)

    def command(self, *args):
        return [TOOL, "fetch", "--config", self.config, *args]

    def environment(self, **more):
        self.count += 1
        self.log = os.path.join(self.folder, f"shim-{self.count}.log")
        return {**shim_environment(self.log, self.api.port, self.names),
                **more}

    def fetch(self, event, *args, env=(), **options):
        event = event if isinstance(event, bytes) else dump(event)
        path = write(os.path.join(self.folder, "event.json"), event)
        environment = self.environment(**dict(env))
        with open(path, "rb") as file:
            done = subprocess.run(
                self.command(*args, self.path), stdin=file, check=False,
                capture_output=True, env=environment, cwd=self.folder,
                timeout=harness.PATIENCE, **options)
        log = read(self.log) if os.path.exists(self.log) else ""
        return Run(self, done.returncode, done.stdout.decode(),
                   done.stderr.decode("utf-8", "backslashreplace"), log)

    def start(self, event, *args):
        """The same, and do not wait for it"""
        path = write(os.path.join(self.folder, f"event-{self.count}.json"),
                     dump(event))
        return subprocess.Popen(
            self.command(*args, self.path, path), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=self.environment(), cwd=self.folder)

    def list(self, *names):
        try:
            return sorted(os.listdir(os.path.join(self.path, *names)))
        except FileNotFoundError:
            return []

    def bytes(self, *names):
        with open(os.path.join(self.path, *names), "rb") as file:
            return file.read()

    def events(self):
        return [json.loads(self.bytes("new", name))
                for name in self.list("new")]

    def documents(self):
        """The events of documents, by what they were asked by"""
        return [event for event in self.events()
                if event["type"] == "com.tradecloud1.document.fetched"]

    def nothing_delivered(self, kept=0):
        """kept: how many documents wait for another try, None for any"""
        eq("new/", self.list("new"), [])
        waiting = [name[:-len(".json")] for name in self.list("tmp")
                   if name.endswith(".json")]
        if kept is not None:
            eq("documents for another try", len(waiting), kept)
        for name in self.list("tmp"):
            has("tmp/", waiting, name.rpartition(".")[0])
            ok(f"{name} is not empty", self.bytes("tmp", name))
        eq("documents/", self.list("documents"), [])


def dump(event):
    return json.dumps(event).encode() + b"\n"


def notified(kind=ORDER, subject="42"):
    return {"specversion": "1.0", "id": "notice-1",
            "source": "https://shop.example/webhook", "type": kind,
            "subject": subject, "sender": "tradecloud"}


def event_with(documents, **more):
    return {"specversion": "1.0", "id": "event-1",
            "source": "https://shop.example/webhook",
            "type": "com.tradecloud1.orderdocuments",
            "datacontenttype": "application/json", "sender": "tradecloud",
            "data": {"orderDocumentsEvent": {"documents": documents}}, **more}


def by_id(name):
    return event_with([{"objectId": name, "name": "as the order has it"}])


def by_url(url):
    return event_with([{"url": url, "name": "drawing"}])


def site(**settings):
    """A decorator: the test gets an API and a site"""
    def wrap(function):
        def run():
            with Api(authority()) as api:
                function(api, Site(api, **settings))
        return run
    return wrap

# SPDX-License-Identifier: MIT
"""front - nginx, and the rows behind it

    with front.Running(["nginx", "hookdir", "php"], base) as running:
        for row in running.rows:
            row.fresh()               # an empty store; the old one is aside
            ... call running.front.address(row) ...
            row.stored()              # messages in it
"""

from common import KEY
import ours
import peers
import harness

MODULES = harness.packaged("/usr/lib/nginx/modules")

ROWS = {row.word: row for row in (
    ours.Plain, ours.Null, ours.Hookdir, ours.NoSync, peers.Webhook,
    peers.Php, peers.Python, peers.Node, peers.Redis)}


class Front(harness.Nginx):
    """nginx with a location for each row, by plain HTTP and by TLS 1.3"""

    def __init__(self, rows):
        hookdir = next(row for row in rows if row.word == "hookdir")
        super().__init__(hookdir.process, "hookdir.conf", keys=[KEY],
                         start=False)
        self.rows = rows
        self.plain = harness.free_port()

    def start(self):
        # Every handshake is a full one.
        self.main = "\n".join([
            "keepalive_requests 100000000; keepalive_timeout 600s;",
            "ssl_protocols TLSv1.3; ssl_session_cache off; "
            "ssl_session_tickets off;",
            "client_max_body_size 16m; client_body_buffer_size 1m;",
            *(row.upstream() for row in self.rows),
            f"server {{ listen 127.0.0.1:{self.plain}; server_name plain;",
            self.endpoint_conf(), f"include {self.etc}/hookdir.conf; }}"])
        super().start()

    def main_conf(self):
        modules = "".join(
            f"load_module {MODULES}/{name}_module.so;\n"
            for name in ("ndk_http", "ngx_http_lua")
            if any(row.word == "redis" for row in self.rows))
        return modules + super().main_conf()

    def endpoint_conf(self):
        return "\n".join(f"location = {row.path} {{ {row.location()} }}"
                         for row in self.rows)

    def address(self, row, tls=False):
        if tls:
            return f"https://127.0.0.1:{self.port}{row.path}"
        return f"http://127.0.0.1:{self.plain}{row.path}"


class Running:
    """Rows that are started, and nginx in front of them. more: makes
    further rows of those."""

    def __init__(self, words, base, more=lambda rows: []):
        self.rows = [ROWS[word](base) for word in words]
        self.rows += more({row.word: row for row in self.rows})
        self.front = Front(self.rows)

    def row(self, word):
        return next(row for row in self.rows if row.word == word)

    def __enter__(self):
        for row in self.rows:
            row.start()
            row.fresh()
        self.front.start()
        return self

    def __exit__(self, *_):
        self.front.stop()
        for row in self.rows:
            row.stop()

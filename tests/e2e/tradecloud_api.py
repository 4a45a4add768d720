# SPDX-License-Identifier: MIT
"""tradecloud_api - an API server that behaves as Tradecloud's does

    with Api() as api:
        api.orders["42"] = b'{"id":"42"}'
        api.document("d1", b"%PDF", filename="drawing.pdf")
        api.base                    # "https://127.0.0.1:PORT"
        api.paths()                 # what was asked, in order
        api.answer("/v2/order/42", 429)         # from now on
        api.answer("/v2/order/42", 500, times=1)
        api.on("/x", function)      # function(request) answers by itself

Tokens are in headers. Each is good for token_uses calls; a presigned address
is good until it is in `expired`, and answers 400 to who shows credentials
there, as object stores do. One server is all hosts: `Host` says which.
"""

import base64
import contextlib
import datetime
import http.server
import os
import ssl
import subprocess
import threading
import time

import harness

USERNAME = "shop@example"
PASSWORD = "c4nary-passw0rd"
NAMES = ["DNS:api.example", "DNS:files.example", "DNS:*.cdn.example",
         "DNS:other.example", "DNS:evil.example", "DNS:localhost",
         "IP:127.0.0.1", "IP:93.184.216.34", "IP:::1"]


class Authority:
    """A certificate authority; certificate(names) is a PEM file of both."""

    def __init__(self, name):
        self.folder = harness.folder("ca")
        self.file = os.path.join(self.folder, "ca.pem")
        self.key = os.path.join(self.folder, "ca.key")
        self._run("req", "-x509", "-newkey", "ec", "-pkeyopt",
                  "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                  "-subj", f"/CN={name}", "-keyout", self.key,
                  "-out", self.file)

    def _run(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True,
                       capture_output=True, cwd=self.folder)

    def certificate(self, names=None):
        pem = os.path.join(self.folder, f"{time.monotonic_ns()}.pem")
        extensions = harness.write(
            pem + ".ext", "subjectAltName=" + ",".join(names or NAMES))
        self._run("req", "-newkey", "ec", "-pkeyopt",
                  "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=test",
                  "-keyout", pem + ".key", "-out", pem + ".csr")
        self._run("x509", "-req", "-in", pem + ".csr", "-CA", self.file,
                  "-CAkey", self.key, "-CAcreateserial", "-days", "2",
                  "-extfile", extensions, "-out", pem + ".crt")
        with open(pem, "w", encoding="ascii") as file:
            file.write(harness.read(pem + ".key")
                       + harness.read(pem + ".crt"))
        return pem


class Request:
    """What was asked"""

    def __init__(self, handler):
        self.path, _, self.query = handler.path.partition("?")
        self.method = handler.command
        self.headers = handler.headers
        self.host = handler.headers.get("Host", "")
        self.when = time.monotonic()
        self.handler = handler

    def answer(self, status, body=b"", headers=(), length=True):
        handler = self.handler
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        if length:
            handler.send_header("Content-Length", str(len(body)))
        else:
            handler.send_header("Connection", "close")
        handler.end_headers()
        with contextlib.suppress(OSError):
            handler.wfile.write(body)
        if not length:
            handler.close_connection = True


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self):
        request = Request(self)
        with self.server.api.lock:
            self.server.api.requests.append(request)
        self.server.api.serve(request)

    do_POST = do_GET

    def log_message(self, *_):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def finish_request(self, request, client_address):
        request.settimeout(60)
        request.do_handshake()
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        """Peers go away in tests."""


class Api:
    def __init__(self, authority, certificate=None):
        self.lock = threading.Lock()
        self.requests = []
        self.orders, self.shipments = {}, {}
        self.documents, self.blobs = {}, {}
        self.expired = set()
        self.scripts = {}
        self.tokens, self.refreshes = {}, set()
        self.token_uses = None
        self.refuse_refresh = False
        self.prefix = "Bearer "
        self.password = PASSWORD
        self.issued = []  # every secret that was ever handed out
        self.released = threading.Event()
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.api = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate or authority.certificate())
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True,
            do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.base = f"https://127.0.0.1:{self.port}"
        self.thread = threading.Thread(
            target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    # --- what tests say

    def document(self, name, blob, **metadata):
        self.documents[name] = {"id": name, **metadata}
        self.blobs[name] = blob

    def on(self, path, function):
        self.scripts[path] = function

    def answer(self, path, status, body=b"", headers=(), times=None):
        left = [times]

        def script(request):
            if left[0] == 0:
                return self.route(request)
            if left[0] is not None:
                left[0] -= 1
            return request.answer(status, body, headers)
        self.on(path, script)

    def hang(self, request):
        """Answers nothing until the test is over."""
        self.released.wait(60)
        request.handler.close_connection = True

    def paths(self, host=None):
        with self.lock:
            return [r.path for r in self.requests
                    if host is None or r.host.split(":")[0] == host]

    def asked(self, path):
        with self.lock:
            return [r for r in self.requests if r.path == path]

    # --- what it does

    def serve(self, request):
        script = self.scripts.get(request.path)
        if script:
            script(request)
        else:
            self.route(request)

    def route(self, request):
        path = request.path
        if path == "/v2/authentication/login":
            self.login(request)
        elif path == "/v2/authentication/refresh":
            self.refresh(request)
        elif path.startswith("/presigned/"):
            self.presigned(request)
        elif not self.is_authorized(request):
            request.answer(401)
        else:
            self.resource(request)

    def login(self, request):
        pair = f"{USERNAME}:{self.password}".encode()
        want = "Basic " + base64.b64encode(pair).decode()
        if request.headers.get("Authorization") != want:
            request.answer(401, headers=[("WWW-Authenticate", "Basic")])
        else:
            self.grant(request)

    def refresh(self, request):
        token = request.headers.get("Refresh-Token")
        with self.lock:
            good = token in self.refreshes and not self.refuse_refresh
            self.refreshes.discard(token)
        if good:
            self.grant(request)
        else:
            request.answer(401)

    def grant(self, request):
        with self.lock:
            number = len(self.issued)
            access = f"c4nary-access-{number}." + "x" * 900
            refresh = f"c4nary-refresh-{number}"
            self.tokens[access] = self.token_uses
            self.refreshes.add(refresh)
            self.issued += [access, refresh]
        request.answer(200, b'{"id":"user"}', [
            ("Set-Authorization", self.prefix + access),
            ("Set-Refresh-Token", refresh)])

    def is_authorized(self, request):
        token = request.headers.get("Authorization", "")
        token = token.removeprefix("Bearer ")
        with self.lock:
            left = self.tokens.get(token, 0)
            if left is None:
                return True
            if left:
                self.tokens[token] = left - 1
            return left > 0

    def resource(self, request):
        parts = request.path.split("/")[2:]
        body = None
        if len(parts) == 2 and parts[0] == "order":
            body = self.orders.get(parts[1])
        elif len(parts) == 2 and parts[0] == "shipment":
            body = self.shipments.get(parts[1])
        elif parts[:2] == ["object-storage", "document"] and \
                parts[3:] == ["metadata"]:
            body = self.metadata(parts[2])
        if body is None:
            request.answer(404, b'{"error":"not found"}')
        else:
            request.answer(200, body, [("Content-Type", "application/json")])

    def metadata(self, name):
        about = self.documents.get(name)
        if about is None:
            return None
        if "downloadUrl" not in about:
            with self.lock:
                number = len(self.requests)
            when = datetime.datetime.now(datetime.timezone.utc)
            about = {**about, "downloadUrl":
                     f"https://files.example/presigned/{name}"
                     f"?X-Amz-Date={when:%Y%m%dT%H%M%SZ}&X-Amz-Expires=60"
                     f"&X-Amz-Signature=c4nary-signature-{number}"}
        return harness.json.dumps(about, ensure_ascii=False).encode()

    def presigned(self, request):
        name = request.path.removeprefix("/presigned/")
        if "Authorization" in request.headers:
            request.answer(400, b"only one way in is allowed")
        elif name in self.expired or name not in self.blobs:
            self.expired.discard(name)
            request.answer(403, b"<Error>expired</Error>")
        else:
            request.answer(200, self.blobs[name], [
                ("Content-Type", "binary/octet-stream")])

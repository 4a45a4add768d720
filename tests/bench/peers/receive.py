# SPDX-License-Identifier: MIT
"""receive - verify a call and store its payload durably (WSGI)"""

import itertools
import json
import os
import time

from jwt import api_jws, exceptions

KEY = os.environ["KEY"].encode()
TMP = os.path.join(os.environ["SPOOL"], "tmp")
NEW = os.path.join(os.environ["SPOOL"], "new")
NUMBERS = itertools.count()


def store(message):
    name = f"{time.time_ns()}.P{os.getpid()}Q{next(NUMBERS)}.json"
    path = os.path.join(TMP, name)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o660)
    try:
        left = memoryview(message)
        while left:
            left = left[os.write(file, left):]
        os.fsync(file)
    finally:
        os.close(file)
    os.rename(path, os.path.join(NEW, name))
    directory = os.open(NEW, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def receive(body):
    try:
        # The payload is a string of JSON, which PyJWT's decode() refuses.
        store(api_jws.decode(json.loads(body)["data"], KEY, ["HS256"]))
    except exceptions.InvalidSignatureError:
        return "403 Forbidden"
    except (exceptions.DecodeError, KeyError, TypeError, ValueError):
        return "400 Bad Request"
    except OSError:
        return "503 Service Unavailable"
    return "200 OK"


def application(environ, start_response):
    size = int(environ.get("CONTENT_LENGTH") or 0)
    status = receive(environ["wsgi.input"].read(size))
    start_response(status, [("Content-Type", "text/plain"),
                            ("Content-Length", "3")])
    return [b"ok\n" if status.startswith("200") else b"no\n"]

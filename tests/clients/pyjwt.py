# SPDX-License-Identifier: MIT
"""pyjwt - signs tokens with Debian's python3-jwt"""

import json
import sys

import jwt

json.dump([jwt.encode(job["claims"], job["key"], algorithm=job["alg"],
                      headers=job["header"]) for job in json.load(sys.stdin)],
          sys.stdout)

# SPDX-License-Identifier: MIT
"""requests-oauthlib - Debian's python3-requests-oauthlib: puts id and secret
into Basic as they are

SSL_CERT_FILE names the authority that is trusted.
"""

import json
import os
import sys

import requests.auth
from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error
from requests_oauthlib import OAuth2Session


def work(job):
    client = BackendApplicationClient(client_id=job["id"],
                                      scope=job["scope"])
    session = OAuth2Session(client=client)
    session.verify = os.environ["SSL_CERT_FILE"]
    session.trust_env = False
    pair = (job["id"].encode(), job["secret"].encode())
    if job["way"] == "body":
        how = {"include_client_id": True, "client_secret": job["secret"]}
    else:
        how = {"auth": requests.auth.HTTPBasicAuth(*pair)}
    try:
        token = session.fetch_token(job["base"] + job["path"],
                                    verify=session.verify, **how)
    except OAuth2Error as error:
        return {"error": error.error}
    answer = session.post(job["base"] + job["resource"],
                          data=job["body"].encode(),
                          headers={"Content-Type": "application/json"})
    return {"token": token["access_token"], "type": token["token_type"],
            "expires_in": token["expires_in"],
            "scope": " ".join(token.get("scope", [])),
            "status": answer.status_code, "answer": answer.text}


json.dump([work(job) for job in json.load(sys.stdin)], sys.stdout)

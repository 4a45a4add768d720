# SPDX-License-Identifier: MIT
"""oauth - keys, key sets, tokens good and forged, and the clients that other
people wrote (tests/clients)
"""

import base64
import functools
import hmac
import json
import os
import shutil
import subprocess
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature)

import senders
from harness import certificate, fail, folder, root_file, write

FORM = ("Content-Type", "application/x-www-form-urlencoded")
ENTRA = "https://login.example/tenant/v2.0"
APP = "api://7d1f0c2e"  # the audience of the other server's tokens


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


# --- keys -------------------------------------------------------------------

MAKERS = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "PS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "other": lambda: rsa.generate_private_key(65537, 2048),
    "small": lambda: rsa.generate_private_key(65537, 1024),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "k1": lambda: ec.generate_private_key(ec.SECP256K1()),
}
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")


@functools.cache
def key(name):
    """A private key; it is made once in a run."""
    return MAKERS[name]()


def pem(private):
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()).decode()


def public_pem(private):
    return private.public_key().public_bytes(
        serialization.Encoding.PEM,
        serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def _number(value, size=None):
    size = size or (value.bit_length() + 7) // 8
    return b64url(value.to_bytes(size, "big"))


def jwk(private, **members):
    """The public key as RFC 7517 has it, and further members"""
    public = private.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        made = {"kty": "RSA", "n": _number(numbers.n),
                "e": _number(numbers.e)}
    elif isinstance(public, ec.EllipticCurvePublicKey):
        numbers, size = public.public_numbers(), (public.key_size + 7) // 8
        made = {"kty": "EC", "crv": {"secp256r1": "P-256",
                                     "secp384r1": "P-384",
                                     "secp256k1": "secp256k1"}[
                                         public.curve.name],
                "x": _number(numbers.x, size), "y": _number(numbers.y, size)}
    else:
        made = {"kty": "OKP", "crv": "Ed25519", "x": b64url(
            public.public_bytes(serialization.Encoding.Raw,
                                serialization.PublicFormat.Raw))}
    return {**made, **members}


def key_set(*names):
    """A key set; each key's kid is its name, and its alg where that says
    something"""
    keys = []
    for name in names:
        alg = {"alg": name} if name in ALGORITHMS else {}
        keys.append(jwk(key(name), kid=name, use="sig", **alg))
    return json.dumps({"keys": keys})


def put_keys(web, text):
    """Exchanges the file that HOOKDIR_JWKS names."""
    write(web.jwks, text, 0o644)


# --- tokens -----------------------------------------------------------------

def claims(**changes):
    """What the other server says of a client; None leaves one out."""
    now = int(time.time())
    made = {"iss": ENTRA, "aud": APP, "sub": "client", "azp": "client",
            "iat": now, "nbf": now, "exp": now + 3600, "ver": "2.0"}
    made.update(changes)
    return {name: value for name, value in made.items() if value is not None}


def own_claims(**changes):
    """What our own token endpoint says"""
    return claims(**{"iss": senders.ISSUER, "aud": senders.AUDIENCE,
                     "sub": senders.CLIENT, "client_id": senders.CLIENT,
                     "ver": None, "azp": None, **changes})


def hs256(header, payload, secret):
    """A token of whoever has the secret"""
    payload = payload if isinstance(payload, bytes) else compact(payload)
    secret = secret if isinstance(secret, bytes) else secret.encode()
    signed = b64url(compact(header)) + "." + b64url(payload)
    return signed + "." + b64url(hmac.digest(secret, signed.encode(),
                                             "sha256"))


def own_token(secret=senders.TOKEN_KEYS[0], header=None, **changes):
    return hs256(header or {"alg": "HS256", "typ": "at+jwt"},
                 own_claims(**changes), secret)


def es_token(header, payload, private, der=False):
    """A token with an ECDSA signature, in the form of RFC 7518 or in DER"""
    signed = b64url(compact(header)) + "." + b64url(compact(payload))
    signature = private.sign(signed.encode(), ec.ECDSA(hashes.SHA256()))
    if not der:
        r, s = decode_dss_signature(signature)
        size = (private.key_size + 7) // 8
        signature = r.to_bytes(size, "big") + s.to_bytes(size, "big")
    return signed + "." + b64url(signature)


def read_token(token):
    """Header and claims of a token, unverified"""
    header, payload, _ = token.split(".")
    return json.loads(unb64url(header)), json.loads(unb64url(payload))


# --- clients ----------------------------------------------------------------

@functools.cache
def clients():
    """A copy of tests/clients with its npm packages installed"""
    place = os.path.join(folder("clients"), "clients")
    shutil.copytree(root_file("tests", "clients"), place)
    done = subprocess.run(["npm", "ci"], cwd=place, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=240)
    if done.returncode:
        fail("npm ci: " + done.stdout.decode(errors="replace")[-1500:])
    return place


COMMANDS = {".mjs": ["node"], ".py": ["/usr/bin/python3"], ".rb": ["ruby"]}


def run_client(name, jobs):
    """The results of a program of tests/clients"""
    npm = name.endswith(".mjs")
    place = clients() if npm else root_file("tests", "clients")
    ca = certificate().ca
    done = subprocess.run(
        [*COMMANDS[os.path.splitext(name)[1]], os.path.join(place, name)],
        input=json.dumps(jobs).encode(), check=False, timeout=120,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"] + ":/usr/bin:/bin",
             "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
             "NODE_EXTRA_CA_CERTS": ca, "SSL_CERT_FILE": ca})
    if done.returncode:
        fail(f"{name}: status {done.returncode}\n"
             + done.stderr.decode(errors="replace")[-1500:])
    return json.loads(done.stdout)

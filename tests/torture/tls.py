# SPDX-License-Identifier: MIT
"""tls - what testssl.sh has to say of the sample virtual hosts

nginx and Apache serve vhost.conf as it is shipped, and testssl.sh looks at
them. SSL 2 to TLS 1.1 must be refused, TLS 1.2 and 1.3 offered, and of
what it rates MEDIUM or worse nothing may be left but what comes of the
throw-away certificate, which DUE lists. A check that it could not make
counts as a finding, too. A finding that is listed and does not show up is
a failure: then the list, or the test, has gone stale.

The controls are the same virtual hosts with one thing undone each time:
old protocols and weak ciphers, no HSTS, a certificate of nobody's. Each has
to be found.

testssl.sh is told to keep to itself: no DNS, no OCSP, no CRL. It asks DNS all
the same, by an openssl whose options it tries on the host "invalid."; so it
gets an nsswitch.conf of its own, which knows no DNS. strace watches that no
address is called but those of the loopback interface. As anybody but root
this takes user namespaces.

What takes long is left out: simulated clients, every cipher of OpenSSL by
itself and by protocol, and provocations by odd handshakes. HOOKDIR_LONG=1
has testssl.sh do all that it can.
"""

import concurrent.futures
import contextlib
import functools
import ipaddress
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
# pylint: disable=wrong-import-position
from harness import (IS_ROOT, NAME, Apache, Handler, Nginx,  # noqa: E402
                     certificate, clean_environment, eq, fail, folder, has,
                     main, ok, read, test, write)

LONG = os.environ.get("HOOKDIR_LONG", "") not in ("", "0")
SECONDS = 1800 if LONG else 450  # for one test; a limit for what hangs

# protocols, categories of ciphers, forward secrecy, preferences, server hello
# and certificate, HTTP headers, vulnerabilities
CHECKS = ["--full"] if LONG else ["-p", "-s", "-f", "-P", "-S", "-h", "-U"]
# What the controls are looked at with
OLD = ["-p", "-s"]
BARE = ["-S", "-h"]
TRACED = "trace=connect,sendto,sendmsg,sendmmsg"

# The severities of testssl.sh that count; WARN: it could not find out.
WEIGHTY = ("MEDIUM", "HIGH", "CRITICAL", "WARN", "FATAL")

# Findings that have to be there, and what they are due to
DUE = {
    "cert_expirationStatus": "the throw-away certificate is good for two days",
    "cert_notAfter": "the same",
    "cert_revocation": "the throw-away authority has neither OCSP nor CRL",
    "engine_problem": "Debian's OpenSSL has no GOST engine; testssl.sh looks "
                      "for those ciphers by itself",
}
# Findings that may be there
PERHAPS = {
    "sessionresumption_ticket": "there are no session tickets, and "
                                "testssl.sh 3.0 takes that for a connection "
                                "that failed",
}

REFUSED = ("SSLv2", "SSLv3", "TLS1", "TLS1_1")
OFFERED = ("TLS1_2", "TLS1_3")
# Categories of ciphers; AVERAGE are those with CBC.
WEAK = ("cipherlist_NULL", "cipherlist_aNULL", "cipherlist_EXPORT",
        "cipherlist_LOW", "cipherlist_3DES_IDEA", "cipherlist_AVERAGE")

SERVERS = {"nginx": Nginx, "apache": Apache}
# What is undone for a control, by server
BROKEN = {
    "old": {
        "nginx": {"ssl_protocols TLSv1.2 ":
                  "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 ",
                  "ssl_ciphers ": 'ssl_ciphers "ALL:@SECLEVEL=0"; #'},
        "apache": {"SSLProtocol -all ": "SSLProtocol -all +TLSv1 +TLSv1.1 ",
                   "SSLCipherSuite ":
                   "SSLCipherSuite ALL:@SECLEVEL=0\n    #"},
    },
    "no HSTS": {
        "nginx": {"add_header Strict-Transport-Security ": "add_header X-S "},
        "apache": {"Header always set Strict-Transport-Security ":
                   "Header always set X-S "},
    },
}


def figure(what, value, target):
    print(f"# figure TLS | {what} | {value} | {target}", flush=True)


# --- testssl.sh -------------------------------------------------------------

def without_dns():
    """What goes before a command that is to find no address but those of
    /etc/hosts"""
    conf = write(os.path.join(folder("nsswitch"), "nsswitch.conf"),
                 "hosts: files\npasswd: files\ngroup: files\n", 0o644)
    return ["unshare", *([] if IS_ROOT else ["--map-root-user"]), "--mount",
            "sh", "-c", f'mount --bind {conf} /etc/nsswitch.conf && exec "$@"',
            "sh"]


class Scan:
    """What testssl.sh found at a server: findings, as (id, severity, text),
    and peers, the addresses to which it connected."""

    def __init__(self, port, checks, trust=True):
        place = folder("testssl")
        out, trace, log = (os.path.join(place, name)
                           for name in ("json", "trace", "log"))
        command = [*without_dns(), *strace(trace),
                   "testssl", "--quiet", "--color", "0", "--warnings", "off",
                   "--nodns", "none", "--ip", "127.0.0.1",
                   "--connect-timeout", "20", "--openssl-timeout", "20",
                   *(["--add-ca", certificate().ca] if trust else []),
                   "--jsonfile", out, *checks, f"{NAME}:{port}"]
        start = time.monotonic()
        with open(log, "wb") as file:
            done = subprocess.run(
                command, check=False, stdin=subprocess.DEVNULL, stdout=file,
                stderr=file, cwd=place,
                env={**clean_environment(), "TERM": "dumb"})
        self.seconds = time.monotonic() - start
        self.peers = peers(read(trace))
        try:
            found = json.loads(read(out))
        except (OSError, ValueError) as error:
            fail(f"testssl ended with {done.returncode}, {error}:\n"
                 + read(log)[-2000:])
        self.findings = [(f["id"], f["severity"], f["finding"])
                         for f in found]

    def texts(self, name):
        return [text for key, _, text in self.findings if key == name]

    def weighty(self):
        """Name: what is said of it"""
        return {key: f"{severity} {text}"
                for key, severity, text in self.findings
                if severity in WEIGHTY}


def strace(trace):
    return ["strace", "-f", "--seccomp-bpf", "-qq", "-o", trace, "-e", TRACED]


def strangers(found):
    """Those of the addresses that are not of this machine alone"""
    return {where for where in found
            if not isinstance(where, tuple)
            or not ipaddress.ip_address(where[0]).is_loopback}


def peers(trace):
    """The addresses of a network to which there was a call"""
    found = set()
    for line in trace.splitlines():
        if "sa_family=AF_INET" not in line:
            continue
        address = re.search(r'(?:inet_addr\(|AF_INET6, )"([^"]+)"', line)
        port = re.search(r"sin6?_port=htons\((\d+)\)", line)
        found.add((address[1], int(port[1])) if address and port else line)
    return found


@contextlib.contextmanager
def serving(kind, edits=None):
    with Handler() as handler, SERVERS[kind](handler, edits=edits) as web:
        yield web


# --- verdicts ---------------------------------------------------------------

def wrong_offers(scan):
    """Protocols and categories of ciphers that are offered and must not be,
    or the other way round"""
    wrong = {}
    for names, pattern in ((REFUSED + WEAK, "not offered"),
                           (OFFERED, "offered")):
        for name in names:
            said = scan.texts(name)
            if len(said) != 1 or not said[0].startswith(pattern):
                wrong[name] = said
    return wrong


def unexpected(scan):
    return {key: text for key, text in scan.weighty().items()
            if key not in DUE and key not in PERHAPS}


def check_sample(kind, scan, port):
    figure(f"{kind}: checks of testssl.sh, in {scan.seconds:.0f} s",
           len(scan.findings), "> 60")
    figure(f"{kind}: findings of MEDIUM and worse",
           "; ".join(sorted(scan.weighty())), "of the test CA only")
    figure(f"{kind}: addresses beyond this machine that were called",
           len(strangers(scan.peers)), "0")
    eq("addresses called", strangers(scan.peers), set())
    has("addresses called", scan.peers, ("127.0.0.1", port))
    ok("more than 60 checks", len(scan.findings) > 60)
    eq("what is offered and must not be, or is not", wrong_offers(scan), {})
    ok("HSTS", scan.texts("HSTS_time"))
    eq("further findings", unexpected(scan), {})
    eq("listed findings that are not there",
       sorted(set(DUE) - set(scan.weighty())), [])
    eq("chain of trust", [text[:6] for text in
                          scan.texts("cert_chain_of_trust")], ["passed"])


def check_old(kind, scan):
    found = wrong_offers(scan)
    figure(f"control, {kind} with old protocols and weak ciphers: found",
           "; ".join(found), "TLS1; TLS1_1; a category of ciphers")
    has("found", found, "TLS1")
    has("found", found, "TLS1_1")
    ok("a category of weak ciphers is found", set(found) & set(WEAK))


def check_bare(kind, scan):
    found = unexpected(scan)
    hsts = scan.texts("HSTS")
    figure(f"control, {kind} without HSTS, CA unknown: found",
           "; ".join([*(["HSTS"] if hsts else []), *sorted(found)]),
           "HSTS; cert_chain_of_trust")
    eq("HSTS", hsts, ["not offered"])
    has("findings", found, "cert_chain_of_trust")


@functools.cache
def scans():
    """The samples and their controls, all at the same time: they mostly
    wait. By server: its port, and three scans."""
    with contextlib.ExitStack() as stack:
        def serve(kind, edits=None):
            return stack.enter_context(serving(kind, edits)).port

        ports = {kind: [serve(kind), serve(kind, BROKEN["old"][kind]),
                        serve(kind, BROKEN["no HSTS"][kind])]
                 for kind in SERVERS}
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(6))
        found = {kind: [pool.submit(Scan, port[0], CHECKS),
                        pool.submit(Scan, port[1], OLD),
                        pool.submit(Scan, port[2], BARE, trust=False)]
                 for kind, port in ports.items()}
        return {kind: (port[0], [scan.result() for scan in found[kind]])
                for kind, port in ports.items()}


# --- tests ------------------------------------------------------------------

def register(kind):
    @test(f"{kind}: TLS 1.2 and 1.3, no finding but of the test CA", SECONDS)
    def _():
        port, (sample, _, _) = scans()[kind]
        check_sample(kind, sample, port)

    @test(f"{kind}, control: TLS 1.0, 1.1 and weak ciphers are found", SECONDS)
    def _():
        check_old(kind, scans()[kind][1][1])

    @test(f"{kind}, control: no HSTS and a strange CA are found", SECONDS)
    def _():
        check_bare(kind, scans()[kind][1][2])


for _kind in SERVERS:
    register(_kind)


@test("control: a call to another address is seen, DNS is not asked")
def _():
    trace = os.path.join(folder("trace"), "trace")
    done = subprocess.run(
        [*without_dns(), *strace(trace), "bash", "-c",
         "(exec 3<>/dev/tcp/127.0.0.3/9); (exec 3<>/dev/tcp/::1/9); "
         "getent ahosts invalid.; exec 3<>/dev/udp/192.0.2.1/9"],
        check=False, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = peers(read(trace))
    figure("control, a call to 192.0.2.1: found",
           len(strangers(found)), "1")
    # Connected only: nothing is sent to an address for documentation.
    eq("addresses", found,
       {("127.0.0.3", 9), ("::1", 9), ("192.0.2.1", 9)})
    eq("strangers", strangers(found), {("192.0.2.1", 9)})
    ok("bash ran", done.returncode in (0, 1))


if __name__ == "__main__":
    main()

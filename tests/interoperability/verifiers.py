# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verifiers of the world behind one function each: from a question to a verdict, with what they said about it.

All check the chain up to the root, the dates, the purpose and, where they can, the name of the peer.
"""

from __future__ import annotations

import atexit
import functools
import ssl
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Profile
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import NameKind, SubjectAlternativeName
from cryptography import x509
from cryptography.x509 import verification
from interoperability.cases import Fault
from interoperability.programs import ENVIRONMENT, need, run, serve

HOSTS = (NameKind.DNS, NameKind.IP)
#: More than any handshake has.
FLIGHTS = 10


@dataclass(frozen=True)
class Question:
    """A peer's chain in PEM files (see ``programs.write_chain``) under the roots of a file, most often one, and what is
    asked about that peer."""

    root: Path
    folder: Path
    name: SubjectAlternativeName
    purpose: Profile

    @property
    def of_a_server(self) -> bool:
        return self.purpose is Profile.SERVER

    @property
    def host(self) -> str:
        """The name as a TLS client would ask for it; empty where it is no host's."""
        return self.name.value if self.name.kind in HOSTS else ""


@dataclass(frozen=True)
class Verdict:
    """What a verifier decided, and its own words for it."""

    accepted: bool
    words: str


@dataclass(frozen=True)
class Verifier:
    """A verifier, and a pattern of what it says where it refuses a chain for each fault."""

    name: str
    verify: Callable[[Question], Verdict]
    words: dict[Fault, str]


def judge(*command: str | Path) -> Verdict:
    """Run a program that tells its verdict by its status."""
    result = run(*command)
    return Verdict(result.returncode == 0, result.stdout)


def openssl(question: Question) -> Verdict:
    """Judge with ``openssl verify``, in its strict mode."""
    options = {NameKind.DNS: "-verify_hostname", NameKind.IP: "-verify_ip", NameKind.EMAIL: "-verify_email"}
    option = options.get(question.name.kind)
    return judge(
        "openssl",
        "verify",
        "-x509_strict",
        *("-auth_level", "2"),
        *("-purpose", "sslserver" if question.of_a_server else "sslclient"),
        *((option, question.name.value) if option else ()),
        *("-no-CApath", "-no-CAstore", "-CAfile", question.root),
        *("-untrusted", question.folder / "issuers.pem", question.folder / "leaf.pem"),
    )


def gnutls(question: Question) -> Verdict:
    """Judge with ``certtool --verify``."""
    options = {NameKind.DNS: "--verify-hostname", NameKind.IP: "--verify-hostname", NameKind.EMAIL: "--verify-email"}
    option = options.get(question.name.kind)
    return judge(
        "certtool",
        "--verify",
        "--verify-profile=medium",
        f"--verify-purpose=1.3.6.1.5.5.7.3.{1 if question.of_a_server else 2}",
        *((f"{option}={question.name.value}",) if option else ()),
        *("--load-ca-certificate", question.root, "--infile", question.folder / "chain.pem"),
    )


def nss(question: Question) -> Verdict:
    """Judge with ``vfychain`` and libpkix, the only engine of newer releases. It takes no name to expect."""
    usage = "1" if question.of_a_server else "0"
    certificates = [word for path in sorted(question.folder.glob("[0-9].pem")) for word in ("-a", path)]
    return judge("vfychain", "-d", _nss_database(question.root), "-pp", "-u", usage, *certificates)


def java(question: Question) -> Verdict:
    """Judge with Java's default trust manager; a server in a real handshake."""
    if question.of_a_server:
        with serve(question.folder) as port:
            return _ask_java("server", str(question.root), str(port), question.host)
    return _ask_java("client", str(question.root), str(question.folder / "chain.pem"))


def python(question: Question) -> Verdict:
    """Judge with Python's ``ssl``, strict as it is by default from Python 3.13 on, in a handshake in memory."""
    client, server = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    verifying, presenting = (client, server) if question.of_a_server else (server, client)
    for context in (client, server):  # a server that verifies its client needs some certificate of its own, too
        context.load_cert_chain(question.folder / "chain.pem", question.folder / "key.pem")
    verifying.load_verify_locations(question.root)
    verifying.verify_flags |= ssl.VERIFY_X509_STRICT
    verifying.check_hostname = question.of_a_server and bool(question.host)
    verifying.verify_mode = ssl.CERT_REQUIRED
    presenting.check_hostname, presenting.verify_mode = False, ssl.CERT_NONE
    try:
        _shake_hands(client, server, question.host)
    except ssl.SSLCertVerificationError as error:
        return Verdict(False, str(error))
    return Verdict(True, "")


def cryptography(question: Question) -> Verdict:
    """Judge with the verifier of the ``cryptography`` package, which knows no e-mail address and no URI to expect."""
    roots = x509.load_pem_x509_certificates(question.root.read_bytes())
    leaf, *issuers = x509.load_pem_x509_certificates((question.folder / "chain.pem").read_bytes())
    policy = verification.PolicyBuilder().store(verification.Store(roots))
    verifier: verification.ServerVerifier | verification.ClientVerifier = policy.build_client_verifier()
    if question.of_a_server:
        expected = question.name.general_name()
        assert isinstance(expected, x509.DNSName | x509.IPAddress)
        verifier = policy.build_server_verifier(expected)
    try:
        verifier.verify(leaf, issuers)
    except verification.VerificationError as error:
        return Verdict(False, str(error))
    return Verdict(True, "")


def _shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, host: str) -> None:
    """Let the two finish a handshake in memory."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=host or None),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _flight in range(FLIGHTS):
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                continue
    assert not ends, "the handshake has not come to its end"


@functools.cache
def _java() -> subprocess.Popen[str]:
    need("javac")  # which a machine with the runtime alone lacks: the source is compiled as it is started
    process = subprocess.Popen(
        ["java", str(Path(__file__).with_name("PeerVerifier.java"))],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    atexit.register(process.communicate)  # the end of its input is what ends it
    return process


def _ask_java(*question: str) -> Verdict:
    process = _java()
    assert process.stdin
    assert process.stdout
    print(*question, sep="\t", file=process.stdin, flush=True)
    answer = process.stdout.readline().strip()
    assert answer.startswith(("accepted", "refused")), answer
    return Verdict(answer == "accepted", answer)


@functools.cache
def _nss_database(root: Path) -> str:
    folder = f"sql:{tempfile.mkdtemp(dir=root.parent, prefix='nss')}"
    run("certutil", "-N", "-d", folder, "--empty-password", check=True)
    for number, certificate in enumerate(x509.load_pem_x509_certificates(root.read_bytes())):
        # Not checked, since certutil has no place for a root that NSS would not trust anyway, such as an Ed25519 one.
        run("certutil", "-A", "-d", folder, "-n", f"root {number}", "-t", "CT,C,C", "-a", text=to_pem(certificate))
    return folder


VERIFIERS = [
    Verifier(
        "OpenSSL",
        openssl,
        {
            Fault.OUTSIDE: "permitted subtree violation",
            Fault.EXPIRED: "certificate has expired",
            Fault.NO_AUTHORITY: "invalid CA certificate",
            Fault.PATH_LENGTH: "path length constraint exceeded",
            Fault.PURPOSE: "unsuitable certificate purpose",
            Fault.NAME: "mismatch",
            Fault.UNTRUSTED: "unable to get local issuer certificate",
        },
    ),
    Verifier(
        "GnuTLS",
        gnutls,
        {
            Fault.OUTSIDE: "violates the signer's constraints",
            Fault.EXPIRED: "uses expired certificate",
            Fault.NO_AUTHORITY: "violates the signer's constraints",
            Fault.PATH_LENGTH: "violates the signer's constraints",
            Fault.PURPOSE: "does not match the intended purpose",
            Fault.NAME: "does not match the expected",
            Fault.UNTRUSTED: "issuer is unknown",
        },
    ),
    Verifier(
        "NSS",
        nss,
        {
            # Most reasons of libpkix do not come through: these numbers are all that does.
            Fault.OUTSIDE: "ERROR -(8080|8157|8187)",
            Fault.EXPIRED: "ERROR -8181: Peer's Certificate has expired",
            Fault.NO_AUTHORITY: "ERROR -8156: Issuer certificate is invalid",
            Fault.PATH_LENGTH: "ERROR -8155: Certificate path length constraint is invalid",
            Fault.PURPOSE: "ERROR -8101: Certificate type not approved for application",
            Fault.UNTRUSTED: "ERROR -8157",
        },
    ),
    Verifier(
        "Java",
        java,
        {
            Fault.OUTSIDE: "name constraints check failed",
            Fault.EXPIRED: "validity check failed",
            Fault.NO_AUTHORITY: "keyCertSign bit is not set",
            Fault.PATH_LENGTH: "pathLenConstraint violated",
            Fault.PURPOSE: "Extended key usage does not permit",
            Fault.NAME: "No subject alternative",
            Fault.UNTRUSTED: "does not chain with any of the trust anchors",
        },
    ),
    Verifier(
        "Python",
        python,
        {
            Fault.OUTSIDE: "permitted subtree violation",
            Fault.EXPIRED: "certificate has expired",
            Fault.NO_AUTHORITY: "invalid CA certificate",
            Fault.PATH_LENGTH: "path length constraint exceeded",
            Fault.PURPOSE: "unsuitable certificate purpose",
            Fault.NAME: "mismatch",
            Fault.UNTRUSTED: "unable to get local issuer certificate",
        },
    ),
    Verifier(
        "cryptography",
        cryptography,
        {
            Fault.OUTSIDE: "no permitted name constraints matched",
            Fault.EXPIRED: "not valid at validation time",
            Fault.NO_AUTHORITY: "basicConstraints.cA must be asserted",
            Fault.PATH_LENGTH: "path length constraint violated",
            Fault.PURPOSE: "required EKU not found",
            Fault.NAME: "no matching subjectAltName",
            Fault.UNTRUSTED: "signature does not match",
        },
    ),
]

# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leaves with key, chain and staple for tests of the host's half, and small servers that serve them."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import LOCK_TIMEOUT, Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.inspection import inspect_leaves
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation, DeployedLeaf, Inquiry
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import (
    LEAF,
    REPAIR,
    Delivery,
    DeployedGeneration,
)
from ansible_collections.anchorage.pki.tests.unit.roots import key_usage, make_root, named
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
from cryptography.x509 import ocsp

DAY = timedelta(days=1)
NO_SERVER = Activation()
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@dataclass(frozen=True)
class Leaf:
    """A leaf as the controller sends it."""

    certificate: str
    chain: str
    private_key: str
    staple: bytes

    @property
    def der(self) -> bytes:
        return ssl.PEM_cert_to_DER_cert(self.certificate)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.der).hexdigest()

    @property
    def staple_sha256(self) -> str:
        return hashlib.sha256(self.staple).hexdigest()


@functools.cache
def issuer() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(timezone.utc)
    return make_root("Lab issuing", key=key, not_before=now - DAY, not_after=now + 3650 * DAY), key


@functools.cache
def rsa_key() -> rsa.RSAPrivateKey:
    """One RSA key for all tests, since making one takes long."""
    return rsa.generate_private_key(65537, 2048)


def make_leaf(
    name: str = "app.test",
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None,
    names: Sequence[str] = (),
) -> Leaf:
    """A fresh leaf with a staple, both under :func:`issuer`; ``names`` are more names of it."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    certificate = sign(key.public_key(), name, *names)
    return Leaf(
        certificate=certificate.public_bytes(Encoding.PEM).decode(),
        chain=issuer()[0].public_bytes(Encoding.PEM).decode(),
        private_key=pem_of_key(key),
        staple=make_staple(certificate),
    )


def pem_of_key(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def sign(public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey, name: str, *more: str) -> x509.Certificate:
    authority, authority_key = issuer()
    now = datetime.now(timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(authority.subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + 30 * DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in (name, *more)]), critical=False)
        .add_extension(key_usage(key_cert_sign=False), critical=True)
        .sign(authority_key, hashes.SHA256())
    )


def make_staple(
    certificate: x509.Certificate,
    begins: timedelta = timedelta(hours=-1),
    ends: timedelta = 7 * DAY,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    embedded: x509.Certificate | None = None,
) -> bytes:
    """A staple that is valid from one distance from now to another, with a certificate that comes with it."""
    authority, authority_key = issuer()
    now = datetime.now(timezone.utc)
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=certificate,
            issuer=authority,
            algorithm=hashes.SHA1(),  # noqa: S303 what servers match staples by
            cert_status=status,
            this_update=now + begins,
            next_update=now + ends,
            revocation_time=now if status is ocsp.OCSPCertStatus.REVOKED else None,
            revocation_reason=None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, authority)
    )
    builder = builder.certificates([embedded]) if embedded else builder
    return builder.sign(authority_key, hashes.SHA256()).public_bytes(Encoding.DER)


def renewed_staple(leaf: Leaf, validity: timedelta = 7 * DAY) -> bytes:
    """Another staple for the same leaf; ECDSA signatures differ each time."""
    return make_staple(x509.load_pem_x509_certificate(leaf.certificate.encode()), ends=validity)


def bundle(leaf: Leaf) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = x509.load_pem_x509_certificate(leaf.certificate.encode())
    return pkcs12.serialize_key_and_certificates(
        b"app", key, sign(key.public_key(), "app.test"), [certificate], NoEncryption()
    )


def delivery(leaf: Leaf, expected: int = 0, name: str = "app") -> Delivery:
    """What a controller sends to deploy a new leaf."""
    return Delivery(
        name=name,
        action=LEAF,
        expected_generation=expected,
        certificate=leaf.certificate,
        chain=leaf.chain,
        private_key=leaf.private_key,
        staple=leaf.staple,
    )


def repair(expected: int) -> Delivery:
    """What a controller sends to repair the leaf ``app``."""
    return Delivery("app", REPAIR, expected)


def destination_at(
    path: Path | str, server: str = "nginx", mode: int = 0o600, lock_timeout: float = LOCK_TIMEOUT
) -> Destination:
    return Destination(str(path), server, Attributes(0o644), Attributes(mode), lock_timeout)


def deploy_leaf(destination: Destination, leaf: Leaf, expected: int = 0, name: str = "app") -> DeployedGeneration:
    """Deploy one leaf without a server."""
    return deploy(destination, [delivery(leaf, expected, name)], NO_SERVER).certificates[0]


def inspected(destination: Destination, name: str = "app") -> DeployedLeaf:
    """What a host says of one leaf with a key of the controller's, and without a server."""
    return inspect_leaves(destination, [Inquiry(name)], NO_SERVER).certificates[0]


def tree(path: Path) -> dict[str, object]:
    """Everything below a folder, by its path: content of files, targets of links, modes. The lock file is left out."""
    found: dict[str, object] = {}
    for entry in sorted(path.rglob("*")):
        if entry.name == ".lock":
            continue
        status = entry.lstat()
        content = entry.readlink() if entry.is_symlink() else entry.read_bytes() if entry.is_file() else None
        found[str(entry.relative_to(path))] = (oct(status.st_mode), content)
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def tcp_server(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server on a port of its own that gives each connection to ``answer``, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        stopped = threading.Event()

        def serve() -> None:
            while not stopped.is_set():
                try:
                    connection, _address = server.accept()
                except TimeoutError:
                    continue
                with connection, suppress(OSError):
                    connection.settimeout(5)
                    answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            stopped.set()
            thread.join()


@contextmanager
def tls_server(combined: Callable[[], Path]) -> Iterator[int]:
    """A TLS server that reads its PEM file anew for each connection."""

    def answer(connection: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(combined())
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(1)

    with tcp_server(answer) as port:
        yield port

# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make an authority that is not ours, with an OCSP responder's index, and certificates of one name from it, each in a
folder with a number, as an ACME client would get them one after the other.

Usage: corporate_authority.py FOLDER NAME URL
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

CERTIFICATES = 8
DAY = timedelta(days=1)
NOW = datetime.now(timezone.utc).replace(microsecond=0)


def main() -> None:
    """Make all of it."""
    folder, name, url = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    folder.mkdir(mode=0o700)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Corporate authority")])
    authority = begin(subject, subject, key.public_key()).add_extension(x509.BasicConstraints(True, 0), critical=True)
    certificate = authority.sign(key, hashes.SHA256())
    write_key(folder / "authority.key", key)
    (folder / "authority.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    index = []
    for number in range(1, CERTIFICATES + 1):
        leaf = write_leaf(folder / str(number), name, url, certificate, key)
        # ca(1): valid, its end, no revocation, serial, no file, subject
        index.append(f"V\t{leaf.not_valid_after_utc:%y%m%d%H%M%SZ}\t\t{leaf.serial_number:040X}\tunknown\t/CN={name}\n")
    (folder / "index.txt").write_text("".join(index), encoding="ascii")
    # They are all for one name.
    (folder / "index.txt.attr").write_text("unique_subject = no\n", encoding="ascii")


def write_leaf(
    folder: Path, name: str, url: str, issuer: x509.Certificate, issuer_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    """A certificate with its key and chain, in files that are called as certbot calls them."""
    key = ec.generate_private_key(ec.SECP256R1())
    responder = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(url))
    builder = begin(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), issuer.subject, key.public_key())
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    builder = builder.add_extension(x509.AuthorityInformationAccess([responder]), critical=False)
    leaf = builder.sign(issuer_key, hashes.SHA256())
    text, chain = (each.public_bytes(Encoding.PEM) for each in (leaf, issuer))
    folder.mkdir()
    write_key(folder / "privkey.pem", key)
    for file_name, content in (("cert.pem", text), ("chain.pem", chain), ("fullchain.pem", text + chain)):
        (folder / file_name).write_bytes(content)
    return leaf


def begin(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    """What all certificates have."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + 30 * DAY)
    )


def write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """Write a key that its owner alone may read."""
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


if __name__ == "__main__":
    main()

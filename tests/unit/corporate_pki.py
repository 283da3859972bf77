# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The PKI of a company: a root and intermediates that are not ours, which sign what they are asked for, or worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ansible_collections.anchorage.pki.tests.unit.roots import named
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

DAY = timedelta(days=1)
#: Extensions that a signer may leave out of what it is asked for, or write another way.
CONSTRAINTS, USAGE, BASIC = x509.NameConstraints, x509.KeyUsage, x509.BasicConstraints


#: A subject alternative name of a kind that the library does not know (ediPartyName), as hostile certificates may have.
ODD_NAMES = x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, bytes.fromhex("3009a507a1050c03616263"))


def usage(cert_sign: bool = True, crl_sign: bool = True) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not cert_sign,
        key_cert_sign=cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass(frozen=True)
class Corporate:
    """One authority of the company; ``above`` leads from it to the root, the root last."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    now: datetime
    above: tuple[x509.Certificate, ...] = field(default=())

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        return (self.certificate, *self.above)

    @property
    def root(self) -> x509.Certificate:
        return self.chain[-1]

    def below(self, name: str, path_length: int | None = None, days: int = 3000, **others: object) -> Corporate:
        """An authority below this one."""
        key = ec.generate_private_key(ec.SECP384R1())
        extensions = [x509.BasicConstraints(ca=True, path_length=path_length), usage()]
        certificate = self.build(named(name), key.public_key(), extensions, days, **others)  # type: ignore[arg-type]
        return Corporate(certificate, key, self.now, self.chain)

    def sign(
        self,
        request: x509.CertificateSigningRequest,
        *instead: x509.ExtensionType,
        without: Sequence[type[x509.ExtensionType]] = (),
        days: int = 1000,
        **others: object,
    ) -> x509.Certificate:
        """What a request asks for, but for the extensions that are given ``instead``, and those left out."""
        replaced = (*without, *map(type, instead))
        asked = [each.value for each in request.extensions if not isinstance(each.value, replaced)]
        subject = others.pop("subject", request.subject)
        return self.build(subject, request.public_key(), [*asked, *instead], days, **others)  # type: ignore[arg-type]

    def build(
        self,
        subject: x509.Name,
        public_key: object,
        extensions: Sequence[x509.ExtensionType],
        days: int,
        begins: timedelta = -DAY,
        identifier: bool = True,
        serial: int | None = None,
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.certificate.subject)
            .public_key(public_key)  # type: ignore[arg-type]
            .serial_number(serial or x509.random_serial_number())
            .not_valid_before(self.now + begins)
            .not_valid_after(self.now + days * DAY)
        )
        if identifier:
            subject_key = x509.SubjectKeyIdentifier.from_public_key(public_key)  # type: ignore[arg-type]
            builder = builder.add_extension(subject_key, critical=False)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=not isinstance(extension, x509.ExtendedKeyUsage))
        own = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return builder.add_extension(own, critical=False).sign(self.key, hashes.SHA256())


def corporate_root(
    now: datetime,
    name: str = "Corporate root",
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None,
    path_length: int | None = None,
    days: int = 5000,
    extensions: Sequence[x509.ExtensionType] = (),
) -> Corporate:
    """The company's root, of RSA as most are, unless it is given another key."""
    key = key or rsa.generate_private_key(65537, 2048)
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 1000 * DAY)
        .not_valid_after(now + days * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(usage(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return Corporate(builder.sign(key, hashes.SHA256()), key, now)


def pem(*certificates: x509.Certificate) -> bytes:
    """Certificates in PEM, one after the other."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)

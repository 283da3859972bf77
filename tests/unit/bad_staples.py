# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OCSP responses that must reach no server: one for each reason to refuse a staple.

Most of them no library makes; those are put together by hand, in DER (X.690).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.refusals import Refusal
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, generate_key
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
#: Signature algorithms (RFC 3279, RFC 5758, RFC 8017): ECDSA with SHA-1, with SHA-256, RSA with SHA-256.
ECDSA_SHA1 = bytes.fromhex("300906072a8648ce3d0401")
ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
RSA_SHA256 = bytes.fromhex("300d06092a864886f70d01010b0500")
UNKNOWN_ALGORITHM = bytes.fromhex("300506032a0304")


@dataclass(frozen=True)
class Parties:
    """Whose staple it would be, and who signs it at which time. Installed is one of an hour before."""

    leaf: x509.Certificate
    issuing: Signer
    responder: Signer
    now: datetime

    @property
    def installed(self) -> datetime:
        """The thisUpdate of the staple that is installed."""
        return self.now - 60 * MINUTE


def bad_staples(parties: Parties) -> dict[Refusal, bytes]:
    """A bad staple for every reason to refuse one."""
    return {refusal: make(parties) for refusal, make in BAD_STAPLES.items()}


def respond(
    parties: Parties,
    about: x509.Certificate | None = None,
    under: x509.Certificate | None = None,
    by: Signer | None = None,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    begin: timedelta = -5 * MINUTE,
    end: timedelta | None = 7 * DAY,
    embedded: Sequence[x509.Certificate] | None = None,
    encoding: ocsp.OCSPResponderEncoding = ocsp.OCSPResponderEncoding.HASH,
    certificate_id: hashes.HashAlgorithm = hashes.SHA1(),  # noqa: B008, S303 an identifier, not a signature
    extension: tuple[x509.ExtensionType, bool] | None = None,
) -> bytes:
    """A response as a responder might sign it, right or wrong; a good one unless told otherwise. Times are relative to
    the parties' ``now``."""
    by, revoked = by or parties.responder, status is ocsp.OCSPCertStatus.REVOKED
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=about or parties.leaf,
            issuer=under or parties.issuing.certificate,
            algorithm=certificate_id,
            cert_status=status,
            this_update=parties.now + begin,
            next_update=None if end is None else parties.now + end,
            revocation_time=parties.now - DAY if revoked else None,
            revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
        )
        .responder_id(encoding, by.certificate)
    )
    certificates = [by.certificate] if embedded is None else list(embedded)
    builder = builder.certificates(certificates) if certificates else builder
    builder = builder.add_extension(*extension) if extension else builder
    digest = None if hasattr(by.key, "private_bytes_raw") else hashes.SHA256()
    return builder.sign(by.key, digest).public_bytes(Encoding.DER)


def certified(
    issuer: Signer,
    key: Any,
    begin: datetime,
    end: datetime,
    purpose: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.OCSP_SIGNING,
) -> Signer:
    """A certificate of the issuer, made by hand so that it may lack what a responder needs."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    if purpose is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return Signer(builder.sign(issuer.key, hashes.SHA256()), key)


def tlv(tag: int, *contents: bytes) -> bytes:
    """One element: its tag, its length, its contents."""
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def elements(der: bytes) -> list[bytes]:
    """The elements one behind the other in ``der``, each with its tag."""
    found = []
    while der:
        size, begin = der[1], 2
        if size & 0x80:
            begin += size & 0x7F
            size = int.from_bytes(der[2:begin], "big")
        found.append(der[: begin + size])
        der = der[begin + size :]
    return found


def content(element: bytes) -> bytes:
    return element[2 + (element[1] & 0x7F if element[1] & 0x80 else 0) :]


def signed_part(der: bytes) -> bytes:
    """What the signature of a response is about."""
    return ocsp.load_der_ocsp_response(der).tbs_response_bytes


def assembled(signed: bytes, algorithm: bytes, signature: bytes, certificate: x509.Certificate) -> bytes:
    """A successful OCSPResponse (RFC 6960, section 4.2.1) of its parts."""
    embedded = tlv(0xA0, tlv(0x30, certificate.public_bytes(Encoding.DER)))
    basic = tlv(0x30, signed, algorithm, tlv(0x03, b"\0", signature), embedded)
    kind = bytes.fromhex("06092b0601050507300101")
    return tlv(0x30, tlv(0x0A, b"\0"), tlv(0xA0, tlv(0x30, kind, tlv(0x04, basic))))


def named_by_key(signed: bytes, certificate: x509.Certificate) -> bytes:
    """The signed part of a response with another responder."""
    identifier = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest
    return tlv(0x30, tlv(0xA2, tlv(0x04, identifier)), *elements(content(signed))[1:])


def _answered(status: ocsp.OCSPResponseStatus) -> Callable[[Parties], bytes]:
    der = ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)
    return lambda _parties: der


def _pem(parties: Parties) -> bytes:
    return b"-----BEGIN OCSP RESPONSE-----\n" + base64.encodebytes(respond(parties)) + b"-----END OCSP RESPONSE-----\n"


def _two_in_one(parties: Parties) -> bytes:
    *head, responses = elements(content(signed_part(respond(parties))))
    return _signed_by_key(parties, tlv(0x30, *head, tlv(0x30, content(responses) * 2)))


def _signed_by_key(parties: Parties, signed: bytes, by: Signer | None = None, key: Any = None) -> bytes:
    """Signed with ECDSA and SHA-256, by an elliptic key that need not be the signer's."""
    by = by or _elliptic(parties)
    signature = (key or by.key).sign(named_by_key(signed, by.certificate), ec.ECDSA(hashes.SHA256()))
    return assembled(named_by_key(signed, by.certificate), ECDSA_SHA256, signature, by.certificate)


def _elliptic(parties: Parties) -> Signer:
    """A fit responder with an elliptic key, whatever key the usual one has."""
    return _appointed(parties, ec.generate_private_key(ec.SECP256R1()))


def _appointed(parties: Parties, key: Any, begin: timedelta = -DAY, days: int = 20, **more: Any) -> Signer:
    """A responder of the issuer."""
    return certified(parties.issuing, key, parties.now + begin, parties.now + begin + days * DAY, **more)


def _by(begin: timedelta = -DAY, **more: Any) -> Callable[[Parties], bytes]:
    """A response by a responder that may lack something."""
    return lambda parties: respond(
        parties, by=_appointed(parties, ec.generate_private_key(ec.SECP256R1()), begin, **more)
    )


def _other_leaf(parties: Parties) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    return certified(parties.issuing, key, parties.now - DAY, parties.now + 30 * DAY, None).certificate


def _other_issuer(parties: Parties) -> Signer:
    """Another authority of the same name."""
    key: Any = generate_key(KeyType.ECDSA_P256)
    return certified(Signer(parties.issuing.certificate, key), key, parties.now - DAY, parties.now + 30 * DAY, None)


def _foreign(parties: Parties) -> bytes:
    impostor: Any = ec.generate_private_key(ec.SECP256R1())
    theirs = certified(
        Signer(parties.issuing.certificate, impostor), impostor, parties.now - DAY, parties.now + 20 * DAY
    )
    return respond(parties, by=theirs)


def _unusual_key(parties: Parties) -> bytes:
    by = _appointed(parties, ed448.Ed448PrivateKey.generate())
    signed = named_by_key(signed_part(respond(parties)), by.certificate)
    return assembled(signed, ECDSA_SHA256, by.key.sign(signed), by.certificate)  # type: ignore[union-attr,call-arg]


def _with_algorithm(algorithm: bytes) -> Callable[[Parties], bytes]:
    """A response whose signature is right, but said to be of another algorithm."""

    def make(parties: Parties) -> bytes:
        by = _elliptic(parties)
        signed = named_by_key(signed_part(respond(parties)), by.certificate)
        signature = by.key.sign(signed, ec.ECDSA(hashes.SHA256()))  # type: ignore[call-arg,arg-type,union-attr]
        return assembled(signed, algorithm, signature, by.certificate)

    return make


def _sha1_signature(parties: Parties) -> bytes:
    by = _elliptic(parties)
    signed = named_by_key(signed_part(respond(parties)), by.certificate)
    digest = hashlib.sha1(signed, usedforsecurity=False).digest()
    key: Any = by.key
    signature = key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA1())))  # noqa: S303
    return assembled(signed, ECDSA_SHA1, signature, by.certificate)


def _wrong_signature(parties: Parties) -> bytes:
    stranger = ec.generate_private_key(ec.SECP256R1())
    return _signed_by_key(parties, signed_part(respond(parties)), key=stranger)


def _damaged_certificate(parties: Parties) -> bytes:
    """A response with its responder's certificate, whose key is no point of the curve."""
    by = _elliptic(parties)
    point = by.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return respond(parties, by=by).replace(point, b"\x09" + point[1:])


def _critical_extension(parties: Parties) -> bytes:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\0")
    return respond(parties, extension=(unknown, True))


#: How each of them is made.
BAD_STAPLES: dict[Refusal, Callable[[Parties], bytes]] = {
    Refusal.EMPTY: lambda _parties: b"",
    Refusal.TOO_LARGE: lambda parties: respond(parties, embedded=[parties.responder.certificate] * 200),
    Refusal.PEM: _pem,
    Refusal.TRAILING: lambda parties: respond(parties) + b"\0",
    Refusal.NOT_DER: lambda parties: respond(parties)[:-1],
    Refusal.DAMAGED: _damaged_certificate,
    Refusal.MALFORMED_REQUEST: _answered(ocsp.OCSPResponseStatus.MALFORMED_REQUEST),
    Refusal.INTERNAL_ERROR: _answered(ocsp.OCSPResponseStatus.INTERNAL_ERROR),
    Refusal.TRY_LATER: _answered(ocsp.OCSPResponseStatus.TRY_LATER),
    Refusal.SIG_REQUIRED: _answered(ocsp.OCSPResponseStatus.SIG_REQUIRED),
    Refusal.UNAUTHORIZED: _answered(ocsp.OCSPResponseStatus.UNAUTHORIZED),
    Refusal.NOT_ONE: _two_in_one,
    Refusal.OTHER_HASH: lambda parties: respond(parties, certificate_id=hashes.SHA256()),
    Refusal.OTHER_SERIAL: lambda parties: respond(parties, about=_other_leaf(parties)),
    Refusal.OTHER_ISSUER: lambda parties: respond(parties, under=_other_issuer(parties).certificate),
    Refusal.OTHER_SIGNER: lambda parties: respond(parties, embedded=[]),
    Refusal.FOREIGN_RESPONDER: _foreign,
    Refusal.NOT_A_RESPONDER: _by(purpose=ExtendedKeyUsageOID.SERVER_AUTH),
    Refusal.RESPONDER_NOT_YET_VALID: _by(DAY),
    Refusal.RESPONDER_EXPIRED: _by(-10 * DAY, days=9),
    Refusal.UNUSUAL_KEY: _unusual_key,
    Refusal.UNKNOWN_ALGORITHM: _with_algorithm(UNKNOWN_ALGORITHM),
    Refusal.WEAK_SIGNATURE: _sha1_signature,
    Refusal.OTHER_ALGORITHM: _with_algorithm(RSA_SHA256),
    Refusal.WRONG_SIGNATURE: _wrong_signature,
    Refusal.CRITICAL_EXTENSION: _critical_extension,
    Refusal.ENDLESS: lambda parties: respond(parties, end=None),
    Refusal.BACKWARDS: lambda parties: respond(parties, begin=-MINUTE, end=-MINUTE),
    Refusal.NOT_YET_VALID: lambda parties: respond(parties, begin=60 * MINUTE),
    Refusal.EXPIRED: lambda parties: respond(parties, begin=-7 * DAY, end=-MINUTE),
    Refusal.TOO_SHORT: lambda parties: respond(parties, end=9 * MINUTE),
    Refusal.OUTLIVES_CERTIFICATE: lambda parties: respond(
        parties, end=parties.leaf.not_valid_after_utc - parties.now + MINUTE
    ),
    Refusal.OUTLIVES_SIGNER: _by(days=3),
    Refusal.OLDER: lambda parties: respond(parties, begin=-61 * MINUTE),
    Refusal.REVOKED: lambda parties: respond(parties, status=ocsp.OCSPCertStatus.REVOKED),
    Refusal.UNKNOWN: lambda parties: respond(parties, status=ocsp.OCSPCertStatus.UNKNOWN),
}

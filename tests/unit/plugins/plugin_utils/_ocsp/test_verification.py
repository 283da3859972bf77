# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OCSP responses: believed or refused, for every fault that a server would not notice."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.verification import (
    Refusal,
    Status,
    Verification,
    verify,
    verify_staple,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import (
    Signer,
    Subject,
    sign_root,
    validity_from,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, PrivateKey, generate_key
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

DAY = timedelta(days=1)


@pytest.fixture(scope="session")
def respond(leaf: x509.Certificate, issuer: x509.Certificate, responder: Signer, now: datetime) -> Callable[..., bytes]:
    """A function that signs a response as a responder might, right or wrong."""

    def sign(
        about: x509.Certificate = leaf,
        under: x509.Certificate = issuer,
        by: Signer = responder,
        status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
        this_update: datetime = now,
        next_update: datetime | None = now + 7 * DAY,
        embedded: list[x509.Certificate] | None = None,
        encoding: ocsp.OCSPResponderEncoding = ocsp.OCSPResponderEncoding.HASH,
        certificate_id: hashes.HashAlgorithm = hashes.SHA1(),  # noqa: B008, S303
    ) -> bytes:
        revoked = status is ocsp.OCSPCertStatus.REVOKED
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                cert=about,
                issuer=under,
                algorithm=certificate_id,
                cert_status=status,
                this_update=this_update,
                next_update=next_update,
                revocation_time=this_update if revoked else None,
                revocation_reason=None,
            )
            .responder_id(encoding, by.certificate)
        )
        certificates = [by.certificate] if embedded is None else embedded
        builder = builder.certificates(certificates) if certificates else builder
        return builder.sign(by.key, None if hasattr(by.key, "private_bytes_raw") else hashes.SHA256()).public_bytes(
            serialization.Encoding.DER
        )

    return sign


@pytest.fixture
def refused(leaf: x509.Certificate, issuer: x509.Certificate, now: datetime) -> Callable[..., str]:
    """A function that returns why the gate refuses a response."""

    def reason(der: bytes, at: datetime = now) -> str:
        with pytest.raises(PkiError, match=r"^The staple is refused: ") as caught:
            verify_staple(der, leaf, issuer, at)
        return str(caught.value).removeprefix("The staple is refused: ")

    return reason


@pytest.mark.parametrize("encoding", list(ocsp.OCSPResponderEncoding))
@pytest.mark.parametrize("embed", [True, False])
def test_a_staple_signed_by_the_issuer_itself_is_accepted(
    respond, leaf, issuing: Signer, now: datetime, encoding: ocsp.OCSPResponderEncoding, embed: bool
) -> None:
    embedded = [issuing.certificate] if embed else []
    der = respond(by=issuing, embedded=embedded, encoding=encoding)
    assert verify_staple(der, leaf, issuing.certificate, now).next_update == now + 7 * DAY


@pytest.mark.parametrize("algorithm", [hashes.SHA1(), hashes.SHA256(), hashes.SHA512()])  # noqa: S303
def test_a_fetched_staple_may_name_its_certificate_by_another_digest(respond, leaf, issuer, now, algorithm) -> None:
    assert verify_staple(respond(certificate_id=algorithm), leaf, issuer, now).der


@pytest.mark.parametrize("der", [b"", b"\0", b"-----BEGIN", b"0" * 5000])
def test_what_is_no_response_is_refused(refused, der: bytes) -> None:
    assert refused(der) == "it is not an OCSP response in DER."


def test_a_response_with_something_behind_it_is_refused(refused, respond) -> None:
    assert refused(respond() + b"\0") == "it is not an OCSP response in DER."


@pytest.mark.parametrize("status", [status for status in ocsp.OCSPResponseStatus if status.name != "SUCCESSFUL"])
def test_an_answer_without_a_response_is_refused(refused, status: ocsp.OCSPResponseStatus) -> None:
    der = ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(serialization.Encoding.DER)
    assert refused(der) == f"the responder answered {status.name}."


def test_a_response_about_another_leaf_is_refused(refused, respond, make_leaf) -> None:
    assert refused(respond(about=make_leaf("other.test"))) == "it is about another certificate."


def test_a_response_about_the_same_serial_under_another_issuer_is_refused(refused, respond, authority) -> None:
    assert refused(respond(under=authority.root.certificate)) == "it is about another certificate."


@pytest.mark.parametrize("status", [ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN])
def test_only_good_is_good(refused, respond, status: ocsp.OCSPCertStatus) -> None:
    assert refused(respond(status=status)) == f"the certificate is {status.name.lower()}."


def test_a_wrong_signature_is_refused(refused, respond) -> None:
    der = respond(embedded=[])
    # Without certificates, the signature is what a response ends with.
    assert refused(der[:-1] + bytes([der[-1] ^ 1])) == (
        "it is signed by neither the issuer nor a responder that the issuer appointed."
    )
    by_responder = bytearray(respond())
    position = by_responder.rindex(ocsp.load_der_ocsp_response(bytes(by_responder)).signature) + 40
    by_responder[position] ^= 1
    assert refused(bytes(by_responder)) == "its signature is wrong."


def test_a_response_in_the_issuers_name_by_another_key_is_refused(refused, respond, issuing: Signer) -> None:
    impostor = generate_key(KeyType.ECDSA_P256)
    assert isinstance(impostor, ec.EllipticCurvePrivateKey)
    tbs = ocsp.load_der_ocsp_response(respond(by=issuing)).tbs_response_bytes
    signature = impostor.sign(tbs, ec.ECDSA(hashes.SHA256()))
    assert refused(assembled(tbs, ECDSA_SHA256, signature, issuing.certificate)) == "its signature is wrong."


def delegate(issuing: Signer, key: PrivateKey, begin: datetime, days: int, purpose: Any) -> Signer:
    """A certificate of the issuer, made by hand so that it may lack what a responder needs."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(issuing.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + days * DAY)
    )
    if purpose is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return Signer(builder.sign(issuing.key, hashes.SHA256()), key)


@pytest.mark.parametrize(
    ("begins", "days", "purpose"),
    [
        (-1, 30, None),
        (-1, 30, ExtendedKeyUsageOID.SERVER_AUTH),
        (-1, 30, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE),
        (-31, 30, ExtendedKeyUsageOID.OCSP_SIGNING),
        (1, 30, ExtendedKeyUsageOID.OCSP_SIGNING),
    ],
    ids=["no purpose", "a server", "any purpose", "expired", "not yet valid"],
)
def test_an_unfit_delegate_is_refused(
    refused, respond, issuing, leaf_key, now, begins: int, days: int, purpose
) -> None:
    unfit = delegate(issuing, leaf_key, now + begins * DAY, days, purpose)
    fit = delegate(issuing, leaf_key, now - DAY, 30, ExtendedKeyUsageOID.OCSP_SIGNING)
    assert "neither the issuer nor a responder" in refused(respond(by=unfit))
    assert respond(by=fit)


def test_a_fit_delegate_is_accepted(respond, leaf, issuing: Signer, leaf_key: PrivateKey, now: datetime) -> None:
    fit = delegate(issuing, leaf_key, now - DAY, 30, ExtendedKeyUsageOID.OCSP_SIGNING)
    assert verify_staple(respond(by=fit), leaf, issuing.certificate, now)


def test_a_delegate_of_another_authority_is_refused(refused, respond, issuing, leaf_key, now: datetime) -> None:
    """It has the issuer's name, but not the issuer's signature."""
    key = generate_key(KeyType.ECDSA_P256)
    foreign = Signer(
        sign_root(key, Subject("Test authority issuing 1"), validity_from(now, 90), None),
        key,
    )
    assert foreign.certificate.subject == issuing.certificate.subject
    theirs = delegate(foreign, leaf_key, now - DAY, 30, ExtendedKeyUsageOID.OCSP_SIGNING)
    assert "neither the issuer nor a responder" in refused(respond(by=theirs))


def test_a_delegate_with_an_unusual_key_is_refused(refused, respond, issuing: Signer, now: datetime) -> None:
    key: Any = ed448.Ed448PrivateKey.generate()
    certificate = delegate(issuing, key, now - DAY, 30, ExtendedKeyUsageOID.OCSP_SIGNING).certificate
    identifier = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest
    _responder, *others = elements(content(ocsp.load_der_ocsp_response(respond()).tbs_response_bytes))
    tbs = tlv(0x30, tlv(0xA2, tlv(0x04, identifier)), *others)
    assert (
        refused(assembled(tbs, ECDSA_SHA256, key.sign(tbs), certificate)) == "its signer has a key of an unusual kind."
    )


def test_an_expired_staple_is_refused(refused, respond, now: datetime) -> None:
    der = respond()
    assert refused(der, now + 8 * DAY) == "it ended at 2026-06-08 12:00 UTC."


def test_a_staple_is_over_while_a_slow_clock_may_still_take_it_for_good(refused, respond, leaf, issuer, now) -> None:
    der, end = respond(), now + 7 * DAY
    assert verify_staple(der, leaf, issuer, end - timedelta(minutes=5, seconds=1))
    assert "it ended at" in refused(der, end - timedelta(minutes=5))


def test_a_staple_of_the_future_points_at_the_clock(refused, respond, leaf, issuer, now: datetime) -> None:
    der = respond(this_update=now + timedelta(minutes=6))
    assert refused(der) == "it is valid from 2026-06-01 12:06 UTC on only. Check the clock."
    assert verify_staple(der, leaf, issuer, now + timedelta(minutes=1))


def test_a_staple_without_an_end_is_refused(refused, respond) -> None:
    assert refused(respond(next_update=None)) == "it does not say until when it is valid."


def test_a_staple_that_outlives_its_leaf_is_refused(refused, respond, leaf) -> None:
    end = leaf.not_valid_after_utc
    assert refused(respond(next_update=end + timedelta(seconds=1))) == "it outlives its certificate."
    assert respond(next_update=end)


# Responses that the library does not make are put together by hand, in DER (X.690).


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


#: Signature algorithms (RFC 3279, RFC 5758): ECDSA with SHA-1, ECDSA with SHA-256.
ECDSA_SHA1 = tlv(0x30, bytes.fromhex("06072a8648ce3d0401"))
ECDSA_SHA256 = tlv(0x30, bytes.fromhex("06082a8648ce3d040302"))


def assembled(tbs: bytes, algorithm: bytes, signature: bytes, certificate: x509.Certificate) -> bytes:
    """A successful OCSPResponse (RFC 6960, section 4.2.1) of its parts."""
    embedded = tlv(0xA0, tlv(0x30, certificate.public_bytes(serialization.Encoding.DER)))
    basic = tlv(0x30, tbs, algorithm, tlv(0x03, b"\0", signature), embedded)
    kind = bytes.fromhex("06092b0601050507300101")
    return tlv(0x30, tlv(0x0A, b"\0"), tlv(0xA0, tlv(0x30, kind, tlv(0x04, basic))))


def test_two_responses_in_one_are_refused(refused, respond, responder: Signer) -> None:
    tbs = ocsp.load_der_ocsp_response(respond()).tbs_response_bytes
    *head, responses = elements(content(tbs))
    tbs = tlv(0x30, *head, tlv(0x30, content(responses) * 2))
    assert isinstance(responder.key, ec.EllipticCurvePrivateKey)
    signature = responder.key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    assert (
        refused(assembled(tbs, ECDSA_SHA256, signature, responder.certificate)) == "it must hold exactly one response."
    )


def test_one_response_put_together_by_hand_is_accepted(respond, leaf, issuer, responder: Signer, now) -> None:
    """So that the refusals of those put together wrongly are about what is wrong with them."""
    tbs = ocsp.load_der_ocsp_response(respond()).tbs_response_bytes
    assert isinstance(responder.key, ec.EllipticCurvePrivateKey)
    signature = responder.key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    assert verify_staple(assembled(tbs, ECDSA_SHA256, signature, responder.certificate), leaf, issuer, now)


def test_a_sha1_signature_is_refused(refused, respond, responder: Signer) -> None:
    tbs = ocsp.load_der_ocsp_response(respond()).tbs_response_bytes
    assert isinstance(responder.key, ec.EllipticCurvePrivateKey)
    digest = hashlib.sha1(tbs).digest()  # noqa: S324
    signature = responder.key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA1())))  # noqa: S303
    der = assembled(tbs, ECDSA_SHA1, signature, responder.certificate)
    assert refused(der) == "its signature uses an algorithm that is no longer safe."


def test_a_signature_of_an_unknown_algorithm_is_refused(refused, respond, responder: Signer) -> None:
    tbs = ocsp.load_der_ocsp_response(respond()).tbs_response_bytes
    unknown = tlv(0x30, bytes.fromhex("06032a0304"))
    der = assembled(tbs, unknown, b"\0" * 64, responder.certificate)
    assert refused(der) == "a part of it is damaged or of an unknown algorithm."


@pytest.mark.parametrize("change", [0x01, 0x02, 0x20, 0x80, 0xFF])
def test_a_garbled_response_is_refused_by_the_gate_and_by_nothing_else(respond, leaf, issuer, now, change: int) -> None:
    der = respond()
    for position in range(len(der)):
        garbled = der[:position] + bytes([der[position] ^ change]) + der[position + 1 :]
        with contextlib.suppress(PkiError):
            staple = verify_staple(garbled, leaf, issuer, now)
            # What is still accepted says what was signed: a change of unsigned parts at most.
            assert (staple.this_update, staple.next_update) == (now, now + 7 * DAY)


# What a response says, for whoever takes more than good ones


@pytest.mark.parametrize("status", list(Status))
def test_every_status_is_verified_alike(respond, leaf, issuer, now: datetime, status: Status) -> None:
    der = respond(status=ocsp.OCSPCertStatus[status.name])
    found = verify(der, leaf, issuer, now)
    assert found == Verification(None, status, now, now + 7 * DAY)
    assert bool(found.problem) == (status is not Status.GOOD)


@pytest.mark.parametrize("status", list(Status))
def test_what_is_refused_for_its_times_alone_still_has_them(respond, leaf, issuer, now, status: Status) -> None:
    der = respond(status=ocsp.OCSPCertStatus[status.name])
    found = verify(der, leaf, issuer, now + 8 * DAY)
    assert found == Verification(Refusal.EXPIRED, status, now, now + 7 * DAY)


@pytest.mark.parametrize("status", list(Status))
def test_a_status_that_nobody_signed_is_none(respond, leaf, issuer, leaf_key, now, status: Status) -> None:
    impostor = Signer(sign_root(leaf_key, Subject("Impostor"), validity_from(now, 90), None), leaf_key)
    der = respond(status=ocsp.OCSPCertStatus[status.name], by=impostor)
    assert verify(der, leaf, issuer, now) == Verification(Refusal.UNAUTHORIZED)

# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OCSP responses: believed or refused, for every fault that a server would not notice."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._x509.staple import read_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.refusals import Refusal
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.requests import SHA256
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.verification import (
    Status,
    Terms,
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
from ansible_collections.anchorage.pki.tests.unit.bad_staples import (
    ECDSA_SHA1,
    ECDSA_SHA256,
    assembled,
    certified,
    content,
    elements,
    named_by_key,
    signed_part,
    tlv,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, padding
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


@pytest.mark.parametrize("algorithm", [hashes.SHA256(), hashes.SHA512()])
def test_a_certificate_named_by_another_digest_than_sha1_is_refused(refused, respond, algorithm) -> None:
    """HAProxy, nginx and curl match nothing else."""
    assert refused(respond(certificate_id=algorithm)) == (
        "it does not name its certificate by the digest that is wanted, which is SHA-1, as servers match nothing else, "
        "unless certid_digest says otherwise."
    )


def test_another_digest_than_sha1_can_be_asked_for(respond, leaf, issuer, make_leaf, now: datetime) -> None:
    by_sha256, by_sha1 = respond(certificate_id=hashes.SHA256()), respond()
    assert verify_staple(by_sha256, leaf, issuer, now, digest=SHA256).next_update == now + 7 * DAY
    assert verify(by_sha1, leaf, issuer, now, digest=SHA256).refusal is Refusal.OTHER_HASH
    assert verify(by_sha256, make_leaf(), issuer, now, digest=SHA256).refusal is Refusal.OTHER_SERIAL
    assert verify(by_sha256, leaf, leaf, now, digest=SHA256).refusal is Refusal.OTHER_ISSUER


@pytest.mark.parametrize("der", [b"\0", b"0" * 5000, b"\x30\x80", b"\x30\x03\x0a\x01"])
def test_what_is_no_response_is_refused(refused, der: bytes) -> None:
    assert refused(der) == "it is not an OCSP response in DER."


@pytest.mark.parametrize("der", [b"-----BEGIN", b"\n-----BEGIN OCSP RESPONSE-----"])
def test_what_servers_do_not_read_is_refused(refused, der: bytes) -> None:
    assert refused(der) == "it is in PEM, and servers read DER alone."
    assert refused(b"") == "it is empty."


def test_a_response_with_something_behind_it_is_refused(refused, respond) -> None:
    for more in (b"\0", b"\n", respond()):
        assert refused(respond() + more) == "something stands behind it."


def test_a_response_may_have_64_kib_and_no_more(refused, respond, issuer, leaf, responder: Signer, now) -> None:
    # Two responses may differ by their signatures' lengths, too.
    size = len(responder.certificate.public_bytes(serialization.Encoding.DER))
    fit = respond(embedded=[responder.certificate] * ((64 * 1024 - 400) // size))
    assert len(fit) > 64 * 1024 - 2 * size
    assert verify_staple(fit, leaf, issuer, now)
    large = respond(embedded=[responder.certificate] * (64 * 1024 // size + 1))
    assert refused(large) == "it is larger than 65536 bytes."


@pytest.mark.parametrize("status", [status for status in ocsp.OCSPResponseStatus if status.name != "SUCCESSFUL"])
def test_an_answer_without_a_response_is_refused(refused, status: ocsp.OCSPResponseStatus) -> None:
    der = ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(serialization.Encoding.DER)
    assert refused(der) == f"the responder answered {status.name}."


def test_a_response_about_another_leaf_is_refused(refused, respond, make_leaf) -> None:
    assert refused(respond(about=make_leaf("other.test"))) == "it is about another certificate."


def test_a_response_about_the_same_serial_under_another_issuer_is_refused(refused, respond, authority) -> None:
    assert (
        refused(respond(under=authority.root.certificate)) == "it is about another certificate, one of another issuer."
    )


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


def delegate(issuing: Signer, key: Any, begin: datetime, days: int, purpose: Any) -> Signer:
    return certified(issuing, key, begin, begin + days * DAY, purpose)


NOT_FOR_SIGNING = (
    "it is signed by neither the issuer nor a responder that the issuer appointed: its signer's certificate is not for "
    "OCSP signing."
)


@pytest.mark.parametrize(
    ("begins", "days", "purpose", "reason"),
    [
        (-1, 30, None, NOT_FOR_SIGNING),
        (-1, 30, ExtendedKeyUsageOID.SERVER_AUTH, NOT_FOR_SIGNING),
        (-1, 30, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, NOT_FOR_SIGNING),
        (-31, 30, ExtendedKeyUsageOID.OCSP_SIGNING, "the certificate of its responder has expired."),
        (1, 30, ExtendedKeyUsageOID.OCSP_SIGNING, "the certificate of its responder is not valid yet."),
    ],
    ids=["no purpose", "a server", "any purpose", "expired", "not yet valid"],
)
def test_an_unfit_delegate_is_refused(
    refused, respond, issuing, leaf_key, now, begins: int, days: int, purpose, reason: str
) -> None:
    unfit = delegate(issuing, leaf_key, now + begins * DAY, days, purpose)
    fit = delegate(issuing, leaf_key, now - DAY, 30, ExtendedKeyUsageOID.OCSP_SIGNING)
    assert refused(respond(by=unfit)) == reason
    assert respond(by=fit)


def test_of_two_certificates_of_one_responder_a_fit_one_suffices(respond, leaf, issuing, leaf_key, now) -> None:
    unfit = delegate(issuing, leaf_key, now - 31 * DAY, 30, ExtendedKeyUsageOID.OCSP_SIGNING)
    fit = delegate(issuing, leaf_key, now - DAY, 30, ExtendedKeyUsageOID.OCSP_SIGNING)
    both = respond(by=fit, embedded=[unfit.certificate, fit.certificate])
    assert verify_staple(both, leaf, issuing.certificate, now)


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
    assert refused(respond(by=theirs)) == (
        "it is signed by neither the issuer nor a responder that the issuer appointed: another one issued its signer's "
        "certificate."
    )


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


def test_a_staple_is_over_before_a_server_would_have_loaded_it(refused, respond, leaf, issuer, now) -> None:
    der, end = respond(), now + 7 * DAY
    assert verify_staple(der, leaf, issuer, end - timedelta(minutes=10, seconds=1))
    for left in (timedelta(minutes=10), timedelta(seconds=1)):
        assert refused(der, end - left) == "it ends at 2026-06-08 12:00 UTC already."
    assert "it ended at" in refused(der, end)


@pytest.mark.parametrize("end", [timedelta(0), -timedelta(seconds=1), -DAY])
def test_a_staple_that_ends_before_it_begins_is_refused(refused, respond, now: datetime, end: timedelta) -> None:
    assert refused(respond(next_update=now + end)) == "it ends before it begins, or then."


def test_a_staple_that_outlives_its_signer_is_refused(refused, respond, responder: Signer, leaf, issuer, now) -> None:
    end = responder.certificate.not_valid_after_utc
    assert end < leaf.not_valid_after_utc
    assert verify_staple(respond(next_update=end), leaf, issuer, now)
    assert refused(respond(next_update=end + timedelta(seconds=1))) == (
        "it outlives the certificate of its signer: have that one renewed earlier, or answers that end sooner."
    )


def test_a_staple_that_is_older_than_the_installed_one_is_refused(respond, leaf, issuer, now: datetime) -> None:
    def refusal(installed: datetime | None) -> Refusal | None:
        return verify(respond(), leaf, issuer, now, installed).refusal

    assert [refusal(installed) for installed in (None, now - DAY, now)] == [None] * 3
    assert refusal(now + timedelta(seconds=1)) is Refusal.OLDER
    with pytest.raises(PkiError, match="it is older than the one that is installed"):
        verify_staple(respond(), leaf, issuer, now, now + DAY)


def test_a_staple_of_the_future_points_at_the_clock(refused, respond, leaf, issuer, now: datetime) -> None:
    der = respond(this_update=now + timedelta(minutes=6))
    assert refused(der) == "it is valid from 2026-06-01 12:06 UTC on only. Check the clock."
    assert verify_staple(der, leaf, issuer, now + timedelta(minutes=1))


def test_a_staple_without_an_end_is_refused(refused, respond) -> None:
    assert refused(respond(next_update=None)) == (
        "it does not say until when it is valid: have its responder put nextUpdate into it."
    )


def test_a_staple_that_outlives_its_leaf_is_refused(refused, respond, leaf) -> None:
    end = leaf.not_valid_after_utc
    assert refused(respond(next_update=end + timedelta(seconds=1))) == "it outlives its certificate."
    assert respond(next_update=end)


def test_by_other_terms_a_response_may_outlive_its_leaf_and_is_good_as_long_as_that(issuing, respond, leaf, now):
    """Signed by the issuer."""
    issuer, end = issuing.certificate, leaf.not_valid_after_utc
    der = respond(by=issuing, next_update=end + DAY)
    terms = Terms(may_outlive=True)
    assert verify(der, leaf, issuer, now).refusal is Refusal.OUTLIVES_CERTIFICATE
    staple = verify(der, leaf, issuer, now, terms=terms).staple(der, leaf)
    assert staple is not None
    assert (staple.this_update, staple.next_update, staple.renew_at < end) == (now, end, True)
    late = end - timedelta(minutes=10)
    assert verify(der, leaf, issuer, late, terms=terms).refusal is Refusal.TOO_SHORT
    beyond = respond(by=issuing, next_update=issuer.not_valid_after_utc + DAY)
    assert verify(beyond, leaf, issuer, now).refusal is Refusal.OUTLIVES_CERTIFICATE
    assert verify(beyond, leaf, issuer, now, terms=terms).next_update == end


def test_by_other_terms_a_response_may_outlive_its_signer_and_is_good_as_long_as_that(
    respond, responder: Signer, issuer, leaf, now: datetime
) -> None:
    """As those of AD CS often do. What came with it is what its host looks at, too."""
    end = responder.certificate.not_valid_after_utc
    assert now < end < leaf.not_valid_after_utc
    der, terms = respond(next_update=end + DAY), Terms(may_outlive=True)
    staple = verify(der, leaf, issuer, now, terms=terms).staple(der, leaf)
    assert staple is not None
    assert staple.next_update == end == datetime.fromtimestamp(read_staple(der).end, timezone.utc)
    late = end - timedelta(minutes=10)
    assert verify(der, leaf, issuer, late - timedelta(seconds=1), terms=terms).refusal is None
    assert verify(der, leaf, issuer, late, terms=terms).refusal is Refusal.TOO_SHORT
    assert verify(der, leaf, issuer, end, terms=terms).refusal is Refusal.EXPIRED


def test_other_terms_ask_for_less_time(respond, leaf, issuer, now: datetime) -> None:
    der, end = respond(), now + 7 * DAY
    terms = Terms(at_least=timedelta(minutes=5))
    late = end - timedelta(minutes=5)
    assert verify(der, leaf, issuer, late - timedelta(seconds=1), terms=terms).refusal is None
    assert verify(der, leaf, issuer, late, terms=terms).refusal is Refusal.TOO_SHORT


# Responses that the library does not make


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
    assert refused(der) == "it uses an unknown algorithm."


@pytest.mark.parametrize("change", [0x01, 0x02, 0x20, 0x80, 0xFF])
def test_a_garbled_response_is_refused_by_the_gate_and_by_nothing_else(respond, leaf, issuer, now, change: int) -> None:
    der = respond()
    for position in range(len(der)):
        garbled = der[:position] + bytes([der[position] ^ change]) + der[position + 1 :]
        with contextlib.suppress(PkiError):
            staple = verify_staple(garbled, leaf, issuer, now)
            # What is still accepted says what was signed: a change of unsigned parts at most.
            assert (staple.this_update, staple.next_update) == (now, now + 7 * DAY)


@pytest.mark.parametrize("digest", [hashes.SHA256(), hashes.SHA384()])
@pytest.mark.parametrize("salt", [32, 48])
def test_an_rsa_pss_signature_is_checked(refused, respond, leaf, issuing, now, digest, salt: int) -> None:
    """As RFC 8017 has it, appendix A.2.3."""
    key: Any = generate_key(KeyType.RSA_3072)
    by = delegate(issuing, key, now - DAY, 20, ExtendedKeyUsageOID.OCSP_SIGNING)
    signed = named_by_key(signed_part(respond()), by.certificate)
    signature = key.sign(signed, padding.PSS(padding.MGF1(digest), salt), digest)
    der = assembled(signed, pss_algorithm(digest, salt), signature, by.certificate)
    assert verify_staple(der, leaf, issuing.certificate, now)
    broken = signature[:-1] + bytes([signature[-1] ^ 1])
    der = assembled(signed, pss_algorithm(digest, salt), broken, by.certificate)
    assert refused(der) == "its signature is wrong."


def pss_algorithm(digest: hashes.HashAlgorithm, salt: int) -> bytes:
    identifier = {"sha256": "0609608648016503040201", "sha384": "0609608648016503040202"}[digest.name]
    hashed = tlv(0x30, bytes.fromhex(identifier), b"\x05\0")
    mask = tlv(0x30, bytes.fromhex("06092a864886f70d010108"), hashed)
    parameters = tlv(0x30, tlv(0xA0, hashed), tlv(0xA1, mask), tlv(0xA2, tlv(0x02, bytes([salt]))))
    return tlv(0x30, bytes.fromhex("06092a864886f70d01010a"), parameters)


def test_an_extension_twice_is_refused(refused, respond, responder: Signer) -> None:
    """Which the library reports in a way of its own."""
    nonce = tlv(0x30, bytes.fromhex("06092b0601050507300102"), tlv(0x04, b"\x04\x01\x00"))
    parts = elements(content(signed_part(respond())))
    signed = tlv(0x30, *parts, tlv(0xA1, tlv(0x30, nonce, nonce)))
    assert isinstance(responder.key, ec.EllipticCurvePrivateKey)
    signature = responder.key.sign(signed, ec.ECDSA(hashes.SHA256()))
    assert refused(assembled(signed, ECDSA_SHA256, signature, responder.certificate)) == "a part of it is damaged."


# What a response says, for whoever takes more than good ones


@pytest.mark.parametrize("status", list(Status))
def test_every_status_is_verified_alike(respond, leaf, issuer, now: datetime, status: Status) -> None:
    der = respond(status=ocsp.OCSPCertStatus[status.name])
    found = verify(der, leaf, issuer, now)
    refusal = None if status is Status.GOOD else Refusal[status.name]
    revoked_at = now if status is Status.REVOKED else None
    assert found == Verification(refusal, status, now, now + 7 * DAY, revoked_at)
    assert bool(found.problem) == (status is not Status.GOOD)


@pytest.mark.parametrize("status", [Status.GOOD, Status.UNKNOWN])
def test_what_is_refused_for_its_times_alone_still_has_them(respond, leaf, issuer, now, status: Status) -> None:
    der = respond(status=ocsp.OCSPCertStatus[status.name])
    found = verify(der, leaf, issuer, now + 8 * DAY)
    assert found == Verification(Refusal.EXPIRED, status, now, now + 7 * DAY)


@pytest.mark.parametrize(
    ("next_update", "later"),
    [(7 * DAY, 8 * DAY), (7 * DAY, 7 * DAY - timedelta(minutes=1)), (None, 0 * DAY), (4000 * DAY, 0 * DAY)],
    ids=["it has ended", "it is about to end", "it has no end", "it outlives the certificate"],
)
def test_a_revocation_outlasts_its_response(respond, leaf, issuer, now, next_update, later) -> None:
    end = None if next_update is None else now + next_update
    der = respond(status=ocsp.OCSPCertStatus.REVOKED, next_update=end)
    assert verify(der, leaf, issuer, now + later) == Verification(Refusal.REVOKED, Status.REVOKED, now, end, now)


def test_a_revocation_that_is_older_than_a_good_staple_proves_nothing(respond, leaf, issuer, now) -> None:
    der = respond(status=ocsp.OCSPCertStatus.REVOKED)
    assert verify(der, leaf, issuer, now, installed=now + DAY).refusal is Refusal.OLDER


@pytest.mark.parametrize("status", list(Status))
def test_a_status_that_nobody_signed_is_none(respond, leaf, issuer, leaf_key, now, status: Status) -> None:
    impostor = Signer(sign_root(leaf_key, Subject("Impostor"), validity_from(now, 90), None), leaf_key)
    der = respond(status=ocsp.OCSPCertStatus[status.name], by=impostor)
    assert verify(der, leaf, issuer, now) == Verification(Refusal.FOREIGN_RESPONDER)

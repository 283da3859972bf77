# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts of staples, held against what the library that made them says, and against damage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import DerError
from ansible_collections.anchorage.pki.plugins.module_utils._x509.staple import read_staple
from ansible_collections.anchorage.pki.tests.unit.roots import make_root
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

SHA1 = hashes.SHA1()  # noqa: S303 an identifier here, not a signature
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
KEY = ec.generate_private_key(ec.SECP256R1())
ISSUER = make_root("Issuer", key=KEY)


def response(
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    next_update: datetime | None = START + timedelta(days=7),
    encoding: ocsp.OCSPResponderEncoding = ocsp.OCSPResponderEncoding.HASH,
    certificates: Sequence[x509.Certificate] = (ISSUER,),
) -> bytes:
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=ISSUER,
        issuer=ISSUER,
        algorithm=SHA1,
        cert_status=status,
        this_update=START,
        next_update=next_update,
        revocation_time=START if revoked else None,
        revocation_reason=None,
    )
    builder = builder.responder_id(encoding, ISSUER)
    builder = builder.certificates(list(certificates)) if certificates else builder
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize("encoding", list(ocsp.OCSPResponderEncoding))
def test_the_facts_are_those_of_the_library(encoding: ocsp.OCSPResponderEncoding) -> None:
    facts = read_staple(response(encoding=encoding))
    assert facts.good
    assert facts.this_update == START.timestamp()
    assert facts.end == (START + timedelta(days=7)).timestamp()
    request = ocsp.OCSPRequestBuilder().add_certificate(ISSUER, ISSUER, SHA1).build()
    assert facts.certificate_id in request.public_bytes(Encoding.DER)
    other = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        request.issuer_name_hash, request.issuer_key_hash, request.serial_number + 1, SHA1
    )
    assert facts.certificate_id not in other.build().public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("ends", "end"),
    [
        ([], datetime(2049, 1, 1)),
        ([datetime(2049, 12, 31)], datetime(2049, 1, 1)),
        ([datetime(2031, 2, 3, 4, 5, 6)], datetime(2031, 2, 3, 4, 5, 6)),
        ([datetime(2050, 1, 1), datetime(2048, 5, 6)], datetime(2048, 5, 6)),  # the first one is no UTCTime
    ],
    ids=["no certificate", "a later one", "an earlier one", "two"],
)
def test_a_staple_ends_with_the_first_of_its_certificates(ends: list[datetime], end: datetime) -> None:
    certificates = [make_root("Responder", not_after=each.replace(tzinfo=timezone.utc)) for each in ends]
    der = response(next_update=datetime(2049, 1, 1, tzinfo=timezone.utc), certificates=certificates)
    assert read_staple(der).end == end.replace(tzinfo=timezone.utc).timestamp()


@pytest.mark.parametrize("status", [ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN])
def test_what_is_not_good_is_told(status: ocsp.OCSPCertStatus) -> None:
    assert not read_staple(response(status)).good


def test_a_staple_without_an_end_is_refused() -> None:
    with pytest.raises(DerError, match="fields"):
        read_staple(response(next_update=None))


def test_an_answer_that_is_no_success_is_refused() -> None:
    refusal = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    with pytest.raises(DerError, match="no successful"):
        read_staple(refusal.public_bytes(Encoding.DER))


def test_damage_is_refused_or_changes_nothing_but_a_value() -> None:
    der = response()
    for position in range(len(der)):
        for damaged in (der[:position], der[:position] + bytes([der[position] ^ 0xFF]) + der[position + 1 :]):
            try:
                facts = read_staple(damaged)
            except DerError:
                continue
            assert len(damaged) == len(der)
            assert len(facts.certificate_id) in range(40, 80)

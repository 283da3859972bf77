# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of revoked certificates, as RFC 5280, section 5, has them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.revocation_lists import (
    REASONS,
    RevocationList,
    RevokedCertificate,
    next_number,
    sign_list,
)
from cryptography import x509

WEEK = timedelta(days=7)
MINUTE = timedelta(minutes=1)


def read(signed: RevocationList) -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(signed.der)


def extensions(extended: x509.CertificateRevocationList | x509.RevokedCertificate) -> dict[str, x509.ExtensionType]:
    assert not any(extension.critical for extension in extended.extensions)
    return {type(extension.value).__name__: extension.value for extension in extended.extensions}


def test_a_list_names_its_signer_its_number_and_its_times(issuing: Signer, now: datetime) -> None:
    signed = sign_list(issuing, [], 7, now + WEEK, now)
    crl = read(signed)
    assert crl.is_signature_valid(issuing.certificate.public_key())
    assert crl.issuer == issuing.certificate.subject
    found = extensions(crl)
    assert set(found) == {"AuthorityKeyIdentifier", "CRLNumber"}
    subject = issuing.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert found["AuthorityKeyIdentifier"].key_identifier == subject.digest
    assert found["CRLNumber"].crl_number == 7
    assert (crl.last_update_utc, crl.next_update_utc) == (now - 5 * MINUTE, now + WEEK)
    assert (signed.number, signed.this_update, signed.next_update) == (7, crl.last_update_utc, crl.next_update_utc)
    assert len(crl) == 0


@pytest.mark.parametrize("reason", REASONS)
def test_an_entry_says_when_and_why(issuing: Signer, now: datetime, reason: str) -> None:
    before = now - WEEK
    (entry,) = read(sign_list(issuing, [RevokedCertificate(0xABC, before, reason)], 7, now + WEEK, now))
    assert (entry.serial_number, entry.revocation_date_utc) == (0xABC, before)
    # That it is unspecified is said by leaving it out.
    expected = {} if reason == "unspecified" else {"CRLReason": x509.CRLReason(x509.ReasonFlags[reason])}
    assert extensions(entry) == expected


def test_no_reason_makes_a_revocation_reversible() -> None:
    assert {flag.name for flag in x509.ReasonFlags} - set(REASONS) == {"certificate_hold", "remove_from_crl"}


def test_a_list_is_not_from_before_what_it_tells_of(issuing: Signer, now: datetime) -> None:
    revoked = [RevokedCertificate(1, now - WEEK, "superseded"), RevokedCertificate(2, now - MINUTE, "superseded")]
    assert sign_list(issuing, revoked, 7, now + WEEK, now).this_update == now - MINUTE


def test_a_list_ends_with_its_signer(issuing: Signer, now: datetime) -> None:
    end = issuing.certificate.not_valid_after_utc
    assert sign_list(issuing, [], 7, end + WEEK, now).next_update == end


def test_the_root_signs_one_too(authority: Authority, now: datetime) -> None:
    root = Signer(authority.root.certificate, authority.root.key(None, "passphrase"))
    assert read(sign_list(root, [], 7, now + WEEK, now)).is_signature_valid(root.certificate.public_key())


@pytest.mark.parametrize(("last", "expected"), [(None, 1000), (999, 1000), (1000, 1001), (5, 1000), (2000, 2001)])
def test_a_number_is_the_time_or_else_one_more_than_the_last(last: int | None, expected: int) -> None:
    assert next_number(last, datetime.fromtimestamp(1000.9, timezone.utc)) == expected

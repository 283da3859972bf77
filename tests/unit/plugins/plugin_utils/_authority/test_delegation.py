# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The authority of another controller below this one's root: asked for, signed once, never wider, and revoked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer import Given, read_answer
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.delegation import (
    answer_to,
    delegate,
    plan_delegation,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import carry_out, plan_provisioning
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import delegated_result
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import NOTHING
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import RevocationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.transaction import RotationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.public_files import PublicFile
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, generate_key
from ansible_collections.anchorage.pki.tests.unit.corporate_pki import ODD_NAMES
from ansible_collections.anchorage.pki.tests.unit.roots import named
from ansible_collections.anchorage.pki.tests.unit.rotations import rotated
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

MakeAuthority = Callable[..., Authority]
OPEN = Passphrases()


def ask(make_authority: MakeAuthority, folder: Path, name: str = "Second", **options: object) -> Authority:
    """The authority of another controller, which awaits its certificate."""
    asked = {"issuing_request_path": "/somewhere/issuing.csr", "subject": {"common_name": name}}
    return make_authority(folder, **asked, **options)


def given(asked: Authority) -> Given:
    assert asked.request is not None
    return Given("sign_request", asked.request.request.public_bytes(Encoding.PEM))


def sign(authority: Authority, asked: Authority, now: datetime) -> x509.Certificate:
    return delegate(plan_delegation(given(asked), authority, authority.policy), authority, OPEN, now)


@pytest.fixture
def second(make_authority: MakeAuthority, tmp_path: Path) -> Authority:
    return ask(make_authority, tmp_path / "second")


def test_the_answer_is_what_the_other_controller_takes(
    own_authority: Authority, second: Authority, now: datetime
) -> None:
    answer = answer_to(sign(own_authority, second, now), own_authority)
    taken = [Given("issuing_certificate", answer)]
    made = carry_out(plan_provisioning(second.folder, {}, "", now, taken), OPEN, now)
    assert made.root.certificate == own_authority.root.certificate
    assert made.issuing.intermediates == ()
    assert made.issuing.certificate.subject.rfc4514_string() == "CN=Second issuing 1"
    with open_ledger(own_authority.ledger_path, read_only=True) as ledger:
        (found,) = delegated_result(ledger.delegated_certificates())["delegated"]
        assert (found["sha256"], found["revoked"]) == (made.issuing.sha256, False)
    # It is no part of this authority, whose folder lacks nothing.
    assert plan_provisioning(own_authority.folder, {}, "", now).steps == ()


def test_a_request_is_signed_once_and_its_file_mended(
    own_authority: Authority, second: Authority, now: datetime, tmp_path: Path
) -> None:
    file = PublicFile("signed_certificate_path", tmp_path / "second.pem")
    plan = plan_delegation(given(second), own_authority, own_authority.policy)
    assert plan.steps(own_authority, file) == (
        "issuing certificate of CN=Second issuing 1: another controller asks for it",
    )
    certificate = sign(own_authority, second, now)
    again = plan_delegation(given(second), own_authority, own_authority.policy)
    assert again.steps(own_authority, file) == (
        f"issuing certificate of CN=Second issuing 1: {file.path} does not hold it",
    )
    file.write(answer_to(certificate, own_authority))
    assert again.steps(own_authority, file) == ()
    assert sign(own_authority, second, now + timedelta(days=1)) == certificate


def test_narrower_constraints_are_given_and_wider_ones_refused(
    own_authority: Authority, make_authority: MakeAuthority, now: datetime, tmp_path: Path
) -> None:
    narrow = ask(make_authority, tmp_path / "narrow", permitted_domains=["internal"], permitted_networks=[])
    certificate = sign(own_authority, narrow, now)
    assert narrow.policy.constraints is not None
    constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    assert constraints == narrow.policy.constraints.extension()
    wide = ask(make_authority, tmp_path / "wide", "Wide", permitted_domains=["internal", "example.com"])
    with pytest.raises(PkiError, match=r"^sign_request: asks for .* wider than .*, for DNS names \(example\.com\)"):
        sign(own_authority, wide, now)
    whole = ask(make_authority, tmp_path / "whole", "Whole", unconstrained=True)
    unasked = sign(own_authority, whole, now).extensions.get_extension_for_class(x509.NameConstraints).value
    assert own_authority.policy.constraints is not None
    assert unasked == own_authority.policy.constraints.extension()


def test_no_two_keys_share_a_name(
    own_authority: Authority, second: Authority, make_authority: MakeAuthority, now: datetime, tmp_path: Path
) -> None:
    sign(own_authority, second, now)
    for name in ("Second", "Test authority"):
        twin = ask(make_authority, tmp_path / name, name)
        with pytest.raises(PkiError, match=r"is that of another authority below this root\. Give"):
            sign(own_authority, twin, now)


@pytest.mark.parametrize(
    "content", [b"", b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----"]
)
def test_what_is_no_request_is_refused(authority: Authority, content: bytes) -> None:
    with pytest.raises(PkiError, match="sign_request: is not a certificate signing request in PEM"):
        plan_delegation(Given("sign_request", content), authority, authority.policy)


def test_a_request_with_names_that_cannot_be_read_is_refused(authority: Authority) -> None:
    builder = x509.CertificateSigningRequestBuilder(named("Odd"), [x509.Extension(ODD_NAMES.oid, False, ODD_NAMES)])
    request = builder.sign(generate_key(KeyType.ECDSA_P256), hashes.SHA256())
    with pytest.raises(PkiError, match="sign_request: is not a certificate signing request in PEM"):
        plan_delegation(Given("sign_request", request.public_bytes(Encoding.PEM)), authority, authority.policy)


def test_what_a_former_root_signed_is_no_answer_any_more(
    own_authority: Authority, second: Authority, now: datetime
) -> None:
    """After a compromise, a root gives way though others are below it."""
    sign(own_authority, second, now)
    after = rotated(own_authority, State.DONE, now)
    with pytest.raises(PkiError, match=r"is below CN=Test authority.*, which has given way to another root\. .*second"):
        plan_delegation(given(second), after, after.policy)


def test_an_authority_below_another_root_signs_for_nobody(
    second: Authority, make_authority: MakeAuthority, tmp_path: Path
) -> None:
    third = ask(make_authority, tmp_path / "third", "Third")
    with pytest.raises(PkiError, match="Have the request signed where the root's key is"):
        plan_delegation(given(third), second, second.policy)


def test_it_is_revoked_by_its_serial_number_on_the_list_of_the_root(
    own_authority: Authority, second: Authority, now: datetime, tmp_path: Path
) -> None:
    certificate = sign(own_authority, second, now)
    arguments = {**NOTHING, "serial": f"{certificate.serial_number:x}", "reason": "key_compromise"}
    with open_ledger(own_authority.ledger_path) as ledger:
        transaction = RevocationTransaction(own_authority, OPEN, ledger, tmp_path / "public", now)
        outcome = transaction.carry_out(arguments)
    assert [target.is_listed for target in outcome.targets] == [True]
    listed = [issued.last.serials for issued in outcome.lists if issued.last]
    assert [certificate.serial_number in serials for serials in listed] == [True, False]
    # This authority's own issuing certificate is as good as before.
    assert plan_provisioning(own_authority.folder, {}, "", now).steps == ()
    with pytest.raises(PkiError, match="the certificate for this key is revoked"):
        plan_delegation(given(second), own_authority, own_authority.policy)


def test_a_root_that_signed_for_others_does_not_give_way_unseen(
    own_authority: Authority, second: Authority, now: datetime
) -> None:
    sign(own_authority, second, now)
    with open_ledger(own_authority.ledger_path) as ledger:
        transaction = RotationTransaction(own_authority.folder, ledger, frozenset(), now)
        with pytest.raises(PkiError, match=r"has signed for other controllers: CN=Second issuing 1 \("):
            transaction.begin("it is old", OPEN)
        assert ledger.rotations.current() is None


def test_an_answer_for_another_controller_is_refused(
    own_authority: Authority, second: Authority, make_authority: MakeAuthority, now: datetime, tmp_path: Path
) -> None:
    third = ask(make_authority, tmp_path / "third", "Third")
    answer = answer_to(sign(own_authority, second, now), own_authority)
    with pytest.raises(PkiError, match="another key than that of the request"):
        read_answer([Given("issuing_certificate", answer)], third, now)

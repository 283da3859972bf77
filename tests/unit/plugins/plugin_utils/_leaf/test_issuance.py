# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From decisions to bytes: what is signed is in the ledger first, and keys travel in one place only."""

from __future__ import annotations

import base64
import contextlib
import itertools
import shutil
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import DeployedLeaf
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import Delivery
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import sql
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    Authority,
    fingerprint,
    to_pem,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger, open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import AuthorityDueError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.confirmation import confirm
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.issuance import (
    SignedLeaf,
    issue,
    preflight,
    requested_key,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import Action, Decision, LeafPlan, decide
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import LeafRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.verification import verify_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import profile_of, requires_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import (
    KeyType,
    encode_key,
    generate_key,
    key_type_of,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import names_of
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtensionOID

DAY = timedelta(days=1)
NOTHING = DeployedLeaf("app")
SECRET = Passphrases("correct horse battery staple", "another long passphrase")
OPEN = Passphrases()

RequestLeaf = Callable[..., LeafRequest]


@pytest.fixture
def ledger(own_authority: Authority) -> Iterator[Ledger]:
    with open_ledger(own_authority.ledger_path, timeout=0.1) as opened:
        yield opened


def leaf_plan(
    request: LeafRequest, deployed: DeployedLeaf = NOTHING, action: Action = Action.LEAF, record: Any = None
) -> LeafPlan:
    place = LeafPlace("web1", "/etc/pki/anchorage", request.name)
    return LeafPlan(request, replace(deployed, name=request.name), record, Decision(action, "a reason"), place)


def signed(plan: LeafPlan, authority: Authority, ledger: Ledger, now: datetime, passphrases=OPEN) -> SignedLeaf:
    (leaf,) = issue([plan], authority, passphrases, ledger, now)
    return leaf


def certificate_in(delivery: Delivery) -> x509.Certificate:
    return x509.load_pem_x509_certificate(delivery.certificate.encode())


def csr_for(key: Any, digest: Any = hashes.SHA256(), name: str = "") -> str:  # noqa: B008
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    if name:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
    return builder.sign(key, digest).public_bytes(serialization.Encoding.PEM).decode()


# What travels


def test_a_leaf_travels_with_its_key_its_chain_and_its_staple(
    own_authority: Authority, ledger: Ledger, request_leaf: RequestLeaf, now: datetime
) -> None:
    request = request_leaf(names=("app.test", "10.0.0.1"))
    sent = signed(leaf_plan(request, replace(NOTHING, generation=6)), own_authority, ledger, now).delivery
    leaf = certificate_in(sent)
    key = serialization.load_pem_private_key(sent.private_key.encode(), None)
    assert (sent.name, sent.action, sent.expected_generation) == ("app", "leaf", 6)
    assert key.public_key() == leaf.public_key()
    assert sent.chain == to_pem(own_authority.issuing.certificate)
    assert names_of(leaf) == request.names
    assert profile_of(leaf) is request.profile
    assert verify_staple(sent.staple, leaf, own_authority.issuing.certificate, now)
    assert (sent.pkcs12, sent.pkcs12_passphrase) == (b"", "")
    leaf.verify_directly_issued_by(own_authority.issuing.certificate)


@pytest.mark.parametrize("must_staple", [True, False])
def test_a_leaf_says_whether_it_needs_a_staple(
    own_authority: Authority, ledger: Ledger, request_leaf: RequestLeaf, now: datetime, must_staple: bool
) -> None:
    leaf = signed(leaf_plan(request_leaf(must_staple=must_staple)), own_authority, ledger, now).certificate
    assert requires_staple(leaf) is must_staple
    features = [extension.value for extension in leaf.extensions if extension.oid == ExtensionOID.TLS_FEATURE]
    assert features == [x509.TLSFeature([x509.TLSFeatureType.status_request])][: int(must_staple)]


def test_no_key_is_used_twice(own_authority: Authority, ledger: Ledger, request_leaf: RequestLeaf, now) -> None:
    plans = [leaf_plan(request_leaf(name)) for name in ("a", "b")]
    first, second = issue(plans, own_authority, OPEN, ledger, now)
    assert first.certificate.public_key() != second.certificate.public_key()
    assert first.delivery.private_key != second.delivery.private_key


@pytest.mark.parametrize(("lifetime", "days"), [(None, 90), (10, 10)])
def test_a_leaf_lives_as_long_as_was_asked_or_as_the_authority_says(
    own_authority, ledger, request_leaf: RequestLeaf, now: datetime, lifetime: int | None, days: int
) -> None:
    leaf = signed(leaf_plan(request_leaf(lifetime=lifetime)), own_authority, ledger, now).certificate
    assert leaf.not_valid_before_utc == now - timedelta(minutes=5)
    assert leaf.not_valid_after_utc == leaf.not_valid_before_utc + days * DAY - timedelta(seconds=1)


@pytest.mark.parametrize("key_type", [KeyType.ECDSA_P384, KeyType.RSA_3072, KeyType.ED25519])
def test_the_key_is_of_the_wanted_type_and_so_is_its_bundle(
    own_authority: Authority, ledger: Ledger, request_leaf: RequestLeaf, now: datetime, key_type: KeyType
) -> None:
    request = request_leaf(key_type=key_type, pkcs12_passphrase="bundle words")
    sent = signed(leaf_plan(request), own_authority, ledger, now).delivery
    assert key_type_of(certificate_in(sent).public_key()) is key_type
    key, _leaf, _others = pkcs12.load_key_and_certificates(sent.pkcs12, b"bundle words")
    assert key is not None
    assert key_type_of(key.public_key()) is key_type


def test_a_bundle_opens_with_its_passphrase_alone(own_authority, ledger, request_leaf: RequestLeaf, now) -> None:
    sent = signed(leaf_plan(request_leaf(pkcs12_passphrase="blåbær")), own_authority, ledger, now).delivery
    bundle = pkcs12.load_pkcs12(sent.pkcs12, "blåbær".encode())
    assert bundle.cert is not None
    assert bundle.cert.certificate == certificate_in(sent)
    assert bundle.cert.friendly_name == b"app"
    assert [entry.certificate for entry in bundle.additional_certs] == [own_authority.issuing.certificate]
    assert bundle.key is not None
    assert bundle.key.public_key() == certificate_in(sent).public_key()
    assert sent.pkcs12_passphrase == ""
    with pytest.raises(ValueError, match="Invalid password"):
        pkcs12.load_pkcs12(sent.pkcs12, b"another")


def test_without_a_staple_none_is_signed(own_authority: Authority, ledger: Ledger, request_leaf, now) -> None:
    leaf = signed(leaf_plan(request_leaf(staple=False)), own_authority, ledger, now)
    assert leaf.staple is None
    assert leaf.delivery.staple == b""


def test_what_is_left_alone_does_not_travel(own_authority, ledger: Ledger, request_leaf: RequestLeaf, now) -> None:
    plans = [leaf_plan(request_leaf("a"), action=Action.NONE), leaf_plan(request_leaf("b"))]
    assert [leaf.plan.request.name for leaf in issue(plans, own_authority, OPEN, ledger, now)] == ["b"]


# A key made on the host


def test_a_hosts_key_is_certified_for_the_names_of_the_play(own_authority, ledger, request_leaf, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    request = request_leaf(private_key="host", pkcs12_passphrase="bundle words")
    plan, asked = leaf_plan(request), []

    def request_keys(plans: Sequence[LeafPlan]) -> dict[str, str]:
        asked.append(plans)
        return {"app": csr_for(key, name="evil.test")}

    others = [leaf_plan(request_leaf("a")), leaf_plan(request_leaf("b", private_key="host"), action=Action.NONE)]
    leaves = issue([*others, plan], own_authority, OPEN, ledger, now, request_keys)
    assert asked == [[plan]]
    assert [leaf.plan.request.name for leaf in leaves] == ["a", "app"]
    sent = leaves[1].delivery
    leaf = certificate_in(sent)
    assert leaf.public_key() == key.public_key()
    assert [str(name) for name in names_of(leaf)] == ["app.test"]
    assert (sent.private_key, sent.pkcs12) == ("", b"")
    assert sent.pkcs12_passphrase == "bundle words"
    record = ledger.leaf(plan.place, fingerprint(leaf))
    assert record is not None
    assert record.private_key == "host"


@pytest.mark.parametrize("key_type", [KeyType.ECDSA_P384, KeyType.RSA_3072, KeyType.ED25519])
def test_a_request_proves_a_key_of_every_type(request_leaf: RequestLeaf, key_type: KeyType) -> None:
    key = generate_key(key_type)
    csr = csr_for(key, None if key_type is KeyType.ED25519 else hashes.SHA256())
    assert requested_key(csr, request_leaf(private_key="host", key_type=key_type)) == key.public_key()


def test_a_request_for_another_type_of_key_is_refused(request_leaf: RequestLeaf) -> None:
    for key in (ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP521R1())):
        with pytest.raises(PkiError, match="key for 'app' that is not of the type ecdsa-p256"):
            requested_key(csr_for(key), request_leaf(private_key="host"))


def test_a_request_that_is_not_signed_with_its_key_is_refused(request_leaf: RequestLeaf) -> None:
    lines = csr_for(ec.generate_private_key(ec.SECP256R1())).splitlines()
    der = bytearray(base64.b64decode("".join(lines[1:-1])))
    der[-1] ^= 1
    csr = "\n".join([lines[0], base64.b64encode(bytes(der)).decode(), lines[-1]])
    with pytest.raises(PkiError, match="is not signed with its own key"):
        requested_key(csr, request_leaf(private_key="host"))


@pytest.mark.parametrize(
    ("csr", "words"),
    [
        ("", "The host sent no certificate signing request for 'app'"),
        ("not PEM", "for 'app' is not readable"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "is not readable"),
        ("\ud800", "is not readable"),
    ],
)
def test_what_is_no_request_is_refused(request_leaf: RequestLeaf, csr: str, words: str) -> None:
    with pytest.raises(PkiError, match=words):
        requested_key(csr, request_leaf(private_key="host"))


def test_a_certificate_or_a_key_is_no_request(request_leaf: RequestLeaf, authority: Authority, leaf_key) -> None:
    for text in (to_pem(authority.root.certificate), encode_key(leaf_key).decode()):
        with pytest.raises(PkiError, match="is not readable") as caught:
            requested_key(text, request_leaf(private_key="host"))
        assert "PRIVATE" not in "".join(traceback.format_exception(caught.value))


def test_a_garbled_request_is_refused_by_an_error_of_the_core_alone(request_leaf: RequestLeaf) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    lines = csr_for(key).splitlines()
    der = base64.b64decode("".join(lines[1:-1]))
    for position in range(len(der)):
        for change in (0x01, 0x20, 0x80):
            garbled = der[:position] + bytes([der[position] ^ change]) + der[position + 1 :]
            csr = "\n".join([lines[0], base64.b64encode(garbled).decode(), lines[-1]])
            with contextlib.suppress(PkiError):
                # What is still accepted proves the same key: a change of the encoding at most.
                assert requested_key(csr, request_leaf(private_key="host")) == key.public_key()


# A staple alone, and a repair


@pytest.fixture
def deployed(own_authority: Authority, ledger: Ledger, request_leaf: RequestLeaf, now: datetime) -> LeafPlan:
    """The plan of a leaf that was delivered, with the ledger's record."""
    leaf = signed(leaf_plan(request_leaf()), own_authority, ledger, now)
    confirm([leaf.plan], [leaf], ledger, now)
    record = ledger.leaf(leaf.plan.place, fingerprint(leaf.certificate))
    assert leaf.staple is not None
    report = replace(NOTHING, generation=1, leaf_sha256=fingerprint(leaf.certificate), staple_sha256=leaf.staple.sha256)
    return leaf_plan(request_leaf(), report, Action.STAPLE, record)


def test_a_staple_travels_alone(deployed: LeafPlan, own_authority: Authority, ledger: Ledger, now: datetime) -> None:
    later = now + 4 * DAY
    leaf = signed(deployed, own_authority, ledger, later)
    sent = leaf.delivery
    assert (sent.action, sent.expected_generation) == ("staple", 1)
    assert sent == Delivery("app", "staple", 1, staple=sent.staple)
    assert deployed.record is not None
    staple = verify_staple(sent.staple, deployed.record.certificate, own_authority.issuing.certificate, later)
    assert leaf.staple == staple
    record = ledger.leaf(deployed.place, deployed.record.sha256)
    assert record is not None
    assert record.staple(staple.sha256) is not None


def test_no_staple_gives_way_to_an_older_one(deployed: LeafPlan, own_authority, ledger: Ledger) -> None:
    """But one of the future, which a clock that was ahead made, does."""
    (installed,) = (staple.this_update for staple in deployed.record.staples)
    with pytest.raises(PkiError, match="refused: it is older than the one that is installed"):
        signed(deployed, own_authority, ledger, installed + timedelta(minutes=4))
    for minutes in (5, -1):
        assert signed(deployed, own_authority, ledger, installed + timedelta(minutes=minutes)).staple is not None


def test_a_staple_that_is_no_longer_wanted_is_taken_away(deployed, own_authority, ledger, request_leaf, now) -> None:
    unwanted = replace(deployed, request=request_leaf(staple=False))
    sent = signed(unwanted, own_authority, ledger, now).delivery
    assert (sent.action, sent.staple) == ("staple", b"")


def test_a_repair_carries_nothing(deployed: LeafPlan, own_authority: Authority, ledger: Ledger, now) -> None:
    repair = replace(deployed, decision=Decision(Action.REPAIR, "a mode"))
    leaf = signed(repair, own_authority, ledger, now)
    assert leaf.delivery.action == "repair"
    assert leaf.delivery == Delivery("app", "repair", 1)
    assert deployed.record is not None
    assert leaf.certificate == deployed.record.certificate


def test_nothing_is_signed_for_a_leaf_that_the_ledger_does_not_know(deployed, own_authority, ledger, now) -> None:
    with pytest.raises(PkiError, match="'app' is not a leaf of this authority"):
        issue([replace(deployed, record=None)], own_authority, OPEN, ledger, now)


def test_a_staple_needs_the_responders_key_only(deployed, own_authority: Authority, ledger: Ledger, now) -> None:
    """So that staples are renewed while the keys of root and issuing authority are away."""
    for key in (own_authority.root, own_authority.issuing):
        (key.folder / "key.pem").unlink()
    assert signed(deployed, own_authority, ledger, now + 4 * DAY).staple is not None


def test_each_staple_is_signed_under_its_leafs_own_issuer(
    own_authority: Authority, make_authority, request_leaf: RequestLeaf, now: datetime
) -> None:
    at = now + 1000 * DAY
    with open_ledger(own_authority.ledger_path) as ledger:
        old = signed(
            leaf_plan(request_leaf("old")), make_authority(own_authority.folder, at=at - DAY), ledger, at - DAY
        )
        renewed = make_authority(own_authority.folder, at=at + 10 * DAY)
        assert [issuer.number for issuer in renewed.issuers] == [1, 2]
        new = signed(leaf_plan(request_leaf("new")), renewed, ledger, at + 10 * DAY)
        plans = [
            leaf_plan(
                request_leaf(name),
                replace(NOTHING, generation=1),
                Action.STAPLE,
                ledger.leaf(LeafPlace("web1", "/etc/pki/anchorage", name), fingerprint(leaf.certificate)),
            )
            for name, leaf in (("old", old), ("new", new))
        ]
        staples = issue(plans, renewed, OPEN, ledger, at + 11 * DAY)
    for leaf, issuer in zip(staples, renewed.issuers, strict=True):
        assert leaf.staple is not None
        assert verify_staple(leaf.staple.der, leaf.certificate, issuer.certificate, at + 11 * DAY)
        (signer,) = ocsp.load_der_ocsp_response(leaf.staple.der).certificates
        signer.verify_directly_issued_by(issuer.certificate)


# The ledger


def test_the_ledger_has_a_leaf_before_its_bytes_leave(own_authority, ledger, request_leaf, now: datetime) -> None:
    plan = leaf_plan(request_leaf())
    leaf = signed(plan, own_authority, ledger, now)
    with open_ledger(own_authority.ledger_path) as another:
        record = another.leaf(plan.place, fingerprint(leaf.certificate))
    assert record is not None
    assert (record.status, record.issuer_sha256) == ("signed", own_authority.issuing.sha256)
    assert leaf.staple is not None
    assert record.staple(leaf.staple.sha256) is not None


def test_deliveries_are_entered_all_or_none(own_authority, ledger: Ledger, request_leaf: RequestLeaf, now) -> None:
    plans = [leaf_plan(request_leaf("good")), leaf_plan(request_leaf("bad", private_key="host"))]
    with pytest.raises(PkiError, match="no certificate signing request for 'bad'"):
        issue(plans, own_authority, OPEN, ledger, now)
    assert ledger.leaf_counts() == {}


def test_no_run_waits_for_the_ledger_while_another_one_makes_keys(
    own_authority, ledger: Ledger, request_leaf: RequestLeaf, now, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf import issuance

    def generate_while_another_run_writes(key_type: KeyType) -> Any:
        with open_ledger(own_authority.ledger_path, timeout=0.1) as another, another.transaction():
            return generate_key(key_type)

    monkeypatch.setattr(issuance, "generate_key", generate_while_another_run_writes)
    assert signed(leaf_plan(request_leaf()), own_authority, ledger, now)


def test_a_leaf_counts_as_deployed_when_the_host_has_said_so(own_authority, ledger, request_leaf, now) -> None:
    first = signed(leaf_plan(request_leaf()), own_authority, ledger, now)
    confirm([first.plan], [first], ledger, now)
    assert ledger.leaf_counts() == {"deployed": 1}
    second = signed(leaf_plan(request_leaf()), own_authority, ledger, now)
    assert ledger.leaf_counts() == {"deployed": 1, "signed": 1}
    confirm([second.plan], [second], ledger, now)
    assert ledger.leaf_counts() == {"deployed": 1, "superseded": 1}


def test_a_run_whose_end_was_not_seen_is_entered_by_the_next(own_authority, ledger, request_leaf, now) -> None:
    lost = signed(leaf_plan(request_leaf()), own_authority, ledger, now)
    assert lost.staple is not None
    report = replace(NOTHING, generation=1, leaf_sha256=fingerprint(lost.certificate), staple_sha256=lost.staple.sha256)
    chain = replace(report, chain_sha256=_chain_sha256(own_authority))
    record = ledger.leaf(lost.plan.place, chain.leaf_sha256)
    decision = decide(request_leaf(), chain, record, own_authority, now)
    assert decision.action is Action.NONE
    confirm([replace(lost.plan, deployed=chain, record=record, decision=decision)], [], ledger, now)
    assert ledger.leaf_counts() == {"deployed": 1}


def _chain_sha256(authority: Authority) -> str:
    import hashlib

    return hashlib.sha256(to_pem(authority.issuing.certificate).encode()).hexdigest()


def test_confirming_what_is_known_writes_nothing(own_authority, deployed: LeafPlan, now: datetime) -> None:
    unchanged = replace(deployed, decision=Decision(Action.NONE, ""))
    with (
        open_ledger(own_authority.ledger_path) as another,
        another.transaction(),
        open_ledger(own_authority.ledger_path, timeout=0.1) as ledger,
    ):
        confirm([unchanged], [], ledger, now)


def test_a_staple_counts_as_deployed_when_the_host_has_said_so(deployed: LeafPlan, ledger, own_authority, now) -> None:
    assert deployed.record is not None
    (first,) = deployed.record.staples
    assert first.deployed_at == now
    later = now + 4 * DAY
    second = signed(deployed, own_authority, ledger, later)
    assert second.staple is not None

    def deployed_at() -> datetime | None:
        return ledger.leaf(deployed.place, deployed.record.sha256).staple(second.staple.sha256).deployed_at

    assert deployed_at() is None
    confirm([second.plan], [second], ledger, later)
    assert deployed_at() == later


def test_a_staple_whose_delivery_was_not_confirmed_is_entered_by_the_next_run(
    deployed: LeafPlan, ledger: Ledger, own_authority: Authority, now: datetime
) -> None:
    lost = signed(deployed, own_authority, ledger, now + 4 * DAY)
    assert lost.staple is not None
    assert deployed.record is not None
    there = replace(deployed.deployed, staple_sha256=lost.staple.sha256)
    record = ledger.leaf(deployed.place, deployed.record.sha256)
    confirm([replace(deployed, deployed=there, record=record)], [], ledger, now + 5 * DAY)
    staple = ledger.leaf(deployed.place, deployed.record.sha256).staple(lost.staple.sha256)
    assert staple.deployed_at == now + 5 * DAY


def test_whoever_signs_forgets_what_ended_long_ago_elsewhere(
    deployed: LeafPlan, own_authority, ledger: Ledger, request_leaf, make_authority, now: datetime
) -> None:
    later = deployed.record.certificate.not_valid_after_utc + 31 * DAY
    renewed = make_authority(own_authority.folder, at=later)
    assert len(ledger.leaf(deployed.place, deployed.record.sha256).staples) == 1
    signed(leaf_plan(request_leaf("another")), renewed, ledger, later)
    assert ledger.leaf(deployed.place, deployed.record.sha256).staples == ()


@pytest.mark.parametrize("action", [Action.STAPLE, Action.REPAIR])
def test_what_is_revoked_after_planning_is_not_delivered(
    deployed: LeafPlan, own_authority: Authority, ledger: Ledger, now: datetime, action: Action
) -> None:
    """A staple says that a leaf is good: it may not leave the controller for one that no longer is."""
    assert deployed.record is not None
    with open_ledger(own_authority.ledger_path) as other, other.transaction():
        other.revocations.enter(deployed.record.sha256, "superseded", True, now)
    later = now + 4 * DAY
    plan = replace(deployed, decision=Decision(action, "a reason"))
    with pytest.raises(PkiError, match="'app' or its issuer was revoked while this task ran"):
        issue([leaf_plan(replace(deployed.request, name="other")), plan], own_authority, OPEN, ledger, later)
    assert ledger.leaf_counts() == {"revoked": 1}
    assert len(ledger.leaf(deployed.place, deployed.record.sha256).staples) == 1


# What is refused


def test_a_leaf_that_would_outlive_its_issuer_asks_for_the_renewal(own_authority, ledger, request_leaf, now) -> None:
    late = own_authority.issuing.certificate.not_valid_after_utc - 90 * DAY + timedelta(seconds=1)
    with pytest.raises(
        PkiError, match=r"^lifetime: the issuing authority ends on 2029-05-31.*Run certificate_authority"
    ):
        issue([leaf_plan(request_leaf())], own_authority, OPEN, ledger, late)
    assert signed(leaf_plan(request_leaf(lifetime=10, staple=False)), own_authority, ledger, late)


@pytest.mark.parametrize("days", [-1, 30, 31])
def test_a_responder_that_is_not_valid_asks_for_the_renewal(own_authority, ledger, request_leaf, now, days) -> None:
    with pytest.raises(
        PkiError, match=r"The OCSP responder is valid from 2026-06-01 to 2026-07-01.*Run certificate_authority"
    ):
        issue([leaf_plan(request_leaf())], own_authority, OPEN, ledger, now + days * DAY)
    assert ledger.leaf_counts() == {}


# The preflight of check mode


def test_a_preflight_accepts_what_a_run_can_do_and_signs_nothing(
    own_authority: Authority, ledger: Ledger, request_leaf: RequestLeaf, deployed: LeafPlan, now: datetime
) -> None:
    before = ledger.leaf_counts()
    without_request = leaf_plan(request_leaf("host", private_key="host"))
    unchanged = leaf_plan(request_leaf("same"), action=Action.NONE)
    preflight([leaf_plan(request_leaf()), without_request, deployed, unchanged], own_authority, OPEN, ledger, now)
    assert ledger.leaf_counts() == before


def test_a_preflight_needs_the_keys_of_what_would_be_signed_alone(
    own_authority: Authority, ledger: Ledger, deployed: LeafPlan, request_leaf: RequestLeaf, now: datetime
) -> None:
    (own_authority.issuing.folder / "key.pem").unlink()
    preflight([deployed], own_authority, OPEN, ledger, now)
    (own_authority.issuing.responder.folder / "key.pem").unlink()
    preflight([replace(deployed, decision=Decision(Action.REPAIR, "a mode"))], own_authority, OPEN, ledger, now)
    for plan, words in ((deployed, "responder/1/key.pem"), (leaf_plan(request_leaf()), "issuing/1/key.pem")):
        with pytest.raises(PkiError, match=f"{words} cannot be read: No such file or directory"):
            preflight([plan], own_authority, OPEN, ledger, now)


def test_a_preflight_tells_what_certificate_authority_would_renew_apart(
    own_authority: Authority, ledger: Ledger, request_leaf: RequestLeaf, deployed: LeafPlan, now: datetime
) -> None:
    """Since in check mode an earlier task may have said that it would."""
    late = own_authority.issuing.certificate.not_valid_after_utc - 90 * DAY + timedelta(seconds=1)
    with pytest.raises(AuthorityDueError, match="the issuing authority ends on 2029-05-31"):
        preflight([leaf_plan(request_leaf())], own_authority, OPEN, ledger, late)
    with pytest.raises(AuthorityDueError, match="The OCSP responder is valid from"):
        preflight([deployed], own_authority, OPEN, ledger, now + 31 * DAY)
    shutil.rmtree(own_authority.issuing.folder / "responder")
    with pytest.raises(AuthorityDueError, match="has no OCSP responder"):
        preflight([leaf_plan(request_leaf())], read_authority(own_authority.folder), OPEN, ledger, now)


@pytest.fixture(scope="module")
def encrypted(make_authority, tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority with two passphrases. Shared: copy it."""
    return make_authority(tmp_path_factory.mktemp("encrypted") / "authority", SECRET)


@pytest.mark.parametrize(
    ("passphrases", "words"),
    [
        (Passphrases(), "^passphrase: the private key .*issuing/1/key.pem is encrypted; give its passphrase"),
        (Passphrases("the wrong passphrase"), "^passphrase: this is not the passphrase of .*issuing/1/key.pem"),
        (Passphrases(SECRET.authority), "^responder_passphrase: the private key .* is encrypted"),
        (Passphrases(SECRET.authority, "the wrong passphrase"), "^responder_passphrase: this is not the passphrase"),
    ],
)
def test_a_passphrase_that_does_not_fit_signs_nothing_and_is_not_told(
    encrypted: Authority, tmp_path: Path, request_leaf: RequestLeaf, now: datetime, passphrases: Passphrases, words: str
) -> None:
    authority = read_authority(Path(shutil.copytree(encrypted.folder, tmp_path / "authority")))
    with open_ledger(authority.ledger_path) as ledger:
        with pytest.raises(PkiError, match=words):
            preflight([leaf_plan(request_leaf())], authority, passphrases, ledger, now)
        with pytest.raises(PkiError, match=words) as caught:
            issue([leaf_plan(request_leaf())], authority, passphrases, ledger, now)
        assert ledger.leaf_counts() == {}
        assert signed(leaf_plan(request_leaf()), authority, ledger, now, SECRET)
    told = "".join(traceback.format_exception(caught.value, chain=True))
    assert not [secret for secret in ("the wrong passphrase", SECRET.authority, SECRET.responder) if secret in told]


def test_no_representation_shows_a_secret(own_authority: Authority, ledger: Ledger, request_leaf, now) -> None:
    request = request_leaf(pkcs12_passphrase="hidden words")
    leaf = signed(leaf_plan(request), own_authority, ledger, now)
    key_lines = leaf.delivery.private_key.splitlines()[1:-1]
    assert key_lines
    for told in (repr(leaf), repr(leaf.plan), repr(request), str(leaf)):
        assert "hidden words" not in told
        assert "PRIVATE" not in told
        assert not [line for line in key_lines if line in told]
        assert repr(leaf.delivery.pkcs12[:20])[2:-1] not in told


def test_what_is_entered_costs_the_same_whatever_was_revoked_before(
    own_authority: Authority, ledger: Ledger, request_leaf, now: datetime
) -> None:
    def steps() -> int:
        """How many instructions SQLite's machine takes for a leaf."""
        taken = itertools.count()
        ledger._connection.set_progress_handler(lambda: next(taken) * 0, 1)
        signed(leaf_plan(request_leaf()), own_authority, ledger, now)
        ledger._connection.set_progress_handler(None, 1)
        return next(taken)

    before = steps()
    rows = [
        (f"{number:064x}", f"{number:x}", "leaf", "2" * 64, f"web{number}", "/srv", "app", "[]", "host", 0, 1, b"")
        for number in range(2000)
    ]
    with ledger.transaction():
        ledger._connection.executemany(sql.INSERT_CERTIFICATE, rows)
        ledger._connection.execute(
            "INSERT INTO revocations SELECT sha256, 1, 'superseded', 1, 1 FROM certificates WHERE destination = '/srv'"
        )
    assert steps() < before * 2

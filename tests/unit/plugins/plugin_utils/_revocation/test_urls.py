# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates name the URLs of the policy, once something is published there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import KEY
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import (
    Passphrases,
    carry_out,
    plan_provisioning,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.transaction import LeafTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import NOTHING
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import (
    RevocationTransaction,
    publish_root,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import key_identifier
from ansible_collections.anchorage.pki.tests.unit.function_host import Host
from ansible_collections.anchorage.pki.tests.unit.rotations import begin, make, move
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

DAY = timedelta(days=1)
URLS = {
    "crl_url": "http://pki.test/crl/{issuer}.crl",
    "ocsp_url": "http://pki.test/ocsp",
    "issuer_url": "http://pki.test/issuers/{issuer}.cer",
}


def urls_of(certificate: x509.Certificate) -> dict[str, str]:
    """The URLs in a certificate, by what they lead to."""
    urls = {}
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.AuthorityInformationAccess):
            for entry in extension.value:
                kind = "ocsp" if entry.access_method == AuthorityInformationAccessOID.OCSP else "issuer"
                urls[kind] = entry.access_location.value
        if isinstance(extension.value, x509.CRLDistributionPoints):
            (point,) = extension.value
            urls["crl"] = point.full_name[0].value
            assert (point.relative_name, point.reasons, point.crl_issuer) == (None, None, None)
    return urls


def publish(authority: Authority, folder: Path, now: datetime) -> None:
    with open_ledger(authority.ledger_path) as ledger:
        RevocationTransaction(authority, Passphrases(), ledger, folder, now).carry_out(NOTHING)


@pytest.fixture
def issue(request_leaf, now: datetime) -> Callable[..., tuple[x509.Certificate, list[str]]]:
    """A function that issues a leaf, and returns it with the warnings of that task."""

    def run(authority: Authority, at: datetime = now, **options: Any) -> tuple[x509.Certificate, list[str]]:
        with open_ledger(authority.ledger_path) as ledger:
            transaction = LeafTransaction(authority, Passphrases(), ledger, Host(), None, at)
            place = LeafPlace("web1", "/etc/pki/anchorage", "app")
            plans, _inspection = transaction.plan([request_leaf(**options)], [place])
            warnings = transaction.warnings(plans)
            (leaf,), _deployment = transaction.carry_out(plans)
        return leaf.certificate, warnings

    return run


def test_a_leaf_names_urls_once_something_is_published_there(
    own_authority, make_authority, issue, tmp_path, now
) -> None:
    leaf, warnings = issue(own_authority)
    assert (urls_of(leaf), warnings) == ({}, [])
    authority = make_authority(own_authority.folder, **URLS)
    leaf, warnings = issue(authority)
    assert urls_of(leaf) == {}
    assert "nothing of issuing authority 1 was published there yet. Run certificate_revocation" in warnings[0]
    public = tmp_path / "public"
    publish(authority, public, now)
    leaf, warnings = issue(authority)
    assert warnings == []
    key = key_identifier(authority.issuing.certificate)
    urls = urls_of(leaf)
    assert urls == {
        "crl": f"http://pki.test/crl/{key}.crl",
        "ocsp": "http://pki.test/ocsp",
        "issuer": f"http://pki.test/issuers/{key}.cer",
    }
    for kind in ("crl", "issuer"):
        assert (public / urls[kind].removeprefix("http://pki.test/")).is_file()
    der = (public / urls["issuer"].removeprefix("http://pki.test/")).read_bytes()
    assert x509.load_der_x509_certificate(der) == authority.issuing.certificate


def test_an_issuing_certificate_names_those_of_its_root_and_no_responder(make_authority, tmp_path, now, issue) -> None:
    authority = make_authority(tmp_path / "authority", **URLS)
    assert urls_of(authority.issuing.certificate) == {}
    publish(authority, tmp_path / "public", now)
    renewed = make_authority(authority.folder, at=now + 1010 * DAY)
    assert renewed.issuing.number == 2
    root = key_identifier(renewed.root.certificate)
    assert urls_of(renewed.issuing.certificate) == {
        "crl": f"http://pki.test/crl/{root}.crl",
        "issuer": f"http://pki.test/issuers/{root}.cer",
    }
    assert urls_of(renewed.root.certificate) == {}
    assert urls_of(renewed.issuing.responder.certificate) == {}
    # The new issuing authority has published nothing yet.
    leaf, warnings = issue(renewed, now + 1010 * DAY)
    assert urls_of(leaf) == {}
    assert "issuing authority 2" in warnings[0]


def test_the_first_issuing_certificate_names_those_of_a_root_that_is_published_before(tmp_path: Path, now) -> None:
    folder, public = tmp_path / "authority", tmp_path / "public"
    folder.mkdir(mode=0o700)
    plan = plan_provisioning(folder, URLS, "Corp", now)
    authority = carry_out(plan, Passphrases(), now, partial(publish_root, Passphrases(), public, now))
    root = key_identifier(authority.root.certificate)
    assert urls_of(authority.issuing.certificate) == {
        "crl": f"http://pki.test/crl/{root}.crl",
        "issuer": f"http://pki.test/issuers/{root}.cer",
    }
    assert {str(path.relative_to(public)) for path in public.rglob("*.c*")} == {
        f"crl/{root}.crl",
        f"issuers/{root}.cer",
    }
    assert x509.load_der_x509_crl((public / "crl" / f"{root}.crl").read_bytes()).is_signature_valid(
        authority.root.certificate.public_key()
    )


def test_the_issuing_certificate_of_a_root_that_others_give_way_to_names_those_of_that_root(
    own_authority, make_authority, issue, tmp_path, now
) -> None:
    """Whatever is named is published then, before any host trusts the root."""
    authority, public = make_authority(own_authority.folder, **URLS), tmp_path / "public"
    publish(authority, public, now)
    begin(authority, now)
    former, new = make(authority, now, partial(publish_root, Passphrases(), public, now)).epochs
    assert new.cross is not None
    for certificate, root in ((new.issuers[0].certificate, new.root), (new.cross, former.root)):
        key = key_identifier(root.certificate)
        assert urls_of(certificate) == {
            "crl": f"http://pki.test/crl/{key}.crl",
            "issuer": f"http://pki.test/issuers/{key}.cer",
        }
        assert (public / f"issuers/{key}.cer").read_bytes() == root.certificate.public_bytes(Encoding.DER)
        crl = x509.load_der_x509_crl((public / f"crl/{key}.crl").read_bytes())
        assert crl.is_signature_valid(root.certificate.public_key())
    assert urls_of(new.root.certificate) == {}
    # The playbook publish, which rotate_authority runs before it has leaves issued.
    switched = move(authority, State.SWITCHING, now)
    assert urls_of(issue(switched)[0]) == {}
    publish(switched, public, now)
    assert set(urls_of(issue(switched, names=("other.test",))[0])) == {"crl", "ocsp", "issuer"}


def test_without_publishing_what_the_next_root_signs_names_nothing_of_it(
    own_authority, make_authority, tmp_path, now
) -> None:
    authority = make_authority(own_authority.folder, **URLS)
    publish(authority, tmp_path / "public", now)
    begin(authority, now)
    new = make(authority, now).epochs[1]
    assert urls_of(new.issuers[0].certificate) == {}


def test_one_that_was_published_counts_until_the_next_one_is(
    own_authority, make_authority, issue, tmp_path, now
) -> None:
    authority = make_authority(own_authority.folder, **URLS)
    publish(authority, tmp_path / "public", now)
    for week in (1, 2, 3):  # lists that were signed and not published
        with open_ledger(authority.ledger_path) as ledger:
            RevocationTransaction(authority, Passphrases(), ledger, None, now + 7 * week * DAY).carry_out(NOTHING)
    assert set(urls_of(issue(authority, now + 13 * DAY)[0])) == {"crl", "ocsp", "issuer"}


def test_a_leaf_names_no_ocsp_url_while_no_response_is_published(
    own_authority, make_authority, issue, tmp_path, now
) -> None:
    """The list is, by the key of the issuing authority; the responses need that of the responder."""
    authority = make_authority(own_authority.folder, **URLS)
    issue(authority)
    key = authority.issuing.responder.folder / KEY
    kept = key.rename(key.with_name("away"))
    later = now + DAY
    publish(authority, tmp_path / "public", later)
    kept.rename(key)
    authority = make_authority(own_authority.folder, **URLS)
    leaf, warnings = issue(authority, later, names=("other.test",))
    assert set(urls_of(leaf)) == {"crl", "issuer"}
    assert (
        "New leaves name no OCSP URL, though the policy does: no valid responses of issuing authority 1" in warnings[0]
    )
    publish(authority, tmp_path / "public", later)
    leaf, warnings = issue(authority, later, names=("third.test",))
    assert (set(urls_of(leaf)), warnings) == ({"crl", "ocsp", "issuer"}, [])
    # All of them have ended, and nobody published others.
    assert set(urls_of(issue(authority, later + 8 * DAY)[0])) == {"crl", "issuer"}


def test_responses_that_were_not_published_give_no_ocsp_url(
    own_authority, make_authority, issue, tmp_path, now
) -> None:
    """Those that say revoked are signed without a folder, too."""
    authority = make_authority(own_authority.folder, **URLS)
    revoked, _warnings = issue(authority)
    issue(authority, names=("other.test",))
    key = authority.issuing.responder.folder / KEY
    kept = key.rename(key.with_name("away"))
    publish(authority, tmp_path / "public", now + DAY)
    kept.rename(key)
    with open_ledger(authority.ledger_path) as ledger:
        named = {**NOTHING, "serial": f"{revoked.serial_number:x}"}
        RevocationTransaction(authority, Passphrases(), ledger, None, now + DAY).carry_out(named)
    assert set(urls_of(issue(authority, now + DAY, names=("third.test",))[0])) == {"crl", "issuer"}


def test_a_leaf_names_no_urls_where_they_are_not_wanted(own_authority, make_authority, issue, tmp_path, now) -> None:
    authority = make_authority(own_authority.folder, **URLS)
    publish(authority, tmp_path / "public", now)
    leaf, warnings = issue(authority.without_urls())
    assert (urls_of(leaf), warnings) == ({}, [])

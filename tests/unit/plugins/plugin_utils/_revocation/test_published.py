# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An older ledger is restored: what is published since keeps leaves and staples from being signed by what it says."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import Action
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation import published
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.issuers import list_issuers
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.published import PublishedList, published_lists
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import NOTHING
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import RevocationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import list_path
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import key_identifier
from ansible_collections.anchorage.pki.tests.unit.function_host import Host
from cryptography import x509

DAY = timedelta(days=1)
OLDER = "the ledger does not: it is older than what is published"
PLACE = LeafPlace("web1", "/etc/pki/anchorage", "app")
LEAF = {"name": "app", "host": "web1", "reissue": False}


@pytest.fixture
def public(tmp_path: Path) -> Path:
    return tmp_path / "public"


@pytest.fixture
def revoke(own_authority: Authority, public: Path, now: datetime) -> Callable[..., None]:
    """A function that revokes what its options name, and publishes."""

    def run(folder: Path | None = public, **options: Any) -> None:
        with open_ledger(own_authority.ledger_path) as ledger:
            transaction = RevocationTransaction(own_authority, Passphrases(), ledger, folder, now)
            transaction.carry_out({**NOTHING, "reason": "key_compromise", **options})

    return run


@pytest.fixture
def restored(own_authority: Authority, host: Host, renew, revoke, tmp_path: Path) -> Callable[..., str]:
    """A function that revokes, restores the ledger from before, and returns the staple that the host has."""

    def run(**options: Any) -> str:
        renew()
        revoke()
        backup = shutil.copy(own_authority.ledger_path, tmp_path / "backup")
        revoke(**options)
        if "name" in options:
            renew()
        shutil.copy(backup, own_authority.ledger_path)
        return host.leaves["app"].staple_sha256

    return run


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("issues", [False, True])
def test_no_staple_is_signed_for_what_a_published_list_says_is_revoked(
    host: Host, renew, restored, public: Path, now: datetime, issues: bool, check: bool
) -> None:
    assert restored(**LEAF) == ""
    with pytest.raises(PkiError, match=OLDER):
        renew(now + 4 * DAY, issues=issues, folder=public, check=check)
    assert host.leaves["app"].staple_sha256 == ""


def test_no_leaf_is_signed_where_the_issuing_certificate_is_revoked_by_a_published_list(
    own_authority: Authority, host: Host, renew, restored, public: Path
) -> None:
    restored(certificate=str(own_authority.issuing.folder / "certificate.pem"))
    host.leaves.clear()
    with pytest.raises(PkiError, match=OLDER):
        renew(folder=public)
    assert not host.leaves


def test_a_number_that_was_taken_since_makes_no_ledger_newer(
    own_authority: Authority, host: Host, renew, restored, revoke, public: Path, make_leaf, now: datetime
) -> None:
    assert restored(**LEAF) == ""
    with open_ledger(own_authority.ledger_path) as ledger, ledger.transaction():
        other = make_leaf()
        ledger.record_leaf(other, own_authority.issuing.sha256, replace(PLACE, host="web2"), ["app.test"], "controller")
    revoke(folder=None, name="app", host="web2")
    with pytest.raises(PkiError, match=OLDER):
        renew(now + 4 * DAY, folder=public)


def test_what_needs_no_signature_is_done_and_all_once_the_ledger_knows(
    own_authority: Authority, host: Host, renew, restored, revoke, public: Path, now: datetime
) -> None:
    restored(**LEAF)
    with open_ledger(own_authority.ledger_path) as ledger:
        serial = f"{ledger.current_leaf(PLACE).certificate.serial_number:x}"
    # Without the staple that its server has lost, nothing is due.
    assert renew(staple=False, folder=public).decision.action is Action.NONE
    revoke(serial=serial)
    assert renew(folder=public).decision.action is Action.LEAF
    assert host.leaves["app"].staple_sha256


@pytest.mark.parametrize("content", [None, b"", b"\x30\x00", "folder"])
def test_a_list_that_is_missing_damaged_or_not_to_be_read_keeps_no_leaf_away(
    own_authority: Authority, renew, public: Path, content: bytes | str | None
) -> None:
    path = public / list_path(key_identifier(own_authority.issuing.certificate))
    path.parent.mkdir(parents=True)
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    assert renew(folder=public).decision.action is Action.LEAF


def test_a_list_that_the_ledger_has_is_not_parsed(
    own_authority: Authority, renew, revoke, public: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    renew()
    revoke(**LEAF)
    monkeypatch.setattr(published, "x509", None)
    with open_ledger(own_authority.ledger_path) as ledger:
        issuers = list_issuers(own_authority, ledger.last_leaf_ends(), now)
        assert all(each.number for each in published_lists(public, issuers, ledger.revocations).values())
    assert renew(now + 4 * DAY, folder=public).decision.action is Action.STAPLE


@pytest.mark.parametrize("change", [1, 2, 4, 0x80])
def test_a_damaged_list_is_taken_for_none_whichever_byte_it_is(
    own_authority: Authority, renew, revoke, public: Path, now: datetime, change: int
) -> None:
    renew()
    revoke(**LEAF)
    path = public / list_path(key_identifier(own_authority.issuing.certificate))
    der = path.read_bytes()
    (serial,) = (entry.serial_number for entry in x509.load_der_x509_crl(der))
    with open_ledger(own_authority.ledger_path) as ledger:
        issuers = list_issuers(own_authority, ledger.last_leaf_ends(), now)
        for index in range(len(der)):
            path.write_bytes(der[:index] + bytes([der[index] ^ change]) + der[index + 1 :])
            lists = published_lists(public, issuers, ledger.revocations)
            found = lists[key_identifier(own_authority.issuing.certificate)]
            # What is outside of the signature says as much as before.
            assert found in (PublishedList(), PublishedList(int(now.timestamp()), frozenset({serial}))), index

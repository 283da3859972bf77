# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leaves that are expired or not yet valid, for people's tests."""

from __future__ import annotations

import stat
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.selection import state_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._undeployed.files import check_apart, leaf_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._undeployed.untimely import (
    Untimeliness,
    UntimelyPlan,
    UntimelyTransaction,
    parse_untimely_request,
    untimely_validity,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, generate_key
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import LAST_MOMENT
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

DAY = timedelta(days=1)


class Laboratory:
    """An authority, and a folder that gets what it signs for tests."""

    def __init__(self, authority: Authority, folder: Path, now: datetime) -> None:
        self.authority, self.folder, self.now = authority, folder, now

    def task(self, validity: str, after: timedelta = timedelta(), **options: Any) -> UntimelyPlan:
        defaults = {"name": "app", "names": ["app.test"], "profile": "server", "key_type": "ecdsa-p256"}
        arguments = {**defaults, "destination": str(self.folder), "validity": validity, **options}
        request = parse_untimely_request(arguments)
        with open_ledger(self.authority.ledger_path) as ledger:
            transaction = UntimelyTransaction(self.authority, Passphrases(), ledger, self.now + after)
            plan = transaction.plan(request)
            if plan.changed:
                transaction.carry_out(plan)
        return plan

    @property
    def leaf(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate((self.folder / "cert.pem").read_bytes())


@pytest.fixture
def laboratory(own_authority: Authority, tmp_path: Path, now: datetime) -> Laboratory:
    return Laboratory(own_authority, tmp_path / "tests" / "made by the task", now)


def test_one_has_expired_and_stays(laboratory: Laboratory) -> None:
    assert laboratory.task("expired").changed
    leaf = laboratory.leaf
    assert leaf.not_valid_before_utc < leaf.not_valid_after_utc == laboratory.now - DAY
    assert not laboratory.task("expired", after=300 * DAY).changed
    assert laboratory.leaf == leaf
    key = laboratory.folder / "privkey.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert load_pem_private_key(key.read_bytes(), None).public_key() == leaf.public_key()
    assert stat.S_IMODE((laboratory.folder / "fullchain.pem").stat().st_mode) == 0o644


def test_one_is_never_valid_while_its_issuer_is(laboratory: Laboratory) -> None:
    assert laboratory.task("not_yet_valid").changed
    assert laboratory.leaf.not_valid_before_utc > laboratory.authority.issuing.certificate.not_valid_after_utc
    assert not laboratory.task("not_yet_valid").changed


def test_none_begins_after_the_end_of_the_calendar(now: datetime) -> None:
    """An issuing certificate of another authority may have no end."""
    key, name = generate_key(KeyType.ECDSA_P256), x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1).not_valid_before(now)
    endless = builder.not_valid_after(LAST_MOMENT).sign(key, SHA256())
    with pytest.raises(PkiError, match="ends on 9999-12-31, after which no certificate can begin"):
        untimely_validity(Untimeliness.NOT_YET_VALID, endless, now)
    assert untimely_validity(Untimeliness.EXPIRED, endless, now).not_after < now


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"validity": "not_yet_valid"}, "it is to be not_yet_valid"),
        ({"names": ["other.test"]}, "the names change from [app.test] to [other.test]"),
        ({"profile": "client"}, "the profile becomes client"),
        ({"key_type": "ecdsa-p384"}, "the key type becomes ecdsa-p384"),
    ],
)
def test_it_is_made_anew_where_something_else_is_wanted(laboratory: Laboratory, options: Any, reason: str) -> None:
    laboratory.task("expired")
    wanted = {"validity": "expired", **options}
    assert laboratory.task(**wanted).reason == reason
    assert not laboratory.task(**wanted).changed


def test_files_that_are_gone_or_open_come_back(laboratory: Laboratory) -> None:
    laboratory.task("expired")
    leaf = laboratory.leaf
    (laboratory.folder / "chain.pem").unlink()
    assert laboratory.task("expired").missing == (str(laboratory.folder / "chain.pem"),)
    assert laboratory.leaf == leaf
    (laboratory.folder / "privkey.pem").chmod(0o644)
    assert laboratory.task("expired").reason.endswith("privkey.pem is not its key, for its owner alone")
    assert laboratory.leaf != leaf


def test_the_last_one_of_a_name_stays_in_a_ledger_that_is_pruned(laboratory: Laboratory) -> None:
    """Without it the folder would be somebody else's."""
    laboratory.task("expired", names=["former.test"])
    laboratory.task("expired")
    late = 400 * DAY
    with open_ledger(laboratory.authority.ledger_path) as ledger, ledger.transaction():
        prunable = ledger.entries.prunable(laboratory.now + late)
        assert len(prunable) == 1
        ledger.entries.prune(prunable)
    assert not laboratory.task("expired", after=late).changed


@pytest.mark.parametrize("name", ["privkey.pem", "cert.pem"])
def test_files_of_others_stay(laboratory: Laboratory, name: str) -> None:
    laboratory.folder.mkdir(parents=True)
    (laboratory.folder / name).write_text("somebody's")
    with pytest.raises(PkiError, match=f"{name} is there, and is not of the leaf 'app' for tests"):
        laboratory.task("expired")
    assert [path.read_text() for path in laboratory.folder.iterdir()] == ["somebody's"]


@pytest.mark.parametrize("folder", ["", "tests"])
def test_a_folder_is_named_from_the_root_on(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is put where Ansible happened to be started."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PkiError, match=f"destination: '{folder}' is a relative path"):
        leaf_folder(folder)


def test_no_folder_is_made_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PkiError, match=r"destination: there is no folder .*/file on the controller\."):
        leaf_folder(str(tmp_path / "file" / "below" / "it"))


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    folder = leaf_folder(str(tmp_path / "tests" / "app"))
    (tmp_path / "tests").touch()  # since then
    with pytest.raises(PkiError, match=r"destination: .*/tests/app cannot be made: "):
        folder.write({"cert.pem": "", "chain.pem": "", "fullchain.pem": ""})


def test_nothing_is_signed_for_a_folder_that_cannot_take_it(laboratory: Laboratory) -> None:
    laboratory.task("expired")
    (laboratory.folder / "chain.pem").unlink()
    (laboratory.folder / "chain.pem").mkdir()
    with pytest.raises(PkiError, match=r"destination: .*chain.pem cannot be read: it is a folder"):
        laboratory.task("not_yet_valid")
    with open_ledger(laboratory.authority.ledger_path, read_only=True) as ledger:
        assert len([entry for entry in ledger.entries.all() if entry.kind == "leaf"]) == 1


def test_a_folder_is_for_one_leaf(laboratory: Laboratory) -> None:
    """Of a loop whose folder is not the item's, each run would replace what the others wrote."""
    laboratory.task("expired")
    folder = leaf_folder(str(laboratory.folder))
    with open_ledger(laboratory.authority.ledger_path, read_only=True) as ledger:
        folder.check_place(LeafPlace("", "test", "app"), ledger)
        with pytest.raises(PkiError, match=r"destination: .*cert.pem is that of the leaf 'test/app'"):
            folder.check_place(LeafPlace("", "", "app"), ledger)
        (laboratory.folder / "cert.pem").write_text("somebody's")
        folder.check_place(LeafPlace("", "", "app"), ledger)


def test_nothing_counts_it(laboratory: Laboratory) -> None:
    laboratory.task("not_yet_valid")
    now, issuing = laboratory.now, laboratory.authority.issuing.sha256
    with open_ledger(laboratory.authority.ledger_path, read_only=True) as ledger:
        assert ledger.places() == {}
        assert ledger.leaf_counts() == {}
        assert ledger.undeployed.requested() == []
        assert ledger.last_leaf_ends() == {}
        assert ledger.rotations.leaves_in_use(now) == []
        assert list(ledger.believed_leaves(now)) == []
        assert ledger.revocations.due_responses(issuing, now, every=True) == []
        assert ledger.revocations.is_answered(issuing, now + 2000 * DAY, now)
        (entry,) = [entry for entry in ledger.entries.all() if entry.kind == "leaf"]
    assert (entry.place.path, state_of(entry, now)) == ("test/app", "test")


def test_the_folder_of_the_authority_gets_no_files(laboratory: Laboratory) -> None:
    authority = laboratory.authority
    check_apart(None, authority)
    check_apart(str(laboratory.folder), authority)
    laboratory.folder.mkdir(parents=True)
    (laboratory.folder / "link").symlink_to(authority.folder)
    for path in (authority.folder, authority.folder / "root", laboratory.folder / "link"):
        with pytest.raises(PkiError, match="is in the authority's folder"):
            check_apart(str(path), authority)

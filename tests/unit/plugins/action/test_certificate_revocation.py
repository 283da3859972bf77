# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action certificate_revocation beside other runs, which make issuers and publish, and where it cannot publish."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.action import certificate_revocation
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import (
    Passphrases,
    carry_out,
    plan_provisioning,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation import transaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import publishing
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import (
    Profile,
    Signer,
    key_identifier,
    sign_leaf,
    validity_from,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, generate_key
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import parse_names

DAY = timedelta(days=1)
NAMED = {"name": "app", "host": "web1"}


def provision(folder: Path, at: datetime) -> Authority:
    return carry_out(plan_provisioning(folder, {}, "Test authority", at), Passphrases(), at)


def enter_leaf(authority: Authority, now: datetime) -> None:
    """A leaf of the issuing authority in use, in use on web1."""
    issuing = authority.issuing
    signer = Signer(issuing.certificate, issuing.key(None, "passphrase"))
    key = generate_key(KeyType.ECDSA_P256).public_key()
    leaf = sign_leaf(key, signer, parse_names(["app.test"]), Profile.SERVER, validity_from(now, 90), False)
    with open_ledger(authority.ledger_path) as ledger, ledger.transaction():
        place = LeafPlace("web1", "/etc/pki/anchorage", "app")
        ledger.record_leaf(leaf, issuing.sha256, place, ["app.test"], "controller")


def make(folder: Path, at: datetime, now: datetime) -> Authority:
    """An authority that is made at that time, with a leaf of now."""
    folder.mkdir(mode=0o700)
    made = provision(folder, at)
    enter_leaf(made, now)
    return made


@pytest.fixture
def now() -> datetime:
    return datetime.now(timezone.utc)


@pytest.fixture
def authority(tmp_path: Path, now: datetime) -> Authority:
    """One with a leaf."""
    return make(tmp_path / "authority", now, now)


def run(authority: Authority, **arguments: Any) -> dict[str, Any]:
    action = certificate_revocation.ActionModule.__new__(certificate_revocation.ActionModule)
    arguments["authority"] = str(authority.folder)
    task = {"args": arguments, "async_val": 0, "check_mode": False, "diff": False, "environment": None}
    action._task = SimpleNamespace(**task)
    given = action.validate_argument_spec(action.ARGUMENT_SPEC, **action.CONDITIONS)[1]
    return action.act(given, {"inventory_hostname": "localhost"})


def test_an_issuer_that_was_made_while_it_waited_has_the_revocation_on_its_list(
    tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = make(tmp_path / "authority", now - 1010 * DAY, now)  # its issuing certificate is to be renewed
    lock = certificate_revocation.exclusive_lock

    @contextmanager
    def after_another_run(path: Path) -> Any:
        enter_leaf(provision(authority.folder, now), now)
        with lock(path):
            yield

    monkeypatch.setattr(certificate_revocation, "exclusive_lock", after_another_run)
    monkeypatch.setattr(
        certificate_revocation.RevocationTransaction, "complete", lambda *_arguments: pytest.fail("it was killed")
    )
    with pytest.raises(pytest.fail.Exception, match="it was killed"):
        run(authority, **NAMED)
    with open_ledger(authority.ledger_path) as ledger:
        made = list(ledger.revocations.issuing_certificates().values())
        assert len(made) == 2
        for issuer in made:
            assert ledger.revocations.taken_number(key_identifier(issuer)) is not None


def test_what_is_urgent_is_entered_while_another_run_publishes(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "PUBLICATION_TIMEOUT", 0.1)
    public = str(tmp_path / "public")
    with publishing(authority.folder):
        result = run(authority, **NAMED, publish=public)
    assert (result["failed"], result["crl"], result["ocsp"]) == (True, "pending", "pending")
    assert result["msg"].startswith("What the task names is revoked in the ledger. Not all that tells of it is signed")
    assert "Another run has been signing or publishing for the authority in" in result["msg"]
    assert [entry["changed"] for entry in result["certificates"]] == [True]
    again = run(authority, **NAMED, publish=public)
    assert ("failed" in again, again["crl"], again["ocsp"]) == (False, "signed", "signed")


def test_hosts_are_told_of_also_where_publishing_fails(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "crl").touch()
    result = run(authority, **NAMED, publish=str(tmp_path / "public"))
    assert result["failed"]
    assert "crl cannot be read: Not a directory. What was entered" in result["msg"]
    assert result["pending_hosts"] == []  # it has no staple
    assert [(entry["host"], entry["changed"]) for entry in result["certificates"]] == [("web1", True)]
    nothing = run(authority, publish=str(tmp_path / "public"))
    assert nothing["msg"].startswith("publish: ")


def test_an_issuing_certificate_is_due_until_another_one_is_complete(authority: Authority, now: datetime) -> None:
    assert run(authority)["issuing_due"] is False
    revoked = run(authority, certificate=str(authority.issuing.folder / "certificate.pem"))
    assert revoked["issuing_due"] is True
    assert run(authority)["issuing_due"] is True
    another = provision(authority.folder, now).issuing
    responder = another.responder.folder.rename(another.responder.folder.with_name("away"))
    assert run(authority)["issuing_due"] is True  # that run was cut off
    responder.rename(another.responder.folder)
    assert run(authority)["issuing_due"] is False


def test_an_authority_without_any_issuing_certificate_says_what_is_missing(authority: Authority) -> None:
    shutil.rmtree(authority.issuing.folder)
    result = run(authority, **NAMED)
    assert (result["crl"], result["ocsp"], result["issuing_due"]) == ("pending", "pending", True)

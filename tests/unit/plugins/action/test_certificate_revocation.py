# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action certificate_revocation beside other runs, which make issuers and publish, and where it cannot publish."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.action import certificate_revocation
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import locks
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.locks import publishing
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import carry_out, plan_provisioning
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.signing import sign_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import list_path
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import (
    Profile,
    Signer,
    key_identifier,
    sign_leaf,
    validity_from,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, generate_key
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import parse_names
from cryptography import x509

DAY = timedelta(days=1)
PLACE = LeafPlace("web1", "/etc/pki/anchorage", "app")
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
        ledger.record_leaf(leaf, issuing.sha256, PLACE, ["app.test"], "controller")


def enter_staple(authority: Authority) -> None:
    """A staple that its host has, for the one leaf."""
    issuing, responder = authority.issuing, authority.issuing.responder
    signer = Signer(responder.certificate, responder.key(None, "responder_passphrase"))
    at = datetime.now(timezone.utc)
    with open_ledger(authority.ledger_path) as ledger, ledger.transaction():
        leaf = ledger.current_leaf(PLACE)
        staple = sign_staple(leaf.certificate, issuing.certificate, signer, 7, at)
        ledger.record_staple(staple, leaf.sha256)
        ledger.mark_deployed(PLACE, leaf.sha256, staple.sha256, at)


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
    lock = certificate_revocation.changing

    @contextmanager
    def after_another_run(folder: Path) -> Any:
        enter_leaf(provision(authority.folder, now), now)
        with lock(folder):
            yield

    monkeypatch.setattr(certificate_revocation, "changing", after_another_run)
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
    monkeypatch.setattr(locks, "PUBLICATION_TIMEOUT", 0.1)
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
    assert "/public/crl is no folder. Remove it, or name another folder. What was entered" in result["msg"]
    assert result["msg"].endswith("is kept, and the next run publishes it.")
    assert result["pending_hosts"] == []  # it has no staple
    assert [(entry["host"], entry["changed"]) for entry in result["certificates"]] == [("web1", True)]
    nothing = run(authority, publish=str(tmp_path / "public"))
    assert nothing["msg"] == f"publish: {tmp_path}/public/crl is no folder. Remove it, or name another folder."


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
@pytest.mark.parametrize(
    ("options", "reason"), [("size=4k", "No space left on device"), ("size=4m,ro", "Read-only file system")]
)
def test_a_folder_that_is_full_or_read_only_keeps_nothing_from_being_revoked(
    authority: Authority, tmp_path: Path, options: str, reason: str
) -> None:
    enter_staple(authority)
    public = tmp_path / "public"
    public.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"{options},mode=0755", "tmpfs", public], check=False)
    if mounted.returncode:
        pytest.skip("mounting is not permitted here")
    try:
        failed = run(authority, **NAMED, publish=str(public))
        assert failed["failed"]
        assert f"{public}/" in failed["msg"]
        assert f"cannot be written: {reason}. What was entered and signed" in failed["msg"]
        assert [(entry["host"], entry["changed"]) for entry in failed["certificates"]] == [("web1", True)]
        assert [entry["host"] for entry in failed["pending_hosts"]] == ["web1"]
        subprocess.run(["mount", "-o", "remount,rw,size=4m", public], check=True)
        again = run(authority, **NAMED, publish=str(public))
        assert ("failed" in again, again["crl"], again["ocsp"]) == (False, "signed", "signed")
        crl = x509.load_der_x509_crl((public / list_path(key_identifier(authority.issuing.certificate))).read_bytes())
        assert [f"{entry.serial_number:x}" for entry in crl] == [failed["certificates"][0]["serial_number"]]
        assert not list(public.rglob(".*"))
    finally:
        subprocess.run(["umount", public], check=True)


def test_the_same_task_after_a_failed_one_does_not_revoke_what_replaced_its_leaf(
    authority: Authority, tmp_path: Path, now: datetime
) -> None:
    (tmp_path / "public").mkdir()
    damage = tmp_path / "public" / "crl"
    damage.touch()
    (revoked,) = run(authority, **NAMED, publish=str(tmp_path / "public"))["certificates"]
    enter_leaf(authority, now)
    damage.unlink()
    again = run(authority, **NAMED, publish=str(tmp_path / "public"))
    assert [entry["serial_number"] for entry in again["certificates"]] == [revoked["serial_number"]]
    assert not again.get("failed")
    with open_ledger(authority.ledger_path) as ledger:
        assert ledger.leaf_counts() == {"revoked": 1, "signed": 1}
        replacement = f"{ledger.current_leaf(PLACE).certificate.serial_number:x}"
    (warning,) = again["warnings"]
    assert warning.startswith(
        f"name: leaf certificate {revoked['serial_number']} at /etc/pki/anchorage/app on web1 was"
    )
    assert f"does not revoke what was issued there since: {replacement}. To revoke that, too, name its" in warning
    # Once it is finished, the task means the one that is there.
    assert [entry["serial_number"] for entry in run(authority, **NAMED)["certificates"]] == [replacement]


@pytest.mark.parametrize("opening", [2, 3])
def test_what_is_entered_is_told_also_where_the_ledger_cannot_be_used_any_more(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opening: int
) -> None:
    opened = certificate_revocation.open_ledger
    enter_staple(authority)
    count = itertools.count(1)

    def failing(*arguments: Any, **options: Any) -> Any:
        if next(count) >= opening:
            raise PkiError("The ledger cannot be used (database is locked).")
        return opened(*arguments, **options)

    monkeypatch.setattr(certificate_revocation, "open_ledger", failing)
    result = run(authority, **NAMED, publish=str(tmp_path / "public"))
    assert result["failed"]
    assert result["msg"].startswith("What the task names is revoked in the ledger.")
    assert "(database is locked)" in result["msg"]
    assert [(entry["host"], entry["changed"]) for entry in result["certificates"]] == [("web1", True)]
    assert [entry["host"] for entry in result["pending_hosts"]] == ["web1"]
    assert result["issuing_due"] is False
    with opened(authority.ledger_path) as ledger:
        assert ledger.leaf_counts() == {"revoked": 1}


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

# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The authority of a development proxy: narrow, renewed in time, never what signs the authority's own leaves."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import UNCHANGED
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, CertifiedKey
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.development_proxy import (
    carry_out_proxy,
    plan_proxy,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import (
    Passphrases,
    plan_provisioning,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proxy_folder import (
    FILES,
    PROXY_KEY,
    ProxyFolder,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import KeyAwayError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import NOTHING
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import RevocationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.transaction import RotationTransaction
from ansible_collections.anchorage.pki.tests.unit.rotations import make as make_successor
from ansible_collections.anchorage.pki.tests.unit.rotations import move
from cryptography import x509
from cryptography.hazmat.primitives import serialization

MakeAuthority = Callable[..., Authority]
OPEN = Passphrases()


@pytest.fixture
def folder(private_folder: Path) -> ProxyFolder:
    return ProxyFolder(private_folder / "proxy", UNCHANGED, True)


def steps(folder: ProxyFolder, authority: Authority, now: datetime) -> tuple[str, ...]:
    return plan_proxy(folder, authority, authority.policy, now).steps


def make(
    folder: ProxyFolder, authority: Authority, now: datetime, passphrases: Passphrases = OPEN
) -> CertifiedKey | None:
    return carry_out_proxy(plan_proxy(folder, authority, authority.policy, now), authority, passphrases, now)


def made(folder: ProxyFolder, authority: Authority, now: datetime) -> CertifiedKey:
    proxy = make(folder, authority, now)
    assert proxy is not None
    return proxy


def contents(folder: ProxyFolder) -> dict[str, bytes]:
    return {name: (folder.path / name).read_bytes() for name in FILES}


def test_it_is_below_the_root_and_for_localhost_alone(
    own_authority: Authority, folder: ProxyFolder, now: datetime
) -> None:
    certificate = made(folder, own_authority, now).certificate
    certificate.verify_directly_issued_by(own_authority.root.certificate)
    assert certificate.subject.rfc4514_string() == "CN=Test authority proxy 1"
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc <= timedelta(days=90)
    extensions = certificate.extensions
    assert extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(True, 0)
    constraints = extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    names = [name.value for name in constraints.value.permitted_subtrees or [] if isinstance(name, x509.DNSName)]
    assert names == ["localhost"]
    excluded = {str(name.value) for name in constraints.value.excluded_subtrees or []}
    assert excluded == {"0.0.0.0/0", "::/0"}


def test_it_signs_nothing_of_the_authority_and_is_in_its_ledger(
    own_authority: Authority, folder: ProxyFolder, now: datetime
) -> None:
    proxy = made(folder, own_authority, now)
    assert proxy.folder == own_authority.folder / "delegated" / "1"
    again = read_authority(own_authority.folder)
    assert again.issuing.sha256 == own_authority.issuing.sha256
    assert plan_provisioning(own_authority.folder, {}, "", now).steps == ()
    with open_ledger(own_authority.ledger_path, read_only=True) as ledger:
        assert ledger.delegated_certificates() == [(proxy.certificate, False)]


def test_what_the_proxy_reads(own_authority: Authority, folder: ProxyFolder, now: datetime) -> None:
    proxy = made(folder, own_authority, now)
    assert stat.S_IMODE((folder.path / PROXY_KEY).stat().st_mode) == 0o600
    key = serialization.load_pem_private_key(contents(folder)[PROXY_KEY], None)
    assert key.public_key() == proxy.certificate.public_key()
    assert steps(folder, own_authority, now) == ()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_text("x"), lambda file: file.chmod(0o666)])
def test_a_file_is_mended_and_the_authority_kept(
    own_authority: Authority, folder: ProxyFolder, now: datetime, name: str, damage: Callable[[Path], None]
) -> None:
    proxy = made(folder, own_authority, now)
    before = contents(folder)
    damage(folder.path / name)
    expected = f"development proxy 1: {folder.path} has not what it should have: {name}"
    assert steps(folder, own_authority, now) == (expected,)
    assert made(folder, own_authority, now).sha256 == proxy.sha256
    assert contents(folder).keys() == before.keys()
    assert steps(folder, own_authority, now) == ()


def test_it_is_renewed_in_its_last_third_with_another_key(
    own_authority: Authority, folder: ProxyFolder, now: datetime
) -> None:
    first = made(folder, own_authority, now)
    assert steps(folder, own_authority, now + timedelta(days=59)) == ()
    later = now + timedelta(days=61)
    plan = plan_proxy(folder, own_authority, own_authority.policy, later)
    assert plan.steps == (
        f"development proxy 2: the last one ends on {first.certificate.not_valid_after_utc:%Y-%m-%d}",
    )
    before, after = plan.lines()
    assert list(before) == ["development proxy 1"]
    assert after["development proxy 2"].startswith("new, for 90 days (the last one ends on ")
    second = made(folder, own_authority, later)
    assert second.certificate.public_key() != first.certificate.public_key()
    assert not (first.folder / "key.pem").exists()
    assert steps(folder, own_authority, later) == ()


def test_a_revoked_one_is_replaced(
    own_authority: Authority, folder: ProxyFolder, now: datetime, tmp_path: Path
) -> None:
    first = made(folder, own_authority, now)
    arguments = {**NOTHING, "serial": f"{first.certificate.serial_number:x}", "reason": "key_compromise"}
    with open_ledger(own_authority.ledger_path) as ledger:
        RevocationTransaction(own_authority, OPEN, ledger, tmp_path / "public", now).carry_out(arguments)
    assert steps(folder, own_authority, now) == ("development proxy 2: the last one is revoked",)
    assert made(folder, own_authority, now).number == 2
    assert steps(folder, own_authority, now) == ()


def test_one_that_the_ledger_never_saw_is_replaced(
    own_authority: Authority, make_authority: MakeAuthority, folder: ProxyFolder, now: datetime, tmp_path: Path
) -> None:
    made(folder, own_authority, now)
    other = make_authority(tmp_path / "other")
    (own_authority.folder / "delegated").rename(other.folder / "delegated")
    assert steps(folder, other, now) == ("development proxy 2: the ledger does not know the last one",)


def test_it_follows_another_root_which_it_does_not_keep_from_coming(
    own_authority: Authority, folder: ProxyFolder, now: datetime
) -> None:
    made(folder, own_authority, now)
    with open_ledger(own_authority.ledger_path) as ledger:
        RotationTransaction(own_authority.folder, ledger, frozenset(), now).begin("it is old", OPEN)
    both = move(make_successor(own_authority, now), State.DISTRIBUTING, now)
    assert steps(folder, both, now) == ()
    switched = move(both, State.SWITCHING, now)
    assert steps(folder, switched, now) == ("development proxy 2: the last one is below another root",)
    made(folder, switched, now).certificate.verify_directly_issued_by(switched.root.certificate)
    assert switched.root.sha256 != own_authority.root.sha256
    assert steps(folder, switched, now) == ()


def test_removal_takes_files_and_key_and_is_done_once(
    own_authority: Authority, folder: ProxyFolder, now: datetime
) -> None:
    proxy = made(folder, own_authority, now)
    absent = replace(folder, is_wanted=False)
    plan = plan_proxy(absent, own_authority, own_authority.policy, now)
    (step,) = plan.steps
    assert step.startswith(f"development proxy 1: removed, with {proxy.folder / 'key.pem'}")
    before, after = plan.lines()
    assert (list(before), after) == (["development proxy 1"], {})
    assert make(absent, own_authority, now) is None
    assert not folder.path.exists()
    assert not (proxy.folder / "key.pem").exists()
    assert steps(absent, own_authority, now) == ()
    # Another one has another name than the first, which has not ended.
    assert made(folder, own_authority, now).number == 2


def test_removal_leaves_what_is_not_its_own(
    own_authority: Authority, make_authority: MakeAuthority, folder: ProxyFolder, now: datetime, tmp_path: Path
) -> None:
    made(folder, own_authority, now)
    before = contents(folder)
    absent = replace(folder, is_wanted=False)
    other = make_authority(tmp_path / "other")
    assert steps(absent, other, now) == ()
    make(absent, other, now)
    assert contents(folder) == before
    (folder.path / "Caddyfile").write_text("")
    make(absent, own_authority, now)
    assert [path.name for path in folder.path.iterdir()] == ["Caddyfile"]


def test_the_key_is_encrypted_in_the_authority_and_plain_for_the_proxy(
    make_authority: MakeAuthority, folder: ProxyFolder, now: datetime, tmp_path: Path
) -> None:
    secret = Passphrases("correct horse battery", "correct horse battery")
    authority = make_authority(tmp_path / "secret", passphrases=secret)
    with pytest.raises(KeyAwayError, match="give its passphrase"):
        make(folder, authority, now)
    assert not folder.path.exists()
    proxy = make(folder, authority, now, secret)
    assert proxy is not None
    assert b"ENCRYPTED" in (proxy.folder / "key.pem").read_bytes()
    assert b"ENCRYPTED" not in contents(folder)[PROXY_KEY]
    # A look needs no passphrase.
    assert steps(folder, authority, now) == ()


def test_the_root_key_that_is_kept_elsewhere_is_asked_for(
    own_authority: Authority, folder: ProxyFolder, now: datetime
) -> None:
    (own_authority.root.folder / "key.pem").unlink()
    with pytest.raises(KeyAwayError, match="Put the key there for this run"):
        make(folder, own_authority, now)
    assert not (own_authority.folder / "delegated").exists()


def test_whose_root_is_anothers_is_refused_with_the_reason(
    make_authority: MakeAuthority, folder: ProxyFolder, now: datetime, tmp_path: Path
) -> None:
    asked = make_authority(tmp_path / "below", issuing_request_path="/somewhere/issuing.csr")
    with pytest.raises(PkiError, match="has not the key of its root"):
        steps(folder, asked, now)
    assert steps(replace(folder, is_wanted=False), asked, now) == ()


def test_constraints_without_localhost_are_refused(
    make_authority: MakeAuthority, folder: ProxyFolder, now: datetime, tmp_path: Path
) -> None:
    narrow = make_authority(tmp_path / "narrow", permitted_domains=["corp.example.com"])
    with pytest.raises(PkiError, match="do not permit localhost"):
        steps(folder, narrow, now)
    whole = make_authority(tmp_path / "whole", unconstrained=True)
    assert steps(folder, whole, now) == ("development proxy 1: there is none yet",)

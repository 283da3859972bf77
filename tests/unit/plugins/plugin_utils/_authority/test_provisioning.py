# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making, renewing and completing an authority in its folder; a refusal leaves everything as it was."""

from __future__ import annotations

import functools
import itertools
import os
import shutil
import subprocess
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    Authority,
    CertifiedKey,
    to_pem,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import (
    Passphrases,
    carry_out,
    check_passphrases,
    plan_provisioning,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.renewal import Part
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import AuthorityMissingError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import UNFINISHED
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import (
    Profile,
    Signer,
    sign_leaf,
    validity_from,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, PrivateKey, key_type_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import parse_names
from ansible_collections.anchorage.pki.tests.unit.interruptions import kill_at
from cryptography import x509

DAY = timedelta(days=1)
SECRET = Passphrases("correct horse battery staple", "another long passphrase")
MakeAuthority = Callable[..., Authority]


def files(folder: Path) -> dict[str, bytes]:
    """Every file below ``folder`` but the lock and those of SQLite, which touches its own while it reads."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "lock" and not path.name.startswith("ledger.sqlite3-")
    }


def steps(folder: Path, at: datetime, **options: Any) -> list[str]:
    return [str(step).partition(":")[0] for step in plan_provisioning(folder, options, "Test authority", at).steps]


def keys_of(authority: Authority) -> list[CertifiedKey]:
    return [*authority.roots, *authority.issuers, *(key for issuer in authority.issuers for key in issuer.responders)]


def sign_leaf_of(authority: Authority, leaf_key: PrivateKey, at: datetime) -> x509.Certificate:
    """A leaf of the authority, entered in its ledger."""
    issuing = authority.issuing
    signer = Signer(issuing.certificate, issuing.key(None, "passphrase"))
    leaf = sign_leaf(leaf_key.public_key(), signer, parse_names(["app.test"]), Profile.SERVER, validity_from(at, 90))
    with open_ledger(authority.ledger_path) as ledger, ledger.transaction():
        ledger.record_leaf(leaf, issuing.sha256, LeafPlace("web1", "/etc", "app"), ["app.test"], "controller")
    return leaf


# Making


def test_a_new_authority_is_complete_private_and_in_its_ledger(
    make_authority: MakeAuthority, tmp_path: Path, now: datetime
) -> None:
    made = make_authority(tmp_path / "authority")
    assert sorted(files(made.folder)) == [
        "issuing/1/certificate.pem",
        "issuing/1/key.pem",
        "issuing/1/responder/1/certificate.pem",
        "issuing/1/responder/1/key.pem",
        "ledger.sqlite3",
        "policy.json",
        "root/1/certificate.pem",
        "root/1/key.pem",
    ]
    for path in made.folder.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    with open_ledger(made.ledger_path) as ledger:
        assert ledger.authorities() == {made.root.sha256, made.issuing.sha256}
    assert read_authority(made.folder) == made
    assert steps(made.folder, now) == []


def test_the_lifetimes_are_the_designed_ones(authority: Authority) -> None:
    def days(key: CertifiedKey) -> int:
        period = key.certificate.not_valid_after_utc - key.certificate.not_valid_before_utc
        return (period + timedelta(seconds=1)).days

    assert [days(key) for key in (authority.root, authority.issuing, authority.issuing.responder)] == [3650, 1095, 30]


@pytest.mark.parametrize("key_type", [KeyType.ECDSA_P384, KeyType.RSA_3072, KeyType.ED25519])
def test_every_key_is_of_the_wanted_type(make_authority: MakeAuthority, tmp_path: Path, key_type: KeyType) -> None:
    made = make_authority(tmp_path / "authority", key_type=key_type.value)
    assert {key_type_of(key.certificate.public_key()) for key in keys_of(made)} == {key_type}
    assert all(key.key(None, "passphrase") for key in keys_of(made))


def test_planning_changes_nothing_not_even_for_a_new_authority(tmp_path: Path, now: datetime) -> None:
    folder = tmp_path / "authority"
    assert steps(folder, now) == [
        "policy",
        "root certificate 1",
        "issuing authority 1",
        "OCSP responder 1 of issuing authority 1",
    ]
    assert not folder.exists()


def test_running_again_changes_nothing(own_authority: Authority, make_authority: MakeAuthority) -> None:
    before = files(own_authority.folder)
    assert make_authority(own_authority.folder) == own_authority
    assert files(own_authority.folder) == before


# Passphrases


def test_keys_are_encrypted_each_with_its_own_passphrase(make_authority: MakeAuthority, tmp_path: Path) -> None:
    made = make_authority(tmp_path / "authority", SECRET)
    for key in keys_of(made):
        assert b"ENCRYPTED" in (key.folder / "key.pem").read_bytes()
    for key in (made.root, made.issuing):
        assert key.key(SECRET.authority, "passphrase")
        with pytest.raises(PkiError, match=r"^passphrase: this is not the passphrase"):
            key.key(SECRET.responder, "passphrase")
    assert made.issuing.responder.key(SECRET.responder, "responder_passphrase")


def test_the_responder_alone_may_be_unencrypted(make_authority: MakeAuthority, tmp_path: Path) -> None:
    made = make_authority(tmp_path / "authority", Passphrases(SECRET.authority))
    assert made.issuing.responder.key(None, "responder_passphrase")


@pytest.mark.parametrize(
    ("passphrases", "option"),
    [(Passphrases("too short"), "passphrase"), (Passphrases(None, "x" * 15), "responder_passphrase")],
)
def test_a_short_passphrase_makes_nothing(
    make_authority, tmp_path: Path, passphrases: Passphrases, option: str
) -> None:
    with pytest.raises(PkiError, match=f"^{option}: give at least 16 characters"):
        make_authority(tmp_path / "authority", passphrases)
    assert files(tmp_path / "authority") == {}


@pytest.fixture(scope="module")
def encrypted(make_authority: MakeAuthority, tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority with two passphrases. Shared: read it only."""
    return make_authority(tmp_path_factory.mktemp("encrypted") / "authority", SECRET)


def test_an_unchanged_authority_needs_no_passphrase(encrypted: Authority, now: datetime) -> None:
    check_passphrases(plan_provisioning(encrypted.folder, {}, "", now), Passphrases())


@pytest.mark.parametrize(
    ("passphrases", "words"),
    [
        (Passphrases("the wrong passphrase"), "passphrase: this is not the passphrase of"),
        (Passphrases(None, "the wrong passphrase"), "responder_passphrase: this is not the passphrase of"),
    ],
)
def test_a_wrong_passphrase_is_reported_long_before_it_is_needed(encrypted, now, passphrases, words: str) -> None:
    with pytest.raises(PkiError) as caught:
        check_passphrases(plan_provisioning(encrypted.folder, {}, "", now), passphrases)
    assert str(caught.value).startswith(words)
    told = "".join(traceback.format_exception(caught.value, chain=True))
    assert not [secret for secret in ("the wrong passphrase", SECRET.authority, SECRET.responder) if secret in told]


@pytest.mark.parametrize("option", ["passphrase", "responder_passphrase"])
def test_a_needless_passphrase_is_reported(authority: Authority, now: datetime, option: str) -> None:
    given = (
        Passphrases("a needless passphrase") if option == "passphrase" else Passphrases(None, "a needless passphrase")
    )
    with pytest.raises(PkiError, match=f"^{option}: the private key .* is not encrypted. Leave the option out"):
        check_passphrases(plan_provisioning(authority.folder, {}, "", now), given)


@pytest.mark.parametrize(
    ("passphrases", "words"),
    [
        (Passphrases(None, SECRET.responder), "passphrase: the private key .*issuing/1/key.pem is encrypted"),
        (Passphrases(SECRET.authority, None), "responder_passphrase: the private key .* is encrypted"),
    ],
)
def test_a_forgotten_passphrase_never_stores_the_next_responders_key_unencrypted(
    encrypted: Authority, make_authority: MakeAuthority, tmp_path: Path, now: datetime, passphrases, words: str
) -> None:
    folder = Path(shutil.copytree(encrypted.folder, tmp_path / "authority"))
    before = files(folder)
    with pytest.raises(PkiError, match=f"^{words}"):
        make_authority(folder, passphrases, now + 20 * DAY)
    assert files(folder) == before
    renewed = make_authority(folder, SECRET, now + 20 * DAY)
    assert renewed.issuing.responder.number == 2
    assert renewed.issuing.responder.key(SECRET.responder, "responder_passphrase")


def test_the_root_key_may_be_kept_elsewhere_until_it_is_needed(
    encrypted: Authority, make_authority: MakeAuthority, tmp_path: Path, now: datetime
) -> None:
    folder = Path(shutil.copytree(encrypted.folder, tmp_path / "authority"))
    key = folder / "root" / "1" / "key.pem"
    key.rename(tmp_path / "safe.pem")
    assert make_authority(folder, SECRET, now + 20 * DAY).issuing.responder.number == 2
    before = files(folder)
    with pytest.raises(PkiError, match=r"root/1/key.pem cannot be read: No such file"):
        make_authority(folder, SECRET, now + 1010 * DAY)
    assert files(folder) == before
    (tmp_path / "safe.pem").rename(key)
    assert make_authority(folder, SECRET, now + 1010 * DAY).issuing.number == 2


# Changing options

ROTATION = "Leave those options as they were, or have the playbook anchorage.pki.rotate_authority bring another root"
OTHER = "make a second authority in another folder (option authority), or start over: run"


@pytest.mark.parametrize(
    ("options", "difference", "remedy"),
    [
        ({"key_type": "rsa-3072"}, "key_type is ecdsa-p256, not rsa-3072", ROTATION),
        ({"subject": {"common_name": "Other"}}, "subject.common_name is 'Test authority', not 'Other'", OTHER),
        ({"subject": {"organization": "Corp"}}, "subject.organization is '', not 'Corp'", OTHER),
        ({"subject": {"country": "NO"}}, "subject.country is '', not 'NO'", OTHER),
        ({"permitted_domains": ["corp.example"]}, "permitted_domains is [localhost, local, test, internal, ", OTHER),
        ({"permitted_networks": ["10.0.0.0/8"]}, "permitted_networks is [127.0.0.0/8,", OTHER),
        ({"unconstrained": True}, "it is constrained, not unconstrained", ROTATION),
    ],
)
def test_what_an_authority_cannot_become_is_refused_with_the_way_out(
    own_authority: Authority, make_authority: MakeAuthority, options: dict[str, Any], difference: str, remedy: str
) -> None:
    before = files(own_authority.folder)
    with pytest.raises(PkiError) as caught:
        make_authority(own_authority.folder, **options)
    assert difference in str(caught.value)
    assert remedy in str(caught.value)
    assert files(own_authority.folder) == before


def test_lifetimes_may_change_and_options_left_out_keep(own_authority: Authority, make_authority, now) -> None:
    assert steps(own_authority.folder, now, leaf_lifetime=365, staple_lifetime=10) == ["policy"]
    changed = make_authority(own_authority.folder, leaf_lifetime=365, staple_lifetime=10)
    assert (changed.policy.lifetimes.leaf, changed.policy.lifetimes.staple) == (365, 10)
    assert [key.sha256 for key in keys_of(changed)] == [key.sha256 for key in keys_of(own_authority)]
    assert steps(own_authority.folder, now) == []
    assert make_authority(own_authority.folder).policy == changed.policy


def test_raising_the_lifetimes_of_a_short_authority_settles_at_once(make_authority, tmp_path: Path, now) -> None:
    folder = tmp_path / "authority"
    make_authority(folder, root_lifetime=200, issuing_lifetime=100, leaf_lifetime=50)
    longer = {"root_lifetime": 3650, "issuing_lifetime": 1800, "leaf_lifetime": 825}
    raised = make_authority(folder, **longer)
    assert [key.number for key in (raised.root, raised.issuing)] == [2, 2]
    assert raised.root.certificate.not_valid_after_utc - now > 3640 * DAY
    assert steps(folder, now, **longer) == []


# Renewing


def test_a_renewed_root_keeps_its_key_and_both_certificates_verify_the_same_chains(
    own_authority: Authority, make_authority: MakeAuthority, leaf_key: PrivateKey, tmp_path: Path, now: datetime
) -> None:
    old_chain = (own_authority.issuing.certificate, sign_leaf_of(own_authority, leaf_key, now))
    later = now + 2500 * DAY
    renewed = make_authority(own_authority.folder, at=later)
    new_chain = (renewed.issuing.certificate, sign_leaf_of(renewed, leaf_key, later))
    first, second = renewed.roots
    assert first.sha256 == own_authority.root.sha256
    assert first.certificate.public_key() == second.certificate.public_key()
    assert (first.folder / "key.pem").read_bytes() == (second.folder / "key.pem").read_bytes()
    for root in renewed.roots:
        for chain, at in ((old_chain, now), (new_chain, later)):
            if root is second and at is now:
                continue  # it was not valid yet
            (tmp_path / "root.pem").write_text(to_pem(root.certificate))
            (tmp_path / "issuing.pem").write_text(to_pem(chain[0]))
            (tmp_path / "leaf.pem").write_text(to_pem(chain[1]))
            command = ["openssl", "verify", "-x509_strict", "-attime", str(int(at.timestamp()))]
            command += ["-CAfile", "root.pem", "-untrusted", "issuing.pem", "leaf.pem"]
            result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert result.stdout == "leaf.pem: OK\n", result.stderr


def test_over_the_years_nothing_is_made_twice_and_nothing_is_ever_late(
    own_authority: Authority, make_authority: MakeAuthority, leaf_key: PrivateKey, now: datetime
) -> None:
    """Ten days apart for four years: a run makes what is due, a second one at once finds nothing to do."""
    made = 0
    for days in range(0, 1460, 10):
        at = now + days * DAY
        before = len(keys_of(read_authority(own_authority.folder)))
        current = make_authority(own_authority.folder, at=at)
        made += len(keys_of(current)) - before
        assert steps(own_authority.folder, at) == []
        assert current.issuing.certificate.not_valid_after_utc >= at + 90 * DAY
        assert current.issuing.responder.certificate.not_valid_after_utc >= at + 7 * DAY
        if days % 60 == 0:
            sign_leaf_of(current, leaf_key, at)
        with open_ledger(current.ledger_path) as ledger:
            leaf_ends = ledger.last_leaf_ends()
        for issuer in current.issuers[:-1]:
            if leaf_ends[issuer.sha256] > at + 7 * DAY:
                assert issuer.responder.certificate.not_valid_after_utc >= min(at + 7 * DAY, leaf_ends[issuer.sha256])
    final = read_authority(own_authority.folder)
    assert [issuer.number for issuer in final.issuers] == [1, 2]
    assert made == len(keys_of(final)) - 3
    assert made < 1460 / 10


def test_a_retired_issuing_authority_signs_no_responder_after_its_last_leaf(
    own_authority: Authority, make_authority: MakeAuthority, leaf_key: PrivateKey, now: datetime
) -> None:
    at = now + 1000 * DAY
    leaf = sign_leaf_of(own_authority, leaf_key, at)
    make_authority(own_authority.folder, at=at)
    make_authority(own_authority.folder, at=at + 10 * DAY)
    assert [issuer.number for issuer in read_authority(own_authority.folder).issuers] == [1, 2]
    until = leaf.not_valid_after_utc
    assert "OCSP responder 3 of issuing authority 1" in steps(own_authority.folder, until - 40 * DAY)
    assert not [step for step in steps(own_authority.folder, until) if step.endswith("issuing authority 1")]


# Loss and damage


def folders_lost() -> list[list[str]]:
    return [
        ["root"],
        ["root", "issuing"],
        ["issuing"],
        ["ledger.sqlite3"],
        ["policy.json"],
        ["root", "issuing", "policy.json"],
        ["root", "issuing", "ledger.sqlite3"],
        ["root/1"],
        ["issuing/1"],
    ]


@pytest.mark.parametrize("lost", folders_lost(), ids="+".join)
def test_whatever_is_lost_there_is_never_a_silent_new_authority(
    own_authority: Authority, make_authority: MakeAuthority, lost: list[str]
) -> None:
    for name in lost:
        path = own_authority.folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    before = files(own_authority.folder)
    with pytest.raises(PkiError, match="from a backup") as caught:
        make_authority(own_authority.folder)
    assert not isinstance(caught.value, AuthorityMissingError)
    assert files(own_authority.folder) == before


@pytest.mark.parametrize(
    "name", ["root/1/certificate.pem", "issuing/1/certificate.pem", "policy.json", "ledger.sqlite3"]
)
@pytest.mark.parametrize("damage", ["deleted", "emptied", "garbled"])
def test_a_damaged_file_stops_every_run_and_is_never_replaced(
    own_authority: Authority, make_authority: MakeAuthority, now: datetime, name: str, damage: str
) -> None:
    path = own_authority.folder / name
    if damage == "deleted":
        path.unlink()
    else:
        path.write_bytes(b"" if damage == "emptied" else b"garbled" * 20)
    before = files(own_authority.folder)
    for at in (now, now + 1010 * DAY):
        with pytest.raises(PkiError, match=f"{path.name}.*backup"):
            make_authority(own_authority.folder, at=at)
    assert files(own_authority.folder) == before


@pytest.mark.parametrize("part", ["root/1", "issuing/1"])
@pytest.mark.parametrize("damage", ["deleted", "emptied", "garbled", "another's"])
def test_a_damaged_key_stops_the_run_that_needs_it_and_is_never_replaced(
    own_authority: Authority, make_authority: MakeAuthority, now: datetime, part: str, damage: str
) -> None:
    path = own_authority.folder / part / "key.pem"
    if damage == "deleted":
        path.unlink()
    else:
        other = own_authority.issuing.responder.folder / "key.pem"
        path.write_bytes({"emptied": b"", "garbled": b"garbled", "another's": other.read_bytes()}[damage])
    before = files(own_authority.folder)
    with pytest.raises(PkiError, match=f"{part}/key.pem .*from a backup"):
        make_authority(own_authority.folder, at=now + (1010 * DAY if part == "root/1" else 20 * DAY))
    assert files(own_authority.folder) == before


# Interruption

#: Before each of these a run may be killed: a file is written but not yet on the disk, or not yet in its place.
SYSTEM_CALLS = [(os, "fsync"), (os, "rename"), (os, "replace")]


def test_a_run_that_was_killed_is_completed_by_the_next_and_no_key_is_made_again(
    make_authority: MakeAuthority, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in itertools.count(1):
        folder = tmp_path / str(step) / "authority"
        if not kill_at(step, monkeypatch, SYSTEM_CALLS, functools.partial(make_authority, folder)):
            break
        left = {
            name: content for name, content in files(folder).items() if name.endswith(".pem") and UNFINISHED not in name
        }
        completed = make_authority(folder)
        after = files(folder)
        assert {name: after[name] for name in left} == left
        assert not [name for name in after if UNFINISHED in name]
        assert len(keys_of(completed)) == 3
        assert steps(folder, now) == []
        with open_ledger(completed.ledger_path) as ledger:
            assert ledger.authorities() == {completed.root.sha256, completed.issuing.sha256}
    assert step > 15
    assert len(left) == 6  # in the last round, all but the ledger's entries was there


def test_a_run_cut_off_amid_its_files_leaves_no_half_made_certificate(
    make_authority: MakeAuthority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    folder = tmp_path / "authority"
    original = os.open

    def full_at_the_issuing_key(path: Any, *arguments: Any, **options: Any) -> int:
        if Path(path).match("issuing/*/key.pem"):
            raise OSError(28, "No space left on device")
        return original(path, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", full_at_the_issuing_key)
        with pytest.raises(
            PkiError, match=r"issuing/1 cannot be written: No space left on device. What .* had before it stays"
        ):
            make_authority(folder)
    assert not list(folder.rglob("issuing/*"))
    root = read_authority(folder).root
    assert make_authority(folder).root == root
    assert steps(folder, now) == []


def test_an_unfinished_renewal_is_finished(own_authority: Authority, make_authority, now, monkeypatch) -> None:
    original = os.rename

    def interrupt_the_responder(source: Any, target: Any) -> None:
        if Path(target).parent.name == "responder":
            raise KeyboardInterrupt
        original(source, target)

    at = now + 1010 * DAY
    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", interrupt_the_responder)
        with pytest.raises(KeyboardInterrupt):
            make_authority(own_authority.folder, at=at)
    assert steps(own_authority.folder, at) == ["OCSP responder 1 of issuing authority 2"]
    second = read_authority(own_authority.folder).issuing
    assert make_authority(own_authority.folder, at=at).issuing.sha256 == second.sha256


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
@pytest.mark.parametrize("size", ["12k", "28k", "40k", "60k"])
def test_a_full_disk_is_reported_and_the_next_run_completes(make_authority, tmp_path: Path, now, size: str) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", tmp_path], check=False)
    if mounted.returncode:
        pytest.skip("mounting is not permitted here")
    try:
        folder = tmp_path / "authority"
        with pytest.raises(PkiError, match=r"No space left on device|disk is full|disk I/O error") as caught:
            make_authority(folder)
        assert "Nothing was changed" not in str(caught.value)
        left = {name: content for name, content in files(folder).items() if name.endswith(".pem")}
        subprocess.run(["mount", "-o", "remount,size=4m", tmp_path], check=True)
        make_authority(folder)
        after = files(folder)
        assert {name: after[name] for name in left} == left
        assert steps(folder, now) == []
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_folder_that_cannot_be_written_is_reported_and_stays_as_it_is(own_authority, make_authority, now) -> None:
    folder = own_authority.folder
    mounted = subprocess.run(["mount", "--bind", "-o", "ro", folder, folder], check=False)
    if mounted.returncode:
        pytest.skip("mounting is not permitted here")
    try:
        before = files(folder)
        with pytest.raises(PkiError, match=r"Read-only file system|readonly database|unable to open database file"):
            make_authority(folder, at=now + 20 * DAY)
        assert files(folder) == before
    finally:
        subprocess.run(["umount", folder], check=True)


def test_the_steps_of_a_plan_are_those_that_are_carried_out(tmp_path: Path, now: datetime) -> None:
    folder = tmp_path / "authority"
    folder.mkdir(mode=0o700)
    plan = plan_provisioning(folder, {}, "Test authority", now)
    assert {step.part for step in plan.steps} == {Part.POLICY, Part.ROOT, Part.ISSUING, Part.RESPONDER}
    made = carry_out(plan, Passphrases(), now)
    assert made.policy == plan.policy

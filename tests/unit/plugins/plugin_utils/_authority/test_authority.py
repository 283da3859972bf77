# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The authority's folder: found, read, and refused where it is not as it was left."""

from __future__ import annotations

import os
import shutil
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    Authority,
    authority_folder,
    fingerprint,
    to_pem,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import AuthorityMissingError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, encode_key, generate_key
from cryptography import x509
from cryptography.hazmat.primitives import serialization


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Where it is


def test_the_option_names_the_folder() -> None:
    home = os.environ["HOME"]
    assert authority_folder("/srv/pki", {}) == Path("/srv/pki")
    assert authority_folder("~/pki", {}) == Path(home, "pki")


@pytest.mark.parametrize("option", ["pki", "./pki", "../pki", ".", " /srv/pki"])
def test_a_relative_folder_would_be_another_one_wherever_ansible_is_started(option: str) -> None:
    with pytest.raises(PkiError, match=r"^authority: '.*' is a relative path.*\{\{ playbook_dir \}\}"):
        authority_folder(option, {})


def test_the_home_of_nobody_is_reported() -> None:
    with pytest.raises(PkiError, match=r"^authority: '~no-such-user/pki' names the home of a user who is not there"):
        authority_folder("~no-such-user/pki", {})


@pytest.mark.parametrize("option", [None])
def test_the_default_is_the_users_data_folder(option: str | None) -> None:
    default = Path(os.environ["HOME"], ".local/share/anchorage/authority")
    assert authority_folder(option, {}) == default
    assert authority_folder(option, {"XDG_DATA_HOME": ""}) == default
    assert authority_folder(option, {"XDG_DATA_HOME": "relative"}) == default
    assert authority_folder(option, {"XDG_DATA_HOME": "/data"}) == Path("/data/anchorage/authority")


def test_an_execution_environment_needs_the_option(tmp_path: Path) -> None:
    with pytest.raises(PkiError, match=r"^authority: name the authority's folder in an execution environment"):
        authority_folder(None, {"XDG_DATA_HOME": "/data"}, execution_environment=tmp_path)
    assert authority_folder("/srv/pki", {}, execution_environment=tmp_path) == Path("/srv/pki")


# What it holds


def test_an_authority_is_read_without_any_passphrase(authority: Authority) -> None:
    assert [root.number for root in authority.roots] == [1]
    assert [issuer.number for issuer in authority.issuers] == [1]
    assert authority.root.certificate.subject.rfc4514_string() == "CN=Test authority"
    assert authority.issuing.responder.number == 1
    assert authority.issuer_of(authority.issuing.sha256) == authority.issuing
    assert authority.issuer_of("0" * 64) is None
    assert authority.ledger_path == authority.folder / "ledger.sqlite3"


def test_the_fingerprint_and_the_pem_are_the_usual_ones(authority: Authority) -> None:
    certificate = authority.root.certificate
    pem = to_pem(certificate)
    assert pem.endswith("-----END CERTIFICATE-----\n")
    assert x509.load_pem_x509_certificate(pem.encode()) == certificate
    assert len(fingerprint(certificate)) == 64
    assert fingerprint(certificate) == fingerprint(certificate).lower() == authority.root.sha256


def test_numbers_are_counted_not_spelled(own_authority: Authority) -> None:
    responders = own_authority.issuing.folder / "responder"
    for number in (2, 10):
        shutil.copytree(responders / "1", responders / str(number))
    (responders / ".new-abcdef").mkdir()
    (responders / "notes").write_text("of the user")
    issuing = read_authority(own_authority.folder).issuing
    assert [responder.number for responder in issuing.responders] == [1, 2, 10]
    assert issuing.responder.number == 10


# What is not there yet


@pytest.mark.parametrize(
    "left",
    [
        None,
        [],
        ["lock"],
        ["lock", "ledger.sqlite3"],
        ["lock", "ledger.sqlite3", "ledger.sqlite3-journal"],
        ["lock", "ledger.sqlite3", "ledger.sqlite3-wal", "ledger.sqlite3-shm", ".policy.json.4711"],
    ],
)
def test_no_authority_or_one_cut_off_at_its_start_is_missing(tmp_path: Path, left: list[str] | None) -> None:
    folder = tmp_path / "authority"
    if left is not None:
        folder.mkdir(mode=0o700)
        for name in left:
            (folder / name).touch()
    with pytest.raises(
        AuthorityMissingError, match=r"There is no authority in .*certificate_authority.*option authority"
    ):
        read_authority(folder)


def test_a_folder_with_something_else_is_never_taken(tmp_path: Path) -> None:
    (tmp_path / "letters").touch()
    with pytest.raises(PkiError, match=r"contains files but no policy.json") as caught:
        read_authority(tmp_path)
    assert not isinstance(caught.value, AuthorityMissingError)


@pytest.mark.parametrize("missing", ["root and issuing", "issuing", "responder"])
def test_an_unfinished_authority_is_missing_what_is_asked_for(own_authority: Authority, missing: str) -> None:
    if missing == "responder":
        shutil.rmtree(own_authority.issuing.folder / "responder")
        with pytest.raises(PkiError, match=r"has no OCSP responder. Run certificate_authority"):
            read_authority(own_authority.folder).issuing.responder  # noqa: B018
        return
    for name in missing.split(" and "):
        shutil.rmtree(own_authority.folder / name)
    unfinished = read_authority(own_authority.folder)
    with pytest.raises(AuthorityMissingError, match=r"is unfinished. Run certificate_authority"):
        unfinished.issuing  # noqa: B018


# What is not safe


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
def test_an_open_folder_is_refused(own_authority: Authority, mode: int) -> None:
    own_authority.folder.chmod(mode)
    with pytest.raises(PkiError, match=f"open to other users .mode {mode:04o}.*chmod 700"):
        read_authority(own_authority.folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a folder away needs root")
def test_a_foreign_folder_is_refused(own_authority: Authority) -> None:
    os.chown(own_authority.folder, 12345, -1)
    with pytest.raises(PkiError, match=r"belongs to user 12345, not to you .*option authority"):
        read_authority(own_authority.folder)


def test_a_folder_of_root_is_refused_to_a_user(as_nobody: Path) -> None:
    with pytest.raises(PkiError, match="belongs to user 0, not to you"):
        read_authority(as_nobody)


def test_a_folder_below_one_of_root_cannot_be_reached(as_nobody: Path) -> None:
    with pytest.raises(PkiError, match=r"cannot be reached: Permission denied. Check the option authority"):
        read_authority(as_nobody / "authority")


def test_a_file_is_no_authority(tmp_path: Path) -> None:
    (tmp_path / "file").touch(mode=0o600)
    with pytest.raises(PkiError, match=r"is not a folder. Check the option authority"):
        read_authority(tmp_path / "file")


# What is damaged

CERTIFICATES = ("root/1", "issuing/1", "issuing/1/responder/1")


@pytest.mark.parametrize("part", CERTIFICATES)
@pytest.mark.parametrize("damage", ["deleted", "emptied", "garbled", "a folder"])
def test_a_damaged_certificate_is_named(own_authority: Authority, part: str, damage: str) -> None:
    path = own_authority.folder / part / "certificate.pem"
    content = path.read_bytes()
    path.unlink()
    if damage == "a folder":
        path.mkdir()
    elif damage != "deleted":
        path.write_bytes(content[:200] + b"!!" + content[202:] if damage == "garbled" else b"")
    with pytest.raises(PkiError, match=f"{part}/certificate.pem .*Restore the authority's folder from a backup"):
        read_authority(own_authority.folder)


def test_a_certificate_of_an_unknown_version_is_named(own_authority: Authority) -> None:
    der = own_authority.root.certificate.public_bytes(serialization.Encoding.DER)
    version = bytes.fromhex("a003020102")
    assert der.count(version) == 1
    pem = ssl.DER_cert_to_PEM_cert(der.replace(version, version[:-1] + b"\7"))
    (own_authority.root.folder / "certificate.pem").write_text(pem)
    with pytest.raises(PkiError, match=r"root/1/certificate.pem is no longer a certificate. Restore"):
        read_authority(own_authority.folder)


@pytest.fixture(scope="module")
def namesake(make_authority: Callable[..., Authority], tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Another authority, of the same name."""
    return make_authority(tmp_path_factory.mktemp("namesake") / "authority")


@pytest.mark.parametrize(
    ("part", "foreign", "reason"),
    [
        ("root/1", "issuing/1", r"root/1/certificate\.pem did not sign it"),
        ("issuing/1", "issuing/1", r"root/1/certificate\.pem did not sign it"),
        ("issuing/1/responder/1", "issuing/1/responder/1", r"issuing/1/certificate\.pem did not sign it"),
    ],
)
def test_a_part_of_another_authority_is_named(
    own_authority: Authority, namesake: Authority, part: str, foreign: str, reason: str
) -> None:
    for name in ("certificate.pem", "key.pem"):
        shutil.copy(namesake.folder / part / name, own_authority.folder / part / name)
    with pytest.raises(PkiError, match=rf"/{foreign}/certificate\.pem is not of this authority: .*{reason}.*a backup"):
        read_authority(own_authority.folder)


def test_a_root_of_another_name_is_named(own_authority: Authority, make_authority, tmp_path: Path) -> None:
    other = make_authority(tmp_path / "other", subject={"common_name": "Other authority"})
    shutil.copy(other.folder / "root/1/certificate.pem", own_authority.folder / "root/1")
    with pytest.raises(
        PkiError,
        match=r"root/1/certificate\.pem is not of this authority: .*'Other authority', not 'Test authority' as in .*",
    ):
        read_authority(own_authority.folder)


def test_all_roots_of_an_authority_have_one_key(own_authority: Authority, namesake: Authority) -> None:
    shutil.copytree(own_authority.folder / "root/1", own_authority.folder / "root/2")
    assert len(read_authority(own_authority.folder).roots) == 2
    shutil.copy(namesake.folder / "root/1/certificate.pem", own_authority.folder / "root/1")
    with pytest.raises(
        PkiError, match=r"root/1/certificate\.pem is not of this authority: it has another key than .*/2"
    ):
        read_authority(own_authority.folder)


@pytest.mark.parametrize("key_type", ["ecdsa-p384", "rsa-3072", "ed25519"])
def test_parts_of_one_authority_are_known_by_keys_of_every_type(make_authority, tmp_path: Path, key_type: str) -> None:
    made = make_authority(tmp_path / "authority", key_type=key_type)
    assert read_authority(made.folder) == made


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff"])
def test_a_damaged_policy_is_named(own_authority: Authority, content: bytes) -> None:
    (own_authority.folder / "policy.json").write_bytes(content)
    with pytest.raises(PkiError, match=r"policy.json is damaged. Restore the authority's folder from a backup"):
        read_authority(own_authority.folder)


def test_a_deleted_policy_is_no_reason_for_a_new_authority(own_authority: Authority) -> None:
    (own_authority.folder / "policy.json").unlink()
    with pytest.raises(PkiError, match=r"no policy.json: it is not an authority, or a damaged one") as caught:
        read_authority(own_authority.folder)
    assert not isinstance(caught.value, AuthorityMissingError)


def test_a_lost_root_is_no_reason_for_a_new_authority(own_authority: Authority) -> None:
    shutil.rmtree(own_authority.folder / "root")
    with pytest.raises(PkiError, match=r"root is missing. Restore the authority's folder from a backup") as caught:
        read_authority(own_authority.folder)
    assert not isinstance(caught.value, AuthorityMissingError)


def test_a_key_fits_its_certificate(own_authority: Authority) -> None:
    (own_authority.root.folder / "key.pem").write_bytes(encode_key(generate_key(KeyType.ECDSA_P256)))
    with pytest.raises(PkiError, match=r"root/1/key.pem does not fit the certificate beside it. Restore"):
        own_authority.root.key(None, "passphrase")


@pytest.mark.parametrize("damage", ["deleted", "garbled", "open"])
def test_a_damaged_key_is_named_when_it_is_needed(own_authority: Authority, damage: str) -> None:
    path = own_authority.root.folder / "key.pem"
    if damage == "deleted":
        path.unlink()
    elif damage == "garbled":
        path.write_bytes(path.read_bytes()[:80])
    else:
        path.chmod(0o644)
    with pytest.raises(PkiError, match=r"root/1/key.pem (cannot be read|is damaged|is open to other users)"):
        own_authority.root.key(None, "passphrase")


def test_reading_changes_nothing(own_authority: Authority, make_authority: Callable[..., Authority]) -> None:
    before = files(own_authority.folder)
    read_authority(own_authority.folder)
    assert files(own_authority.folder) == before


@pytest.mark.parametrize("option", ["", "  "])
def test_an_empty_option_is_not_taken_for_the_default(option: str) -> None:
    with pytest.raises(PkiError, match="authority: is empty"):
        authority_folder(option, {})


def test_a_folder_of_something_else_is_not_told_to_be_closed(tmp_path: Path) -> None:
    (tmp_path / "passwd").touch()
    tmp_path.chmod(0o755)
    with pytest.raises(PkiError, match="it is not an authority") as caught:
        read_authority(tmp_path)
    assert "chmod" not in str(caught.value)

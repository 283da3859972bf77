# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of truststore files, beside those that every store passes: what real readers make of them, and what is left as
it is."""

from __future__ import annotations

import dataclasses
import grp
import os
import pwd
import shutil
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust import engine
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Request, StoreOutcome
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.truststores import jks, pem, pkcs12
from ansible_collections.anchorage.pki.plugins.module_utils._trust.truststores.messages import Truststore, packed
from ansible_collections.anchorage.pki.plugins.module_utils._trust.truststores.parts import NotTruststoreError
from ansible_collections.anchorage.pki.tests.unit.keystores import aliases_in, keytool, make_keystore
from ansible_collections.anchorage.pki.tests.unit.pem_inputs import private_key
from ansible_collections.anchorage.pki.tests.unit.roots import make_root
from ansible_collections.anchorage.pki.tests.unit.scratch_host import (
    ANCHOR,
    FORMER,
    OTHER,
    anchor_of,
    apply,
    apply_all,
    settle,
)
from ansible_collections.anchorage.pki.tests.unit.scratch_truststores import PASSWORD, ScratchTruststores
from cryptography.hazmat.primitives.serialization import PrivateFormat
from cryptography.hazmat.primitives.serialization import pkcs12 as library

FORMATS = ("pem", "pkcs12", "jks")
needs_keytool = pytest.mark.skipif(shutil.which("keytool") is None, reason="needs a JDK")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to others")


def openssl(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(shutil.which("openssl")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})


# --- what others read


def test_python_and_openssl_trust_by_a_file_in_pem(tmp_path: Path) -> None:
    host = ScratchTruststores(tmp_path, "pem")
    settle("install", host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(host.file)
    assert context.get_ca_certs(binary_form=True) == [ANCHOR.der]
    root = host.put("root.pem", ANCHOR.pem)
    assert openssl("verify", "-CAfile", str(host.file), "-no-CApath", str(root)).returncode == 0


@needs_keytool
@pytest.mark.parametrize("form", ["pkcs12", "jks"])
def test_java_trusts_by_the_file_with_its_password_alone(tmp_path: Path, form: str) -> None:
    host = ScratchTruststores(tmp_path, form)
    apply_all("install", host, further=[OTHER])
    assert aliases_in(host.file, PASSWORD) == sorted([ANCHOR.name, OTHER.name])
    with pytest.raises(subprocess.CalledProcessError):
        keytool(host.file, "-list", password="another one")


@needs_keytool
def test_java_trusts_by_a_file_without_a_password(tmp_path: Path) -> None:
    host = ScratchTruststores(tmp_path, "pkcs12", password="")
    settle("install", host)
    assert aliases_in(host.file, "whatever") == [ANCHOR.name]


def test_openssl_checks_the_password_of_a_pkcs12_file(tmp_path: Path) -> None:
    host = ScratchTruststores(tmp_path, "pkcs12")
    settle("install", host)
    command = ["pkcs12", "-in", str(host.file), "-nokeys", "-passin", "env:PASSWORD"]
    right, wrong = (openssl(*command, PASSWORD=password) for password in (PASSWORD, "another one"))
    assert ANCHOR.pem in right.stdout
    assert "invalid password" in wrong.stderr
    _key, _leaf, others = library.load_key_and_certificates(host.file.read_bytes(), PASSWORD.encode())
    assert len(others) == 1


def test_a_password_may_have_any_characters(tmp_path: Path) -> None:
    host = ScratchTruststores(tmp_path, "pkcs12", password="schlüßel 鍵")
    settle("install", host)
    assert library.load_pkcs12(host.file.read_bytes(), "schlüßel 鍵".encode()).additional_certs


# --- what is kept


@needs_keytool
@pytest.mark.parametrize(("form", "kind"), [("pkcs12", "plain PKCS12"), ("jks", "JKS")])
def test_what_keytool_made_keeps_its_entries_and_gets_the_password(tmp_path: Path, form: str, kind: str) -> None:
    host = ScratchTruststores(tmp_path, form)
    make_keystore(host.file, kind, other=OTHER.pem)
    settle("install", host)
    assert aliases_in(host.file, PASSWORD) == sorted([ANCHOR.name, "other"])
    settle("remove", host)
    assert aliases_in(host.file, PASSWORD) == ["other"]


def test_what_people_wrote_in_pem_stays(tmp_path: Path) -> None:
    host = ScratchTruststores(tmp_path, "pem")
    text = f"# the team's\n{OTHER.pem}\n# ends here\n"
    host.put(host.file, text, 0o640)
    settle("install", host)
    assert host.file.read_text() == text + ANCHOR.pem
    settle("remove", host)
    assert (host.file.read_text(), host.file.stat().st_mode & 0o777) == (text, 0o640)


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_was_made_goes_with_its_last_anchor(tmp_path: Path, form: str) -> None:
    host = ScratchTruststores(tmp_path, form)
    apply_all("install", host, further=[OTHER])
    assert len(host.held()) == 2
    settle("remove", host)
    assert host.held() == [("" if form == "pem" else OTHER.name, OTHER.der)]
    settle("remove", host, OTHER)
    assert list(host.file.parent.iterdir()) == []


def test_a_renewed_root_takes_the_place_of_the_former(tmp_path: Path) -> None:
    host = ScratchTruststores(tmp_path, "pkcs12", [FORMER])
    (outcome,) = apply_all("install", host, superseded=[FORMER])
    assert (outcome.state, [purged.after.state for purged in outcome.purged]) == ("trusted", ["absent"])
    assert [der for _alias, der in host.held()] == [ANCHOR.der]


# --- what is wished for


@pytest.mark.parametrize("form", ["pkcs12", "jks"])
def test_another_password_is_noticed(tmp_path: Path, form: str) -> None:
    host = ScratchTruststores(tmp_path, form)
    settle("install", host)
    host.want(dataclasses.replace(host.wanted, password="a new password"))
    assert apply("inspect", host).evidence == (f"{host.file} has another password, or none",)
    settle("install", host)
    assert "a new password" not in str(apply("inspect", host)) + repr(host.settings) + repr(host.wanted)


def test_a_password_that_shall_go_is_noticed(tmp_path: Path) -> None:
    host = ScratchTruststores(tmp_path, "pkcs12")
    settle("install", host)
    host.want(dataclasses.replace(host.wanted, password=""))
    assert apply("inspect", host).evidence == (f"{host.file} has a password",)
    settle("install", host)


@needs_root
def test_mode_owner_and_group_are_noticed(tmp_path: Path) -> None:
    host, nobody = ScratchTruststores(tmp_path, "jks"), pwd.getpwnam("nobody")
    settle("install", host)
    assert host.file.stat().st_mode & 0o777 == 0o644
    host.want(dataclasses.replace(host.wanted, owner="nobody", group=str(nobody.pw_gid), mode="0640"))
    names = ("mode", "owner", "group")
    assert apply("inspect", host).evidence == tuple(f"{host.file} has another {name}" for name in names)
    settle("install", host)
    status = host.file.stat()
    assert (status.st_mode & 0o777, status.st_uid, status.st_gid) == (0o640, nobody.pw_uid, nobody.pw_gid)
    host.want(dataclasses.replace(host.wanted, owner="", group="", mode=""))
    apply_all("install", host, further=[OTHER])
    assert host.file.stat().st_uid == nobody.pw_uid


@needs_root
def test_an_owner_who_is_missing_is_told_before_anything_is_written(tmp_path: Path) -> None:
    host = ScratchTruststores(tmp_path, "pem", owner="nobody-of-that-name")
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed, host.file.exists()) == ("failed", False, False)
    assert outcome.evidence[0].startswith("owner: there is no user 'nobody-of-that-name' on this host.")


@needs_root
def test_in_a_folder_of_another_user_everything_is_done_as_that_user() -> None:
    with tempfile.TemporaryDirectory() as folder:
        # That user gets there, as not into pytest's folders.
        Path(folder).chmod(0o755)
        truststore_of_nobody(Path(folder))


def truststore_of_nobody(folder: Path) -> None:
    host, nobody = ScratchTruststores(folder, "pkcs12"), pwd.getpwnam("nobody")
    os.chown(host.file.parent, nobody.pw_uid, nobody.pw_gid)
    settle("install", host)
    assert host.file.stat().st_uid == nobody.pw_uid
    host.want(dataclasses.replace(host.wanted, owner="root"))
    assert apply("install", host, OTHER).evidence[0].startswith(f"owner: {host.file.parent} is not root's")
    host.want(dataclasses.replace(host.wanted, owner="nobody"))
    settle("remove", host)


@needs_root
def test_the_owner_of_a_folder_gives_a_file_to_another_group_of_that_users() -> None:
    groups = [group for group in grp.getgrall() if group.gr_mem]
    if not groups:
        pytest.skip("no user of this machine has another group")
    group = groups[0]
    user = pwd.getpwnam(group.gr_mem[0])
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        host = ScratchTruststores(Path(folder), "pem", group=group.gr_name, mode="0640")
        os.chown(host.file.parent, user.pw_uid, user.pw_gid)
        settle("install", host)
        assert (host.file.stat().st_uid, host.file.stat().st_gid) == (user.pw_uid, group.gr_gid)


@needs_root
def test_without_root_a_user_changes_files_in_that_users_own_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, nobody = Path(name), pwd.getpwnam("nobody")
        settle("install", ScratchTruststores(folder / "of root", "pem"))  # imports what nobody may be unable to read
        folder.chmod(0o755)
        own, others = folder / "own", folder / "others"
        own.mkdir()
        others.mkdir(mode=0o777)
        os.chown(own, nobody.pw_uid, nobody.pw_gid)
        monkeypatch.setenv("HOME", str(own))
        os.seteuid(nobody.pw_uid)
        try:
            asked = [changed_in(path, operation) for path in (own, others) for operation in ("install", "remove")]
            for check_mode in (True, False):
                (refused,) = changed_in(others, "install", check_mode)
                assert refused.evidence[0].startswith(f"Only root and the owner of {others} (number 0) may change")
        finally:
            os.seteuid(0)
        assert [(outcome.state, outcome.changed) for (outcome,) in asked] == [
            *(("trusted", True), ("absent", True)),
            *(("failed", False), ("absent", False)),
        ]
        assert [path.name for path in own.iterdir()] == [".cache"]


def changed_in(folder: Path, operation: str, check_mode: bool = False) -> list[StoreOutcome]:
    """What becomes of a truststore in a folder of the real host, where this user asks for that alone."""
    truststores = packed([Truststore(str(folder / "roots.pem"), "pem")])
    return engine.apply(Request(operation, ANCHOR, ("files",)), Settings(truststores=truststores), check_mode)


# --- what is refused


@pytest.mark.parametrize(
    ("form", "content", "reason"),
    [
        ("pem", b"root:x:0:0:root:/root:/bin/sh\n", "has no certificate in PEM"),
        ("pem", ANCHOR.pem.encode() + private_key(PrivateFormat.PKCS8), "holds a PRIVATE KEY"),
        ("pem", ANCHOR.pem.encode()[:-30], "has a block of PEM without its end"),
        ("pem", ANCHOR.pem.replace("M", "!", 3).encode(), "has a certificate that is damaged"),
        ("pkcs12", ANCHOR.pem.encode(), "is no PKCS #12 file, or a damaged one"),
        ("jks", ANCHOR.pem.encode(), "is no keystore of Java's format JKS"),
    ],
)
def test_a_file_that_is_no_truststore_is_left_as_it_is(tmp_path: Path, form: str, content: bytes, reason: str) -> None:
    host = ScratchTruststores(tmp_path, form)
    host.put(host.file, content)
    for operation in ("install", "remove"):
        outcome = apply(operation, host)
        assert (outcome.state, outcome.changed) == ("failed", False)
        assert outcome.evidence[0].startswith(f"{host.file} {reason}, so that it is left as it is.")
    assert host.file.read_bytes() == content


@needs_keytool
@pytest.mark.parametrize(("form", "kind"), [("pkcs12", "PKCS12"), ("jks", "JKS")])
def test_a_file_with_a_private_key_is_left_as_it_is(tmp_path: Path, form: str, kind: str) -> None:
    host = ScratchTruststores(tmp_path, form)
    keytool(host.file, *("-genkeypair", "-alias", "key", "-keyalg", "EC", "-dname", "CN=app", "-storetype", kind))
    content = host.file.read_bytes()
    assert apply("install", host).state == "failed"
    assert host.file.read_bytes() == content


@needs_keytool
def test_an_encrypted_file_is_left_as_it_is(tmp_path: Path) -> None:
    host = ScratchTruststores(tmp_path, "pkcs12")
    make_keystore(host.file, "encrypted PKCS12", other=OTHER.pem)
    assert "is encrypted, which takes Java's keytool" in apply("install", host).evidence[0]


def test_a_link_a_folder_and_a_missing_folder_are_told(tmp_path: Path) -> None:
    host = ScratchTruststores(tmp_path, "pem")
    elsewhere = host.put("etc/elsewhere.pem", "")
    host.file.symlink_to(elsewhere)
    assert "is a symbolic link. Name the file that it leads to." in apply("install", host).evidence[0]
    host.file.unlink()
    host.file.mkdir()
    assert "cannot be read: it is a folder" in apply("install", host).evidence[0]
    shutil.rmtree(host.file.parent)
    assert "make it first" in apply("install", host).evidence[0]
    assert apply("remove", host).state == "absent"
    assert elsewhere.read_text() == ""


def test_a_file_that_could_not_be_written_is_as_it_was(tmp_path: Path) -> None:
    host = ScratchTruststores(tmp_path, "pem")
    name = "r" * 252  # of which there is no room for the name of a new file, as there is none on a disk that is full
    host.want(dataclasses.replace(host.wanted, path=f"/etc/app/{name}"))
    file = host.put(f"etc/app/{name}", OTHER.pem)
    outcome = apply("install", host)
    assert outcome.evidence[0].endswith(" cannot be written: File name too long. The change was rolled back.")
    assert file.read_text() == OTHER.pem


def test_a_file_of_nothing_but_beginnings_is_told_at_once(tmp_path: Path) -> None:
    host = ScratchTruststores(tmp_path, "pem")
    host.put(host.file, "-----BEGIN CERTIFICATE-----\n" * 100_000)
    started = time.monotonic()
    assert "has a block of PEM without its end" in apply("install", host).evidence[0]
    assert time.monotonic() - started < 30


@needs_root
def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    host = ScratchTruststores(tmp_path, "pem")
    host.file.parent.chmod(0o777)
    assert apply("install", host).evidence[0].startswith("Users other than root may write to")
    assert not host.file.exists()


@pytest.mark.parametrize("read", [pem.read, pkcs12.read, jks.read])
def test_no_damage_is_anything_but_told(read: Callable[[bytes], object]) -> None:
    for form in (pem, pkcs12, jks):
        whole = form.written([form.part_of("a", ANCHOR.der)], PASSWORD)
        for content in [whole[:size] for size in range(1, len(whole), 7)] + [b"\0" * 9, b"\x30\x80", whole + b"x"]:
            try:
                read(content)
            except NotTruststoreError:
                continue


def test_a_mac_of_another_method_or_of_too_many_rounds_is_none(tmp_path: Path) -> None:
    host = ScratchTruststores(tmp_path, "pkcs12", [ANCHOR])
    content = host.file.read_bytes()
    assert pkcs12.is_sealed(content, PASSWORD)
    rounds = b"\x02\x02\x27\x10"
    assert content.endswith(rounds)
    started = time.monotonic()
    lengthened = content.replace(rounds, b"\x02\x02\x7f\xff")
    assert not pkcs12.is_sealed(lengthened, PASSWORD)
    unknown = content.replace(bytes.fromhex("608648016503040201"), bytes.fromhex("608648016503040209"))
    assert not pkcs12.is_sealed(unknown, PASSWORD)
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("form", FORMATS)
def test_many_anchors_are_one_change(tmp_path: Path, form: str) -> None:
    host = ScratchTruststores(tmp_path, form)
    more = [anchor_of(make_root(f"Root {number}")) for number in range(3)]
    outcomes = apply_all("install", host, further=more)
    assert [(outcome.state, outcome.changed) for outcome in outcomes] == [("trusted", True)] * 4
    assert not any(outcome.changed for outcome in apply_all("install", host, further=more))

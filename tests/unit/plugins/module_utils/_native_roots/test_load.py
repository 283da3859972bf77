# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the loader: each location that it can be pointed to, and what it returns and reports."""

from __future__ import annotations

import base64
import errno
import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.load import (
    PLATFORM,
    Limits,
    NativeRoots,
    load,
    require_no_errors,
    require_roots,
)
from ansible_collections.anchorage.pki.tests.unit.pem_inputs import (
    CORPUS,
    DER_A,
    DER_B,
    DER_C,
    PKCS8_DER,
    A,
    B,
    C,
    Case,
)

#: How the private key of the corpus begins in PEM.
KEY_TEXT = base64.b64encode(PKCS8_DER[:30]).decode()

Prepare = Callable[[Path], Any]
WITHOUT_PAUSE = Limits(pause=0)


def load_file(file: Path | str, limits: Limits = WITHOUT_PAUSE) -> NativeRoots:
    return load(PLATFORM, {"SSL_CERT_FILE": str(file)}, limits=limits)


def load_folders(*folders: Path) -> NativeRoots:
    return load(PLATFORM, {"SSL_CERT_DIR": ":".join(map(str, folders))}, limits=WITHOUT_PAUSE)


def outcome(loaded: NativeRoots) -> tuple[list[bytes], int]:
    """The certificates and the number of errors."""
    return list(loaded.roots), len(loaded.report["errors"])


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_each_input_as_a_file(case: Case, tmp_path: Path) -> None:
    file = put(tmp_path / "roots.pem", case.content)
    loaded = load_file(file)
    assert outcome(loaded) == (case.certificates, case.errors)
    assert all(error["path"] == str(file) for error in loaded.report["errors"])
    assert KEY_TEXT not in json.dumps(loaded.report)


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_each_input_beside_a_good_file_in_a_folder(case: Case, tmp_path: Path) -> None:
    put(tmp_path / "0.pem", C)
    put(tmp_path / "1.pem", case.content)
    certificates = list(dict.fromkeys([DER_C, *case.certificates]))
    assert outcome(load_folders(tmp_path)) == (certificates, case.errors)


UNREADABLE: dict[str, Prepare] = {
    "missing": lambda path: None,
    "a folder": lambda path: path.mkdir(),
    "a pipe that nobody writes to": os.mkfifo,
    "a link to a pipe": lambda path: (os.mkfifo(path.with_name("pipe")), path.symlink_to("pipe")),
    "a socket": lambda path: socket.socket(socket.AF_UNIX).bind(str(path)),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "an endless device": lambda path: path.symlink_to("/dev/zero"),
    "a terminal": lambda path: path.symlink_to("/dev/ptmx"),
    "a file of a petabyte": lambda path: os.truncate(put(path, A), 1 << 40),
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the socket is bound and forgotten, as by a crash
@pytest.mark.parametrize("prepare", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_file_that_cannot_be_read_is_one_error(prepare: Prepare, tmp_path: Path) -> None:
    file = tmp_path / "roots.pem"
    prepare(file)
    loaded = load_file(file)
    assert outcome(loaded) == ([], 1)
    assert loaded.report["errors"][0]["path"] == str(file)


def test_a_name_without_letters_is_an_error() -> None:
    loaded = load_file("")
    assert outcome(loaded) == ([], 1)
    with pytest.raises(HostError) as failure:
        require_roots(loaded.report)
    assert str(failure.value) == (
        "No native root was found in: an empty path (missing). Errors: an empty path: No such file or directory. "
        "Name a file or folder of roots in PEM with SSL_CERT_FILE, or unset it."
    )


def test_a_file_that_is_too_large_is_not_read_in_part(tmp_path: Path) -> None:
    loaded = load_file(put(tmp_path / "roots.pem", A + bytes(100_000)), Limits(largest_file=100_000))
    assert outcome(loaded) == ([], 1)
    assert "larger than 100000 bytes" in loaded.report["errors"][0]["message"]


def test_a_file_that_becomes_a_pipe_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = put(tmp_path / "file", A)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    real = os.stat
    monkeypatch.setattr(os, "stat", lambda path: real(file if path == str(pipe) else path))
    signal.signal(signal.SIGALRM, lambda *arguments: os.abort())
    signal.alarm(20)
    try:
        assert outcome(load_file(pipe)) == ([], 1)
    finally:
        signal.alarm(0)


def test_the_null_device_is_a_set_without_roots() -> None:
    assert outcome(load_file("/dev/null")) == ([], 0)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_closed_file_is_an_error(tmp_path: Path) -> None:
    put(tmp_path / "0.pem", A).chmod(0)
    put(tmp_path / "1.pem", B)
    assert outcome(load_folders(tmp_path)) == ([DER_B], 1)


IN_A_FOLDER: dict[str, tuple[Prepare, int]] = {
    "a link to nothing": (lambda path: path.symlink_to("nothing"), 0),
    "a link to itself": (lambda path: path.symlink_to(path.name), 1),
    "a folder": (lambda path: put(path / "inner.pem", B), 0),
    "a pipe": (os.mkfifo, 0),
    "an endless device": (lambda path: path.symlink_to("/dev/zero"), 0),
    "a file of a petabyte": (lambda path: os.truncate(put(path, B), 1 << 40), 1),
    "the same file by another name": (lambda path: os.link(path.with_name("good.pem"), path), 0),
    "a link to the same file": (lambda path: path.symlink_to("good.pem"), 0),
}


@pytest.mark.parametrize(("prepare", "errors"), IN_A_FOLDER.values(), ids=IN_A_FOLDER.keys())
def test_what_else_may_lie_in_a_folder(prepare: Prepare, errors: int, tmp_path: Path) -> None:
    put(tmp_path / "good.pem", A)
    prepare(tmp_path / "other")
    assert outcome(load_folders(tmp_path)) == ([DER_A], errors)


def test_two_links_to_each_other_are_two_errors(tmp_path: Path) -> None:
    put(tmp_path / "good.pem", A)
    (tmp_path / "left").symlink_to("right")
    (tmp_path / "right").symlink_to("left")
    assert outcome(load_folders(tmp_path)) == ([DER_A], 2)


def test_files_of_a_folder_count_whatever_their_names(tmp_path: Path) -> None:
    put(tmp_path / ".hidden", A)
    put(tmp_path / "no extension", B)
    put(tmp_path / "old.pem~", C)
    assert outcome(load_folders(tmp_path)) == ([DER_A, DER_B, DER_C], 0)


def test_a_name_that_is_no_text_does_not_spoil_the_result(tmp_path: Path) -> None:
    put(tmp_path / "good.pem", A)
    with open(os.fsencode(tmp_path) + b"/\xff.pem", "wb") as file:
        file.write(B + b"-----END CERTIFICATE-----\n")
    loaded = load_folders(tmp_path)
    assert outcome(loaded) == ([DER_A, DER_B], 1)
    json.dumps([list(loaded.roots.values()), loaded.report], ensure_ascii=False).encode()
    assert loaded.roots[DER_B] == [f"{tmp_path}/\\udcff.pem"]


def test_a_folder_that_was_named_and_is_missing_is_an_error(tmp_path: Path) -> None:
    put(tmp_path / "good" / "a.pem", A + B)
    assert outcome(load_folders(tmp_path / "good", tmp_path / "missing")) == ([DER_A, DER_B], 1)


def test_a_file_in_place_of_a_folder_is_an_error(tmp_path: Path) -> None:
    assert outcome(load_folders(put(tmp_path / "a.pem", A))) == ([], 1)


def test_file_and_folders_add_up_and_know_their_sources(tmp_path: Path) -> None:
    file = put(tmp_path / "roots.pem", A + B)
    copy = put(tmp_path / "folder" / "copy.pem", B + C)
    loaded = load(PLATFORM, {"SSL_CERT_FILE": str(file), "SSL_CERT_DIR": str(copy.parent)})
    assert loaded.roots == {DER_A: [str(file)], DER_B: [str(file), str(copy)], DER_C: [str(copy)]}
    assert loaded.report["certificates"] == 3


def test_a_readable_name_is_told_rather_than_a_hash(tmp_path: Path) -> None:
    root = put(tmp_path / "Root_1.pem", A)
    (tmp_path / "0123abcd.0").symlink_to(root.name)
    loaded = load_folders(tmp_path)
    assert loaded.roots == {DER_A: [str(root)]}
    assert loaded.report["locations"] == [
        {"path": str(tmp_path), "kind": "folder", "state": "read", "files": 1, "certificates": 1, "skipped": 0}
    ]


class TestPlatform:
    """What is read where the user named nothing."""

    def load(self, root: Path, platform: str = "linux") -> NativeRoots:
        return load(PLATFORM, {}, platform, str(root))

    def test_the_first_file_and_all_folders(self, tmp_path: Path) -> None:
        put(tmp_path / "etc/ssl/ca-bundle.pem", A)
        put(tmp_path / "etc/ssl/cert.pem", B)
        put(tmp_path / "etc/pki/tls/certs/local.pem", C)
        loaded = self.load(tmp_path)
        assert outcome(loaded) == ([DER_A, DER_C], 0)
        states = {each["path"].removeprefix(str(tmp_path)): each["state"] for each in loaded.report["locations"]}
        assert states == {
            "/etc/ssl/certs/ca-certificates.crt": "missing",
            "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem": "missing",
            "/etc/pki/tls/certs/ca-bundle.crt": "missing",
            "/etc/ssl/ca-bundle.pem": "read",
            "/etc/ssl/certs": "missing",
            "/etc/pki/tls/certs": "read",
            "/etc/security/certificates": "missing",
        }

    def test_a_first_file_that_cannot_be_read_hides_the_second(self, tmp_path: Path) -> None:
        os.makedirs(tmp_path / "etc/ssl/certs/ca-certificates.crt")
        put(tmp_path / "etc/ssl/cert.pem", A)
        assert outcome(self.load(tmp_path)) == ([], 1)

    def test_a_file_that_cannot_be_looked_at_does_not_hide_the_next(self, tmp_path: Path) -> None:
        (tmp_path / "etc/ssl/certs").mkdir(parents=True)
        (tmp_path / "etc/ssl/certs/ca-certificates.crt").symlink_to("ca-certificates.crt")
        put(tmp_path / "etc/pki", b"a file where a folder should be")
        put(tmp_path / "etc/ssl/cert.pem", A)
        loaded = self.load(tmp_path)
        assert list(loaded.roots) == [DER_A]
        messages = {error["message"] for error in loaded.report["errors"]}
        assert messages == {os.strerror(errno.ELOOP), os.strerror(errno.ENOTDIR)}

    def test_a_bundle_in_its_own_folder_is_read_once(self, tmp_path: Path) -> None:
        put(tmp_path / "etc/ssl/certs/ca-certificates.crt", A + B)
        loaded = self.load(tmp_path)
        assert outcome(loaded) == ([DER_A, DER_B], 0)
        assert [each["files"] for each in loaded.report["locations"]] == [1, 0, 0, 0]

    def test_nothing_at_all_is_no_error_and_says_where_it_looked(self, tmp_path: Path) -> None:
        loaded = self.load(tmp_path, "openbsd7")
        assert outcome(loaded) == ([], 0)
        with pytest.raises(
            HostError, match=r"No native root was found in: .*/etc/ssl/cert\.pem \(missing\); .*SSL_CERT_F"
        ):
            require_roots(loaded.report)

    @pytest.mark.parametrize("platform", ["darwin", "win32", "freebsd14"])
    def test_the_users_choice_counts_on_every_platform(self, platform: str, tmp_path: Path) -> None:
        file = put(tmp_path / "roots.pem", A)
        loaded = load(PLATFORM, {"SSL_CERT_FILE": str(file)}, platform)
        assert outcome(loaded) == ([DER_A], 0)
        assert loaded.report["variables"] == {"SSL_CERT_FILE": str(file)}


class TestPassingErrors:
    """Errors of the system that may be gone in a moment, and others."""

    @pytest.fixture
    def fail(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
        """Let the first so many attempts to read a file fail with an error of the system."""

        def arrange(code: int, times: int) -> None:
            errors = iter([code] * times)
            real = os.open

            def fault(*arguments: Any, **options: Any) -> int:
                failure = next(errors, None)
                if failure is not None:
                    raise OSError(failure, os.strerror(failure))
                return real(*arguments, **options)

            monkeypatch.setattr(os, "open", fault)

        return arrange

    @pytest.mark.parametrize("code", [errno.EIO, errno.EAGAIN, errno.EINTR, errno.ESTALE, errno.ETIMEDOUT])
    @pytest.mark.parametrize("times", [1, 2])
    def test_a_passing_one_is_forgotten(
        self, fail: Callable[[int, int], None], code: int, times: int, tmp_path: Path
    ) -> None:
        file = put(tmp_path / "roots.pem", A)
        fail(code, times)
        loaded = load_file(file)
        assert outcome(loaded) == ([DER_A], 0)
        assert loaded.report["attempts"] == times + 1

    def test_one_that_stays_is_told_after_three_attempts(
        self, fail: Callable[[int, int], None], tmp_path: Path
    ) -> None:
        file = put(tmp_path / "roots.pem", A)
        fail(errno.EIO, 99)
        loaded = load_file(file)
        assert outcome(loaded) == ([], 1)
        assert loaded.report["attempts"] == 3

    def test_the_best_of_all_attempts_counts(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        put(tmp_path / "a.pem", A)
        put(tmp_path / "b.pem", B)
        faults = iter([True, False, True, True, True, True])
        real = os.open

        def fault(path: Any, *arguments: Any, **options: Any) -> int:
            if str(path).endswith(".pem") and next(faults):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return real(path, *arguments, **options)

        monkeypatch.setattr(os, "open", fault)
        assert outcome(load_folders(tmp_path)) == ([DER_B], 1)

    @pytest.mark.parametrize("code", [errno.EACCES, errno.ENOENT, errno.ELOOP, errno.EPERM])
    def test_one_that_will_stay_is_not_tried_again(
        self, fail: Callable[[int, int], None], code: int, tmp_path: Path
    ) -> None:
        file = put(tmp_path / "roots.pem", A)
        fail(code, 1)
        loaded = load_file(file)
        assert outcome(loaded) == ([], 1)
        assert loaded.report["attempts"] == 1

    def test_damage_is_not_tried_again(self, tmp_path: Path) -> None:
        assert load_file(put(tmp_path / "roots.pem", A[:99])).report["attempts"] == 1


def test_strict_names_every_error(tmp_path: Path) -> None:
    put(tmp_path / "a.pem", A + b"-----END CERTIFICATE-----\n")
    put(tmp_path / "b.pem", B[:99])
    put(tmp_path / "c.pem", C)
    with pytest.raises(HostError, match=r"not read completely: .*a\.pem: .* no BEGIN line; .*b\.pem: .* no END line"):
        require_no_errors(load_folders(tmp_path).report)


def test_strict_accepts_what_is_flawless(tmp_path: Path) -> None:
    report = load_file(put(tmp_path / "a.pem", A)).report
    require_no_errors(report)
    require_roots(report)

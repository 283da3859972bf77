# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files that are published: where each is, and that it appears whole."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.requests import DIGESTS, ocsp_request
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation import tree
from ansible_collections.anchorage.pki.tests.unit.interruptions import killed_at


@pytest.mark.parametrize("digest", DIGESTS)
def test_the_path_of_a_response_is_its_request(make_leaf, authority, digest: str) -> None:
    issuer, leaf = authority.issuing.certificate, make_leaf()
    path = tree.response_path(leaf, issuer, digest).removeprefix("ocsp/").removesuffix(f"/{tree.INDEX}")
    request = base64.b64encode(ocsp_request(leaf, issuer, digest)).decode()
    assert [part for part in request.split("/") if part] == path.split("/")


@pytest.mark.parametrize(
    ("request_der", "path"),
    [
        (b"\x00\x00\x00", "ocsp/AAAA"),
        (b"\x03\xf0\x01", "ocsp/A/AB"),
        (b"\x03\xff\xff\x03", "ocsp/A/Aw=="),
        (b"\x00\x00\x3f", "ocsp/AAA/index.html"),
        (b"\x00\x0f\xff", "ocsp/AA/index.html"),
    ],
)
def test_slashes_of_a_request_are_those_of_folders(
    make_leaf, authority, monkeypatch: pytest.MonkeyPatch, request_der: bytes, path: str
) -> None:
    monkeypatch.setattr(tree, "ocsp_request", lambda *_arguments: request_der)
    assert tree.response_path(make_leaf(), authority.issuing.certificate, "sha1") == path


def test_files_are_compared_and_replaced_whole(tmp_path: Path) -> None:
    folder, files = tmp_path / "made" / "public", {"a/b/c": b"1", "a/d": b"2"}
    tmp_path.chmod(0o700)  # what is above is not ours
    former = os.umask(0o077)
    try:
        assert tree.differing(folder, files) == files
        tree.write_tree(folder, files)
    finally:
        os.umask(former)
    assert tree.differing(folder, files) == {}
    assert tree.differing(folder, {**files, "a/d": b"3"}) == {"a/d": b"3"}
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_dir()} == {0o755}
    assert {path.stat().st_mode & 0o777 for path in (folder, folder.parent)} == {0o755}
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_a_reader_sees_the_former_file_or_the_new_one(tmp_path: Path) -> None:
    folder = tmp_path / "public"
    tree.write_tree(folder, {"a/d": b"former"})
    call = 1
    while killed_at(call, lambda: tree.write_tree(folder, {"a/d": b"new"})):
        assert (folder / "a" / "d").read_bytes() in (b"former", b"new")
        call += 1
    assert call > 3
    assert (folder / "a" / "d").read_bytes() == b"new"
    assert [path.name for path in (folder / "a").iterdir()] == ["d"]


def test_what_is_removed_leaves_no_empty_folders_and_all_else(tmp_path: Path) -> None:
    folder = tmp_path / "public"
    tree.write_tree(folder, {"ocsp/a/b/c": b"1", "ocsp/a/d": b"2", "theirs": b"3"})
    tree.remove_files(folder, ["ocsp/a/b/c", "ocsp/nothing/there"])
    assert sorted(path.name for path in folder.rglob("*")) == ["a", "d", "ocsp", "theirs"]
    tree.remove_files(folder, ["ocsp/a/d", "theirs"])
    assert list(folder.iterdir()) == []


def test_a_file_that_cannot_be_written_or_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(PkiError, match=r"publish: .*/a cannot be written: Is a directory\.$"):
        tree.write_tree(tmp_path, {"a": b"1"})
    (tmp_path / "crl" / "key.crl").mkdir(parents=True)
    with pytest.raises(PkiError, match=r"publish: .*/crl/key.crl cannot be read: Is a directory"):
        tree.read_list(tmp_path, "key")


@pytest.mark.parametrize(("mode", "failure"), [(0o700, "crl cannot be read"), (0o755, "crl/key.crl cannot be written")])
def test_a_folder_that_may_not_be_read_or_written_is_named(as_nobody: Path, mode: int, failure: str) -> None:
    os.seteuid(0)
    as_nobody.chmod(mode)
    os.seteuid(65534)
    with pytest.raises(PkiError, match=rf"^publish: {as_nobody}/{failure}: Permission denied\.$"):
        tree.write_tree(as_nobody, {"crl/key.crl": b"1"})


@pytest.mark.parametrize("closed", ["", "a", "a/b", "a/b/c"])
def test_what_not_everybody_can_read_is_opened(tmp_path: Path, closed: str) -> None:
    folder, files = tmp_path / "public", {"a/b/c": b"1", "d": b"2"}
    tree.write_tree(folder, files)
    (folder / "a").chmod(0o2775)  # more than everybody needs is left alone
    assert tree.differing(folder, files) == {}
    (folder / closed).chmod(0o600 if (folder / closed).is_file() else 0o2700)
    assert tree.differing(folder, files) == ({"a/b/c": b"1"} if closed else files)
    tree.write_tree(folder, tree.differing(folder, files))
    assert tree.differing(folder, files) == {}
    assert (folder / closed).stat().st_mode & 0o777 == (0o644 if closed == "a/b/c" else 0o755)
    assert (folder / "a").stat().st_mode & 0o2000


@pytest.mark.parametrize("link", ["crl", "crl/below"])
def test_nothing_is_read_written_or_removed_through_a_link_to_a_folder(tmp_path: Path, link: str) -> None:
    folder, elsewhere, files = tmp_path / "public", tmp_path / "elsewhere", {"crl/below/a": b"1"}
    tree.write_tree(elsewhere, {"a": b"theirs", "below/a": b"theirs"})
    (folder / link).parent.mkdir(parents=True)
    (folder / link).symlink_to(elsewhere)
    for work in (tree.differing, tree.write_tree, tree.present, tree.remove_files):
        with pytest.raises(
            PkiError, match=f"publish: .*/public/{link} is a symbolic link, and nothing is published thr"
        ):
            work(folder, files)
    assert {path.read_bytes() for path in elsewhere.rglob("a")} == {b"theirs"}


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "crl").touch()
    for work in (tree.differing, tree.write_tree, tree.present, tree.remove_files):
        with pytest.raises(PkiError, match=r"publish: .*/crl is no folder. Remove it, or name another folder"):
            work(tmp_path, {"crl/a": b"1"})
    with pytest.raises(PkiError, match=r"publish: .*/crl is no folder. Remove it, or name another folder.$"):
        tree.read_list(tmp_path, "key")


def test_a_file_above_the_folder_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "a" / "public"
    for work in (tree.differing, tree.write_tree, tree.present, tree.remove_files):
        with pytest.raises(PkiError, match=r"publish: .*/file is no folder. Remove it, or name another folder.$"):
            work(folder, {"crl/a": b"1"})
    with pytest.raises(PkiError, match=r"publish: .*/file is no folder"):
        tree.read_list(folder, "key")


def test_a_link_in_the_place_of_a_file_is_replaced_and_the_folder_itself_may_be_one(tmp_path: Path) -> None:
    folder, theirs = tmp_path / "public", tmp_path / "theirs"
    (tmp_path / "disk").mkdir()
    folder.symlink_to(tmp_path / "disk")
    theirs.write_bytes(b"1")
    (folder / "a").symlink_to(theirs)
    assert tree.differing(folder, {"a": b"1"}) == {"a": b"1"}
    tree.write_tree(folder, {"a": b"2"})
    assert (theirs.read_bytes(), (folder / "a").is_symlink()) == (b"1", False)
    assert tree.differing(folder, {"a": b"2"}) == {}


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("public", "publish: 'public' is a relative path"),
        ("{authority}/public", "are in one another"),
        ("{authority}", "are in one another"),
        ("{authority}/..", "are in one another"),
        ("{authority}.file", "publish: .*/authority.file is a file. Name a folder"),
    ],
)
def test_a_folder_that_cannot_be_published_is_refused(tmp_path: Path, option: str, words: str) -> None:
    authority = tmp_path / "authority"
    (tmp_path / "authority.file").touch()
    with pytest.raises(PkiError, match=words):
        tree.publication_folder(option.format(authority=authority), authority)


def test_a_folder_beside_the_authority_is_accepted(tmp_path: Path) -> None:
    assert tree.publication_folder(None, tmp_path / "authority") is None
    assert tree.publication_folder(str(tmp_path / "public"), tmp_path / "authority") == tmp_path / "public"

# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of anchors that the controller downloads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._anchor_download import FAILURE_SHARED, download, shown_url
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.tests.unit.file_servers import FileServer, file_server
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_root, pem_of

ROOT = make_root()
LARGEST = 100_000


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server() as server:
        yield server


def test_der_becomes_pem_and_pem_stays(server: FileServer, tmp_path: Path) -> None:
    for path, content in (("/root.crt", der_of(ROOT)), ("/root.pem", pem_of(ROOT))):
        assert download(server.serve(path, content), "url", LARGEST, tmp_path) == pem_of(ROOT)


def test_it_is_downloaded_once_a_run(server: FileServer, tmp_path: Path) -> None:
    url = server.serve("/root.pem", pem_of(ROOT))
    runs = [tmp_path / "a run", tmp_path / "another run"]
    for folder in runs:
        folder.mkdir()
        for _host in range(3):
            assert download(url, "url", LARGEST, folder) == pem_of(ROOT)
    assert server.asked == ["/root.pem"] * 2


def test_redirects_are_followed_but_not_for_ever(server: FileServer, tmp_path: Path) -> None:
    server.serve("/root.pem", pem_of(ROOT))
    moved = server.serve("/moved", f"{server.origin}/root.pem".encode(), 302)
    assert download(moved, "url", LARGEST, tmp_path) == pem_of(ROOT)
    circle = server.serve("/circle", f"{server.origin}/circle".encode(), 302)
    with pytest.raises(PkiError, match=r"cannot be downloaded from 127\.0\.0\.1"):
        download(circle, "url", LARGEST, tmp_path)
    assert server.asked.count("/circle") <= 11


def test_what_netrc_has_for_a_server_does_not_go_to_where_it_redirects(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ops password hunter2\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server.serve("/root.pem", pem_of(ROOT))
    elsewhere = f"{server.origin.replace('127.0.0.1', 'localhost')}/root.pem"
    assert download(server.serve("/moved", elsewhere.encode(), 302), "url", LARGEST, tmp_path) == pem_of(ROOT)
    assert [path for path, authorization in server.authorized.items() if authorization] == ["/moved"]


def test_a_netrc_file_that_is_damaged_is_told_without_what_is_in_it(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ops\nhunter2\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with pytest.raises(PkiError, match=r"/netrc is no netrc file that Python reads, see line \d\.$"):
        download(server.serve("/root.pem", pem_of(ROOT)), "url", LARGEST, tmp_path)


def test_what_is_too_large_is_not_read_to_its_end(server: FileServer, tmp_path: Path) -> None:
    url = server.serve("/large", b"x" * (LARGEST + 1))
    with pytest.raises(PkiError, match="it is larger than 100000 bytes"):
        download(url, "url", LARGEST, tmp_path)


def test_a_failure_is_told_to_all_and_tried_again_later(server: FileServer, tmp_path: Path) -> None:
    url = f"{server.origin}/root.pem"
    for _host in range(2):
        with pytest.raises(PkiError, match=r"^anchors\[0\], url: cannot be downloaded from 127.0.0.1: .* 404"):
            download(url, "anchors[0], url", LARGEST, tmp_path)
    assert server.asked == ["/root.pem"]
    (path,) = tmp_path.rglob("*.anchor.json")
    value = json.loads(path.read_text())
    path.write_text(json.dumps({**value, "at": value["at"] - FAILURE_SHARED}))
    server.serve("/root.pem", pem_of(ROOT))
    assert download(url, "url", LARGEST, tmp_path) == pem_of(ROOT)


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(PkiError, match="Connection refused"):
        download("http://127.0.0.1:9/root.pem", "url", LARGEST, tmp_path)


def test_a_url_is_shown_without_what_may_be_secret() -> None:
    assert shown_url("https://ops:hunter2@pki.test:8443/root.crt?token=x#y") == "https://pki.test:8443/root.crt"
    assert shown_url("http://[") == "that is none"

# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What names a generation is set by single renames, and put back exactly."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointer_changes import set_pointing
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointer_drift import pointing_drift
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import (
    Pointing,
    read_pointing,
    wanted_pointing,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.servers import HEADER
from ansible_collections.anchorage.pki.tests.unit.leaves import NGINX, destination_at, make_leaf


@pytest.mark.parametrize(
    "pointing",
    [
        Pointing(),
        Pointing("v1"),
        Pointing("v2", {"nginx.conf": "text\n"}),
        Pointing(None, {"nginx.conf": "bytes that are no UTF-8: \udcff"}),
        Pointing("dangling/elsewhere", {"nginx.conf": ""}),
    ],
)
def test_any_state_can_be_put_back(folder: int, pointing: Pointing) -> None:
    set_pointing(folder, pointing)
    assert read_pointing(folder) == pointing
    set_pointing(folder, Pointing("v7", {"nginx.conf": f"{HEADER} other"}))
    assert set_pointing(folder, pointing)
    assert read_pointing(folder) == pointing


def test_what_is_so_already_is_not_written_again(folder: int, tmp_path: Path) -> None:
    pointing = Pointing("v1", {"nginx.conf": "text\n"})
    set_pointing(folder, pointing)
    before = {path.name: (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in tmp_path.iterdir()}
    assert not set_pointing(folder, pointing)
    assert {path.name: (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in tmp_path.iterdir()} == before


def test_what_is_neither_link_nor_text_counts_as_nothing(folder: int, tmp_path: Path) -> None:
    (tmp_path / "current").write_text("v1")
    os.mkfifo(tmp_path / "nginx.conf")
    assert read_pointing(folder) == Pointing()


@pytest.mark.skipif(NGINX is None, reason="no nginx on this machine")
def test_nginx_reads_a_pointer_file_in_a_folder_with_odd_characters(tmp_path: Path) -> None:
    odd = tmp_path / "a b;c {d} 'e' #f"
    destination, leaf = replace(destination_at(tmp_path), path=str(odd)), make_leaf()
    generation = odd / "app/v1"
    generation.mkdir(parents=True)
    (generation / "fullchain.pem").write_text(leaf.certificate + leaf.chain)
    (generation / "privkey.pem").write_text(leaf.private_key)
    (generation / "staple.der").write_bytes(leaf.staple)
    (tmp_path / "pointer").write_text(wanted_pointing(destination, "app", 1, stapled=True).files["nginx.conf"])
    temporary = "".join(
        f"{kind}_temp_path {tmp_path}/t;" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; events {{}} http {{ access_log off; {temporary} "
        f"server {{ listen 127.0.0.1:1 ssl; include {tmp_path}/pointer; }} }}"
    )
    result = subprocess.run(
        [str(NGINX), "-t", "-e", f"{tmp_path}/log", "-c", f"{tmp_path}/nginx.conf"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "test is successful" in result.stderr, result.stderr


@pytest.mark.parametrize("name", ["current", "nginx.conf"])
def test_a_folder_of_somebody_else_is_refused_and_kept(folder: int, tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "privkey.pem").write_text("precious")
    with pytest.raises(HostError, match=f"{name} .* Move it elsewhere"):
        set_pointing(folder, Pointing("v1"))
    assert (tmp_path / name / "privkey.pem").read_text() == "precious"


def test_a_users_own_file_is_no_pointer_of_ours(folder: int, tmp_path: Path) -> None:
    (tmp_path / "nginx.conf").write_text("server { }\n")
    set_pointing(folder, Pointing("v1"))
    assert (tmp_path / "nginx.conf").read_text() == "server { }\n"
    assert pointing_drift(read_pointing(folder), Pointing("v1")) == []

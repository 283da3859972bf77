# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of an authority's folder is in a backup, and what no backup may bring."""

from __future__ import annotations

import io
import tarfile
from datetime import datetime
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._backup.archive import (
    pack,
    read_files,
    unpack,
    write_files,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError


def test_it_has_all_that_makes_the_authority(own_authority: Authority, now: datetime, tmp_path: Path) -> None:
    folder = own_authority.folder
    for left_out in ("lock", "publication-lock", "ledger.sqlite3-wal", "ledger.sqlite3.schema-4", ".policy.json.new"):
        (folder / left_out).write_bytes(b"left out")
    (folder / ".new-x").mkdir()
    (folder / "root/.new-y").mkdir()
    files = unpack(pack(read_files(folder), now), "b")
    assert sorted(files) == [
        "issuing/1/certificate.pem",
        "issuing/1/key.pem",
        "issuing/1/responder/1/certificate.pem",
        "issuing/1/responder/1/key.pem",
        "policy.json",
        "root/1/certificate.pem",
        "root/1/key.pem",
    ]
    assert all((folder / name).read_bytes() == content for name, content in files.items())
    write_files(tmp_path / "new", files)
    assert read_files(tmp_path / "new") == files
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "new").rglob("*")} == {0}


@pytest.mark.parametrize("inside", ["root/1/key.pem", "extra"])
def test_a_link_is_refused_whose_target_the_backup_would_lack(own_authority: Authority, inside: str) -> None:
    path = own_authority.folder / inside
    path.unlink(missing_ok=True)
    path.symlink_to("/etc/hostname")
    with pytest.raises(PkiError, match="is neither a file nor a folder"):
        read_files(own_authority.folder)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("/etc/passwd", tarfile.REGTYPE),
        ("../outside", tarfile.REGTYPE),
        ("root/../../outside", tarfile.REGTYPE),
        ("root/1/key.pem", tarfile.SYMTYPE),
        ("root", tarfile.DIRTYPE),
        ("disk", tarfile.BLKTYPE),
    ],
)
def test_a_backup_brings_nothing_but_files_into_the_folder(name: str, kind: bytes) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(PkiError, match="which no backup of an authority has"):
        unpack(packed.getvalue(), "b")


def test_what_is_no_archive_is_refused() -> None:
    with pytest.raises(PkiError, match="holds no archive"):
        unpack(b"no archive" * 100, "b")

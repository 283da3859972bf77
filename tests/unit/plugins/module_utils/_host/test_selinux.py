# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of SELinux types. A kernel without SELinux keeps the attribute as root sets it, and enforces nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.selinux import misplaced_type, type_of
from ansible_collections.anchorage.pki.plugins.module_utils._host.selinux_changes import give_type
from ansible_collections.anchorage.pki.tests.unit.selinux_labels import needs_labels, set_label


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    path = tmp_path / "file"
    path.write_bytes(b"")
    descriptor = os.open(path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_without_labels_nothing_has_a_type(file: int, folder: int) -> None:
    assert type_of(folder) == ""
    assert misplaced_type(file, folder) == ""
    give_type(file, folder)
    assert os.listxattr(file) == []


@needs_labels
@pytest.mark.parametrize(("of_file", "of_folder"), [("cert_t", ""), ("", "cert_t"), ("cert_t", "cert_t")])
def test_what_has_no_type_or_the_same_is_in_its_place(
    file: int, folder: int, tmp_path: Path, of_file: str, of_folder: str
) -> None:
    for path, name in ((tmp_path / "file", of_file), (tmp_path, of_folder)):
        if name:
            set_label(path, f"system_u:object_r:{name}:s0")
    assert misplaced_type(file, folder) == ""


@needs_labels
def test_a_moved_file_gets_the_type_of_its_folder_and_keeps_the_rest(file: int, folder: int, tmp_path: Path) -> None:
    set_label(tmp_path / "file", "staff_u:object_r:user_tmp_t:s0:c1,c2")
    set_label(tmp_path, "system_u:object_r:cert_t:s0")
    assert misplaced_type(file, folder) == "has the SELinux type user_tmp_t, where a new file gets cert_t"
    give_type(file, folder)
    assert os.getxattr(file, "security.selinux") == b"staff_u:object_r:cert_t:s0:c1,c2\0"
    assert misplaced_type(file, folder) == ""


@needs_labels
@pytest.mark.parametrize("label", ["", "cert_t", "system_u:object_r", "\udcff"])
def test_what_is_no_label_has_no_type(file: int, folder: int, tmp_path: Path, label: str) -> None:
    set_label(tmp_path, "system_u:object_r:cert_t:s0")
    os.setxattr(tmp_path / "file", "security.selinux", label.encode(errors="surrogateescape"))
    assert misplaced_type(file, folder) == ""

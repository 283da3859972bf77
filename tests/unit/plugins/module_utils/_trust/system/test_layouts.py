# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of how a host's platform is recognized, and of what its files are taken for."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import anchor_folder
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.layouts import Layout
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.platforms import (
    Platform,
    find_platform,
    installed_anchors,
    layouts,
)

LAYOUTS = tuple(layouts())


def put(root: Path, absolute: str, content: str = "") -> Path:
    path = root / absolute.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(0o755)
    return path


def found(root: Path) -> list[str]:
    return [store.name for store in anchor_folder.find(Settings(str(root)))]


@pytest.mark.parametrize(("name", "mark"), [(layout.name, mark) for layout in LAYOUTS for mark in layout.marks])
def test_each_mark_identifies_its_platform(tmp_path: Path, name: str, mark: str) -> None:
    put(tmp_path, mark)
    assert found(tmp_path) == [name]


def test_nothing_is_guessed(tmp_path: Path) -> None:
    put(tmp_path, "/etc/os-release", "ID=debian\n")
    assert found(tmp_path) == []


def test_of_two_marks_that_counts_whose_command_is_there(tmp_path: Path) -> None:
    put(tmp_path, "/etc/debian_version")
    put(tmp_path, "/etc/redhat-release")
    put(tmp_path, "/usr/bin/update-ca-trust")
    assert found(tmp_path) == ["redhat"]


@pytest.mark.parametrize(("text", "bundles"), [("#!/bin/sh\n", 0), ("\x7fELF", 1)], ids=["script", "compiled"])
def test_the_two_kinds_of_certctl_are_distinguished(tmp_path: Path, text: str, bundles: int) -> None:
    put(tmp_path, "/bin/freebsd-version")
    put(tmp_path, "/usr/sbin/certctl", text)
    (store,) = anchor_folder.find(Settings(str(tmp_path)))
    assert len(store.platform.bundles) == bundles


def redhat(root: Path) -> Platform:
    put(root, "/etc/redhat-release")
    put(root, "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem")
    platform = find_platform(Settings(str(root)))
    assert platform
    return platform


def test_legacy_paths_may_be_missing_or_links(tmp_path: Path) -> None:
    store = redhat(tmp_path)
    assert (len(store.bundles), store.separated, store.links, store.keystore) == (1, [], "", "")
    legacy = tmp_path / "etc/pki/tls/cert.pem"
    legacy.parent.mkdir()
    legacy.symlink_to(store.bundles[0])
    assert store.separated == []


def test_a_file_in_the_place_of_a_legacy_link_is_seen(tmp_path: Path) -> None:
    store = redhat(tmp_path)
    legacy = put(tmp_path, "/etc/pki/tls/certs/ca-bundle.crt", "an administrator's own")
    assert store.separated == [str(legacy)]


@pytest.mark.parametrize(
    ("platform", "name", "taken"),
    [
        ("debian", "a.crt", True),
        ("debian", "a.pem", False),
        ("alpine", "a.pem", True),
        ("alpine", ".a.crt", False),
        ("redhat", "anything", True),
    ],
)
def test_each_platform_has_its_own_idea_of_an_anchors_name(platform: str, name: str, taken: bool) -> None:
    (layout,) = (layout for layout in LAYOUTS if layout.name == platform)
    assert Platform(layout, Settings()).takes(name) is taken


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_anchors_of_this_collection_are_known_by_their_names(tmp_path: Path, layout: Layout) -> None:
    assert installed_anchors(Settings(str(tmp_path))) == ()
    Path(tmp_path, layout.marks[0].lstrip("/")).mkdir(parents=True)
    assert installed_anchors(Settings(str(tmp_path))) == ()
    ours = [f"anchorage-{name}0123456789abcdef{layout.suffix}" for name in ("", "corp-2-")]
    foreign = ["anchorage.crt", "anchorage-corp-0123456789abcde.crt", "corp-0123456789abcdef.crt", "README"]
    paths = {name: str(put(tmp_path, f"{layout.anchors}/{name}")) for name in [*ours, *foreign]}
    assert installed_anchors(Settings(str(tmp_path))) == tuple(paths[name] for name in ours)

# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""macOS' own links are recognized in a scratch root that has them, and nothing that is like them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.system_links import (
    common_name,
    is_system_link,
    refuse_second_name,
)

MAC = "darwin"


@pytest.fixture
def root(private_folder: Path) -> Path:
    """A root folder with the links as Apple makes them."""
    if os.geteuid() != 0:
        pytest.skip("needs root, whose the links have to be")
    for name in ("etc", "tmp", "var"):
        (private_folder / "private" / name).mkdir(parents=True)
        (private_folder / name).symlink_to(f"private/{name}")
    return private_folder


def recognized(root: Path, name: str, path: Path | None = None, platform: str = MAC) -> bool:
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return is_system_link(folder, name, str(path or root / name), str(root), platform)
    finally:
        os.close(folder)


@pytest.mark.parametrize("name", ["etc", "tmp", "var"])
def test_the_three_links_are_recognized(root: Path, name: str) -> None:
    assert recognized(root, name)
    (root / name).unlink()
    (root / name).symlink_to(f"/private/{name}")
    assert recognized(root, name)


def test_other_platforms_have_none(root: Path) -> None:
    assert not recognized(root, "etc", platform="linux")
    assert not recognized(root, "etc", platform="freebsd14")


def test_they_are_in_the_root_folder_alone(root: Path) -> None:
    assert not recognized(root, "etc", path=root / "below" / "etc")


def test_no_other_name_is_one(root: Path) -> None:
    (root / "private/opt").mkdir()
    (root / "opt").symlink_to("private/opt")
    assert not recognized(root, "opt")


def relink(target: str) -> Callable[[Path], None]:
    def harm(root: Path) -> None:
        (root / "etc").unlink()
        (root / "etc").symlink_to(target)

    return harm


def give_away(path: str) -> Callable[[Path], None]:
    return lambda root: os.chown(root / path, 1, 1, follow_symlinks=False)


def open_to_group(root: Path) -> None:
    (root / "private").chmod(0o775)


def make_folder(root: Path) -> None:
    (root / "etc").unlink()
    (root / "etc").mkdir()


def move_private(root: Path) -> None:
    (root / "private").rename(root / "moved")
    (root / "private").symlink_to("moved")


@pytest.mark.parametrize(
    "harm",
    [
        *(relink(target) for target in ("private/var", "private/etc/", "private/../private/etc", "elsewhere", "/etc")),
        *(give_away(path) for path in ("etc", "private")),
        *(open_to_group, make_folder),
    ],
)
def test_what_apple_did_not_make_is_none(root: Path, harm: Callable[[Path], None]) -> None:
    harm(root)
    assert not recognized(root, "etc")


def test_private_itself_is_no_link(root: Path) -> None:
    move_private(root)
    # A link has all rights, which Apple's folder has not.
    assert os.stat(root / "private", follow_symlinks=False).st_mode & 0o022
    assert not recognized(root, "etc")


NAMES = {
    "/private/etc/pki/anchorage": "/etc/pki/anchorage",
    "/private/var": "/var",
    "/private/tmp/a": "/tmp/a",
    "/private": "/private",
    "/private/": "/private/",
    "/private/opt/a": "/private/opt/a",
    "/privately/etc": "/privately/etc",
    "/srv/private/etc": "/srv/private/etc",
    "private/etc": "private/etc",
}


@pytest.mark.parametrize("path", NAMES)
def test_a_place_has_one_name(path: str) -> None:
    assert common_name(path, MAC) == NAMES[path]
    assert common_name(path, "linux") == path


def test_a_second_name_is_refused_with_the_first() -> None:
    with pytest.raises(HostError, match="/private/etc/pki/anchorage is /etc/pki/anchorage on a Mac"):
        refuse_second_name("/private/etc/pki/anchorage", MAC)
    refuse_second_name("/etc/pki/anchorage", MAC)
    refuse_second_name("/private/etc/pki/anchorage", "linux")

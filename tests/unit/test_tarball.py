# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the step ``tarball`` finds wrong, and what ``release.py`` finds missing. Neither builds one here."""

from __future__ import annotations

from pathlib import Path

import pytest
import release
import tarball

WHOLE = [*tarball.SHIPPED, *tarball.SHIPPED_TESTS, "plugins/action/show.py", "docs/awx.md", "roles/variables/README.md"]


def test_what_users_need_is_expected() -> None:
    assert tarball.unexpected(WHOLE) == []
    assert tarball.unexpected([f"{name}/" if name == "plugins" else name for name in WHOLE]) == []


def test_what_is_not_for_users_is_named() -> None:
    assert tarball.unexpected([*WHOLE, "molecule/default/molecule.yml", "tests/unit/roots.py"]) == [
        "molecule/default/molecule.yml is not for users",
        "tests/unit/roots.py is not for users",
    ]


def test_what_is_missing_is_named() -> None:
    assert tarball.unexpected(name for name in WHOLE if name != "SECURITY.md") == ["no SECURITY.md"]


def test_links_lead_to_what_is_there() -> None:
    page = "[a](awx.md#names) [b](https://example.com) [c](#below) [d](../plugins/action/show.py)\n```\n[e](no)\n```\n"
    assert tarball.dead_links(WHOLE, {"docs/fleet.md": page}) == []
    assert tarball.dead_links(WHOLE, {"docs/fleet.md": "[a](../tests/unit/roots.py)"}) == [
        "docs/fleet.md links to ../tests/unit/roots.py, which is not in it"
    ]


def test_each_warning_of_the_importer_is_a_fault() -> None:
    output = "Loading role x\nWARNING: a\nNo ERROR here\nERROR: b\nImporter processing completed successfully\n"
    assert tarball.faults(output) == ["WARNING: a", "ERROR: b"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that can be released as 1.2.3."""
    (tmp_path / "galaxy.yml").write_text("version: 1.2.3\n")
    (tmp_path / "CHANGELOG.rst").write_text("v1.2.3\n======\n")
    fragments = tmp_path / "changelogs" / "fragments"
    fragments.mkdir(parents=True)
    (fragments / ".keep").touch()
    (fragments.parent / "changelog.yaml").write_text("releases:\n  1.2.3: {}\n")
    return tmp_path


def test_a_whole_release_lacks_nothing(checkout: Path) -> None:
    assert release.missing("1.2.3", checkout) == []


def test_a_tag_is_the_version(checkout: Path) -> None:
    assert release.missing("v1.2.3", checkout)[:2] == [
        "v1.2.3 is no version: a tag is named as 1.2.3, without a v",
        "galaxy.yml: the version is 1.2.3",
    ]


def test_a_release_is_in_the_changelog(checkout: Path) -> None:
    (checkout / "changelogs" / "fragments" / "late.yml").touch()
    (checkout / "CHANGELOG.rst").write_text("v1.2.2\n======\n")
    (checkout / "changelogs" / "changelog.yaml").write_text("releases:\n  1.2.2: {}\n")
    assert release.missing("1.2.3", checkout) == [
        "changelogs/changelog.yaml: no such release, run antsibull-changelog release",
        "CHANGELOG.rst: no such release, run antsibull-changelog release",
        "changelogs/fragments/late.yml: not in the changelog yet",
    ]

# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal as it is written and read, by this release and by the ones before it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal import Swap, read_journals
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal_changes import write_journal
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import Pointing

#: What 0.2.0 wrote.
FORMER_RELEASE = (
    r'[{"name": "app", "former": 1, "generation": 2, "before": {"current": "v1", "files": '
    r'{"nginx.conf": "bytes that are no UTF-8: \udcff\n"}}}, '
    r'{"name": "db", "former": 0, "generation": 1, "before": {"current": null, "files": {}}}]'
)
SWAPS = [
    Swap("app", 1, 2, Pointing("v1", {"nginx.conf": "bytes that are no UTF-8: \udcff\n"})),
    Swap("db", 0, 1, Pointing(None, {})),
]


def test_the_journal_of_a_former_release_is_read(folder: int, tmp_path: Path) -> None:
    (tmp_path / ".activation-app.json").write_text(FORMER_RELEASE)
    assert read_journals(folder) == {".activation-app.json": SWAPS}


def test_the_journal_is_written_as_former_releases_read_it(folder: int, tmp_path: Path) -> None:
    assert write_journal(folder, SWAPS) == ".activation-app.json"
    assert (tmp_path / ".activation-app.json").read_text() == FORMER_RELEASE
    assert (tmp_path / ".activation-app.json").stat().st_mode & 0o7777 == 0o600


@pytest.mark.parametrize(
    "content",
    ["", "[", "7", "[7]", '[{"name": 1}]', FORMER_RELEASE.replace("{}", "7"), "\xff"],
)
def test_a_damaged_journal_is_an_error_that_names_it(folder: int, tmp_path: Path, content: str) -> None:
    (tmp_path / ".activation-app.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(HostError, match=r"\.activation-app\.json in the destination is damaged"):
        read_journals(folder)

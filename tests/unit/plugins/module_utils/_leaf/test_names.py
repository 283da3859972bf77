# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of leaves, as controller and host check them."""

from __future__ import annotations

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.names import names_error


@pytest.mark.parametrize("name", ["a", "A9", "app.internal", "0-_.", "a" * 200])
def test_names_of_folders(name: str) -> None:
    assert names_error([name, "other"]) == ""


@pytest.mark.parametrize("name", ["", ".hidden", "..", "a/b", "a b", "-a", "a\n", "ä", "a" * 201])
def test_names_that_are_no_folder_names(name: str) -> None:
    assert names_error(["other", name]) == (
        f"name: {name!r} cannot name a folder. Use up to 200 letters, digits, dots, hyphens and underscores, "
        "beginning with a letter or a digit."
    )


def test_a_name_that_is_given_twice() -> None:
    assert names_error(["a", "b", "a"]) == "name: 'a' is given twice. Every certificate needs a name of its own."

# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The oldest release of cryptography: refused below, and named alike wherever requirements are."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import OLDEST, check_version
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize("version", ["42.0.8", "41.0.7", "38.0.4", "3.4.8", "unknown", ""])
def test_an_older_release_is_refused_in_one_sentence(version: str) -> None:
    with pytest.raises(PkiError, match="needs the Python package cryptography, 43 or newer") as caught:
        check_version(version)
    assert f"has {version or 'none'}. Upgrade it there." in str(caught.value)


@pytest.mark.parametrize("version", ["43.0.0", "43.0.3", "50.0.2", "100.0.0.dev1"])
def test_the_oldest_release_and_newer_ones_are_accepted(version: str) -> None:
    check_version(version)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("requirements.txt", f"cryptography>={OLDEST}\n"),
        ("tests/requirements-floor.txt", f"cryptography=={OLDEST}.0.0\n"),
        ("README.md", f"`cryptography` {OLDEST} or newer"),
        ("plugins/doc_fragments/authority.py", f"C(cryptography), {OLDEST} or newer"),
    ],
)
def test_the_oldest_release_is_named_wherever_requirements_are(file: str, words: str) -> None:
    assert words in (ROOT / file).read_text(encoding="utf-8")

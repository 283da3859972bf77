# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The package idna: asked for where a name needs it, and its oldest release named wherever requirements are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._idna import OLDEST, library

ROOT = Path(__file__).resolve().parents[4]
RELEASE = ".".join(map(str, OLDEST))

#: A controller without the package: a name in ASCII is read, one beyond is refused in a sentence.
WITHOUT = """
import sys
sys.modules["idna"] = None
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import parse_name
print(parse_name("*.App.test"))
for name in ("straße.test", "xn--strae-oqa.test"):
    try:
        parse_name(name)
    except PkiError as error:
        print(error)
"""


@pytest.mark.parametrize("version", ["3.2", "2.10", "3.0.1", "unknown", ""])
def test_an_older_release_is_refused_in_one_sentence(version: str) -> None:
    with pytest.raises(PkiError) as caught:
        library("straße.test", version)
    assert str(caught.value) == (
        f"names: 'straße.test' needs the Python package idna, {RELEASE} or newer, on the controller; "
        f"{sys.executable} has {version or 'none'}. Install it there."
    )


@pytest.mark.parametrize("version", ["3.3", "3.10", "3.20", "4.0rc1"])
def test_the_oldest_release_and_newer_ones_are_accepted(version: str) -> None:
    assert library("straße.test", version).__name__ == "idna"


def test_only_names_that_need_the_package_ask_for_it() -> None:
    run = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True, env=environment())
    plain, *refused = run.stdout.splitlines()
    assert plain == "*.app.test"
    assert refused == [
        f"names: {name!r} needs the Python package idna, {RELEASE} or newer, on the controller; "
        f"{sys.executable} has none. Install it there."
        for name in ("straße.test", "xn--strae-oqa.test")
    ]


def environment() -> dict[str, str]:
    """The environment of a Python that finds this collection and nothing that a caller set."""
    return {"PYTHONPATH": str(ROOT / "build" / "collections"), "PYTHONIOENCODING": "utf-8"}


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("requirements.txt", f"idna>={RELEASE}\n"),
        ("tests/requirements-floor.txt", f"idna=={RELEASE}\n"),
        ("execution-environment.yml", f"- idna>={RELEASE}\n"),
        ("README.md", f"`idna` {RELEASE} or newer"),
        ("docs/awx.md", f"`idna` {RELEASE}"),
        ("plugins/modules/leaf_certificate.py", f"C(idna), {RELEASE} or newer"),
        ("plugins/modules/certificate_authority.py", f"C(idna), {RELEASE} or newer"),
    ],
)
def test_the_oldest_release_is_named_wherever_requirements_are(file: str, words: str) -> None:
    assert words in (ROOT / file).read_text(encoding="utf-8")

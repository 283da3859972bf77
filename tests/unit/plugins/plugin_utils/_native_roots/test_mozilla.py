# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of where Mozilla's set comes from."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import certifi
import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.mozilla import mozilla_file


def test_it_is_the_file_of_the_package() -> None:
    assert mozilla_file() == Path(certifi.where()).resolve()


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "certifi", None)
    with pytest.raises(PkiError, match="install the Python package certifi"):
        mozilla_file()


def test_the_systems_own_store_does_not_pass_for_mozillas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian and Fedora patch the package so."""
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    monkeypatch.setitem(sys.modules, "certifi", SimpleNamespace(__file__=certifi.__file__, where=lambda: bundle))
    with pytest.raises(PkiError, match="is not Mozilla's"):
        mozilla_file()


def test_a_link_to_the_systems_own_store_does_not_pass_either(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    link = tmp_path / "certifi" / "cacert.pem"
    link.parent.mkdir()
    link.symlink_to("/etc/ssl/certs/ca-certificates.crt")
    module = SimpleNamespace(__file__=str(link.with_name("__init__.py")), where=lambda: str(link))
    monkeypatch.setitem(sys.modules, "certifi", module)
    with pytest.raises(PkiError, match="is not Mozilla's"):
        mozilla_file()

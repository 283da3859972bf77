# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tests share: an environment that is the same on every machine, and a folder fit for private keys."""

from __future__ import annotations

import gc
import os
import pwd
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from huge_pages import use_huge_pages

DOUBLE = "ansible_collections.anchorage.pki.tests.macos_double.double"
ROOT = Path(__file__).resolve().parents[1]

#: Each would change what a test finds: trust from elsewhere, another authority's folder.
FOREIGN_SETTINGS = (
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
)


def pytest_collection() -> None:
    """Look for no garbage while tests are collected: next to nothing of what is made is."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Make forks cheap, of which there are thousands: no collection of garbage touches what is there by now, of which
    each child would get a copy, and it is in huge pages."""
    gc.collect()
    gc.freeze()
    gc.enable()
    use_huge_pages()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """See that a test which asked a double of Apple's libraries had all objects released."""
    yield
    double = sys.modules.get(DOUBLE)
    assert double is None or double.left_over() == []


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of their own for all homes: pytest numbers those beside each other by a look at each."""
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(autouse=True)
def neutral_environment(monkeypatch: pytest.MonkeyPatch, homes: Path) -> None:
    """Keep the caller's settings out of a test, and the test out of the caller's home."""
    for variable in FOREIGN_SETTINGS:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", tempfile.mkdtemp(dir=homes))
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", str(ROOT / "build" / "collections"))


@contextmanager
def folder_for_keys(elsewhere: Path) -> Iterator[Path]:
    """An empty folder that nobody else can replace parts of, as root demands of a folder for private keys.

    pytest's own, as ``elsewhere``, are below /tmp, where everybody may write: for root, one in root's home takes its
    place.
    """
    if os.geteuid() != 0:
        yield elsewhere
        return
    folder = Path(tempfile.mkdtemp(prefix=".anchorage-test-", dir=pwd.getpwuid(0).pw_dir))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def private_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for keys."""
    with folder_for_keys(tmp_path) as folder:
        yield folder

# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A scratch host for each store, with that store alone: what every store has to pass is tried on all of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor
from ansible_collections.anchorage.pki.tests.macos_double.double import is_real
from ansible_collections.anchorage.pki.tests.unit.certctl import COMPILED, SHELL
from ansible_collections.anchorage.pki.tests.unit.keystores import give_quick_keytool, make_keystore
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, pem_of
from ansible_collections.anchorage.pki.tests.unit.scratch_applications import ScratchApplications
from ansible_collections.anchorage.pki.tests.unit.scratch_browsers import ScratchBrowsers
from ansible_collections.anchorage.pki.tests.unit.scratch_databases import ScratchDatabase
from ansible_collections.anchorage.pki.tests.unit.scratch_debian import PROGRAM, ScratchDebian
from ansible_collections.anchorage.pki.tests.unit.scratch_debian_java import ScratchDebianJava
from ansible_collections.anchorage.pki.tests.unit.scratch_freebsd import ScratchFreebsd
from ansible_collections.anchorage.pki.tests.unit.scratch_host import OTHER, ScratchHost
from ansible_collections.anchorage.pki.tests.unit.scratch_macos import ScratchMac, scratch_mac
from ansible_collections.anchorage.pki.tests.unit.scratch_people import scratch_people
from ansible_collections.anchorage.pki.tests.unit.scratch_platforms import PLATFORMS, scratch_platform
from ansible_collections.anchorage.pki.tests.unit.scratch_trust_settings import ScratchTrustSettings
from ansible_collections.anchorage.pki.tests.unit.scratch_truststores import ScratchTruststores


class StoreHost(NamedTuple):
    """A host, and how its store's content is read to be compared: all files, unless these tell the time, too."""

    host: ScratchHost
    content: Callable[[], Any]


def _require(found: object, what: str) -> None:
    if not found:
        pytest.skip(f"needs {what}")


@contextmanager
def _debian(folder: Path, _monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreHost]:
    _require(os.path.exists(PROGRAM) and shutil.which("openssl"), "Debian's packages ca-certificates and openssl")
    host = ScratchDebian(folder)
    yield StoreHost(host, host.picture)


def _freebsd(kind: str) -> Callable[..., Any]:
    @contextmanager
    def make(folder: Path, _monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreHost]:
        _require(shutil.which("openssl"), "openssl")
        host = ScratchFreebsd(folder, kind, pem_of(make_root("Public root")))
        host.anchors.mkdir(parents=True)
        yield StoreHost(host, host.picture)

    return make


def _mac(installation: Callable[[ScratchMac], object]) -> Callable[..., Any]:
    @contextmanager
    def make(_folder: Path, _monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreHost]:
        _require(shutil.which("openssl"), "openssl")
        with scratch_mac() as host:
            installation(host)
            yield StoreHost(host, host.picture)

    return make


@contextmanager
def _trust_settings(folder: Path, _monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreHost]:
    _require(shutil.which("cc") and not is_real(), "a C compiler, and ANCHORAGE_SECURITY=double")
    host = ScratchTrustSettings(folder, sip="off", is_quick=False)
    yield StoreHost(host, host.content)


def _platform(name: str) -> Callable[..., Any]:
    @contextmanager
    def make(_folder: Path, _monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreHost]:
        with scratch_platform(name) as host:
            yield StoreHost(host, host.trusted)

    return make


@contextmanager
def _debian_java(folder: Path, _monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreHost]:
    _require(shutil.which("keytool"), "a JDK")
    host = ScratchDebianJava(folder)
    yield StoreHost(host, host.aliases)


@contextmanager
def _java(_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreHost]:
    _require(shutil.which("keytool"), "a JDK")
    with scratch_people(monkeypatch) as host:
        make_keystore(host.root / "opt/jdk/lib/security/cacerts", "plain PKCS12", other=OTHER.pem)
        give_quick_keytool(host)
        host.kinds = ("java",)
        yield StoreHost(host, host.picture)


@contextmanager
def _nss(_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreHost]:
    _require(shutil.which("certutil"), "certutil (libnss3-tools)")
    with scratch_people(monkeypatch) as host:
        database = ScratchDatabase(host.alice)
        database.add("other", OTHER)
        host.kinds = ("nss",)
        yield StoreHost(host, database.lists)


@contextmanager
def _firefox(folder: Path, _monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreHost]:
    host = ScratchBrowsers(folder)
    host.install_firefox()
    host.put(host.firefox, '{"policies": {"DisableTelemetry": true}}')
    yield StoreHost(host, host.picture)


@contextmanager
def _chromium(folder: Path, _monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreHost]:
    host = ScratchBrowsers(folder)
    host.install_chromium()
    yield StoreHost(host, host.picture)


@contextmanager
def _applications(folder: Path, _monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreHost]:
    host = ScratchApplications(folder)
    yield StoreHost(host, host.picture)


def _files(form: str, *others: Anchor) -> Callable[..., Any]:
    @contextmanager
    def make(folder: Path, _monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreHost]:
        host = ScratchTruststores(folder, form, others)
        yield StoreHost(host, host.held)

    return make


STORES: dict[str, Callable[..., Any]] = {
    "debian": _debian,
    "freebsd-shell": _freebsd(SHELL),
    "freebsd-compiled": _freebsd(COMPILED),
    "macos": _trust_settings,
    "homebrew": _mac(ScratchMac.homebrew),
    "macports": _mac(ScratchMac.macports),
    **{name: _platform(name) for name in PLATFORMS},
    "debian-java": _debian_java,
    "java": _java,
    "firefox": _firefox,
    "chromium": _chromium,
    "nss": _nss,
    "applications": _applications,
    "files-pem": _files("pem"),
    "files-pkcs12": _files("pkcs12", OTHER),
    "files-jks": _files("jks", OTHER),
}

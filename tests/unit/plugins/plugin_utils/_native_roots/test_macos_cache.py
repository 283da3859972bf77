# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the controller's native roots on a Mac: one load for all workers, and never a part of them in silence."""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.load import PLATFORM, Limits, load
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.cache import NativeRootsCache
from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.views import view_of
from ansible_collections.anchorage.pki.tests.macos_double.double import ALWAYS, DoubledMac, count_of
from ansible_collections.anchorage.pki.tests.unit.macs import needs_double
from ansible_collections.anchorage.pki.tests.unit.processes import fork_all
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_root

LIST = "SecTrustSettingsCopyCertificates"
DOMAINS = 3

pytestmark = needs_double


class Controller:
    """A Mac with two roots, and the cache of a run on it."""

    def __init__(self, folder: Path) -> None:
        self.double = DoubledMac(folder / "mac")
        self.double.trust("system", der_of(make_root("Apple's")), keychain="roots")
        self.double.trust("admin", der_of(make_root("The company's")), *ALWAYS)
        run_folder = folder / "run"
        run_folder.mkdir(mode=0o700)
        mac, limits = self.double.quick_mac(15), Limits(macos_pauses=(0.1, 0.1, 0.1))
        read = functools.partial(load, platform="darwin", mac=mac, limits=limits)
        self.cache = NativeRootsCache(run_folder, PLATFORM, {}, read)

    def count(self) -> int:
        """How many roots a lookup gives."""
        return len(view_of(self.cache, self.cache.state(strict=False), "pem", None))

    @property
    def attempts(self) -> int:
        """How often the domains were listed."""
        return count_of(self.double.calls, LIST) // DOMAINS


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    return Controller(tmp_path)


def test_twenty_workers_wait_for_one_load_that_is_tried_again(controller: Controller) -> None:
    controller.double.order(LIST, "admin", -36, 2)
    fork_all(lambda number: controller.count() == 2 or os.abort(), 20)
    assert controller.cache.state(strict=True)["report"]["attempts"] == 3
    assert controller.attempts == 3
    assert controller.double.living == [0, 0, 0]


def test_a_part_fails_every_worker_with_the_status_and_is_read_once(controller: Controller) -> None:
    controller.double.order(LIST, "admin", -25293, 9)

    def ask(number: int) -> None:
        with pytest.raises(PkiError, match=r"Only a part .*domain admin: .*\(errSecAuthFailed, -25293\)"):
            controller.count()
        report = view_of(controller.cache, controller.cache.state(strict=False), "report", None)[0]
        assert report["partial"] is True

    fork_all(ask, 5)
    assert controller.attempts == 1


def test_a_refresh_never_replaces_all_roots_by_a_part(controller: Controller) -> None:
    assert controller.count() == 2
    controller.double.order(LIST, "admin", -25293, 1)
    state = controller.cache.refreshed_state(strict=False)
    assert "errSecAuthFailed, -25293" in str(state["failure"])
    assert controller.count() == 2
    assert controller.cache.refreshed_state(strict=False)["failure"] is None


def test_a_refresh_mends_a_part(controller: Controller) -> None:
    controller.double.order(LIST, "admin", -25293, 2)
    with pytest.raises(PkiError, match="Only a part"):
        controller.count()
    assert controller.cache.refreshed_state(strict=False)["failure"] is None
    with pytest.raises(PkiError, match="Only a part"):
        controller.count()
    assert controller.cache.refreshed_state(strict=False)["failure"] is None
    assert controller.count() == 2


def test_a_hang_is_remembered_as_a_failure(controller: Controller) -> None:
    controller.double.order(LIST, "admin", "hang", 1)
    limits = Limits(macos_timeout=1.0)
    read = functools.partial(load, platform="darwin", mac=controller.double.quick_mac(15), limits=limits)
    cache = NativeRootsCache(controller.cache.run_folder, PLATFORM, {}, read)
    started = time.monotonic()
    for _attempt in range(2):
        with pytest.raises(PkiError, match="within 1 seconds"):
            cache.state(strict=False)
    assert time.monotonic() - started < 20
    assert controller.double.calls == [f"{LIST} admin"]

# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the native roots of a Mac, read through the double of Apple's libraries, or from a real one."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.load import (
    PLATFORM,
    Limits,
    NativeRoots,
    load,
    require_no_errors,
    require_whole,
)
from ansible_collections.anchorage.pki.tests.macos_double.double import ALWAYS, MAIL, DoubledMac, count_of
from ansible_collections.anchorage.pki.tests.unit.macs import needs_double, needs_real
from ansible_collections.anchorage.pki.tests.unit.pem_inputs import DER_A, A
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_root

LIST, SETTINGS = "SecTrustSettingsCopyCertificates", "SecTrustSettingsCopyTrustSettings"
VERSIONS = [(10, 15, 7), (11, 7, 10), (13, 7, 4), (13, 7, 5), (15, 1), (26, 0)]
APPLE, COMPANY, OWN = (der_of(make_root(name)) for name in ("Apple's", "The company's", "The user's"))
WITHOUT_PAUSE = Limits(macos_pauses=(0, 0, 0))
PLACE = "macOS trust settings, domain {}".format


@pytest.fixture
def double(tmp_path: Path) -> DoubledMac:
    """A Mac with a root in each domain."""
    double = DoubledMac(tmp_path / "mac")
    double.trust("system", APPLE, keychain="roots")
    double.trust("admin", COMPANY, *ALWAYS)
    double.trust("user", OWN, *ALWAYS, keychain="login")
    return double


def read(double: DoubledMac, *version: int, limits: Limits = WITHOUT_PAUSE) -> NativeRoots:
    return load(PLATFORM, {}, "darwin", limits=limits, mac=double.quick_mac(*(version or (15,))))


def states(loaded: NativeRoots) -> dict[str, str]:
    """The state of each domain."""
    return {place["path"].split()[-1]: place["state"] for place in loaded.report["locations"]}


@needs_double
class TestDoubled:
    @pytest.mark.parametrize("version", VERSIONS, ids=lambda version: ".".join(map(str, version)))
    def test_all_domains_are_read_in_the_order_of_the_version(
        self, double: DoubledMac, version: tuple[int, ...]
    ) -> None:
        # The user wants mail alone from the company's root, and nothing from one of Apple's.
        double.trust("user", COMPANY, f"policy={MAIL};result=1", keychain=None)
        double.trust("user", APPLE, "result=3", keychain=None)
        loaded = read(double, *version)
        first = ["user", "admin"] if version < (11,) else ["admin", "user"]
        assert list(states(loaded)) == [*first, "system"]
        assert loaded.roots == {
            OWN: [PLACE("user")],
            **({COMPANY: [PLACE("admin")]} if first[0] == "admin" else {}),
        }
        assert loaded.report["errors"] == []
        assert loaded.report["partial"] is False
        assert loaded.report["attempts"] == 1
        assert double.living == [0]

    def test_the_report_counts_what_is_trusted_and_what_is_not(self, double: DoubledMac) -> None:
        double.trust("admin", der_of(make_root("Distrusted")), "result=3")
        counts = {
            place["path"]: (place["certificates"], place["skipped"]) for place in read(double).report["locations"]
        }
        assert counts == {PLACE("admin"): (1, 1), PLACE("user"): (1, 0), PLACE("system"): (1, 0)}

    def test_a_mac_without_settings_of_its_own_has_the_roots_of_apple(self, tmp_path: Path) -> None:
        double = DoubledMac(tmp_path / "mac")
        double.trust("system", APPLE, keychain="roots")
        loaded = read(double)
        assert loaded.roots == {APPLE: [PLACE("system")]}
        assert set(states(loaded).values()) == {"read"}
        require_no_errors(loaded.report)

    @pytest.mark.parametrize("function", [LIST, SETTINGS])
    @pytest.mark.parametrize("domain", ["user", "admin", "system"])
    def test_a_domain_that_fails_makes_the_result_partial(self, double: DoubledMac, function: str, domain: str) -> None:
        double.order(function, domain, -25293, 1)
        loaded = read(double)
        assert len(loaded.roots) == 2
        assert loaded.report["partial"] is True
        assert [name for name, state in states(loaded).items() if state == "unreadable"] == [domain]
        (error,) = loaded.report["errors"]
        assert error["path"] == PLACE(domain)
        assert (error["code"], error["name"]) == (-25293, "errSecAuthFailed")
        assert error["advice"] in error["message"]
        assert loaded.report["attempts"] == 1
        with pytest.raises(HostError, match=r"Only a part .*domain .*\(errSecAuthFailed, -25293\)"):
            require_whole(loaded.report)
        assert double.living == [0]

    def test_an_unknown_status_keeps_its_number(self, double: DoubledMac) -> None:
        double.order(LIST, "admin", -12345, 1)
        (error,) = read(double).report["errors"]
        assert error["code"] == -12345
        assert "-12345" in error["message"]

    def test_damaged_settings_leave_out_one_certificate(self, double: DoubledMac) -> None:
        double.trust("admin", der_of(make_root("Damaged")), "damaged")
        loaded = read(double)
        assert set(loaded.roots) == {APPLE, COMPANY, OWN}
        assert loaded.report["partial"] is False
        assert [error["code"] for error in loaded.report["errors"]] == [-25262]

    @pytest.mark.parametrize(
        ("status", "count", "attempts"),
        [(-36, 1, 2), (-36, 3, 4), (-25291, 2, 3), (100016, 2, 3), (-26276, 1, 2)],
    )
    def test_errors_that_pass_are_tried_again(self, double: DoubledMac, status: int, count: int, attempts: int) -> None:
        double.order(LIST, "admin", status, count)
        loaded = read(double)
        assert set(loaded.roots) == {APPLE, COMPANY, OWN}
        assert loaded.report["errors"] == []
        assert loaded.report["attempts"] == attempts
        assert double.living == [0] * attempts, "each attempt has a process of its own"

    @pytest.mark.parametrize(("status", "attempts"), [(-36, 4), (-26276, 2), (-50, 1), (-61, 1), (-60007, 1)])
    def test_errors_that_stay_are_told_after_so_many_attempts(
        self, double: DoubledMac, status: int, attempts: int
    ) -> None:
        double.order(LIST, "admin", status, 9)
        loaded = read(double)
        assert loaded.report["partial"] is True
        assert loaded.report["attempts"] == count_of(double.calls, LIST) / 3 == attempts

    def test_the_best_attempt_counts(self, double: DoubledMac) -> None:
        double.order(LIST, "admin", -36, 9)
        for _attempt in range(2):  # of the four, this domain fails in the first two as well
            double.order(LIST, "user", -36, 1)
        assert states(read(double)) == {"admin": "unreadable", "user": "read", "system": "read"}

    def test_pauses_are_as_long_as_told_and_a_little_longer(self, double: DoubledMac) -> None:
        double.order(LIST, "admin", -36, 2)
        started = time.monotonic()
        loaded = read(double, limits=Limits(macos_pauses=(0.3, 0.6, 60)))
        assert 0.9 <= time.monotonic() - started < 30
        assert loaded.report["attempts"] == 3
        assert Limits().macos_pauses == (1, 2, 4)
        assert Limits().macos_timeout == 20

    def test_libraries_that_hang_are_told_with_what_to_do(self, double: DoubledMac) -> None:
        double.order(LIST, "admin", "hang", 1)
        with pytest.raises(
            HostError, match=r"trust settings of macOS cannot be read: .*within 1 seconds.*SSL_CERT_FILE"
        ):
            read(double, limits=WITHOUT_PAUSE._replace(macos_timeout=1.0))

    def test_the_variables_come_first_and_nothing_of_apple_is_called(self, double: DoubledMac, tmp_path: Path) -> None:
        (tmp_path / "roots.pem").write_bytes(A)
        loaded = load(PLATFORM, {"SSL_CERT_FILE": str(tmp_path / "roots.pem")}, "darwin", mac=double.mac(15))
        assert list(loaded.roots) == [DER_A]
        assert loaded.report["partial"] is False
        assert double.calls == []


@needs_real
def test_a_real_mac_has_roots_and_no_errors() -> None:
    loaded = load(PLATFORM, {})
    require_no_errors(loaded.report)
    assert len(loaded.roots) > 50

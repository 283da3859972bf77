# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the native roots of Windows: what Python documents of ``ssl.enum_certificates`` stands for a real store."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.load import PLATFORM, NativeRoots, load
from ansible_collections.anchorage.pki.tests.unit.pem_inputs import DER_A, A
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_root

SERVERS, MAIL = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.4"
TODAY, DAY = datetime.now(timezone.utc), timedelta(days=1)


def valid(first: timedelta, last: timedelta) -> bytes:
    """A certificate that is valid between two offsets from today."""
    return der_of(make_root(not_before=TODAY + first, not_after=TODAY + last))


VALID, OTHER, EXPIRED, TOO_NEW = valid(-DAY, DAY), valid(-DAY, DAY), valid(-2 * DAY, -DAY), valid(DAY, 2 * DAY)


def read(*entries: tuple[bytes, str, Any]) -> NativeRoots:
    return load(PLATFORM, {}, "win32", windows={"ROOT": list(entries)}.__getitem__)


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ((VALID, "x509_asn", True), True),
        ((VALID, "x509_asn", frozenset({SERVERS, MAIL})), True),
        ((VALID, "x509_asn", frozenset({MAIL})), False),
        ((VALID, "x509_asn", frozenset()), False),
        ((VALID, "pkcs_7_asn", True), False),
        ((EXPIRED, "x509_asn", True), False),
        ((TOO_NEW, "x509_asn", True), False),
    ],
    ids=["any use", "servers", "mail", "no use", "PKCS#7", "expired", "not yet valid"],
)
def test_what_vouches_for_servers_now_is_a_root(entry: tuple[bytes, str, Any], wanted: bool) -> None:
    loaded = read(entry, (OTHER, "x509_asn", True))
    assert list(loaded.roots) == ([VALID] if wanted else []) + [OTHER]
    assert loaded.roots[OTHER] == ["ROOT"]
    (location,) = loaded.report["locations"]
    assert (location["kind"], location["state"]) == ("store", "read")
    assert location["certificates"] + location["skipped"] == 2


def test_a_root_of_machine_and_user_is_one_root() -> None:
    loaded = read((VALID, "x509_asn", True), (VALID, "x509_asn", frozenset({SERVERS})))
    assert (loaded.roots, loaded.report["certificates"]) == ({VALID: ["ROOT"]}, 1)


def test_what_is_no_certificate_is_told_and_hides_no_other() -> None:
    loaded = read((b"damaged", "x509_asn", True), (VALID, "x509_asn", True))
    assert list(loaded.roots) == [VALID]
    assert [error["path"] for error in loaded.report["errors"]] == ["ROOT"]


@pytest.mark.parametrize("error", [PermissionError(13, "Access is denied"), OSError("Access is denied")])
def test_a_store_that_cannot_be_read_is_told_with_what_to_do(error: OSError) -> None:
    def denied(store: str) -> list[tuple[bytes, str, Any]]:
        raise error

    with pytest.raises(HostError, match=r"ROOT of Windows cannot be read: Access is denied\. .*SSL_CERT_FILE"):
        load(PLATFORM, {}, "win32", windows=denied)


def test_a_file_that_is_named_takes_the_place_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "roots.pem").write_bytes(A)
    environment = {"SSL_CERT_FILE": str(tmp_path / "roots.pem")}
    assert list(load(PLATFORM, environment, "win32", windows={}.__getitem__).roots) == [DER_A]


@pytest.mark.skipif(sys.platform != "win32", reason="needs Windows")
def test_the_real_store_has_roots() -> None:
    assert load(PLATFORM, {}).roots

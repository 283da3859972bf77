# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the views of the lookup, and of the choice among the certificates."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.cache import NativeRootsCache, State
from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.views import view_of
from ansible_collections.anchorage.pki.tests.unit.pem_inputs import NO_AUTHORITY, A, B
from ansible_collections.anchorage.pki.tests.unit.roots import pem_of


@pytest.fixture
def cache(tmp_path: Path) -> NativeRootsCache:
    file = tmp_path / "roots.pem"
    file.write_bytes(A + B + pem_of(NO_AUTHORITY))
    return NativeRootsCache(tmp_path, "platform", {"SSL_CERT_FILE": str(file)})


def view(cache: NativeRootsCache, name: str, select: str | None = None) -> list[Any]:
    return view_of(cache, cache.state(strict=True), name, select)


def test_certificates(cache: NativeRootsCache) -> None:
    certificates = view(cache, "certificates")
    assert [certificate["subject"] for certificate in certificates] == ["CN=Root 1", "CN=Root 2", "CN=No authority"]
    assert set(certificates[0]) == {
        "subject",
        "issuer",
        "not_before",
        "not_after",
        "serial_number",
        "sha256",
        "spki_sha256",
        "is_ca",
        "self_signed",
        "sources",
        "pem",
    }


def test_pem(cache: NativeRootsCache) -> None:
    assert view(cache, "pem") == [A.decode(), B.decode(), pem_of(NO_AUTHORITY).decode()]


def test_bundle(cache: NativeRootsCache) -> None:
    (bundle,) = view(cache, "bundle")
    assert Path(bundle["path"]).read_bytes() == A + B + pem_of(NO_AUTHORITY)


@pytest.mark.parametrize("name", ["certificates", "pem", "bundle"])
def test_a_part_of_the_roots_is_no_view(cache: NativeRootsCache, name: str) -> None:
    whole = cache.state(strict=False)
    error = {"path": "domain admin", "message": "it did not answer (ioErr, -36). Try again later."}
    part: State = {**whole, "report": {**whole["report"], "partial": True, "errors": [error]}}
    with pytest.raises(PkiError, match=r"Only a part .*: domain admin: .*ioErr, -36"):
        view_of(cache, part, name, None)
    assert view_of(cache, part, "report", None) == [part["report"]]


def test_report(cache: NativeRootsCache) -> None:
    (report,) = view(cache, "report")
    assert (report["certificates"], report["errors"]) == (3, [])


def types_in(value: Any) -> set[type]:
    """The exact types of a value and of all that is in it."""
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return {type(value)}.union(*map(types_in, inner))


@pytest.mark.parametrize("name", ["certificates", "pem", "bundle", "report"])
def test_types_are_plain(cache: NativeRootsCache, name: str) -> None:
    """Of others, such as sets and kinds of text, Ansible complains."""
    assert types_in(view(cache, name)) <= {dict, list, str, int, float, bool, type(None)}


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("[?!is_ca].subject", ["CN=No authority"]),
        ("[].is_ca", [True, True, False]),
        ("[0].subject", ["CN=Root 1"]),
        ("length(@)", [3]),
        ("[?subject=='CN=Nobody']", []),
        ("[0].nothing", []),
        ("[?is_ca].{name: subject} | [0]", [{"name": "CN=Root 1"}]),
    ],
)
def test_a_choice_of_certificates(cache: NativeRootsCache, select: str, expected: list[Any]) -> None:
    assert view(cache, "certificates", select) == expected


def test_a_choice_of_pem_and_bundle(cache: NativeRootsCache) -> None:
    assert view(cache, "pem", "[?is_ca]") == [A.decode(), B.decode()]
    (bundle,) = view(cache, "bundle", "[1]")
    assert Path(bundle["path"]).read_bytes() == B


@pytest.mark.parametrize(
    ("name", "select", "message"),
    [
        ("certificates", "[?", r"select: \[\? is not a JMESPath expression"),
        ("certificates", "nonsense(@)", "select: nonsense"),
        ("certificates", "abs(@)", "select: abs"),
        ("pem", "[].subject", "must return whole certificates"),
        ("bundle", "[].{subject: subject}", "must return whole certificates"),
        ("bundle", "[?subject=='CN=Nobody']", "an empty bundle would trust nobody"),
        ("report", "[0]", "view=report has none"),
        ("report", "", "select: the expression is empty"),
        ("certificates", " ", "select: the expression is empty"),
        ("certificates", "sort_by(@, &sources)", "select: sort_by"),
        ("certificates", "(" * 5000, "select: [(]+ is not a JMESPath"),
    ],
)
def test_a_wrong_choice_is_told(cache: NativeRootsCache, name: str, select: str, message: str) -> None:
    with pytest.raises(PkiError, match=message) as failure:
        view(cache, name, select)
    assert len(str(failure.value)) < 600


def test_a_missing_library_is_told(cache: NativeRootsCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jmespath", None)
    with pytest.raises(PkiError, match="needs the Python package jmespath"):
        view(cache, "certificates", "[0]")

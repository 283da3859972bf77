# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as Ansible runs it, on each Python that hosts may have, with what Ansible sends to a host alone."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import certifi
import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.cache import NativeRootsCache
from ansible_collections.anchorage.pki.tests.unit.imported_modules import ImportedModule
from ansible_collections.anchorage.pki.tests.unit.pem_inputs import A, B

MODULE = "ansible_collections.anchorage.pki.plugins.modules.native_roots_info"

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def call(python: str, imported: Callable[[str, str], ImportedModule]) -> Call:
    """Runs the module in an environment of the given variables alone, with the other arguments as its options."""

    def run(variables: dict[str, str], **options: Any) -> dict[str, Any]:
        printed = imported(python, MODULE).run(options, {"PATH": os.environ["PATH"], **variables})
        assert printed.errors == ""
        return json.loads(printed.output)  # type: ignore[no-any-return]

    return run


def test_gives_what_the_lookup_gives(call: Call, tmp_path: Path) -> None:
    """The same dictionaries and the same report, of the world's roots, on whatever Python."""
    variables = {"SSL_CERT_FILE": certifi.where()}
    cache = NativeRootsCache(tmp_path, "platform", variables)
    state = cache.state(strict=True)
    result = call(variables)
    assert result["certificates"] == cache.certificates(state)
    assert len(result["certificates"]) > 80
    assert {**result["report"], "milliseconds": 0} == {**state["report"], "milliseconds": 0}
    assert result["changed"] is False


def test_reads_the_platforms_roots(call: Call) -> None:
    result = call({})
    assert result["report"]["variables"] == {}
    assert len(result["report"]["locations"]) > 2


def test_tells_what_it_could_not_read(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "roots.pem"
    file.write_bytes(A + B[:99])
    result = call({"SSL_CERT_FILE": str(file)})
    assert [certificate["subject"] for certificate in result["certificates"]] == ["CN=Root 1"]
    assert [error["path"] for error in result["report"]["errors"]] == [str(file)]
    assert "failed" not in result


def test_a_host_without_roots_is_a_result(call: Call) -> None:
    result = call({"SSL_CERT_FILE": "/dev/null"})
    assert (result["certificates"], result["report"]["certificates"]) == ([], 0)


@pytest.mark.parametrize(
    ("content", "message"), [(A + B[:99], "not read completely"), (b"", "No native root was found")]
)
def test_strict_fails(call: Call, tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "roots.pem"
    file.write_bytes(content)
    result = call({"SSL_CERT_FILE": str(file)}, strict=True)
    assert result["failed"] is True
    assert message in result["msg"]


def test_check_mode_is_the_same(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "roots.pem"
    file.write_bytes(A)
    variables = {"SSL_CERT_FILE": str(file)}
    assert call(variables, _ansible_check_mode=True)["certificates"] == call(variables)["certificates"]


def test_a_source_that_is_not_there_is_told(call: Call) -> None:
    result = call({}, source="p11-kit")
    if "failed" in result:
        assert "p11-kit" in result["msg"]
    else:
        assert result["report"]["source"] == "p11-kit"

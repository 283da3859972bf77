# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as Ansible runs it, on each Python that hosts may have, with what Ansible sends to a host alone."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import certifi
import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.cache import NativeRootsCache
from ansible_collections.anchorage.pki.tests.macos_double.double import ALWAYS, DoubledMac
from ansible_collections.anchorage.pki.tests.unit.imported_modules import ImportedModule
from ansible_collections.anchorage.pki.tests.unit.macs import needs_double
from ansible_collections.anchorage.pki.tests.unit.pem_inputs import DER_A, DER_B, A, B

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


class TestMacOS:
    """The module on a Mac: the double of Apple's libraries, and the platform told instead of found out."""

    PROGRAM = f"""
import functools, json, os
from {MODULE} import load, main
from {MODULE.replace("modules.native_roots_info", "module_utils._macos.helper")} import Mac
version, *libraries = json.loads(os.environ["MAC"])
main(functools.partial(load, platform="darwin", mac=Mac(tuple(version), *libraries)))
"""

    @pytest.fixture
    def double(self, tmp_path: Path) -> DoubledMac:
        double = DoubledMac(tmp_path / "mac")
        double.trust("system", DER_A, keychain="roots")
        double.trust("admin", DER_B, *ALWAYS)
        return double

    @pytest.fixture
    def run(self, double: DoubledMac, python: str, importable: dict[str, str]) -> Call:
        def run(**options: Any) -> dict[str, Any]:
            environment = {"PATH": os.environ["PATH"], "MAC": json.dumps(double.mac(15)), **importable}
            finished = subprocess.run(
                [python, "-c", self.PROGRAM],
                input=json.dumps({"ANSIBLE_MODULE_ARGS": options}),
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert finished.stderr == ""
            return json.loads(finished.stdout)  # type: ignore[no-any-return]

        return run

    @needs_double
    def test_its_roots_are_read(self, double: DoubledMac, run: Call) -> None:
        result = run(strict=True)
        assert [one["subject"] for one in result["certificates"]] == ["CN=Root 2", "CN=Root 1"]
        assert result["report"]["partial"] is False
        assert result["changed"] is False
        assert "warnings" not in result
        assert double.living == [0]

    @needs_double
    def test_a_part_of_them_is_told_and_warned_of(self, double: DoubledMac, run: Call) -> None:
        double.order("SecTrustSettingsCopyCertificates", "admin", -61, 1)
        result = run()
        assert [one["subject"] for one in result["certificates"]] == ["CN=Root 1"]
        assert result["report"]["partial"] is True
        assert [error["code"] for error in result["report"]["errors"]] == [-61]
        (warning,) = result["warnings"]
        assert "Only a part of the native roots could be read" in str(warning)
        assert "(errSecWrPerm, -61)" in str(warning)

    @needs_double
    def test_strict_forbids_a_part(self, double: DoubledMac, run: Call) -> None:
        double.order("SecTrustSettingsCopyCertificates", "admin", -61, 1)
        result = run(strict=True)
        assert result["failed"] is True
        assert "(errSecWrPerm, -61)" in result["msg"]

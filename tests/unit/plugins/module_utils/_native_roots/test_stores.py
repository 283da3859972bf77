# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the trust stores that are no PEM files."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.load import (
    PLATFORM,
    Limits,
    NativeRoots,
    load,
)
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.stores import P11_KIT
from ansible_collections.anchorage.pki.tests.unit.pem_inputs import DER_A, DER_B, A, B


def test_macos_says_what_to_do() -> None:
    with pytest.raises(HostError, match="SSL_CERT_FILE"):
        load(PLATFORM, {}, "darwin")


class TestP11Kit:
    @pytest.fixture
    def program(self, tmp_path: Path) -> Path:
        """Where the program trust is looked for."""
        return tmp_path / "trust"

    def load(self, program: Path, environment: dict[str, str] | None = None, **options: Any) -> NativeRoots:
        return load(P11_KIT, environment or {}, search_path=f"{program.parent}:/usr/bin:/bin", **options)

    def arrange(self, program: Path, script: str) -> None:
        program.write_text(f"#!/bin/sh\nfor target; do :; done\n{script}\n")
        program.chmod(0o755)

    def test_its_anchors_for_servers_are_read(self, program: Path, tmp_path: Path) -> None:
        (tmp_path / "anchors").write_bytes(A + B)
        arguments = tmp_path / "arguments"
        self.arrange(program, f'echo "$@" > {arguments}; cat {tmp_path}/anchors > "$target"')
        loaded = self.load(program, {"SSL_CERT_FILE": "/no/influence"})
        assert loaded.roots == {DER_A: ["p11-kit"], DER_B: ["p11-kit"]}
        assert loaded.report["errors"] == []
        assert "--filter=ca-anchors --purpose=server-auth" in arguments.read_text()

    def test_it_writes_where_it_is_told_to_and_leaves_nothing(self, program: Path, tmp_path: Path) -> None:
        (tmp_path / "anchors").write_bytes(A)
        folder = tmp_path / "folder"
        folder.mkdir()
        arguments = tmp_path / "arguments"
        self.arrange(program, f'echo "$target" > {arguments}; cat {tmp_path}/anchors > "$target"')
        self.load(program, temporary_folder=str(folder))
        assert folder in Path(arguments.read_text().strip()).parents
        assert list(folder.iterdir()) == []

    def test_an_output_that_is_too_large_is_told(self, program: Path) -> None:
        self.arrange(program, 'head -c 1001 /dev/zero > "$target"')
        with pytest.raises(HostError, match="more than 1000 bytes"):
            self.load(program, limits=Limits(largest_file=1000))

    def test_its_failure_is_told(self, program: Path) -> None:
        self.arrange(program, "echo 'p11-kit: no modules' >&2; exit 1")
        with pytest.raises(HostError, match="extract failed: p11-kit: no modules"):
            self.load(program)

    def test_no_output_is_no_traceback(self, program: Path) -> None:
        self.arrange(program, "exit 0")
        with pytest.raises(HostError, match="wrote nothing"):
            self.load(program)

    def test_a_missing_program_is_told_with_its_package(self, tmp_path: Path) -> None:
        with pytest.raises(HostError, match="install the package p11-kit"):
            load(P11_KIT, {}, search_path=str(tmp_path))

    @pytest.mark.skipif(shutil.which("trust") is None, reason="needs Debian's package p11-kit")
    def test_the_real_program_gives_roots(self) -> None:
        loaded = load(P11_KIT, {})
        assert len(loaded.roots) > 80
        assert loaded.report["errors"] == []

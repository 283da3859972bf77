# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of what is said of a bundle that OpenSSL does not read to its end, held against the real openssl."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.unsound import ends_for_openssl
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, pem_of

PEM = pem_of(make_root())


def zero_at(offset: int) -> bytes:
    """A line of many bytes, of which this one is zero."""
    return b"0" * offset + b"\0" + b"0" * 600


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
@pytest.mark.parametrize(
    ("content", "ends"),
    [
        (b"", False),
        (b"\n\n", False),
        (PEM, False),
        (b"\0", True),
        (b"text\n\0", True),
        (b"text\r\0\0", False),
        (zero_at(1), False),
        (zero_at(252), False),
        (zero_at(254), True),
        (zero_at(255), False),
        (zero_at(508), True),
        (b"text\n" + zero_at(249), False),
        (b"text\n" + zero_at(254), True),
    ],
)
def test_it_is_known_where_openssl_stops_reading(tmp_path: Path, content: bytes, ends: bool) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(content + b"\n" + PEM)
    verify = ["openssl", "verify", "-no_check_time", "-no-CApath", "-no-CAstore", "-CAfile", str(bundle)]
    accepted = subprocess.run(verify, input=PEM, capture_output=True, check=False).returncode == 0
    assert accepted is not ends, "openssl reads in pieces of another length"
    assert ends_for_openssl(content) is ends


@pytest.mark.parametrize("offset", [253, 506])
def test_so_it_is_for_those_that_read_shorter_pieces(offset: int) -> None:
    assert ends_for_openssl(zero_at(offset))

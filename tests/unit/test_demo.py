# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proof that the demo was undone, with a system store of the test's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.anchors import identify_anchor
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, pem_of

PROOF = Path(__file__).resolve().parents[2] / "demo" / "proof.py"
# Runs the program as the demo does, but for the place of the system store.
RUN = "import proof, sys; from pathlib import Path; proof.STORE = Path(sys.argv.pop()); sys.exit(proof.main())"


@pytest.mark.parametrize("left", [None, 0, 1], ids=["none", "the renewed root", "the root in use"])
def test_every_root_that_the_demo_made_has_to_be_gone(tmp_path: Path, left: int | None) -> None:
    roots = [pem_of(make_root("Demo", serial=number)) for number in (1, 2)]
    folder, store = tmp_path / "demo", tmp_path / "store"
    store.mkdir()
    for number, root in enumerate(roots, start=1):
        (folder / f"authority/root/{number}").mkdir(parents=True)
        (folder / f"authority/root/{number}/certificate.pem").write_bytes(root)

    def prove(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", RUN, *arguments, store]
        return subprocess.run(command, cwd=PROOF.parent, capture_output=True, text=True, check=False)

    told = prove("roots", folder).stdout.strip()
    assert told.split() == [identify_anchor(root, "test").sha256 for root in roots]
    if left is not None:
        (store / "ca-certificates.crt").write_bytes(pem_of(make_root("Other")) + roots[left])
    gone = prove("gone", tmp_path / "nowhere", told)
    assert gone.returncode == (0 if left is None else 1), gone.stderr
    assert ("one is still in" in gone.stderr) is (left is not None)

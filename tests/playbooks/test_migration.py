# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways of docs/migration.md in real runs: from what another program made to an authority of this collection.

Hosts are this machine over a copy of its trust store, which is mounted for the runs alone.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.foreign_constraints import name_constraints
from ansible_collections.anchorage.pki.tests.playbooks.copied_stores import MountingController, can_copy_stores
from ansible_collections.anchorage.pki.tests.playbooks.plays import Run
from ansible_collections.anchorage.pki.tests.playbooks.rotating_fleets import RotatingFleet
from ansible_collections.anchorage.pki.tests.unit import imported_roots
from ansible_collections.anchorage.pki.tests.unit.imported_roots import MadeRoot
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lab import machine

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not can_copy_stores(), reason="needs root, mount namespaces and Debian's package ca-certificates"
    ),
]
PASSPHRASE = "correct horse battery staple"


#: Each program's own, where it can be had.
MAKERS = {**imported_roots.IMPORTABLE, "community.crypto": imported_roots.community_crypto_itself}


@pytest.fixture
def fleet(private_folder: Path) -> RotatingFleet:
    made = RotatingFleet(private_folder, MountingController)
    made.variables |= {"trust_anchor_stores": ["system"], "anchorage_passphrase": PASSPHRASE}
    return made


@pytest.fixture
def former(private_folder: Path) -> Path:
    folder = private_folder / "former"
    folder.mkdir()
    return folder


def need(program: str) -> None:
    if not Path(program).exists() and not machine.find_server(program):
        pytest.skip(f"{program}: install {machine.PROGRAMS[program]}")


def good(run: Run) -> Run:
    assert run.status == 0, run.output + run.errors
    return run


def unchanged(run: Run) -> None:
    good(run)
    assert run.output.count("changed=0 ") == run.output.count(" changed="), run.output


def is_trusted(fleet: RotatingFleet, root: x509.Certificate) -> bool:
    """Whether the copy of the store has it."""
    bundle = (fleet.folder / "store0" / "certs" / "ca-certificates.crt").read_text()
    return root.public_bytes(Encoding.PEM).decode() in bundle


def verifies(fleet: RotatingFleet, made: MadeRoot) -> bool:
    current = fleet.folder / "host1" / "site" / "current"
    command = ["openssl", "verify", "-CAfile", made.certificate_path, "-untrusted", current / "chain.pem"]
    return subprocess.run([*command, current / "cert.pem"], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("program", sorted(imported_roots.IMPORTABLE))
def test_a_root_is_imported_and_gives_way_to_another(fleet: RotatingFleet, former: Path, program: str) -> None:
    if program == "easy-rsa":
        need(imported_roots.EASY_RSA)
    made = MAKERS[program](former)
    good(fleet.run("trust", trust_anchor_src=str(made.certificate_path)))
    checked = good(fleet.run("site", "--check", "--diff", **made.options))
    assert "root certificate 1: new (it is imported)" in checked.text
    assert not fleet.authority.exists()

    imported = good(fleet.run("site", "-vvv", **made.options))
    assert "this root may sign for every name, and whoever gets its key" in imported.text
    assert "anchorage.pki.rotate_authority" in imported.text
    for secret in (str(made.passphrase), PASSPHRASE):
        assert secret not in imported.text
    root = fleet.read().root
    assert root.certificate == made.certificate
    assert b"ENCRYPTED" in (root.folder / "key.pem").read_bytes()
    assert verifies(fleet, made)
    unchanged(fleet.run("site", **made.options))
    made.key_path.unlink()
    unchanged(fleet.run("site"))

    good(fleet.rotate("begin"))
    good(fleet.rotate("continue", anchorage_rotate_overlap_days=0))
    assert (fleet.state, fleet.is_below("host1"), fleet.is_below("host2")) == ("done", 2, 2)
    last = fleet.read().root
    assert name_constraints(last.certificate) is not None
    assert not (root.folder / "key.pem").exists()
    assert (is_trusted(fleet, made.certificate), is_trusted(fleet, last.certificate)) == (False, True)
    again = fleet.run("site")
    unchanged(again)
    assert "imported root" not in again.text


def test_the_root_of_mkcert_is_left_for_a_new_authority(fleet: RotatingFleet, former: Path) -> None:
    need("mkcert")
    made = imported_roots.mkcert(former)
    trusting = {"trust_anchor_src": str(made.certificate_path)}
    good(fleet.run("trust", **trusting))
    refused = fleet.run("authority", **made.options)
    assert refused.status == 2, refused.output
    assert "has path length 0: clients refuse an issuing authority below it" in refused.text
    assert not (fleet.authority / "policy.json").exists()

    good(fleet.run("site"))
    root = fleet.read().root.certificate
    assert (is_trusted(fleet, made.certificate), is_trusted(fleet, root)) == (True, True)
    leaving = {**trusting, "trust_anchor_state": "absent"}
    checked = good(fleet.run("trust", "--check", **leaving))
    assert "changed=0 " not in checked.output
    assert is_trusted(fleet, made.certificate)
    good(fleet.run("trust", **leaving))
    assert (is_trusted(fleet, made.certificate), is_trusted(fleet, root)) == (False, True)
    unchanged(fleet.run("trust", **leaving))
    unchanged(fleet.run("site"))

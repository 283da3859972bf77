# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A leaf with a key of ML-DSA takes the place of a classic one, or the host says why not and keeps what it has."""

from __future__ import annotations

import ssl
from pathlib import Path

from ansible_collections.anchorage.pki.tests.playbooks.authorities import make_authority
from ansible_collections.anchorage.pki.tests.playbooks.fleets import Fleet
from ansible_collections.anchorage.pki.tests.unit.post_quantum import needs_ml_dsa

KNOWS_ML_DSA = ssl.OPENSSL_VERSION_INFO >= (3, 5)


@needs_ml_dsa
def test_a_host_takes_it_or_keeps_its_leaf(private_folder: Path) -> None:
    fleet = Fleet(private_folder)
    make_authority(fleet.authority)
    assert fleet.run("issue", hosts=1).status == 0
    before = fleet.serial("host1")
    checked = fleet.run("issue", "--check", hosts=1, leaf_certificate_key_type="ml-dsa-65")
    assert "The key type is ml-dsa-65: only hosts and clients with OpenSSL 3.5" in checked.text
    run = fleet.run("issue", hosts=1, leaf_certificate_key_type="ml-dsa-65")
    if KNOWS_ML_DSA:
        assert run.status == 0, run.text
        assert fleet.serial("host1") != before
        return
    assert run.status == 2
    assert "knows no ML-DSA keys, which needs OpenSSL 3.5. Use another key type here, or update the host" in run.text
    assert fleet.serial("host1") == before
    again = fleet.run("issue", hosts=1)
    assert again.status == 0, again.text
    assert fleet.serial("host1") == before

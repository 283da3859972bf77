# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of removing former roots of an authority once its new one is trusted."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust import engine as trust
from ansible_collections.anchorage.pki.plugins.modules import anchor_deployment
from ansible_collections.anchorage.pki.tests.unit.roots import NOW, make_root, pem_of
from ansible_collections.anchorage.pki.tests.unit.scratch_debian import PROGRAM, ScratchDebian, anchor_of
from cryptography.hazmat.primitives.asymmetric import ec

pytestmark = pytest.mark.skipif(
    not os.path.exists(PROGRAM) or shutil.which("openssl") is None,
    reason="needs Debian's packages ca-certificates and openssl",
)

KEY = ec.generate_private_key(ec.SECP256R1())
# A renewal keeps subject and key.
FORMER = [anchor_of(make_root("Lab root", key=KEY, not_after=NOW + timedelta(days=days))) for days in (100, 200)]
ANCHOR = anchor_of(make_root("Lab root", key=KEY))


@pytest.fixture
def host(tmp_path: Path) -> ScratchDebian:
    """It trusts the former roots."""
    host = ScratchDebian(tmp_path / "host")
    for former in FORMER:
        host.own_file(former).write_text(former.pem)
    host.refresh()
    return host


def install(host: ScratchDebian, **options: Any) -> trust.Report:
    (report,) = trust.apply("install", ANCHOR, kinds=["system"], superseded=FORMER, root=str(host.root), **options)
    return report


def states(host: ScratchDebian) -> list[str]:
    anchors = [ANCHOR, *FORMER]
    return [trust.apply("inspect", each, kinds=["system"], root=str(host.root))[0].state for each in anchors]


def test_former_roots_go_when_the_new_one_is_trusted(host: ScratchDebian) -> None:
    assert states(host) == ["absent", "trusted", "trusted"]
    report = install(host)
    assert (report.state, report.changed) == ("trusted", True)
    assert states(host) == ["trusted", "absent", "absent"]
    assert host.refreshes() == ["refresh ", "refresh --fresh"]
    result = anchor_deployment.shape([report])
    assert result["purged"] == [{"sha256": former.sha256, "stores": ["debian"]} for former in FORMER]
    assert f"debian, former anchor {FORMER[0].name}: trusted\n" in result["diff"]["before"]
    assert f"debian, former anchor {FORMER[0].name}: absent\n" in result["diff"]["after"]
    again = install(host)
    assert (again.changed, again.purged) == (False, ())
    assert len(host.refreshes()) == 2


def test_only_former_roots_are_left_to_go(host: ScratchDebian) -> None:
    trust.apply("install", ANCHOR, kinds=["system"], root=str(host.root))
    before = host.refreshes()
    assert install(host).changed
    assert host.refreshes() == [*before, "refresh --fresh"]


def test_check_mode_foresees_it(host: ScratchDebian) -> None:
    before = host.picture()
    report = install(host, check_mode=True)
    assert report.changed
    assert [purge.after.state for purge in report.purged] == ["absent", "absent"]
    assert host.picture() == before


def test_former_roots_stay_where_the_new_one_is_not_trusted(host: ScratchDebian) -> None:
    host.set_program("#!/bin/sh\nexit 3\n")
    assert install(host).state == "failed"
    assert states(host) == ["absent", "trusted", "trusted"]


def test_a_former_root_that_cannot_go_fails_the_store(host: ScratchDebian) -> None:
    shared = host.anchors / "shared.crt"
    shared.write_bytes(FORMER[0].pem.encode() + pem_of(make_root("Other root")))
    report = install(host)
    assert (report.state, report.changed) == ("failed", True)
    assert f"A trace of the former anchor {FORMER[0].name} is left: " in report.evidence[0]
    assert str(shared) in report.evidence[0]
    assert anchor_deployment.shape([report])["purged"] == [{"sha256": FORMER[1].sha256, "stores": ["debian"]}]
    assert states(host)[0] == "trusted"


def test_a_removal_takes_the_former_roots_along(host: ScratchDebian) -> None:
    trust.apply("install", ANCHOR, kinds=["system"], root=str(host.root))
    (report,) = trust.apply("remove", ANCHOR, kinds=["system"], superseded=FORMER, root=str(host.root))
    assert (report.state, report.changed) == ("absent", True)
    assert states(host) == ["absent", "absent", "absent"]
    (again,) = trust.apply("remove", ANCHOR, kinds=["system"], superseded=FORMER, root=str(host.root))
    assert (again.state, again.changed) == ("absent", False)

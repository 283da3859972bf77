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
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Answer, StoreOutcome
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import encode
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.results import trust_result
from ansible_collections.anchorage.pki.tests.unit import scratch_host
from ansible_collections.anchorage.pki.tests.unit.roots import NOW, make_root, pem_of
from ansible_collections.anchorage.pki.tests.unit.scratch_debian import PROGRAM, ScratchDebian
from ansible_collections.anchorage.pki.tests.unit.scratch_host import ANCHOR, KEY, anchor_of, apply

pytestmark = pytest.mark.skipif(
    not os.path.exists(PROGRAM) or shutil.which("openssl") is None,
    reason="needs Debian's packages ca-certificates and openssl",
)

FORMER = [scratch_host.FORMER, anchor_of(make_root("Lab root", key=KEY, not_after=NOW + timedelta(days=200)))]


@pytest.fixture
def host(tmp_path: Path) -> ScratchDebian:
    """It trusts the former roots."""
    host = ScratchDebian(tmp_path / "host")
    for former in FORMER:
        host.own_file(former).write_text(former.pem)
    host.refresh()
    return host


def install(host: ScratchDebian, **options: Any) -> StoreOutcome:
    return apply("install", host, superseded=FORMER, **options)


def states(host: ScratchDebian) -> list[str]:
    return [apply("inspect", host, each).state for each in (ANCHOR, *FORMER)]


def result_of(outcome: StoreOutcome) -> dict[str, Any]:
    """What the task's user gets to see."""
    return trust_result(encode(Answer((outcome,))))


def test_former_roots_go_when_the_new_one_is_trusted(host: ScratchDebian) -> None:
    assert states(host) == ["absent", "trusted", "trusted"]
    outcome = install(host)
    assert (outcome.state, outcome.changed) == ("trusted", True)
    assert states(host) == ["trusted", "absent", "absent"]
    assert host.spent() == ["refresh ", "refresh --fresh"]
    result = result_of(outcome)
    assert result["purged"] == [{"sha256": former.sha256, "stores": ["debian"]} for former in FORMER]
    assert f"debian, former anchor {FORMER[0].name}: trusted\n" in result["diff"]["before"]
    assert f"debian, former anchor {FORMER[0].name}: absent\n" in result["diff"]["after"]
    again = install(host)
    assert (again.changed, again.purged) == (False, ())
    assert len(host.spent()) == 2


def test_only_former_roots_are_left_to_go(host: ScratchDebian) -> None:
    apply("install", host)
    before = host.spent()
    assert install(host).changed
    assert host.spent() == [*before, "refresh --fresh"]


def test_check_mode_previews_it(host: ScratchDebian) -> None:
    before = host.picture()
    outcome = install(host, check_mode=True)
    assert outcome.changed
    assert [purge.after.state for purge in outcome.purged] == ["absent", "absent"]
    assert host.picture() == before


def test_former_roots_stay_where_the_new_one_is_not_trusted(host: ScratchDebian) -> None:
    host.set_program("#!/bin/sh\nexit 3\n")
    assert install(host).state == "failed"
    assert states(host) == ["absent", "trusted", "trusted"]


def test_a_former_root_that_cannot_go_fails_the_store(host: ScratchDebian) -> None:
    shared = host.anchors / "shared.crt"
    shared.write_bytes(FORMER[0].pem.encode() + pem_of(make_root("Other root")))
    outcome = install(host)
    assert (outcome.state, outcome.changed) == ("failed", True)
    assert f"A trace of the former anchor {FORMER[0].name} is left: " in outcome.evidence[0]
    assert str(shared) in outcome.evidence[0]
    assert result_of(outcome)["purged"] == [{"sha256": FORMER[1].sha256, "stores": ["debian"]}]
    assert states(host)[0] == "trusted"


def test_a_removal_takes_the_former_roots_along(host: ScratchDebian) -> None:
    apply("install", host)
    outcome = apply("remove", host, superseded=FORMER)
    assert (outcome.state, outcome.changed) == ("absent", True)
    assert states(host) == ["absent", "absent", "absent"]
    again = apply("remove", host, superseded=FORMER)
    assert (again.state, again.changed) == ("absent", False)

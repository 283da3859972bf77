# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The actions of anchors while an authority's root gives way to another, in a real run in check mode."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import carry_out, plan_provisioning
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.tests.unit.rotations import move, rotated

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists("/etc/debian_version"), reason="looks at this machine: needs root on Debian"
)
STORES = {"stores": ["system"]}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    now, folder = datetime.now(timezone.utc), tmp_path / "authority"
    folder.mkdir(mode=0o700)
    made = carry_out(plan_provisioning(folder, {}, "Rotating authority", now), Passphrases(), now)
    return rotated(made, State.SWITCHING, now)


def test_a_task_is_about_all_roots_that_hosts_must_trust(
    authority: Authority, start_playbook: Callable, tmp_path: Path
) -> None:
    options = {"authority": str(authority.folder), **STORES}
    tasks = {
        "install": {"anchorage.pki.trust_anchor": options, "check_mode": True},
        "look": {"anchorage.pki.trust_anchor_info": options},
        "remove": {"anchorage.pki.trust_anchor": {**options, "state": "absent"}, "check_mode": True},
        "read": {"anchorage.pki.certificate_authority_info": {"authority": str(authority.folder)}},
    }
    results = start_playbook(tmp_path / "switching", tasks)().results
    new, former = authority.anchors()
    for name in ("install", "look"):
        told = results[name]
        assert told["anchor"]["sha256"] == new.sha256
        assert [each["sha256"] for each in told["further_anchors"]] == [former.sha256]
        names = [[store["name"] for store in each["stores"]] for each in (told, *told["further_anchors"])]
        assert names[0] == names[1] != []
    assert results["install"]["changed"]
    assert all(store["changed"] for store in results["install"]["further_anchors"][0]["stores"])
    assert "further_anchors" not in results["remove"]
    assert [each["sha256"] for each in results["read"]["anchors"]] == [new.sha256, former.sha256]

    move(authority, State.PURGING, datetime.now(timezone.utc))
    results = start_playbook(tmp_path / "purging", tasks)().results
    assert "further_anchors" not in results["look"]
    assert [each["sha256"] for each in results["read"]["anchors"]] == [new.sha256]

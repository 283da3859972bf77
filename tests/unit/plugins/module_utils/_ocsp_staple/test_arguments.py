# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task says of the files of staples, and what becomes of it."""

from __future__ import annotations

import os
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import replace
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.arguments import destination_of
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.deployment import deploy_staples
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.inspection import inspect_staples
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.messages import StapleInquiry
from ansible_collections.anchorage.pki.tests.unit.leaves import Leaf
from ansible_collections.anchorage.pki.tests.unit.scratch_staples import StapleHost, served_files

#: As the module has them without a word of the user's.
GIVEN = {"destination": "/srv/staples", "server": "nginx", "owner": None, "group": None, "mode": "0644"}
UID, GID = 12345, 23456


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone gives files away")
def test_owner_group_and_mode_are_those_of_a_generation(host: StapleHost, leaf: Leaf) -> None:
    wanted = {"owner": str(UID), "group": str(GID), "mode": "u=rw,g=r", "destination": f"{host.root}/staples/"}
    withdrawal = replace(host.withdrawal, destination=destination_of({**GIVEN, **wanted}))
    deploy_staples([host.order(leaf)], withdrawal)
    assert served_files(host.folder)[1] == leaf.staple
    for path in (host.folder / "v1").iterdir():
        found = path.stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (UID, GID, 0o640), path

    def drift(**more: Any) -> tuple[str, ...]:
        """What is wrong for a task that wants something else, too."""
        other = replace(withdrawal, destination=destination_of({**GIVEN, **wanted, **more}))
        return inspect_staples([StapleInquiry("app", host.paths["app"])], other).certificates[0].drift

    assert drift() == ()
    for more in ({"owner": str(UID + 1)}, {"group": None}, {"mode": "0600"}):
        assert any(f"staple.der has mode 0640, user {UID}, group {GID}" in each for each in drift(**more)), more


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ({"owner": "no-such-user"}, "owner: there is no user 'no-such-user' on this host"),
        ({"group": "no-such-group"}, "group: there is no group 'no-such-group' on this host"),
        ({"mode": "0999"}, "mode: 0999 is not a mode"),
    ],
)
def test_what_cannot_be_is_refused(option: dict[str, str], reason: str) -> None:
    with pytest.raises(HostError, match=reason):
        destination_of({**GIVEN, **option})

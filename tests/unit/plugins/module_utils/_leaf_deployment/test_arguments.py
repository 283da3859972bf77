# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the host half makes of its arguments."""

from __future__ import annotations

import os

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._leaf_deployment.arguments import destination_of

GIVEN = {"destination": "/etc/pki/anchorage", "mode": "0640", "server": "nginx", "responder_port": 29477}


@pytest.mark.parametrize(("owner", "group"), [(None, None), ("{uid}", None), (None, "{gid}"), ("{uid}", "{gid}")])
def test_files_belong_to_the_user_who_runs_where_none_is_named(owner: str | None, group: str | None) -> None:
    uid, gid = os.geteuid(), os.getegid()
    named = {"owner": owner and owner.format(uid=uid), "group": group and group.format(gid=gid)}
    destination = destination_of({**GIVEN, **named})
    assert (destination.public, destination.private) == (Attributes(0o644, uid, gid), Attributes(0o640, uid, gid))

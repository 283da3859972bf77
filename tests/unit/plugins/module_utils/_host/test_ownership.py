# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Owner and group as people write them."""

from __future__ import annotations

import grp
import os
import pwd

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.ownership import group_id, user_id


def test_names_and_numbers() -> None:
    uid, gid = os.geteuid(), os.getegid()
    assert [user_id(owner) for owner in (pwd.getpwuid(uid).pw_name, str(uid))] == [uid] * 2
    assert [group_id(group) for group in (grp.getgrgid(gid).gr_name, str(gid))] == [gid] * 2


def test_unknown_names_name_their_option() -> None:
    with pytest.raises(HostError, match="owner: there is no user 'nobody-at-all'"):
        user_id("nobody-at-all")
    with pytest.raises(HostError, match="group: there is no group 'nobody-at-all'"):
        group_id("nobody-at-all")


@pytest.mark.parametrize("number", ["4294967295", "4294967296", "²", "9" * 5000, "a\0b", "\udcff", ""])
def test_what_is_no_number_of_the_system_names_its_option(number: str) -> None:
    with pytest.raises(HostError, match="owner: there is no user"):
        user_id(number)
    with pytest.raises(HostError, match="group: there is no group"):
        group_id(number)


@pytest.mark.skipif(os.geteuid() != 0, reason="giving files away needs root")
def test_the_largest_number_is_one() -> None:
    assert [user_id("4294967294"), group_id("4294967294")] == [4294967294] * 2


def test_only_root_gives_files_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getegid", lambda: 1000)
    monkeypatch.setattr(os, "getgroups", lambda: [1000, 27])
    assert [user_id("1000"), group_id("1000"), group_id("27")] == [1000, 1000, 27]
    with pytest.raises(HostError, match="owner: only root can give files to 0"):
        user_id("0")
    with pytest.raises(HostError, match="group: only root can give files to a group"):
        group_id("0")

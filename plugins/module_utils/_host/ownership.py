# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Owner and group as users of other Ansible modules write them, turned into what the system takes."""

from __future__ import annotations

import grp
import os
import pwd

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError

# The next one is what chown(2) takes for "leave it as it is".
_LARGEST_NUMBER = 2**32 - 2


def user_id(owner: str) -> int:
    """The number of the user ``owner`` (a name or a number). Raises HostError."""
    try:
        uid = _number(owner) if owner.isdecimal() else pwd.getpwnam(owner).pw_uid
    except (KeyError, ValueError) as error:
        raise HostError(f"owner: there is no user {owner!r} on this host. Create it first, or correct it.") from error
    if os.geteuid() not in (0, uid):
        raise HostError(f"owner: only root can give files to {owner}. Add become: true, or leave owner out.")
    return uid


def group_id(group: str) -> int:
    """The number of the group ``group`` (a name or a number). Raises HostError."""
    try:
        gid = _number(group) if group.isdecimal() else grp.getgrnam(group).gr_gid
    except (KeyError, ValueError) as error:
        raise HostError(f"group: there is no group {group!r} on this host. Create it first, or correct it.") from error
    if os.geteuid() != 0 and gid not in (os.getegid(), *os.getgroups()):
        raise HostError(
            f"group: only root can give files to a group that it is not in ({group}). "
            "Add become: true, or leave group out."
        )
    return gid


def _number(digits: str) -> int:
    """Raises ValueError for what can be nobody's number."""
    number = int(digits)
    if number > _LARGEST_NUMBER:
        raise ValueError
    return number

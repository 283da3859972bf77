# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Owner, group and mode as users of other Ansible modules write them, turned into what the system takes."""

from __future__ import annotations

import grp
import os
import pwd

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError

# The next one is what chown(2) takes for "leave it as it is".
_LARGEST_NUMBER = 2**32 - 2


def private_key_mode(mode: str | int) -> int:
    """The mode of files that hold a private key: a number, octal digits, or symbols that start from 0600.

    Raises HostError for what is not a mode, and for a mode that lets every user read the key.
    """
    number = _parse_mode(mode)
    if number & ~0o777:
        raise HostError(f"mode: {mode} is not the mode of a file. Write it in quotes, for example '0640'.")
    if number & 0o007:
        raise HostError(
            f"mode: {number:04o} would let every user of the host at the private key. "
            "Use '0600', or '0640' with the option group."
        )
    return number


def _parse_mode(mode: str | int) -> int:
    if isinstance(mode, int):
        return mode
    try:
        return int(mode, 8)
    except ValueError:
        # Here, since few tasks have any.
        from ansible_collections.anchorage.pki.plugins.module_utils._host.symbolic_modes import parse_symbols

        return parse_symbols(mode)


def user_id(owner: str | None) -> int:
    """The number of the user ``owner`` (a name or a number), None for the one who runs. Raises HostError."""
    if owner is None:
        return os.geteuid()
    try:
        uid = _number(owner) if owner.isdecimal() else pwd.getpwnam(owner).pw_uid
    except (KeyError, ValueError) as error:
        raise HostError(f"owner: there is no user {owner!r} on this host. Create it first, or correct it.") from error
    if os.geteuid() not in (0, uid):
        raise HostError(f"owner: only root can give files to {owner}. Add become: true, or leave owner out.")
    return uid


def group_id(group: str | None) -> int:
    """The number of the group ``group`` (a name or a number), None for that of the user who runs. Raises HostError."""
    if group is None:
        return os.getegid()
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

# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom a Mac would let change trust settings: what Apple's authorization makes of a session, version by version. See
docs/macos.md."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any, NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._macos.codes import describe
from ansible_collections.anchorage.pki.plugins.module_utils._macos.trust_settings import ADMIN, USER
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import macos_right

_STORE = "macos"
_OF_USER = f"{_STORE} of "
# Before macOS 11, root could write without being asked. 10.16 is its other name.
_ASKS_SINCE = (10, 16)
_REFUSES_OTHERWISE_SINCE = (12,)
_INTERNAL_COMPONENT, _INTERACTION_NOT_ALLOWED = -2070, -60007
_OUT = "trust_anchor writes such a profile by profile_path."
_USELESS = "allow_authorization_change has no effect there, whatever the tool says."


class Session(NamedTuple):
    """A session on a Mac of a version, of a user who may write one domain. With ``wants_right``, macOS may be made to
    allow a write. ``told`` is what the Mac says of it, as Changing.session() has it: nothing at first."""

    version: tuple[int, ...]
    domain: int
    uid: int
    wants_right: bool
    told: Mapping[str, Any] = {}

    @property
    def denial(self) -> str:
        """Why macOS would refuse a write, and the way out; "" where it would not."""
        if self._is_of_another:
            return self._denial_of_another()
        code = self.refusal
        if not code or self.may_be_allowed:
            return ""
        version = ".".join(map(str, self.version))
        owner = "its user's" if self.domain == USER else "the administrator's"
        useless = f" {_USELESS}" if self.wants_right else ""
        return (
            f"macOS {version} does not let this session change {owner} trust settings: {describe(code).sentence} "
            f"{_OUT}{useless}"
        )

    @property
    def _is_of_another(self) -> bool:
        """Whether the screen, if this session has one, is that of somebody else than whose own settings these are."""
        return self.domain == USER and self._has_screen and self.told["user"] != self.uid

    def _denial_of_another(self) -> str:
        owner = user_name(self.uid)
        if self.told["user"] is None:
            whose = "macOS does not say (getaudit_addr) whose session at the screen this is. It would ask that person"
        else:
            whose = f"This is the session of {user_name(self.told['user'])} at the screen, whom macOS would ask"
        return (
            f"{whose} about the trust settings of {owner}: have {owner} run the task without become, in a session at "
            f"the screen. {_OUT}"
        )

    @property
    def _has_screen(self) -> bool:
        return bool(self.told.get("graphic"))

    @property
    def may_be_allowed(self) -> bool:
        """Whether macOS can be made to allow a write that it would refuse, and the task wants that."""
        return self.wants_right and self.domain == ADMIN and macos_right.is_heeded(self.version)

    @property
    def _asks(self) -> bool:
        """Whether a person is asked before a write, where there is one."""
        return self.domain == USER or self.version >= _ASKS_SINCE

    @property
    def is_asked(self) -> bool:
        """Whether a person will be asked before a write."""
        return self._asks and self._has_screen

    @property
    def may_empty(self) -> bool:
        """Whether the last entry can be removed: from 11 on a person is always asked for that."""
        return not self._asks or self._has_screen

    @property
    def refusal(self) -> int:
        """The status with which macOS would refuse a write at once; 0 where it would not, or nothing is known yet."""
        if not self.told or self._has_screen or not self._asks:
            return 0
        if self.domain == ADMIN and self.version < _REFUSES_OTHERWISE_SINCE:
            return _INTERNAL_COMPONENT
        unguarded = self.domain == ADMIN and not self.told["protected"]
        return 0 if unguarded else _INTERACTION_NOT_ALLOWED


def store_name(uid: int) -> str:
    """The name of the store of a user's trust settings. To the ledger, those of one user are not those of another, nor
    root's, which are the administrator's."""
    return f"{_OF_USER}{user_name(uid)}" if uid else _STORE


def is_of_a_mac(name: str) -> bool:
    """Whether a store of the kind system is one of trust settings."""
    return name == _STORE or is_of_a_user(name)


def is_of_a_user(name: str) -> bool:
    """Whether it is one that nobody but its user sees."""
    return name.startswith(_OF_USER)


def user_name(uid: int) -> str:
    """A user's name, or his number where he has none here."""
    import pwd  # which hardly any look needs

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def home_of(uid: int) -> str:
    """A user's home, by the account. sudo of macOS leaves HOME as it was, by which root would write to a user's."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        return os.path.expanduser("~")
